use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pool::{Pool, PoolOptions};
use pool_core::{
    Capability, ConnectionConfig, Context, Credentials, Endpoint, Lease, PlatformSupport, Protocol,
    ProtocolDriver, ProtocolFactory, Request, Result, Transcript,
};
use tokio_util::sync::CancellationToken;

use super::subject::Subject;

/// Longer than a measurement, so that nobody runs into it.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

static SHUTDOWN: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);
/// All routers of a fleet have these in common.
static FACTORIES: LazyLock<Arc<[Arc<dyn ProtocolFactory>]>> =
    LazyLock::new(|| vec![Arc::new(Toy::default()) as Arc<dyn ProtocolFactory>].into());
static OPTIONS: LazyLock<Arc<PoolOptions>> = LazyLock::new(Arc::default);

/// Our pool with a deadline and a token for each caller. Behind its trait, which boxes the future,
/// each get costs one allocation more.
pub(super) struct Ours(Arc<Pool>);

impl Subject for Ours {
    type Caller = Context;
    type Held<'a> = Lease;

    fn new(slots: usize) -> Self {
        let (config, factories) = (config(slots), FACTORIES.clone());
        let pool = Pool::with_options("toy-1", config, factories, OPTIONS.clone());
        Self(pool.expect("the configuration is valid, and there is a runtime"))
    }

    fn caller(&self) -> Context {
        Context::new(&SHUTDOWN, DEADLINE)
    }

    async fn acquire<'a>(&'a self, ctx: &'a Context) -> Lease {
        self.0.acquire(ctx, Protocol::Scrapli).await.expect("the toy never fails")
    }
}

/// Whom to log in to. A pool shares this with whoever reads it from a file or an inventory, and
/// so it is not counted as the pool's.
fn config(slots: usize) -> Arc<ConnectionConfig> {
    static CONFIGS: Mutex<BTreeMap<usize, Arc<ConnectionConfig>>> = Mutex::new(BTreeMap::new());
    let make = || {
        let endpoint = Endpoint::new("192.0.2.1", 22).expect("it is an address");
        let user = Credentials::password("monitor", "secret".to_owned());
        let mut config = ConnectionConfig::new(endpoint, "toy".into(), user);
        config.max_connections = slots;
        Arc::new(config)
    };
    CONFIGS.lock().entry(slots).or_insert_with(make).clone()
}

/// Makes sessions at once, of nothing.
#[derive(Debug)]
struct Toy(Capability);

impl Default for Toy {
    fn default() -> Self {
        let (protocol, platforms) = (Protocol::Scrapli, PlatformSupport::Any);
        Self(Capability { protocol, platforms, interrupt: false })
    }
}

#[async_trait]
impl ProtocolFactory for Toy {
    fn protocol(&self) -> Protocol {
        self.0.protocol
    }

    fn capability(&self) -> &Capability {
        &self.0
    }

    async fn create_with_context(
        &self,
        _: &Context,
        _: &ConnectionConfig,
    ) -> Result<Box<dyn ProtocolDriver>> {
        Ok(Box::new(Idler))
    }
}

/// A session without size, so that what is measured is the pool's.
#[derive(Debug)]
struct Idler;

#[async_trait]
impl ProtocolDriver for Idler {
    fn protocol(&self) -> Protocol {
        Protocol::Scrapli
    }

    async fn execute(&mut self, _: &Context, _: &Request) -> Result<Transcript> {
        Ok(Transcript::default())
    }

    async fn health_check(&mut self, _: &Context) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>, _: &Context) -> Result<()> {
        Ok(())
    }
}
