//! Attempts that fail: pauses, who is told, and the gate.

use super::*;

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
fn with_attempts_to_spare_a_first_failure_is_taken_for_a_blip() {
    let mut limits = limits(1);
    Arc::make_mut(&mut limits.config).retry_max_attempts = 3;
    let (mut core, now) = (TestCore::new(limits, PROTOCOLS), Instant::now());
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    let again = wake_time(&core.create_failed(now, slot, &refused()));
    assert!(again - now < Duration::from_millis(10), "{:?}", again - now);
    let slot = create_slot(&core.woken(again));
    let pause = wake_time(&core.create_failed(again, slot, &refused())) - again;
    assert!((150..=250).contains(&pause.as_millis()), "the second is not: {pause:?}");
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
            let opens = core.lanes[SSH].retry.failing().expect("it failed").not_before;
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
    let error = core.take(now + Duration::from_secs(1), SSH).expect_err("the gate is shut");
    assert_eq!(error.kind(), pool_core::ErrorKind::Connect);
    let text = error.to_string();
    let expected = "left alone after 6 failed attempts, the latest 1.0s ago in phase connect; next";
    assert!(text.starts_with(expected), "{text}");
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
    let again = core.lanes[SSH].retry.failing().expect("it failed").not_before - opens;
    assert!((4800..=8000).contains(&again.as_millis()), "shut for longer: {again:?}");
}

#[test]
fn a_success_opens_the_gate_for_good() {
    let (mut core, now) = core(2);
    let (_, opens) = shut_the_gate(&mut core, now);
    let probe = create_slot(&core.enqueue(opens, SSH, "a").1);
    let actions = core.created(opens, probe, 0);
    assert_eq!(told(&actions), ["grant a"]);
    assert_eq!(events(&actions), ["gate of ssh opened"]);
    assert!(core.gate(opens, SSH).is_none());
    assert_eq!(core.stats().gates_shut, 0);
    let slot = create_slot(&core.enqueue(opens, SSH, "b").1);
    assert_eq!(told(&core.create_failed(opens, slot, &refused())), ["wake"], "it is retried");
}

#[test]
fn a_wrong_password_shuts_the_gate_at_once_and_for_long() {
    let (mut core, now) = core(2);
    let slot = create_slot(&core.enqueue(now, SSH, "a").1);
    let actions = core.create_failed(now, slot, &wrong_password());
    assert_eq!(events(&actions), ["gate of ssh shut after 1"]);
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
fn who_waits_behind_a_shut_gate_is_told_when_the_last_session_makes_room_for_another() {
    let (mut core, now) = core(2);
    let kept = lent(&mut core, now, CLI);
    let slot = lent(&mut core, now, SSH);
    let broken = Disposition::Discard(DiscardReason::Broken);
    core.released(now, kept, 0, broken).clear();
    let attempt = core.enqueue(now, SSH, "a").1;
    assert!(attempt.is_empty(), "the slot is not free yet");
    let attempt = create_slot(&core.closed(now, kept));
    core.create_failed(now, attempt, &wrong_password()).clear();
    core.enqueue(now, CLI, "older").1.clear();
    core.enqueue(now, CLI, "old").1.clear();
    core.enqueue(now, SSH, "b").1.clear();
    let actions = core.released(now, slot, 0, Disposition::Reuse);
    assert_eq!(told(&actions), ["close evicted", "wake", "fail b: Authentication"]);
}

#[test]
fn the_state_of_a_gate_tells_since_when_how_often_why_and_until_when() {
    let (mut core, start) = core(2);
    assert!(core.gate(start, SSH).is_none(), "nothing has failed");
    let (now, opens) = shut_the_gate(&mut core, start);
    let later = now + Duration::from_secs(1);
    let gate = core.gate(later, SSH).expect("it fails");
    assert_eq!(gate.shut_for, Some(Duration::from_secs(1)));
    assert_eq!(gate.failing_for, later - start);
    assert_eq!((gate.attempts, gate.failed_ago), (6, Duration::from_secs(1)));
    assert_eq!((gate.next_try, gate.error.kind()), (opens - later, pool_core::ErrorKind::Connect));
    assert!(core.gate(later, CLI).is_none());
    assert_eq!((core.stats().gates_shut, core.stats().gate_shut_total), (1, 1));
}
