//! The elastic net, fitted from moments instead of rows.
//!
//! The objective `|y - Xw|^2 / 2n + penalty * (l1 |w|_1 + (1 - l1) |w|^2 / 2)` depends on the rows only through their
//! sums of squares and products. Those are collected in one pass, in a fixed order, in memory that grows with the
//! features and not with the rows; and the moments of a longer history are those of a shorter one plus the new rows,
//! which makes a rolling-origin backtest nearly free. The Cholesky factor `R` of the correlation matrix (`R'R = C`)
//! then stands in for the data: `|z - Rw|^2` with `R'z = c` differs from the above by a constant only, and linfa
//! solves that small problem by coordinate descent.

use linfa::Dataset;
use linfa::traits::Fit as _;
use linfa_elasticnet::ElasticNetParams;
use ndarray::{Array1, Array2, ShapeBuilder};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

/// The part of the penalty that is on absolute weights.
pub(super) const L1_RATIO: f64 = 0.5;
/// A column whose variance is below this part of its predecessors' is a combination of them.
const DEPENDENT: f64 = 1e-10;

/// Sums of squares and products of the rows `(1, features.., target)`.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    features: usize,
    /// The upper triangle, row by row.
    sums: Vec<f64>,
    row: Vec<f64>,
}

impl Moments {
    /// Of no rows.
    pub fn new(features: usize) -> Moments {
        let size = features + 2;
        Moments { features, sums: vec![0.0; size * (size + 1) / 2], row: vec![0.0; size] }
    }

    /// Takes in one more row.
    pub fn add(&mut self, features: &[f64], target: f64) {
        let size = self.row.len();
        self.row[0] = 1.0;
        self.row[1..size - 1].copy_from_slice(features);
        self.row[size - 1] = target;
        let mut start = 0;
        for i in 0..size {
            let left = self.row[i];
            // Indicators are mostly zero, and zeros add nothing.
            if left != 0.0 {
                for (sum, right) in self.sums[start..start + size - i].iter_mut().zip(&self.row[i..]) {
                    *sum += left * right;
                }
            }
            start += size - i;
        }
    }

    /// Takes in all rows of another.
    pub fn merge(&mut self, other: &Moments) {
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum += more;
        }
    }

    /// How many rows were taken in.
    pub fn rows(&self) -> f64 {
        self.sums[0]
    }

    /// The mean squared error of a fit over these rows.
    pub fn squared_error(&self, fit: &Fit) -> f64 {
        let mut weights = vec![-fit.intercept];
        weights.extend(fit.weights.iter().map(|weight| -weight));
        weights.push(1.0);
        let mut sum = 0.0;
        for i in 0..weights.len() {
            sum += weights[i] * weights[i] * self.at(i, i);
            for j in i + 1..weights.len() {
                sum += 2.0 * weights[i] * weights[j] * self.at(i, j);
            }
        }
        sum / self.rows()
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.min(j), i.max(j));
        self.sums[i * self.row.len() - i * (i + 1) / 2 + j]
    }

    /// The covariance of two places in the row, counted from the first feature; the last is the target.
    fn covariance(&self, i: usize, j: usize) -> f64 {
        let n = self.rows();
        self.at(i + 1, j + 1) / n - self.at(0, i + 1) / n * (self.at(0, j + 1) / n)
    }

    /// Fits weights to features and target, each in units of its standard deviation: `penalty` is relative to those.
    /// `None` where the target never varies.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where the solver refuses.
    pub fn fit(&self, penalty: f64) -> Result<Option<Fit>> {
        let size = self.features;
        let deviation = |i: usize| self.covariance(i, i).max(0.0).sqrt();
        let target = deviation(size);
        if !(target > 1e-12 && target.is_finite()) {
            return Ok(None);
        }
        let deviations: Vec<f64> = (0..size).map(deviation).collect();
        let varies: Vec<bool> = deviations.iter().map(|deviation| *deviation > 1e-9).collect();
        let correlation = |i: usize, j: usize| {
            if !varies[i] || (j < size && !varies[j]) {
                return 0.0;
            }
            self.covariance(i, j) / deviations[i] / if j < size { deviations[j] } else { target }
        };
        // Rows of R, and z as its last column; scaled, because the solver divides by the number of rows.
        let rows = (size as f64).sqrt();
        let mut r = Array2::<f64>::zeros((size, size).f());
        let mut z = Array1::<f64>::zeros(size);
        for i in 0..size {
            let above: f64 = (0..i).map(|k| r[[k, i]] * r[[k, i]]).sum();
            let pivot = correlation(i, i) - above;
            if pivot <= DEPENDENT {
                continue;
            }
            r[[i, i]] = pivot.sqrt();
            for j in i + 1..size {
                let above: f64 = (0..i).map(|k| r[[k, i]] * r[[k, j]]).sum();
                r[[i, j]] = (correlation(i, j) - above) / r[[i, i]];
            }
            let above: f64 = (0..i).map(|k| r[[k, i]] * z[k]).sum();
            z[i] = (correlation(i, size) - above) / r[[i, i]];
        }
        let weights = solve(r * rows, z * rows, penalty)?;
        let weights: Vec<f64> =
            (0..size).map(|i| if varies[i] { weights[i] * target / deviations[i] } else { 0.0 }).collect();
        let n = self.rows();
        let explained: f64 =
            weights.iter().enumerate().map(|(i, weight)| weight * self.at(0, i + 1) / n).sum();
        Ok(Some(Fit { intercept: self.at(0, size + 1) / n - explained, weights }))
    }
}

fn solve(x: Array2<f64>, y: Array1<f64>, penalty: f64) -> Result<Array1<f64>> {
    let fitted = ElasticNetParams::new()
        .penalty(penalty)
        .l1_ratio(L1_RATIO)
        .with_intercept(false)
        .tolerance(1e-7)
        .max_iterations(2_000)
        .fit(&Dataset::new(x, y))
        .map_err(|error| {
            Error::new(ErrorKind::Model, "the elastic net could not be fitted").with_source(error)
        })?;
    Ok(fitted.hyperplane().clone())
}

/// A fitted linear model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fit {
    intercept: f64,
    weights: Vec<f64>,
}

impl Fit {
    /// The prediction for one row.
    pub fn predict(&self, features: &[f64]) -> f64 {
        self.intercept + self.weights.iter().zip(features).map(|(weight, value)| weight * value).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<([f64; 4], f64)> {
        let row = |i: u32| {
            let x = [
                f64::from(i * 7 % 11) - 5.0 + 0.5 * f64::from(i % 3),
                f64::from(i * 5 % 13) * 0.3,
                f64::from(i * i % 7) * 10.0,
                f64::from(u8::from(i.is_multiple_of(4))),
            ];
            let noise = (f64::from(i * 3 % 5) - 2.0) * 0.4;
            (x, 3.0 + 2.0 * x[0] - 1.5 * x[1] + 0.02 * x[2] + noise)
        };
        (0..12).map(row).collect()
    }

    fn moments(rows: &[([f64; 4], f64)]) -> Moments {
        let mut moments = Moments::new(4);
        rows.iter().for_each(|(x, y)| moments.add(x, *y));
        moments
    }

    /// scikit-learn 1.9.1: `ElasticNet(alpha, l1_ratio=0.5, tol=1e-14)` on standardised features and target, its
    /// coefficients brought back to the units of the data; then the mean squared error of those.
    #[test]
    fn agrees_with_scikit_learn() {
        let moments = moments(&rows());
        for (penalty, intercept, weights, squared_error) in [
            (
                0.001,
                3.545_327_594_681_084_3,
                [
                    2.075_966_324_536_864,
                    -1.883_579_849_790_608,
                    0.026_197_847_455_003_05,
                    -0.130_075_176_585_939_15,
                ],
                0.123_962_216_802_746_01,
            ),
            (
                0.05,
                3.334_182_836_253_531_5,
                [1.983_558_078_150_842_8, -1.508_033_258_137_739, 0.001_630_201_337_823_004_8, 0.0],
                0.372_284_184_500_567_33,
            ),
            (
                0.3,
                1.862_756_199_611_817_8,
                [1.512_923_386_598_107_5, -0.626_952_275_330_472_6, 0.0, 0.0],
                4.615_718_763_464_151,
            ),
        ] {
            let fit = moments.fit(penalty).unwrap().unwrap();
            assert!((fit.intercept - intercept).abs() < 1e-5, "{penalty}: {fit:?}");
            for (ours, theirs) in fit.weights.iter().zip(weights) {
                assert!((ours - theirs).abs() < 1e-5, "{penalty}: {fit:?}");
            }
            assert!((moments.squared_error(&fit) - squared_error).abs() < 1e-5);
            let direct: f64 = rows().iter().map(|(x, y)| (y - fit.predict(x)).powi(2)).sum::<f64>() / 12.0;
            assert!((moments.squared_error(&fit) - direct).abs() < 1e-9);
        }
    }

    #[test]
    fn merged_moments_are_those_of_all_rows() {
        let rows = rows();
        let mut merged = moments(&rows[..5]);
        merged.merge(&moments(&rows[5..]));
        assert_eq!(merged.rows(), 12.0);
        let (a, b) = (merged.fit(0.01).unwrap().unwrap(), moments(&rows).fit(0.01).unwrap().unwrap());
        for (a, b) in a.weights.iter().zip(&b.weights) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn columns_that_repeat_or_never_vary_do_no_harm() {
        let mut moments = Moments::new(4);
        for (x, y) in rows() {
            moments.add(&[x[0], x[0], 7.0, 2.0 * x[0] - 1.0], y);
        }
        let fit = moments.fit(0.001).unwrap().unwrap();
        assert_eq!(fit.weights[2], 0.0);
        assert!(fit.weights.iter().all(|weight| weight.is_finite()));
        assert!(moments.squared_error(&fit) < 10.0);
    }

    #[test]
    fn a_constant_target_has_no_fit() {
        let mut moments = Moments::new(4);
        rows().iter().for_each(|(x, _)| moments.add(x, 5.0));
        assert_eq!(moments.fit(0.1).unwrap(), None);
        assert_eq!(Moments::new(4).fit(0.1).unwrap(), None);
    }
}
