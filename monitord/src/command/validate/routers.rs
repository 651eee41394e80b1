//! One login on every router.

use std::sync::Arc;
use std::time::Duration;

use pool_core::{ConnectionConfig, Context, Phase, Protocol, ProtocolFactory};
use scheduler::Failure;
use tokio::time::Instant;

use super::tries::problems_of;
use super::{Found, real};
use crate::app::Parts;
use crate::report::plain;
use crate::settings::Settings;

/// How many logins are under way at the same time: what an AAA server takes without a sweat.
const LOGINS_AT_ONCE_MAX: usize = 8;
/// How long a logout may take.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(3);

/// Logs in to every router once, and out again, and says where that fails, in the order of the
/// configuration.
pub(super) async fn log_in(ctx: &Context, settings: &Settings, parts: &Parts) -> Found {
    let factories = parts.drivers(&settings.ssh);
    let routers: Vec<_> = real(&settings.inventory).collect();
    let (total, begun) = (routers.len(), Instant::now());
    let logins = routers.into_iter().map(|router| {
        let login = Login {
            name: router.name.to_string(),
            factory: factory(&factories, router.protocol),
            config: router.connection.clone(),
        };
        login.run(ctx)
    });
    let problems = problems_of(logins, LOGINS_AT_ONCE_MAX, "routers logged in to").await;
    let good = total - problems.len();
    let took = begun.elapsed();
    Found { notes: vec![format!("logins: {good} of {total} routers, in {took:.1?}")], problems }
}

fn factory(
    factories: &[Arc<dyn ProtocolFactory>],
    protocol: Protocol,
) -> Option<Arc<dyn ProtocolFactory>> {
    factories.iter().find(|factory| factory.protocol() == protocol).cloned()
}

/// A login that is to be tried.
struct Login {
    name: String,
    factory: Option<Arc<dyn ProtocolFactory>>,
    config: ConnectionConfig,
}

impl Login {
    /// What is wrong with it, if anything is.
    async fn run(self, ctx: &Context) -> Option<String> {
        let Self { name, factory, config } = self;
        let Some(factory) = factory else { return Some(format!("router {name}: no driver")) };
        if let Err(error) = ctx.check(Phase::Acquire) {
            return Some(format!("router {name}: was not tried: {error}"));
        }
        let login = ctx.capped(config.connect_timeout);
        match factory.create_with_context(&login, &config).await {
            Ok(driver) => {
                // That it could be logged in to is what was asked.
                driver.close(&ctx.capped(LOGOUT_TIMEOUT)).await.ok();
                None
            }
            Err(error) => {
                let failure = Failure::from(&error);
                let place = failure.phase.map_or_else(String::new, |phase| format!(" in {phase}"));
                Some(format!(
                    "router {name}: cannot log in to {}: {}{place}: {}",
                    config.endpoint,
                    failure.kind,
                    plain(&failure.message)
                ))
            }
        }
    }
}
