//! What the core decides, without a runtime.

mod checking;
mod failing;
mod keepalive;
mod model;
mod rebuilding;
mod serving;
mod upkeep;

use std::io;
use std::time::Duration;

use pool_core::{
    Credentials, DiscardReason, Disposition, Endpoint, Error, LeaseUse, Phase, PoolEvent, SlotId,
};

use super::*;
use crate::RebuildStrategy;

type TestCore = Core<u64, &'static str, ()>;
type TestAction = Action<u64, &'static str, ()>;

const SSH: usize = 0;
const CLI: usize = 1;
const PROTOCOLS: [Protocol; 2] = [Protocol::Ssh, Protocol::Scrapli];

fn limits(connections_max: usize) -> Limits {
    let mut options = PoolOptions::default();
    options.rebuild.strategy = RebuildStrategy::Never;
    options.keepalive_after = Duration::from_secs(7 * 24 * 3600);
    let endpoint = Endpoint::new("192.0.2.1", 22).expect("it is an address");
    let user = Credentials::password("monitor", "secret".to_owned());
    let mut config = ConnectionConfig::new(endpoint, "linux".into(), user);
    config.max_connections = connections_max;
    Limits::new(Arc::new(config), Arc::new(options))
}

fn core(connections_max: usize) -> (TestCore, Instant) {
    (TestCore::new(limits(connections_max), PROTOCOLS), Instant::now())
}

fn refused() -> Error {
    let source = Arc::new(io::ErrorKind::ConnectionRefused.into());
    Error::Connect { address: "192.0.2.1:22".into(), source }
}

fn wrong_password() -> Error {
    Error::Authentication { username: "monitor".into(), message: "refused".into() }
}

/// Actions but for events, in short: `create ssh`, `grant a`, `fail b: Connect`, `close`, `wake`, `drained`.
fn told(actions: &[TestAction]) -> Vec<String> {
    let lane_name = |lane| if lane == SSH { "ssh" } else { "cli" };
    actions
        .iter()
        .filter(|action| !matches!(action, Action::Event(_)))
        .map(|action| match action {
            Action::Grant { waiter, .. } => format!("grant {waiter}"),
            Action::Fail { waiter, error } => format!("fail {waiter}: {}", error.kind()),
            Action::Create { lane, .. } => format!("create {}", lane_name(*lane)),
            Action::Check { .. } => "check".to_owned(),
            Action::Tell { result, .. } => format!("tell {}", result.is_ok()),
            Action::Close { reason, .. } => format!("close {reason}"),
            Action::CutOff(_) => "cut off".to_owned(),
            Action::Event(_) => unreachable!("filtered out"),
            Action::WakeAt(_) => "wake".to_owned(),
            Action::Drained => "drained".to_owned(),
        })
        .collect()
}

/// The events among the actions, in short: `gate shut`, `gate opened`.
fn events(actions: &[TestAction]) -> Vec<String> {
    let event = |action: &TestAction| match action {
        Action::Event(event) => Some(match event {
            PoolEvent::GateShut { protocol, attempts, .. } => {
                format!("gate of {protocol} shut after {attempts}")
            }
            PoolEvent::GateOpened { protocol } => format!("gate of {protocol} opened"),
            other => format!("{other:?}"),
        }),
        _ => None,
    };
    actions.iter().filter_map(event).collect()
}

fn create_slot(actions: &[TestAction]) -> SlotId {
    let slot = actions.iter().find_map(|action| match action {
        Action::Create { slot, .. } => Some(*slot),
        _ => None,
    });
    slot.expect("an attempt starts")
}

fn wake_time(actions: &[TestAction]) -> Instant {
    let time = actions.iter().find_map(|action| match action {
        Action::WakeAt(time) => Some(*time),
        _ => None,
    });
    time.expect("somebody is asked to look again")
}

/// A core with one session of `lane`, lent to somebody.
fn lent(core: &mut TestCore, now: Instant, lane: usize) -> SlotId {
    let (ticket, actions) = core.enqueue(now, lane, "holder");
    let slot = create_slot(&actions);
    assert_eq!(told(&core.created(now, slot, 0)), ["grant holder"]);
    core.collect(now, lane, ticket).expect("granted").expect("a session");
    slot
}
