//! Every sample is read exactly, and no way of garbling it gives a wrong figure.
//!
//! The files are as [`Sample`] describes them.

use std::sync::LazyLock;

use scheduler::{Expected, Measurement, ParseError, PingParams, PingTask, Sample};

macro_rules! files {
    ($($platform:literal),+ $(,)?) => {
        &[$(($platform, include_str!(concat!("../samples/", $platform, ".txt")))),+]
    };
}

const FILES: &[(&str, &str)] = files![
    "arista_eos",
    "cisco_aireos",
    "cisco_asa",
    "cisco_iosxe",
    "cisco_iosxr",
    "cisco_nxos",
    "fortinet_fortios",
    "frr_vtysh",
    "h3c_comware",
    "huawei_vrp",
    "juniper_junos",
    "linux",
    "mikrotik_routeros",
    "nokia_sros",
    "nokia_sros_classic",
    "ruckus_icx",
];

/// Platforms that may leave the times out and cannot tell that they are cut off. All others need
/// them.
const TIMES_SOMETIMES: &[&str] = &["mikrotik_routeros", "nokia_sros", "nokia_sros_classic"];

/// Lines that devices print on their own in the middle of anything.
const LOG_LINES: &[&str] = &[
    "%LINK-3-UPDOWN: Interface GigabitEthernet0/1, changed state to down\n",
    "%Feb  1 10:11:12:345 2026 edge-1 IFNET/3/PHY_UPDOWN: GigabitEthernet1/0/1 is UP.\r\n",
    "Feb  1 2026 10:11:12 edge-1 %%01IFNET/4/LINK_STATE(l)[1]: 5 packet(s) received\n",
    "#Feb  1 10:11:12:345 2026 edge-1 IFNET/4/INTERFACE UPDOWN: Trap 1.3.6.1: Down\n",
    "2026 Feb  1 10:11:12 edge-1 %ETHPORT-5-IF_DOWN: Interface Ethernet1/1 is down\n",
    "RP/0/RSP0/CPU0:Feb  1 10:11:12.345 UTC: ifmgr[226]: %PKT_INFRA-LINK-3-UPDOWN : Down\n",
    "Feb  1 10:11:12 edge-1 Ebra: %LINEPROTO-5-UPDOWN: Interface Ethernet1, changed to down\n",
    "Message from syslogd@edge-1 at Feb  1 10:11:12  ...\n",
];

/// What may break into a line: a log line, with and without a line end before it, and what a
/// terminal or a person may put there.
const INTRUDERS: &[&str] = &[LOG_LINES[0], "\r\n*Feb  1 10:11:12: %SYS-5-X: x\r\n", "\n", "7\n"];

/// How much of the end of a sample is garbled at every place: its statistics.
const STATISTICS_CHARS: usize = 200;

/// Compiled once, because there are hundreds of cases.
static TASK: LazyLock<PingTask> = LazyLock::new(PingTask::builtin);

fn samples() -> impl Iterator<Item = (&'static str, Sample)> {
    let parsed = |(platform, file): &(&'static str, &str)| {
        let (platform, samples) = (*platform, Sample::parse_all(file).expect(platform));
        samples.into_iter().map(move |sample| (platform, sample))
    };
    FILES.iter().flat_map(parsed)
}

fn figures(sample: &Sample) -> Option<&Measurement> {
    match &sample.expected {
        Expected::Figures(measurement) => Some(measurement),
        _ => None,
    }
}

/// Reads `text` as a check does that has asked for as many packets as `sample` says were sent.
fn read(platform: &str, sample: &Sample, text: &str) -> Result<Measurement, ParseError> {
    let count = figures(sample).map_or(5, |figures| figures.sent);
    let params = PingParams { count, ..PingParams::default() };
    TASK.read(&platform.into(), &sample.target, &params, text)
}

#[test]
fn every_platform_has_samples() {
    let with: Vec<_> = FILES.iter().map(|(platform, _)| *platform).collect();
    let aliases = ["cisco_ios", "hp_comware"];
    let without = TASK.names().filter(|name| !with.contains(name) && !aliases.contains(name));
    assert_eq!(without.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn each_sample_is_read_exactly() {
    for (platform, sample) in samples() {
        let result = sample.check(&TASK, &platform.into());
        assert!(result.is_ok(), "{platform}, {}: {}", sample.name, result.unwrap_err());
    }
}

#[test]
fn a_garbled_sample_gives_the_right_figures_or_none() {
    // Garbling what is wrong already may well make it right.
    let whole = samples().filter(|(_, sample)| sample.expected != Expected::Error);
    for (platform, sample) in whole {
        let expected = figures(&sample);
        let right = |found: &Measurement| {
            expected.is_some_and(|full| {
                let times_cut = found.rtt.is_none() && TIMES_SOMETIMES.contains(&platform);
                (found.sent, found.received) == (full.sent, full.received)
                    && (found.rtt == full.rtt || times_cut)
            })
        };
        for garbled in garbled(&sample.text) {
            // A saved output must do without knowing what was asked for, which is harder; but
            // without the target it takes what another one has printed.
            let read = match expected {
                Some(_) => TASK.parse(&platform.into(), &garbled),
                None => read(platform, &sample, &garbled),
            };
            let is_right = read.as_ref().map_or(true, right);
            assert!(is_right, "{platform}, {}: {read:?} from {garbled:?}", sample.name);
        }
    }
}

#[test]
fn what_does_not_touch_the_text_does_not_change_the_figures() {
    for (platform, sample) in samples() {
        let (Some(expected), text) = (figures(&sample), &sample.text) else { continue };
        let mut variants = vec![
            text.replace('\n', "\r\n"),
            text.replace('\n', "\r\r\n"),
            text.lines().map(|line| format!("\x1b[1;32m{line}\x1b[0m\x1b[K\r\n")).collect(),
            format!("edge-1#ping {}\n\x1b[1m{text}\x1b[0m\x1b[K\nedge-1# ", sample.target),
        ];
        variants.extend(LOG_LINES.iter().flat_map(|log| with_line_anywhere(text, log)));
        for variant in variants {
            let read = read(platform, &sample, &variant);
            let same = read.as_ref().is_ok_and(|read| {
                (read.sent, read.received, read.rtt)
                    == (expected.sent, expected.received, expected.rtt)
            });
            assert!(same, "{platform}, {}: {read:?} from {variant:?}", sample.name);
        }
    }
}

#[test]
fn figures_of_an_earlier_ping_are_not_those_of_the_last() {
    let all: Vec<_> = samples().collect();
    let neighbours = all.iter().zip(&all[1..]).flat_map(|(one, two)| [(one, two), (two, one)]);
    let of_one_platform = neighbours.filter(|((one, _), (two, _))| one == two);
    for ((platform, earlier), (_, last)) in of_one_platform {
        // Something that is wrong already may well become right, and no target is asked for.
        if matches!(last.expected, Expected::Error | Expected::Other) {
            continue;
        }
        for earlier in cut_at_every_line(&earlier.text) {
            let read = TASK.parse(&(*platform).into(), &format!("{earlier}\n{}", last.text));
            let is_right = read.as_ref().is_ok_and(|read| {
                figures(last).is_some_and(|expected| {
                    (read.sent, read.received, read.rtt)
                        == (expected.sent, expected.received, expected.rtt)
                })
            });
            let name = &last.name;
            assert!(read.is_err() || is_right, "{platform}, {name}: {read:?} behind {earlier:?}");
        }
    }
}

#[test]
fn a_ping_that_was_broken_off_is_no_measurement() {
    let (platform, sample) = samples().find(|(platform, _)| *platform == "huawei_vrp").unwrap();
    for (asked, fits) in [(5, true), (6, false), (4, false)] {
        let params = PingParams { count: asked, ..PingParams::default() };
        let read = TASK.read(&platform.into(), &sample.target, &params, &sample.text);
        assert_eq!(read.is_ok(), fits, "{asked} asked for: {read:?}");
    }
}

#[test]
fn what_was_only_announced_counts_when_as_many_were_asked_for() {
    let find = |(platform, sample): &(&str, Sample)| {
        *platform == "ruckus_icx"
            && figures(sample).is_some_and(|figures| figures.sent == 5)
            && sample.text.contains("No reply")
    };
    let (platform, sample) = samples().find(find).unwrap();
    assert!(matches!(
        TASK.parse(&platform.into(), &sample.text),
        Err(ParseError::Incomplete { .. })
    ));
    for (asked, fits) in [(5, true), (6, false), (4, false)] {
        let params = PingParams { count: asked, ..PingParams::default() };
        let read = TASK.read(&platform.into(), &sample.target, &params, &sample.text);
        assert_eq!(read.map(|read| (read.sent, read.received)).ok(), fits.then_some((5, 0)));
    }
}

#[test]
fn marks_of_a_path_of_labels_are_not_counted_as_those_of_a_ping() {
    let ping = |kind| format!("Sending 5, 72-byte {kind} Echos to 192.0.2.1, \n");
    let rest = "Type escape sequence to abort.\nBQ.!!\nSuccess rate is 40 percent (2/5), \
                round-trip min/avg/max = 1/1/1 ms\n";
    for platform in ["cisco_iosxe", "cisco_iosxr"] {
        let unanswered =
            |text: &str| TASK.parse(&platform.into(), text).unwrap().details.unanswered;
        assert_eq!(unanswered(&(ping("MPLS") + rest)).len(), 0, "{platform}");
        assert_eq!(unanswered(&(ping("ICMP") + rest)).len(), 3, "{platform}");
        let behind = format!("{}{rest}{}{rest}", ping("MPLS"), ping("ICMP"));
        assert_eq!(unanswered(&behind).len(), 3, "{platform}");
    }
}

#[test]
fn the_time_of_each_answer_is_kept_when_all_are_there() {
    let (_, sample) = samples().find(|(platform, _)| *platform == "fortinet_fortios").unwrap();
    let reply_ms =
        |text: &str| TASK.parse(&"fortinet_fortios".into(), text).unwrap().details.reply_ms;
    assert_eq!(reply_ms(&sample.text), [0.7, 0.5, 0.6]);
    assert_eq!(reply_ms(&sample.text.replacen("64 bytes", "6", 1)), [0.0; 0]);
}

fn cut_at_every_line(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    ends.map(|end| &text[..end])
}

fn with_line_anywhere(text: &str, extra: &str) -> Vec<String> {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    (0..=lines.len())
        .map(|at| format!("{}{extra}{}", lines[..at].concat(), lines[at..].concat()))
        .collect()
}

/// Every line left out; and at every byte of the statistics, and some before them, cut off from
/// either end and broken into, by one intruder after the other.
fn garbled(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let mut all: Vec<_> =
        (0..lines.len()).map(|out| [&lines[..out], &lines[out + 1..]].concat().concat()).collect();
    let in_statistics = |at: usize| at + STATISTICS_CHARS > text.len();
    let places = (0..text.len()).filter(|at| in_statistics(*at) || at.is_multiple_of(7));
    let places = places.filter(|at| text.is_char_boundary(*at));
    all.extend(places.clone().flat_map(|at| [text[..at].to_owned(), text[at..].to_owned()]));
    let intruders = INTRUDERS.iter().cycle().skip(text.len() % INTRUDERS.len());
    let broken = places.zip(intruders);
    all.extend(broken.map(|(at, intruder)| format!("{}{intruder}{}", &text[..at], &text[at..])));
    all
}
