use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pool_core::{
    Capability, ConnectionConfig, Context, Error, Phase, PlatformSupport, Protocol, ProtocolDriver,
    ProtocolFactory, Request, Result, Step, StepOutput, Transcript,
};
use tokio::time::Instant;

use crate::SshSettings;
use crate::channel::{Exit, close_channel, open_channel};
use crate::command::{Answer, Ending, Outcome, start};
use crate::engine::Engine;
use crate::error::{busy_text, shown};
use crate::login::log_in;
use crate::server::ServerTexts;
use crate::session::SshSession as Session;

/// How long a device that has said everything may take to close the channel and give the exit
/// status. Some never do, and their output is complete all the same.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// What a device says that refuses a session is short, in bytes. Longer output is a command's.
const REFUSAL_BYTES_MAX: usize = 256;

/// Makes sessions that run each command on an exec channel of its own (RFC 4254, section 6.5),
/// without a terminal, a prompt or a pager.
#[derive(Clone, Debug)]
pub struct SshFactory {
    settings: Arc<SshSettings>,
    capability: Capability,
}

impl SshFactory {
    /// A factory of sessions that share `settings`.
    pub fn new(settings: Arc<SshSettings>) -> Self {
        let capability = Capability {
            protocol: Protocol::Ssh,
            platforms: PlatformSupport::Any,
            interrupt: false,
        };
        Self { settings, capability }
    }

    /// Connects and logs in, as [`create_with_context`](ProtocolFactory::create_with_context) does,
    /// for whoever also wants to know what the server said about itself.
    ///
    /// # Errors
    ///
    /// Whatever stage failed, with its phase.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when dropped, the connection is shut down and nothing of it remains.
    pub async fn log_in(&self, ctx: &Context, config: &ConnectionConfig) -> Result<SshSession> {
        let session = log_in(ctx, &self.settings, config).await?;
        let server = session.server().cloned().unwrap_or_default();
        let (read_timeout, write_timeout) = (config.read_timeout, config.write_timeout);
        let settings = self.settings.clone();
        Ok(SshSession { settings, session, server, read_timeout, write_timeout })
    }
}

#[async_trait]
impl ProtocolFactory for SshFactory {
    fn protocol(&self) -> Protocol {
        Protocol::Ssh
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_with_context(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        Ok(Box::new(self.log_in(ctx, config).await?))
    }
}

/// A session that runs commands on exec channels, one after another.
#[derive(Debug)]
pub struct SshSession {
    settings: Arc<SshSettings>,
    session: Session,
    server: ServerTexts,
    read_timeout: Duration,
    write_timeout: Duration,
}

#[async_trait]
impl ProtocolDriver for SshSession {
    fn protocol(&self) -> Protocol {
        Protocol::Ssh
    }

    /// The output of a step is what the command wrote to its standard output, followed by what it
    /// wrote to its standard error: the two come on separate streams, and their order in time is
    /// not known. A device that closes the channel without an exit status has status 0: libssh2
    /// does not tell the two apart.
    async fn execute(&mut self, ctx: &Context, request: &Request) -> Result<Transcript> {
        if request.steps().iter().any(|step| step.interrupt_after().is_some()) {
            let what = "interrupting a command on an exec channel".to_owned();
            return Err(Error::Unsupported { what });
        }
        if request.steps().iter().any(|step| !step.questions().is_empty()) {
            let what = "answering a command's questions on an exec channel".to_owned();
            return Err(Error::Unsupported { what });
        }
        let mut transcript = Transcript::default();
        for step in request.steps() {
            transcript.steps.push(self.run(ctx, step, request.output_bytes_max()).await?);
        }
        Ok(transcript)
    }

    async fn health_check(&mut self, ctx: &Context) -> Result<()> {
        self.session.drive(ctx, Phase::HealthCheck, open_channel(Phase::HealthCheck)).await?;
        self.session.drive(ctx, Phase::HealthCheck, close_channel).await.map(drop)
    }

    async fn close(self: Box<Self>, ctx: &Context) -> Result<()> {
        self.session.close(ctx).await
    }
}

impl SshSession {
    /// What the server said about itself on the way in.
    pub fn server(&self) -> &ServerTexts {
        &self.server
    }

    async fn run(&mut self, ctx: &Context, step: &Step, bytes_max: usize) -> Result<StepOutput> {
        let begun = Instant::now();
        let outcome = self.start(&ctx.capped(self.write_timeout), step.line(), bytes_max).await?;
        let reading = ctx.capped(step.timeout().unwrap_or(self.read_timeout));
        let Answer { output, stderr_at, ending } = match outcome {
            Outcome::Ended(answer) => answer,
            Outcome::Runs(mut read, awaited) => {
                let work = move |engine: &mut Engine| read.advance(engine);
                self.session.drive_after(&reading, Phase::Read, awaited, work).await?
            }
            Outcome::Denied => {
                let closing = ctx.capped(self.write_timeout);
                self.session.drive(&closing, Phase::Write, close_channel).await?;
                let message = "the device refused the exec request".to_owned();
                return Err(Error::Rejected { command: step.line().to_owned(), message });
            }
        };
        let elapsed = begun.elapsed();
        let exit = self.end(&reading, ending).await;
        check_refusal(&output, exit.status)?;
        Ok(StepOutput {
            command: step.line().to_owned(),
            output,
            stderr_at: Some(stderr_at),
            exit_status: exit.status,
            exit_signal: exit.signal,
            elapsed,
        })
    }

    /// Opens a channel and starts `command` on it.
    async fn start(&mut self, ctx: &Context, command: &str, bytes_max: usize) -> Result<Outcome> {
        let begun = Instant::now();
        let work = start(command.to_owned(), bytes_max);
        let started = self.session.drive(ctx, Phase::ChannelOpen, work).await?;
        let opening = started.opened.saturating_duration_since(begun);
        self.settings.tally().phase(Phase::ChannelOpen, opening);
        Ok(started.outcome)
    }

    /// Waits until the channel is closed on both sides; how the command ended, if that has come. The
    /// output is complete, so the step has succeeded, whatever becomes of the session now.
    async fn end(&mut self, ctx: &Context, ending: Ending) -> Exit {
        match ending {
            Ending::Closed(exit) => exit,
            Ending::Closing(awaited) => {
                let (ctx, awaited) = (ctx.capped(CLOSE_WAIT), Some(awaited));
                let closed = self.session.drive_after(&ctx, Phase::Read, awaited, close_channel);
                closed.await.unwrap_or_default()
            }
            Ending::Broken => {
                self.session.kill();
                Exit::default()
            }
        }
    }
}

/// Fails if all a device did was to say that it has no session left. A device that is full may
/// notice only when the command is there.
fn check_refusal(output: &str, exit_status: Option<i32>) -> Result<()> {
    if exit_status == Some(0) || output.len() > REFUSAL_BYTES_MAX {
        return Ok(());
    }
    busy_text(Phase::Read, &shown(output.as_bytes())).map_or(Ok(()), Err)
}
