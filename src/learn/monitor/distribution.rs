//! The shape of a sample in bounded size, and how far apart two shapes are.
//!
//! A [`Distribution`] is a distribution function given at a few knots: at each it is known exactly how many values lie
//! below and how many do not lie above; between two knots it is taken for straight. With a knot for every distinct value
//! it is the empirical distribution itself, and the distances are the textbook ones.

use serde::{Deserialize, Serialize};

use super::tails;

/// With at most this product of the two counts the p-value is exact.
const EXACT: u64 = 10_000;

/// A value and its place in the order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Knot {
    value: f64,
    /// How many values are smaller.
    below: u64,
    /// How many are smaller or equal.
    upto: u64,
}

/// A distribution function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Distribution {
    count: u64,
    knots: Vec<Knot>,
}

/// The two-sample Kolmogorov-Smirnov test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Smirnov {
    /// The largest distance between the distribution functions, 0 to 1.
    pub statistic: f64,
    /// The probability of one so large, or larger, if both samples came from one continuous distribution; with ties it
    /// is rather too large.
    pub p: f64,
}

impl Distribution {
    /// Of finite numbers in ascending order, with at most `knots` knots (2 or more), among them the smallest and the
    /// largest. Ranks between are spread evenly, so that no value of the function is off by more than `1 / (knots - 1)`.
    pub fn of(ascending: &[f64], knots: usize) -> Distribution {
        let count = ascending.len();
        let knot = |value: f64| Knot {
            value,
            below: ascending.partition_point(|&other| other < value) as u64,
            upto: ascending.partition_point(|&other| other <= value) as u64,
        };
        let distinct = 1 + ascending.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let mut values: Vec<f64> = if distinct <= knots.max(2) {
            ascending.to_vec()
        } else {
            let last = knots.max(2) - 1;
            (0..=last).map(|place| ascending[place * (count - 1) / last]).collect()
        };
        values.dedup();
        Distribution { count: count as u64, knots: values.into_iter().map(knot).collect() }
    }

    /// The smallest value not below the share `p` of all; `None` of nothing.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let rank = (p.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0);
        let place = self.knots.partition_point(|knot| (knot.upto as f64) < rank);
        let knot = self.knots.get(place)?;
        if rank > knot.below as f64 || place == 0 {
            return Some(knot.value);
        }
        let before = self.knots[place - 1];
        let part = (rank - before.upto as f64) / (knot.below - before.upto) as f64;
        Some(before.value + (knot.value - before.value) * part)
    }

    /// The Kolmogorov-Smirnov test of "both come from one distribution"; `None` where either is empty.
    ///
    /// N. V. Smirnov, "Table for Estimating the Goodness of Fit of Empirical Distributions", Annals of Mathematical
    /// Statistics 19 (1948), 279-281. The p-value is exact where the product of the counts is at most 10,000, by the
    /// recursion over lattice paths of J. L. Hodges, "The significance probability of the Smirnov two-sample test",
    /// Arkiv for Matematik 3 (1958), 469-486; otherwise asymptotic with the correction of M. A. Stephens, Journal of the
    /// Royal Statistical Society B 32 (1970), 115-122: `lambda = (e + 0.12 + 0.11 / e) D`, `e^2 = nm / (n + m)`.
    pub fn smirnov(&self, other: &Distribution) -> Option<Smirnov> {
        let mut statistic: f64 = 0.0;
        self.walk(other, |_, left, right| statistic = statistic.max(left.abs()).max(right.abs()))?;
        let statistic = statistic.min(1.0);
        let (n, m) = (self.count, other.count);
        let p = if n.saturating_mul(m) <= EXACT {
            exact(statistic, n, m)
        } else {
            let e = (n as f64 * m as f64 / (n as f64 + m as f64)).sqrt();
            tails::kolmogorov((e + 0.12 + 0.11 / e) * statistic)
        };
        Some(Smirnov { statistic, p })
    }

    /// The 1-Wasserstein (earth mover's) distance, in the unit of the values: the area between the two functions.
    /// S. S. Vallender, Theory of Probability and its Applications 18 (1974), 784-786. `None` where either is empty, or
    /// where the distance is beyond what a number can hold.
    pub fn wasserstein(&self, other: &Distribution) -> Option<f64> {
        let (mut area, mut before) = (0.0, None);
        self.walk(other, |value, left, right| {
            if let Some((start, opening)) = before {
                area += (value - start) * mean_size(opening, left);
            }
            before = Some((value, right));
        })?;
        Some(area).filter(|area| area.is_finite())
    }

    /// Shows each knot of both in ascending order with the difference of the functions just before and at it.
    fn walk(&self, other: &Distribution, mut show: impl FnMut(f64, f64, f64)) -> Option<()> {
        if self.count == 0 || other.count == 0 {
            return None;
        }
        let (mut i, mut j) = (0, 0);
        loop {
            let value = match (self.knots.get(i), other.knots.get(j)) {
                (Some(ours), Some(theirs)) => ours.value.min(theirs.value),
                (Some(only), None) | (None, Some(only)) => only.value,
                (None, None) => return Some(()),
            };
            let (ours, theirs) = (self.at(i, value), other.at(j, value));
            show(value, ours.0 - theirs.0, ours.1 - theirs.1);
            i += usize::from(self.knots.get(i).is_some_and(|knot| knot.value <= value));
            j += usize::from(other.knots.get(j).is_some_and(|knot| knot.value <= value));
        }
    }

    /// The function just before `value` and at it, where `place` is the first knot not below `value`.
    fn at(&self, place: usize, value: f64) -> (f64, f64) {
        let count = self.count as f64;
        let before = place.checked_sub(1).map(|place| self.knots[place]);
        match (before, self.knots.get(place)) {
            (_, Some(knot)) if knot.value <= value => (knot.below as f64 / count, knot.upto as f64 / count),
            (None, _) => (0.0, 0.0),
            (Some(_), None) => (1.0, 1.0),
            (Some(from), Some(to)) if to.below == from.upto => {
                (from.upto as f64 / count, from.upto as f64 / count)
            }
            (Some(from), Some(to)) => {
                // Halved, so that the width of a range of both signs stays finite.
                let part = (value / 2.0 - from.value / 2.0) / (to.value / 2.0 - from.value / 2.0);
                let share = (from.upto as f64 + (to.below - from.upto) as f64 * part) / count;
                (share, share)
            }
        }
    }
}

/// The mean absolute value of a straight line between two ordinates.
fn mean_size(from: f64, to: f64) -> f64 {
    if from * to >= 0.0 {
        (from.abs() + to.abs()) / 2.0
    } else {
        (from * from + to * to) / (2.0 * (from.abs() + to.abs()))
    }
}

/// The probability that a random lattice path from (0, 0) to (n, m) strays from the diagonal by `statistic` or more.
fn exact(statistic: f64, n: u64, m: u64) -> f64 {
    // A hair less, since the statistic was rounded.
    let limit = statistic - 1e-9;
    let strays = |i: u64, j: u64| (i as f64 / n as f64 - j as f64 / m as f64).abs() >= limit;
    let mut column = vec![0.0_f64; m as usize + 1];
    for i in 0..=n {
        for j in 0..=m {
            let place = j as usize;
            column[place] = if strays(i, j) {
                1.0
            } else if i == 0 && j == 0 {
                0.0
            } else {
                let (i, j) = (i as f64, j as f64);
                let beside = if place > 0 { column[place - 1] } else { 0.0 };
                // The last step came from the left or from below, in proportion to the steps of each kind so far.
                (i * column[place] + j * beside) / (i + j)
            };
        }
    }
    column[m as usize].clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(values: &[f64]) -> Distribution {
        sketch(values, values.len())
    }

    fn sketch(values: &[f64], knots: usize) -> Distribution {
        let mut values = values.to_vec();
        values.sort_unstable_by(f64::total_cmp);
        Distribution::of(&values, knots)
    }

    /// `frac(i * golden)^power`: irregular, without ties.
    fn irregular(count: usize, power: f64, shift: f64) -> Vec<f64> {
        (1..=count).map(|i| (i as f64 * 0.618_033_988_749_894_9).fract().powf(power) + shift).collect()
    }

    const A: [f64; 8] = [1.0, 2.0, 2.0, 3.0, 5.0, 8.0, 9.0, 11.0];
    const B: [f64; 6] = [2.0, 4.0, 6.0, 6.0, 12.0, 20.0];

    /// scipy 1.17.1: `ks_2samp(method="exact")`, `wasserstein_distance`.
    #[test]
    fn small_samples_agree_with_scipy() {
        let found = whole(&A).smirnov(&whole(&B)).unwrap();
        assert!((found.statistic - 0.3333333333333333).abs() < 1e-15);
        assert!((found.p - 0.7838827838827839).abs() < 1e-14);
        assert!((whole(&A).wasserstein(&whole(&B)).unwrap() - 3.375).abs() < 1e-14);
    }

    /// scipy 1.17.1: `ks_2samp` (its exact p-value is a few percent away from the asymptotic one, which is
    /// `special.kolmogorov` of the corrected statistic), `wasserstein_distance`.
    #[test]
    fn large_samples_agree_with_scipy() {
        let (a, b) = (whole(&irregular(900, 1.0, 0.0)), whole(&irregular(700, 1.0, 0.07)));
        let found = a.smirnov(&b).unwrap();
        assert!((found.statistic - 0.07285714285714284).abs() < 1e-14);
        assert!((found.p - 0.029010540541939796).abs() < 1e-13, "{}", found.p);
        assert!((found.p / 0.028942159065389984 - 1.0).abs() < 0.05);
        assert!((a.wasserstein(&b).unwrap() - 0.06961699802638277).abs() < 1e-14);
    }

    #[test]
    fn a_sketch_is_nearly_the_sample() {
        let (long, other) = (irregular(20_000, 3.0, 0.0), whole(&irregular(3_000, 2.0, 0.02)));
        let (full, short) = (whole(&long), sketch(&long, 256));
        let (exactly, nearly) = (full.smirnov(&other).unwrap(), short.smirnov(&other).unwrap());
        assert!((exactly.statistic - nearly.statistic).abs() < 1.0 / 255.0);
        let (exactly, nearly) = (full.wasserstein(&other).unwrap(), short.wasserstein(&other).unwrap());
        assert!((exactly - nearly).abs() < 1e-3 * exactly, "{exactly} {nearly}");
        assert_eq!(short.knots.len(), 256);
        let quantile = |p| (full.quantile(p).unwrap() - short.quantile(p).unwrap()).abs();
        assert!([0.0, 0.1, 0.25, 0.5, 0.9, 1.0].into_iter().all(|p| quantile(p) < 2e-3));
    }

    #[test]
    fn a_sketch_keeps_heavy_values() {
        let mut values = vec![0.0; 5_000];
        values.extend(irregular(5_000, 1.0, 0.5));
        assert_eq!(
            whole(&values).smirnov(&sketch(&values, 64)).map(|found| found.statistic < 1.0 / 63.0),
            Some(true)
        );
        assert_eq!(sketch(&values, 64).quantile(0.5), Some(0.0));
    }

    #[test]
    fn nothing_and_extremes() {
        assert_eq!(whole(&[]).smirnov(&whole(&A)), None);
        assert_eq!(whole(&A).wasserstein(&whole(&[])), None);
        assert_eq!(whole(&[]).quantile(0.5), None);
        let far = whole(&[f64::MIN, f64::MAX]);
        assert_eq!(far.smirnov(&whole(&[0.0])).unwrap().statistic, 0.5);
        assert!(far.wasserstein(&whole(&[1.0])).is_none_or(f64::is_finite));
        assert_eq!(whole(&[3.0]).smirnov(&whole(&[3.0])).unwrap(), Smirnov { statistic: 0.0, p: 1.0 });
    }

    proptest! {
        #[test]
        fn distances_are_symmetric_and_zero_to_oneself(
            a in prop::collection::vec(-50i32..50, 1..400), b in prop::collection::vec(-50i32..50, 1..400),
        ) {
            let numbers = |v: &[i32]| whole(&v.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
            let (a, b) = (numbers(&a), numbers(&b));
            let (there, back) = (a.smirnov(&b).unwrap(), b.smirnov(&a).unwrap());
            prop_assert!((there.statistic - back.statistic).abs() < 1e-12 && (there.p - back.p).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&there.statistic) && (0.0..=1.0).contains(&there.p));
            prop_assert!((a.wasserstein(&b).unwrap() - b.wasserstein(&a).unwrap()).abs() < 1e-9);
            prop_assert_eq!(a.wasserstein(&a), Some(0.0));
            prop_assert_eq!(a.smirnov(&a).unwrap().statistic, 0.0);
        }
    }
}
