use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use driver_ssh::{SshFactory, SshSettings};
use lab::{DEFAULT_PASSWORD, DEFAULT_USER, Manner, Sickness, Stage};
use pool_core::{
    ConnectionConfig, Context as Limits, Credentials, Endpoint, ProtocolFactory, Request,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::bench::part::{RouterProcess, Routers};

/// Commands that are timed, each way.
const COMMANDS: usize = 1000;
/// Much longer than any of it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a router's commands took on a runtime, in milliseconds each: while nothing else was to be
/// done, and beside sessions with routers that send without a pause.
pub(super) struct Beside {
    pub(super) runtime: &'static str,
    pub(super) quiet_ms: Vec<f64>,
    pub(super) flooded_ms: Vec<f64>,
}

/// Times the commands of a healthy router on runtimes of one thread and of two.
pub(super) fn measure(sick: &RouterProcess) -> Result<Vec<Beside>> {
    let healthy = RouterProcess::start(Routers::Healthy)?;
    let router = healthy.first()?;
    let floods: Vec<_> = Sickness::all()
        .zip(&sick.addresses)
        .filter(|(sickness, _)| {
            sickness.manner == Manner::Flood
                && matches!(sickness.stage, Stage::Banner | Stage::KeyExchange | Stage::Reading)
        })
        .map(|(_, &router)| router)
        .collect();
    let runtimes: [(&'static str, Builder); 2] =
        [("one thread", Builder::new_current_thread()), ("two threads", two_threads())];
    let measure_on = |(name, mut builder): (&'static str, Builder)| {
        let runtime = builder.enable_all().build().context("cannot start a runtime")?;
        let [quiet_ms, flooded_ms] = time_commands(&runtime, router, &floods)?;
        runtime.shutdown_background();
        Ok(Beside { runtime: name, quiet_ms, flooded_ms })
    };
    runtimes.into_iter().map(measure_on).collect()
}

fn two_threads() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2);
    builder
}

fn time_commands(
    runtime: &Runtime,
    router: SocketAddr,
    floods: &[SocketAddr],
) -> Result<[Vec<f64>; 2]> {
    let folder = tempfile::tempdir()?;
    let settings = Arc::new(SshSettings::new(folder.path().join("known_hosts")));
    let config = config(router)?;
    let floods = floods.iter().map(|&flood| self::config(flood)).collect::<Result<Vec<_>>>()?;
    runtime.block_on(async {
        let factory = SshFactory::new(settings);
        let commands = {
            let (factory, config) = (factory.clone(), config.clone());
            async move || tokio::spawn(commands(factory.clone(), config.clone())).await?
        };
        let quiet = commands().await?;
        let flooded: Vec<_> =
            floods.into_iter().map(|flood| tokio::spawn(endure(factory.clone(), flood))).collect();
        let beside = commands().await?;
        flooded.iter().for_each(tokio::task::JoinHandle::abort);
        Ok([quiet, beside])
    })
}

fn config(router: SocketAddr) -> Result<ConnectionConfig> {
    let endpoint = Endpoint::new(router.ip().to_string(), router.port())?;
    let credentials = Credentials::password(DEFAULT_USER, DEFAULT_PASSWORD.to_owned());
    Ok(ConnectionConfig::new(endpoint, "linux".into(), credentials))
}

/// Runs commands one after another, and times each.
async fn commands(factory: SshFactory, config: ConnectionConfig) -> Result<Vec<f64>> {
    let limits = Limits::detached(PATIENCE);
    let mut session = factory.create_with_context(&limits, &config).await?;
    let request = Request::command("show a")?;
    let mut times = Vec::with_capacity(COMMANDS);
    for _ in 0..COMMANDS {
        let begun = Instant::now();
        session.execute(&limits, &request).await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Logs in again and again at a router that floods, and runs a command where it comes to that.
async fn endure(factory: SshFactory, config: ConnectionConfig) {
    loop {
        let limits = Limits::detached(PATIENCE);
        let Ok(mut session) = factory.create_with_context(&limits, &config).await else { continue };
        if let Ok(request) = Request::command("ping -c 5 198.51.100.1") {
            session.execute(&limits, &request).await.ok();
        }
    }
}
