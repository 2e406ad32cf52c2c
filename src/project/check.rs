//! Checks: assertions about a relation as a whole. Each is a SELECT of bad rows; a row found is a failure.

use schemars::JsonSchema;
use serde::Deserialize;

use super::source::Literal;

/// One check. Exactly one of `unique`, `not_null`, `accepted`, `range`, `references` and `sql` is given.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CheckDecl {
    /// These columns together are different in every row.
    pub unique: Option<Vec<String>>,
    /// None of these columns is null.
    pub not_null: Option<Vec<String>>,
    /// The column with the only values allowed: `accepted = ["new", "paid"], column = "status"`.
    pub accepted: Option<Vec<Literal>>,
    /// The column lies between two bounds, either of which may be left out: `range = { min = 0 }, column = "quantity"`.
    pub range: Option<Range>,
    /// Every value of `via` is found in this relation: `references = "core.suppliers", via = ["supplier_id"]`.
    pub references: Option<String>,
    /// A SELECT of bad rows. `this` names the relation under check.
    pub sql: Option<String>,
    /// The column of `accepted` and `range`.
    pub column: Option<String>,
    /// The columns of `references` here.
    pub via: Vec<String>,
    /// The columns of `references` there; those of `via` unless given.
    pub to: Vec<String>,
    /// The check's name in `twin.checks`; made up from the rest unless given.
    pub name: Option<String>,
    /// What a bad row does.
    pub level: CheckLevel,
}

/// The bounds of a range, inclusive.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Range {
    /// The least value allowed.
    pub min: Option<Literal>,
    /// The greatest value allowed.
    pub max: Option<Literal>,
}

/// What a failed check does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckLevel {
    /// The node fails and keeps its published version.
    #[default]
    Error,
    /// It is recorded in `twin.checks`, and the node is published.
    Warn,
}
