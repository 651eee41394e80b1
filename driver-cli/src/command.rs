//! One command: typed, echoed, collected up to the prompt.

use std::time::Duration;

use pool_core::{Context, Error, ErrorKind, Phase, Question, Result, Step};

use crate::channel::Heard;
use crate::collect::{Collect, Limits};
use crate::echo::EchoWatch;
use crate::output;
use crate::platform::EchoMode;
use crate::session::Session;
use crate::unasked::Lull;

/// How long bytes that are already there take to be handed over.
const DRAIN: Duration = Duration::from_millis(1);
/// How long an unexpected text must stand before it is taken to be over.
const SETTLE_QUIET: Duration = Duration::from_millis(50);
/// How long something that is not quite the echo must stand before it is taken for it.
const ECHO_QUIET: Duration = Duration::from_secs(1);
/// How much may come instead of an echo.
const ECHO_BYTES_MAX: usize = 1 << 16;
/// How much a command that prepares the session may print, or RETURN alone.
const SETUP_BYTES_MAX: usize = 1 << 16;

/// A command and the limits on it.
#[derive(Debug)]
pub(crate) struct Command<'a> {
    pub(crate) step: &'a Step,
    pub(crate) output_bytes_max: usize,
    pub(crate) timeout: Duration,
    /// The phase of handing it over, and that of waiting for its output.
    pub(crate) phases: (Phase, Phase),
}

impl<'a> Command<'a> {
    /// A command of a request.
    pub(crate) fn of_request(step: &'a Step, output_bytes_max: usize, session: &Session) -> Self {
        let timeout = step.timeout().unwrap_or(session.read_timeout);
        let phases = (Phase::Write, Phase::Read);
        Self { step, output_bytes_max, timeout, phases }
    }

    /// A command that prepares the session.
    pub(crate) fn of_setup(step: &'a Step, session: &Session) -> Self {
        let (output_bytes_max, timeout) = (SETUP_BYTES_MAX, session.read_timeout);
        Self { step, output_bytes_max, timeout, phases: (Phase::Setup, Phase::Setup) }
    }
}

impl Session {
    /// Runs a command and returns what it printed.
    ///
    /// # Errors
    ///
    /// `Rejected`, after which the session is as good as before; `Desynchronised`, when an earlier
    /// command has not come to its end; `OutputLimit`; `DeadlineExceeded`, with what was waited
    /// for as its source; `Cancelled`; `Disconnected`, with the device's last words.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe. A session whose command was cut short refuses every further one.
    pub(crate) async fn run(&mut self, ctx: &Context, command: &Command<'_>) -> Result<String> {
        self.require_step(command.phases.0)?;
        let line = command.step.line();
        self.settle(ctx, command.phases.0).await?;
        self.in_step = false;
        self.enter_line(ctx, command.phases.0, line).await?;
        let limits = Limits {
            phase: command.phases.1,
            timeout: command.timeout,
            interrupt_after: command.step.interrupt_after(),
            bytes_max: command.output_bytes_max,
            questions: command.step.questions().to_vec(),
        };
        let ended = Collect::new(self, limits).run(ctx).await?;
        let text = self.channel.screen.take();
        let output = output::clean(text, &ended, line, &self.prompt, &self.platform);
        if let Some(before) = output::before_second_echo(&output, &ended, line, &self.prompt) {
            let expected = format!("the output of `{line}`, and not its echo once more");
            return Err(self.channel.desynchronised_by(command.phases.1, expected, before));
        }
        self.in_step = true;
        self.spare_prompts = Some(self.returned_by(1 + ended.presses) - 1);
        match output::rejection(&output, &self.platform) {
            Some(message) => {
                let message = self.channel.masked(message);
                Err(Error::Rejected { command: self.channel.masked(line), message })
            }
            None if command.step.questions().iter().any(Question::is_hidden) => {
                Ok(self.channel.masked(&output))
            }
            None => Ok(output),
        }
    }

    /// Presses RETURN and waits for the prompt, whatever has come in before.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), in `phase`.
    ///
    /// # Cancel safety
    ///
    /// As `run`.
    pub(crate) async fn check(&mut self, ctx: &Context, phase: Phase) -> Result<()> {
        self.require_step(phase)?;
        self.settle(ctx, phase).await?;
        self.ask_for_prompt(ctx, phase).await
    }

    fn require_step(&self, phase: Phase) -> Result<()> {
        if self.in_step {
            return Ok(());
        }
        let expected = "the prompt, but an earlier command was cut short";
        Err(self.channel.desynchronised(phase, expected))
    }

    /// Presses RETURN and waits for the prompt. What has come before it is still on the screen, and
    /// must be nothing of an earlier command.
    async fn ask_for_prompt(&mut self, ctx: &Context, phase: Phase) -> Result<()> {
        self.in_step = false;
        self.press_return(ctx, phase).await?;
        let timeout = ctx.remaining();
        let (bytes_max, questions) = (SETUP_BYTES_MAX, Vec::new());
        let limits = Limits { phase, timeout, interrupt_after: None, bytes_max, questions };
        let ended = Collect::new(self, limits).run(ctx).await?;
        let text = self.channel.screen.take();
        let spare = self.returned_by(1 + ended.presses) - 1;
        self.spare_prompts = self.spare_prompts.map(|before| before + spare);
        self.require_lull(phase, &text)?;
        self.spare_prompts = self.spare_prompts.map(|_| spare);
        self.in_step = true;
        Ok(())
    }

    /// How many prompts RETURN may bring that is pressed `times`.
    fn returned_by(&self, times: usize) -> usize {
        // A device may take each half of CR LF for a RETURN.
        times * self.platform.line_ending.as_str().len()
    }

    /// Refuses `text`, which came while nothing was asked, if it is the output of an earlier command.
    fn require_lull(&self, phase: Phase, text: &str) -> Result<()> {
        let Self { platform, prompt, .. } = self;
        let Some(prompts) = self.spare_prompts else { return Ok(()) };
        if (Lull { platform, prompt, echo: "", prompts }).allows(text) {
            return Ok(());
        }
        let expected = format!("nothing but messages at the prompt {:?}", prompt.text);
        Err(self.channel.desynchronised_by(phase, expected, text))
    }

    /// Makes sure that nothing unread of an earlier time can be taken for what comes next: if
    /// anything has come in since the last prompt, waits for it to end and asks for a new prompt.
    ///
    /// # Errors
    ///
    /// `Desynchronised`, when an earlier command had not come to its end.
    pub(crate) async fn settle(&mut self, ctx: &Context, phase: Phase) -> Result<()> {
        let ctx = &ctx.capped(self.write_timeout);
        self.channel.screen.clear();
        if self.channel.is_drained()
            || self.channel.listen(ctx, phase, DRAIN).await? == Heard::Silence
        {
            return ctx.check(phase);
        }
        tracing::debug!(words = self.channel.last_words(), "the device spoke unasked");
        self.in_step = false;
        while self.channel.listen(ctx, phase, SETTLE_QUIET).await? == Heard::Text {
            if self.channel.screen.size() > SETUP_BYTES_MAX {
                return Err(self.channel.desynchronised(phase, "silence at the prompt"));
            }
        }
        self.require_lull(phase, self.channel.screen.text())?;
        self.ask_for_prompt(ctx, phase).await
    }

    /// Types `line` and RETURN, and waits for the echo if the platform has a usable one. What has
    /// come behind the echo is on the screen then, and nothing else.
    pub(crate) async fn enter_line(
        &mut self,
        ctx: &Context,
        phase: Phase,
        line: &str,
    ) -> Result<()> {
        let ctx = &ctx.capped(self.write_timeout);
        self.channel.screen.clear();
        if self.platform.echo == EchoMode::Await {
            self.channel.send(ctx, phase, line).await?;
            self.await_echo(ctx, phase, line).await?;
            return self.press_return(ctx, phase).await;
        }
        let text = [line, self.platform.line_ending.as_str()].concat();
        self.channel.send(ctx, phase, &text).await?;
        match self.platform.echo {
            EchoMode::Verify => self.await_echo(ctx, phase, line).await,
            EchoMode::Await | EchoMode::Ignore => Ok(()),
        }
    }

    async fn await_echo(&mut self, ctx: &Context, phase: Phase, line: &str) -> Result<()> {
        let Self { channel, platform, prompt, .. } = self;
        let mut watch = EchoWatch::of(line, &prompt.text, platform);
        let expected = || format!("the echo of `{line}`");
        loop {
            let heard = channel.overhear(ctx, phase, ECHO_QUIET).await;
            let heard = heard.map_err(|error| match error.kind() {
                ErrorKind::DeadlineExceeded => channel.explain(error, expected()),
                _ => error,
            })?;
            let before = match heard {
                Heard::Text => channel.show(|bytes, screen| watch.show(bytes, screen)),
                Heard::Silence => None,
            };
            let prompts = self.spare_prompts.map(|spare| spare + watch.messages());
            let lull =
                prompts.map(|prompts| Lull { platform, prompt, echo: watch.expected(), prompts });
            let is_allowed = |text: &str| lull.as_ref().is_none_or(|lull| lull.allows(text));
            match before {
                Some(before) if is_allowed(&before) => return Ok(()),
                Some(before) => return Err(channel.desynchronised_by(phase, expected(), &before)),
                None if heard == Heard::Text && channel.screen.size() <= ECHO_BYTES_MAX => continue,
                None => {}
            }
            // Something came, and it is over: an echo that the device paints in its own way.
            let shown = channel.screen.tail(ECHO_BYTES_MAX);
            if heard == Heard::Silence && lull.as_ref().is_none_or(|lull| lull.may_be_echo(&shown))
            {
                tracing::debug!("an echo of an unknown kind");
                return Ok(());
            }
            if heard == Heard::Text || !is_allowed(&shown) {
                return Err(channel.desynchronised(phase, expected()));
            }
        }
    }

    pub(crate) async fn press_return(&mut self, ctx: &Context, phase: Phase) -> Result<()> {
        let ctx = ctx.capped(self.write_timeout);
        self.channel.send(&ctx, phase, self.platform.line_ending.as_str()).await
    }
}
