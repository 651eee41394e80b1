use std::time::Duration;

use bytes::Bytes;
use russh::ChannelId;
use russh::server::Handle;
use tokio::task::JoinSet;

use crate::Manner;
use crate::flood::Voice;
use crate::stream::Gate;

/// The client's terminal is out of reach: it has closed the channel or the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// SSH's number of the error stream (RFC 4254, section 5.2).
const STDERR: u32 = 1;

/// A moment for the network to carry away what was written last, before a connection is cut.
const CUT_PAUSE: Duration = Duration::from_millis(5);

/// How long a router that hangs up waits for the client to close its channel. Less, and clients
/// that end by the end of the connection lose what they have not printed yet.
const HANG_UP_AFTER: Duration = Duration::from_millis(200);

/// Where a shell prints: one channel of a connection.
#[derive(Debug)]
pub(crate) struct Output {
    handle: Handle,
    channel: ChannelId,
    gate: Gate,
}

impl Output {
    pub(crate) fn new(handle: Handle, channel: ChannelId, gate: Gate) -> Self {
        Self { handle, channel, gate }
    }

    /// Prints, and waits until the bytes are on their way. A client that does not read makes it
    /// wait.
    ///
    /// # Cancel safety
    /// The bytes may be printed or not.
    pub(crate) async fn write(&self, bytes: impl Into<Bytes>) -> Result<(), Gone> {
        let bytes = bytes.into();
        let mark = self.mark_behind(&bytes);
        self.handle.data(self.channel, bytes).await.map_err(|_| Gone)?;
        self.gate.reached(mark).await;
        Ok(())
    }

    /// Prints on the error stream.
    pub(crate) async fn write_error(&self, bytes: impl Into<Bytes>) -> Result<(), Gone> {
        let bytes = bytes.into();
        let mark = self.mark_behind(&bytes);
        self.handle.extended_data(self.channel, STDERR, bytes).await.map_err(|_| Gone)?;
        self.gate.reached(mark).await;
        Ok(())
    }

    /// Ends the session in good order, and the connection too when the device hangs up: as soon
    /// as the client has closed its channel, or a little later without that.
    pub(crate) async fn end(&self, exit_status: u32, hang_up: bool) -> Result<(), Gone> {
        let gone = |()| Gone;
        if hang_up {
            self.gate.leave();
        }
        self.handle.exit_status_request(self.channel, exit_status).await.map_err(gone)?;
        self.handle.eof(self.channel).await.map_err(gone)?;
        self.handle.close(self.channel).await.map_err(gone)?;
        if hang_up {
            tokio::time::sleep(HANG_UP_AFTER).await;
            self.gate.close();
        }
        Ok(())
    }

    /// Nothing leaves the router any more but what this manner brings. Does not return.
    pub(crate) async fn fall_sick(&self, manner: Manner) -> Result<(), Gone> {
        match manner {
            Manner::Flood => {
                let mut chatter = JoinSet::new();
                let voice = Voice::default();
                voice.give(self.handle.clone());
                voice.chatter(&mut chatter);
                while chatter.join_next().await.is_some() {}
            }
            Manner::Reset | Manner::HalfClose => {
                tokio::time::sleep(CUT_PAUSE).await;
                self.gate.spoil(manner);
            }
            Manner::Silent | Manner::Drip | Manner::Garbage => self.gate.spoil(manner),
        }
        std::future::pending().await
    }

    fn mark_behind(&self, bytes: &Bytes) -> u64 {
        // Encrypted they are more, so that the mark is reached once they are written.
        self.gate.written() + u64::try_from(bytes.len()).unwrap_or(u64::MAX)
    }
}
