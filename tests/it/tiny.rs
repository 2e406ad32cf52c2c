//! A tiny twin in a folder of its own, for tests that run the real thing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use tempfile::TempDir;
use twinlake::app::App;
use twinlake::error::{Error, Result};
use twinlake::lake::When;
use twinlake::run::{Options, Outcome, Silent, Summary};

/// A twin named `test`, whose source files are below `data/`.
pub struct Twin {
    folder: TempDir,
}

impl Twin {
    /// A twin that declares nothing yet.
    pub fn new() -> Self {
        let twin = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(twin.path().join("data")).unwrap();
        twin.file("twin.toml", "name = \"test\"\n")
    }

    /// A twin with one table `s.t`; `declaration` is what follows its name.
    pub fn with_table(declaration: &str) -> Self {
        Self::new().table(declaration)
    }

    /// The same twin with its table `s.t` declared as this.
    pub fn table(self, declaration: &str) -> Self {
        self.declare(declaration);
        self
    }

    /// Declares table `s.t` (again).
    pub fn declare(&self, declaration: &str) {
        let text = format!("root = \"data\"\n[[table]]\nname = \"t\"\n{declaration}\n");
        self.write("pipelines/sources/s.toml", text);
    }

    /// The same twin with one more file.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Writes a file of the twin.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Removes a file of the twin.
    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.path().join(path)).unwrap();
    }

    /// Makes a file look newer than it is.
    pub fn touch(&self, path: &str) {
        let file = std::fs::File::options().append(true).open(self.path().join(path)).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(60)).unwrap();
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The twin, opened.
    pub fn app(&self) -> Result<App> {
        App::open(self.path(), &BTreeMap::new())
    }

    /// Runs it, whatever comes of it.
    pub async fn attempt(&self) -> Result<Summary> {
        self.attempt_with(Options::default()).await
    }

    /// Runs it so, whatever comes of it.
    pub async fn attempt_with(&self, options: Options) -> Result<Summary> {
        self.app()?.run(options, Arc::new(Silent)).await
    }

    /// Runs it; everything must go well.
    pub async fn run(&self) -> Summary {
        let summary = self.attempt().await.unwrap_or_else(|error| panic!("{error:?}"));
        let errors: Vec<_> = summary.nodes.iter().filter_map(|node| node.error.as_ref()).collect();
        assert!(matches!(summary.outcome, Outcome::Published | Outcome::UpToDate), "{errors:?}");
        summary
    }

    /// Runs it; one node must fail, and readers must see what they saw before.
    pub async fn failure(&self) -> Error {
        let summary = self.attempt().await.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(summary.outcome, Outcome::Failed);
        summary.nodes.into_iter().find_map(|node| node.error).unwrap()
    }

    /// The rows of a query, each as one text: `1|a|NULL`.
    pub async fn rows(&self, sql: &str) -> Vec<String> {
        self.ask(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }

    /// As [`rows`](Self::rows), or the error.
    pub async fn ask(&self, sql: &str) -> Result<Vec<String>> {
        let session = self.app()?.session(&When::Now).await?;
        let mut rows = Vec::new();
        for batch in session.collect(sql).await? {
            let options = FormatOptions::default().with_null("NULL");
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
                rows.push(cells.join("|"));
            }
        }
        Ok(rows)
    }

    /// What the newest run did with each file: `uri|status|read|landed|unchanged|rejected|deleted`.
    pub async fn slices(&self) -> Vec<String> {
        self.rows(
            "SELECT uri, status, rows_read, rows_landed, rows_unchanged, rows_rejected, rows_deleted \
             FROM twin.slices WHERE run_id = (SELECT max(run_id) FROM twin.runs) ORDER BY uri",
        )
        .await
    }

    /// All rejects: `uri|position|column|rule|raw`.
    pub async fn rejects(&self) -> Vec<String> {
        self.rows(
            "SELECT uri, position, \"column\", rule, raw FROM twin.rejects ORDER BY run_id, uri, position",
        )
        .await
    }

    /// The logical hash that is published of `s.t`.
    pub async fn hash(&self) -> String {
        self.rows(
            "SELECT logical_hash FROM twin.manifest WHERE relation = 's.t' ORDER BY manifest DESC LIMIT 1",
        )
        .await
        .remove(0)
    }
}
