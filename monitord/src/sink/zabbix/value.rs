use std::ops::Not;

use scheduler::Measurement;
use serde::{Deserialize, Serialize, Serializer};

use crate::settings::ItemKeys;
use crate::spool::Record;

/// One value of one item, with the moment of the check. The moment never changes again: Zabbix
/// keeps one value for each item and moment, so that sending twice stores once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ItemValue {
    /// The outcome it is of.
    #[serde(skip)]
    pub(super) seq: u64,
    /// The technical name of the Zabbix host: the line's id.
    pub(super) host: String,
    /// The item.
    pub(super) key: String,
    /// The value, as text.
    pub(super) value: String,
    /// Seconds since 1970.
    pub(super) clock: i64,
    /// Nanoseconds of that second, 1 to 999999999: Zabbix makes up a value in place of 0.
    pub(super) ns: u32,
    /// Whether it is no value, but the reason why the item has none: the item becomes "not
    /// supported" with this text, and keeps its last value, until the next value comes.
    #[serde(rename = "state", serialize_with = "one", skip_serializing_if = "Not::not")]
    pub(super) is_unsupported: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn one<S: Serializer>(_: &bool, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u8(1)
}

/// The part of an outcome that is of interest here.
#[derive(Debug, Deserialize)]
struct Figures {
    sent: Option<u32>,
    received: Option<u32>,
    rtt_min_ms: Option<f64>,
    rtt_avg_ms: Option<f64>,
    rtt_max_ms: Option<f64>,
    duration_ms: Option<f64>,
    #[serde(default)]
    task: Option<String>,
    interface: Option<Interface>,
    error: Option<Cause>,
}

#[derive(Debug, Deserialize)]
struct Interface {
    state: String,
    in_errors: u64,
    out_errors: u64,
}

#[derive(Debug, Deserialize)]
struct Cause {
    kind: String,
    #[serde(default)]
    phase: Option<String>,
    #[serde(default)]
    message: String,
}

/// What an outcome says to Zabbix: the loss when it was measured, a status text when it was not,
/// and what else there are items for. Nothing when we stopped it ourselves: that is no fault of
/// the line.
pub(super) fn values_of(record: &Record, items: &ItemKeys) -> Vec<ItemValue> {
    let Ok(figures) = serde_json::from_str::<Figures>(&record.outcome) else {
        return Vec::new();
    };
    let mut values = Vec::new();
    let mut add = |key: &str, value: String| {
        values.push(ItemValue {
            seq: record.seq,
            host: record.line.clone(),
            key: key.to_owned(),
            value,
            clock: record.clock,
            ns: record.ns,
            is_unsupported: false,
        });
    };
    let measurement = figures.sent.zip(figures.received);
    let measurement = measurement.map(|(sent, received)| Measurement::new(sent, received, None));
    match (&measurement, &record.status) {
        (Some(measurement), _) => add(&items.ping, format!("{:.0}", measurement.loss_pct())),
        (None, Some(status)) => add(&items.error_detail, status.clone()),
        (None, None) if figures.interface.is_none() => return values,
        (None, None) => {}
    }
    let mut add_if = |key: &Option<String>, value: Option<String>| {
        if let (Some(key), Some(value)) = (key, value) {
            add(key, value);
        }
    };
    add_if(&items.loss, measurement.map(|measurement| format!("{:.4}", measurement.loss_pct())));
    let seconds = |ms: f64| format!("{:.6}", ms / 1000.0);
    add_if(&items.rtt_min, figures.rtt_min_ms.map(seconds));
    add_if(&items.rtt_avg, figures.rtt_avg_ms.map(seconds));
    add_if(&items.rtt_max, figures.rtt_max_ms.map(seconds));
    let interface = figures.interface.as_ref();
    add_if(&items.interface_state, interface.map(|interface| interface.state.clone()));
    add_if(&items.interface_in_errors, interface.map(|interface| interface.in_errors.to_string()));
    add_if(
        &items.interface_out_errors,
        interface.map(|interface| interface.out_errors.to_string()),
    );
    add_if(&items.duration, figures.duration_ms.map(seconds));
    add_if(&items.status, Some(figures.error.map_or_else(|| "ok".to_owned(), |e| e.kind)));
    values
}

/// The longest reason that is told, in characters. Zabbix keeps 2048.
const REASON_CHARS_MAX: usize = 1000;

/// Why the item of the figures has no value after this check: a status text and the whole story.
/// Nothing when it was measured, or when we stopped it ourselves.
pub(super) fn unsupported_of(record: &Record, items: &ItemKeys) -> Option<ItemValue> {
    let status = record.status.as_ref()?;
    let figures: Figures = serde_json::from_str(&record.outcome).ok()?;
    let Cause { kind, phase, message } = figures.error?;
    let place = phase.map_or_else(String::new, |phase| format!(" in {phase}"));
    let reason = format!("{status}: {kind}{place}: {message}");
    let key = match figures.task.as_deref() {
        Some("interface") => items.interface_state.as_ref()?,
        _ => &items.ping,
    };
    Some(ItemValue {
        seq: record.seq,
        host: record.line.clone(),
        key: key.clone(),
        value: reason.chars().take(REASON_CHARS_MAX).collect(),
        clock: record.clock,
        ns: record.ns,
        is_unsupported: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(outcome: &str, status: Option<&str>) -> Record {
        let (line, status) = ("L1".to_owned(), status.map(str::to_owned));
        Record { seq: 9, line, clock: 5, ns: 7, status, outcome: outcome.to_owned() }
    }

    #[track_caller]
    fn check(record: &Record, items: &ItemKeys, expected: &[(&str, &str)]) {
        let values = values_of(record, items);
        let said: Vec<_> = values.iter().map(|v| (v.key.as_str(), v.value.as_str())).collect();
        assert_eq!(said, expected);
        assert!(values.iter().all(|v| (v.host.as_str(), v.clock, v.ns, v.seq) == ("L1", 5, 7, 9)));
    }

    #[test]
    fn a_measurement_is_a_loss_and_anything_else_a_status() {
        let items = ItemKeys::default();
        let measured = r#"{"sent":8,"received":7,"rtt_avg_ms":1.5,"error":null}"#;
        check(&record(measured, None), &items, &[("dedicatedLinePing", "12")]);
        let failed = r#"{"sent":null,"received":null,"error":{"kind":"Resolve"}}"#;
        let status = Some("ConnectionError");
        check(&record(failed, status), &items, &[("dedicatedLineErrorDetail", "ConnectionError")]);
        check(&record(failed, None), &items, &[]);
        check(&record("not JSON", status), &items, &[]);
    }

    #[test]
    fn an_item_without_figures_is_told_the_reason_and_one_with_figures_nothing() {
        let items = ItemKeys { interface_state: Some("state".to_owned()), ..ItemKeys::default() };
        let failed = |task: &str, message: &str| {
            format!(
                r#"{{"task":"{task}","error":{{"kind":"Connect","phase":"connect","message":"{message}"}}}}"#
            )
        };
        let status = Some("NoRouteToHost");
        let told = unsupported_of(&record(&failed("ping", "gone"), status), &items).unwrap();
        assert_eq!((told.key.as_str(), told.clock, told.ns), ("dedicatedLinePing", 5, 7));
        assert_eq!(told.value, "NoRouteToHost: Connect in connect: gone");
        let json = serde_json::to_string(&told).unwrap();
        assert!(json.ends_with(r#""ns":7,"state":1}"#), "{json}");
        let long = record(&failed("interface", &"é".repeat(3000)), status);
        let told = unsupported_of(&long, &items).unwrap();
        assert_eq!((told.key.as_str(), told.value.chars().count()), ("state", REASON_CHARS_MAX));
        assert_eq!(unsupported_of(&long, &ItemKeys::default()), None);
        assert_eq!(unsupported_of(&record(&failed("ping", "stopping"), None), &items), None);
        let measured = record(r#"{"task":"ping","sent":3,"received":3,"error":null}"#, None);
        assert_eq!(unsupported_of(&measured, &items), None);
    }

    #[test]
    fn more_items_get_more_only_when_they_are_asked_for() {
        let named = |name: &str| Some(name.to_owned());
        let items = ItemKeys {
            loss: named("loss"),
            rtt_avg: named("rtt"),
            duration: named("took"),
            status: named("status"),
            ..ItemKeys::default()
        };
        let measured =
            r#"{"sent":3,"received":2,"rtt_avg_ms":1.5,"duration_ms":2500.0,"error":null}"#;
        let expected = [
            ("dedicatedLinePing", "33"),
            ("loss", "33.3333"),
            ("rtt", "0.001500"),
            ("took", "2.500000"),
            ("status", "ok"),
        ];
        check(&record(measured, None), &items, &expected);
        let failed = r#"{"duration_ms":10.0,"error":{"kind":"DeadlineExceeded"}}"#;
        let expected = [
            ("dedicatedLineErrorDetail", "CheckTimeout"),
            ("took", "0.010000"),
            ("status", "DeadlineExceeded"),
        ];
        check(&record(failed, Some("CheckTimeout")), &items, &expected);
    }
}
