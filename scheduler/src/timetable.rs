//! What is due, what waits for a session, and what was missed: the state of one router's lines.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::due::{Anchor, Due, Rhythm};
use crate::{Line, LineId, SkipReason};

/// The lines of one router, by their index, which is theirs until they are [gone](Self::withdraw).
///
/// Every due time leaves it exactly once: as [started](Self::start) or as
/// [skipped](Step::Skipped). When a line is changed or withdrawn, the due times until then stay
/// those of its old rhythm, and the ones after that follow its new rhythm, or there are none.
#[derive(Debug)]
pub(crate) struct Timetable {
    anchor: Anchor,
    repeats: Repeats,
    /// A slot that is empty belongs to a line that is gone, and is used again.
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    /// The next due time of every line that has one. That of a line that runs when it comes is
    /// taken out, and put back when the line has ended.
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The lines that are due, in the order in which they became due.
    ready: VecDeque<usize>,
    /// What waited for a session when its line was withdrawn; at most one for each line.
    withdrawn: VecDeque<(usize, Arc<Line>, Due)>,
}

/// Whether lines are checked at their intervals or just once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// Each at its interval.
    AtIntervals,
    /// Each once, at the anchor.
    Never,
}

#[derive(Debug)]
struct Slot {
    line: Arc<Line>,
    next: Option<Due>,
    /// Whether `next` is in the queue.
    queued: bool,
    state: State,
    /// When the latest check ended. Due times until then were missed.
    busy_until: Option<Instant>,
    /// Changes of rhythm that due times from before them still have to pass. Hardly ever any.
    turns: Option<Box<Turns>>,
}

/// What a line's rhythm was before it was changed or withdrawn.
#[derive(Debug, Default)]
struct Turns {
    /// The rhythm that held until then, oldest first.
    former: Vec<(Rhythm, Instant)>,
    /// Whether the line was withdrawn at the last of them.
    withdrawn: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Ready(Due),
    Running,
}

/// What became of a due time that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The line waits to be started.
    Ready,
    /// This due time of the line, which has or had this index, is skipped.
    Skipped(usize, Arc<Line>, Due, SkipReason),
}

/// Whether the check of a line that is withdrawn is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// It is, and must be [ended](Timetable::end).
    Running,
    /// It is not.
    Idle,
}

impl Timetable {
    /// One without lines.
    pub(crate) fn new(anchor: Anchor, repeats: Repeats) -> Self {
        Self {
            anchor,
            repeats,
            slots: Vec::new(),
            free: Vec::new(),
            queue: BinaryHeap::new(),
            ready: VecDeque::new(),
            withdrawn: VecDeque::new(),
        }
    }

    /// Makes room for that many more lines, and no more than that.
    pub(crate) fn reserve(&mut self, lines: usize) {
        let more = lines.saturating_sub(self.free.len());
        self.slots.reserve_exact(more);
        self.queue.reserve_exact(lines);
    }

    /// Takes in a line, whose first due time is the first one after `after`, or, without that, the
    /// first one that is not in the past at `now`.
    pub(crate) fn add(&mut self, line: Arc<Line>, now: Instant, after: Option<Instant>) -> usize {
        let rhythm = Rhythm::of(&line);
        let next = match (self.repeats, after) {
            (Repeats::Never, _) => self.anchor.as_due(),
            (Repeats::AtIntervals, Some(after)) => self.anchor.after(rhythm, after),
            (Repeats::AtIntervals, None) => self.anchor.from(rhythm, now),
        };
        let slot = Slot {
            line,
            next: Some(next),
            queued: false,
            state: State::Idle,
            busy_until: None,
            turns: None,
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[index] = Some(slot);
                index
            }
            None => {
                self.slots.push(Some(slot));
                self.slots.len() - 1
            }
        };
        self.enqueue(index);
        index
    }

    /// Gives a line other settings. Its due times until `now` stay what they were.
    pub(crate) fn change(&mut self, index: usize, line: Arc<Line>, now: Instant) {
        let anchor = self.anchor;
        let Some(slot) = &mut self.slots[index] else { return };
        let (old, new) = (Rhythm::of(&slot.line), Rhythm::of(&line));
        slot.line = line;
        if old != new {
            slot.turns.get_or_insert_default().former.push((old, now));
            slot.replan(anchor, now);
            self.requeue();
        }
    }

    /// Ends a line: its due times until `now` are skipped, as far as they were not started, and it
    /// has none after that.
    pub(crate) fn withdraw(&mut self, index: usize, now: Instant) -> Withdrawn {
        let anchor = self.anchor;
        let Some(slot) = &mut self.slots[index] else { return Withdrawn::Idle };
        let rhythm = Rhythm::of(&slot.line);
        let turns = slot.turns.get_or_insert_default();
        turns.former.push((rhythm, now));
        turns.withdrawn = true;
        slot.replan(anchor, now);
        let state = slot.state;
        if let State::Ready(due) = state {
            slot.state = State::Idle;
            self.withdrawn.push_back((index, slot.line.clone(), due));
            self.ready.retain(|ready| *ready != index);
        }
        self.requeue();
        self.vacate(index);
        if matches!(state, State::Running) { Withdrawn::Running } else { Withdrawn::Idle }
    }

    /// The lines that are not withdrawn, by id.
    pub(crate) fn by_id(&self) -> HashMap<LineId, usize> {
        let slots = self.slots.iter().enumerate();
        let slots = slots.filter_map(|(index, slot)| Some((index, slot.as_ref()?)));
        let stays = slots.filter(|(_, slot)| !slot.is_withdrawn());
        stays.map(|(index, slot)| (slot.line.id.clone(), index)).collect()
    }

    /// The lines that are not withdrawn.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Arc<Line>> {
        let slots = self.slots.iter().flatten();
        slots.filter(|slot| !slot.is_withdrawn()).map(|slot| &slot.line)
    }

    /// The line of an index that is in use.
    pub(crate) fn line(&self, index: usize) -> Option<&Arc<Line>> {
        self.slots[index].as_ref().map(|slot| &slot.line)
    }

    /// When the next due time comes, or came.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((instant, _))| *instant)
    }

    /// Handles the earliest due time that has come.
    pub(crate) fn step(&mut self, now: Instant) -> Option<Step> {
        if let Some((index, line, due)) = self.withdrawn.pop_front() {
            return Some(Step::Skipped(index, line, due, SkipReason::Withdrawn));
        }
        while self.next_at().is_some_and(|at| at <= now) {
            let Reverse((_, index)) = self.queue.pop()?;
            let Some(slot) = &mut self.slots[index] else { continue };
            slot.queued = false;
            if let Some(step) = self.step_line(index, now) {
                self.enqueue(index);
                self.vacate(index);
                return Some(step);
            }
        }
        None
    }

    /// Handles the due time of a line, unless the line is running.
    fn step_line(&mut self, index: usize, now: Instant) -> Option<Step> {
        let (anchor, repeats) = (self.anchor, self.repeats);
        let slot = self.slots[index].as_mut()?;
        let due = slot.next?;
        if matches!(slot.state, State::Running) {
            return None;
        }
        slot.next = slot.after(anchor, repeats, due.instant);
        let is_stale = slot.next.is_some_and(|next| next.instant <= now);
        let was_busy = slot.busy_until.is_some_and(|until| due.instant < until);
        let skipped = |due, reason| Some(Step::Skipped(index, slot.line.clone(), due, reason));
        match slot.state {
            _ if slot.is_withdrawn() => skipped(due, SkipReason::Withdrawn),
            // The newer due time takes over the place in the line.
            State::Ready(missed) => {
                slot.state = State::Ready(due);
                Some(Step::Skipped(index, slot.line.clone(), missed, SkipReason::Overrun))
            }
            _ if is_stale || was_busy => skipped(due, SkipReason::Overrun),
            _ => {
                slot.state = State::Ready(due);
                self.ready.push_back(index);
                Some(Step::Ready)
            }
        }
    }

    /// Takes the line that has waited longest. It must be [ended](Self::end), or put
    /// [back](Self::put_back).
    pub(crate) fn start(&mut self) -> Option<(usize, Due)> {
        let index = self.ready.pop_front()?;
        let slot = self.slots[index].as_mut().expect("a line that is gone is not in the line");
        let State::Ready(due) = slot.state else {
            unreachable!("only ready lines are in the line")
        };
        slot.state = State::Running;
        Some((index, due))
    }

    /// Starts a line that is not due, if it is idle, and says how long it has until it is due. It
    /// must be [ended](Self::end).
    pub(crate) fn start_early(&mut self, index: usize, now: Instant) -> Option<Duration> {
        let slot = self.slots.get_mut(index)?.as_mut()?;
        let next = slot.next.filter(|_| !slot.is_withdrawn())?;
        let free = next.instant.checked_duration_since(now)?;
        if !matches!(slot.state, State::Idle) {
            return None;
        }
        slot.state = State::Running;
        Some(free)
    }

    /// Whether a line waits to be started.
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Puts a line that was started back to the head of the line: its check has not begun after
    /// all. A withdrawn one is skipped.
    pub(crate) fn put_back(&mut self, index: usize, due: Due) {
        let Some(slot) = &mut self.slots[index] else { return };
        if slot.is_withdrawn() {
            slot.state = State::Idle;
            self.withdrawn.push_back((index, slot.line.clone(), due));
        } else {
            slot.state = State::Ready(due);
            self.ready.push_front(index);
        }
        self.enqueue(index);
        self.vacate(index);
    }

    /// Notes that the check of a line has ended: its due times until now were missed.
    pub(crate) fn end(&mut self, index: usize, now: Instant) {
        let Some(slot) = &mut self.slots[index] else { return };
        slot.state = State::Idle;
        slot.busy_until = Some(now);
        self.enqueue(index);
        self.vacate(index);
    }

    /// Moves the due times that are still to come to where they lie by `anchor`. Those that have
    /// come stay, so that none is lost.
    pub(crate) fn realign(&mut self, anchor: Anchor) {
        self.anchor = anchor;
        let now = anchor.as_due().instant;
        self.slots.iter_mut().flatten().for_each(|slot| slot.replan(anchor, now));
        self.requeue();
    }

    /// The anchor of the due times.
    pub(crate) fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Whether nothing is due or will ever be.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.ready.is_empty() && self.withdrawn.is_empty()
    }

    fn enqueue(&mut self, index: usize) {
        let Some(slot) = &mut self.slots[index] else { return };
        if let Some(next) = slot.next.filter(|_| !slot.queued) {
            slot.queued = true;
            self.queue.push(Reverse((next.instant, index)));
        }
    }

    /// Puts every due time where it now belongs.
    fn requeue(&mut self) {
        self.queue.clear();
        for index in 0..self.slots.len() {
            if let Some(slot) = &mut self.slots[index] {
                slot.queued = false;
            }
            self.enqueue(index);
        }
    }

    /// Empties the slot of a line that is withdrawn and has nothing left to be accounted for.
    fn vacate(&mut self, index: usize) {
        let Some(slot) = &self.slots[index] else { return };
        let is_over = slot.next.is_none() && matches!(slot.state, State::Idle);
        if is_over && slot.is_withdrawn() {
            self.slots[index] = None;
            self.free.push(index);
        }
    }
}

impl Slot {
    fn is_withdrawn(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| turns.withdrawn)
    }

    /// The first due time after `instant`, by the rhythm that holds there.
    fn after(&mut self, anchor: Anchor, repeats: Repeats, instant: Instant) -> Option<Due> {
        if repeats == Repeats::Never {
            return None;
        }
        let mut from = instant;
        if let Some(turns) = &self.turns {
            for (rhythm, until) in &turns.former {
                if from >= *until {
                    continue;
                }
                let due = anchor.after(*rhythm, from);
                if due.instant <= *until {
                    return Some(due);
                }
                from = *until;
            }
            if turns.withdrawn {
                return None;
            }
            self.turns = None;
        }
        Some(anchor.after(Rhythm::of(&self.line), from))
    }

    /// Finds anew the due time that is still to come at `now`.
    fn replan(&mut self, anchor: Anchor, now: Instant) {
        if self.next.is_some_and(|next| next.instant > now) {
            self.next = self.after(anchor, Repeats::AtIntervals, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::due::Clock;
    use crate::{Interval, Line, LineId, PingParams, RouterName, Target};

    const INTERVAL: Duration = Duration::from_secs(10);

    fn line() -> Line {
        Line {
            id: LineId::new("L0001").unwrap(),
            router: RouterName::new("edge-1").unwrap(),
            target: Target::new("198.51.100.1").unwrap(),
            interval: Interval::new(INTERVAL).unwrap(),
            ping: PingParams::default(),
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
        assert!(
            matches!(step, Some(Step::Skipped(_, _, due, _)) if due.instant == after(first, 1))
        );
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
}
