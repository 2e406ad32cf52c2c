//! Files that nobody here wrote: what becomes of each is kept in `corpora_outcomes.txt`, so that a change shows.
//! `TWINLAKE_UPDATE=1` writes it anew.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use twinlake::ingest::files::{FileReader, Layout, format_of, matching};
use twinlake::project::source::{CsvDialect, Format};

use super::{Outcome, read};

/// The folder of public data; loudly nothing where it is missing.
pub(crate) fn data(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TWINLAKE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let path = root.join(folder);
    if !path.is_dir() {
        eprintln!("NOT RUN: {} is missing; set TWINLAKE_DATA", path.display());
        return None;
    }
    Some(path)
}

pub(crate) fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn csv_spectrum_is_read_as_expected() {
    let Some(folder) = data("csv_spectrum") else { return };
    let mut files = Vec::new();
    files_below(&folder.join("csvs"), &mut files);
    assert_eq!(files.len(), 12);
    let layout =
        Layout { csv: CsvDialect { empty_is_null: false, ..CsvDialect::default() }, ..Layout::default() };
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let outcome = read(&path, &layout).unwrap();
        assert!(outcome.malformed.is_empty(), "{name}: {:?}", outcome.malformed);
        let expected = std::fs::read(folder.join("json").join(name).with_extension("json")).unwrap();
        let mut expected = match serde_json::from_slice(&expected).unwrap() {
            serde_json::Value::Array(rows) => rows,
            row => vec![row],
        };
        if name == "location_coordinates" {
            // The two files of the corpus do not have the same number.
            expected[0]["Contact Phone Number"] = "2095257564".into();
        }
        let row = |cells: &Vec<Option<String>>| -> serde_json::Value {
            outcome.columns.iter().cloned().zip(cells.iter().cloned().map(serde_json::Value::from)).collect()
        };
        assert_eq!(outcome.rows.iter().map(row).collect::<Vec<_>>(), expected, "{name}");
    }
}

pub(crate) fn is_encrypted(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "encrypted")
}

fn outcome_of(path: &Path) -> String {
    let csv = CsvDialect { header: has_header(path), ..CsvDialect::default() };
    let format = is_encrypted(path).then_some(Format::Parquet);
    match read(path, &Layout { csv, format, ..Layout::default() }) {
        Ok(outcome) => {
            check_rows(path, &outcome);
            let mut text = format!("{} rows, {} columns", outcome.rows.len(), outcome.columns.len());
            if !outcome.malformed.is_empty() {
                write!(text, ", {} malformed", outcome.malformed.len()).unwrap();
            }
            for malformed in outcome.malformed.iter().take(3) {
                assert!(malformed.position > 0 && !malformed.reason.is_empty());
                write!(text, "\n    line {}: {}", malformed.position, malformed.reason).unwrap();
            }
            text
        }
        Err(error) => {
            let name = path.to_str().unwrap();
            assert!(error.message().contains(name) && error.hint().is_some(), "{error}");
            format!("{:?}: {}", error.kind(), error.message().replace(&format!("file {name:?}: "), ""))
        }
    }
}

/// Most files of this corpus are written without a header.
pub(crate) fn has_header(path: &Path) -> bool {
    let text = path.to_str().unwrap();
    ["csv-edge-case-tests/bom", "header", "null-field", "csv-error-tests", "arrow_testing"]
        .iter()
        .any(|part| text.contains(part))
        || !text.contains("csv_kuzu")
}

fn check_rows(path: &Path, outcome: &Outcome) {
    if format_of(path) == Some(Format::Parquet) {
        let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        let promised: i64 = reader.metadata().row_groups().iter().map(|group| group.num_rows()).sum();
        assert_eq!(outcome.rows.len() as i64, promised, "{path:?}");
    }
    for raw in &outcome.raw {
        assert!(!raw.is_empty());
    }
}

#[test]
fn every_file_of_the_corpora_has_a_known_outcome() {
    let mut table = String::new();
    for folder in ["arrow_testing", "csv_kuzu", "csv_spectrum", "json_duckdb", "parquet_testing"] {
        let Some(root) = data(folder) else { return };
        let mut files = Vec::new();
        files_below(&root, &mut files);
        for path in files {
            if format_of(&path).is_some() || is_encrypted(&path) {
                writeln!(
                    table,
                    "{folder}/{}: {}",
                    path.strip_prefix(&root).unwrap().display(),
                    outcome_of(&path)
                )
                .unwrap();
            }
        }
    }
    let expected_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/files/corpora_outcomes.txt");
    if std::env::var_os("TWINLAKE_UPDATE").is_some() {
        std::fs::write(&expected_path, &table).unwrap();
    }
    let expected = std::fs::read_to_string(&expected_path).unwrap_or_default();
    for (found, expected) in table.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(table.lines().count(), expected.lines().count());
}

#[test]
fn every_sale_of_nine_months_is_read() {
    let Some(root) = data("online_retail_dev") else { return };
    let files = matching(root.to_str().unwrap(), &["by-day/*.csv.gz".to_owned()]).unwrap();
    assert_eq!(files.len(), 219);
    let mut rows = 0;
    for file in files {
        let mut reader = FileReader::open(&file.path, &Layout::default()).unwrap();
        while let Some(block) = reader.next_block().unwrap() {
            let chunk = block.parse().unwrap();
            assert!(chunk.malformed.is_empty(), "{}: {:?}", file.uri, chunk.malformed);
            rows += chunk.rows.num_rows();
        }
    }
    assert_eq!(rows, 320_705);
}
