use regex::Captures;
use serde::Deserialize;

use super::number::{Percent, count, milliseconds, percent};
use crate::{Details, Measurement, RttMs};

/// What the round-trip times of a summary are called in a definition, the shortest first.
const RTT_GROUPS: [&str; 3] = ["rtt_min", "rtt_avg", "rtt_max"];

/// Whether a platform prints something each time it prints statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Printed {
    /// Always. Statistics without it are cut short.
    #[default]
    Always,
    /// On some versions, or for some pings.
    Sometimes,
}

/// What a device counts as received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Received {
    /// Packets that were answered: no more than were sent.
    #[default]
    Packets,
    /// Answers: there may be several to one packet.
    Answers,
}

/// What a platform always prints with its statistics, and what it means by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Habits {
    pub(super) loss: Printed,
    pub(super) rtt: Printed,
    pub(super) received: Received,
}

/// The figures of one ping as they are found, line by line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    sent: Option<u32>,
    received: Option<u32>,
    /// The percentage of packets that were lost, as it was printed.
    loss: Option<Percent>,
    /// The shortest, average and longest round-trip time: a line may be wrapped between them.
    rtt_ms: [Option<f64>; 3],
    mdev_ms: Option<f64>,
    duplicates: Option<u32>,
    errors: Option<u32>,
    /// There are no round-trip times: the kind of ping has none, or the device cut them off.
    untimed: bool,
}

/// Why figures cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::task) enum Doubt {
    /// The output has no statistics at all.
    Nothing,
    /// This is missing.
    Missing(&'static str),
    /// This line stands within the statistics and is none of theirs.
    Disturbed(String),
    /// Two things that were printed do not fit together.
    Contradiction(String),
}

impl Figures {
    /// None yet. `untimed` for a kind of ping that has no round-trip times.
    pub(super) fn none_yet(untimed: bool) -> Self {
        Self { untimed, ..Self::default() }
    }

    /// Takes what a summary line says.
    pub(super) fn take(&mut self, line: &Captures<'_>) -> Result<(), Doubt> {
        let group = |name| line.name(name).map(|found| found.as_str());
        for (name, known, what) in [
            ("sent", &mut self.sent, "packets sent"),
            ("received", &mut self.received, "packets received"),
            ("duplicates", &mut self.duplicates, "duplicates"),
            ("errors", &mut self.errors, "errors"),
        ] {
            if let Some(text) = group(name) {
                agree(known, count(text)?, what)?;
            }
        }
        if let Some(text) = group("loss_pct") {
            agree(&mut self.loss, percent(text)?, "packet loss")?;
        }
        if let Some(text) = group("success_pct") {
            let Percent { value, digit } = percent(text)?;
            agree(&mut self.loss, Percent { value: 100.0 - value, digit }, "success rate")?;
        }
        let unit = group("unit").unwrap_or("ms");
        let time = |name| milliseconds(group(name).unwrap_or_default(), unit);
        for (name, known) in RTT_GROUPS.into_iter().zip(&mut self.rtt_ms) {
            if group(name).is_some() {
                agree(known, time(name)?, "round-trip times")?;
            }
        }
        if group("rtt_mdev").is_some() {
            agree(&mut self.mdev_ms, time("rtt_mdev")?, "the deviation of round-trip times")?;
        }
        self.untimed |= group("cut").is_some();
        Ok(())
    }

    /// Whether nothing is missing but times.
    pub(super) fn have_counts(&self, habits: Habits) -> bool {
        let loss = self.loss.is_some() || habits.loss == Printed::Sometimes;
        self.sent.is_some() && self.received.is_some() && loss
    }

    /// The measurement, if the figures are complete and fit together.
    pub(super) fn finish(self, habits: Habits) -> Result<Measurement, Doubt> {
        let (sent, received) = match (self.sent, self.received) {
            (None, None) => return Err(Doubt::Nothing),
            (None, Some(_)) => return Err(Doubt::Missing("packets sent")),
            (Some(_), None) => return Err(Doubt::Missing("packets received")),
            (Some(sent), Some(received)) => (sent, received),
        };
        if sent == 0 {
            return Err(Doubt::Contradiction("no packet was sent".to_owned()));
        }
        if received > sent && habits.received == Received::Packets {
            let text = format!("{received} packets received, but only {sent} sent");
            return Err(Doubt::Contradiction(text));
        }
        match self.loss {
            Some(percent) => check_loss(percent, sent, received)?,
            None if habits.loss == Printed::Always => return Err(Doubt::Missing("packet loss")),
            None => {}
        }
        let Self { duplicates, errors, .. } = self;
        let mut measurement = Measurement::new(sent, received, None);
        measurement.details = Details { duplicates, errors, ..Details::default() };
        // Some devices print 0/0/0 when nothing was received: no time was measured.
        if received > 0 {
            measurement.rtt = self.rtt_for(habits.rtt)?;
            measurement.details.rtt_mdev_ms = self.mdev_ms;
        }
        Ok(measurement)
    }

    /// The round-trip times of packets that were received.
    fn rtt_for(&self, printed: Printed) -> Result<Option<RttMs>, Doubt> {
        let [min, avg, max] = self.rtt_ms;
        let rtt = min.zip(avg).zip(max).map(|((min, avg), max)| RttMs { min, avg, max });
        match rtt {
            Some(RttMs { min, avg, max }) if min > avg || avg > max => {
                let text = format!("round-trip times {min}/{avg}/{max} ms are not in order");
                Err(Doubt::Contradiction(text))
            }
            None if printed == Printed::Always && !self.untimed => {
                Err(Doubt::Missing("round-trip times"))
            }
            rtt => Ok(rtt),
        }
    }
}

/// Devices round a percentage to its last digit, or cut it off; both are less than one of it.
fn check_loss(printed: Percent, sent: u32, received: u32) -> Result<(), Doubt> {
    let Percent { value, digit } = printed;
    let lost = f64::from(sent) - f64::from(received);
    // The small part is for the arithmetic of binary fractions.
    if (lost * 100.0 / f64::from(sent) - value).abs() < digit + 1e-9 && value <= 100.0 {
        return Ok(());
    }
    let text = format!("{value} % loss is printed, but {received} of {sent} were received");
    Err(Doubt::Contradiction(text))
}

/// A figure may be printed twice, if it is the same both times.
fn agree<T: PartialEq + Copy>(known: &mut Option<T>, new: T, what: &str) -> Result<(), Doubt> {
    match *known {
        Some(old) if old != new => {
            Err(Doubt::Contradiction(format!("two different figures for {what}")))
        }
        _ => {
            *known = Some(new);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_percentage_may_be_rounded_or_cut_off() {
        for (text, sent, received, fits) in [
            ("0", 5, 5, true),
            ("33", 3, 2, true),
            ("34", 3, 2, true),
            ("33.3333", 3, 2, true),
            ("33.33", 3, 2, true),
            ("33.3", 3, 2, true),
            ("32", 3, 2, false),
            ("33.35", 3, 2, false),
            ("0.00", 150, 149, false),
            ("0.67", 150, 149, true),
            ("20", 5, 5, false),
            ("100", 5, 0, true),
            ("0.00", 5, 0, false),
            ("-300", 1, 4, true),
            ("0", 1, 4, false),
        ] {
            let result = check_loss(percent(text).unwrap(), sent, received);
            assert_eq!(result.is_ok(), fits, "{text} % of {sent}, {received} received");
        }
    }

    #[test]
    fn more_answers_than_packets_are_believed_only_where_answers_are_counted() {
        let figures = Figures {
            sent: Some(1),
            received: Some(4),
            loss: Some(percent("-300").unwrap()),
            rtt_ms: [1.0, 1.0, 3.0].map(Some),
            ..Figures::default()
        };
        let habits = Habits { received: Received::Answers, ..Habits::default() };
        assert_eq!(figures.clone().finish(habits).unwrap().received, 4);
        assert!(matches!(figures.finish(Habits::default()), Err(Doubt::Contradiction(_))));
    }
}
