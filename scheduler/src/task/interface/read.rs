use std::sync::LazyLock;

use regex::Regex;

use super::figures::{Found, InterfaceFigures};
use crate::task::ping::figures::Doubt;
use crate::task::ping::text::{head, is_log, lines};
use crate::{ParseError, Word};

/// What marks a log line wherever it begins: its facility and severity.
static FACILITY: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"%+\w+[-/]\d[-/]\w+").expect("a test uses it"));

/// Reads what one platform shows of an interface. Only whole lines are matched, and each figure
/// stands in one line.
#[derive(Debug)]
pub(super) struct Reader {
    /// Lines that stand anywhere.
    pub(super) lines: Vec<Regex>,
    /// Parts of the output with lines that mean something only there.
    pub(super) sections: Vec<Section>,
    /// Lines with which the device refuses the command.
    pub(super) refusals: Vec<Regex>,
}

/// A part of an output, up to the heading of the next.
#[derive(Debug)]
pub(super) struct Section {
    /// Its heading.
    pub(super) begins: Regex,
    /// The lines in it.
    pub(super) lines: Vec<Regex>,
}

impl Reader {
    /// Reads `text`, which is to show `interface`.
    pub(super) fn read(
        &self,
        interface: &Word,
        text: &str,
    ) -> Result<InterfaceFigures, ParseError> {
        let mut found = Found::default();
        let mut section: Option<&Section> = None;
        let mut refusal = None;
        let mut after_log = false;
        for line in lines(text) {
            let was_after_log = std::mem::replace(&mut after_log, is_logged(&line.text));
            if let Some(next) = self.sections.iter().find(|s| s.begins.is_match(&line.text)) {
                section = Some(next);
                continue;
            }
            let own = section.map_or(&[][..], |section| &section.lines);
            let mut patterns = self.lines.iter().chain(own);
            if let Some(captures) = patterns.find_map(|pattern| pattern.captures(&line.text)) {
                // A message may have broken into the line, of which this is the rest: perhaps that
                // of a number.
                if was_after_log {
                    return Err(ParseError::new(Doubt::Disturbed(line.text.clone()), text));
                }
                let taken = found.take(&captures, line.is_ended);
                taken.map_err(|doubt| ParseError::new(doubt, text))?;
            } else if self.refusals.iter().any(|refusal| refusal.is_match(&line.text)) {
                refusal.get_or_insert_with(|| head(&line.text));
            }
        }
        match (&found.name, refusal) {
            (Some(name), _) if !is_same(interface.as_str(), name) => {
                let (asked, found) = (interface.as_str().to_owned(), name.clone());
                Err(ParseError::OtherTarget { asked, found })
            }
            (None, Some(message)) => Err(ParseError::Refused { message }),
            _ => found.finish().map_err(|doubt| ParseError::new(doubt, text)),
        }
    }
}

fn is_logged(line: &str) -> bool {
    is_log(line) || FACILITY.is_match(line)
}

/// Whether a device that is asked for `asked` may show `shown`: the same name, of which the kind
/// may have been shortened (`Gi0/1`, `Te1/1`), in any case.
fn is_same(asked: &str, shown: &str) -> bool {
    let (asked_kind, asked_place) = split(asked);
    let (shown_kind, shown_place) = split(shown);
    let prefix = shown_kind.get(..asked_kind.len());
    let fits = prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(asked_kind));
    // Where there is no number, nothing but the whole name tells interfaces apart.
    let is_short = asked_kind.len() < shown_kind.len();
    asked_place == shown_place && fits && !(is_short && asked_place.is_empty())
}

/// The kind of an interface and its place: `GigabitEthernet` and `0/1`.
fn split(name: &str) -> (&str, &str) {
    name.split_at(name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_may_be_shortened_and_a_place_may_not() {
        for (asked, shown, same) in [
            ("GigabitEthernet0/1", "GigabitEthernet0/1", true),
            ("Gi0/1", "GigabitEthernet0/1", true),
            ("gigabitethernet0/1", "GigabitEthernet0/1", true),
            ("Gi0/1", "GigabitEthernet0/11", false),
            ("Gi0/1", "GigabitEthernet1/0/1", false),
            ("Te0/1", "GigabitEthernet0/1", false),
            ("GigabitEthernet0/1", "Gi0/1", false),
            ("eth0", "eth0", true),
            ("wan", "wan", true),
            ("wa", "wan", false),
        ] {
            assert_eq!(is_same(asked, shown), same, "{asked} {shown}");
        }
    }
}
