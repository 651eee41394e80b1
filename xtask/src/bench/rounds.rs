use anyhow::Result;

/// Measures one contestant once. Returns one figure per case.
pub(super) type Measure<'a> = Box<dyn Fn() -> Result<Vec<f64>> + 'a>;

/// Lets all contestants take turns for some rounds. Returns the medians of each contestant, one
/// per case.
///
/// Who begins changes from round to round, so that none always runs on the cache, or in the slice
/// of time, that another left.
pub(super) fn interleave(rounds: usize, contestants: &[Measure<'_>]) -> Result<Vec<Vec<f64>>> {
    let mut taken: Vec<Vec<Vec<f64>>> = contestants.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let who = (round + turn) % contestants.len();
            taken[who].push(contestants[who]()?);
        }
    }
    Ok(taken.iter().map(|rounds| medians(rounds)).collect())
}

fn medians(rounds: &[Vec<f64>]) -> Vec<f64> {
    let cases = rounds.first().map_or(0, Vec::len);
    (0..cases).map(|case| quantile(rounds.iter().map(|figures| figures[case]), 0.5)).collect()
}

/// The smallest value that at least the share `q` of all values does not exceed; 0 of none.
pub(super) fn quantile(values: impl Iterator<Item = f64>, q: f64) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let count = values.len() as f64;
    let below = (1..=values.len()).take_while(|&rank| (rank as f64) < q * count).count();
    values.get(below).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let to_100 = || (1..=100).rev().map(f64::from);
        assert_eq!(quantile(to_100(), 0.5), 50.0);
        assert_eq!(quantile(to_100(), 0.99), 99.0);
        assert_eq!(quantile([7.0].into_iter(), 0.99), 7.0);
        assert_eq!(quantile([3.0, 9.0, 1.0].into_iter(), 0.5), 3.0);
        assert_eq!(quantile(std::iter::empty(), 0.5), 0.0);
    }

    #[test]
    fn everybody_takes_a_turn_in_every_round() {
        let turns = RefCell::new(String::new());
        let contestant = |name: char| -> Measure<'_> {
            let turns = &turns;
            Box::new(move || {
                turns.borrow_mut().push(name);
                Ok(vec![1.0])
            })
        };
        let medians = interleave(3, &[contestant('a'), contestant('b')]).unwrap();
        assert_eq!(medians, [[1.0], [1.0]]);
        assert_eq!(*turns.borrow(), "abbaab");
    }
}
