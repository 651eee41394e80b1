//! An SSH client that waits no longer than a test should.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lab::{DEFAULT_PASSWORD, DEFAULT_USER, Lab, LabRouter, RouterSpec};
use parking_lot::Mutex;
use russh::client::{self, AuthResult, Config, Handle, Handler, Msg};
use russh::keys::{HashAlg, PublicKeyOrCertificate};
use russh::{Channel, ChannelMsg};
use tokio::net::TcpStream;

/// Nothing on loopback takes so long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Long enough to say that a router has stalled.
pub(crate) const SILENCE: Duration = Duration::from_millis(300);

/// Fails the test when the future takes too long.
#[track_caller]
pub(crate) fn within<T>(future: impl Future<Output = T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(value) => value,
            Err(_) => panic!("no answer, waited for at {caller}"),
        }
    }
}

/// Whether the future is still waiting after [`SILENCE`].
pub(crate) async fn is_stalled<T>(future: impl Future<Output = T>) -> bool {
    tokio::time::timeout(SILENCE, future).await.is_err()
}

/// Waits until the condition holds.
#[track_caller]
pub(crate) fn eventually(condition: impl Fn() -> bool) -> impl Future<Output = ()> {
    within(async move {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
}

/// A lab of one router, named `r1` by its spec.
pub(crate) async fn lab_of(spec: RouterSpec) -> (Lab, LabRouter) {
    let lab = Lab::start(vec![spec]).await.expect("the lab starts");
    let router = lab.routers()[0].clone();
    (lab, router)
}

/// Notes the server's key and accepts it.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnyKey {
    pub(crate) fingerprint: Arc<Mutex<String>>,
}

impl Handler for AnyKey {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        if let PublicKeyOrCertificate::PublicKey { key, .. } = key {
            *self.fingerprint.lock() = key.fingerprint(HashAlg::Sha256).to_string();
        }
        Ok(true)
    }
}

/// Closes the client's socket when dropped, whatever the client's library still holds.
pub(crate) struct HangUp(std::net::TcpStream);

impl Drop for HangUp {
    fn drop(&mut self) {
        // The router may have been faster.
        let _closed_already = self.0.shutdown(std::net::Shutdown::Both).is_err();
    }
}

/// A socket to the router.
pub(crate) async fn socket(router: &LabRouter) -> (TcpStream, HangUp) {
    let socket = TcpStream::connect(router.address()).await.expect("connected");
    let socket = socket.into_std().expect("a socket");
    let hang_up = HangUp(socket.try_clone().expect("a second descriptor"));
    (TcpStream::from_std(socket).expect("a socket"), hang_up)
}

/// A connection before login, with the fingerprint of the key that was shown.
pub(crate) async fn connect(router: &LabRouter) -> Result<(Handle<AnyKey>, String), russh::Error> {
    let seen = AnyKey::default();
    let config = Arc::new(Config { inactivity_timeout: None, ..Config::default() });
    let handle = client::connect(config, router.address(), seen.clone()).await?;
    let fingerprint = seen.fingerprint.lock().clone();
    Ok((handle, fingerprint))
}

/// A connection that is logged in by password.
pub(crate) async fn logged_in(router: &LabRouter) -> Handle<AnyKey> {
    let (mut handle, _) = within(connect(router)).await.expect("connected");
    let result = within(handle.authenticate_password(DEFAULT_USER, DEFAULT_PASSWORD)).await;
    assert!(matches!(result, Ok(AuthResult::Success)), "{result:?}");
    handle
}

/// What a command that was executed left behind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Executed {
    pub(crate) output: String,
    pub(crate) errors: String,
    pub(crate) exit_status: Option<u32>,
}

/// Executes a command on a channel of its own.
pub(crate) async fn execute(handle: &Handle<AnyKey>, command: &str) -> Executed {
    let mut channel = within(handle.channel_open_session()).await.expect("a channel");
    within(channel.exec(true, command)).await.expect("executed");
    let mut executed = Executed::default();
    while let Some(message) = within(channel.wait()).await {
        match message {
            ChannelMsg::Data { data } => executed.output += &String::from_utf8_lossy(&data),
            ChannelMsg::ExtendedData { data, .. } => {
                executed.errors += &String::from_utf8_lossy(&data);
            }
            ChannelMsg::ExitStatus { exit_status } => executed.exit_status = Some(exit_status),
            _ => {}
        }
    }
    executed
}

/// An interactive shell.
pub(crate) struct Typist {
    channel: Channel<Msg>,
    unread: String,
    _handle: Handle<AnyKey>,
}

impl Typist {
    /// Logs in and opens a shell on a terminal of this kind.
    pub(crate) async fn start(router: &LabRouter, terminal: &str) -> Self {
        let handle = logged_in(router).await;
        let channel = within(handle.channel_open_session()).await.expect("a channel");
        within(channel.request_pty(true, terminal, 511, 24, 0, 0, &[])).await.expect("a pty");
        within(channel.request_shell(true)).await.expect("a shell");
        Self { channel, unread: String::new(), _handle: handle }
    }

    pub(crate) async fn send(&self, text: &str) {
        within(self.channel.data_bytes(text.as_bytes().to_vec())).await.expect("sent");
    }

    /// Everything up to and with this text.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.unread.find(text) {
                let rest = self.unread.split_off(at + text.len());
                return std::mem::replace(&mut self.unread, rest);
            }
            let unread = self.unread.clone();
            let more = tokio::time::timeout(PATIENCE, self.more()).await;
            match more {
                Ok(true) => {}
                Ok(false) => panic!("ended before {text:?}: {unread:?}"),
                Err(_) => panic!("no {text:?} in {unread:?}"),
            }
        }
    }

    /// Everything until the shell ends.
    pub(crate) async fn until_end(mut self) -> String {
        while within(self.more()).await {}
        self.unread
    }

    /// Reads a little more; false when the shell has ended.
    pub(crate) async fn more(&mut self) -> bool {
        match self.channel.wait().await {
            Some(ChannelMsg::Data { data }) => {
                self.unread += &String::from_utf8_lossy(&data);
                true
            }
            Some(ChannelMsg::Close) | None => false,
            Some(_) => true,
        }
    }
}
