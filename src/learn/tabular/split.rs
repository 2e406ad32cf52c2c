//! Which rows learn and which are held out.
//!
//! With a time column every held-out row is later than what was learnt from; without one the folds are random, with the
//! same share of positives in each. Rows of one group never stand on both sides.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// Row numbers of a training part and of the part held out.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Fold {
    /// To learn from, ascending.
    pub train: Vec<usize>,
    /// To be judged on, ascending.
    pub test: Vec<usize>,
}

/// What folds are made from.
#[derive(Clone, Copy, Debug)]
pub(in crate::learn) enum Scheme<'a> {
    /// Expanding windows: blocks of equal size by time, each predicted from all earlier ones. Rows without a time learn
    /// always and are never held out. Equal times stay together.
    Time(&'a [f64]),
    /// Random folds in which each group is whole.
    Groups(&'a [u64]),
    /// Random folds, with equal shares of each value of the target if it is 0 or 1.
    Random,
}

/// As many folds as asked for, or fewer where there are too few rows, groups or times; empty where even two parts cannot
/// be made. The same seed gives the same folds.
pub(in crate::learn) fn folds(scheme: Scheme<'_>, target: &[f64], count: usize, seed: u64) -> Vec<Fold> {
    match scheme {
        Scheme::Time(times) => by_time(times, count),
        Scheme::Groups(groups) => from_assignment(&by_group(groups, count, seed), count),
        Scheme::Random => from_assignment(&assign(target, count, seed), count),
    }
}

/// A fold number for each row: random, each class of a 0/1 target spread evenly.
pub(super) fn assign(target: &[f64], count: usize, seed: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..target.len()).collect();
    order.shuffle(&mut rng);
    if target.iter().all(|target| *target == 0.0 || *target == 1.0) {
        order.sort_by(|a, b| target[*b].total_cmp(&target[*a]));
    }
    let mut fold = vec![0; target.len()];
    for (place, row) in order.into_iter().enumerate() {
        fold[row] = place % count.max(1);
    }
    fold
}

/// The largest groups first, each into the smallest fold so far; equal ones in random order.
fn by_group(groups: &[u64], count: usize, seed: u64) -> Vec<usize> {
    let mut sizes: BTreeMap<u64, usize> = BTreeMap::new();
    for group in groups {
        *sizes.entry(*group).or_default() += 1;
    }
    let mut order: Vec<(u64, usize)> = sizes.into_iter().collect();
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    order.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let mut filled = vec![0; count.max(1)];
    let mut place = BTreeMap::new();
    for (group, size) in order {
        let smallest = (0..filled.len()).min_by_key(|fold| filled[*fold]).unwrap_or(0);
        filled[smallest] += size;
        place.insert(group, smallest);
    }
    groups.iter().map(|group| place[group]).collect()
}

fn from_assignment(fold: &[usize], count: usize) -> Vec<Fold> {
    let one = |held_out: usize| {
        let (test, train): (Vec<usize>, Vec<usize>) = (0..fold.len()).partition(|row| fold[*row] == held_out);
        Fold { train, test }
    };
    (0..count).map(one).filter(|fold| !fold.train.is_empty() && !fold.test.is_empty()).collect()
}

fn by_time(times: &[f64], count: usize) -> Vec<Fold> {
    let order = in_time(times);
    // The first half is only learnt from: what a model makes of little data says little of what it will be.
    let starts: Vec<f64> = (count..2 * count)
        .filter_map(|block| order.get(order.len() * block / (2 * count).max(1)))
        .map(|row| times[*row])
        .collect();
    let mut folds = Vec::new();
    for (block, start) in starts.iter().enumerate() {
        let end = starts.get(block + 1).copied().unwrap_or(f64::INFINITY);
        let rows = 0..times.len();
        let train: Vec<usize> =
            rows.clone().filter(|row| times[*row] < *start || times[*row].is_nan()).collect();
        let test: Vec<usize> = rows.filter(|row| times[*row] >= *start && times[*row] < end).collect();
        if !train.is_empty() && !test.is_empty() {
            folds.push(Fold { train, test });
        }
    }
    folds
}

/// Rows with a time, from the earliest.
fn in_time(times: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..times.len()).filter(|row| !times[*row].is_nan()).collect();
    order.sort_by(|a, b| times[*a].total_cmp(&times[*b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_predicted_from_later_rows() {
        let times: Vec<f64> = (0..50).map(|i| f64::from(i * 7 % 25)).collect();
        let folds = folds(Scheme::Time(&times), &[0.0; 50], 4, 1);
        assert_eq!(folds.len(), 4);
        for fold in &folds {
            let latest = fold.train.iter().map(|row| times[*row]).fold(f64::MIN, f64::max);
            assert!(fold.test.iter().all(|row| times[*row] > latest));
        }
        let held: usize = folds.iter().map(|fold| fold.test.len()).sum();
        assert_eq!(held, 26);
    }

    #[test]
    fn rows_without_a_time_always_learn() {
        let folds = folds(Scheme::Time(&[1.0, f64::NAN, 2.0, 3.0, 4.0]), &[0.0; 5], 2, 1);
        assert!(folds.iter().all(|fold| fold.train.contains(&1) && !fold.test.contains(&1)));
    }

    #[test]
    fn random_folds_are_stratified_and_seeded() {
        let target: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i < 10))).collect();
        let one = folds(Scheme::Random, &target, 5, 3);
        for fold in &one {
            assert_eq!(fold.test.len(), 20);
            assert_eq!(fold.test.iter().filter(|row| **row < 10).count(), 2);
        }
        assert_eq!(one, folds(Scheme::Random, &target, 5, 3));
        assert_ne!(one, folds(Scheme::Random, &target, 5, 4));
    }

    #[test]
    fn groups_stay_whole() {
        let groups: Vec<u64> = (0..60).map(|i| i * i % 11).collect();
        for fold in folds(Scheme::Groups(&groups), &[0.0; 60], 3, 1) {
            assert!(
                fold.test.iter().all(|test| fold.train.iter().all(|train| groups[*train] != groups[*test]))
            );
        }
    }

    #[test]
    fn too_little_gives_no_folds() {
        assert!(folds(Scheme::Random, &[1.0], 5, 1).is_empty());
        assert!(folds(Scheme::Time(&[]), &[], 5, 1).is_empty());
        assert!(folds(Scheme::Groups(&[7, 7]), &[0.0, 1.0], 5, 1).is_empty());
    }
}
