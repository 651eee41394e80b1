//! A device that behaves as a test says, and counts what is done to it.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pool_core::{
    Capability, ConnectionConfig, Context, Error, Phase, PlatformSupport, Protocol, ProtocolDriver,
    ProtocolFactory, Request, Result, Transcript,
};
use tokio::time::sleep;

/// What a stage of a session does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Ok,
    After(Duration),
    Err(Error),
    ErrAfter(Duration, Error),
    /// Goes through these phases, each for so long.
    Through(&'static [(Phase, Duration)]),
    /// Hangs for good, in this phase.
    Hang(Phase),
    Panic,
}

impl Act {
    async fn play(self, ctx: &Context) -> Result<()> {
        match self {
            Self::Ok => Ok(()),
            Self::After(pause) => {
                sleep(pause).await;
                Ok(())
            }
            Self::Err(error) => Err(error),
            Self::ErrAfter(pause, error) => {
                sleep(pause).await;
                Err(error)
            }
            Self::Through(phases) => {
                for (phase, pause) in phases {
                    ctx.enter(*phase);
                    sleep(*pause).await;
                }
                Ok(())
            }
            Self::Hang(phase) => {
                ctx.enter(phase);
                pending().await
            }
            Self::Panic => panic!("the device said so"),
        }
    }
}

/// The acts of one stage: some for the next times, then always the same.
#[derive(Debug)]
struct Script {
    next: VecDeque<Act>,
    then: Act,
}

impl Script {
    fn always(then: Act) -> Mutex<Self> {
        Mutex::new(Self { next: VecDeque::new(), then })
    }

    fn next(&mut self) -> Act {
        self.next.pop_front().unwrap_or_else(|| self.then.clone())
    }
}

/// A router that counts.
#[derive(Debug)]
pub(crate) struct Device {
    login: Mutex<Script>,
    command: Mutex<Script>,
    farewell: Mutex<Script>,
    health: Mutex<Script>,
    capability: Capability,
    logins: AtomicU64,
    farewells: AtomicU64,
    commands: AtomicU64,
    live: AtomicUsize,
    live_max: AtomicUsize,
}

impl Device {
    pub(crate) fn healthy() -> Arc<Self> {
        Self::logging_in(Act::Ok)
    }

    /// A device whose every login is like that.
    pub(crate) fn logging_in(act: Act) -> Arc<Self> {
        Self::new(Protocol::Ssh, act)
    }

    pub(crate) fn new(protocol: Protocol, login: Act) -> Arc<Self> {
        let capability = Capability { protocol, platforms: PlatformSupport::Any, interrupt: false };
        Arc::new(Self {
            login: Script::always(login),
            command: Script::always(Act::Ok),
            farewell: Script::always(Act::Ok),
            health: Script::always(Act::Ok),
            capability,
            logins: AtomicU64::new(0),
            farewells: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            live_max: AtomicUsize::new(0),
        })
    }

    pub(crate) fn next_logins(&self, acts: impl IntoIterator<Item = Act>) {
        self.login.lock().next.extend(acts);
    }

    pub(crate) fn next_healths(&self, acts: impl IntoIterator<Item = Act>) {
        self.health.lock().next.extend(acts);
    }

    pub(crate) fn clear_next_logins(&self) {
        self.login.lock().next.clear();
    }

    pub(crate) fn set_login(&self, act: Act) {
        self.login.lock().then = act;
    }

    pub(crate) fn set_command(&self, act: Act) {
        self.command.lock().then = act;
    }

    pub(crate) fn set_health(&self, act: Act) {
        self.health.lock().then = act;
    }

    pub(crate) fn set_farewell(&self, act: Act) {
        self.farewell.lock().then = act;
    }

    /// Attempts to log in, failed ones included.
    pub(crate) fn logins(&self) -> u64 {
        self.logins.load(SeqCst)
    }

    /// Orderly logouts that were begun.
    pub(crate) fn farewells(&self) -> u64 {
        self.farewells.load(SeqCst)
    }

    pub(crate) fn commands(&self) -> u64 {
        self.commands.load(SeqCst)
    }

    /// Sessions and logins that exist now, as the device sees them.
    pub(crate) fn live(&self) -> usize {
        self.live.load(SeqCst)
    }

    pub(crate) fn live_max(&self) -> usize {
        self.live_max.load(SeqCst)
    }
}

/// The factory of a device's sessions.
#[derive(Debug)]
pub(crate) struct DeviceFactory(pub(crate) Arc<Device>);

#[async_trait]
impl ProtocolFactory for DeviceFactory {
    fn protocol(&self) -> Protocol {
        self.0.capability.protocol
    }

    fn capability(&self) -> &Capability {
        &self.0.capability
    }

    async fn create_with_context(
        &self,
        ctx: &Context,
        _config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        let number = self.0.logins.fetch_add(1, SeqCst) + 1;
        let line = VtyLine::take(&self.0);
        let act = self.0.login.lock().next();
        act.play(ctx).await?;
        Ok(Box::new(FakeSession { number, line }))
    }
}

/// A line of the device, free again when it is dropped.
#[derive(Debug)]
struct VtyLine(Arc<Device>);

impl VtyLine {
    fn take(device: &Arc<Device>) -> Self {
        let live = device.live.fetch_add(1, SeqCst) + 1;
        device.live_max.fetch_max(live, SeqCst);
        Self(device.clone())
    }
}

impl Drop for VtyLine {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, SeqCst);
    }
}

#[derive(Debug)]
struct FakeSession {
    number: u64,
    line: VtyLine,
}

#[async_trait]
impl ProtocolDriver for FakeSession {
    fn protocol(&self) -> Protocol {
        self.line.0.capability.protocol
    }

    /// Answers with the number of its session.
    async fn execute(&mut self, ctx: &Context, _request: &Request) -> Result<Transcript> {
        let device = &self.line.0;
        device.commands.fetch_add(1, SeqCst);
        let act = device.command.lock().next();
        ctx.run(Phase::Read, act.play(ctx)).await?;
        let mut transcript = Transcript::default();
        transcript
            .steps
            .push(pool_core::StepOutput { output: self.number.to_string(), ..Default::default() });
        Ok(transcript)
    }

    async fn health_check(&mut self, ctx: &Context) -> Result<()> {
        let act = self.line.0.health.lock().next();
        act.play(ctx).await
    }

    async fn close(self: Box<Self>, ctx: &Context) -> Result<()> {
        self.line.0.farewells.fetch_add(1, SeqCst);
        let act = self.line.0.farewell.lock().next();
        act.play(ctx).await
    }
}
