//! Gaussian naive Bayes, linfa's, with Platt scaling.
//!
//! Taking columns for independent makes its log odds far too large; a sigmoid fitted to rows left out, in three folds,
//! brings them back.
//!
//! linfa keeps its classes in a hash map, whose order differs from process to process: they are asked for in sorted
//! order only, and what is stored is the difference of the two classes' log likelihoods as a quadratic in each column,
//! read off the fitted model at three points.

use linfa::traits::{Fit, PredictInplace};
use linfa::{Dataset, DatasetBase};
use linfa_bayes::{GaussianNb, NaiveBayes};
use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use super::calibrate::{sigmoid, sigmoid_fit};
use super::split::{self, Scheme};
use crate::error::{Error, ErrorKind, Result};

/// How to fit it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct BayesParams {
    /// This part of the largest variance is added to each.
    pub smoothing: f64,
    /// Of the folds.
    pub seed: u64,
}

/// A fitted naive Bayes: log odds that are a sum of quadratics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Bayes {
    constant: f64,
    /// For each column, what multiplies the value and its square.
    terms: Vec<(f64, f64)>,
    centres: Vec<f64>,
}

impl Fit<Array2<f64>, Array1<f64>, Error> for BayesParams {
    type Object = Bayes;

    /// Rows by features without missing values, and a target of 0 and 1.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] with one class only, or where linfa refuses.
    fn fit(&self, dataset: &DatasetBase<Array2<f64>, Array1<f64>>) -> Result<Bayes> {
        let (x, y) = (dataset.records(), dataset.targets());
        let (mut odds, mut actual) = (Vec::new(), Vec::new());
        for fold in split::folds(Scheme::Random, &y.to_vec(), 3, self.seed) {
            let part = self.unscaled(&x.select(Axis(0), &fold.train), &y.select(Axis(0), &fold.train))?;
            for &row in &fold.test {
                odds.push(part.score(x.row(row)));
                actual.push(y[row]);
            }
        }
        let (slope, intercept) = sigmoid_fit(&actual, &odds);
        let mut fitted = self.unscaled(x, y)?;
        fitted.constant = slope * fitted.constant + intercept;
        fitted
            .terms
            .iter_mut()
            .for_each(|(linear, square)| (*linear, *square) = (slope * *linear, slope * *square));
        Ok(fitted)
    }
}

impl BayesParams {
    fn unscaled(&self, x: &Array2<f64>, y: &Array1<f64>) -> Result<Bayes> {
        let classes = y.mapv(|target| usize::from(target == 1.0));
        let refused = || Error::new(ErrorKind::Model, "naive bayes needs rows of both classes");
        if !classes.iter().any(|class| *class == 0)
            || !classes.iter().any(|class| *class == 1)
            || x.ncols() == 0
        {
            return Err(refused());
        }
        let fitted = GaussianNb::params()
            .var_smoothing(self.smoothing)
            .fit(&Dataset::new(x.clone(), classes))
            .map_err(|error| refused().with_detail(error.to_string()))?;
        // One row at zero, then each column at 1 and at -1 in turn.
        let columns = x.ncols();
        let mut probes = Array2::zeros((1 + 2 * columns, columns));
        for column in 0..columns {
            probes[[1 + 2 * column, column]] = 1.0;
            probes[[2 + 2 * column, column]] = -1.0;
        }
        let likelihood = fitted.joint_log_likelihood(probes.view());
        let (Some(without), Some(with)) = (likelihood.get(&0), likelihood.get(&1)) else {
            return Err(refused());
        };
        let odds = with - without;
        let term = |column: usize| {
            let (up, down) = (odds[1 + 2 * column] - odds[0], odds[2 + 2 * column] - odds[0]);
            ((up - down) / 2.0, f64::midpoint(up, down))
        };
        let terms: Vec<(f64, f64)> = (0..columns).map(term).collect();
        if !terms.iter().all(|(a, b)| a.is_finite() && b.is_finite()) || !odds[0].is_finite() {
            return Err(refused().with_detail("a likelihood is not finite"));
        }
        let centres = x.mean_axis(Axis(0)).map_or_else(Vec::new, |means| means.to_vec());
        Ok(Bayes { constant: odds[0], terms, centres })
    }
}

impl Bayes {
    /// The log odds of one row.
    pub fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        let parts = self.terms.iter().zip(row);
        parts.fold(self.constant, |sum, ((linear, square), value)| sum + value * (linear + square * value))
    }

    /// What each column adds to the log odds, counted from its mean in training.
    pub fn contributions(&self, row: ArrayView1<'_, f64>) -> Vec<f64> {
        let at = |(linear, square): &(f64, f64), value: f64| value * (linear + square * value);
        let parts = self.terms.iter().zip(&self.centres).zip(row);
        parts.map(|((term, centre), value)| at(term, *value) - at(term, *centre)).collect()
    }
}

impl PredictInplace<Array2<f64>, Array1<f64>> for Bayes {
    fn predict_inplace(&self, records: &Array2<f64>, target: &mut Array1<f64>) {
        super::each_row(records, target, |row| sigmoid(self.score(row)));
    }

    fn default_target(&self, records: &Array2<f64>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa::traits::Predict;
    use ndarray::array;

    const PARAMS: BayesParams = BayesParams { smoothing: 1e-9, seed: 1 };

    fn data() -> (Array2<f64>, Array1<f64>) {
        let x = array![[1.0, 2.0], [1.5, 1.0], [2.0, 2.5], [0.5, 1.5], [3.0, 0.0], [3.5, 0.5], [2.5, 1.0]];
        (x, array![0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    }

    /// scikit-learn 1.9.1: `GaussianNB().fit(x, y).predict_proba([[2.0, 1.0], [2.2, 1.4]])[:, 1]`.
    #[test]
    fn agrees_with_scikit_learn() {
        let (x, y) = data();
        let fitted = PARAMS.unscaled(&x, &y).unwrap();
        let p = fitted.predict(&array![[2.0, 1.0], [2.2, 1.4]]);
        assert!((p[0] - REFERENCE[0]).abs() < 1e-6 && (p[1] - REFERENCE[1]).abs() < 1e-6, "{p}");
    }

    const REFERENCE: [f64; 2] = [0.16671729967167095, 0.0855616099370129];

    #[test]
    fn one_class_is_refused_and_a_round_trip_changes_nothing() {
        let (x, y) = data();
        let fitted = PARAMS.fit(&Dataset::new(x.clone(), y)).unwrap();
        let back: Bayes = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
        assert_eq!(back, fitted);
        assert!(PARAMS.fit(&Dataset::new(x, Array1::zeros(7))).is_err());
    }
}
