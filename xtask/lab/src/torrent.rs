//! Servers that speak without a pause behind the login: encrypted packets that mean nothing, which
//! no window limits and no answer slows down.

use std::io;
use std::net::SocketAddr;

use russh::server::{Auth, ChannelOpenHandle, Handle, Handler, Msg, Session};
use russh::{Channel, ChannelId, Pty};
use tokio::task::AbortHandle;

use crate::bare::BareServer;

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
pub struct Torrent(BareServer);

impl Torrent {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// As [`BareServer::start`].
    pub async fn start(at: TorrentAt) -> io::Result<Self> {
        BareServer::start(move || Client { at, speaker: None }).await.map(Self)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
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
