//! The Cisco platforms.

use super::super::testing::{check, lossy};

#[test]
fn cisco_iosxe_five_of_five() {
    check(
        "cisco_iosxe",
        "ping 198.51.100.1",
        &lossy(0, 10.0),
        "Type escape sequence to abort.\n\
         Sending 5, 100-byte ICMP Echos to 198.51.100.1, timeout is 2 seconds:\n\
         !!!!!\n\
         Success rate is 100 percent (5/5), round-trip min/avg/max = 8/10/12 ms\n",
    );
}

#[test]
fn cisco_iosxe_the_whole_syntax_is_read() {
    check(
        "cisco_iosxe",
        "ping vrf MGMT ip 203.0.113.1 rep 2 size 64 timeout 1 source 192.0.2.1 df-bit",
        &lossy(100, 10.0),
        "Type escape sequence to abort.\n\
         Sending 2, 64-byte ICMP Echos to 203.0.113.1, timeout is 1 seconds:\n\
         Packet sent with a source address of 192.0.2.1\n\
         ..\n\
         Success rate is 0 percent (0/2)\n",
    );
}

#[test]
fn cisco_iosxe_marks_wrap_at_seventy() {
    let marks = format!("{}\n{}", "!".repeat(70), "!".repeat(30));
    check(
        "cisco_iosxe",
        "ping 198.51.100.1 repeat 100",
        &lossy(0, 0.4),
        &format!(
            "Type escape sequence to abort.\n\
             Sending 100, 100-byte ICMP Echos to 198.51.100.1, timeout is 2 seconds:\n\
             {marks}\n\
             Success rate is 100 percent (100/100), round-trip min/avg/max = 1/1/1 ms\n"
        ),
    );
}

#[test]
fn cisco_iosxe_errors_are_the_devices() {
    let marker = "% Invalid input detected at '^' marker.\n\n";
    for (command, caret) in [
        ("ping 192.0.2.1 count 3", Some(15)),
        ("ping 192.0.2.1 repeat 0", Some(22)),
        ("ping 192.0.2.1 repeat many", Some(22)),
        ("pimg 192.0.2.1", Some(0)),
        ("ping", None),
        ("ping vrf", None),
        ("ping 192.0.2.1 timeout", None),
    ] {
        let expect = match caret {
            // The prompt of the test is `r1#`.
            Some(column) => format!("{}^\n{marker}", " ".repeat(3 + column)),
            None => "% Incomplete command.\n\n".to_owned(),
        };
        check("cisco_iosxe", command, &lossy(0, 1.0), &expect);
    }
    check(
        "cisco_iosxe",
        "ping vrf NOPE 192.0.2.1",
        &lossy(0, 1.0),
        "% IP routing table NOPE does not exist\n",
    );
    check(
        "cisco_iosxe",
        "ping nosuch.invalid",
        &lossy(0, 1.0),
        "Translating \"nosuch.invalid\"...domain server (255.255.255.255)\n\
         % Unrecognized host or address, or protocol not running.\n\n",
    );
}

#[test]
fn cisco_iosxr_one_of_five_is_lost() {
    check(
        "cisco_iosxr",
        "ping vrf MGMT ipv4 198.51.100.1 count 5 timeout 1",
        &lossy(20, 3.0),
        "Type escape sequence to abort.\n\
         Sending 5, 100-byte ICMP Echos to 198.51.100.1, timeout is 1 seconds:\n\
         !!.!!\n\
         Success rate is 80 percent (4/5), round-trip min/avg/max = 2/3/4 ms\n",
    );
}

#[test]
fn cisco_iosxr_repeat_is_a_word_of_other_platforms() {
    let column = "RP/0/RP0/CPU0:r1#".len() + "ping 192.0.2.1 ".len();
    check(
        "cisco_iosxr",
        "ping 192.0.2.1 repeat 5",
        &lossy(0, 3.0),
        &format!("{}^\n% Invalid input detected at '^' marker.\n\n", " ".repeat(column)),
    );
    check("cisco_iosxr", "ping vrf NOPE 192.0.2.1", &lossy(0, 3.0), "% Invalid vrf\n");
}

#[test]
fn cisco_nxos_three_replies() {
    check(
        "cisco_nxos",
        "ping 198.51.100.1 count 3 packet-size 100 vrf management",
        &lossy(0, 1.5),
        "PING 198.51.100.1 (198.51.100.1): 100 data bytes\n\
         108 bytes from 198.51.100.1: icmp_seq=0 ttl=253 time=1.500 ms\n\
         108 bytes from 198.51.100.1: icmp_seq=1 ttl=253 time=1.350 ms\n\
         108 bytes from 198.51.100.1: icmp_seq=2 ttl=253 time=1.650 ms\n\
         \n\
         --- 198.51.100.1 ping statistics ---\n\
         3 packets transmitted, 3 packets received, 0.00% packet loss\n\
         round-trip min/avg/max = 1.35/1.5/1.65 ms\n",
    );
}

#[test]
fn cisco_nxos_nothing_comes_back() {
    check(
        "cisco_nxos",
        "ping 203.0.113.1 timeout 1 count 2 source 192.0.2.1",
        &lossy(100, 1.5),
        "PING 203.0.113.1 (203.0.113.1) from 192.0.2.1: 56 data bytes\n\
         Request 0 timed out\n\
         Request 1 timed out\n\
         \n\
         --- 203.0.113.1 ping statistics ---\n\
         2 packets transmitted, 0 packets received, 100.00% packet loss\n",
    );
}

#[test]
fn cisco_nxos_errors_are_the_devices() {
    let column = "r1# ping 192.0.2.1 ".len();
    check(
        "cisco_nxos",
        "ping 192.0.2.1 repeat 5",
        &lossy(0, 1.0),
        &format!("{}^\n% Invalid command at '^' marker.\n", " ".repeat(column)),
    );
    check("cisco_nxos", "ping 192.0.2.1 vrf NOPE", &lossy(0, 1.0), "ping: bad context NOPE\n");
    check("cisco_nxos", "ping nosuch", &lossy(0, 1.0), "% Invalid host/interface nosuch\n");
}

#[test]
fn cisco_asa_it_prints_marks_and_refuses_with_error() {
    check(
        "cisco_asa",
        "ping 203.0.113.1 repeat 3 timeout 1",
        &lossy(100, 10.0),
        "Type escape sequence to abort.\n\
         Sending 3, 100-byte ICMP Echos to 203.0.113.1, timeout is 1 seconds:\n\
         ???\n\
         Success rate is 0 percent (0/3)\n",
    );
    let expect = "    ^\nERROR: % Invalid input detected at '^' marker.\n";
    check("cisco_asa", "pimg 192.0.2.1", &lossy(0, 1.0), expect);
}
