//! Learning one column of a table from the others: risks, and numbers.
//!
//! [`fit`] takes the features as a frame and the target as numbers (0 and 1 to classify), tries candidates on folds that
//! respect time or groups, keeps the one with the lowest loss on rows it had not seen, calibrates its probabilities (or
//! measures its intervals) on those rows, and fits it again to all. [`Fitted::predict`] says for each row what to
//! expect, whether to act given what errors cost, and which features moved it; or nothing, and why.
//!
//! The same rows and seed give the same bits on any number of threads: work is split into whole models, folds and
//! features, and collected in order.

mod bayes;
mod calibrate;
mod choose;
mod encode;
mod explain;
mod fit;
mod gradient;
mod leak;
mod linear;
mod metrics;
mod model;
mod predict;
mod report;
mod split;
mod svm;
mod tree;

pub(in crate::learn) use fit::{Leaks, Options, fit};
pub(in crate::learn) use metrics::Costs;
pub(in crate::learn) use model::{Candidate, Task};
pub(in crate::learn) use predict::{Fitted, Prediction};
pub(in crate::learn) use report::{Outcome, Scores};

use ndarray::{Array1, Array2, ArrayView1};

/// Fills a target with what is predicted for each row of a matrix.
fn each_row(records: &Array2<f64>, target: &mut Array1<f64>, of: impl Fn(ArrayView1<'_, f64>) -> f64) {
    target.iter_mut().zip(records.outer_iter()).for_each(|(target, row)| *target = of(row));
}
