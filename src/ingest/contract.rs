//! A column's rules: null, range, pattern, accepted values, references. Each marks the rows that break it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Scalar, StringArray};
use arrow::compute::kernels::cmp::{gt, lt};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use regex::Regex;

use crate::engine::{Session, type_name};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RelationName;
use crate::ingest::target::Column;
use crate::ingest::text::{TextFormat, parse};
use crate::project::source::{Literal, OnViolation};

/// What broke a rule, in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The column.
    pub column: String,
    /// The rule's name, as in `twin.rejects`.
    pub rule: &'static str,
    /// What was wrong, without the value.
    pub reason: String,
}

/// The violations of one batch: what rejects rows, what only counts, and what fails the node.
#[derive(Default)]
pub struct Violations {
    /// Row -> what broke, first the first column's.
    pub rejected: BTreeMap<usize, Vec<Violation>>,
    /// (column, rule) -> rows.
    pub warned: BTreeMap<(String, &'static str), u64>,
    /// The first row that broke a rule which fails the node.
    pub failed: Option<(usize, Violation)>,
}

impl Violations {
    /// Records one.
    pub fn add(&mut self, row: usize, on_violation: OnViolation, violation: Violation) {
        match on_violation {
            OnViolation::Reject => self.rejected.entry(row).or_default().push(violation),
            OnViolation::Warn => *self.warned.entry((violation.column, violation.rule)).or_default() += 1,
            OnViolation::Fail => {
                if self.failed.as_ref().is_none_or(|(first, _)| row < *first) {
                    self.failed = Some((row, violation));
                }
            }
        }
    }
}

/// The rules of one column, ready to be held against batches.
pub struct Rules {
    column: String,
    on_violation: OnViolation,
    required: bool,
    min: Option<(Scalar<ArrayRef>, String)>,
    max: Option<(Scalar<ArrayRef>, String)>,
    pattern: Option<Regex>,
    accepted: Option<Accepted>,
    references: Option<(Arc<HashSet<String>>, String)>,
}

impl Rules {
    /// The rules declared of `column`; values it refers to are read through `session`.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] when a rule does not fit the column's type, [`ErrorKind::Sql`] when the relation it refers to
    /// cannot be read.
    pub async fn new(column: &Column, on_violation: OnViolation, session: &Session) -> Result<Self> {
        let decl = &column.decl;
        let bound = |literal: &Option<Literal>| -> Result<Option<(Scalar<ArrayRef>, String)>> {
            let Some(literal) = literal else { return Ok(None) };
            let text = text_of(literal);
            Ok(Some((Scalar::new(value(column, &text)?), text)))
        };
        let pattern = decl.pattern.as_deref().map(Regex::new).transpose().map_err(|error| {
            Error::new(ErrorKind::Declaration, format!("column {}: pattern: {error}", column.name))
        })?;
        let accepted = if decl.accepted.is_empty() {
            None
        } else {
            let texts = decl.accepted.iter().map(|v| canonical(&value(column, &text_of(v))?));
            Some(Accepted::of(texts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()))
        };
        let references = match &decl.references {
            Some(target) => Some((Arc::new(known(column, target, session).await?), target.clone())),
            None => None,
        };
        Ok(Self {
            column: column.name.clone(),
            on_violation: decl.on_violation.unwrap_or(on_violation),
            required: decl.required,
            min: bound(&decl.min)?,
            max: bound(&decl.max)?,
            pattern,
            accepted,
            references,
        })
    }

    /// What a broken rule of this column does.
    pub fn on_violation(&self) -> OnViolation {
        self.on_violation
    }

    /// Marks the rows whose values break a rule. `known_bad` rows have been reported already.
    ///
    /// # Errors
    /// Only on a type that cannot be compared, which the declaration's check excludes.
    pub fn apply(&self, values: &ArrayRef, known_bad: &HashSet<usize>, found: &mut Violations) -> Result<()> {
        let mut add = |row: usize, rule: &'static str, reason: String| {
            if !known_bad.contains(&row) {
                let violation = Violation { column: self.column.clone(), rule, reason };
                found.add(row, self.on_violation, violation);
            }
        };
        if self.required && values.null_count() > 0 {
            for row in (0..values.len()).filter(|row| values.is_null(*row)) {
                add(row, "required", format!("column {} is null", self.column));
            }
        }
        if let Some((min, text)) = &self.min {
            for row in set(&lt(values, min)?) {
                add(row, "range", format!("column {} is less than {text}", self.column));
            }
        }
        if let Some((max, text)) = &self.max {
            for row in set(&gt(values, max)?) {
                add(row, "range", format!("column {} is greater than {text}", self.column));
            }
        }
        if self.pattern.is_none() && self.accepted.is_none() && self.references.is_none() {
            return Ok(());
        }
        let texts = texts(values)?;
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else { continue };
            if let Some(pattern) = &self.pattern
                && !pattern.is_match(text)
            {
                add(row, "pattern", format!("column {} does not match its pattern", self.column));
            }
            if let Some(accepted) = &self.accepted
                && !accepted.contains(text)
            {
                add(row, "accepted", format!("column {} is none of the accepted values", self.column));
            }
            if let Some((known, target)) = &self.references
                && !known.contains(text)
            {
                add(row, "references", format!("column {} is not in {target}", self.column));
            }
        }
        Ok(())
    }
}

/// A few values are found faster one by one than by their hashes.
enum Accepted {
    Few(Vec<String>),
    Many(HashSet<String>),
}

impl Accepted {
    fn of(values: Vec<String>) -> Self {
        if values.len() <= 8 { Self::Few(values) } else { Self::Many(values.into_iter().collect()) }
    }

    fn contains(&self, text: &str) -> bool {
        match self {
            Self::Few(values) => values.iter().any(|value| value == text),
            Self::Many(values) => values.contains(text),
        }
    }
}

fn set(mask: &BooleanArray) -> Vec<usize> {
    match mask.nulls() {
        None => mask.values().set_indices().collect(),
        Some(valid) => (mask.values() & valid.inner()).set_indices().collect(),
    }
}

/// As it is written.
pub fn text_of(literal: &Literal) -> String {
    match literal {
        Literal::Int(value) => value.to_string(),
        Literal::Float(value) => format!("{value:?}"),
        Literal::Bool(value) => value.to_string(),
        Literal::Text(value) => value.clone(),
    }
}

/// A rule's value in the column's type.
///
/// # Errors
/// [`ErrorKind::Declaration`] when it is no value of that type.
pub fn value(column: &Column, text: &str) -> Result<ArrayRef> {
    let parsed = parse(&StringArray::from(vec![text]), &column.data_type, &TextFormat::default())?;
    if parsed.is_null(0) {
        return Err(Error::new(
            ErrorKind::Declaration,
            format!(
                "column {}: {text:?} is not a value of its type {}",
                column.name,
                type_name(&column.data_type)
            ),
        )
        .with_hint("Write the rule's value as a value of the column's type."));
    }
    Ok(parsed)
}

fn texts(values: &ArrayRef) -> Result<StringArray> {
    if let Some(texts) = values.as_string_opt::<i32>() {
        return Ok(texts.clone());
    }
    Ok(cast_with_options(values, &DataType::Utf8, &CastOptions::default())?.as_string::<i32>().clone())
}

fn canonical(values: &ArrayRef) -> Result<Vec<String>> {
    Ok(texts(values)?.iter().flatten().map(str::to_string).collect())
}

/// The distinct values of `schema.table.column`, in the text form of `column`'s type.
async fn known(column: &Column, target: &str, session: &Session) -> Result<HashSet<String>> {
    let wrong = || {
        Error::new(
            ErrorKind::Declaration,
            format!("column {}: {target:?} is not schema.table.column", column.name),
        )
    };
    let (relation, referred) = target.rsplit_once('.').ok_or_else(wrong)?;
    let relation: RelationName = relation.parse().map_err(|_| wrong())?;
    let sql = format!("SELECT DISTINCT \"{referred}\" FROM {relation} WHERE \"{referred}\" IS NOT NULL");
    let mut values = HashSet::new();
    for batch in
        session.collect(&sql).await.map_err(|e| e.context(format!("column {}: references", column.name)))?
    {
        let options = CastOptions::default();
        let typed = cast_with_options(batch.column(0), &column.data_type, &options)?;
        values.extend(canonical(&typed)?);
    }
    Ok(values)
}
