//! Numbers as devices print them.

use super::figures::Doubt;
use super::text::head;

/// More digits than this are not a percentage or a time.
const DECIMAL_CHARS_MAX: usize = 16;

/// Units of time, with what one of them is in milliseconds.
const UNITS: [(&str, f64); 6] =
    [("ms", 1.0), ("us", 0.001), ("s", 1000.0), ("msec", 1.0), ("usec", 0.001), ("sec", 1000.0)];

/// A percentage as it was printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Percent {
    pub(super) value: f64,
    /// The size of the last digit that was printed.
    pub(super) digit: f64,
}

/// A number of packets.
pub(super) fn count(text: &str) -> Result<u32, Doubt> {
    text.parse().map_err(|_| not_a_number(text))
}

/// A percentage. It is negative where a device got more answers than it sent packets; some
/// languages put a comma before the decimals.
pub(super) fn percent(text: &str) -> Result<Percent, Doubt> {
    let with_dot = text.replacen(',', ".", 1);
    let (sign, number) = match with_dot.strip_prefix('-') {
        Some(number) => (-1.0, number),
        None => (1.0, with_dot.as_str()),
    };
    let (_, decimals) = number.split_once('.').unwrap_or((number, ""));
    let decimals = i32::try_from(decimals.len()).map_err(|_| not_a_number(text))?;
    Ok(Percent { value: sign * decimal(number)?, digit: 10_f64.powi(-decimals) })
}

/// A time in milliseconds: a number in `unit`, or, as RouterOS and SR OS print it, numbers that
/// carry their units, largest first: `19ms38us` is 19.038 ms.
pub(super) fn milliseconds(text: &str, unit: &str) -> Result<f64, Doubt> {
    if text.contains(|c: char| c.is_ascii_alphabetic()) {
        return with_units(text, f64::INFINITY).ok_or_else(|| not_a_number(text));
    }
    let factor = factor(unit).ok_or_else(|| not_a_number(text))?;
    Ok(decimal(text)? * factor)
}

/// The sum of numbers in units below `above`, each unit below the one before it.
fn with_units(text: &str, above: f64) -> Option<f64> {
    let (number, rest) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let factor = factor(unit).filter(|factor| *factor < above)?;
    let time = decimal(number.trim_end()).ok()? * factor;
    if rest.is_empty() { Some(time) } else { Some(time + with_units(rest, factor)?) }
}

fn factor(unit: &str) -> Option<f64> {
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

/// A plain decimal number: digits, and digits after a dot.
fn decimal(text: &str) -> Result<f64, Doubt> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: Option<f64> = text.parse().ok();
    number
        .filter(|number| plain && text.len() <= DECIMAL_CHARS_MAX && number.is_finite())
        .ok_or_else(|| not_a_number(text))
}

fn not_a_number(text: &str) -> Doubt {
    Doubt::Contradiction(format!("{:?} is not a number that fits", head(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_milliseconds() {
        for (text, unit, ms) in [
            ("1500", "us", 1.5),
            ("1.25", "s", 1250.0),
            ("1.25", "ms", 1.25),
            ("3", "msec", 3.0),
            ("19ms38us", "", 19.038),
            ("1s2ms", "", 1002.0),
            ("64us", "", 0.064),
            ("1.93ms", "", 1.93),
            ("0.250 ms", "", 0.25),
        ] {
            let read = milliseconds(text, unit).unwrap();
            assert!((read - ms).abs() < 1e-9, "{text} {unit}: {read}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (text, unit) in [
            ("", "ms"),
            (".", "ms"),
            ("1.2.3", "ms"),
            ("1e5", "ms"),
            ("-1", "ms"),
            ("inf", "ms"),
            ("99999999999999999", "ms"),
            ("5", "parsec"),
            ("5ms3", ""),
            ("5ms3ms", ""),
            ("64u", ""),
        ] {
            assert!(milliseconds(text, unit).is_err(), "{text} {unit}");
        }
    }

    #[test]
    fn a_percentage_knows_its_last_digit() {
        assert_eq!(percent("33.3"), Ok(Percent { value: 33.3, digit: 0.1 }));
        assert_eq!(percent("33,3"), Ok(Percent { value: 33.3, digit: 0.1 }));
        assert_eq!(percent("-300"), Ok(Percent { value: -300.0, digit: 1.0 }));
        assert!(percent("--3").is_err() && percent("3.3.3").is_err());
    }
}
