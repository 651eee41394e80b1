//! Platforms whose options stand before the target.

use super::super::testing::{check, lossy};

#[test]
fn huawei_vrp_one_of_three_is_lost() {
    check(
        "huawei_vrp",
        "ping -c 3 -t 1000 -s 64 -vpn-instance MGMT 198.51.100.1",
        &lossy(33, 10.0),
        "  PING 198.51.100.1: 64  data bytes, press CTRL_C to break\n    \
         Reply from 198.51.100.1: bytes=64 Sequence=1 ttl=255 time=10 ms\n    \
         Request time out\n    \
         Reply from 198.51.100.1: bytes=64 Sequence=3 ttl=255 time=11 ms\n\
         \n  \
         --- 198.51.100.1 ping statistics ---\n    \
         3 packet(s) transmitted\n    \
         2 packet(s) received\n    \
         33.33% packet loss\n    \
         round-trip min/avg/max = 10/10/11 ms\n\n",
    );
}

#[test]
fn huawei_vrp_quiet_prints_no_replies_and_all_lost_prints_no_times() {
    check(
        "huawei_vrp",
        "ping -q -c 2 203.0.113.1",
        &lossy(100, 1.0),
        "  PING 203.0.113.1: 56  data bytes, press CTRL_C to break\n\
         \n  \
         --- 203.0.113.1 ping statistics ---\n    \
         2 packet(s) transmitted\n    \
         0 packet(s) received\n    \
         100.00% packet loss\n\n",
    );
}

#[test]
fn huawei_vrp_errors_are_the_devices() {
    for (command, column, text) in [
        ("ping 192.0.2.1 -c 5", 15, "Error:Too many parameters found at '^' position."),
        ("ping -x 192.0.2.1", 5, "Error: Wrong parameter found at '^' position."),
        ("ping -c many 192.0.2.1", 8, "Error: Wrong parameter found at '^' position."),
        ("ping -c 5", 9, "Error:Incomplete command found at '^' position."),
        ("show version", 0, "Error: Unrecognized command found at '^' position."),
    ] {
        // The prompt of the test is `<r1>`.
        let expect = format!("{}^\n{text}\n", " ".repeat(4 + column));
        check("huawei_vrp", command, &lossy(0, 1.0), &expect);
    }
    check(
        "huawei_vrp",
        "ping -vpn-instance NOPE 192.0.2.1",
        &lossy(0, 1.0),
        "Error: The VPN instance does not exist.\n",
    );
}

#[test]
fn h3c_comware_two_replies_in_a_vpn_instance() {
    check(
        "h3c_comware",
        "ping -c 2 -vpn-instance MGMT -a 192.0.2.1 198.51.100.1",
        &lossy(0, 2.0),
        "Ping 198.51.100.1 (198.51.100.1) from 192.0.2.1: 56 data bytes, press CTRL_C to break\n\
         56 bytes from 198.51.100.1: icmp_seq=0 ttl=255 time=2.000 ms\n\
         56 bytes from 198.51.100.1: icmp_seq=1 ttl=255 time=1.800 ms\n\
         \n\
         --- Ping statistics for 198.51.100.1 in VPN instance MGMT ---\n\
         2 packet(s) transmitted, 2 packet(s) received, 0.0% packet loss\n\
         round-trip min/avg/max/std-dev = 1.800/1.900/2.000/0.100 ms\n",
    );
}

#[test]
fn h3c_comware_nothing_comes_back() {
    check(
        "h3c_comware",
        "ping -c 1 203.0.113.1",
        &lossy(100, 2.0),
        "Ping 203.0.113.1 (203.0.113.1): 56 data bytes, press CTRL_C to break\n\
         Request time out\n\
         \n\
         --- Ping statistics for 203.0.113.1 ---\n\
         1 packet(s) transmitted, 0 packet(s) received, 100.0% packet loss\n",
    );
}

#[test]
fn h3c_comware_errors_are_the_devices() {
    for (command, column, text) in [
        ("ping 192.0.2.1 -c 5", 15, "Too many parameters"),
        ("ping -x 192.0.2.1", 5, "Wrong parameter"),
        ("ping", 4, "Incomplete command"),
        ("show version", 0, "Unrecognized command"),
    ] {
        let caret = " ".repeat("<r1>".len() + column);
        let expect = format!("{caret}^\n % {text} found at '^' position.\n");
        check("h3c_comware", command, &lossy(0, 1.0), &expect);
    }
}
