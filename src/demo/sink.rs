//! Where rows go: files that appear when complete, and the count of what was written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::flaw::Flaw;
use crate::error::{Error, ErrorKind, Result};

/// What was generated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files written.
    pub files: u64,
    /// Their size together, as they lie on disk.
    pub bytes: u64,
    /// What the files of each relation hold.
    pub tables: BTreeMap<&'static str, TableSummary>,
}

/// What the files of one relation hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableSummary {
    /// Files written.
    pub files: u64,
    /// Rows written, flawed ones included; headers are no rows.
    pub rows: u64,
    /// Rows with a flaw, by kind.
    pub flaws: BTreeMap<Flaw, u64>,
    /// Rows the landed table holds at the end, by its declared write mode: superseded versions are gone in `upsert` and
    /// `snapshot`, and all there in `history`.
    pub held: u64,
}

impl TableSummary {
    /// Rows that the contract rejects.
    pub fn rejected(&self) -> u64 {
        self.flaws.iter().filter(|(flaw, _)| flaw.rejects()).map(|(_, n)| n).sum()
    }
    /// Rows with this flaw.
    pub fn flawed(&self, flaw: Flaw) -> u64 {
        self.flaws.get(&flaw).copied().unwrap_or(0)
    }
}

/// The folder that files are written to.
pub(super) struct Sink<'a> {
    root: PathBuf,
    progress: &'a mut dyn FnMut(&str, u64),
    summary: Summary,
}

impl<'a> Sink<'a> {
    pub(super) fn new(root: &Path, progress: &'a mut dyn FnMut(&str, u64)) -> Self {
        Self { root: root.to_path_buf(), progress, summary: Summary::default() }
    }

    /// Begins a file. `.gz` compresses it.
    pub(super) fn create(&self, relation: &'static str, path: &str) -> Result<Rows> {
        let at = self.root.join(path);
        let part = self.root.join(format!("{path}.part"));
        let folder = at.parent().expect("every path is under the root");
        fs::create_dir_all(folder).map_err(|error| storage("make folder", folder, error))?;
        let file = BufWriter::new(File::create(&part).map_err(|error| storage("create", &part, error))?);
        let out = if path.ends_with(".gz") {
            Out::Gzip(Box::new(GzEncoder::new(file, Compression::fast())))
        } else {
            Out::Plain(file)
        };
        Ok(Rows { relation, path: path.into(), at, part, out, latin: false, table: TableSummary::default() })
    }

    /// Ends a file: it is complete, appears under its name and is counted.
    pub(super) fn close(&mut self, rows: Rows) -> Result<()> {
        let Rows { relation, path, at, part, out, table, .. } = rows;
        let finished = match out {
            Out::Plain(file) => file.into_inner().map_err(|error| error.into_error()),
            Out::Gzip(gzip) => {
                gzip.finish().and_then(|file| file.into_inner().map_err(|error| error.into_error()))
            }
        };
        let file = finished.map_err(|error| storage("write", &part, error))?;
        let bytes = file.metadata().map_err(|error| storage("read the size of", &part, error))?.len();
        fs::rename(&part, &at).map_err(|error| storage("rename", &part, error))?;

        self.summary.files += 1;
        self.summary.bytes += bytes;
        let total = self.summary.tables.entry(relation).or_default();
        total.files += 1;
        total.rows += table.rows;
        total.held += table.held;
        for (flaw, n) in table.flaws {
            *total.flaws.entry(flaw).or_default() += n;
        }
        (self.progress)(&path, table.rows);
        Ok(())
    }

    /// Says how many rows the landed table holds, where files replace one another.
    pub(super) fn hold(&mut self, relation: &'static str, rows: u64) {
        self.summary.tables.entry(relation).or_default().held = rows;
    }

    pub(super) fn finish(self) -> Summary {
        self.summary
    }
}

/// A file being written, row by row.
pub(super) struct Rows {
    relation: &'static str,
    path: String,
    at: PathBuf,
    part: PathBuf,
    out: Out,
    latin: bool,
    table: TableSummary,
}

enum Out {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Rows {
    /// The same file in Windows-1252.
    pub(super) fn windows_1252(mut self) -> Self {
        self.latin = true;
        self
    }

    /// Writes text that is no row: a header, a bracket.
    pub(super) fn text(&mut self, text: &str) -> Result<()> {
        if self.latin {
            let (encoded, _, _) = encoding_rs::WINDOWS_1252.encode(text);
            return self.bytes(&encoded);
        }
        self.bytes(text.as_bytes())
    }

    /// Writes bytes as they are.
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match &mut self.out {
            Out::Plain(file) => file.write_all(bytes),
            Out::Gzip(gzip) => gzip.write_all(bytes),
        };
        written.map_err(|error| storage("write", &self.part, error))
    }

    /// Writes a sound row, line break included by the caller's format.
    pub(super) fn row(&mut self, line: &str) -> Result<()> {
        self.count(1);
        self.text(line)?;
        self.text("\n")
    }

    /// Writes a flawed row.
    pub(super) fn flawed(&mut self, flaw: Flaw, line: &str) -> Result<()> {
        self.count_flaw(flaw);
        self.text(line)?;
        self.text("\n")
    }

    /// Counts sound rows that are written otherwise.
    pub(super) fn count(&mut self, rows: u64) {
        self.table.rows += rows;
        self.table.held += rows;
    }

    /// Counts a flawed row that is written otherwise. A duplicate is held only after [`Rows::hold_duplicate`].
    pub(super) fn count_flaw(&mut self, flaw: Flaw) {
        self.table.rows += 1;
        *self.table.flaws.entry(flaw).or_default() += 1;
        if flaw == Flaw::BadPattern {
            self.table.held += 1;
        }
    }

    /// Counts a duplicate that an append-only table keeps.
    pub(super) fn hold_duplicate(&mut self) {
        self.table.held += 1;
    }
}

/// Makes a delimited row malformed: too few fields the odd times, too many the even ones.
pub(super) fn malform(fields: &mut Vec<String>, count: usize) {
    if count.is_multiple_of(2) {
        fields.push("surplus".into());
    } else {
        fields.truncate(fields.len().saturating_sub(2));
    }
}

/// The fields of a delimited row without quotes.
pub(super) fn split(line: &str, delimiter: char) -> Vec<String> {
    line.split(delimiter).map(str::to_owned).collect()
}

fn storage(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Storage, format!("cannot {what} {}: {error}", path.display()))
        .with_hint("Check that the folder is writable and the disk not full.")
}
