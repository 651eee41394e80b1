use regex::Captures;

use crate::{Measurement, RttMs};

/// Whether a platform prints something each time it prints statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Printed {
    /// Always. Statistics without it are cut short.
    #[default]
    Always,
    /// On some versions, or for some pings.
    Sometimes,
}

/// The figures of one ping as they are found, line by line.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    sent: Option<u32>,
    received: Option<u32>,
    loss: Option<Percent>,
    rtt: Option<RttMs>,
    /// The kind of ping has no round-trip times.
    untimed: bool,
}

/// Why figures cannot be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The output has no statistics at all.
    Nothing,
    /// This is missing.
    Missing(&'static str),
    /// Two things that were printed do not fit together.
    Contradiction(String),
}

/// A percentage of packets that were lost, as it was printed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Percent {
    lost: f64,
    /// The size of the last digit that was printed.
    digit: f64,
}

impl Figures {
    /// None yet. `untimed` for a kind of ping that has no round-trip times.
    pub(super) fn none_yet(untimed: bool) -> Self {
        Self { untimed, ..Self::default() }
    }

    /// Takes what a summary line says.
    pub(super) fn take(&mut self, line: &Captures<'_>) -> Result<(), Doubt> {
        let group = |name| line.name(name).map(|found| found.as_str());
        if let Some(text) = group("sent") {
            agree(&mut self.sent, count(text)?, "packets sent")?;
        }
        if let Some(text) = group("received") {
            agree(&mut self.received, count(text)?, "packets received")?;
        }
        if let Some(text) = group("loss_pct") {
            agree(&mut self.loss, percent(text)?, "packet loss")?;
        }
        if let Some(text) = group("success_pct") {
            let Percent { lost: answered, digit } = percent(text)?;
            agree(&mut self.loss, Percent { lost: 100.0 - answered, digit }, "success rate")?;
        }
        if let Some(min) = group("rtt_min") {
            let unit = group("unit").unwrap_or("ms");
            let rtt = RttMs {
                min: milliseconds(min, unit)?,
                avg: milliseconds(group("rtt_avg").unwrap_or_default(), unit)?,
                max: milliseconds(group("rtt_max").unwrap_or_default(), unit)?,
            };
            agree(&mut self.rtt, rtt, "round-trip times")?;
        }
        Ok(())
    }

    /// The measurement, if the figures are complete and fit together.
    pub(super) fn finish(self, loss: Printed, rtt: Printed) -> Result<Measurement, Doubt> {
        let (sent, received) = match (self.sent, self.received) {
            (None, None) => return Err(Doubt::Nothing),
            (None, Some(_)) => return Err(Doubt::Missing("packets sent")),
            (Some(_), None) => return Err(Doubt::Missing("packets received")),
            (Some(sent), Some(received)) => (sent, received),
        };
        if sent == 0 {
            return Err(Doubt::Contradiction("no packet was sent".to_owned()));
        }
        if received > sent {
            let text = format!("{received} packets received, but only {sent} sent");
            return Err(Doubt::Contradiction(text));
        }
        match self.loss {
            Some(percent) => percent.check(sent, received)?,
            None if loss == Printed::Always => return Err(Doubt::Missing("packet loss")),
            None => {}
        }
        if received == 0 {
            // Some devices print 0/0/0 here: no time was measured.
            return Ok(Measurement { sent, received, rtt: None });
        }
        match self.rtt {
            Some(RttMs { min, avg, max }) if min > avg || avg > max => {
                let text = format!("round-trip times {min}/{avg}/{max} ms are not in order");
                return Err(Doubt::Contradiction(text));
            }
            None if rtt == Printed::Always && !self.untimed => {
                return Err(Doubt::Missing("round-trip times"));
            }
            _ => {}
        }
        Ok(Measurement { sent, received, rtt: self.rtt })
    }
}

impl Percent {
    /// Devices round to the last digit, or cut it off; both are less than one of it.
    fn check(self, sent: u32, received: u32) -> Result<(), Doubt> {
        let counted = Measurement { sent, received, rtt: None }.loss_pct();
        // The small part is for the arithmetic of binary fractions.
        if (counted - self.lost).abs() < self.digit + 1e-9 && (0.0..=100.0).contains(&self.lost) {
            return Ok(());
        }
        let Self { lost, .. } = self;
        let text = format!("{lost} % loss is printed, but {received} of {sent} were received");
        Err(Doubt::Contradiction(text))
    }
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

fn count(text: &str) -> Result<u32, Doubt> {
    text.parse().map_err(|_| not_a_number(text))
}

fn percent(text: &str) -> Result<Percent, Doubt> {
    let (_, decimals) = text.split_once('.').unwrap_or((text, ""));
    let decimals = i32::try_from(decimals.len()).map_err(|_| not_a_number(text))?;
    Ok(Percent { lost: decimal(text)?, digit: 10_f64.powi(-decimals) })
}

fn milliseconds(text: &str, unit: &str) -> Result<f64, Doubt> {
    let number = decimal(text)?;
    match unit {
        "us" | "usec" => Ok(number / 1000.0),
        "s" | "sec" => Ok(number * 1000.0),
        _ => Ok(number),
    }
}

/// A plain decimal number: digits, and digits after a dot.
fn decimal(text: &str) -> Result<f64, Doubt> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| plain && text.len() <= DECIMAL_CHARS_MAX && number.is_finite())
        .ok_or_else(|| not_a_number(text))
}

/// More digits than this are not a percentage or a time.
const DECIMAL_CHARS_MAX: usize = 16;

fn not_a_number(text: &str) -> Doubt {
    Doubt::Contradiction(format!("{:?} is not a number that fits", super::text::head(text)))
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
        ] {
            let result = percent(text).unwrap().check(sent, received);
            assert_eq!(result.is_ok(), fits, "{text} % of {sent}, {received} received");
        }
    }

    #[test]
    fn units_become_milliseconds() {
        assert_eq!(milliseconds("1500", "us"), Ok(1.5));
        assert_eq!(milliseconds("1.25", "s"), Ok(1250.0));
        assert_eq!(milliseconds("1.25", "ms"), Ok(1.25));
        for text in ["", ".", "1.2.3", "1e5", "-1", "inf", "99999999999999999"] {
            assert!(milliseconds(text, "ms").is_err(), "{text}");
        }
    }
}
