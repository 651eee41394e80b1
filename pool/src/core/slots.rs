use std::sync::Arc;

use pool_core::{Error, PhaseTrace, SlotId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::session::{Place, Session, Turn};
use crate::LendOrder;

/// What takes a slot. All of it counts against the device's limit.
pub(super) enum Slot<S, V> {
    Creating(Box<Create<V>>),
    Kept(Session<S>),
    Closing(Closing<V>),
}

/// A session that is being made.
pub(super) struct Create<V> {
    pub(super) slot: SlotId,
    pub(super) lane: usize,
    /// Which round of the lane's attempts it belongs to.
    pub(super) round: u64,
    pub(super) since: Instant,
    /// Since when it takes from the time that there is for attempts; `None` if those who wait now
    /// came only when it was under way, for others, who have left.
    pub(super) charged_since: Option<Instant>,
    /// The session that the new one replaces.
    pub(super) replaces: Option<SlotId>,
    pub(super) trace: Option<Arc<PhaseTrace>>,
    /// Cuts the attempt off.
    pub(super) cut_off: CancellationToken,
    /// Why it has not begun yet, if something outside of the pool holds it up.
    pub(super) held_up: Option<Error>,
    pub(super) watchers: Vec<V>,
}

/// A session that is being closed. It counts until that is done: a VTY is a VTY.
pub(super) struct Closing<V> {
    pub(super) slot: SlotId,
    pub(super) lane: usize,
    /// Whether a new one is to be made in its slot.
    pub(super) owes: bool,
    /// Who wants to know how that ends.
    pub(super) watchers: Vec<V>,
}

impl<S, V> Slot<S, V> {
    fn id(&self) -> SlotId {
        match self {
            Self::Creating(create) => create.slot,
            Self::Kept(session) => session.slot,
            Self::Closing(closing) => closing.slot,
        }
    }
}

/// The slots that are taken. A router has a handful, so that looking through all of them is the
/// fastest way to find one.
pub(super) struct Slots<S, V>(Vec<Slot<S, V>>);

impl<S, V> Slots<S, V> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push(&mut self, slot: Slot<S, V>) {
        // Slots are taken seldom, and most pools need one or two for days.
        self.0.reserve_exact(1);
        self.0.push(slot);
    }

    /// Forgets a slot that is free now.
    pub(super) fn remove(&mut self, id: SlotId) -> Option<Slot<S, V>> {
        let at = self.0.iter().position(|slot| slot.id() == id)?;
        Some(self.0.remove(at))
    }

    pub(super) fn remove_create(&mut self, id: SlotId) -> Option<Box<Create<V>>> {
        let is_it = |slot: &Slot<S, V>| matches!(slot, Slot::Creating(create) if create.slot == id);
        let at = self.0.iter().position(is_it)?;
        match self.0.remove(at) {
            Slot::Creating(create) => Some(create),
            _ => None,
        }
    }

    pub(super) fn remove_closing(&mut self, id: SlotId) -> Option<Closing<V>> {
        let is_it = |slot: &Slot<S, V>| matches!(slot, Slot::Closing(other) if other.slot == id);
        let at = self.0.iter().position(is_it)?;
        match self.0.remove(at) {
            Slot::Closing(closing) => Some(closing),
            _ => None,
        }
    }

    /// Begins to close what takes the slot. Returns the session, if it was here.
    pub(super) fn close(&mut self, id: SlotId, owes: bool) -> Option<S> {
        let slot = self.0.iter_mut().find(|slot| slot.id() == id)?;
        let lane = match slot {
            Slot::Creating(create) => create.lane,
            Slot::Kept(session) => session.lane(),
            Slot::Closing(closing) => closing.lane,
        };
        match std::mem::replace(
            slot,
            Slot::Closing(Closing { slot: id, lane, owes, watchers: Vec::new() }),
        ) {
            Slot::Kept(session) => session.inner,
            Slot::Creating(_) | Slot::Closing(_) => None,
        }
    }

    /// Those being made, in the order in which they were begun.
    pub(super) fn creating(&self) -> impl Iterator<Item = &Create<V>> {
        self.0.iter().filter_map(|slot| match slot {
            Slot::Creating(create) => Some(&**create),
            _ => None,
        })
    }

    pub(super) fn creating_mut(&mut self) -> impl Iterator<Item = &mut Create<V>> {
        self.0.iter_mut().filter_map(|slot| match slot {
            Slot::Creating(create) => Some(&mut **create),
            _ => None,
        })
    }

    pub(super) fn closing_mut(&mut self, id: SlotId) -> Option<&mut Closing<V>> {
        self.0.iter_mut().find_map(|slot| match slot {
            Slot::Closing(closing) if closing.slot == id => Some(closing),
            _ => None,
        })
    }

    pub(super) fn closing(&self) -> impl Iterator<Item = &Closing<V>> {
        self.0.iter().filter_map(|slot| match slot {
            Slot::Closing(closing) => Some(closing),
            _ => None,
        })
    }

    #[inline]
    pub(super) fn kept(&self) -> impl Iterator<Item = &Session<S>> {
        self.0.iter().filter_map(|slot| match slot {
            Slot::Kept(session) => Some(session),
            _ => None,
        })
    }

    #[inline]
    pub(super) fn kept_mut(&mut self) -> impl Iterator<Item = &mut Session<S>> {
        self.0.iter_mut().filter_map(|slot| match slot {
            Slot::Kept(session) => Some(session),
            _ => None,
        })
    }

    #[inline]
    pub(super) fn session_mut(&mut self, id: SlotId) -> Option<&mut Session<S>> {
        self.kept_mut().find(|session| session.slot == id)
    }

    /// Where the idle session is that is lent first, of those that are `meant`.
    #[inline]
    pub(super) fn first_idle(
        &self,
        order: LendOrder,
        meant: impl Fn(&Session<S>) -> bool,
    ) -> Option<usize> {
        let mut first: Option<(Turn, usize)> = None;
        for (at, slot) in self.0.iter().enumerate() {
            let Slot::Kept(session) = slot else { continue };
            let Place::Idle(turn) = session.place else { continue };
            let is_before = |other: Turn| match order {
                LendOrder::Latest => turn > other,
                LendOrder::LongestIdle => turn < other,
            };
            if first.is_none_or(|(other, _)| is_before(other)) && meant(session) {
                first = Some((turn, at));
            }
        }
        first.map(|(_, at)| at)
    }

    /// The session at a place that was just found.
    #[inline]
    pub(super) fn session_at(&mut self, at: usize) -> Option<&mut Session<S>> {
        match self.0.get_mut(at) {
            Some(Slot::Kept(session)) => Some(session),
            _ => None,
        }
    }

    /// The idle session that came back first.
    pub(super) fn longest_idle(&self) -> Option<&Session<S>> {
        let idle = self.kept().filter_map(|session| Some((session.turn()?, session)));
        idle.min_by_key(|(turn, _)| *turn).map(|(_, session)| session)
    }

    /// The idle sessions that are `meant`, the longest idle first.
    pub(super) fn idle_in_order(&self, meant: impl Fn(&Session<S>) -> bool) -> Vec<SlotId> {
        let meant = self.kept().filter(|session| meant(session));
        let mut idle: Vec<(Turn, SlotId)> =
            meant.filter_map(|session| Some((session.turn()?, session.slot))).collect();
        idle.sort_unstable();
        idle.into_iter().map(|(_, slot)| slot).collect()
    }
}
