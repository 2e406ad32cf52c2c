//! What to do for each kind of model: the one place that knows all of them.

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};

use crate::error::{Error, ErrorKind, Result};
use crate::project::model::{ElasticityDecl, MonitorDecl, OutsideDecl, TabularDecl};
use crate::project::{ModelDecl, ModelKind};

use super::forecast::{ForecastLearner, known_candidates};
use super::learner::{Data, Learner};
use super::learners::{
    self, AnomalyLearner, ClusterLearner, OddSeriesLearner, RecommendLearner, TabularLearner,
};
use super::tabular::Task;

/// How a kind of model works.
pub(super) enum Kind {
    /// It learns, and keeps versions of what it learned.
    Learned(Box<dyn Learner>),
    /// It computes its table from the rows alone.
    Computed(Compute),
}

/// From rows to a table.
type Compute = Box<dyn FnOnce(&Data) -> Result<RecordBatch> + Send>;

/// The kind of a declaration, with its settings.
///
/// # Errors
/// [`ErrorKind::Declaration`] where the table of its kind is missing.
pub(super) fn kind(decl: &ModelDecl) -> Result<Kind> {
    let learned = |learner: Box<dyn Learner>| Ok(Kind::Learned(learner));
    match decl.kind {
        ModelKind::Forecast => learned(Box::new(ForecastLearner {
            decl: settings(&decl.forecast, decl)?,
            monitor: decl.monitor.clone(),
        })),
        ModelKind::Classify => learned(Box::new(TabularLearner {
            decl: settings(&decl.classify, decl)?,
            task: Task::Classify,
            monitor: decl.monitor.clone(),
        })),
        ModelKind::Regress => learned(Box::new(TabularLearner {
            decl: settings(&decl.regress, decl)?,
            task: Task::Regress,
            monitor: decl.monitor.clone(),
        })),
        ModelKind::Recommend => {
            learned(Box::new(RecommendLearner { decl: settings(&decl.recommend, decl)? }))
        }
        ModelKind::Reorder => {
            let reorder: crate::project::ReorderDecl = settings(&decl.reorder, decl)?;
            Ok(Kind::Computed(Box::new(move |data| super::reorder::reorder(&data.rows, &reorder))))
        }
        ModelKind::Cluster => learned(Box::new(ClusterLearner { decl: settings(&decl.cluster, decl)? })),
        ModelKind::Anomaly => {
            let decl = settings(&decl.anomaly, decl)?;
            match decl.value.clone().zip(decl.time.clone()) {
                Some((value, time)) => learned(Box::new(OddSeriesLearner { decl, time, value })),
                None => learned(Box::new(AnomalyLearner { decl })),
            }
        }
        ModelKind::Elasticity => {
            let decl: ElasticityDecl = settings(&decl.elasticity, decl)?;
            Ok(Kind::Computed(Box::new(move |data| learners::elasticity(data, &decl))))
        }
        ModelKind::Outside => {
            let decl: OutsideDecl = settings(&decl.outside, decl)?;
            Ok(Kind::Computed(Box::new(move |data| learners::outside(data, &decl))))
        }
    }
}

/// Whether the candidates that a declaration asks for are known.
///
/// # Errors
/// [`ErrorKind::Declaration`] for a name that is none.
pub(super) fn candidates(decl: &ModelDecl) -> Result<()> {
    let tabular = |settings: &Option<TabularDecl>, task: Task| match settings.clone() {
        Some(decl) => TabularLearner { decl, task, monitor: MonitorDecl::default() }.candidates().map(drop),
        None => Ok(()),
    };
    match decl.kind {
        ModelKind::Forecast => decl.forecast.as_ref().map_or(Ok(()), known_candidates),
        ModelKind::Classify => tabular(&decl.classify, Task::Classify),
        ModelKind::Regress => tabular(&decl.regress, Task::Regress),
        _ => Ok(()),
    }
}

fn settings<T: Clone>(found: &Option<T>, decl: &ModelDecl) -> Result<T> {
    found.clone().ok_or_else(|| {
        let table = decl.kind.as_str();
        Error::new(ErrorKind::Declaration, format!("`kind` is \"{table}\", but there is no [{table}]"))
            .with_hint(format!("Add a table [{table}] with its settings."))
    })
}

/// The columns of a model's predictions (without `_model_version` and `_run_id`), from those of its query.
///
/// # Errors
/// [`ErrorKind::Declaration`] for settings that cannot be, and for a column that is missing or of an unsuitable type.
pub(super) fn schema(rows: &Schema, decl: &ModelDecl) -> Result<SchemaRef> {
    match kind(decl)? {
        Kind::Learned(learner) => learner.schema(rows),
        Kind::Computed(_) => match decl.kind {
            ModelKind::Elasticity => learners::elasticity_schema(rows, &settings(&decl.elasticity, decl)?),
            ModelKind::Outside => learners::outside_schema(rows, &settings(&decl.outside, decl)?),
            _ => super::reorder::schema(rows, &settings(&decl.reorder, decl)?),
        },
    }
}
