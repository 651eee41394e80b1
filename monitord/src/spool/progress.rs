//! What a sink has settled, as ranges of sequence numbers. No input or output.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// When more than so many records wait, the newest no longer wait behind them: they get a lane
/// of their own. Four batches for Zabbix: less is sent before anyone notices.
const SPLIT_RECORDS: u64 = 1000;
/// How many ranges of old records a sink can have: one more for each outage that begins while
/// the last one is still being caught up with. With so many, fresh records wait in line.
const RANGES_MAX: usize = 64;

/// One of the two ways in which records leave. Within a lane they keep their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// What came last.
    Fresh,
    /// What piled up before, oldest first.
    Backlog,
}

/// From `from` up to, and without, `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Range {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl Range {
    fn len(self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

/// Which records a sink has not settled yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Older ranges, in order and apart from each other.
    backlog: VecDeque<Range>,
    /// The first record of the fresh lane. Everything from there on is unsettled.
    fresh: u64,
}

/// An item whose values are kept back, because Zabbix refuses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The line.
    pub(crate) line: String,
    /// The item's key.
    pub(crate) item: String,
    /// Its first record that is not delivered.
    pub(crate) from: u64,
    /// Why, for people.
    pub(crate) reason: String,
}

impl Progress {
    /// Nothing before `first` is wanted.
    pub(crate) fn starting_at(first: u64) -> Self {
        Self { backlog: VecDeque::new(), fresh: first }
    }

    /// What the lane has to deliver next, when records up to, and without, `head` exist.
    ///
    /// A fresh lane that has fallen behind hands what has piled up to the backlog.
    pub(crate) fn next(&mut self, lane: Lane, head: u64) -> Option<Range> {
        match lane {
            Lane::Fresh => {
                if head.saturating_sub(self.fresh) > SPLIT_RECORDS
                    && self.backlog.len() < RANGES_MAX
                {
                    self.backlog.push_back(Range { from: self.fresh, to: head });
                    self.fresh = head;
                }
                Some(Range { from: self.fresh, to: head }).filter(|range| range.len() > 0)
            }
            Lane::Backlog => self.backlog.front().copied(),
        }
    }

    /// The lane has settled everything up to `through`.
    pub(crate) fn settle(&mut self, lane: Lane, through: u64) {
        match lane {
            Lane::Fresh => self.fresh = Ord::max(self.fresh, through + 1),
            Lane::Backlog => {
                if let Some(range) = self.backlog.front_mut() {
                    range.from = Ord::max(range.from, through + 1);
                    if range.len() == 0 {
                        self.backlog.pop_front();
                    }
                }
            }
        }
    }

    /// Records up to `through` no longer exist. Returns the ranges of them that were unsettled.
    pub(crate) fn forget(&mut self, through: u64) -> Vec<Range> {
        let end = through + 1;
        let cut = |range: Range| Range { from: range.from, to: Ord::min(range.to, end) };
        let all = self.backlog.iter().copied().chain([Range { from: self.fresh, to: end }]);
        let lost = all.map(cut).filter(|range| range.len() > 0).collect();
        for range in &mut self.backlog {
            range.from = Ord::max(range.from, end);
        }
        self.backlog.retain(|range| range.len() > 0);
        self.fresh = Ord::max(self.fresh, end);
        lost
    }

    /// The first record that is not settled, or would be the first.
    pub(crate) fn floor(&self) -> u64 {
        self.backlog.front().map_or(self.fresh, |range| range.from)
    }

    /// The first number that this progress knows nothing of.
    pub(crate) fn end(&self) -> u64 {
        self.fresh
    }

    /// How many records wait in the backlog lane.
    pub(crate) fn backlog_len(&self) -> u64 {
        self.backlog.iter().map(|range| range.len()).sum()
    }

    /// How many records wait, when records up to, and without, `head` exist.
    pub(crate) fn pending(&self, head: u64) -> u64 {
        self.backlog_len() + head.saturating_sub(self.fresh)
    }

    /// Whether it could have come from here, whatever was read from a disk.
    pub(crate) fn is_sound(&self) -> bool {
        let ordered = |(a, b): (&Range, &Range)| a.to <= b.from;
        self.backlog.len() <= RANGES_MAX
            && self.fresh < u64::MAX / 2
            && self.backlog.iter().all(|range| range.len() > 0 && range.to <= self.fresh)
            && self.backlog.iter().zip(self.backlog.iter().skip(1)).all(ordered)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(from: u64, to: u64) -> Option<Range> {
        Some(Range { from, to })
    }

    #[test]
    fn a_short_queue_leaves_in_order_through_one_lane() {
        let mut progress = Progress::starting_at(1);
        assert_eq!(progress.next(Lane::Fresh, 1), None);
        assert_eq!(progress.next(Lane::Fresh, 4), range(1, 4));
        progress.settle(Lane::Fresh, 2);
        assert_eq!(progress.next(Lane::Fresh, 4), range(3, 4));
        assert_eq!(progress.next(Lane::Backlog, 4), None);
        assert_eq!((progress.floor(), progress.pending(4)), (3, 1));
    }

    #[test]
    fn what_piled_up_does_not_hold_up_what_is_fresh() {
        let mut progress = Progress::starting_at(1);
        assert_eq!(progress.next(Lane::Fresh, 5000), None);
        assert_eq!(progress.next(Lane::Fresh, 5001), range(5000, 5001));
        assert_eq!(progress.next(Lane::Backlog, 5001), range(1, 5000));
        progress.settle(Lane::Fresh, 5000);
        progress.settle(Lane::Backlog, 250);
        assert_eq!((progress.floor(), progress.pending(5001)), (251, 4749));
        // A second outage, before the first is caught up with.
        assert_eq!(progress.next(Lane::Fresh, 9000), None);
        progress.settle(Lane::Backlog, 4999);
        assert_eq!(progress.next(Lane::Backlog, 9000), range(5001, 9000));
    }

    #[test]
    fn dropped_records_are_named_once() {
        let mut progress = Progress::starting_at(1);
        progress.next(Lane::Fresh, 5000);
        progress.settle(Lane::Backlog, 10);
        assert_eq!(progress.forget(20), [Range { from: 11, to: 21 }]);
        assert_eq!(progress.forget(20), []);
        assert_eq!(progress.forget(6000).len(), 2);
        assert_eq!((progress.floor(), progress.pending(6001)), (6001, 0));
    }

    proptest! {
        #[test]
        fn every_record_is_settled_exactly_once(
            steps in proptest::collection::vec((0u8..3, 1u64..3000), 1..80)
        ) {
            let mut progress = Progress::starting_at(1);
            let (mut head, mut settled) = (1, std::collections::BTreeSet::new());
            for (what, amount) in steps {
                let lane = match what { 0 => { head += amount; continue } 1 => Lane::Fresh, _ => Lane::Backlog };
                if let Some(range) = progress.next(lane, head) {
                    let through = Ord::min(range.to, range.from + amount) - 1;
                    for seq in range.from..=through {
                        prop_assert!(settled.insert(seq), "{seq} twice");
                    }
                    progress.settle(lane, through);
                }
                prop_assert!(progress.is_sound());
                prop_assert_eq!(progress.pending(head) + settled.len() as u64, head - 1);
            }
        }
    }
}
