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
//! - The algorithms: `forecast` (over `auto`, `local` and `hierarchy`), `tabular`, `recommend`, `cluster`, `anomaly`,
//!   `inventory`, `monitor`. They know neither declarations nor lakes.
//!
//! Everything gives the same bits for the same rows, whatever the order of rows and batches and however many threads made
//! them: equal keys are sorted before they are summed, sums run in a fixed order, and what is drawn at random is drawn from
//! the declaration's seed. Nothing asks for the time.

mod acceptance;
mod anomaly;
mod auto;
mod card;
mod cluster;
mod columns;
mod distribution;
mod forecast;
mod frame;
mod hierarchy;
mod inventory;
mod kinds;
mod learner;
mod learners;
mod lifecycle;
mod local;
mod lot;
mod metrics;
mod monitor;
mod node;
mod normal;
mod outputs;
mod recommend;
mod registry;
mod reorder;
mod replay;
mod rules;
mod tabular;
mod watch;

pub use forecast::{Estimator, FittedSeries, Forecasts, forecast};
pub use node::ModelNode;
pub use outputs::{column_docs, output_schema};
pub use registry::{Registry, Status};
pub use reorder::reorder;
pub use replay::{Replayed, Tried};
pub use rules::broken_rules;
