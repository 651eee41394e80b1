//! What the trial saw: outcomes as JSON Lines.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Read};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use scheduler::Measurement;
use serde::Deserialize;

use super::{Check, Said};

/// The longest line that is read. An outcome is much shorter.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// How many outcomes are taken. A day of four thousand lines at the usual interval has two million.
const OUTCOMES_MAX: usize = 10_000_000;
/// What the predecessor lets some devices wait for an answer.
const SLOW_MS: f64 = 2.0;

/// The checks of a trial.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Trial {
    pub(crate) lines: BTreeMap<String, TrialLine>,
    /// How many outcomes are none that the predecessor has anything like.
    pub(crate) left_out: u64,
    read: usize,
}

/// Those of one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrialLine {
    /// The platform of its router.
    pub(crate) platform: String,
    /// In order, once everything was read.
    pub(crate) checks: Vec<Check>,
}

/// The part of an outcome that is of interest here.
#[derive(Debug, Deserialize)]
struct Outcome<'a> {
    #[serde(borrow)]
    line: Cow<'a, str>,
    #[serde(borrow)]
    platform: Cow<'a, str>,
    sent: Option<u32>,
    received: Option<u32>,
    rtt_max_ms: Option<f64>,
    #[serde(borrow)]
    scheduled_at: Cow<'a, str>,
    #[serde(borrow)]
    started_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    trigger: Cow<'a, str>,
    #[serde(borrow)]
    task: Cow<'a, str>,
    #[serde(borrow)]
    zabbix_status: Option<Cow<'a, str>>,
}

impl Trial {
    /// Adds the outcomes of `source`, those of `only` alone unless that is empty. What stands behind
    /// its last line end is still being written, and is left.
    ///
    /// # Errors
    ///
    /// With the number of the line, when it cannot be read or is no outcome; and when there are too
    /// many.
    pub(crate) fn read(&mut self, mut source: impl BufRead, only: &BTreeSet<&str>) -> Result<()> {
        let mut bytes = Vec::new();
        for number in 1_u64.. {
            bytes.clear();
            (&mut source).take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
            if bytes.last() != Some(&b'\n') {
                let is_cut = bytes.len() as u64 == LINE_BYTES_MAX;
                ensure!(!is_cut, "line {number} is longer than any outcome");
                break;
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let outcome: Outcome<'_> = serde_json::from_slice(&bytes)
                .with_context(|| format!("line {number} is no outcome"))?;
            if only.is_empty() || only.contains(&*outcome.line) {
                self.add(&outcome).with_context(|| format!("line {number}"))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, outcome: &Outcome<'_>) -> Result<()> {
        let figures = outcome.sent.zip(outcome.received);
        let said = match (figures, &outcome.zabbix_status) {
            (Some((sent, received)), _) => {
                let loss = Measurement::new(sent, received, None).loss_pct();
                // In the words of the value that Zabbix would have got.
                Said::Loss(format!("{loss:.0}").parse().context("the loss")?)
            }
            (None, Some(status)) => Said::status(status),
            (None, None) => {
                self.left_out += 1;
                return Ok(());
            }
        };
        if outcome.trigger != "schedule" || outcome.task != "ping" {
            self.left_out += 1;
            return Ok(());
        }
        if self.read == OUTCOMES_MAX {
            bail!("these are more than {OUTCOMES_MAX} outcomes: --line takes those of some lines");
        }
        self.read += 1;
        let at = outcome.started_at.as_ref().unwrap_or(&outcome.scheduled_at);
        let at: Timestamp = at.parse().with_context(|| format!("{at:?} is no time"))?;
        let is_slow = outcome.rtt_max_ms.is_some_and(|ms| ms > SLOW_MS);
        let line = self.lines.entry(outcome.line.clone().into_owned()).or_default();
        if line.platform != outcome.platform {
            line.platform = outcome.platform.clone().into_owned();
        }
        line.checks.push(Check { at_ms: at.as_millisecond(), said, is_slow });
        Ok(())
    }

    /// Puts everything in order, once all was read. After a crash an outcome may be there twice.
    pub(crate) fn sort(&mut self) {
        for line in self.lines.values_mut() {
            line.checks.sort_by_key(|check| check.at_ms);
            line.checks.dedup();
        }
    }
}
