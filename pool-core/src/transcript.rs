use std::time::Duration;

/// What a device answered to a [`Request`](crate::Request): one output per step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    /// The answers, in the order of the request's steps.
    pub steps: Vec<StepOutput>,
}

impl Transcript {
    /// The output of the last step, or nothing if there was no step.
    pub fn output(&self) -> &str {
        self.steps.last().map_or("", |step| &step.output)
    }
}

/// What a device answered to one command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepOutput {
    /// The command line.
    pub command: String,
    /// What was printed: without echo, prompt and terminal control, lines ended by `\n`.
    ///
    /// Where the protocol has a standard error apart, what came on it is the end of this.
    pub output: String,
    /// Where in `output` the standard error begins, in bytes. `None` where the protocol has one
    /// stream for all, as a terminal has.
    pub stderr_at: Option<usize>,
    /// The exit status, where the protocol has one. `None` also when a signal ended the command.
    pub exit_status: Option<i32>,
    /// The signal that ended the command, such as `KILL`, where the protocol has one (RFC 4254,
    /// section 6.10).
    pub exit_signal: Option<String>,
    /// From handing over the command to the end of its output.
    pub elapsed: Duration,
}

impl StepOutput {
    /// What came on the standard output; everything, where that is not told apart.
    pub fn stdout(&self) -> &str {
        self.split().0
    }

    /// What came on the standard error; nothing, where that is not told apart.
    pub fn stderr(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        let at = self.stderr_at.unwrap_or(self.output.len());
        self.output.split_at_checked(at).unwrap_or((&self.output, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_error_is_the_end_of_the_output_where_it_is_told_apart() {
        let mut step = StepOutput { output: "out\nerr\n".to_owned(), ..StepOutput::default() };
        assert_eq!((step.stdout(), step.stderr()), ("out\nerr\n", ""));
        step.stderr_at = Some(4);
        assert_eq!((step.stdout(), step.stderr()), ("out\n", "err\n"));
        step.stderr_at = Some(99);
        assert_eq!((step.stdout(), step.stderr()), ("out\nerr\n", ""), "no place in it");
    }
}
