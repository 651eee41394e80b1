//! Who sees to it that a stretch of work on a thread of the runtime is short.
//!
//! A stretch ends where libssh2 would wait for the peer. A peer that always has more to say, in
//! lines before its banner, in packets that mean nothing, in data, could keep it from ending, and
//! with it everything else that the thread has to do. So somebody looks every few milliseconds, on
//! a thread of his own, whether a stretch is still one that he has seen before, and has had the
//! processor meanwhile. If so, he shuts its valve, and the stretch ends as if the peer had paused.
//! What a busy machine keeps from running is not cut off for that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::socket::Socket;
use crate::thread_clock::ThreadClock;

/// The pause between two looks: a stretch that runs ends after one to two of them.
const INTERVAL: Duration = Duration::from_millis(4);
/// What a stretch must have had of the processor since the first look at it to be cut off: the whole
/// interval, but for what interrupts and the watch itself take.
const RUN_TIME: Duration = Duration::from_millis(3);
/// Looks without a stretch to be seen after which the thread ends, until there is one again.
const IDLE_LOOKS_MAX: u32 = 250;

static WATCH: Watch = Watch { is_there: AtomicBool::new(false), seats: Mutex::new(Vec::new()) };

thread_local! {
    static SEAT: Arc<Seat> = WATCH.new_seat();
}

struct Watch {
    /// Whether the watching thread runs.
    is_there: AtomicBool,
    seats: Mutex<Vec<Weak<Seat>>>,
}

/// One thread on which stretches run.
struct Seat {
    clock: ThreadClock,
    turn: Mutex<Turn>,
}

#[derive(Default)]
struct Turn {
    /// Counts the stretches.
    number: u64,
    /// The number at the last look.
    seen: u64,
    /// What the thread had had of the processor at the first look at the stretch.
    had: Option<Duration>,
    socket: Option<Arc<Socket>>,
    is_cut: bool,
}

/// A stretch under watch, until it is dropped.
#[must_use = "what is not held is not watched"]
pub(crate) struct Watched(Option<Arc<Seat>>);

impl Watched {
    /// Begins a stretch of work on `socket` on this thread. `None` when nobody can watch it,
    /// because there is no thread to be had.
    pub(crate) fn begin(socket: &Arc<Socket>) -> Option<Self> {
        let watched = Self::on(SEAT.with(Arc::clone), socket);
        // Only now: whoever is about to leave looks once more after he has said so.
        WATCH.call().then_some(watched)
    }

    fn on(seat: Arc<Seat>, socket: &Arc<Socket>) -> Self {
        {
            let mut turn = seat.turn.lock();
            turn.number += 1;
            turn.socket = Some(socket.clone());
            turn.is_cut = false;
        }
        Self(Some(seat))
    }

    /// Ends the stretch; whether it was cut off, so that what looked like a pause of the peer may
    /// have been none.
    pub(crate) fn end(mut self) -> bool {
        self.leave()
    }

    fn leave(&mut self) -> bool {
        let Some(seat) = self.0.take() else { return false };
        let mut turn = seat.turn.lock();
        if let Some(socket) = turn.socket.take()
            && turn.is_cut
        {
            socket.open_valve();
        }
        turn.is_cut
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Watch {
    fn new_seat(&self) -> Arc<Seat> {
        let seat = Arc::new(Seat::of(ThreadClock::of_this_thread()));
        self.seats.lock().push(Arc::downgrade(&seat));
        seat
    }

    /// Sees to it that somebody watches.
    fn call(&self) -> bool {
        if self.is_there.swap(true, Ordering::AcqRel) {
            return true;
        }
        let started = thread::Builder::new().name("ssh-watch".to_owned()).spawn(|| WATCH.stay());
        if started.is_err() {
            self.is_there.store(false, Ordering::Release);
        }
        started.is_ok()
    }

    /// Watches for as long as there is something to be watched.
    fn stay(&self) {
        let mut idle = 0;
        loop {
            pause(INTERVAL);
            idle = if self.look() { 0 } else { idle + 1 };
            if idle < IDLE_LOOKS_MAX {
                continue;
            }
            self.is_there.swap(false, Ordering::AcqRel);
            // A stretch that began before that has found us there, and is seen now. If one that
            // began after it has called another one in, that one watches.
            if !self.look() || self.is_there.swap(true, Ordering::AcqRel) {
                return;
            }
            idle = 0;
        }
    }

    /// Looks at every seat once; whether there was a stretch since the last look.
    fn look(&self) -> bool {
        let mut was_used = false;
        self.seats.lock().retain(|seat| {
            let Some(seat) = seat.upgrade() else { return false };
            was_used |= seat.look();
            true
        });
        was_used
    }
}

impl Seat {
    fn of(clock: ThreadClock) -> Self {
        Self { clock, turn: Mutex::default() }
    }

    fn look(&self) -> bool {
        let mut turn = self.turn.lock();
        let is_new = turn.number != turn.seen;
        turn.seen = turn.number;
        if let Some(socket) = turn.socket.clone()
            && !turn.is_cut
        {
            let has = self.clock.time();
            if is_new {
                turn.had = has;
            } else if has_run(turn.had, has) {
                turn.is_cut = true;
                socket.shut_valve();
            }
        }
        is_new || turn.socket.is_some()
    }
}

/// Whether a thread that had so much of the processor then, and so much now, has run for long. If that
/// is not to be known, it has.
fn has_run(then: Option<Duration>, now: Option<Duration>) -> bool {
    then.zip(now).is_none_or(|(then, now)| now.saturating_sub(then) >= RUN_TIME)
}

#[expect(clippy::disallowed_methods, reason = "this thread is there to wait, in real time")]
fn pause(interval: Duration) {
    thread::sleep(interval);
}

#[cfg(test)]
mod tests;
