//! Checks: whether their columns are there and can be compared, and whether their SELECTs can be planned.

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::logical_expr::type_coercion::binary::comparison_coercion;

use super::place::Place;
use super::{Readable, Validation};
use crate::engine::{Engine, Flaw, Session, Use, type_name};
use crate::ids::RelationName;
use crate::lake::Binding;
use crate::node::checks;
use crate::project::{CheckDecl, Diagnostic, Origin, suggest};

/// A relation whose checks are looked at.
struct Subject<'a> {
    name: &'a RelationName,
    origin: &'a Origin,
    schema: SchemaRef,
    /// Whether files may add columns.
    open: bool,
    /// In which it is called `this`.
    session: Session,
}

impl Validation<'_> {
    /// Looks at the checks of all relations whose columns are known.
    pub async fn checks(&mut self) {
        let project = self.project;
        let tables =
            project.tables.iter().map(|table| (&table.name, &table.origin, &table.decl.checks, None));
        let views = project.views.iter();
        let views = views.map(|view| (&view.name, &view.origin, &view.decl.checks, Some(&view.decl.grain)));
        let models =
            project.models.iter().map(|model| (&model.name, &model.origin, &model.decl.checks, None));
        for (name, origin, declared, grain) in tables.chain(views).chain(models) {
            let Some(known) = self.known.get(name) else { continue };
            let subject = Subject {
                name,
                origin,
                schema: known.schema.clone(),
                open: known.open,
                session: session_about(name, &self.binding, self.engine),
            };
            for (position, check) in declared.iter().enumerate() {
                self.check(&subject, check, &format!("checks.{position}")).await;
            }
            if let Some(grain) = grain.filter(|grain| !grain.is_empty()) {
                let unique = CheckDecl { unique: Some(grain.clone()), ..CheckDecl::default() };
                let place = Place::Key(origin.clone(), "grain".into());
                self.plan(&subject, &unique, &place).await;
            }
        }
    }

    async fn check(&mut self, subject: &Subject<'_>, check: &CheckDecl, key: &str) {
        if check.sql.is_some() {
            let place = Place::Value(subject.origin.clone(), format!("{key}.sql"));
            return self.plan(subject, check, &place).await;
        }
        let before = self.found.len();
        let one = |key: &str| check.column.iter().map(|column| (key.to_string(), column)).collect::<Vec<_>>();
        let each = |list: &'static str, columns: &'_ [String]| {
            let keys = (0..columns.len()).map(|position| format!("{list}.{position}"));
            keys.zip(columns.to_vec()).collect::<Vec<_>>()
        };
        let mut columns: Vec<(String, String)> = Vec::new();
        columns.extend(check.unique.iter().flat_map(|list| each("unique", list)));
        columns.extend(check.not_null.iter().flat_map(|list| each("not_null", list)));
        columns.extend(one("column").into_iter().map(|(key, column)| (key, column.clone())));
        columns.extend(each("via", &check.via));
        for (list, column) in &columns {
            let at = format!("{key}.{list}");
            self.expect_column(subject.name, &subject.schema, subject.open, column, subject.origin, &at);
        }
        let mut kind = ["unique", "not_null", "accepted", "range"][..].iter().zip([
            check.unique.is_some(),
            check.not_null.is_some(),
            check.accepted.is_some(),
            check.range.is_some(),
        ]);
        let kind = kind.find(|(_, is_some)| *is_some).map_or("references", |(kind, _)| kind);
        if let Some(target) = check.references.as_deref().and_then(|target| target.parse().ok()) {
            self.references(subject, check, &target, key);
        }
        if self.found.len() == before {
            let place = Place::Key(subject.origin.clone(), format!("{key}.{kind}"));
            self.plan(subject, check, &place).await;
        }
    }

    /// Whether the columns of a reference are there, and can be compared in pairs.
    fn references(&mut self, subject: &Subject<'_>, check: &CheckDecl, target: &RelationName, key: &str) {
        let Some(known) = self.known.get(target) else { return };
        let (schema, open) = (known.schema.clone(), known.open);
        let (list, to) = if check.to.is_empty() { ("via", &check.via) } else { ("to", &check.to) };
        for (position, (via, to)) in check.via.iter().zip(to).enumerate() {
            let at = format!("{key}.{list}.{position}");
            self.expect_column(target, &schema, open, to, subject.origin, &at);
            let (Ok(here), Ok(there)) = (subject.schema.field_with_name(via), schema.field_with_name(to))
            else {
                continue;
            };
            if !comparable(here.data_type(), there.data_type()) {
                let message = format!(
                    "{via:?} is of type {}, which cannot be compared with {} of {target}.{to}",
                    type_name(here.data_type()),
                    type_name(there.data_type())
                );
                let diagnostic = self.project.diagnose("type-error", subject.origin, &at, message);
                self.found.push(
                    diagnostic.with_hint("Refer to a column of the same type, or cast one of the two."),
                );
            }
        }
    }

    fn expect_column(
        &mut self,
        of: &RelationName,
        schema: &SchemaRef,
        open: bool,
        column: &str,
        origin: &Origin,
        key: &str,
    ) {
        if open || schema.field_with_name(column).is_ok() {
            return;
        }
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let message = format!("{:?} has no column {column:?}", of.to_string());
        let diagnostic: Diagnostic = self.project.diagnose(Flaw::UNKNOWN_COLUMN, origin, key, message);
        self.found.push(diagnostic.with_hint(suggest::hint(column, names, "columns")));
    }

    /// Plans the SELECT of bad rows, unless it reads something that cannot be planned itself.
    async fn plan(&mut self, subject: &Subject<'_>, check: &CheckDecl, place: &Place) {
        // What keeps a check from being compiled was reported when it was loaded.
        let Ok(compiled) = checks(std::slice::from_ref(check), &[]) else { return };
        let Some(sql) = compiled.first().map(|check| check.sql.as_str()) else { return };
        let Some(inputs) = self.inputs_of_check(place, sql) else { return };
        let open = match self.readable(&inputs) {
            Readable::Yes(open) => subject.open || !open.is_empty(),
            Readable::Unknown(_) | Readable::No => return,
        };
        if let Err(flaws) = subject.session.examine(sql).await {
            self.report(place, flaws, open);
        }
    }
}

/// Whether values of two types could be meant to be equal. The planner compares days with numbers, too.
pub(super) fn comparable(left: &DataType, right: &DataType) -> bool {
    let is_text =
        |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if is_text(left) || is_text(right) {
        return !left.is_nested() && !right.is_nested();
    }
    left.is_temporal() == right.is_temporal() && comparison_coercion(left, right).is_some()
}

/// A session in which a relation is called `this`, too.
fn session_about(name: &RelationName, binding: &Binding, engine: &Engine) -> Session {
    let mut binding = binding.clone();
    if let (Some(bound), Ok(this)) = (binding.get(name), RelationName::new("public", "this")) {
        binding.overlay(this, bound);
    }
    engine.session(binding, chrono::DateTime::UNIX_EPOCH, Use::Compute)
}
