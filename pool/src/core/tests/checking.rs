//! Tests of sessions that were idle for long.

use super::*;

/// The default of the option.
const CHECK_WHEN_IDLE_FOR: Duration = Duration::from_secs(30);

/// A core whose one session has been idle for so long that it needs a test.
fn stale(connections_max: usize) -> (TestCore, Instant, SlotId) {
    let (mut core, now) = core(connections_max);
    let slot = lent(&mut core, now, SSH);
    core.released(now, slot, 0, Disposition::Reuse).clear();
    (core, now + CHECK_WHEN_IDLE_FOR, slot)
}

#[test]
fn a_session_that_was_idle_for_long_is_tested_before_it_is_lent() {
    let (mut core, now, slot) = stale(1);
    assert!(core.take(now, SSH).expect("open").is_none());
    assert_eq!(told(&core.enqueue(now, SSH, "a").1), ["check"]);
    let cause = core.cause(SSH, now, now).expect("the test is under way");
    assert_eq!(cause.phase(), Some(Phase::HealthCheck));
    assert_eq!(told(&core.checked(now, slot, 0)), ["grant a"]);
}

#[test]
fn a_caller_keeps_its_place_when_the_session_it_was_to_get_fails_its_test() {
    let (mut core, now, slot) = stale(2);
    assert_eq!(told(&core.enqueue(now, SSH, "a").1), ["check"]);
    let create = core.enqueue(now, SSH, "b").1;
    assert_eq!(told(&create), ["create ssh"]);
    assert_eq!(told(&core.check_failed(now, slot, 0, true)), ["close unhealthy"]);
    assert_eq!(told(&core.created(now, create_slot(&create), 0)), ["grant a"]);
    assert_eq!(told(&core.closed(now, slot)), ["create ssh"], "for b");
}

#[test]
fn a_failed_test_condemns_those_that_were_idle_for_longer() {
    let (mut core, now) = core(3);
    let slots = [(); 3].map(|()| lent(&mut core, now, SSH));
    for slot in slots {
        core.released(now, slot, 0, Disposition::Reuse).clear();
    }
    let later = now + CHECK_WHEN_IDLE_FOR;
    core.enqueue(later, SSH, "a").1.clear();
    let actions = core.check_failed(later, slots[2], 0, true);
    assert_eq!(told(&actions), ["close unhealthy"; 3], "the caller's time is not for testing them");
    assert_eq!(told(&core.closed(later, slots[0])), ["create ssh"]);
}

#[test]
fn a_failed_test_spares_those_that_came_back_meanwhile() {
    let (mut core, now) = core(2);
    let slots = [(); 2].map(|()| lent(&mut core, now, SSH));
    core.released(now, slots[0], 0, Disposition::Reuse).clear();
    let later = now + CHECK_WHEN_IDLE_FOR;
    let (ticket, actions) = core.enqueue(later, SSH, "a");
    assert_eq!(told(&actions), ["check"]);
    core.leave(SSH, ticket);
    core.released(later, slots[1], 0, Disposition::Reuse).clear();
    assert_eq!(told(&core.check_failed(later, slots[0], 0, true)), ["close unhealthy"]);
    assert_eq!(core.stats().idle, 1);
}

#[test]
fn a_session_is_not_made_for_a_caller_that_waits_for_a_test() {
    let (mut core, now, _) = stale(2);
    assert_eq!(told(&core.enqueue(now, SSH, "a").1), ["check"]);
    assert!(core.woken(now).is_empty());
}

#[test]
fn a_test_that_is_lost_with_its_task_frees_the_slot() {
    let (mut core, now, slot) = stale(1);
    core.enqueue(now, SSH, "a").1.clear();
    assert_eq!(told(&core.check_abandoned(now, slot)), ["create ssh"]);
}

#[test]
fn a_test_that_ends_after_the_pool_closed_closes_the_session() {
    let (mut core, now, slot) = stale(1);
    core.enqueue(now, SSH, "a").1.clear();
    core.close(now).clear();
    assert_eq!(told(&core.checked(now, slot, 0)), ["close pool_closed"]);
}
