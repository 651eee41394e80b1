//! A fleet over toy routers, whose sessions are all replaced without anybody noticing.
use async_trait::async_trait;
use pool::{Fleet, FleetLimits, PoolOptions, RebuildScope};
use pool_core::*;
use std::{num::NonZeroUsize, sync::Arc, time::Duration};

#[derive(Debug)]
struct Toy(Capability);
#[async_trait]
#[rustfmt::skip]
impl ProtocolFactory for Toy {
    fn protocol(&self) -> Protocol { self.0.protocol }
    fn capability(&self) -> &Capability { &self.0 }
    async fn create_with_context(&self, _: &Context, _: &ConnectionConfig) -> Result<Box<dyn ProtocolDriver>> {
        Ok(Box::new(Mute))
    }
}

#[derive(Debug)]
struct Mute;
#[async_trait]
#[rustfmt::skip]
impl ProtocolDriver for Mute {
    fn protocol(&self) -> Protocol { Protocol::Ssh }
    async fn execute(&mut self, _: &Context, _: &Request) -> Result<Transcript> { Ok(Transcript::default()) }
    async fn health_check(&mut self, _: &Context) -> Result<()> { Ok(()) }
    async fn close(self: Box<Self>, _: &Context) -> Result<()> { Ok(()) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (protocol, platforms) = (Protocol::Ssh, PlatformSupport::Any);
    let toy = Arc::new(Toy(Capability { protocol, platforms, interrupt: false }));
    let limits = FleetLimits { sessions_max: NonZeroUsize::new(50), ..FleetLimits::default() };
    let mut options = PoolOptions::default();
    options.rebuild.share_percent = 10;
    let fleet = Fleet::with_limits(vec![toy], limits).with_options(options)?;
    let ctx = Context::detached(Duration::from_secs(5));
    for number in 1..=20 {
        let endpoint = Endpoint::new(format!("192.0.2.{number}"), 22).expect("it is an address");
        let user = Credentials::password("monitor", "secret".to_owned());
        let config = ConnectionConfig::new(endpoint, "toy".into(), user);
        drop(fleet.pool(&format!("edge-{number}"), &config)?.acquire(&ctx, protocol).await?);
    }
    let report = fleet.rebuild(&ctx, RebuildScope::All).await; // Two at a time.
    assert_eq!((report.rebuilt(), fleet.totals().pools.idle), (20, 20));
    fleet.close(&ctx).await;
    Ok(())
}
