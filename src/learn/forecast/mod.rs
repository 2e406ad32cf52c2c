//! Forecasts of many series: from rows to parameters, from parameters to predictions.
//!
//! Rows become a [panel](panel) of series over one calendar, with the [levels](levels) of a hierarchy and
//! [regressors](regressors) as they were known at the time. Every candidate [model](member) is [tried](trial) on rolling
//! origins; the best one or a [combination](weights) is published for each series, with [intervals](intervals) calibrated
//! on what the backtest got wrong and, where values are uneven, the distribution of counts. What was learned is kept as [parameters](parameters), from which every prediction is
//! made, also right after learning.

mod analogues;
mod board;
mod calendar;
mod detect;
mod drivers;
mod elastic_net;
mod estimator;
mod features;
mod global;
mod instants;
mod intervals;
mod leaks;
mod levels;
mod member;
mod panel;
mod parameters;
mod pooled;
mod predict;
mod regression;
mod regressors;
mod ridge;
mod rows;
mod scores;
mod settings;
mod shifts;
mod table;
mod train;
mod trial;
mod tried;
mod watch;
#[cfg(test)]
mod tests;
mod weights;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use chrono::DateTime;

use crate::error::Result;
use crate::lake::system::ModelMetricRow;
use crate::project::ForecastDecl;
use crate::project::model::MonitorDecl;

pub use estimator::{Estimator, FittedSeries};

use super::learner::{Data, Heard, Learner, Past, Predicted, Trained};
use super::watch::Measure;

/// The forecast of a declaration.
#[derive(Clone, Debug)]
pub(in crate::learn) struct ForecastLearner {
    /// What to forecast.
    pub decl: ForecastDecl,
    /// What is watched.
    pub monitor: MonitorDecl,
}

/// Whether the candidates of a declaration are known.
///
/// # Errors
/// [`ErrorKind::Declaration`](crate::error::ErrorKind::Declaration) for a name that is none.
pub(in crate::learn) fn known_candidates(decl: &ForecastDecl) -> Result<()> {
    settings::candidates(decl).map(drop)
}

impl Learner for ForecastLearner {
    fn schema(&self, rows: &Schema) -> Result<SchemaRef> {
        settings::schema(rows, &self.decl)
    }

    fn train(&self, data: &Data, start: Option<&str>) -> Result<Trained> {
        train::train(data, &self.decl, start)
    }

    fn predict(&self, parameters: &str, data: &Data) -> Result<Predicted> {
        predict::predict(parameters, data, &self.decl)
    }

    fn watch(&self, parameters: &str, data: &Data, past: &[Past]) -> Result<Vec<Measure>> {
        watch::watch(parameters, data, past, &self.decl, &self.monitor)
    }
}

/// What a forecast gives.
#[derive(Clone, Debug)]
pub struct Forecasts {
    /// One row per series and step, sorted by both: the series columns, `level` of a hierarchy, `period_start`, `step`
    /// (from 1), `mean`, `lo80`, `hi80`, `lo95`, `hi95` and quantiles (in the unit of the value), `model`, `members` and
    /// `drivers`.
    ///
    /// `model` is the chosen model or `combination`; `naive` for a series with less than a season of history; `none`,
    /// with null numbers, for one without any value. The bounds are null where nothing tells how a series varies.
    pub predictions: RecordBatch,
    /// How good each candidate was: one row per series and candidate, then those of all (`*`), `published` last.
    ///
    /// What is `published` is scored honestly: in every window, what the choice of the other windows would have
    /// published.
    pub metrics: Vec<ModelMetricRow>,
    /// What was noticed about the rows.
    pub notes: Vec<String>,
}

/// Forecasts every series of `history`, without regressors of other queries: batches of the declaration's SELECT, rows
/// and batches in any order. Null values count as missing periods.
///
/// # Errors
/// [`ErrorKind::Declaration`](crate::error::ErrorKind::Declaration) for settings or columns that cannot be,
/// [`ErrorKind::Model`](crate::error::ErrorKind::Model) for values nothing can be learned from; both name the column and
/// the remedy.
pub fn forecast(history: &[RecordBatch], decl: &ForecastDecl, seed: u64) -> Result<Forecasts> {
    let rows = history.to_vec();
    let data = Data { rows, others: Vec::new(), as_of: DateTime::UNIX_EPOCH, seed, heard: Heard::default() };
    let learner = ForecastLearner { decl: decl.clone(), monitor: MonitorDecl::default() };
    let trained = learner.train(&data, None)?;
    let predicted = learner.predict(&trained.parameters, &data)?;
    Ok(Forecasts { predictions: predicted.rows, metrics: trained.metrics, notes: trained.notes })
}
