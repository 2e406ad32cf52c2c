//! Models: forecasts, risk, recommendations, segments, anomalies, stock and price.
//!
//! From the outside in:
//!
//! - [`ModelNode`] reads the rows of a declaration's query, and writes the table of predictions. It is the only one here
//!   that knows a lake.
//! - `lifecycle` decides, as a pure function, what a refresh does: watch the champion, learn a version, accept it, predict.
//!   `registry` is what it knows of earlier versions; `rules` and `acceptance` are the words of the declaration.
//! - A `Learner` is what each kind must be able to do: learn parameters, predict from them, watch. `kinds` is the one
//!   place that knows all of them; `learners` turn rows into what algorithms compute with.
//! - The algorithms: `forecasting` (over `auto`, `local` and `hierarchy`), `tabular`, `recommend`, `cluster`, `anomaly`,
//!   `inventory`, `monitor`. They know neither declarations nor lakes.
//!
//! Everything gives the same bits for the same rows, whatever the order of rows and batches and however many threads made
//! them: equal keys are sorted before they are summed, sums run in a fixed order, and what is drawn at random is drawn from
//! the declaration's seed. Nothing asks for the time.

mod acceptance;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod anomaly;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod auto;
mod card;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod cluster;
mod columns;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod distribution;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod forecasting;
mod frame;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod hierarchy;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod inventory;
mod kinds;
mod learner;
mod learners;
mod lifecycle;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod local;
mod lot;
mod metrics;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod monitor;
mod node;
mod normal;
mod outputs;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod recommend;
mod registry;
mod reorder;
mod replay;
mod rules;
#[allow(dead_code, unused_imports, reason = "building blocks that no declaration reaches yet")]
mod tabular;
mod watch;

pub use forecasting::{Forecasts, forecast};
pub use node::ModelNode;
pub use outputs::{column_docs, output_schema};
pub use registry::{Registry, Status};
pub use reorder::reorder;
pub use replay::{Replayed, Tried};
pub use rules::broken_rules;
