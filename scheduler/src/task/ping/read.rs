use regex::{Captures, Regex};

use super::explain::ReadRule;
use super::figures::{Doubt, Figures, Habits, Printed, Received};
use super::parse_error::ParseError;
use super::replies::{Packets, Replies};
use super::target::Mentions;
use super::text::{Line, head, is_begin, is_echo, is_log, lines};
use crate::task::pattern::first_match;
use crate::{Measurement, Target};

/// Reads the output of one platform's ping.
///
/// Only whole lines are matched. A line that begins a ping, or its statistics, sets aside
/// the figures before it: text that an earlier command left behind cannot stand in for figures
/// that are missing. Where statistics have a heading, figures count only under it, and until they
/// are complete nothing but log lines may stand between: the rest of a line that something has
/// broken into might be taken for another number.
#[derive(Debug)]
pub(super) struct Reader {
    /// Lines that begin a ping and name its target (groups `target` and `address`); a group
    /// `untimed` marks a ping without round-trip times, `own_marks` one whose marks mean something
    /// else, `announced` is how many packets are going to be sent, and `alone` marks the head of
    /// a table that has no statistics when it is that of a single packet.
    pub(super) begins: Vec<Regex>,
    /// Headings of statistics, with the same groups.
    pub(super) statistics: Vec<Regex>,
    /// Lines with figures, by named groups.
    pub(super) summary: Vec<Regex>,
    /// What is said of single packets.
    pub(super) packets: Packets,
    /// Lines with which the device refuses the command.
    pub(super) refusals: Vec<Regex>,
    /// Lines that end a ping of which nothing was answered, in place of statistics.
    pub(super) none_answered: Vec<Regex>,
    /// What the platform always prints, and what it means by it.
    pub(super) habits: Habits,
    /// Whether the target is always named.
    pub(super) target: Printed,
    /// Whether the statistics end with a time whose end nothing marks, so that the times of the
    /// answers must tell that it is whole.
    pub(super) open_end: bool,
}

/// What the lines of an output gave.
pub(super) struct Reading {
    figures: Result<Figures, Doubt>,
    /// How many packets the device said it would send, and that none of them was answered.
    announced: Option<u32>,
    is_none_answered: bool,
    /// A single row may stand without statistics.
    is_alone: bool,
    /// The line of the last packet has its end.
    is_row_ended: bool,
    has_begun: bool,
    /// The ping that has begun has no round-trip times.
    untimed: bool,
    in_statistics: bool,
    /// The line the figures are in has its end.
    is_ended: bool,
    replies: Replies,
    mentions: Mentions,
    refusal: Option<String>,
}

/// A measurement, and what the count that was asked for is held against.
pub(super) struct Read {
    pub(super) measurement: Measurement,
    /// The device said why it may have sent fewer packets than it was asked to.
    pub(super) is_explained: bool,
    /// The device printed no statistics. How many packets it sent is only what it announced, which
    /// is to be believed when as many were asked for.
    pub(super) is_announced: bool,
}

impl Reader {
    /// Reads `text`, the output of a ping of `target`.
    pub(super) fn read(&self, target: Option<&Target>, text: &str) -> Result<Read, ParseError> {
        let mut reading = Reading::new(target);
        for line in lines(text) {
            self.take(&mut reading, &line);
        }
        if let (Some(asked), Some(found)) = (target, reading.mentions.other()) {
            let (asked, found) = (asked.to_string(), found.to_owned());
            return Err(ParseError::OtherTarget { asked, found });
        }
        let is_explained = reading.refusal.is_some() || reading.replies.tell_of_errors();
        let refusal = reading.refusal.take();
        reading.is_alone &= refusal.is_none() && reading.is_row_ended;
        match (self.finish(reading), refusal) {
            (Ok((measurement, is_announced)), _) => {
                Ok(Read { measurement, is_explained, is_announced })
            }
            (Err(Doubt::Nothing), Some(message)) => Err(ParseError::Refused { message }),
            (Err(doubt), _) => Err(ParseError::new(doubt, text)),
        }
    }

    /// Takes what a line says. Returns by which rule, and what its pattern found.
    pub(super) fn take<'a>(
        &self,
        reading: &mut Reading,
        line: &'a Line,
    ) -> (ReadRule, Option<Captures<'a>>) {
        let text = &line.text;
        if let Some(begin) = first_match(&self.begins, text) {
            reading.untimed = false;
            reading.begin(&begin);
            reading.untimed = begin.name("untimed").is_some();
            // The head of a table, which names nobody, comes again in the middle of a long one.
            if ["target", "address", "own_marks"].iter().any(|name| begin.name(name).is_some()) {
                reading.replies = Replies::new(begin.name("own_marks").is_some());
            }
            reading.in_statistics = false;
            return (ReadRule::Begins, Some(begin));
        }
        if let Some(heading) = first_match(&self.statistics, text) {
            reading.begin(&heading);
            reading.in_statistics = true;
            return (ReadRule::Statistics, Some(heading));
        }
        if let Some(summary) = self.summary_of(reading, line) {
            reading.is_ended = line.is_ended;
            reading.note(&summary);
            if let Ok(figures) = &mut reading.figures
                && let Err(doubt) = figures.take(&summary)
            {
                reading.figures = Err(doubt);
            }
            return (ReadRule::Summary, Some(summary));
        }
        let marks = reading.replies.marks();
        if let Some(answer) = reading.replies.take(&self.packets, text) {
            reading.note(&answer);
            reading.is_row_ended = line.is_ended;
            if !self.statistics.is_empty() && self.has_counts(reading) {
                reading.go_on(text);
            }
            // Some devices say the same of a single packet and of a ping they do not start.
            if self.is_refusal(text) {
                self.refuse(reading, text);
            }
            return (ReadRule::Packet, Some(answer));
        }
        let is_other = || is_echo(text) || is_begin(text);
        if self.is_foreign(reading, text) || self.has_counts(reading) && is_other() {
            reading.go_on(text);
            return (ReadRule::Foreign, None);
        }
        if self.is_refusal(text) {
            self.refuse(reading, text);
            return (ReadRule::Refused, None);
        }
        if first_match(&self.none_answered, text).is_some() {
            reading.is_none_answered = true;
            return (ReadRule::NoneAnswered, None);
        }
        let has_marks = reading.replies.marks() > marks;
        (if has_marks { ReadRule::Marks } else { ReadRule::Passed }, None)
    }

    /// The figures of a line, if it stands where they do. A line that says it is cut must at
    /// least have its end: otherwise it may be cut anywhere.
    fn summary_of<'a>(&self, reading: &Reading, line: &'a Line) -> Option<Captures<'a>> {
        let is_due = self.statistics.is_empty() || reading.in_statistics;
        let summary = is_due.then(|| first_match(&self.summary, &line.text))??;
        (summary.name("cut").is_none() || line.is_ended).then_some(summary)
    }

    fn is_foreign(&self, reading: &Reading, text: &str) -> bool {
        let is_open = reading.figures.is_ok() && !self.has_counts(reading);
        reading.in_statistics && is_open && !is_log(text)
    }

    fn has_counts(&self, reading: &Reading) -> bool {
        reading.figures.as_ref().is_ok_and(|figures| figures.have_counts(self.habits))
    }

    fn is_refusal(&self, text: &str) -> bool {
        first_match(&self.refusals, text).is_some() && !is_log(text)
    }

    /// Notes that the device has refused a command. Figures that stand before that without the
    /// beginning of their ping are those of an earlier one; whole ones are not the last word.
    fn refuse(&self, reading: &mut Reading, text: &str) {
        if self.has_counts(reading) {
            return reading.go_on(text);
        }
        if !reading.has_begun {
            reading.figures = Ok(Figures::none_yet(false));
        }
        reading.refusal.get_or_insert_with(|| head(text));
    }

    /// The measurement, and whether it rests on what was announced.
    fn finish(&self, reading: Reading) -> Result<(Measurement, bool), Doubt> {
        let Reading { figures, replies, mentions, is_ended, .. } = reading;
        let (mut measurement, is_announced) = match figures?.finish(self.habits) {
            Err(Doubt::Nothing) if reading.is_none_answered && !replies.tell_of_answers() => {
                let sent = reading.announced.filter(|sent| *sent > 0).ok_or(Doubt::Nothing)?;
                (Measurement::new(sent, 0, None), true)
            }
            Err(Doubt::Nothing) if reading.is_alone => {
                (replies.only().ok_or(Doubt::Nothing)?, true)
            }
            result => (result?, false),
        };
        let (sent, received) = (measurement.sent, measurement.received);
        if received > sent && self.habits.received == Received::Answers && replies.tell_of_losses()
        {
            let text = "more answers than packets, and packets that were not answered";
            return Err(Doubt::Contradiction(text.to_owned()));
        }
        let may_be_silent = self.target == Printed::Sometimes && received == 0;
        if !(mentions.fits() || may_be_silent) {
            return Err(Doubt::Missing("the target"));
        }
        if self.open_end {
            check_end(&measurement, &replies, is_ended)?;
        }
        // Rows of another table would be counted with those of this one.
        if !self.open_end || replies.are(sent.max(received)) {
            replies.describe(&mut measurement);
        }
        Ok((measurement, is_announced))
    }
}

impl Reading {
    pub(super) fn new(target: Option<&Target>) -> Self {
        Self {
            figures: Ok(Figures::none_yet(false)),
            announced: None,
            is_none_answered: false,
            is_alone: false,
            is_row_ended: false,
            has_begun: false,
            untimed: false,
            in_statistics: false,
            is_ended: false,
            replies: Replies::default(),
            mentions: Mentions::new(target),
            refusal: None,
        }
    }

    fn begin(&mut self, line: &Captures<'_>) {
        // A heading follows the line that has begun its ping, and is about that one only.
        let untimed = std::mem::take(&mut self.untimed) || line.name("untimed").is_some();
        self.figures = Ok(Figures::none_yet(untimed));
        self.announced = line.name("announced").and_then(|count| count.as_str().parse().ok());
        self.is_none_answered = false;
        self.is_alone = line.name("alone").is_some();
        self.has_begun = true;
        self.note(line);
    }

    /// Notes that `text` stands where nothing but figures may, or speaks of another ping behind
    /// whole ones, which may be those of an earlier command.
    fn go_on(&mut self, text: &str) {
        self.figures = Err(Doubt::Disturbed(text.to_owned()));
    }

    fn note(&mut self, line: &Captures<'_>) {
        let names = ["target", "address"].into_iter();
        self.mentions.note(names.filter_map(|name| line.name(name)).map(|name| name.as_str()));
    }
}

/// The longest time is the last thing in its line. A part of it would be a shorter time than that
/// of the slowest answer.
fn check_end(measurement: &Measurement, replies: &Replies, is_ended: bool) -> Result<(), Doubt> {
    let Some(rtt) = measurement.rtt else { return Ok(()) };
    let (longest, all_known) = replies.longest_ms(measurement.received);
    // The small part is for the arithmetic of binary fractions.
    if longest.is_some_and(|longest| longest > rtt.max + 1e-9) {
        let text = format!("{} ms is not the longest round-trip time", rtt.max);
        return Err(Doubt::Contradiction(text));
    }
    let is_whole = is_ended || all_known || longest == Some(rtt.max);
    if is_whole { Ok(()) } else { Err(Doubt::Missing("the end of the statistics")) }
}
