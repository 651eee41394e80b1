use scheduler::Measurement;
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
}

impl From<&Measurement> for MeasurementView {
    fn from(measurement: &Measurement) -> Self {
        let rtt = measurement.rtt;
        Self {
            loss_pct: round_ms(measurement.loss_pct()),
            sent: measurement.sent,
            received: measurement.received,
            rtt_min_ms: rtt.map(|rtt| round_ms(rtt.min)),
            rtt_avg_ms: rtt.map(|rtt| round_ms(rtt.avg)),
            rtt_max_ms: rtt.map(|rtt| round_ms(rtt.max)),
        }
    }
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
    table.to_string()
}

/// Rounded to three decimals: finer than what a device prints or a check repeats.
pub(crate) fn round_ms(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
