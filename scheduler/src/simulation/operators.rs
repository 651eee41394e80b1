//! Operators who change the inventory at random while it runs: days of that, and an account of
//! every line and due time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::collect;
use super::random::{Random, Seed, seeds};
use crate::due::phase;
use crate::testing::{FakePool, FakePools, house, line, router};
use crate::{Interval, Inventory, LineId, Outcome, PingParams, Reconciler, Target, Task, Trigger};

const ROUTERS: u64 = 4;
const LINES_MAX: usize = 14;
const DAYS: u32 = 2;
const MINUTE: Duration = Duration::from_secs(60);

/// A time in which a line was declared with one interval.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// In milliseconds; a due time at this very moment counts only when the line was new.
    from: i64,
    is_new: bool,
    until: Option<i64>,
    interval: Interval,
}

/// What was declared when.
#[derive(Debug, Default)]
struct Ledger(BTreeMap<LineId, Vec<Stretch>>);

impl Ledger {
    fn note(&mut self, inventory: &Inventory, at: i64) {
        let declared: BTreeSet<_> = inventory.lines.iter().map(|line| &line.id).collect();
        for (id, stretches) in &mut self.0 {
            if let Some(last) = stretches.last_mut()
                && !declared.contains(id)
            {
                last.until.get_or_insert(at);
            }
        }
        for line in &inventory.lines {
            let stretches = self.0.entry(line.id.clone()).or_default();
            let open = stretches.last_mut().filter(|last| last.until.is_none());
            let is_new = open.is_none();
            if let Some(last) = open {
                if last.interval == line.interval {
                    continue;
                }
                last.until = Some(at);
            }
            stretches.push(Stretch { from: at, is_new, until: None, interval: line.interval });
        }
    }

    /// The due times of a line until the end, in milliseconds.
    fn due(&self, id: &LineId, end: i64) -> Vec<i64> {
        let of = |stretch: &Stretch| {
            let interval = i64::try_from(stretch.interval.as_duration().as_millis()).unwrap();
            let phase = i64::try_from(phase(id, stretch.interval).as_millis()).unwrap();
            let from = if stretch.is_new { stretch.from } else { stretch.from + 1 };
            let first = from + (phase - from).rem_euclid(interval);
            let until = stretch.until.unwrap_or(end);
            (0..).map(move |n| first + n * interval).take_while(move |at| *at <= until)
        };
        self.0[id].iter().flat_map(of).collect()
    }
}

/// What came, and when.
type Seen = Arc<Mutex<Vec<(i64, Outcome)>>>;

#[derive(Debug)]
struct Operators {
    random: Random,
    inventory: Inventory,
    lines_made: u64,
}

impl Operators {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut operators = Self { random, inventory: Inventory::default(), lines_made: 0 };
        for number in 0..ROUTERS {
            operators.inventory.routers.push(router(&format!("edge-{number}")));
        }
        for _ in 0..random.below(8) {
            operators.add_line();
        }
        operators
    }

    fn add_line(&mut self) {
        if self.inventory.lines.len() < LINES_MAX && !self.inventory.routers.is_empty() {
            self.lines_made += 1;
            // Numbers come again, so that lines that were removed do.
            let id = format!("L{:02}", self.lines_made % 24);
            let router = self.random.index(self.inventory.routers.len());
            let name = self.inventory.routers[router].name.to_string();
            let mut line = line(&id, &name);
            line.interval = self.interval();
            if self.inventory.lines.iter().all(|known| known.id != line.id) {
                let place = self.random.index(self.inventory.lines.len() + 1);
                self.inventory.lines.insert(place, line);
            }
        }
    }

    fn interval(&mut self) -> Interval {
        let longest = if self.random.below(3) == 0 { MINUTE } else { MINUTE * 15 };
        Interval::new(self.random.duration(Interval::MIN, longest)).unwrap()
    }

    /// One to three changes of any kind.
    fn change(&mut self) {
        for _ in 0..=self.random.below(3) {
            let (line, router) = (
                self.random.index(self.inventory.lines.len()),
                self.random.index(self.inventory.routers.len()),
            );
            let has = !self.inventory.lines.is_empty();
            match self.random.below(10) {
                0 | 1 => self.add_line(),
                2 if has => drop(self.inventory.lines.remove(line)),
                3 if has => self.inventory.lines[line].interval = self.interval(),
                4 if has => {
                    let target = format!("198.51.100.{}", self.random.below(250));
                    self.inventory.lines[line].target = Target::new(target).unwrap();
                }
                5 if has => {
                    let count = u32::try_from(1 + self.random.below(9)).unwrap();
                    self.inventory.lines[line].task =
                        Task::ping(PingParams { count, ..PingParams::default() });
                }
                6 if has => {
                    let name = self.inventory.routers[router].name.clone();
                    self.inventory.lines[line].router = name;
                }
                7 => {
                    let sessions = 1 + self.random.index(3);
                    self.inventory.routers[router].connection.max_connections = sessions;
                }
                8 => {
                    let username = format!("monitor{}", self.random.below(3));
                    self.inventory.routers[router].connection.credentials.username = username;
                }
                _ => self.inventory.lines.reverse(),
            }
        }
    }

    /// A router goes, and its lines with it, or comes back.
    fn change_routers(&mut self) {
        let number = self.random.below(ROUTERS);
        let name = router(&format!("edge-{number}")).name;
        let routers = &mut self.inventory.routers;
        if routers.iter().all(|router| router.name != name) {
            routers.push(router(name.as_str()));
        } else if routers.len() > 1 {
            routers.retain(|router| router.name != name);
            self.inventory.lines.retain(|line| line.router != name);
        }
    }
}

fn pools(random: &mut Random) -> Arc<FakePools> {
    let mut pools = FakePools::default();
    for number in 0..ROUTERS {
        let seed = random.below(u64::MAX);
        let script = move |number| Random(seed ^ u64::try_from(number).unwrap()).behaviour();
        pools.0.insert(format!("edge-{number}"), FakePool::new(script));
    }
    Arc::new(pools)
}

/// Takes over the inventory, and checks that this took no time, that doing it again changes
/// nothing, and that nothing runs for what is gone.
async fn apply(reconciler: &Reconciler, operators: &Operators, pools: &FakePools) {
    let inventory = &operators.inventory;
    reconciler.reconcile(inventory.clone()).await.unwrap();
    let again = reconciler.reconcile(inventory.clone()).await.unwrap();
    assert!(again.is_empty(), "{again:?}");
    // Until tasks that were cut off are gone.
    for _ in 0..32 {
        yield_now().await;
    }
    for (name, pool) in &pools.0 {
        if inventory.lines.iter().all(|line| line.router.as_str() != name) {
            assert_eq!(pool.seen().in_use.load(Ordering::SeqCst), 0, "{name} is still used");
        }
    }
}

fn check_account(ledger: &Ledger, seen: &[(i64, Outcome)], end: i64) {
    let mut got: BTreeMap<LineId, Vec<i64>> = BTreeMap::new();
    for (arrived, outcome) in seen.iter().filter(|(_, o)| o.trigger == Trigger::Schedule) {
        let at = outcome.scheduled_at.as_millisecond();
        got.entry(outcome.line.clone()).or_default().push(at);
        let stretches = &ledger.0[&outcome.line];
        let is_declared = stretches
            .iter()
            .any(|stretch| (stretch.from..=stretch.until.unwrap_or(end)).contains(arrived));
        assert!(is_declared, "{} has an outcome after it was removed", outcome.line);
    }
    for id in ledger.0.keys() {
        let mut got = got.remove(id).unwrap_or_default();
        // A cut-off check and one that waited elsewhere may come in either order when a line moves.
        got.sort_unstable();
        let expected = ledger.due(id, end);
        let lost: Vec<_> = expected.iter().filter(|at| !got.contains(at)).collect();
        let extra: Vec<_> = got.iter().filter(|at| !expected.contains(at)).collect();
        assert_eq!(got, expected, "{id}: lost {lost:?}, extra {extra:?}, {:?}", ledger.0[id]);
    }
    assert!(got.is_empty(), "outcomes of no line: {got:?}");
}

#[tokio::test(start_paused = true)]
async fn whatever_operators_change_each_due_time_has_exactly_one_outcome() {
    for seed in seeds(3) {
        let _seed = Seed(seed);
        let mut operators = Operators::new(seed);
        let pools = pools(&mut operators.random);
        let (house, mut outcomes, shutdown) = house(pools.clone(), 16);
        let clock = house.clock.clone();
        let now = || clock.now().as_millisecond();
        let seen = Seen::default();
        let collected = tokio::spawn({
            let (seen, clock) = (seen.clone(), clock.clone());
            async move {
                while let Some(outcome) = outcomes.recv().await {
                    seen.lock().push((clock.now().as_millisecond(), outcome));
                }
            }
        });
        let mut ledger = Ledger::default();
        ledger.note(&operators.inventory, now());
        let scheduler = house.start(operators.inventory.clone());
        let end = now() + i64::from(DAYS) * 86_400_000;
        while now() < end {
            sleep(operators.random.duration(Duration::ZERO, MINUTE * 60)).await;
            match operators.random.below(4) {
                0 => operators.change_routers(),
                _ => operators.change(),
            }
            let at = now();
            ledger.note(&operators.inventory, at);
            apply(&scheduler.reconciler(), &operators, &pools).await;
            assert_eq!(now(), at, "nobody waits for a reconcile");
        }
        let end = now();
        shutdown.cancel();
        scheduler.join().await;
        collected.await.unwrap();
        let seen = std::mem::take(&mut *seen.lock());
        assert!(seen.len() > 1000);
        check_account(&ledger, &seen, end);
        for (name, pool) in &pools.0 {
            let too_many = pool.seen().too_many.load(Ordering::SeqCst);
            assert_eq!(too_many, 0, "{name} had more sessions than it may");
            let reused = pool.seen().reused_broken.load(Ordering::SeqCst);
            assert_eq!(reused, 0, "{name}: a session that was cut short was used again");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn jumps_of_the_clock_cost_no_line_its_rhythm() {
    for seed in seeds(3) {
        let _seed = Seed(seed);
        let mut random = Random(seed);
        let pool = FakePool::new(|_| crate::testing::Behaviour::Answers(Duration::from_secs(1)));
        let (mut house, outcomes, shutdown) = house(FakePools::one(&pool), 64);
        let (steady, offset) = (house.clock.clone(), Arc::new(Mutex::new(0_i64)));
        house.clock = crate::due::Clock::new({
            let (steady, offset) = (steady.clone(), offset.clone());
            move || shifted(steady.now(), *offset.lock())
        });
        let inventory = crate::testing::inventory(5);
        let scheduler = house.start(inventory.clone());
        let collected = tokio::spawn(collect(outcomes));
        let began = steady.now();
        for _ in 0..20 {
            sleep(random.duration(MINUTE, MINUTE * 30)).await;
            // Steps of up to two hours either way; a machine that slept steps forward.
            let step = i64::try_from(random.below(14_400_000)).unwrap() - 7_200_000;
            *offset.lock() += step;
        }
        let minutes = steady.now().duration_since(began).as_secs() / 60;
        shutdown.cancel();
        scheduler.join().await;
        let mut counts: BTreeMap<LineId, i64> = BTreeMap::new();
        for outcome in collected.await.unwrap() {
            let line = inventory.lines.iter().find(|line| line.id == outcome.line).unwrap();
            let at = outcome.scheduled_at.as_millisecond().rem_euclid(60_000);
            let phase = phase(&line.id, line.interval).as_millis();
            assert_eq!(u128::try_from(at).unwrap(), phase, "on its grid");
            *counts.entry(outcome.line).or_default() += 1;
        }
        for (id, count) in counts {
            // A step moves the grid by less than an interval, either way.
            assert!((count - minutes).abs() <= 21, "{id}: {count} in {minutes} minutes");
        }
    }
}

fn shifted(at: Timestamp, ms: i64) -> Timestamp {
    at + jiff::SignedDuration::from_millis(ms)
}
