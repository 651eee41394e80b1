use std::io::{self, Read};

use bytes::BytesMut;
use pool_core::{Error, Phase, Result};
use tokio::io::Interest;

use crate::engine::{Engine, Fault};
use crate::error::session_error;

/// What one reading stretch takes at most, in bytes, before whoever reads gets to see it.
const READ_BYTES_MAX: usize = 64 * 1024;
/// What is read at once, in bytes. Always the same: by how much libssh2 widens the peer's window
/// follows from it, and it believes the latest call where an earlier one has told the peer. What the
/// peer sends beyond what libssh2 believes is thrown away. Whoever reads a channel elsewhere has to
/// keep to one size as well.
pub(crate) const ROOM_BYTES: usize = 4 * 1024;

/// What a reading stretch brings back.
pub(crate) struct Haul {
    pub(crate) engine: Engine,
    pub(crate) bytes: BytesMut,
    pub(crate) end: HaulEnd,
}

pub(crate) enum HaulEnd {
    /// As much as one stretch takes; there may be more.
    Full,
    /// All there was. More may come once the socket is this.
    Drained(Interest),
    /// The peer has closed its side.
    Eof,
    /// The session failed.
    Broken(Error),
}

/// Reads what there is on the channel, up to a bound.
pub(crate) fn haul(mut engine: Engine) -> Haul {
    let mut bytes = BytesMut::new();
    let end = read_available(&mut engine, &mut bytes);
    Haul { engine, bytes, end }
}

/// Appends what there is on the channel to `bytes`, up to a bound.
pub(crate) fn read_available(engine: &mut Engine, bytes: &mut BytesMut) -> HaulEnd {
    let full = bytes.len() + READ_BYTES_MAX;
    while bytes.len() < full {
        match read_chunk(engine, bytes) {
            Ok(0) => return HaulEnd::Eof,
            Ok(ROOM_BYTES) => {}
            Ok(_) => {
                if let Some(end) = end_without_a_look(engine) {
                    return end;
                }
            }
            Err(Fault::Again) => return HaulEnd::Drained(engine.awaited()),
            Err(Fault::More) => return HaulEnd::Full,
            Err(Fault::Ssh(error)) => return HaulEnd::Broken(session_error(&error, Phase::Read)),
            Err(Fault::Failed(error)) => return HaulEnd::Broken(error),
        }
    }
    HaulEnd::Full
}

/// Repeats the latest reading, if it has to be done before anything is sent.
///
/// # Errors
///
/// [`Fault::Again`] while it has not come to its end.
pub(crate) fn read_on(engine: &mut Engine, bytes: &mut BytesMut) -> Result<(), Fault> {
    if engine.reads_on() {
        // An end or a failure shows again at the next read.
        read_available(engine, bytes);
    }
    if engine.reads_on() { Err(Fault::Again) } else { Ok(()) }
}

/// What has come of a channel on which libssh2 holds nothing that was not read, if that is known
/// without another look at the socket: libssh2 takes all there is from it each time it looks, and
/// says whether it has found the end of that.
pub(crate) fn end_without_a_look(engine: &mut Engine) -> Option<HaulEnd> {
    let is_drained = engine.has_emptied_socket() && engine.holds_nothing().unwrap_or(false);
    is_drained.then(|| HaulEnd::Drained(engine.awaited()))
}

/// Appends to `bytes` from the channel's main stream, and says how many; 0 at its end.
fn read_chunk(engine: &mut Engine, bytes: &mut BytesMut) -> Result<usize, Fault> {
    let result = read_onto(engine.channel()?, bytes);
    let waits = matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
    engine.note_reading(waits);
    match result {
        // Nothing without an end means that libssh2 had nothing to read in this packet.
        Ok(0) if !engine.channel()?.eof() => Err(Fault::Again),
        Ok(count) => Ok(count),
        Err(error) => Err(engine.io_fault(&error)),
    }
}

/// Appends to `bytes` what `source` gives at once, and says how many.
pub(crate) fn read_onto(source: &mut impl Read, bytes: &mut BytesMut) -> io::Result<usize> {
    let before = bytes.len();
    bytes.resize(before + ROOM_BYTES, 0);
    let result = source.read(&mut bytes[before..]);
    bytes.truncate(before + result.as_ref().copied().unwrap_or(0));
    result
}
