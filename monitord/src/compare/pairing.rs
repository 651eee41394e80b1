//! Which check of one side belongs to which of the other: those of one round of a line.

/// What comes next, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// A check of each side, by their places.
    Both(usize, usize),
    /// One that has none on the other side.
    Here(usize),
    /// The same, of the other side.
    There(usize),
}

/// Pairs the moments of two sides, each in order. `interval` is the time from one check of a line to
/// its next.
///
/// Both sides have a rhythm of their own, so that checks of one round are up to half an interval
/// apart. A pair is left for a nearer one only when that is nearer by a quarter of it: where the
/// rhythms are just half an interval apart, a check that is a little early must not change partners.
pub(crate) fn pairs(here: &[i64], there: &[i64], interval: i64) -> Vec<Pair> {
    let (reach, margin) = (reach(interval), interval / 4);
    let apart = |i: usize, j: usize| Some((here.get(i)? - there.get(j)?).abs());
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::with_capacity(Ord::max(here.len(), there.len()));
    while let Some(now) = apart(i, j) {
        let nearer = |other: Option<i64>| other.is_some_and(|other| other + margin < now);
        let (here_leaves, there_leaves) = (nearer(apart(i + 1, j)), nearer(apart(i, j + 1)));
        let is_pair = now <= reach && !here_leaves && !there_leaves;
        if is_pair {
            pairs.push(Pair::Both(i, j));
            (i, j) = (i + 1, j + 1);
        } else if here[i] <= there[j] {
            pairs.push(Pair::Here(i));
            i += 1;
        } else {
            pairs.push(Pair::There(j));
            j += 1;
        }
    }
    pairs.extend((i..here.len()).map(Pair::Here));
    pairs.extend((j..there.len()).map(Pair::There));
    pairs
}

/// How far apart the checks of a pair may be: half an interval, and what both are unsteady by.
pub(super) fn reach(interval: i64) -> i64 {
    interval / 2 + interval / 8
}

/// The usual time from one moment to the next: the middle one of all. Nothing where there is none.
pub(crate) fn rhythm(moments: &[i64]) -> Option<i64> {
    let mut gaps: Vec<_> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let middle = gaps.len() / 2;
    (!gaps.is_empty()).then(|| *gaps.select_nth_unstable(middle).1)
}
