//! Peers that never get as far as a key exchange.

use std::future::Future;
use std::net::SocketAddr;

use pool_core::{Error, ErrorKind, Phase};
use tokio::net::{TcpSocket, TcpStream};

use crate::cut::Cut;
use crate::peer;
use crate::rig::{Rig, config, on_peers, patient};

/// Cuts a login at `peer` short in all three ways: it is back in time, in `phase`, and nothing
/// of it remains.
#[track_caller]
fn check_cut(peer: SocketAddr, phase: Phase) {
    for cut in Cut::ALL {
        let rig = Rig::new();
        let config = config(peer);
        rig.run(cut.apply(phase, async |ctx| rig.exec(&ctx, &config).await));
        rig.assert_nothing_remains(peer);
    }
}

/// Logs in at a peer that fails by itself, and returns how.
#[track_caller]
fn check_failure<F>(act: fn(TcpStream) -> F) -> Error
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let rig = Rig::new();
    let peer = peer::listen(act);
    let error = rig.run(async { rig.exec(&patient(), &config(peer)).await.unwrap_err() });
    rig.assert_nothing_remains(peer);
    error
}

#[test]
fn a_silent_peer() {
    check_cut(peer::listen(peer::silent), Phase::Banner);
}

#[test]
fn a_peer_that_is_silent_after_its_banner() {
    check_cut(peer::listen(peer::banner_then_silent), Phase::KeyExchange);
}

#[test]
fn a_banner_that_drips() {
    check_cut(peer::listen(peer::dripping_banner), Phase::Banner);
}

#[test]
fn a_flood_in_place_of_a_banner() {
    check_cut(peer::listen(peer::junk_flood), Phase::Banner);
}

#[test]
fn a_flood_in_place_of_a_key_exchange() {
    check_cut(peer::listen(peer::ignore_flood), Phase::KeyExchange);
}

#[test]
fn half_a_packet() {
    check_cut(peer::listen(peer::half_a_packet), Phase::KeyExchange);
}

#[test]
fn a_flood_does_not_hold_its_thread_until_the_deadline() {
    let error = check_failure(peer::junk_flood);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Some(Phase::Banner)));
}

#[test]
fn a_peer_that_hangs_up_at_once() {
    let error = check_failure(peer::closing);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Disconnected, Some(Phase::Banner)));
}

#[test]
fn a_peer_that_resets_the_connection() {
    let error = check_failure(peer::resetting);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Disconnected, Some(Phase::Banner)));
}

#[test]
fn a_peer_that_says_that_it_is_full() {
    let error = check_failure(peer::full);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Busy, Some(Phase::Banner)));
    assert!(error.to_string().contains("% CLI session limit 5 reached"), "{error}");
}

#[test]
fn a_peer_of_another_protocol() {
    let error = check_failure(peer::web_server);
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.to_string().contains("HTTP/1.1 400 Bad Request"), "{error}");
}

#[test]
fn a_peer_that_sends_garbage() {
    let error = check_failure(peer::garbage);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Protocol, Some(Phase::Banner)));
}

#[test]
fn a_port_where_nobody_listens() {
    let rig = Rig::new();
    // Bound, so that no other test gets the port, and never listening.
    let socket = on_peers(async { TcpSocket::new_v4().unwrap() });
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let peer = socket.local_addr().unwrap();
    let error = rig.run(async { rig.exec(&patient(), &config(peer)).await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Connect);
    rig.assert_nothing_remains(peer);
}

#[test]
fn a_name_that_does_not_exist() {
    let rig = Rig::new();
    let mut config = config("127.0.0.1:22".parse().unwrap());
    config.endpoint = pool_core::Endpoint::new("no-such-host.invalid", 22).unwrap();
    let error = rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Resolve);
}

#[test]
fn a_name_is_resolved() {
    let rig = Rig::new();
    let peer = peer::listen(peer::closing);
    let mut config = config(peer);
    config.endpoint = pool_core::Endpoint::new("localhost", peer.port()).unwrap();
    let error = rig.run(async { rig.exec(&patient(), &config).await.unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
}
