//! Looks at one source from time to time, and when it is told to.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use pool_core::Context;
use scheduler::{Confirmation, Inventory, InventorySource, SourceError, SourceRecord};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::configuration::FoundConfiguration;
use super::zabbix::Resolver;
use crate::supervised::unless_it_panics;

/// How long one look at a source may take: a file is there at once, a vault that is asked for the
/// secrets in it within seconds, and Zabbix for thousands of hosts too.
pub(super) const LOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// The pause after the first failure of a source that is tried again; doubled with each further
/// one, up to its refresh.
pub(super) const RETRY_FIRST: Duration = Duration::from_secs(1);

/// A source that is looked at, each at its own pace: one that hangs keeps no other waiting.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) source: Box<dyn InventorySource>,
    /// How often; only when told to, when absent.
    pub(crate) refresh: Option<Duration>,
    /// Whether it was not looked at before: it is at once then, and tried again soon when it fails.
    pub(crate) is_new: bool,
    /// What it depends on: when that changes, it is looked at.
    pub(crate) resolver: Option<watch::Receiver<Arc<Resolver>>>,
}

/// What a look has found.
#[derive(Debug)]
pub(super) enum Found {
    /// The whole configuration.
    Configuration(FoundConfiguration),
    /// Routers and lines of another source.
    Inventory(FoundInventory),
}

/// What a look at a source has found.
#[derive(Debug)]
pub(super) struct FoundInventory {
    /// Which source.
    pub(super) place: usize,
    /// Which of those that were in that place one after another.
    pub(super) generation: u64,
    pub(super) loaded: Result<Inventory, SourceError>,
    /// What is to be kept of it if it counts.
    pub(super) record: Option<SourceRecord>,
    pub(super) confirmation: Confirmation,
    /// The latest request that it is an answer to.
    pub(super) request: u64,
}

impl Watched {
    /// Looks, whenever it is time or `requests` change, until whoever takes what is found has gone.
    pub(super) async fn run(
        mut self,
        (place, generation): (usize, u64),
        mut requests: watch::Receiver<u64>,
        finds: mpsc::Sender<Found>,
        shutdown: CancellationToken,
    ) {
        let mut next = if self.is_new { Some(Instant::now()) } else { self.after(0) };
        let mut failures = 0;
        loop {
            let confirmation = tokio::select! {
                biased;
                changed = requests.changed() => match changed {
                    Ok(()) => Confirmation::ByOperator,
                    Err(_) => return,
                },
                () = at(next) => Confirmation::None,
                () = changed(self.resolver.as_mut()) => Confirmation::None,
            };
            let request = *requests.borrow_and_update();
            let ctx = Context::new(&shutdown, LOAD_TIMEOUT);
            let loaded = unless_it_panics(self.source.load(&ctx)).await.unwrap_or_else(|| {
                Err(SourceError("looking at it broke down: see the log".to_owned()))
            });
            failures = if loaded.is_err() { failures + 1 } else { 0 };
            next = self.after(failures);
            let record = self.source.record().filter(|_| loaded.is_ok());
            let found = FoundInventory { place, generation, loaded, record, confirmation, request };
            if finds.send(Found::Inventory(found)).await.is_err() {
                return;
            }
        }
    }

    /// When to look again, after so many failures in a row.
    fn after(&self, failures: u32) -> Option<Instant> {
        let refresh = self.refresh?;
        let pause = match failures.checked_sub(1) {
            Some(more) if self.is_new => {
                refresh.min(RETRY_FIRST * 2_u32.saturating_pow(more.min(16)))
            }
            _ => refresh,
        };
        Some(Instant::now() + pause)
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

async fn changed(resolver: Option<&mut watch::Receiver<Arc<Resolver>>>) {
    match resolver {
        // Whoever changes it may be gone while the process ends.
        Some(resolver) => match resolver.changed().await {
            Ok(()) => {}
            Err(_) => pending().await,
        },
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use tokio::time::timeout;

    use super::*;

    /// A source that fails as often as this.
    #[derive(Debug)]
    struct Flaky {
        failures: usize,
        looks: Arc<AtomicUsize>,
    }

    #[async_trait]
    impl InventorySource for Flaky {
        fn name(&self) -> &str {
            "flaky"
        }

        async fn load(&mut self, _ctx: &Context) -> Result<Inventory, SourceError> {
            if self.looks.load(Ordering::SeqCst) == 2 && self.failures == 3 {
                self.failures = 0;
                // Not `panic!`: its message would fill the test's output.
                std::panic::resume_unwind(Box::new("load"));
            }
            if self.looks.fetch_add(1, Ordering::SeqCst) < self.failures {
                Err(SourceError("away".to_owned()))
            } else {
                Ok(Inventory::default())
            }
        }
    }

    struct Rig {
        requests: watch::Sender<u64>,
        finds: mpsc::Receiver<Found>,
        _shutdown: CancellationToken,
    }

    fn rig(failures: usize, is_new: bool, refresh: Option<Duration>) -> Rig {
        let (requests, receiver) = watch::channel(0);
        let (sender, finds) = mpsc::channel(1);
        let shutdown = CancellationToken::new();
        let source = Box::new(Flaky { failures, looks: Arc::default() });
        let watched = Watched { source, refresh, is_new, resolver: None };
        tokio::spawn(watched.run((0, 0), receiver, sender, shutdown.clone()));
        Rig { requests, finds, _shutdown: shutdown }
    }

    async fn found(rig: &mut Rig) -> FoundInventory {
        match rig.finds.recv().await.unwrap() {
            Found::Inventory(found) => found,
            Found::Configuration(found) => panic!("{found:?}"),
        }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_source_that_is_away_at_start_is_tried_again_soon_and_then_less_often() {
        let mut rig = rig(9, true, Some(MINUTE));
        let began = Instant::now();
        let mut times = Vec::new();
        for _ in 0..11 {
            let found = found(&mut rig).await;
            times.push((began.elapsed().as_secs(), found.loaded.is_ok()));
        }
        let seconds: Vec<_> = times.iter().map(|(second, _)| *second).collect();
        assert_eq!(seconds, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303]);
        assert_eq!(times.iter().filter(|(_, is_ok)| *is_ok).count(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_without_a_refresh_is_looked_at_when_told_to() {
        let mut rig = rig(0, false, None);
        assert!(timeout(MINUTE * 600, rig.finds.recv()).await.is_err());
        rig.requests.send_modify(|request| *request += 1);
        let found = found(&mut rig).await;
        assert_eq!((found.request, found.confirmation), (1, Confirmation::ByOperator));
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_panics_has_failed_and_is_looked_at_again() {
        let mut rig = rig(3, true, Some(MINUTE));
        let mut reasons = Vec::new();
        for _ in 0..4 {
            reasons.push(found(&mut rig).await.loaded.err().map(|error| error.to_string()));
        }
        let broken = "looking at it broke down: see the log";
        assert_eq!(reasons, [Some("away".into()), Some("away".into()), Some(broken.into()), None]);
    }
}
