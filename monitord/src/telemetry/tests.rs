use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;

use super::filter::Sieve;
use super::*;

/// What was logged.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Paper {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What of all that is said comes through.
fn logged(levels: impl FnOnce(&mut Levels), say: impl FnOnce()) -> String {
    let mut ours = Levels::new(LogLevel::Info);
    levels(&mut ours);
    let form = RwLock::new(LogFormat::Text);
    let shared = Arc::new(Shared { levels: RwLock::new(ours), form });
    let paper = Paper::default();
    let text = fmt::layer().with_writer(paper.clone()).with_ansi(false).without_time();
    let sieve = |form| Sieve { shared: shared.clone(), form };
    let json = fmt::layer().with_writer(paper.clone()).json();
    let subscriber = tracing_subscriber::registry()
        .with(text.with_filter(sieve(LogFormat::Text)))
        .with(json.with_filter(sieve(LogFormat::Json)));
    tracing::subscriber::with_default(subscriber, say);
    String::from_utf8(paper.0.lock().clone()).unwrap()
}

fn say_much() {
    tracing::info!(router = "edge-1", "news of one");
    tracing::debug!(router = "edge-1", "detail of one");
    tracing::debug!(router = "edge-2", "detail of two");
    tracing::debug_span!("check", router = %"edge-1", line = %"L1").in_scope(|| {
        tracing::debug_span!("create", slot = 1).in_scope(|| tracing::debug!("deep inside"));
    });
    tracing::debug!(target: "elsewhere", router = "edge-1", "not ours");
    tracing::warn!(target: "elsewhere", "ours to hear");
}

#[tokio::test(start_paused = true)]
async fn without_exceptions_the_configured_level_counts() {
    let text = logged(|_| {}, say_much);
    assert!(text.contains("news of one") && text.contains("ours to hear"), "{text}");
    assert_eq!(text.lines().count(), 2, "once each, in one form: {text}");
}

#[tokio::test(start_paused = true)]
async fn one_router_is_heard_in_detail_wherever_it_is_spoken_of() {
    let except = |levels: &mut Levels| {
        let scope = Scope::Router("edge-1".to_owned());
        levels.except(Instant::now(), scope, LogLevel::Debug, Duration::from_secs(60));
    };
    let text = logged(except, say_much);
    for part in ["news of one", "detail of one", "deep inside", "ours to hear"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("detail of two") && !text.contains("not ours"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn one_line_is_heard_in_detail_and_a_noisy_router_not_at_all() {
    let except = |levels: &mut Levels| {
        let (now, time) = (Instant::now(), Duration::from_secs(60));
        levels.except(now, Scope::Line("L1".to_owned()), LogLevel::Trace, time);
        levels.except(now, Scope::Router("edge-1".to_owned()), LogLevel::Off, time);
    };
    let text = logged(except, say_much);
    assert!(text.contains("deep inside"), "{text}");
    assert!(!text.contains("news of one") && !text.contains("detail"), "{text}");
}
