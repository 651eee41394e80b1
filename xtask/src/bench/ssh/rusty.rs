//! russh's client, with a password and any host key, on a runtime of two workers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use lab::{DEFAULT_PASSWORD, DEFAULT_USER};
use russh::client::{self, Config, Handle, Handler, Msg};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelMsg, Disconnect};

use super::usage::{Crowd, Stopwatch};
use super::{COMMAND, COMMANDS, Cell, LINES, LOGINS, PING, PROMPT, SESSIONS};

/// Into the ping, which takes five seconds from the last start on.
const INTO_PING: Duration = Duration::from_secs(2);

pub(super) fn measure(cell: Cell, router: SocketAddr) -> Result<Vec<f64>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // As a task, as ours.
    runtime.block_on(async { tokio::spawn(measure_on(cell, router)).await? })
}

struct AnyKey;

impl Handler for AnyKey {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

async fn measure_on(cell: Cell, router: SocketAddr) -> Result<Vec<f64>> {
    // What only the first one pays for.
    leave(log_in(router).await?).await?;
    match cell {
        Cell::Logins => {
            let watch = Stopwatch::start();
            for _ in 0..LOGINS {
                leave(log_in(router).await?).await?;
            }
            Ok(watch.per_round(LOGINS))
        }
        Cell::Exec => {
            let session = log_in(router).await?;
            let watch = Stopwatch::start();
            for _ in 0..COMMANDS {
                let output = execute(&session, COMMAND).await?;
                ensure!(output == b"a\n", "the command answered {output:?}");
            }
            Ok(watch.per_round(COMMANDS))
        }
        Cell::Shell => in_a_shell(&log_in(router).await?).await,
        Cell::Crowd => crowd(router).await,
    }
}

async fn log_in(router: SocketAddr) -> Result<Handle<AnyKey>> {
    let config = Config { inactivity_timeout: None, nodelay: true, ..Config::default() };
    let mut session = client::connect(Arc::new(config), router, AnyKey).await?;
    let answer = session.authenticate_password(DEFAULT_USER, DEFAULT_PASSWORD).await?;
    ensure!(answer.success(), "the login was refused");
    Ok(session)
}

async fn leave(session: Handle<AnyKey>) -> Result<()> {
    Ok(session.disconnect(Disconnect::ByApplication, "done", "").await?)
}

async fn execute(session: &Handle<AnyKey>, command: &str) -> Result<Vec<u8>> {
    let mut channel = session.channel_open_session().await?;
    channel.exec(true, command).await?;
    let mut output = Vec::new();
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => {
                output.extend_from_slice(&data);
            }
            ChannelMsg::ExitStatus { exit_status } => {
                ensure!(exit_status == 0, "the command ended with {exit_status}");
            }
            _ => {}
        }
    }
    Ok(output)
}

async fn in_a_shell(session: &Handle<AnyKey>) -> Result<Vec<f64>> {
    let mut channel = session.channel_open_session().await?;
    channel.request_pty(true, "vt100", 511, 1000, 0, 0, &[]).await?;
    channel.request_shell(true).await?;
    let mut output = Vec::new();
    read_to_prompt(&mut channel, &mut output).await?;
    let line = format!("{COMMAND}\n");
    let watch = Stopwatch::start();
    for _ in 0..LINES {
        channel.data(line.as_bytes()).await?;
        read_to_prompt(&mut channel, &mut output).await?;
    }
    Ok(watch.per_round(LINES))
}

async fn read_to_prompt(channel: &mut Channel<Msg>, output: &mut Vec<u8>) -> Result<()> {
    output.clear();
    while !output.ends_with(PROMPT) {
        match channel.wait().await {
            Some(ChannelMsg::Data { data }) => output.extend_from_slice(&data),
            Some(_) => {}
            None => anyhow::bail!("the shell has ended"),
        }
    }
    Ok(())
}

async fn crowd(router: SocketAddr) -> Result<Vec<f64>> {
    let mut crowd = Crowd::new(SESSIONS)?;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(log_in(router).await?);
    }
    crowd.look()?;
    let pings = try_join_all(sessions.iter().map(|session| execute(session, PING)));
    let looking = async {
        tokio::time::sleep(INTO_PING).await;
        crowd.look()
    };
    let (pinged, looked) = tokio::join!(pings, looking);
    pinged?;
    looked?;
    Ok(crowd.into_figures())
}
