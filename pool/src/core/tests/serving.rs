//! Who is served, with what, and in which order.

use super::*;
use crate::LendOrder;

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
fn idle_sessions_are_lent_in_the_order_that_the_options_say() {
    for (order, first) in [(LendOrder::Latest, 1), (LendOrder::LongestIdle, 0)] {
        let (mut core, now) = core(2);
        core.limits.options = Arc::new(PoolOptions { lend: order, ..PoolOptions::default() });
        let slots = [(); 2].map(|()| lent(&mut core, now, SSH));
        for slot in slots {
            core.released(now, slot, 0, Disposition::Reuse).clear();
        }
        let loan = core.take(now, SSH).unwrap().unwrap();
        assert_eq!(loan.slot, slots[first], "{order:?}");
    }
}

#[test]
fn the_longest_idle_session_makes_room_for_another_protocol() {
    let (mut core, now) = core(1);
    let slot = lent(&mut core, now, SSH);
    assert!(core.released(now, slot, 0, Disposition::Reuse).is_empty());
    assert_eq!(told(&core.enqueue(now, CLI, "a").1), ["close evicted"]);
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
    assert_eq!(told(&actions), ["close evicted"], "for the older caller of the other protocol");
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
fn a_slot_about_to_become_free_is_promised_once() {
    let (mut core, now) = core(2);
    let (first, second) = (lent(&mut core, now, SSH), lent(&mut core, now, SSH));
    core.released(now, first, 0, Disposition::Reuse).clear();
    core.released(now, second, 0, Disposition::Reuse).clear();
    assert_eq!(told(&core.enqueue(now, CLI, "a").1), ["close evicted"]);
    assert!(core.woken(now).is_empty(), "one session is closed for one caller");
    assert_eq!(core.stats().idle, 1);
}
