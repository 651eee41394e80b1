//! Rules of a router that hold for all of its lines.

use std::time::Duration;

use jiff::Timestamp;

use super::{count, measured, overrun, run};
use crate::testing::{Behaviour, FakePool, FakePools, inventory};
use crate::{CheckResult, Interval, Inventory, LineState, Outcome, Trigger};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn paced(lines: usize, per_minute_max: u32) -> Inventory {
    let mut inventory = inventory(lines);
    inventory.routers[0].rules.per_minute_max = Some(per_minute_max);
    inventory
}

/// The shortest time between the beginnings of two checks, in milliseconds.
fn gap_min(outcomes: &[Outcome]) -> i64 {
    let mut began: Vec<Timestamp> = outcomes.iter().filter_map(|o| o.started_at).collect();
    began.sort();
    let gaps = began.windows(2).map(|pair| pair[1].duration_since(pair[0]));
    i64::try_from(gaps.min().unwrap().as_millis()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_checks_spreads_them_and_every_line_still_has_its_turn() {
    let pool = FakePool::new(|_| Behaviour::Loses);
    let outcomes = run(&paced(20, 30), FakePools::one(&pool), HOUR).await;
    assert!(gap_min(&outcomes) >= 2000);
    assert_eq!(count(&outcomes, overrun), 0, "twenty a minute fit");
    assert!(count(&outcomes, measured) >= 20 * 60 - 2);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_too_low_skips_and_is_told_as_a_shortage() {
    let pool = FakePool::new(|_| Behaviour::Answers(Duration::ZERO));
    let outcomes = run(&paced(20, 10), FakePools::one(&pool), HOUR).await;
    assert!(gap_min(&outcomes) >= 6000);
    let seen = count(&outcomes, measured);
    assert!((590..=601).contains(&seen), "{seen}");
    assert!(outcomes.last().unwrap().router_status.is_short);
    for line in inventory(20).lines {
        let own = outcomes.iter().filter(|o| o.line == line.id && measured(&o.result)).count();
        assert!(own >= 28, "{} was measured {own} times", line.id);
    }
}

/// What was sent and received, and why, of each check that was measured.
fn counts(outcomes: &[Outcome]) -> Vec<(u32, u32, Trigger)> {
    let counts = outcomes.iter().filter_map(|outcome| {
        let CheckResult::Measured(figures) = &outcome.result else { return None };
        let ping = figures.ping().unwrap();
        Some((ping.sent, ping.received, outcome.trigger))
    });
    counts.collect()
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_down_is_looked_at_first_and_in_full_as_soon_as_something_answers() {
    let mut inventory = inventory(1);
    inventory.routers[0].rules.first_look = true;
    // The first check in full, five looks, one that is answered, and everything after that.
    let pool = FakePool::new(|number| match number {
        0..=5 => Behaviour::Silent,
        _ => Behaviour::Answers(Duration::ZERO),
    });
    let outcomes = run(&inventory, FakePools::one(&pool), MINUTE * 12).await;
    let counts = counts(&outcomes);
    assert_eq!(counts[0], (5, 0, Trigger::Schedule));
    assert_eq!(counts[1..6], [(1, 0, Trigger::Schedule); 5], "what was sent is what is reported");
    assert_eq!(counts[6], (5, 4, Trigger::Schedule), "the packet of the look is not in it");
    assert_eq!(counts[7], (5, 4, Trigger::Recheck));
    assert!(counts[8..].iter().all(|count| *count == (5, 4, Trigger::Schedule)));
    assert_eq!(outcomes.last().unwrap().line_status.state, LineState::Degraded);
    let looks = &outcomes[1..6];
    assert!(looks.iter().all(|outcome| outcome.duration == Duration::from_secs(1)));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_down_is_checked_in_full_at_one_due_time_in_twenty() {
    let mut inventory = inventory(3);
    inventory.routers[0].rules.first_look = true;
    let pool = FakePool::new(|_| Behaviour::Silent);
    let outcomes = run(&inventory, FakePools::one(&pool), HOUR * 10).await;
    for line in &inventory.lines {
        let own: Vec<_> = outcomes.iter().filter(|o| o.line == line.id).cloned().collect();
        let full = counts(&own).iter().filter(|(sent, ..)| *sent == 5).count();
        assert!((30..=31).contains(&full), "{}: {full} of 600", line.id);
    }
}

#[tokio::test(start_paused = true)]
async fn no_line_is_looked_at_first_where_nobody_asked_for_it_or_there_is_no_time() {
    let pool = FakePool::new(|_| Behaviour::Silent);
    let mut quick = inventory(1);
    // A look takes up to 3 s, a full check 12 s.
    quick.lines[0].interval = Interval::new(Duration::from_secs(15)).unwrap();
    quick.routers[0].rules.first_look = true;
    for inventory in [inventory(1), quick] {
        let outcomes = run(&inventory, FakePools::one(&pool), HOUR).await;
        assert!(counts(&outcomes).iter().all(|(sent, ..)| *sent == 5));
    }
}
