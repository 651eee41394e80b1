use std::sync::Arc;

use tokio::time::Instant;

use super::Timetable;
use super::slot::State;
use crate::Line;
use crate::due::{Anchor, Rhythm};

/// Whether the check of a line that is withdrawn is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// It is, and must be [ended](Timetable::end).
    Running,
    /// It is not.
    Idle,
}

impl Timetable {
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

    /// Moves the due times that are still to come to where they lie by `anchor`. Those that have
    /// come stay, so that none is lost.
    pub(crate) fn realign(&mut self, anchor: Anchor) {
        self.anchor = anchor;
        let now = anchor.as_due().instant;
        self.slots.iter_mut().flatten().for_each(|slot| slot.replan(anchor, now));
        self.requeue();
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
}
