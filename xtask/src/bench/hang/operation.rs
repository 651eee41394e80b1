use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::Result;
use bytes::BytesMut;
use driver_ssh::{SshConnector, SshFactory, SshSettings};
use lab::{DEFAULT_PASSWORD, DEFAULT_USER, Stage, TorrentAt};
use parking_lot::Mutex;
use pool_core::{
    ConnectionConfig, Connector, Context, Credentials, Endpoint, ProtocolFactory, Request,
};

use super::case::Case;
use super::cut::{Cut, Late};

/// Enough for a login on this machine, and for a command.
const LOGIN_LIMIT: Duration = Duration::from_millis(200);
const COMMAND_LIMIT: Duration = Duration::from_millis(100);
/// For what comes before the operation, to a router that is well so far.
const PATIENCE: Duration = Duration::from_secs(20);
/// A router whose name is looked up.
const NAME: &str = "edge-1.example";

/// Cuts the operation short that comes to what holds it, at `router`.
pub(super) async fn measure(case: Case, cut: Cut, router: SocketAddr) -> Result<Option<Late>> {
    let folder = tempfile::tempdir()?;
    // Held until the measurement is over, and with it the lookup.
    let (_answer, resolver) = silent_resolver();
    let settings = SshSettings::new(folder.path().join("known_hosts")).with_resolver(resolver);
    let settings = Arc::new(settings);
    let host = if case == Case::Unresolved { NAME.to_owned() } else { router.ip().to_string() };
    let endpoint = Endpoint::new(host, router.port())?;
    let credentials = Credentials::password(DEFAULT_USER, DEFAULT_PASSWORD.to_owned());
    let config = ConnectionConfig::new(endpoint, "linux".into(), credentials);
    let sessions = SshFactory::new(settings.clone());
    let shells = SshConnector::new(settings.clone());
    let ready = Context::detached(PATIENCE);
    let phase = case.phase();
    let stage = match case {
        // A part of a login, like the rest of it.
        Case::Unresolved | Case::Unaccepted => Stage::Banner,
        Case::Sick(sickness) => sickness.stage,
        Case::Torrent(TorrentAt::Pty) => Stage::Pty,
        Case::Torrent(TorrentAt::Exec) => Stage::Exec,
        Case::Torrent(TorrentAt::Output) => Stage::Reading,
    };
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

/// What a silent name server does to a resolver, until the sender is dropped.
fn silent_resolver()
-> (mpsc::Sender<()>, impl Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) {
    let (answer, waiting) = mpsc::channel();
    let waiting = Mutex::new(waiting);
    let resolver = move |_: &str, _: u16| {
        waiting.lock().recv().ok();
        Err(io::ErrorKind::TimedOut.into())
    };
    (answer, resolver)
}
