//! The one small trait at the centre: a node knows what it reads, what its code amounts to, and how to refresh itself.
//!
//! Planning, running, scheduling, scenarios and replays know only this. What an implementor must keep:
//!
//! - **Reads only through the context's binding, writes only through the context's lake.** A refresh that fails or is
//!   killed leaves unreferenced files at most; the caller commits and publishes.
//! - **Deterministic.** Equal binding, equal pending input, equal fingerprint, equal seed: equal rows.
//! - **Idempotent.** Refreshing again after a crash starts from the published state, and gives the same result.
//! - **Concurrent.** Nodes refresh beside each other; a node is never refreshed twice at the same time in one run.
//! - **Cancellation.** Dropping the future stops it at the next await.

mod check;
mod records;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::DateTime;

use crate::clock::Instant;
use crate::engine::Engine;
use crate::error::Result;
use crate::ids::{Fingerprint, RelationName, RunId};
use crate::lake::system::SliceRow;
use crate::lake::{Binding, Published, RelationKind, TableVersion};

pub use check::{Check, checks};
pub use records::{ColumnDoc, Description, Records};

/// One source table, view, model or decision.
#[async_trait]
pub trait Node: Send + Sync {
    /// The node's name, which is the name of the relation it makes.
    fn name(&self) -> &RelationName;
    /// What kind it is.
    fn kind(&self) -> RelationKind;
    /// The relations it reads. For a source: the relations its contract refers to.
    fn inputs(&self) -> &BTreeSet<RelationName>;
    /// What its code amounts to: it changes exactly when equal inputs might give another output.
    fn fingerprint(&self) -> &Fingerprint;
    /// Assertions about what it makes.
    fn checks(&self) -> &[Check];
    /// Its documentation, for `twin.columns`.
    fn description(&self) -> &Description;
    /// Free labels, for selection.
    fn tags(&self) -> &[String] {
        &[]
    }

    /// What waits outside the lake. `known` are the slices published so far, by URI. Reads listings, not contents.
    ///
    /// # Errors
    /// When the outside cannot be listed.
    async fn pending(&self, _known: &Known) -> Result<Pending> {
        Ok(Pending::default())
    }

    /// Computes its output from the context's binding.
    ///
    /// # Errors
    /// Anything that keeps it from having an output that may be published.
    async fn refresh(&self, context: &Context) -> Result<Refreshed>;
}

/// The slices that were published for one node: the newest entry of each URI.
pub type Known = std::collections::BTreeMap<String, SliceRow>;

/// One unread piece of outside data: a file, for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where it is.
    pub location: std::path::PathBuf,
    /// Its name relative to the source's root: what lineage columns say.
    pub uri: String,
    /// In bytes.
    pub size: u64,
    /// When it was last modified.
    pub modified_at: DateTime<chrono::Utc>,
    /// What happened to it since it was last read.
    pub change: Change,
}

/// What happened to a slice since it was last read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was never read.
    New,
    /// It was read, and is different now.
    Changed,
    /// It was read, and is gone.
    Vanished,
}

/// What waits for a node outside the lake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// To be read in this run, in this order.
    pub slices: Vec<Slice>,
    /// More that waits for later runs.
    pub later: usize,
    /// All slices there are, for a refresh from scratch.
    pub all: Vec<Slice>,
}

impl Pending {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }
}

/// Everything a refresh may use.
pub struct Context {
    /// The run.
    pub run_id: RunId,
    /// The instant it computes for.
    pub as_of: Instant,
    /// Reads the binding; its lake takes the files.
    pub engine: Engine,
    /// What the node sees: the published manifest, and what was refreshed before it in this run.
    pub binding: Binding,
    /// The logical hashes of the relations it reads, as bound.
    pub inputs: std::collections::BTreeMap<RelationName, String>,
    /// The node's own published state, unless it is made from scratch.
    pub published: Option<Published>,
    /// The slices published before, unless it is made from scratch.
    pub known: Known,
    /// What waits outside.
    pub pending: Pending,
    /// What somebody asked of it besides bringing it up to date.
    pub request: Option<Request>,
    /// Told about rows as they pass.
    pub progress: Arc<dyn Progress>,
}

/// What somebody asks of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub act: Act,
    /// Who asks.
    pub by: String,
    /// Why, in their words; may be empty.
    pub reason: String,
}

/// What can be asked of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Learn a new version, whatever the rules say.
    Retrain,
    /// Predict with this version from now on.
    Promote(i64),
    /// Never predict with this version again.
    Retire(i64),
}

impl std::fmt::Display for Act {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Act::Retrain => f.write_str("retrain"),
            Act::Promote(version) => write!(f, "promote version {version}"),
            Act::Retire(version) => write!(f, "retire version {version}"),
        }
    }
}

/// Hears how far a refresh is. Called often, from many threads.
pub trait Progress: Send + Sync {
    /// So many more bytes of so many were read.
    fn bytes(&self, _read: u64, _total: u64) {}
    /// So many more rows were written.
    fn rows(&self, _rows: u64) {}
    /// So many more steps of so many were done, each about as long as the others.
    fn steps(&self, _done: u64, _total: u64) {}
}

/// Hears nothing.
pub struct Quiet;
impl Progress for Quiet {}

/// What a refresh gave.
pub struct Refreshed {
    /// The node's new state.
    pub output: Output,
    /// What there is to record about it.
    pub records: Records,
}

/// A node's new state.
pub enum Output {
    /// Files written, not yet committed: the whole table as it shall be.
    Table(TableVersion),
    /// A query to be bound under the node's name.
    View(Arc<str>),
    /// What is published stays as it is.
    Keep,
}
