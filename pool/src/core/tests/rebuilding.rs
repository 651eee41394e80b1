//! Sessions that are replaced because they are worn.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A core that replaces sessions by the defaults.
fn rebuilding(connections_max: usize) -> (TestCore, Instant) {
    let options = PoolOptions { keepalive_after: 1000 * MINUTE, ..PoolOptions::default() };
    let limits = Limits {
        options: Arc::new(options),
        connections_min: connections_max,
        ..limits(connections_max)
    };
    (TestCore::new(limits, PROTOCOLS), Instant::now())
}

/// Gives back `slot` after one lease; keeps it younger than its age limit.
fn give_back(core: &mut TestCore, now: Instant, slot: SlotId) -> Vec<TestAction> {
    core.released(now, slot, 0, Disposition::Reuse)
}

fn lend_again(core: &mut TestCore, now: Instant) -> SlotId {
    core.take(now, SSH).expect("open").expect("one is idle").slot
}

#[test]
fn a_session_that_was_lent_often_is_replaced_and_the_new_one_is_made_first() {
    let (mut core, now) = rebuilding(2);
    let slot = lent(&mut core, now, SSH);
    for _ in 1..200 {
        give_back(&mut core, now, slot).clear();
        lend_again(&mut core, now);
    }
    let later = now + 6 * MINUTE;
    let actions = give_back(&mut core, later, slot);
    assert_eq!(told(&actions), ["create ssh"], "the old one can still be lent");
    let event = format!("Rebuilding {{ slot: {slot:?}, reason: Usage }}");
    assert_eq!(events(&actions), [event]);
    assert_eq!(core.stats().idle, 1);
    assert_eq!(told(&core.created(later, create_slot(&actions), 0)), ["close rebuilt"]);
    assert_eq!((core.stats().idle, core.stats().rebuilt_total), (1, 1));
    assert!(core.closed(later, slot).is_empty(), "there is a new one already");
}

#[test]
fn a_session_is_not_replaced_before_the_least_interval_is_over() {
    let (mut core, now) = rebuilding(2);
    let slot = lent(&mut core, now, SSH);
    core.used(slot, LeaseUse { requests: 10, failed: 10 });
    let soon = now + 4 * MINUTE;
    assert!(give_back(&mut core, soon, slot).is_empty());
    lend_again(&mut core, soon);
    assert_eq!(told(&give_back(&mut core, now + 5 * MINUTE, slot)), ["create ssh"]);
}

#[test]
fn a_lent_session_is_closed_on_its_return_when_its_replacement_is_there() {
    let (mut core, now) = rebuilding(2);
    core.limits.connections_min = 1;
    let slot = lent(&mut core, now, SSH);
    let (count, actions) = core.demand_rebuild(now, |_, _| true);
    assert_eq!((count, told(&actions)), (1, vec!["create ssh".to_owned()]));
    assert!(core.created(now, create_slot(&actions), 0).is_empty());
    assert_eq!(core.stats().idle, 1);
    assert_eq!(told(&give_back(&mut core, now, slot)), ["close rebuilt"]);
    assert!(core.closed(now, slot).is_empty(), "one new session, not two");
}

#[test]
fn without_a_free_slot_an_idle_session_is_closed_first_and_only_while_nobody_waits() {
    let (mut core, now) = rebuilding(1);
    let slot = lent(&mut core, now, SSH);
    core.enqueue(now, SSH, "a").1.clear();
    let (_, actions) = core.demand_rebuild(now, |_, _| true);
    assert!(actions.is_empty(), "somebody waits for it");
    assert_eq!(told(&give_back(&mut core, now, slot)), ["grant a"]);
    assert_eq!(told(&give_back(&mut core, now, slot)), ["close rebuilt"]);
    let actions = core.closed(now, slot);
    assert_eq!(told(&actions), ["create ssh"], "although nobody waits");
    assert!(core.created(now, create_slot(&actions), 0).is_empty());
    assert_eq!(core.stats().idle, 1);
}

#[test]
fn a_caller_that_comes_meanwhile_gets_the_replacement() {
    let (mut core, now) = rebuilding(1);
    let slot = lent(&mut core, now, SSH);
    core.demand_rebuild(now, |_, _| true).1.clear();
    assert_eq!(told(&give_back(&mut core, now, slot)), ["close rebuilt"]);
    assert!(core.enqueue(now, SSH, "a").1.is_empty(), "the slot is not free yet");
    let actions = core.closed(now, slot);
    assert_eq!(told(&actions), ["create ssh"], "one, not two");
    assert_eq!(told(&core.created(now, create_slot(&actions), 0)), ["grant a"]);
}

#[test]
fn not_more_than_the_share_is_replaced_at_a_time() {
    let (mut core, now) = rebuilding(8);
    let slots = [(); 6].map(|()| lent(&mut core, now, SSH));
    for slot in slots {
        give_back(&mut core, now, slot).clear();
    }
    let (count, actions) = core.demand_rebuild(now, |_, _| true);
    assert_eq!(count, 6);
    assert_eq!(told(&actions), ["create ssh", "create ssh"], "a quarter of eight");
    let [first, ..] = actions.iter().filter_map(created_by).collect::<Vec<_>>()[..] else {
        panic!("two were started")
    };
    assert_eq!(told(&core.created(now, first, 0)), ["close rebuilt"], "all slots are taken");
    assert_eq!(told(&core.closed(now, slots[0])), ["create ssh"], "the next");
}

fn created_by(action: &TestAction) -> Option<SlotId> {
    match action {
        Action::Create { slot, .. } => Some(*slot),
        _ => None,
    }
}

#[test]
fn sessions_made_together_do_not_grow_old_together() {
    let (mut core, now) = rebuilding(100);
    for _ in 0..60 {
        lent(&mut core, now, SSH);
    }
    let limits: Vec<_> = core.slots.kept().map(|session| session.own(30 * MINUTE)).collect();
    let (least, most) = (limits.iter().min().unwrap(), limits.iter().max().unwrap());
    assert!(*least >= 22 * MINUTE && *most <= 38 * MINUTE, "{least:?} {most:?}");
    assert!(*most - *least >= 6 * MINUTE, "spread by 10 % of 30 min each way: {least:?} {most:?}");
}

#[test]
fn an_old_idle_session_is_replaced_by_the_sweep() {
    let (mut core, now) = rebuilding(2);
    let slot = lent(&mut core, now, SSH);
    give_back(&mut core, now, slot).clear();
    // Two are to be kept, so that the missing one is made as well; it cannot be old.
    let actions = core.sweep(now + MINUTE);
    core.created(now + MINUTE, create_slot(&actions), 0).clear();
    assert!(core.sweep(now + 22 * MINUTE).is_empty());
    let later = now + 38 * MINUTE;
    assert_eq!(told(&core.sweep(later)), ["close rebuilt"], "both slots are taken");
}

#[test]
fn a_session_is_kept_however_old_while_no_other_can_be_made() {
    let (mut core, now) = rebuilding(1);
    let slot = lent(&mut core, now, SSH);
    core.lanes[SSH].retry.failed(now, now, 0, &refused(), &core.limits);
    give_back(&mut core, now + 60 * MINUTE, slot).clear();
    assert!(core.sweep(now + 61 * MINUTE).is_empty());
    assert_eq!(core.stats().idle, 1);
}

#[test]
fn a_replacement_that_fails_leaves_the_old_session_and_is_tried_again_by_a_sweep() {
    let (mut core, now) = rebuilding(2);
    let slot = lent(&mut core, now, SSH);
    give_back(&mut core, now, slot).clear();
    let actions = core.demand_rebuild(now, |asked, _| asked == slot).1;
    assert!(core.create_failed(now, create_slot(&actions), &refused()).is_empty());
    assert!(core.sweep(now).is_empty(), "not at once");
    assert_eq!(told(&core.sweep(now + MINUTE)), ["create ssh"]);
    assert_eq!(core.stats().idle, 1);
}

#[test]
fn a_replacement_there_is_no_room_for_is_not_asked_for_again_at_once() {
    let (mut core, now) = rebuilding(4);
    let _in_use = [(); 2].map(|()| lent(&mut core, now, SSH));
    let actions = core.demand_rebuild(now, |_, _| true).1;
    assert!(core.create_withdrawn(now, create_slot(&actions)).is_empty());
    assert_eq!(told(&core.sweep(now)), ["create ssh", "create ssh"], "one more than now, for two");
}

#[test]
fn a_replacement_there_is_no_room_for_is_made_in_the_place_of_the_idle_session() {
    let (mut core, now) = rebuilding(4);
    let slot = lent(&mut core, now, SSH);
    give_back(&mut core, now, slot).clear();
    let actions = core.demand_rebuild(now, |_, _| true).1;
    assert_eq!(told(&core.create_withdrawn(now, create_slot(&actions))), ["close rebuilt"]);
    assert_eq!(told(&core.closed(now, slot)), ["create ssh"]);
}

#[test]
fn a_free_slot_is_not_taken_for_a_replacement_while_somebody_waits_for_another_protocol() {
    let (mut core, now) = rebuilding(2);
    let slot = lent(&mut core, now, SSH);
    give_back(&mut core, now, slot).clear();
    let attempt = create_slot(&core.enqueue(now, CLI, "a").1);
    let wake = wake_time(&core.create_failed(now, attempt, &refused()));
    assert!(core.demand_rebuild(now, |_, _| true).1.is_empty(), "the slot is for a");
    assert_eq!(told(&core.woken(wake)), ["create cli"]);
}
