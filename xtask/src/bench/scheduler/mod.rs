//! The scheduler on routers that answer at once: what a check costs, what a line costs, how late
//! checks begin, and how long a changed inventory takes, from ten thousand lines to a million.
//!
//! All sizes are asked for the same number of checks a second, so that what a check costs can be
//! compared: it should not depend on how many others there are. One thread does everything.

mod mock;
mod timers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use anyhow::{Context, Result, ensure};
use scheduler::{CheckResult, Inventory, Outcome, PingParams, Reconciler, Scheduler, Task, Tasks};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::mock::{LINES_EACH, MockPools, inventory};
use self::timers::Timers;
use super::report::{Row, Target};

const SIZES: [(&str, usize); 3] = [("10k", 10_000), ("100k", 100_000), ("1M", 1_000_000)];
/// How many checks a second are due.
const CHECKS_PER_SECOND: usize = 1000;
/// How long checks are watched.
const WATCHED: Duration = Duration::from_secs(10);
/// How long a schedule runs before it is watched.
const SETTLE: Duration = Duration::from_secs(2);
const OUTCOMES_MAX: usize = 1024;
/// One line in so many is changed.
const CHANGED_EACH: usize = 100;

/// What one size came to.
#[derive(Debug)]
struct Figures {
    cpu_per_check_us: f64,
    bytes_per_line: f64,
    lateness_ms: [f64; 3],
    /// That of bare timers at the same time.
    bare_ms: [f64; 3],
    reconcile_ms: [f64; 3],
}

pub(super) fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut smallest = 0.0;
    for (name, lines) in SIZES {
        let figures = measure_size(lines)?;
        if rows.is_empty() {
            smallest = figures.cpu_per_check_us;
        }
        rows.extend(figures.rows(name, lines, smallest));
    }
    Ok(rows)
}

impl Figures {
    fn rows(&self, name: &str, lines: usize, smallest_us: f64) -> Vec<Row> {
        let is_largest = lines == SIZES[SIZES.len() - 1].1;
        let of_largest = |target| is_largest.then_some(target);
        let row = |case: &str, unit, ours, floor, target| Row {
            bench: "scheduler",
            case: format!("{case}-{name}").into(),
            unit,
            ours,
            floor,
            peers: BTreeMap::new(),
            target,
        };
        let [p50, p99, max] = self.lateness_ms;
        let [bare_p50, bare_p99, bare_max] = self.bare_ms;
        let [none, some, all] = self.reconcile_ms;
        let flat = Some(Target::TimesFloorMax(1.3));
        let (bytes, ms) = (Some(Target::Max(400.0)), Some(Target::Max(5.0)));
        vec![
            row("cpu-per-check", "us", self.cpu_per_check_us, smallest_us, flat),
            row("memory-per-line", "bytes", self.bytes_per_line, 0.0, bytes.filter(|_| is_largest)),
            row("lateness-p50", "ms", p50, bare_p50, None),
            row("lateness-p99", "ms", p99, bare_p99, ms),
            row("lateness-max", "ms", max, bare_max, None),
            row("reconcile-no-change", "ms", none, 0.0, of_largest(Target::Max(1000.0))),
            row("reconcile-1-percent", "ms", some, 0.0, None),
            row("reconcile-full-load", "ms", all, 0.0, None),
        ]
    }
}

fn measure_size(lines: usize) -> Result<Figures> {
    let interval = Duration::from_secs((lines / CHECKS_PER_SECOND).max(10).try_into()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .context("cannot start a runtime")?;
    let (outcomes, mut receiver) = mpsc::channel(OUTCOMES_MAX);
    let shutdown = CancellationToken::new();
    let (pools, tasks) = (Arc::new(MockPools::new()), Arc::new(Tasks::builtin()));
    let start = || Scheduler::start(Inventory::default(), pools, tasks, outcomes, shutdown.clone());
    let scheduler = runtime.block_on(async { start() });
    let reconciler = scheduler.reconciler();
    let mut full_load = Ok(Duration::ZERO);
    // All that the scheduler keeps of an inventory was made in here.
    let kept = measure(|| {
        full_load = inventory(lines, interval).and_then(|i| timed(&runtime, &reconciler, i));
    });
    let (cpu_per_check_us, lateness_ms, bare_ms) = runtime.block_on(watch(&mut receiver))?;
    let same = timed(&runtime, &reconciler, inventory(lines, interval)?)?;
    let mut other = inventory(lines, interval)?;
    for line in other.lines.iter_mut().step_by(CHANGED_EACH) {
        line.task = Task::ping(PingParams { count: 3, ..PingParams::default() });
    }
    let changed = timed(&runtime, &reconciler, other)?;
    shutdown.cancel();
    receiver.close();
    runtime.block_on(scheduler.join());
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    ensure!(lines.is_multiple_of(LINES_EACH), "every router is to have as many lines");
    Ok(Figures {
        cpu_per_check_us,
        bytes_per_line: kept.bytes_current as f64 / lines as f64,
        lateness_ms,
        bare_ms,
        reconcile_ms: [ms(same), ms(changed), ms(full_load?)],
    })
}

/// How long it takes until an inventory runs.
fn timed(runtime: &Runtime, reconciler: &Reconciler, inventory: Inventory) -> Result<Duration> {
    runtime.block_on(async {
        let began = Instant::now();
        reconciler.reconcile(inventory).await?;
        Ok(began.elapsed())
    })
}

/// What a check costs in microseconds of this thread's time, how late checks begin, and how late
/// bare timers are meanwhile.
async fn watch(receiver: &mut mpsc::Receiver<Outcome>) -> Result<(f64, [f64; 3], [f64; 3])> {
    take(receiver, SETTLE).await;
    let before = thread_time()?;
    let timers = Timers::start(WATCHED);
    let outcomes = take(receiver, WATCHED).await;
    let spent = thread_time()? - before;
    let measured = |outcome: &&Outcome| matches!(outcome.result, CheckResult::Measured(_));
    let checks = outcomes.iter().filter(measured).count();
    ensure!(checks == outcomes.len(), "{} checks were not carried out", outcomes.len() - checks);
    ensure!(checks > 100, "only {checks} checks");
    let late = outcomes
        .iter()
        .filter_map(|o| Some(o.started_at?.duration_since(o.scheduled_at).as_secs_f64() * 1000.0))
        .collect();
    let bare = percentiles(timers.lateness_ms().await?);
    Ok((spent.as_secs_f64() * 1e6 / checks as f64, percentiles(late), bare))
}

/// The median, the 99th percentile and the largest.
fn percentiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [50, 99, 100].map(|percent| values[(values.len() - 1) * percent / 100])
}

/// The outcomes of the next while.
async fn take(receiver: &mut mpsc::Receiver<Outcome>, time: Duration) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let end = sleep(time);
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => return outcomes,
            outcome = receiver.recv() => outcomes.extend(outcome),
        }
    }
}

/// How long this thread has run on a processor: the first figure of its `schedstat` (proc(5)).
fn thread_time() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = text.split(' ').next().context("schedstat is empty")?.parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}
