//! Everybody else.

use super::super::testing::{check, check_interrupted, lossy};

#[test]
fn juniper_junos_it_prints_what_bsd_prints() {
    check(
        "juniper_junos",
        "ping 198.51.100.1 count 2 wait 1 routing-instance MGMT",
        &lossy(0, 10.0),
        "PING 198.51.100.1 (198.51.100.1): 56 data bytes\n\
         64 bytes from 198.51.100.1: icmp_seq=0 ttl=64 time=10.000 ms\n\
         64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=9.000 ms\n\n\
         --- 198.51.100.1 ping statistics ---\n\
         2 packets transmitted, 2 packets received, 0% packet loss\n\
         round-trip min/avg/max/stddev = 9.000/9.500/10.000/0.500 ms\n",
    );
    let lost = "PING 203.0.113.1 (203.0.113.1): 56 data bytes\n\n\
                --- 203.0.113.1 ping statistics ---\n\
                3 packets transmitted, 0 packets received, 100% packet loss\n";
    check_interrupted("juniper_junos", "ping 203.0.113.1", &lossy(100, 1.0), 3, lost);
}

#[test]
fn nokia_sros_it_counts_from_one_and_ends_its_lines_with_a_full_stop() {
    check(
        "nokia_sros",
        "ping 198.51.100.1 count 2 timeout 1 router-instance MGMT",
        &lossy(0, 10.0),
        "PING 198.51.100.1 56 data bytes\n\
         64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=10.00ms.\n\
         64 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=9.00ms.\n\n\
         ---- 198.51.100.1 PING Statistics ----\n\
         2 packets transmitted, 2 packets received, 0.00% packet loss\n\
         round-trip min = 9.00ms, avg = 9.50ms, max = 10.00ms, stddev = 0.500ms\n",
    );
    check(
        "nokia_sros",
        "ping 203.0.113.1 count 1",
        &lossy(100, 10.0),
        "PING 203.0.113.1 56 data bytes\n\
         Request timed out. icmp_seq=1.\n\n\
         ---- 203.0.113.1 PING Statistics ----\n\
         1 packets transmitted, 0 packets received, 100.00% packet loss\n",
    );
}

#[test]
fn acme_os_it_tells_two_figures() {
    let expect = "asking 198.51.100.1\n4 sent, 2 came back\n";
    check("acme_os", "ping 198.51.100.1 times 4 bytes 100", &lossy(50, 1.0), expect);
}

#[test]
fn acme_os_errors_are_the_devices() {
    for (command, expect) in [
        ("ping", "?! ping whom\n"),
        ("ping far.example.invalid", "?! who is far.example.invalid\n"),
        ("ping 192.0.2.1 twice", "?! no such thing: twice\n"),
        ("ping 192.0.2.1 times", "?! and how many\n"),
        ("show times", "?! no such thing: times\n"),
    ] {
        check("acme_os", command, &lossy(0, 1.0), expect);
    }
}
