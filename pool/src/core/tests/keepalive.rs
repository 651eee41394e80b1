//! Tests of sessions that nobody wants at the moment.

use super::*;
use crate::core::session::Session;

const SECOND: Duration = Duration::from_secs(1);

/// A core with `idle` sessions that came back one second after the other, and the time when all
/// of them are due to be tested.
fn idling(connections_max: usize, idle: usize) -> (TestCore, Instant, Vec<SlotId>) {
    let mut options = PoolOptions::default();
    options.rebuild.strategy = RebuildStrategy::Never;
    let limits = Limits { options: Arc::new(options), ..limits(connections_max) };
    let mut core = TestCore::new(limits, PROTOCOLS);
    let mut now = Instant::now();
    let slots: Vec<_> = (0..idle).map(|_| lent(&mut core, now, SSH)).collect();
    for &slot in &slots {
        now += SECOND;
        core.released(now, slot, 0, Disposition::Reuse).clear();
    }
    (core, now + 150 * SECOND, slots)
}

/// The longest idle session.
fn first(core: &mut TestCore) -> &mut Session<u64> {
    let slot = core.slots.longest_idle().expect("one is idle").slot;
    core.slots.session_mut(slot).expect("it is there")
}

fn tested(actions: &[TestAction]) -> Vec<SlotId> {
    let check = |action: &TestAction| match action {
        Action::Check { slot, .. } => Some(*slot),
        _ => None,
    };
    actions.iter().filter_map(check).collect()
}

#[test]
fn half_of_the_idle_sessions_are_tested_at_a_time_those_first_that_are_lent_last() {
    let (mut core, now, slots) = idling(4, 3);
    assert!(core.sweep(now - 70 * SECOND).is_empty(), "not yet");
    assert_eq!(tested(&core.sweep(now)), slots[..2]);
    assert!(core.sweep(now).is_empty(), "the others when these are done");
    assert!(core.checked(now, slots[0], 0).is_empty());
    assert_eq!(tested(&core.sweep(now)), slots[2..]);
}

#[test]
fn a_session_that_passes_is_not_taken_for_used() {
    let (mut core, now, slots) = idling(2, 2);
    assert_eq!(tested(&core.sweep(now)), slots[..1]);
    core.checked(now, slots[0], 0).clear();
    let freshest = core.take(now, SSH).expect("open").expect("one needs no test");
    assert_eq!(freshest.slot, slots[0], "the other would have to be tested first");
    core.released(now, slots[0], 0, Disposition::Reuse).clear();
    assert_eq!(tested(&core.sweep(now)), slots[1..]);
    core.checked(now, slots[1], 0).clear();
    let actions = core.sweep(now + 225 * SECOND);
    assert_eq!(told(&actions)[..1], ["close expired"], "it was not wanted for 375 s");
}

#[test]
fn a_session_that_fails_is_closed_and_replaced_at_once_if_it_is_to_be_kept() {
    let (mut core, now, slots) = idling(2, 1);
    core.sweep(now).clear();
    assert_eq!(told(&core.check_failed(now, slots[0], 0, true)), ["close unhealthy"]);
    let actions = core.closed(now, slots[0]);
    assert_eq!(told(&actions), ["create ssh"], "one is to be kept");
    assert_eq!(core.stats().health_failed_total, 1);
}

#[test]
fn a_session_that_is_still_where_it_was_is_closed_after_some_failures_in_a_row() {
    let (mut core, now, slots) = idling(2, 1);
    for _ in 0..2 {
        assert_eq!(tested(&core.sweep(now)), slots);
        assert!(core.check_failed(now, slots[0], 0, false).is_empty());
        assert_eq!((core.stats().idle, core.stats().degraded), (1, 1));
    }
    core.sweep(now).clear();
    assert_eq!(told(&core.check_failed(now, slots[0], 0, false)), ["close unhealthy"]);
}

#[test]
fn a_success_starts_the_count_of_failures_again() {
    let (mut core, now, slots) = idling(2, 1);
    for _ in 0..3 {
        core.sweep(now).clear();
        core.check_failed(now, slots[0], 0, false).clear();
        core.sweep(now).clear();
        core.checked(now, slots[0], 0).clear();
        assert_eq!(core.stats().degraded, 0);
        first(&mut core).answered = now - 150 * SECOND;
    }
    assert_eq!(core.stats().idle, 1);
}

#[test]
fn a_degraded_session_is_tested_before_it_is_lent() {
    let (mut core, now, slots) = idling(1, 1);
    core.sweep(now).clear();
    core.check_failed(now, slots[0], 0, false).clear();
    first(&mut core).answered = now;
    assert!(core.take(now, SSH).expect("open").is_none());
    assert_eq!(tested(&core.enqueue(now, SSH, "a").1), slots);
    assert_eq!(told(&core.checked(now, slots[0], 0)), ["grant a"]);
}

#[test]
fn a_test_that_nobody_asked_for_delays_nobody_who_can_have_a_slot() {
    let (mut core, now, slots) = idling(2, 1);
    core.sweep(now).clear();
    assert_eq!(told(&core.enqueue(now, SSH, "a").1), ["create ssh"]);
    assert_eq!(told(&core.checked(now, slots[0], 0)), ["grant a"], "whatever comes first");
}

#[test]
fn without_a_free_slot_a_caller_waits_for_the_test() {
    let (mut core, now, slots) = idling(1, 1);
    core.sweep(now).clear();
    assert!(core.enqueue(now, SSH, "a").1.is_empty());
    assert_eq!(told(&core.check_failed(now, slots[0], 0, true)), ["close unhealthy"]);
    assert_eq!(told(&core.closed(now, slots[0])), ["create ssh"], "one, for a and to be kept");
}

#[test]
fn sessions_that_failed_and_still_answer_are_tested_for_a_waiter_once_more_only() {
    let (mut core, now, slots) = idling(1, 1);
    core.sweep(now).clear();
    core.enqueue(now, SSH, "a").1.clear();
    assert_eq!(tested(&core.check_failed(now, slots[0], 0, false)), slots, "now for a");
    assert_eq!(told(&core.check_failed(now, slots[0], 0, false)), ["close unhealthy"]);
}
