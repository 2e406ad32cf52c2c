//! What each relation reads, and where it says so; relations that are not there; circles.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Validation;
use super::place::Place;
use crate::engine::Flaw;
use crate::ids::RelationName;
use crate::project::suggest;
use crate::run::graph::in_order;

/// What every relation reads.
pub(super) struct Reads(BTreeMap<RelationName, Vec<Read>>);

/// One relation that another reads.
struct Read {
    relation: RelationName,
    place: Place,
    range: Range<usize>,
}

impl Reads {
    /// The relations that one reads.
    pub fn inputs(&self, name: &RelationName) -> BTreeSet<RelationName> {
        self.0.get(name).into_iter().flatten().map(|read| read.relation.clone()).collect()
    }

    fn all_inputs(&self) -> BTreeMap<RelationName, BTreeSet<RelationName>> {
        self.0.keys().map(|name| (name.clone(), self.inputs(name))).collect()
    }
}

impl Validation<'_> {
    /// What every relation reads. Those that read what is not there are left out, after saying so.
    pub fn reads(&mut self) -> Reads {
        let project = self.project;
        let mut all = BTreeMap::new();
        for table in &project.tables {
            let columns = table.decl.columns.iter();
            let references = columns.filter_map(|(name, column)| {
                let relation = column.references.as_deref()?.rsplit_once('.')?.0.parse().ok()?;
                let place = Place::Key(table.origin.clone(), format!("columns.{name}.references"));
                Some(Read { relation, place, range: 0..0 })
            });
            all.insert(table.name.clone(), references.collect());
        }
        let views = project
            .views
            .iter()
            .map(|view| (&view.name, Place::File(view.origin.clone()), view.sql.as_str()));
        for (name, place, sql) in views {
            if let Some(reads) = self.query(&place, sql, false) {
                all.insert(name.clone(), reads);
            }
        }
        for model in &project.models {
            let queries = model.decl.queries().into_iter();
            let reads: Vec<Option<Vec<Read>>> = queries
                .map(|(key, sql)| self.query(&Place::Value(model.origin.clone(), key), sql, false))
                .collect();
            if let Some(reads) = reads.into_iter().collect::<Option<Vec<_>>>() {
                all.insert(model.name.clone(), reads.into_iter().flatten().collect());
            }
        }
        Reads(all)
    }

    /// What a query reads; `about_this` says that it may read `this`. None, after saying why, where something of it is not
    /// there.
    fn query(&mut self, place: &Place, sql: &str, about_this: bool) -> Option<Vec<Read>> {
        let mentions = match self.session().mentions(sql) {
            Ok(mentions) => mentions,
            Err(flaws) => {
                self.report(place, flaws, false);
                return None;
            }
        };
        let mut reads = Vec::new();
        let mut whole = true;
        for mention in mentions {
            let relation = match mention.parts.as_slice() {
                [schema, _] if schema == "information_schema" => continue,
                [this] if about_this && this == "this" => continue,
                [schema, table] => RelationName::new(schema, table).ok(),
                _ => None,
            };
            match relation.filter(|name| self.is_declared(name) || self.known.contains_key(name)) {
                Some(relation) => reads.push(Read { relation, place: place.clone(), range: mention.range }),
                None => {
                    let flaw = self.unknown_relation(&mention.parts, mention.range);
                    self.report(place, vec![flaw], false);
                    whole = false;
                }
            }
        }
        whole.then_some(reads)
    }

    /// The relations that a check's query names, besides `this`. None, after saying why, where one is not there.
    pub fn inputs_of_check(&mut self, place: &Place, sql: &str) -> Option<BTreeSet<RelationName>> {
        let reads = self.query(place, sql, true)?;
        Some(reads.into_iter().map(|read| read.relation).collect())
    }

    fn unknown_relation(&self, parts: &[String], range: Range<usize>) -> Flaw {
        let wanted = parts.join(".");
        let system = self.known.keys().filter(|name| name.is_system());
        let project = self.project;
        let declared = project.tables.iter().map(|table| &table.name);
        let declared = declared.chain(project.views.iter().map(|view| &view.name));
        let declared = declared.chain(project.models.iter().map(|model| &model.name));
        let names: Vec<String> = declared.chain(system).map(ToString::to_string).collect();
        let same_table = |name: &&String| name.split_once('.').is_some_and(|(_, table)| table == wanted);
        let hint = match names.iter().find(same_table) {
            Some(name) if parts.len() == 1 => format!("Write it with its schema: {name}."),
            _ => match suggest::nearest(&wanted, names.iter().map(String::as_str)) {
                Some(near) => format!("Did you mean {near:?}?"),
                None => {
                    "A relation is a table of pipelines/sources/, a file of sql/, or a model.".to_string()
                }
            },
        };
        let message = format!("there is no relation {wanted:?}");
        Flaw { code: Flaw::UNKNOWN_RELATION, range, message, hint: Some(hint) }
    }

    /// The relations, each after those it reads. Those that read each other in a circle are left out, after saying so.
    pub fn order(&mut self, reads: &Reads) -> Vec<RelationName> {
        let mut inputs = reads.all_inputs();
        loop {
            let mut circle = match in_order(&inputs) {
                Ok(order) => return order,
                Err(circle) => circle,
            };
            // From its first member by name, wherever it was found.
            circle.pop();
            let first = circle.iter().enumerate().min_by_key(|(_, name)| *name).map_or(0, |(at, _)| at);
            circle.rotate_left(first);
            for name in &circle {
                inputs.remove(name);
            }
            self.report_circle(circle, reads);
        }
    }

    fn report_circle(&mut self, mut circle: Vec<RelationName>, reads: &Reads) {
        let (Some(first), Some(before)) = (circle.first().cloned(), circle.last().cloned()) else { return };
        circle.push(first.clone());
        let (message, hint) = self::circle(&circle);
        let read = reads.0.get(&first).into_iter().flatten().find(|read| read.relation == before);
        let Some(read) = read else { return };
        let diagnostic = read.place.diagnose(self.project, "cycle", read.range.clone(), message);
        self.found.push(diagnostic.with_hint(hint));
    }
}

/// What to say of relations that read each other in a circle, given in the order in which rows would flow, the first one
/// repeated at the end; and what to do about it.
pub fn circle(names: &[RelationName]) -> (String, &'static str) {
    let readers: Vec<String> = names.iter().rev().map(ToString::to_string).collect();
    match readers.as_slice() {
        [only, _] => (
            format!("{only} reads itself"),
            "Leave it out, or read what it is made from. That rows refer to each other can be a check.",
        ),
        readers => (
            format!("a circle: {}", readers.join(" reads ")),
            "Break it: let one of them read something that is landed or computed before.",
        ),
    }
}
