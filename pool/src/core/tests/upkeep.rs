//! What else is asked of a core: causes, warm-ups, sweeping, closing.

use super::*;

#[test]
fn sessions_that_nobody_wants_are_closed_down_to_the_minimum() {
    let (mut core, now) = core(3);
    let slots = [(); 3].map(|()| lent(&mut core, now, SSH));
    core.released(now, slots[0], 0, Disposition::Reuse).clear();
    core.released(now, slots[1], 0, Disposition::Reuse).clear();
    assert!(core.sweep(now + Duration::from_secs(200)).is_empty(), "not yet");
    let later = now + Duration::from_secs(400);
    core.released(later, slots[2], 0, Disposition::Reuse).clear();
    assert_eq!(told(&core.sweep(later)), ["close expired", "close expired"]);
    let much_later = later + Duration::from_secs(4000);
    assert!(core.sweep(much_later).is_empty(), "the last is kept");
}

#[test]
fn lost_sessions_are_made_up_for_unless_the_device_fails() {
    let (mut core, now) = core(3);
    assert!(core.sweep(now).is_empty(), "nobody has wanted any yet");
    let slot = lent(&mut core, now, SSH);
    let broken = Disposition::Discard(DiscardReason::Broken);
    core.released(now, slot, 0, broken).clear();
    let actions = core.sweep(now);
    assert_eq!(told(&actions), ["create ssh"]);
    assert!(core.sweep(now).is_empty(), "one is on its way");
    core.create_failed(now, create_slot(&actions), &refused()).clear();
    assert!(core.sweep(now + Duration::from_secs(3600)).is_empty());
}

#[test]
fn a_late_session_is_closed_when_the_pool_is() {
    let (mut core, now) = core(1);
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    assert_eq!(told(&core.close(now)), ["fail a: Closed", "cut off"]);
    assert!(core.close(now).is_empty(), "closing twice does nothing");
    assert_eq!(told(&core.created(now, slot, 0)), ["close pool_closed"]);
    assert_eq!(told(&core.closed(now, slot)), ["drained"]);
    assert!(matches!(core.take(now, SSH), Err(Error::Closed)));
}

#[test]
fn the_cause_of_a_wait_is_the_newest_thing_known() {
    let (mut core, now) = core(1);
    assert!(core.cause(SSH, now, now).is_none());
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    let later = now + Duration::from_secs(3);
    let cause = core.cause(SSH, now, later).expect("an attempt is under way");
    assert_eq!(cause.to_string(), "deadline exceeded in phase connect after 3.0s");
    core.create_failed(later, slot, &refused()).clear();
    let cause = core.cause(SSH, now, later).expect("an attempt failed");
    assert_eq!(cause.kind(), pool_core::ErrorKind::Connect);
}

#[test]
fn a_wait_for_sessions_in_use_says_so() {
    let (mut core, now) = core(1);
    lent(&mut core, now, SSH);
    let cause = core.cause(SSH, now, now + Duration::from_secs(7)).expect("all are in use");
    assert_eq!(cause.phase(), Some(Phase::Acquire));
    assert!(cause.to_string().contains("1 are in use, the longest for 7.0s"), "{cause}");
}

#[test]
fn a_warm_up_follows_attempts_under_way_and_starts_what_is_missing() {
    let (mut core, now) = core(3);
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    let mut watched = 0;
    let actions = core.warm_up(now, SSH, 9, || watched += 1).expect("open");
    assert_eq!(told(&actions), ["create ssh", "create ssh"], "as many as there are slots");
    assert_eq!(watched, 3);
    assert_eq!(told(&core.created(now, slot, 0)), ["tell true", "grant a"]);
    let failed = core.create_failed(now, create_slot(&actions), &wrong_password());
    assert_eq!(told(&failed), ["tell false"]);
    assert_eq!(core.ready(SSH), 1);
    let actions = core.warm_up(now, SSH, 2, || ()).expect("open");
    assert!(actions.is_empty(), "one is lent, and one is under way");
}

#[test]
fn a_lease_held_for_too_long_is_reported_once_with_where_it_was_taken() {
    let (mut core, now) = core(2);
    let slot = lent(&mut core, now, SSH);
    let taken_at = std::panic::Location::caller();
    core.located(slot, taken_at);
    lent(&mut core, now + Duration::from_secs(1), SSH);
    assert!(core.sweep(now + Duration::from_secs(599)).is_empty());
    let due = now + Duration::from_secs(600);
    let actions = core.sweep(due);
    let [Action::Event(PoolEvent::LeakSuspected { slot: suspect, held, taken_at: told })] =
        actions[..]
    else {
        panic!("one lease is reported")
    };
    assert_eq!((suspect, held, told), (slot, due - now, Some(taken_at)));
    let actions = core.sweep(due + Duration::from_secs(1));
    let [Action::Event(PoolEvent::LeakSuspected { taken_at: None, .. })] = actions[..] else {
        panic!("the other is reported, and the first not again")
    };
    assert!(core.sweep(due + Duration::from_secs(9)).is_empty());
    assert_eq!(core.stats().leak_suspected_total, 2);
}
