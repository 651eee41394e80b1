//! What a server or proxy says to a request: how many of its values were taken.

use pool_core::Endpoint;
use serde::Deserialize;

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

/// What a server or proxy says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The account of the values.
    Account(Reply),
    /// The first host of the request is looked after by another proxy of the group.
    Redirect(Endpoint),
    /// This proxy of a group has lost its server: any other one is as good.
    Reset,
}

impl Answer {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// What it is in place of one. Bounded, because it is logged.
    pub(super) fn read(payload: &[u8]) -> Result<Self, String> {
        let raw: Raw = serde_json::from_slice(payload)
            .map_err(|error| format!("the answer cannot be read: {error}"))?;
        let shown = || raw.info.chars().take(INFO_CHARS_SHOWN_MAX).collect::<String>();
        match (raw.response.as_str(), raw.redirect) {
            ("success", _) => Reply::read(&raw.info).map(Self::Account).ok_or_else(|| {
                format!("the answer does not account for the values: {:?}", shown())
            }),
            (_, Some(RawRedirect { reset: true, .. })) => Ok(Self::Reset),
            (_, Some(RawRedirect { address: Some(address), .. })) => endpoint(&address)
                .map(Self::Redirect)
                .ok_or_else(|| "the answer redirects to what is no address".to_owned()),
            _ => Err(format!("the answer is no success: {:?}", shown())),
        }
    }
}

/// How much of a text that somebody sent is shown.
const INFO_CHARS_SHOWN_MAX: usize = 200;

#[derive(Deserialize)]
struct Raw {
    response: String,
    #[serde(default)]
    info: String,
    redirect: Option<RawRedirect>,
}

#[derive(Deserialize)]
struct RawRedirect {
    address: Option<String>,
    #[serde(default)]
    reset: bool,
}

/// `host:port`, `host`, or an IPv6 address with or without brackets.
fn endpoint(text: &str) -> Option<Endpoint> {
    crate::settings::trapper_address(text).ok()
}

impl Reply {
    fn read(info: &str) -> Option<Self> {
        let number = |name: &str| {
            let part = info.split(';').map(str::trim).find_map(|p| p.strip_prefix(name));
            part.and_then(|rest| rest.strip_prefix(':')?.trim().parse().ok())
        };
        Some(Self {
            processed: number("processed")?,
            failed: number("failed")?,
            total: number("total")?,
        })
    }

    /// Whether every one of `sent` values is accounted for.
    pub(super) fn accounts_for(&self, sent: u64) -> bool {
        self.processed.checked_add(self.failed) == Some(self.total) && self.total == sent
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(info: &str) -> Result<Answer, String> {
        Answer::read(format!(r#"{{"response":"success","info":"{info}"}}"#).as_bytes())
    }

    fn reply(info: &str) -> Reply {
        match answer(info).unwrap() {
            Answer::Account(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_account_is_read() {
        let read = reply("processed: 2; failed: 1; total: 3; seconds spent: 0.000055");
        assert_eq!(read, Reply { processed: 2, failed: 1, total: 3 });
        assert!(read.accounts_for(3));
    }

    #[test]
    fn values_that_are_left_out_of_the_account_are_noticed() {
        let silent_loss = reply("processed: 0; failed: 0; total: 0; seconds spent: 0");
        assert!(!silent_loss.accounts_for(3));
        assert!(!reply("processed: 2; failed: 0; total: 3").accounts_for(3));
    }

    #[test]
    fn anything_else_is_no_account() {
        for info in ["", "processed: 1", "processed: x; failed: 0; total: 1"] {
            assert!(answer(info).unwrap_err().contains("does not account"), "{info}");
        }
        let failed = br#"{"response":"failed","info":"cannot parse"}"#;
        assert!(Answer::read(failed).unwrap_err().contains("cannot parse"));
        assert!(Answer::read(b"[]").is_err());
    }

    #[test]
    fn a_proxy_of_a_group_sends_us_to_another() {
        let redirect = |inner: &str| {
            Answer::read(format!(r#"{{"response":"failed","redirect":{inner}}}"#).as_bytes())
        };
        let there = Endpoint::new("192.0.2.7", 10052).unwrap();
        let answer = redirect(r#"{"revision":4,"address":"192.0.2.7:10052"}"#);
        assert_eq!(answer, Ok(Answer::Redirect(there)));
        assert_eq!(redirect(r#"{"reset":true}"#), Ok(Answer::Reset));
        assert!(redirect(r#"{"address":"a b:0"}"#).is_err());
        assert!(redirect("{}").is_err());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic_or_talk_at_length(info in ".{0,600}", tail in ".{0,40}") {
            let json = serde_json::json!({ "response": "success", "info": info }).to_string();
            for bytes in [format!("{json}{tail}"), info.clone()] {
                if let Err(reason) = Answer::read(bytes.as_bytes()) {
                    prop_assert!(reason.len() < 3000, "{}", reason.len());
                }
            }
        }
    }
}
