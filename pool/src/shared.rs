use std::fmt;
use std::sync::{Arc, OnceLock};

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use pool_core::{
    ConnectionConfig, Disposition, Error, EventSender, EventStream, Lease, LeaseHome, LeaseInfo,
    LeaseUse, PoolEvent, Protocol, ProtocolDriver, ProtocolFactory, Result, SlotId,
};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::alarm::{Waiter, Watched};
use crate::caps::Member;
use crate::core::{self, Limits, Loan, Returned};
use crate::{check, close, create, wake};

/// How many events a slow listener may lag behind before it misses some. A router with two
/// sessions makes about ten events a minute; a login storm makes hundreds.
const EVENTS_KEPT_MAX: usize = 256;

pub(crate) type Factories = Arc<[Arc<dyn ProtocolFactory>]>;
pub(crate) type Session = Box<dyn ProtocolDriver>;
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
    /// One per lane, in the same order.
    factories: Factories,
    /// Held for a decision, never across an await, and never while a decision is carried out.
    core: Mutex<Watched>,
    /// Sessions can be given back outside a runtime, and must still be closed in one.
    pub(crate) runtime: Handle,
    /// Made when somebody first wants to hear of something: most pools have nobody who does.
    news: OnceLock<Box<News>>,
    /// Set right after the pool was made, if that was by a fleet.
    pub(crate) member: OnceLock<Box<Member>>,
}

/// What others can wait for.
#[derive(Default)]
struct News {
    /// Made for the first listener: the buffer is larger than the pool.
    events: OnceLock<EventSender>,
    /// Cancelled when the pool closes.
    closing: CancellationToken,
    /// Cancelled when the pool is closed and every session is gone.
    drained: CancellationToken,
}

impl Shared {
    pub(crate) fn new(
        name: Arc<str>,
        factories: Factories,
        limits: Limits,
        runtime: Handle,
    ) -> Arc<Self> {
        let protocols = factories.iter().map(|factory| factory.protocol());
        let core = Core::new(limits, protocols);
        Arc::new(Self {
            name,
            factories,
            core: Mutex::new(Watched::new(core)),
            runtime,
            news: OnceLock::new(),
            member: OnceLock::new(),
        })
    }

    /// The lane of `protocol`.
    pub(crate) fn lane(&self, protocol: Protocol) -> Result<usize> {
        self.core().lane(protocol).ok_or_else(|| self.unsupported(protocol))
    }

    pub(crate) fn unsupported(&self, protocol: Protocol) -> Error {
        Error::Unsupported { what: format!("protocol {protocol} on router {}", self.name) }
    }

    pub(crate) fn factory(&self, lane: usize) -> &dyn ProtocolFactory {
        &*self.factories[lane]
    }

    /// What the pool was made with.
    pub(crate) fn config(&self) -> Arc<ConnectionConfig> {
        self.core().limits().config.clone()
    }

    #[inline]
    pub(crate) fn watched(&self) -> MutexGuard<'_, Watched> {
        self.core.lock()
    }

    pub(crate) fn core(&self) -> MappedMutexGuard<'_, Core> {
        MutexGuard::map(self.core.lock(), |watched| &mut watched.core)
    }

    /// Tells the core what happened, and does what it says.
    pub(crate) fn apply(self: &Arc<Self>, event: impl FnOnce(&mut Core, Instant) -> Actions) {
        let actions = event(&mut self.core(), Instant::now());
        self.perform(actions);
        self.look();
    }

    /// Others of the fleet may have use for what has become idle.
    fn look(&self) {
        if let Some(member) = self.member.get() {
            member.look(self);
        }
    }

    /// Carries out what the core decided. It must not be called under the core's lock: a task
    /// that cannot be spawned any more is dropped at once, and its guard comes back here.
    pub(crate) fn perform(self: &Arc<Self>, actions: Actions) {
        for action in actions {
            match action {
                Action::Grant { waiter, slot } => {
                    tracing::trace!(router = %self.name, slot = slot.0, "session granted");
                    waiter.waker.wake();
                }
                Action::Fail { waiter, error } => {
                    tracing::debug!(router = %self.name, %error, "caller gets no session");
                    waiter.waker.wake();
                }
                Action::Tell { watcher, result } => drop(watcher.send(result)),
                Action::Create { slot, lane, timeout, cut_off } => {
                    create::spawn(self, slot, lane, timeout, cut_off);
                }
                Action::Check { slot, session, cut_off } => {
                    check::spawn(self, slot, session, &cut_off);
                }
                Action::CutOff(what) => what.cancel(),
                Action::Close { slot, session, reason } => {
                    self.event(|| PoolEvent::Discarded { slot, reason });
                    if let Some(member) = self.member.get() {
                        member.leaving(slot);
                    }
                    close::spawn(self, slot, session);
                }
                Action::Event(event) => {
                    self.warn_of(&event);
                    self.event(|| event);
                }
                Action::WakeAt(time) => wake::spawn(self, time),
                Action::Drained => self.drained().cancel(),
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

    /// A session as a guard that brings it back.
    #[inline]
    pub(crate) fn lend(self: &Arc<Self>, loan: Loan<Session>, info: LeaseInfo) -> Lease {
        let Loan { slot, session, reused, connect } = loan;
        self.event(|| PoolEvent::Acquired { slot, reused });
        Lease::new(session, self.clone(), slot, LeaseInfo { reused, connect, ..info })
    }

    fn news(&self) -> &News {
        self.news.get_or_init(Box::default)
    }

    /// Hears when the pool closes.
    pub(crate) fn closing(&self) -> &CancellationToken {
        &self.news().closing
    }

    /// Hears when the pool is closed and every session is gone.
    pub(crate) fn drained(&self) -> &CancellationToken {
        &self.news().drained
    }

    /// Closes the pool, without waiting for anything.
    pub(crate) fn close(self: &Arc<Self>) {
        self.apply(Core::close);
        self.closing().cancel();
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.news.get().is_some_and(|news| news.drained.is_cancelled())
    }

    /// Counts what happened, if the pool is a fleet's, and tells the listeners, if there are any.
    pub(crate) fn event(&self, event: impl FnOnce() -> PoolEvent) {
        let events = self.news.get().and_then(|news| news.events.get());
        let member = self.member.get();
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
        self.news().events.get_or_init(|| EventSender::new(EVENTS_KEPT_MAX)).subscribe()
    }
}

impl LeaseHome for Shared {
    fn give_back(
        self: Arc<Self>,
        slot: SlotId,
        driver: Session,
        disposition: Disposition,
        used: LeaseUse,
    ) {
        let answered = (used.requests > 0).then(Instant::now);
        if answered.is_some() {
            self.core().used(slot, used);
        }
        if disposition != Disposition::Reuse {
            return self.apply(|core, now| core.released(now, slot, driver, disposition));
        }
        // Before the core hears of it: once it does, the session may be lent again at once, and
        // listeners should see the two in order.
        self.event(|| PoolEvent::Returned { slot });
        let returned = self.watched().core.returned(slot, driver, answered);
        match returned {
            Returned::Kept => self.look(),
            Returned::HandedOn(waiter) => waiter.waker.wake(),
            Returned::Unclear(driver) => {
                self.apply(|core, now| core.released(now, slot, driver, disposition));
            }
        }
    }

    fn taken(self: Arc<Self>, slot: SlotId) {
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
            debug.field("stats", &core.core.stats());
        }
        debug.finish_non_exhaustive()
    }
}
