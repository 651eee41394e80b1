use std::io;

use pool_core::{ErrorKind, Phase};
use scheduler::{CheckResult, Failure, FailureKind, SkipReason};

/// The status text of a check without figures, in the words that existing Zabbix triggers know.
/// None when there is nothing to tell: it was measured, or we stopped it ourselves.
pub(super) fn status_text(result: &CheckResult) -> Option<&'static str> {
    match result {
        CheckResult::Measured(_) | CheckResult::Skipped(SkipReason::ShuttingDown) => None,
        // The check's time was over before it got a session: to a trigger, a timeout.
        CheckResult::Skipped(_) => Some("CheckTimeout"),
        CheckResult::Failed(failure) => of_failure(failure),
    }
}

fn of_failure(failure: &Failure) -> Option<&'static str> {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable};
    if let Some(HostUnreachable | NetworkUnreachable) = failure.io {
        return Some("NoRouteToHost");
    }
    let kind = match failure.kind {
        FailureKind::ParseResultFailed => return Some("ParseResultFailed"),
        FailureKind::Session(kind) => kind,
        _ => return Some("ExecutionError"),
    };
    let while_running = matches!(failure.phase, Some(Phase::Write | Phase::Read));
    let text = match kind {
        ErrorKind::Cancelled | ErrorKind::Closed => return None,
        ErrorKind::DeadlineExceeded if while_running => "CheckTimeout",
        ErrorKind::DeadlineExceeded if failure.phase == Some(Phase::Connect) => "RequestTimeout",
        ErrorKind::Unsupported | ErrorKind::InvalidConfig => "ExecutionError",
        _ if while_running => "ExecutionError",
        _ => "ConnectionError",
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: FailureKind, phase: Option<Phase>, expected: Option<&str>) {
        let failure = Failure { kind, phase, message: String::new(), io: None };
        assert_eq!(status_text(&CheckResult::Failed(failure)), expected, "{kind} {phase:?}");
    }

    #[test]
    fn every_kind_of_failure_has_its_word() {
        let session = FailureKind::Session;
        check(FailureKind::ParseResultFailed, Some(Phase::Read), Some("ParseResultFailed"));
        check(FailureKind::Panicked, None, Some("ExecutionError"));
        check(session(ErrorKind::Connect), Some(Phase::Connect), Some("ConnectionError"));
        check(session(ErrorKind::Authentication), None, Some("ConnectionError"));
        check(session(ErrorKind::Disconnected), Some(Phase::Read), Some("ExecutionError"));
        check(session(ErrorKind::Rejected), Some(Phase::Read), Some("ExecutionError"));
        let late = session(ErrorKind::DeadlineExceeded);
        check(late, Some(Phase::Connect), Some("RequestTimeout"));
        check(late, Some(Phase::KeyExchange), Some("ConnectionError"));
        check(late, Some(Phase::Acquire), Some("ConnectionError"));
        check(late, Some(Phase::Read), Some("CheckTimeout"));
        check(session(ErrorKind::Cancelled), Some(Phase::Read), None);
    }

    #[test]
    fn an_unreachable_network_is_told_from_a_refused_connection() {
        let io = Some(io::ErrorKind::HostUnreachable);
        let kind = FailureKind::Session(ErrorKind::Connect);
        let failure = Failure { kind, phase: None, message: String::new(), io };
        assert_eq!(status_text(&CheckResult::Failed(failure)), Some("NoRouteToHost"));
    }

    #[test]
    fn an_overrun_is_told_and_our_own_stop_is_not() {
        let of = |reason| status_text(&CheckResult::Skipped(reason));
        assert_eq!(of(SkipReason::Overrun), Some("CheckTimeout"));
        assert_eq!(of(SkipReason::ShuttingDown), None);
    }
}
