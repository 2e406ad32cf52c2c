//! The first forecast and the first recommendation.
//!
//! Two pure functions over record batches. [`forecast`] pools many series into one global elastic net, sets it against
//! the seasonal naive on rolling origins, and publishes the better of the two for each series. [`reorder`] turns
//! demand, stock and lead time into an order quantity with the numbers behind it.
//!
//! Both give the same bits for the same rows, whatever the order of rows and batches and however many threads made
//! them: equal keys are sorted before they are summed, sums run in a fixed order, and nothing draws random numbers or
//! asks for the time.
//!
//! A [`ModelNode`] reads the rows and writes the table; the rest knows of no lake.

mod backtest;
mod baseline;
mod calendar;
mod columns;
mod elastic_net;
mod features;
mod forecast;
mod global;
mod intervals;
mod lot;
mod metrics;
mod node;
mod normal;
mod outputs;
mod panel;
mod reorder;

pub use forecast::{Forecasts, forecast};
pub use node::ModelNode;
pub use outputs::{column_docs, output_schema};
pub use reorder::reorder;
