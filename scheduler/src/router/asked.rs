use std::collections::VecDeque;

use tokio::time::Instant;

use super::Worker;
use crate::Trigger;
use crate::check_now::{Answer, Wish};
use crate::due::Due;
use crate::timetable::Turn;

/// A line that somebody wants to be checked at once.
#[derive(Debug)]
pub(super) struct Asked {
    index: usize,
    deadline: Instant,
    answers: Vec<Answer>,
}

/// The lines that are to be checked at once, in the order in which they were asked for; each is
/// there once. There are never more than can be asked for at the same time.
#[derive(Debug, Default)]
pub(super) struct Lane(VecDeque<Asked>);

impl Asked {
    pub(super) fn answers(&self) -> &[Answer] {
        &self.answers
    }

    fn is_wanted(&self, now: Instant) -> bool {
        self.deadline > now && self.answers.iter().any(Answer::is_wanted)
    }
}

impl Lane {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// When the first of them is not wanted any more.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.0.iter().map(|asked| asked.deadline).min()
    }

    /// Puts back what could not be done after all.
    pub(super) fn put_back(&mut self, asked: Asked) {
        self.0.push_front(asked);
    }

    /// Nobody needs to wait for this line any longer.
    pub(super) fn remove(&mut self, index: usize) {
        self.0.retain(|asked| asked.index != index);
    }

    fn push(&mut self, index: usize, deadline: Instant, answer: Answer) {
        match self.0.iter_mut().find(|asked| asked.index == index) {
            Some(asked) => {
                asked.deadline = asked.deadline.max(deadline);
                asked.answers.push(answer);
            }
            None => self.0.push_back(Asked { index, deadline, answers: vec![answer] }),
        }
    }
}

impl Worker {
    /// Takes in what somebody wants. A line that is not there any more has no answer.
    pub(super) fn ask(&mut self, wishes: Vec<Wish>) {
        let indices = self.timetable.by_id();
        for Wish { line, deadline, answer } in wishes {
            if let Some(index) = indices.get(&line) {
                self.asked.push(*index, deadline, answer);
            }
        }
    }

    /// Begins what was asked for, ahead of what is due. A line that is being checked, or is due so
    /// soon that this must not come in between, stays where it is until then.
    pub(super) fn start_asked(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let now = Instant::now();
        self.asked.0.retain(|asked| asked.is_wanted(now));
        let mut at = 0;
        while at < self.asked.0.len() && self.has_capacity() {
            let index = self.asked.0[at].index;
            let needed = self.timetable.line(index).and_then(|line| self.time_for_extra(line));
            let (due, trigger, limit) = match self.timetable.start_ahead(index, now, needed) {
                Turn::Due(due) => (due, Trigger::Schedule, None),
                Turn::Early(free) => {
                    let due = Due { instant: now, wall: self.site.clock.now() };
                    (due, Trigger::CheckNow, Some(free))
                }
                Turn::Later => {
                    at += 1;
                    continue;
                }
            };
            let asked = self.asked.0.remove(at);
            self.start_check(index, due, trigger, limit, asked);
        }
    }
}
