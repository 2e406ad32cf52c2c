//! SQL over a binding: DataFusion sessions whose catalog is exactly what a [`Binding`](crate::lake::Binding) names.
//!
//! Table versions are read as plain Parquet scans over the pinned list of files, never through the head of a Delta log,
//! so a session sees one state of the twin however long it lives and whatever is published meanwhile.

mod catalog;
mod examine;
mod functions;
mod scan;
mod session;

pub use examine::{Flaw, Mention, OutputColumn, output_columns, type_name};
pub use functions::{as_of_function, is_volatile};
pub use scan::PinnedTable;
pub use session::{Engine, EngineSettings, Session, Use};
