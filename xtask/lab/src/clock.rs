//! The time as devices print it, always in UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

fn format(format: &str) -> String {
    Timestamp::now().to_zoned(TimeZone::UTC).strftime(format).to_string()
}

/// As IOS XR prints it above an output: `Sun Nov 22 08:21:22.123 UTC`.
pub(crate) fn output_time() -> String {
    format("%a %b %e %H:%M:%S%.3f UTC")
}

/// As Comware prints it in its log: `Nov 22 08:21:22:123 2026`.
pub(crate) fn log_time() -> String {
    format("%b %e %H:%M:%S:%3f %Y")
}

/// As it is printed after login: `2026-11-22 08:21:22+00:00`.
pub(crate) fn login_time() -> String {
    format("%Y-%m-%d %H:%M:%S%:z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_can_be_printed() {
        for text in [output_time(), log_time(), login_time()] {
            assert!(text.contains(':') && !text.contains('%'), "{text}");
        }
    }
}
