//! A landed table as a node: which files wait, and what becomes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use tokio::task::spawn_blocking;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Fingerprint, RelationName};
use crate::ingest::account::{Account, Ledger, slice_row};
use crate::ingest::files::{FileReader, infer, matching};
use crate::ingest::pipeline::{Job, SliceError, layout};
use crate::ingest::target::Target;
use crate::ingest::{append, keyed};
use crate::lake::columns::landed_schema;
use crate::lake::system::{RejectRow, SliceRow};
use crate::lake::{DataFile, RelationKind, TableVersion};
use crate::node::{
    Change, Check, Context, Description, Known, Node, Output, Pending, Records, Refreshed, Slice,
};
use crate::project::Table;
use crate::project::source::{NewColumns, OnViolation, Vanished, WriteMode};

/// A table that lands from files.
pub struct FileTable {
    /// Its declaration.
    pub table: Arc<Table>,
    /// The relations that its contract and its checks refer to.
    pub inputs: BTreeSet<RelationName>,
    /// Of its declaration.
    pub fingerprint: Fingerprint,
    /// Declared checks.
    pub checks: Vec<Check>,
    /// What it and its columns mean.
    pub description: Description,
}

#[async_trait]
impl Node for FileTable {
    fn name(&self) -> &RelationName {
        &self.table.name
    }
    fn kind(&self) -> RelationKind {
        RelationKind::Source
    }
    fn inputs(&self) -> &BTreeSet<RelationName> {
        &self.inputs
    }
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
    fn checks(&self) -> &[Check] {
        &self.checks
    }
    fn description(&self) -> &Description {
        &self.description
    }

    async fn pending(&self, known: &Known) -> Result<Pending> {
        let table = Arc::clone(&self.table);
        let found = spawn_blocking(move || matching(&table.root, &table.decl.files))
            .await
            .map_err(|panic| Error::new(ErrorKind::Bug, format!("listing files died: {panic}")))?
            .map_err(|error| error.context(format!("table {}", self.table.name)))?;
        if found.is_empty() && known.is_empty() {
            let files = self.table.decl.files.join(", ");
            tracing::warn!(table = %self.table.name, "no file matches {files} under {}", self.table.root);
        }
        let mut pending = Pending::default();
        let limit = match self.table.decl.max_files_per_run {
            0 => usize::MAX,
            limit => limit,
        };
        let mut present = BTreeSet::new();
        let mut taken = 0;
        for file in found {
            present.insert(file.uri.clone());
            let mut slice = Slice {
                location: file.path,
                uri: file.uri,
                size: file.size,
                modified_at: file.modified_at,
                change: Change::New,
            };
            pending.all.push(slice.clone());
            match known.get(&slice.uri) {
                Some(before)
                    if before.size == i64::try_from(slice.size).unwrap_or(i64::MAX)
                        && before.modified_at == slice.modified_at.timestamp_micros()
                        && before.status != "vanished"
                        && !never_read(before) =>
                {
                    continue;
                }
                Some(before) if before.status != "vanished" => slice.change = Change::Changed,
                _ => {}
            }
            // One that cannot be read again must not take the place of those that can.
            if known.get(&slice.uri).is_some_and(never_read) {
                pending.slices.push(slice);
            } else if taken < limit {
                taken += 1;
                pending.slices.push(slice);
            } else {
                pending.later += 1;
            }
        }
        if self.table.decl.vanished == Vanished::Remove {
            let gone = known.iter().filter(|(uri, row)| !present.contains(*uri) && row.status != "vanished");
            pending.slices.extend(gone.map(|(uri, row)| Slice {
                location: Path::new(&self.table.root).join(uri),
                uri: uri.clone(),
                size: 0,
                modified_at: chrono::DateTime::from_timestamp_micros(row.modified_at).unwrap_or_default(),
                change: Change::Vanished,
            }));
        }
        Ok(pending)
    }

    async fn refresh(&self, context: &Context) -> Result<Refreshed> {
        self.land(context).await.map_err(|error| error.context(format!("table {}", self.table.name)))
    }
}

/// Slices that will not land as they are, and why.
#[derive(Default)]
struct Faults {
    /// Their records are all rejected.
    whole: BTreeMap<usize, String>,
    /// They cannot be read.
    unreadable: BTreeMap<usize, String>,
}

impl FileTable {
    async fn land(&self, context: &Context) -> Result<Refreshed> {
        let (touched, vanished, slices) = self.sort_out(context).await?;
        let base = self.base(context).await?;
        let mut faults = Faults::default();
        // A slice that turns out to be at fault half-way is set aside, and the rest begins anew: that costs time only
        // when there is something wrong.
        let (schema, files, ledger, usable) = loop {
            let usable: Vec<Slice> = slices
                .iter()
                .enumerate()
                .filter(|(index, _)| !faults.unreadable.contains_key(index))
                .map(|(_, slice)| slice.clone())
                .chain(vanished.iter().cloned())
                .collect();
            let place: Vec<usize> =
                (0..slices.len()).filter(|index| !faults.unreadable.contains_key(index)).collect();
            match self.attempt(context, base.as_deref(), &usable, &place, &faults).await {
                Ok((schema, files, ledger)) => break (schema, files, ledger, usable),
                Err(SliceError { slice: Some(at), malformed, error }) if self.tolerates(&error) => {
                    let Some(index) = place.get(at).copied() else { return Err(error) };
                    let why = match error.hint() {
                        Some(hint) => format!("{}. {hint}", error.message()),
                        None => error.message().to_string(),
                    };
                    tracing::warn!(table = %self.table.name, "{why}");
                    if malformed && !faults.whole.contains_key(&index) {
                        faults.whole.insert(index, why);
                    } else {
                        faults.unreadable.insert(index, why);
                    }
                }
                Err(fault) => return Err(fault.error),
            }
        };
        let mut ledger = ledger;
        let mut set_aside = Vec::new();
        for (index, why) in &faults.unreadable {
            let slice = &slices[*index];
            let reject = RejectRow {
                run_id: context.run_id.to_string(),
                relation: self.table.name.to_string(),
                uri: slice.uri.clone(),
                position: None,
                column: None,
                rule: "file".into(),
                reason: why.clone(),
                raw: String::new(),
                rejected_at: context.as_of.timestamp_micros(),
            };
            ledger.reject(context, &self.table, &[reject]).await?;
            // What could be read but makes no sense has a digest. What could not be read has none, and is tried again.
            let path = slice.location.clone();
            let digest = spawn_blocking(move || digest(&path))
                .await
                .map_err(|panic| Error::new(ErrorKind::Bug, format!("hashing died: {panic}")))?;
            let account = Account { digest: digest.ok(), ..Account::default() };
            set_aside.push(slice_row(context, &self.table, slice, "rejected", &account));
        }
        for (slice, digest) in touched {
            let account = Account { digest: Some(digest), ..Account::default() };
            set_aside.push(slice_row(context, &self.table, &slice, "unchanged", &account));
        }
        let (mut slice_rows, checks, rejects) = ledger.close(context, &self.table, &usable).await?;
        slice_rows.extend(set_aside);
        let table = TableVersion { name: self.table.name.clone(), version: None, schema, files };
        let records = Records { slices: slice_rows, rejects, checks, ..Records::default() };
        Ok(Refreshed { output: Output::Table(table), records })
    }

    /// Whether a bad file is set aside rather than failing the node.
    fn tolerates(&self, error: &Error) -> bool {
        matches!(error.kind(), ErrorKind::Input | ErrorKind::NotFound)
            && self.table.on_violation() != OnViolation::Fail
    }

    /// Slices that were only touched (same bytes), slices that vanished, slices to read.
    async fn sort_out(&self, context: &Context) -> Result<(Vec<(Slice, u128)>, Vec<Slice>, Vec<Slice>)> {
        let (mut touched, mut vanished, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
        for slice in &context.pending.slices {
            let before = context.known.get(&slice.uri);
            let same_size =
                before.is_some_and(|row| row.size == i64::try_from(slice.size).unwrap_or(i64::MAX));
            match slice.change {
                Change::Vanished => vanished.push(slice.clone()),
                Change::Changed if same_size => {
                    let path = slice.location.clone();
                    let digest = spawn_blocking(move || digest(&path))
                        .await
                        .map_err(|panic| Error::new(ErrorKind::Bug, format!("hashing died: {panic}")))?;
                    let known = before.map(|row| row.digest.as_str()).unwrap_or_default();
                    match digest {
                        Ok(digest) if format!("{digest:032x}") == known => {
                            touched.push((slice.clone(), digest))
                        }
                        _ => fresh.push(slice.clone()),
                    }
                }
                Change::Changed | Change::New => fresh.push(slice.clone()),
            }
        }
        Ok((touched, vanished, fresh))
    }

    async fn base(&self, context: &Context) -> Result<Option<Arc<TableVersion>>> {
        match context.published.as_ref().and_then(|published| published.version) {
            Some(version) => Ok(Some(context.engine.lake().version(&self.table.name, version).await?)),
            None => Ok(None),
        }
    }

    async fn attempt(
        &self,
        context: &Context,
        base: Option<&TableVersion>,
        usable: &[Slice],
        place: &[usize],
        faults: &Faults,
    ) -> Result<(arrow::datatypes::SchemaRef, Vec<DataFile>, Ledger), SliceError> {
        let (target, added) = self.target(context, base, usable).await?;
        let mode = self.table.mode();
        let keyed = mode != WriteMode::Append;
        let schema = landed_schema(&target.fields(), keyed, mode == WriteMode::History);
        let mut ledger = Ledger::new(usable.len());
        let mut whole = BTreeMap::new();
        for (at, index) in place.iter().enumerate() {
            if let Some(why) = faults.whole.get(index) {
                whole.insert(at, why.clone());
                ledger.account(at).whole = true;
            }
        }
        let job = Job { table: Arc::clone(&self.table), target, slices: Arc::new(usable.to_vec()), whole };
        let files = match keyed {
            false => append::land(context, job, base, &schema, &mut ledger).await?,
            true => keyed::land(context, job, base, &schema, &mut ledger).await?,
        };
        for (index, columns) in added {
            ledger.account(index).columns_changed = Some(columns);
        }
        Ok((schema, files, ledger))
    }

    /// The table's columns: declared, published before, and brought by these files where it evolves. And which files brought any.
    async fn target(
        &self,
        context: &Context,
        base: Option<&TableVersion>,
        slices: &[Slice],
    ) -> Result<(Target, BTreeMap<usize, String>), SliceError> {
        let mut added = BTreeMap::new();
        let mut target = Target::declared(&self.table)?;
        if let Some(base) = base {
            target.keep(&base.schema);
        }
        if self.table.new_columns() != NewColumns::Evolve {
            return Ok((target, added));
        }
        for (index, slice) in slices.iter().enumerate().filter(|(_, s)| s.change != Change::Vanished) {
            let layout = layout(&self.table, context.engine.batch_rows());
            let path = slice.location.clone();
            let known = base.is_some();
            let columns = spawn_blocking(move || -> Result<Vec<(String, DataType)>> {
                // Types matter for columns that are new; names alone can be read faster.
                let reader = FileReader::open(&path, &layout)?;
                let names = reader.schema();
                if known && !reader.has_own_types() && names.fields().is_empty() {
                    return Ok(Vec::new());
                }
                infer(&path, &layout)
            })
            .await
            .map_err(|panic| Error::new(ErrorKind::Bug, format!("reading columns died: {panic}")))
            .and_then(|result| result)
            .map_err(|error| SliceError { slice: Some(index), malformed: false, error })?;
            if base.is_none() {
                target.widen(&columns);
            }
            // The file that a table gets its first columns from changes none.
            let has_columns = !target.columns.is_empty();
            let changed = target.evolve(&self.table, &columns).map_err(|error| SliceError {
                slice: Some(index),
                malformed: false,
                error,
            })?;
            added.extend(changed.filter(|_| has_columns).map(|changed| (index, changed)));
        }
        Ok((target, added))
    }
}

/// Whether a slice was set aside because its bytes could not be had at all: no right to read it, a disk that failed. The
/// file itself does not change when that is mended.
fn never_read(slice: &SliceRow) -> bool {
    slice.status == "rejected" && slice.digest.is_empty()
}

/// The xxh3-128 of a file's bytes.
fn digest(path: &Path) -> std::io::Result<u128> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher.digest128());
        }
        hasher.update(&buffer[..read]);
    }
}
