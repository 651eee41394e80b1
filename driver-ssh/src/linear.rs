//! Showing that a reader of foreign text takes time in proportion to the text.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};

/// By how much the longer text is longer.
const TIMES_LONGER: usize = 64;
/// How many times longer it may take: more than that, because larger texts have to be fetched from
/// further away. A reader that took time by the square of the length would take 4096 times as long.
const TIMES_SLOWER_MAX: i64 = 640;
/// The least of so many measurements counts: what a busy machine adds is not the reader's.
const ROUNDS: usize = 3;
/// The shorter text takes at least this long, so that the clock can tell.
const NANOS_MIN: i64 = 100_000;

/// A reader to which so many parts are nothing does not go through them one by one.
const PARTS_MAX: usize = 1 << 22;

/// Fails if `read` takes longer than in proportion to the length of its text. `make` makes a text
/// of so many parts, which should be as hard to read as any.
#[track_caller]
pub(crate) fn check<T>(make: impl Fn(usize) -> Vec<u8>, read: impl Fn(&[u8]) -> T) {
    let nanos = |parts| {
        let text = make(parts);
        let rounds = (0..ROUNDS).map(|_| {
            let begun = processor_nanos();
            black_box(read(black_box(&text)));
            processor_nanos() - begun
        });
        rounds.min().unwrap_or_default()
    };
    let mut parts = 64;
    let mut short = nanos(parts);
    while short < NANOS_MIN {
        parts *= 4;
        if parts > PARTS_MAX {
            return;
        }
        short = nanos(parts);
    }
    let long = nanos(parts * TIMES_LONGER);
    let slower = long / short;
    assert!(slower <= TIMES_SLOWER_MAX, "{TIMES_LONGER} times longer, {slower} times slower");
}

/// What this thread has used so far, whatever else the machine does.
fn processor_nanos() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[test]
#[should_panic(expected = "times slower")]
fn a_reader_that_takes_the_square_of_the_length_is_caught() {
    let read =
        |text: &[u8]| text.iter().filter(|&&byte| text.iter().any(|&other| other != byte)).count();
    check(|parts| vec![b'x'; parts], read);
}
