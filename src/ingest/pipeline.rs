//! From files to normalised rows: one task cuts, any number parse and normalise, the consumer gets blocks in order.
//!
//! Memory is bounded by the number of blocks in flight, whatever the size of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, BooleanArray, Int64Array, RecordBatch};
use arrow::compute::{filter, filter_record_batch};
use arrow::datatypes::{Schema, SchemaRef};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::engine::{Session, Use};
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::contract::Violation;
use crate::ingest::files::{Block, Chunk, FileReader, Layout};
use crate::ingest::normalise::Normaliser;
use crate::ingest::target::Target;
use crate::lake::RowHasher;
use crate::lake::system::RejectRow;
use crate::node::{Change, Context, Progress, Slice};
use crate::project::Table;
use crate::project::source::Malformed;

/// One block of one slice, normalised.
pub struct Prepared {
    /// Index of the slice.
    pub slice: usize,
    /// The good rows, in the order of the file.
    pub rows: RecordBatch,
    /// Their positions in the file.
    pub positions: Int64Array,
    /// Their row hashes.
    pub hashes: Vec<i64>,
    /// Rows that broke the contract, as far as they could be normalised: their keys are known to be in the file.
    pub rejected: RecordBatch,
    /// What goes to `twin.rejects`.
    pub rejects: Vec<RejectRow>,
    /// Records in the block.
    pub read: u64,
    /// (column, rule) -> rows, for rules that only warn.
    pub warned: BTreeMap<(String, &'static str), u64>,
    chunk: Chunk,
    /// Which row of the chunk each good row is; none when all are good.
    origin: Option<Vec<usize>>,
}

impl Prepared {
    /// The record that a good row was read from.
    pub fn raw(&self, row: usize) -> String {
        self.chunk.raw(self.origin.as_ref().map_or(row, |origin| origin[row]))
    }
}

/// What the consumer gets.
pub enum Event {
    /// A block of the current slice.
    Rows(Box<Prepared>),
    /// The slice is read to its end.
    End {
        /// Index of the slice.
        slice: usize,
        /// The xxh3-128 of its bytes.
        digest: Option<u128>,
        /// New columns it had, which were ignored, and columns it lacked.
        columns_changed: Option<String>,
    },
}

/// A slice that cannot be read or must not land as it is.
pub struct SliceError {
    /// Index of the slice; none when the fault is not in a slice.
    pub slice: Option<usize>,
    /// Whether it is one malformed record in a file that must be whole.
    pub malformed: bool,
    /// What is wrong.
    pub error: Error,
}

impl From<Error> for SliceError {
    fn from(error: Error) -> Self {
        Self { slice: None, malformed: false, error }
    }
}

type Ordered = mpsc::Receiver<Step>;

enum Step {
    Working(usize, JoinHandle<Result<Prepared, (bool, Error)>>),
    End { slice: usize, digest: Option<u128>, columns_changed: Option<String> },
    Failed(SliceError),
}

/// The blocks of some slices, in order.
pub struct Blocks {
    steps: Ordered,
    reading: JoinHandle<()>,
}

impl Drop for Blocks {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// What every block of a refresh needs to know.
pub struct Job {
    /// The table's declaration.
    pub table: Arc<Table>,
    /// Its normalised columns.
    pub target: Target,
    /// The slices to read.
    pub slices: Arc<Vec<Slice>>,
    /// Slices whose records are all to be rejected, and why.
    pub whole: BTreeMap<usize, String>,
}

/// How the table's files are laid out.
pub fn layout(table: &Table, batch_rows: usize) -> Layout {
    Layout {
        format: table.format(),
        csv: table.csv(),
        json: table.json(),
        columns: if table.csv().header { Vec::new() } else { raw_names(table) },
        batch_rows,
        ..Layout::default()
    }
}

/// The raw columns of a file without a header: those that columns come from, in order of declaration.
fn raw_names(table: &Table) -> Vec<String> {
    let columns = table.decl.columns.iter().filter(|(_, decl)| decl.sql.is_none());
    columns.map(|(name, decl)| decl.from.first().unwrap_or(name).clone()).collect()
}

impl Blocks {
    /// Begins to read.
    pub fn read(context: &Context, job: Job) -> Self {
        let ahead = context.engine.threads() + 1;
        let (sender, steps) = mpsc::channel(ahead);
        let session = context.engine.session(context.binding.clone(), context.as_of, Use::Compute);
        let layout = layout(&job.table, context.engine.batch_rows());
        let stamp = Stamp { run_id: context.run_id.to_string(), at: context.as_of.timestamp_micros() };
        let read = Reading {
            progress: Arc::clone(&context.progress),
            total: job
                .slices
                .iter()
                .filter(|slice| slice.change != Change::Vanished)
                .map(|slice| slice.size)
                .sum(),
        };
        let reading = tokio::spawn(async move {
            let present = |slice: &usize| job.slices[*slice].change != Change::Vanished;
            for slice in (0..job.slices.len()).filter(present) {
                if let Err(error) = read_slice(&job, slice, &layout, &session, &stamp, &sender, &read).await {
                    // The consumer may have gone: then nobody wants to know.
                    let _ = sender.send(Step::Failed(error)).await;
                    return;
                }
            }
        });
        Self { steps, reading }
    }

    /// The next event; none at the end.
    ///
    /// # Errors
    /// A [`SliceError`] naming the slice at fault.
    pub async fn next(&mut self) -> Result<Option<Event>, SliceError> {
        match self.steps.recv().await {
            // Closed is not the end of the input where the reading task died.
            None => match (&mut self.reading).await {
                Ok(()) => Ok(None),
                Err(panic) => Err(died(&panic).into()),
            },
            Some(Step::Failed(error)) => Err(error),
            Some(Step::End { slice, digest, columns_changed }) => {
                Ok(Some(Event::End { slice, digest, columns_changed }))
            }
            Some(Step::Working(slice, work)) => match work.await {
                Ok(Ok(prepared)) => Ok(Some(Event::Rows(Box::new(prepared)))),
                Ok(Err((malformed, error))) => Err(SliceError { slice: Some(slice), malformed, error }),
                Err(panic) => Err(died(&panic).into()),
            },
        }
    }
}

fn died(panic: &tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Bug, format!("a reader died: {panic}"))
}

#[derive(Clone)]
struct Stamp {
    run_id: String,
    at: i64,
}

async fn read_slice(
    job: &Job,
    index: usize,
    layout: &Layout,
    session: &Session,
    stamp: &Stamp,
    sender: &mpsc::Sender<Step>,
    read: &Reading,
) -> Result<(), SliceError> {
    let slice = &job.slices[index];
    let of_slice = |error: Error| SliceError { slice: Some(index), malformed: false, error };
    let (path, layout) = (slice.location.clone(), layout.clone());
    let mut reader = blocking(move || FileReader::open(&path, &layout)).await.map_err(of_slice)?;
    let raw = reader.schema();
    let mut columns_changed = {
        let names: Vec<_> = raw.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect();
        job.target.clone().evolve(&job.table, &names).map_err(of_slice)?
    };
    let normaliser = Normaliser::new(&job.table, &job.target, &raw, session).await.map_err(of_slice)?;
    let missing = normaliser.missing(&job.table).join(", ");
    if !missing.is_empty() {
        if let Some(changed) = &columns_changed {
            // Gone here, new there: likely it was renamed.
            tracing::warn!(table = %job.table.name, "file {}: lacks column {missing}; {changed}", slice.uri);
        }
        let changed = columns_changed.take().map_or(String::new(), |changed| format!("{changed}; "));
        columns_changed = Some(format!("{changed}missing: {missing}"));
    }
    let worker = Arc::new(Worker {
        slice: index,
        uri: slice.uri.clone(),
        relation: job.table.name.to_string(),
        normaliser,
        hasher: RowHasher::new(&Schema::new(job.target.fields())),
        schema: Arc::new(Schema::new(job.target.fields())),
        malformed: job.table.malformed(),
        whole: job.whole.get(&index).cloned(),
        stamp: stamp.clone(),
    });
    let mut passed = 0;
    loop {
        let (returned, block) = spawn_blocking(move || {
            let block = reader.next_block();
            (reader, block)
        })
        .await
        .map_err(|panic| of_slice(died(&panic)))?;
        reader = returned;
        let Some(block) = block.map_err(of_slice)? else { break };
        read.advance(reader.passed().min(slice.size) - passed);
        passed = reader.passed().min(slice.size);
        let worker = Arc::clone(&worker);
        let work = spawn_blocking(move || worker.prepare(block));
        if sender.send(Step::Working(index, work)).await.is_err() {
            return Ok(());
        }
    }
    read.advance(slice.size - passed);
    let end = Step::End { slice: index, digest: reader.digest(), columns_changed };
    let _ = sender.send(end).await;
    Ok(())
}

/// How far all slices have been read.
struct Reading {
    progress: Arc<dyn Progress>,
    total: u64,
}

impl Reading {
    fn advance(&self, bytes: u64) {
        self.progress.bytes(bytes, self.total);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.map_err(|panic| died(&panic))?
}

struct Worker {
    slice: usize,
    uri: String,
    relation: String,
    normaliser: Normaliser,
    hasher: RowHasher,
    schema: SchemaRef,
    malformed: Malformed,
    whole: Option<String>,
    stamp: Stamp,
}

impl Worker {
    /// The error says whether it is about a malformed record in a file that must be whole.
    fn prepare(&self, block: Block) -> Result<Prepared, (bool, Error)> {
        let plain = |error: Error| (false, error);
        let chunk = block.parse().map_err(plain)?;
        let count = chunk.rows.num_rows();
        let read = (count + chunk.malformed.len()) as u64;
        let mut rejects = Vec::new();
        let mut rejected_rows = BTreeSet::new();
        let mut warned = BTreeMap::new();

        if let (Some(first), Malformed::File, None) = (chunk.malformed.first(), self.malformed, &self.whole) {
            let error = Error::new(
                ErrorKind::Input,
                format!("file {}, line {}: {}", self.uri, first.position, first.reason),
            );
            return Err((true, error));
        }
        for bad in &chunk.malformed {
            let reason = bad.reason.clone();
            rejects.push(self.reject(bad.position, None, "malformed", reason, bad.raw.clone()));
        }
        let rows = if let Some(reason) = &self.whole {
            for row in 0..count {
                let raw = chunk.raw(row);
                rejects.push(self.reject(chunk.positions.value(row), None, "file", reason.clone(), raw));
                rejected_rows.insert(row);
            }
            RecordBatch::new_empty(Arc::clone(&self.schema))
        } else {
            let normalised = self.normaliser.normalise(&chunk.rows).map_err(plain)?;
            if let Some((row, violation)) = normalised.violations.failed {
                let position = chunk.positions.value(row);
                let error = Error::new(
                    ErrorKind::Contract,
                    format!("file {}, line {position}: {}", self.uri, violation.reason),
                )
                .with_hint("The contract says `fail`: mend the file, or set on_violation to \"reject\".");
                return Err((false, error));
            }
            for (row, violations) in normalised.violations.rejected {
                let first: &Violation = &violations[0];
                let reasons: Vec<&str> = violations.iter().map(|v| v.reason.as_str()).collect();
                let (column, rule) = (Some(first.column.clone()), first.rule);
                let position = chunk.positions.value(row);
                rejects.push(self.reject(position, column, rule, reasons.join("; "), chunk.raw(row)));
                rejected_rows.insert(row);
            }
            warned = normalised.violations.warned;
            normalised.rows
        };
        rejects.sort_by_key(|reject| reject.position);

        let good: Option<Vec<usize>> = (!rejected_rows.is_empty())
            .then(|| (0..count).filter(|row| !rejected_rows.contains(row)).collect());
        let (rows, positions, rejected) = match &good {
            None => (rows, chunk.positions.clone(), RecordBatch::new_empty(Arc::clone(&self.schema))),
            Some(_) if self.whole.is_some() => (rows.clone(), Int64Array::from(Vec::<i64>::new()), rows),
            Some(_) => {
                let split = |keep: bool| -> BooleanArray {
                    (0..count).map(|row| Some(rejected_rows.contains(&row) != keep)).collect()
                };
                let arrow = |error: arrow::error::ArrowError| plain(Error::from(error));
                let positions = filter(&chunk.positions, &split(true)).map_err(arrow)?;
                (
                    filter_record_batch(&rows, &split(true)).map_err(arrow)?,
                    Int64Array::from(positions.to_data()),
                    filter_record_batch(&rows, &split(false)).map_err(arrow)?,
                )
            }
        };
        let hashes = self.hasher.hash(&rows).map_err(plain)?;
        let slice = self.slice;
        Ok(Prepared { slice, rows, positions, hashes, rejected, rejects, read, warned, chunk, origin: good })
    }

    fn reject(
        &self,
        position: i64,
        column: Option<String>,
        rule: &str,
        reason: String,
        raw: String,
    ) -> RejectRow {
        RejectRow {
            run_id: self.stamp.run_id.clone(),
            relation: self.relation.clone(),
            uri: self.uri.clone(),
            position: Some(position),
            column,
            rule: rule.to_string(),
            reason,
            raw,
            rejected_at: self.stamp.at,
        }
    }
}
