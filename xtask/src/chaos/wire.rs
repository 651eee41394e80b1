//! The way to Zabbix, on which bad things happen.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use anyhow::Result;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request of a few values has about so many bytes: most cuts hit the middle of one.
const CUT_BYTES_MAX: usize = 600;
/// A reply has about so many bytes. Cutting it is the worst case: the values were taken, and the
/// sender cannot know.
const REPLY_BYTES_MAX: usize = 100;

/// What happens to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Weather {
    /// They go through.
    Calm,
    /// They are reset in the middle of the request or of the reply.
    Cuts,
    /// They are accepted, and nothing goes through.
    Stalls,
    /// They are reset at once.
    Refuses,
}

impl Weather {
    const ALL: [Self; 4] = [Self::Calm, Self::Cuts, Self::Stalls, Self::Refuses];
}

/// Passes connections on, or does not.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    address: SocketAddr,
    weather: Arc<AtomicU8>,
    cut: Arc<AtomicU64>,
}

impl Wire {
    /// Leads to `target`.
    pub(super) async fn lead_to(target: String, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let wire = Self {
            address: listener.local_addr()?,
            weather: Arc::new(AtomicU8::new(0)),
            cut: Arc::default(),
        };
        let mut chance = StdRng::seed_from_u64(seed);
        let passing = wire.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (wire, target) = (passing.clone(), target.clone());
                let chance = StdRng::seed_from_u64(chance.random());
                tokio::spawn(async move { wire.pass(stream, &target, chance).await });
            }
        });
        Ok(wire)
    }

    /// Where it begins.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on, for new connections.
    pub(super) fn set(&self, weather: Weather) {
        self.weather.store(weather as u8, Ordering::Relaxed);
    }

    /// How many connections were cut.
    pub(super) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    async fn pass(&self, mut near: TcpStream, target: &str, mut chance: StdRng) {
        let weather = Weather::ALL[usize::from(self.weather.load(Ordering::Relaxed))];
        if weather == Weather::Stalls {
            // Nobody reads it; it ends when the other side gives up.
            let mut ignored = [0; 1];
            while near.peek(&mut ignored).await.is_ok_and(|count| count > 0) {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            return;
        }
        let far = TcpStream::connect(target).await;
        let (true, Ok(mut far)) = (weather != Weather::Refuses, far) else {
            return reset(near);
        };
        let (forth, back) = match weather {
            Weather::Cuts if chance.random_bool(0.5) => {
                (chance.random_range(1..CUT_BYTES_MAX), usize::MAX)
            }
            Weather::Cuts => (usize::MAX, chance.random_range(0..REPLY_BYTES_MAX)),
            _ => (usize::MAX, usize::MAX),
        };
        let (mut near_reader, mut near_writer) = near.split();
        let (mut far_reader, mut far_writer) = far.split();
        let is_cut = tokio::select! {
            is_cut = copy(&mut near_reader, &mut far_writer, forth) => is_cut,
            is_cut = copy(&mut far_reader, &mut near_writer, back) => is_cut,
        };
        if is_cut {
            self.cut.fetch_add(1, Ordering::Relaxed);
            reset(far);
            reset(near);
        }
    }
}

/// Copies up to `bytes_max`, and says whether that many came.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut bytes_max: usize,
) -> bool {
    let mut buffer = [0; 4096];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return false };
        if count == 0 {
            return false;
        }
        let passed = Ord::min(count, bytes_max);
        if to.write_all(&buffer[..passed]).await.is_err() {
            return false;
        }
        bytes_max -= passed;
        if bytes_max == 0 {
            return true;
        }
    }
}

/// As a machine does that knows nothing of the connection.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().ok();
}
