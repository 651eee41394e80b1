use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::{Mutex, MutexGuard};
use pool_core::{
    ConnectionConfig, Disposition, Error, EventSender, EventStream, Lease, LeaseHome, LeaseInfo,
    LeaseUse, PoolEvent, Protocol, ProtocolDriver, ProtocolFactory, Result, SlotId,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::caps::Member;
use crate::core::{self, Limits, Loan};
use crate::{PoolOptions, check, close, create, wake};

/// How many events a slow listener may lag behind before it misses some. A router with two
/// sessions makes about ten events a minute; a login storm makes hundreds.
const EVENTS_KEPT_MAX: usize = 256;

pub(crate) type Session = Box<dyn ProtocolDriver>;
pub(crate) type Waiter = oneshot::Sender<Result<Lease>>;
pub(crate) type Watcher = oneshot::Sender<Result<()>>;
pub(crate) type Core = core::Core<Session, Waiter, Watcher>;
pub(crate) type Action = core::Action<Session, Waiter, Watcher>;
pub(crate) type Actions = core::Actions<Session, Waiter, Watcher>;

/// What a pool, its leases and its tasks have in common.
///
/// Leases and tasks keep it alive, and it keeps none of them: it goes with the last of them, and
/// each of them ends by itself once the pool is closed.
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    pub(crate) config: ConnectionConfig,
    pub(crate) options: Arc<PoolOptions>,
    factories: Vec<(Protocol, Arc<dyn ProtocolFactory>)>,
    /// Held for a decision, never across an await, and never while a decision is carried out.
    core: Mutex<Core>,
    /// Made for the first listener: most pools have none, and the buffer is most of a pool.
    events: OnceLock<EventSender>,
    /// Sessions can be given back outside a runtime, and must still be closed in one.
    pub(crate) runtime: Handle,
    /// Cancelled when the pool closes: cuts off the attempts to make sessions.
    pub(crate) cancel: CancellationToken,
    /// Cancelled when the pool is closed and every session is gone.
    pub(crate) drained: CancellationToken,
    /// Set right after the pool was made, if that was by a fleet.
    pub(crate) member: OnceLock<Member>,
    /// Leases and tasks need the whole of it, and `give_back` is only given a reference.
    this: Weak<Self>,
}

impl Shared {
    pub(crate) fn new(
        name: Arc<str>,
        config: ConnectionConfig,
        factories: Vec<(Protocol, Arc<dyn ProtocolFactory>)>,
        options: Arc<PoolOptions>,
        runtime: Handle,
    ) -> Arc<Self> {
        let protocols = factories.iter().map(|(protocol, _)| *protocol);
        let core = Core::new(Limits::new(&config, options.clone()), protocols);
        Arc::new_cyclic(|this| Self {
            name,
            config,
            options,
            factories,
            core: Mutex::new(core),
            events: OnceLock::new(),
            runtime,
            cancel: CancellationToken::new(),
            drained: CancellationToken::new(),
            member: OnceLock::new(),
            this: this.clone(),
        })
    }

    /// The lane of `protocol`.
    pub(crate) fn lane(&self, protocol: Protocol) -> Result<usize> {
        let lane = self.factories.iter().position(|(known, _)| *known == protocol);
        lane.ok_or_else(|| Error::Unsupported {
            what: format!("protocol {protocol} on router {}", self.name),
        })
    }

    pub(crate) fn protocol(&self, lane: usize) -> Protocol {
        self.factories[lane].0
    }

    pub(crate) fn factory(&self, lane: usize) -> &dyn ProtocolFactory {
        &*self.factories[lane].1
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock()
    }

    /// Tells the core what happened, and does what it says.
    pub(crate) fn apply(&self, event: impl FnOnce(&mut Core, Instant) -> Actions) {
        let actions = event(&mut self.core(), Instant::now());
        self.perform(actions);
        if let Some(member) = self.member.get() {
            member.look(self);
        }
    }

    /// Carries out what the core decided. It must not be called under the core's lock: a waiter
    /// that has gone drops its lease, which comes back here.
    pub(crate) fn perform(&self, actions: Actions) {
        if actions.is_empty() {
            return;
        }
        let this = self.this();
        for action in actions {
            match action {
                Action::Grant { waiter, loan } => {
                    // If nobody receives it, the lease is dropped and goes to the next.
                    drop(waiter.send(Ok(this.lend(loan))));
                }
                Action::Fail { waiter, error } => drop(waiter.send(Err(error))),
                Action::Tell { watcher, result } => drop(watcher.send(result)),
                Action::Create { slot, lane, timeout } => create::spawn(&this, slot, lane, timeout),
                Action::Check { slot, session } => check::spawn(&this, slot, session),
                Action::Close { slot, session, reason } => {
                    self.event(|| PoolEvent::Discarded { slot, reason });
                    if let Some(member) = self.member.get() {
                        member.leaving(slot);
                    }
                    close::spawn(&this, slot, session);
                }
                Action::Event(event) => {
                    self.warn_of(&event);
                    self.event(|| event);
                }
                Action::WakeAt(time) => wake::spawn(&this, time),
                Action::Drained => self.drained.cancel(),
            }
        }
    }

    /// Logs what somebody should look at.
    fn warn_of(&self, event: &PoolEvent) {
        if let PoolEvent::LeakSuspected { slot, held, taken_at } = event {
            let taken_at = taken_at.map(tracing::field::display);
            tracing::warn!(router = %self.name, slot = slot.0, ?held, taken_at, "session not given back");
        }
    }

    /// A session as a guard that brings it back. The caller completes its story.
    pub(crate) fn lend(self: &Arc<Self>, loan: Loan<Session>) -> Lease {
        let Loan { slot, session, reused, connect } = loan;
        self.event(|| PoolEvent::Acquired { slot, reused });
        let info = LeaseInfo { reused, connect, ..LeaseInfo::default() };
        Lease::new(session, self.clone(), slot, info)
    }

    /// Closes the pool, without waiting for anything.
    pub(crate) fn close(&self) {
        // In this order: an attempt that is cut off must find the pool closed, or those who wait
        // would be told that they were cancelled.
        self.apply(Core::close);
        self.cancel.cancel();
    }

    /// Counts what happened, if the pool is a fleet's, and tells the listeners, if there are any.
    pub(crate) fn event(&self, event: impl FnOnce() -> PoolEvent) {
        let (member, events) = (self.member.get(), self.events.get());
        if member.is_none() && events.is_none() {
            return;
        }
        let event = event();
        if let Some(member) = member {
            member.count(&event);
        }
        if let Some(events) = events {
            events.send(|| event);
        }
    }

    pub(crate) fn subscribe(&self) -> EventStream {
        self.events.get_or_init(|| EventSender::new(EVENTS_KEPT_MAX)).subscribe()
    }

    fn this(&self) -> Arc<Self> {
        self.this.upgrade().expect("whoever calls a method holds a reference")
    }
}

impl LeaseHome for Shared {
    fn give_back(&self, slot: SlotId, driver: Session, disposition: Disposition) {
        self.give_back_used(slot, driver, disposition, LeaseUse::default());
    }

    fn give_back_used(
        &self,
        slot: SlotId,
        driver: Session,
        disposition: Disposition,
        used: LeaseUse,
    ) {
        if disposition == Disposition::Reuse {
            // Before the core hears of it: once it does, the session may be lent again at once,
            // and listeners should see the two in order.
            self.event(|| PoolEvent::Returned { slot });
        }
        self.apply(|core, now| {
            core.used(slot, used);
            core.released(now, slot, driver, disposition)
        });
    }

    fn taken(&self, slot: SlotId) {
        self.event(|| PoolEvent::Taken { slot });
        self.apply(|core, now| core.taken(now, slot));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Pool");
        debug.field("name", &self.name);
        // A debug print must not wait for a lock that its own thread may hold.
        if let Some(core) = self.core.try_lock() {
            debug.field("stats", &core.stats());
        }
        debug.finish_non_exhaustive()
    }
}
