use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::BytesMut;
use driver_cli::{CliFactory, Platforms};
use driver_ssh::{SshConnector, SshSettings};
use pool_core::{
    ConnectionConfig, Connector, Context, Credentials, Endpoint, HostKeyPolicy, Platform,
    ProtocolDriver, ProtocolFactory, Request, Transport,
};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

use super::{BIG, BIG_MEGABYTES, COMMANDS, LINE, MEGABYTE, SHORT, SMALL};

/// Longer than all measurements of one contestant take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// What stands at the end of every output.
const PROMPT: &[u8] = b"edge-1#";
/// More than the largest output.
const OUTPUT_BYTES_MAX: usize = 2 * BIG_MEGABYTES * MEGABYTE;

/// A logged-in session under measurement.
pub(super) trait Client: Sized {
    async fn log_in(
        ctx: &Context,
        connector: SshConnector,
        config: &ConnectionConfig,
    ) -> Result<Self>;

    /// Runs a command, and returns how many bytes it printed.
    async fn run(&mut self, ctx: &Context, command: &str) -> Result<usize>;
}

/// Measures one session: the processor time for one megabyte of a big output and of a small one,
/// that of one short command, and its time by the clock; all in milliseconds.
pub(super) fn measure<C: Client>(router: SocketAddr) -> Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    runtime.block_on(async {
        let ctx = &Context::detached(TIMEOUT);
        let connector = SshConnector::new(Arc::new(SshSettings::new("/nonexistent/known_hosts")));
        let mut session = C::log_in(ctx, connector, &config(router)?).await?;
        // Once, so that nobody pays for what happens only the first time.
        session.run(ctx, SHORT).await?;
        let big = processor_ms(&mut session, ctx, BIG, 1).await? / BIG_MEGABYTES as f64;
        // As many bytes in all, so that the clock is as exact.
        let smalls = processor_ms(&mut session, ctx, SMALL, u32::try_from(BIG_MEGABYTES)?).await?;
        let small = smalls / BIG_MEGABYTES as f64;
        let started = Instant::now();
        let short = processor_ms(&mut session, ctx, SHORT, COMMANDS).await?;
        let clock = milliseconds(started.elapsed()) / f64::from(COMMANDS);
        Ok(vec![big, small, short / f64::from(COMMANDS), clock])
    })
}

async fn processor_ms<C: Client>(
    session: &mut C,
    ctx: &Context,
    command: &str,
    times: u32,
) -> Result<f64> {
    let before = processor_time();
    let mut printed = 0;
    for _ in 0..times {
        printed = session.run(ctx, command).await?;
    }
    let time = processor_time().saturating_sub(before);
    ensure!(printed >= LINE.len(), "{command:?} printed {printed} bytes");
    Ok(milliseconds(time))
}

/// What all threads of this process have had of a processor so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn config(router: SocketAddr) -> Result<ConnectionConfig> {
    let endpoint = Endpoint::new(router.ip().to_string(), router.port())?;
    let password = lab::DEFAULT_PASSWORD.to_owned();
    let credentials = Credentials::password(lab::DEFAULT_USER, password);
    let mut config = ConnectionConfig::new(endpoint, Platform::new("cisco_iosxe"), credentials);
    config.host_key = HostKeyPolicy::Off;
    config.read_timeout = TIMEOUT;
    Ok(config)
}

/// A session of the crate.
pub(super) struct Ours(Box<dyn ProtocolDriver>);

impl Client for Ours {
    async fn log_in(
        ctx: &Context,
        connector: SshConnector,
        config: &ConnectionConfig,
    ) -> Result<Self> {
        let factory = CliFactory::new(Arc::new(connector), Arc::new(Platforms::builtin()));
        Ok(Self(factory.create_with_context(ctx, config).await?))
    }

    async fn run(&mut self, ctx: &Context, command: &str) -> Result<usize> {
        let request = Request::command(command)?.with_output_bytes_max(OUTPUT_BYTES_MAX);
        Ok(self.0.execute(ctx, &request).await?.output().len())
    }
}

/// The same transport, read until the prompt stands at the end.
pub(super) struct Bare {
    transport: Box<dyn Transport>,
    received: BytesMut,
}

impl Client for Bare {
    async fn log_in(
        ctx: &Context,
        connector: SshConnector,
        config: &ConnectionConfig,
    ) -> Result<Self> {
        let transport = connector.connect(ctx, config).await?;
        let mut session = Self { transport, received: BytesMut::new() };
        session.until_prompt(ctx).await?;
        session.run(ctx, "terminal length 0").await?;
        Ok(session)
    }

    async fn run(&mut self, ctx: &Context, command: &str) -> Result<usize> {
        self.received.clear();
        self.transport.write_all(ctx, format!("{command}\n").as_bytes()).await?;
        self.until_prompt(ctx).await
    }
}

impl Bare {
    async fn until_prompt(&mut self, ctx: &Context) -> Result<usize> {
        while !self.received.ends_with(PROMPT) {
            let read = self.transport.read(ctx, &mut self.received).await?;
            ensure!(read > 0, "the router hung up");
        }
        Ok(self.received.len())
    }
}
