//! The kinds of models that learn from rows, each a [`Learner`](super::learner::Learner): from record batches to what its
//! algorithms compute with, and back to rows.

mod anomaly;
mod cluster;
mod drifted;
mod elasticity;
mod keyed;
mod odd_series;
mod outside;
mod recommend;
mod tabular;
mod tabular_watch;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};

pub(super) use anomaly::AnomalyLearner;
pub(super) use cluster::ClusterLearner;
pub(super) use elasticity::{elasticity, schema as elasticity_schema};
pub(super) use odd_series::OddSeriesLearner;
pub(super) use outside::{outside, schema as outside_schema};
pub(super) use recommend::RecommendLearner;
pub(super) use tabular::TabularLearner;

/// Parameters as text.
///
/// # Errors
/// [`ErrorKind::Bug`] where they hold what JSON cannot.
fn write<T: Serialize>(parameters: &T) -> Result<String> {
    serde_json::to_string(parameters)
        .map_err(|error| Error::new(ErrorKind::Bug, "the parameters cannot be written").with_source(error))
}

/// Parameters from text.
///
/// # Errors
/// [`ErrorKind::Lake`] where another version of Twinlake wrote them.
fn read<'a, T: Deserialize<'a>>(parameters: &'a str) -> Result<T> {
    serde_json::from_str(parameters).map_err(|error| {
        Error::new(ErrorKind::Lake, "the parameters of its champion cannot be read")
            .with_hint("Learn a new version with `twinlake model train`.")
            .with_source(error)
    })
}
