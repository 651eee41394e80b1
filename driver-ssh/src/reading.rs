use std::io::Write;

use bytes::{Buf, BytesMut};
use pool_core::{Context, Phase, Result};
use tokio::io::Interest;
use tokio::task::JoinError;

use crate::blocking::lost;
use crate::drive::Place;
use crate::engine::{Engine, Fault};
use crate::haul::{Haul, HaulEnd, end_without_a_look, haul, read_available, read_on};
use crate::readiness::wait_ready;
use crate::session::{SshSession, State};

impl SshSession {
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
                let stashed = std::mem::take(&mut self.stash);
                let count = stashed.len();
                buffer.unsplit(stashed);
                return Ok(count);
            }
            if let (Some(interest), State::Here(_)) = (self.drained, &self.state) {
                wait_ready(&self.socket, ctx, &mut self.alarm, Phase::Read, interest).await?;
            }
            // Who takes one haul after another would keep the thread from everybody else.
            let place = if self.is_in_flow { Place::Apart } else { Place::Here };
            let end = match self.watched(place) {
                Some(watched) => {
                    let before = buffer.len();
                    let end =
                        self.here(watched, Phase::Read, |engine| read_available(engine, buffer))?;
                    self.note(&end);
                    match buffer.len() - before {
                        0 => Some(end),
                        // Bytes first: an end or a failure behind them shows again at the next read.
                        count => return Ok(count),
                    }
                }
                None => {
                    self.begin_reading(ctx).await?;
                    self.end_reading(ctx, Phase::Read).await?
                }
            };
            match end {
                // Bytes first, as above, and also when the time is up by now.
                _ if !self.stash.is_empty() => {}
                Some(HaulEnd::Eof) => return Ok(0),
                Some(HaulEnd::Broken(error)) => {
                    self.kill.fire();
                    return Err(self.blame(error));
                }
                Some(HaulEnd::Full | HaulEnd::Drained(_)) | None => ctx.check(Phase::Read)?,
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
    /// Not cancel safe: a part may have been written. Dropping the future between two stretches
    /// kills the session, as with `drive`.
    pub(crate) async fn write_all(&mut self, ctx: &Context, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            // Nothing would be looked at, and what libssh2 has found before would count for now.
            return ctx.check(Phase::Write);
        }
        let mut left = bytes;
        let mut stash = std::mem::take(&mut self.stash);
        let at_once = self.try_here(ctx, Phase::Write, |engine| {
            read_on(engine, &mut stash)?;
            write_left(engine, &mut left)?;
            Ok(read_behind_writing(engine, &mut stash))
        });
        if !stash.is_empty() {
            self.stash = stash;
        }
        match at_once? {
            Some(end) => {
                self.note(&end);
                self.give_way().await;
            }
            None => self.write_slowly(ctx, BytesMut::from(left)).await?,
        }
        Ok(())
    }

    /// Writes what a device takes bit by bit, or while somebody else reads.
    async fn write_slowly(&mut self, ctx: &Context, mut left: BytesMut) -> Result<()> {
        let mut read = BytesMut::new();
        let work = move |engine: &mut Engine| {
            read_on(engine, &mut read)?;
            let mut slice = &left[..];
            let written = write_left(engine, &mut slice);
            left.advance(left.len() - slice.len());
            written?;
            // The rest of a packet is sent without a look at what has come in.
            let end = read_available(engine, &mut read);
            Ok((std::mem::take(&mut read), end))
        };
        let (read, end) = Box::pin(self.drive(ctx, Phase::Write, work)).await?;
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

    /// Gets the session back from a thread that reads for somebody who has gone.
    pub(crate) async fn settle(&mut self, ctx: &Context, phase: Phase) -> Result<()> {
        self.end_reading(ctx, phase).await.map(drop)
    }

    /// Keeps what was read for whoever reads next.
    fn keep(&mut self, bytes: BytesMut, end: &HaulEnd) {
        self.stash.unsplit(bytes);
        self.note(end);
    }

    /// Notes how a reading has ended.
    fn note(&mut self, end: &HaulEnd) {
        self.is_in_flow = matches!(end, HaulEnd::Full);
        self.drained = match end {
            HaulEnd::Drained(interest) => Some(*interest),
            HaulEnd::Full | HaulEnd::Eof | HaulEnd::Broken(_) => None,
        };
    }

    /// Whether nothing has come in that has not been read, as far as that can be told at once.
    pub(crate) fn is_drained(&self) -> bool {
        self.was_drained() && !self.socket.has_input()
    }

    /// Whether that was so when the session was read or written last. What was cut off has not seen
    /// all there was.
    pub(crate) fn was_drained(&self) -> bool {
        let idle = matches!(self.state, State::Here(_)) && self.stash.is_empty();
        idle && self.drained == Some(Interest::READABLE) && !self.is_cut
    }
}

/// Writes to the open channel until nothing is `left`.
fn write_left(engine: &mut Engine, left: &mut &[u8]) -> Result<(), Fault> {
    while !left.is_empty() {
        let result = engine.channel()?.write(left);
        match result.map_err(|error| engine.io_fault(&error))? {
            // The device's window is full: it has to read first.
            0 => return Err(Fault::Again),
            written => *left = &left[written..],
        }
    }
    Ok(())
}

/// Appends to `bytes` what has come in: before libssh2 begins to write, it takes that from the socket.
/// An end or a failure shows again at the next read, which is there to tell of it.
fn read_behind_writing(engine: &mut Engine, bytes: &mut BytesMut) -> HaulEnd {
    match end_without_a_look(engine) {
        Some(end) => end,
        None => read_available(engine, bytes),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rustix::net::{RecvFlags, recv};
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    use super::*;
    use crate::SshSettings;
    use crate::alarm::Alarm;
    use crate::socket::Socket;
    use crate::tunnel::Tunnel;

    #[tokio::test]
    async fn what_is_cut_off_has_not_read_all_that_had_come_in() {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"x").await.unwrap();
        let socket = Arc::new(Socket::tunnelled(near, Tunnel::default()).unwrap());
        socket.open_valve();
        let ctx = Context::detached(Duration::from_secs(30));
        let threads = SshSettings::new("/nonexistent/known_hosts").threads();
        let alarm = Alarm::new(ctx.deadline());
        let mut session = SshSession::new(socket.clone(), threads, alarm).unwrap();
        let look = || socket.valve_line(|fd| recv(fd, &mut [0; 1][..], RecvFlags::PEEK));
        for is_endless in [false, true, false] {
            // What the peer has said is never taken: whoever reads it all is there until he is
            // stopped.
            let read = |_: &mut Engine| while is_endless && look().is_ok() {};
            let watched = session.watched(Place::Here).unwrap();
            session.here(watched, Phase::Read, read).unwrap();
            session.note(&HaulEnd::Drained(Interest::READABLE));
            assert_eq!(session.was_drained(), !is_endless);
            assert!(!session.is_drained(), "there is a byte");
        }
    }
}
