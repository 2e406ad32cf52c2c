//! `append`: every row is kept. Blocks are dealt to writers in turn, each writing files of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::RelationName;
use crate::ingest::account::Ledger;
use crate::ingest::landing::Landing;
use crate::ingest::pipeline::{Blocks, Event, Job, SliceError};
use crate::ingest::rewrite::{merge_small, read_file, rewrite};
use crate::lake::columns;
use crate::lake::{DataFile, FileWriter, Lake, TableVersion};
use crate::node::{Change, Context};

/// Rows in a data file before the next one is begun.
const FILE_ROWS: u64 = 8_000_000;

/// Input that is worth more than one writer.
const PARALLEL_BYTES: u64 = 16 << 20;

/// Lands all slices of `job` behind `base`; rows that changed or vanished slices brought before are taken out.
///
/// # Errors
/// A [`SliceError`] when a slice is at fault; nothing refers to the files written so far then.
pub async fn land(
    context: &Context,
    job: Job,
    base: Option<&TableVersion>,
    schema: &SchemaRef,
    ledger: &mut Ledger,
) -> Result<Vec<DataFile>, SliceError> {
    let table = Arc::clone(&job.table);
    let slices = Arc::clone(&job.slices);
    let mut files = Vec::new();
    if let Some(base) = base {
        // A file that is rejected as a whole brings nothing in place of what it brought before.
        let replaced: BTreeSet<&str> = slices
            .iter()
            .enumerate()
            .filter(|(index, slice)| slice.change != Change::New && !job.whole.contains_key(index))
            .map(|(_, slice)| slice.uri.as_str())
            .collect();
        files = keep(context, base, schema, &replaced, |uri, rows| {
            if let Some(slice) = slices.iter().position(|slice| slice.uri == uri) {
                ledger.account(slice).deleted += rows;
            }
        })
        .await?;
    }
    let bytes: u64 = slices.iter().map(|slice| slice.size).sum();
    let writers = if bytes < PARALLEL_BYTES { 1 } else { context.engine.threads() };
    let mut writers: Vec<Writer> =
        (0..writers).map(|index| Writer::start(context, &table.name, schema, index)).collect();

    // Writers that were given up must be gone before anything is written anew.
    if let Err(fault) = deal(context, job, schema, ledger, &mut writers).await {
        for writer in writers {
            writer.abandon().await;
        }
        return Err(fault);
    }
    for writer in writers {
        files.extend(writer.finish().await?);
    }
    Ok(merge_small(context, &table.name, schema, files).await?)
}

/// Deals the blocks of all slices to the writers in turn.
async fn deal(
    context: &Context,
    job: Job,
    schema: &SchemaRef,
    ledger: &mut Ledger,
    writers: &mut [Writer],
) -> Result<(), SliceError> {
    let (table, slices) = (Arc::clone(&job.table), Arc::clone(&job.slices));
    let mut blocks = Blocks::read(context, job);
    let mut turn = 0;
    while let Some(event) = blocks.next().await? {
        match event {
            Event::Rows(block) => {
                ledger.take(context, &table, &block).await?;
                let rows = block.rows.num_rows();
                ledger.account(block.slice).landed += rows as u64;
                context.progress.rows(rows as u64);
                if rows > 0 {
                    let landing = Landing { context, source: &table.source, uri: &slices[block.slice].uri };
                    let landed = landing.stamp(&block.rows, &block.positions, schema)?;
                    let index = turn % writers.len();
                    writers[index].write(landed, block.hashes).await?;
                    turn += 1;
                }
            }
            Event::End { slice, digest, columns_changed } => {
                let account = ledger.account(slice);
                account.digest = digest;
                account.columns_changed = columns_changed;
            }
        }
    }
    Ok(())
}

/// The files of `base` without the rows that came from the slices `replaced`.
async fn keep(
    context: &Context,
    base: &TableVersion,
    schema: &SchemaRef,
    replaced: &BTreeSet<&str>,
    mut gone: impl FnMut(&str, u64),
) -> Result<Vec<DataFile>> {
    let mut files = Vec::new();
    for (index, file) in base.files.iter().enumerate() {
        if replaced.is_empty() {
            files.push(file.clone());
            continue;
        }
        let mut affected = false;
        let mut batches =
            read_file(context.engine.lake(), &base.name, file, Some(&[columns::SOURCE_URI])).await?;
        while let Some(batch) = batches.next().await? {
            for uri in batch.column(0).as_string::<i32>().iter().flatten() {
                if replaced.contains(uri) {
                    affected = true;
                    gone(uri, 1);
                }
            }
        }
        if !affected {
            files.push(file.clone());
            continue;
        }
        let part = format!("keep{index}");
        let kept = rewrite(context, &base.name, file, schema, &part, |batch, _| {
            let uris = batch.column_by_name(columns::SOURCE_URI).map(|c| c.as_string::<i32>().clone());
            let keep: BooleanArray = match uris {
                Some(uris) => {
                    uris.iter().map(|uri| Some(!uri.is_some_and(|uri| replaced.contains(uri)))).collect()
                }
                None => BooleanArray::from(vec![true; batch.num_rows()]),
            };
            Ok(filter_record_batch(&batch, &keep)?)
        })
        .await?;
        files.extend(kept);
    }
    Ok(files)
}

/// One writing task.
struct Writer {
    /// None is the end: a channel that closes without it was given up, and no file is completed.
    batches: mpsc::Sender<Option<(RecordBatch, Vec<i64>)>>,
    task: JoinHandle<Result<Vec<DataFile>>>,
}

impl Writer {
    fn start(context: &Context, table: &RelationName, schema: &SchemaRef, index: usize) -> Self {
        let (batches, mut waiting) = mpsc::channel::<Option<(RecordBatch, Vec<i64>)>>(2);
        let (lake, run, table, schema): (Lake, _, _, _) =
            (context.engine.lake().clone(), context.run_id.clone(), table.clone(), Arc::clone(schema));
        let task = tokio::spawn(async move {
            let mut files = Vec::new();
            let mut open: Option<FileWriter> = None;
            while let Some(next) = waiting.recv().await {
                let Some((batch, hashes)) = next else {
                    if let Some(writer) = open {
                        files.extend(writer.finish().await?);
                    }
                    return Ok(files);
                };
                let mut writer = match open.take() {
                    Some(writer) => writer,
                    None => {
                        lake.writer(&table, &run, &format!("{index}.{}", files.len()), Arc::clone(&schema))?
                    }
                };
                writer.write_hashed(&batch, &hashes).await?;
                if writer.rows() >= FILE_ROWS {
                    files.extend(writer.finish().await?);
                } else {
                    open = Some(writer);
                }
            }
            Ok(Vec::new())
        });
        Self { batches, task }
    }

    async fn write(&mut self, batch: RecordBatch, hashes: Vec<i64>) -> Result<()> {
        if self.batches.send(Some((batch, hashes))).await.is_err() {
            // The task ended early: it knows why.
            let stopped = Error::new(ErrorKind::Bug, "a writer stopped without a reason");
            let task = std::mem::replace(&mut self.task, tokio::spawn(async { Ok(Vec::new()) }));
            return Err(joined(task.await).err().unwrap_or(stopped));
        }
        Ok(())
    }

    async fn finish(self) -> Result<Vec<DataFile>> {
        // Where the task ended early, it knows why.
        let _ = self.batches.send(None).await;
        joined(self.task.await)
    }

    /// Waits until the task has ended, without completing its file.
    async fn abandon(self) {
        drop(self.batches);
        let _ = self.task.await;
    }
}

fn joined<T>(result: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    result.map_err(|panic| Error::new(ErrorKind::Bug, format!("a writer died: {panic}")))?
}
