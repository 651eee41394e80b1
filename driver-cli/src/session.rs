use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConnectionConfig, Context, ErrorKind, Phase, Result, Step, Transport};
use tracing::debug;

use crate::PlatformDefinition;
use crate::channel::{Channel, Heard};
use crate::command::Command;
use crate::log::Recorder;
use crate::prompt::Prompt;
use crate::redact::Redactor;
use crate::{login, privilege};

/// How long a farewell may take: what a device needs to free its line, and not so long that an
/// error which has already happened is held back noticeably.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(1);
/// Interrupts a running command on every platform.
pub(crate) const CTRL_C: &str = "\u{3}";

/// A channel at its prompt: what commands are run on.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) channel: Channel,
    pub(crate) platform: Arc<PlatformDefinition>,
    pub(crate) prompt: Prompt,
    pub(crate) username: String,
    pub(crate) read_timeout: Duration,
    pub(crate) write_timeout: Duration,
    /// Whether the last command came to its end. Once it did not, nothing on this session can be
    /// told apart any more.
    pub(crate) in_step: bool,
    /// How many prompts more than were waited for may come, because RETURN was pressed for them.
    /// `None` before the first command has come to its end: what a device says late of its greeting
    /// belongs to no command.
    pub(crate) spare_prompts: Option<usize>,
}

impl Session {
    /// Waits for the first prompt, goes to a level to work at, and prepares the terminal.
    ///
    /// When that fails, the device is told farewell if the context leaves time for it.
    ///
    /// # Errors
    ///
    /// In phase `Prompt` or `Setup`; `Busy` when the device says that it has no session left;
    /// `Authentication` when it refuses the enable password.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when dropped, the transport is dropped.
    pub(crate) async fn open(
        ctx: &Context,
        transport: Box<dyn Transport>,
        platform: Arc<PlatformDefinition>,
        config: &ConnectionConfig,
        recorder: Option<Recorder>,
    ) -> Result<Self> {
        let redactor = Redactor::of(&config.credentials);
        let mut channel = Channel::new(transport, platform.encoding, redactor, recorder);
        let prompt =
            match login::first_prompt(ctx, &mut channel, &platform, &config.credentials).await {
                Ok(prompt) => prompt,
                Err(error) => {
                    leave(ctx, channel, &platform, false).await;
                    return Err(error);
                }
            };
        let mut session = Self {
            channel,
            platform,
            prompt,
            username: config.credentials.username.clone(),
            read_timeout: config.read_timeout,
            write_timeout: config.write_timeout,
            in_step: true,
            spare_prompts: None,
        };
        match session.prepare(ctx, config).await {
            Ok(()) => Ok(session),
            Err(error) => {
                leave(ctx, session.channel, &session.platform, session.in_step).await;
                Err(error)
            }
        }
    }

    async fn prepare(&mut self, ctx: &Context, config: &ConnectionConfig) -> Result<()> {
        privilege::reach(self, ctx, config.credentials.enable_password.as_ref()).await?;
        for line in self.platform.clone().on_open.iter() {
            let step = Step::command(line)?;
            let command = Command::of_setup(&step, self);
            match self.run(ctx, &command).await {
                // An old release may not know the width or the pager; the session works without.
                Err(error) if error.kind() == ErrorKind::Rejected => debug!(%error, "not set up"),
                result => drop(result?),
            }
        }
        Ok(())
    }

    /// Logs out within the context, and closes the transport in any case.
    ///
    /// # Errors
    ///
    /// Why the transport could not be closed in good order.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the transport is dropped.
    pub(crate) async fn close(mut self, ctx: &Context) -> Result<()> {
        farewell(ctx, &mut self.channel, &self.platform, self.in_step).await;
        self.channel.close(ctx).await
    }
}

/// Logs out and closes if the context leaves time for it; drops the channel if not.
async fn leave(ctx: &Context, mut channel: Channel, platform: &PlatformDefinition, in_step: bool) {
    let ctx = ctx.capped(FAREWELL_TIMEOUT);
    if ctx.check(Phase::Close).is_err() {
        return;
    }
    farewell(&ctx, &mut channel, platform, in_step).await;
    if let Err(error) = channel.close(&ctx).await {
        debug!(%error, "not closed in good order");
    }
}

/// Tells the device that we leave, and waits for a moment for it to hang up: a session that it
/// still holds counts against the few it has.
async fn farewell(
    ctx: &Context,
    channel: &mut Channel,
    platform: &PlatformDefinition,
    in_step: bool,
) {
    let ctx = ctx.capped(FAREWELL_TIMEOUT / 2);
    let ending = platform.line_ending.as_str();
    let lines = platform.on_close.iter().map(|line| format!("{line}{ending}"));
    let interrupt = (!in_step).then(|| CTRL_C.to_owned());
    for text in interrupt.into_iter().chain(lines) {
        if channel.send(&ctx, Phase::Close, &text).await.is_err() {
            return;
        }
    }
    // Every end of this is fine: it hung up, it is silent, or the time is over.
    while let Ok(Heard::Text) = channel.listen(&ctx, Phase::Close, FAREWELL_TIMEOUT).await {
        channel.screen.clear();
    }
}
