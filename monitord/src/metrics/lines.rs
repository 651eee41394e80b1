//! The lines' state and last figures, read when somebody asks for them.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use scheduler::{CheckResult, LineId, Measurement, Outcome};

use crate::board::{Board, LineState};

/// How many lines have gauges of their own. All of them count in `monitord_lines`.
const LINES_MAX: usize = 5000;

/// Reads the board.
#[derive(Debug)]
pub(super) struct LineCollector {
    board: Arc<Board>,
}

impl LineCollector {
    pub(super) fn new(board: Arc<Board>) -> Self {
        Self { board }
    }
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet)]
struct LineLabels {
    line: String,
    router: String,
}

type Lines = Vec<(LineId, Option<Arc<Outcome>>)>;

impl Collector for LineCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let lines = self.board.snapshot();
        encode_states(&mut encoder, &lines)?;
        encode_figure(
            &mut encoder,
            "monitord_line_loss_ratio",
            "Packets lost of those sent, in the last check if it was carried out",
            &lines,
            |measurement| Some(measurement.loss_pct() / 100.0),
        )?;
        encode_figure(
            &mut encoder,
            "monitord_line_rtt_avg_seconds",
            "Mean round-trip time, in the last check if any packet was answered",
            &lines,
            |measurement| measurement.rtt.map(|rtt| rtt.avg / 1000.0),
        )
    }
}

fn encode_states(encoder: &mut DescriptorEncoder<'_>, lines: &Lines) -> fmt::Result {
    let mut family = encoder.encode_descriptor(
        "monitord_lines",
        "Lines, by how their last check ended",
        None,
        MetricType::Gauge,
    )?;
    for state in LineState::ALL {
        let has = |last: &Option<Arc<Outcome>>| LineState::of(last.as_deref()) == state;
        let count = lines.iter().filter(|(_, last)| has(last)).count();
        let labels = StateLabel { state: state.as_str() };
        let gauge = ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX));
        gauge.encode(family.encode_family(&labels)?)?;
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
    for outcome in lines.iter().take(LINES_MAX).filter_map(|(_, last)| last.as_ref()) {
        let CheckResult::Measured(measurement) = &outcome.result else { continue };
        let Some(value) = figure(measurement) else { continue };
        let labels =
            LineLabels { line: outcome.line.to_string(), router: outcome.router.to_string() };
        ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
