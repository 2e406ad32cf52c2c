//! Declarations: what `twin.toml`, `pipelines/` and `sql/` say, parsed and validated.
//!
//! Data only. Nothing here touches a lake, a source file or the network; the one input/output is reading the
//! declaration files themselves (and files of secrets). The environment is passed in as a map.
//!
//! The way of a file: text, tree with places ([`document`]), shape ([`shape`], against the JSON Schema its type
//! generates), declaration (serde), relation ([`resolve`]), sound ([`validate`]). Each step hands on what it could
//! make sense of and reports the rest, so that one look shows all mistakes of a twin.

pub mod check;
pub mod model;
pub mod source;
pub mod suggest;
pub mod twin;
pub mod view;

mod column_docs;
mod data_type;
mod diagnostic;
mod document;
mod files;
mod front_matter;
mod json_schema;
mod load;
mod loaded;
mod overrides;
mod query;
mod relations;
mod render;
mod report;
mod resolve;
mod secret;
mod shape;
mod validate;
mod variable;

pub use check::{CheckDecl, CheckLevel};
pub use data_type::{is_time, parse_type};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use files::{Files, Origin};
pub use json_schema::schemas;
pub use loaded::{Project, byte_at};
pub use model::{DemandForm, ForecastDecl, ModelDecl, ModelKind, ReorderDecl, Role};
pub use relations::{Model, Table, View};
pub use secret::Secret;
pub use source::{ColumnDecl, CsvDialect, Format, SourceDecl, TableDecl, WriteMode};
pub use twin::TwinDecl;
pub use variable::Value;
pub use view::{Materialize, ViewDecl};
