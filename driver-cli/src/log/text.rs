//! The written form of a log.

use std::fmt::{self, Write};

use super::entry::{Direction, Entry};
use crate::redact::Redactor;

/// Writes `entries` with `secrets` masked.
pub(super) fn write(f: &mut impl Write, entries: &[Entry], secrets: &Redactor) -> fmt::Result {
    let mut hidden = [Direction::Sent, Direction::Received].map(|direction| {
        let said = entries.iter().filter(|entry| entry.direction == direction);
        let whole: Vec<u8> = said.flat_map(|entry| &entry.bytes).copied().collect();
        // A secret may be spread over several entries, so it is looked for in all of them at once.
        secrets.find(&whole).into_iter()
    });
    for entry in entries {
        let hidden = &mut hidden[usize::from(entry.direction == Direction::Received)];
        let seconds = entry.at.as_secs_f64();
        if entry.bytes.is_empty() {
            writeln!(f, "{seconds:>10.3} < (closed)")?;
        }
        for line in entry.bytes.split_inclusive(|byte| *byte == b'\n') {
            write!(f, "{seconds:>10.3} {} \"", entry.direction.sign())?;
            write_bytes(f, line, hidden)?;
            f.write_str("\"\n")?;
        }
    }
    Ok(())
}

/// Writes `bytes`, each of which `hidden` says whether it is part of a secret.
fn write_bytes(
    f: &mut impl Write,
    bytes: &[u8],
    hidden: &mut impl Iterator<Item = bool>,
) -> fmt::Result {
    let mut shown = Vec::with_capacity(bytes.len());
    let mut was_hidden = false;
    for byte in bytes {
        let is_hidden = hidden.next().unwrap_or(false);
        match (was_hidden, is_hidden) {
            (false, true) => shown.extend_from_slice(b"***"),
            (true, true) => {}
            (_, false) => shown.push(*byte),
        }
        was_hidden = is_hidden;
    }
    for chunk in shown.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' => f.write_char('\'')?,
                '\\' | '"' => write!(f, "\\{character}")?,
                '\r' => f.write_str("\\r")?,
                '\n' => f.write_str("\\n")?,
                '\t' => f.write_str("\\t")?,
                // Also what would move the cursor, or the direction of writing, where it is shown.
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                c => write!(f, "{}", c.escape_debug())?,
            }
        }
        for byte in chunk.invalid() {
            write!(f, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}
