//! Fakes for tests that play out over simulated time: a clock, and pools of routers that behave
//! in all the ways routers do.

use std::collections::HashMap;
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use parking_lot::Mutex;
use pool_core::testing::ReturnedLeases;
use pool_core::{
    ConnectionConfig, ConnectionPool, Context, Credentials, Endpoint, Error, EventSender,
    EventStream, Lease, LeaseInfo, Phase, PoolStats, Protocol, ProtocolDriver, Request, Result,
    SlotId, StepOutput, Transcript, WarmUpReport,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::due::Clock;
use crate::preload::Turns;
use crate::supervisor::House;
use crate::{
    CheckRules, Interval, Inventory, Line, LineId, Outcome, Pools, Router, RouterName, Target,
    Task, Tasks,
};

pub(crate) fn router(name: &str) -> Router {
    let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
    let credentials = Credentials::password("monitor", "x".to_owned());
    Router {
        name: RouterName::new(name).unwrap(),
        protocol: Protocol::Scrapli,
        connection: ConnectionConfig::new(endpoint, "cisco_iosxe".into(), credentials),
        rules: CheckRules::default(),
    }
}

pub(crate) fn line(id: &str, router: &str) -> Line {
    Line {
        id: LineId::new(id).unwrap(),
        router: RouterName::new(router).unwrap(),
        target: Target::new("198.51.100.1").unwrap(),
        interval: Interval::new(Duration::from_secs(60)).unwrap(),
        task: Task::default(),
    }
}

/// `lines` lines on one router.
pub(crate) fn inventory(lines: usize) -> Inventory {
    let lines = (0..lines).map(|number| line(&format!("L{number:04}"), "edge-1")).collect();
    Inventory { routers: vec![router("edge-1")], lines }
}

/// A wall clock that keeps step with tokio's.
pub(crate) fn clock() -> Clock {
    let (start, wall) = (Instant::now(), Timestamp::from_second(1_700_000_000).unwrap());
    Clock::new(move || wall + start.elapsed())
}

/// What a router does with one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Answers after this long.
    Answers(Duration),
    /// Answers, and says that no packet came back.
    Loses,
    /// Waits for each packet as long as it was told to, and says that none came back.
    Silent,
    /// Answers with the output of another ping.
    AnswersOther,
    /// Gives no session until the deadline.
    NoSession,
    /// Gives no session, deadline or not.
    IgnoresDeadline,
    /// Refuses at once.
    Refuses,
    /// Never ends its output.
    HangsInCommand,
    /// The pool panics.
    PanicsInGet,
    /// The driver panics.
    PanicsInCommand,
}

/// Decides what the check with this number does.
type Script = Arc<dyn Fn(usize) -> Behaviour + Send + Sync>;

/// The pool of one router, and what was seen of its use.
#[derive(Clone)]
pub(crate) struct FakePool {
    script: Script,
    seen: Arc<Seen>,
    /// How many sessions the router may have, as far as whoever asked for the pool knows.
    sessions_max: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) gets: AtomicUsize,
    /// How many checks there were, those that followed on a lease included.
    pub(crate) checks: AtomicUsize,
    /// How many others wait for a session, as the pool says.
    pub(crate) waiting: AtomicUsize,
    /// How often a session was used that a command had been cut short on.
    pub(crate) reused_broken: AtomicUsize,
    pub(crate) retired: AtomicUsize,
    /// When its sessions were to be preloaded.
    pub(crate) warmed_at: Mutex<Vec<Instant>>,
    /// How many preloads are under way.
    pub(crate) warming: AtomicUsize,
    pub(crate) in_use: AtomicUsize,
    pub(crate) in_use_max: AtomicUsize,
    /// How often somebody had a session beyond what the router may have.
    pub(crate) too_many: AtomicUsize,
    pub(crate) remaining_max: Mutex<Duration>,
    pub(crate) returned: ReturnedLeases,
}

impl std::fmt::Debug for FakePool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakePool").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl FakePool {
    pub(crate) fn new(script: impl Fn(usize) -> Behaviour + Send + Sync + 'static) -> Self {
        Self { script: Arc::new(script), seen: Arc::default(), sessions_max: 2 }
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }
}

/// Counts who holds or waits for a session.
struct Held(Arc<Seen>);

impl Held {
    fn new(seen: &Arc<Seen>) -> Self {
        let now = seen.in_use.fetch_add(1, Ordering::SeqCst) + 1;
        seen.in_use_max.fetch_max(now, Ordering::SeqCst);
        Self(seen.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.in_use.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Counts preloads that are under way.
struct Warming(Arc<Seen>);

impl Warming {
    fn new(seen: &Arc<Seen>) -> Self {
        seen.warming.fetch_add(1, Ordering::SeqCst);
        Self(seen.clone())
    }
}

impl Drop for Warming {
    fn drop(&mut self) {
        self.0.warming.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl ConnectionPool for FakePool {
    async fn get_with_context(&self, ctx: &Context, _: Protocol) -> Result<Lease> {
        let held = Held::new(&self.seen);
        if self.seen.in_use.load(Ordering::SeqCst) > self.sessions_max {
            self.seen.too_many.fetch_add(1, Ordering::SeqCst);
        }
        {
            let mut longest = self.seen.remaining_max.lock();
            *longest = ctx.remaining().max(*longest);
        }
        self.seen.gets.fetch_add(1, Ordering::SeqCst);
        let number = self.seen.checks.fetch_add(1, Ordering::SeqCst);
        let behaviour = (self.script)(number);
        match behaviour {
            Behaviour::NoSession => return Err(ctx.ended(Phase::Acquire).await),
            Behaviour::IgnoresDeadline => pending().await,
            Behaviour::Refuses => {
                let (phase, message) = (Phase::Prompt, "all lines are in use".to_owned());
                return Err(Error::Busy { phase, message });
            }
            // Not `panic!`: its message would fill the test's output.
            Behaviour::PanicsInGet => resume_unwind(Box::new("get")),
            _ => {}
        }
        let info =
            LeaseInfo { reused: number > 0, waited: Duration::from_millis(3), connect: None };
        let next = Some(behaviour);
        let driver =
            Box::new(FakeDriver { script: self.script.clone(), next, is_broken: false, held });
        let home = Arc::new(self.seen.returned.clone());
        Ok(Lease::new(driver, home, SlotId(0), info))
    }

    fn get_timeout(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Asks the script with numbers of its own, from the other end.
    async fn warm_up(&self, ctx: &Context, _: Protocol, count: usize) -> Result<WarmUpReport> {
        let number = {
            let mut warmed_at = self.seen.warmed_at.lock();
            warmed_at.push(Instant::now());
            usize::MAX - warmed_at.len()
        };
        let _warming = Warming::new(&self.seen);
        let failure = match (self.script)(number) {
            Behaviour::NoSession | Behaviour::HangsInCommand => ctx.ended(Phase::Acquire).await,
            Behaviour::IgnoresDeadline => pending().await,
            Behaviour::PanicsInGet => resume_unwind(Box::new("warm_up")),
            Behaviour::Refuses => return Err(Error::Closed),
            _ => return Ok(WarmUpReport { ready: count, failures: Vec::new() }),
        };
        Ok(WarmUpReport { ready: 0, failures: vec![failure] })
    }

    async fn close(&self, _: &Context) {}

    fn events(&self) -> EventStream {
        EventSender::new(1).subscribe()
    }

    fn stats(&self) -> PoolStats {
        let waiting = self.seen.waiting.load(Ordering::SeqCst);
        let mut stats = PoolStats::default();
        stats.waiting = waiting;
        stats
    }
}

struct FakeDriver {
    script: Script,
    /// What the first command does; the later ones ask the script.
    next: Option<Behaviour>,
    is_broken: bool,
    held: Held,
}

impl std::fmt::Debug for FakeDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeDriver").field("next", &self.next).finish_non_exhaustive()
    }
}

#[async_trait]
impl ProtocolDriver for FakeDriver {
    fn protocol(&self) -> Protocol {
        Protocol::Scrapli
    }

    async fn execute(&mut self, ctx: &Context, request: &Request) -> Result<Transcript> {
        let seen = self.held.0.clone();
        let behaviour = self
            .next
            .take()
            .unwrap_or_else(|| (self.script)(seen.checks.fetch_add(1, Ordering::SeqCst)));
        if std::mem::replace(&mut self.is_broken, true) {
            seen.reused_broken.fetch_add(1, Ordering::SeqCst);
        }
        let ping = Ping::of(request.steps()[0].line());
        let output = ping.output(ctx, behaviour).await?;
        self.is_broken = false;
        let command = request.steps()[0].line().to_owned();
        let step = StepOutput { command, output, ..StepOutput::default() };
        Ok(Transcript { steps: vec![step] })
    }

    async fn health_check(&mut self, _: &Context) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>, _: &Context) -> Result<()> {
        Ok(())
    }
}

/// What a router is asked for: `ping TARGET repeat COUNT timeout SECONDS`.
struct Ping {
    target: String,
    count: u32,
    timeout: Duration,
}

impl Ping {
    fn of(line: &str) -> Self {
        let words: Vec<_> = line.split(' ').collect();
        let ["ping", target, "repeat", count, "timeout", seconds, ..] = words[..] else {
            panic!("{line:?}")
        };
        let timeout = Duration::from_secs(seconds.parse().unwrap());
        Self { target: target.to_owned(), count: count.parse().unwrap(), timeout }
    }

    async fn output(self, ctx: &Context, behaviour: Behaviour) -> Result<String> {
        let Self { target, count, timeout } = self;
        let after = match behaviour {
            Behaviour::Answers(after) => after,
            Behaviour::Silent => timeout * count,
            Behaviour::Loses | Behaviour::AnswersOther => Duration::ZERO,
            Behaviour::PanicsInGet | Behaviour::PanicsInCommand => {
                resume_unwind(Box::new("execute"))
            }
            Behaviour::Refuses => {
                let (phase, message) = (Phase::Read, "the line was cleared".to_owned());
                return Err(Error::Disconnected { phase, message });
            }
            Behaviour::IgnoresDeadline => pending().await,
            Behaviour::NoSession | Behaviour::HangsInCommand => {
                return Err(ctx.ended(Phase::Read).await);
            }
        };
        let work = async {
            sleep(after).await;
            Ok(())
        };
        ctx.run(Phase::Read, work).await?;
        let answered = match behaviour {
            Behaviour::Loses | Behaviour::Silent => 0,
            // A line of one packet is answered, and any other loses one.
            _ => count.saturating_sub(1).max(1),
        };
        let target = match behaviour {
            Behaviour::AnswersOther => "203.0.113.99".to_owned(),
            _ => target,
        };
        let mark = |number| if number < answered { '!' } else { '.' };
        let marks: String = (0..count).map(mark).collect();
        let rate = answered * 100 / count;
        let times = if answered > 0 { ", round-trip min/avg/max = 1/2/4 ms" } else { "" };
        Ok(format!(
            "Type escape sequence to abort.\nSending {count}, 100-byte ICMP Echos to {target}, \
             timeout is {} seconds:\n{marks}\nSuccess rate is {rate} percent ({answered}/{count}){times}\n",
            timeout.as_secs()
        ))
    }
}

/// Pools by router name.
#[derive(Debug, Default)]
pub(crate) struct FakePools(pub(crate) HashMap<String, FakePool>);

impl FakePools {
    /// One pool, for the router of [`inventory`].
    pub(crate) fn one(pool: &FakePool) -> Arc<Self> {
        Arc::new(Self(HashMap::from([("edge-1".to_owned(), pool.clone())])))
    }
}

impl Pools for FakePools {
    fn pool(&self, router: &Router) -> Result<Arc<dyn ConnectionPool>> {
        let pool = self.0.get(router.name.as_str()).ok_or(Error::Closed)?;
        let sessions_max = router.connection.max_connections;
        Ok(Arc::new(FakePool { sessions_max, ..pool.clone() }))
    }

    fn retire(&self, router: &RouterName) {
        if let Some(pool) = self.0.get(router.as_str()) {
            pool.seen.retired.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A house with a simulated clock, and the receiving end of its outcomes.
pub(crate) fn house(
    pools: Arc<dyn Pools>,
    outcomes_max: usize,
) -> (House, mpsc::Receiver<Outcome>, CancellationToken) {
    let (outcomes, receiver) = mpsc::channel(outcomes_max);
    let shutdown = CancellationToken::new();
    let tasks = Arc::new(Tasks::builtin());
    let house = House {
        pools,
        tasks,
        clock: clock(),
        turns: Turns::default(),
        outcomes,
        shutdown: shutdown.clone(),
    };
    (house, receiver, shutdown)
}
