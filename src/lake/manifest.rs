//! Manifests: what each run published, all of it at once.
//!
//! A manifest is one commit to `twin.manifest`: a data file with a row for every relation of the twin. Its number is the
//! Delta version of that commit. Finding the newest is one listing; finding the one of an instant is a binary search over
//! the log, because a commit says when it was made.

use std::collections::BTreeMap;

use object_store::ObjectStoreExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Fingerprint, RelationName, RunId};
use crate::lake::system::{ManifestRow, SystemRow};
use crate::lake::table::{Commit, Lake, committed_at};
use crate::lake::version::TableVersion;

/// What kind of node makes a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelationKind {
    /// A landed table.
    Source,
    /// A SQL view, materialised or not.
    View,
    /// A model's predictions.
    Model,
    /// One of Twinlake's own tables.
    System,
}

impl RelationKind {
    /// Its lowercase name.
    pub fn as_str(self) -> &'static str {
        match self {
            RelationKind::Source => "source",
            RelationKind::View => "view",
            RelationKind::Model => "model",
            RelationKind::System => "system",
        }
    }
}

/// What a manifest says of one relation.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// What makes it.
    pub kind: RelationKind,
    /// The Delta version; `None` for a view that is not materialised.
    pub version: Option<u64>,
    /// Rows, where they are stored.
    pub rows: u64,
    /// The logical hash of its rows; of a view that is not materialised, the hash of its text and its inputs' hashes.
    pub hash: String,
    /// The code that made it.
    pub fingerprint: Fingerprint,
    /// What it was made from: relation -> logical hash.
    pub inputs: BTreeMap<RelationName, String>,
    /// The text of a view.
    pub sql: Option<String>,
    /// The run that made this version.
    pub run_id: RunId,
}

/// The whole twin at one moment: relation -> table version.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// Its number; `None` before the first publish.
    pub number: Option<u64>,
    /// When it was published.
    pub published_at: Option<Instant>,
    /// The run that published it.
    pub run_id: Option<RunId>,
    /// What it names.
    pub relations: BTreeMap<RelationName, Published>,
}

/// Which manifest is meant.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// The newest.
    Now,
    /// The newest at that instant.
    At(Instant),
    /// The one with that number.
    Number(u64),
    /// The one that run published.
    Run(RunId),
}

impl std::str::FromStr for When {
    type Err = Error;
    /// An instant, a manifest's number, or a run's id.
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") {
            Ok(When::Now)
        } else if text.len() == 26 && text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            Ok(When::Run(RunId::from(text.to_string())))
        } else if let Ok(number) = text.parse() {
            Ok(When::Number(number))
        } else {
            crate::clock::parse(text).map(When::At).map_err(|error| {
                error.with_hint("Give an instant (2026-03-01T12:00:00Z), a manifest's number, or a run's id.")
            })
        }
    }
}

fn name() -> RelationName {
    RelationName::system("manifest")
}

impl Manifest {
    /// The manifest that `when` means. Before the first publish, [`When::Now`] is an empty manifest.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when there is none, [`ErrorKind::Lake`] when it cannot be read.
    pub async fn load(lake: &Lake, when: &When) -> Result<Manifest> {
        let Some(newest) = lake.newest(&name()).await? else {
            return match when {
                When::Now => Ok(Manifest::default()),
                _ => Err(Error::new(ErrorKind::NotFound, "nothing was published yet")
                    .with_hint("Publish a first manifest with `twinlake run`.")),
            };
        };
        let number = match when {
            When::Now => newest,
            When::Number(number) if *number <= newest => *number,
            When::Number(number) => {
                return Err(Error::new(ErrorKind::NotFound, format!("there is no manifest {number}"))
                    .with_hint(format!("The newest is {newest}: see twin.manifest.")));
            }
            When::At(instant) => at(lake, newest, *instant).await?,
            When::Run(run) => of_run(lake, newest, run).await?,
        };
        read(lake, number).await
    }

    /// Publishes: commits `self` as manifest `number`, which must be the next one.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when somebody else published since this run began.
    pub async fn publish(&self, lake: &Lake, commit: &Commit) -> Result<()> {
        let number = self.number.ok_or_else(|| Error::new(ErrorKind::Bug, "a manifest without a number"))?;
        let previous = number.checked_sub(1);
        let rows: Vec<ManifestRow> = self
            .relations
            .iter()
            .map(|(relation, published)| ManifestRow {
                manifest: i64::try_from(number).unwrap_or(i64::MAX),
                published_at: commit.at.timestamp_micros(),
                run_id: commit.run_id.to_string(),
                relation: relation.to_string(),
                kind: published.kind.as_str().to_string(),
                version: published.version.and_then(|v| i64::try_from(v).ok()),
                rows: i64::try_from(published.rows).unwrap_or(i64::MAX),
                logical_hash: published.hash.clone(),
                fingerprint: published.fingerprint.as_str().to_string(),
                inputs: serde_json::to_string(&published.inputs).unwrap_or_default(),
                sql: published.sql.clone(),
                made_by: published.run_id.to_string(),
            })
            .collect();
        let mut writer = lake.writer(&name(), &commit.run_id, "manifest", ManifestRow::schema())?;
        writer.write(&ManifestRow::batch(&rows)?).await?;
        let file = writer.finish().await?;
        let mut files = match previous {
            Some(version) => lake.version(&name(), version).await?.files.clone(),
            None => Vec::new(),
        };
        files.extend(file);
        let staged = TableVersion { name: name(), version: None, schema: ManifestRow::schema(), files };
        lake.commit_after(previous, &staged, commit).await?;
        Ok(())
    }
}

/// The newest manifest that was published at or before `instant`.
async fn at(lake: &Lake, newest: u64, instant: Instant) -> Result<u64> {
    let (mut low, mut high) = (0, newest + 1);
    // Invariant: manifests below `low` are at or before the instant, those from `high` on are after it.
    while low < high {
        let middle = low + (high - low) / 2;
        if published_at(lake, middle).await? <= instant {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("nothing was published by {}", instant.to_rfc3339()))
            .with_hint("Ask for a later instant: twin.manifest says what was published when.")
    })
}

async fn of_run(lake: &Lake, newest: u64, run: &RunId) -> Result<u64> {
    for number in (0..=newest).rev() {
        let info = lake.commit_info(&name(), number).await?.unwrap_or_default();
        if info.get("twinlake.run").and_then(|id| id.as_str()) == Some(run.as_str()) {
            return Ok(number);
        }
    }
    Err(Error::new(ErrorKind::NotFound, format!("run {run} published nothing"))
        .with_hint("See twin.runs for the runs there were."))
}

async fn published_at(lake: &Lake, number: u64) -> Result<Instant> {
    let info = lake.commit_info(&name(), number).await?.unwrap_or_default();
    committed_at(&info).ok_or_else(|| {
        Error::new(ErrorKind::Lake, format!("manifest {number} does not say when it was published"))
    })
}

async fn read(lake: &Lake, number: u64) -> Result<Manifest> {
    let damaged = |what: &str| {
        Error::new(ErrorKind::Lake, format!("manifest {number} is damaged: {what}"))
            .with_hint("Restore the folder twin/manifest of the lake from a copy.")
    };
    let files = lake.added_files(&name(), number).await?.ok_or_else(|| damaged("its log entry is gone"))?;
    if files.is_empty() {
        // Every manifest names the system tables at least.
        return Err(damaged("its log entry names no file"));
    }
    let mut manifest = Manifest { number: Some(number), ..Manifest::default() };
    for file in files {
        let bytes = match lake.store().get(&file).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Err(damaged("its data file is gone")),
            Err(error) => return Err(error.into()),
        };
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|builder| builder.build());
        for batch in reader.map_err(|error| damaged(&error.to_string()))? {
            for row in ManifestRow::rows(&batch.map_err(|error| damaged(&error.to_string()))?)? {
                manifest.published_at = chrono::DateTime::from_timestamp_micros(row.published_at);
                manifest.run_id = Some(RunId::from(row.run_id));
                let kind = serde_json::from_value(serde_json::Value::String(row.kind))
                    .map_err(|_| damaged("an unknown kind of relation"))?;
                let published = Published {
                    kind,
                    version: row.version.and_then(|v| u64::try_from(v).ok()),
                    rows: u64::try_from(row.rows).unwrap_or(0),
                    hash: row.logical_hash,
                    fingerprint: Fingerprint::from(row.fingerprint),
                    inputs: serde_json::from_str(&row.inputs).map_err(|_| damaged("unreadable inputs"))?,
                    sql: row.sql,
                    run_id: RunId::from(row.made_by),
                };
                manifest.relations.insert(row.relation.parse()?, published);
            }
        }
    }
    Ok(manifest)
}
