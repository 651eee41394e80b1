//! Platforms that print what iputils does.

use super::super::testing::{check, check_interrupted, lossy};

#[test]
fn linux_one_of_three_is_lost() {
    check(
        "linux",
        "LC_ALL=C ping -n -c 3 -W 1 -s 100 198.51.100.1",
        &lossy(33, 2.0),
        "PING 198.51.100.1 (198.51.100.1) 100(128) bytes of data.\n\
         108 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=2.00 ms\n\
         108 bytes from 198.51.100.1: icmp_seq=3 ttl=64 time=2.20 ms\n\
         \n\
         --- 198.51.100.1 ping statistics ---\n\
         3 packets transmitted, 2 received, 33.3333% packet loss, time 2000ms\n\
         rtt min/avg/max/mdev = 2.000/2.100/2.200/0.100 ms\n",
    );
}

#[test]
fn linux_quiet_and_six() {
    check(
        "linux",
        "ip vrf exec MGMT ping -6qc2 2001:db8:dead::1",
        &lossy(100, 2.0),
        "PING 2001:db8:dead::1(2001:db8:dead::1) 56 data bytes\n\
         \n\
         --- 2001:db8:dead::1 ping statistics ---\n\
         2 packets transmitted, 0 received, 100% packet loss, time 1000ms\n\n",
    );
}

#[test]
fn linux_errors_are_the_devices() {
    for (command, expect) in [
        ("ping -c", "ping: option requires an argument -- 'c'\n"),
        ("ping -c x 192.0.2.1", "ping: invalid argument: 'x'\n"),
        ("ping -c 3", "ping: usage error: Destination address required\n"),
        ("ping -c 3 nosuch.invalid", "ping: nosuch.invalid: Name or service not known\n"),
        ("ip vrf exec NOPE ping -c 3 192.0.2.1", "Invalid VRF\n"),
        ("show version", "bash: show: command not found\n"),
    ] {
        check("linux", command, &lossy(0, 1.0), expect);
    }
}

#[test]
fn frr_vtysh_it_runs_until_it_is_interrupted() {
    check_interrupted(
        "frr_vtysh",
        "ping ip 198.51.100.1",
        &lossy(0, 0.5),
        2,
        "PING 198.51.100.1 (198.51.100.1) 56(84) bytes of data.\n\
         64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=0.500 ms\n\
         64 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=0.450 ms\n\
         \n\
         --- 198.51.100.1 ping statistics ---\n\
         2 packets transmitted, 2 received, 0% packet loss, time 1000ms\n\
         rtt min/avg/max/mdev = 0.450/0.475/0.500/0.025 ms\n",
    );
}

#[test]
fn frr_vtysh_errors_are_the_devices() {
    for (command, expect) in [
        ("ping 192.0.2.1 count 3", "% Unknown command: ping 192.0.2.1 count 3\n"),
        ("ping", "% Command incomplete: ping\n"),
        ("ping nosuch.invalid", "ping: nosuch.invalid: Name or service not known\n"),
    ] {
        check("frr_vtysh", command, &lossy(0, 1.0), expect);
    }
}

#[test]
fn arista_eos_it_is_the_systems_ping_with_other_words() {
    check(
        "arista_eos",
        "ping vrf MGMT 198.51.100.1 repeat 2 timeout 1",
        &lossy(0, 10.0),
        "PING 198.51.100.1 (198.51.100.1) 72(100) bytes of data.\n\
         80 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=10.0 ms\n\
         80 bytes from 198.51.100.1: icmp_seq=2 ttl=64 time=9.00 ms\n\n\
         --- 198.51.100.1 ping statistics ---\n\
         2 packets transmitted, 2 received, 0% packet loss, time 0ms\n\
         rtt min/avg/max/mdev = 9.000/9.500/10.000/0.500 ms\n",
    );
    check("arista_eos", "ping 198.51.100.1 count 2", &lossy(0, 1.0), "% Invalid input\n");
}
