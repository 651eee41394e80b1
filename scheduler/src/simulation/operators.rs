//! Operators who change the inventory at random while it runs: days of that, and an account of
//! every line and due time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use pool_core::Context;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};

use super::ledger::Ledger;
use super::random::{Random, Seed, seeds};
use crate::testing::{FakePool, FakePools, house, line, router};
use crate::{
    Answers, Checker, Interval, Inventory, NotChecked, Outcome, PingParams, Reconciler, Target,
    Task, Wanted,
};

const ROUTERS: u64 = 4;
const LINES_MAX: usize = 14;
const DAYS: u32 = 2;
const MINUTE: Duration = Duration::from_secs(60);

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
            match self.random.below(13) {
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
                9 => {
                    let rules = &mut self.inventory.routers[router].rules;
                    let max = 1 + u32::try_from(self.random.below(120)).unwrap();
                    rules.per_minute_max = (self.random.below(2) == 0).then_some(max);
                }
                10 => {
                    let rules = &mut self.inventory.routers[router].rules;
                    rules.first_look = !rules.first_look;
                }
                11 => {
                    let kept = self.random.index(2);
                    self.inventory.routers[router].connection.min_connections = kept;
                }
                _ => self.inventory.lines.reverse(),
            }
        }
    }

    /// Something that is declared, a line twice now and then.
    fn wanted(&mut self) -> Wanted {
        let lines = &self.inventory.lines;
        if lines.is_empty() || self.random.below(3) == 0 {
            let router = self.random.index(self.inventory.routers.len());
            return Wanted::Router(self.inventory.routers[router].name.clone());
        }
        let count = 1 + self.random.below(4);
        let line = |_| lines[self.random.index(lines.len())].id.clone();
        Wanted::Lines((0..count).map(line).collect())
    }

    /// Has something checked at once, with any patience.
    fn ask(&mut self, checker: Checker) -> JoinHandle<(Wanted, Result<Answers, NotChecked>)> {
        let wanted = self.wanted();
        let wait = self.random.duration(Duration::ZERO, MINUTE * 3);
        tokio::spawn(async move {
            let ctx = Context::detached(wait);
            let asked = checker.check_now(&ctx, wanted.clone());
            let late = wait + Duration::from_millis(5);
            (wanted, timeout(late, asked).await.expect("back by its deadline"))
        })
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
        let script = move |number| super::random_behaviour(seed, number);
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
            assert_eq!(pool.seen().warming.load(Ordering::SeqCst), 0, "{name} is preloaded");
        }
    }
}

/// Whatever is asked for is answered once or not at all, with an outcome that came to all.
fn check_answers(answers: &[(Wanted, Result<Answers, NotChecked>)], seen: &[(i64, Outcome)]) {
    let mut answered = 0;
    for (wanted, answer) in answers {
        // What is asked for may be removed before it is looked up.
        let Ok(Answers { outcomes, unanswered }) = answer else { continue };
        let lines = outcomes.iter().map(|outcome| &outcome.line).chain(unanswered);
        let mut told: Vec<_> = lines.clone().collect();
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), lines.count(), "each line once");
        if let Wanted::Lines(lines) = wanted {
            let asked: BTreeSet<_> = lines.iter().collect();
            assert_eq!(told, asked.into_iter().collect::<Vec<_>>());
        }
        for outcome in outcomes {
            let is_known = seen.iter().any(|(_, known)| known == outcome);
            assert!(is_known, "an answer that nobody else has: {outcome:?}");
        }
        answered += outcomes.len();
    }
    assert!(answered > 10, "{answered} answers to {} requests", answers.len());
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
        let (mut ledger, mut asked) = (Ledger::default(), Vec::new());
        ledger.note(&operators.inventory, now());
        let scheduler = house.start(operators.inventory.clone());
        let end = now() + i64::from(DAYS) * 86_400_000;
        while now() < end {
            sleep(operators.random.duration(Duration::ZERO, MINUTE * 60)).await;
            asked.push(operators.ask(scheduler.checker()));
            let others_wait = operators.random.index(2);
            pools.0.values().for_each(|p| p.seen().waiting.store(others_wait, Ordering::SeqCst));
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
        let mut answers = Vec::new();
        for asked in asked {
            answers.push(asked.await.unwrap());
        }
        let seen = std::mem::take(&mut *seen.lock());
        assert!(seen.len() > 1000);
        ledger.check(&seen, end);
        check_answers(&answers, &seen);
        for (name, pool) in &pools.0 {
            let too_many = pool.seen().too_many.load(Ordering::SeqCst);
            assert_eq!(too_many, 0, "{name} had more sessions than it may");
            let reused = pool.seen().reused_broken.load(Ordering::SeqCst);
            assert_eq!(reused, 0, "{name}: a session that was cut short was used again");
        }
    }
}
