//! The last good inventory of every source, and the decision whether a new one takes its place.

use std::collections::HashSet;
use std::fmt;

use crate::{Inventory, LineId, Merged, SourceError, merge};

/// How many lines a source may drop at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DropLimit {
    /// Of the lines it had, 0 to 1. Default 0.3.
    pub share_max: f64,
    /// That many are always allowed, as long as any line is left: in a small inventory every line
    /// is a large share. Default 5.
    pub lines_free: usize,
}

impl Default for DropLimit {
    fn default() -> Self {
        Self { share_max: 0.3, lines_free: 5 }
    }
}

/// The last good inventory of every source. The source that was added first is the strongest.
#[derive(Debug, Default)]
pub struct Keeper {
    sources: Vec<Kept>,
    limit: DropLimit,
}

#[derive(Debug)]
struct Kept {
    name: String,
    last_good: Inventory,
    trouble: Option<Trouble>,
}

/// Why what a source says does not take effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It says nothing that can be used.
    Failed(SourceError),
    /// It does not have most of its lines any more, and nobody has confirmed that.
    Dropped {
        /// How many of its lines are gone.
        gone: usize,
        /// How many it had.
        had: usize,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => write!(f, "{error}"),
            Self::Dropped { gone, had } => {
                write!(f, "{gone} of its {had} lines are gone, which nobody has confirmed")
            }
        }
    }
}

/// Whether somebody stands by what a source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// Nobody was asked.
    None,
    /// An operator has seen the alarm and wants it so.
    ByOperator,
}

/// What became of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the same as before.
    Same,
    /// It takes the place of the last good one.
    Taken,
    /// It does not, and there was no such trouble before.
    NewTrouble,
    /// It does not, still.
    SameTrouble,
}

impl Keeper {
    /// One without sources.
    pub fn new(limit: DropLimit) -> Self {
        Self { sources: Vec::new(), limit }
    }

    /// Adds a source, weaker than those before it, with the inventory that is known to be good.
    /// Returns its place, by which it is called from now on.
    pub fn add(&mut self, name: impl Into<String>, last_good: Inventory) -> usize {
        self.sources.push(Kept { name: name.into(), last_good, trouble: None });
        self.sources.len() - 1
    }

    /// Decides about what the source at `place` says now. A failure, no line at all where there
    /// were some, or fewer lines than the limit allows, change nothing; the latter two do when an
    /// operator has confirmed them, which is possible once the trouble is known.
    ///
    /// # Panics
    ///
    /// When there is no such place.
    pub fn offer(
        &mut self,
        place: usize,
        offer: Result<Inventory, SourceError>,
        confirmation: Confirmation,
    ) -> Verdict {
        let limit = self.limit;
        let kept = &mut self.sources[place];
        let offer = match offer {
            Ok(offer) => offer,
            Err(error) => return kept.refuse(Trouble::Failed(error)),
        };
        let was_dropped = matches!(kept.trouble, Some(Trouble::Dropped { .. }));
        let is_confirmed = was_dropped && confirmation == Confirmation::ByOperator;
        if let Some(trouble) = limit.exceeded(&kept.last_good, &offer).filter(|_| !is_confirmed) {
            return kept.refuse(trouble);
        }
        let had_trouble = kept.trouble.take().is_some();
        if kept.last_good == offer && !had_trouble {
            return Verdict::Same;
        }
        kept.last_good = offer;
        Verdict::Taken
    }

    /// Forgets the source that was added last, with all that it declared. Whether that may be is for
    /// the caller to say.
    pub fn remove_last(&mut self) {
        self.sources.pop();
    }

    /// What the source at `place` is called.
    ///
    /// # Panics
    ///
    /// When there is no such place.
    pub fn name(&self, place: usize) -> &str {
        &self.sources[place].name
    }

    /// Everything that counts, of all sources.
    pub fn merged(&self) -> Merged {
        merge(self.sources.iter().map(|kept| (kept.name.as_str(), &kept.last_good)))
    }

    /// The sources, with how many lines count of each and what keeps the latest from counting.
    pub fn sources(&self) -> impl Iterator<Item = (&str, usize, Option<&Trouble>)> {
        self.sources
            .iter()
            .map(|kept| (kept.name.as_str(), kept.last_good.lines.len(), kept.trouble.as_ref()))
    }
}

impl Kept {
    fn refuse(&mut self, trouble: Trouble) -> Verdict {
        let is_known = self.trouble.as_ref() == Some(&trouble);
        self.trouble = Some(trouble);
        if is_known { Verdict::SameTrouble } else { Verdict::NewTrouble }
    }
}

impl DropLimit {
    fn exceeded(self, old: &Inventory, new: &Inventory) -> Option<Trouble> {
        let had = old.lines.len();
        let stays: HashSet<&LineId> = new.lines.iter().map(|line| &line.id).collect();
        let gone = old.lines.iter().filter(|line| !stays.contains(&line.id)).count();
        let is_empty = had > 0 && new.lines.is_empty();
        // Lines are counted, not measured: no count is near the end of an f64.
        #[expect(clippy::cast_precision_loss, reason = "there are not that many lines")]
        let is_large = gone as f64 > had as f64 * self.share_max;
        let is_too_many = is_large && gone > self.lines_free;
        (is_empty || is_too_many).then_some(Trouble::Dropped { gone, had })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::inventory;

    fn keeper(lines: usize) -> Keeper {
        let mut keeper = Keeper::new(DropLimit::default());
        keeper.add("file", inventory(lines));
        keeper
    }

    fn offer(keeper: &mut Keeper, lines: usize) -> Verdict {
        keeper.offer(0, Ok(inventory(lines)), Confirmation::None)
    }

    #[test]
    fn a_failing_source_changes_nothing_until_it_recovers() {
        let mut keeper = keeper(10);
        let failure = || Err(SourceError("it is away".to_owned()));
        assert_eq!(keeper.offer(0, failure(), Confirmation::None), Verdict::NewTrouble);
        assert_eq!(keeper.offer(0, failure(), Confirmation::ByOperator), Verdict::SameTrouble);
        assert_eq!(keeper.merged().inventory, inventory(10));
        assert_eq!(offer(&mut keeper, 11), Verdict::Taken);
        assert_eq!(keeper.merged().inventory, inventory(11));
        assert!(keeper.sources().all(|(_, _, trouble)| trouble.is_none()));
        assert_eq!(offer(&mut keeper, 11), Verdict::Same);
    }

    #[test]
    fn a_source_that_drops_most_of_its_lines_waits_for_an_operator() {
        let mut keeper = keeper(100);
        assert_eq!(offer(&mut keeper, 70), Verdict::Taken, "thirty in a hundred");
        assert_eq!(offer(&mut keeper, 48), Verdict::NewTrouble);
        assert_eq!(offer(&mut keeper, 48), Verdict::SameTrouble);
        assert_eq!(offer(&mut keeper, 20), Verdict::NewTrouble, "it has become worse");
        assert_eq!(keeper.merged().inventory, inventory(70));
        let confirmed = keeper.offer(0, Ok(inventory(20)), Confirmation::ByOperator);
        assert_eq!(confirmed, Verdict::Taken);
        assert_eq!(keeper.merged().inventory, inventory(20));
    }

    #[test]
    fn nobody_confirms_what_nobody_has_been_told_of() {
        let mut keeper = keeper(100);
        let verdict = keeper.offer(0, Ok(inventory(0)), Confirmation::ByOperator);
        assert_eq!(verdict, Verdict::NewTrouble);
    }

    #[test]
    fn a_small_inventory_may_lose_lines_but_not_all() {
        let mut keeper = keeper(6);
        assert_eq!(offer(&mut keeper, 1), Verdict::Taken);
        assert_eq!(offer(&mut keeper, 0), Verdict::NewTrouble);
    }
}
