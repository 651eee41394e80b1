//! The rows of the fault matrix in which nothing is ever heard of the router: its name server does
//! not answer, or nobody answers the first packet of TCP.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use driver_ssh::{SshConnector, SshFactory, SshSettings};
use parking_lot::Mutex;
use pool_core::{Connector, Endpoint, Phase, ProtocolFactory};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::cut::Cut;
use crate::rig::{Rig, config, on_peers, sockets_to};

/// How long a connection may take that the kernel accepts by itself.
const ACCEPT_TIME_MAX: Duration = Duration::from_millis(200);

/// What a silent name server does to a resolver, until the sender is dropped.
fn silent_resolver()
-> (mpsc::Sender<()>, impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) {
    let (answer, waiting) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    let resolver = move |_: &str, _: u16| {
        assert!(waiting.lock().recv().is_err(), "nobody answers");
        Err(io::ErrorKind::TimedOut.into())
    };
    (answer, resolver)
}

#[test]
fn a_name_server_that_never_answers() {
    for cut in Cut::ALL {
        let rig = Rig::new();
        let (answer, resolver) = silent_resolver();
        let settings = Arc::new(SshSettings::clone(&rig.settings).with_resolver(resolver));
        let (sessions, shells) =
            (SshFactory::new(settings.clone()), SshConnector::new(settings.clone()));
        let peer = "127.0.0.1:22".parse().unwrap();
        let mut config = config(peer);
        config.endpoint = Endpoint::new("edge-1.example", 22).unwrap();
        rig.run(
            cut.apply(Phase::Resolve, async |ctx| {
                sessions.create_with_context(&ctx, &config).await
            }),
        );
        rig.run(cut.apply(Phase::Resolve, async |ctx| shells.connect(&ctx, &config).await));
        // The lookups, which nothing can cut off, take none of what sessions need.
        assert_eq!((rig.extra_threads(), settings.blocking_threads_in_use()), (2, 0));
        drop(answer);
        rig.assert_nothing_remains(peer);
    }
}

/// An address where nobody answers for as long as the rest lives: the kernel drops what comes when
/// a backlog is full.
async fn full_backlog() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut fill = Vec::new();
    while let Ok(stream) = timeout(ACCEPT_TIME_MAX, TcpStream::connect(address)).await {
        fill.push(stream.unwrap());
    }
    (address, listener, fill)
}

#[test]
fn a_peer_that_never_accepts() {
    let (peer, _listener, fill) = on_peers(full_backlog());
    for cut in Cut::ALL {
        let rig = Rig::new();
        let config = config(peer);
        rig.run(cut.apply(Phase::Connect, async |ctx| rig.exec(&ctx, &config).await));
        rig.run(cut.apply(Phase::Connect, async |ctx| rig.shell(&ctx, &config).await));
        let ours = async {
            while sockets_to(peer) > fill.len() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        rig.run(ours);
        assert_eq!((rig.extra_threads(), rig.settings.blocking_threads_in_use()), (0, 0));
    }
}

#[test]
fn a_hundred_peers_that_never_accept_at_once() {
    let (peer, _listener, fill) = on_peers(full_backlog());
    let rig = Rig::new();
    let sessions = SshFactory::new(rig.settings.clone());
    rig.run(async {
        let mut all = JoinSet::new();
        for number in 0..100 {
            let (sessions, config) = (sessions.clone(), config(peer));
            let cut = Cut::ALL[number % Cut::ALL.len()];
            all.spawn(async move {
                let log_in = async |ctx| sessions.create_with_context(&ctx, &config).await;
                cut.apply(Phase::Connect, log_in).await;
            });
        }
        all.join_all().await;
        while sockets_to(peer) > fill.len() {
            sleep(Duration::from_millis(5)).await;
        }
    });
    assert_eq!(rig.extra_threads(), 0);
}
