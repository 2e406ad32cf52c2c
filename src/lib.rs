//! Twinlake: a digital twin of an enterprise, kept as a lakehouse.
//!
//! The modules stand in the order in which they may import one another: each uses only those above it.

/// One error: kind, message, detail, hint.
pub mod error;
/// The only reader of wall time.
pub mod clock;
/// Newtypes: relation names, run ids, fingerprints.
pub mod ids;
/// Declarations: parse, validate, point at the place.
pub mod project;
/// Delta tables, commits, logical hashes, manifests, bindings.
pub mod lake;
/// DataFusion sessions over a binding.
pub mod engine;
/// The trait at the centre: nodes and what they are given.
pub mod node;
/// From what a source holds to landed tables.
pub mod ingest;
/// SQL views as nodes.
pub mod transform;
/// Models as nodes: forecasts and recommendations.
pub mod learn;
/// Graph of nodes, plan, execute, publish.
pub mod run;
/// The demo enterprise: generates the source files of a made-up retailer.
pub mod demo;
/// The composition root: declarations made into nodes over a lake.
pub mod app;
/// The command: one file a verb.
pub mod cli;

/// A point at which a test may kill the process, if it was built for that.
#[macro_export]
#[doc(hidden)]
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name, |_| std::process::abort());
    };
}
