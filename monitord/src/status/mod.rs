//! What the running daemon knows of itself: its lines, routers, sources and sinks at one moment.
//!
//! One form for the page `/status` and for whoever asks at the control socket. Names are a promise
//! to programs; what a reader does not find, because the daemon is older, reads as nothing. No
//! secrets.

mod collect;
mod line;
mod process;
mod router;
mod sinks;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::collect::{Collector, Selection};
pub(crate) use self::line::{LineView, RecentView};
pub(crate) use self::process::ProcessView;
pub(crate) use self::router::{FleetView, GateView, RouterView};
pub(crate) use self::sinks::{SpoolView, ZabbixView};

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    /// Those that were asked for; on the page all of them.
    pub(crate) lines: Vec<LineView>,
    pub(crate) routers: Vec<RouterView>,
    pub(crate) fleet: FleetView,
    pub(crate) inventory: Vec<SourceView>,
    pub(crate) totals: Totals,
    /// Lines that are declared and cannot be checked, by the reason.
    pub(crate) unresolved: Vec<UnresolvedView>,
    /// Absent when nothing is delivered to anybody.
    pub(crate) spool: Option<SpoolView>,
    pub(crate) zabbix: Option<ZabbixView>,
    pub(crate) process: ProcessView,
    pub(crate) configuration: ConfigurationView,
}

/// The configuration as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ConfigurationView {
    /// Tells the one that runs from others.
    pub(crate) hash: String,
    /// When it was taken over.
    pub(crate) taken_at: String,
    /// When it was last found to be what is configured, or taken over.
    pub(crate) good_at: String,
    /// What keeps another from being taken over; null when that is what runs.
    pub(crate) problem: Option<String>,
    pub(crate) problem_since: Option<String>,
}

/// How many lines and routers there are, whatever was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Totals {
    pub(crate) lines: usize,
    /// By their state, of which more than one check says the same.
    pub(crate) states: BTreeMap<String, usize>,
    /// By how their last check ended.
    pub(crate) last_results: BTreeMap<String, usize>,
    pub(crate) routers: usize,
    pub(crate) router_states: BTreeMap<String, usize>,
    /// Outcomes since the start.
    pub(crate) outcomes: u64,
}

/// A source of the inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SourceView {
    pub(crate) source: String,
    pub(crate) lines: usize,
    /// What keeps the latest that it says from counting; null when that counts.
    pub(crate) trouble: Option<String>,
    pub(crate) since: String,
    /// When it last said what counts of it: after a start at which it is away, before that start.
    pub(crate) as_of: String,
}

/// Why lines cannot be checked, and how many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UnresolvedView {
    pub(crate) reason: String,
    pub(crate) lines: usize,
    /// The first of them.
    pub(crate) first: String,
}
