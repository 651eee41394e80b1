use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::BytesMut;
use driver_ssh::{SshConnector, SshFactory, SshSettings};
use lab::{DEFAULT_PASSWORD, DEFAULT_USER, Sickness, Stage};
use pool_core::{
    ConnectionConfig, Connector, Context, Credentials, Endpoint, Phase, ProtocolFactory, Request,
};

use super::cut::{Cut, Late};

/// Enough for a login on this machine, and for a command.
const LOGIN_LIMIT: Duration = Duration::from_millis(200);
const COMMAND_LIMIT: Duration = Duration::from_millis(100);
/// For what comes before the operation, to a router that is well so far.
const PATIENCE: Duration = Duration::from_secs(20);

/// Cuts the operation short that comes to the stage at which `router` is sick.
pub(super) async fn measure(
    sickness: Sickness,
    cut: Cut,
    router: SocketAddr,
) -> Result<Option<Late>> {
    let folder = tempfile::tempdir()?;
    let settings = Arc::new(SshSettings::new(folder.path().join("known_hosts")));
    let endpoint = Endpoint::new(router.ip().to_string(), router.port())?;
    let credentials = Credentials::password(DEFAULT_USER, DEFAULT_PASSWORD.to_owned());
    let config = ConnectionConfig::new(endpoint, "linux".into(), credentials);
    let sessions = SshFactory::new(settings.clone());
    let shells = SshConnector::new(settings.clone());
    let ready = Context::detached(PATIENCE);
    let stage = sickness.stage;
    let phase = phase_of(stage);
    Ok(match stage {
        Stage::Banner | Stage::KeyExchange | Stage::HostKey | Stage::Authentication => {
            let log_in =
                async |ctx: Context| sessions.create_with_context(&ctx, &config).await.map(drop);
            cut.measure(phase, LOGIN_LIMIT, &settings, log_in).await
        }
        Stage::Pty | Stage::Shell => {
            let open = async |ctx: Context| shells.connect(&ctx, &config).await.map(drop);
            cut.measure(phase, LOGIN_LIMIT, &settings, open).await
        }
        Stage::ChannelOpen | Stage::Exec | Stage::FirstByte | Stage::Reading => {
            let mut session = sessions.create_with_context(&ready, &config).await?;
            let request = Request::command("ping -c 5 198.51.100.1")?;
            let ping = async move |ctx: Context| session.execute(&ctx, &request).await.map(drop);
            cut.measure(phase, COMMAND_LIMIT, &settings, ping).await
        }
        Stage::Writing => {
            let mut shell = shells.connect(&ready, &config).await?;
            let write = async move |ctx: Context| loop {
                shell.write_all(&ctx, &[b'x'; 256 * 1024]).await?;
            };
            cut.measure(phase, COMMAND_LIMIT, &settings, write).await
        }
        Stage::Close => {
            let mut shell = shells.connect(&ready, &config).await?;
            let mut output = BytesMut::new();
            while !output.ends_with(b"$ ") {
                shell.read(&ready, &mut output).await?;
            }
            let close = async move |ctx: Context| shell.close(&ctx).await;
            cut.measure(phase, COMMAND_LIMIT, &settings, close).await
        }
        Stage::Disconnect => {
            let session = sessions.create_with_context(&ready, &config).await?;
            let close = async move |ctx: Context| session.close(&ctx).await;
            cut.measure(phase, COMMAND_LIMIT, &settings, close).await
        }
    })
}

/// The phase in which an operation waits at a stage.
fn phase_of(stage: Stage) -> Phase {
    match stage {
        Stage::Banner => Phase::Banner,
        Stage::KeyExchange | Stage::HostKey => Phase::KeyExchange,
        Stage::Authentication => Phase::Authentication,
        Stage::ChannelOpen => Phase::ChannelOpen,
        Stage::Pty => Phase::Pty,
        Stage::Shell => Phase::Shell,
        Stage::Exec | Stage::Writing => Phase::Write,
        Stage::FirstByte | Stage::Reading => Phase::Read,
        Stage::Close | Stage::Disconnect => Phase::Close,
    }
}
