//! Delta tables: pinned versions for reading, whole-table commits for writing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use deltalake::kernel::engine::arrow_conversion::{TryIntoArrow, TryIntoKernel};
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake::kernel::{Action, Add, MetadataExt, Remove, StructType, Transaction, new_metadata};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

use crate::clock::{self, Instant};
use crate::error::{Error, ErrorKind, Result, without_backtrace};
use crate::ids::{RelationName, RunId};
use crate::lake::hash::LogicalHash;
use crate::lake::version::{DataFile, TableVersion};
use crate::lake::writer::FileWriter;

/// Commits between checkpoints of a log, after which older entries need not be read. A table is read many times for each commit.
const CHECKPOINT_INTERVAL: &str = "10";

/// Other runs that may come in between one commit. Each run commits a table once or twice, so this many are never met.
const COMMIT_ATTEMPTS: usize = 16;

/// What goes into the log beside the files.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The run that commits.
    pub run_id: RunId,
    /// Its instant.
    pub at: Instant,
    /// The manifest this run will publish; recorded as the version of Delta's application transaction.
    pub manifest: u64,
    /// Anything else worth finding in the log: the node, its fingerprint, its inputs.
    pub info: BTreeMap<String, serde_json::Value>,
}

/// A twin's lake: a folder of tables on an object store. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    inner: Arc<Inner>,
}

struct Inner {
    url: Url,
    store: Arc<dyn ObjectStore>,
    root: Path,
    /// Versions never change, so neither does what was read of them.
    versions: Mutex<HashMap<(RelationName, u64), Arc<TableVersion>>>,
}

impl std::fmt::Debug for Lake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lake({})", self.inner.url)
    }
}

impl Lake {
    /// The lake at `url`: `file:///...` or `memory:///`. Nothing is read or written yet.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] when no object store answers to the URL's scheme.
    pub fn open(url: &Url) -> Result<Self> {
        let (store, root) = object_store::parse_url(url).map_err(|error| {
            Error::new(ErrorKind::Declaration, format!("lake {url}: {error}"))
                .with_hint("Use a folder, file:///path or memory:///.")
        })?;
        if url.path().contains("%25") {
            return Err(Error::new(ErrorKind::Declaration, format!("lake {url}: its path has a % in it"))
                .with_hint(
                    "The Delta library cannot open such a path: set `lake` in twin.toml to another folder.",
                ));
        }
        let mut url = url.clone();
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let inner = Inner { url, store: Arc::from(store), root, versions: Mutex::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Makes sure that nothing else lives where the lake is, before the first table is made there.
    ///
    /// # Errors
    /// [`ErrorKind::Lake`] when the folder holds files that are no lake's.
    pub async fn verify_vacant(&self) -> Result<()> {
        let found = self.inner.store.list_with_delimiter(Some(&self.inner.root)).await?;
        match found.objects.first() {
            None => Ok(()),
            Some(object) => {
                let name = object.location.filename().unwrap_or_default();
                Err(Error::new(
                    ErrorKind::Lake,
                    format!("{} is not a lake: it holds {name:?}", self.inner.url),
                )
                .with_hint("Set `lake` in twin.toml to an empty or new folder."))
            }
        }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.inner.url
    }

    /// The object store it is on.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.inner.store
    }

    /// The folder of a table on [`store`](Self::store).
    pub fn folder(&self, table: &RelationName) -> Path {
        self.inner.root.clone().join(table.schema()).join(table.table())
    }

    fn table_url(&self, table: &RelationName) -> Result<Url> {
        self.inner.url.join(&format!("{}/{}/", table.schema(), table.table())).map_err(|error| {
            Error::new(ErrorKind::Bug, format!("no URL for {table} under {}: {error}", self.inner.url))
        })
    }

    fn builder(&self, table: &RelationName) -> Result<DeltaTableBuilder> {
        let url = self.table_url(table)?;
        Ok(DeltaTableBuilder::from_url(url.clone())?.with_storage_backend(Arc::clone(&self.inner.store), url))
    }

    /// The table at its newest version, whether published or not; `None` when there is none.
    async fn head(&self, name: &RelationName) -> Result<Option<DeltaTable>> {
        let mut table = self.builder(name)?.build()?;
        if !table.log_store().is_delta_table_location().await? {
            return Ok(None);
        }
        table.load().await.map_err(|error| unreadable(name, &error))?;
        Ok(Some(table))
    }

    /// The number of the newest version of a table; `None` when there is no such table.
    ///
    /// # Errors
    /// [`ErrorKind::Lake`] when the folder holds something else than a Delta table we can read.
    pub async fn newest(&self, name: &RelationName) -> Result<Option<u64>> {
        let store = self.builder(name)?.build()?.log_store();
        if !store.is_delta_table_location().await? {
            return Ok(None);
        }
        store.get_latest_version(0).await.map(Some).map_err(|error| unreadable(name, &error))
    }

    /// What a version of a table consists of.
    ///
    /// # Errors
    /// [`ErrorKind::Lake`] when the version is gone or was written by something newer.
    pub async fn version(&self, name: &RelationName, version: u64) -> Result<Arc<TableVersion>> {
        let key = (name.clone(), version);
        if let Some(known) = self.cache().get(&key) {
            return Ok(Arc::clone(known));
        }
        let table = self
            .builder(name)?
            .with_version(version)
            .load()
            .await
            .map_err(|error| unreadable(name, &error))?;
        let read = Arc::new(describe(name, &table)?);
        self.cache().insert(key, Arc::clone(&read));
        Ok(read)
    }

    /// Whether every file of a table version is there, and has its size.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] when the store cannot say.
    pub async fn is_whole(&self, version: &TableVersion) -> Result<bool> {
        let folder = self.folder(&version.name);
        for file in &version.files {
            match self.inner.store.head(&folder.clone().join(file.path.as_str())).await {
                Ok(meta) if meta.size == file.size => {}
                Ok(_) | Err(object_store::Error::NotFound { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Removes files that were written for a table and will be of no version of it, except those that `kept` names.
    pub async fn discard(&self, table: &RelationName, files: &[DataFile], kept: &[DataFile]) {
        let folder = self.folder(table);
        for file in files.iter().filter(|file| kept.iter().all(|kept| kept.path != file.path)) {
            // What stays behind is harmless.
            let _ = self.inner.store.delete(&folder.clone().join(file.path.as_str())).await;
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<(RelationName, u64), Arc<TableVersion>>> {
        self.inner.versions.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A writer of a new data file; `part` tells apart the files that one run writes to one table.
    ///
    /// # Errors
    /// When the schema holds a type that Parquet cannot.
    pub fn writer(
        &self,
        table: &RelationName,
        run: &RunId,
        part: &str,
        schema: SchemaRef,
    ) -> Result<FileWriter> {
        let store = Arc::clone(&self.inner.store);
        FileWriter::new(store, self.folder(table), format!("{run}-{part}"), schema)
    }

    /// Commits `staged` as the next version of its table: afterwards the table has exactly its files.
    ///
    /// Whatever else the head holds (leftovers of a run that was killed) is removed from the table by the same commit. Old
    /// versions stay readable. A crash before leaves nothing; a crash after leaves a version nobody published.
    ///
    /// Where another run commits to the table at the same time, this one commits after it: both versions stay, and which of
    /// the runs counts is decided when they publish. So of two runs one always gets through.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when other processes keep committing, [`ErrorKind::Lake`] or [`ErrorKind::Storage`] when the
    /// log cannot be read or written.
    pub async fn commit(&self, staged: &TableVersion, commit: &Commit) -> Result<Arc<TableVersion>> {
        for _ in 0..COMMIT_ATTEMPTS {
            let head = self.head(&staged.name).await?;
            match self.commit_onto(head, staged, commit).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => return result,
            }
        }
        Err(conflict(&staged.name))
    }

    /// As [`commit`](Self::commit), but only if the newest version is still `expected` (`None`: the table does not exist).
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] when it is not; otherwise as `commit`.
    pub async fn commit_after(
        &self,
        expected: Option<u64>,
        staged: &TableVersion,
        commit: &Commit,
    ) -> Result<Arc<TableVersion>> {
        let head = self.head(&staged.name).await?;
        if head.as_ref().and_then(|table| table.version()) != expected {
            return Err(conflict(&staged.name));
        }
        let committed = self.commit_onto(head, staged, commit).await?;
        // Creating a table cannot be made conditional on its absence: find out whether ours was the first commit.
        if committed.version != Some(expected.map_or(0, |version| version + 1)) {
            return Err(conflict(&staged.name));
        }
        Ok(committed)
    }

    async fn commit_onto(
        &self,
        head: Option<DeltaTable>,
        staged: &TableVersion,
        commit: &Commit,
    ) -> Result<Arc<TableVersion>> {
        let name = &staged.name;
        let schema: StructType = staged.schema.as_ref().try_into_kernel().map_err(|error| {
            Error::new(ErrorKind::Lake, format!("table {name}: a Delta table cannot hold this: {error}"))
        })?;

        let mut actions = Vec::new();
        let mut old = BTreeSet::new();
        let log_store = match &head {
            Some(table) => table.log_store(),
            None => self.builder(name)?.build()?.log_store(),
        };
        match &head {
            None => {
                actions.push(Action::Protocol(protocol()));
                actions.push(Action::Metadata(
                    new_metadata(
                        &schema,
                        Vec::<String>::new(),
                        [("delta.checkpointInterval", CHECKPOINT_INTERVAL)],
                    )?
                    .with_name(name.to_string())?,
                ));
            }
            Some(table) => {
                let snapshot = table.snapshot()?;
                if snapshot.schema().as_ref() != &schema {
                    actions.push(Action::Metadata(snapshot.metadata().clone().with_schema(&schema)?));
                }
                let keep: BTreeSet<&str> = staged.files.iter().map(|file| file.path.as_str()).collect();
                for file in snapshot.log_data().iter() {
                    let path = file.path().to_string();
                    if !keep.contains(path.as_str()) {
                        actions.push(Action::Remove(Remove {
                            path: path.clone(),
                            data_change: true,
                            deletion_timestamp: Some(commit.at.timestamp_millis()),
                            extended_file_metadata: Some(true),
                            partition_values: Some(HashMap::new()),
                            size: Some(file.size()),
                            ..Remove::default()
                        }));
                    }
                    old.insert(path);
                }
            }
        }
        for file in staged.files.iter().filter(|file| !old.contains(&file.path)) {
            actions.push(Action::Add(Add {
                path: file.path.clone(),
                size: i64::try_from(file.size).unwrap_or(i64::MAX),
                modification_time: commit.at.timestamp_millis(),
                data_change: true,
                stats: file.stats.clone(),
                partition_values: HashMap::new(),
                tags: None,
                deletion_vector: None,
                base_row_id: None,
                default_row_commit_version: None,
                clustering_provider: None,
            }));
        }

        let mut info = commit.info.clone();
        info.insert("twinlake.run".into(), commit.run_id.as_str().into());
        info.insert("twinlake.at".into(), commit.at.to_rfc3339().into());
        info.insert("twinlake.hash".into(), staged.hash().to_string().into());
        let properties = CommitProperties::default()
            .with_metadata(info)
            // The logs are the only state: they are never cleaned up behind our back.
            .with_cleanup_expired_logs(Some(false))
            .with_max_retries(0)
            .with_application_transaction(Transaction::new_with_last_update(
                "twinlake",
                i64::try_from(commit.manifest).unwrap_or(i64::MAX),
                Some(commit.at.timestamp_millis()),
            ));
        let operation = DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        let reference = match &head {
            Some(table) => Some(table.snapshot()? as &dyn TableReference),
            None => None,
        };
        let done = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(reference, log_store, operation)
            .await
            .map_err(|error| conflict_or(name, error))?;
        let committed = Arc::new(TableVersion { version: Some(done.version()), ..staged.clone() });
        self.cache().insert((name.clone(), done.version()), Arc::clone(&committed));
        Ok(committed)
    }

    /// What the log says of one commit: the `info` it was given, with `twinlake.run` and `twinlake.at`; `None` when the
    /// log has no such entry.
    ///
    /// # Errors
    /// [`ErrorKind::Lake`] when the entry is damaged.
    pub async fn commit_info(
        &self,
        name: &RelationName,
        version: u64,
    ) -> Result<Option<serde_json::Map<String, serde_json::Value>>> {
        Ok(self.log_entry(name, version).await?.map(|entry| entry.info))
    }

    /// The files that one commit added.
    pub(super) async fn added_files(&self, name: &RelationName, version: u64) -> Result<Option<Vec<Path>>> {
        let folder = self.folder(name);
        Ok(self
            .log_entry(name, version)
            .await?
            .map(|entry| entry.added.iter().map(|file| folder.clone().join(file.as_str())).collect()))
    }

    async fn log_entry(&self, name: &RelationName, version: u64) -> Result<Option<LogEntry>> {
        use object_store::ObjectStoreExt;
        let path = self.folder(name).join("_delta_log").join(format!("{version:020}.json"));
        let bytes = match self.inner.store.get(&path).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut entry = LogEntry::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let action: serde_json::Value = serde_json::from_slice(line).map_err(|error| {
                Error::new(
                    ErrorKind::Lake,
                    format!("table {name}: version {version} of its log is damaged: {error}"),
                )
                .with_hint(DAMAGED)
            })?;
            if let Some(wanted) =
                action.pointer("/protocol/minReaderVersion").and_then(|wanted| wanted.as_u64())
                && wanted > READER_VERSION
            {
                let message = format!("table {name}: it wants a reader of version {wanted}");
                return Err(Error::new(ErrorKind::Lake, message).with_hint(NEWER));
            }
            if let Some(info) = action.get("commitInfo").and_then(|info| info.as_object()) {
                entry.info = info.clone();
            } else if let Some(path) = action.pointer("/add/path").and_then(|path| path.as_str()) {
                entry.added.push(path.to_string());
            }
        }
        Ok(Some(entry))
    }
}

#[derive(Default)]
struct LogEntry {
    info: serde_json::Map<String, serde_json::Value>,
    added: Vec<String>,
}

/// What reading our own tables takes.
const READER_VERSION: u64 = 1;

fn protocol() -> deltalake::kernel::Protocol {
    // Readers need nothing special; writers must know append-only tables and invariants, as all do.
    serde_json::from_value(serde_json::json!({ "minReaderVersion": 1, "minWriterVersion": 2 }))
        .expect("a literal protocol parses")
}

fn describe(name: &RelationName, table: &DeltaTable) -> Result<TableVersion> {
    let snapshot = table.snapshot()?;
    let schema: arrow::datatypes::Schema =
        snapshot.schema().as_ref().try_into_arrow().map_err(|error: arrow::error::ArrowError| {
            Error::new(ErrorKind::Lake, format!("table {name}: unreadable schema: {error}"))
        })?;
    let mut files: Vec<DataFile> = snapshot
        .log_data()
        .iter()
        .map(|file| {
            let path = file.path().to_string();
            let rows = file.num_records().unwrap_or(0) as u64;
            DataFile {
                size: u64::try_from(file.size()).unwrap_or(0),
                hash: LogicalHash { rows, sum: hash_in_name(&path) },
                stats: file.stats(),
                path,
            }
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(TableVersion { name: name.clone(), version: table.version(), schema: Arc::new(schema), files })
}

/// Data files are named `<run>-<part>-<hash>.parquet`.
fn hash_in_name(path: &str) -> u64 {
    path.strip_suffix(".parquet")
        .and_then(|stem| stem.rsplit('-').next())
        .and_then(|hash| u64::from_str_radix(hash, 16).ok())
        .unwrap_or(0)
}

const NEWER: &str = "The table was written by a newer version. Use that version, or a lake of your own.";
const DAMAGED: &str =
    "The lake's folder is damaged or is not a lake. Check `lake` in twin.toml, or restore the folder.";

fn unreadable(name: &RelationName, error: &DeltaTableError) -> Error {
    let text = error.to_string();
    let text = without_backtrace(&text);
    let hint = if text.contains("nsupported") || text.contains("reader version") { NEWER } else { DAMAGED };
    Error::new(ErrorKind::Lake, format!("table {name}: {text}")).with_hint(hint)
}

fn conflict(name: &RelationName) -> Error {
    Error::new(ErrorKind::Conflict, format!("table {name}: another run committed at the same time"))
        .with_hint("Run again: it continues from what that run published.")
}

fn conflict_or(name: &RelationName, error: DeltaTableError) -> Error {
    use deltalake::kernel::transaction::TransactionError as T;
    match &error {
        DeltaTableError::VersionAlreadyExists(_)
        | DeltaTableError::Transaction { source: T::MaxCommitAttempts(_) | T::CommitConflict(_) } => {
            conflict(name)
        }
        DeltaTableError::ObjectStore { .. } | DeltaTableError::Io { .. } => {
            Error::new(ErrorKind::Storage, format!("table {name}: {error}"))
        }
        _ => Error::new(ErrorKind::Lake, format!("table {name}: {}", without_backtrace(&error.to_string()))),
    }
}

/// The instant a commit says it was made at.
pub(super) fn committed_at(info: &serde_json::Map<String, serde_json::Value>) -> Option<Instant> {
    clock::parse(info.get("twinlake.at")?.as_str()?).ok()
}
