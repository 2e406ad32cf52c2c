//! What a run tells those who watch it.

use std::time::Duration;

use crate::error::Error;
use crate::ids::RelationName;
use crate::node::Progress;
use crate::run::plan::{Plan, Step};
use std::sync::Arc;

/// What became of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It has a new state.
    Refreshed,
    /// Its inputs, or its rows, turned out the same.
    Unchanged,
    /// It failed; what was published stays.
    Failed,
    /// Something it reads failed.
    Skipped,
}

impl Status {
    /// Its lowercase name.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Refreshed => "refreshed",
            Status::Unchanged => "unchanged",
            Status::Failed => "failed",
            Status::Skipped => "skipped",
        }
    }
}

/// Hears how a run goes. Called from many tasks.
pub trait Reporter: Send + Sync {
    /// The run begins.
    fn planned(&self, _plan: &Plan) {}
    /// A node begins; what it returns hears about rows.
    fn started(&self, _step: &Step) -> Arc<dyn Progress> {
        Arc::new(crate::node::Quiet)
    }
    /// A node ended.
    fn finished(&self, _relation: &RelationName, _status: Status, _rows: Option<u64>, _took: Duration) {}
    /// A node failed.
    fn failed(&self, _relation: &RelationName, _error: &Error) {}
    /// A check that only warns found bad rows.
    fn warned(&self, _relation: &RelationName, _check: &str, _bad_rows: u64) {}
    /// Everything is published, as that manifest.
    fn published(&self, _manifest: u64) {}
}

/// Says nothing.
pub struct Silent;
impl Reporter for Silent {}
