use super::*;
use crate::due::Clock;
use crate::{Interval, Line, LineId, RouterName, Target, Task};

const INTERVAL: Duration = Duration::from_secs(10);

fn line() -> Line {
    Line {
        id: LineId::new("L0001").unwrap(),
        router: RouterName::new("edge-1").unwrap(),
        target: Target::new("198.51.100.1").unwrap(),
        interval: Interval::new(INTERVAL).unwrap(),
        task: Task::default(),
    }
}

/// A timetable of one line, and the moment it is first due.
fn timetable() -> (Timetable, Instant) {
    let timetable = timetable_of([line()]);
    let first = timetable.next_at().unwrap();
    (timetable, first)
}

fn timetable_of(lines: impl IntoIterator<Item = Line>) -> Timetable {
    let anchor = Anchor::now(&Clock::system());
    let mut timetable = Timetable::new(anchor, Repeats::AtIntervals);
    for line in lines {
        timetable.add(Arc::new(line), anchor.as_due().instant, None);
    }
    timetable
}

/// Everything that is due until `now`, as instant and what became of it.
fn account(timetable: &mut Timetable, now: Instant) -> Vec<(Instant, &'static str)> {
    let mut account = Vec::new();
    while let Some(step) = timetable.step(now) {
        match step {
            Step::Skipped(_, _, due, reason) => account.push((due.instant, reason.as_str())),
            Step::Ready => {
                let (index, due) = timetable.start().unwrap();
                account.push((due.instant, "started"));
                timetable.end(index, due.instant);
            }
        }
    }
    account
}

fn after(first: Instant, intervals: u32) -> Instant {
    first + INTERVAL * intervals
}

#[test]
fn nothing_happens_before_a_due_time() {
    let (mut timetable, first) = timetable();
    assert_eq!(timetable.step(first - Duration::from_nanos(1)), None);
    assert_eq!(timetable.step(first), Some(Step::Ready));
    assert_eq!(timetable.step(first), None);
    assert_eq!(timetable.next_at(), Some(after(first, 1)));
}

#[test]
fn a_line_that_waits_for_its_turn_skips_the_older_due_time() {
    let (mut timetable, first) = timetable();
    timetable.step(first);
    let step = timetable.step(after(first, 1));
    assert!(matches!(step, Some(Step::Skipped(_, _, due, _)) if due.instant == first));
    let (_, due) = timetable.start().unwrap();
    assert_eq!(due.instant, after(first, 1));
}

#[test]
fn due_times_that_come_while_the_line_runs_are_skipped_when_it_ends() {
    let (mut timetable, first) = timetable();
    timetable.step(first);
    timetable.start().unwrap();
    assert_eq!(timetable.step(after(first, 1)), None);
    timetable.end(0, after(first, 1) + Duration::from_secs(1));
    let step = timetable.step(after(first, 1) + Duration::from_secs(1));
    assert!(matches!(step, Some(Step::Skipped(_, _, due, _)) if due.instant == after(first, 1)));
    assert_eq!(timetable.next_at(), Some(after(first, 2)));
}

#[test]
fn missed_due_times_are_counted_and_never_replayed() {
    let (mut timetable, first) = timetable();
    let late = after(first, 100);
    let mut skipped = 0;
    while let Some(step) = timetable.step(late) {
        match step {
            Step::Skipped(..) => skipped += 1,
            Step::Ready => assert_eq!(timetable.start().unwrap().1.instant, late),
        }
    }
    assert_eq!(skipped, 100);
    assert!(timetable.start().is_none());
}

#[test]
fn lines_are_started_in_due_order() {
    let mut lines: Vec<_> = (0..20).map(|_| line()).collect();
    for (number, line) in lines.iter_mut().enumerate() {
        line.id = LineId::new(format!("L{number:04}")).unwrap();
    }
    let mut timetable = timetable_of(lines);
    let anchor = timetable.anchor();
    let end = anchor.as_due().instant + INTERVAL;
    while timetable.step(end - Duration::from_nanos(1)).is_some() {}
    let started: Vec<_> = std::iter::from_fn(|| timetable.start()).collect();
    assert_eq!(started.len(), 20);
    assert!(started.is_sorted_by_key(|(_, due)| due.instant));
}

#[test]
fn a_jump_of_the_wall_clock_moves_what_is_to_come_and_keeps_what_has_come() {
    let (mut timetable, first) = timetable();
    let old = timetable.anchor().as_due();
    let wall = old.wall + Duration::from_secs(3_603);
    let jumped = Anchor::now(&Clock::new(move || wall));
    timetable.realign(jumped);
    let due = timetable.next_at().unwrap();
    assert!(due > jumped.as_due().instant && due <= jumped.as_due().instant + INTERVAL);
    let shift = Duration::from_secs(3).abs_diff(first.max(due) - first.min(due));
    assert!(shift < Duration::from_millis(100) || shift > Duration::from_secs(3), "{shift:?}");
    timetable.step(due);
    let (_, due) = timetable.start().unwrap();
    let expected = jumped.from(Rhythm::of(&line()), jumped.as_due().instant);
    assert_eq!(expected.wall, due.wall, "on the grid again");
}

#[test]
fn a_changed_interval_holds_for_what_comes_after_the_change() {
    let (mut timetable, first) = timetable();
    let changed = after(first, 2) + Duration::from_secs(1);
    let slower = Line { interval: Interval::new(INTERVAL * 3).unwrap(), ..line() };
    // Nobody has looked at the first three due times when the change comes.
    timetable.change(0, Arc::new(slower.clone()), changed);
    let next = timetable.anchor().after(Rhythm::of(&slower), changed).instant;
    let account = account(&mut timetable, next);
    let skipped = |instant| (instant, "overrun");
    let old = [skipped(first), skipped(after(first, 1)), skipped(after(first, 2))];
    assert_eq!(account, [&old[..], &[(next, "started")]].concat());
    assert_eq!(timetable.next_at(), Some(next + INTERVAL * 3));
}

#[test]
fn a_withdrawn_line_has_no_due_time_after_that_and_all_before() {
    let (mut timetable, first) = timetable();
    timetable.step(first);
    let gone = after(first, 2);
    assert_eq!(timetable.withdraw(0, gone), Withdrawn::Idle);
    assert!(timetable.start().is_none() && timetable.by_id().is_empty());
    let expected = [0, 1, 2].map(|round| (after(first, round), "withdrawn"));
    assert_eq!(account(&mut timetable, after(first, 9)), expected);
    assert!(timetable.is_empty() && timetable.line(0).is_none());
    assert_eq!(timetable.add(Arc::new(line()), gone, Some(gone)), 0, "its place is free");
    assert_eq!(timetable.next_at(), Some(after(first, 3)));
}

#[test]
fn a_line_that_is_withdrawn_while_it_runs_is_gone_when_its_check_has_ended() {
    let (mut timetable, first) = timetable();
    timetable.step(first);
    timetable.start().unwrap();
    assert_eq!(timetable.withdraw(0, first + INTERVAL), Withdrawn::Running);
    assert_eq!(timetable.step(after(first, 5)), None);
    timetable.end(0, after(first, 5));
    let account = account(&mut timetable, after(first, 9));
    assert_eq!(account, [(after(first, 1), "withdrawn")]);
    assert!(timetable.is_empty());
}

#[test]
fn a_line_that_is_put_back_is_the_next_to_start() {
    let (mut timetable, first) = timetable();
    timetable.step(first);
    let (index, due) = timetable.start().unwrap();
    timetable.put_back(index, due);
    assert_eq!(timetable.start(), Some((0, due)));
    timetable.withdraw(0, first);
    timetable.put_back(index, due);
    assert_eq!(account(&mut timetable, after(first, 3)), [(first, "withdrawn")]);
}
