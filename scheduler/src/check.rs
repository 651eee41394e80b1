use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use pool_core::{Context, Error, ErrorKind, Lease, Phase, Request, Result};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::due::Clock;
use crate::held::Held;
use crate::look::Look;
use crate::preload::Turns;
use crate::{
    CheckResult, Failure, Figures, Line, LineState, LineStatus, Outcome, Pools, Router,
    RouterStatus, SkipReason, Tasks, Trigger,
};

/// How much shorter than its interval a check is, at least: it has ended before it is due again.
pub(crate) const MARGIN: Duration = Duration::from_millis(500);
/// How much longer than `connect_timeout` a session is waited for. The attempt to make it then
/// ends first, with an error that names the phase it was stuck in.
const ACQUIRE_SLACK: Duration = Duration::from_millis(200);
/// How long an operation may go on after its deadline or cancellation before it is dropped. Pools
/// and drivers return within a few milliseconds; one that does not must not hold up the account.
const GRACE: Duration = Duration::from_millis(250);

/// What every check of one router needs.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) pools: Arc<dyn Pools>,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) clock: Clock,
    pub(crate) turns: Turns,
    pub(crate) shutdown: CancellationToken,
    /// Cancelled when the router has other settings: another site takes the place of this one.
    pub(crate) superseded: CancellationToken,
}

/// How a check is to be run.
#[derive(Debug)]
pub(crate) struct Terms {
    /// When it was due.
    pub(crate) scheduled_at: Timestamp,
    /// What is left until its line is due again, if it was not due itself.
    pub(crate) limit: Option<Duration>,
    /// How much of it is done at first.
    pub(crate) look: Look,
    /// The session that the check before it left, if there is one.
    pub(crate) held: Option<Box<Held>>,
}

/// How a check that was begun has ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// With its outcome, and its session if another check may follow on it.
    Outcome(Box<Outcome>, Option<Box<Held>>),
    /// Before it had a session, because the router has other settings now: it is to begin again,
    /// with those.
    Superseded,
}

/// How a check came by its session.
#[derive(Clone, Copy, Debug, Default)]
struct Story {
    wait: Duration,
    connect: Option<Duration>,
    reused: Option<bool>,
}

impl Site {
    /// Runs one check of `line`. Whatever happens, it ends before `line` is due again.
    pub(crate) async fn check(self: Arc<Self>, line: &Line, terms: Terms) -> Ended {
        let scheduled_at = terms.scheduled_at;
        let started_at = self.clock.now();
        let began = Instant::now();
        let mut story = Story::default();
        let mut left = None;
        let result = match self.try_check(line, terms, &mut story).await {
            Ok((figures, held)) => {
                left = Some(held);
                CheckResult::Measured(figures)
            }
            // Cancelled by us, or torn down around it: that is not a fault of line or router.
            Err(Fault::Session(_)) if self.shutdown.is_cancelled() => {
                let skipped = self.skipped(line, scheduled_at, SkipReason::ShuttingDown);
                return Ended::Outcome(Box::new(skipped), None);
            }
            Err(Fault::Superseded) => return Ended::Superseded,
            Err(Fault::Session(failure) | Fault::Output(failure)) => CheckResult::Failed(failure),
        };
        let Story { wait, connect, reused } = story;
        let duration = began.elapsed();
        let started_at = Some(started_at);
        let skipped = self.skipped(line, scheduled_at, SkipReason::ShuttingDown);
        let outcome = Outcome { started_at, duration, wait, connect, reused, result, ..skipped };
        Ended::Outcome(Box::new(outcome), left)
    }

    /// The outcome of a check that was not tried.
    pub(crate) fn skipped(
        &self,
        line: &Line,
        scheduled_at: Timestamp,
        reason: SkipReason,
    ) -> Outcome {
        Outcome {
            line: line.id.clone(),
            target: line.target.clone(),
            router: self.router.name.clone(),
            platform: self.router.connection.platform.clone(),
            protocol: self.router.protocol,
            task: line.task.kind(),
            scheduled_at,
            started_at: None,
            duration: Duration::ZERO,
            wait: Duration::ZERO,
            connect: None,
            reused: None,
            result: CheckResult::Skipped(reason),
            trigger: Trigger::Schedule,
            line_status: LineStatus::unknown(scheduled_at),
            router_status: RouterStatus::unknown(scheduled_at),
        }
    }

    /// The least time in which it makes sense to check `line`: that of its task if nobody answers
    /// it, on a session that is at hand.
    pub(crate) fn time_needed(&self, line: &Line) -> Option<Duration> {
        let platform = &self.router.connection.platform;
        let task = self.tasks.budget(platform, line).ok()?;
        Some(task + MARGIN)
    }

    async fn try_check(
        self: &Arc<Self>,
        line: &Line,
        Terms { limit, look, held, .. }: Terms,
        story: &mut Story,
    ) -> Result<(Figures, Box<Held>), Fault> {
        let first = if look == Look::First { self.first_look(line) } else { None };
        let request = self.tasks.request(&self.router.connection.platform, line)?;
        let own = self.time_limit(line, first.as_ref().map(|(_, takes)| *takes))?;
        let limit = limit.map_or(own, |limit| own.min(limit.saturating_sub(MARGIN)));
        let ctx = Context::new(&self.shutdown, limit);
        let mut held = match held {
            Some(held) => {
                story.reused = Some(true);
                held
            }
            None => tokio::select! {
                biased;
                () = self.superseded.cancelled() => return Err(Fault::Superseded),
                held = self.session(&ctx, story) => Box::new(held?),
            },
        };
        if let Some((first, _)) = first {
            let request = self.tasks.request(&self.router.connection.platform, &first)?;
            let figures = self.run(&ctx, &mut held.lease, &first, &request).await?;
            if figures.line_state() == LineState::Down {
                held.checked();
                return Ok((figures, held));
            }
        }
        let figures = self.run(&ctx, &mut held.lease, line, &request).await?;
        held.checked();
        Ok((figures, held))
    }

    /// Runs the request for `line` and reads the answer.
    async fn run(
        &self,
        ctx: &Context,
        lease: &mut Lease,
        line: &Line,
        request: &Request,
    ) -> Result<Figures, Fault> {
        let output = execute(ctx, lease, request).await?;
        let read = self.tasks.read(&self.router.connection.platform, line, &output);
        if read.as_ref().is_err_and(crate::ParseError::breaks_connection) {
            lease.discard();
        }
        read.map_err(|error| Fault::Output(Failure::from(&error)))
    }

    /// Long enough for a new session, a first look, if there is one, and a task nobody answers, and
    /// always less than the interval.
    fn time_limit(&self, line: &Line, look: Option<Duration>) -> Result<Duration> {
        let connection = &self.router.connection;
        let task = self.tasks.budget(&connection.platform, line)?;
        let session = connection.connect_timeout + connection.write_timeout;
        let wanted = session + look.unwrap_or_default() + task;
        Ok(wanted.min(line.interval.as_duration().saturating_sub(MARGIN)))
    }

    async fn session(self: &Arc<Self>, ctx: &Context, story: &mut Story) -> Result<Held> {
        let began = Instant::now();
        let ctx = ctx.capped(self.router.connection.connect_timeout + ACQUIRE_SLACK);
        let result = bounded(&ctx, Phase::Acquire, Held::get(&ctx, self)).await;
        story.wait = began.elapsed();
        let held = result?;
        let info = held.lease.info();
        *story = Story { wait: info.waited, connect: info.connect, reused: Some(info.reused) };
        Ok(held)
    }
}

async fn execute(ctx: &Context, lease: &mut Lease, request: &Request) -> Result<String> {
    let transcript = bounded(ctx, Phase::Read, lease.execute(ctx, request)).await?;
    Ok(transcript.output().to_owned())
}

/// Runs `operation`, which keeps to `ctx` itself, and drops it if it does not.
pub(crate) async fn bounded<T>(
    ctx: &Context,
    phase: Phase,
    operation: impl Future<Output = Result<T>>,
) -> Result<T> {
    let overdue = async {
        let ended = ctx.ended(phase).await;
        sleep(GRACE).await;
        ended
    };
    tokio::select! {
        biased;
        result = operation => result,
        ended = overdue => Err(ended),
    }
}

/// Why a check gave no figures.
enum Fault {
    /// The session, or getting one.
    Session(Failure),
    /// What the device printed.
    Output(Failure),
    /// The router has other settings.
    Superseded,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let failure = Failure::from(&error);
        match error.kind() {
            // These are answers, and stand even while everything is being shut down.
            ErrorKind::Rejected | ErrorKind::InvalidConfig | ErrorKind::Unsupported => {
                Self::Output(failure)
            }
            _ => Self::Session(failure),
        }
    }
}
