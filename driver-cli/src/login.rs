//! From the first byte to the first prompt.

use std::time::Duration;

use pool_core::{Context, Credentials, Error, ErrorKind, Phase, Result};
use tracing::debug;

use crate::PlatformDefinition;
use crate::channel::{Channel, Heard};
use crate::pager::answer_pager;
use crate::platform::Answer;
use crate::prompt::Prompt;

/// How long the end of the text must stand before it is taken for a prompt and put to the test.
const QUIET: Duration = Duration::from_millis(100);
/// How long a text that ends in no prompt must stand before we press RETURN: some devices wait
/// for that, and others print a log line over their prompt.
const NUDGE_QUIET: Duration = Duration::from_secs(2);
/// How often RETURN is pressed without a prompt in sight. More would be typing into the unknown.
const NUDGES_MAX: usize = 2;
/// How often a line that looks like a prompt is put to the test. One that differs every time has
/// a clock in it, or the like.
const PROBES_MAX: usize = 4;
/// How many questions are answered before the prompt. Nobody asks more than two; a device that
/// repeats one does not like the answer.
const DIALOGUES_MAX: usize = 6;
/// How many pages of a greeting are turned: a pager does its work at login already on some devices,
/// and the greeting is bounded anyway.
const PAGES_MAX: usize = 1000;
/// How much a device may say before its prompt. Banners of 100 KB have been seen.
const GREETING_BYTES_MAX: usize = 1 << 20;
/// How much of the end of the greeting is searched for questions and refusals.
const SEARCHED_CHARS_MAX: usize = 2048;

/// Waits for the first prompt.
///
/// Anything may stand in front of it, lines that look like prompts included. The last line that
/// has stood for a moment and looks like one is put to the test: RETURN must bring the same line
/// again.
///
/// # Errors
///
/// In phase `Prompt`: `DeadlineExceeded` with what came instead, `Cancelled`, `Disconnected` with
/// the device's last words, `Busy` if they say that it has no session left. `Authentication` when
/// it asks for user and password on the terminal and does not take them.
///
/// # Cancel safety
///
/// Not cancel safe: something may have been typed.
pub(crate) async fn first_prompt(
    ctx: &Context,
    channel: &mut Channel,
    platform: &PlatformDefinition,
    credentials: &Credentials,
) -> Result<Prompt> {
    let found = Login::new(channel, platform, credentials).find(ctx).await;
    found.map_err(|error| match error.kind() {
        ErrorKind::DeadlineExceeded => {
            channel.explain(error, format!("a prompt of {}", platform.name))
        }
        ErrorKind::Disconnected => refusal(channel, platform).unwrap_or(error),
        _ => error,
    })
}

/// What the device said, if it is that it has no session left.
fn refusal(channel: &Channel, platform: &PlatformDefinition) -> Option<Error> {
    let tail = channel.screen.tail(SEARCHED_CHARS_MAX);
    let words = platform.busy.as_ref()?.find(&tail)?;
    let message = channel.masked(words.as_str().trim());
    Some(Error::Busy { phase: Phase::Prompt, message })
}

struct Login<'a> {
    channel: &'a mut Channel,
    platform: &'a PlatformDefinition,
    credentials: &'a Credentials,
    /// Whether the password has been typed.
    password_typed: bool,
    candidate: Option<Candidate>,
    probes: usize,
    nudges: usize,
    dialogues: usize,
    pages: usize,
    /// Bytes of text whose questions have been answered.
    answered: usize,
}

/// A line that looks like a prompt and was answered with RETURN.
struct Candidate {
    prompt: Prompt,
    /// Bytes of text above it.
    above: usize,
}

impl<'a> Login<'a> {
    fn new(
        channel: &'a mut Channel,
        platform: &'a PlatformDefinition,
        credentials: &'a Credentials,
    ) -> Self {
        Self {
            channel,
            platform,
            credentials,
            password_typed: false,
            candidate: None,
            probes: 0,
            nudges: 0,
            dialogues: 0,
            pages: 0,
            answered: 0,
        }
    }

    async fn find(mut self, ctx: &Context) -> Result<Prompt> {
        let mut silence = QUIET;
        loop {
            match self.channel.listen(ctx, Phase::Prompt, silence).await? {
                Heard::Text if self.channel.screen.size() > GREETING_BYTES_MAX => {
                    let message = format!("more than {GREETING_BYTES_MAX} bytes and no prompt");
                    return Err(Error::Protocol { phase: Phase::Prompt, message });
                }
                Heard::Text => silence = QUIET,
                Heard::Silence if silence == QUIET => {
                    if let Some(prompt) = self.look(ctx).await? {
                        self.channel.screen.clear();
                        return Ok(prompt);
                    }
                    silence = NUDGE_QUIET;
                }
                Heard::Silence => {
                    self.nudge(ctx).await?;
                    silence = Duration::MAX;
                }
            }
        }
    }

    /// Looks at what stands at the end: a question, a prompt, a refusal, or nothing of the kind.
    async fn look(&mut self, ctx: &Context) -> Result<Option<Prompt>> {
        if let Some(answer) = self.question() {
            let typed = self.typed(answer)?;
            self.dialogues += 1;
            debug!(?answer, "answered a question before the prompt");
            self.channel.screen.finish_line();
            self.answered = self.channel.screen.text().len();
            self.press_return(ctx, typed).await?;
            return Ok(None);
        }
        if self.pages < PAGES_MAX
            && answer_pager(ctx, Phase::Prompt, self.channel, self.platform).await?
        {
            self.pages += 1;
            return Ok(None);
        }
        match Prompt::find(&self.channel.screen, self.platform) {
            Some(prompt) => self.probe(ctx, prompt).await,
            None => match refusal(self.channel, self.platform) {
                Some(busy) => Err(busy),
                None => Ok(None),
            },
        }
    }

    /// The answer to the question in the last line that is not blank, if it is a known one.
    fn question(&self) -> Option<&'a Answer> {
        let screen = &self.channel.screen;
        if self.dialogues == DIALOGUES_MAX {
            return None;
        }
        let line = screen.line();
        let unanswered = screen.text()[self.answered..].lines().rev();
        let last = std::iter::once(line.as_str())
            .chain(unanswered)
            .find(|line| !line.trim().is_empty())?
            .trim_end();
        let dialogue = self.platform.dialogues.iter().find(|known| known.pattern.is_match(last))?;
        Some(&dialogue.answer)
    }

    /// What is typed for `answer`.
    fn typed(&mut self, answer: &'a Answer) -> Result<&'a str> {
        let Credentials { username, password, .. } = self.credentials;
        let refused = |message: &str| Error::Authentication {
            username: username.clone(),
            message: message.to_owned(),
        };
        match answer {
            Answer::Text(text) => Ok(text),
            Answer::Username => Ok(username),
            Answer::Password if std::mem::replace(&mut self.password_typed, true) => {
                Err(refused("the device asks for the password once more"))
            }
            Answer::Password => {
                let none = || refused("the device asks for a password on the terminal");
                Ok(password.as_ref().ok_or_else(none)?.expose())
            }
        }
    }

    /// Takes `prompt` if it is what RETURN has brought again, and presses RETURN otherwise.
    async fn probe(&mut self, ctx: &Context, prompt: Prompt) -> Result<Option<Prompt>> {
        let above = self.channel.screen.text().len();
        if let Some(before) = &self.candidate {
            if above <= before.above {
                // Nothing has come since RETURN was pressed.
                return Ok(None);
            }
            if before.prompt == prompt {
                return Ok(Some(prompt));
            }
            if self.probes == PROBES_MAX {
                return Ok(Some(Prompt { varies: true, ..prompt }));
            }
        }
        self.probes += 1;
        self.candidate = Some(Candidate { prompt, above });
        self.press_return(ctx, "").await?;
        Ok(None)
    }

    /// Presses RETURN into a silence, unless the device seems to have asked something: its
    /// default answer is not ours to choose.
    async fn nudge(&mut self, ctx: &Context) -> Result<()> {
        let line = self.channel.screen.line();
        if self.nudges == NUDGES_MAX || line.trim_end().ends_with([':', '?', ']', ')']) {
            return Ok(());
        }
        self.nudges += 1;
        self.press_return(ctx, "").await
    }

    async fn press_return(&mut self, ctx: &Context, typed: &str) -> Result<()> {
        let text = format!("{typed}{}", self.platform.line_ending.as_str());
        self.channel.send(ctx, Phase::Prompt, &text).await
    }
}
