//! What is said in a frame: values, and how many of them were taken.

use jiff::Timestamp;
use scheduler::{CheckResult, Outcome};
use serde::{Deserialize, Serialize};

use crate::settings::ItemKeys;

/// One value of one item, with the moment of the check. The moment never changes again: Zabbix
/// keeps one value for each item and moment, so that sending twice stores once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ItemValue {
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
}

impl ItemValue {
    /// What an outcome says to Zabbix: the loss when it was measured, a status text when it was
    /// not. Nothing when we stopped it ourselves: that is no fault of the line.
    pub(super) fn of(outcome: &Outcome, items: &ItemKeys) -> Option<Self> {
        let (key, value) = match &outcome.result {
            CheckResult::Measured(measurement) => {
                (&items.ping, format!("{:.0}", measurement.loss_pct()))
            }
            _ => (&items.error_detail, outcome.legacy_status()?.to_owned()),
        };
        let (clock, ns) = moment(outcome.started_at.unwrap_or(outcome.scheduled_at));
        Some(Self { host: outcome.line.to_string(), key: key.clone(), value, clock, ns })
    }
}

fn moment(at: Timestamp) -> (i64, u32) {
    let ns = u32::try_from(at.subsec_nanosecond()).unwrap_or(1);
    (at.as_second(), Ord::clamp(ns, 1, 999_999_999))
}

/// A request with `values`, as JSON.
pub(super) fn request(values: &[ItemValue]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Request<'a> {
        request: &'static str,
        data: &'a [ItemValue],
    }
    let request = Request { request: "sender data", data: values };
    serde_json::to_vec(&request).expect("texts and numbers under text keys are always JSON")
}

/// How many of the values of a request were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// Taken. Whether they are also stored is not said.
    pub(super) processed: u64,
    /// Refused: no such host or item, disabled, not a trapper item, or not from this address.
    pub(super) failed: u64,
    /// Looked at.
    pub(super) total: u64,
}

impl Reply {
    /// Reads a reply.
    ///
    /// # Errors
    ///
    /// What it is in place of an account of the values. Bounded, because it is logged.
    pub(super) fn read(payload: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Raw {
            response: String,
            #[serde(default)]
            info: String,
        }
        let raw: Raw = serde_json::from_slice(payload)
            .map_err(|error| format!("the answer cannot be read: {error}"))?;
        let shown = || raw.info.chars().take(200).collect::<String>();
        if raw.response != "success" {
            return Err(format!("the answer is no success: {:?}", shown()));
        }
        let number = |name: &str| {
            let part = raw.info.split(';').map(str::trim).find_map(|p| p.strip_prefix(name));
            part.and_then(|rest| rest.strip_prefix(':')?.trim().parse().ok())
        };
        match (number("processed"), number("failed"), number("total")) {
            (Some(processed), Some(failed), Some(total)) => Ok(Self { processed, failed, total }),
            _ => Err(format!("the answer does not account for the values: {:?}", shown())),
        }
    }

    /// Whether every one of `sent` values is accounted for.
    pub(super) fn accounts_for(&self, sent: u64) -> bool {
        self.processed.checked_add(self.failed) == Some(self.total) && self.total == sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(info: &str) -> Result<Reply, String> {
        Reply::read(format!(r#"{{"response":"success","info":"{info}"}}"#).as_bytes())
    }

    #[test]
    fn the_account_is_read() {
        let read = reply("processed: 2; failed: 1; total: 3; seconds spent: 0.000055").unwrap();
        assert_eq!(read, Reply { processed: 2, failed: 1, total: 3 });
        assert!(read.accounts_for(3));
    }

    #[test]
    fn values_that_are_left_out_of_the_account_are_noticed() {
        let silent_loss = reply("processed: 0; failed: 0; total: 0; seconds spent: 0").unwrap();
        assert!(!silent_loss.accounts_for(3));
        assert!(!reply("processed: 2; failed: 0; total: 3").unwrap().accounts_for(3));
    }

    #[test]
    fn anything_else_is_no_account() {
        for info in ["", "processed: 1", "processed: x; failed: 0; total: 1"] {
            assert!(reply(info).unwrap_err().contains("does not account"), "{info}");
        }
        let failed = br#"{"response":"failed","info":"cannot parse"}"#;
        assert!(Reply::read(failed).unwrap_err().contains("cannot parse"));
        assert!(Reply::read(b"[]").is_err());
    }

    #[test]
    fn nanoseconds_are_never_zero() {
        assert_eq!(moment("2025-12-22T08:00:00Z".parse().unwrap()), (1_766_390_400, 1));
        assert_eq!(moment("2025-12-22T08:00:00.5Z".parse().unwrap()), (1_766_390_400, 500_000_000));
    }

    #[test]
    fn a_request_is_what_zabbix_reads() {
        let value = ItemValue {
            host: "L1".into(),
            key: "dedicatedLinePing".into(),
            value: "20".into(),
            clock: 5,
            ns: 7,
        };
        assert_eq!(
            String::from_utf8(request(&[value])).unwrap(),
            r#"{"request":"sender data","data":[{"host":"L1","key":"dedicatedLinePing","value":"20","clock":5,"ns":7}]}"#
        );
    }
}
