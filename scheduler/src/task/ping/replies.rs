//! What a device says of single packets.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

use super::number::milliseconds;
use crate::task::pattern::first_match;
use crate::{Measurement, RttMs, Unanswered};

/// The mark of an answer in a row of marks, on every platform that prints them.
const ANSWERED: char = '!';

/// How a platform speaks of single packets.
#[derive(Debug, Default)]
pub(super) struct Packets {
    /// Answers (groups `time`, `unit`, and `target` where the far end is named by it).
    pub(super) answers: Vec<Regex>,
    /// What is said of a packet that was not answered.
    pub(super) unanswered: Vec<(Unanswered, Vec<Regex>)>,
    /// One character for each packet, in rows.
    pub(super) marks: BTreeMap<char, Unanswered>,
}

/// What was said of single packets.
#[derive(Debug, Default)]
pub(super) struct Replies {
    /// In milliseconds; absent for an answer without a time that can be read.
    answers: Vec<Option<f64>>,
    told: BTreeMap<Unanswered, u32>,
    marks: usize,
    marked: BTreeMap<Unanswered, u32>,
    /// The marks of this ping mean something else than those of the platform's others.
    has_own_marks: bool,
}

impl Replies {
    /// None yet, of a ping whose marks do or do not have meanings of their own.
    pub(super) fn new(has_own_marks: bool) -> Self {
        Self { has_own_marks, ..Self::default() }
    }

    /// Takes what a line says, if it speaks of a packet, and gives its groups back.
    pub(super) fn take<'a>(&mut self, packets: &Packets, line: &'a str) -> Option<Captures<'a>> {
        if let Some(answer) = first_match(&packets.answers, line) {
            let group = |name| answer.name(name).map(|found| found.as_str());
            let unit = group("unit").unwrap_or("ms");
            self.answers.push(group("time").and_then(|time| milliseconds(time, unit).ok()));
            return Some(answer);
        }
        for (kind, patterns) in &packets.unanswered {
            if let Some(told) = first_match(patterns, line) {
                *self.told.entry(*kind).or_default() += 1;
                return Some(told);
            }
        }
        if !packets.marks.is_empty() && !self.has_own_marks {
            self.take_marks(&packets.marks, line);
        }
        None
    }

    fn take_marks(&mut self, marks: &BTreeMap<char, Unanswered>, line: &str) {
        if !line.chars().all(|mark| mark == ANSWERED || marks.contains_key(&mark)) {
            return;
        }
        for mark in line.chars() {
            self.marks += 1;
            if let Some(kind) = marks.get(&mark) {
                *self.marked.entry(*kind).or_default() += 1;
            }
        }
    }

    /// How many marks there were so far.
    pub(super) fn marks(&self) -> usize {
        self.marks
    }

    /// Whether a packet was spoken of that had not simply timed out.
    pub(super) fn tell_of_errors(&self) -> bool {
        self.told.keys().chain(self.marked.keys()).any(|kind| *kind != Unanswered::TimedOut)
    }

    /// Whether there is a line for each of so many packets.
    pub(super) fn are(&self, packets: u32) -> bool {
        let told: u32 = self.told.values().sum();
        u32::try_from(self.answers.len()).is_ok_and(|answers| answers + told == packets)
    }

    /// What the one packet gave that was spoken of, where it was just one and the time of its
    /// answer is known.
    pub(super) fn only(&self) -> Option<Measurement> {
        match (self.are(1), self.answers.as_slice()) {
            (true, []) => Some(Measurement::new(1, 0, None)),
            (true, [Some(ms)]) => {
                Some(Measurement::new(1, 1, Some(RttMs { min: *ms, avg: *ms, max: *ms })))
            }
            _ => None,
        }
    }

    /// Whether some packet was answered.
    pub(super) fn tell_of_answers(&self) -> bool {
        let unanswered: u32 = self.marked.values().sum();
        !self.answers.is_empty() || u32::try_from(self.marks) != Ok(unanswered)
    }

    /// Whether some packet was not answered.
    pub(super) fn tell_of_losses(&self) -> bool {
        !self.told.is_empty() || !self.marked.is_empty()
    }

    /// The longest time of an answer, and whether that of each of `received` answers is known.
    pub(super) fn longest_ms(&self, received: u32) -> (Option<f64>, bool) {
        let times = self.answers.iter().copied().flatten();
        let all = u32::try_from(times.clone().count()) == Ok(received);
        (times.reduce(f64::max), all)
    }

    /// Adds what was said to `measurement`, as far as it is whole.
    pub(super) fn describe(self, measurement: &mut Measurement) {
        let Measurement { sent, received, details, .. } = measurement;
        details.unanswered = self.told;
        // A row that a log line has broken up would count too little.
        if u32::try_from(self.marks) == Ok(*sent) {
            for (kind, count) in self.marked {
                *details.unanswered.entry(kind).or_default() += count;
            }
        }
        let answers = received.saturating_add(details.duplicates.unwrap_or(0));
        let times: Option<Vec<f64>> = self.answers.into_iter().collect();
        if let Some(times) = times
            && u32::try_from(times.len()) == Ok(answers)
        {
            details.reply_ms = times;
        }
    }
}
