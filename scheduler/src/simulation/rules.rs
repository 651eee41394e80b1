//! Rules of a router that hold for all of its lines.

use std::time::Duration;

use jiff::Timestamp;

use super::{count, measured, overrun, run};
use crate::testing::{Behaviour, FakePool, FakePools, inventory};
use crate::{Inventory, Outcome};

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
