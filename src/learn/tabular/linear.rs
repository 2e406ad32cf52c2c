//! Linear models: L2 logistic regression and the elastic net, both linfa's.
//!
//! The penalty is chosen by cross-validation on at most [`CHOOSING`] rows. For the logistic loss it is added to the sum
//! over rows, which makes it the precision of a normal prior that does not depend on how many rows there are; for the
//! elastic net it is relative to the mean over rows. Neither sees weights or resampled rows for rare classes: those bias
//! probabilities, and a threshold by cost does what they are for.

use linfa::traits::{Fit, PredictInplace};
use linfa::{Dataset, DatasetBase};
use linfa_elasticnet::ElasticNetParams;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::calibrate::sigmoid;
use super::split::{self, Fold, Scheme};
use crate::error::{Error, ErrorKind, Result};

/// So many rows are enough to choose a penalty.
const CHOOSING: usize = 5_000;
const FOLDS: usize = 4;
/// Penalties on squared weights, tried from the strongest.
const LOGISTIC: [f64; 6] = [300.0, 100.0, 30.0, 10.0, 3.0, 1.0];
/// Penalties of the elastic net, where the target has a deviation of 1.
const ELASTIC: [f64; 6] = [0.3, 0.1, 0.03, 0.01, 0.003, 0.001];
const L1_RATIO: f64 = 0.5;

/// What the weighted sum stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learn) enum Link {
    /// Log odds of a probability.
    Logit,
    /// The number itself.
    Identity,
}

/// How to fit a linear model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct LinearParams {
    /// Probabilities or numbers.
    pub link: Link,
    /// Of the folds.
    pub seed: u64,
}

/// A fitted linear model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Linear {
    link: Link,
    intercept: f64,
    weights: Vec<f64>,
    /// Means of the columns in training: a contribution is counted from there.
    centres: Vec<f64>,
    penalty: f64,
}

impl Fit<Array2<f64>, Array1<f64>, Error> for LinearParams {
    type Object = Linear;

    /// Rows by standardised features without missing values, and one target a row.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where the solver refuses: without rows, or with one class only.
    fn fit(&self, dataset: &DatasetBase<Array2<f64>, Array1<f64>>) -> Result<Linear> {
        let (x, y) = (dataset.records(), dataset.targets());
        if y.is_empty() {
            return Err(Error::new(ErrorKind::Model, "a linear model needs rows"));
        }
        let penalty = self.choose(x, y);
        let (intercept, weights) = self.solve(x.clone(), y.clone(), penalty, None)?;
        let centres = x.mean_axis(Axis(0)).map_or_else(Vec::new, |means| means.to_vec());
        Ok(Linear { link: self.link, intercept, weights, centres, penalty })
    }
}

impl LinearParams {
    fn choose(&self, x: &Array2<f64>, y: &Array1<f64>) -> f64 {
        let penalties = match self.link {
            Link::Logit => LOGISTIC,
            Link::Identity => ELASTIC,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut rows = index::sample(&mut rng, y.len(), y.len().min(CHOOSING)).into_vec();
        rows.sort_unstable();
        let (x, y) = (x.select(Axis(0), &rows), y.select(Axis(0), &rows));
        let folds = split::folds(Scheme::Random, &y.to_vec(), FOLDS, self.seed);
        let losses: Vec<Vec<f64>> =
            folds.par_iter().map(|fold| self.losses(&x, &y, fold, &penalties)).collect();
        let loss = |at: usize| losses.iter().map(|losses| losses[at]).sum::<f64>();
        let best = (0..penalties.len()).reduce(|a, b| if loss(b) < loss(a) { b } else { a });
        penalties[best.unwrap_or(0)]
    }

    /// The loss on the part held out for each penalty; the largest number where there is no fit.
    fn losses(&self, x: &Array2<f64>, y: &Array1<f64>, fold: &Fold, penalties: &[f64]) -> Vec<f64> {
        let part = |rows: &[usize]| (x.select(Axis(0), rows), y.select(Axis(0), rows));
        let (train_x, train_y) = part(&fold.train);
        let (test_x, test_y) = part(&fold.test);
        let mut start = None;
        let mut losses = Vec::new();
        for penalty in penalties {
            let fitted = self.solve(train_x.clone(), train_y.clone(), *penalty, start.take());
            losses.push(fitted.map_or(f64::MAX / 1e3, |(intercept, weights)| {
                let loss = test_x.outer_iter().zip(&test_y).map(|(row, y)| {
                    let z = weighted(intercept, &weights, row);
                    match self.link {
                        Link::Logit => z.max(0.0) + (-z.abs()).exp().ln_1p() - y * z,
                        Link::Identity => (y - z).powi(2),
                    }
                });
                let loss = loss.sum::<f64>();
                start = Some((intercept, weights));
                if loss.is_finite() { loss } else { f64::MAX / 1e3 }
            }));
        }
        losses
    }

    fn solve(
        &self,
        x: Array2<f64>,
        y: Array1<f64>,
        penalty: f64,
        start: Option<(f64, Vec<f64>)>,
    ) -> Result<(f64, Vec<f64>)> {
        let refused = |what: &str, error: String| {
            Error::new(ErrorKind::Model, format!("the {what} could not be fitted")).with_detail(error)
        };
        let (intercept, weights) = match self.link {
            Link::Logit => {
                let mut params =
                    LogisticRegression::default().alpha(penalty).max_iterations(300).gradient_tolerance(1e-3);
                if let Some((intercept, mut weights)) = start {
                    weights.push(intercept);
                    params = params.initial_params(Array1::from(weights));
                }
                let fitted = params
                    .fit(&Dataset::new(x, y.mapv(|y| y == 1.0)))
                    .map_err(|error| refused("logistic regression", error.to_string()))?;
                // linfa calls the more frequent class positive.
                let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
                (
                    sign * fitted.intercept(),
                    fitted.params().iter().map(|weight| sign * weight).collect::<Vec<_>>(),
                )
            }
            Link::Identity => {
                let deviation = y.std(0.0);
                if deviation <= 0.0 {
                    return Ok((y.mean().unwrap_or(0.0), vec![0.0; x.ncols()]));
                }
                // linfa's intercept is the mean of the target, which is right for centred columns only.
                let centres = x.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(x.ncols()));
                let fitted = ElasticNetParams::new()
                    .penalty(penalty * deviation)
                    .l1_ratio(L1_RATIO)
                    .tolerance(1e-6)
                    .max_iterations(1_000)
                    .fit(&Dataset::new(x - &centres, y))
                    .map_err(|error| refused("elastic net", error.to_string()))?;
                let moved = fitted.hyperplane().dot(&centres);
                (fitted.intercept() - moved, fitted.hyperplane().to_vec())
            }
        };
        if intercept.is_finite() && weights.iter().all(|weight| weight.is_finite()) {
            Ok((intercept, weights))
        } else {
            Err(refused("linear model", "a weight is not finite".to_owned()))
        }
    }
}

fn weighted(intercept: f64, weights: &[f64], row: ArrayView1<'_, f64>) -> f64 {
    weights.iter().zip(row).fold(intercept, |sum, (weight, value)| sum + weight * value)
}

impl Linear {
    /// The weighted sum of one row: log odds for probabilities.
    pub fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        weighted(self.intercept, &self.weights, row)
    }

    /// What each column adds to the score, counted from its mean in training.
    pub fn contributions(&self, row: ArrayView1<'_, f64>) -> Vec<f64> {
        let parts = self.weights.iter().zip(&self.centres).zip(row);
        parts.map(|((weight, centre), value)| weight * (value - centre)).collect()
    }
}

impl PredictInplace<Array2<f64>, Array1<f64>> for Linear {
    fn predict_inplace(&self, records: &Array2<f64>, target: &mut Array1<f64>) {
        super::each_row(records, target, |row| match self.link {
            Link::Logit => sigmoid(self.score(row)),
            _ => self.score(row),
        });
    }

    fn default_target(&self, records: &Array2<f64>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa::traits::Predict;

    fn data() -> (Array2<f64>, Array1<f64>) {
        let x = Array2::from_shape_fn((300, 3), |(i, j)| {
            ((i * (3 * j + 5) * 7 + i * i) % 41) as f64 / 12.0 - 1.7
        });
        let y = x.outer_iter().enumerate().map(|(i, row)| {
            f64::from(u8::from(1.5 * row[0] - row[1] + ((i * 31 % 17) as f64 - 8.0) / 4.0 > 1.0))
        });
        let y = y.collect();
        (x, y)
    }

    /// scikit-learn 1.9.1: `LogisticRegression(C=1/10, tol=1e-10)` and `ElasticNet(alpha=0.01 * std(y), l1_ratio=0.5)`.
    #[test]
    fn agrees_with_scikit_learn() {
        let (x, y) = data();
        let logit = LinearParams { link: Link::Logit, seed: 1 };
        let (intercept, weights) = logit.solve(x.clone(), y.clone(), 10.0, None).unwrap();
        close(intercept, &weights, &LOGIT_REFERENCE);
        let identity = LinearParams { link: Link::Identity, seed: 1 };
        let (intercept, weights) = identity.solve(x, y, 0.01, None).unwrap();
        close(intercept, &weights, &ELASTIC_REFERENCE);
    }

    const LOGIT_REFERENCE: [f64; 4] =
        [-1.0024781026502314, 1.2487652516407108, -0.9175746931080717, 0.13044986334029665];
    const ELASTIC_REFERENCE: [f64; 4] =
        [0.3378043631926252, 0.24268769530086912, -0.1817178576017551, 0.026417182106893488];

    fn close(intercept: f64, weights: &[f64], reference: &[f64; 4]) {
        for (ours, theirs) in std::iter::once(&intercept).chain(weights).zip(reference) {
            assert!((ours - theirs).abs() < 2e-3, "{intercept} {weights:?} {reference:?}");
        }
    }

    #[test]
    fn contributions_add_up() {
        let (x, y) = data();
        let fitted = LinearParams { link: Link::Logit, seed: 1 }.fit(&Dataset::new(x.clone(), y)).unwrap();
        let centre = fitted.score(Array1::from(fitted.centres.clone()).view());
        for row in x.outer_iter() {
            let sum: f64 = fitted.contributions(row).iter().sum();
            assert!((centre + sum - fitted.score(row)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_round_trip_changes_nothing_and_one_class_is_refused() {
        let (x, y) = data();
        let params = LinearParams { link: Link::Logit, seed: 1 };
        let fitted = params.fit(&Dataset::new(x.clone(), y)).unwrap();
        let back: Linear = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
        assert_eq!(back.predict(&x), fitted.predict(&x));
        assert!(params.fit(&Dataset::new(x.clone(), Array1::ones(300))).is_err());
        let identity = LinearParams { link: Link::Identity, seed: 1 };
        assert_eq!(identity.fit(&Dataset::new(x.clone(), Array1::ones(300))).unwrap().predict(&x)[0], 1.0);
    }
}
