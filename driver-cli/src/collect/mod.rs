//! What a command prints, up to the prompt.

#[cfg(test)]
mod tests;

use std::time::Duration;

use pool_core::{Context, Error, ErrorKind, Phase, Question, Result};
use tokio::time::Instant;
use tracing::debug;

use crate::channel::Heard;
use crate::pager::answer_pager;
use crate::platform::EchoMode;
use crate::prompt::{BuriedPrompt, Prompt};
use crate::session::{CTRL_C, Session};

/// How long the learnt prompt must stand at the end where there is no doubt about it, on a transport
/// that cannot tell whether there is more: what had left the device together with it has come by
/// then.
const CERTAIN_QUIET: Duration = Duration::from_millis(2);
/// A prompt of so many bytes that comes alone does not come from a device that sends letter by
/// letter.
const PIECE_BYTES_MIN: usize = 3;
/// How long the learnt prompt must stand at the end before it ends the command. A line of output
/// that looks the same is followed by the rest of the output well within this time.
const PROMPT_QUIET: Duration = Duration::from_millis(50);
/// How long something that is probably a prompt must stand before it is put to the test.
const CHANGED_QUIET: Duration = Duration::from_millis(300);
/// How long a text with a prompt above its end must stand before RETURN is pressed for a new one.
const BURIED_QUIET: Duration = Duration::from_secs(1);
/// How often RETURN is pressed for one command.
const NUDGES_MAX: usize = 3;

/// The limits on one command's output.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) phase: Phase,
    pub(crate) timeout: Duration,
    pub(crate) interrupt_after: Option<Duration>,
    pub(crate) bytes_max: usize,
    /// What the command may ask before it goes on.
    pub(crate) questions: Vec<Question>,
}

/// How a command's output came to its end, for the one who cleans it.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// The last RETURN that was pressed to bring back a prompt, if any was.
    pub(crate) nudge: Option<Nudge>,
    /// How many keys were pressed that may bring a prompt: RETURN and Ctrl-C.
    pub(crate) presses: usize,
    /// Whether a line of the text begins with the prompt.
    pub(crate) has_prompts: bool,
}

/// RETURN pressed in mid-output because a prompt seemed to have come already.
#[derive(Clone, Debug)]
pub(crate) struct Nudge {
    /// Bytes of text above the line on which it was pressed.
    pub(crate) above: usize,
    /// Bytes of text that are output if the prompt had come indeed.
    pub(crate) output: usize,
    /// The line on which it was pressed, without blanks at its end.
    pub(crate) line: String,
    /// What that line would be if the prompt has changed.
    candidate: Option<Prompt>,
}

impl Nudge {
    /// Whether nothing was added to the line on which RETURN was pressed.
    pub(crate) fn is_line_of(&self, text: &str) -> bool {
        text[self.above..].lines().next().is_some_and(|line| line.trim_end() == self.line)
    }
}

/// The collecting of one command's output.
pub(crate) struct Collect<'a> {
    session: &'a mut Session,
    limits: Limits,
    interrupt_at: Option<Instant>,
    heard_at: Instant,
    /// How many looks have been taken since something was heard.
    looks: usize,
    /// The longest pause so far within a line. A device that speaks haltingly is heard out for
    /// longer before its prompt is believed.
    pause: Duration,
    /// Whether what stands at the end is the prompt beyond reasonable doubt.
    certain: bool,
    buried: BuriedPrompt,
    nudges: usize,
    presses: usize,
    nudge: Option<Nudge>,
    /// Bytes of text above the line whose question was answered last.
    answered: Option<usize>,
}

impl<'a> Collect<'a> {
    pub(crate) fn new(session: &'a mut Session, limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            session,
            interrupt_at: limits.interrupt_after.and_then(|after| now.checked_add(after)),
            limits,
            heard_at: now,
            looks: 0,
            pause: Duration::ZERO,
            certain: false,
            buried: BuriedPrompt::default(),
            nudges: 0,
            presses: 0,
            nudge: None,
            answered: None,
        }
    }

    /// Listens until the prompt stands at the end.
    pub(crate) async fn run(mut self, ctx: &Context) -> Result<Ended> {
        let ctx = &ctx.capped(self.limits.timeout);
        let result = self.until_prompt(ctx).await;
        let Session { channel, prompt, .. } = &*self.session;
        match result {
            Ok(()) => Ok(Ended {
                nudge: self.nudge,
                presses: self.presses,
                has_prompts: self.buried.find_in_text(&channel.screen, prompt).is_some(),
            }),
            Err(error) if error.kind() == ErrorKind::DeadlineExceeded => {
                let expected = format!("the prompt {:?}", self.session.prompt.text);
                Err(self.session.channel.explain(error, expected))
            }
            Err(error) => Err(error),
        }
    }

    async fn until_prompt(&mut self, ctx: &Context) -> Result<()> {
        // Some of it, or all, may have come together with the echo.
        self.certain = self.is_certain(0, false);
        loop {
            if self.certain && self.session.channel.was_drained() {
                return Ok(());
            }
            if self.interrupt_at.is_some_and(|at| at <= Instant::now()) {
                self.interrupt_at = None;
                self.presses += 1;
                self.session.channel.send(ctx, self.limits.phase, CTRL_C).await?;
            }
            let silence = self.next_silence();
            let in_line = self.session.channel.screen.is_in_line();
            let above = self.session.channel.screen.text().len();
            match self.session.channel.listen(ctx, self.limits.phase, silence).await? {
                Heard::Text => {
                    if in_line {
                        self.pause = self.pause.max(self.heard_at.elapsed());
                    }
                    self.heard_at = Instant::now();
                    self.looks = 0;
                    self.certain = self.is_certain(above, in_line);
                    if self.session.channel.screen.size() > self.limits.bytes_max {
                        return Err(Error::OutputLimit { limit: self.limits.bytes_max });
                    }
                }
                // It was the time for the interrupt that was waited for.
                Heard::Silence if self.heard_at.elapsed() < self.silence() => {}
                Heard::Silence => {
                    self.looks += 1;
                    if self.look(ctx).await? {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Whether the prompt has certainly come with what was heard last; `above` bytes of text were
    /// there before, and something behind them if we were `in_line`.
    ///
    /// The whole prompt came in one piece, with the line end before it or as a piece of its own
    /// that is too long for one of a device that speaks haltingly. It stands behind output without
    /// a line that begins with a prompt, and the echo of the command had been seen before. A line
    /// of output that happens to be the prompt would have to be the first of its kind, and the
    /// device would have to fall silent right behind it.
    fn is_certain(&mut self, above: usize, in_line: bool) -> bool {
        let Session { channel, platform, prompt, .. } = &*self.session;
        let text = channel.screen.text();
        let with_line_end = text.len() > above;
        let alone = !in_line && prompt.text.len() >= PIECE_BYTES_MIN;
        let in_one_piece = (with_line_end || alone) && prompt.is_at_end(&channel.screen);
        if !in_one_piece || prompt.varies || platform.echo == EchoMode::Ignore {
            return false;
        }
        // What a command prints that prepares the session is not looked at any further.
        let has_output = || text.chars().any(|character| !character.is_whitespace());
        (self.limits.phase == Phase::Setup || has_output())
            && self.buried.find_in_text(&channel.screen, prompt).is_none()
    }

    /// How long to listen before the next look or the interrupt.
    fn next_silence(&self) -> Duration {
        let look = self.silence().saturating_sub(self.heard_at.elapsed());
        match self.interrupt_at {
            Some(at) => look.min(at.saturating_duration_since(Instant::now())),
            None => look,
        }
    }

    /// The silence after which something is looked at next.
    fn silence(&self) -> Duration {
        match self.looks {
            0 if self.certain => CERTAIN_QUIET,
            0 => (self.pause * 2).clamp(PROMPT_QUIET, CHANGED_QUIET),
            1 => CHANGED_QUIET,
            2 => BURIED_QUIET,
            _ => Duration::MAX,
        }
    }

    /// Looks at the end of the text after one more silence; says whether the command has come to
    /// its end.
    async fn look(&mut self, ctx: &Context) -> Result<bool> {
        match self.looks {
            1 => self.look_for_prompt(ctx).await,
            2 => self.look_for_changed_prompt(ctx).await,
            _ => self.look_for_buried_prompt(ctx).await,
        }
    }

    async fn look_for_prompt(&mut self, ctx: &Context) -> Result<bool> {
        if self.session.prompt.is_at_end(&self.session.channel.screen) {
            return Ok(true);
        }
        self.answer_question(ctx).await?;
        let Session { channel, platform, .. } = &mut *self.session;
        answer_pager(ctx, self.limits.phase, channel, platform).await?;
        Ok(false)
    }

    /// Answers the question on the line the cursor is on, if it is one that the command was
    /// expected to ask. A line is answered once, and so is a question: a device that asks again
    /// did not like the answer.
    async fn answer_question(&mut self, ctx: &Context) -> Result<()> {
        let screen = &self.session.channel.screen;
        let above = screen.text().len();
        if self.limits.questions.is_empty() || self.answered == Some(above) {
            return Ok(());
        }
        let line = screen.line();
        let line = line.trim_start();
        let asked = self.limits.questions.iter().position(|known| line.starts_with(known.text()));
        let Some(asked) = asked else { return Ok(()) };
        let question = self.limits.questions.remove(asked);
        self.answered = Some(above);
        if question.is_hidden() {
            self.session.channel.hide(question.answer());
        }
        let ending = self.session.platform.line_ending.as_str();
        let text = format!("{}{ending}", question.answer().expose());
        self.session.channel.send(ctx, self.limits.phase, &text).await
    }

    async fn look_for_changed_prompt(&mut self, ctx: &Context) -> Result<bool> {
        let Session { channel, platform, prompt, .. } = &mut *self.session;
        let above = channel.screen.text().len();
        let found = Prompt::find(&channel.screen, platform);
        if let Some(found) = &found {
            let last = self.nudge.as_mut().filter(|nudge| nudge.above < above);
            // The line on which RETURN was pressed has gone on if it was the beginning of a line
            // of output, and then another of its kind is no answer to RETURN.
            let stood = last.filter(|nudge| nudge.is_line_of(channel.screen.text()));
            let confirmed = stood.filter(|nudge| nudge.candidate.as_ref() == Some(found));
            if confirmed.is_some() || prompt.varies {
                debug!(from = prompt.text, to = found.text, "the prompt has changed");
                // What stood in front of the old prompt was a part of the new one.
                confirmed.into_iter().for_each(|nudge| nudge.output = nudge.above);
                *prompt = Prompt { varies: prompt.varies, ..found.clone() };
                return Ok(true);
            }
        }
        // The learnt prompt at the end of a longer line may stand behind output without a line
        // end, or the longer line is the new prompt. What RETURN brings tells one from the other.
        let before = prompt.behind_output(&channel.screen);
        if found.is_some() || before.is_some() {
            // Unless the prompt has changed to it, a line without the learnt prompt is output.
            let before = before.unwrap_or_else(|| channel.screen.line().trim_end().len());
            self.nudge(ctx, above + before, found).await?;
        }
        Ok(false)
    }

    async fn look_for_buried_prompt(&mut self, ctx: &Context) -> Result<bool> {
        let Session { channel, prompt, .. } = &mut *self.session;
        if self.nudge.is_none()
            && let Some(output) = self.buried.find(&channel.screen, prompt)
        {
            self.nudge(ctx, output, None).await?;
        }
        Ok(false)
    }

    /// Presses RETURN, unless that was done often enough or nothing has come since the last time.
    async fn nudge(
        &mut self,
        ctx: &Context,
        output: usize,
        candidate: Option<Prompt>,
    ) -> Result<()> {
        let screen = &self.session.channel.screen;
        let above = screen.text().len();
        let again = self.nudge.as_ref().is_some_and(|last| last.above == above);
        if again || self.nudges == NUDGES_MAX {
            return Ok(());
        }
        let line = screen.line().trim_end().to_owned();
        self.nudges += 1;
        self.presses += 1;
        self.nudge = Some(Nudge { above, output, line, candidate });
        self.session.press_return(ctx, self.limits.phase).await
    }
}
