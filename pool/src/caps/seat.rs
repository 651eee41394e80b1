use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use pool_core::SlotId;
use tokio::sync::oneshot;

use super::Usage;
use super::queue::{RouterId, Turn};
use super::seats::Seats;

/// A limit on sessions, behind one short lock.
#[derive(Debug)]
pub(super) struct SeatGate {
    seats: Mutex<Seats<Request>>,
    /// Whether somebody waits whom no seat is about to become free for. Kept beside the lock,
    /// because every pool asks whenever something happens in it.
    short: AtomicBool,
}

/// Somebody who waits for a seat: a session to be made.
#[derive(Debug)]
struct Request {
    router: RouterId,
    slot: SlotId,
    answer: oneshot::Sender<Seat>,
}

impl SeatGate {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { seats: Mutex::new(Seats::new(max)), short: AtomicBool::new(false) })
    }

    /// Takes a seat that nobody waits for.
    pub(super) fn try_take(self: &Arc<Self>, router: RouterId, slot: SlotId) -> Option<Seat> {
        let taken = self.seats.lock().try_take();
        taken.then(|| Seat { gate: self.clone(), router, slot })
    }

    /// Queues for a seat.
    pub(super) fn enqueue(self: &Arc<Self>, router: RouterId, slot: SlotId) -> WaitForSeat {
        let (answer, seat) = oneshot::channel();
        let request = Request { router, slot, answer };
        let (turn, served) = self.change(|seats| seats.enqueue(router, request));
        self.hand_out(served);
        WaitForSeat { seat, turn, gate: self.clone() }
    }

    /// The session on a seat is being closed.
    pub(super) fn leaving(&self, router: RouterId, slot: SlotId) {
        self.change(|seats| seats.leaving(router, slot));
    }

    pub(super) fn set_max(self: &Arc<Self>, max: usize) {
        let served = self.change(|seats| seats.set_max(max));
        self.hand_out(served);
    }

    pub(super) fn max(&self) -> usize {
        self.seats.lock().max()
    }

    pub(super) fn usage(&self) -> Usage {
        let seats = self.seats.lock();
        Usage { taken: seats.taken(), waiting: seats.waiting() }
    }

    /// Whether somebody waits whom no seat is about to become free for.
    pub(super) fn is_short(&self) -> bool {
        self.short.load(Ordering::Acquire)
    }

    /// Who is to be served next.
    pub(super) fn next(&self) -> Option<(Turn, RouterId, SlotId)> {
        let seats = self.seats.lock();
        seats.front().map(|(turn, request)| (turn, request.router, request.slot))
    }

    /// Sends somebody away who waits.
    pub(super) fn send_away(&self, turn: Turn) {
        drop(self.change(|seats| seats.leave(turn)));
    }

    fn change<R>(&self, change: impl FnOnce(&mut Seats<Request>) -> R) -> R {
        let mut seats = self.seats.lock();
        let result = change(&mut seats);
        self.short.store(seats.shortfall() > 0, Ordering::Release);
        result
    }

    /// Must not be called under the lock: the seat of somebody who has gone comes back here.
    fn hand_out(self: &Arc<Self>, served: Vec<Request>) {
        for Request { router, slot, answer } in served {
            drop(answer.send(Seat { gate: self.clone(), router, slot }));
        }
    }
}

/// The right to have one session. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    gate: Arc<SeatGate>,
    router: RouterId,
    slot: SlotId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let served = self.gate.change(|seats| seats.freed(self.router, self.slot));
        self.gate.hand_out(served);
    }
}

/// A place in the queue for a seat. Dropping it leaves the queue; a seat that was just handed
/// over goes back.
#[derive(Debug)]
pub(super) struct WaitForSeat {
    seat: oneshot::Receiver<Seat>,
    turn: Turn,
    gate: Arc<SeatGate>,
}

impl WaitForSeat {
    /// The seat; none when we were sent away.
    pub(super) async fn seat(mut self) -> Option<Seat> {
        (&mut self.seat).await.ok()
    }
}

impl Drop for WaitForSeat {
    fn drop(&mut self) {
        self.gate.send_away(self.turn);
    }
}
