use std::time::Duration;

/// Reads a time as Zabbix writes it: a whole number of seconds, or with one of the suffixes `s`,
/// `m`, `h`, `d` and `w`.
///
/// # Errors
///
/// What is allowed.
pub(super) fn seconds(text: &str) -> Result<Duration, &'static str> {
    const ALLOWED: &str = "a whole number of seconds, or a number with s, m, h, d or w after it";
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h', 'd', 'w']) {
        Some(number) => (number, text.as_bytes()[text.len() - 1]),
        None => (text, b's'),
    };
    // A sign would be read too.
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<u64> = if is_number { number.parse().ok() } else { None };
    let unit = match unit {
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 604_800,
        _ => 1,
    };
    let seconds = number.and_then(|number| number.checked_mul(unit));
    seconds.map(Duration::from_secs).ok_or(ALLOWED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_seconds_or_have_a_suffix() {
        for (text, expected) in
            [("180", 180), ("60s", 60), ("3m", 180), ("1h", 3600), ("1d", 86_400), ("1w", 604_800)]
        {
            assert_eq!(seconds(text), Ok(Duration::from_secs(expected)), "{text}");
        }
        for wrong in
            ["", "s", "-1", "+1", "1.5m", "3 m", "3M", "3mm", "{$X}", "99999999999999999999w"]
        {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "\\PC{0,40}|[0-9]{0,25}[smhdwé]?") {
            let read = seconds(&text);
            let digits = text.trim_end_matches(['s', 'm', 'h', 'd', 'w']);
            prop_assert!(read.is_err() || digits.bytes().all(|b| b.is_ascii_digit()));
        }

        #[test]
        fn what_was_written_is_read(number in 0u64..10_000_000, unit in 0usize..5) {
            let (suffix, factor) =
                [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)][unit];
            let read = seconds(&format!("{number}{suffix}"));
            prop_assert_eq!(read, Ok(Duration::from_secs(number * factor)));
        }
    }
}
