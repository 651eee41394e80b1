use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use pool_core::{Phase, Protocol};
use scheduler::{CheckResult, Outcome, SkipReason};
use serde::Serialize;

use super::interface::InterfaceView;
use super::measurement::unanswered_view;
use super::{Table, round_ms};
use crate::board::LastResult;

/// An outcome as it stands in JSON. The names are a promise to whoever reads them; what is absent
/// is null.
#[derive(Debug, Serialize)]
struct OutcomeView<'a> {
    line: &'a str,
    target: &'a str,
    router: &'a str,
    platform: &'a str,
    protocol: &'static str,
    status: &'static str,
    loss_pct: Option<f64>,
    sent: Option<u32>,
    received: Option<u32>,
    rtt_min_ms: Option<f64>,
    rtt_avg_ms: Option<f64>,
    rtt_max_ms: Option<f64>,
    rtt_mdev_ms: Option<f64>,
    duplicates: Option<u32>,
    errors: Option<u32>,
    unanswered: Option<BTreeMap<&'static str, u32>>,
    scheduled_at: String,
    started_at: Option<String>,
    duration_ms: Option<f64>,
    wait_ms: Option<f64>,
    connect_ms: Option<f64>,
    reused: Option<bool>,
    trigger: &'static str,
    /// What was run.
    task: &'static str,
    /// What was seen of an interface, if that was it.
    interface: Option<InterfaceView<'a>>,
    /// The status text that Zabbix gets for it where items take the predecessor's, if it gets one.
    zabbix_status: Option<&'static str>,
    error: Option<ErrorView<'a>>,
}

#[derive(Debug, Serialize)]
struct ErrorView<'a> {
    kind: &'static str,
    phase: Option<&'static str>,
    message: &'a str,
}

impl<'a> From<&'a Outcome> for OutcomeView<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        let measured = outcome.result.ping();
        let rtt = measured.and_then(|measurement| measurement.rtt);
        let details = measured.map(|measurement| &measurement.details);
        let tried = |duration| outcome.started_at.map(|_| millis(duration));
        Self {
            line: outcome.line.as_str(),
            target: outcome.target.as_str(),
            router: outcome.router.as_str(),
            platform: outcome.platform.as_str(),
            protocol: Protocol::as_str(outcome.protocol),
            status: status(&outcome.result),
            loss_pct: measured.map(|measurement| round_ms(measurement.loss_pct())),
            sent: measured.map(|measurement| measurement.sent),
            received: measured.map(|measurement| measurement.received),
            rtt_min_ms: rtt.map(|rtt| round_ms(rtt.min)),
            rtt_avg_ms: rtt.map(|rtt| round_ms(rtt.avg)),
            rtt_max_ms: rtt.map(|rtt| round_ms(rtt.max)),
            rtt_mdev_ms: details.and_then(|details| details.rtt_mdev_ms).map(round_ms),
            duplicates: details.and_then(|details| details.duplicates),
            errors: details.and_then(|details| details.errors),
            unanswered: details.map(unanswered_view),
            scheduled_at: time(outcome.scheduled_at),
            started_at: outcome.started_at.map(time),
            duration_ms: tried(outcome.duration),
            wait_ms: tried(outcome.wait),
            connect_ms: outcome.connect.map(millis),
            reused: outcome.reused,
            trigger: outcome.trigger.as_str(),
            task: outcome.task.as_str(),
            interface: outcome.result.interface().map(InterfaceView::from),
            zabbix_status: outcome.legacy_status(),
            error: error(&outcome.result),
        }
    }
}

/// The outcome as one line of JSON, with its line end.
pub(crate) fn outcome_line(outcome: &Outcome) -> String {
    let json = serde_json::to_string(&OutcomeView::from(outcome));
    json.expect("texts, numbers and booleans under text keys are always JSON") + "\n"
}

fn status(result: &CheckResult) -> &'static str {
    match result {
        CheckResult::Measured(_) => "measured",
        CheckResult::Failed(_) => "failed",
        CheckResult::Skipped(_) => "skipped",
    }
}

fn error(result: &CheckResult) -> Option<ErrorView<'_>> {
    match result {
        CheckResult::Measured(_) => None,
        CheckResult::Failed(failure) => Some(ErrorView {
            kind: failure.kind.as_str(),
            phase: failure.phase.map(Phase::as_str),
            message: &failure.message,
        }),
        CheckResult::Skipped(reason) => {
            Some(ErrorView { kind: reason.as_str(), phase: None, message: story(*reason) })
        }
    }
}

fn story(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::Overrun => "the router has not kept up: the next check was due first",
        SkipReason::Withdrawn => {
            "the line was removed from the inventory, or moved to another router"
        }
        SkipReason::ShuttingDown => "monitord is stopping",
        other => other.as_str(),
    }
}

/// Why there are no figures, in a line for people: what and where first, then the whole story.
pub(crate) fn cause(result: &CheckResult) -> Option<String> {
    let ErrorView { kind, phase, message } = error(result)?;
    let place = phase.map_or_else(String::new, |phase| format!(" in {phase}"));
    Some(format!("{kind}{place}: {message}"))
}

/// RFC 3339, to the millisecond.
fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn millis(duration: Duration) -> f64 {
    round_ms(duration.as_secs_f64() * 1000.0)
}

/// The outcomes as a table for people.
pub(crate) fn outcome_table(outcomes: &[Outcome]) -> Table {
    let mut table =
        Table::new(["STATE", "LINE", "ROUTER", "TARGET", "LOSS", "RTT", "TOOK", "CAUSE"]);
    for outcome in outcomes {
        let view = OutcomeView::from(outcome);
        let shown = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}{unit}"))
        };
        table.row([
            LastResult::of(Some(outcome)).to_string(),
            view.line.to_owned(),
            view.router.to_owned(),
            view.target.to_owned(),
            view.interface.as_ref().map_or_else(|| shown(view.loss_pct, "%"), InterfaceView::state),
            shown(view.rtt_avg_ms, " ms"),
            shown(view.duration_ms, " ms"),
            cause(&outcome.result).unwrap_or_default(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use pool_core::{Error, Platform};
    use scheduler::{
        Failure, LineId, LineStatus, Measurement, RouterName, RouterStatus, RttMs, Target, Trigger,
        Unanswered,
    };
    use scheduler::{Figures, InterfaceFigures, InterfaceState, TaskKind};

    use super::*;

    fn outcome(result: CheckResult) -> Outcome {
        let skipped = matches!(result, CheckResult::Skipped(_));
        let at: Timestamp = "2025-12-22T08:00:00.25Z".parse().unwrap();
        Outcome {
            line: LineId::new("L0001").unwrap(),
            target: Target::new("198.51.100.1").unwrap(),
            router: RouterName::new("edge-1").unwrap(),
            platform: Platform::new("cisco_iosxe"),
            protocol: Protocol::Scrapli,
            task: TaskKind::Ping,
            scheduled_at: at,
            started_at: (!skipped).then_some(at),
            duration: Duration::from_micros(1_234_567),
            wait: Duration::from_millis(12),
            connect: None,
            reused: (!skipped).then_some(true),
            result,
            trigger: Trigger::Schedule,
            line_status: LineStatus::unknown(at),
            router_status: RouterStatus::unknown(at),
        }
    }

    #[test]
    fn a_measurement_has_its_figures_and_no_error() {
        let rtt = Some(RttMs { min: 1.0, avg: 2.25, max: 4.0 });
        let mut measurement = Measurement::new(3, 2, rtt);
        measurement.details.rtt_mdev_ms = Some(0.1234);
        measurement.details.errors = Some(1);
        measurement.details.unanswered.insert(Unanswered::TimedOut, 1);
        let result = CheckResult::Measured(measurement.into());
        assert_eq!(
            outcome_line(&outcome(result)),
            concat!(
                r#"{"line":"L0001","target":"198.51.100.1","router":"edge-1","#,
                r#""platform":"cisco_iosxe","protocol":"scrapli","status":"measured","#,
                r#""loss_pct":33.333,"sent":3,"received":2,"#,
                r#""rtt_min_ms":1.0,"rtt_avg_ms":2.25,"rtt_max_ms":4.0,"rtt_mdev_ms":0.123,"#,
                r#""duplicates":null,"errors":1,"unanswered":{"timed_out":1},"#,
                r#""scheduled_at":"2025-12-22T08:00:00.250Z","#,
                r#""started_at":"2025-12-22T08:00:00.250Z","#,
                r#""duration_ms":1234.567,"wait_ms":12.0,"connect_ms":null,"reused":true,"trigger":"schedule","#,
                r#""task":"ping","interface":null,"zabbix_status":null,"error":null}"#,
                "\n"
            )
        );
    }

    #[test]
    fn an_interface_has_its_state_and_counters_and_no_packets() {
        let figures = InterfaceFigures {
            name: "GigabitEthernet0/0/1".to_owned(),
            state: InterfaceState::Disabled,
            in_errors: 45,
            out_errors: 6,
            in_drops: Some(7),
            out_drops: None,
            crc_errors: Some(44),
        };
        let result = CheckResult::Measured(Figures::Interface(figures));
        let line = outcome_line(&Outcome { task: TaskKind::Interface, ..outcome(result) });
        assert!(line.contains(r#""status":"measured","loss_pct":null,"sent":null"#), "{line}");
        let expected = concat!(
            r#""task":"interface","interface":{"name":"GigabitEthernet0/0/1","state":"disabled","#,
            r#""in_errors":45,"out_errors":6,"in_drops":7,"out_drops":null,"crc_errors":44},"#,
        );
        assert!(line.contains(expected), "{line}");
    }

    #[test]
    fn a_failure_has_its_kind_phase_and_story_and_no_figures() {
        let error = Error::Cancelled { phase: Phase::Prompt };
        let line = outcome_line(&outcome(CheckResult::Failed(Failure::from(&error))));
        assert!(line.contains(r#""status":"failed","loss_pct":null,"sent":null"#), "{line}");
        let expected = concat!(
            r#""zabbix_status":"ExecutionError","#,
            r#""error":{"kind":"Cancelled","phase":"prompt","message":"cancelled in phase prompt"}}"#,
        );
        assert!(line.ends_with(&format!("{expected}\n")), "{line}");
    }

    #[test]
    fn a_skipped_check_never_began() {
        let line = outcome_line(&outcome(CheckResult::Skipped(SkipReason::Overrun)));
        assert!(line.contains(r#""started_at":null,"duration_ms":null,"wait_ms":null"#), "{line}");
        let expected = r#""zabbix_status":"RequestTimeout","error":{"kind":"overrun","phase":null"#;
        assert!(line.contains(expected), "{line}");
    }
}
