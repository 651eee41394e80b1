//! Servers that speak without a pause behind the login: encrypted packets that mean nothing, which
//! no window limits and no answer slows down.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::server::{self, Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Session};
use russh::{Channel, ChannelId, Pty};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};

/// How many packets are written before the server looks for others.
const BURST: usize = 64;

/// What a torrent comes in place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TorrentAt {
    /// The answer to the request for a terminal.
    Pty,
    /// The answer to the request to execute a command.
    Exec,
    /// What the command prints.
    Output,
}

impl TorrentAt {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pty, Self::Exec, Self::Output];
}

/// A server on loopback that lets everybody in and then talks without end. It ends with the value.
#[derive(Debug)]
pub struct Torrent {
    address: SocketAddr,
    listener: JoinHandle<()>,
}

impl Torrent {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When no port is free, or no host key can be made.
    pub async fn start(at: TorrentAt) -> io::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = socket.local_addr()?;
        let pair = Ed25519Keypair::from_seed(&[7; 32]);
        let key = PrivateKey::new(KeypairData::from(pair), "test").map_err(io::Error::other)?;
        let config = Arc::new(Config { keys: vec![key], ..Config::default() });
        let listener = tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                let client = Client { at, speaker: None };
                // Whoever hangs up in the middle of it is gone.
                if let Ok(session) = server::run_stream(config.clone(), stream, client).await {
                    tokio::spawn(session);
                }
            }
        });
        Ok(Self { address, listener })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Torrent {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

/// The connection of one client.
struct Client {
    at: TorrentAt,
    speaker: Option<AbortHandle>,
}

impl Client {
    /// Whether the request that belongs to `at` goes without an answer from here on.
    fn begins(&mut self, at: TorrentAt, handle: Handle, channel: ChannelId) -> bool {
        if self.at == at {
            self.speaker = Some(tokio::spawn(speak(handle, channel)).abort_handle());
        }
        self.at == at
    }
}

impl Drop for Client {
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

impl Handler for Client {
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
        if self.begins(TorrentAt::Pty, session.handle(), channel) {
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
        if self.begins(TorrentAt::Exec, session.handle(), channel) {
            return Ok(());
        }
        session.channel_success(channel)?;
        self.begins(TorrentAt::Output, session.handle(), channel);
        Ok(())
    }
}
