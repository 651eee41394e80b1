//! What the routers of a fleet may have together.

mod logins;
mod lost;
mod sessions;

use std::error::Error as _;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use async_trait::async_trait;
use parking_lot::Mutex;
use pool::{Fleet, FleetLimits, Pool};
use pool_core::{
    Capability, ConnectionConfig, Context, Endpoint, Error, ErrorKind, Lease, Phase,
    PlatformSupport, Protocol, ProtocolDriver, ProtocolFactory, Result,
};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::*;

/// Devices by the number in their host name, and when which of them was logged in to.
#[derive(Debug)]
pub(crate) struct Network {
    capability: Capability,
    devices: Vec<Arc<Device>>,
    logins: Mutex<Vec<(usize, Instant)>>,
    /// All devices together.
    live_max: AtomicUsize,
}

#[async_trait]
impl ProtocolFactory for Network {
    fn protocol(&self) -> Protocol {
        Protocol::Ssh
    }

    fn capability(&self) -> &Capability {
        &self.capability
    }

    async fn create_with_context(
        &self,
        ctx: &Context,
        config: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        let number: usize = config.endpoint.host().trim_start_matches("router-").parse().unwrap();
        self.logins.lock().push((number, Instant::now()));
        let live = self.devices.iter().map(|device| device.live()).sum::<usize>() + 1;
        self.live_max.fetch_max(live, SeqCst);
        factory(&self.devices[number]).create_with_context(ctx, config).await
    }
}

/// A fleet and its devices.
pub(crate) struct Site {
    network: Arc<Network>,
    pub(crate) fleet: Fleet,
}

impl Site {
    pub(crate) fn new(devices: Vec<Arc<Device>>, limits: FleetLimits) -> Self {
        let capability = Capability {
            protocol: Protocol::Ssh,
            platforms: PlatformSupport::Any,
            interrupt: false,
        };
        let (logins, live_max) = (Mutex::default(), AtomicUsize::new(0));
        let network = Arc::new(Network { capability, devices, logins, live_max });
        let fleet = Fleet::with_limits(vec![network.clone()], limits);
        Self { network, fleet }
    }

    pub(crate) fn healthy(count: usize, limits: FleetLimits) -> Self {
        Self::new((0..count).map(|_| Device::healthy()).collect(), limits)
    }

    pub(crate) fn device(&self, number: usize) -> &Device {
        &self.network.devices[number]
    }

    pub(crate) fn config(number: usize) -> ConnectionConfig {
        let mut config = config(2);
        config.endpoint = Endpoint::new(format!("router-{number}"), 22).unwrap();
        config
    }

    pub(crate) fn pool(&self, number: usize) -> Arc<Pool> {
        self.fleet.pool(&format!("router-{number}"), &Self::config(number)).unwrap()
    }

    pub(crate) async fn get(&self, number: usize) -> Lease {
        get(&self.pool(number)).await.unwrap()
    }

    /// The most sessions and logins that there were at once, over all devices.
    pub(crate) fn live_max(&self) -> usize {
        self.network.live_max.load(SeqCst)
    }

    /// Which routers were logged in to, in order.
    pub(crate) fn logins(&self) -> Vec<usize> {
        self.network.logins.lock().iter().map(|(number, _)| *number).collect()
    }

    pub(crate) fn live(&self) -> usize {
        self.network.devices.iter().map(|device| device.live()).sum()
    }
}

pub(crate) fn sessions(max: usize) -> FleetLimits {
    FleetLimits { sessions_max: NonZeroUsize::new(max), ..FleetLimits::default() }
}

pub(crate) fn in_flight(max: usize) -> FleetLimits {
    FleetLimits { logins_in_flight_max: NonZeroUsize::new(max), ..FleetLimits::default() }
}

fn per_second(rate: u32) -> FleetLimits {
    FleetLimits { logins_per_second: NonZeroU32::new(rate), ..FleetLimits::default() }
}

/// Waits until tasks of the fleet have done what they can without time passing.
pub(crate) async fn calm() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn all_queued(pool: &Arc<Pool>, count: usize) -> Vec<JoinHandle<Result<Lease>>> {
    let mut tasks = Vec::new();
    for _ in 0..count {
        tasks.push(queued(pool).await);
    }
    tasks
}

/// The cause of a deadline that passed in the pool.
#[track_caller]
fn cause(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
    assert_eq!(error.phase(), Some(Phase::Acquire));
    error.source().expect("why it waited").to_string()
}
