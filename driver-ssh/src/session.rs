use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use pool_core::{Context, Error, ErrorKind, Phase, Result};
use ssh2::{DisconnectCode, Session};
use tokio::io::Interest;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::blocking::Threads;
use crate::channel::close_channel;
use crate::drive::Place;
use crate::engine::Engine;
use crate::haul::{Haul, read_on};
use crate::kill::KillSwitch;
use crate::server::ServerTexts;
use crate::socket::Socket;
use crate::work::Work;

/// How long a peer may take to close its side of a channel. It has been told to by then, and the
/// end of the connection tells it again.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// What the peer finds in its log.
const GOODBYE: &str = "done";

/// One SSH session, from the connected socket on.
///
/// It holds the socket's readiness, the kill switch and the ssh2 objects. Work on the latter is
/// done in stretches, between which the session is parked: see `drive` and `stretch`. What comes
/// in from a shell is read in `reading`.
pub(crate) struct SshSession {
    pub(crate) socket: Arc<Socket>,
    pub(crate) kill: KillSwitch,
    pub(crate) threads: Arc<Threads>,
    pub(crate) alarm: Alarm,
    pub(crate) state: State,
    /// Whether the latest stretch was cut off, and when that last happened.
    pub(crate) is_cut: bool,
    pub(crate) cut_at: Option<Instant>,
    /// Until when all work on the session is done apart, because its peer has kept a thread of the
    /// runtime busy.
    pub(crate) apart_until: Option<Instant>,
    /// For how long threads have worked on the handshake.
    pub(crate) busy: Duration,
    /// What a stretch brought that nobody has read yet.
    pub(crate) stash: BytesMut,
    /// Set while nothing can be read: what the socket must become first. To be readable means that
    /// libssh2 has handed out all that it has taken from the socket.
    pub(crate) drained: Option<Interest>,
    /// Whether the peer had more to say when the latest reading was full.
    pub(crate) is_in_flow: bool,
}

pub(crate) enum State {
    /// Nobody works on the session.
    Here(Engine),
    /// A thread reads. It is back soon, also when nobody waits for it any more.
    Reading(JoinHandle<Haul>),
    /// The session has ended.
    Gone,
}

impl SshSession {
    /// A session on a connected socket, with the timer of its login.
    pub(crate) fn new(socket: Arc<Socket>, threads: Arc<Threads>, alarm: Alarm) -> Result<Self> {
        let kill = KillSwitch::new(socket.clone());
        let engine = Engine::new(socket.clone(), kill.clone(), threads.clone())?;
        Ok(Self {
            socket,
            kill,
            threads,
            alarm,
            state: State::Here(engine),
            is_cut: false,
            cut_at: None,
            apart_until: None,
            busy: Duration::ZERO,
            stash: BytesMut::new(),
            drained: None,
            is_in_flow: false,
        })
    }

    /// Closes the channel, if one is open, and ends the session, as far as that can be done within
    /// `ctx`. Nothing of the session remains in any case.
    ///
    /// # Errors
    ///
    /// Why the peer could not be told.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future ends the session without the farewell.
    pub(crate) async fn close(mut self, ctx: &Context) -> Result<()> {
        let farewell = |engine: &mut Engine| {
            if engine.has_channel() {
                read_on(engine, &mut BytesMut::new())?;
                close_channel(engine)?;
            }
            Ok(engine.session().disconnect(Some(DisconnectCode::ByApplication), GOODBYE, None)?)
        };
        self.drive(&ctx.capped(CLOSE_WAIT), Phase::Close, farewell).await?;
        if let State::Here(engine) = std::mem::replace(&mut self.state, State::Gone) {
            engine.free();
        }
        Ok(())
    }

    /// Sends a disconnect message if that can be done at once; to be followed by the end.
    pub(crate) async fn say_goodbye(&mut self, ctx: &Context, code: DisconnectCode) {
        let mut phase = Phase::Close;
        let code = Some(code);
        let work =
            move |engine: &mut Engine| Ok(engine.session().disconnect(code, GOODBYE, None)?);
        // That the peer cannot be told changes nothing: there is an error to report already.
        self.stretch(Place::Here, ctx, &mut phase, Work::new(work)).await.ok();
    }

    /// `error`, or what is behind it, if it was not the peer but the way to it that broke.
    pub(crate) fn blame(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::DeadlineExceeded | ErrorKind::Cancelled | ErrorKind::Local => error,
            _ => self.socket.broken().unwrap_or(error),
        }
    }

    /// `error`, or that the peer has hung up, if it has and libssh2 made a violation of the
    /// protocol of it. In the key exchange and at the terminal it reports that it did not get what
    /// it waited for, whatever the reason.
    pub(crate) fn hung_up_or(&self, error: Error) -> Error {
        match error {
            Error::Protocol { phase, message } if self.socket.has_hung_up() => {
                let message = format!("the peer has hung up ({message})");
                Error::Disconnected { phase, message }
            }
            error => error,
        }
    }

    /// What the session's bytes go through.
    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// [`Socket::until_news`], and no longer than `ctx`.
    ///
    /// # Errors
    ///
    /// As [`wait_ready`](crate::readiness::wait_ready).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub(crate) async fn until_news(&mut self, ctx: &Context, phase: Phase) -> Result<bool> {
        let mut news = pin!(self.socket.until_news());
        let is_open = self.alarm.wait(ctx, phase, |cx| news.as_mut().poll(cx)).await?;
        is_open.map_err(|error| Error::Local { phase, message: error.to_string() })
    }

    /// What the server has said about itself, while nobody works on the session.
    pub(crate) fn server(&self) -> Option<&ServerTexts> {
        match &self.state {
            State::Here(engine) => Some(engine.server()),
            State::Reading(_) | State::Gone => None,
        }
    }

    /// Whether the server has shown a text before the login.
    pub(crate) fn has_shown_banner(&self) -> bool {
        self.server().is_none_or(|server| server.banner.is_some())
    }

    /// The ssh2 object, while nobody works on the session.
    pub(crate) fn parked(&mut self) -> Option<&Session> {
        match &mut self.state {
            State::Here(engine) => Some(engine.session()),
            State::Reading(_) | State::Gone => None,
        }
    }

    /// Whether a thread reads, for whoever has asked for that.
    pub(crate) fn is_being_read(&self) -> bool {
        matches!(self.state, State::Reading(_))
    }

    /// Whether the session has ended on our side.
    pub(crate) fn is_dead(&self) -> bool {
        self.kill.is_fired()
    }

    /// Ends the session without a farewell. What is left of it is freed when it is dropped.
    pub(crate) fn kill(&self) {
        self.kill.fire();
    }
}

/// The error for work on a session that has ended.
pub(crate) fn has_ended(phase: Phase) -> Error {
    Error::Disconnected { phase, message: "the session has ended".to_owned() }
}

impl Drop for SshSession {
    fn drop(&mut self) {
        // The engine may be with a thread; this is what makes it come back.
        self.kill.fire();
    }
}

impl fmt::Debug for SshSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SshSession")
            .field("socket", &self.socket)
            .field("dead", &self.is_dead())
            .finish_non_exhaustive()
    }
}
