//! What is known of lines and routers after hours of simulated time.

use std::time::Duration;

use super::{count, run};
use crate::testing::{Behaviour, FakePool, FakePools, inventory};
use crate::{CheckResult, LineState, Outcome, RouterState, Trigger};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_line_that_goes_down_is_looked_at_again_within_seconds() {
    let pool = FakePool::new(|number| match number {
        0..=9 => Behaviour::Answers(Duration::from_secs(1)),
        _ => Behaviour::Loses,
    });
    let outcomes = run(&inventory(1), FakePools::one(&pool), MINUTE * 20).await;
    let states: Vec<_> = outcomes.iter().map(|outcome| outcome.line_status.state).collect();
    assert_eq!(states[..11], [LineState::Degraded; 11]);
    assert!(states[11..].iter().all(|state| *state == LineState::Down), "{states:?}");
    let [doubted, confirmed] = [&outcomes[10], &outcomes[11]];
    assert_eq!((doubted.trigger, confirmed.trigger), (Trigger::Schedule, Trigger::Recheck));
    let after = confirmed.scheduled_at.duration_since(doubted.scheduled_at);
    assert!((3..=4).contains(&after.as_secs()), "{after}");
    let last = outcomes.last().unwrap().line_status;
    assert_eq!((last.since, last.flaps), (doubted.scheduled_at, 1));
    let rechecks = outcomes.iter().filter(|outcome| outcome.trigger == Trigger::Recheck);
    assert_eq!(rechecks.count(), 1, "what is confirmed is not looked at more often");
}

#[tokio::test(start_paused = true)]
async fn a_dead_router_is_one_problem_and_its_lines_are_unknown() {
    let pool = FakePool::new(|number| match number {
        0..=99 => Behaviour::Answers(Duration::from_secs(1)),
        100..=299 => Behaviour::Refuses,
        _ => Behaviour::Answers(Duration::from_secs(1)),
    });
    let outcomes = run(&inventory(20), FakePools::one(&pool), MINUTE * 30).await;
    let changes = |state: fn(&Outcome) -> RouterState| {
        outcomes.windows(2).filter(|pair| state(&pair[0]) != state(&pair[1])).count()
    };
    assert_eq!(changes(|outcome| outcome.router_status.state), 2, "away once, back once");
    let dead = &outcomes[200..280];
    assert_eq!(count(dead, |result| matches!(result, CheckResult::Failed(_))), 80);
    for outcome in dead {
        assert_eq!(outcome.router_status.state, RouterState::Unreachable);
        assert_eq!(outcome.line_status.state, LineState::Unknown, "and not down");
        assert_eq!(outcome.trigger, Trigger::Schedule, "nobody hurries to a dead router");
    }
    let last = outcomes.last().unwrap();
    assert_eq!((last.line_status.state, last.line_status.flaps), (LineState::Degraded, 0));
}

#[tokio::test(start_paused = true)]
async fn a_second_look_takes_no_time_from_lines_that_are_due() {
    // Every line is in doubt after every check, on a router that is busy all the time.
    let pool = FakePool::new(|number| match number % 3 {
        0 => Behaviour::Loses,
        _ => Behaviour::Answers(Duration::from_secs(6)),
    });
    let outcomes = run(&inventory(20), FakePools::one(&pool), MINUTE * 60).await;
    let scheduled = outcomes.iter().filter(|outcome| outcome.trigger == Trigger::Schedule);
    let overrun = scheduled.filter(|outcome| matches!(outcome.result, CheckResult::Skipped(_)));
    assert!(overrun.count() <= 3, "but for those in flight at the end");
}
