//! Routers that answer at once, so that nothing but the scheduler is measured.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use pool_core::{
    ConnectionConfig, ConnectionPool, Context, Credentials, DiscardReason, Disposition, Endpoint,
    EventSender, EventStream, Lease, LeaseHome, LeaseInfo, LeaseUse, PoolStats, Protocol,
    ProtocolDriver, Request, SlotId, StepOutput, Transcript, WarmUpReport,
};
use scheduler::{
    CheckRules, Interval, Inventory, Line, LineId, Pools, Router, RouterName, Target, Task,
};

/// How many lines a router has.
pub(super) const LINES_EACH: usize = 100;

/// `lines` lines on a hundredth as many routers, all at this interval.
pub(super) fn inventory(lines: usize, interval: Duration) -> Result<Inventory> {
    let interval = Interval::new(interval)?;
    let mut inventory = Inventory::default();
    for number in 0..lines.div_ceil(LINES_EACH) {
        let endpoint = Endpoint::new(format!("edge-{number}.example.net"), 22)?;
        let credentials = Credentials::password("monitor", "x".to_owned());
        inventory.routers.push(Router {
            name: RouterName::new(format!("edge-{number}"))?,
            protocol: Protocol::Ssh,
            connection: ConnectionConfig::new(endpoint, "cisco_iosxe".into(), credentials),
            rules: CheckRules::default(),
        });
    }
    for number in 0..lines {
        inventory.lines.push(Line {
            id: LineId::new(format!("L{number:07}"))?,
            // As a source that reads text: each line has a name of its own.
            router: RouterName::new(format!("edge-{}", number / LINES_EACH))?,
            target: Target::new(format!("198.51.{}.{}", number / 250 % 250, number % 250))?,
            interval,
            task: Task::default(),
        });
    }
    Ok(inventory)
}

/// One pool for all routers.
#[derive(Debug)]
pub(super) struct MockPools(Arc<MockPool>);

#[derive(Debug)]
struct MockPool {
    home: Arc<Nowhere>,
}

#[derive(Debug)]
struct Nowhere;

#[derive(Debug)]
struct MockDriver;

impl MockPools {
    pub(super) fn new() -> Self {
        Self(Arc::new(MockPool { home: Arc::new(Nowhere) }))
    }
}

impl Pools for MockPools {
    fn pool(&self, _: &Router) -> pool_core::Result<Arc<dyn ConnectionPool>> {
        Ok(self.0.clone())
    }

    fn retire(&self, _: &RouterName) {}
}

impl LeaseHome for Nowhere {
    fn give_back(
        self: Arc<Self>,
        _: SlotId,
        driver: Box<dyn ProtocolDriver>,
        disposition: Disposition,
        _: LeaseUse,
    ) {
        assert_ne!(disposition, Disposition::Discard(DiscardReason::Broken), "it answers always");
        drop(driver);
    }
}

#[async_trait]
impl ConnectionPool for MockPool {
    async fn get_with_context(&self, _: &Context, _: Protocol) -> pool_core::Result<Lease> {
        let info = LeaseInfo { reused: true, ..LeaseInfo::default() };
        Ok(Lease::new(Box::new(MockDriver), self.home.clone(), SlotId(0), info))
    }

    fn get_timeout(&self) -> Duration {
        Duration::from_secs(30)
    }

    async fn warm_up(&self, _: &Context, _: Protocol, _: usize) -> pool_core::Result<WarmUpReport> {
        Ok(WarmUpReport::default())
    }

    async fn close(&self, _: &Context) {}

    fn events(&self) -> EventStream {
        EventSender::new(1).subscribe()
    }

    fn stats(&self) -> PoolStats {
        PoolStats::default()
    }
}

#[async_trait]
impl ProtocolDriver for MockDriver {
    fn protocol(&self) -> Protocol {
        Protocol::Ssh
    }

    async fn execute(&mut self, _: &Context, request: &Request) -> pool_core::Result<Transcript> {
        let command = request.steps()[0].line().to_owned();
        let target = command.split(' ').nth(1).unwrap_or_default();
        let output = format!(
            "Type escape sequence to abort.\nSending 5, 100-byte ICMP Echos to {target}, timeout \
             is 2 seconds:\n!!!!!\nSuccess rate is 100 percent (5/5), round-trip min/avg/max = \
             1/2/4 ms\n"
        );
        let step = StepOutput { command, output, ..StepOutput::default() };
        Ok(Transcript { steps: vec![step] })
    }

    async fn health_check(&mut self, _: &Context) -> pool_core::Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>, _: &Context) -> pool_core::Result<()> {
        Ok(())
    }
}
