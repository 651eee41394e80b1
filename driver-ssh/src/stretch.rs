use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use pool_core::{Context, Error, Phase, Result};
use tokio::io::Interest;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::alarm::Alarm;
use crate::blocking::{lost, panicked};
use crate::drive::Place;
use crate::engine::{Engine, Fault};
use crate::error::in_phase;
use crate::progress::Progress;
use crate::readiness::Seen;
use crate::session::{SshSession, State, has_ended};
use crate::watch::Watched;
use crate::work::Work;

/// How long a thread whose session was just killed is waited for, so that nothing of it is left
/// when the caller is told. A killed libssh2 call is back within 2 ms, unless it is being flooded.
const RETURN_WAIT: Duration = Duration::from_millis(10);
/// For how long all work on a session is done apart after two of its stretches had to be cut off
/// in a row. Such a stretch takes milliseconds, so this is all that a peer can have of a thread of
/// the runtime: about a thousandth.
const APART_TIME: Duration = Duration::from_secs(10);
/// Two cuts are in a row when there is no more than this between them. One may be due to a machine
/// that had something else to do.
const CUTS_APART_MAX: Duration = Duration::from_secs(1);

/// What comes of a stretch of work.
pub(crate) struct Stretch {
    pub(crate) result: Result<(), Fault>,
    /// What the socket must become after [`Fault::Again`].
    pub(crate) awaited: Option<Interest>,
}

impl Stretch {
    fn of(engine: &mut Engine, work: &mut Work) -> Self {
        let result = work.advance(engine);
        let awaited = matches!(result, Err(Fault::Again)).then(|| engine.awaited());
        Self { result, awaited }
    }
}

impl SshSession {
    /// One stretch of `work`, which is given back.
    pub(crate) async fn stretch(
        &mut self,
        place: Place,
        ctx: &Context,
        phase: &mut Phase,
        work: Work,
    ) -> Result<(Work, Stretch)> {
        // Whatever libssh2 does, it may take packets from the socket and keep them.
        self.drained = None;
        match self.watched(place) {
            Some(watched) => {
                let done = self.stretch_here(watched, ctx, phase, work);
                self.give_way().await;
                done
            }
            // Rare, and large: not a part of what waits for the peer.
            None => Box::pin(self.stretch_apart(ctx, phase, work)).await,
        }
    }

    /// Lets others have the thread if the latest stretch was cut off: they have waited for long
    /// enough.
    pub(crate) async fn give_way(&self) {
        if self.is_cut {
            yield_now().await;
        }
    }

    /// The watch over a stretch on this thread; `None` if it has to be apart.
    pub(crate) fn watched(&mut self, place: Place) -> Option<Watched> {
        let State::Here(engine) = &self.state else { return None };
        if place == Place::Apart || engine.is_slow() {
            return None;
        }
        if let Some(end) = self.apart_until {
            if Instant::now() < end {
                return None;
            }
            self.apart_until = None;
        }
        Watched::begin(&self.socket)
    }

    /// Runs `work` on the spot. To be followed by nothing else if it fails.
    pub(crate) fn here<T>(
        &mut self,
        watched: Watched,
        phase: Phase,
        work: impl FnOnce(&mut Engine) -> T,
    ) -> Result<T> {
        let State::Here(engine) = &mut self.state else { return Err(has_ended(phase)) };
        if self.kill.is_fired() {
            return Err(has_ended(phase));
        }
        engine.progress.enter(phase);
        engine.begin(Place::Here);
        let (done, is_cut) = self.socket.read_by(|| {
            let done = catch_unwind(AssertUnwindSafe(|| work(engine)));
            let is_cut = watched.end();
            // What is cut off has not seen all that had come in.
            let end = if is_cut || !engine.awaits_input() { Seen::Some } else { Seen::All };
            ((done, is_cut), end)
        });
        self.is_cut = is_cut;
        if is_cut {
            // When nothing has come in meanwhile, it was not the peer that kept the thread: the
            // machine had something else to do.
            self.note_cut(self.socket.has_input());
        }
        done.map_err(|_| {
            // Who knows what state it is in.
            self.state = State::Gone;
            panicked(phase)
        })
    }

    fn note_cut(&mut self, has_more: bool) {
        self.threads.note_cut_off();
        if !has_more {
            return;
        }
        let now = Instant::now();
        let latest = self.cut_at.replace(now);
        if latest.is_some_and(|latest| now - latest <= CUTS_APART_MAX) {
            self.apart_until = Some(now + APART_TIME);
        }
    }

    fn stretch_here(
        &mut self,
        watched: Watched,
        ctx: &Context,
        phase: &mut Phase,
        mut work: Work,
    ) -> Result<(Work, Stretch)> {
        let (stretch, now) = self.here(watched, *phase, |engine| {
            (Stretch::of(engine, &mut work), engine.progress.phase())
        })?;
        if now != *phase {
            *phase = now;
            ctx.enter(now);
        }
        Ok((work, stretch))
    }

    async fn stretch_apart(
        &mut self,
        ctx: &Context,
        phase: &mut Phase,
        mut work: Work,
    ) -> Result<(Work, Stretch)> {
        let permit = self.threads.permit(ctx, *phase).await?;
        let mut engine = self.take_engine(*phase)?;
        let begun = Instant::now();
        let progress = engine.progress.clone();
        progress.enter(*phase);
        engine.begin(Place::Apart);
        let mut thread = permit.run(move || {
            let stretch = Stretch::of(&mut engine, &mut work);
            (engine, work, stretch)
        });
        let ended = tokio::select! {
            biased;
            joined = &mut thread => {
                let (engine, work, stretch) = joined.map_err(|error| lost(*phase, &error))?;
                if progress.phase() != *phase {
                    *phase = progress.phase();
                    ctx.enter(*phase);
                }
                if is_before_login(*phase) {
                    self.busy += begun.elapsed();
                }
                self.state = State::Here(engine);
                return Ok((work, stretch));
            }
            error = outlasted(ctx, &mut self.alarm, *phase, &progress, self.busy) => error,
        };
        self.kill.fire();
        // A thread that is being flooded takes longer; how far it has got is known without it.
        timeout(RETURN_WAIT, thread).await.ok();
        ctx.enter(progress.phase());
        Err(in_phase(ended, progress.phase()))
    }

    pub(crate) fn take_engine(&mut self, phase: Phase) -> Result<Engine> {
        // What is done apart is not.
        self.is_cut = false;
        match std::mem::replace(&mut self.state, State::Gone) {
            State::Here(engine) if !self.kill.is_fired() => Ok(engine),
            _ => Err(has_ended(phase)),
        }
    }
}

/// Completes when `ctx` has ended, or when a stretch that began in `phase` has run for longer than
/// any honest peer can make it, after others that have taken `busy`. It does not wait for the peer,
/// so it can only be reading: lines before the SSH banner, or packets that mean nothing, without
/// end.
async fn outlasted(
    ctx: &Context,
    alarm: &mut Alarm,
    phase: Phase,
    progress: &Progress,
    busy: Duration,
) -> Error {
    let stretch_max = match phase {
        // No arithmetic at all: this is a line of text.
        Phase::Banner => Duration::from_secs(1),
        _ => Duration::from_secs(5),
    };
    let end = Instant::now() + stretch_max.saturating_sub(busy);
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

/// Whether little has to be done in `phase`, so that all of it counts together. Later a peer may
/// have much to say.
fn is_before_login(phase: Phase) -> bool {
    matches!(phase, Phase::Banner | Phase::KeyExchange)
}
