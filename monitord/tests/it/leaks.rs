//! After hundreds of failures the daemon has as many threads and descriptors as before.

use std::time::Duration;

use lab::{Fault, Lab, RouterSpec};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::pages::get;
use crate::support::{Daemon, Site};

/// A pool spaces out its attempts on a router that fails, so many failures need many routers.
const ROUTERS: usize = 40;
const LINES: usize = 160;
/// How many sessions are to fail.
const FAILURES: u64 = 200;
/// Sessions that could not be made, or were given up.
const FAILED_SESSIONS: [&str; 2] =
    ["monitord_sessions_create_failed_total", "monitord_sessions_discarded_total"];
/// Nothing here takes this long.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Ways to fail late: with a session half made, or with a command under way.
const FAULTS: [Fault; 5] = [
    Fault::AcceptSilent,
    Fault::StallInKex,
    Fault::StallInAuth,
    Fault::StallBeforePrompt,
    Fault::CloseMidOutput,
];

/// Threads and open descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holdings {
    threads: usize,
    descriptors: usize,
}

impl Holdings {
    fn of(daemon: &Daemon) -> Self {
        let count = |what: &str| {
            std::fs::read_dir(format!("/proc/{}/{what}", daemon.pid())).unwrap().count()
        };
        Self { threads: count("task"), descriptors: count("fd") }
    }

    fn within(self, other: Self) -> bool {
        self.threads <= other.threads && self.descriptors <= other.descriptors
    }
}

fn set_all(lab: &Lab, fault: impl Fn(usize) -> Fault) {
    for (index, router) in lab.routers().iter().enumerate() {
        router.set_fault(Some(fault(index)));
    }
}

/// The sum of these metrics.
async fn total(daemon: &Daemon, names: &[&str]) -> u64 {
    let (_, metrics) = get(daemon.http(), "/metrics").await;
    let counts = |line: &str| names.iter().any(|name| line.starts_with(name));
    let value = |line: &str| line.rsplit(' ').next()?.parse::<u64>().ok();
    metrics.lines().filter(|line| counts(line)).filter_map(value).sum()
}

/// Waits until the sum of these metrics is at least so much.
async fn wait_for_total(daemon: &Daemon, names: &[&str], at_least: u64) {
    let end = Instant::now() + WAIT_MAX;
    while total(daemon, names).await < at_least {
        assert!(Instant::now() < end, "waited for {at_least} of {names:?}");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_failures_leave_nothing_behind() {
    let specs = (0..ROUTERS).map(|i| RouterSpec::new(format!("r{i}"), "cisco_iosxe"));
    let lab = Lab::start(specs.collect()).await.unwrap();
    set_all(&lab, |_| Fault::Refuse);
    // What the first session of a process leaves for the next ones is nobody's leak.
    let first = &lab.routers()[0];
    first.set_fault(Some(Fault::AcceptSilent));
    let mut site = Site::empty();
    site.config["http"] = json!({ "listen": "127.0.0.1:0" });
    site.config["connection"]["connect_timeout"] = "200ms".into();
    for router in lab.routers() {
        site.add_router(router, lab::DEFAULT_PASSWORD);
    }
    for line in 0..LINES {
        site.add_line(&format!("L{line}"), &format!("r{}", line % ROUTERS));
    }
    // Not with outcomes on standard output: writing them takes threads now and then.
    let mut daemon = site.start_with(&[]).await;
    wait_for_total(&daemon, &["monitord_checks_total"], LINES as u64).await;
    first.set_fault(Some(Fault::Refuse));
    let end = Instant::now() + WAIT_MAX;
    while first.connections_open() > 0 {
        assert!(Instant::now() < end, "the first session stays");
        sleep(Duration::from_millis(10)).await;
    }
    let before = Holdings::of(&daemon);

    set_all(&lab, |index| FAULTS[index % FAULTS.len()]);
    let so_far = total(&daemon, &FAILED_SESSIONS).await;
    wait_for_total(&daemon, &FAILED_SESSIONS, so_far + FAILURES).await;

    // Threads that have nothing to do end after ten seconds.
    set_all(&lab, |_| Fault::Refuse);
    let end = Instant::now() + WAIT_MAX;
    while !Holdings::of(&daemon).within(before) {
        let now = Holdings::of(&daemon);
        assert!(Instant::now() < end, "there is more than before: {now:?}, not {before:?}");
        sleep(Duration::from_millis(100)).await;
    }
    for router in lab.routers() {
        assert_eq!(router.connections_open(), 0, "{}", router.name());
    }
    daemon.terminate();
    let (code, took) = daemon.ended().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
}
