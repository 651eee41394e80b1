//! Lines that somebody wants to be checked at once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use pool_core::Context;
use tokio::time::{Instant, sleep, timeout};

use super::{check_account, collect};
use crate::testing::{Behaviour, FakePool, FakePools, house, inventory};
use crate::{
    Answers, Checker, Inventory, LineId, NotChecked, Outcome, RouterName, Scheduler, Trigger,
    Wanted,
};

const SECOND: Duration = Duration::from_secs(1);

/// A schedule that runs, and what is needed to hold it to its account.
struct Running {
    scheduler: Scheduler,
    collected: tokio::task::JoinHandle<Vec<Outcome>>,
    clock: crate::due::Clock,
    start: jiff::Timestamp,
    shutdown: tokio_util::sync::CancellationToken,
    inventory: Inventory,
}

impl Running {
    fn start(inventory: Inventory, pool: &FakePool) -> Self {
        let (house, outcomes, shutdown) = house(FakePools::one(pool), 64);
        let clock = house.clock.clone();
        let start = clock.now();
        let scheduler = house.start(inventory.clone());
        let collected = tokio::spawn(collect(outcomes));
        Self { scheduler, collected, clock, start, shutdown, inventory }
    }

    fn checker(&self) -> Checker {
        self.scheduler.checker()
    }

    /// Stops it, checks that its rhythm was not disturbed, and returns all outcomes.
    async fn end(self) -> Vec<Outcome> {
        let stop = self.clock.now();
        self.shutdown.cancel();
        self.scheduler.join().await;
        let outcomes = self.collected.await.unwrap();
        check_account(&self.inventory, &outcomes, self.start, stop);
        outcomes
    }
}

fn id(number: usize) -> LineId {
    LineId::new(format!("L{number:04}")).unwrap()
}

fn lines(numbers: impl IntoIterator<Item = usize>) -> Wanted {
    Wanted::Lines(numbers.into_iter().map(id).collect())
}

async fn ask(checker: &Checker, wait: Duration, wanted: Wanted) -> Result<Answers, NotChecked> {
    let ctx = Context::detached(wait);
    let asked = checker.check_now(&ctx, wanted);
    timeout(wait + Duration::from_millis(5), asked).await.expect("back by its deadline")
}

/// One session, and checks that take that long.
fn slow(lines: usize, took: Duration) -> (Inventory, FakePool) {
    let mut inventory = inventory(lines);
    inventory.routers[0].connection.max_connections = 1;
    (inventory, FakePool::new(move |_| Behaviour::Answers(took)))
}

#[tokio::test(start_paused = true)]
async fn lines_are_checked_at_once_and_their_rhythm_stays() {
    let pool = FakePool::new(|_| Behaviour::Answers(SECOND));
    let running = Running::start(inventory(3), &pool);
    // Not just before or after one of them is due.
    sleep(SECOND * 70).await;
    for _ in 0..50 {
        sleep(SECOND * 17).await;
        let wanted = Wanted::Router(RouterName::new("edge-1").unwrap());
        let answers = ask(&running.checker(), SECOND * 30, wanted).await.unwrap();
        assert_eq!((answers.outcomes.len(), answers.unanswered.len()), (3, 0));
    }
    let outcomes = running.end().await;
    let asked = outcomes.iter().filter(|outcome| outcome.trigger == Trigger::CheckNow).count();
    assert!((100..=150).contains(&asked), "{asked}");
    let scheduled = outcomes.iter().filter(|outcome| outcome.trigger == Trigger::Schedule);
    let late = |o: &Outcome| Some(o.started_at?.duration_since(o.scheduled_at).as_secs());
    assert!(scheduled.clone().filter_map(late).max() <= Some(2), "nothing waits for long");
    assert_eq!(pool.seen().too_many.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_goes_where_all_outcomes_go() {
    let (inventory, pool) = slow(1, SECOND * 5);
    let running = Running::start(inventory, &pool);
    while pool.seen().in_use.load(Ordering::SeqCst) == 0 {
        sleep(SECOND).await;
    }
    let asked_at = running.clock.now();
    let (first, second) = (running.checker(), running.checker());
    let (first, second) = tokio::join!(
        ask(&first, SECOND * 90, lines([0])),
        ask(&second, SECOND * 90, lines([0, 0])),
    );
    let answers = first.unwrap();
    assert_eq!(Ok(&answers), second.as_ref(), "one check answers both");
    let outcome = &answers.outcomes[0];
    assert!(outcome.started_at > Some(asked_at), "and not the check that was under way");
    assert_eq!(outcome.trigger, Trigger::CheckNow);
    let outcomes = running.end().await;
    assert!(outcomes.contains(outcome));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_waits_for_its_turn_is_checked_for_its_due_time_and_ahead_of_others() {
    let (inventory, pool) = slow(40, SECOND * 3);
    let running = Running::start(inventory, &pool);
    sleep(SECOND * 300).await;
    // Forty lines a minute where twenty fit: nearly all of them wait.
    let mut due = 0;
    for number in 0..40 {
        let asked = Instant::now();
        let answers = ask(&running.checker(), SECOND * 59, lines([number])).await.unwrap();
        let outcome = &answers.outcomes[0];
        let is_due = outcome.trigger == Trigger::Schedule;
        due += usize::from(is_due);
        if is_due {
            assert!(asked.elapsed() <= SECOND * 59);
        }
    }
    assert!(due > 10, "{due}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_in_vain_is_back_by_the_deadline_and_nothing_is_begun_later() {
    let (inventory, pool) = slow(2, SECOND * 20);
    let running = Running::start(inventory, &pool);
    // Until a check is under way.
    while pool.seen().in_use.load(Ordering::SeqCst) == 0 {
        sleep(SECOND).await;
    }
    let answers = ask(&running.checker(), SECOND * 3, lines([0, 1])).await.unwrap();
    assert_eq!(answers.outcomes, []);
    assert_eq!(answers.unanswered.len(), 2);
    sleep(SECOND * 60).await;
    let outcomes = running.end().await;
    assert!(outcomes.iter().all(|outcome| outcome.trigger == Trigger::Schedule));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_removed_while_it_waits_has_no_answer() {
    let (inventory, pool) = slow(2, SECOND * 20);
    let (house, outcomes, _shutdown) = house(FakePools::one(&pool), 64);
    let scheduler = house.start(inventory.clone());
    let _collected = tokio::spawn(collect(outcomes));
    while pool.seen().in_use.load(Ordering::SeqCst) == 0 {
        sleep(SECOND).await;
    }
    let checker = scheduler.checker();
    let asked = tokio::spawn(async move { ask(&checker, SECOND * 500, lines([0, 1])).await });
    sleep(SECOND).await;
    let reconciler = scheduler.reconciler();
    reconciler.reconcile(Inventory { lines: vec![], ..inventory }).await.unwrap();
    let answers = timeout(SECOND, asked).await.expect("at once").unwrap().unwrap();
    assert_eq!((answers.outcomes.len(), answers.unanswered.len()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_checked_is_refused_as_a_whole() {
    let (inventory, pool) = slow(1001, SECOND);
    let running = Running::start(inventory, &pool);
    let checker = running.checker();
    let unknown = ask(&checker, SECOND, lines([1, 5000])).await;
    assert_eq!(unknown, Err(NotChecked::UnknownLine(id(5000))));
    let other = RouterName::new("edge-2").unwrap();
    let unknown = ask(&checker, SECOND, Wanted::Router(other.clone())).await;
    assert_eq!(unknown, Err(NotChecked::UnknownRouter(other)));
    let many = ask(&checker, SECOND, lines(0..1001)).await;
    assert_eq!(many, Err(NotChecked::TooMany { wanted: 1001, free: 1000 }));
    // Those that nobody waits for any more are soon not counted.
    for _ in 0..5 {
        let some = ask(&checker, SECOND, lines(0..900)).await.unwrap();
        assert_eq!(some.outcomes.len() + some.unanswered.len(), 900);
        sleep(SECOND * 5).await;
    }
    running.end().await;
    assert_eq!(ask(&checker, SECOND, lines([1])).await, Err(NotChecked::Ended));
}
