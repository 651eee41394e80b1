use std::sync::Arc;

use tokio::time::Instant;

use super::Repeats;
use crate::Line;
use crate::due::{Anchor, Due, Rhythm};

/// A line and where it stands.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) line: Arc<Line>,
    pub(super) next: Option<Due>,
    /// Whether `next` is in the queue.
    pub(super) queued: bool,
    pub(super) state: State,
    /// When the latest check ended. Due times until then were missed.
    pub(super) busy_until: Option<Instant>,
    /// Changes of rhythm that due times from before them still have to pass. Hardly ever any.
    pub(super) turns: Option<Box<Turns>>,
}

/// What a line's rhythm was before it was changed or withdrawn.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The rhythm that held until then, oldest first.
    pub(super) former: Vec<(Rhythm, Instant)>,
    /// Whether the line was withdrawn at the last of them.
    pub(super) withdrawn: bool,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    Idle,
    Ready(Due),
    Running,
}

impl Slot {
    pub(super) fn is_withdrawn(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| turns.withdrawn)
    }

    /// The first due time after `instant`, by the rhythm that holds there.
    pub(super) fn after(
        &mut self,
        anchor: Anchor,
        repeats: Repeats,
        instant: Instant,
    ) -> Option<Due> {
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
    pub(super) fn replan(&mut self, anchor: Anchor, now: Instant) {
        if self.next.is_some_and(|next| next.instant > now) {
            self.next = self.after(anchor, Repeats::AtIntervals, now);
        }
    }
}
