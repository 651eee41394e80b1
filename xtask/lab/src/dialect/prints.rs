//! What a ping prints.

use serde::Deserialize;

use super::run::{PingRun, Tally};
use super::template::{Template, Value};

/// Marks on one line, as the IOS family prints them.
const MARKS_PER_LINE: u32 = 70;

/// The texts of a ping. Lines end with `\n`.
///
/// Gaps are `target`, `address`, `source`, `vrf`, `count`, `size`, `bytes` (with the header of
/// ICMP), `packet` (with that of IP, too), `timeout_s`, `timeout_ms`, `host`, and `time`; in a
/// packet's text `index` and `sequence` (from 0 and from 1) and `rtt`; in the summary `sent`,
/// `received`, `lost`, `loss`, `success` (in percent), `min`, `avg`, `max`, `deviation`, `elapsed`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Prints {
    header: Template,
    reply: Template,
    lost: Template,
    /// Whether replies and losses are marks on a line, which is wrapped.
    marks: bool,
    summary: Template,
    /// Behind the summary, when something came back.
    times: Template,
    /// And when nothing did.
    no_times: Template,
    /// In place of summary and times, when nothing came back.
    nothing: Option<Template>,
    /// After how many packets summary and header come in between.
    again_after: Option<u32>,
    log: Option<Template>,
}

impl Prints {
    pub(crate) fn header(&self, run: &PingRun) -> String {
        self.header.fill(&|name| of_run(run, name))
    }

    /// What a packet prints that is answered after `rtt_ms`, or not at all. It is the one that
    /// `tally` has counted last.
    pub(crate) fn packet(&self, run: &PingRun, tally: &Tally, rtt_ms: Option<f64>) -> String {
        let index = tally.sent - 1;
        let template = if rtt_ms.is_some() { &self.reply } else { &self.lost };
        let mut text = template.fill(&|name| match name {
            "index" => text(index),
            "sequence" => text(index + 1),
            "rtt" => rtt_ms.map(Value::Number),
            _ => of_run(run, name),
        });
        if self.marks && tally.sent.is_multiple_of(MARKS_PER_LINE) {
            text.push('\n');
        }
        let is_last = run.command.count == Some(tally.sent);
        if self.again_after.is_some_and(|after| tally.sent.is_multiple_of(after)) && !is_last {
            text.push_str(&self.summary(run, tally));
            text.push_str(&self.header(run));
        }
        text
    }

    pub(crate) fn summary(&self, run: &PingRun, tally: &Tally) -> String {
        let value = |name: &str| of_tally(run, tally, name).or_else(|| of_run(run, name));
        if let Some(nothing) = self.nothing.as_ref().filter(|_| tally.received == 0) {
            return nothing.fill(&value);
        }
        let start =
            if self.marks && !tally.sent.is_multiple_of(MARKS_PER_LINE) { "\n" } else { "" };
        let times = if tally.received > 0 { &self.times } else { &self.no_times };
        format!("{start}{}{}", self.summary.fill(&value), times.fill(&value))
    }

    /// The line of the system log about a ping that has ended.
    pub(crate) fn log_line(&self, host: &str, run: &PingRun, tally: &Tally) -> String {
        let time = crate::clock::log_time();
        let Some(log) = &self.log else { return format!("%{time}: {host}: ping finished") };
        let times = !self.times.is_empty() && tally.received > 0;
        log.fill(&|name| match name {
            "time" => text(&time),
            "host" => text(host),
            "min" | "avg" | "max" | "deviation" if !times => None,
            _ => of_tally(run, tally, name).or_else(|| of_run(run, name)),
        })
    }
}

fn text(value: impl ToString) -> Option<Value> {
    Some(Value::Text(value.to_string()))
}

fn of_run(run: &PingRun, name: &str) -> Option<Value> {
    let command = &run.command;
    match name {
        "target" => text(&command.target),
        "address" => text(&run.address),
        "source" => command.source.as_ref().and_then(text),
        "vrf" => command.vrf.as_ref().and_then(text),
        "count" => text(command.count.unwrap_or(0)),
        "size" => text(command.size),
        "bytes" => text(command.size + ICMP_HEADER),
        "packet" => text(command.size + if run.is_v6() { IPV6_HEADERS } else { IPV4_HEADERS }),
        "timeout_s" => text(command.timeout.as_secs()),
        "timeout_ms" => text(command.timeout.as_millis()),
        _ => None,
    }
}

fn of_tally(run: &PingRun, tally: &Tally, name: &str) -> Option<Value> {
    let number = |number| Some(Value::Number(number));
    match name {
        "sent" => text(tally.sent),
        "received" => text(tally.received),
        "lost" => text(tally.sent - tally.received),
        "loss" => number(tally.loss_pct()),
        "success" => text(u64::from(tally.received) * 100 / u64::from(tally.sent.max(1))),
        "min" => number(tally.min_ms()),
        "avg" => number(tally.avg_ms()),
        "max" => number(tally.max_ms()),
        "deviation" => number(tally.deviation_ms()),
        "elapsed" => {
            text(u128::from(tally.sent.saturating_sub(1)) * run.command.interval.as_millis())
        }
        _ => None,
    }
}

/// Bytes of an ICMP header, and with an IPv4 and an IPv6 header.
const ICMP_HEADER: u32 = 8;
const IPV4_HEADERS: u32 = 28;
const IPV6_HEADERS: u32 = 48;
