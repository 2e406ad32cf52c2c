//! A twin's declarations, read and found sound.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use url::Url;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::files::{Files, Origin};
use super::load;
use super::relations::{Model, Table, View};
use super::twin::TwinDecl;
use super::variable::Value;
use crate::ids::RelationName;

/// Everything a twin's folder declares. Sound in itself; whether queries fit their inputs is for the planner to find.
#[derive(Clone, Debug)]
pub struct Project {
    /// The absolute folder of `twin.toml`.
    pub root: PathBuf,
    /// What `twin.toml` says, with the environment's overrides.
    pub twin: TwinDecl,
    /// Where the lake is; ends in `/`.
    pub lake_url: Url,
    /// Memory that queries may use before they spill.
    pub memory_bytes: usize,
    /// The values of `${name}`.
    pub variables: IndexMap<String, Value>,
    /// In order of file, then as declared.
    pub tables: Vec<Table>,
    /// In order of file.
    pub views: Vec<View>,
    /// In order of file.
    pub models: Vec<Model>,
    /// The texts of the files, for pointing at them.
    pub files: Files,
    /// What is likely not as meant, but stops nothing.
    pub warnings: Diagnostics,
}

impl Project {
    /// Reads and validates the twin at `root`, without touching its data. `env` is the process's environment:
    /// overrides, the variables' `env`, secrets.
    ///
    /// # Errors
    /// All that is wrong, in order of file and place.
    pub fn load(root: &Path, env: &BTreeMap<String, String>) -> Result<Project, Diagnostics> {
        load::load(root, env)
    }

    /// The place where a relation is declared.
    pub fn origin(&self, name: &RelationName) -> Option<&Origin> {
        let table = self.tables.iter().find(|table| table.name == *name).map(|table| &table.origin);
        let view = || self.views.iter().find(|view| view.name == *name).map(|view| &view.origin);
        let model = || self.models.iter().find(|model| model.name == *name).map(|model| &model.origin);
        table.or_else(view).or_else(model)
    }

    /// An error at the value under `key` (such as `columns.price.type`) of a declared thing; where there is none, at the
    /// nearest thing around it.
    pub fn diagnose(
        &self,
        code: &'static str,
        origin: &Origin,
        key: &str,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.files.diagnose(code, origin, key, message.into())
    }

    /// An error inside a text of a TOML file, such as a model's query: `range` is in the bytes of that text.
    pub fn diagnose_text(
        &self,
        code: &'static str,
        origin: &Origin,
        key: &str,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.files.diagnose_text(code, origin, key, range, message.into())
    }

    /// An error inside a view's query: `range` is in the bytes of [`View::sql`].
    pub fn diagnose_sql(
        &self,
        code: &'static str,
        origin: &Origin,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.files.diagnose_sql(code, origin, range, message.into())
    }
}

/// The byte at a line and column of a text, both from 1, the column counting characters: how SQL parsers and planners
/// say where they are.
pub fn byte_at(text: &str, line: u64, column: u64) -> usize {
    super::query::offset(text, datafusion::sql::sqlparser::tokenizer::Location::new(line, column))
}
