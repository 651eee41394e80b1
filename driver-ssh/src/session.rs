use std::fmt;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use pool_core::{Context, Error, ErrorKind, Phase, Result};
use ssh2::DisconnectCode;
use tokio::io::Interest;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout};

use crate::alarm::Alarm;
use crate::blocking::{Threads, lost};
use crate::channel::close_channel;
use crate::engine::{Engine, Fault};
use crate::error::{in_phase, session_error};
use crate::haul::{Haul, HaulEnd, haul, read_available};
use crate::kill::KillSwitch;
use crate::progress::Progress;
use crate::server::ServerTexts;
use crate::socket::{Socket, wait_ready};

/// How long a thread whose session was just killed is waited for, so that nothing of it is left
/// when the caller is told. A killed libssh2 call is back within 2 ms, unless it is being flooded.
const RETURN_WAIT: Duration = Duration::from_millis(10);
/// How long a peer may take to close its side of a channel. It has been told to by then, and the
/// end of the connection tells it again.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// What the peer finds in its log.
const GOODBYE: &str = "done";

/// One SSH session, from the connected socket on.
///
/// It holds the socket's readiness, the kill switch and the ssh2 objects, and moves the latter to
/// a thread for each stretch of work. While the peer is waited for no thread is taken.
pub(crate) struct SshSession {
    socket: Arc<Socket>,
    kill: KillSwitch,
    threads: Arc<Threads>,
    alarm: Alarm,
    state: State,
    /// What a stretch brought that nobody has read yet.
    stash: BytesMut,
    /// Set while libssh2 has handed out all that it has taken from the socket: what the socket
    /// must become before there can be more.
    drained: Option<Interest>,
}

enum State {
    /// Nobody works on the session.
    Here(Engine),
    /// A thread reads. It is back soon, also when nobody waits for it any more.
    Reading(JoinHandle<Haul>),
    /// The session has ended.
    Gone,
}

impl SshSession {
    pub(crate) fn new(socket: Arc<Socket>, threads: Arc<Threads>) -> Result<Self> {
        let kill = KillSwitch::new(socket.clone());
        let engine = Engine::new(socket.clone(), kill.clone(), threads.clone())?;
        Ok(Self {
            socket,
            kill,
            threads,
            alarm: Alarm::new(),
            state: State::Here(engine),
            stash: BytesMut::new(),
            drained: None,
        })
    }

    /// Works on the session until `work` is done: on a thread while there is something to do, and
    /// parked on the socket while there is not. `work` is repeated for as long as it returns
    /// [`Fault::Again`] or [`Fault::More`].
    ///
    /// # Errors
    ///
    /// Whatever `work` failed with, `DeadlineExceeded` and `Cancelled`, in the phase the work had
    /// come to. After any error the session is dead.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping the future kills the session. Nothing of it remains.
    pub(crate) async fn drive<T, W>(&mut self, ctx: &Context, phase: Phase, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        self.drive_after(ctx, phase, None, work).await
    }

    /// [`drive`](Self::drive), for work that an earlier one has left waiting: it starts only when
    /// the socket is `awaited`.
    pub(crate) async fn drive_after<T, W>(
        &mut self,
        ctx: &Context,
        phase: Phase,
        awaited: Option<Interest>,
        work: W,
    ) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        let guard = self.kill.guard();
        let result = self.drive_on(ctx, phase, awaited, work).await;
        match &result {
            Ok(_) => guard.disarm(),
            Err(_) => drop(guard),
        }
        result.map_err(|error| self.blame(error))
    }

    /// `error`, or what is behind it, if it was not the peer but the way to it that broke.
    fn blame(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::DeadlineExceeded | ErrorKind::Cancelled | ErrorKind::Local => error,
            _ => self.socket.broken().unwrap_or(error),
        }
    }

    async fn drive_on<T, W>(
        &mut self,
        ctx: &Context,
        phase: Phase,
        awaited: Option<Interest>,
        mut work: W,
    ) -> Result<T>
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        self.settle(ctx, phase).await?;
        let mut phase = phase;
        ctx.check(phase)?;
        ctx.enter(phase);
        if let Some(awaited) = awaited {
            wait_ready(&self.socket, ctx, &mut self.alarm, phase, awaited).await?;
        }
        loop {
            let stretch = self.stretch(ctx, &mut phase, work).await?;
            work = stretch.work;
            match stretch.result {
                Ok(value) => return Ok(value),
                Err(Fault::More) => {}
                Err(Fault::Again) => {
                    let alarm = &mut self.alarm;
                    wait_ready(&self.socket, ctx, alarm, phase, stretch.awaited).await?;
                }
                Err(Fault::Ssh(error)) => {
                    return Err(self.hung_up_or(session_error(&error, phase)));
                }
                Err(Fault::Failed(error)) => return Err(error),
            }
        }
    }

    /// One stretch of `work` on a thread.
    async fn stretch<T, W>(
        &mut self,
        ctx: &Context,
        phase: &mut Phase,
        mut work: W,
    ) -> Result<Stretch<T, W>>
    where
        T: Send + 'static,
        W: FnMut(&mut Engine) -> Result<T, Fault> + Send + 'static,
    {
        let permit = self.threads.permit(ctx, *phase).await?;
        let mut engine = self.take_engine(*phase)?;
        // Whatever libssh2 does, it may take packets from the socket and keep them.
        self.drained = None;
        let progress = engine.progress.clone();
        progress.enter(*phase);
        let mut thread = permit.run(move || {
            let result = work(&mut engine);
            let awaited = engine.awaited();
            (engine, Stretch { work, result, awaited })
        });
        let ended = tokio::select! {
            biased;
            joined = &mut thread => {
                let (engine, stretch) = joined.map_err(|error| lost(*phase, &error))?;
                if progress.phase() != *phase {
                    *phase = progress.phase();
                    ctx.enter(*phase);
                }
                self.state = State::Here(engine);
                return Ok(stretch);
            }
            error = outlasted(ctx, &mut self.alarm, *phase, &progress) => error,
        };
        self.kill.fire();
        // A thread that is being flooded takes longer; how far it has got is known without it.
        timeout(RETURN_WAIT, thread).await.ok();
        ctx.enter(progress.phase());
        Err(in_phase(ended, progress.phase()))
    }

    /// Waits for bytes of the open channel and appends them to `buffer`; 0 when the peer has
    /// closed its side.
    ///
    /// # Errors
    ///
    /// `DeadlineExceeded` and `Cancelled`, after which the session can still be read, and
    /// whatever breaks it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what a thread reads after its reader has gone is kept for the next one.
    pub(crate) async fn read(&mut self, ctx: &Context, buffer: &mut BytesMut) -> Result<usize> {
        ctx.check(Phase::Read)?;
        ctx.enter(Phase::Read);
        loop {
            if !self.stash.is_empty() {
                let count = self.stash.len();
                buffer.unsplit(self.stash.split());
                return Ok(count);
            }
            if let (Some(interest), State::Here(_)) = (self.drained, &self.state) {
                wait_ready(&self.socket, ctx, &mut self.alarm, Phase::Read, interest).await?;
            }
            self.begin_reading(ctx).await?;
            match self.end_reading(ctx, Phase::Read).await? {
                // Bytes first: an end or a failure behind them shows again at the next read.
                _ if !self.stash.is_empty() => {}
                Some(HaulEnd::Eof) => return Ok(0),
                Some(HaulEnd::Broken(error)) => {
                    self.kill.fire();
                    return Err(self.blame(error));
                }
                Some(HaulEnd::Drained(_) | HaulEnd::Full) | None => {}
            }
        }
    }

    /// Writes all of `bytes` to the open channel, and keeps what has come in meanwhile: both take
    /// one stretch.
    ///
    /// # Errors
    ///
    /// As [`drive`](Self::drive).
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: as `drive`.
    pub(crate) async fn write_all(&mut self, ctx: &Context, bytes: &[u8]) -> Result<()> {
        let mut left = BytesMut::from(bytes);
        let work = move |engine: &mut Engine| {
            while !left.is_empty() {
                let result = engine.channel()?.write(&left);
                match result.map_err(|error| engine.io_fault(&error))? {
                    // The device's window is full: it has to read first.
                    0 => return Err(Fault::Again),
                    written => drop(left.split_to(written)),
                }
            }
            let mut read = BytesMut::new();
            // An end or a failure shows again at the next read, which is there to tell of it.
            let end = read_available(engine, &mut read);
            Ok((read, end))
        };
        let (read, end) = self.drive(ctx, Phase::Write, work).await?;
        self.keep(read, &end);
        Ok(())
    }

    async fn begin_reading(&mut self, ctx: &Context) -> Result<()> {
        if matches!(self.state, State::Reading(_)) {
            return Ok(());
        }
        let permit = self.threads.permit(ctx, Phase::Read).await?;
        let engine = self.take_engine(Phase::Read)?;
        engine.progress.enter(Phase::Read);
        self.state = State::Reading(permit.run(move || haul(engine)));
        Ok(())
    }

    /// Waits for the thread that reads, if there is one, and stashes what it brings.
    async fn end_reading(&mut self, ctx: &Context, phase: Phase) -> Result<Option<HaulEnd>> {
        let State::Reading(thread) = &mut self.state else { return Ok(None) };
        let joined: Result<Haul, JoinError> = tokio::select! {
            biased;
            joined = thread => joined,
            ended = self.alarm.ended(ctx, phase) => return Err(ended),
        };
        self.state = State::Gone;
        let haul = joined.map_err(|error| lost(phase, &error))?;
        self.state = State::Here(haul.engine);
        self.keep(haul.bytes, &haul.end);
        Ok(Some(haul.end))
    }

    /// Keeps what was read for whoever reads next.
    fn keep(&mut self, bytes: BytesMut, end: &HaulEnd) {
        self.stash.unsplit(bytes);
        self.drained = match end {
            HaulEnd::Drained(interest) => Some(*interest),
            HaulEnd::Full | HaulEnd::Eof | HaulEnd::Broken(_) => None,
        };
    }

    /// Whether nothing has come in that has not been read, as far as that can be told at once.
    pub(crate) fn is_drained(&self) -> bool {
        let idle = matches!(self.state, State::Here(_)) && self.stash.is_empty();
        idle && self.drained.is_some() && !self.socket.has_input()
    }

    /// Gets the session back from a thread that reads for somebody who has gone.
    async fn settle(&mut self, ctx: &Context, phase: Phase) -> Result<()> {
        self.end_reading(ctx, phase).await.map(drop)
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
                close_channel(engine)?;
            }
            Ok(engine.session().disconnect(Some(DisconnectCode::ByApplication), GOODBYE, None)?)
        };
        self.drive(&ctx.capped(CLOSE_WAIT), Phase::Close, farewell).await
    }

    /// Sends a disconnect message if that can be done at once; to be followed by the end.
    pub(crate) async fn say_goodbye(&mut self, ctx: &Context, code: DisconnectCode) {
        let mut phase = Phase::Close;
        let code = Some(code);
        let work =
            move |engine: &mut Engine| Ok(engine.session().disconnect(code, GOODBYE, None)?);
        // That the peer cannot be told changes nothing: there is an error to report already.
        self.stretch(ctx, &mut phase, work).await.ok();
    }

    /// `error`, or that the peer has hung up, if it has and libssh2 made a violation of the
    /// protocol of it. In the key exchange and at the terminal it reports that it did not get what
    /// it waited for, whatever the reason.
    fn hung_up_or(&self, error: Error) -> Error {
        match error {
            Error::Protocol { phase, message } if self.socket.has_hung_up() => {
                let message = format!("the peer has hung up ({message})");
                Error::Disconnected { phase, message }
            }
            error => error,
        }
    }

    fn take_engine(&mut self, phase: Phase) -> Result<Engine> {
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Here(engine) if !self.kill.is_fired() => Ok(engine),
            _ => Err(Error::Disconnected { phase, message: "the session has ended".to_owned() }),
        }
    }

    /// What the session's bytes go through.
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// What the server has said about itself, while nobody works on the session.
    pub(crate) fn server(&self) -> Option<&ServerTexts> {
        match &self.state {
            State::Here(engine) => Some(engine.server()),
            State::Reading(_) | State::Gone => None,
        }
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

/// What comes back from a thread beside the engine.
struct Stretch<T, W> {
    work: W,
    result: Result<T, Fault>,
    awaited: Interest,
}

/// Completes when `ctx` has ended, or when a stretch that began in `phase` has run for longer than
/// any honest peer can make it. It does not wait for the peer, so it can only be reading: lines
/// before the SSH banner, or packets that mean nothing, without end.
async fn outlasted(ctx: &Context, alarm: &mut Alarm, phase: Phase, progress: &Progress) -> Error {
    let stretch_max = match phase {
        // No arithmetic at all: this is a line of text.
        Phase::Banner => Duration::from_secs(1),
        _ => Duration::from_secs(5),
    };
    let end = Instant::now() + stretch_max;
    if end < ctx.deadline() {
        tokio::select! {
            biased;
            () = ctx.cancelled() => return Error::Cancelled { phase },
            () = alarm.at(end) => {}
        }
        // Files of ours, and a key that may be slow to decrypt: the deadline is enough for them.
        if !matches!(progress.phase(), Phase::HostKey | Phase::Authentication) {
            return Error::Protocol { phase, message: "the peer sends without end".to_owned() };
        }
    }
    alarm.ended(ctx, phase).await
}
