use super::*;

const IOSXE: &str = "\
GigabitEthernet0/0/1 is up, line protocol is up 
  Hardware is ISR4331-3x1GE, address is 0000.5e00.5301 (bia 0000.5e00.5301)
  Description: to the far end
  Internet address is 192.0.2.1/30
  MTU 1500 bytes, BW 1000000 Kbit/sec, DLY 10 usec, 
  Last clearing of \"show interface\" counters never
  Input queue: 0/375/7/0 (size/max/drops/flushes); Total output drops: 123
  5 minute input rate 1000 bits/sec, 1 packets/sec
     982347 packets input, 98234700 bytes, 0 no buffer
     Received 12 broadcasts (0 IP multicasts)
     0 runts, 0 giants, 0 throttles 
     45 input errors, 44 CRC, 0 frame, 1 overrun, 0 ignored
     0 watchdog, 0 multicast, 0 pause input
     982300 packets output, 98230000 bytes, 0 underruns
     6 output errors, 0 collisions, 2 interface resets
     0 unknown protocol drops
     0 output buffer failures, 0 output buffers swapped out
";
const IOSXR: &str = "\
GigabitEthernet0/0/0/1 is up, line protocol is down 
  Interface state transitions: 3
  Hardware is GigabitEthernet, address is 0000.5e00.5302 (bia 0000.5e00.5302)
  5 minute input rate 0 bits/sec, 0 packets/sec
     100 packets input, 6000 bytes, 3 total input drops
     0 drops for unrecognized upper-level protocol
     Received 0 broadcast packets, 0 multicast packets
              0 runts, 0 giants, 0 throttles, 0 parity
     45 input errors, 44 CRC, 0 frame, 0 overrun, 0 ignored, 0 abort
     35 packets output, 3120 bytes, 123 total output drops
     Output 0 broadcast packets, 0 multicast packets
     6 output errors, 0 underruns, 0 applique, 0 resets
     0 output buffer failures, 0 output buffers swapped out
     3 carrier transitions
";
const NXOS: &str = "\
Ethernet1/1 is up
admin state is up, Dedicated Interface
  Hardware: 1000/10000 Ethernet, address: 0000.5e00.5303 (bia 0000.5e00.5303)
  Beacon is turned off
  EtherType is 0x8100 
  RX
    65719371430 unicast packets  1427959 multicast packets  48469 broadcast packets
    65720847858 input packets  154390998109614 bytes
    0 runts  0 giants  44 CRC  0 no buffer
    45 input error  0 short frame  0 overrun   0 underrun  0 ignored
    0 watchdog  0 bad etype drop  0 bad proto drop  0 if down drop
    0 input with dribble  7 input discard
    0 Rx pause
  TX
    214659823403 output packets  817341559722988 bytes
    6 output error  0 collision  0 deferred  0 late collision
    0 lost carrier  0 no carrier  0 babble  123 output discard
    0 Tx pause
";
const EOS: &str = "\
Ethernet1 is up, line protocol is up (connected)
  Hardware is Ethernet, address is 0000.5e00.5304
  MTU 1500 bytes , BW 1000000 kbit
     982347 packets input, 98234700 bytes
     Received 0 broadcasts, 0 multicast
     0 runts, 0 giants
     45 input errors, 44 CRC, 0 alignment, 0 symbol, 7 input discards
     0 PAUSE input
     982300 packets output, 98230000 bytes
     Sent 0 broadcasts, 0 multicast
     6 output errors, 0 collisions
     0 late collision, 0 deferred, 123 output discards
     0 PAUSE output
";
const VRP: &str = "\
GigabitEthernet0/0/1 current state : UP
Line protocol current state : UP 
Last line protocol up time : 2026-01-02 03:04:05
Description:
Route Port,The Maximum Transmit Unit is 1500
Internet Address is 192.0.2.1/30
Last 300 seconds input rate 1000 bits/sec, 1 packets/sec
Input:  982347 packets, 98234700 bytes
  Unicast:               982335,  Multicast:                    0
  Broadcast:                 12,  Jumbo:                        0
  Discard:                    7,  Total Error:                 45

  CRC:                       44,  Giants:                       0
  Runts:                      1,  Others:                       0

Output:  982300 packets, 98230000 bytes
  Unicast:               982300,  Multicast:                    0
  Discard:                  123,  Total Error:                  6

  Collisions:                 0,  ExcessiveCollisions:          0
    Input bandwidth utilization  : 0%
";
const COMWARE: &str = "\
GigabitEthernet1/0/1
Interface index: 2
Current state: UP
Line protocol state: UP
Description: GigabitEthernet1/0/1 Interface
Internet address: 192.0.2.1/30 (primary)
Last 300 seconds input: 0 packets/sec 0 bytes/sec 0%
Input (total):  982347 packets, 98234700 bytes
        982335 unicasts, 12 broadcasts, 0 multicasts, 0 pauses
Input:  45 input errors, 0 runts, 0 giants, 0 throttles
        44 CRC, 0 frame, - overruns, 0 aborts
        - ignored, - parity errors
Output (total): 982300 packets, 98230000 bytes
Output: 6 output errors, - underruns, - buffer failures
        0 aborts, 0 deferred, 0 collisions, 0 late collisions
        0 lost carrier, - no carrier
";
const JUNOS: &str = "\
Physical interface: ge-0/0/1, Enabled, Physical link is Up
  Interface index: 142, SNMP ifIndex: 520, Generation: 145
  Link-level type: Ethernet, MTU: 1514, Speed: 1000mbps, Loopback: Disabled
  Input errors:
    Errors: 45, Drops: 7, Framing errors: 44, Runts: 0, Policed discards: 0,
    L3 incompletes: 0, L2 channel errors: 0, FIFO errors: 0, Resource errors: 0
  Output errors:
    Carrier transitions: 1, Errors: 6, Drops: 123, Collisions: 0, Aged packets: 0,
    FIFO errors: 0, HS link CRC errors: 0, MTU errors: 0, Resource errors: 0
  MAC statistics:                      Receive         Transmit
    Total octets                      98234700         98230000
    CRC/Align errors                        44                0

  Logical interface ge-0/0/1.0 (Index 70) (SNMP ifIndex 521) (Generation 135)
";
const LINUX: &str = "\
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP mode DEFAULT group default qlen 1000
    link/ether 00:00:5e:00:53:05 brd ff:ff:ff:ff:ff:ff
    RX:  bytes packets errors dropped  missed   mcast           
      98234700  982347     45       7       0       0 
    TX:  bytes packets errors dropped carrier collsns           
      98230000  982300      6     123       0       0 
";
const SAMPLES: [(&str, &str, &str); 8] = [
    ("cisco_iosxe", "Gi0/0/1", IOSXE),
    ("cisco_iosxr", "GigabitEthernet0/0/0/1", IOSXR),
    ("cisco_nxos", "Ethernet1/1", NXOS),
    ("arista_eos", "Et1", EOS),
    ("huawei_vrp", "GigabitEthernet0/0/1", VRP),
    ("h3c_comware", "GigabitEthernet1/0/1", COMWARE),
    ("juniper_junos", "ge-0/0/1", JUNOS),
    ("linux", "eth0", LINUX),
];

fn read(platform: &str, interface: &str, text: &str) -> Result<InterfaceFigures, ParseError> {
    let interface = Word::new(interface).unwrap();
    BUILTIN_TASK.read(&platform.into(), &interface, text)
}

/// The figures of the samples.
fn expected(platform: &str, text: &str) -> InterfaceFigures {
    let has_drops = platform != "h3c_comware";
    let name = text.split([' ', '\n', ',']).find(|word| word.ends_with(['1', ':']));
    InterfaceFigures {
        name: match platform {
            "linux" => "eth0".to_owned(),
            "juniper_junos" => "ge-0/0/1".to_owned(),
            _ => name.unwrap().to_owned(),
        },
        state: match platform {
            "cisco_iosxr" => InterfaceState::Down,
            _ => InterfaceState::Up,
        },
        in_errors: 45,
        out_errors: 6,
        in_drops: has_drops.then_some(if platform == "cisco_iosxr" { 3 } else { 7 }),
        out_drops: has_drops.then_some(123),
        crc_errors: (platform != "linux").then_some(44),
    }
}

#[test]
fn every_platform_is_read_exactly() {
    for (platform, interface, text) in SAMPLES {
        let figures = read(platform, interface, text).unwrap_or_else(|e| panic!("{platform}: {e}"));
        assert_eq!(figures, expected(platform, text), "{platform}");
        let dos = text.replace('\n', "\r\r\n");
        assert_eq!(read(platform, interface, &dos).unwrap(), figures, "{platform}");
    }
}

/// Whatever is missing at the end: the figures are right, or absent, or there are none at all.
#[test]
fn an_output_that_is_cut_gives_no_wrong_figure() {
    let same_or_none = |is: Option<u64>, whole: Option<u64>| is.is_none() || is == whole;
    for (platform, interface, text) in SAMPLES {
        let whole = expected(platform, text);
        for end in 0..text.len() {
            let Ok(cut) = read(platform, interface, &text[..end]) else { continue };
            let certain =
                |f: &InterfaceFigures| (f.name.clone(), f.state, f.in_errors, f.out_errors);
            assert_eq!(certain(&cut), certain(&whole), "{platform} up to {end}");
            assert!(same_or_none(cut.in_drops, whole.in_drops), "{platform} up to {end}");
            assert!(same_or_none(cut.out_drops, whole.out_drops), "{platform} up to {end}");
            assert!(same_or_none(cut.crc_errors, whole.crc_errors), "{platform} up to {end}");
        }
    }
}

#[test]
fn a_message_in_the_middle_changes_no_figure() {
    let message = "%LINEPROTO-5-UPDOWN: Line protocol on Interface X, changed state to up\n";
    for (platform, interface, text) in SAMPLES {
        let whole = expected(platform, text);
        for at in (0..text.len()).step_by(3) {
            let (before, after) = text.split_at(at);
            match read(platform, interface, &format!("{before}{message}{after}")) {
                Ok(figures) => {
                    assert_eq!((figures.in_errors, figures.out_errors), (45, 6), "{platform} {at}");
                    assert_eq!(figures.state, whole.state, "{platform} {at}");
                }
                Err(ParseError::Disturbed { .. } | ParseError::Incomplete { .. }) => {}
                // Half a name is another name.
                Err(ParseError::OtherTarget { .. } | ParseError::Contradiction { .. }) => {}
                Err(error) => panic!("{platform} {at}: {error}"),
            }
        }
    }
}

#[test]
fn what_is_switched_off_is_told_from_what_is_down() {
    let state = |platform, interface, text: &str, from: &str, to: &str| {
        assert!(text.contains(from), "{platform}: {from}");
        read(platform, interface, &text.replacen(from, to, 1)).unwrap().state
    };
    use InterfaceState::{Disabled, Down};
    for (platform, interface, text, from, to, expected) in [
        (
            "cisco_iosxe",
            "Gi0/0/1",
            IOSXE,
            "is up, line protocol is up",
            "is administratively down, line protocol is down",
            Disabled,
        ),
        ("cisco_iosxe", "Gi0/0/1", IOSXE, "protocol is up", "protocol is down", Down),
        ("cisco_nxos", "Ethernet1/1", NXOS, "is up", "is down (Administratively down)", Disabled),
        ("cisco_nxos", "Ethernet1/1", NXOS, "is up", "is down (Link not connected)", Down),
        (
            "arista_eos",
            "Ethernet1",
            EOS,
            "is up, line protocol is up (connected)",
            "is down, line protocol is lowerlayerdown (notconnect)",
            Down,
        ),
        ("huawei_vrp", "GigabitEthernet0/0/1", VRP, ": UP", ": Administratively DOWN", Disabled),
        ("huawei_vrp", "GigabitEthernet0/0/1", VRP, ": UP \n", ": DOWN\n", Down),
        (
            "h3c_comware",
            "GigabitEthernet1/0/1",
            COMWARE,
            "Current state: UP",
            "Current state: DOWN ( Administratively )",
            Disabled,
        ),
        (
            "h3c_comware",
            "GigabitEthernet1/0/1",
            COMWARE,
            "protocol state: UP",
            "protocol state: DOWN",
            Down,
        ),
        ("juniper_junos", "ge-0/0/1", JUNOS, "Enabled", "Administratively down", Disabled),
        ("juniper_junos", "ge-0/0/1", JUNOS, "link is Up", "link is Down", Down),
        (
            "linux",
            "eth0",
            LINUX,
            "UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP",
            "UP> mtu 1500 qdisc fq_codel state DOWN",
            Down,
        ),
        (
            "linux",
            "eth0",
            LINUX,
            ",UP,LOWER_UP> mtu 1500 qdisc fq_codel state UP",
            "> mtu 1500 qdisc fq_codel state DOWN",
            Disabled,
        ),
    ] {
        assert_eq!(state(platform, interface, text, from, to), expected, "{platform} {to}");
    }
}

#[test]
fn another_interface_a_refusal_and_a_contradiction_give_no_figures() {
    let other = read("cisco_iosxe", "Gi0/0/2", IOSXE).unwrap_err();
    assert!(matches!(other, ParseError::OtherTarget { .. }), "{other}");
    assert!(other.breaks_connection(), "it may be the answer to an earlier command");
    let refused = read("linux", "eth9", "Device \"eth9\" does not exist.\n").unwrap_err();
    assert!(matches!(refused, ParseError::Refused { .. }), "{refused}");
    let twice = IOSXE.replace("Received 12", "46 input errors, 0 CRC, 0 frame\n Received 12");
    let twice = read("cisco_iosxe", "Gi0/0/1", &twice).unwrap_err();
    assert!(matches!(twice, ParseError::Contradiction { .. }), "{twice}");
    let unknown = COMWARE.replace("45 input errors", "- input errors");
    let unknown = read("h3c_comware", "GigabitEthernet1/0/1", &unknown).unwrap_err();
    assert!(unknown.to_string().contains("input errors missing"), "{unknown}");
}

#[test]
fn a_platform_has_its_own_command_or_none() {
    let command = |platform: &str| {
        let interface = Word::new("ge-0/0/1").unwrap();
        let request = InterfaceTask::builtin().request(&platform.into(), &interface).ok()?;
        Some(request.steps()[0].line().to_owned())
    };
    assert_eq!(command("juniper_junos").as_deref(), Some("show interfaces ge-0/0/1 extensive"));
    assert_eq!(command("linux").as_deref(), Some("ip -s link show dev ge-0/0/1"));
    for platform in ["cisco_asa", "fortinet_fortios", "frr_vtysh", "mikrotik_routeros"] {
        assert_eq!(command(platform), None, "{platform}");
    }
}

#[test]
fn what_is_wrong_with_a_table_is_named_with_its_key() {
    let good = "[interface]\ncommand = 'show {interface}'\n[interface.read]\n\
                lines = ['(?<name>\\w+) (?:(?<up>up)|(?<down>down)) (?<in_errors>\\d+) \
                (?<out_errors>\\d+) errors']\n";
    assert!(InterfaceTask::with_files(&[("acme.toml", good)]).unwrap().knows(&"acme".into()));
    for (from, to, expected) in [
        ("{interface}", "x", "acme.toml: interface.command: {interface} must be in it, once"),
        ("command", "comand", "acme.toml: interface.command: is missing"),
        ("(?<name>", "(?<nmae>", "acme.toml: interface.read.lines: unknown group nmae"),
        ("(?<up>up)", "up", "acme.toml: interface.read.lines: no line has the group up"),
        ("(?<in_errors>", "(", "acme.toml: interface.read.lines: no line has the group in_errors"),
        ("lines =", "rows =", "acme.toml: interface.read.rows: is no key of [interface.read]"),
    ] {
        let broken = good.replacen(from, to, 1);
        let text = InterfaceTask::with_files(&[("acme.toml", &broken)]).unwrap_err().to_string();
        assert!(text.contains(expected), "{from} -> {to}: {text}");
    }
    let heir = "inherits = 'cisco_asa'\n";
    assert!(!InterfaceTask::with_files(&[("heir.toml", heir)]).unwrap().knows(&"heir".into()));
}
