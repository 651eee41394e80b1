//! A platform's definition with what is peculiar to one device.

use pool_core::{ConfigProblem, Error, Result, TerminalConfig};
use regex::Regex;

use super::definition::{Level, PlatformDefinition};
use crate::TextEncoding;

/// The level that a prompt of the device's own stands for.
const OWN_LEVEL: &str = "(the device's own)";

/// Checks a pattern of one device's prompt.
///
/// # Errors
///
/// What it must be like.
pub fn check_prompt(pattern: &str) -> std::result::Result<(), String> {
    prompt(pattern).map(drop)
}

fn prompt(pattern: &str) -> std::result::Result<Regex, String> {
    if !(pattern.starts_with('^') && pattern.ends_with('$')) {
        return Err("a regular expression that begins with ^ and ends with $".to_owned());
    }
    let regex = Regex::new(pattern).map_err(|error| {
        // The library draws a picture over several lines; its last line is the reason.
        let error = error.to_string();
        format!("a regular expression ({})", error.lines().last().unwrap_or_default().trim())
    })?;
    if regex.is_match("") {
        return Err("a regular expression that does not match the empty line".to_owned());
    }
    Ok(regex)
}

impl PlatformDefinition {
    /// This definition for a device of which `terminal` tells what is peculiar.
    ///
    /// # Errors
    ///
    /// `InvalidConfig`, with each value that means nothing.
    pub(crate) fn adapted(&self, terminal: &TerminalConfig) -> Result<Self> {
        let mut definition = self.clone();
        let mut problems = Vec::new();
        if let Some(name) = &terminal.encoding {
            match name.parse::<TextEncoding>() {
                Ok(encoding) => definition.encoding = encoding,
                Err(known) => problems.push(ConfigProblem::new("encoding", name, known)),
            }
        }
        if let Some(pattern) = &terminal.prompt {
            match prompt(pattern) {
                Ok(prompt) => {
                    // It is the only one, so that no level is gone to: where the login leads is
                    // where the commands are run.
                    let level = Level { prompt, except: None };
                    definition.levels.insert(OWN_LEVEL.to_owned(), level);
                    definition.work_at = vec![OWN_LEVEL.to_owned()];
                }
                Err(allowed) => problems.push(ConfigProblem::new("prompt", pattern, allowed)),
            }
        }
        if problems.is_empty() { Ok(definition) } else { Err(Error::InvalidConfig(problems)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_a_pattern_of_a_whole_line() {
        assert_eq!(check_prompt(r"^R 1[#>]$"), Ok(()));
        for pattern in ["R1#", "^.*$", "^(R1#$", "^R1#"] {
            assert!(check_prompt(pattern).is_err(), "{pattern}");
        }
    }
}
