//! Reading files into raw batches: every record in one place, with its position.

mod columnar;
pub(crate) mod corpora;
mod csv;
mod discover;
mod json;

use std::path::Path;

use arrow::array::{Array, RecordBatch};
use arrow::util::display::array_value_to_string;
use twinlake::error::Result;
use twinlake::ingest::files::{FileReader, Layout, Malformed};
use twinlake::project::source::Format;

/// A file, read to its end.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) positions: Vec<i64>,
    pub(crate) raw: Vec<String>,
    pub(crate) malformed: Vec<Malformed>,
    pub(crate) digest: Option<u128>,
}

pub(crate) fn read(path: &Path, layout: &Layout) -> Result<Outcome> {
    let mut reader = FileReader::open(path, layout)?;
    let columns = reader.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut outcome = Outcome { columns, ..Outcome::default() };
    while let Some(block) = reader.next_block()? {
        let chunk = block.parse()?;
        assert_eq!(chunk.rows.num_rows(), chunk.positions.len());
        assert_eq!(chunk.rows.schema(), reader.schema());
        outcome.positions.extend(chunk.positions.values());
        for row in 0..chunk.rows.num_rows() {
            outcome.rows.push(cells(&chunk.rows, row));
            outcome.raw.push(chunk.raw(row));
        }
        outcome.malformed.extend(chunk.malformed);
    }
    assert!(reader.next_block()?.is_none(), "the end stays the end");
    outcome.digest = reader.digest();
    assert!(outcome.digest.is_some(), "all was read, so the digest is known");
    Ok(outcome)
}

fn cells(rows: &RecordBatch, row: usize) -> Vec<Option<String>> {
    let cell = |column: &dyn Array| column.is_valid(row).then(|| array_value_to_string(column, row).unwrap());
    rows.columns().iter().map(|column| cell(column.as_ref())).collect()
}

/// Reads `content` as a file of that name.
fn read_bytes(name: &str, content: &[u8], layout: &Layout) -> Result<Outcome> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    read(&path, layout)
}

fn layout(format: Format) -> Layout {
    Layout { format: Some(format), ..Layout::default() }
}

/// Rows as `a|b|~`, with `~` for null.
fn lines(outcome: &Outcome) -> Vec<String> {
    let line = |row: &Vec<Option<String>>| {
        row.iter().map(|cell| cell.as_deref().unwrap_or("~")).collect::<Vec<_>>().join("|")
    };
    outcome.rows.iter().map(line).collect()
}

fn reasons(outcome: &Outcome) -> Vec<(i64, &str)> {
    outcome.malformed.iter().map(|malformed| (malformed.position, malformed.reason.as_str())).collect()
}

#[test]
fn readers_and_blocks_travel_between_threads() {
    fn travels<T: Send>() {}
    travels::<FileReader>();
    travels::<twinlake::ingest::files::Block>();
    travels::<twinlake::ingest::files::Chunk>();
}
