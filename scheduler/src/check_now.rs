use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use pool_core::Context;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::reconcile::Part;
use crate::{LineId, Outcome, RouterName};

/// How many requests may wait for the supervisor; whoever has another one waits for that.
pub(crate) const REQUESTS_MAX: usize = 16;
/// How many lines may be asked for at the same time, over all requests: an operator's routers, not
/// a second schedule.
const LINES_MAX: usize = 1000;
/// The longest time for which a line waits for its turn, however patient whoever asked is.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// Has lines checked at once, on behalf of an operator, while a
/// [`Scheduler`](crate::Scheduler) runs. Cheap to clone; it does not keep the schedule alive.
#[derive(Clone, Debug)]
pub struct Checker {
    requests: mpsc::Sender<Request>,
}

/// What is to be checked at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// These lines.
    Lines(Vec<LineId>),
    /// Every line of a router.
    Router(RouterName),
}

/// What became of the lines that were to be checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers {
    /// The outcomes, in the order in which the checks ended. They also go where all outcomes go.
    pub outcomes: Vec<Outcome>,
    /// The lines without one: their turn has not come in time, their check had not ended yet (its
    /// outcome then follows where all go), or they were removed meanwhile.
    pub unanswered: Vec<LineId>,
}

/// Why nothing was checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotChecked {
    /// There is no such line.
    #[error("there is no line {0}")]
    UnknownLine(LineId),
    /// There is no such router, or it has no lines.
    #[error("there is no router {0} with lines")]
    UnknownRouter(RouterName),
    /// Too many lines are asked for at the same time.
    #[error("{wanted} lines are too many: {free} more can be asked for at the moment")]
    TooMany {
        /// How many were asked for.
        wanted: usize,
        /// How many would have been taken.
        free: usize,
    },
    /// The schedule has ended.
    #[error("the schedule has ended")]
    Ended,
    /// The caller's time was over before the request was taken.
    #[error("no time was left")]
    OutOfTime,
}

/// A request on its way to the supervisor.
#[derive(Debug)]
pub(crate) struct Request {
    wanted: Wanted,
    deadline: Instant,
    taken: oneshot::Sender<Result<Taken, NotChecked>>,
}

/// The lines of a request, and where their outcomes come.
#[derive(Debug)]
struct Taken {
    lines: Vec<LineId>,
    outcomes: mpsc::Receiver<Outcome>,
}

/// One line that is to be checked at once.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) line: LineId,
    pub(crate) deadline: Instant,
    pub(crate) answer: Answer,
}

/// The way back to whoever asked. It is one of a bounded number until it is dropped.
#[derive(Debug)]
pub(crate) struct Answer {
    outcomes: mpsc::Sender<Outcome>,
    _permit: OwnedSemaphorePermit,
}

impl Checker {
    pub(crate) fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests }
    }

    /// Checks lines ahead of all that are due, one outcome each with the trigger
    /// [`CheckNow`](crate::Trigger::CheckNow), and waits for that until the end of `ctx`.
    ///
    /// The rhythm of the lines stays as it is. A line whose due time has come, or comes so soon
    /// that there is no time for a check before it, is checked for that due time, and that outcome
    /// is the answer. A line that is being checked is checked once more. A router's limits hold for
    /// these checks as for any other.
    ///
    /// # Errors
    ///
    /// See [`NotChecked`]; nothing was begun then.
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped, checks that have begun come to their ends, and others are not
    /// begun.
    pub async fn check_now(&self, ctx: &Context, wanted: Wanted) -> Result<Answers, NotChecked> {
        let deadline = ctx.deadline().min(Instant::now() + WAIT_MAX);
        let (taken, answer) = oneshot::channel();
        let request = async {
            let request = Request { wanted, deadline, taken };
            self.requests.send(request).await.map_err(|_| NotChecked::Ended)?;
            answer.await.map_err(|_| NotChecked::Ended)?
        };
        let Taken { mut lines, outcomes: mut receiver } = tokio::select! {
            biased;
            () = end(ctx) => return Err(NotChecked::OutOfTime),
            taken = request => taken?,
        };
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(lines.len());
        loop {
            tokio::select! {
                biased;
                outcome = receiver.recv() => match outcome {
                    Some(outcome) => outcomes.push(outcome),
                    None => break,
                },
                () = end(ctx) => break,
            }
        }
        let answered: HashSet<_> = outcomes.iter().map(|outcome| &outcome.line).collect();
        lines.retain(|line| !answered.contains(line));
        Ok(Answers { outcomes, unanswered: lines })
    }
}

async fn end(ctx: &Context) {
    ctx.ended(pool_core::Phase::Acquire).await;
}

/// How many lines may be asked for.
pub(crate) fn permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LINES_MAX))
}

impl Request {
    /// The wishes of this request, by router; none when it is refused, which whoever asked is told.
    pub(crate) fn take(
        self,
        parts: &HashMap<RouterName, Part>,
        permits: &Arc<Semaphore>,
    ) -> Vec<(RouterName, Vec<Wish>)> {
        let Self { wanted, deadline, taken } = self;
        let wished = resolve(wanted, parts).and_then(|found| {
            let (sender, outcomes) = mpsc::channel(found.len().max(1));
            let lines = found.iter().map(|(_, line)| line.clone()).collect();
            let wishes = wishes(found, deadline, &sender, permits)?;
            Ok((wishes, Taken { lines, outcomes }))
        });
        let (wishes, answer) = match wished {
            Ok((wishes, answer)) => (wishes, Ok(answer)),
            Err(refused) => (Vec::new(), Err(refused)),
        };
        // Whoever asked may have gone.
        match taken.send(answer) {
            Ok(()) => wishes,
            Err(_) => Vec::new(),
        }
    }
}

/// The lines that are meant, each with its router.
fn resolve(
    wanted: Wanted,
    parts: &HashMap<RouterName, Part>,
) -> Result<Vec<(RouterName, LineId)>, NotChecked> {
    let lines = match wanted {
        Wanted::Lines(lines) => lines,
        Wanted::Router(router) => {
            let Some(part) = parts.get(&router) else {
                return Err(NotChecked::UnknownRouter(router));
            };
            return Ok(part.lines.iter().map(|line| (router.clone(), line.id.clone())).collect());
        }
    };
    let asked: HashSet<_> = lines.iter().collect();
    let running = parts.values().flat_map(|part| &part.lines);
    let found: Vec<_> = running
        .filter(|line| asked.contains(&line.id))
        .map(|line| (line.router.clone(), line.id.clone()))
        .collect();
    if found.len() < asked.len() {
        let known: HashSet<_> = found.iter().map(|(_, line)| line).collect();
        let unknown = lines.iter().find(|line| !known.contains(line)).cloned();
        return Err(NotChecked::UnknownLine(unknown.expect("fewer were found than asked for")));
    }
    Ok(found)
}

fn wishes(
    found: Vec<(RouterName, LineId)>,
    deadline: Instant,
    outcomes: &mpsc::Sender<Outcome>,
    permits: &Arc<Semaphore>,
) -> Result<Vec<(RouterName, Vec<Wish>)>, NotChecked> {
    let mut by_router: HashMap<RouterName, Vec<Wish>> = HashMap::new();
    let (wanted, free) = (found.len(), permits.available_permits());
    for (router, line) in found {
        let permit = permits.clone().try_acquire_owned();
        let Ok(permit) = permit else { return Err(NotChecked::TooMany { wanted, free }) };
        let answer = Answer { outcomes: outcomes.clone(), _permit: permit };
        by_router.entry(router).or_default().push(Wish { line, deadline, answer });
    }
    Ok(by_router.into_iter().collect())
}

impl Answer {
    /// Whether anybody waits for it.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.outcomes.is_closed()
    }

    /// Tells whoever asked, who may have gone.
    pub(crate) fn send(&self, outcome: &Outcome) {
        // There is room for the outcome of each line.
        self.outcomes.try_send(outcome.clone()).ok();
    }
}
