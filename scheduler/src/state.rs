//! What is known of a line and of a router, from one check to the next: pure state machines.

use std::fmt;

use jiff::Timestamp;
use pool_core::ErrorKind;

use crate::{CheckResult, Failure, FailureKind, Outcome, Shortage};

/// How many checks in a row must contradict a state before it changes: one lost packet, or one
/// router that was busy, is no event.
const CONFIRMATIONS: u8 = 2;

/// The state of a line, confirmed by more than one check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineState {
    /// Nothing is known: it was not checked yet, or its checks end without figures.
    #[default]
    Unknown,
    /// Every packet is answered.
    Up,
    /// Some packets are answered.
    Degraded,
    /// No packet is answered.
    Down,
}

/// The state of a line, and what became of it so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineStatus {
    /// The state.
    pub state: LineState,
    /// When the first of the checks was due that say so.
    pub since: Timestamp,
    /// How often it went from one known state to another since the line came here.
    pub flaps: u32,
}

/// Whether sessions of a router can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouterState {
    /// No check has shown it yet.
    #[default]
    Unknown,
    /// They can.
    Reachable,
    /// They cannot. Nothing is known of its lines meanwhile, which is one problem and not one for
    /// each of them.
    Unreachable,
}

/// The state of a router, confirmed by more than one check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouterStatus {
    /// The state.
    pub state: RouterState,
    /// When the first of the checks was due that say so.
    pub since: Timestamp,
    /// Whether it does not keep up with its lines: checks are skipped because their turn does not
    /// come.
    pub is_short: bool,
    /// By how much, and what would fit, while it does not.
    pub shortage: Option<Shortage>,
}

impl LineStatus {
    /// That of a line nothing is known of.
    pub fn unknown(since: Timestamp) -> Self {
        Self { state: LineState::Unknown, since, flaps: 0 }
    }
}

impl RouterStatus {
    /// That of a router nothing is known of.
    pub fn unknown(since: Timestamp) -> Self {
        Self { state: RouterState::Unknown, since, is_short: false, shortage: None }
    }
}

impl LineState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Up, Self::Degraded, Self::Down];

    /// The stable name used on pages and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for LineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl RouterState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Unknown, Self::Reachable, Self::Unreachable];

    /// The stable name used on pages and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Reachable => "reachable",
            Self::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for RouterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one check says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// The line was seen in this state.
    Line(LineState),
    /// There was a session and there are no figures: that is about the line, or how it is checked.
    NoFigures,
    /// There was no session, by no fault of the line.
    NoSession,
    /// Nothing about line or router.
    Nothing,
}

impl Sight {
    pub(crate) fn of(outcome: &Outcome) -> Self {
        match &outcome.result {
            CheckResult::Measured(figures) => Self::Line(figures.line_state()),
            CheckResult::Failed(_) if outcome.reused.is_some() => Self::NoFigures,
            CheckResult::Failed(failure) if is_about_the_router(failure) => Self::NoSession,
            CheckResult::Failed(_) => Self::NoFigures,
            CheckResult::Skipped(_) => Self::Nothing,
        }
    }
}

/// Whether it is the router that gave no session, and not something on our side.
fn is_about_the_router(failure: &Failure) -> bool {
    let ours = [
        ErrorKind::InvalidConfig,
        ErrorKind::Unsupported,
        ErrorKind::Closed,
        ErrorKind::Cancelled,
        ErrorKind::Local,
    ];
    match failure.kind {
        FailureKind::Session(kind) => !ours.contains(&kind),
        FailureKind::ParseResultFailed | FailureKind::Panicked => false,
    }
}

/// What is remembered of a line. There is one for each of a million lines, so that moments are
/// kept as milliseconds, which due times are whole numbers of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LineHealth {
    state: LineState,
    /// The latest state that was not unknown, if there was one.
    known: LineState,
    doubt: Doubt,
    since_ms: i64,
    flaps: u32,
}

/// What is remembered of a router.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RouterHealth {
    status: RouterStatus,
    doubt: Doubt,
}

/// Checks in a row that contradict the state.
#[derive(Clone, Copy, Debug, Default)]
struct Doubt {
    checks: u8,
    /// When the first of them was due; means nothing before there is one.
    since_ms: i64,
}

/// What a check did to the state of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineNews {
    None,
    /// It contradicts the state, and is to be confirmed.
    Doubted,
    /// The line went from the state that was known last to another one.
    Changed {
        from: LineState,
        to: LineState,
    },
    /// The line is in another state, which is no news: nothing is known of it because of its
    /// router, or it is as it was known last.
    Quietly,
}

impl Doubt {
    /// Counts a check; says since when the state is wrong once there have been enough of them.
    fn confirmed(&mut self, at: Timestamp, needed: u8) -> Option<i64> {
        if self.checks == 0 {
            self.since_ms = at.as_millisecond();
        }
        self.checks = self.checks.saturating_add(1);
        (self.checks >= needed).then_some(self.since_ms)
    }
}

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).expect("it was made of one")
}

impl LineHealth {
    /// Of a line that is new.
    pub(crate) fn new(at: Timestamp) -> Self {
        let (state, doubt) = (LineState::Unknown, Doubt::default());
        Self { state, known: state, doubt, since_ms: at.as_millisecond(), flaps: 0 }
    }

    pub(crate) fn status(&self) -> LineStatus {
        let Self { state, flaps, .. } = *self;
        LineStatus { state, since: moment(self.since_ms), flaps }
    }

    /// Whether it is down, and no check since has said otherwise.
    pub(crate) fn is_surely_down(&self) -> bool {
        self.state == LineState::Down && self.doubt.checks == 0
    }

    /// Takes in what the check that was due `at` says. A state that is unknown needs no more than
    /// one check to end: there is nothing to protect. When the checks that contradict a state
    /// differ, the last one counts.
    pub(crate) fn see(&mut self, sight: Sight, at: Timestamp) -> LineNews {
        let to = match sight {
            Sight::Line(state) => state,
            Sight::NoFigures | Sight::NoSession => LineState::Unknown,
            Sight::Nothing => return LineNews::None,
        };
        let from = self.state;
        if to == from {
            self.doubt = Doubt::default();
            return LineNews::None;
        }
        let needed = if from == LineState::Unknown { 1 } else { CONFIRMATIONS };
        let Some(since_ms) = self.doubt.confirmed(at, needed) else { return LineNews::Doubted };
        self.doubt = Doubt::default();
        (self.state, self.since_ms) = (to, since_ms);
        let known = self.known;
        if to == LineState::Unknown {
            return match sight {
                Sight::NoSession => LineNews::Quietly,
                _ => LineNews::Changed { from, to },
            };
        }
        self.known = to;
        if known == to || (known == LineState::Unknown && to == LineState::Up) {
            return LineNews::Quietly;
        }
        if known != LineState::Unknown {
            self.flaps = self.flaps.saturating_add(1);
        }
        LineNews::Changed { from: known, to }
    }
}

impl RouterHealth {
    /// Of a router that is new.
    pub(crate) fn new(at: Timestamp) -> Self {
        let status = RouterStatus::unknown(at);
        Self { status, doubt: Doubt::default() }
    }

    pub(crate) fn status(&self) -> RouterStatus {
        self.status
    }

    /// Notes whether the router keeps up with its lines.
    pub(crate) fn set_short(&mut self, shortage: Option<Shortage>) {
        self.status.is_short = shortage.is_some();
        self.status.shortage = shortage;
    }

    /// Takes in what the check that was due `at` says. Returns the state before, if it changed.
    pub(crate) fn see(&mut self, sight: Sight, at: Timestamp) -> Option<RouterState> {
        let to = match sight {
            Sight::Line(_) | Sight::NoFigures => RouterState::Reachable,
            Sight::NoSession => RouterState::Unreachable,
            Sight::Nothing => return None,
        };
        if to == self.status.state {
            self.doubt = Doubt::default();
            return None;
        }
        // One session that could be had is proof; one that could not is none.
        let needed = if to == RouterState::Reachable { 1 } else { CONFIRMATIONS };
        let since = moment(self.doubt.confirmed(at, needed)?);
        self.doubt = Doubt::default();
        let from = self.status.state;
        (self.status.state, self.status.since) = (to, since);
        Some(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Sight = Sight::Line(LineState::Up);
    const DEGRADED: Sight = Sight::Line(LineState::Degraded);
    const DOWN: Sight = Sight::Line(LineState::Down);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What each sight is news of, one a second.
    fn news(sights: &[Sight]) -> (Vec<LineNews>, LineStatus) {
        let mut line = LineHealth::new(at(0));
        let news = sights.iter().zip(1..).map(|(sight, second)| line.see(*sight, at(second)));
        (news.collect(), line.status())
    }

    fn changed(from: LineState, to: LineState) -> LineNews {
        LineNews::Changed { from, to }
    }

    #[test]
    fn a_state_changes_when_two_checks_in_a_row_say_so() {
        let (news, status) = news(&[UP, DOWN, UP, DOWN, DOWN, DOWN]);
        let down = changed(LineState::Up, LineState::Down);
        let expected =
            [LineNews::Quietly, LineNews::Doubted, LineNews::None, LineNews::Doubted, down];
        assert_eq!(news[..5], expected);
        assert_eq!(news[5], LineNews::None);
        assert_eq!(status, LineStatus { state: LineState::Down, since: at(4), flaps: 1 });
    }

    #[test]
    fn checks_that_contradict_a_state_in_different_ways_confirm_each_other() {
        let (news, _) = news(&[UP, DOWN, DEGRADED]);
        assert_eq!(news[2], changed(LineState::Up, LineState::Degraded));
    }

    #[test]
    fn a_line_whose_router_gives_no_session_is_unknown_and_no_news() {
        let (news, status) = news(&[UP, Sight::NoSession, Sight::NoSession, UP]);
        let expected = [LineNews::Quietly, LineNews::Doubted, LineNews::Quietly, LineNews::Quietly];
        assert_eq!(news, expected);
        assert_eq!((status.state, status.flaps), (LineState::Up, 0));
    }

    #[test]
    fn a_line_that_comes_back_otherwise_than_it_was_is_news() {
        let (news, status) = news(&[UP, Sight::NoSession, Sight::NoSession, DOWN]);
        assert_eq!(news[3], changed(LineState::Up, LineState::Down));
        assert_eq!(status.flaps, 1);
    }

    #[test]
    fn figures_that_cannot_be_read_are_news_of_the_line() {
        let (news, status) = news(&[UP, Sight::NoFigures, Sight::NoFigures, Sight::Nothing]);
        assert_eq!(news[2], changed(LineState::Up, LineState::Unknown));
        assert_eq!(status.state, LineState::Unknown);
    }

    #[test]
    fn a_router_is_unreachable_after_two_failures_and_reachable_after_one_session() {
        let mut router = RouterHealth::new(at(0));
        assert_eq!(router.see(UP, at(1)), Some(RouterState::Unknown));
        assert_eq!(router.see(Sight::NoSession, at(2)), None);
        assert_eq!(router.see(Sight::NoSession, at(3)), Some(RouterState::Reachable));
        let unreachable = RouterState::Unreachable;
        assert_eq!((router.status().state, router.status().since), (unreachable, at(2)));
        assert_eq!(router.see(Sight::Nothing, at(4)), None);
        assert_eq!(router.see(Sight::NoFigures, at(5)), Some(RouterState::Unreachable));
    }
}
