use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use libssh2_sys as raw;
use pool_core::{
    Capability, ConnectionConfig, Context, Error, Phase, PlatformSupport, Protocol, ProtocolDriver,
    ProtocolFactory, Request, Result, Step, StepOutput, Transcript,
};
use ssh2::ErrorCode;
use tokio::time::Instant;

use crate::SshSettings;
use crate::channel::{close_channel, open_channel};
use crate::engine::{Engine, Fault};
use crate::error::{busy_text, shown};
use crate::login::log_in;
use crate::server::ServerTexts;
use crate::session::SshSession as Session;

/// How long a device that has said everything may take to close the channel and give the exit
/// status. Some never do, and their output is complete all the same.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// What is read in one stretch, in bytes, when a device sends faster than we read. The threads are
/// shared, and a stretch that does not end is taken for a flood.
const STRETCH_BYTES_MAX: usize = 1 << 20;
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
    /// not known.
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
        self.start(&ctx.capped(self.write_timeout), step.line()).await?;
        let reading = ctx.capped(step.timeout().unwrap_or(self.read_timeout));
        let output = self.session.drive(&reading, Phase::Read, read_to_end(bytes_max)).await?;
        let elapsed = begun.elapsed();
        // The output is complete, so the step has succeeded, whatever becomes of the session now.
        let closing = reading.capped(CLOSE_WAIT);
        let exit_status = self.session.drive(&closing, Phase::Read, close_channel).await;
        let exit_status = exit_status.ok().flatten();
        check_refusal(&output, exit_status)?;
        Ok(StepOutput { command: step.line().to_owned(), output, exit_status, elapsed })
    }

    /// Opens a channel and starts `command` on it.
    async fn start(&mut self, ctx: &Context, command: &str) -> Result<()> {
        let begun = Instant::now();
        self.session.drive(ctx, Phase::ChannelOpen, open_channel(Phase::ChannelOpen)).await?;
        self.settings.tally().phase(Phase::ChannelOpen, begun.elapsed());
        let line = command.to_owned();
        let exec = move |engine: &mut Engine| match engine.channel()?.exec(&line) {
            Ok(()) => Ok(true),
            Err(error) if is_denied(&error) => Ok(false),
            Err(error) => Err(error.into()),
        };
        if self.session.drive(ctx, Phase::Write, exec).await? {
            return Ok(());
        }
        self.session.drive(ctx, Phase::Write, close_channel).await?;
        Err(Error::Rejected {
            command: command.to_owned(),
            message: "the device refused the exec request".to_owned(),
        })
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

fn is_denied(error: &ssh2::Error) -> bool {
    error.code() == ErrorCode::Session(raw::LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
}

/// Work that reads both streams of the channel to their end, as text.
fn read_to_end(
    bytes_max: usize,
) -> impl FnMut(&mut Engine) -> Result<String, Fault> + Send + 'static {
    let mut stdout = Vec::new();
    let mut stderr = Vec::new();
    move |engine| {
        let before = stdout.len() + stderr.len();
        loop {
            if stdout.len() + stderr.len() - before > STRETCH_BYTES_MAX {
                return Err(Fault::More);
            }
            // Both share one flow-control window: the one that is not read blocks the other.
            let limit = bytes_max.saturating_sub(stdout.len() + stderr.len());
            let limit = limit.min(STRETCH_BYTES_MAX);
            let from_stdout = read_stream(engine, 0, limit, &mut stdout)?;
            let limit = limit.saturating_sub(from_stdout);
            let from_stderr = read_stream(engine, EXTENDED_DATA_STDERR, limit, &mut stderr)?;
            if stdout.len() + stderr.len() > bytes_max {
                return Err(Error::OutputLimit { limit: bytes_max }.into());
            }
            if from_stdout + from_stderr == 0 {
                break;
            }
        }
        if !engine.channel()?.eof() {
            return Err(Fault::Again);
        }
        stdout.append(&mut stderr);
        Ok(String::from_utf8_lossy(&stdout).replace("\r\n", "\n"))
    }
}

/// The stream of an exec channel that carries the standard error (RFC 4254, section 5.2).
const EXTENDED_DATA_STDERR: i32 = 1;

/// Reads what there is on one stream of the channel, up to one byte more than `limit`: that byte
/// tells too much from just enough. Returns how many bytes came.
fn read_stream(
    engine: &mut Engine,
    id: i32,
    limit: usize,
    into: &mut Vec<u8>,
) -> Result<usize, Fault> {
    let mut chunk = [0; 16 * 1024];
    let mut stream = engine.channel()?.stream(id);
    let mut count = 0;
    while count <= limit {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                into.extend_from_slice(&chunk[..read]);
                count += read;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(engine.io_fault(&error)),
        }
    }
    Ok(count)
}
