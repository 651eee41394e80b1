use std::fmt::Write as _;

use crate::RouterSpec;
use crate::dialect::{Asked, Dialect, Line, PingCommand, Refusal};
use crate::pinging::PlannedPing;

/// What a router does about a command.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing was typed, or nothing is printed.
    Nothing,
    PagingOff,
    LoggingOff,
    TimestampsOff,
    Enable,
    Disable,
    Quit,
    /// This text, whose lines end with `\n`.
    Text(String),
    Ping(PlannedPing),
    /// Options for the pings to come.
    Preset(PingCommand),
    Refused(Refusal),
}

/// Reads a command as the device would; `presets` are the options of the session's pings.
pub(crate) fn understand(
    dialect: &'static Dialect,
    spec: &RouterSpec,
    line: &Line<'_>,
    presets: &PingCommand,
) -> Answer {
    let words = line.words();
    let text = words.join(" ");
    let is = |commands: &[String]| commands.contains(&text);
    if let Some(output) = spec.shows.get(&text) {
        return Answer::Text(output.clone());
    }
    let has_levels = dialect.user_prompt.is_some();
    match words.first() {
        None => Answer::Nothing,
        Some(_) if is(&dialect.quit) => Answer::Quit,
        Some(_) if is(&dialect.paging_off) => Answer::PagingOff,
        Some(_) if is(&dialect.logging_off) => Answer::LoggingOff,
        Some(_) if dialect.timestamps_off.as_ref() == Some(&text) => Answer::TimestampsOff,
        Some(&"enable") if has_levels => Answer::Enable,
        Some(&"disable") if has_levels => Answer::Disable,
        Some(_) if dialect.version_command == text => Answer::Text(version(dialect, spec)),
        Some(_) if dialect.config_command == text => Answer::Text(config(spec)),
        Some(_) if dialect.unix && text == "hostname" => Answer::Text(format!("{}\n", spec.name)),
        Some(first) => match dialect.ping.read(line, presets) {
            Some(Asked::Ping(command)) => match PlannedPing::new(dialect, spec, command) {
                Ok(plan) => Answer::Ping(plan),
                Err(refusal) => Answer::Refused(refusal),
            },
            Some(Asked::Preset(presets)) => Answer::Preset(presets),
            Some(Asked::Refused(refusal)) => Answer::Refused(refusal),
            None if dialect.accepted.iter().any(|known| known == first) => Answer::Nothing,
            None => Answer::Refused(dialect.unknown(line)),
        },
    }
}

fn version(dialect: &Dialect, spec: &RouterSpec) -> String {
    format!("{}, simulated {}, version 1.0\n", spec.name, dialect.name)
}

/// As many lines as the spec says.
fn config(spec: &RouterSpec) -> String {
    let mut text = String::new();
    for number in 1..=spec.show_lines {
        // Writing to a string cannot fail.
        let _ok = writeln!(text, "! line {number} of {} of {}", spec.show_lines, spec.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::by_name;

    fn answer(platform: &str, command: &str) -> Answer {
        let dialect = by_name(platform).expect("a platform");
        let spec = RouterSpec::new("r1", platform).show_lines(3).show("show clock", "noon\n");
        understand(dialect, &spec, &Line::new(command, 0), &dialect.ping.defaults())
    }

    #[test]
    fn each_platform_knows_its_own_words() {
        for platform in crate::platforms() {
            let dialect = by_name(platform).expect("a platform");
            for quit in &dialect.quit {
                assert!(matches!(answer(platform, quit), Answer::Quit), "{platform} {quit}");
            }
            for command in &dialect.paging_off {
                assert!(matches!(answer(platform, command), Answer::PagingOff), "{platform}");
            }
            let unknown = answer(platform, "frobnicate now");
            assert!(matches!(unknown, Answer::Refused(_)), "{platform}: {unknown:?}");
            let config = answer(platform, &dialect.config_command);
            assert!(
                matches!(&config, Answer::Text(text) if text.lines().count() == 3),
                "{platform}: {config:?}"
            );
        }
    }

    #[test]
    fn accepted_and_configured_commands_are_answered() {
        assert!(matches!(answer("cisco_iosxe", "terminal width 511"), Answer::Nothing));
        assert!(matches!(answer("cisco_iosxe", "  "), Answer::Nothing));
        assert!(matches!(answer("h3c_comware", "undo terminal monitor"), Answer::LoggingOff));
        let clock = answer("cisco_iosxe", "show clock");
        assert!(matches!(&clock, Answer::Text(text) if text == "noon\n"), "{clock:?}");
    }
}
