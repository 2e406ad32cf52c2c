//! The reader all formats share: what one file is, its blocks, and the chunks they become.

use std::borrow::Cow;
use std::path::Path;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::{columnar, csv, json};
use crate::error::{Error, ErrorKind, Result};
use crate::project::source::{CsvDialect, Format, JsonOptions};

/// No record may be longer: what keeps memory bounded when a quote or a bracket is never closed.
pub(super) const MAX_RECORD_BYTES: usize = 64 << 20;

/// As much of a raw record as is kept.
const MAX_RAW_BYTES: usize = 64 << 10;

/// How one file is read.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The format; told from the file's name when not given.
    pub format: Option<Format>,
    /// How delimited text is written.
    pub csv: CsvDialect,
    /// How JSON is read.
    pub json: JsonOptions,
    /// The raw columns of delimited text without a header, in order; `column_1`, `column_2`, ... when empty.
    pub columns: Vec<String>,
    /// About how many bytes of (decompressed) text make a block.
    pub block_bytes: usize,
    /// At most how many rows of Parquet or Arrow make a block. Blocks of text are bounded by `block_bytes` alone.
    pub batch_rows: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            format: None,
            csv: CsvDialect::default(),
            json: JsonOptions::default(),
            columns: Vec::new(),
            block_bytes: 2 << 20,
            batch_rows: 8192,
        }
    }
}

/// The format a file's name tells: `.csv`, `.json`, `.geojson`, `.ndjson`, `.jsonl`, `.geojsonl`, `.parquet`, `.arrow`, `.arrows`,
/// `.ipc` or `.feather`, in any case, after taking off `.gz` or `.zst`.
pub fn format_of(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "csv" => Some(Format::Csv),
        "json" | "geojson" => Some(Format::Json),
        "ndjson" | "jsonl" | "geojsonl" => Some(Format::Ndjson),
        "parquet" => Some(Format::Parquet),
        "arrow" | "arrows" | "ipc" | "feather" => Some(Format::Arrow),
        _ => None,
    }
}

/// Reads one file, front to back.
pub struct FileReader {
    inner: Inner,
}

enum Inner {
    Csv(csv::Reader),
    Json(json::Reader),
    Columnar(columnar::Reader),
}

impl FileReader {
    /// Opens a file and learns its raw columns. Delimited text is read up to its header, Parquet and Arrow up to their
    /// schema; JSON and NDJSON are read once from front to back (in bounded memory), because a key may appear for the
    /// first time in the last record.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is no such file, [`ErrorKind::Input`] when it cannot be read as what it should be,
    /// [`ErrorKind::Declaration`] when the layout itself is wrong.
    pub fn open(path: &Path, layout: &Layout) -> Result<FileReader> {
        let inner = match format(path, layout)? {
            Format::Csv => Inner::Csv(csv::Reader::open(path, layout)?),
            Format::Json => Inner::Json(json::Reader::open(path, layout, json::Kind::Document)?),
            Format::Ndjson => Inner::Json(json::Reader::open(path, layout, json::Kind::Lines)?),
            Format::Parquet => Inner::Columnar(columnar::Reader::parquet(path, layout)?),
            Format::Arrow => Inner::Columnar(columnar::Reader::arrow(path)?),
        };
        Ok(FileReader { inner })
    }

    /// The raw columns. Text formats: text for every column, named by the header, or (JSON) by the keys of all records in
    /// order of first appearance. Parquet and Arrow: their own types, as far as a Delta table has them.
    pub fn schema(&self) -> SchemaRef {
        match &self.inner {
            Inner::Csv(reader) => reader.schema(),
            Inner::Json(reader) => reader.schema(),
            Inner::Columnar(reader) => reader.schema(),
        }
    }

    /// Whether the file itself says what types its columns have, as Parquet and Arrow do.
    pub fn has_own_types(&self) -> bool {
        matches!(self.inner, Inner::Columnar(_))
    }

    /// The next block in the order of the file; none at the end. After an error the reader must not be used further,
    /// and rows read before it must not land.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when the file ends early, is damaged, or changed while it was read.
    pub fn next_block(&mut self) -> Result<Option<Block>> {
        let work = match &mut self.inner {
            Inner::Csv(reader) => reader.next_block()?.map(Work::Csv),
            Inner::Json(reader) => reader.next_block()?.map(Work::Json),
            Inner::Columnar(reader) => reader.next_block()?.map(Work::Columnar),
        };
        Ok(work.map(|work| Block { work }))
    }

    /// How many of the file's bytes have been read. Of Parquet and Arrow it is not known.
    pub fn passed(&self) -> u64 {
        match &self.inner {
            Inner::Csv(reader) => reader.passed(),
            Inner::Json(reader) => reader.passed(),
            Inner::Columnar(_) => 0,
        }
    }

    /// The xxh3-128 of the file's bytes as they are on disk; known once `next_block` returned none.
    pub fn digest(&self) -> Option<u128> {
        match &self.inner {
            Inner::Csv(reader) => reader.digest(),
            Inner::Json(reader) => reader.digest(),
            Inner::Columnar(reader) => reader.digest(),
        }
    }
}

fn format(path: &Path, layout: &Layout) -> Result<Format> {
    layout.format.or_else(|| format_of(path)).ok_or_else(|| {
        Error::new(
            ErrorKind::Input,
            format!("file {:?}: its name does not tell its format", path.display().to_string()),
        )
        .with_hint("Declare `format = \"csv\"` (or json, ndjson, parquet, arrow) for the table.")
    })
}

/// A piece of a file, cut at record boundaries and not yet parsed.
pub struct Block {
    work: Work,
}

enum Work {
    Csv(csv::Work),
    Json(json::Work),
    Columnar(columnar::Work),
}

impl Block {
    /// Parses the block: the work worth a thread.
    ///
    /// # Errors
    /// [`ErrorKind::Input`] when a value cannot be kept without loss in any type a Delta table has, or the file changed.
    pub fn parse(self) -> Result<Chunk> {
        match self.work {
            Work::Csv(work) => work.parse(),
            Work::Json(work) => work.parse(),
            Work::Columnar(work) => work.parse(),
        }
    }
}

/// The rows of one block.
pub struct Chunk {
    /// The raw columns.
    pub rows: RecordBatch,
    /// For each row where it is in the file: the line its record begins on (text) or its number (Parquet, Arrow), from 1.
    pub positions: Int64Array,
    /// The records that are not rows, in the order of the file.
    pub malformed: Vec<Malformed>,
    pub(super) raw: Raw,
}

/// Where raw records are to be found.
pub(super) enum Raw {
    /// The text of the block, and where in it each row's record begins and ends.
    Text { text: Vec<u8>, records: Vec<(u32, u32)> },
    /// Nowhere but in the row itself.
    Row,
}

impl Chunk {
    /// The record a row was read from: the exact text (as UTF-8), or the row as JSON for Parquet and Arrow; cut, and
    /// marked as cut, at 64 KiB.
    ///
    /// # Panics
    /// When the chunk has no such row.
    pub fn raw(&self, row: usize) -> String {
        match &self.raw {
            Raw::Text { text, records } => {
                let (start, end) = records[row];
                clip(&text[start as usize..end as usize])
            }
            Raw::Row => clip(columnar::row_as_json(&self.rows, row).as_bytes()),
        }
    }
}

/// A record that could not become a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The line it begins on, from 1.
    pub position: i64,
    /// Its text, with U+FFFD for what is not text; cut, and marked as cut, at 64 KiB.
    pub raw: String,
    /// What is wrong with it, without any of its values.
    pub reason: String,
}

/// A record as text that is safe to keep: valid UTF-8, of bounded length.
pub(super) fn clip(record: &[u8]) -> String {
    if record.len() <= MAX_RAW_BYTES {
        return String::from_utf8_lossy(record).into_owned();
    }
    let mut end = MAX_RAW_BYTES;
    while end > MAX_RAW_BYTES - 4 && record[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    format!("{}... [cut: {} bytes in all]", String::from_utf8_lossy(&record[..end]), record.len())
}

/// How errors call a file.
pub(super) fn named(path: &Path) -> Cow<'_, str> {
    path.to_string_lossy()
}

/// An error about the content of a file.
pub(super) fn input(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Input, format!("file {:?}: {what}", named(path)))
}
