//! Numbers as devices print them.

use super::figures::Doubt;
use super::text::head;

/// More digits than this are not a percentage or a time.
const DECIMAL_CHARS_MAX: usize = 16;

/// Units of time, with how many microseconds one of them has.
const UNITS: [(&str, u32); 6] =
    [("ms", 1000), ("us", 1), ("s", 1_000_000), ("msec", 1000), ("usec", 1), ("sec", 1_000_000)];
/// So many of them are a millisecond.
const US_PER_MS: u32 = 1000;

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
        return with_units(text).ok_or_else(|| not_a_number(text));
    }
    let us = us_per(unit).ok_or_else(|| not_a_number(text))?;
    Ok(in_ms(decimal(text)?, us))
}

/// A number in units of `us` microseconds. It is multiplied or divided by a whole number, so that
/// it stays the decimal number that was printed.
fn in_ms(number: f64, us: u32) -> f64 {
    if us >= US_PER_MS {
        number * f64::from(us / US_PER_MS)
    } else {
        number / f64::from(US_PER_MS / us)
    }
}

/// The sum of numbers with units, each unit below the one before it.
fn with_units(text: &str) -> Option<f64> {
    let (number, us, mut rest) = first_with_unit(text)?;
    let (mut total_us, mut above) = (number * f64::from(us), us);
    if rest.is_empty() {
        return Some(in_ms(number, us));
    }
    while !rest.is_empty() {
        let (number, us, behind) = first_with_unit(rest)?;
        if us >= above {
            return None;
        }
        total_us += number * f64::from(us);
        (above, rest) = (us, behind);
    }
    Some(in_ms(total_us, 1))
}

/// The number at the head of a text, how many microseconds its unit has, and what is behind it.
fn first_with_unit(text: &str) -> Option<(f64, u32, &str)> {
    let (number, rest) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    Some((decimal(number.trim_end()).ok()?, us_per(unit)?, rest))
}

fn us_per(unit: &str) -> Option<u32> {
    UNITS.iter().find(|(name, _)| *name == unit).map(|(_, us)| *us)
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
            ("3ms897us", "", 3.897),
            ("1s2ms3us", "", 1002.003),
            ("0.250 ms", "", 0.25),
        ] {
            assert_eq!(milliseconds(text, unit), Ok(ms), "{text} {unit}");
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
