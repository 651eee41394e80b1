//! How devices write numbers.

use std::str::FromStr;

/// The form of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Form {
    /// As many digits as it takes.
    #[default]
    Plain,
    /// `0`: rounded to a whole number.
    Whole,
    /// `1+`: the same, and 1 at least.
    WholeFromOne,
    /// `floor`: cut to a whole number.
    Floor,
    /// `.N`: so many decimals.
    Decimals(usize),
    /// `trim3`: three decimals, without zeros at the end.
    Trimmed,
    /// `sig3`: three significant digits, as iputils prints the time of a reply.
    ThreeDigits,
    /// `g6`: six significant digits at most and no zeros at the end, as C's `%g` prints.
    SixDigits,
    /// `units`: milliseconds as `19ms38us`, as RouterOS prints them.
    Units,
}

impl Form {
    pub(super) fn write(self, number: f64) -> String {
        match self {
            Self::Plain => format!("{number}"),
            Self::Whole => format!("{number:.0}"),
            Self::WholeFromOne => format!("{:.0}", number.max(1.0)),
            Self::Floor => format!("{:.0}", number.floor()),
            Self::Decimals(decimals) => format!("{number:.decimals$}"),
            Self::Trimmed => without_trailing_zeros(&format!("{number:.3}")),
            Self::ThreeDigits => three_digits(number),
            Self::SixDigits => six_digits(number),
            Self::Units => units(number),
        }
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "0" => Self::Whole,
            "1+" => Self::WholeFromOne,
            "floor" => Self::Floor,
            "trim3" => Self::Trimmed,
            "sig3" => Self::ThreeDigits,
            "g6" => Self::SixDigits,
            "units" => Self::Units,
            _ => {
                let decimals = text.strip_prefix('.').and_then(|decimals| decimals.parse().ok());
                Self::Decimals(decimals.ok_or_else(|| format!("{text:?} is no form of a number"))?)
            }
        })
    }
}

fn without_trailing_zeros(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn six_digits(number: f64) -> String {
    let decimals = if number < 10.0 { 5 } else { 4 };
    without_trailing_zeros(&format!("{number:.decimals$}"))
}

fn three_digits(number: f64) -> String {
    let decimals = match number {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

fn units(milliseconds: f64) -> String {
    let [whole, micros] = [milliseconds.floor(), (milliseconds.fract() * 1000.0).round()];
    match (whole > 0.0, micros > 0.0) {
        (true, true) => format!("{whole:.0}ms{micros:.0}us"),
        (true, false) => format!("{whole:.0}ms"),
        (false, _) => format!("{micros:.0}us"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: &str, numbers: &[(f64, &str)]) {
        let form: Form = form.parse().expect("a form");
        for (number, text) in numbers {
            assert_eq!(form.write(*number), *text, "{form:?} of {number}");
        }
    }

    #[test]
    fn numbers_are_written_as_devices_write_them() {
        check("0", &[(2.4, "2"), (2.5, "2")]);
        check("1+", &[(0.4, "1"), (12.0, "12")]);
        check("floor", &[(33.9, "33")]);
        check(".2", &[(33.333, "33.33")]);
        check("trim3", &[(2.32, "2.32"), (2.0, "2")]);
        check("sig3", &[(0.03, "0.030"), (1.0, "1.00"), (28.74, "28.7"), (156.2, "156")]);
        check(
            "g6",
            &[(0.0, "0"), (20.0, "20"), (100.0 / 3.0, "33.3333"), (100.0 / 15.0, "6.66667")],
        );
        check("units", &[(19.038, "19ms38us"), (5.0, "5ms"), (0.061, "61us")]);
    }

    #[test]
    fn other_forms_are_refused() {
        assert!(".x".parse::<Form>().is_err() && "x".parse::<Form>().is_err());
    }
}
