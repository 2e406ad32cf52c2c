//! What a twin declares, resolved: tables that land, views, models.

use arrow::datatypes::DataType;
use indexmap::IndexMap;

use super::files::Origin;
use super::source::{
    CsvDialect, Format, JsonOptions, Malformed, NewColumns, OnViolation, TableDecl, WriteMode,
};
use super::{ModelDecl, ViewDecl};
use crate::ids::RelationName;

/// A table that a source lands.
#[derive(Clone, Debug)]
pub struct Table {
    /// The relation: the source's schema, the table's name.
    pub name: RelationName,
    /// The source's name.
    pub source: String,
    /// What the file says, with the source's defaults put in.
    pub decl: TableDecl,
    /// The absolute folder, or the URL, that the globs of `decl.files` are relative to.
    pub root: String,
    /// The declared columns and their types, in order. None where no columns are declared.
    pub schema: Option<Vec<(String, DataType)>>,
    /// Where it is declared.
    pub origin: Origin,
}

impl Table {
    /// The files' format, where it is declared; else it is told from each file's name.
    pub fn format(&self) -> Option<Format> {
        self.decl.format
    }

    /// How CSV files are written.
    pub fn csv(&self) -> CsvDialect {
        self.decl.csv.clone().unwrap_or_default()
    }

    /// How JSON files are read.
    pub fn json(&self) -> JsonOptions {
        self.decl.json.clone().unwrap_or_default()
    }

    /// How rows are written.
    pub fn mode(&self) -> WriteMode {
        self.decl.mode.unwrap_or_default()
    }

    /// What a broken rule does, where the column does not say.
    pub fn on_violation(&self) -> OnViolation {
        self.decl.on_violation.unwrap_or_default()
    }

    /// What a malformed record does.
    pub fn malformed(&self) -> Malformed {
        self.decl.malformed.unwrap_or(match self.mode() {
            WriteMode::Append | WriteMode::Upsert => Malformed::Record,
            // A row that is missing from a full extract is a delete: half a file must not pass for a whole one.
            WriteMode::Snapshot | WriteMode::History => Malformed::File,
        })
    }

    /// What a column that is not declared does.
    pub fn new_columns(&self) -> NewColumns {
        self.decl.new_columns.unwrap_or(match self.decl.columns.is_empty() {
            true => NewColumns::Evolve,
            false => NewColumns::Ignore,
        })
    }
}

/// A SQL view.
#[derive(Clone, Debug)]
pub struct View {
    /// The relation, from the file's path.
    pub name: RelationName,
    /// The front matter; the description is that of the leading comment where none is given.
    pub decl: ViewDecl,
    /// The query, without the front matter.
    pub sql: String,
    /// The byte of the file where the query begins.
    pub sql_offset: usize,
    /// What columns mean, by name: the front matter's `columns`, else the comments after select items.
    pub column_docs: IndexMap<String, String>,
    /// The file.
    pub origin: Origin,
}

/// A model.
#[derive(Clone, Debug)]
pub struct Model {
    /// The relation its predictions land in.
    pub name: RelationName,
    /// What the file says.
    pub decl: ModelDecl,
    /// The file.
    pub origin: Origin,
}
