//! What is due, what waits for a session, and what was missed: the state of one router's lines.

mod change;
mod slot;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::due::{Anchor, Due, Rhythm};
use crate::{Line, LineId, SkipReason};

pub(crate) use change::Withdrawn;
use slot::{Slot, State};

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

/// What became of a due time that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The line waits to be started.
    Ready,
    /// This due time of the line, which has or had this index, is skipped.
    Skipped(usize, Arc<Line>, Due, SkipReason),
}

/// How a line was started that somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// For this due time, which had come.
    Due(Due),
    /// Ahead of its next due time, which is so far away.
    Early(Duration),
    /// It was not: it runs, or is due too soon.
    Later,
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

    /// Starts a line that is not due, if it is idle and has at least `needed` until it is due, and
    /// says how long it has. It must be [ended](Self::end).
    pub(crate) fn start_early(
        &mut self,
        index: usize,
        now: Instant,
        needed: Duration,
    ) -> Option<Duration> {
        let slot = self.slots.get_mut(index)?.as_mut()?;
        let next = slot.next.filter(|_| !slot.is_withdrawn())?;
        let free = next.instant.checked_duration_since(now)?;
        if !matches!(slot.state, State::Idle) || free < needed {
            return None;
        }
        slot.state = State::Running;
        Some(free)
    }

    /// Starts a line ahead of those that wait: for its due time if that has come, or else
    /// [early](Self::start_early), unless it is not known how much time it needs.
    pub(crate) fn start_ahead(
        &mut self,
        index: usize,
        now: Instant,
        needed: Option<Duration>,
    ) -> Turn {
        if let Some(Some(slot)) = self.slots.get_mut(index)
            && let State::Ready(due) = slot.state
        {
            slot.state = State::Running;
            self.ready.retain(|ready| *ready != index);
            return Turn::Due(due);
        }
        let early = needed.and_then(|needed| self.start_early(index, now, needed));
        early.map_or(Turn::Later, Turn::Early)
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
