use jiff::Timestamp;
use scheduler::{Line, LineState, Outcome};
use serde::{Deserialize, Serialize};

use crate::board::{Declared, LastResult, Recent};
use crate::report::{cause, round_ms};

/// A line, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct LineView {
    pub(crate) line: String,
    pub(crate) router: String,
    pub(crate) target: String,
    pub(crate) platform: String,
    /// What more than one check says.
    pub(crate) state: String,
    pub(crate) since: Option<String>,
    pub(crate) flaps: u32,
    /// How the last check ended.
    pub(crate) last_result: String,
    pub(crate) loss_pct: Option<f64>,
    pub(crate) rtt_avg_ms: Option<f64>,
    pub(crate) last_error: Option<String>,
    pub(crate) last_outcome_at: Option<String>,
    pub(crate) interval_s: u64,
    /// By its rhythm; a router that does not keep up comes to it later.
    pub(crate) next_due_at: String,
    /// How the latest checks ended, the oldest first, for lines that were asked for by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) recent: Vec<RecentView>,
}

/// How a check ended, in short.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RecentView {
    pub(crate) scheduled_at: String,
    pub(crate) trigger: String,
    pub(crate) result: String,
    pub(crate) loss_pct: Option<f64>,
    pub(crate) rtt_avg_ms: Option<f64>,
    pub(crate) duration_ms: f64,
    /// Kind of the failure, or reason for which it was skipped.
    pub(crate) reason: Option<String>,
    pub(crate) phase: Option<String>,
}

/// When the check ended.
pub(super) fn ended_at(outcome: &Outcome) -> Timestamp {
    let began = outcome.started_at.unwrap_or(outcome.scheduled_at);
    began.saturating_add(outcome.duration).unwrap_or(began)
}

/// RFC 3339, to the millisecond.
pub(super) fn shown(at: Timestamp) -> String {
    format!("{at:.3}")
}

impl LineView {
    /// `line` as it is at the moment `now`, without what came before its last outcome.
    pub(super) fn of(
        declared: &Declared,
        line: &Line,
        last: Option<&Outcome>,
        now: Timestamp,
    ) -> Self {
        let measured = last.and_then(|outcome| outcome.result.ping());
        let status = last.map(|outcome| outcome.line_status);
        let facts = declared.routers.get(&line.router);
        Self {
            line: line.id.to_string(),
            router: line.router.to_string(),
            target: line.target.to_string(),
            platform: facts.map(|facts| facts.platform.to_string()).unwrap_or_default(),
            state: status.map_or(LineState::Unknown, |status| status.state).to_string(),
            since: status.map(|status| shown(status.since)),
            flaps: status.map_or(0, |status| status.flaps),
            last_result: LastResult::of(last).to_string(),
            loss_pct: measured.map(|measurement| round_ms(measurement.loss_pct())),
            rtt_avg_ms: measured.and_then(|m| m.rtt).map(|rtt| round_ms(rtt.avg)),
            last_error: last.and_then(|outcome| cause(&outcome.result)),
            last_outcome_at: last.map(|outcome| shown(ended_at(outcome))),
            interval_s: line.interval.as_duration().as_secs(),
            next_due_at: shown(line.next_due(now)),
            recent: Vec::new(),
        }
    }
}

impl From<&Recent> for RecentView {
    fn from(recent: &Recent) -> Self {
        Self {
            scheduled_at: shown(recent.scheduled_at),
            trigger: recent.trigger.as_str().to_owned(),
            result: recent.result.to_string(),
            loss_pct: recent.loss_pct.map(round_ms),
            rtt_avg_ms: recent.rtt_avg_ms.map(round_ms),
            duration_ms: round_ms(recent.duration.as_secs_f64() * 1000.0),
            reason: recent.reason.map(str::to_owned),
            phase: recent.phase.map(|phase| phase.to_string()),
        }
    }
}
