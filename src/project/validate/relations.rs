//! Which relations there are and what columns they have, as far as that is declared.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::RelationName;
use crate::project::column_docs;
use crate::project::query::{self, Use};
use crate::project::relations::{Table, View};
use crate::project::report::Report;
use crate::project::resolve::Declared;
use crate::project::source::{NewColumns, WriteMode};
use crate::project::{Origin, suggest};

/// The columns that every landed table has.
const LINEAGE: [&str; 6] =
    ["_source", "_source_uri", "_source_position", "_run_id", "_ingested_at", "_row_hash"];

/// The columns that a table of mode `history` has besides.
const VALIDITY: [&str; 2] = ["_valid_from", "_valid_to"];

/// All relations of a twin, by name.
pub(super) struct Relations<'a> {
    columns: BTreeMap<&'a RelationName, Option<Vec<String>>>,
    hazy: &'a BTreeSet<String>,
}

impl<'a> Relations<'a> {
    pub fn of(declared: &'a Declared) -> Self {
        let tables = declared.tables.iter().map(|table| (&table.name, of_table(table)));
        let views = declared.views.iter().map(|view| (&view.name, of_view(view)));
        let models = declared.models.iter().map(|model| (&model.name, None));
        Self { columns: tables.chain(views).chain(models).collect(), hazy: &declared.hazy }
    }

    /// The columns of a relation, where all of them are known.
    pub fn columns(&self, name: &RelationName) -> Option<&[String]> {
        self.columns.get(name)?.as_deref()
    }

    /// The relation that a text names. None, after saying why, where there is none, or nothing to be said of it.
    pub fn find(&self, text: &str, origin: &Origin, key: &str, report: &mut Report) -> Option<RelationName> {
        let name: RelationName = match text.parse() {
            Ok(name) => name,
            Err(error) => {
                report.refused("unknown-relation", origin, key, error);
                return None;
            }
        };
        if self.columns.contains_key(&name) {
            return Some(name);
        }
        if !self.hazy.contains(name.schema()) {
            let known: Vec<String> = self.columns.keys().map(ToString::to_string).collect();
            let hint = match suggest::nearest(text, known.iter().map(String::as_str)) {
                Some(near) => format!("Did you mean {near:?}?"),
                None => "A relation is a table of pipelines/sources/, a file of sql/, or a model.".into(),
            };
            report
                .error("unknown-relation", origin, key, format!("there is no relation {text:?}"))
                .hint(hint);
        }
        None
    }

    /// Reports a column that the relation does not have.
    pub fn expect_column(
        &self,
        name: &RelationName,
        column: &str,
        origin: &Origin,
        key: &str,
        report: &mut Report,
    ) {
        if let Some(columns) = self.columns(name) {
            expect(columns, column, &format!("{:?}", name.to_string()), origin, key, report);
        }
    }
}

/// Reports a column that is not among those of `whose`.
pub(super) fn expect(
    columns: &[String],
    column: &str,
    whose: &str,
    origin: &Origin,
    key: &str,
    report: &mut Report,
) {
    if !columns.iter().any(|known| known == column) {
        let hint = suggest::hint(column, columns.iter().map(String::as_str), "columns");
        report.error("unknown-column", origin, key, format!("{whose} has no column {column:?}")).hint(hint);
    }
}

fn of_table(table: &Table) -> Option<Vec<String>> {
    if table.new_columns() == NewColumns::Evolve {
        return None;
    }
    let declared = table.decl.columns.keys().cloned();
    let validity = VALIDITY.iter().filter(|_| table.mode() == WriteMode::History);
    Some(declared.chain(LINEAGE.iter().chain(validity).map(ToString::to_string)).collect())
}

fn of_view(view: &View) -> Option<Vec<String>> {
    let query = query::query(&view.sql, Use::View).ok()?;
    column_docs::columns(&query)
}
