//! What a table's declaration alone says of what lands, before any file is looked at.

use std::path::Path;

use arrow::datatypes::{DataType, Schema, SchemaRef};

use crate::engine::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::contract::{text_of, value};
use crate::ingest::files::format_of;
use crate::ingest::normalise::literal;
use crate::ingest::target::Target;
use crate::lake::columns::landed_schema;
use crate::project::source::WriteMode;
use crate::project::{Format, Table};

/// The table as it lands, as far as it is declared: where it evolves, files may add columns.
///
/// # Errors
/// [`ErrorKind::Declaration`] when a type is unknown.
pub fn declared_schema(table: &Table) -> Result<SchemaRef> {
    let mode = table.mode();
    let columns = Target::declared(table)?.fields();
    Ok(landed_schema(&columns, mode != WriteMode::Append, mode == WriteMode::History))
}

/// The values in a table's rules that are no values of their column's type: the key below the table, and why.
///
/// # Errors
/// As [`declared_schema`].
pub fn unfit_values(table: &Table, session: &Session) -> Result<Vec<(String, Error)>> {
    let mut found = Vec::new();
    for column in &Target::declared(table)?.columns {
        let decl = &column.decl;
        let bounds = [("min".to_string(), &decl.min), ("max".to_string(), &decl.max)];
        let bounds = bounds.iter().filter_map(|(key, literal)| Some((key.clone(), literal.as_ref()?)));
        let accepted = decl.accepted.iter().enumerate();
        let accepted = accepted.map(|(position, literal)| (format!("accepted.{position}"), literal));
        for (key, rule) in bounds.chain(accepted) {
            if let Err(error) = value(column, &text_of(rule)) {
                found.push((format!("columns.{}.{key}", column.name), error));
            }
        }
        let Some(default) = &decl.default else { continue };
        let flaw = session
            .examine_expression(default, &Schema::empty())
            .err()
            .and_then(|flaws| flaws.into_iter().next());
        let error = match flaw {
            Some(flaw) => Some(Error::new(
                ErrorKind::Declaration,
                format!("column {}: default: {}", column.name, flaw.message),
            )),
            None => literal(default, column, session).err(),
        };
        found.extend(error.map(|error| (format!("columns.{}.default", column.name), error)));
    }
    Ok(found)
}

/// The type of every raw column, where all files of the table are of formats without types of their own.
pub fn raw_type(table: &Table) -> Option<DataType> {
    let formats = table.decl.files.iter().map(|files| table.format().or_else(|| format_of(Path::new(files))));
    for format in formats {
        match format? {
            Format::Csv | Format::Json | Format::Ndjson => {}
            Format::Parquet | Format::Arrow => return None,
        }
    }
    Some(DataType::Utf8)
}
