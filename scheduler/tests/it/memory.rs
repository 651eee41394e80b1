//! What a line costs in memory: a number, and not a matter of how fast the machine is.

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use pool_core::{ConnectionConfig, ConnectionPool, Credentials, Endpoint, Error, Protocol};
use scheduler::{
    CheckRules, Interval, Inventory, Line, LineId, Pools, Router, RouterName, Scheduler, Target,
    Task, Tasks,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const LINES: usize = 10_000;
const LINES_EACH: usize = 100;
/// The lines of a large fleet fit into a small machine.
const BYTES_PER_LINE_MAX: i64 = 400;

/// Nothing is due while the memory is measured.
#[derive(Debug)]
struct NoPools;

impl Pools for NoPools {
    fn pool(&self, _: &Router) -> pool_core::Result<Arc<dyn ConnectionPool>> {
        Err(Error::Unsupported { what: "a session".to_owned() })
    }

    fn retire(&self, _: &RouterName) {}
}

fn inventory() -> Inventory {
    let router = |number: usize| Router {
        name: RouterName::new(format!("edge-{number}")).expect("it is a fixed text or number"),
        protocol: Protocol::Ssh,
        connection: ConnectionConfig::new(
            Endpoint::new(format!("edge-{number}.example.net"), 22)
                .expect("it is a fixed text or number"),
            "cisco_iosxe".into(),
            Credentials::password("monitor", "x".to_owned()),
        ),
        rules: CheckRules::default(),
    };
    // As of a source that reads text: every line has a name of its router and a task of its own.
    let line = |number: usize| Line {
        id: LineId::new(format!("L{number:07}")).expect("it is a fixed text or number"),
        router: RouterName::new(format!("edge-{}", number / LINES_EACH))
            .expect("it is a fixed text or number"),
        target: Target::new(format!("198.51.{}.{}", number / 250 % 250, number % 250))
            .expect("it is a fixed text or number"),
        interval: Interval::new(Duration::from_secs(86_400)).expect("it is a fixed text or number"),
        task: Task::default(),
    };
    Inventory {
        routers: (0..LINES / LINES_EACH).map(router).collect(),
        lines: (0..LINES).map(line).collect(),
    }
}

#[test]
fn a_line_takes_no_more_than_400_bytes_with_its_share_of_its_router() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let (outcomes, _receiver) = mpsc::channel(16);
    let tasks = Arc::new(Tasks::builtin());
    let scheduler = {
        let _inside = runtime.enter();
        let none = Inventory::default();
        Scheduler::start(none, Arc::new(NoPools), tasks, outcomes, CancellationToken::new())
    };
    let reconciler = scheduler.reconciler();
    let kept = measure(|| {
        let inventory = inventory();
        runtime.block_on(reconciler.reconcile(inventory)).unwrap();
    });
    let bytes = kept.bytes_current / i64::try_from(LINES).unwrap();
    assert!(bytes <= BYTES_PER_LINE_MAX, "{bytes} bytes");
}
