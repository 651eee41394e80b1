use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use regex::Regex;
use toml::Table;

use super::definition::{Commands, Definition, Ends, Limits, Waits};
use super::figures::Habits;
use super::read::Reader;
use super::replies::Packets;
use super::template::{Param, Template};
use crate::Unanswered;
use crate::task::definition_error::Fault;
use crate::task::keys::Keys;
use crate::task::load::Defined;
use crate::task::pattern::{compiled, has_group, patterns};

/// Commands before a ping. FortiOS, which has the most options, needs six.
const BEFORE_MAX: usize = 16;
/// The longest pause between two packets that makes sense.
const INTERVAL_MS_MAX: u64 = 60_000;
/// What a line that begins a ping or its statistics may say.
const BEGIN_GROUPS: &[&str] = &["target", "address", "untimed", "own_marks", "announced", "alone"];
/// What a line with figures may say.
const SUMMARY_GROUPS: &[&str] = &[
    "sent",
    "received",
    "loss_pct",
    "success_pct",
    "duplicates",
    "errors",
    "rtt_min",
    "rtt_avg",
    "rtt_max",
    "rtt_mdev",
    "unit",
    "target",
    "address",
    "cut",
];
/// What a line with an answer may say.
const ANSWER_GROUPS: &[&str] = &["target", "address", "time", "unit"];
/// What a line about a packet that was not answered may say.
const UNANSWERED_GROUPS: &[&str] = &["target", "address"];

impl Defined for Definition {
    const TABLE: &'static str = "ping";

    fn name(&self) -> &str {
        &self.name
    }

    fn build(name: &str, table: Table) -> Result<Option<Self>, Vec<Fault>> {
        let mut faults = Vec::new();
        let definition = whole(name, table, &mut faults);
        if faults.is_empty() { Ok(definition) } else { Err(faults) }
    }
}

/// Nothing only after it has said why.
fn whole(name: &str, table: Table, faults: &mut Vec<Fault>) -> Option<Definition> {
    let mut keys = Keys::new("ping", table, faults);
    let ends: Ends = keys.optional("ends").unwrap_or_default();
    let ipv4 = commands(&mut keys, ["before", "command"], ends);
    let has_own = ["before_ipv6", "command_ipv6"].map(|key| keys.has(key)).contains(&true);
    let ipv6 = if has_own {
        commands(&mut keys, ["before_ipv6", "command_ipv6"], ends)
    } else {
        keys.know(["before_ipv6", "command_ipv6"]);
        ipv4.clone()
    };
    let interval_ms: Option<u64> = keys.required("interval_ms");
    if interval_ms.is_some_and(|ms| ms > INTERVAL_MS_MAX) {
        keys.complain("interval_ms", format!("allowed is 0 to {INTERVAL_MS_MAX}"));
    }
    if ends == Ends::Interrupted && interval_ms == Some(0) {
        keys.complain("interval_ms", "a ping that is interrupted needs its pace here");
    }
    let waits: Option<Waits> = keys.required("waits");
    let limits: Table = keys.required("limits").unwrap_or_default();
    let read: Table = keys.required("read").unwrap_or_default();
    keys.finish();
    let limits = read_limits(limits, faults);
    let reader = reader(read, faults);
    Some(Definition {
        name: name.to_owned(),
        ipv4: ipv4?,
        ipv6: ipv6?,
        interval: Duration::from_millis(interval_ms?),
        waits: waits?,
        ends,
        limits: limits?,
        reader: reader?,
    })
}

fn commands(
    keys: &mut Keys<'_>,
    [before, ping]: [&'static str; 2],
    ends: Ends,
) -> Option<Commands> {
    let template = |keys: &mut Keys<'_>, key, text: &str| match Template::parse(text) {
        Ok(template) => Some(template),
        Err(reason) => {
            keys.complain(key, reason);
            None
        }
    };
    let texts: Vec<String> = keys.optional(before).unwrap_or_default();
    if texts.len() > BEFORE_MAX {
        keys.complain(before, format!("has {} commands; allowed are {BEFORE_MAX}", texts.len()));
    }
    let before: Vec<_> =
        texts.iter().map(|text| template(keys, before, text)).collect::<Option<_>>()?;
    let text: String = keys.required(ping)?;
    let commands = Commands { before, ping: template(keys, ping, &text)? };
    if !commands.ping.takes(Param::Target) {
        keys.complain(ping, "{target} is missing");
    }
    match (ends, commands.take(Param::Count)) {
        (Ends::Itself, false) => keys.complain(ping, "{count} is missing"),
        (Ends::Interrupted, true) => keys.complain(ping, "a ping with {count} ends by itself"),
        _ => {}
    }
    Some(commands)
}

fn read_limits(table: Table, faults: &mut Vec<Fault>) -> Option<Limits> {
    let mut keys = Keys::new("ping.limits", table, faults);
    let mut range = |key| -> Option<RangeInclusive<u64>> {
        let [low, high]: [u64; 2] = keys.required(key)?;
        if low > high {
            keys.complain(key, "the first is above the second");
        }
        Some(low..=high)
    };
    let limits = (range("count"), range("timeout_s"), range("size"));
    keys.finish();
    let (count, timeout_s, size) = limits;
    Some(Limits { count: count?, timeout_s: timeout_s?, size: size? })
}

fn reader(table: Table, faults: &mut Vec<Fault>) -> Option<Reader> {
    let mut keys = Keys::new("ping.read", table, faults);
    let reader = Reader {
        begins: patterns(&mut keys, "begins", BEGIN_GROUPS),
        statistics: patterns(&mut keys, "statistics", BEGIN_GROUPS),
        summary: patterns(&mut keys, "summary", SUMMARY_GROUPS),
        packets: Packets {
            answers: patterns(&mut keys, "answers", ANSWER_GROUPS),
            unanswered: unanswered(&mut keys),
            marks: marks(&mut keys),
        },
        refusals: patterns(&mut keys, "refusals", &[]),
        none_answered: patterns(&mut keys, "none_answered", &[]),
        habits: Habits {
            loss: keys.optional("loss").unwrap_or_default(),
            rtt: keys.optional("rtt").unwrap_or_default(),
            received: keys.optional("received").unwrap_or_default(),
        },
        target: keys.optional("target").unwrap_or_default(),
        open_end: keys.optional("open_end").unwrap_or_default(),
    };
    keys.finish();
    // What is wrong with single patterns has been said; these would only be its consequences.
    if faults.is_empty() {
        faults.extend(check_groups(&reader));
    }
    Some(reader)
}

/// What must be found somewhere, and what only together.
fn check_groups(reader: &Reader) -> Vec<Fault> {
    let Reader { begins, statistics, summary, packets, .. } = reader;
    let mut faults = Vec::new();
    for group in ["sent", "received"] {
        if !summary.iter().any(|line| has_group(line, group)) {
            faults.push(Fault::new("ping.read.summary", format!("no line has the group {group}")));
        }
    }
    let mut naming = begins.iter().chain(statistics).chain(summary).chain(&packets.answers);
    if !naming.any(|line| has_group(line, "target") || has_group(line, "address")) {
        faults.push(Fault::new("ping.read", "no line has the group target"));
    }
    if !reader.none_answered.is_empty() && !begins.iter().any(|line| has_group(line, "announced")) {
        let reason = "says nothing without the group announced in a line of begins";
        faults.push(Fault::new("ping.read.none_answered", reason));
    }
    let has = |group| summary.iter().any(|line| has_group(line, group));
    let times = ["rtt_min", "rtt_avg", "rtt_max"].map(has);
    if times.contains(&true) && times.contains(&false) {
        let reason = "rtt_min, rtt_avg and rtt_max belong together";
        faults.push(Fault::new("ping.read.summary", reason));
    }
    faults
}

fn unanswered(keys: &mut Keys<'_>) -> Vec<(Unanswered, Vec<Regex>)> {
    let by_kind: BTreeMap<Unanswered, Vec<String>> =
        keys.optional("unanswered").unwrap_or_default();
    let key = |kind| format!("unanswered.{kind}");
    by_kind
        .into_iter()
        .map(|(kind, texts)| (kind, compiled(keys, &key(kind), &texts, UNANSWERED_GROUPS)))
        .collect()
}

fn marks(keys: &mut Keys<'_>) -> BTreeMap<char, Unanswered> {
    let by_kind: BTreeMap<Unanswered, String> = keys.optional("marks").unwrap_or_default();
    let mut marks = BTreeMap::new();
    for (kind, text) in by_kind {
        for mark in text.chars() {
            if marks.insert(mark, kind).is_some() {
                keys.complain("marks", format!("{mark:?} has two meanings"));
            }
        }
    }
    marks
}
