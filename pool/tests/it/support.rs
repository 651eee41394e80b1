//! What most tests need: pools over a device, contexts, and ways to look at them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use pool::Pool;
use pool_core::{
    ConnectionConfig, ConnectionPool, Context, Credentials, Endpoint, Error, Lease, Phase,
    Platform, Protocol, ProtocolFactory, Request, Result,
};

use crate::device::DeviceFactory;
pub(crate) use crate::device::{Act, Device};

pub(crate) fn config(max_connections: usize) -> ConnectionConfig {
    let mut config = ConnectionConfig::new(
        Endpoint::new("192.0.2.1", 22).unwrap(),
        Platform::new("linux"),
        Credentials::password("monitor", "correct horse".to_owned()),
    );
    config.max_connections = max_connections;
    config.min_connections = 0;
    config
}

pub(crate) fn factory(device: &Arc<Device>) -> Arc<dyn ProtocolFactory> {
    Arc::new(DeviceFactory(device.clone()))
}

pub(crate) fn pool(device: &Arc<Device>, max_connections: usize) -> Arc<Pool> {
    pool_with(device, config(max_connections))
}

pub(crate) fn pool_with(device: &Arc<Device>, config: ConnectionConfig) -> Arc<Pool> {
    Pool::new("edge-1", config, vec![factory(device)]).unwrap()
}

pub(crate) fn within_ms(millis: u64) -> Context {
    Context::detached(Duration::from_millis(millis))
}

pub(crate) fn long() -> Context {
    Context::detached(Duration::from_secs(3600))
}

pub(crate) async fn get(pool: &Pool) -> Result<Lease> {
    pool.get_with_context(&long(), Protocol::Ssh).await
}

/// The pool's `get` in a task of its own, which is queued when this returns.
pub(crate) async fn queued(pool: &Arc<Pool>) -> tokio::task::JoinHandle<Result<Lease>> {
    let before = pool.stats();
    let pool = pool.clone();
    let task = tokio::spawn({
        let pool = pool.clone();
        async move { get(&pool).await }
    });
    while pool.stats().waiting == before.waiting {
        assert!(!task.is_finished(), "it was to wait");
        tokio::task::yield_now().await;
    }
    task
}

/// Lets everything happen that can happen without time passing, until `done`.
pub(crate) async fn until(done: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if done() {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it never came to that");
}

/// Uses the session: the number of the session that answered.
pub(crate) async fn use_once(lease: &mut Lease) -> Result<u64> {
    let request = Request::command("ping 198.51.100.1").unwrap();
    let transcript = lease.execute(&long(), &request).await?;
    Ok(transcript.output().parse().unwrap())
}

/// The pool can still lend all its sessions at once.
pub(crate) async fn assert_full_capacity(pool: &Pool) {
    let max = pool.stats().max_connections;
    let mut leases = Vec::new();
    for _ in 0..max {
        leases.push(get(pool).await.expect("the whole capacity is usable"));
    }
    let stats = pool.stats();
    assert_eq!((stats.in_use, stats.idle, stats.creating), (max, 0, 0), "{stats:?}");
    assert_eq!(stats.waiting, 0);
}

pub(crate) fn refused() -> Error {
    let source = Arc::new(io::ErrorKind::ConnectionRefused.into());
    Error::Connect { address: "192.0.2.1:22".into(), source }
}

pub(crate) fn wrong_password() -> Error {
    Error::Authentication { username: "monitor".into(), message: "refused".into() }
}

pub(crate) fn lost() -> Error {
    Error::Disconnected { phase: Phase::Read, message: String::new() }
}

pub(crate) fn rejected() -> Error {
    Error::Rejected { command: "ping".into(), message: "% Invalid input".into() }
}
