use std::sync::Arc;

use async_trait::async_trait;
use bytes::BytesMut;
use pool_core::{ConnectionConfig, Connector, Context, Phase, Result, Transport};
use ssh2::ExtendedData;
use tokio::time::Instant;

use crate::SshSettings;
use crate::channel::open_channel;
use crate::engine::{Engine, Fault};
use crate::login::log_in;
use crate::session::SshSession;

/// A terminal that every device knows, and for which none paints.
const TERM: &str = "vt100";
/// As wide as devices accept (IOS: 512 columns at most), so that no command line is wrapped or
/// scrolled in its echo.
const COLUMNS: u32 = 511;
/// High enough that most output fits one page, in case the pager cannot be switched off.
const ROWS: u32 = 1000;

/// Opens interactive shells: logs in and starts a shell on a terminal 511 columns wide.
#[derive(Clone, Debug)]
pub struct SshConnector {
    settings: Arc<SshSettings>,
}

impl SshConnector {
    /// A connector of sessions that share `settings`.
    pub fn new(settings: Arc<SshSettings>) -> Self {
        Self { settings }
    }
}

#[async_trait]
impl Connector for SshConnector {
    async fn connect(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn Transport>> {
        let mut session = log_in(ctx, &self.settings, config).await?;
        let begun = Instant::now();
        session.drive(ctx, Phase::ChannelOpen, start_shell()).await?;
        self.settings.tally().phase(Phase::ChannelOpen, begun.elapsed());
        Ok(Box::new(ShellTransport { session }))
    }
}

/// Work that opens a channel with a shell on a terminal.
fn start_shell() -> impl FnMut(&mut Engine) -> Result<(), Fault> + Send + 'static {
    let mut open = open_channel(Phase::ChannelOpen);
    move |engine| {
        if !engine.has_channel() {
            open(engine)?;
            // Both streams of a terminal are one text.
            engine.channel()?.handle_extended_data(ExtendedData::Merge)?;
            engine.progress.enter(Phase::Pty);
        }
        if engine.progress.phase() == Phase::Pty {
            engine.channel()?.request_pty(TERM, None, Some((COLUMNS, ROWS, 0, 0)))?;
            engine.progress.enter(Phase::Shell);
        }
        Ok(engine.channel()?.shell()?)
    }
}

/// The bytes of an interactive shell.
#[derive(Debug)]
struct ShellTransport {
    session: SshSession,
}

#[async_trait]
impl Transport for ShellTransport {
    async fn read(&mut self, ctx: &Context, buffer: &mut BytesMut) -> Result<usize> {
        self.session.read(ctx, buffer).await
    }

    fn is_drained(&mut self) -> bool {
        self.session.is_drained()
    }

    fn was_drained(&mut self) -> bool {
        self.session.was_drained()
    }

    async fn write_all(&mut self, ctx: &Context, bytes: &[u8]) -> Result<()> {
        self.session.write_all(ctx, bytes).await
    }

    async fn close(self: Box<Self>, ctx: &Context) -> Result<()> {
        self.session.close(ctx).await
    }
}

#[cfg(test)]
mod tests;
