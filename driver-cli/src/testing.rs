//! Replays recorded sessions, so that a bug report becomes a test without a network.
//!
//! Behind the `test-util` feature.

use std::time::Duration;

use pool_core::testing::{Act, ScriptedTransport};

/// A transport that plays the device's part of a written [`SessionLog`](crate::SessionLog): says
/// what it said, after the same time, and waits for what was sent to it. After the end of the log
/// it is silent.
///
/// Secrets are `***` in a log, so that is what the one who logs in must use for them.
///
/// # Errors
///
/// The first line that is none of a log's, with its number.
pub fn replay(log: &str) -> Result<ScriptedTransport, String> {
    let mut acts = Vec::new();
    let mut now = Duration::ZERO;
    for (number, line) in (1..).zip(log.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (at, act) = entry(line).ok_or_else(|| format!("line {number}: no entry: {line:?}"))?;
        // What is waited for comes in its own time; what is said comes that much later.
        if matches!(act, Act::Say(_)) && at > now {
            acts.push(Act::Think(at - now));
        }
        now = at;
        acts.push(act);
    }
    // What the device would have said after the end of the log is not known.
    acts.push(Act::Hang);
    Ok(ScriptedTransport::new(acts))
}

fn entry(line: &str) -> Option<(Duration, Act)> {
    let (time, rest) = line.trim_start().split_once(' ')?;
    let at = Duration::try_from_secs_f64(time.parse().ok()?).ok()?;
    let (sign, quoted) = rest.split_once(' ')?;
    if (sign, quoted) == ("<", "(closed)") {
        return Some((at, Act::Close));
    }
    let bytes = unescape(quoted.strip_prefix('"')?.strip_suffix('"')?)?;
    match sign {
        ">" => Some((at, Act::Expect(bytes))),
        "<" => Some((at, Act::Say(bytes))),
        _ => None,
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let mut after = rest[at + 1..].chars();
        match after.next()? {
            'r' => bytes.push(b'\r'),
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            'x' => {
                let digits = after.as_str().get(..2)?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                after = after.as_str()[2..].chars();
            }
            'u' => {
                let (digits, tail) = after.as_str().strip_prefix('{')?.split_once('}')?;
                let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                after = tail.chars();
            }
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = after.as_str();
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(bytes)
}
