use flate2::Crc;
use jiff::Timestamp;
use scheduler::Outcome;

use crate::report::outcome_line;

/// An outcome as it is kept: everything that a sink needs, and nothing that changes later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Its place in the order of all outcomes, from 1. 0 as long as it has none.
    pub(crate) seq: u64,
    /// The line.
    pub(crate) line: String,
    /// Seconds since 1970 of the moment of the check.
    pub(crate) clock: i64,
    /// Nanoseconds of that second, 1 to 999999999: Zabbix makes up a value in place of 0.
    pub(crate) ns: u32,
    /// The status text of the predecessor, when there is no measurement to report.
    pub(crate) status: Option<String>,
    /// The outcome as JSON, without a line end.
    pub(crate) outcome: String,
}

impl Record {
    /// What is kept of `outcome`. A moment that is later than `now`, because the clock was set
    /// back since, becomes `now`: Zabbix would take the value, and show it until that moment has
    /// come.
    pub(crate) fn of(outcome: &Outcome, now: Timestamp) -> Self {
        let at = Ord::min(outcome.started_at.unwrap_or(outcome.scheduled_at), now);
        let ns = u32::try_from(at.subsec_nanosecond()).unwrap_or(1);
        let mut json = outcome_line(outcome);
        json.truncate(json.trim_end().len());
        Self {
            seq: 0,
            line: outcome.line.to_string(),
            clock: at.as_second(),
            ns: Ord::clamp(ns, 1, 999_999_999),
            status: outcome.legacy_status().map(str::to_owned),
            outcome: json,
        }
    }

    /// A checksum over everything, so that a figure that changed on the disk is not reported.
    pub(super) fn sum(&self) -> u32 {
        let mut crc = Crc::new();
        for number in [self.seq, self.clock.cast_unsigned(), u64::from(self.ns)] {
            crc.update(&number.to_le_bytes());
        }
        for text in [&self.line, self.status.as_deref().unwrap_or("\0"), &self.outcome] {
            crc.update(&(text.len() as u64).to_le_bytes());
            crc.update(text.as_bytes());
        }
        crc.sum()
    }
}
