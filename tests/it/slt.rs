//! SQL as data: every `tests/slt/*.slt` runs over one twin, which is published once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use sqllogictest::{DBOutput, DefaultColumnType, Runner};
use twinlake::app::App;
use twinlake::engine::Session;
use twinlake::error::Error;
use twinlake::lake::When;
use twinlake::run::{Options, Outcome, Silent};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}

/// What a person is told: message and hint.
#[derive(Debug)]
struct Told(Error);

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0.message(), self.0.hint().unwrap_or_default())
    }
}

impl std::error::Error for Told {}

struct Twin(Session);

impl Twin {
    async fn ask(&self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Error> {
        let mut rows = Vec::new();
        let mut width = 0;
        for batch in self.0.collect(sql).await? {
            width = batch.num_columns();
            let options = FormatOptions::default().with_null("NULL");
            let columns = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            rows.extend(
                (0..batch.num_rows()).map(|row| columns.iter().map(|column| cell(column, row)).collect()),
            );
        }
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; width], rows })
    }
}

fn cell(column: &ArrayFormatter<'_>, row: usize) -> String {
    match column.value(row).to_string() {
        empty if empty.is_empty() => "(empty)".into(),
        text => text,
    }
}

#[async_trait::async_trait]
impl sqllogictest::AsyncDB for Twin {
    type Error = Told;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Told> {
        self.ask(sql).await.map_err(Told)
    }

    async fn shutdown(&mut self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_holds() {
    let twin = tempfile::tempdir().unwrap();
    copy(&folder().join("twin"), twin.path());
    let app = App::open(twin.path(), &BTreeMap::new()).unwrap();
    let summary = app.run(Options::default(), Arc::new(Silent)).await.unwrap();
    assert_eq!(summary.outcome, Outcome::Published, "{summary:?}");

    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|e| e == "slt")).collect();
    files.sort();
    assert!(files.len() >= 6);
    let mut failed = String::new();
    for file in files {
        let mut runner = Runner::new(async || Ok(Twin(app.session(&When::Now).await.map_err(Told)?)));
        let records = sqllogictest::parse_file::<DefaultColumnType>(&file).unwrap();
        for record in records {
            if let Err(error) = runner.run_async(record).await {
                failed.push_str(&format!("{error}\n"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed}");
}
