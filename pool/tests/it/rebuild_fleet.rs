//! Sessions of many routers that are replaced because somebody asks.

use std::time::Duration;

use pool::{Fleet, FleetLimits, RebuildOutcome, RebuildReport, RebuildScope, SkipReason};
use pool_core::{ConnectionPool, Context, ErrorKind, Phase, Protocol};
use tokio::time::{Instant, sleep};

use crate::caps::{Site, calm, sessions};
use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);

/// Routers with one idle session each, and `logins` from now on.
async fn site_of(routers: usize, logins: Act) -> Site {
    let site = Site::healthy(routers, FleetLimits::default());
    for router in 0..routers {
        drop(site.get(router).await);
        site.device(router).set_login(logins.clone());
    }
    site
}

/// Replaces all within a minute.
async fn rebuild(site: &Site) -> RebuildReport {
    site.fleet.rebuild(&within_ms(60_000), RebuildScope::All).await
}

/// What became of the only session of each router, in short.
fn told(report: &RebuildReport) -> Vec<String> {
    let told = |outcome: &RebuildOutcome| match outcome {
        RebuildOutcome::Rebuilt => "rebuilt".to_owned(),
        RebuildOutcome::Failed(error) => format!("failed: {}", error.kind()),
        RebuildOutcome::Skipped(SkipReason::Failing(error)) => format!("failing: {}", error.kind()),
        RebuildOutcome::Skipped(reason) => format!("skipped: {reason:?}"),
    };
    let line =
        |session: &pool::SessionRebuild| format!("{} {}", session.router, told(&session.outcome));
    report.sessions.iter().map(line).collect()
}

#[tokio::test(start_paused = true)]
async fn all_sessions_of_a_fleet_are_replaced_a_few_at_a_time_and_the_new_ones_first() {
    let site = site_of(100, Act::After(SECOND)).await;
    let before = Instant::now();
    let report = rebuild(&site).await;
    assert_eq!((report.rebuilt(), report.failed(), report.skipped()), (100, 0, 0));
    // A quarter would be 25 at once.
    assert_eq!(before.elapsed(), 7 * SECOND, "sixteen at once");
    assert!((101..=116).contains(&site.live_max()), "{}", site.live_max());
    calm().await;
    assert_eq!((site.live(), site.logins().len()), (100, 200));
    let totals = site.fleet.totals().pools;
    assert_eq!((totals.rebuilt_total, totals.idle), (100, 100));
}

#[tokio::test(start_paused = true)]
async fn of_few_sessions_a_share_is_replaced_at_a_time_and_routers_take_turns() {
    let site = Site::healthy(4, FleetLimits::default());
    for router in 0..4 {
        drop([site.get(router).await, site.get(router).await]);
        site.device(router).set_login(Act::After(SECOND));
    }
    let so_far = site.logins().len();
    let before = Instant::now();
    let report = rebuild(&site).await;
    assert_eq!((report.rebuilt(), before.elapsed()), (8, 4 * SECOND), "a quarter of eight at once");
    let mut first_half = site.logins()[so_far..so_far + 4].to_vec();
    first_half.sort_unstable();
    assert_eq!(first_half, [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn one_router_or_one_protocol_can_be_meant() {
    let site = site_of(3, Act::Ok).await;
    let scope = RebuildScope::Router("router-1");
    assert_eq!(told(&site.fleet.rebuild(&long(), scope).await), ["router-1 rebuilt"]);
    let unknown = site.fleet.rebuild(&long(), RebuildScope::Router("router-9")).await;
    assert!(unknown.sessions.is_empty());
    assert_eq!(site.fleet.totals().pools.rebuilt_total, 1);

    let (ssh, cli) = (Device::healthy(), Device::new(Protocol::Scrapli, Act::Ok));
    let fleet = Fleet::new(vec![factory(&ssh), factory(&cli)]);
    let pool = fleet.pool("both", &config(4)).unwrap();
    for protocol in [Protocol::Ssh, Protocol::Scrapli] {
        drop(pool.get_with_context(&long(), protocol).await.unwrap());
    }
    let report = fleet.rebuild(&long(), RebuildScope::Protocol(Protocol::Scrapli)).await;
    assert_eq!(told(&report), ["both rebuilt"]);
    assert_eq!(report.sessions[0].protocol, Protocol::Scrapli);
    assert_eq!((ssh.logins(), cli.logins()), (1, 2));
    let ssh_too = fleet.rebuild(&long(), RebuildScope::Protocol(Protocol::Ssh)).await;
    assert_eq!((ssh_too.rebuilt(), ssh.logins()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn the_report_says_what_failed_and_what_was_not_tried_and_nothing_is_given_up_for_it() {
    let site = site_of(4, Act::Ok).await;
    site.device(1).set_login(Act::Err(refused()));
    site.device(2).set_login(Act::Err(wrong_password()));
    let held = site.get(2).await;
    get(&site.pool(2)).await.unwrap_err();
    drop(held);
    let logins = site.device(2).logins();
    let report = rebuild(&site).await;
    let expected = [
        "router-0 rebuilt",
        "router-1 failed: Connect",
        "router-2 failing: Authentication",
        "router-3 rebuilt",
    ];
    assert_eq!(told(&report), expected);
    assert_eq!(site.device(2).logins(), logins, "a wrong password is not tried again");
    calm().await;
    assert_eq!(site.live(), 4, "the old ones are kept");
    let again = rebuild(&site).await;
    assert_eq!(told(&again)[1], "router-1 failing: Connect", "it is left alone for a while");
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_is_replaced_at_once_where_a_slot_is_free_and_closed_on_its_return() {
    let site = site_of(1, Act::Ok).await;
    let mut held = site.get(0).await;
    let old = held.slot();
    assert_eq!(told(&rebuild(&site).await), ["router-0 rebuilt"]);
    use_once(&mut held).await.expect("it is not cut");
    assert_ne!(site.get(0).await.slot(), old);
    drop(held);
    calm().await;
    assert_eq!((site.live(), site.device(0).farewells()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_free_slot_a_session_in_use_is_waited_for_until_the_context_ends() {
    let site = site_of(1, Act::Ok).await;
    let held = [site.get(0).await, site.get(0).await];
    let before = Instant::now();
    let ctx = within_ms(4500);
    let report = site.fleet.rebuild(&ctx, RebuildScope::All).await;
    assert_eq!(told(&report), ["router-0 skipped: InUse"; 2]);
    assert_eq!(before.elapsed(), Duration::from_millis(4500));
    let come_back = async {
        sleep(10 * SECOND).await;
        drop(held);
    };
    let ((), report) = tokio::join!(come_back, rebuild(&site));
    assert_eq!(told(&report), ["router-0 rebuilt"; 2]);
    assert!(before.elapsed() <= Duration::from_millis(15_500), "soon after they came back");
    calm().await;
    assert_eq!((site.live(), site.device(0).live_max()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn without_a_free_slot_an_idle_session_makes_room_for_the_new_one() {
    let site = Site::healthy(1, FleetLimits::default());
    let mut one = Site::config(0);
    (one.max_connections, one.min_connections) = (1, 0);
    let pool = site.fleet.pool("only", &one).unwrap();
    drop(get(&pool).await.unwrap());
    site.device(0).set_farewell(Act::After(2 * SECOND));
    let before = Instant::now();
    assert_eq!(told(&rebuild(&site).await), ["only rebuilt"]);
    assert_eq!((before.elapsed(), site.device(0).live_max()), (2 * SECOND, 1));

    site.device(0).set_login(Act::Err(refused()));
    assert_eq!(told(&rebuild(&site).await), ["only failed: Connect"]);
    site.device(0).set_login(Act::Ok);
    assert_full_capacity(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_session_comes_first() {
    let site = Site::healthy(1, FleetLimits::default());
    let pool = site.pool(0);
    let held = [get(&pool).await.unwrap(), get(&pool).await.unwrap()];
    let waiter = queued(&pool).await;
    let begun = tokio::spawn(async move { (rebuild(&site).await, site) });
    calm().await;
    let [first, second] = held;
    drop(first);
    let lease = waiter.await.unwrap().expect("it was served");
    assert_eq!(lease.info().waited, Duration::ZERO);
    drop((lease, second));
    let (report, _site) = begun.await.unwrap();
    assert_eq!(report.rebuilt(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_somebody_may_want_is_not_taken_while_others_wait() {
    let site = Site::healthy(1, FleetLimits::default());
    let mut three = Site::config(0);
    three.max_connections = 3;
    let pool = site.fleet.pool("router-0", &three).unwrap();
    let held = get(&pool).await.unwrap();
    site.device(0).set_login(Act::After(5 * SECOND));
    let waiter = queued(&pool).await;
    let begun = tokio::spawn(async move { (rebuild(&site).await, site) });
    sleep(2 * SECOND).await;
    assert_eq!(pool.stats().creating, 1, "the waiter's");
    waiter.await.unwrap().unwrap();
    drop(held);
    let (report, site) = begun.await.unwrap();
    assert_eq!((report.rebuilt(), site.device(0).logins()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn sessions_of_one_router_follow_each_other_without_a_pause_however_slow_it_is() {
    let site = Site::healthy(2, FleetLimits::default());
    let mut four = Site::config(0);
    for router in 0..2 {
        four.endpoint = Site::config(router).endpoint;
        four.max_connections = 5;
        let pool = site.fleet.pool(&format!("router-{router}"), &four).unwrap();
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(get(&pool).await.unwrap());
        }
    }
    site.device(0).set_login(Act::After(Duration::from_millis(10_300)));
    let before = Instant::now();
    assert_eq!(rebuild(&site).await.rebuilt(), 8);
    assert_eq!(before.elapsed(), Duration::from_millis(4 * 10_300));
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_ends_with_its_context_and_what_was_begun_goes_on() {
    let site = site_of(8, Act::After(10 * SECOND)).await;
    let before = Instant::now();
    let report = site.fleet.rebuild(&within_ms(15_000), RebuildScope::All).await;
    assert_eq!(before.elapsed(), 15 * SECOND);
    let outcomes =
        [told(&report)[0].as_str(), &told(&report)[2], &told(&report)[7]].map(str::to_owned);
    let expected = ["router-0 rebuilt", "router-2 skipped: UnderWay", "router-7 skipped: NotBegun"];
    assert_eq!(outcomes, expected);
    assert_eq!((report.rebuilt(), report.skipped()), (2, 6));
    sleep(60 * SECOND).await;
    assert_eq!(site.fleet.totals().pools.rebuilt_total, 4, "the two under way, and no more");

    let over = Context::detached(Duration::ZERO);
    let report = site.fleet.rebuild(&over, RebuildScope::All).await;
    assert_eq!((report.skipped(), site.logins().len()), (8, 12), "nothing is begun");
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_that_is_dropped_begins_no_more_and_loses_nothing() {
    let site = site_of(40, Act::After(SECOND)).await;
    let cut = tokio::time::timeout(Duration::from_millis(1500), rebuild(&site)).await;
    assert!(cut.is_err());
    sleep(60 * SECOND).await;
    let totals = site.fleet.totals().pools;
    assert_eq!((totals.rebuilt_total, totals.creating, totals.idle), (20, 0, 40));
    for router in 0..40 {
        assert_full_capacity(&site.pool(router)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_that_go_meanwhile_are_no_failure() {
    let site = site_of(8, Act::After(SECOND)).await;
    let gone = async {
        sleep(SECOND / 2).await;
        for router in [0, 7] {
            site.fleet.retire(&format!("router-{router}"));
        }
    };
    let (report, ()) = tokio::join!(rebuild(&site), gone);
    assert_eq!(told(&report)[0], "router-0 skipped: Gone", "its login was under way");
    assert_eq!(told(&report)[7], "router-7 skipped: Gone", "it was not begun");
    assert_eq!((report.rebuilt(), report.skipped()), (6, 2));
    site.fleet.close(&long()).await;
    assert!(rebuild(&site).await.sessions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_limit_on_sessions_is_kept_to() {
    let site = Site::healthy(2, sessions(2));
    for router in 0..2 {
        drop(site.get(router).await);
    }
    let report = rebuild(&site).await;
    assert_eq!(report.rebuilt(), 2, "the old ones made the room: {:?}", told(&report));
    assert_eq!((site.live(), site.live_max()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_session_in_use_is_kept_where_there_is_no_room_for_a_second_one() {
    let site = Site::healthy(2, sessions(2));
    drop(site.get(0).await);
    let held = site.get(1).await;
    let report = rebuild(&site).await;
    assert_eq!(told(&report), ["router-0 rebuilt", "router-1 failed: Busy"]);
    let RebuildOutcome::Failed(error) = &report.sessions[1].outcome else { panic!("it failed") };
    assert!(error.to_string().contains("limit of 2 sessions"), "{error}");
    drop(held);
    assert_eq!((site.live(), site.live_max()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_hangs_holds_up_only_its_own_share() {
    let site = site_of(20, Act::Ok).await;
    site.device(3).set_login(Act::Hang(Phase::KeyExchange));
    let report = rebuild(&site).await;
    assert_eq!((report.rebuilt(), report.failed()), (19, 1));
    let hung = report.sessions.iter().find(|session| &*session.router == "router-3").unwrap();
    let RebuildOutcome::Failed(error) = &hung.outcome else { panic!("its login hung") };
    let expected = (ErrorKind::DeadlineExceeded, Some(Phase::KeyExchange));
    assert_eq!((error.kind(), error.phase()), expected);
}
