use std::collections::BTreeMap;

use scheduler::{Details, Measurement};
use serde::Serialize;

use super::Table;

/// A measurement as it stands in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct MeasurementView {
    loss_pct: f64,
    sent: u32,
    received: u32,
    rtt_min_ms: Option<f64>,
    rtt_avg_ms: Option<f64>,
    rtt_max_ms: Option<f64>,
    rtt_mdev_ms: Option<f64>,
    duplicates: Option<u32>,
    errors: Option<u32>,
    /// By kind; empty when nothing was said of single packets.
    unanswered: BTreeMap<&'static str, u32>,
    /// Empty when not every answer had its time printed.
    reply_ms: Vec<f64>,
}

impl From<&Measurement> for MeasurementView {
    fn from(measurement: &Measurement) -> Self {
        let Measurement { rtt, details, .. } = measurement;
        Self {
            loss_pct: round_ms(measurement.loss_pct()),
            sent: measurement.sent,
            received: measurement.received,
            rtt_min_ms: rtt.map(|rtt| round_ms(rtt.min)),
            rtt_avg_ms: rtt.map(|rtt| round_ms(rtt.avg)),
            rtt_max_ms: rtt.map(|rtt| round_ms(rtt.max)),
            rtt_mdev_ms: details.rtt_mdev_ms.map(round_ms),
            duplicates: details.duplicates,
            errors: details.errors,
            unanswered: unanswered_view(details),
            reply_ms: details.reply_ms.iter().copied().map(round_ms).collect(),
        }
    }
}

/// What was said of packets that were not answered, by the name of its kind.
pub(super) fn unanswered_view(details: &Details) -> BTreeMap<&'static str, u32> {
    details.unanswered.iter().map(|(kind, count)| (kind.as_str(), *count)).collect()
}

/// The figures as text that ends its lines: JSON, or a table.
pub(crate) fn measurement_text(measurement: &Measurement, json: bool) -> String {
    let view = MeasurementView::from(measurement);
    if json {
        let json = serde_json::to_string(&view);
        return json.expect("numbers under text keys are always JSON") + "\n";
    }
    let mut table = Table::new(["SENT", "RECEIVED", "LOSS", "MIN", "AVG", "MAX"]);
    let ms = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |v| format!("{v} ms"));
    table.row([
        view.sent.to_string(),
        view.received.to_string(),
        format!("{:.1}%", view.loss_pct),
        ms(view.rtt_min_ms),
        ms(view.rtt_avg_ms),
        ms(view.rtt_max_ms),
    ]);
    table.to_string() + &details_text(&measurement.details)
}

/// What was said beyond the figures, a line for each.
fn details_text(details: &Details) -> String {
    let mut text = String::new();
    let counted = [("duplicates", details.duplicates), ("errors", details.errors)];
    let counted = counted.into_iter().filter_map(|(what, count)| Some((what, count?)));
    let unanswered = details.unanswered.iter().map(|(kind, count)| (kind.as_str(), *count));
    for (what, count) in counted.chain(unanswered) {
        text += &format!("{what}: {count}\n");
    }
    text
}

/// Rounded to three decimals: finer than what a device prints or a check repeats.
pub(crate) fn round_ms(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
