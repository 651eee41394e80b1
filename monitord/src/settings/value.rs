//! From values of a file to values of the program. Each function says on failure what is allowed.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use config::ValueKind;

use super::allowed::{Allowed, Form};
use super::problem::shown;

/// What a duration may look like.
const DURATION: &str = "a duration such as 30s, 5m or 1h 30m, or a whole number of seconds";

/// A text. Numbers are refused, because `0123` in YAML is not the text that it looks like.
pub(super) fn text(value: &ValueKind) -> Result<String, Allowed> {
    match value {
        ValueKind::String(text) => Ok(text.clone()),
        ValueKind::I64(_) | ValueKind::U64(_) | ValueKind::Float(_) | ValueKind::Boolean(_) => {
            Err("a text: put it in quotes".into())
        }
        _ => Err("a text".into()),
    }
}

/// A text that is not empty.
pub(super) fn word(value: &ValueKind) -> Result<String, Allowed> {
    let allowed = || "a text that is not empty".into();
    text(value).and_then(|text| if text.is_empty() { Err(allowed()) } else { Ok(text) })
}

/// A whole number within `range`, which may also stand as a text: variables are always texts.
pub(super) fn integer<T>(range: RangeInclusive<T>) -> impl FnOnce(&ValueKind) -> Result<T, Allowed>
where
    T: TryFrom<u64> + TryInto<u64> + PartialOrd + std::fmt::Display + Copy,
{
    move |value| {
        let number = match value {
            ValueKind::I64(number) => u64::try_from(*number).ok(),
            ValueKind::U64(number) => Some(*number),
            ValueKind::String(text) => text.parse().ok(),
            _ => None,
        };
        number
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let bound = |bound: T| bound.try_into().unwrap_or(u64::MAX);
                let form = Form::Integer { min: bound(*range.start()), max: bound(*range.end()) };
                let text = format!("a whole number from {} to {}", range.start(), range.end());
                Allowed::new(form, text)
            })
    }
}

/// A number from 0 to 1, which may also stand as a text.
pub(super) fn ratio(value: &ValueKind) -> Result<f64, Allowed> {
    let number = match value {
        ValueKind::I64(0) => Some(0.0),
        ValueKind::I64(1) => Some(1.0),
        ValueKind::Float(number) => Some(*number),
        ValueKind::String(text) => text.parse().ok(),
        _ => None,
    };
    let within = |number: &f64| (0.0..=1.0).contains(number);
    let allowed = || Allowed::new(Form::Ratio, "a number from 0 to 1, such as 0.2");
    number.filter(within).ok_or_else(allowed)
}

/// Yes or no, which may also stand as a text: variables are always texts.
pub(super) fn boolean(value: &ValueKind) -> Result<bool, Allowed> {
    let allowed = || Allowed::new(Form::Boolean, "true or false");
    match value {
        ValueKind::Boolean(value) => Ok(*value),
        ValueKind::String(text) => text.parse().map_err(|_| allowed()),
        _ => Err(allowed()),
    }
}

/// A duration: `30s`, `1h 30m`, or a whole number of seconds.
pub(super) fn duration(value: &ValueKind) -> Result<Duration, Allowed> {
    if let Ok(seconds) = integer(0..=u64::from(u32::MAX))(value) {
        return Ok(Duration::from_secs(seconds));
    }
    let form = Form::Duration { min: Duration::ZERO, max: Duration::MAX };
    let allowed = || Allowed::new(form, DURATION);
    match value {
        ValueKind::String(text) => humantime::parse_duration(text).map_err(|_| allowed()),
        _ => Err(allowed()),
    }
}

/// A duration within `range`.
pub(super) fn duration_within(
    range: RangeInclusive<Duration>,
) -> impl FnOnce(&ValueKind) -> Result<Duration, Allowed> {
    move |value| {
        let form = Form::Duration { min: *range.start(), max: *range.end() };
        let read = match duration(value) {
            Ok(read) if range.contains(&read) => return Ok(read),
            read => read,
        };
        let bound = |bound: &Duration| humantime::format_duration(*bound).to_string();
        match read {
            Ok(_) => {
                let text = format!("{} to {}", bound(range.start()), bound(range.end()));
                Err(Allowed::new(form, text))
            }
            Err(allowed) => Err(allowed.of(form)),
        }
    }
}

/// An address and a port to listen on.
pub(super) fn socket_address(value: &ValueKind) -> Result<SocketAddr, Allowed> {
    let allowed = || "an IP address and a port, such as 127.0.0.1:9180".into();
    text(value).ok().and_then(|text| text.parse().ok()).ok_or_else(allowed)
}

/// One of the names in `table`, as what stands beside it there.
pub(super) fn one_of<T: Clone>(
    table: &'static [(&'static str, T)],
) -> impl Fn(&ValueKind) -> Result<T, Allowed> {
    move |value| {
        let name = match value {
            // YAML reads a bare `off` as the text that it is, and some other tools write `false`.
            ValueKind::Boolean(false) => "off",
            ValueKind::String(text) => text,
            _ => "",
        };
        let found = table.iter().find(|(known, _)| *known == name);
        let allowed = || {
            let names: Vec<_> = table.iter().map(|&(known, _)| known.to_owned()).collect();
            let text = names.join(", ");
            Allowed::new(Form::Name(names), text)
        };
        found.map(|(_, meaning)| meaning.clone()).ok_or_else(allowed)
    }
}

/// A list of what `item` reads, each once and at least one; a text is a list of what stands between
/// its commas, because variables are always texts.
pub(super) fn list_of<T: PartialEq>(
    item: impl Fn(&ValueKind) -> Result<T, Allowed>,
) -> impl FnOnce(&ValueKind) -> Result<Vec<T>, Allowed> {
    move |value| {
        let items: Vec<ValueKind> = match value {
            ValueKind::Array(items) => items.iter().map(|item| item.kind.clone()).collect(),
            ValueKind::String(text) => text.split(',').map(|word| word.trim().into()).collect(),
            _ => Vec::new(),
        };
        let form = || {
            let form = item(&ValueKind::Nil).err().map_or(Form::Text, Allowed::into_form);
            Form::List(Box::new(form))
        };
        let mut read: Vec<T> = Vec::with_capacity(items.len());
        for value in &items {
            let wrong = |text: &str| format!("a list of {text}; {} is none", shown(value));
            let one = item(value).map_err(|allowed| allowed.said(wrong).of(form()))?;
            if read.contains(&one) {
                return Err(Allowed::new(form(), "a list in which nothing is twice"));
            }
            read.push(one);
        }
        if read.is_empty() {
            return Err(Allowed::new(form(), "a list that is not empty"));
        }
        Ok(read)
    }
}

/// What `parse` reads, of which more is known than `parse` itself says: ranges that are checked
/// elsewhere, and names that another crate knows.
pub(super) fn formed<T>(
    form: Form,
    parse: impl FnOnce(&ValueKind) -> Result<T, Allowed>,
) -> impl FnOnce(&ValueKind) -> Result<T, Allowed> {
    move |value| parse(value).map_err(|allowed| allowed.of(form))
}

/// One of `names`, as a form.
pub(super) fn names<const N: usize>(names: [&str; N]) -> Form {
    Form::Name(names.map(str::to_owned).to_vec())
}

/// A text that `parse` makes something of. Its error says what is wrong.
pub(super) fn parsed<T, E>(
    parse: impl FnOnce(String) -> Result<T, E>,
    allowed: impl FnOnce(E) -> String,
) -> impl FnOnce(&ValueKind) -> Result<T, Allowed> {
    move |value| parse(text(value)?).map_err(|error| allowed(error).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_texts_or_seconds() {
        for (value, seconds) in [("30s", 30), ("1h 30m", 5400), ("45", 45)] {
            assert_eq!(duration(&value.into()), Ok(Duration::from_secs(seconds)), "{value}");
        }
        assert_eq!(duration(&ValueKind::I64(7)), Ok(Duration::from_secs(7)));
        for wrong in [ValueKind::I64(-1), ValueKind::Float(1.5), "soon".into(), ValueKind::Nil] {
            assert!(duration(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_ratio_is_a_number_from_0_to_1() {
        for (value, number) in [("0.2", 0.2), ("1", 1.0), ("0", 0.0)] {
            assert_eq!(ratio(&value.into()), Ok(number), "{value}");
        }
        assert_eq!(ratio(&ValueKind::Float(0.5)), Ok(0.5));
        assert_eq!(ratio(&ValueKind::I64(1)), Ok(1.0));
        for wrong in [ValueKind::I64(20), ValueKind::Float(1.1), "nan".into(), "20%".into()] {
            assert!(ratio(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_number_is_not_a_text() {
        assert!(text(&ValueKind::I64(12)).unwrap_err().to_string().contains("quotes"));
    }
}
