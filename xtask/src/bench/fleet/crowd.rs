//! The routers of the bench, in a process of their own.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use lab::{Fault, Lab, RouterSpec};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use crate::bench::part::{LabProcess, serve_to_the_end};

/// They take turns, so that a sick router of each is among the first few.
const PLATFORMS: [&str; 5] = ["linux", "cisco_iosxe", "huawei_vrp", "h3c_comware", "cisco_nxos"];

/// Which routers there are.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Crowd {
    /// All of them.
    #[arg(long)]
    pub(super) routers: usize,
    /// How many of them are sick, the first ones.
    #[arg(long)]
    pub(super) sick: usize,
    /// After how long each sick router gets another fault, in milliseconds.
    #[arg(long)]
    pub(super) turn_ms: u64,
}

/// How one is reached.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Router {
    pub(super) name: String,
    pub(super) platform: String,
    pub(super) address: SocketAddr,
    /// Pinned, so that one fault does not hide the next behind a wrong key.
    pub(super) host_key: String,
}

impl Crowd {
    /// How many turns it takes until every fault has been seen on some router.
    pub(super) fn turns(sick: usize) -> usize {
        Fault::ALL.len().div_ceil(sick.max(1))
    }

    pub(super) fn start(self) -> Result<(LabProcess, Vec<Router>)> {
        let Self { routers, sick, turn_ms } = self;
        let [routers, sick] = [routers, sick].map(|count| count.to_string());
        let turn_ms = turn_ms.to_string();
        LabProcess::start(&["fleet", "--routers", &routers, "--sick", &sick, "--turn-ms", &turn_ms])
    }

    /// The fault of a sick router in a turn: all have different ones, and each time the next.
    fn fault(self, router: usize, turn: usize) -> Fault {
        Fault::ALL[(router + turn * self.sick) % Fault::ALL.len()]
    }

    fn specs(self) -> Vec<RouterSpec> {
        let spec = |number: usize| {
            let spec =
                RouterSpec::new(format!("router-{number}"), PLATFORMS[number % PLATFORMS.len()]);
            if number < self.sick { spec.fault(self.fault(number, 0)) } else { spec }
        };
        (0..self.routers).map(spec).collect()
    }

    async fn fall_sick_again(self, lab: &Lab) {
        for turn in 1.. {
            tokio::time::sleep(Duration::from_millis(self.turn_ms)).await;
            for (number, router) in lab.routers().iter().take(self.sick).enumerate() {
                router.set_fault(Some(self.fault(number, turn)));
            }
        }
    }
}

/// Serves them until standard input ends.
pub(crate) fn serve(crowd: &Crowd) -> Result<()> {
    let runtime = Runtime::new().context("cannot start the runtime")?;
    let lab = runtime.block_on(Lab::start(crowd.specs()))?;
    let router = |router: &lab::LabRouter| Router {
        name: router.name().to_owned(),
        platform: router.platform().to_owned(),
        address: router.address(),
        host_key: router.host_key_fingerprint(),
    };
    let routers: Vec<_> = lab.routers().iter().map(router).collect();
    println!("{}", serde_json::to_string(&routers)?);
    let crowd = *crowd;
    runtime.spawn(async move { crowd.fall_sick_again(&lab).await });
    serve_to_the_end(runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_seen_in_the_turns_that_it_takes() {
        for sick in [1, 2, 20, 27, 40] {
            let crowd = Crowd { routers: 200, sick, turn_ms: 1 };
            let turns = 0..Crowd::turns(sick);
            let seen: Vec<_> = turns
                .flat_map(|turn| (0..sick).map(move |router| crowd.fault(router, turn)))
                .collect();
            assert!(Fault::ALL.iter().all(|fault| seen.contains(fault)), "{sick} routers");
        }
    }
}
