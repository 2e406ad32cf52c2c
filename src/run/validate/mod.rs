//! What can be found wrong with a twin by planning it: every view, model, column expression and check against the columns
//! that what it reads will have. Nothing is read and nothing is written.
//!
//! Relations are bound one after the other, each after those it reads, to empty tables of their declared columns. What
//! reads something broken is left alone, so that one mistake gives one diagnostic. A table whose columns are not
//! declared shows them with its first file: what cannot be planned without knowing them is not judged, and said to be so.

mod checks;
mod contract;
mod inputs;
mod models;
mod place;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};

use crate::engine::{Engine, Flaw, Session, Use};
use crate::ids::RelationName;
use crate::ingest::declared_schema;
use crate::lake::{Binding, Bound, TableVersion, system};
use crate::project::source::NewColumns;
use crate::project::{Diagnostic, Diagnostics, Project};

use inputs::Reads;
use place::Place;

pub use inputs::circle;

/// Everything that planning finds wrong with declarations that are sound in themselves, in order of file and place.
///
/// `engine` may be that of any lake: nothing of it is looked at.
pub async fn validate(project: &Project, engine: &Engine) -> Diagnostics {
    let mut validation = Validation::new(project, engine);
    let reads = validation.reads();
    for name in validation.order(&reads) {
        validation.bind(&name, &reads).await;
    }
    validation.contracts();
    validation.checks().await;
    validation.finish()
}

/// What nodes read that is not there, and circles of nodes that read each other: what [`validate`] finds without planning.
pub fn unresolved(project: &Project, engine: &Engine) -> Diagnostics {
    let mut validation = Validation::new(project, engine);
    let reads = validation.reads();
    validation.order(&reads);
    validation.finish()
}

/// What is known so far.
struct Validation<'a> {
    project: &'a Project,
    engine: &'a Engine,
    /// Everything that is known, as empty tables and as views over them.
    binding: Binding,
    known: BTreeMap<RelationName, Known>,
    /// Relations whose columns only a run will tell, and the undeclared tables that this comes from.
    unknown: BTreeMap<RelationName, BTreeSet<RelationName>>,
    found: Vec<Diagnostic>,
}

/// A relation whose columns are known.
struct Known {
    schema: SchemaRef,
    /// Whether files may add columns.
    open: bool,
}

/// Whether something can be planned, given what it reads.
enum Readable {
    /// It can; but for columns that files of these tables may add.
    Yes(BTreeSet<RelationName>),
    /// Not before there are files of these tables.
    Unknown(BTreeSet<RelationName>),
    /// It reads something broken.
    No,
}

impl<'a> Validation<'a> {
    fn new(project: &'a Project, engine: &'a Engine) -> Self {
        let mut validation = Self {
            project,
            engine,
            binding: Binding::default(),
            known: BTreeMap::new(),
            unknown: BTreeMap::new(),
            found: Vec::new(),
        };
        for (name, _, columns) in system::tables() {
            let fields: Vec<Field> = columns
                .into_iter()
                .map(|(column, data_type, _)| Field::new(column, data_type, true))
                .collect();
            validation.bind_table(&name, Arc::new(Schema::new(fields)), false);
        }
        validation
    }

    /// What there is to plan in.
    fn session(&self) -> Session {
        self.engine.session(self.binding.clone(), chrono::DateTime::UNIX_EPOCH, Use::Compute)
    }

    fn bind_table(&mut self, name: &RelationName, schema: SchemaRef, open: bool) {
        self.binding.overlay(name.clone(), empty_table(name, Arc::clone(&schema)));
        self.known.insert(name.clone(), Known { schema, open });
    }

    fn is_declared(&self, name: &RelationName) -> bool {
        self.project.origin(name).is_some()
    }

    /// Finds out the columns of one relation, or what keeps them from being known.
    async fn bind(&mut self, name: &RelationName, reads: &Reads) {
        let project = self.project;
        if let Some(table) = project.tables.iter().find(|table| table.name == *name) {
            // That its types are known was seen to when it was loaded.
            if let Ok(schema) = declared_schema(table) {
                self.bind_table(name, schema, table.new_columns() == NewColumns::Evolve);
            }
            return;
        }
        let inputs = reads.inputs(name);
        let open = match self.readable(&inputs) {
            Readable::No => return,
            Readable::Unknown(because) => return drop(self.unknown.insert(name.clone(), because)),
            Readable::Yes(open) => open,
        };
        if let Some(view) = project.views.iter().find(|view| view.name == *name) {
            self.view(view, open).await;
        } else if let Some(model) = project.models.iter().find(|model| model.name == *name) {
            self.model(model, open).await;
        }
    }

    fn readable(&self, inputs: &BTreeSet<RelationName>) -> Readable {
        let mut open = BTreeSet::new();
        let mut unknown = BTreeSet::new();
        let mut can = true;
        for input in inputs {
            match (self.known.get(input), self.unknown.get(input)) {
                (Some(known), _) => open.extend(known.open.then(|| input.clone())),
                (None, Some(because)) => {
                    can = false;
                    unknown.extend(because.iter().cloned());
                }
                (None, None) => return Readable::No,
            }
        }
        if can { Readable::Yes(open) } else { Readable::Unknown(unknown) }
    }

    /// Reports flaws of a piece of SQL. Where columns may be missing only because no file was seen yet, nothing is said
    /// of them. Returns whether anything was.
    fn report(&mut self, place: &Place, flaws: Vec<Flaw>, open: bool) -> bool {
        let before = self.found.len();
        for flaw in flaws.into_iter().filter(|flaw| !(open && flaw.code == Flaw::UNKNOWN_COLUMN)) {
            let mut diagnostic = place.diagnose(self.project, flaw.code, flaw.range, flaw.message);
            diagnostic.hint = flaw.hint;
            self.found.push(diagnostic);
        }
        self.found.len() > before
    }

    /// All that was found, and which relations were not looked at.
    fn finish(mut self) -> Diagnostics {
        let mut unseen: BTreeMap<&RelationName, Vec<String>> = BTreeMap::new();
        for (name, because) in &self.unknown {
            for table in because {
                unseen.entry(table).or_default().push(name.to_string());
            }
        }
        for (table, readers) in unseen {
            let Some(origin) = self.project.origin(table) else { continue };
            let message = format!(
                "not all columns of {:?} are declared: {} cannot be checked before a run",
                table.to_string(),
                readers.join(", ")
            );
            let hint = "Declare its columns, so that what reads them can be checked without data.";
            let diagnostic = self.project.diagnose("undeclared-columns", origin, "name", message);
            self.found.push(diagnostic.with_hint(hint).as_warning());
        }
        Diagnostics::new(self.found)
    }
}

fn empty_table(name: &RelationName, schema: SchemaRef) -> Bound {
    Bound::Table(Arc::new(TableVersion { name: name.clone(), version: None, schema, files: Vec::new() }))
}
