use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use tokio::io::Interest;

use crate::engine::{Engine, Fault};

/// How much is on its way in each direction, in bytes: the most that libssh2 takes at once.
const CHUNK_BYTES: usize = 32 * 1024;
/// How often a stretch goes round before somebody else gets its thread: half a MiB each way.
const ROUNDS_MAX: usize = 16;

/// The bytes on their way between a channel of one session and the socket of another.
#[derive(Debug)]
pub(crate) struct Flow {
    far: UnixStream,
    /// From the channel to the socket.
    inward: Vec<u8>,
    /// From the socket to the channel.
    outward: Vec<u8>,
    channel_ended: bool,
    socket_ended: bool,
    /// The call that has left half a packet in the session, which must be finished first.
    unfinished: Option<Call>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Read,
    Write,
}

/// What a stretch of moving bytes has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// There is more to be moved at once.
    More,
    /// All there was. More once the channel's session or the socket is this.
    Idle { session: Option<Interest>, socket: Option<Interest> },
    /// The socket's other end is gone, and what it said last is on its way.
    Ended,
}

impl Flow {
    /// A flow through `far`, which must not block.
    pub(crate) fn new(far: UnixStream) -> Self {
        let (inward, outward) = (Vec::new(), Vec::new());
        let (channel_ended, socket_ended, unfinished) = (false, false, None);
        Self { far, inward, outward, channel_ended, socket_ended, unfinished }
    }

    /// Moves what there is, both ways, without waiting.
    ///
    /// # Errors
    ///
    /// What breaks the channel's session. The end of the socket is none.
    pub(crate) fn advance(&mut self, engine: &mut Engine) -> Result<Moved, Fault> {
        for _ in 0..ROUNDS_MAX {
            let inward = self.move_inward(engine)?;
            let outward = self.move_outward(engine)?;
            if self.socket_ended && self.outward.is_empty() {
                return Ok(Moved::Ended);
            }
            if !inward && !outward {
                return Ok(self.idle(engine));
            }
        }
        Ok(Moved::More)
    }

    fn move_inward(&mut self, engine: &mut Engine) -> Result<bool, Fault> {
        let mut moved = false;
        let may_read = self.unfinished != Some(Call::Write) && !self.channel_ended;
        if self.inward.is_empty() && may_read {
            let mut chunk = vec![0; CHUNK_BYTES];
            let result = engine.channel()?.read(&mut chunk);
            let count = self.called(engine, Call::Read, result)?.unwrap_or(0);
            chunk.truncate(count);
            self.inward = chunk;
            moved |= count > 0;
            if count == 0 && engine.channel()?.eof() {
                self.channel_ended = true;
            }
        }
        if !self.inward.is_empty() {
            match self.far.write(&self.inward) {
                Ok(count) => {
                    self.inward.drain(..count);
                    moved |= count > 0;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.socket_gone(),
            }
        }
        if self.channel_ended && self.inward.is_empty() {
            // Fails only when the other end is gone, which the next reading shows.
            self.far.shutdown(Shutdown::Write).ok();
        }
        Ok(moved)
    }

    fn move_outward(&mut self, engine: &mut Engine) -> Result<bool, Fault> {
        let mut moved = false;
        if self.outward.is_empty() && !self.socket_ended {
            let mut chunk = vec![0; CHUNK_BYTES];
            match self.far.read(&mut chunk) {
                Ok(0) => self.socket_gone(),
                Ok(count) => {
                    chunk.truncate(count);
                    self.outward = chunk;
                    moved = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.socket_gone(),
            }
        }
        if !self.outward.is_empty() && self.unfinished != Some(Call::Read) {
            let result = engine.channel()?.write(&self.outward);
            let count = self.called(engine, Call::Write, result)?.unwrap_or(0);
            self.outward.drain(..count);
            moved |= count > 0;
        }
        Ok(moved)
    }

    /// The outcome of a call on the channel; `None` when it has to be repeated. When it has left
    /// half a packet behind, no other call may be made before it.
    fn called(
        &mut self,
        engine: &mut Engine,
        call: Call,
        result: io::Result<usize>,
    ) -> Result<Option<usize>, Fault> {
        match result {
            Ok(count) => {
                self.unfinished = None;
                Ok(Some(count))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unfinished = engine.awaited().is_writable().then_some(call);
                Ok(None)
            }
            Err(error) => Err(engine.io_fault(&error)),
        }
    }

    fn socket_gone(&mut self) {
        self.socket_ended = true;
        self.inward.clear();
    }

    fn idle(&self, engine: &mut Engine) -> Moved {
        let reads_channel = self.inward.is_empty() && !self.channel_ended;
        let uses_session = reads_channel || !self.outward.is_empty();
        let reads = (self.outward.is_empty() && !self.socket_ended).then_some(Interest::READABLE);
        let writes = (!self.inward.is_empty()).then_some(Interest::WRITABLE);
        let socket = match (reads, writes) {
            (Some(reads), Some(writes)) => Some(reads | writes),
            (one, other) => one.or(other),
        };
        Moved::Idle { session: uses_session.then(|| engine.awaited()), socket }
    }
}
