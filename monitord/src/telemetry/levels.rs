use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::LogLevel;

/// How many exceptions there may be at the same time: each message asks all of them.
const EXCEPTIONS_MAX: usize = 100;

/// What a level is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Scope {
    /// Everything.
    All,
    /// What is about a router and what is on it.
    Router(String),
    /// What is about a line.
    Line(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("everything"),
            Self::Router(name) => write!(f, "router {name}"),
            Self::Line(id) => write!(f, "line {id}"),
        }
    }
}

/// What a message is about, as far as it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) router: Option<String>,
    pub(super) line: Option<String>,
}

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        self.router.is_none() && self.line.is_none()
    }
}

/// A level that is not the configured one, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exception {
    pub(crate) scope: Scope,
    pub(crate) level: LogLevel,
    pub(crate) until: Instant,
}

/// Which messages are logged: the configured level, and exceptions from it that end by themselves.
#[derive(Debug, Default)]
pub(super) struct Levels {
    configured: LogLevel,
    exceptions: Vec<Exception>,
}

impl Levels {
    pub(super) fn new(configured: LogLevel) -> Self {
        Self { configured, exceptions: Vec::new() }
    }

    pub(super) fn configured(&self) -> LogLevel {
        self.configured
    }

    pub(super) fn configure(&mut self, level: LogLevel) {
        self.configured = level;
    }

    pub(super) fn exceptions(&self) -> &[Exception] {
        &self.exceptions
    }

    /// Makes an exception for `time`, in the place of the one for the same. False when there are
    /// too many.
    pub(super) fn except(
        &mut self,
        now: Instant,
        scope: Scope,
        level: LogLevel,
        time: Duration,
    ) -> bool {
        self.end(Some(&scope));
        let has_room = self.exceptions.len() < EXCEPTIONS_MAX;
        if has_room {
            self.exceptions.push(Exception { scope, level, until: now + time });
        }
        has_room
    }

    /// Ends the exception for `scope`, or all of them.
    pub(super) fn end(&mut self, scope: Option<&Scope>) {
        self.exceptions.retain(|exception| scope.is_some_and(|scope| exception.scope != *scope));
    }

    /// Ends those whose time is over.
    pub(super) fn expire(&mut self, now: Instant) {
        self.exceptions.retain(|exception| exception.until > now);
    }

    /// The level beyond which nothing is logged, whatever it is about.
    pub(super) fn ceiling(&self) -> LogLevel {
        let levels = self.exceptions.iter().map(|exception| exception.level);
        levels.fold(self.configured, Ord::max)
    }

    /// The level beyond which nothing is logged that is about `names`. What is closest to it
    /// decides: its line, then its router, then everything.
    pub(super) fn of(&self, now: Instant, names: &Names) -> LogLevel {
        let level = |meant: &dyn Fn(&Scope) -> bool| {
            let mut holds = self.exceptions.iter().filter(|exception| exception.until > now);
            holds.find(|exception| meant(&exception.scope)).map(|exception| exception.level)
        };
        let line =
            |scope: &Scope| matches!(scope, Scope::Line(id) if names.line.as_ref() == Some(id));
        let router = |scope: &Scope| matches!(scope, Scope::Router(name) if names.router.as_ref() == Some(name));
        level(&line)
            .or_else(|| level(&router))
            .or_else(|| level(&|scope| *scope == Scope::All))
            .unwrap_or(self.configured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn names(router: &str, line: &str) -> Names {
        Names { router: Some(router.to_owned()), line: Some(line.to_owned()) }
    }

    fn router(name: &str) -> Scope {
        Scope::Router(name.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_closest_decides_for_as_long_as_it_holds() {
        let now = Instant::now();
        let mut levels = Levels::new(LogLevel::Info);
        assert!(levels.except(now, router("edge-1"), LogLevel::Debug, MINUTE));
        assert!(levels.except(now, Scope::Line("L1".to_owned()), LogLevel::Error, MINUTE * 2));
        assert!(levels.except(now, Scope::All, LogLevel::Warn, MINUTE * 3));
        let of = |levels: &Levels, minutes, names: Names| levels.of(now + MINUTE * minutes, &names);
        assert_eq!(levels.ceiling(), LogLevel::Debug);
        assert_eq!(of(&levels, 0, names("edge-1", "L2")), LogLevel::Debug);
        assert_eq!(of(&levels, 0, names("edge-1", "L1")), LogLevel::Error);
        assert_eq!(of(&levels, 0, Names::default()), LogLevel::Warn);
        assert_eq!(of(&levels, 1, names("edge-1", "L2")), LogLevel::Warn);
        assert_eq!(of(&levels, 3, names("edge-1", "L1")), LogLevel::Info);
        levels.expire(now + MINUTE);
        assert_eq!(levels.exceptions().len(), 2);
        assert_eq!(levels.ceiling(), LogLevel::Info);
    }

    #[tokio::test(start_paused = true)]
    async fn an_exception_takes_the_place_of_the_one_for_the_same_and_there_are_not_too_many() {
        let now = Instant::now();
        let mut levels = Levels::new(LogLevel::Info);
        for level in [LogLevel::Debug, LogLevel::Trace] {
            levels.except(now, router("edge-1"), level, MINUTE);
        }
        assert_eq!(levels.exceptions().len(), 1);
        levels.end(Some(&router("edge-2")));
        assert_eq!(levels.ceiling(), LogLevel::Trace);
        levels.end(None);
        assert_eq!(levels.ceiling(), LogLevel::Info);
        for number in 0..EXCEPTIONS_MAX {
            assert!(levels.except(now, router(&number.to_string()), LogLevel::Debug, MINUTE));
        }
        assert!(!levels.except(now, router("one more"), LogLevel::Debug, MINUTE));
    }
}
