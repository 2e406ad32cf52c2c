//! Runs: which nodes must be refreshed and why, refreshing them in order of what they read, and publishing all of it at once.
//!
//! [`plan`](Plan::new) is pure: the same graph, manifest and pending input give the same plan, and executing consumes exactly
//! that plan, so `twinlake plan` cannot say something else than `twinlake run` does.
//!
//! Durable steps of a run, in order; a process killed between any two leaves nothing that a reader sees, and the next
//! run begins from what is published:
//!
//! 1. nodes write data files, which nothing refers to;
//! 2. each node's table is committed, once its own checks have passed on the files;
//! 3. the system tables are committed;
//! 4. one commit to `twin.manifest` publishes all of it.

mod execute;
mod graph;
mod known;
mod node_run;
mod plan;
mod publish;
mod report;
mod select;
mod validate;
mod verify;

pub use execute::{NodeResult, Options, Outcome, Prepared, Summary, execute, prepare};
pub use graph::Graph;
pub use known::{known_slices, system_rows};
pub use plan::{Plan, Reason, Step};
pub use report::{Reporter, Silent, Status};
pub use select::Selection;
pub use validate::{circle, unresolved, validate};
