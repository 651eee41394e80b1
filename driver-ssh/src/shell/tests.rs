//! What a shell's session does on a road to its router that can be shut in either direction.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use lab::{DEFAULT_PASSWORD, DEFAULT_USER, Lab, RouterSpec};
use pool_core::{Credentials, Endpoint, ErrorKind, Platform};
use rustix::net::{SendFlags, send};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use super::*;

/// More than the buffers on the way hold, and less than the window of a channel.
const LONG_LINES: usize = 60_000;
/// How often somebody else has the thread meanwhile.
const TURNS: usize = 1000;

/// One direction of a road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    Shut,
    /// What comes along is thrown away.
    Lost,
}

struct Road {
    _lab: Lab,
    _dir: TempDir,
    to_router: watch::Sender<Way>,
    from_router: watch::Sender<Way>,
    /// Told of all that the router says, also of what is held back.
    heard: watch::Receiver<()>,
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
    heard: watch::Sender<()>,
) {
    let mut bytes = [0; 4096];
    while way.wait_for(|way| *way != Way::Shut).await.is_ok() {
        let Ok(count @ 1..) = from.read(&mut bytes).await else { return };
        heard.send_replace(());
        let is_lost = match way.wait_for(|way| *way != Way::Shut).await {
            Ok(way) => *way == Way::Lost,
            Err(_) => return,
        };
        if !is_lost && to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

impl Road {
    /// A session with a shell at its prompt, at the other end of a road that is open.
    async fn travelled() -> (Self, SshSession) {
        let long = "0123456789abcde\n".repeat(LONG_LINES);
        let spec = RouterSpec::new("r", "linux").show("show long", long).show("show a", "answer\n");
        let lab = Lab::start(vec![spec]).await.unwrap();
        let router = lab.router("r").address();
        let entrance = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = entrance.local_addr().unwrap();
        let (to_router, to) = watch::channel(Way::Open);
        let (from_router, from) = watch::channel(Way::Open);
        let (hears, heard) = watch::channel(());
        tokio::spawn(async move {
            let (near, _) = entrance.accept().await.unwrap();
            let (near, far) = (near, TcpStream::connect(router).await.unwrap());
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            let nobody = watch::channel(()).0;
            tokio::join!(carry(near_in, far_out, to, nobody), carry(far_in, near_out, from, hears));
        });
        let dir = tempfile::tempdir().unwrap();
        let settings = SshSettings::new(dir.path().join("known_hosts"));
        let mut session = log_in(&patient(), &settings, &config(address)).await.unwrap();
        session.drive(&patient(), Phase::ChannelOpen, start_shell()).await.unwrap();
        read_to(&mut session, "$").await;
        (Self { _lab: lab, _dir: dir, to_router, from_router, heard }, session)
    }

    /// Shuts the way to the router, and sees to it that not a byte fits in there any more.
    async fn stuff(&self, session: &mut SshSession) {
        self.to_router.send(Way::Shut).unwrap();
        let fill = |session: &SshSession| {
            let fits = || send(&session.socket, &[0; 4096], SendFlags::DONTWAIT).is_ok();
            std::iter::repeat_with(fits).take_while(|fits| *fits).count()
        };
        // Room for a little is no readiness, so that it is looked for once more.
        while fill(session) > 0 {
            let ctx = Context::detached(Duration::from_millis(50));
            let room = session.socket.until(Interest::WRITABLE);
            ctx.run(Phase::Write, room.map(|_| Ok(()))).await.ok();
        }
    }
}

fn config(address: SocketAddr) -> ConnectionConfig {
    let endpoint = Endpoint::new(address.ip().to_string(), address.port()).unwrap();
    let credentials = Credentials::password(DEFAULT_USER, DEFAULT_PASSWORD.to_owned());
    ConnectionConfig::new(endpoint, Platform::new("linux"), credentials)
}

fn patient() -> Context {
    Context::detached(Duration::from_secs(20))
}

async fn read_to(session: &mut SshSession, end: &str) {
    let mut bytes = BytesMut::new();
    while !String::from_utf8_lossy(&bytes).trim_end().ends_with(end) {
        assert!(session.read(&patient(), &mut bytes).await.unwrap() > 0);
    }
}

#[tokio::test]
async fn who_writes_nothing_forgets_nothing_that_has_come() {
    let (_road, mut session) = Road::travelled().await;
    session.write_all(&patient(), b"show a\n").await.unwrap();
    session.socket.until(Interest::READABLE).await.unwrap();
    session.write_all(&patient(), b"").await.unwrap();
    read_to(&mut session, "$").await;
}

#[tokio::test]
async fn a_write_whose_time_is_up_ends_the_session() {
    let (_road, mut session) = Road::travelled().await;
    let cancel = CancellationToken::new();
    let ctx = Context::new(&cancel, Duration::from_secs(9));
    cancel.cancel();
    let error = session.write_all(&ctx, b"show a\n").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(session.is_dead());
}

#[tokio::test]
async fn what_comes_while_a_packet_waits_is_read_behind_it_and_no_reason_to_be_busy() {
    let (mut road, mut session) = Road::travelled().await;
    road.from_router.send(Way::Shut).unwrap();
    road.heard.mark_unchanged();
    session.write_all(&patient(), b"show a\n").await.unwrap();
    road.heard.changed().await.unwrap();
    road.stuff(&mut session).await;
    let (socket, ctx) = (session.socket.clone(), patient());
    let mut polls = 0;
    let mut write = Box::pin(session.write_all(&ctx, b"x"));
    let mut writing = poll_fn(|cx| {
        polls += 1;
        write.as_mut().poll(cx)
    });
    assert!((&mut writing).now_or_never().is_none(), "it does not fit");
    // Of its own, so that the write is not looked at each time that this goes on.
    tokio::spawn(async move {
        road.from_router.send(Way::Open).unwrap();
        socket.until_news().await.unwrap();
        for _ in 0..TURNS {
            yield_now().await;
        }
        road.to_router.send(Way::Lost).unwrap();
        std::future::pending::<()>().await;
        drop(road);
    });
    writing.await.unwrap();
    drop(write);
    assert!(polls < TURNS / 10, "woken {polls} times for nothing");
    read_to(&mut session, "$").await;
}

#[tokio::test]
async fn a_reading_that_waits_to_widen_the_window_is_ended_before_a_write_and_keeps_nobody() {
    let (road, mut session) = Road::travelled().await;
    session.write_all(&patient(), b"show long\n").await.unwrap();
    session.socket.until(Interest::READABLE).await.unwrap();
    road.stuff(&mut session).await;
    let mut bytes = BytesMut::new();
    let error = loop {
        let ctx = Context::detached(Duration::from_millis(500));
        match session.read(&ctx, &mut bytes).await {
            Ok(count) => assert!(count > 0),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(!session.was_drained(), "libssh2 holds back what it has");
    let ctx = patient();
    let write = session.write_all(&ctx, b"x");
    let meanwhile = async {
        // Not at all, if the write kept the thread.
        for _ in 0..TURNS {
            yield_now().await;
        }
        road.to_router.send(Way::Lost).unwrap();
    };
    tokio::join!(write, meanwhile).0.unwrap();
}

#[tokio::test]
async fn bytes_that_came_in_time_are_handed_over_however_late_it_is_by_now() {
    let (_road, mut session) = Road::travelled().await;
    session.write_all(&patient(), b"show long\n").await.unwrap();
    let mut bytes = BytesMut::new();
    // Until the device sends more than one reading takes, so that the next one is done apart.
    while !session.is_in_flow {
        session.read(&patient(), &mut bytes).await.unwrap();
    }
    bytes.clear();
    let threads = session.threads.clone();
    loop {
        let ctx = Context::detached(Duration::from_millis(20));
        let mut read = pin!(session.read(&ctx, &mut bytes));
        let is_quick = (&mut read).now_or_never();
        if let Some(read) = is_quick {
            assert!(read.unwrap() > 0, "there is more");
            continue;
        }
        while threads.in_use() > 0 || !ctx.remaining().is_zero() {
            std::thread::yield_now();
        }
        assert!(read.await.unwrap() > 0);
        return;
    }
}
