//! What the pools of a fleet may have together: sessions, and logins.
//!
//! `seats` and `logins` decide and do nothing: events in, verdicts out, the time as an argument.
//! Both queue in `queue`, which serves routers in turn. `seat` and `login` hold them, each behind
//! one short lock, and hand out guards: whatever becomes of who holds one, the next is served.
//! `room` makes room when the seats are used up. `tally` counts what happens in the pools. None of
//! these locks is held while a pool's is taken.
//!
//! A session takes a seat on its device, and one in the fleet if there is a limit on sessions.
//! Only then does it queue for its login, so that who has a permit waits for nothing but the
//! device.

mod limits;
mod login;
mod logins;
mod queue;
mod room;
mod seat;
mod seated;
mod seats;
mod tally;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::Mutex;
use pool_core::{Error, Phase, PhaseTrace, PoolEvent, SlotId};
use tokio::runtime::Handle;

pub use self::limits::FleetLimits;
use self::login::LoginGate;
pub(crate) use self::login::LoginPermit;
use self::queue::RouterId;
use self::room::SessionCap;
use self::seat::{Seat, SeatGate};
use self::seated::Seated;
pub(crate) use self::tally::Counts;
use self::tally::Tally;
use crate::shared::{Session, Shared};

/// The limits of a fleet, and what happens under them.
#[derive(Debug)]
pub(crate) struct Caps {
    /// Both are there without a limit too, and count: a limit can come later.
    sessions: SessionCap,
    logins: Arc<LoginGate>,
    /// What the limits are, for those who are told that they wait for them.
    limits: Mutex<FleetLimits>,
    tally: Tally,
}

impl Caps {
    pub(crate) fn new(limits: FleetLimits) -> Arc<Self> {
        Arc::new(Self {
            sessions: SessionCap::new(sessions_max(&limits)),
            logins: LoginGate::new(&limits),
            limits: Mutex::new(limits),
            tally: Tally::default(),
        })
    }

    pub(crate) fn limits(&self) -> FleetLimits {
        *self.limits.lock()
    }

    /// Other limits from now on. Whoever waits for one that is higher now is served.
    pub(crate) fn set_limits(&self, limits: FleetLimits, runtime: &Handle) {
        *self.limits.lock() = limits;
        self.sessions.gate().set_max(sessions_max(&limits));
        self.logins.set_limits(&limits, runtime);
    }

    /// What has happened in the pools.
    pub(crate) fn counts(&self) -> Counts {
        self.tally.counts()
    }

    /// How many sessions there are, and wait for the limit on them.
    pub(crate) fn seats(&self) -> Usage {
        self.sessions.gate().usage()
    }

    /// How many logins are under way, and wait for the limits on them.
    pub(crate) fn logins(&self) -> Usage {
        self.logins.usage()
    }
}

fn sessions_max(limits: &FleetLimits) -> usize {
    limits.sessions_max.map_or(usize::MAX, Into::into)
}

/// How a limit is used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) taken: usize,
    pub(crate) waiting: usize,
}

/// The sessions of one device, over the pools that follow each other when its configuration
/// changes: together they have no more than the device allows.
#[derive(Clone, Debug)]
pub(crate) struct DeviceSeats(Arc<SeatGate>);

impl DeviceSeats {
    pub(crate) fn new(max: usize) -> Self {
        Self(SeatGate::new(max))
    }

    /// How many sessions wait for those of an earlier pool to go.
    pub(crate) fn waiting(&self) -> usize {
        self.0.usage().waiting
    }

    /// The configuration has changed. Sessions beyond the new limit are not cut.
    pub(crate) fn set_max(&self, max: usize) {
        self.0.set_max(max);
    }
}

/// A pool's membership in a fleet.
#[derive(Debug)]
pub(crate) struct Member {
    id: RouterId,
    caps: Arc<Caps>,
    device: DeviceSeats,
    /// Where the pool's tasks run.
    runtime: Handle,
}

impl Member {
    /// The `number` is one that no other member has.
    pub(crate) fn new(number: u64, caps: Arc<Caps>, device: DeviceSeats, runtime: Handle) -> Self {
        Self { id: RouterId(number), caps, device, runtime }
    }

    /// What the sessions of the device are counted by.
    pub(crate) fn device(&self) -> &DeviceSeats {
        &self.device
    }

    /// Makes the pool known to those who look for idle sessions.
    pub(crate) fn joined(&self, shared: &Arc<Shared>) {
        self.caps.sessions.joined(self.id, shared);
    }

    /// Waits until the fleet lets the attempt `slot` begin. While it waits, the core knows why.
    ///
    /// None when it is not to begin at all: the seats are used up, and no caller waits for it
    /// (any more).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the place in the queue is given up, and what was given goes to the next.
    pub(crate) async fn admit(&self, shared: &Arc<Shared>, slot: SlotId) -> Option<Admission> {
        let device = self.seat(&self.device.0, shared, slot, device_full).await?;
        let fleet = self.seat(self.caps.sessions.gate(), shared, slot, fleet_full).await?;
        let permit = self.login(&self.caps.logins, shared, slot).await?;
        Some(Admission { permit, seats: TakenSeats { _device: device, _fleet: fleet } })
    }

    async fn seat(
        &self,
        gate: &Arc<SeatGate>,
        shared: &Arc<Shared>,
        slot: SlotId,
        why: fn(usize) -> String,
    ) -> Option<Seat> {
        if let Some(seat) = gate.try_take(self.id, slot) {
            return Some(seat);
        }
        shared.core().held_up(slot, busy(why(gate.max())));
        if !shared.core().has_caller(slot) {
            return None;
        }
        let waiting = gate.enqueue(self.id, slot);
        self.caps.sessions.make_room();
        let seat = waiting.seat().await?;
        shared.core().has_caller(slot).then_some(seat)
    }

    /// This waits also for a session that no caller waits for any more: under a limit on logins
    /// it would be a waste to lose the turn.
    async fn login(
        &self,
        gate: &Arc<LoginGate>,
        shared: &Arc<Shared>,
        slot: SlotId,
    ) -> Option<LoginPermit> {
        let mut waiting = gate.enqueue(self.id, &self.runtime);
        if let Some(permit) = waiting.at_once() {
            return Some(permit);
        }
        shared.core().held_up(slot, busy(logins_used_up(&self.caps.limits())));
        waiting.permit().await
    }

    /// Counts what happened in the pool.
    pub(crate) fn count(&self, event: &PoolEvent) {
        self.caps.tally.count(event);
    }

    /// A login succeeded.
    pub(crate) fn logged_in(&self, trace: &PhaseTrace) {
        self.caps.tally.logged_in(&trace.spans());
    }

    /// A session of the pool is being closed.
    pub(crate) fn leaving(&self, slot: SlotId) {
        self.caps.sessions.gate().leaving(self.id, slot);
    }

    /// Something happened in the pool: if it has idle sessions now, and others lack room for
    /// theirs, it makes room.
    pub(crate) fn look(&self, shared: &Shared) {
        let sessions = &self.caps.sessions;
        if sessions.gate().is_short() && shared.core().longest_idle().is_some() {
            sessions.make_room();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.caps.sessions.left(self.id);
    }
}

/// The right to make one session.
#[derive(Debug)]
pub(crate) struct Admission {
    /// To be dropped when the login has ended.
    pub(crate) permit: LoginPermit,
    /// To be kept as long as the session is there.
    pub(crate) seats: TakenSeats,
}

/// The seats of one session. They are free again when this is dropped.
#[derive(Debug)]
pub(crate) struct TakenSeats {
    _device: Seat,
    _fleet: Seat,
}

impl TakenSeats {
    /// The session, with its seats.
    pub(crate) fn under(self, session: Session) -> Session {
        Box::new(Seated::new(session, self))
    }
}

fn busy(message: String) -> Error {
    Error::Busy { phase: Phase::Acquire, message }
}

fn device_full(max: usize) -> String {
    format!(
        "all {max} sessions of the device are taken, some by the pool of its earlier configuration"
    )
}

fn fleet_full(max: usize) -> String {
    format!("the fleet's limit of {max} sessions over all routers is reached")
}

fn logins_used_up(limits: &FleetLimits) -> String {
    let at_once = limits.logins_in_flight_max.map(|max| format!("{max} logins at once"));
    let rate = limits.logins_per_second.map(|rate| format!("{rate} logins per second"));
    let limits: Vec<_> = at_once.into_iter().chain(rate).collect();
    format!("the fleet's limit of {} over all routers is reached", limits.join(" and "))
}
