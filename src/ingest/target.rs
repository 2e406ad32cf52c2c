//! What a table's normalised columns are, and which raw column each comes from in the file at hand.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Field, Schema};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::columns::storable;
use crate::project::source::{ColumnDecl, NewColumns};
use crate::project::{Table, parse_type};

/// One normalised column.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in the table.
    pub name: String,
    /// Its type in the table.
    pub data_type: DataType,
    /// What is declared of it.
    pub decl: ColumnDecl,
}

/// The normalised columns of a table.
#[derive(Clone, Debug)]
pub struct Target {
    /// In the table's order: declared columns first, then those that came with files.
    pub columns: Vec<Column>,
}

impl Target {
    /// The declared columns.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] when a type is unknown.
    pub fn declared(table: &Table) -> Result<Self> {
        let columns = table
            .decl
            .columns
            .iter()
            .map(|(name, decl)| {
                Ok(Column { name: name.clone(), data_type: parse_type(&decl.data_type)?, decl: decl.clone() })
            })
            .collect::<Result<_>>()?;
        Ok(Self { columns })
    }

    /// The columns as fields of the landed table.
    pub fn fields(&self) -> Vec<Field> {
        self.columns.iter().map(|column| Field::new(&column.name, column.data_type.clone(), true)).collect()
    }

    /// Adds the columns that the published table has beyond these: what evolved once stays.
    pub fn keep(&mut self, published: &Schema) {
        for field in published.fields() {
            if !field.name().starts_with('_') {
                self.add(field.name().clone(), field.data_type().clone(), Vec::new());
            }
        }
    }

    /// Takes in a file's raw columns that no declared column uses. Returns what was new, and what was done with it.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the table's declaration rejects files with new columns, or two would become one.
    pub fn evolve(&mut self, table: &Table, raw: &[(String, DataType)]) -> Result<Option<String>> {
        // As columns find their raw ones: by exact spelling, else in any case.
        let mut used: BTreeSet<String> = self.columns.iter().flat_map(raw_names).collect();
        let any_case: BTreeSet<String> = used.iter().map(|name| name.to_ascii_lowercase()).collect();
        let exact: BTreeSet<String> = raw.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        if exact.len() == raw.len() {
            let found = raw.iter().filter(|(name, _)| any_case.contains(&name.trim().to_ascii_lowercase()));
            used.extend(found.map(|(name, _)| name.clone()));
        }
        let new: Vec<&(String, DataType)> = raw.iter().filter(|(name, _)| !used.contains(name)).collect();
        if new.is_empty() {
            return Ok(None);
        }
        let names = new.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        match table.new_columns() {
            NewColumns::Ignore => Ok(Some(format!("ignored: {names}"))),
            NewColumns::Reject => {
                Err(Error::new(ErrorKind::Input, format!("columns that are not declared: {names}"))
                    .with_hint("Declare them, or set new_columns to \"evolve\" or \"ignore\"."))
            }
            NewColumns::Evolve => {
                self.tell_apart(&used, raw, &new)?;
                let known: BTreeSet<String> = self.columns.iter().map(|column| column.name.clone()).collect();
                let added: Vec<&str> = new
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .filter(|name| !known.contains(&identifier(name)))
                    .collect();
                for (name, data_type) in &new {
                    self.add(identifier(name), storable(data_type), vec![name.clone()]);
                }
                Ok((!added.is_empty()).then(|| format!("added: {}", added.join(", "))))
            }
        }
    }

    /// No two raw columns of one file may become the same column: one of them would be lost.
    fn tell_apart(
        &self,
        used: &BTreeSet<String>,
        raw: &[(String, DataType)],
        new: &[&(String, DataType)],
    ) -> Result<()> {
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for column in &self.columns {
            let names = raw_names(column);
            let present = raw.iter().find(|(name, _)| used.contains(name) && names.contains(name));
            if let Some((name, _)) = present {
                taken.insert(column.name.clone(), name);
            }
        }
        for (name, _) in new {
            if let Some(other) = taken.insert(identifier(name), name) {
                return Err(Error::new(
                    ErrorKind::Input,
                    format!("columns {other:?} and {name:?} would both become {}", identifier(name)),
                )
                .with_hint("Declare at least one of them under another name, with `from`."));
            }
        }
        Ok(())
    }

    fn add(&mut self, name: String, data_type: DataType, from: Vec<String>) {
        if let Some(known) = self.columns.iter_mut().find(|column| column.name == name) {
            for raw in from {
                if known.decl.from.is_empty() && known.decl.sql.is_none() {
                    known.decl.from.push(known.name.clone());
                }
                if !known.decl.from.contains(&raw) {
                    known.decl.from.push(raw);
                }
            }
            return;
        }
        // Undeclared text keeps its spaces: nobody asked for it to be changed.
        let decl = ColumnDecl { from, keep_spaces: true, ..ColumnDecl::default() };
        self.columns.push(Column { name, data_type, decl });
    }

    /// Widens the types of undeclared columns so that they hold what a further file has.
    pub fn widen(&mut self, raw: &[(String, DataType)]) {
        let types: BTreeMap<String, &DataType> =
            raw.iter().map(|(name, data_type)| (identifier(name), data_type)).collect();
        for column in self.columns.iter_mut().filter(|column| column.decl.data_type.is_empty()) {
            if let Some(other) = types.get(&column.name) {
                column.data_type = wider(&column.data_type, other);
            }
        }
    }
}

/// The raw columns that a column may come from.
pub fn raw_names(column: &Column) -> Vec<String> {
    match (&column.decl.sql, column.decl.from.is_empty()) {
        (Some(sql), _) => quoted_and_bare(sql),
        (None, true) => vec![column.name.clone()],
        (None, false) => column.decl.from.clone(),
    }
}

/// Every word of an expression that could name a raw column: more than enough to know what is used.
fn quoted_and_bare(sql: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in sql.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_string());
        } else {
            words.extend(part.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_string));
        }
    }
    words
}

fn wider(a: &DataType, b: &DataType) -> DataType {
    use DataType as T;
    match (a, b) {
        _ if a == b => a.clone(),
        (T::Int64, T::Float64) | (T::Float64, T::Int64) => T::Float64,
        (T::Date32, T::Timestamp(..)) => b.clone(),
        (T::Timestamp(..), T::Date32) => a.clone(),
        _ => T::Utf8,
    }
}

/// A raw column's name as an identifier: lowercase, with `_` for what is neither letter nor digit.
///
/// `"Customer Name"` and `"customerName"` become `customer_name` and `customername`.
pub fn identifier(raw: &str) -> String {
    let mut name = String::with_capacity(raw.len());
    for c in raw.trim().chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    let name = name.trim_matches('_');
    match name.bytes().next() {
        None => format!("column_{:08x}", xxhash_rust::xxh3::xxh3_64(raw.as_bytes()) as u32),
        Some(first) if first.is_ascii_digit() => format!("column_{name}"),
        Some(_) => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_type_holds_whatever_a_file_looks_like() {
        let declared = ColumnDecl { data_type: "decimal(12,2)".into(), ..ColumnDecl::default() };
        let price = Column { name: "price".into(), data_type: DataType::Decimal128(12, 2), decl: declared };
        let mut target = Target { columns: vec![price] };
        target.add("note".into(), DataType::Int64, vec!["note".into()]);
        target.widen(&[("price".into(), DataType::Utf8), ("note".into(), DataType::Float64)]);
        let types: Vec<&DataType> = target.columns.iter().map(|column| &column.data_type).collect();
        assert_eq!(types, [&DataType::Decimal128(12, 2), &DataType::Float64]);
    }
}
