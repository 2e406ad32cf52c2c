//! `twin.toml`: the twin's name, where its lake is, and how much of the machine it may use.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// The whole of `twin.toml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TwinDecl {
    /// The twin's name: lowercase letters, digits and `_`.
    pub name: String,
    /// What the twin is of.
    #[serde(default)]
    pub description: String,
    /// Where the lake is: a folder (relative to `twin.toml`), or a URL such as `file:///data/lake` or `memory:///`.
    #[serde(default = "default_lake")]
    pub lake: String,
    /// How much of the machine the twin may use.
    #[serde(default)]
    pub engine: EngineDecl,
    /// Values that source declarations use as `${name}`.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Variable>")]
    pub variables: IndexMap<String, Variable>,
}

fn default_lake() -> String {
    "lake".into()
}

/// Memory, threads and batch size.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EngineDecl {
    /// Memory that queries may use before they spill to disk, such as `"2GiB"`.
    pub memory: String,
    /// Threads for queries and ingestion; 0 means one per core.
    pub threads: usize,
    /// Rows in one batch.
    pub batch_rows: usize,
}

impl Default for EngineDecl {
    fn default() -> Self {
        Self { memory: "1GiB".into(), threads: 0, batch_rows: 8192 }
    }
}

/// The value of a variable: a plain text, or read from the environment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Variable {
    /// The text itself. `env:NAME` and `file:PATH` are secrets: they are read when needed and never printed.
    Text(String),
    /// An environment variable, with what to use where it is not set.
    Env(EnvVariable),
}

/// `{ env = "NAME", default = "..." }`
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvVariable {
    /// The environment variable's name.
    pub env: String,
    /// Used where it is not set. A relative path is relative to `twin.toml`.
    pub default: Option<String>,
}
