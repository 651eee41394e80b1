use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

/// An outcome as monitord prints it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) line: String,
    pub(super) due_ms: i64,
    /// Whether it is of a due time. Rechecks are not.
    pub(super) is_scheduled: bool,
    pub(super) started_ms: Option<i64>,
    pub(super) duration_ms: Option<f64>,
    pub(super) status: Status,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Measured,
    Failed,
    Skipped,
}

impl Outcome {
    /// Reads a line that monitord printed.
    pub(super) fn read(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line)?;
        let at = |key: &str| -> Result<Option<i64>> {
            let time = value[key].as_str().map(str::parse::<Timestamp>).transpose();
            Ok(time.with_context(|| format!("{key} is no time"))?.map(Timestamp::as_millisecond))
        };
        Ok(Self {
            line: value["line"].as_str().context("no line")?.to_owned(),
            due_ms: at("scheduled_at")?.context("no scheduled_at")?,
            is_scheduled: value["trigger"] == "schedule",
            started_ms: at("started_at")?,
            duration_ms: value["duration_ms"].as_f64(),
            status: match value["status"].as_str() {
                Some("measured") => Status::Measured,
                Some("failed") => Status::Failed,
                Some("skipped") => Status::Skipped,
                other => anyhow::bail!("unknown status {other:?}"),
            },
        })
    }

    /// How late the check began, if it did.
    pub(super) fn late_ms(&self) -> Option<i64> {
        Some(self.started_ms? - self.due_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_as_it_is_printed() {
        let line = r#"{"line":"L","status":"skipped","trigger":"schedule","duration_ms":null,
            "scheduled_at":"1970-01-01T00:01:43.250Z","started_at":null}"#;
        let read = Outcome::read(line).unwrap();
        assert_eq!((read.due_ms, read.late_ms(), read.status), (103_250, None, Status::Skipped));
        assert!(Outcome::read("{}").is_err());
    }
}
