//! Servers that speak without a pause behind the login: encrypted packets that mean nothing, which
//! no window limits and no answer slows down. And what they do to others on the same thread.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use driver_ssh::{SshFactory, SshSettings};
use pool_core::{Context, ErrorKind, Phase, ProtocolFactory, Request};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::server::{self, Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Session};
use russh::{Channel, ChannelId, Pty};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cut::Cut;
use crate::rig::{Rig, config, lab_of, on_peers, patient};

/// How many packets are written before the server looks for others.
const BURST: usize = 64;
/// Far more than a flood and a few commands take.
const THREAD_TIME_MAX: Duration = Duration::from_secs(40);

/// Where the server begins to talk without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Pty,
    Exec,
    Output,
}

struct Torrent {
    at: At,
    speaker: Option<JoinHandle<()>>,
}

impl Torrent {
    /// Whether the request that belongs to `at` goes without an answer from here on.
    fn begins(&mut self, at: At, handle: Handle, channel: ChannelId) -> bool {
        if self.at == at {
            self.speaker = Some(tokio::spawn(speak(handle, channel)));
        }
        self.at == at
    }
}

impl Drop for Torrent {
    fn drop(&mut self) {
        if let Some(speaker) = &self.speaker {
            speaker.abort();
        }
    }
}

/// Tells the client again and again whether it may do flow control (RFC 4254, section 6.8), which
/// asks for no reply.
async fn speak(handle: Handle, channel: ChannelId) {
    loop {
        for _ in 0..BURST {
            if handle.xon_xoff_request(channel, true).await.is_err() {
                return;
            }
        }
        tokio::task::yield_now().await;
    }
}

impl Handler for Torrent {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, _: &str) -> Result<Auth, Self::Error> {
        Ok(Auth::Accept)
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.begins(At::Pty, session.handle(), channel) {
            return Ok(());
        }
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        _: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.begins(At::Exec, session.handle(), channel) {
            return Ok(());
        }
        session.channel_success(channel)?;
        self.begins(At::Output, session.handle(), channel);
        Ok(())
    }
}

fn torrent(at: At) -> SocketAddr {
    on_peers(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let pair = Ed25519Keypair::from_seed(&[7; 32]);
        let key = PrivateKey::new(KeypairData::from(pair), "test").unwrap();
        let config = Arc::new(Config { keys: vec![key], ..Config::default() });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let handler = Torrent { at, speaker: None };
                let session = server::run_stream(config.clone(), stream, handler).await.unwrap();
                tokio::spawn(session);
            }
        });
        address
    })
}

#[track_caller]
fn check(at: At, phase: Phase) {
    for cut in Cut::ALL {
        let rig = Rig::new();
        let peer = torrent(at);
        let config = config(peer);
        rig.run(cut.apply(phase, async |ctx: Context| {
            if at == At::Pty {
                return rig.shell(&ctx, &config).await.map(drop);
            }
            let mut session = rig.exec(&ctx, &config).await?;
            session.execute(&ctx, &Request::command("hostname")?).await.map(drop)
        }));
        rig.assert_nothing_remains(peer);
    }
}

#[test]
fn an_encrypted_flood_in_place_of_a_terminal() {
    check(At::Pty, Phase::Pty);
}

#[test]
fn an_encrypted_flood_in_place_of_the_start_of_a_command() {
    check(At::Exec, Phase::Write);
}

#[test]
fn an_encrypted_flood_in_place_of_output() {
    check(At::Output, Phase::Read);
}

#[test]
fn a_flood_leaves_its_turn_to_everybody_else_on_the_same_thread() {
    let flood = config(torrent(At::Output));
    let lab = lab_of(|spec| spec);
    let healthy = config(lab.router("r").address());
    let dir = tempfile::tempdir().unwrap();
    let factory = SshFactory::new(Arc::new(SshSettings::new(dir.path().join("known_hosts"))));
    // One thread for both. If the flood kept it, nothing on it could see that: somebody else does.
    let (done, result) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(async {
            let mut flooded = factory.create_with_context(&patient(), &flood).await.unwrap();
            let mut session = factory.create_with_context(&patient(), &healthy).await.unwrap();
            let request = Request::command("hostname").unwrap();
            let cancel = CancellationToken::new();
            let (flood_ctx, ctx) = (Context::new(&cancel, THREAD_TIME_MAX), patient());
            let commands = async {
                for _ in 0..100 {
                    session.execute(&ctx, &request).await.unwrap();
                }
                cancel.cancel();
            };
            tokio::join!(flooded.execute(&flood_ctx, &request), commands).0.unwrap_err()
        });
        done.send(error).unwrap();
    });
    let error = result.recv_timeout(THREAD_TIME_MAX).expect("the flood has the thread");
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Cancelled, Some(Phase::Read)));
}
