//! Forecasts of several members made one.
//!
//! J. M. Bates and C. W. J. Granger, "The Combination of Forecasts", Operational Research Quarterly 20 (1969), 451-468:
//! weights that minimise the squared error of the weighted mean on the past. Estimated weights are noisy and seldom beat
//! equal ones by much (G. Claeskens, J. R. Magnus, A. L. Vasnev and W. Wang, "The forecast combination puzzle: A simple
//! theoretical explanation", International Journal of Forecasting 32 (2016), 754-762), so they are estimated over all
//! series together, kept from being negative, and drawn halfway to equal ones.

use serde::{Deserialize, Serialize};

/// The part of pooled weights that is estimated. Neither none of it nor all was better on rolling origins inside the
/// training parts of the M3 and M1 competitions.
const ESTIMATED: f64 = 0.5;
/// The errors of all series together count as this many windows of a series' own. Neither one nor infinitely many made
/// a difference on the same rolling origins.
const PRIOR: f64 = 4.0;
/// Steps of the search for weights.
const STEPS: usize = 2000;

/// Sums of products of the members' errors, which is all that pooled weights need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Products {
    members: usize,
    sums: Vec<f64>,
    windows: f64,
}

impl Products {
    /// Of no errors.
    pub fn new(members: usize) -> Products {
        Products { members, sums: vec![0.0; members * members], windows: 0.0 }
    }

    /// Takes in one window of one series: per member, its errors at each step. All windows have the same say, however
    /// large the series and however hard to forecast. A window in which a member is missing or an error is not finite is
    /// left out, and so is one without errors.
    pub fn add(&mut self, errors: &[Option<Vec<f64>>]) {
        let Some(errors) = errors.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else { return };
        let Some(size) = typical(&errors) else { return };
        for (i, left) in errors.iter().enumerate() {
            for (j, right) in errors.iter().enumerate() {
                let product = |(a, b): (&f64, &f64)| (a / size) * (b / size);
                let sum: f64 = left.iter().zip(*right).map(product).sum();
                self.sums[i * self.members + j] += sum / left.len() as f64;
            }
        }
        self.windows += 1.0;
    }

    /// The weights, which sum to one; equal ones where there are fewer windows than ten for each member.
    pub fn weights(&self) -> Vec<f64> {
        let equal = 1.0 / self.members as f64;
        if self.windows < 10.0 * self.members as f64 {
            return vec![equal; self.members];
        }
        let estimated = self.least();
        estimated.iter().map(|weight| ESTIMATED * weight + (1.0 - ESTIMATED) * equal).collect()
    }

    /// The point of the simplex with the least squared error, by exponentiated gradient (J. Kivinen and M. K. Warmuth,
    /// Information and Computation 132 (1997), 1-63).
    fn least(&self) -> Vec<f64> {
        let members = self.members;
        let mut weights = vec![1.0 / members as f64; members];
        let largest = (0..members).map(|member| self.sums[member * (members + 1)]).fold(0.0, f64::max);
        if largest <= 0.0 {
            return weights;
        }
        for _ in 0..STEPS {
            let slope: Vec<f64> = (0..members)
                .map(|i| (0..members).map(|j| self.sums[i * members + j] * weights[j]).sum())
                .collect();
            let value: f64 = slope.iter().zip(&weights).map(|(slope, weight)| slope * weight).sum();
            let mut total = 0.0;
            for (weight, slope) in weights.iter_mut().zip(&slope) {
                *weight *= ((value - slope) / (2.0 * largest)).exp();
                total += *weight;
            }
            weights.iter_mut().for_each(|weight| *weight /= total);
        }
        weights
    }
}

/// The mean absolute error over all members and steps.
fn typical(errors: &[&Vec<f64>]) -> Option<f64> {
    let count: usize = errors.iter().map(|errors| errors.len()).sum();
    let sum: f64 = errors.iter().flat_map(|errors| errors.iter()).map(|error| error.abs()).sum();
    let size = sum / count as f64;
    (size.is_finite() && size > 0.0).then_some(size)
}

/// Weights of a series: the pooled ones, divided by what each member's absolute error was on this series relative to the
/// others', with the pooled errors as a prior. `own` holds the mean absolute error of each member in each window.
pub(in crate::learn) fn of_series(pooled: &[f64], own: &[Vec<Option<f64>>]) -> Vec<f64> {
    let mut relative = vec![(PRIOR, PRIOR); pooled.len()];
    for window in own {
        let known: Vec<f64> = window.iter().flatten().copied().filter(|error| error.is_finite()).collect();
        let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        if !mean.is_finite() || mean <= 0.0 {
            continue;
        }
        for ((sum, count), error) in relative.iter_mut().zip(window) {
            if let Some(error) = error.filter(|error| error.is_finite()) {
                *sum += error / mean;
                *count += 1.0;
            }
        }
    }
    let raw: Vec<f64> =
        pooled.iter().zip(&relative).map(|(weight, (sum, count))| weight * count / sum).collect();
    normalised(&raw)
}

/// Divided by their sum.
fn normalised(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    weights
        .iter()
        .map(|weight| if total > 0.0 { weight / total } else { 1.0 / weights.len() as f64 })
        .collect()
}

/// Step by step, the mean of the weighted mean and the weighted median of the members that there are: the first is better
/// where all are sound, the second where one has run away. Neither alone was better on rolling origins inside the training
/// parts of the M3 and M1 competitions. `None` where there is no member.
pub(in crate::learn) fn combined(members: &[Option<Vec<f64>>], weights: &[f64]) -> Option<Vec<f64>> {
    let present: Vec<(&Vec<f64>, f64)> = members
        .iter()
        .zip(weights)
        .filter_map(|(member, &weight)| Some((member.as_ref()?, weight)))
        .collect();
    let horizon = present.iter().map(|(member, _)| member.len()).min()?;
    let step = |at: usize| {
        let values: Vec<(f64, f64)> = present.iter().map(|(member, weight)| (member[at], *weight)).collect();
        0.5 * mean(&values) + 0.5 * median(values)
    };
    Some((0..horizon).map(step).collect())
}

/// The weighted mean of values with their weights.
fn mean(values: &[(f64, f64)]) -> f64 {
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    values.iter().map(|(value, weight)| value * (weight / total)).sum()
}

/// The weighted median: between the values next to half of the weight, where each value's weight lies around it.
fn median(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = values.iter().map(|(_, weight)| weight).sum();
    let mut before = 0.0;
    let mut last: Option<(f64, f64)> = None;
    for (value, weight) in values {
        let middle = (before + weight / 2.0) / total;
        if middle >= 0.5 {
            return last.map_or(value, |(lower, at)| lower + (value - lower) * ((0.5 - at) / (middle - at)));
        }
        before += weight;
        last = Some((value, middle));
    }
    last.map_or(0.0, |(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opposite_errors_are_weighed_against_each_other() {
        let mut products = Products::new(2);
        for _ in 0..50 {
            products.add(&[Some(vec![1.0, 1.0]), Some(vec![-2.0, -2.0])]);
        }
        let least = products.least();
        assert!((least[0] - 2.0 / 3.0).abs() < 1e-6, "{least:?}");
        assert!((products.weights()[0] - (0.5 * 2.0 / 3.0 + 0.25)).abs() < 1e-6);
    }

    #[test]
    fn few_or_unsound_windows_leave_equal_weights() {
        let mut products = Products::new(2);
        products.add(&[Some(vec![1.0]), None]);
        products.add(&[Some(vec![0.0]), Some(vec![0.0])]);
        products.add(&[Some(vec![f64::NAN]), Some(vec![1.0])]);
        assert_eq!(products, Products::new(2));
        assert_eq!(products.weights(), [0.5, 0.5]);
    }

    #[test]
    fn a_series_of_its_own_mind_moves_the_weights_a_little() {
        let weights = of_series(&[0.5, 0.5], &[vec![Some(1.0), Some(3.0)], vec![None, Some(f64::INFINITY)]]);
        assert!(weights[0] > 0.5 && weights[0] < 0.6, "{weights:?}");
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_eq!(of_series(&[0.25, 0.75], &[]), [0.25, 0.75]);
    }

    #[test]
    fn medians_are_weighted() {
        assert_eq!(median(vec![(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), 2.0);
        assert_eq!(median(vec![(1.0, 0.5), (2.0, 0.5)]), 1.5);
        assert_eq!(median(vec![(5.0, 1.0)]), 5.0);
        assert!(median(vec![(1.0, 0.1), (2.0, 0.8), (100.0, 0.1)]) < 10.0);
    }

    #[test]
    fn who_is_missing_has_no_say() {
        let members = [Some(vec![1.0, 2.0]), None, Some(vec![3.0, 4.0])];
        assert_eq!(combined(&members, &[0.25, 0.5, 0.25]), Some(vec![2.0, 3.0]));
        assert_eq!(combined(&[None], &[1.0]), None);
    }
}
