use std::time::Duration;

use crate::{ConfigProblem, Error, Result};

/// How much a command may print unless the request says otherwise. A `ping` prints a few
/// kilobytes; this leaves room for a `show` of a full table and still bounds what one session
/// can hold.
pub const OUTPUT_BYTES_MAX_DEFAULT: usize = 1 << 20;

/// The longest command line. IOS takes 254 characters, most others 512 or more.
const COMMAND_BYTES_MAX: usize = 512;

/// What to run on a session: commands, one after another, with one bound on their output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    steps: Vec<Step>,
    output_bytes_max: usize,
}

impl Request {
    /// A request of one command.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] when the text is not one command line; see [`Step::command`].
    pub fn command(command: impl Into<String>) -> Result<Self> {
        Ok(Self::new(Step::command(command)?))
    }

    /// A request of one step.
    pub fn new(step: Step) -> Self {
        Self { steps: vec![step], output_bytes_max: OUTPUT_BYTES_MAX_DEFAULT }
    }

    /// The same request with a further step.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// The same request with another bound, in bytes, on the output of each step.
    #[must_use]
    pub fn with_output_bytes_max(mut self, output_bytes_max: usize) -> Self {
        self.output_bytes_max = output_bytes_max;
        self
    }

    /// The steps, at least one.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many bytes each step may print before the session is given up.
    pub fn output_bytes_max(&self) -> usize {
        self.output_bytes_max
    }
}

/// One command of a [`Request`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    command: String,
    timeout: Option<Duration>,
    interrupt_after: Option<Duration>,
}

impl Step {
    /// A step that runs `command` and waits for it to end.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] when the text is empty, longer than 512 bytes, or has a control
    /// character in it: a line break would make it two commands.
    pub fn command(command: impl Into<String>) -> Result<Self> {
        let command = command.into();
        let allowed = if command.trim().is_empty() {
            "a command that is not empty"
        } else if command.len() > COMMAND_BYTES_MAX {
            "at most 512 bytes"
        } else if command.chars().any(char::is_control) {
            "one line without control characters"
        } else {
            return Ok(Self { command, timeout: None, interrupt_after: None });
        };
        let problem = ConfigProblem::new("command", format!("{command:?}"), allowed);
        Err(Error::InvalidConfig(vec![problem]))
    }

    /// The same step with its own time for output, in place of the session's `read_timeout`.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The same step, interrupted with Ctrl-C after `after`: for commands that do not end by
    /// themselves. What was printed until the prompt came back is the output.
    #[must_use]
    pub fn interrupted_after(mut self, after: Duration) -> Self {
        self.interrupt_after = Some(after);
        self
    }

    /// The command line, without a line end.
    pub fn line(&self) -> &str {
        &self.command
    }

    /// How long its output may take, if it has its own bound.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// When to interrupt it, if at all.
    pub fn interrupt_after(&self) -> Option<Duration> {
        self.interrupt_after
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line() {
        assert!(Request::command("ping 192.0.2.1").is_ok());
        for text in ["", "  ", "ping\nreload", "ping\rreload", "a\u{3}b", "ping\u{85}x"] {
            assert!(Request::command(text).is_err(), "{text:?}");
        }
        assert!(Request::command("x".repeat(513)).is_err());
    }
}
