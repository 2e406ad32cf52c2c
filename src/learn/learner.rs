//! What every kind of model that keeps versions can do: learn, predict from what it learned, and watch itself.
//!
//! The three are pure functions of the rows, the parameters and the seed. What is learned is a text (JSON), and
//! predictions are always made from that text, also right after learning: so what `twin.models` holds is, by
//! construction, what predicts. Equal rows in any order, on any number of threads, give equal bits.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use crate::clock::Instant;
use crate::error::Result;
use crate::lake::system::ModelMetricRow;
use crate::node::{Progress, Quiet};

use super::watch::Measure;

/// A kind of model with the settings of one declaration.
pub(super) trait Learner: Send + Sync {
    /// The columns of the predictions, from those of the query.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`](crate::error::ErrorKind::Declaration) for settings that cannot be, and for a column that is
    /// missing or of an unsuitable type.
    fn schema(&self, rows: &Schema) -> Result<SchemaRef>;

    /// Learns. `start` are the parameters of an earlier version to start from, perhaps of other settings: then they are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::NoHistory`](crate::error::ErrorKind::NoHistory) where there is too little yet,
    /// [`ErrorKind::Model`](crate::error::ErrorKind::Model) for rows nothing can be learned from; both name the column and the
    /// count of offending rows.
    fn train(&self, data: &Data, start: Option<&str>) -> Result<Trained>;

    /// Predicts from parameters that [`train`](Learner::train) gave, perhaps long ago: `data` may hold newer rows.
    ///
    /// # Errors
    /// [`ErrorKind::Lake`](crate::error::ErrorKind::Lake) for parameters that cannot be read; otherwise as `train`.
    fn predict(&self, parameters: &str, data: &Data) -> Result<Predicted>;

    /// Which of its earlier predictions [`watch`](Learner::watch) looks at.
    fn looks_back(&self) -> LooksBack {
        LooksBack::All
    }

    /// Looks at what has changed since learning: drift, and how good earlier predictions turned out. `past` are predictions as
    /// they were published, the newest first.
    ///
    /// # Errors
    /// As [`predict`](Learner::predict).
    fn watch(&self, parameters: &str, data: &Data, past: &[Past]) -> Result<Vec<Measure>>;
}

/// How far a model looks back at what it predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LooksBack {
    /// Not at all.
    Never,
    /// At what is published now.
    Newest,
    /// As far as `[monitor] lookback` says.
    All,
}

/// What a model reads.
#[derive(Clone, Debug)]
pub(super) struct Data {
    /// The rows of its query, in any order; at least one batch, which may be empty.
    pub rows: Vec<RecordBatch>,
    /// The rows of the queries of its regressors, in the order of the declaration.
    pub others: Vec<Vec<RecordBatch>>,
    /// The instant of the run: nothing after it is known.
    pub as_of: Instant,
    /// The declaration's seed.
    pub seed: u64,
    /// Hears how far learning is.
    pub heard: Heard,
}

/// Whoever hears how far learning is.
#[derive(Clone)]
pub(super) struct Heard(pub Arc<dyn Progress>);

impl Default for Heard {
    fn default() -> Heard {
        Heard(Arc::new(Quiet))
    }
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Heard")
    }
}

/// What was learned.
#[derive(Clone, Debug, Default)]
pub(super) struct Trained {
    /// Everything predictions need, as JSON.
    pub parameters: String,
    /// How good each candidate was, for `twin.model_metrics`. Run, relation and version are filled in by the node.
    pub metrics: Vec<ModelMetricRow>,
    /// What decides about acceptance.
    pub headline: Headline,
    /// What it learned from, most important first.
    pub features: Vec<Feature>,
    /// Rows it learned from.
    pub rows: u64,
    /// What was noticed about the rows, in sentences.
    pub notes: Vec<String>,
}

/// The numbers that decide whether a version is accepted. Unknown ones are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Headline {
    /// The name of the metric that decides: `mase`, `log_loss`, `rmse`, `recall_at_k`, `silhouette`.
    pub metric: String,
    /// Whether less of it is better.
    pub less_is_better: bool,
    /// What the new version has, out of sample.
    pub value: Option<f64>,
    /// What the baseline has on the same rows.
    pub baseline: Option<f64>,
    /// Share of actual values inside the 80 % interval, out of sample.
    pub coverage80: Option<f64>,
    /// Share of actual values inside the 95 % interval, out of sample.
    pub coverage95: Option<f64>,
    /// Mean error over the mean absolute actual value.
    pub bias: Option<f64>,
    /// All other metrics a rule may name, such as `auc`.
    pub others: std::collections::BTreeMap<String, f64>,
}

/// A feature and what it is worth.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct Feature {
    /// The column.
    pub name: String,
    /// By how much the error grows when it is shuffled, or its share of all contributions; none where that is not known.
    pub importance: Option<f64>,
    /// Its sensitivity tags, separated by commas.
    #[serde(default)]
    pub tags: String,
}

impl Feature {
    /// Columns of which nothing more is known.
    pub fn named(names: &[String]) -> Vec<Feature> {
        let feature = |name: &String| Feature { name: name.clone(), importance: None, tags: String::new() };
        names.iter().map(feature).collect()
    }
}

/// Predictions.
#[derive(Clone, Debug)]
pub(super) struct Predicted {
    /// In the columns of [`Learner::schema`], sorted by key.
    pub rows: RecordBatch,
    /// What could not be predicted: the key as people read it, and why.
    pub absent: Vec<(String, String)>,
}

/// Predictions that were published before.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// When they were published.
    pub published_at: Instant,
    /// Their rows, in the columns of [`Learner::schema`] at that time.
    pub rows: Vec<RecordBatch>,
}
