//! A support vector machine with a Gaussian kernel, linfa's, with Platt scaling.
//!
//! The kernel matrix grows with the square of the rows, so it is a candidate up to [`MOST_ROWS`] rows only. The sigmoid
//! is fitted to decision values of rows left out of the machine, in three folds.

use linfa::traits::{Fit, PredictInplace};
use linfa::{Dataset, DatasetBase};
use linfa_svm::Svm as Machine;
use ndarray::{Array1, Array2, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use super::calibrate::{sigmoid, sigmoid_fit};
use super::split::{self, Scheme};
use crate::error::{Error, ErrorKind, Result};

/// With more rows it is left out.
pub(super) const MOST_ROWS: usize = 3_000;

/// How to fit it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct SvmParams {
    /// The price of a row on the wrong side.
    pub cost: f64,
    /// Of the folds.
    pub seed: u64,
}

/// A fitted machine and its sigmoid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Svm {
    machine: Machine<f64, bool>,
    slope: f64,
    intercept: f64,
}

impl Fit<Array2<f64>, Array1<f64>, Error> for SvmParams {
    type Object = Svm;

    /// Rows by standardised features without missing values, and a target of 0 and 1.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] with one class only, too many rows, or where linfa refuses.
    fn fit(&self, dataset: &DatasetBase<Array2<f64>, Array1<f64>>) -> Result<Svm> {
        let (x, y) = (dataset.records(), dataset.targets());
        if y.len() > MOST_ROWS {
            return Err(Error::new(
                ErrorKind::Model,
                format!("a support vector machine takes at most {MOST_ROWS} rows"),
            ));
        }
        let (mut decisions, mut actual) = (Vec::new(), Vec::new());
        for fold in split::folds(Scheme::Random, &y.to_vec(), 3, self.seed) {
            let machine = self.machine(x.select(Axis(0), &fold.train), &y.select(Axis(0), &fold.train))?;
            for &row in &fold.test {
                decisions.push(decide(&machine, x.row(row)));
                actual.push(y[row]);
            }
        }
        let (slope, intercept) = sigmoid_fit(&actual, &decisions);
        Ok(Svm { machine: self.machine(x.clone(), y)?, slope, intercept })
    }
}

impl SvmParams {
    fn machine(&self, x: Array2<f64>, y: &Array1<f64>) -> Result<Machine<f64, bool>> {
        let refused = || Error::new(ErrorKind::Model, "a support vector machine needs rows of both classes");
        let targets = y.mapv(|target| target == 1.0);
        if targets.iter().all(|target| *target) || !targets.iter().any(|target| *target) {
            return Err(refused());
        }
        // The usual width: as many units as there are columns, weighted by their variance.
        let width = (x.ncols() as f64 * x.var(0.0)).max(1e-6);
        Machine::<f64, bool>::params()
            .eps(1e-3)
            .pos_neg_weights(self.cost, self.cost)
            .gaussian_kernel(width)
            .fit(&Dataset::new(x, targets))
            .map_err(|error| refused().with_detail(error.to_string()))
    }
}

fn decide(machine: &Machine<f64, bool>, row: ArrayView1<'_, f64>) -> f64 {
    machine.weighted_sum(&row) - machine.rho
}

impl Svm {
    /// The log odds of one row.
    pub fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        self.slope * decide(&self.machine, row) + self.intercept
    }
}

impl PredictInplace<Array2<f64>, Array1<f64>> for Svm {
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
    use crate::learn::tabular::metrics::roc_auc;
    use linfa::traits::Predict;

    #[test]
    fn it_learns_a_ring_and_survives_a_round_trip() {
        let x =
            Array2::from_shape_fn((200, 2), |(i, j)| ((i * (j + 3) * 17 + i * i) % 67) as f64 / 20.0 - 1.65);
        let y: Array1<f64> =
            x.outer_iter().map(|row| f64::from(u8::from(row[0].powi(2) + row[1].powi(2) < 1.5))).collect();
        let params = SvmParams { cost: 1.0, seed: 1 };
        let fitted = params.fit(&Dataset::new(x.clone(), y.clone())).unwrap();
        assert_eq!(params.fit(&Dataset::new(x.clone(), y.clone())).unwrap(), fitted);
        let predicted = fitted.predict(&x);
        assert!(roc_auc(&y.to_vec(), &predicted.to_vec()).unwrap() > 0.97);
        let back: Svm = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
        assert_eq!(back.predict(&x), predicted);
        assert!(params.fit(&Dataset::new(x, Array1::ones(200))).is_err());
    }
}
