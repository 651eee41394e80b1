//! The patterns of definitions: each is bounded, and made to match a whole line.

use regex::{Captures, Regex, RegexBuilder};

use super::keys::Keys;

/// The compiled size of one pattern. The built-in ones take a few kilobytes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
/// Patterns in one list. The longest built-in list has twelve.
const PATTERNS_MAX: usize = 64;

/// Whether a pattern has a group of this name.
pub(super) fn has_group(pattern: &Regex, group: &str) -> bool {
    pattern.capture_names().flatten().any(|name| name == group)
}

/// What the first of `patterns` that matches `line` finds in it. Most lines match none, and whether
/// one does is told without the room for what it finds, which costs more than all the rest.
pub(super) fn first_match<'a>(patterns: &[Regex], line: &'a str) -> Option<Captures<'a>> {
    patterns.iter().find(|pattern| pattern.is_match(line))?.captures(line)
}

/// The patterns of a list, each made to match a whole line.
pub(super) fn patterns(keys: &mut Keys<'_>, key: &'static str, groups: &[&str]) -> Vec<Regex> {
    let texts: Vec<String> = keys.optional(key).unwrap_or_default();
    compiled(keys, key, &texts, groups)
}

/// The same, of a list that has been read.
pub(super) fn compiled(
    keys: &mut Keys<'_>,
    key: &str,
    texts: &[String],
    groups: &[&str],
) -> Vec<Regex> {
    if texts.len() > PATTERNS_MAX {
        keys.complain(key, format!("has {} patterns; allowed are {PATTERNS_MAX}", texts.len()));
        return Vec::new();
    }
    let mut patterns = Vec::new();
    for text in texts {
        match pattern(text, groups) {
            Ok(pattern) => patterns.push(pattern),
            Err(reason) => keys.complain(key, reason),
        }
    }
    patterns
}

/// A pattern that matches a whole line and has no group but these.
pub(super) fn pattern(text: &str, groups: &[&str]) -> Result<Regex, String> {
    let whole_line = format!("^(?:{text})$");
    let pattern = RegexBuilder::new(&whole_line)
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map_err(|error| error.to_string())?;
    if let Some(group) = pattern.capture_names().flatten().find(|name| !groups.contains(name)) {
        let known = if groups.is_empty() { "none".to_owned() } else { groups.join(", ") };
        return Err(format!("unknown group {group} in {text:?}: known are {known}"));
    }
    Ok(pattern)
}
