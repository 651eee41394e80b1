use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use driver_cli::SessionLog;
use driver_ssh::{LoginLog, PeerFacts};
use pool_core::{ConnectionConfig, Context, PhaseSpan, Protocol, ProtocolFactory, Transcript};
use scheduler::{Failure, Figures, Inventory, Line, ReadLine};
use tokio_util::sync::CancellationToken;

use crate::app::{self, Parts, Watch};
use crate::output::with_progress;
use crate::settings::SshLimits;
use crate::shutdown;

/// How long a command's output may take beyond what the ping itself says.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);
/// How long the logout may take. Its time is shown, its failure is not a failure of the trial.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(3);

/// One check on a session of its own, outside of any schedule, looked at from all sides.
#[derive(Debug)]
pub(in crate::command) struct Trial {
    pub(in crate::command) protocol: Protocol,
    pub(in crate::command) config: ConnectionConfig,
    pub(in crate::command) line: Line,
}

/// What came of it.
#[derive(Debug)]
pub(in crate::command) struct Findings {
    /// The time of each phase, as far as it got.
    pub(super) phases: Vec<PhaseSpan>,
    /// The figures, or why there are none.
    pub(super) result: Result<Figures, Failure>,
    /// Whom the session met: the jump host, if there is one, and the router.
    pub(super) peers: Vec<PeerFacts>,
    /// What was made of each line of the output; empty when there was none, and for tasks that
    /// are no ping.
    pub(super) reading: Vec<ReadLine>,
    /// What was said on the session, secrets masked.
    pub(super) transcript: String,
}

impl Findings {
    /// Whether there are figures.
    pub(in crate::command) fn are_good(&self) -> bool {
        self.result.is_ok()
    }
}

impl Trial {
    /// Carries it out, on a runtime of its own.
    ///
    /// # Errors
    ///
    /// When there is no driver for the protocol, or the operating system has no threads or signals
    /// for us. Whatever goes wrong with the check itself is among the findings.
    pub(in crate::command) fn run(&self, parts: &Parts, limits: &SshLimits) -> Result<Findings> {
        let (sessions, logins) = (SessionLog::new(), LoginLog::new());
        let watch = Watch { sessions: Some(sessions.clone()), logins: Some(logins.clone()) };
        let factories = parts.drivers_watched(limits, &watch);
        let factory = factories.into_iter().find(|factory| factory.protocol() == self.protocol);
        let factory =
            factory.with_context(|| format!("no driver for protocol {}", self.protocol))?;
        let runtime = app::runtime(limits, &Inventory::default())?;
        let tried = runtime.block_on(async {
            let shutdown = shutdown::on_signal().context("cannot install signal handlers")?;
            anyhow::Ok(self.traced(&factory, parts, &shutdown).await)
        });
        runtime.shutdown_background();
        let (phases, reading, result) = tried?;
        let transcript = sessions.to_string();
        Ok(Findings { phases, result, peers: logins.peers(), reading, transcript })
    }

    async fn traced(
        &self,
        factory: &Arc<dyn ProtocolFactory>,
        parts: &Parts,
        shutdown: &CancellationToken,
    ) -> (Vec<PhaseSpan>, Vec<ReadLine>, Result<Figures, Failure>) {
        let whole = Context::new(shutdown, self.config.connect_timeout + COMMAND_TIMEOUT);
        let (ctx, trace) = whole.traced();
        let at = || trace.current().map_or("", |phase| phase.as_str()).to_owned();
        let transcript = with_progress(self.talk(&ctx, factory, parts), at).await;
        let phases = trace.spans();
        match transcript {
            Ok(transcript) => {
                let output = transcript.output();
                let figures = parts.tasks.read(&self.config.platform, &self.line, output);
                let result = figures.map_err(|error| Failure::from(&error));
                (phases, self.explain(parts, output), result)
            }
            Err(error) => (phases, Vec::new(), Err(Failure::from(&error))),
        }
    }

    fn explain(&self, parts: &Parts, output: &str) -> Vec<ReadLine> {
        let Self { config, line, .. } = self;
        if line.task.as_ping().is_none() {
            return Vec::new();
        }
        let explained = parts.ping().explain(&config.platform, Some(&line.target), output);
        explained.unwrap_or_default()
    }

    async fn talk(
        &self,
        ctx: &Context,
        factory: &Arc<dyn ProtocolFactory>,
        parts: &Parts,
    ) -> pool_core::Result<Transcript> {
        let request = parts.tasks.request(&self.config.platform, &self.line)?;
        let login = ctx.capped(self.config.connect_timeout);
        let mut driver = factory.create_with_context(&login, &self.config).await?;
        let transcript = driver.execute(ctx, &request).await;
        // What the command printed counts, however the farewell goes.
        driver.close(&ctx.capped(LOGOUT_TIMEOUT)).await.ok();
        transcript
    }
}
