use std::sync::Arc;

use async_trait::async_trait;
use pool_core::{
    Capability, ConnectionConfig, Connector, Context, Error, PlatformSupport, Protocol,
    ProtocolDriver, ProtocolFactory, Result, TerminalConfig,
};

use crate::log::Recorder;
use crate::session::Session;
use crate::{CliDriver, PlatformDefinition, Platforms, SessionLog, SessionLogSink};

/// Makes interactive sessions: connects with a [`Connector`], waits for the prompt, and prepares
/// the terminal as the platform's definition says.
#[derive(Debug)]
pub struct CliFactory {
    connector: Arc<dyn Connector>,
    platforms: Arc<Platforms>,
    capability: Capability,
    policy: CommandPolicy,
    log: Option<SessionLog>,
    sink: Option<Arc<dyn SessionLogSink>>,
}

/// Which commands sessions may be asked to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommandPolicy {
    /// Those that the platform's definition allows by its `verbs`: looking around, and no more.
    #[default]
    Listed,
    /// Any. The device's own privileges are the only limit then.
    Any,
}

impl CliFactory {
    /// A factory for every platform in `platforms`, over the transports of `connector`.
    #[must_use]
    pub fn new(connector: Arc<dyn Connector>, platforms: Arc<Platforms>) -> Self {
        let capability = Capability {
            protocol: Protocol::Scrapli,
            platforms: PlatformSupport::Only(platforms.names()),
            interrupt: true,
        };
        Self {
            connector,
            platforms,
            capability,
            policy: CommandPolicy::default(),
            log: None,
            sink: None,
        }
    }

    /// The same factory, whose sessions run the commands that `policy` allows.
    #[must_use]
    pub fn with_policy(self, policy: CommandPolicy) -> Self {
        Self { policy, ..self }
    }

    /// The same factory, whose sessions write everything that is said to `log`.
    #[must_use]
    pub fn logging_to(self, log: SessionLog) -> Self {
        Self { log: Some(log), ..self }
    }

    /// The same factory, which hands `sink` what is said on sessions whose configuration names a
    /// file for it.
    #[must_use]
    pub fn writing_to(self, sink: Arc<dyn SessionLogSink>) -> Self {
        Self { sink: Some(sink), ..self }
    }

    fn recorder(&self, config: &ConnectionConfig) -> Option<Recorder> {
        let path = config.terminal.session_log.as_ref();
        let file = self.sink.as_ref().zip(path).map(|(sink, path)| (sink.clone(), path.clone()));
        Recorder::of(config, self.log.as_ref(), file)
    }
}

#[async_trait]
impl ProtocolFactory for CliFactory {
    fn protocol(&self) -> Protocol {
        Protocol::Scrapli
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    /// Connects, waits for the prompt, goes to a level to work at, and prepares the terminal.
    ///
    /// # Errors
    ///
    /// The connector's own; then in phase `Prompt` or `Setup`, `Busy` when the device says that
    /// it has no session left, `Authentication` when it refuses the enable password, and
    /// `Unsupported` for a platform without a definition, and `InvalidConfig` for a terminal that
    /// cannot be had.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    async fn create_with_context(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        let definition = self.platforms.get(&config.platform).ok_or_else(|| {
            Error::Unsupported { what: format!("no definition of platform {}", config.platform) }
        })?;
        let definition = match &config.terminal {
            TerminalConfig { encoding: None, prompt: None, .. } => definition,
            terminal => Arc::new(definition.adapted(terminal)?),
        };
        let config = &for_terminal(config, &definition);
        let transport = self.connector.connect(ctx, config).await?;
        let recorder = self.recorder(config);
        let session = Session::open(ctx, transport, definition, config, recorder).await?;
        Ok(Box::new(CliDriver::new(session, config.health_check_timeout, self.policy)))
    }
}

/// `config` with the user name that the platform wants to see. A user name that already says
/// something behind a `+` is the operator's choice.
fn for_terminal(config: &ConnectionConfig, definition: &PlatformDefinition) -> ConnectionConfig {
    let mut config = config.clone();
    if !config.credentials.username.contains('+') {
        config.credentials.username.push_str(&definition.username_suffix);
    }
    config
}
