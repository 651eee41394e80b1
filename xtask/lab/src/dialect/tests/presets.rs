//! Platforms with a manner of their own to say what a ping is to do.

use super::super::testing::{check, check_last, lossy};

#[test]
fn mikrotik_routeros_prints_a_table_with_units() {
    check(
        "mikrotik_routeros",
        "/ping address=198.51.100.1 count=3 interval=1s size=100",
        &lossy(33, 5.45),
        "  SEQ HOST                                     SIZE TTL TIME       STATUS\n    \
         0 198.51.100.1                              100  64 5ms450us\n    \
         1 198.51.100.1                                                 timeout\n    \
         2 198.51.100.1                              100  64 5ms995us\n    \
         sent=3 received=2 packet-loss=33% min-rtt=5ms450us avg-rtt=5ms723us max-rtt=5ms995us\n\n",
    );
}

#[test]
fn mikrotik_routeros_repeats_head_and_statistics() {
    let head = "  SEQ HOST                                     SIZE TTL TIME       STATUS\n";
    let row = |index| {
        format!("{index:>5} 203.0.113.1                                                  timeout\n")
    };
    let rows: Vec<String> = (0..21).map(row).collect();
    let expect = format!(
        "{head}{}    sent=20 received=0 packet-loss=100%\n\n{head}{}    sent=21 received=0 \
         packet-loss=100%\n\n",
        rows[..20].concat(),
        rows[20]
    );
    check("mikrotik_routeros", "/ping address=203.0.113.1 count=21", &lossy(0, 1.0), &expect);
}

#[test]
fn mikrotik_routeros_refuses_in_its_words() {
    for (command, expect) in [
        ("/pong address=192.0.2.1", "bad command name /pong (line 1 column 1)\n"),
        ("/ping address=192.0.2.1 times=3", "expected end of command (line 1 column 7)\n"),
        ("/ping address=192.0.2.1 count=x", "invalid value for argument count\n"),
        ("/ping address=192.0.2.1 vrf=NOPE", "input does not match any value of vrf\n"),
        (
            "/ping address=nosuch.invalid",
            "while resolving ip-address: could not get answer from dns server\n",
        ),
    ] {
        check("mikrotik_routeros", command, &lossy(0, 1.0), expect);
    }
}

#[test]
fn fortinet_fortios_keeps_the_options_that_were_set_before() {
    let commands = [
        "execute ping-options repeat-count 2",
        "execute ping-options data-size 100",
        "execute ping-options df-bit yes",
        "execute ping-options source auto",
        "execute ping 198.51.100.1",
    ];
    let expect = "PING 198.51.100.1 (198.51.100.1): 100 data bytes\n\
        108 bytes from 198.51.100.1: icmp_seq=0 ttl=64 time=10.0 ms\n\
        108 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=9.0 ms\n\n\
        --- 198.51.100.1 ping statistics ---\n\
        2 packets transmitted, 2 packets received, 0% packet loss\n\
        round-trip min/avg/max = 9.0/9.5/10.0 ms\n\n";
    check_last("fortinet_fortios", &commands, &lossy(0, 10.0), expect);
    let expect = "\ncommand parse error before 'repeat-count'\nCommand fail. Return code -61\n";
    let command = "execute ping 198.51.100.1 repeat-count 2";
    check("fortinet_fortios", command, &lossy(0, 10.0), expect);
    check("fortinet_fortios", "ping 192.0.2.1", &lossy(0, 1.0), "Unknown action 0\n");
}

#[test]
fn ruckus_icx_prints_no_statistics_when_nothing_comes_back() {
    check(
        "ruckus_icx",
        "ping 198.51.100.1 count 2 timeout 1000",
        &lossy(50, 10.0),
        "Sending 2, 16-byte ICMP Echo to 198.51.100.1, timeout 1000 msec, TTL 64\n\
         Type Control-c to abort\n\
         Request timed out.\n\
         Reply from 198.51.100.1    : bytes=16 time=9ms TTL=64\n\
         Success rate is 50 percent (1/2), round-trip min/avg/max=9/9/9 ms.\n",
    );
    check(
        "ruckus_icx",
        "ping vrf MGMT 203.0.113.1",
        &lossy(0, 10.0),
        "Sending 1, 16-byte ICMP Echo to 203.0.113.1, timeout 5000 msec, TTL 64\n\
         Type Control-c to abort\n\
         Request timed out.\n\
         No reply from remote host.\n",
    );
    let expect = "Invalid input -> pong 192.0.2.1\nType ? for a list\n";
    check("ruckus_icx", "pong 192.0.2.1", &lossy(0, 1.0), expect);
}

#[test]
fn cisco_aireos_counts_and_no_more() {
    let expect = "\nSend count=5, Receive count=4 from 198.51.100.1, Packet size = 100\n\n";
    check("cisco_aireos", "ping 198.51.100.1 management 5 100", &lossy(20, 1.0), expect);
    let usage = "\nIncorrect usage.  Use the '?' or <TAB> key to list commands.\n\n";
    check("cisco_aireos", "ping 198.51.100.1 management many", &lossy(0, 1.0), usage);
    check("cisco_aireos", "show nothing", &lossy(0, 1.0), usage);
}

#[test]
fn nokia_sros_classic_has_other_names() {
    let expect = "PING 198.51.100.1 56 data bytes\n\
        64 bytes from 198.51.100.1: icmp_seq=1 ttl=64 time=2.00ms.\n\n\
        ---- 198.51.100.1 PING Statistics ----\n\
        1 packets transmitted, 1 packets received, 0.00% packet loss\n\
        round-trip min = 2.00ms, avg = 2.00ms, max = 2.00ms, stddev = 0.000ms\n";
    let command = "ping 198.51.100.1 router MGMT count 1 timeout 1";
    check("nokia_sros_classic", command, &lossy(0, 2.0), expect);
    let caret = " ".repeat("A:r1# ".len());
    let expect = format!("{caret}^\nError: Bad command.\n");
    check("nokia_sros_classic", "pong", &lossy(0, 2.0), &expect);
}
