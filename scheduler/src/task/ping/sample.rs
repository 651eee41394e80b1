use std::collections::BTreeMap;
use std::fmt;

use pool_core::Platform;

use super::parse_error::ParseError;
use super::{PingTask, text};
use crate::{Details, Measurement, RttMs, Target, Unanswered};

/// What begins the line at the head of a sample.
const HEAD: &str = "=== ";

/// What a device printed for a ping, with what must be read from it.
///
/// A file holds the samples of one platform. Each has a line at its head,
/// `=== NAME: TARGET -> EXPECTED`, and then the output as the device printed it. Expected is one of
///
/// - `SENT/RECEIVED`, then `MIN/AVG/MAX` in milliseconds if there are round-trip times, then any
///   of `mdev=MS`, `duplicates=N`, `errors=N`, and `KIND=N` for packets that were not answered
///   ([`Unanswered`]). These are compared only where they stand;
/// - `refused`: the device's refusal of the command;
/// - `other`: output that speaks of another target;
/// - `error`: output that has no figures for another reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it shows.
    pub name: String,
    /// What was pinged.
    pub target: Target,
    /// What must be read from it.
    pub expected: Expected,
    /// What the device printed.
    pub text: String,
}

/// What must be read from a sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    /// These figures.
    Figures(Measurement),
    /// The device's refusal.
    Refused,
    /// That it speaks of another target.
    Other,
    /// That it has no figures.
    Error,
}

/// What is wrong with a file of samples.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct SampleError {
    /// The line, counted from 1.
    pub line: usize,
    /// The reason.
    pub reason: String,
}

/// How what was read from a sample differs from what was expected.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// What was expected.
    pub expected: Expected,
    /// What was read.
    pub read: Result<Measurement, ParseError>,
}

impl Sample {
    /// The samples of a file.
    ///
    /// # Errors
    ///
    /// The first line that is wrong.
    pub fn parse_all(file: &str) -> Result<Vec<Self>, SampleError> {
        let mut samples: Vec<Self> = Vec::new();
        for (index, raw) in file.split_inclusive('\n').enumerate() {
            let wrong = |reason| SampleError { line: index + 1, reason };
            if let Some(head) = raw.strip_prefix(HEAD) {
                samples.push(Self::from_head(head.trim_end()).map_err(wrong)?);
            } else if let Some(sample) = samples.last_mut() {
                sample.text.push_str(raw);
            } else if !raw.trim().is_empty() {
                return Err(wrong(format!("stands before the first {HEAD:?}")));
            }
        }
        Ok(samples)
    }

    fn from_head(head: &str) -> Result<Self, String> {
        let allowed = || "a head is `=== NAME: TARGET -> EXPECTED`".to_owned();
        let (name, rest) = head.split_once(": ").ok_or_else(allowed)?;
        let (target, expected) = rest.split_once(" -> ").ok_or_else(allowed)?;
        Ok(Self {
            name: name.to_owned(),
            target: Target::new(target).map_err(|error| format!("target: {error}"))?,
            expected: expected.parse()?,
            text: String::new(),
        })
    }

    /// Reads the sample as a check would and compares.
    ///
    /// # Errors
    ///
    /// [`Mismatch`].
    pub fn check(&self, task: &PingTask, platform: &Platform) -> Result<(), Box<Mismatch>> {
        let read = task.read_text(platform, Some(&self.target), &self.text);
        if self.expected.fits(&read) {
            return Ok(());
        }
        let read = read.map(|read| read.measurement);
        Err(Box::new(Mismatch { expected: self.expected.clone(), read }))
    }
}

impl Expected {
    fn fits(&self, read: &Result<super::Read, ParseError>) -> bool {
        match (self, read) {
            (Self::Figures(expected), Ok(read)) => same(expected, &read.measurement),
            (Self::Refused, Err(ParseError::Refused { .. }))
            | (Self::Other, Err(ParseError::OtherTarget { .. })) => true,
            (Self::Error, Err(error)) => {
                !matches!(error, ParseError::Refused { .. } | ParseError::OtherTarget { .. })
            }
            _ => false,
        }
    }
}

/// Whether counts and times are the same, and so are the details that are expected.
fn same(expected: &Measurement, read: &Measurement) -> bool {
    let Details { rtt_mdev_ms, duplicates, errors, unanswered, .. } = &expected.details;
    let found = &read.details;
    (expected.sent, expected.received, expected.rtt) == (read.sent, read.received, read.rtt)
        && rtt_mdev_ms.is_none_or(|mdev| found.rtt_mdev_ms == Some(mdev))
        && duplicates.is_none_or(|count| found.duplicates == Some(count))
        && errors.is_none_or(|count| found.errors == Some(count))
        && unanswered.iter().all(|(kind, count)| found.unanswered.get(kind) == Some(count))
}

impl std::str::FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "refused" => Ok(Self::Refused),
            "other" => Ok(Self::Other),
            "error" => Ok(Self::Error),
            _ => figures(text).map(Self::Figures),
        }
    }
}

fn figures(text: &str) -> Result<Measurement, String> {
    let mut words = text.split_whitespace();
    let counts = words.next().and_then(|word| word.split_once('/'));
    let (sent, received) = counts.ok_or_else(|| {
        format!("{:?} is none of SENT/RECEIVED, refused, other, error", text::head(text))
    })?;
    let mut measurement = Measurement::new(number(sent)?, number(received)?, None);
    for word in words {
        match word.split_once('=') {
            Some((key, value)) => detail(&mut measurement.details, key, value)?,
            None => measurement.rtt = Some(times(word)?),
        }
    }
    Ok(measurement)
}

fn detail(details: &mut Details, key: &str, value: &str) -> Result<(), String> {
    match key {
        "mdev" => details.rtt_mdev_ms = Some(number(value)?),
        "duplicates" => details.duplicates = Some(number(value)?),
        "errors" => details.errors = Some(number(value)?),
        _ => {
            let kind = Unanswered::ALL.into_iter().find(|kind| kind.as_str() == key);
            let kind = kind.ok_or_else(|| {
                let known = Unanswered::ALL.map(Unanswered::as_str).join(", ");
                format!("unknown {key:?}; allowed are mdev, duplicates, errors, {known}")
            })?;
            details.unanswered.insert(kind, number(value)?);
        }
    }
    Ok(())
}

fn times(word: &str) -> Result<RttMs, String> {
    let times: Result<Vec<f64>, String> = word.split('/').map(number).collect();
    match times?[..] {
        [min, avg, max] => Ok(RttMs { min, avg, max }),
        _ => Err(format!("{word:?} is not MIN/AVG/MAX")),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number that fits"))
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Figures(measurement) => write_figures(f, measurement),
            Self::Refused => f.write_str("refused"),
            Self::Other => f.write_str("other"),
            Self::Error => f.write_str("error"),
        }
    }
}

fn write_figures(f: &mut fmt::Formatter<'_>, measurement: &Measurement) -> fmt::Result {
    let Measurement { sent, received, rtt, details } = measurement;
    write!(f, "{sent}/{received}")?;
    if let Some(RttMs { min, avg, max }) = rtt {
        write!(f, " {min}/{avg}/{max}")?;
    }
    if let Some(mdev) = details.rtt_mdev_ms {
        write!(f, " mdev={mdev}")?;
    }
    for (key, count) in [("duplicates", details.duplicates), ("errors", details.errors)] {
        if let Some(count) = count {
            write!(f, " {key}={count}")?;
        }
    }
    let unanswered: &BTreeMap<Unanswered, u32> = &details.unanswered;
    unanswered.iter().try_for_each(|(kind, count)| write!(f, " {kind}={count}"))
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, read ", self.expected)?;
        match &self.read {
            Ok(measurement) => write_figures(f, measurement),
            Err(error) => write!(f, "no figures: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_any_number_of_samples() {
        let file = "\n=== one: 192.0.2.1 -> 5/3 1/2/3 mdev=0.5 timed_out=2\nfirst\n\nsecond\n\
                    === two: far.example -> refused\n=== three: 192.0.2.1 -> 1/0 errors=1\n";
        let samples = Sample::parse_all(file).unwrap();
        assert_eq!(samples[0].text, "first\n\nsecond\n");
        let written: Vec<_> = samples.iter().map(|sample| sample.expected.to_string()).collect();
        assert_eq!(written, ["5/3 1/2/3 mdev=0.5 timed_out=2", "refused", "1/0 errors=1"]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (file, expected) in [
            ("text\n", "line 1: stands before"),
            ("=== a: 192.0.2.1 -> 1/0\n=== b\n", "line 2: a head is"),
            ("=== a: 192.0.2.1 -> all\n", "none of SENT/RECEIVED"),
            ("=== a: 192.0.2.1 -> 5/x\n", "\"x\" is not a number"),
            ("=== a: 192.0.2.1 -> 5/5 1/2\n", "is not MIN/AVG/MAX"),
            ("=== a: 192.0.2.1 -> 5/4 lost=1\n", "unknown \"lost\""),
            ("=== a: two words -> 5/4\n", "line 1: target"),
        ] {
            let error = Sample::parse_all(file).unwrap_err().to_string();
            assert!(error.contains(expected), "{file}: {error}");
        }
    }
}
