//! After hundreds of failures the daemon has as many threads and descriptors as before.

use std::time::Duration;

use lab::{Fault, Lab, RouterSpec};

use crate::support::{Daemon, Site};

const ROUTERS: usize = 10;
const LINES: usize = 200;
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

fn failures(daemon: &Daemon, kinds: &[&str]) -> usize {
    let is_one = |outcome: &serde_json::Value| {
        kinds.contains(&outcome["error"]["kind"].as_str().unwrap_or(""))
    };
    daemon.outcomes().iter().filter(|outcome| is_one(outcome)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_failures_leave_nothing_behind() {
    let specs = (0..ROUTERS).map(|i| RouterSpec::new(format!("r{i}"), "cisco_iosxe"));
    let lab = Lab::start(specs.collect()).await.unwrap();
    set_all(&lab, |_| Fault::Refuse);
    let mut site = Site::empty();
    site.config["connection"]["connect_timeout"] = "200ms".into();
    for router in lab.routers() {
        site.add_router(router, lab::DEFAULT_PASSWORD);
    }
    for line in 0..LINES {
        site.add_line(&format!("L{line}"), &format!("r{}", line % ROUTERS));
    }
    let mut daemon = site.start().await;
    daemon.wait_for("a round of refusals", || failures(&daemon, &["Connect"]) >= LINES).await;
    let before = Holdings::of(&daemon);

    set_all(&lab, |index| FAULTS[index % FAULTS.len()]);
    let late = ["DeadlineExceeded", "Disconnected"];
    daemon.wait_for("200 late failures", || failures(&daemon, &late) >= 200).await;

    // Threads that have nothing to do end after ten seconds.
    set_all(&lab, |_| Fault::Refuse);
    daemon.wait_for("what there was before", || Holdings::of(&daemon).within(before)).await;
    for router in lab.routers() {
        assert_eq!(router.connections_open(), 0, "{}", router.name());
    }
    daemon.terminate();
    let (code, took) = daemon.ended().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
}
