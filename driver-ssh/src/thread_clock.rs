use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use nix::unistd::gettid;

/// How the kernel numbers the clock of a thread (clock_getcpuclockid(3) and
/// pthread_getcpuclockid(3) do the same): the number of the thread, inverted, above three bits that
/// say that it is one thread's, and exact.
const CLOCK_BITS: u32 = 3;
const ONE_THREAD_EXACTLY: i32 = 0b110;

/// What one thread has had of the processor, for others to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ThreadClock(ClockId);

impl ThreadClock {
    pub(crate) fn of_this_thread() -> Self {
        Self::of(gettid().as_raw())
    }

    fn of(thread: i32) -> Self {
        Self(ClockId::from_raw((!thread << CLOCK_BITS) | ONE_THREAD_EXACTLY))
    }

    /// The clock of a thread that there never is.
    #[cfg(test)]
    pub(crate) fn of_nobody() -> Self {
        Self::of(i32::MAX >> CLOCK_BITS)
    }

    /// The time so far; `None` when the thread has ended, or the kernel does not say.
    pub(crate) fn time(self) -> Option<Duration> {
        clock_gettime(self.0).ok().map(Duration::from)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn it_goes_on_while_its_own_thread_runs_and_only_then() {
        let (clock, clock_of_other) = mpsc::channel();
        let (go_on, waiting) = mpsc::channel::<()>();
        let other = thread::spawn(move || {
            clock.send(ThreadClock::of_this_thread()).unwrap();
            waiting.recv().unwrap();
        });
        let ours = ThreadClock::of_this_thread();
        let other_clock = clock_of_other.recv().unwrap();
        let begun = ours.time().unwrap();
        while ours.time().unwrap() < begun + Duration::from_millis(20) {}
        // It has done nothing but wait.
        assert!(other_clock.time().unwrap() < Duration::from_millis(20));
        go_on.send(()).unwrap();
        other.join().unwrap();
        assert_eq!(ThreadClock::of_nobody().time(), None);
    }
}
