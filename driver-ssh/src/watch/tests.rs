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
    let socket = Socket::tunnelled(near, Tunnel::default()).unwrap();
    socket.open_valve();
    (Arc::new(socket), far)
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

/// Keeps this thread running until it has had the processor for so long.
fn run(time: Duration) {
    let clock = ThreadClock::of_this_thread();
    let begun = clock.time().unwrap();
    while clock.time().unwrap() < begun + time {}
}

#[tokio::test]
async fn a_stretch_is_cut_off_when_it_has_run_from_one_look_to_another_and_while_it_lasts() {
    let (socket, _far) = endless().await;
    // One that nobody else looks at.
    let seat = Arc::new(Seat::of(ThreadClock::of_this_thread()));
    assert!(!seat.look(), "nobody is there");
    for _ in 0..3 {
        let watched = Watched::on(seat.clone(), &socket);
        assert!(seat.look() && !look(&socket, 1), "it may have only just begun");
        run(INTERVAL);
        assert!(!watched.end());
        let watched = Watched::on(seat.clone(), &socket);
        assert!(seat.look() && !look(&socket, 1), "it is another one");
        for _ in 0..3 {
            assert!(seat.look() && !look(&socket, 1), "it is the same, and has not run");
        }
        run(RUN_TIME / 2);
        assert!(seat.look() && !look(&socket, 1), "it has not run for long");
        run(RUN_TIME / 2);
        assert!(seat.look() && look(&socket, 1), "now it has");
        assert!(watched.end() && !look(&socket, 1));
        assert!(!seat.look(), "it is over");
    }
}

#[tokio::test]
async fn where_nobody_knows_what_a_thread_has_had_the_second_look_decides() {
    let (socket, _far) = endless().await;
    let seat = Arc::new(Seat::of(ThreadClock::of_nobody()));
    let watched = Watched::on(seat.clone(), &socket);
    assert!(seat.look() && !look(&socket, 1));
    assert!(seat.look() && look(&socket, 1));
    assert!(watched.end() && !look(&socket, 1));
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
    // What runs beneath us, on the same machine, looks as if we had run.
    assert!(cut < all / 1000, "{cut} of {all}");
    let watched = Watched::begin(&socket).unwrap();
    assert!(look(&socket, usize::MAX) && watched.end());
}
