//! Ours, as monitord uses it: on a runtime of two workers, each call with a context, and the host
//! key checked against a `known_hosts` file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::BytesMut;
use driver_ssh::{SshConnector, SshFactory, SshSettings};
use futures_util::future::try_join_all;
use lab::{DEFAULT_PASSWORD, DEFAULT_USER};
use pool_core::{
    ConnectionConfig, Connector, Context, Credentials, Endpoint, ProtocolDriver, ProtocolFactory,
    Request, Transport,
};

use super::usage::{Crowd, Stopwatch};
use super::{COMMAND, COMMANDS, Cell, LINES, LOGINS, PING, PROMPT, SESSIONS};

/// Much longer than any call takes.
const PATIENCE: Duration = Duration::from_secs(120);
/// Into the ping, which takes five seconds from the last start on.
const INTO_PING: Duration = Duration::from_secs(2);

pub(super) fn measure(cell: Cell, router: SocketAddr) -> Result<Vec<f64>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // So that threads that have done their work do not count as threads that wait.
        .thread_keep_alive(Duration::from_millis(100))
        .enable_all()
        .build()?;
    // As a task, as everything in monitord is: whoever blocks on a future is woken by another thread.
    runtime.block_on(async { tokio::spawn(measure_on(cell, router)).await? })
}

struct Client {
    settings: Arc<SshSettings>,
    config: ConnectionConfig,
}

impl Client {
    async fn log_in(&self) -> Result<Box<dyn ProtocolDriver>> {
        let factory = SshFactory::new(self.settings.clone());
        Ok(factory.create_with_context(&Context::detached(PATIENCE), &self.config).await?)
    }
}

async fn measure_on(cell: Cell, router: SocketAddr) -> Result<Vec<f64>> {
    let folder = tempfile::tempdir()?;
    let endpoint = Endpoint::new(router.ip().to_string(), router.port())?;
    let credentials = Credentials::password(DEFAULT_USER, DEFAULT_PASSWORD.to_owned());
    let client = Client {
        settings: Arc::new(SshSettings::new(folder.path().join("known_hosts"))),
        config: ConnectionConfig::new(endpoint, "linux".into(), credentials),
    };
    let ctx = Context::detached(PATIENCE);
    // What only the first one pays for.
    client.log_in().await?.close(&ctx).await?;
    match cell {
        Cell::Logins => {
            let watch = Stopwatch::start();
            for _ in 0..LOGINS {
                client.log_in().await?.close(&ctx).await?;
            }
            Ok(watch.per_round(LOGINS))
        }
        Cell::Exec => {
            let mut session = client.log_in().await?;
            let request = Request::command(COMMAND)?;
            let watch = Stopwatch::start();
            for _ in 0..COMMANDS {
                let transcript = session.execute(&ctx, &request).await?;
                let output = transcript.output();
                ensure!(output == "a\n", "the command answered {output:?}");
            }
            Ok(watch.per_round(COMMANDS))
        }
        Cell::Shell => in_a_shell(&client, &ctx).await,
        Cell::Crowd => crowd(&client, &ctx).await,
    }
}

async fn in_a_shell(client: &Client, ctx: &Context) -> Result<Vec<f64>> {
    let connector = SshConnector::new(client.settings.clone());
    let mut shell = connector.connect(ctx, &client.config).await?;
    let mut output = BytesMut::new();
    read_to_prompt(shell.as_mut(), ctx, &mut output).await?;
    let line = format!("{COMMAND}\n");
    let watch = Stopwatch::start();
    for _ in 0..LINES {
        shell.write_all(ctx, line.as_bytes()).await?;
        read_to_prompt(shell.as_mut(), ctx, &mut output).await?;
    }
    Ok(watch.per_round(LINES))
}

async fn read_to_prompt(
    shell: &mut dyn Transport,
    ctx: &Context,
    output: &mut BytesMut,
) -> Result<()> {
    output.clear();
    while !output.ends_with(PROMPT) {
        ensure!(shell.read(ctx, output).await? > 0, "the shell has ended");
    }
    Ok(())
}

async fn crowd(client: &Client, ctx: &Context) -> Result<Vec<f64>> {
    let mut crowd = Crowd::new(SESSIONS)?;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(client.log_in().await?);
    }
    // Threads of the last login.
    tokio::time::sleep(Duration::from_millis(300)).await;
    crowd.look()?;
    let request = Request::command(PING)?;
    let pings =
        try_join_all(sessions.iter_mut().map(async |session| session.execute(ctx, &request).await));
    let looking = async {
        tokio::time::sleep(INTO_PING).await;
        crowd.look()
    };
    let (pinged, looked) = tokio::join!(pings, looking);
    pinged?;
    looked?;
    Ok(crowd.into_figures())
}
