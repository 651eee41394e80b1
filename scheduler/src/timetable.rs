//! What is due, what waits for a session, and what was missed: the state of one router's lines.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tokio::time::Instant;

use crate::due::{Anchor, Due, Rhythm};

/// The lines of one router, by their index.
///
/// Every due time leaves it exactly once: as [started](Self::start) or as
/// [skipped](Step::Skipped).
#[derive(Debug)]
pub(crate) struct Timetable {
    anchor: Anchor,
    slots: Vec<Slot>,
    /// The next due time of every line that has one. That of a line that runs when it comes is
    /// taken out, and put back when the line has ended.
    queue: BinaryHeap<Reverse<(Instant, usize)>>,
    /// The lines that are due, in the order in which they became due.
    ready: VecDeque<usize>,
}

#[derive(Debug)]
struct Slot {
    /// Absent for a line that is checked only once.
    rhythm: Option<Rhythm>,
    next: Option<Due>,
    /// Whether `next` is in the queue.
    queued: bool,
    state: State,
    /// When the latest check ended. Due times until then were missed.
    busy_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Ready(Due),
    Running,
}

/// What became of a due time that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The line waits to be started.
    Ready,
    /// The router did not keep up: this due time of the line is skipped.
    Skipped(usize, Due),
}

impl Timetable {
    /// One line for each rhythm; those without one are due now, and never again.
    pub(crate) fn new(anchor: Anchor, rhythms: impl Iterator<Item = Option<Rhythm>>) -> Self {
        let mut timetable =
            Self { anchor, slots: Vec::new(), queue: BinaryHeap::new(), ready: VecDeque::new() };
        for (index, rhythm) in rhythms.enumerate() {
            let next = rhythm.map_or(anchor.as_due(), |rhythm| anchor.first(rhythm));
            timetable.slots.push(Slot {
                rhythm,
                next: Some(next),
                queued: false,
                state: State::Idle,
                busy_until: None,
            });
            timetable.enqueue(index);
        }
        timetable
    }

    /// When the next due time comes.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((instant, _))| *instant)
    }

    /// Handles the earliest due time that has come.
    pub(crate) fn step(&mut self, now: Instant) -> Option<Step> {
        while self.next_at().is_some_and(|at| at <= now) {
            let Reverse((_, index)) = self.queue.pop()?;
            self.slots[index].queued = false;
            if let Some(step) = self.step_line(index, now) {
                self.enqueue(index);
                return Some(step);
            }
        }
        None
    }

    /// Handles the due time of a line, unless the line is running.
    fn step_line(&mut self, index: usize, now: Instant) -> Option<Step> {
        let anchor = self.anchor;
        let slot = &mut self.slots[index];
        let due = slot.next?;
        let next = slot.rhythm.map(|rhythm| anchor.after(rhythm, due.instant));
        let is_stale = next.is_some_and(|next| next.instant <= now);
        let was_busy = slot.busy_until.is_some_and(|until| due.instant < until);
        let step = match slot.state {
            State::Running => return None,
            // The newer due time takes over the place in the line.
            State::Ready(missed) => {
                slot.state = State::Ready(due);
                Step::Skipped(index, missed)
            }
            State::Idle if is_stale || was_busy => Step::Skipped(index, due),
            State::Idle => {
                slot.state = State::Ready(due);
                self.ready.push_back(index);
                Step::Ready
            }
        };
        slot.next = next;
        Some(step)
    }

    /// Takes the line that has waited longest. It must be [ended](Self::end).
    pub(crate) fn start(&mut self) -> Option<(usize, Due)> {
        let index = self.ready.pop_front()?;
        let slot = &mut self.slots[index];
        let State::Ready(due) = slot.state else {
            unreachable!("only ready lines are in the line")
        };
        slot.state = State::Running;
        Some((index, due))
    }

    /// Notes that the check of a line has ended: its due times until now were missed.
    pub(crate) fn end(&mut self, index: usize, now: Instant) {
        let slot = &mut self.slots[index];
        slot.state = State::Idle;
        slot.busy_until = Some(now);
        self.enqueue(index);
    }

    /// Moves the due times that are still to come to where they lie by `anchor`. Those that have
    /// come stay, so that none is lost.
    pub(crate) fn realign(&mut self, anchor: Anchor) {
        self.anchor = anchor;
        let now = anchor.as_due().instant;
        for slot in &mut self.slots {
            if slot.next.is_some_and(|next| next.instant > now) {
                slot.next = slot.rhythm.map(|rhythm| anchor.after(rhythm, now));
            }
        }
        self.queue.clear();
        for index in 0..self.slots.len() {
            self.slots[index].queued = false;
            self.enqueue(index);
        }
    }

    /// The anchor of the due times.
    pub(crate) fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// Whether nothing is due or will ever be.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.ready.is_empty()
    }

    fn enqueue(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if let Some(next) = slot.next.filter(|_| !slot.queued) {
            slot.queued = true;
            self.queue.push(Reverse((next.instant, index)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let anchor = Anchor::now(&Clock::system());
        let timetable = Timetable::new(anchor, [Some(Rhythm::of(&line()))].into_iter());
        let first = timetable.next_at().unwrap();
        (timetable, first)
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
        assert!(matches!(step, Some(Step::Skipped(0, due)) if due.instant == first), "{step:?}");
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
        assert!(matches!(step, Some(Step::Skipped(0, due)) if due.instant == after(first, 1)));
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
        let anchor = Anchor::now(&Clock::system());
        let mut lines: Vec<_> = (0..20).map(|_| line()).collect();
        for (number, line) in lines.iter_mut().enumerate() {
            line.id = LineId::new(format!("L{number:04}")).unwrap();
        }
        let rhythms = lines.iter().map(|line| Some(Rhythm::of(line)));
        let mut timetable = Timetable::new(anchor, rhythms);
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
        let phase = Rhythm::of(&line());
        assert_eq!(jumped.first(phase).wall, due.wall, "on the grid again");
    }
}
