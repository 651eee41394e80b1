//! Two ways to talk to one device share its sessions' limit.

use std::sync::Arc;
use std::time::Duration;

use pool::Pool;
use pool_core::{ConnectionPool, ErrorKind, Protocol};

use crate::support::*;

fn both(max_connections: usize) -> (Arc<Device>, Arc<Device>, Arc<Pool>) {
    let ssh = Device::new(Protocol::Ssh, Act::Ok);
    let cli = Device::new(Protocol::Scrapli, Act::Ok);
    let factories = vec![factory(&ssh), factory(&cli)];
    let pool = Pool::new("edge-1", config(max_connections), factories).unwrap();
    (ssh, cli, pool)
}

#[tokio::test(start_paused = true)]
async fn max_connections_counts_all_protocols_together() {
    let (ssh, cli, pool) = both(2);
    let _ssh = pool.get_with_context(&long(), Protocol::Ssh).await.unwrap();
    let _cli = pool.get_with_context(&long(), Protocol::Scrapli).await.unwrap();
    for protocol in Protocol::ALL {
        let error = pool.get_with_context(&within_ms(100), protocol).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    }
    assert_eq!((ssh.logins(), cli.logins()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_longest_idle_session_of_another_protocol_makes_room() {
    let (ssh, cli, pool) = both(2);
    let first = pool.get_with_context(&long(), Protocol::Ssh).await.unwrap();
    let second = pool.get_with_context(&long(), Protocol::Ssh).await.unwrap();
    let younger = first.slot();
    drop(second);
    drop(first);
    ssh.set_farewell(Act::After(Duration::from_secs(1)));
    let lease = pool.get_with_context(&long(), Protocol::Scrapli).await.unwrap();
    assert_eq!(lease.info().waited, Duration::from_secs(1), "the logout comes before the login");
    let kept = pool.get_with_context(&long(), Protocol::Ssh).await.unwrap();
    assert_eq!(kept.slot(), younger);
    assert_eq!((ssh.live(), cli.live(), ssh.farewells()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_constantly_used_protocol_does_not_starve_the_other() {
    let (_ssh, _cli, pool) = both(1);
    let ctx = within_ms(60_000);
    let user = |protocol| {
        let (pool, ctx) = (pool.clone(), ctx.clone());
        async move {
            for _ in 0..50 {
                let _lease = pool.get_with_context(&ctx, protocol).await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::join!(user(Protocol::Ssh), user(Protocol::Ssh), user(Protocol::Scrapli));
}

#[tokio::test(start_paused = true)]
async fn a_protocol_without_a_factory_is_unsupported() {
    let pool = pool(&Device::healthy(), 1);
    let error = pool.get_with_context(&long(), Protocol::Scrapli).await.unwrap_err();
    assert_eq!(error.to_string(), "unsupported: protocol scrapli on router edge-1");
}
