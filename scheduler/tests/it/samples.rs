//! Every sample is read exactly, and no way of garbling it gives a wrong figure.
//!
//! A file holds the samples of one platform, each behind a line
//! `=== what it shows: TARGET -> SENT/RECEIVED [MIN/AVG/MAX]`, or `-> refused`, `other`, `error`.

use scheduler::{Measurement, ParseError, PingTask, RttMs, Target};

const FILES: &[(&str, &str)] = &[
    ("arista_eos", include_str!("../samples/arista_eos.txt")),
    ("cisco_asa", include_str!("../samples/cisco_asa.txt")),
    ("cisco_iosxe", include_str!("../samples/cisco_iosxe.txt")),
    ("cisco_iosxr", include_str!("../samples/cisco_iosxr.txt")),
    ("cisco_nxos", include_str!("../samples/cisco_nxos.txt")),
    ("frr_vtysh", include_str!("../samples/frr_vtysh.txt")),
    ("h3c_comware", include_str!("../samples/h3c_comware.txt")),
    ("huawei_vrp", include_str!("../samples/huawei_vrp.txt")),
    ("juniper_junos", include_str!("../samples/juniper_junos.txt")),
    ("linux", include_str!("../samples/linux.txt")),
    ("nokia_sros", include_str!("../samples/nokia_sros.txt")),
    ("ruckus_icx", include_str!("../samples/ruckus_icx.txt")),
];

/// Lines that devices print on their own in the middle of anything.
const LOG_LINES: &[&str] = &[
    "%LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to down\n",
    "%Feb  1 10:11:12:345 2026 edge-1 IFNET/3/PHY_UPDOWN: GigabitEthernet1/0/1 is UP.\r\n",
    "Feb  1 2026 10:11:12 edge-1 %%01IFNET/4/LINK_STATE(l)[1]: 5 packet(s) received\n",
];

struct Sample {
    name: String,
    target: Target,
    expected: String,
    text: String,
}

fn samples(file: &str) -> Vec<Sample> {
    let sample = |block: &str| {
        let (head, text) = block.split_once('\n').expect("a head line");
        let (name, rest) = head.split_once(": ").expect("a name");
        let (target, expected) = rest.split_once(" -> ").expect("what is expected");
        Sample {
            name: name.to_owned(),
            target: Target::new(target).expect("a target"),
            expected: expected.to_owned(),
            text: text.to_owned(),
        }
    };
    file.split("=== ").filter(|block| !block.is_empty()).map(sample).collect()
}

fn figures(text: &str) -> Measurement {
    let (counts, rtt) = text.split_once(' ').unwrap_or((text, ""));
    let (sent, received) = counts.split_once('/').expect("SENT/RECEIVED");
    let rtt: Vec<f64> =
        rtt.split_terminator('/').map(|time| time.parse().expect("a time")).collect();
    let rtt = match rtt[..] {
        [min, avg, max] => Some(RttMs { min, avg, max }),
        _ => None,
    };
    let number = |text: &str| text.parse().expect("a count");
    Measurement { sent: number(sent), received: number(received), rtt }
}

#[test]
fn each_sample_is_read_exactly() {
    let task = PingTask::builtin();
    for (platform, file) in FILES {
        for Sample { name, target, expected, text } in samples(file) {
            let read = task.read(&(*platform).into(), &target, &text);
            let right = match (&read, expected.as_str()) {
                (Err(ParseError::Refused { .. }), "refused")
                | (Err(ParseError::OtherTarget { .. }), "other")
                | (
                    Err(ParseError::Incomplete { .. } | ParseError::Contradiction { .. }),
                    "error",
                ) => true,
                (Ok(read), expected) => expected.contains('/') && *read == figures(expected),
                _ => false,
            };
            assert!(right, "{platform}, {name}: expected {expected}, got {read:?}");
        }
    }
}

#[test]
fn a_garbled_sample_gives_the_right_figures_or_none() {
    let task = PingTask::builtin();
    for (platform, file) in FILES {
        for Sample { name, target, expected, text } in samples(file) {
            let expected = expected.contains('/').then(|| figures(&expected));
            for garbled in garbled(&text) {
                let read = task.read(&(*platform).into(), &target, &garbled).ok();
                // The one platform that may leave the times out cannot tell that they are cut off.
                let times_cut = *platform == "nokia_sros"
                    && read.is_some_and(|read| {
                        expected.is_some_and(|full| read == Measurement { rtt: None, ..full })
                    });
                let right = read.is_none() || read == expected || times_cut;
                assert!(right, "{platform}, {name}: {read:?} from {garbled:?}");
            }
        }
    }
}

#[test]
fn what_does_not_touch_the_text_does_not_change_the_figures() {
    let task = PingTask::builtin();
    for (platform, file) in FILES {
        for Sample { target, expected, text, .. } in samples(file) {
            if !expected.contains('/') {
                continue;
            }
            let mut variants = vec![
                text.replace('\n', "\r\n"),
                text.replace('\n', "\r\r\n"),
                format!("edge-1#ping {target}\n\x1b[1m{text}\x1b[0m\x1b[K\nedge-1# "),
            ];
            variants.extend(LOG_LINES.iter().flat_map(|log| with_line_anywhere(&text, log)));
            for variant in variants {
                let read = task.read(&(*platform).into(), &target, &variant);
                assert_eq!(read, Ok(figures(&expected)), "{platform}: {variant:?}");
            }
        }
    }
}

fn with_line_anywhere(text: &str, extra: &str) -> Vec<String> {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    (0..=lines.len())
        .map(|at| format!("{}{extra}{}", lines[..at].concat(), lines[at..].concat()))
        .collect()
}

/// Cut off at every byte, from either end, and every line left out.
fn garbled(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let mut all: Vec<_> =
        (0..lines.len()).map(|out| [&lines[..out], &lines[out + 1..]].concat().concat()).collect();
    let places = (0..text.len()).filter(|at| text.is_char_boundary(*at));
    all.extend(places.flat_map(|at| [text[..at].to_owned(), text[at..].to_owned()]));
    all
}
