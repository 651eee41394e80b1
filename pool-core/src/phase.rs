use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How many phases a [`PhaseTrace`] keeps. A login has about ten; a driver that enters more has
/// lost its way, and its later phases replace the last one instead of growing the trace.
const TRACE_SPANS_MAX: usize = 32;

/// The stage at which an operation waited, failed or was cut short.
///
/// The order is that of a session's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Waiting in the pool for a session to become free.
    Acquire,
    /// Turning a host name into addresses.
    Resolve,
    /// Opening the TCP connection.
    Connect,
    /// Waiting for the SSH identification string of the peer (RFC 4253, section 4.2).
    Banner,
    /// SSH key exchange (RFC 4253, section 7).
    KeyExchange,
    /// Deciding whether the peer's host key is the expected one.
    HostKey,
    /// Logging in.
    Authentication,
    /// Opening an SSH channel (RFC 4254, section 5.1).
    ChannelOpen,
    /// Requesting a pseudo-terminal.
    Pty,
    /// Starting the interactive shell.
    Shell,
    /// Waiting for the first prompt.
    Prompt,
    /// Commands that prepare a fresh session, such as switching the pager off.
    Setup,
    /// Starting a command: the exec request, or writing the command line.
    Write,
    /// Waiting for the output of a command.
    Read,
    /// Testing whether an idle session still works.
    HealthCheck,
    /// Ending the session.
    Close,
}

impl Phase {
    /// The stable name used in logs, metrics and outcomes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acquire => "acquire",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Banner => "banner",
            Self::KeyExchange => "key_exchange",
            Self::HostKey => "host_key",
            Self::Authentication => "authentication",
            Self::ChannelOpen => "channel_open",
            Self::Pty => "pty",
            Self::Shell => "shell",
            Self::Prompt => "prompt",
            Self::Setup => "setup",
            Self::Write => "write",
            Self::Read => "read",
            Self::HealthCheck => "health_check",
            Self::Close => "close",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One phase of a traced operation: what, since when, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseSpan {
    /// The phase.
    pub phase: Phase,
    /// How long it took; for the last span, how long it has taken so far.
    pub elapsed: Duration,
}

/// The phases an operation went through, in order.
///
/// Obtained from [`Context::traced`](crate::Context::traced). It outlives the operation, so that
/// whoever gave up on it can still say how far it got.
#[derive(Debug, Default)]
pub struct PhaseTrace {
    // A blocking mutex: it is held for a push and a copy, and never across an await.
    entered: Mutex<Vec<(Phase, Instant)>>,
    /// Whoever traces the operation that this one is a part of.
    outer: Option<Arc<PhaseTrace>>,
}

impl PhaseTrace {
    pub(crate) fn within(outer: Option<Arc<PhaseTrace>>) -> Self {
        Self { outer, ..Self::default() }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        if let Some(outer) = &self.outer {
            outer.enter(phase);
        }
        let mut entered = self.entered.lock();
        if entered.last().is_some_and(|&(last, _)| last == phase) {
            return;
        }
        if entered.len() == TRACE_SPANS_MAX {
            entered.pop();
        }
        entered.push((phase, Instant::now()));
    }

    /// The phase the operation is in, or ended in.
    pub fn current(&self) -> Option<Phase> {
        self.entered.lock().last().map(|&(phase, _)| phase)
    }

    /// Every phase so far with its duration; the last one is measured up to now.
    pub fn spans(&self) -> Vec<PhaseSpan> {
        let entered = self.entered.lock();
        let ends = entered.iter().skip(1).map(|&(_, at)| at).chain([Instant::now()]);
        entered
            .iter()
            .zip(ends)
            .map(|(&(phase, start), end)| PhaseSpan { phase, elapsed: end - start })
            .collect()
    }
}
