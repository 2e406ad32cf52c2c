//! `sql/<schema>/<name>.sql`: one relation a file, with TOML front matter in its leading comment.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::check::CheckDecl;

/// The front matter, between `/*+++` and `+++*/`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ViewDecl {
    /// Whether rows are computed when read or when a run refreshes the view.
    pub materialize: Materialize,
    /// What one row is; the comment after the front matter unless given.
    pub description: String,
    /// Who answers for it.
    pub owner: String,
    /// The columns that identify a row; checked to be unique.
    pub grain: Vec<String>,
    /// That the rows are edges of the knowledge graph.
    pub edge: Option<EdgeDecl>,
    /// Checks on the relation as a whole.
    pub checks: Vec<CheckDecl>,
    /// What columns mean; the trailing `-- comments` of select items unless given.
    #[schemars(with = "BTreeMap<String, String>")]
    pub columns: IndexMap<String, String>,
    /// Free labels, selectable with `--select tag:<label>`.
    pub tags: Vec<String>,
}

/// When a view's rows are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Materialize {
    /// When it is read.
    #[default]
    View,
    /// When a run refreshes it; kept as a Delta table.
    Table,
}

/// `edge = { from = "supplier:supplier_id", to = "part:part_id", relation = "supplies" }`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EdgeDecl {
    /// `kind:column` of the end it leaves.
    pub from: String,
    /// `kind:column` of the end it reaches.
    pub to: String,
    /// What the edge says.
    pub relation: String,
}
