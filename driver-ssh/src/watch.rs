//! Who sees to it that a stretch of work on a thread of the runtime is short.
//!
//! A stretch ends where libssh2 would wait for the peer. A peer that always has more to say, in
//! lines before its banner, in packets that mean nothing, in data, could keep it from ending, and
//! with it everything else that the thread has to do. So somebody looks every few milliseconds, on
//! a thread of his own, whether a stretch is still the one that he saw the last time. If it is, he
//! shuts its valve, and the stretch ends as if the peer had paused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::socket::Socket;

/// The pause between two looks: a stretch ends after one to two of them.
const INTERVAL: Duration = Duration::from_millis(4);
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
#[derive(Default)]
struct Seat(Mutex<Turn>);

#[derive(Default)]
struct Turn {
    /// Counts the stretches.
    number: u64,
    /// The number at the last look.
    seen: u64,
    socket: Option<Arc<Socket>>,
    is_cut: bool,
}

/// A stretch under watch, until it is dropped.
#[must_use = "what is not held is not watched"]
pub(crate) struct Watched(Arc<Seat>);

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
            let mut turn = seat.0.lock();
            turn.number += 1;
            turn.socket = Some(socket.clone());
            turn.is_cut = false;
        }
        Self(seat)
    }

    /// Ends the stretch; whether it was cut off, so that what looked like a pause of the peer may
    /// have been none.
    pub(crate) fn end(self) -> bool {
        self.leave()
    }

    fn leave(&self) -> bool {
        let mut turn = self.0.0.lock();
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
        let seat = Arc::default();
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
    fn look(&self) -> bool {
        let mut turn = self.0.lock();
        let is_new = turn.number != turn.seen;
        turn.seen = turn.number;
        if let Some(socket) = turn.socket.clone()
            && !is_new
            && !turn.is_cut
        {
            turn.is_cut = true;
            socket.shut_valve();
        }
        is_new || turn.socket.is_some()
    }
}

#[expect(clippy::disallowed_methods, reason = "this thread is there to wait, in real time")]
fn pause(interval: Duration) {
    thread::sleep(interval);
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;
    use rustix::net::{RecvFlags, recv};
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    use super::*;
    use crate::tunnel::Tunnel;

    /// A socket on which a byte waits, so that whoever looks at it never comes to an end.
    async fn endless() -> (Arc<Socket>, UnixStream) {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"x").await.unwrap();
        (Arc::new(Socket::tunnelled(near, Tunnel::default()).unwrap()), far)
    }

    /// Far longer than a stretch is left alone, also on a machine that is busy.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Looks at `socket` as libssh2 does, until there is nothing, or so often.
    fn look(socket: &Socket, times: usize) -> bool {
        let end = tokio::time::Instant::now() + PATIENCE;
        let nothing = || socket.valve_line(|fd| recv(fd, &mut [0; 1][..], RecvFlags::PEEK));
        (0..times)
            .take_while(|_| tokio::time::Instant::now() < end)
            .any(|_| nothing().map(drop) == Err(Errno::AGAIN))
    }

    #[tokio::test]
    async fn a_stretch_is_cut_off_at_the_second_look_and_only_while_it_lasts() {
        let (socket, _far) = endless().await;
        // One that nobody else looks at.
        let seat = Arc::<Seat>::default();
        assert!(!seat.look(), "nobody is there");
        for _ in 0..3 {
            let watched = Watched::on(seat.clone(), &socket);
            assert!(seat.look() && !look(&socket, 1), "it may have only just begun");
            assert!(!watched.end());
            let watched = Watched::on(seat.clone(), &socket);
            assert!(seat.look() && !look(&socket, 1), "it is another one");
            assert!(seat.look() && look(&socket, 1), "it is the same");
            assert!(watched.end() && !look(&socket, 1));
            assert!(!seat.look(), "it is over");
        }
    }

    #[tokio::test]
    async fn what_does_not_end_by_itself_is_cut_off_and_can_go_on() {
        let (socket, _far) = endless().await;
        for _ in 0..3 {
            let watched = Watched::begin(&socket).unwrap();
            assert!(look(&socket, usize::MAX), "it was cut off");
            assert!(watched.end(), "and says so");
            assert!(!look(&socket, 3), "it is open again");
        }
        let watched = Watched::begin(&socket).unwrap();
        assert!(look(&socket, usize::MAX));
        drop(watched);
        assert!(!look(&socket, 3), "also when it ends by a panic");
    }

    #[tokio::test]
    async fn what_ends_in_time_is_left_alone_however_many_there_are() {
        let (socket, _far) = endless().await;
        let begun = tokio::time::Instant::now();
        let mut cut = 0_u32;
        let mut all = 0_u32;
        // For longer than the watch waits before it takes its leave, and with a pause in which it
        // does.
        while begun.elapsed() < INTERVAL * (IDLE_LOOKS_MAX + 100) {
            let watched = Watched::begin(&socket).unwrap();
            look(&socket, 1);
            cut += u32::from(watched.end());
            all += 1;
            if all == 1000 {
                tokio::time::sleep(INTERVAL * (IDLE_LOOKS_MAX + 50)).await;
            }
        }
        // A machine that is busy may have stopped us in the middle of some.
        assert!(cut < all / 100, "{cut} of {all}");
        let watched = Watched::begin(&socket).unwrap();
        assert!(look(&socket, usize::MAX) && watched.end());
    }
}
