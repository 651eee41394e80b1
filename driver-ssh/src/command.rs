use std::io;

use bytes::BytesMut;
use libssh2_sys as raw;
use pool_core::{Error, Phase};
use ssh2::ErrorCode;
use tokio::io::Interest;
use tokio::time::Instant;

use crate::channel::{Exit, close_channel, open_channel};
use crate::engine::{Engine, Fault};
use crate::haul::{ROOM_BYTES, read_onto};

/// What is read in one stretch, in bytes, when a device sends faster than we read. The threads are
/// shared, and a stretch that does not end is taken for a flood.
const STRETCH_BYTES_MAX: usize = 1 << 20;
/// The stream of an exec channel that carries the standard error (RFC 4254, section 5.2).
const EXTENDED_DATA_STDERR: i32 = 1;

/// What has come of starting a command.
pub(crate) struct Started {
    /// When its channel was open.
    pub(crate) opened: Instant,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    /// The device did not want to run it.
    Denied,
    /// It runs. What there was of its output has been read; more once the socket is this, or at
    /// once.
    Runs(Reading, Option<Interest>),
    /// It has ended already.
    Ended(Answer),
}

/// All that a command has said.
pub(crate) struct Answer {
    pub(crate) output: String,
    /// Where in it the standard error begins.
    pub(crate) stderr_at: usize,
    pub(crate) ending: Ending,
}

/// How the channel of a command that has said everything is left.
pub(crate) enum Ending {
    /// Closed on both sides.
    Closed(Exit),
    /// The device has been told to close it, or will be once the socket is this.
    Closing(Interest),
    /// The session has failed.
    Broken,
}

/// Work that opens a channel, starts `command` on it, and takes what it says at once. Each step
/// follows the one before in the same stretch, unless the device has to answer first.
pub(crate) fn start(
    command: String,
    bytes_max: usize,
) -> impl FnMut(&mut Engine) -> Result<Started, Fault> + Send + 'static {
    let mut open = open_channel(Phase::ChannelOpen);
    let mut opened = None;
    move |engine| {
        let opened = match opened {
            Some(opened) => opened,
            None => {
                open(engine)?;
                engine.progress.enter(Phase::Write);
                *opened.insert(Instant::now())
            }
        };
        match engine.channel()?.exec(&command) {
            Ok(()) => {}
            Err(error) if is_denied(&error) => {
                return Ok(Started { opened, outcome: Outcome::Denied });
            }
            Err(error) => return Err(error.into()),
        }
        engine.progress.enter(Phase::Read);
        let mut reading = Reading::new(bytes_max);
        let outcome = match reading.advance(engine) {
            Ok(answer) => Outcome::Ended(answer),
            Err(Fault::Again) => Outcome::Runs(reading, Some(engine.awaited())),
            Err(Fault::More) => Outcome::Runs(reading, None),
            Err(fault) => return Err(fault),
        };
        Ok(Started { opened, outcome })
    }
}

fn is_denied(error: &ssh2::Error) -> bool {
    error.code() == ErrorCode::Session(raw::LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED)
}

/// Both streams of a command, as far as they have been read.
pub(crate) struct Reading {
    bytes_max: usize,
    stdout: BytesMut,
    stderr: BytesMut,
}

impl Reading {
    fn new(bytes_max: usize) -> Self {
        Self { bytes_max, stdout: BytesMut::new(), stderr: BytesMut::new() }
    }

    fn len(&self) -> usize {
        self.stdout.len() + self.stderr.len()
    }

    /// Reads both streams to their end, and closes the channel as far as that can be done at once.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from the end of the output. What fails after it is an [`Ending`].
    pub(crate) fn advance(&mut self, engine: &mut Engine) -> Result<Answer, Fault> {
        self.read_to_end(engine)?;
        // First, so that the device has less to wait for.
        let ending = match close_channel(engine) {
            Ok(exit) => Ending::Closed(exit),
            Err(Fault::Again | Fault::More) => Ending::Closing(engine.awaited()),
            Err(Fault::Ssh(_) | Fault::Failed(_)) => Ending::Broken,
        };
        let mut output = text(&self.stdout);
        let stderr_at = output.len();
        output.push_str(&text(&self.stderr));
        (self.stdout, self.stderr) = Default::default();
        Ok(Answer { output, stderr_at, ending })
    }

    fn read_to_end(&mut self, engine: &mut Engine) -> Result<(), Fault> {
        let before = self.len();
        while !engine.channel()?.eof() {
            if self.len() - before > STRETCH_BYTES_MAX {
                return Err(Fault::More);
            }
            // Both share one flow-control window: the one that is not read blocks the other.
            let limit = self.bytes_max.saturating_sub(self.len()).min(STRETCH_BYTES_MAX);
            let from_stdout = read_stream(engine, 0, limit, &mut self.stdout)?;
            let limit = limit.saturating_sub(from_stdout);
            // A look at one stream takes from the socket what there is for both.
            let held = bytes_held(engine)?;
            let from_stderr = if held == 0 && engine.has_emptied_socket() {
                0
            } else {
                read_stream(engine, EXTENDED_DATA_STDERR, limit, &mut self.stderr)?
            };
            if self.len() > self.bytes_max {
                return Err(Error::OutputLimit { limit: self.bytes_max }.into());
            }
            let is_all = engine.has_emptied_socket() && engine.holds_nothing()?;
            // What came in during the second look may be all that ever comes, and for the first
            // stream.
            let has_come = bytes_held(engine)? > held || engine.channel()?.eof();
            if is_all || (from_stdout + from_stderr == 0 && !has_come) {
                return Err(Fault::Again);
            }
        }
        Ok(())
    }
}

/// What was printed, lines ended by `\n`.
fn text(printed: &[u8]) -> String {
    String::from_utf8_lossy(printed).replace("\r\n", "\n")
}

/// How much of the channel libssh2 holds for whoever reads it, of all streams, in bytes.
fn bytes_held(engine: &mut Engine) -> Result<u32, Fault> {
    Ok(engine.channel()?.read_window().available)
}

/// Reads what there is on one stream of the channel, up to one byte more than `limit`: that byte
/// tells too much from just enough. Returns how many bytes came.
fn read_stream(
    engine: &mut Engine,
    id: i32,
    limit: usize,
    into: &mut BytesMut,
) -> Result<usize, Fault> {
    let mut count = 0;
    // Not even a look at the socket beyond the end of the channel.
    while count <= limit && !engine.channel()?.eof() {
        match read_onto(&mut engine.channel()?.stream(id), into) {
            Ok(0) => break,
            Ok(read) => {
                count += read;
                if read < ROOM_BYTES {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(engine.io_fault(&error)),
        }
    }
    Ok(count)
}
