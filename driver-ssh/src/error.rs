use libssh2_sys as raw;
use pool_core::{Error, Phase};
use ssh2::ErrorCode;

/// A peer's text in an error is cut to this many characters: a line or two is enough to tell
/// what it is, and it goes into logs and outcomes.
const TEXT_CHARS_MAX: usize = 200;

/// What a failure of libssh2 in `phase` means.
pub(crate) fn session_error(error: &ssh2::Error, phase: Phase) -> Error {
    let message = error.message().to_owned();
    let ErrorCode::Session(code) = error.code() else { return Error::Protocol { phase, message } };
    match code {
        raw::LIBSSH2_ERROR_SOCKET_DISCONNECT
        | raw::LIBSSH2_ERROR_SOCKET_RECV
        | raw::LIBSSH2_ERROR_SOCKET_SEND
        | raw::LIBSSH2_ERROR_BANNER_SEND
        | raw::LIBSSH2_ERROR_CHANNEL_CLOSED
        | raw::LIBSSH2_ERROR_CHANNEL_EOF_SENT
        | raw::LIBSSH2_ERROR_TIMEOUT
        | raw::LIBSSH2_ERROR_SOCKET_TIMEOUT => Error::Disconnected { phase, message },
        // The device has no session, no terminal or no shell left: OpenSSH's MaxSessions, a full
        // VTY table, no pseudo-terminals.
        raw::LIBSSH2_ERROR_CHANNEL_FAILURE | raw::LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED => {
            Error::Busy { phase, message }
        }
        raw::LIBSSH2_ERROR_ALLOC
        | raw::LIBSSH2_ERROR_INVAL
        | raw::LIBSSH2_ERROR_BAD_USE
        | raw::LIBSSH2_ERROR_BAD_SOCKET
        | raw::LIBSSH2_ERROR_RANDGEN
        | raw::LIBSSH2_ERROR_FILE => Error::Local { phase, message },
        _ => Error::Protocol { phase, message },
    }
}

/// `error`, which ended a stretch of work from outside, in the phase that the work had come to.
pub(crate) fn in_phase(error: Error, phase: Phase) -> Error {
    match error {
        Error::Protocol { message, .. } => Error::Protocol { phase, message },
        Error::DeadlineExceeded { elapsed, last, .. } => {
            Error::DeadlineExceeded { phase, elapsed, last }
        }
        Error::Cancelled { .. } => Error::Cancelled { phase },
        other => other,
    }
}

/// A peer's text, fit to be shown: one line, no control characters, of bounded length.
pub(crate) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let words: Vec<_> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    let mut line = words.join(" ");
    if let Some((end, _)) = line.char_indices().nth(TEXT_CHARS_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// What devices say when they have no session left, in lower case.
const BUSY_WORDS: [&str; 10] = [
    "session limit",
    "too many",
    "exceeded maxstartups",
    "limit exceeded",
    "limit reached",
    "maximum number",
    "no free",
    "all user interfaces are used",
    "try later",
    "try again later",
];

/// The error for a peer that said `text` in place of what was asked of it, if the text says that
/// the device is full.
pub(crate) fn busy_text(phase: Phase, text: &str) -> Option<Error> {
    let lower = text.to_lowercase();
    let busy = BUSY_WORDS.iter().any(|words| lower.contains(words));
    busy.then(|| Error::Busy { phase, message: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pool_core::ErrorKind;

    use super::*;
    use crate::linear;

    fn kind(code: i32) -> ErrorKind {
        session_error(&ssh2::Error::from_errno(ErrorCode::Session(code)), Phase::Read).kind()
    }

    #[test]
    fn codes_of_libssh2_have_their_kinds() {
        for code in [-13, -43, -7, -26, -27, -9] {
            assert_eq!(kind(code), ErrorKind::Disconnected, "{code}");
        }
        assert_eq!(kind(-21), ErrorKind::Busy);
        assert_eq!(kind(-22), ErrorKind::Busy);
        assert_eq!(kind(-6), ErrorKind::Local);
        for code in [-2, -4, -5, -8, -12, -14, -999] {
            assert_eq!(kind(code), ErrorKind::Protocol, "{code}");
        }
    }

    #[test]
    fn what_ends_a_stretch_from_outside_does_so_in_the_phase_it_had_come_to() {
        let cut = Error::DeadlineExceeded {
            phase: Phase::Banner,
            elapsed: Duration::from_millis(3),
            last: None,
        };
        assert_eq!(in_phase(cut, Phase::KeyExchange).phase(), Some(Phase::KeyExchange));
        let flood = Error::Protocol { phase: Phase::Banner, message: String::new() };
        assert_eq!(in_phase(flood, Phase::KeyExchange).phase(), Some(Phase::KeyExchange));
        let busy = Error::Busy { phase: Phase::Banner, message: String::new() };
        assert_eq!(in_phase(busy, Phase::Read).phase(), Some(Phase::Banner));
    }

    #[test]
    fn a_peers_text_is_shown_as_one_short_line() {
        assert_eq!(shown(b"\r\n%  Too many\x1b sessions\0\r\n"), "% Too many sessions");
        assert_eq!(shown("é".repeat(999).as_bytes()).chars().count(), TEXT_CHARS_MAX + 1);
        assert_eq!(shown(&[0xff, b'a']), "\u{fffd}a");
    }

    #[test]
    fn the_time_to_show_a_text_grows_with_its_length_only() {
        for part in ["a", "a ", "\r\n", "é", "too man"] {
            let text = |parts| part.repeat(parts).into_bytes();
            linear::check(text, |text| busy_text(Phase::Read, &shown(text)).is_some());
        }
    }

    #[test]
    fn a_full_device_is_told_from_a_strange_one() {
        for text in [
            "% CLI session limit 5 reached",
            "Exceeded MaxStartups",
            "Too many users",
            "All user interfaces are used, please try later!",
        ] {
            assert!(busy_text(Phase::Banner, text).is_some(), "{text}");
        }
        assert!(busy_text(Phase::Banner, "HTTP/1.1 400 Bad Request").is_none());
    }
}
