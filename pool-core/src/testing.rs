//! Mocks of every trait, and fakes for tests that play out over time.
//!
//! Behind the `test-util` feature, so that mockall stays out of normal builds.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use parking_lot::Mutex;
use tokio::time::sleep;

pub use crate::driver::MockProtocolDriver;
pub use crate::factory::MockProtocolFactory;
pub use crate::pool::MockConnectionPool;
pub use crate::transport::{MockConnector, MockTransport};
use crate::{
    Context, Disposition, Error, Lease, LeaseHome, LeaseInfo, LeaseUse, Phase, ProtocolDriver,
    Result, SlotId, Transport,
};

/// A lease that came back: which session, and what is to become of it.
pub type Returned = (SlotId, Disposition);

/// A home for leases that notes what comes back and drops the sessions.
#[derive(Clone, Debug, Default)]
pub struct ReturnedLeases(Arc<Mutex<Vec<Returned>>>);

impl ReturnedLeases {
    /// Everything that came back so far, in order.
    pub fn all(&self) -> Vec<Returned> {
        self.0.lock().clone()
    }
}

impl LeaseHome for ReturnedLeases {
    fn give_back(
        self: Arc<Self>,
        slot: SlotId,
        _driver: Box<dyn ProtocolDriver>,
        disposition: Disposition,
        _used: LeaseUse,
    ) {
        self.0.lock().push((slot, disposition));
    }
}

impl Lease {
    /// A lease that belongs to no pool: when it is given back, its session is dropped.
    pub fn detached(driver: Box<dyn ProtocolDriver>) -> Self {
        let home = Arc::new(ReturnedLeases::default());
        Self::new(driver, home, SlotId(0), LeaseInfo::default())
    }
}

/// One act of a [`ScriptedTransport`].
#[derive(Clone, Debug)]
pub enum Act {
    /// The device says this.
    Say(Vec<u8>),
    /// The device waits for exactly these bytes before it goes on. Anything else fails the write.
    Expect(Vec<u8>),
    /// The device thinks for this long.
    Think(Duration),
    /// The device goes silent for good.
    Hang,
    /// The device closes its side.
    Close,
}

impl Act {
    /// The device says `text`.
    pub fn say(text: impl Into<Vec<u8>>) -> Self {
        Self::Say(text.into())
    }

    /// The device waits for `text`.
    pub fn expect(text: impl Into<Vec<u8>>) -> Self {
        Self::Expect(text.into())
    }
}

/// A transport that plays a script: what the device says, waits for, and when it falls silent.
pub struct ScriptedTransport {
    acts: VecDeque<Act>,
    written: Arc<Mutex<Vec<u8>>>,
    heard: usize,
    said_bytes_max: usize,
}

impl ScriptedTransport {
    /// A transport that plays `acts` from the first on.
    pub fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        Self {
            acts: acts.into_iter().collect(),
            written: Arc::default(),
            heard: 0,
            said_bytes_max: usize::MAX,
        }
    }

    /// The same transport, handing out what the device says in pieces of at most `bytes`.
    #[must_use]
    pub fn in_pieces_of(mut self, bytes: usize) -> Self {
        self.said_bytes_max = bytes;
        self
    }

    /// Everything that is written to the device, as it is written.
    pub fn written(&self) -> Arc<Mutex<Vec<u8>>> {
        self.written.clone()
    }

    /// Takes what was written off the front of what is expected. The script goes on past an
    /// `Expect` once all of it has come.
    fn meet_expectation(&mut self) -> bool {
        let Some(Act::Expect(expected)) = self.acts.front() else { return true };
        let written = self.written.lock();
        let fresh = &written[self.heard..];
        if fresh.len() < expected.len() {
            return false;
        }
        self.heard += expected.len();
        self.acts.pop_front();
        true
    }

    fn say(&mut self, mut text: Vec<u8>, buffer: &mut BytesMut) -> usize {
        if text.len() > self.said_bytes_max {
            let rest = text.split_off(self.said_bytes_max);
            self.acts.push_front(Act::Say(rest));
        }
        buffer.extend_from_slice(&text);
        text.len()
    }

    /// Plays the script up to the next thing the device says. Time spent thinking is taken off
    /// the script as it passes, so a read that is dropped half way can be repeated.
    async fn play(&mut self, buffer: &mut BytesMut) -> usize {
        loop {
            if !self.meet_expectation() {
                pending::<()>().await;
            }
            match self.acts.front_mut() {
                Some(Act::Think(left)) if left.is_zero() => {
                    self.acts.pop_front();
                }
                Some(Act::Think(left)) => {
                    let step = (*left).min(Duration::from_millis(1));
                    sleep(step).await;
                    *left -= step;
                }
                Some(Act::Say(text)) => {
                    let text = std::mem::take(text);
                    self.acts.pop_front();
                    return self.say(text, buffer);
                }
                Some(Act::Hang) => pending::<()>().await,
                Some(Act::Expect(_)) => {}
                Some(Act::Close) | None => return 0,
            }
        }
    }
}

#[async_trait]
impl Transport for ScriptedTransport {
    async fn read(&mut self, ctx: &Context, buffer: &mut BytesMut) -> Result<usize> {
        ctx.run(Phase::Read, async { Ok(self.play(buffer).await) }).await
    }

    fn is_drained(&mut self) -> bool {
        !self.meet_expectation() || matches!(self.acts.front(), Some(Act::Think(_) | Act::Hang))
    }

    async fn write_all(&mut self, ctx: &Context, bytes: &[u8]) -> Result<()> {
        ctx.check(Phase::Write)?;
        self.written.lock().extend_from_slice(bytes);
        let written = self.written.lock();
        if let Some(Act::Expect(expected)) = self.acts.front() {
            let fresh = &written[self.heard..];
            let both = fresh.len().min(expected.len());
            if fresh[..both] != expected[..both] {
                return Err(Error::Desynchronised {
                    phase: Phase::Write,
                    expected: String::from_utf8_lossy(expected).into_owned(),
                    received: String::from_utf8_lossy(fresh).into_owned(),
                });
            }
        }
        Ok(())
    }

    async fn close(self: Box<Self>, _ctx: &Context) -> Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedTransport").field("acts_left", &self.acts.len()).finish()
    }
}
