//! What the IOS family prints; it is shared by IOS XE and IOS XR.

use super::keywords::{Keyword, Wrong, is_command, read};
use super::{Line, PingCommand, PingRun, Refusal, Tally};

/// Marks (`!`, `.`) on one line.
const MARKS_PER_LINE: u32 = 70;

/// Bytes of a packet unless the command says otherwise.
const SIZE: u32 = 100;

/// Reads `ping [vrf V] [<family>] HOST [keyword value]...`.
pub(super) fn ping(
    line: &Line<'_>,
    families: &[&str],
    keywords: &[Keyword],
) -> Option<Result<PingCommand, Refusal>> {
    let words = line.words();
    if !is_command(words.first()?, "ping") {
        return None;
    }
    Some(read_ping(&words, families, keywords).map_err(|wrong| refuse(line, wrong)))
}

fn read_ping(
    words: &[&str],
    families: &[&str],
    keywords: &[Keyword],
) -> Result<PingCommand, Wrong> {
    let mut command = PingCommand::with_defaults(5, SIZE, 2000, 0);
    let mut at = 1;
    if words.get(at) == Some(&"vrf") {
        command.vrf = Some((*words.get(at + 1).ok_or(Wrong::Incomplete)?).to_owned());
        at += 2;
    }
    if words.get(at).is_some_and(|word| families.contains(word)) {
        at += 1;
    }
    command.target = (*words.get(at).ok_or(Wrong::Incomplete)?).to_owned();
    read(keywords, words, at + 1, &mut command)?;
    Ok(command)
}

/// The answer to a line that is not understood.
pub(super) fn refuse(line: &Line<'_>, wrong: Wrong) -> Refusal {
    Refusal::new(match wrong {
        Wrong::At(word) => {
            format!("{}% Invalid input detected at '^' marker.\n\n", line.caret(word, 0))
        }
        Wrong::Incomplete => "% Incomplete command.\n\n".to_owned(),
    })
}

pub(super) fn unresolved(target: &str) -> Refusal {
    Refusal::new(format!(
        "Translating \"{target}\"...domain server (255.255.255.255)\n\
         % Unrecognized host or address, or protocol not running.\n\n"
    ))
}

pub(super) fn header(run: &PingRun) -> String {
    let command = &run.command;
    let source = command
        .source
        .as_ref()
        .map_or(String::new(), |source| format!("Packet sent with a source address of {source}\n"));
    format!(
        "Type escape sequence to abort.\n\
         Sending {}, {}-byte ICMP Echos to {}, timeout is {} seconds:\n{source}",
        command.count.unwrap_or(0),
        command.size,
        run.address,
        command.timeout.as_secs(),
    )
}

pub(super) fn mark(mark: char, index: u32) -> String {
    let end = if (index + 1).is_multiple_of(MARKS_PER_LINE) { "\n" } else { "" };
    format!("{mark}{end}")
}

pub(super) fn summary(tally: &Tally) -> String {
    let start = if tally.sent.is_multiple_of(MARKS_PER_LINE) { "" } else { "\n" };
    let percent = u64::from(tally.received) * 100 / u64::from(tally.sent.max(1));
    let rtt = if tally.received == 0 {
        String::new()
    } else {
        let [min, avg, max] =
            [tally.min_ms(), tally.avg_ms(), tally.max_ms()].map(|rtt| rtt.max(1.0));
        format!(", round-trip min/avg/max = {min:.0}/{avg:.0}/{max:.0} ms")
    };
    format!("{start}Success rate is {percent} percent ({}/{}){rtt}\n", tally.received, tally.sent)
}
