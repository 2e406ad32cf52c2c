//! `pipelines/sources/*.toml`: what to read, how to normalise it, and the contract its rows must keep.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::check::CheckDecl;

/// One file of `pipelines/sources/`: one system, and the tables that come from it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceDecl {
    /// The source's name; the file's stem unless given.
    #[serde(default)]
    pub name: String,
    /// The schema its tables land in; the source's name unless given.
    #[serde(default)]
    pub schema: String,
    /// What the system is.
    #[serde(default)]
    pub description: String,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// The folder or URL that `files` are relative to; itself relative to `twin.toml`. `${name}` is a variable of `twin.toml`.
    #[serde(default)]
    pub root: String,
    /// What every table of this source uses unless it says otherwise.
    #[serde(default)]
    pub defaults: TableDefaults,
    /// The tables.
    #[serde(default, rename = "table")]
    pub tables: Vec<TableDecl>,
}

/// Settings that a source may give once for all of its tables.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TableDefaults {
    /// The files' format; told from the file name unless given.
    pub format: Option<Format>,
    /// How CSV files are written.
    pub csv: Option<CsvDialect>,
    /// How JSON files are read.
    pub json: Option<JsonOptions>,
    /// How rows are written.
    pub mode: Option<WriteMode>,
    /// What a broken rule does.
    pub on_violation: Option<OnViolation>,
    /// What a column that is not declared does.
    pub new_columns: Option<NewColumns>,
}

/// One landed table.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableDecl {
    /// The table's name in the source's schema.
    pub name: String,
    /// What one row is.
    #[serde(default)]
    pub description: String,
    /// Who answers for it; the source's owner unless given.
    #[serde(default)]
    pub owner: String,
    /// Globs under the source's `root`: `"orders/*.csv"`, `"2026/**/*.ndjson.gz"`. Files are read in order of their path.
    pub files: Vec<String>,
    /// The files' format; told from the file name unless given.
    pub format: Option<Format>,
    /// How CSV files are written.
    pub csv: Option<CsvDialect>,
    /// How JSON files are read.
    pub json: Option<JsonOptions>,
    /// How rows are written; `append` unless given.
    pub mode: Option<WriteMode>,
    /// The columns that identify a row. Needed by `upsert`, `snapshot` and `history`.
    #[serde(default)]
    pub key: Vec<String>,
    /// `upsert`: of two rows with one key, the one with the greater value here wins.
    pub order_by: Option<String>,
    /// `history`: the column that says from when a row holds; the file's date or the run's instant unless given.
    pub valid_from: Option<String>,
    /// At most this many new files in one run, oldest first; 0 is no limit.
    #[serde(default)]
    pub max_files_per_run: usize,
    /// What a broken rule does; `reject` unless given.
    pub on_violation: Option<OnViolation>,
    /// What a file with a malformed record does: reject that record, or the whole file.
    /// Unless given: `record` for `append` and `upsert`, `file` for `snapshot` and `history`, where a missing row is a delete.
    pub malformed: Option<Malformed>,
    /// What a column that is not declared does; `ignore` where columns are declared, else `evolve`.
    pub new_columns: Option<NewColumns>,
    /// What a file that has gone does to the rows that came from it; `keep` unless given.
    #[serde(default)]
    pub vanished: Vanished,
    /// The columns, in order. Without any, all columns of the files land with inferred types.
    #[serde(default, deserialize_with = "column_forms")]
    #[schemars(with = "BTreeMap<String, ColumnForm>")]
    pub columns: IndexMap<String, ColumnDecl>,
    /// Checks on the landed table as a whole.
    #[serde(default)]
    pub checks: Vec<CheckDecl>,
}

/// How files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Delimited text.
    Csv,
    /// One JSON document a file: an array of objects, or one object.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, file or stream.
    Arrow,
}

/// How delimited text is written. Compression (`.gz`, `.zst`) is told from the content.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CsvDialect {
    /// Between fields: one ASCII character.
    pub delimiter: String,
    /// Around fields that hold delimiters or line breaks; `""` for none.
    pub quote: String,
    /// Before a quote that is part of a field; unless given, a quote is doubled.
    pub escape: Option<String>,
    /// A line that begins with it is skipped.
    pub comment: Option<String>,
    /// Whether the first record names the columns. If not, declared columns are taken in order.
    pub header: bool,
    /// Lines to skip before the header.
    pub skip_lines: usize,
    /// `utf-8`, `utf-16`, `latin-1`, `windows-1252`; a byte order mark wins.
    pub encoding: String,
    /// Texts that mean null, besides the empty text.
    pub nulls: Vec<String>,
    /// Whether an empty field is null (else it is the empty text).
    pub empty_is_null: bool,
    /// Whether a record with fewer fields than there are columns is filled up with nulls; else it is malformed.
    pub pad_short: bool,
    /// The decimal separator: `.` or `,`.
    pub decimal: String,
}

impl Default for CsvDialect {
    fn default() -> Self {
        Self {
            delimiter: ",".into(),
            quote: "\"".into(),
            escape: None,
            comment: None,
            header: true,
            skip_lines: 0,
            encoding: "utf-8".into(),
            nulls: Vec::new(),
            empty_is_null: true,
            pad_short: false,
            decimal: ".".into(),
        }
    }
}

/// How JSON is read.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JsonOptions {
    /// The path of the array of records inside the document, such as `data.items`.
    pub records: Option<String>,
    /// Whether nested objects become columns `outer_inner`; else they stay one column holding JSON text, or the declared struct.
    pub flatten: bool,
}

/// How rows are written to the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// Every row is kept. A file that changed replaces the rows it brought before.
    #[default]
    Append,
    /// One row a key: the latest by `order_by` (or by arrival) wins; late rows lose.
    Upsert,
    /// Every file is a full extract: keys that vanished are deleted.
    Snapshot,
    /// Every file is a full extract, and every version of a row is kept with `_valid_from` and `_valid_to`.
    History,
}

/// What breaking a contract's rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnViolation {
    /// The row goes to `twin.rejects`.
    #[default]
    Reject,
    /// The row lands; the violation is counted in `twin.checks`.
    Warn,
    /// The node fails.
    Fail,
}

/// What a malformed record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Malformed {
    /// That record is rejected.
    Record,
    /// All records of the file are rejected.
    File,
}

/// What a column that is not declared does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NewColumns {
    /// It is added to the table.
    Evolve,
    /// It is left out.
    Ignore,
    /// The file is rejected.
    Reject,
}

/// What a file that has gone does to its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Vanished {
    /// They stay.
    #[default]
    Keep,
    /// They are deleted (`append` only).
    Remove,
}

/// One column: where it comes from, its type, and the rules its values keep.
///
/// The short form `name = "int64"` is `name = { type = "int64" }`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnDecl {
    /// `bool`, `int8` ... `int64`, `float32`, `float64`, `decimal(p,s)`, `text`, `date`, `timestamp`, `time`, `binary`,
    /// `list<type>`, `struct<name: type, ...>`. All timestamps are UTC, in microseconds. Delta has no time of day:
    /// a `time` is checked, and lands as the text `15:04:05`.
    #[serde(rename = "type")]
    pub data_type: String,
    /// The raw column or columns it may come from, the first present wins; its own name unless given.
    #[serde(deserialize_with = "one_or_many")]
    #[schemars(with = "OneOrMany")]
    pub from: Vec<String>,
    /// A SQL expression over the raw columns instead of `from`. Quote raw names that are not lowercase: `"OrderQty"`.
    pub sql: Option<String>,
    /// How a date, time or timestamp is written, as in `%d.%m.%Y`; ISO 8601 unless given.
    pub format: Option<String>,
    /// The time zone that timestamps without one are in, as an offset such as `+02:00`; UTC unless given.
    pub timezone: Option<String>,
    /// Whether spaces around a text are kept.
    pub keep_spaces: bool,
    /// Texts that mean null in this column, besides the dialect's.
    pub nulls: Vec<String>,
    /// What a null becomes (a SQL literal), before `required` is checked.
    pub default: Option<String>,
    /// Whether null breaks the contract.
    pub required: bool,
    /// The least value allowed.
    pub min: Option<Literal>,
    /// The greatest value allowed.
    pub max: Option<Literal>,
    /// A regular expression the text must match.
    pub pattern: Option<String>,
    /// The only values allowed.
    pub accepted: Vec<Literal>,
    /// `schema.table.column`: the value must be there, in the binding this run reads.
    pub references: Option<String>,
    /// What a broken rule of this column does; the table's setting unless given.
    pub on_violation: Option<OnViolation>,
    /// What the column means.
    pub doc: String,
    /// Sensitivity tags, such as `pii.email`.
    pub tags: Vec<String>,
}

/// How a column may be written.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum ColumnForm {
    /// The type alone: `price = "float64"`.
    Type(String),
    /// `price = { type = "float64", min = 0 }`.
    Full(Box<ColumnDecl>),
}

fn column_forms<'de, D: Deserializer<'de>>(input: D) -> Result<IndexMap<String, ColumnDecl>, D::Error> {
    let forms = IndexMap::<String, ColumnForm>::deserialize(input)?;
    let column = |form| match form {
        ColumnForm::Type(data_type) => ColumnDecl { data_type, ..ColumnDecl::default() },
        ColumnForm::Full(column) => *column,
    };
    Ok(forms.into_iter().map(|(name, form)| (name, column(form))).collect())
}

/// One text, or a list of texts.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

fn one_or_many<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<String>, D::Error> {
    Ok(match OneOrMany::deserialize(input)? {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
}

/// A number, text or truth value in a rule.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Literal {
    /// An integer.
    Int(i64),
    /// A floating-point number.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// A text; dates are texts too: `"2020-01-01"`.
    Text(String),
}
