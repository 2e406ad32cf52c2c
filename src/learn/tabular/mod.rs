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
mod multiclass;
mod predict;
mod report;
mod split;
mod svm;
mod tree;

pub(in crate::learn) use encode::Dropped;
pub(in crate::learn) use explain::{Importance, Reason};
pub(in crate::learn) use fit::{Leaks, Options, fit};
pub(in crate::learn) use metrics::{
    Confusion, Costs, Reliability, average_precision, bias, calibration_error, cheapest_threshold, log_loss,
    mean_absolute_error, mean_squared_error, r_squared, reliability, roc_auc,
};
pub(in crate::learn) use model::{Candidate, Task};
pub(in crate::learn) use multiclass::{ClassPrediction, Classes};
pub(in crate::learn) use predict::{Fitted, HalfWidths, Prediction};
pub(in crate::learn) use report::{Outcome, Report, Scores, Tried};
pub(in crate::learn) use split::{Fold, Scheme, at_share, folds};
