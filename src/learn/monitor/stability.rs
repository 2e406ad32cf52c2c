//! The population stability index, and the chi-square test for categories.

use serde::{Deserialize, Serialize};

use super::tails;

/// What every bin counts in addition to its values, on both sides.
const SMOOTHING: f64 = 0.5;
/// A cell that expects fewer is pooled with other such cells before the chi-square test. W. G. Cochran, "Some Methods for
/// Strengthening the Common Chi-Square Tests", Biometrics 10 (1954), 417-451.
const EXPECTED: f64 = 5.0;

/// How far two sets of shares are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Stability {
    /// The index: 0 where the shares are the same; by custom, above 0.1 a slight and above 0.2 a grave change.
    pub psi: f64,
    /// The probability of one so large, or larger, where nothing has changed: small samples have large indices. B.
    /// Yurdakul and J. Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
    /// Validation 14 (2020): the index is `1/n + 1/m` times a chi-square variable of `bins - 1` degrees of freedom.
    pub p: f64,
}

/// The population stability index `sum (q - p) ln (q / p)` of the counts of a reference and of now, bin by bin. Each
/// share is `(count + 0.5) / (all + 0.5 bins)`, so that an empty bin makes it large and not infinite. Bins without values
/// on either side are left out. `None` where either side is empty.
///
/// S. Kullback and R. A. Leibler, "On Information and Sufficiency", Annals of Mathematical Statistics 22 (1951), 79-86
/// (the divergence J); N. Siddiqi, "Credit Risk Scorecards" (2006), chapter 8 (the use).
pub(in crate::learn) fn stability(reference: &[u64], now: &[u64]) -> Option<Stability> {
    let cells: Vec<(u64, u64)> = filled(reference, now).collect();
    let (n, m) = totals(&cells)?;
    let bins = cells.len() as f64;
    let share = |count: u64, all: f64| (count as f64 + SMOOTHING) / (all + SMOOTHING * bins);
    let parts = cells.iter().map(|&(then, now)| {
        let (p, q) = (share(then, n), share(now, m));
        (q - p) * (q / p).ln()
    });
    let psi = parts.sum::<f64>().max(0.0);
    Some(Stability { psi, p: tails::chi_square(psi / (1.0 / n + 1.0 / m), cells.len() - 1) })
}

/// Pearson's test of "both have the same shares".
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct ChiSquare {
    /// The statistic.
    pub statistic: f64,
    /// Cells, less one.
    pub freedom: usize,
    /// The probability of one so large, or larger, where nothing has changed.
    pub p: f64,
}

/// The chi-square test of homogeneity. K. Pearson, "On the probability that two independent distributions of frequency
/// are really samples from the same population", Biometrika 8 (1911), 250-254. Cells of which either side expects fewer
/// than 5 are pooled into one. `None` where either side is empty or fewer than two cells remain.
pub(in crate::learn) fn chi_square(reference: &[u64], now: &[u64]) -> Option<ChiSquare> {
    let cells: Vec<(u64, u64)> = filled(reference, now).collect();
    let (n, m) = totals(&cells)?;
    let expected = |cell: &(u64, u64), side: f64| (cell.0 + cell.1) as f64 * side / (n + m);
    let (rare, mut cells): (Vec<_>, Vec<_>) =
        cells.into_iter().partition(|cell| expected(cell, n.min(m)) < EXPECTED);
    if !rare.is_empty() {
        cells.push(rare.iter().fold((0, 0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1)));
    }
    let freedom = cells.len().checked_sub(1).filter(|&freedom| freedom > 0)?;
    let off = |count: u64, expected: f64| (count as f64 - expected).powi(2) / expected;
    let parts = cells.iter().map(|cell| off(cell.0, expected(cell, n)) + off(cell.1, expected(cell, m)));
    let statistic = parts.sum();
    Some(ChiSquare { statistic, freedom, p: tails::chi_square(statistic, freedom) })
}

fn filled<'a>(reference: &'a [u64], now: &'a [u64]) -> impl Iterator<Item = (u64, u64)> + 'a {
    reference.iter().copied().zip(now.iter().copied()).filter(|cell| *cell != (0, 0))
}

fn totals(cells: &[(u64, u64)]) -> Option<(f64, f64)> {
    let (n, m) = cells.iter().fold((0, 0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
    (n > 0 && m > 0).then_some((n as f64, m as f64))
}

/// The decile bins of a reference: `(-inf, e1], (e1, e2], .. (ek, inf)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bins {
    edges: Vec<f64>,
}

impl Bins {
    /// Of finite numbers in ascending order. Each edge is a value of the reference, a decile; equal ones count once. A
    /// tenth or more of all at the smallest value gives what is smaller a bin of its own, so that a constant has three.
    pub fn of(ascending: &[f64]) -> Bins {
        let count = ascending.len();
        let deciles = (1..10).filter_map(|tenth| ascending.get((tenth * count).div_ceil(10).checked_sub(1)?));
        let mut edges: Vec<f64> = deciles.copied().collect();
        edges.dedup();
        if let (Some(least), Some(edge)) = (ascending.first(), edges.first())
            && least == edge
            && *least > f64::MIN
        {
            edges.insert(0, least.next_down());
        }
        Bins { edges }
    }

    /// How many of the values, in any order, are in each.
    pub fn count(&self, values: impl Iterator<Item = f64>) -> Vec<u64> {
        let mut counts = vec![0; self.edges.len() + 1];
        for value in values {
            counts[self.edges.partition_point(|edge| *edge < value)] += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, two bins: shares 60.5/101, 40.5/101 and 20.5/51, 30.5/51.
    #[test]
    fn the_index_agrees_with_a_hand_computation() {
        let (p, q): ([f64; 2], [f64; 2]) = ([60.5 / 101.0, 40.5 / 101.0], [20.5 / 51.0, 30.5 / 51.0]);
        let by_hand: f64 = (0..2).map(|i| (q[i] - p[i]) * (q[i] / p[i]).ln()).sum();
        let found = stability(&[60, 40, 0], &[20, 30, 0]).unwrap();
        assert!((found.psi - by_hand).abs() < 1e-15);
        assert!((found.psi - 0.15737193481250342).abs() < 1e-14);
        assert!((found.p - 0.022000680979531725).abs() < 1e-12);
    }

    /// scipy 1.17.1: `chi2_contingency(correction=False)`.
    #[test]
    fn the_test_agrees_with_scipy() {
        let found = chi_square(&[30, 50, 20], &[40, 20, 25]).unwrap();
        assert!((found.statistic - 13.715219421101773).abs() < 1e-12);
        assert!((found.p - 0.0010514241393991884).abs() < 1e-14);
        assert_eq!(found.freedom, 2);
    }

    #[test]
    fn rare_cells_are_pooled() {
        assert_eq!(
            chi_square(&[50, 50, 1, 2, 9], &[50, 40, 2, 1, 8]),
            chi_square(&[50, 50, 9, 3], &[50, 40, 8, 3]),
        );
        assert_eq!(chi_square(&[5], &[5]), None);
        assert_eq!(chi_square(&[1, 1], &[1, 1]), None);
    }

    #[test]
    fn nothing_has_no_index_and_no_change_a_zero_one() {
        assert_eq!(stability(&[0, 0], &[1, 2]), None);
        assert_eq!(stability(&[], &[]), None);
        assert_eq!(stability(&[4, 4], &[4, 4]), Some(Stability { psi: 0.0, p: 1.0 }));
        assert!(stability(&[100, 0], &[0, 100]).unwrap().psi.is_finite());
    }

    #[test]
    fn deciles_hold_tenths() {
        let values: Vec<f64> = (0..200).map(f64::from).collect();
        assert_eq!(Bins::of(&values).count(values.iter().copied()), [20; 10]);
    }

    #[test]
    fn a_constant_has_a_bin_on_either_side() {
        let bins = Bins::of(&[7.0; 30]);
        assert_eq!(bins.count([6.0, 7.0, 7.0, 9.0].into_iter()), [1, 2, 1]);
        assert_eq!(Bins::of(&[]).count([1.0].into_iter()), [1]);
        assert_eq!(Bins::of(&[0.0]).count([0.0, -1.0].into_iter()), [1, 1, 0]);
    }
}
