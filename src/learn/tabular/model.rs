//! The candidates behind one face.

use linfa::Dataset;
use linfa::traits::{Fit, Predict};
use ndarray::{Array1, ArrayView1};
use serde::{Deserialize, Serialize};

use super::bayes::{Bayes, BayesParams};
use super::calibrate::{log_odds, sigmoid};
use super::encode::Design;
use super::gradient::{Boosting, BoostingParams, MANY_ROWS, Objective, Stopping};
use super::linear::{Linear, LinearParams, Link};
use super::svm::{Svm, SvmParams};
use crate::error::Result;

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Task {
    /// The probability of a target that is 0 or 1.
    Classify,
    /// The mean of a target that is a number.
    Regress,
}

/// What may predict it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Candidate {
    /// The share or the mean in training, for every row.
    Baseline,
    /// L2 logistic regression, or the elastic net.
    Linear,
    /// Gradient boosting.
    Boosting,
    /// Gaussian naive Bayes; only to classify.
    Bayes,
    /// A support vector machine; only to classify, only few rows.
    Svm,
    /// The mean of the two best others.
    Blend,
}

impl Candidate {
    /// As it is written in a declaration.
    pub fn name(self) -> &'static str {
        match self {
            Candidate::Baseline => "baseline",
            Candidate::Linear => "linear",
            Candidate::Boosting => "boosting",
            Candidate::Bayes => "bayes",
            Candidate::Svm => "svm",
            Candidate::Blend => "blend",
        }
    }
}

/// A fitted candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Model {
    Baseline(f64),
    Linear(Linear),
    Boosting(Boosting),
    Bayes(Bayes),
    Svm(Box<Svm>),
    Blend(Vec<Model>),
}

/// What a candidate is fitted for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    pub task: Task,
    /// Whether the rows are in the order of time.
    pub in_time: bool,
    pub seed: u64,
}

impl Model {
    /// Fits one candidate; a blend is made of fitted ones.
    pub fn fit(candidate: Candidate, design: &Design, target: &[f64], purpose: Purpose) -> Result<Model> {
        let Purpose { task, in_time, seed } = purpose;
        let linear = || Dataset::new(design.linear.clone(), Array1::from(target.to_vec()));
        Ok(match candidate {
            Candidate::Baseline | Candidate::Blend => {
                Model::Baseline(target.iter().sum::<f64>() / target.len().max(1) as f64)
            }
            Candidate::Linear => {
                let link = if task == Task::Classify { Link::Logit } else { Link::Identity };
                Model::Linear(LinearParams { link, seed }.fit(&linear())?)
            }
            Candidate::Boosting => {
                let objective = if task == Task::Classify { Objective::Logistic } else { Objective::Squared };
                let mut params = BoostingParams::new(objective, seed);
                if target.len() > MANY_ROWS {
                    (params.learning_rate, params.patience) = (0.1, 20);
                }
                if in_time {
                    params.stopping = Stopping::Latest(0.2);
                }
                let records = design.trees.clone();
                Model::Boosting(params.fit(&Dataset::new(records, Array1::from(target.to_vec())))?)
            }
            Candidate::Bayes => Model::Bayes(BayesParams { smoothing: 1e-2, seed }.fit(&linear())?),
            Candidate::Svm => Model::Svm(Box::new(SvmParams { cost: 1.0, seed }.fit(&linear())?)),
        })
    }

    /// Probabilities or means of all rows.
    pub fn predict(&self, design: &Design) -> Vec<f64> {
        match self {
            Model::Baseline(mean) => vec![*mean; design.linear.nrows()],
            Model::Linear(model) => model.predict(&design.linear).to_vec(),
            Model::Boosting(model) => model.predict(&design.trees).to_vec(),
            Model::Bayes(model) => model.predict(&design.linear).to_vec(),
            Model::Svm(model) => model.predict(&design.linear).to_vec(),
            Model::Blend(models) => {
                let each: Vec<Vec<f64>> = models.iter().map(|model| model.predict(design)).collect();
                blend(&each)
            }
        }
    }

    /// What each feature adds to the prediction of one row, against a typical row: in log odds to classify, in units of
    /// the target otherwise. `sources` names the feature of each column, for linear models and for trees.
    pub fn contributions(&self, design: &Design, row: usize, sources: &Sources, task: Task) -> Vec<f64> {
        let gather = |parts: &[f64], sources: &[usize]| {
            let mut sums = vec![0.0; sources.last().map_or(0, |last| last + 1)];
            parts.iter().zip(sources).for_each(|(part, source)| sums[*source] += part);
            sums
        };
        let linear = design.linear.row(row);
        match self {
            Model::Baseline(_) => vec![0.0; sources.linear.last().map_or(0, |last| last + 1)],
            Model::Linear(model) => gather(&model.contributions(linear), &sources.linear),
            Model::Boosting(model) => gather(&model.contributions(design.trees.row(row)).0, &sources.trees),
            Model::Bayes(model) => gather(&model.contributions(linear), &sources.linear),
            Model::Svm(model) => occluded(model, linear, &sources.linear),
            Model::Blend(models) => {
                let value = |model: &Model| {
                    let one = Design {
                        linear: design.linear.select(ndarray::Axis(0), &[row]),
                        trees: design.trees.select(ndarray::Axis(0), &[row]),
                    };
                    model.predict(&one)[0]
                };
                // Each member counts by how far its own log odds move the mean of the probabilities.
                let slope = |p: f64| p * (1.0 - p);
                let values: Vec<f64> = models.iter().map(value).collect();
                let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
                let mut sums = vec![0.0; sources.linear.last().map_or(0, |last| last + 1)];
                for (model, value) in models.iter().zip(&values) {
                    let share = match task {
                        Task::Classify => slope(*value) / slope(mean).max(1e-12),
                        Task::Regress => 1.0,
                    } / values.len() as f64;
                    let parts = model.contributions(design, row, sources, task);
                    sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += share * part);
                }
                sums
            }
        }
    }
}

/// For each column, the place of its feature.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sources {
    pub linear: Vec<usize>,
    pub trees: Vec<usize>,
}

/// The mean of several models' answers, row by row.
pub(super) fn blend(each: &[Vec<f64>]) -> Vec<f64> {
    let count = each.len().max(1) as f64;
    let rows = each.first().map_or(0, Vec::len);
    (0..rows).map(|row| each.iter().map(|answers| answers[row]).sum::<f64>() / count).collect()
}

/// What the log odds lose when a feature is set to its mean.
fn occluded(model: &Svm, row: ArrayView1<'_, f64>, sources: &[usize]) -> Vec<f64> {
    let score = log_odds(sigmoid(model.score(row)));
    let features = sources.last().map_or(0, |last| last + 1);
    let without = |feature: usize| {
        let cells = row.iter().zip(sources);
        let row =
            cells.map(|(value, source)| if *source == feature { 0.0 } else { *value }).collect::<Array1<_>>();
        score - log_odds(sigmoid(model.score(row.view())))
    };
    (0..features).map(without).collect()
}
