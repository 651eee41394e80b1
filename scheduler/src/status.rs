use std::io;

use pool_core::ErrorKind;

use crate::{CheckResult, Failure, FailureKind, Outcome, SkipReason};

impl Outcome {
    /// The status text that Zabbix items of the earlier monitor take, if there is something to
    /// report: nothing for a check that was measured, or skipped because of a shutdown or because
    /// its line was withdrawn.
    ///
    /// | status | when |
    /// |---|---|
    /// | `NoRouteToHost` | the router's host or network is unreachable |
    /// | `RequestTimeout` | no session in time: the deadline passed before there was one, or the check was overrun |
    /// | `ConnectionError` | no session for any other reason |
    /// | `CheckTimeout` | the deadline passed while the command ran |
    /// | `ParseResultFailed` | the output has no figures that can be relied on, or is not that of this check |
    /// | `ExecutionError` | everything else that went wrong with the command, a refusal by the device included |
    pub fn legacy_status(&self) -> Option<&'static str> {
        match &self.result {
            CheckResult::Measured(_)
            | CheckResult::Skipped(SkipReason::ShuttingDown | SkipReason::Withdrawn) => None,
            CheckResult::Skipped(SkipReason::Overrun) => Some("RequestTimeout"),
            CheckResult::Failed(failure) if self.reused.is_some() => Some(in_session(failure)),
            CheckResult::Failed(failure) => Some(without_session(failure)),
        }
    }
}

fn in_session(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::ParseResultFailed
        | FailureKind::Session(ErrorKind::Desynchronised | ErrorKind::OutputLimit) => {
            "ParseResultFailed"
        }
        FailureKind::Session(ErrorKind::DeadlineExceeded) => "CheckTimeout",
        FailureKind::Session(_) | FailureKind::Panicked => "ExecutionError",
    }
}

fn without_session(failure: &Failure) -> &'static str {
    let unreachable = [io::ErrorKind::HostUnreachable, io::ErrorKind::NetworkUnreachable];
    if failure.io.is_some_and(|kind| unreachable.contains(&kind)) {
        return "NoRouteToHost";
    }
    match failure.kind {
        FailureKind::Session(ErrorKind::DeadlineExceeded) => "RequestTimeout",
        FailureKind::Session(
            ErrorKind::InvalidConfig | ErrorKind::Unsupported | ErrorKind::Rejected,
        )
        | FailureKind::Panicked => "ExecutionError",
        FailureKind::ParseResultFailed => "ParseResultFailed",
        FailureKind::Session(_) => "ConnectionError",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use jiff::Timestamp;
    use pool_core::{Error, Phase, Protocol};

    use super::*;
    use crate::{LineId, LineStatus, Measurement, RouterName, RouterStatus, Target, Trigger};

    fn status(reused: Option<bool>, result: CheckResult) -> Option<&'static str> {
        let outcome = Outcome {
            line: LineId::new("L0001").unwrap(),
            target: Target::new("198.51.100.1").unwrap(),
            router: RouterName::new("edge-1").unwrap(),
            platform: "cisco_iosxe".into(),
            task: crate::TaskKind::Ping,
            protocol: Protocol::Scrapli,
            scheduled_at: Timestamp::UNIX_EPOCH,
            started_at: None,
            duration: Duration::ZERO,
            wait: Duration::ZERO,
            connect: None,
            reused,
            result,
            trigger: Trigger::Schedule,
            line_status: LineStatus::unknown(Timestamp::UNIX_EPOCH),
            router_status: RouterStatus::unknown(Timestamp::UNIX_EPOCH),
        };
        outcome.legacy_status()
    }

    fn failed(reused: Option<bool>, error: &Error) -> Option<&'static str> {
        status(reused, CheckResult::Failed(error.into()))
    }

    fn connect(kind: io::ErrorKind) -> Error {
        Error::Connect { address: "192.0.2.1:22".into(), source: Arc::new(kind.into()) }
    }

    fn timeout(phase: Phase, last: Option<Error>) -> Error {
        Error::DeadlineExceeded { phase, elapsed: Duration::ZERO, last: last.map(Box::new) }
    }

    #[test]
    fn what_was_measured_or_not_meant_to_run_has_no_status() {
        let measured = Measurement::new(5, 0, None);
        assert_eq!(status(Some(true), CheckResult::Measured(measured.into())), None);
        assert_eq!(status(None, CheckResult::Skipped(SkipReason::ShuttingDown)), None);
    }

    #[test]
    fn without_a_session_the_connection_is_to_blame() {
        assert_eq!(
            failed(None, &connect(io::ErrorKind::ConnectionRefused)),
            Some("ConnectionError")
        );
        assert_eq!(failed(None, &connect(io::ErrorKind::HostUnreachable)), Some("NoRouteToHost"));
        assert_eq!(failed(None, &Error::Closed), Some("ConnectionError"));
        assert_eq!(failed(None, &timeout(Phase::KeyExchange, None)), Some("RequestTimeout"));
        let unreachable = connect(io::ErrorKind::NetworkUnreachable);
        let waited = timeout(Phase::Acquire, Some(unreachable));
        assert_eq!(failed(None, &waited), Some("NoRouteToHost"));
        assert_eq!(status(None, CheckResult::Skipped(SkipReason::Overrun)), Some("RequestTimeout"));
    }

    #[test]
    fn with_a_session_the_command_is_to_blame() {
        assert_eq!(failed(Some(false), &timeout(Phase::Read, None)), Some("CheckTimeout"));
        let rejected = Error::Rejected { command: "ping".into(), message: "% Invalid".into() };
        assert_eq!(failed(Some(true), &rejected), Some("ExecutionError"));
        let lost = Error::Disconnected { phase: Phase::Read, message: String::new() };
        assert_eq!(failed(Some(true), &lost), Some("ExecutionError"));
        let other = crate::ParseError::OtherTarget { asked: String::new(), found: String::new() };
        let result = CheckResult::Failed((&other).into());
        assert_eq!(status(Some(true), result), Some("ParseResultFailed"));
    }
}
