use std::time::Duration;

use crate::{ConfigProblem, Error, Result, Secret};

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
    questions: Vec<Question>,
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
        let fault = if command.trim().is_empty() {
            Some("a command that is not empty")
        } else {
            line_fault(&command)
        };
        if let Some(allowed) = fault {
            return Err(invalid("command", format!("{command:?}"), allowed));
        }
        Ok(Self { command, timeout: None, interrupt_after: None, questions: Vec::new() })
    }

    /// The same step, which may ask one more question before it goes on. A question is answered
    /// once; several are answered in whichever order they come, and need not come at all.
    #[must_use]
    pub fn asking(mut self, question: Question) -> Self {
        self.questions.push(question);
        self
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

    /// What it may ask, and the answers.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }
}

/// A question that a command asks before it goes on, and what to type then.
///
/// Only a session with a terminal can be asked something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    text: String,
    /// `Debug` shows neither kind of answer.
    answer: Secret,
    hidden: bool,
}

impl Question {
    /// The question whose line begins with `text`, such as `Repeat count`, and its answer. The
    /// empty answer takes what the device offers.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfig`] when the text is blank, or one of the two is longer than 512 bytes
    /// or has a control character in it.
    pub fn new(text: impl Into<String>, answer: impl Into<String>) -> Result<Self> {
        Self::checked(text.into(), Secret::new(answer), false)
    }

    /// As [`new`](Self::new), for an answer that must not be seen: it is left out of every log and
    /// masked in what is returned.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new). The answer is in no error.
    pub fn hidden(text: impl Into<String>, answer: Secret) -> Result<Self> {
        Self::checked(text.into(), answer, true)
    }

    fn checked(text: String, answer: Secret, hidden: bool) -> Result<Self> {
        if text.trim().is_empty() {
            return Err(invalid("question", format!("{text:?}"), "a text that is not blank"));
        }
        if let Some(allowed) = line_fault(&text) {
            return Err(invalid("question", format!("{text:?}"), allowed));
        }
        if let Some(allowed) = line_fault(answer.expose()) {
            return Err(invalid("answer", "***".to_owned(), allowed));
        }
        Ok(Self { text, answer, hidden })
    }

    /// What the line with the question begins with, blanks in front of it aside.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The answer, without a line end.
    pub fn answer(&self) -> &Secret {
        &self.answer
    }

    /// Whether the answer must not be seen.
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }
}

/// What a text must be to be typed as one line, if it is not that.
fn line_fault(text: &str) -> Option<&'static str> {
    if text.len() > COMMAND_BYTES_MAX {
        Some("at most 512 bytes")
    } else if text.chars().any(char::is_control) {
        Some("one line without control characters")
    } else {
        None
    }
}

fn invalid(key: &str, value: String, allowed: &str) -> Error {
    Error::InvalidConfig(vec![ConfigProblem::new(key, value, allowed)])
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

    #[test]
    fn a_question_and_its_answer_are_one_line_each_and_no_answer_is_shown() {
        let question = Question::hidden("Password:", Secret::new("hunter2")).unwrap();
        assert!(!format!("{question:?}").contains("hunter2"));
        assert!(Question::new("Repeat count", "").is_ok());
        for (text, answer) in [("", "5"), (" ", "5"), ("a\nb", "5"), ("Count", "5\nreload")] {
            let error = Question::hidden(text, Secret::new(answer)).unwrap_err();
            assert!(!error.to_string().contains("reload"), "{error}");
        }
    }
}
