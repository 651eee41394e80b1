//! The section `spool`: where outcomes wait until every sink has them, and for how long.

use std::path::PathBuf;
use std::time::Duration;

use config::ValueKind;

use super::Surroundings;
use super::allowed::{Allowed, Form};
use super::section::Section;
use super::value::{duration_within, word};
use crate::spool::SpoolSettings;

/// Zabbix keeps history for 7 days in many templates, and drops what is older.
const AGE_MAX_DEFAULT: Duration = Duration::from_secs(7 * 86_400);
/// About 1.5 million outcomes: half a day of 2000 lines at 60 s.
const BYTES_MAX_DEFAULT: u64 = 1 << 30;
/// Less would be dropped before a slow Zabbix is back.
const AGE_MIN: Duration = Duration::from_secs(60);
const AGE_MAX: Duration = Duration::from_secs(366 * 86_400);
const BYTES_MIN: u64 = 16 << 20;
const BYTES_MAX: u64 = 1 << 40;
/// Where systemd lets a service keep its state.
const STATE_DIRECTORY: &str = "STATE_DIRECTORY";

/// Reads the section. Without a directory outcomes wait in memory, which is worth a warning when
/// there is a sink (`is_used`).
pub(super) fn read(
    root: &mut Section<'_>,
    around: &Surroundings<'_>,
    is_used: bool,
    warnings: &mut Vec<String>,
) -> SpoolSettings {
    let default = around.environment.get(STATE_DIRECTORY).filter(|path| !path.is_empty());
    // systemd lists several, separated by colons; the first is ours.
    let default = default.and_then(|paths| paths.split(':').next()).map(PathBuf::from);
    let settings = root.section("spool", |spool| {
        let directory = spool.get("directory", word).map(|path| around.directory.join(path));
        let age_max = spool.get("max_age", duration_within(AGE_MIN..=AGE_MAX));
        let bytes_max = spool.get("max_size", size_within(BYTES_MIN, BYTES_MAX));
        (directory, age_max, bytes_max)
    });
    let (directory, age_max, bytes_max) = settings.unwrap_or_default();
    let directory = directory.or_else(|| Some(default?.join("spool")));
    if directory.is_none() && is_used {
        warnings.push(
            "spool.directory is not set: outcomes that are not delivered yet wait in memory, and \
             a restart loses them"
                .to_owned(),
        );
    }
    SpoolSettings {
        directory,
        age_max: age_max.unwrap_or(AGE_MAX_DEFAULT),
        bytes_max: bytes_max.unwrap_or(BYTES_MAX_DEFAULT),
    }
}

/// An amount of bytes: `512MiB`, `2GiB`, or a whole number of bytes.
pub(super) fn size_within(min: u64, max: u64) -> impl FnOnce(&ValueKind) -> Result<u64, Allowed> {
    move |value| {
        let read = match value {
            ValueKind::I64(bytes) => u64::try_from(*bytes).ok(),
            ValueKind::U64(bytes) => Some(*bytes),
            ValueKind::String(text) => size(text),
            _ => None,
        };
        read.filter(|bytes| (min..=max).contains(bytes)).ok_or_else(|| {
            let (from, to) = (shown(min), shown(max));
            let text = format!("a size such as 512MiB or 2GiB, from {from} to {to}");
            Allowed::new(Form::Size { min, max }, text)
        })
    }
}

fn size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A size as an operator writes it.
pub(crate) fn shown(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 40 => format!("{}TiB", bytes >> 40),
        bytes if bytes >= 1 << 30 => format!("{}GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 => format!("{}MiB", bytes >> 20),
        bytes => format!("{}KiB", bytes >> 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes() {
        for (text, bytes) in [("512MiB", 512 << 20), ("2 GiB", 2 << 30), ("4096", 4096)] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for wrong in ["", "MiB", "1.5GiB", "1GB", "-1", "99999999999999999999"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
        let refusal = size_within(16 << 20, 1 << 40)(&ValueKind::I64(5)).unwrap_err();
        assert_eq!(refusal.to_string(), "a size such as 512MiB or 2GiB, from 16MiB to 1TiB");
    }
}
