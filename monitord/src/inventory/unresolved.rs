//! Lines that are declared and cannot be checked, because what is said of them is not enough. They
//! are not left out: each of their checks has an outcome, which tells the reason.
//!
//! Such a line is on a router that does not exist, which is called by the reason. Asked for a
//! session, it answers with that. So everything that happens to lines happens to these too: they
//! have a rhythm, a state, a place on the pages, and move to their router once that is known.

use pool_core::{ConfigProblem, ConnectionConfig, Credentials, Endpoint, Error, Protocol};
use scheduler::{CheckRules, Interval, Line, LineId, Router, RouterName, Target, Task};

/// Where such routers are: nowhere, by RFC 2606.
const NOWHERE: &str = "unresolved.invalid";
const NO_LOGIN: &str = "login.unresolved.invalid";
const PREFIX: &str = "unresolved: ";
/// The longest name of a router.
const NAME_CHARS_MAX: usize = 128;
/// Any platform that can be pinged: no ping is ever sent.
const PLATFORM: &str = "cisco_iosxe";

/// Why a line cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// What is to blame.
    pub(crate) kind: FaultKind,
    /// The whole story. Never with a secret in it.
    pub(crate) reason: String,
}

/// What is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// What is said of the line. No check can be made of it.
    Inventory,
    /// Nobody knows how to log in to its router.
    Login,
}

/// The router that stands for `fault`.
pub(crate) fn router(fault: &Fault) -> Router {
    let host = match fault.kind {
        FaultKind::Inventory => NOWHERE,
        FaultKind::Login => NO_LOGIN,
    };
    let endpoint = Endpoint::new(host, 1).expect("it is a host name");
    let nobody = Credentials { username: "-".to_owned(), ..Credentials::default() };
    let mut connection = ConnectionConfig::new(endpoint, PLATFORM.into(), nobody);
    connection.min_connections = 0;
    Router {
        name: name(&fault.reason),
        protocol: Protocol::Scrapli,
        connection,
        rules: CheckRules::default(),
    }
}

/// A line that stands on it.
pub(crate) fn line(id: LineId, interval: Interval, router: &Router) -> Line {
    // The host's own name, when it can be one.
    let target = Target::new(id.as_str())
        .unwrap_or_else(|_| Target::new(NOWHERE).expect("it is a host name"));
    Line { id, router: router.name.clone(), target, interval, task: Task::default() }
}

fn name(reason: &str) -> RouterName {
    let plain = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
    let text: String = PREFIX.chars().chain(plain).collect();
    let mut cut: String = text.chars().take(NAME_CHARS_MAX).collect();
    if cut.len() < text.len() {
        cut = cut.chars().take(NAME_CHARS_MAX - 3).chain("...".chars()).collect();
    }
    RouterName::new(cut).expect("it is short and plain")
}

/// Why `router` has no sessions, if it is one that stands for a fault.
pub(crate) fn error_of(router: &Router) -> Option<Error> {
    let reason = || {
        let name = router.name.as_str();
        name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
    };
    match router.connection.endpoint.host() {
        NOWHERE => Some(Error::InvalidConfig(vec![ConfigProblem::new(
            "inventory",
            format!("not sufficient ({})", reason()),
            "a line that can be checked",
        )])),
        NO_LOGIN => Some(Error::Authentication { username: "?".to_owned(), message: reason() }),
        _ => None,
    }
}

/// The fault that `router` stands for, as far as its name tells.
pub(crate) fn reason_of(router: &Router) -> Option<&str> {
    error_of(router)?;
    router.name.as_str().strip_prefix(PREFIX)
}

#[cfg(test)]
mod tests {
    use pool_core::ErrorKind;

    use super::*;

    fn fault(kind: FaultKind, reason: &str) -> Fault {
        Fault { kind, reason: reason.to_owned() }
    }

    #[test]
    fn its_router_tells_the_reason_instead_of_sessions() {
        let reason = "{$LINE_ROUTER_IP} is missing";
        let error = error_of(&router(&fault(FaultKind::Inventory, reason))).unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().contains(reason), "{error}");
        let error = error_of(&router(&fault(FaultKind::Login, "no password"))).unwrap();
        assert_eq!(error.kind(), ErrorKind::Authentication);
        assert!(error.to_string().contains("no password"), "{error}");
    }

    #[test]
    fn a_long_reason_makes_a_name_all_the_same() {
        for reason in ["x".repeat(500), "é\n".repeat(300), String::new()] {
            let router = router(&fault(FaultKind::Inventory, &reason));
            assert!(router.name.as_str().chars().count() <= NAME_CHARS_MAX);
            assert!(reason_of(&router).is_some());
        }
    }

    #[test]
    fn other_routers_have_none() {
        let endpoint = Endpoint::new("192.0.2.1", 22).unwrap();
        let nobody = Credentials::default();
        let connection = ConnectionConfig::new(endpoint, PLATFORM.into(), nobody);
        let name = RouterName::new("unresolved: or so").unwrap();
        let router =
            Router { name, protocol: Protocol::Ssh, connection, rules: CheckRules::default() };
        assert!(error_of(&router).is_none());
    }
}
