//! The lines' state and last figures, read when somebody asks for them.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use scheduler::{LineId, LineState, LineStatus, Measurement, Outcome, RouterState};

use super::interfaces;
use crate::board::{Board, LastResult};

/// Reads the board.
#[derive(Debug)]
pub(super) struct LineCollector {
    board: Arc<Board>,
    /// How many lines have series of their own. All of them count in `monitord_lines`.
    lines_max: usize,
}

impl LineCollector {
    pub(super) fn new(board: Arc<Board>, lines_max: usize) -> Self {
        Self { board, lines_max }
    }
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet)]
pub(super) struct LineLabels {
    line: String,
    router: String,
}

impl LineLabels {
    pub(super) fn of(outcome: &Outcome) -> Self {
        Self { line: outcome.line.to_string(), router: outcome.router.to_string() }
    }
}

/// Lines, with the last outcome of each.
pub(super) type Lines = [(LineId, Option<Arc<Outcome>>)];

impl Collector for LineCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let lines = self.board.snapshot();
        encode_results(&mut encoder, &lines)?;
        let status = lines.iter().map(|(_, last)| last.as_ref().map(|last| last.line_status));
        let status: Vec<_> = status.collect();
        let line = |status: &Option<LineStatus>| status.map_or(LineState::Unknown, |s| s.state);
        let count = |state| status.iter().filter(|status| line(status) == state).count();
        encode_counts(
            &mut encoder,
            "monitord_line_states",
            "Lines, by the state that more than one check confirms",
            LineState::ALL.map(|state| (state.as_str(), count(state))),
        )?;
        let routers = self.board.routers();
        let count = |state| routers.values().filter(|status| status.state == state).count();
        encode_counts(
            &mut encoder,
            "monitord_router_states",
            "Routers that were tried, by whether sessions can be had",
            RouterState::ALL.map(|state| (state.as_str(), count(state))),
        )?;
        let short = routers.values().filter(|status| status.is_short).count();
        encode_counts(
            &mut encoder,
            "monitord_router_capacity",
            "Routers that were tried, by whether they keep up with their lines",
            [("enough", routers.len() - short), ("short", short)],
        )?;
        let sources = self.board.sources();
        let troubled = sources.iter().filter(|source| source.trouble.is_some()).count();
        encode_counts(
            &mut encoder,
            "monitord_inventory_sources",
            "Sources of the inventory, by whether what they say counts",
            [("followed", sources.len() - troubled), ("troubled", troubled)],
        )?;
        let named = &lines[..Ord::min(lines.len(), self.lines_max)];
        if named.is_empty() {
            return Ok(());
        }
        interfaces::encode(&mut encoder, named)?;
        encode_figure(
            &mut encoder,
            "monitord_line_loss_ratio",
            "Packets lost of those sent, in the last check if it was carried out",
            named,
            |measurement| Some(measurement.loss_pct() / 100.0),
        )?;
        encode_figure(
            &mut encoder,
            "monitord_line_rtt_avg_seconds",
            "Mean round-trip time, in the last check if any packet was answered",
            named,
            |measurement| measurement.rtt.map(|rtt| rtt.avg / 1000.0),
        )
    }
}

fn encode_results(encoder: &mut DescriptorEncoder<'_>, lines: &Lines) -> fmt::Result {
    let count = |result| {
        let has = |last: &Option<Arc<Outcome>>| LastResult::of(last.as_deref()) == result;
        lines.iter().filter(|(_, last)| has(last)).count()
    };
    encode_counts(
        encoder,
        "monitord_lines",
        "Lines, by how their last check ended",
        LastResult::ALL.map(|result| (result.as_str(), count(result))),
    )
}

fn encode_counts<const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    counts: [(&'static str, usize); N],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (state, count) in counts {
        let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
        gauge.encode(family.encode_family(&StateLabel { state })?)?;
    }
    Ok(())
}

/// Lines without the figure have no sample, so that an old figure never passes for a new one.
fn encode_figure(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    lines: &Lines,
    figure: impl Fn(&Measurement) -> Option<f64>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for outcome in lines.iter().filter_map(|(_, last)| last.as_ref()) {
        let Some(measurement) = outcome.result.ping() else { continue };
        let Some(value) = figure(measurement) else { continue };
        let labels = LineLabels::of(outcome);
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
