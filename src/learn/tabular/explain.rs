//! Why a model says what it says: for all rows, and for one.

use ndarray::{Array2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::encode::{Design, Encoder};
use super::metrics;
use super::model::{Model, Sources, Task};

/// At most so many held-out rows of a fold are shuffled.
const MOST_ROWS: usize = 1_000;
/// So often.
const REPEATS: usize = 5;

/// How much worse the predictions of held-out rows get when the values of one feature are shuffled among them (L.
/// Breiman, "Random Forests", Machine Learning 45 (2001), 5-32, section 10): the increase of the log loss, or of the root
/// mean squared error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Importance {
    /// The feature.
    pub feature: String,
    /// The mean increase.
    pub increase: f64,
    /// The standard deviation over folds and repetitions.
    pub deviation: f64,
}

/// What one feature did to the prediction of one row. Never tells values of other rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Reason {
    /// The feature.
    pub feature: String,
    /// In log odds to classify, in units of the target otherwise; above zero where it raises the prediction.
    pub amount: f64,
}

impl Reason {
    /// `raises` or `lowers`.
    pub fn direction(&self) -> &'static str {
        if self.amount >= 0.0 { "raises" } else { "lowers" }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} by {:.2}", self.feature, self.direction(), self.amount.abs())
    }
}

/// The loss that candidates are compared by: log loss, or root mean squared error.
pub(super) fn loss(task: Task, actual: &[f64], predicted: &[f64]) -> Option<f64> {
    match task {
        Task::Classify => metrics::log_loss(actual, predicted),
        Task::Regress => metrics::mean_squared_error(actual, predicted).map(f64::sqrt),
    }
}

/// The increases of the loss for each feature of one fold: one for each repetition.
pub(super) fn increases(
    encoder: &Encoder,
    model: &Model,
    design: &Design,
    actual: &[f64],
    task: Task,
    seed: u64,
) -> Vec<(String, Vec<f64>)> {
    let rows = actual.len();
    let mut kept: Vec<usize> = (0..rows).collect();
    if rows > MOST_ROWS {
        kept.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        kept.truncate(MOST_ROWS);
        kept.sort_unstable();
    }
    let design =
        Design { linear: design.linear.select(Axis(0), &kept), trees: design.trees.select(Axis(0), &kept) };
    let actual: Vec<f64> = kept.iter().map(|row| actual[*row]).collect();
    let Some(before) = loss(task, &actual, &model.predict(&design)) else { return Vec::new() };
    let (linear, trees) = (encoder.linear_sources(), encoder.tree_sources());
    let features = encoder.features();
    let one = |feature: usize| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(feature as u64 + 1);
        let increases = (0..REPEATS).filter_map(|_| {
            let mut order: Vec<usize> = (0..actual.len()).collect();
            order.shuffle(&mut rng);
            let mut shuffled = design.clone();
            shuffle(&mut shuffled.linear, &design.linear, &linear, feature, &order);
            shuffle(&mut shuffled.trees, &design.trees, &trees, feature, &order);
            loss(task, &actual, &model.predict(&shuffled)).map(|after| after - before)
        });
        (features[feature].to_owned(), increases.collect())
    };
    (0..features.len()).into_par_iter().map(one).collect()
}

/// All columns of one feature, in the same new order.
fn shuffle(to: &mut Array2<f64>, from: &Array2<f64>, sources: &[usize], feature: usize, order: &[usize]) {
    for column in (0..sources.len()).filter(|column| sources[*column] == feature) {
        for (row, other) in order.iter().enumerate() {
            to[[row, column]] = from[[*other, column]];
        }
    }
}

/// Means over folds and repetitions, the most important first; of equals in the order of their names.
pub(super) fn summarise(folds: Vec<Vec<(String, Vec<f64>)>>) -> Vec<Importance> {
    let mut all: std::collections::BTreeMap<String, Vec<f64>> = std::collections::BTreeMap::new();
    for (feature, increases) in folds.into_iter().flatten() {
        all.entry(feature).or_default().extend(increases);
    }
    let mut importances: Vec<Importance> = all
        .into_iter()
        .filter(|(_, increases)| !increases.is_empty())
        .map(|(feature, increases)| {
            let count = increases.len() as f64;
            let increase = increases.iter().sum::<f64>() / count;
            let deviation =
                (increases.iter().map(|one| (one - increase).powi(2)).sum::<f64>() / count).sqrt();
            Importance { feature, increase, deviation }
        })
        .collect();
    importances.sort_by(|a, b| b.increase.total_cmp(&a.increase));
    importances
}

/// The features that moved the prediction of a row most, the strongest first.
pub(super) fn reasons(
    features: &[&str],
    model: &Model,
    design: &Design,
    row: usize,
    sources: &Sources,
    task: Task,
    most: usize,
) -> Vec<Reason> {
    let amounts = model.contributions(design, row, sources, task);
    let mut reasons: Vec<Reason> = features
        .iter()
        .zip(amounts)
        .filter(|(_, amount)| amount.is_finite() && amount.abs() > 1e-9)
        .map(|(feature, amount)| Reason { feature: (*feature).to_owned(), amount })
        .collect();
    reasons.sort_by(|a, b| b.amount.abs().total_cmp(&a.amount.abs()));
    reasons.truncate(most);
    reasons
}
