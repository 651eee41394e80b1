use serde::{Deserialize, Serialize};

use crate::status::Status;

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
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// The lines were checked.
    Checked(Checked),
    /// What the daemon knows of itself.
    Status(Box<Status>),
    /// Nothing was done, and why.
    Refused(String),
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
        for wrong in [r#"{"check_now":{}}"#, r#"{"dance":{}}"#, "[]", ""] {
            assert!(serde_json::from_str::<Request>(wrong).is_err(), "{wrong}");
        }
    }
}
