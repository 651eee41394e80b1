//! What systemd is told: that we are ready, that we reload or stop, and that checks go on. Without
//! systemd nothing happens.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{Instant, sleep};
use tracing::{debug, error};

use crate::board::Board;

/// How often the watchdog is fed in the time after which it bites.
const FEEDS: u32 = 3;
/// Beside twice the shortest interval: what a due time may be late, and an outcome on its way.
const SLACK: Duration = Duration::from_secs(30);

/// How many messages wait for systemd to read.
const MESSAGES_MAX: usize = 16;

/// The way to the thread that tells systemd, if there is one.
static TELLER: OnceLock<Option<SyncSender<String>>> = OnceLock::new();

/// Says that checks run by the configuration as it is.
pub(crate) fn ready(board: &Board) {
    let declared = board.declared();
    let (lines, routers) = (declared.lines.len(), declared.routers.len());
    let status = format!("{lines} lines on {routers} routers");
    say(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// Says that the configuration is being read again; [`ready`] ends it.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(error) => debug!(%error, "cannot read the clock for systemd"),
    }
}

/// Says that we are about to end.
pub(crate) fn stopping() {
    say(&[NotifyState::Stopping]);
}

/// Feeds the watchdog, if there is one, for as long as checks come to their outcomes. Runs until it
/// is dropped.
pub(crate) async fn feed(board: Arc<Board>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut pulse = Pulse::new(Instant::now());
    let mut was_alive = true;
    loop {
        let patience = board.declared().shortest_interval().map(|interval| interval * 2 + SLACK);
        let is_alive = pulse.is_alive(Instant::now(), board.outcomes_total(), patience);
        if is_alive {
            say(&[NotifyState::Watchdog]);
        } else if was_alive {
            error!(?patience, "no check came to an outcome for too long: the watchdog may bite");
        }
        was_alive = is_alive;
        sleep(limit / FEEDS).await;
    }
}

/// Hands a message to the thread that tells systemd: the socket's other end may be full, and nobody
/// else is to wait for that. What comes while much is waiting already is left out; above all it is
/// food for the watchdog, of which more comes.
fn say(states: &[NotifyState<'_>]) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return;
    }
    let teller = TELLER.get_or_init(|| start_teller().ok());
    let lines: Vec<_> = states.iter().map(ToString::to_string).collect();
    if teller.as_ref().is_none_or(|teller| teller.try_send(lines.join("\n")).is_err()) {
        debug!("systemd cannot be told: it does not listen");
    }
}

fn start_teller() -> io::Result<SyncSender<String>> {
    let (sender, messages) = sync_channel::<String>(MESSAGES_MAX);
    std::thread::Builder::new().name("systemd".to_owned()).spawn(move || {
        for message in messages {
            if let Err(error) = sd_notify::notify(&[NotifyState::Custom(&message)]) {
                debug!(%error, "systemd cannot be told");
            }
        }
    })?;
    Ok(sender)
}

/// Whether outcomes keep coming. Every line has one in each of its intervals, so that the shortest
/// interval says how long silence may last.
#[derive(Debug)]
struct Pulse {
    outcomes: u64,
    patience: Option<Duration>,
    since: Instant,
}

impl Pulse {
    fn new(now: Instant) -> Self {
        Self { outcomes: 0, patience: None, since: now }
    }

    /// `outcomes` is how many there were until `now`. Without `patience` nothing is to come. When
    /// it changes the time begins anew, because the lines have changed.
    fn is_alive(&mut self, now: Instant, outcomes: u64, patience: Option<Duration>) -> bool {
        if self.outcomes != outcomes || self.patience != patience {
            *self = Self { outcomes, patience, since: now };
        }
        patience.is_none_or(|patience| now - self.since <= patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Option<Duration> = Some(Duration::from_secs(50));

    #[tokio::test(start_paused = true)]
    async fn silence_is_life_only_for_as_long_as_the_lines_allow() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(start);
        assert!(pulse.is_alive(after(0), 0, PATIENCE));
        assert!(pulse.is_alive(after(50), 0, PATIENCE));
        assert!(!pulse.is_alive(after(51), 0, PATIENCE), "nothing came");
        assert!(pulse.is_alive(after(52), 1, PATIENCE), "an outcome came");
        assert!(pulse.is_alive(after(102), 1, PATIENCE));
        assert!(!pulse.is_alive(after(103), 1, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn lines_that_come_or_become_faster_have_their_time_first() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut pulse = Pulse::new(start);
        assert!(pulse.is_alive(after(9_000), 0, None), "no line, no outcome");
        assert!(pulse.is_alive(after(9_010), 0, Some(Duration::from_secs(86_400))));
        assert!(pulse.is_alive(after(20_000), 0, PATIENCE), "they have just become faster");
        assert!(!pulse.is_alive(after(20_051), 0, PATIENCE));
    }
}
