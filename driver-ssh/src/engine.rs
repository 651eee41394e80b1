use std::io;
use std::sync::Arc;

use libssh2_sys as raw;
use pool_core::{Error, Phase, Result};
use ssh2::{BlockDirections, Channel, ErrorCode, Session};
use tokio::io::Interest;
use tokio::runtime::Handle;

use crate::auth::StandIn;
use crate::blocking::Threads;
use crate::drive::Place;
use crate::kill::KillSwitch;
use crate::progress::Progress;
use crate::server::ServerTexts;
use crate::socket::Socket;

/// The ssh2 objects of one session. They have one owner at any time: the session, or a thread that
/// works on them.
///
/// Dropping an engine ends the session: the kill switch fires, and the objects are freed on a
/// thread of their own, because libssh2 first works through what the peer has sent already.
pub(crate) struct Engine {
    parts: Option<Parts>,
    kill: KillSwitch,
    threads: Arc<Threads>,
    runtime: Handle,
    server: ServerTexts,
    place: Place,
    is_slow: bool,
    /// Whether the work that is being done has come to where it waits for input, and for nothing
    /// else.
    awaits_input: bool,
    /// Whether a reading has left half a packet behind, which makes the peer's window wider. Before
    /// the rest of it libssh2 sends nothing else, and only the same call sends it.
    reads_on: bool,
    /// What the engine is doing, kept up to date by whoever works on it.
    pub(crate) progress: Progress,
}

/// In the order in which they must be dropped.
struct Parts {
    agent: Option<StandIn>,
    channel: Option<Channel>,
    session: Session,
}

impl Engine {
    /// An engine on a connected socket.
    pub(crate) fn new(
        socket: Arc<Socket>,
        kill: KillSwitch,
        threads: Arc<Threads>,
    ) -> Result<Self> {
        let mut session = Session::new().map_err(|error| Error::Local {
            phase: Phase::Banner,
            message: error.message().to_owned(),
        })?;
        session.set_tcp_stream(socket);
        session.set_blocking(false);
        Ok(Self {
            parts: Some(Parts { agent: None, channel: None, session }),
            kill,
            threads,
            runtime: Handle::current(),
            server: ServerTexts::default(),
            place: Place::Apart,
            is_slow: false,
            awaits_input: false,
            reads_on: false,
            progress: Progress::new(Phase::Banner),
        })
    }

    /// Where the work is done that is being done.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Begins a stretch of work in `place`.
    pub(crate) fn begin(&mut self, place: Place) {
        self.place = place;
        self.awaits_input = false;
    }

    /// Whether the peer's algorithms take so much arithmetic that all work has to be done apart.
    pub(crate) fn is_slow(&self) -> bool {
        self.is_slow
    }

    pub(crate) fn set_slow(&mut self) {
        self.is_slow = true;
    }

    /// Frees the objects on the spot: for a session that has come to its end in good order, which
    /// takes microseconds.
    pub(crate) fn free(mut self) {
        self.kill.retire();
        self.parts = None;
    }

    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.parts_mut().session
    }

    /// The open channel.
    ///
    /// # Errors
    ///
    /// [`Fault::Failed`] when there is none: the caller has lost its way, and the session with it.
    pub(crate) fn channel(&mut self) -> Result<&mut Channel, Fault> {
        let Self { parts, progress, .. } = self;
        let channel = parts.as_mut().and_then(|parts| parts.channel.as_mut());
        channel.ok_or_else(|| {
            let message = "no channel is open".to_owned();
            Fault::Failed(Error::Local { phase: progress.phase(), message })
        })
    }

    pub(crate) fn has_channel(&self) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.channel.is_some())
    }

    pub(crate) fn set_channel(&mut self, channel: Channel) {
        self.parts_mut().channel = Some(channel);
    }

    /// Frees the channel. It must have been closed, or the peer keeps it open.
    pub(crate) fn drop_channel(&mut self) {
        self.parts_mut().channel = None;
    }

    /// Keeps what the server has said about itself.
    pub(crate) fn note_server(&mut self) {
        self.server = ServerTexts::of(self.session());
    }

    pub(crate) fn server(&self) -> &ServerTexts {
        &self.server
    }

    /// What stands in for an agent while a key of one is offered.
    pub(crate) fn agent(&mut self) -> &mut Option<StandIn> {
        &mut self.parts_mut().agent
    }

    /// What the socket must become before it makes sense to go on, which libssh2 knows when the
    /// latest call ended for want of it. To be asked for at the end of a stretch.
    pub(crate) fn awaited(&mut self) -> Interest {
        self.awaits_input = self.has_emptied_socket();
        match self.session().block_directions() {
            // Before the rest of a packet is sent, libssh2 takes nothing that comes in.
            BlockDirections::Outbound | BlockDirections::Both => Interest::WRITABLE,
            // Nothing in particular means that libssh2 waits for the peer.
            BlockDirections::Inbound | BlockDirections::None => Interest::READABLE,
        }
    }

    /// Whether the work since the latest [`begin`](Self::begin) has read all that had come
    /// in, and waits for more.
    pub(crate) fn awaits_input(&self) -> bool {
        self.awaits_input
    }

    /// Whether the latest look of libssh2 at the socket has found the end of what had come in. It
    /// waits for the peer then, and for nothing else.
    pub(crate) fn has_emptied_socket(&mut self) -> bool {
        matches!(self.session().block_directions(), BlockDirections::Inbound)
    }

    /// Notes how a reading has ended: whether it must be repeated before anything else is done.
    pub(crate) fn note_reading(&mut self, waits: bool) {
        self.reads_on = waits && self.awaited() == Interest::WRITABLE;
    }

    /// Whether the latest reading must be repeated before anything is sent.
    pub(crate) fn reads_on(&self) -> bool {
        self.reads_on
    }

    /// Whether libssh2 holds nothing of the open channel for whoever reads it, of any stream: no
    /// bytes and no end.
    ///
    /// # Errors
    ///
    /// As [`channel`](Self::channel).
    pub(crate) fn holds_nothing(&mut self) -> Result<bool, Fault> {
        let channel = self.channel()?;
        Ok(channel.read_window().available == 0 && !channel.eof())
    }

    /// The full error behind an `io::Error` of a channel, which has lost its code.
    pub(crate) fn io_fault(&mut self, error: &io::Error) -> Fault {
        if error.kind() == io::ErrorKind::WouldBlock {
            return Fault::Again;
        }
        match ssh2::Error::last_session_error(self.session()) {
            Some(error) => error.into(),
            None => Fault::Ssh(ssh2::Error::unknown()),
        }
    }

    fn parts_mut(&mut self) -> &mut Parts {
        self.parts.as_mut().expect("only Drop takes the parts out")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.kill.fire();
        if let Some(parts) = self.parts.take() {
            self.threads.graves().bury(&self.runtime, parts);
        }
    }
}

/// Why a piece of work on an engine did not come to its end.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It waits for the peer, and must be repeated as it was once the socket is ready.
    Again,
    /// There is more to do at once, and much of it: it is to be repeated on a thread of its own,
    /// and so is what comes after that.
    More,
    /// libssh2 failed.
    Ssh(ssh2::Error),
    /// It failed otherwise.
    Failed(Error),
}

impl From<ssh2::Error> for Fault {
    fn from(error: ssh2::Error) -> Self {
        if error.code() == ErrorCode::Session(raw::LIBSSH2_ERROR_EAGAIN) {
            Self::Again
        } else {
            Self::Ssh(error)
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
