use std::io::Write;

use bytes::BytesMut;
use pool_core::{Context, Phase, Result};
use tokio::task::JoinError;

use crate::blocking::lost;
use crate::drive::Place;
use crate::engine::{Engine, Fault};
use crate::haul::{Haul, HaulEnd, end_without_a_look, haul, read_available};
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
                let count = self.stash.len();
                buffer.unsplit(self.stash.split());
                return Ok(count);
            }
            if let (Some(interest), State::Here(_)) = (self.drained, &self.state) {
                wait_ready(&self.socket, ctx, &mut self.alarm, Phase::Read, interest).await?;
            }
            // Who takes one haul after another would keep the thread from everybody else.
            let place = if self.is_in_flow { Place::Apart } else { Place::Here };
            let end = match self.watched(place) {
                Some(watched) => {
                    let mut bytes = BytesMut::new();
                    let end = self
                        .here(watched, Phase::Read, |engine| read_available(engine, &mut bytes))?;
                    self.keep(bytes, &end);
                    Some(end)
                }
                None => {
                    self.begin_reading(ctx).await?;
                    self.end_reading(ctx, Phase::Read).await?
                }
            };
            match end {
                // Bytes first: an end or a failure behind them shows again at the next read.
                _ if !self.stash.is_empty() => {}
                Some(HaulEnd::Eof) => return Ok(0),
                Some(HaulEnd::Broken(error)) => {
                    self.kill.fire();
                    return Err(self.blame(error));
                }
                Some(HaulEnd::Full | HaulEnd::Drained(_)) | None => {}
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
            // Before libssh2 writes, it takes from the socket what has come in. An end or a failure
            // shows again at the next read, which is there to tell of it.
            let end = match end_without_a_look(engine) {
                Some(end) => end,
                None => read_available(engine, &mut read),
            };
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

    /// Gets the session back from a thread that reads for somebody who has gone.
    pub(crate) async fn settle(&mut self, ctx: &Context, phase: Phase) -> Result<()> {
        self.end_reading(ctx, phase).await.map(drop)
    }

    /// Keeps what was read for whoever reads next.
    fn keep(&mut self, bytes: BytesMut, end: &HaulEnd) {
        self.stash.unsplit(bytes);
        self.is_in_flow = matches!(end, HaulEnd::Full);
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
}
