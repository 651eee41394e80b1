use std::fmt::Debug;

use async_trait::async_trait;
use bytes::BytesMut;

use crate::{ConnectionConfig, Context, Result};

/// A stream of bytes to and from a device's interactive shell. It knows nothing of prompts.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait Transport: Debug + Send {
    /// Waits for bytes and appends them to `buffer`; returns how many, or 0 when the peer has
    /// closed its side for good.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded` and `Cancelled` in phase `Read`, and `Disconnected`.
    ///
    /// # Cancel safety
    ///
    /// A read that ends at its deadline, is cancelled or is dropped while nothing has come in has
    /// taken no byte, and the transport can be read again. This is how a caller waits for a quiet
    /// moment: it reads under a shortened context.
    async fn read(&mut self, ctx: &Context, buffer: &mut BytesMut) -> Result<usize>;

    /// Whether everything that the device has said so far has been read. Never waits; `false`
    /// where that cannot be told without waiting, which is what a transport says by default.
    ///
    /// Whoever knows it needs no timed read to find out.
    fn is_drained(&mut self) -> bool {
        false
    }

    /// Whether the latest read or write has found the end of what the device had said by then. As
    /// [`is_drained`](Self::is_drained), which is what a transport says by default, for whoever has
    /// just read: it need not look again. Never waits.
    fn was_drained(&mut self) -> bool {
        self.is_drained()
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded` and `Cancelled` in phase `Write`, and `Disconnected`.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: a part may have been written, and the transport must be closed.
    async fn write_all(&mut self, ctx: &Context, bytes: &[u8]) -> Result<()>;

    /// Ends the session in good order if that can be done within the context, and drops it in any
    /// case. Dropping a transport instead also frees everything on our side, without a farewell.
    ///
    /// # Errors
    ///
    /// Why the farewell failed. The transport is gone all the same.
    async fn close(self: Box<Self>, ctx: &Context) -> Result<()>;
}

/// Opens [`Transport`]s: logs in and starts an interactive shell.
#[cfg_attr(any(test, feature = "test-util"), mockall::automock)]
#[async_trait]
pub trait Connector: Debug + Send + Sync {
    /// Connects, logs in, and starts a shell on a terminal that is wide enough for any command.
    ///
    /// # Errors
    ///
    /// Whatever stage failed, with its phase.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: when dropped, the connection is shut down and nothing of it remains.
    async fn connect(&self, ctx: &Context, config: &ConnectionConfig)
    -> Result<Box<dyn Transport>>;
}
