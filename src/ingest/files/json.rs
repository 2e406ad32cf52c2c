//! JSON: one object a line (NDJSON), or documents that are an object, an array of objects, or hold one somewhere inside.
//!
//! Every column is text: strings without their quotes, numbers exactly as written, `true` and `false`, nested arrays and
//! objects as the JSON text they are. With `flatten`, the members of a nested object become columns `outer_inner`
//! instead, up to 16 levels deep; an empty object then has no column. A key that a record lacks is null, as is a JSON null.
//! A record that is not an object, is not valid JSON, or has a key twice is malformed. Blank lines are not records.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use indexmap::IndexSet;
use serde::de::IgnoredAny;

use super::elements::{Cut, Cutter, Record, ValueEnd, kind_of};
use super::read::{Chunk, Layout, Malformed, Raw, clip, input};
use crate::error::{Error, Result};

/// Which of the two ways to write many records.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One object a line.
    Lines,
    /// Documents.
    Document,
}

/// More columns than this are values used as keys, and no table.
const MAX_COLUMNS: usize = 10_000;

/// Deeper objects stay JSON text.
const MAX_FLATTENED: usize = 16;

pub(super) struct Reader {
    cutter: Cutter,
    rules: Arc<Rules>,
    /// Of the bytes the columns were learnt from.
    digest: Option<u128>,
}

struct Rules {
    path: PathBuf,
    schema: SchemaRef,
    columns: HashMap<String, usize>,
    flatten: bool,
}

impl Reader {
    pub(super) fn open(path: &Path, layout: &Layout, kind: Kind) -> Result<Self> {
        let cutter = || Cutter::open(path, kind, layout.json.records.as_deref(), layout.block_bytes);
        let mut first = cutter()?;
        let mut names = IndexSet::new();
        while let Some(cut) = first.next()? {
            for record in &cut.records {
                for (name, _) in members_of(&cut, record, layout.json.flatten).unwrap_or_default() {
                    if !names.contains(name.as_ref()) {
                        names.insert(name.into_owned());
                    }
                }
                if names.len() > MAX_COLUMNS {
                    return Err(input(
                        path,
                        format_args!("line {}: more than {MAX_COLUMNS} different keys", record.line),
                    )
                    .with_hint(
                        "Its keys seem to be values; turn them into values of a column before ingesting it.",
                    ));
                }
            }
        }
        let fields: Vec<_> = names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let rules = Rules {
            path: path.to_owned(),
            schema: Arc::new(Schema::new(fields)),
            columns: names.into_iter().enumerate().map(|(at, name)| (name, at)).collect(),
            flatten: layout.json.flatten,
        };
        Ok(Self { cutter: cutter()?, rules: Arc::new(rules), digest: first.digest() })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.rules.schema)
    }

    pub(super) fn passed(&self) -> u64 {
        self.cutter.passed()
    }

    pub(super) fn digest(&self) -> Option<u128> {
        self.cutter.digest()
    }

    pub(super) fn next_block(&mut self) -> Result<Option<Work>> {
        match self.cutter.next()? {
            Some(cut) => Ok(Some(Work { cut, rules: Arc::clone(&self.rules) })),
            None if self.cutter.digest() != self.digest => Err(changed(self.cutter.path())),
            None => Ok(None),
        }
    }
}

fn changed(path: &Path) -> Error {
    input(path, "changed while it was read")
        .with_hint("Let files be complete before they appear, or run again.")
}

/// Records, cut but not parsed.
pub(super) struct Work {
    cut: Cut,
    rules: Arc<Rules>,
}

impl Work {
    pub(super) fn parse(self) -> Result<Chunk> {
        let Work { mut cut, rules } = self;
        let width = rules.schema.fields().len();
        let mut columns: Vec<_> = (0..width).map(|_| StringBuilder::new()).collect();
        let mut positions = Vec::new();
        let mut records = Vec::new();
        let mut malformed = std::mem::take(&mut cut.malformed);
        for record in &cut.records {
            match members_of(&cut, record, rules.flatten) {
                Ok(members) => {
                    for (name, value) in members {
                        let &at = rules.columns.get(name.as_ref()).ok_or_else(|| changed(&rules.path))?;
                        let cells = &mut columns[at];
                        pad(cells, positions.len());
                        cells.append_option(value);
                    }
                    positions.push(record.line);
                    records.push((record.start, record.end));
                }
                Err(reason) => {
                    let raw = clip(&cut.text[record.start as usize..record.end as usize]);
                    malformed.push(Malformed { position: record.line, raw, reason });
                }
            }
        }
        malformed.sort_by_key(|malformed| malformed.position);
        let arrays = columns.iter_mut().map(|cells| {
            pad(cells, positions.len());
            Arc::new(cells.finish()) as ArrayRef
        });
        let options = RecordBatchOptions::new().with_row_count(Some(positions.len()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&rules.schema), arrays.collect(), &options)?;
        Ok(Chunk {
            rows,
            positions: Int64Array::from(positions),
            malformed,
            raw: Raw::Text { text: cut.text, records },
        })
    }
}

/// Records before that had no such key.
fn pad(cells: &mut StringBuilder, rows: usize) {
    use arrow::array::ArrayBuilder;
    while cells.len() < rows {
        cells.append_null();
    }
}

type Member<'a> = (Cow<'a, str>, Option<Cow<'a, str>>);

/// The columns of a record and their values; or why it is not one.
fn members_of<'a>(cut: &'a Cut, record: &Record, flatten: bool) -> Result<Vec<Member<'a>>, String> {
    let text = std::str::from_utf8(&cut.text[record.start as usize..record.end as usize])
        .map_err(|error| format!("not valid utf-8 at byte {} of the record", error.valid_up_to() + 1))?
        .trim_ascii();
    // Validates everything, with a reason that tells the place; what follows may then rely on it.
    serde_json::from_str::<IgnoredAny>(text).map_err(|error| reason(&error, record.line))?;
    match text.as_bytes().first() {
        Some(b'{') => {}
        first => return Err(format!("{}, not an object", kind_of(first.copied().unwrap_or_default()))),
    }
    let mut members = Vec::new();
    let levels = if flatten { MAX_FLATTENED } else { 0 };
    object(text, None, levels, &mut members)?;
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("duplicate key {:?}", pair[0])),
        None => Ok(members),
    }
}

/// serde_json's reason, with the line of the file instead of the line of the record.
fn reason(error: &serde_json::Error, line: i64) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = text.strip_suffix(&place).unwrap_or(&text);
    format!("not valid JSON: {what} at line {} column {}", line + error.line() as i64 - 1, error.column())
}

/// Appends the members of a valid object, those of objects inside it too while there are `levels` left.
fn object<'a>(
    text: &'a str,
    outer: Option<&str>,
    levels: usize,
    out: &mut Vec<Member<'a>>,
) -> Result<(), String> {
    let mut rest = text[1..].trim_ascii_start();
    while rest.starts_with('"') {
        let (key, after) = split_value(rest);
        let after_colon = after.trim_ascii_start().strip_prefix(':').unwrap_or_default();
        let (value, after) = split_value(after_colon.trim_ascii_start());
        let key = string(key)?;
        let name = match outer {
            Some(outer) => Cow::Owned(format!("{outer}_{key}")),
            None => key,
        };
        match value.as_bytes().first() {
            Some(b'"') => out.push((name, Some(string(value)?))),
            Some(b'n') => out.push((name, None)),
            Some(b'{') if levels > 0 => object(value, Some(&name), levels - 1, out)?,
            _ => out.push((name, Some(Cow::Borrowed(value)))),
        }
        let after = after.trim_ascii_start();
        rest = after.strip_prefix(',').unwrap_or_default().trim_ascii_start();
    }
    Ok(())
}

fn split_value(text: &str) -> (&str, &str) {
    text.split_at(ValueEnd::default().find(text.as_bytes()).unwrap_or(text.len()))
}

/// What a JSON string says.
fn string(quoted: &str) -> Result<Cow<'_, str>, String> {
    match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) if !inside.contains('\\') => Ok(Cow::Borrowed(inside)),
        // A lone surrogate is valid JSON, but no text.
        _ => serde_json::from_str(quoted)
            .map(Cow::Owned)
            .map_err(|_| "a string escape is not a character".into()),
    }
}
