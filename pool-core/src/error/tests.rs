use std::error::Error as _;

use super::*;

fn timeout(phase: Phase) -> Error {
    Error::DeadlineExceeded { phase, elapsed: Duration::from_millis(100), last: None }
}

#[test]
fn a_timeout_while_waiting_carries_the_last_attempt_as_its_source() {
    let refused = Error::Connect {
        address: "192.0.2.1:22".into(),
        source: Arc::new(io::ErrorKind::ConnectionRefused.into()),
    };
    let error = timeout(Phase::Acquire).with_last(Some(refused));
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    let cause = error.source().expect("the last attempt");
    assert_eq!(cause.to_string(), "cannot connect to 192.0.2.1:22");
    assert!(cause.source().is_some(), "and under it the operating system's error");
}

#[test]
fn only_a_refused_command_leaves_the_session_good() {
    let rejected = Error::Rejected { command: "pin".into(), message: "% Invalid input".into() };
    assert!(!rejected.breaks_connection());
    assert!(timeout(Phase::Read).breaks_connection());
    assert!(Error::Cancelled { phase: Phase::Read }.breaks_connection());
    assert!(Error::OutputLimit { limit: 1 }.breaks_connection());
}

#[test]
fn what_a_retry_cannot_heal_is_not_transient() {
    let wrong = Error::Authentication { username: "u".into(), message: "refused".into() };
    assert!(!wrong.is_transient());
    assert!(timeout(Phase::KeyExchange).is_transient());
}

#[test]
fn a_shut_gate_is_an_error_of_the_kind_of_its_cause() {
    let error = Error::GateShut {
        attempts: 5,
        age: Duration::from_millis(2500),
        next_try: Duration::from_secs(3),
        cause: Box::new(timeout(Phase::KeyExchange)),
    };
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(error.phase(), Some(Phase::KeyExchange));
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "left alone after 5 failed attempts, the latest 2.5s ago in phase key_exchange; next \
         try in 3.0s"
    );
    assert!(error.source().is_some());
}

#[test]
fn what_fails_at_a_jump_host_says_so_and_keeps_its_kind() {
    let cause = Box::new(timeout(Phase::KeyExchange));
    let error = Error::JumpHost { host: "192.0.2.9:22".into(), cause };
    assert_eq!(
        (error.kind(), error.phase()),
        (ErrorKind::DeadlineExceeded, Some(Phase::KeyExchange))
    );
    assert_eq!(error.to_string(), "at the jump host 192.0.2.9:22");
    assert!(error.source().is_some());
    let waited = timeout(Phase::Acquire).with_last(Some(error));
    assert_eq!(waited.jump_host(), Some("192.0.2.9:22"));
    assert_eq!(timeout(Phase::Read).jump_host(), None);
}

#[test]
fn display_states_this_layer_only() {
    assert_eq!(
        timeout(Phase::KeyExchange).to_string(),
        "deadline exceeded in phase key_exchange after 100.0ms"
    );
}
