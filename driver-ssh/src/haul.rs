use std::io;

use bytes::BytesMut;
use pool_core::{Error, Phase, Result};
use tokio::io::Interest;

use crate::engine::{Engine, Fault};
use crate::error::session_error;

/// What one reading stretch takes at most, in bytes, before whoever reads gets to see it.
const READ_BYTES_MAX: usize = 64 * 1024;

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
    let mut chunk = [0; 8192];
    while bytes.len() < READ_BYTES_MAX {
        match read_chunk(engine, &mut chunk) {
            Ok(0) => return HaulEnd::Eof,
            Ok(count) => {
                bytes.extend_from_slice(&chunk[..count]);
                if count < chunk.len()
                    && let Some(end) = end_without_a_look(engine)
                {
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

/// What has come of a channel on which libssh2 holds nothing that was not read, if that is known
/// without another look at the socket: libssh2 takes all there is from it each time it looks, and
/// says whether it has found the end of that.
pub(crate) fn end_without_a_look(engine: &mut Engine) -> Option<HaulEnd> {
    let is_drained = engine.has_emptied_socket() && engine.holds_nothing().unwrap_or(false);
    is_drained.then(|| HaulEnd::Drained(engine.awaited()))
}

/// Reads from the channel's main stream; 0 at its end.
fn read_chunk(engine: &mut Engine, chunk: &mut [u8]) -> Result<usize, Fault> {
    let channel = engine.channel()?;
    match io::Read::read(channel, chunk) {
        // Nothing without an end means that libssh2 had nothing to read in this packet.
        Ok(0) if !channel.eof() => Err(Fault::Again),
        Ok(count) => Ok(count),
        Err(error) => Err(engine.io_fault(&error)),
    }
}
