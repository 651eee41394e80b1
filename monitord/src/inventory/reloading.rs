//! What becomes of a configuration that was read again.

use std::ops::ControlFlow;

use scheduler::{Confirmation, SourceError, Trouble, Verdict};
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::configuration::FoundConfiguration;
use super::{CONFIGURATION, Follower, Known, ZABBIX, announce, record_of};
use crate::reload::{Cause, Loaded, Part, Prepared};
use crate::settings::Stamps;

/// Somebody wants the configuration to be read again.
#[derive(Debug)]
pub(crate) struct Reload {
    /// Is told what came of it.
    pub(crate) answer: oneshot::Sender<ReloadAnswer>,
}

/// What came of it: what has changed, or why nothing has.
pub(crate) type ReloadAnswer = Result<Vec<String>, String>;

/// How a reload has ended that did not end the schedule.
type Taken = Result<Vec<String>, Refused>;

/// Why what ran before goes on.
enum Refused {
    /// It is said here.
    Because(String),
    /// The keeper has said it, and shows it.
    ByKeeper(String),
}

impl Follower {
    /// Has everything run as is configured now, or nothing.
    pub(super) async fn take_configuration(
        &mut self,
        found: FoundConfiguration,
    ) -> ControlFlow<()> {
        let FoundConfiguration { loaded, stamps, confirmation, cause, request } = found;
        let had_trouble = self.has_trouble(CONFIGURATION);
        let taken = match loaded {
            Ok(loaded) => self.try_to_take(*loaded, confirmation, had_trouble).await?,
            Err(SourceError(reason)) => Err(Refused::Because(reason)),
        };
        self.sources[CONFIGURATION].answered = request;
        let answer = self.conclude(taken, cause, had_trouble);
        self.show();
        self.let_know(stamps);
        let waiting = std::mem::take(&mut self.waiting);
        let (done, waiting) = waiting.into_iter().partition(|(wanted, _)| *wanted <= request);
        self.waiting = waiting;
        for (_, asked) in done {
            // Whoever asked may have gone.
            asked.send(answer.clone()).ok();
        }
        ControlFlow::Continue(())
    }

    async fn try_to_take(
        &mut self,
        mut loaded: Loaded,
        confirmation: Confirmation,
        had_trouble: bool,
    ) -> ControlFlow<(), Taken> {
        let prepared = match self.live.prepare(&loaded).await {
            Ok(prepared) => prepared,
            Err(error) => {
                return ControlFlow::Continue(Err(Refused::Because(format!("{error:#}"))));
            }
        };
        let is_api_gone = prepared.plan.has(Part::Api) && loaded.settings.api.is_none();
        if is_api_gone && let Some(reason) = self.unconfirmed_loss(confirmation) {
            return ControlFlow::Continue(Err(Refused::Because(reason)));
        }
        let inventory = std::mem::take(&mut loaded.settings.inventory);
        let verdict = self.keeper.offer(CONFIGURATION, Ok(inventory), confirmation);
        self.say(CONFIGURATION, verdict, had_trouble);
        if matches!(verdict, Verdict::NewTrouble | Verdict::SameTrouble) {
            let trouble = self.keeper.sources().nth(CONFIGURATION).and_then(|source| source.2);
            let reason = trouble.map(Trouble::to_string).unwrap_or_default();
            return ControlFlow::Continue(Err(Refused::ByKeeper(reason)));
        }
        let file = loaded.settings.inventory_file.take();
        let fresh = file.filter(|file| self.recorded.as_ref() != Some(&file.text));
        if let Some(file) = fresh {
            self.recorded = Some(file.text.clone());
            self.sources[CONFIGURATION].record = Some(record_of(file));
        }
        self.note(CONFIGURATION, verdict);
        for warning in
            loaded.settings.warnings.iter().filter(|w| !self.live.settings.warnings.contains(w))
        {
            warn!("{warning}");
        }
        self.apply(loaded, prepared, is_api_gone, verdict).await.map_continue(Ok)
    }

    /// Everything that could fail has been made.
    async fn apply(
        &mut self,
        loaded: Loaded,
        mut prepared: Prepared,
        is_api_gone: bool,
        verdict: Verdict,
    ) -> ControlFlow<(), Vec<String>> {
        let mut changes: Vec<_> = prepared.plan.names().map(str::to_owned).collect();
        let tasks = prepared.plan.has(Part::Platforms).then(|| loaded.parts.tasks.clone());
        let source = prepared.source.take();
        // Its inventory is with the keeper.
        drop(self.live.apply(loaded, prepared).await);
        if is_api_gone {
            self.forget_zabbix();
        }
        if let Some(source) = source {
            self.watch_zabbix(source, None);
        }
        if verdict == Verdict::Taken || tasks.is_some() || is_api_gone {
            let diff = self.reconcile(tasks).await?;
            announce(&diff);
            if !diff.is_empty() {
                changes.push(diff.to_string());
            }
        } else {
            self.check_limits();
        }
        ControlFlow::Continue(changes)
    }

    /// All lines of Zabbix would be gone, and nobody has said that they are to be.
    fn unconfirmed_loss(&self, confirmation: Confirmation) -> Option<String> {
        let lines = self.keeper.sources().nth(ZABBIX).map_or(0, |(_, lines, _)| lines);
        let reason = format!(
            "zabbix.api is gone, and with it {lines} lines, which nobody has confirmed: ask for a \
             reload again if that is meant"
        );
        let state = self.surroundings.reloads.state();
        let is_told = state.problem.is_some_and(|(known, _)| known == reason);
        let is_confirmed = is_told && confirmation == Confirmation::ByOperator;
        (lines > 0 && !is_confirmed).then_some(reason)
    }

    /// Tells how it has ended, wherever that is to be seen.
    fn conclude(&mut self, taken: Taken, cause: Cause, had_trouble: bool) -> ReloadAnswer {
        let reloads = &self.surroundings.reloads;
        match taken {
            Ok(changes) => {
                let was_bad = reloads.good(self.live.digest, !changes.is_empty(), cause);
                match (changes.is_empty(), cause) {
                    (false, _) => info!(changes = changes.join("; "), "configuration taken over"),
                    (true, _) if was_bad || had_trouble => info!("the configuration is good again"),
                    (true, Cause::Asked) => info!("the configuration is what runs"),
                    (true, Cause::Refresh) => {}
                }
                Ok(changes)
            }
            Err(refused) => {
                let (problem, is_said) = match refused {
                    Refused::Because(problem) => {
                        let offer = Err(SourceError(problem.clone()));
                        self.keeper.offer(CONFIGURATION, offer, Confirmation::None);
                        (problem, false)
                    }
                    Refused::ByKeeper(problem) => (problem, true),
                };
                if reloads.refused(&problem, cause) && !is_said {
                    error!(
                        problem,
                        "the configuration is not followed: what was last good goes on"
                    );
                }
                Err(problem)
            }
        }
    }

    /// Lets those who look know what runs, and in which files they have found what they did. Files
    /// that a good configuration is in are watched while a bad one names others.
    fn let_know(&mut self, mut stamps: Stamps) {
        if self.has_trouble(CONFIGURATION) {
            for (path, stamp) in &self.known.borrow().stamps {
                stamps.entry(path.clone()).or_insert(*stamp);
            }
        }
        let known = Known::of(&self.live.settings, &self.live.parts, stamps);
        self.known.send_replace(known);
    }
}
