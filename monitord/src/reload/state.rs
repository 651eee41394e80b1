use jiff::Timestamp;
use parking_lot::Mutex;

use crate::settings::Digest;

/// How reloads of the configuration have ended, for the pages.
#[derive(Debug)]
pub(crate) struct Reloads(Mutex<ReloadState>);

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReloadState {
    /// Of the configuration that runs.
    pub(crate) digest: Digest,
    /// When it was taken over.
    pub(crate) taken_at: Timestamp,
    /// When it was last found to be what is configured, or taken over.
    pub(crate) good_at: Timestamp,
    /// What keeps another from being taken over, and since when.
    pub(crate) problem: Option<(String, Timestamp)>,
    /// Reloads that changed something.
    pub(crate) applied: u64,
    /// Reloads that were asked for and found nothing else.
    pub(crate) unchanged: u64,
    /// Reloads after which what ran before goes on.
    pub(crate) refused: u64,
}

/// Whether somebody asked for a reload, or time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An operator, or a file that has changed.
    Asked,
    /// It is read from time to time.
    Refresh,
}

impl Reloads {
    /// Begins with what a start has taken over.
    pub(crate) fn new(digest: Digest) -> Self {
        let now = Timestamp::now();
        Self(Mutex::new(ReloadState {
            digest,
            taken_at: now,
            good_at: now,
            problem: None,
            applied: 0,
            unchanged: 0,
            refused: 0,
        }))
    }

    /// How it stands.
    pub(crate) fn state(&self) -> ReloadState {
        self.0.lock().clone()
    }

    /// What is configured runs. Says whether there was a problem before.
    pub(crate) fn good(&self, digest: Digest, is_changed: bool, cause: Cause) -> bool {
        let (mut state, now) = (self.0.lock(), Timestamp::now());
        state.good_at = now;
        if is_changed || state.digest != digest {
            (state.digest, state.taken_at) = (digest, now);
        }
        match (is_changed, cause) {
            (true, _) => state.applied += 1,
            (false, Cause::Asked) => state.unchanged += 1,
            (false, Cause::Refresh) => {}
        }
        state.problem.take().is_some()
    }

    /// What ran before goes on. Says whether that is news: a refresh that fails as the one before
    /// is not, and is not counted again.
    pub(crate) fn refused(&self, problem: &str, cause: Cause) -> bool {
        let mut state = self.0.lock();
        let is_known = state.problem.as_ref().is_some_and(|(known, _)| known == problem);
        if !is_known {
            state.problem = Some((problem.to_owned(), Timestamp::now()));
        }
        let is_news = !is_known || cause == Cause::Asked;
        state.refused += u64::from(is_news);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_news_once_unless_somebody_asks_again() {
        let reloads = Reloads::new(Digest::default());
        assert!(reloads.refused("broken", Cause::Refresh));
        let since = reloads.state().problem;
        assert!(!reloads.refused("broken", Cause::Refresh));
        assert!(reloads.refused("broken", Cause::Asked));
        assert_eq!(reloads.state().problem, since, "it has been so since then");
        assert!(reloads.refused("otherwise broken", Cause::Refresh));
        assert_eq!(reloads.state().refused, 3);
        assert!(reloads.good(Digest::default(), false, Cause::Asked), "it was a problem");
        assert!(!reloads.good(Digest::default(), true, Cause::Refresh));
        assert!(!reloads.good(Digest::default(), false, Cause::Refresh));
        let ReloadState { applied, unchanged, refused, problem, .. } = reloads.state();
        assert_eq!((applied, unchanged, refused, problem), (1, 1, 3, None));
    }
}
