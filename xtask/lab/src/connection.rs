use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::server::{self, Config};
use russh::{Preferred, SshId, cipher, kex, mac};
use tokio::net::TcpStream;

use crate::counters::Open;
use crate::kexcut::KexCut;
use crate::router::Shared;
use crate::session::Session;
use crate::stream::FaultyStream;
use crate::{Stage, login, raw};

/// Attempts to log in before the router hangs up.
const AUTH_ATTEMPTS_MAX: usize = 6;

/// How long a refusal takes. Real routers take seconds, which tests would only wait for.
const AUTH_REJECTION_TIME: Duration = Duration::from_millis(5);

/// Bytes that the client may send ahead. A command line is short.
const WINDOW_BYTES: u32 = 256 * 1024;

const KEX: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::DH_G14_SHA256,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];
const CIPHERS: &[cipher::Name] = &[cipher::AES_256_GCM, cipher::AES_256_CTR, cipher::AES_128_CTR];
const MACS: &[mac::Name] = &[mac::HMAC_SHA256, mac::HMAC_SHA256_ETM, mac::HMAC_SHA512];

/// Serves one connection until it ends, at the latest when the lab stops.
pub(crate) async fn serve(router: Arc<Shared>, socket: TcpStream, open: Open) {
    // Without it every answer to a keystroke could wait for the client's acknowledgement.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(router = router.spec.name, %error, "no TCP_NODELAY");
    }
    let stop = router.stop.clone();
    let result = match raw::Script::of(&router) {
        Some(script) => {
            let played = stop.run_until_cancelled(raw::play(script, router.dialect, socket)).await;
            drop(open);
            played.unwrap_or(Ok(())).map_err(russh::Error::from)
        }
        None => serve_ssh(&router, socket, open).await,
    };
    // A connection that ends in an error is what this lab is for.
    tracing::debug!(router = router.spec.name, ?result, "connection ended");
}

async fn serve_ssh(
    router: &Arc<Shared>,
    socket: TcpStream,
    open: Open,
) -> Result<(), russh::Error> {
    let kex_cut = router.manner_at(Stage::HostKey).map(KexCut::new);
    // The SSH session runs in a task of the library, out of reach but for its stream: that ends
    // when this token is cancelled, also by the drop of this future.
    let ended = router.connections().child_token();
    let _end = ended.clone().drop_guard();
    let stream = FaultyStream::new(socket, ended, kex_cut, (open, router.tasks.token()));
    let session = Session::new(Arc::clone(router), stream.gate());
    let voice = session.voice();
    let running = server::run_stream(Arc::new(config(router)), stream, session).await?;
    voice.give(running.handle());
    running.await
}

fn config(router: &Shared) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed(&router.dialect.server_id)),
        methods: login::methods(&router.spec.login),
        auth_rejection_time: AUTH_REJECTION_TIME,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![router.host_key_shown()],
        window_size: WINDOW_BYTES,
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            ..Preferred::default()
        },
        max_auth_attempts: AUTH_ATTEMPTS_MAX,
        // A client that goes away is noticed by its socket.
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    }
}
