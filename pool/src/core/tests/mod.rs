//! What the core decides, without a runtime.

mod model;

use std::io;

use pool_core::Phase;

use super::*;

type TestCore = Core<u64, &'static str, ()>;
type TestAction = Action<u64, &'static str, ()>;

const SSH: usize = 0;
const CLI: usize = 1;

fn limits(connections_max: usize) -> Limits {
    Limits {
        connections_max,
        connections_min: 1,
        connect_timeout: Duration::from_secs(30),
        attempts_max: 2,
        retry_timeout: Duration::from_secs(30),
    }
}

fn core(connections_max: usize) -> (TestCore, Instant) {
    (TestCore::new(limits(connections_max), 2), Instant::now())
}

fn refused() -> Error {
    let source = Arc::new(io::ErrorKind::ConnectionRefused.into());
    Error::Connect { address: "192.0.2.1:22".into(), source }
}

fn wrong_password() -> Error {
    Error::Authentication { username: "monitor".into(), message: "refused".into() }
}

/// Actions in short: `create ssh`, `grant a`, `fail b: Connect`, `close`, `wake`, `drained`.
fn told(actions: &[TestAction]) -> Vec<String> {
    let lane_name = |lane| if lane == SSH { "ssh" } else { "cli" };
    actions
        .iter()
        .map(|action| match action {
            Action::Grant { waiter, .. } => format!("grant {waiter}"),
            Action::Fail { waiter, error } => format!("fail {waiter}: {}", error.kind()),
            Action::Create { lane, .. } => format!("create {}", lane_name(*lane)),
            Action::Check { .. } => "check".to_owned(),
            Action::Tell { result, .. } => format!("tell {}", result.is_ok()),
            Action::Close { reason, .. } => format!("close {reason}"),
            Action::WakeAt(_) => "wake".to_owned(),
            Action::Drained => "drained".to_owned(),
        })
        .collect()
}

fn create_slot(actions: &[TestAction]) -> SlotId {
    let slot = actions.iter().find_map(|action| match action {
        Action::Create { slot, .. } => Some(*slot),
        _ => None,
    });
    slot.expect("an attempt starts")
}

fn wake_time(actions: &[TestAction]) -> Instant {
    let time = actions.iter().find_map(|action| match action {
        Action::WakeAt(time) => Some(*time),
        _ => None,
    });
    time.expect("somebody is asked to look again")
}

/// A core with one session of `lane`, lent to somebody.
fn lent(core: &mut TestCore, now: Instant, lane: usize) -> SlotId {
    let (_, actions) = core.enqueue(now, lane, "holder");
    let slot = create_slot(&actions);
    assert_eq!(told(&core.created(now, slot, 0)), ["grant holder"]);
    slot
}

#[test]
fn there_are_no_more_attempts_than_waiters_or_slots() {
    let (mut core, now) = core(2);
    assert_eq!(told(&core.enqueue(now, SSH, "a").1), ["create ssh"]);
    assert_eq!(told(&core.enqueue(now, SSH, "b").1), ["create ssh"]);
    assert!(core.enqueue(now, SSH, "c").1.is_empty());
}

#[test]
fn an_attempt_whose_waiter_left_is_kept_for_the_next() {
    let (mut core, now) = core(2);
    let (ticket, actions) = core.enqueue(now, SSH, "a");
    core.leave(SSH, ticket);
    assert!(core.enqueue(now, SSH, "b").1.is_empty(), "the attempt under way is for b now");
    assert_eq!(told(&core.created(now, create_slot(&actions), 0)), ["grant b"]);
}

#[test]
fn a_returned_session_goes_to_the_oldest_waiter() {
    let (mut core, now) = core(1);
    let slot = lent(&mut core, now, SSH);
    let (first, _) = core.enqueue(now, SSH, "a");
    let (_, _) = core.enqueue(now, SSH, "b");
    core.leave(SSH, first);
    assert_eq!(told(&core.released(now, slot, 0, Disposition::Reuse)), ["grant b"]);
}

#[test]
fn the_longest_idle_session_makes_room_for_another_protocol() {
    let (mut core, now) = core(1);
    let slot = lent(&mut core, now, SSH);
    assert!(core.released(now, slot, 0, Disposition::Reuse).is_empty());
    assert_eq!(told(&core.enqueue(now, CLI, "a").1), ["close unwanted"]);
    assert!(core.enqueue(now, CLI, "b").1.is_empty(), "one slot, one session closed for it");
    assert_eq!(told(&core.closed(now, slot)), ["create cli"], "only when the closing is done");
}

#[test]
fn a_protocol_in_constant_use_does_not_starve_another() {
    let (mut core, now) = core(1);
    let slot = lent(&mut core, now, SSH);
    core.enqueue(now, CLI, "older").1.clear();
    core.enqueue(now, SSH, "younger").1.clear();
    let actions = core.released(now, slot, 0, Disposition::Reuse);
    assert_eq!(told(&actions), ["close unwanted"], "for the older caller of the other protocol");
}

#[test]
fn a_session_counts_until_its_closing_is_done() {
    let (mut core, now) = core(1);
    let slot = lent(&mut core, now, SSH);
    core.enqueue(now, SSH, "a").1.clear();
    let broken = Disposition::Discard(DiscardReason::Broken);
    assert_eq!(told(&core.released(now, slot, 0, broken)), ["close broken"]);
    assert_eq!(told(&core.closed(now, slot)), ["create ssh"]);
}

#[test]
fn after_a_failure_attempts_go_one_at_a_time_with_a_pause_before_each() {
    let (mut core, now) = core(2);
    let first = create_slot(&core.enqueue(now, SSH, "a").1);
    let second = create_slot(&core.enqueue(now, SSH, "b").1);
    let actions = core.create_failed(now, first, &refused());
    assert_eq!(told(&actions), ["wake"]);
    let pause = wake_time(&actions) - now;
    assert!((75..=125).contains(&pause.as_millis()), "{pause:?}");
    let actions = core.create_failed(now, second, &refused());
    assert!(actions.is_empty(), "it belongs to the same round, and somebody is to look already");
    let later = now + pause;
    assert_eq!(told(&core.woken(later)), ["create ssh"], "one, though two wait");
}

#[test]
fn waiters_are_told_when_the_attempts_are_used_up() {
    let (mut core, now) = core(1);
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    core.enqueue(now, SSH, "b").1.clear();
    let actions = core.create_failed(now, slot, &refused());
    let later = wake_time(&actions);
    let slot = create_slot(&core.woken(later));
    let actions = core.create_failed(later, slot, &refused());
    assert_eq!(told(&actions), ["fail a: Connect", "fail b: Connect"]);
    assert_eq!(core.stats().waiting, 0);
}

#[test]
fn an_error_that_a_retry_cannot_heal_reaches_all_waiters_at_once() {
    let (mut core, now) = core(1);
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    core.enqueue(now, SSH, "b").1.clear();
    core.enqueue(now, CLI, "other").1.clear();
    let actions = core.create_failed(now, slot, &wrong_password());
    assert_eq!(
        told(&actions),
        ["fail a: Authentication", "fail b: Authentication", "create cli"],
        "the other protocol is not concerned"
    );
}

#[test]
fn a_failed_attempt_does_not_fail_those_whom_a_lent_session_can_serve() {
    let (mut core, mut now) = core(2);
    let slot = lent(&mut core, now, SSH);
    let mut attempt = create_slot(&core.enqueue(now, SSH, "a").1);
    for _ in 0..5 {
        let actions = core.create_failed(now, attempt, &refused());
        assert_eq!(told(&actions), ["wake"]);
        now = wake_time(&actions);
        attempt = create_slot(&core.woken(now));
    }
    assert_eq!(told(&core.released(now, slot, 0, Disposition::Reuse)), ["grant a"]);
}

#[test]
fn attempts_made_for_those_who_left_are_not_counted_against_the_next() {
    let (mut core, now) = core(1);
    let (ticket, actions) = core.enqueue(now, SSH, "a");
    core.create_failed(now, create_slot(&actions), &refused()).clear();
    core.leave(SSH, ticket);
    let much_later = now + Duration::from_secs(3600);
    let actions = core.enqueue(much_later, SSH, "b").1;
    let Some(Action::Create { slot, timeout, .. }) = actions.first() else { panic!("no attempt") };
    assert_eq!(*timeout, Duration::from_secs(30), "a whole attempt");
    assert_eq!(told(&core.create_failed(much_later, *slot, &refused())), ["wake"], "and a retry");
}

#[test]
fn attempts_of_a_series_share_the_retry_timeout() {
    let (mut core, now) = core(1);
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    let failed_at = now + Duration::from_secs(20);
    let wake = wake_time(&core.create_failed(failed_at, slot, &refused()));
    let actions = core.woken(wake);
    let Some(Action::Create { timeout, .. }) = actions.first() else { panic!("no attempt") };
    assert_eq!(*timeout, now + Duration::from_secs(30) - wake);
}

/// Lets every attempt for one caller after another fail, until callers are not let in any more.
/// Returns the time when the gate has just shut, and when it will open.
fn shut_the_gate(core: &mut TestCore, mut now: Instant) -> (Instant, Instant) {
    for _ in 0..10 {
        if core.take(now, SSH).is_err() {
            let opens = core.lanes[SSH].retry.failing().expect("it failed").not_before();
            return (now, opens);
        }
        let mut actions = core.enqueue(now, SSH, "in vain").1;
        while core.stats().waiting > 0 {
            if let Some(Action::WakeAt(time)) = actions.first() {
                now = *time;
                actions = core.woken(now);
            }
            actions = core.create_failed(now, create_slot(&actions), &refused());
        }
    }
    panic!("the gate does not shut");
}

#[test]
fn after_some_failures_newcomers_are_told_at_once_with_the_cause() {
    let (mut core, now) = core(2);
    let (now, opens) = shut_the_gate(&mut core, now);
    assert_eq!(core.stats().create_failed_total, 6, "three callers, two attempts for each");
    assert!((2400..=4000).contains(&(opens - now).as_millis()), "{:?}", opens - now);
    let error = core.take(now, SSH).expect_err("the gate is shut");
    assert_eq!(error.kind(), pool_core::ErrorKind::Connect);
    assert!(core.take(now, CLI).expect("the other protocol is not concerned").is_none());
    assert!(core.take(opens, SSH).expect("its time is over").is_none());
}

#[test]
fn a_gate_that_opens_lets_one_attempt_through_for_all_who_have_come() {
    let (mut core, now) = core(2);
    let (_, opens) = shut_the_gate(&mut core, now);
    let probe = create_slot(&core.enqueue(opens, SSH, "a").1);
    assert!(core.take(opens, SSH).expect("its end can be waited for").is_none());
    assert!(core.enqueue(opens, SSH, "b").1.is_empty(), "one attempt only");
    let actions = core.create_failed(opens, probe, &refused());
    assert_eq!(told(&actions), ["fail a: Connect", "fail b: Connect"], "no second attempt");
    let again = core.lanes[SSH].retry.failing().expect("it failed").not_before() - opens;
    assert!((4800..=8000).contains(&again.as_millis()), "shut for longer: {again:?}");
}

#[test]
fn a_success_opens_the_gate_for_good() {
    let (mut core, now) = core(2);
    let (_, opens) = shut_the_gate(&mut core, now);
    let probe = create_slot(&core.enqueue(opens, SSH, "a").1);
    assert_eq!(told(&core.created(opens, probe, 0)), ["grant a"]);
    let slot = create_slot(&core.enqueue(opens, SSH, "b").1);
    assert_eq!(told(&core.create_failed(opens, slot, &refused())), ["wake"], "it is retried");
}

#[test]
fn a_wrong_password_shuts_the_gate_at_once_and_for_long() {
    let (mut core, now) = core(2);
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    core.create_failed(now, slot, &wrong_password()).clear();
    let error = core.take(now + Duration::from_secs(20), SSH).expect_err("accounts lock");
    assert_eq!(error.kind(), pool_core::ErrorKind::Authentication);
    assert!(core.take(now + Duration::from_secs(40), SSH).expect("one attempt").is_none());
}

#[test]
fn a_shut_gate_does_not_keep_callers_from_sessions_in_use() {
    let (mut core, now) = core(2);
    let slot = lent(&mut core, now, SSH);
    let attempt = create_slot(&core.enqueue(now, SSH, "a").1);
    core.create_failed(now, attempt, &wrong_password()).clear();
    assert!(core.take(now, SSH).expect("it may wait").is_none());
    assert!(core.enqueue(now, SSH, "b").1.iter().all(|a| matches!(a, Action::WakeAt(_))));
    assert_eq!(told(&core.released(now, slot, 0, Disposition::Reuse)), ["grant b"]);
}

#[test]
fn who_waits_behind_a_shut_gate_is_told_when_the_last_session_is_lost() {
    let (mut core, now) = core(2);
    let slot = lent(&mut core, now, SSH);
    let attempt = create_slot(&core.enqueue(now, SSH, "a").1);
    core.create_failed(now, attempt, &wrong_password()).clear();
    core.enqueue(now, SSH, "b").1.clear();
    let broken = Disposition::Discard(DiscardReason::Broken);
    let actions = core.released(now, slot, 0, broken);
    assert_eq!(told(&actions), ["close broken", "fail b: Authentication"]);
}

#[test]
fn a_slot_about_to_become_free_is_promised_once() {
    let (mut core, now) = core(2);
    let (first, second) = (lent(&mut core, now, SSH), lent(&mut core, now, SSH));
    core.released(now, first, 0, Disposition::Reuse).clear();
    core.released(now, second, 0, Disposition::Reuse).clear();
    assert_eq!(told(&core.enqueue(now, CLI, "a").1), ["close unwanted"]);
    assert!(core.woken(now).is_empty(), "one session is closed for one caller");
    assert_eq!(core.stats().idle, 1);
}

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
    assert_eq!(told(&core.check_failed(now, slot, 0)), ["close broken"]);
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
    let actions = core.check_failed(later, slots[2], 0);
    assert_eq!(told(&actions), ["close broken"; 3], "the caller's time is not for testing them");
    assert_eq!(told(&core.closed(later, slots[0])), ["create ssh"]);
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

#[test]
fn sessions_that_nobody_wants_are_closed_down_to_the_minimum() {
    let (mut core, now) = core(3);
    let slots = [(); 3].map(|()| lent(&mut core, now, SSH));
    core.released(now, slots[0], 0, Disposition::Reuse).clear();
    core.released(now, slots[1], 0, Disposition::Reuse).clear();
    assert!(core.sweep(now + Duration::from_secs(200)).is_empty(), "not yet");
    let later = now + Duration::from_secs(400);
    core.released(later, slots[2], 0, Disposition::Reuse).clear();
    assert_eq!(told(&core.sweep(later)), ["close unwanted", "close unwanted"]);
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
    assert_eq!(told(&core.close(now)), ["fail a: Closed"]);
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
