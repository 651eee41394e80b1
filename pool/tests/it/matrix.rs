//! Every way in which login, test, command and logout can go, with callers cut off at every await.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use pool::{Pool, PoolOptions};
use pool_core::{ConnectionPool, Context, Phase, Protocol, Request};
use tokio::time::{sleep, timeout};

use crate::support::*;

const SLOW: Duration = Duration::from_millis(20);
const MAX: usize = 3;

fn acts(phase: Phase) -> [Act; 4] {
    [Act::Ok, Act::Err(lost()), Act::After(SLOW), Act::Hang(phase)]
}

async fn one_check(pool: Arc<Pool>, ctx: Context) {
    if let Ok(mut lease) = pool.get_with_context(&ctx, Protocol::Ssh).await {
        let request = Request::command("ping").unwrap();
        lease.execute(&ctx, &request).await.ok();
    }
}

/// Eight callers at once; each is dropped at another moment, or runs into its deadline.
async fn storm(device: &Device, pool: &Arc<Pool>) {
    for round in 0..4 {
        let checks = (0..8).map(|caller| {
            let ctx = within_ms(if caller % 2 == 0 { 15 } else { 60 });
            let cut_after = Duration::from_millis(caller * 8 + round);
            let check = tokio::spawn(one_check(pool.clone(), ctx));
            async move {
                let abort = check.abort_handle();
                if timeout(cut_after, check).await.is_err() {
                    abort.abort();
                }
            }
        });
        join_all(checks).await;
        let stats = pool.stats();
        let occupied = stats.in_use + stats.idle + stats.creating + stats.checking + stats.closing;
        assert!(occupied <= MAX && device.live_max() <= MAX, "{stats:?}");
    }
}

/// A pool that tests every session that was idle for a moment before it lends it, and that waits
/// for nothing for long.
fn impatient(device: &Arc<Device>) -> Arc<Pool> {
    let mut config = config(MAX);
    config.connect_timeout = Duration::from_millis(40);
    config.health_check_timeout = Duration::from_millis(40);
    let mut options = PoolOptions::default();
    options.check_when_idle_for = Duration::from_millis(1);
    Pool::with_options("edge-1", config, vec![factory(device)], options).unwrap()
}

/// One way of login, with every way of test, command and logout.
async fn whatever_follows(login: Act) {
    for check in acts(Phase::HealthCheck) {
        for command in acts(Phase::Read) {
            for logout in acts(Phase::Close) {
                let device = Device::logging_in(login.clone());
                device.set_health(check.clone());
                device.set_command(command.clone());
                device.set_farewell(logout.clone());
                let pool = impatient(&device);
                storm(&device, &pool).await;
                device.set_login(Act::Ok);
                device.set_health(Act::Ok);
                device.set_command(Act::Ok);
                // As long as a logout may take, and the pause after failed logins.
                sleep(Duration::from_secs(11)).await;
                let case =
                    format!("{login:?}, test {check:?}, command {command:?}, logout {logout:?}");
                let stats = pool.stats();
                let left = (stats.in_use, stats.checking, stats.waiting, stats.closing);
                assert_eq!(left, (0, 0, 0, 0), "login {case}");
                assert_full_capacity(&pool).await;
                drop(pool);
                sleep(Duration::from_secs(6)).await;
                assert_eq!(device.live(), 0, "login {case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_good_logins_the_whole_capacity_is_usable_whatever_follows() {
    whatever_follows(Act::Ok).await;
}

#[tokio::test(start_paused = true)]
async fn after_failed_logins_the_whole_capacity_is_usable_whatever_follows() {
    whatever_follows(Act::Err(lost())).await;
}

#[tokio::test(start_paused = true)]
async fn after_slow_logins_the_whole_capacity_is_usable_whatever_follows() {
    whatever_follows(Act::After(SLOW)).await;
}

#[tokio::test(start_paused = true)]
async fn after_logins_that_hang_the_whole_capacity_is_usable_whatever_follows() {
    whatever_follows(Act::Hang(Phase::KeyExchange)).await;
}
