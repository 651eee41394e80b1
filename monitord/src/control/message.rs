use serde::{Deserialize, Serialize};

use crate::status::Status;
use crate::telemetry::{LogLevel, Scope};

/// What the daemon can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Request {
    /// To check lines at once.
    CheckNow {
        /// These lines; all of the router's when there are none.
        lines: Vec<String>,
        /// The router whose lines are meant.
        router: Option<String>,
        /// How long the answer may take, in seconds.
        timeout_s: u64,
    },
    /// What it knows of itself.
    Status {
        /// Of these lines, with how their latest checks ended.
        named: Vec<String>,
        /// And of so many others, the worst first.
        worst: usize,
    },
    /// To read the configuration again, and to take it over if it can be used.
    Reload {
        /// How long the answer may take, in seconds.
        timeout_s: u64,
    },
    /// To log otherwise for a time, or to say how it logs.
    LogLevel(LogChange),
}

/// What is to change about the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum LogChange {
    /// Nothing.
    None,
    /// What is about `scope` is logged at `level` for a time.
    Set {
        /// What is meant.
        scope: Scope,
        /// How much of it.
        level: LogLevel,
        /// For how long, in seconds.
        for_s: u64,
    },
    /// What is about this is logged as is configured; everything is, without it.
    Reset(Option<Scope>),
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// The lines were checked.
    Checked(Checked),
    /// What the daemon knows of itself.
    Status(Box<Status>),
    /// The configuration was read, and this has changed; nothing, when it is what runs.
    Reloaded(Vec<String>),
    /// The configuration was read, and why what ran before goes on.
    NotReloaded(String),
    /// How is logged.
    LogLevels(LogLevels),
    /// Nothing was done, and why.
    Refused(String),
}

/// How is logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogLevels {
    /// As is configured.
    pub(crate) configured: LogLevel,
    /// What is logged otherwise, for a time.
    pub(crate) exceptions: Vec<LogException>,
}

/// Something that is logged otherwise than is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogException {
    /// What is meant.
    pub(crate) scope: Scope,
    /// How much of it is logged.
    pub(crate) level: LogLevel,
    /// For how many more seconds.
    pub(crate) left_s: u64,
}

/// What became of lines that were to be checked at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Checked {
    /// The outcomes as JSON Lines.
    pub(crate) json: String,
    /// The same for people.
    pub(crate) table: String,
    /// The lines that have none in time.
    pub(crate) unanswered: Vec<String>,
    /// Whether every line has figures.
    pub(crate) all_measured: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_messages_is_stable_and_strict() {
        let request =
            Request::CheckNow { lines: vec!["L1".to_owned()], router: None, timeout_s: 60 };
        let text = r#"{"check_now":{"lines":["L1"],"router":null,"timeout_s":60}}"#;
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
        let request = Request::LogLevel(LogChange::Set {
            scope: Scope::Router("edge-1".to_owned()),
            level: LogLevel::Debug,
            for_s: 600,
        });
        let text =
            r#"{"log_level":{"set":{"scope":{"router":"edge-1"},"level":"debug","for_s":600}}}"#;
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        let request = r#"{"reload":{"timeout_s":60}}"#;
        assert!(serde_json::from_str::<Request>(request).is_ok());
        for wrong in [r#"{"check_now":{}}"#, r#"{"dance":{}}"#, "[]", ""] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }
}
