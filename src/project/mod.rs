//! Declarations: what `twin.toml`, `pipelines/` and `sql/` say, parsed and validated.
//!
//! Data only. Nothing here touches a lake, a source file or the network; the one input/output is reading the
//! declaration files themselves and the environment, which is passed in as a map.

pub mod check;
pub mod model;
pub mod source;
pub mod twin;
pub mod view;

pub use check::{CheckDecl, CheckLevel};
pub use model::{ForecastDecl, ModelDecl, ModelKind, ReorderDecl};
pub use source::{ColumnDecl, CsvDialect, Format, SourceDecl, TableDecl, WriteMode};
pub use twin::TwinDecl;
pub use view::{Materialize, ViewDecl};
