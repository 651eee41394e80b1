use std::fmt::Debug;
use std::sync::Arc;

use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::levels::Names;
use super::{LogFormat, Shared};

/// Our own crates. Others log at `warn` at most, whatever the level: their debug output is not
/// ours to vouch for where secrets are concerned.
const OWN_CRATES: [&str; 6] =
    ["monitord", "scheduler", "pool", "pool_core", "driver_cli", "driver_ssh"];

/// Lets those messages through that are to be logged in one of the forms.
#[derive(Debug)]
pub(super) struct Sieve {
    pub(super) shared: Arc<Shared>,
    pub(super) form: LogFormat,
}

impl Sieve {
    /// Whether messages like this are logged at all, whatever they are about.
    fn may_pass(&self, metadata: &Metadata<'_>) -> bool {
        let ceiling = self.shared.levels.read().ceiling().filter();
        *metadata.level() <= if is_ours(metadata) { ceiling } else { others(ceiling) }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Filter<S> for Sieve {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.form == *self.shared.form.read() && self.may_pass(metadata)
    }

    /// Asked again for everything whenever something changes.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.may_pass(metadata) { Interest::sometimes() } else { Interest::never() }
    }

    fn event_enabled(&self, event: &Event<'_>, cx: &Context<'_, S>) -> bool {
        let levels = self.shared.levels.read();
        if levels.exceptions().is_empty() {
            return true;
        }
        let level = levels.of(Instant::now(), &names_of(event, cx)).filter();
        let metadata = event.metadata();
        *metadata.level() <= if is_ours(metadata) { level } else { others(level) }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.shared.levels.read().ceiling().filter())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut names = Names::default();
        attributes.record(&mut names);
        if !names.is_empty()
            && let Some(span) = cx.span(id)
        {
            span.extensions_mut().replace(names);
        }
    }
}

fn others(own: LevelFilter) -> LevelFilter {
    Ord::min(own, LevelFilter::WARN)
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    let name = metadata.target().split("::").next();
    name.is_some_and(|name| OWN_CRATES.contains(&name))
}

/// What a message is about: what it says itself, and else what it was said in the course of.
fn names_of<S: Subscriber + for<'a> LookupSpan<'a>>(
    event: &Event<'_>,
    cx: &Context<'_, S>,
) -> Names {
    let mut names = Names::default();
    event.record(&mut names);
    for span in cx.event_scope(event).into_iter().flatten() {
        if let Some(known) = span.extensions().get::<Names>() {
            names.router = names.router.or_else(|| known.router.clone());
            names.line = names.line.or_else(|| known.line.clone());
        }
    }
    names
}

impl Visit for Names {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "router" => self.router = Some(value.to_owned()),
            "line" => self.line = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if matches!(field.name(), "router" | "line") {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}
