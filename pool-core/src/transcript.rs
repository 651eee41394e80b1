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
    pub output: String,
    /// The exit status, where the protocol has one.
    pub exit_status: Option<i32>,
    /// From handing over the command to the end of its output.
    pub elapsed: Duration,
}
