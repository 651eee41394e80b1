//! One line, as both sides saw it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::pairing::{Pair, pairs, reach, rhythm};
use super::reason::{Differing, Reason, why, why_only_here};
use super::{Check, Said, Span};

/// The predecessor's interval where nothing else is said, for a line that has one check only.
const INTERVAL_DEFAULT_MS: i64 = 180_000;

/// What came of comparing a line. The names are a promise to programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Comparison {
    pub(crate) line: String,
    pub(crate) checks_here: u64,
    pub(crate) checks_there: u64,
    pub(crate) equal: u64,
    pub(crate) different: u64,
    pub(crate) only_here: u64,
    pub(crate) only_there: u64,
    /// How many of those that are not equal have which known reason.
    pub(crate) reasons: BTreeMap<Reason, u64>,
    /// How many have none.
    pub(crate) unexplained: u64,
    /// The first of them: those without a reason before those with one.
    pub(crate) first: Vec<Difference>,
}

/// What is not equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    #[serde(serialize_with = "time")]
    pub(crate) at: i64,
    #[serde(serialize_with = "said")]
    pub(crate) ours: Option<Said>,
    #[serde(serialize_with = "said")]
    pub(crate) theirs: Option<Said>,
    /// How long after ours theirs was sent, in milliseconds; negative when before.
    pub(crate) later_ms: Option<i64>,
    pub(crate) reason: Option<Reason>,
}

/// RFC 3339, to the second.
pub(super) fn shown(at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms);
    at.map_or_else(|_| at_ms.to_string(), |at| format!("{at:.0}"))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn time<S: Serializer>(at_ms: &i64, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&shown(*at_ms))
}

/// A loss as a number, a status as a text.
#[expect(clippy::ref_option, reason = "serde hands it over like this")]
fn said<S: Serializer>(said: &Option<Said>, to: S) -> Result<S::Ok, S::Error> {
    match said {
        Some(Said::Loss(percent)) => to.serialize_u64(*percent),
        Some(Said::Status(text)) => to.serialize_str(text),
        None => to.serialize_none(),
    }
}

/// Compares the checks of a line, each side's in order, as far as they are within `span`. The first
/// `shown_max` differences are kept.
pub(crate) fn compare(
    (line, platform): (&str, &str),
    here: &[Check],
    there: &[Check],
    span: Span,
    shown_max: usize,
) -> Comparison {
    let moments = |checks: &[Check]| checks.iter().map(|check| check.at_ms).collect::<Vec<_>>();
    let (here_at, there_at) = (moments(here), moments(there));
    // Ours has every check; the other side may have more gaps than values.
    let interval = rhythm(&here_at).or_else(|| rhythm(&there_at)).unwrap_or(INTERVAL_DEFAULT_MS);
    // Near the edges, the other side's check may be just outside.
    let inner = span.without_edges(reach(interval));
    let mut found = Comparison { line: line.to_owned(), ..Comparison::default() };
    let mut differences = Vec::new();
    for pair in pairs(&here_at, &there_at, interval) {
        let difference = match pair {
            Pair::Both(i, j) if !span.has(here_at[i]) && !span.has(there_at[j]) => continue,
            Pair::Both(i, j) if here[i].said == there[j].said => {
                found.equal += 1;
                continue;
            }
            Pair::Both(i, j) => {
                found.different += 1;
                let differing = differing(platform, (here, i), (there, j), interval);
                Difference {
                    theirs: Some(there[j].said.clone()),
                    later_ms: Some(there_at[j] - here_at[i]),
                    ..Difference::ours(&here[i], why(&differing))
                }
            }
            Pair::Here(i) if inner.has(here_at[i]) => {
                found.only_here += 1;
                Difference::ours(&here[i], why_only_here(&here[i]))
            }
            Pair::There(j) if inner.has(there_at[j]) => {
                found.only_there += 1;
                let theirs = Some(there[j].said.clone());
                Difference { at: there_at[j], ours: None, theirs, later_ms: None, reason: None }
            }
            Pair::Here(_) | Pair::There(_) => continue,
        };
        match difference.reason {
            Some(reason) => *found.reasons.entry(reason).or_default() += 1,
            None => found.unexplained += 1,
        }
        differences.push(difference);
    }
    found.checks_here = found.equal + found.different + found.only_here;
    found.checks_there = found.equal + found.different + found.only_there;
    // Sorting is stable: the order of time stays within each.
    differences.sort_by_key(|difference| difference.reason.is_some());
    differences.truncate(shown_max);
    found.first = differences;
    found
}

impl Difference {
    fn ours(check: &Check, reason: Option<Reason>) -> Self {
        let ours = Some(check.said.clone());
        Self { at: check.at_ms, ours, theirs: None, later_ms: None, reason }
    }
}

/// What is to be known about a pair to tell why it differs.
fn differing<'a>(
    platform: &'a str,
    (here, i): (&'a [Check], usize),
    (there, j): (&'a [Check], usize),
    interval: i64,
) -> Differing<'a> {
    let (ours, theirs) = (&here[i], &there[j]);
    let ours_is_first = ours.at_ms <= theirs.at_ms;
    let across = |checks: &'a [Check], place: usize, is_later: bool, from: &Check| {
        let place = if is_later { place.checked_add(1) } else { place.checked_sub(1) };
        let check = checks.get(place?)?;
        // Behind a gap it says nothing.
        ((check.at_ms - from.at_ms).abs() <= interval + interval / 2).then_some(&check.said)
    };
    Differing {
        platform,
        here: ours,
        there: theirs,
        across_here: across(here, i, ours_is_first, theirs),
        across_there: across(there, j, !ours_is_first, ours),
    }
}
