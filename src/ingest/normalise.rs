//! Raw columns into the table's columns: rename, compute, trim, cast, fill in, and hold against the contract.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::kernels::zip::zip;
use arrow::compute::{CastOptions, cast_with_options, is_not_null, not, nullif};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::physical_expr::PhysicalExpr;

use crate::engine::{Session, type_name};
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::contract::{Rules, Violation, Violations};
use crate::ingest::quick::{self, Read};
use crate::ingest::target::{Column, Target};
use crate::ingest::text::{TextFormat, as_text, clean, parse};
use crate::project::{Table, is_time};

/// Normalises the batches of one file.
pub struct Normaliser {
    schema: SchemaRef,
    columns: Vec<Prepared>,
}

struct Prepared {
    column: Column,
    from: From,
    format: TextFormat,
    nulls: Vec<String>,
    empty_is_null: bool,
    /// Whether plain numbers and dates are what they seem: no pattern says otherwise, and none of them stands for null.
    may_be_plain: bool,
    default: Option<ArrayRef>,
    rules: Rules,
}

enum From {
    Raw(usize),
    Expression(Arc<dyn PhysicalExpr>),
    /// The file has no such column: null, which `required` may object to.
    Nowhere,
}

/// Normalised rows, bad ones included, and what is wrong with which.
pub struct Normalised {
    /// All rows of the chunk.
    pub rows: RecordBatch,
    /// What broke the contract.
    pub violations: Violations,
}

impl Normaliser {
    /// For files whose raw columns are `raw`.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when a required column has nowhere to come from, [`ErrorKind::Sql`] when an expression does not fit
    /// the file's columns, [`ErrorKind::Declaration`] when a rule does not fit its column's type.
    pub async fn new(table: &Table, target: &Target, raw: &Schema, session: &Session) -> Result<Self> {
        let dialect = table.csv();
        let raw_columns = DFSchema::try_from(raw.clone())?;
        let mut columns = Vec::with_capacity(target.columns.len());
        for column in &target.columns {
            let mut column = column.clone();
            // A row without its key has no identity.
            column.decl.required |= table.decl.key.contains(&column.name);
            let column = &column;
            let decl = &column.decl;
            let from = match &decl.sql {
                Some(sql) => From::Expression(
                    session
                        .expression(sql, &raw_columns)
                        .map_err(|e| e.context(format!("column {}", column.name)))?,
                ),
                None => match find(column, raw) {
                    Some(index) => From::Raw(index),
                    None if decl.required && decl.default.is_none() => {
                        return Err(missing(column, raw));
                    }
                    None => From::Nowhere,
                },
            };
            let default = match &decl.default {
                Some(sql) => Some(literal(sql, column, session)?),
                None => None,
            };
            let nulls: Vec<String> = decl.nulls.iter().chain(&dialect.nulls).cloned().collect();
            columns.push(Prepared {
                from,
                format: TextFormat {
                    pattern: decl.format.clone(),
                    timezone: decl.timezone.clone(),
                    decimal_comma: dialect.decimal == ",",
                    is_time: is_time(&decl.data_type),
                },
                may_be_plain: decl.format.is_none()
                    && dialect.decimal != ","
                    && !nulls.iter().any(|null| null.contains(|c: char| c.is_ascii_digit())),
                nulls,
                empty_is_null: dialect.empty_is_null,
                default,
                rules: Rules::new(column, table.on_violation(), session).await?,
                column: column.clone(),
            });
        }
        Ok(Self { schema: Arc::new(Schema::new(target.fields())), columns })
    }

    /// The declared columns that the file lacks: null in all its rows.
    pub fn missing(&self, table: &Table) -> Vec<&str> {
        let nowhere = self.columns.iter().filter(|prepared| matches!(prepared.from, From::Nowhere));
        let names = nowhere.map(|prepared| prepared.column.name.as_str());
        names.filter(|name| table.decl.columns.contains_key(*name)).collect()
    }

    /// Normalises one batch of raw rows. The result has all of them, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Sql`] when an expression fails on the batch as a whole.
    pub fn normalise(&self, raw: &RecordBatch) -> Result<Normalised> {
        let mut violations = Violations::default();
        let mut arrays = Vec::with_capacity(self.columns.len());
        for prepared in &self.columns {
            arrays.push(prepared.values(raw, &mut violations)?);
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(raw.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        Ok(Normalised { rows, violations })
    }
}

impl Prepared {
    fn values(&self, raw: &RecordBatch, violations: &mut Violations) -> Result<ArrayRef> {
        let data_type = &self.column.data_type;
        let found = match &self.from {
            From::Nowhere => arrow::array::new_null_array(&DataType::Utf8, raw.num_rows()),
            From::Raw(index) => Arc::clone(raw.column(*index)),
            From::Expression(expression) => expression
                .evaluate(raw)
                .and_then(|value| value.into_array(raw.num_rows()))
                .map_err(|error| Error::from(error).context(format!("column {}", self.column.name)))?,
        };
        let (before, mut values) = if is_text(found.data_type()) {
            let texts = as_text(&found)?;
            // Where all texts are plain values, there is nothing to clean.
            let quick = if self.may_be_plain { quick::read(&texts, data_type) } else { None };
            if let Some(Read::All(values)) = quick {
                (Arc::new(texts.clone()) as ArrayRef, values)
            } else {
                let trim = !self.column.decl.keep_spaces;
                let texts = clean(&texts, trim, &self.nulls, self.empty_is_null);
                let values = parse(&texts, data_type, &self.format)?;
                (Arc::new(texts) as ArrayRef, values)
            }
        } else {
            let mut values = cast_with_options(&found, data_type, &CastOptions::default())?;
            // What an expression computes was asked for; what a file holds must not be cut.
            if matches!(self.from, From::Raw(_)) && found.data_type().is_numeric() && data_type.is_numeric() {
                values = lossless(&found, &values)?;
            }
            (found, values)
        };
        let mut bad = HashSet::new();
        if values.null_count() > before.null_count() {
            let kind = &self.column.decl.data_type;
            let kind = if kind.is_empty() { data_type.to_string() } else { kind.clone() };
            for row in (0..values.len()).filter(|row| values.is_null(*row) && before.is_valid(*row)) {
                bad.insert(row);
                let reason = format!("column {} is not a valid {kind}", self.column.name);
                let violation = Violation { column: self.column.name.clone(), rule: "type", reason };
                violations.add(row, self.rules.on_violation(), violation);
            }
        }
        if let Some(default) = &self.default
            && values.null_count() > 0
        {
            let scalar = arrow::array::Scalar::new(Arc::clone(default));
            values = zip(&is_not_null(&values)?, &values, &scalar)?;
        }
        self.rules.apply(&values, &bad, violations)?;
        Ok(values)
    }
}

/// Numbers cast to another type, null where casting them back does not give what they were.
fn lossless(found: &ArrayRef, values: &ArrayRef) -> Result<ArrayRef> {
    if found.data_type() == values.data_type() {
        return Ok(Arc::clone(values));
    }
    let back = cast_with_options(values, found.data_type(), &CastOptions::default())?;
    // Both zeros are one number.
    let found: ArrayRef = match found.data_type() {
        DataType::Float32 => {
            Arc::new(found.as_primitive::<Float32Type>().unary::<_, Float32Type>(|v| v + 0.0))
        }
        DataType::Float64 => {
            Arc::new(found.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| v + 0.0))
        }
        _ => Arc::clone(found),
    };
    let same = not_distinct(&back, &found)?;
    Ok(nullif(values, &not(&same)?)?)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The first of a column's raw names that the file has; by exact spelling, else in any case.
fn find(column: &Column, raw: &Schema) -> Option<usize> {
    let own = std::slice::from_ref(&column.name);
    let names = if column.decl.from.is_empty() { own } else { &column.decl.from };
    let exact = names.iter().find_map(|name| raw.index_of(name).ok());
    exact.or_else(|| {
        names.iter().find_map(|name| {
            raw.fields().iter().position(|field| field.name().trim().eq_ignore_ascii_case(name))
        })
    })
}

fn missing(column: &Column, raw: &Schema) -> Error {
    let from = match column.decl.from.is_empty() {
        true => column.name.clone(),
        false => column.decl.from.join(", "),
    };
    let has: Vec<&str> = raw.fields().iter().map(|field| field.name().as_str()).collect();
    Error::new(
        ErrorKind::Input,
        format!("column {} is required, but the file has no column {from}", column.name),
    )
    .with_hint(format!("The file's columns are: {}. Add the right one to `from`.", has.join(", ")))
}

/// A declared default as an array of one value.
///
/// # Errors
/// [`ErrorKind::Declaration`] when it is no value of the column's type.
pub fn literal(sql: &str, column: &Column, session: &Session) -> Result<ArrayRef> {
    let wrong = |error: String| {
        Error::new(ErrorKind::Declaration, format!("column {}: default: {error}", column.name))
            .with_hint("Write a SQL literal, such as 0, 'unknown' or DATE '2020-01-01'.")
    };
    let expression = session.expression(sql, &DFSchema::empty()).map_err(|e| wrong(e.to_string()))?;
    let one = arrow::array::RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &one)?;
    let misfit = || wrong(format!("it is not a value of type {}", type_name(&column.data_type)));
    let value = expression.evaluate(&row).and_then(|v| v.into_array(1)).map_err(|_| misfit())?;
    let value = match is_text(value.data_type()) {
        true => parse(&as_text(&value)?, &column.data_type, &TextFormat::default())?,
        false => cast_with_options(&value, &column.data_type, &CastOptions::default())?,
    };
    if value.is_null(0) {
        return Err(misfit());
    }
    Ok(value)
}
