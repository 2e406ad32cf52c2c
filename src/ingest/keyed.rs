//! `upsert`, `snapshot` and `history`: rows have identity, and a key's current row is known.
//!
//! An index holds, for every key, where its current row is, its hash and its order: 16 bytes of hashed key and about 50 of
//! the rest, so ten million keys need about a gigabyte. Rows pass in the order of the files; what is new or different is
//! written at once, what it replaces is marked. At the end, files with marked rows are written anew without them, or,
//! for `history`, with `_valid_to` set.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, TimestampMicrosecondArray,
    TimestampMicrosecondBuilder,
};
use arrow::compute::{cast, filter, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::row::{RowConverter, SortField};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::{Error, ErrorKind, Result};
use crate::ingest::account::Ledger;
use crate::ingest::landing::Landing;
use crate::ingest::pipeline::{Blocks, Event, Job, Prepared, SliceError};
use crate::ingest::rewrite::{conform, merge_small, read_file, rewrite};
use crate::lake::columns::instant_type;
use crate::lake::system::RejectRow;
use crate::lake::{DataFile, FileWriter, TableVersion, columns};
use crate::node::{Context, Slice};
use crate::project::source::WriteMode;

/// Where a key's current row is, and what it is like.
struct Current {
    file: u32,
    row: u32,
    hash: i64,
    order: Option<Box<[u8]>>,
    /// The slice, counted from 1, that last had this key in a good row; 0 for none of this run.
    seen: u32,
    /// The slice that last had this key in a rejected row: no reason to delete it, nor to take a good row for its duplicate.
    spared: u32,
}

/// What becomes of a row that is no longer current.
type Marked = BTreeMap<u32, BTreeMap<u32, Option<i64>>>;

/// Lands all slices of `job` into `base`, one after the other.
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
    let mut merge = Merge::new(context, &job, base, schema).await?;
    let mut blocks = Blocks::read(context, job);
    while let Some(event) = blocks.next().await? {
        match event {
            Event::Rows(block) => {
                ledger.take(context, &merge.job.table, &block).await?;
                merge.take(*block, ledger).await?;
            }
            Event::End { slice, digest, columns_changed } => {
                let whole = ledger.account(slice).whole;
                if !whole {
                    merge.end(slice, ledger);
                }
                let account = ledger.account(slice);
                account.digest = digest;
                account.columns_changed = columns_changed;
            }
        }
    }
    Ok(merge.finish().await?)
}

struct Merge<'a> {
    context: &'a Context,
    job: JobInfo,
    schema: &'a SchemaRef,
    mode: WriteMode,
    keys: Encoder,
    order: Option<Encoder>,
    index: HashMap<u128, Current>,
    marked: Marked,
    /// Files the index speaks of: the base's, then the one being written.
    files: Vec<DataFile>,
    writer: FileWriter,
    written: u32,
}

/// What outlives the job, which the reading task owns.
struct JobInfo {
    table: Arc<crate::project::Table>,
    slices: Arc<Vec<Slice>>,
}

impl<'a> Merge<'a> {
    async fn new(
        context: &'a Context,
        job: &Job,
        base: Option<&TableVersion>,
        schema: &'a SchemaRef,
    ) -> Result<Self> {
        let decl = &job.table.decl;
        let normalised = Schema::new(job.target.fields());
        let keys = Encoder::new(&normalised, &decl.key)?;
        let order = match &decl.order_by {
            Some(column) => Some(Encoder::new(&normalised, std::slice::from_ref(column))?),
            None => None,
        };
        let files: Vec<DataFile> = base.map(|base| base.files.clone()).unwrap_or_default();
        let mut merge = Self {
            context,
            job: JobInfo { table: Arc::clone(&job.table), slices: Arc::clone(&job.slices) },
            schema,
            mode: job.table.mode(),
            keys,
            order,
            index: HashMap::new(),
            marked: Marked::new(),
            writer: context.engine.lake().writer(
                &job.table.name,
                &context.run_id,
                "0",
                Arc::clone(schema),
            )?,
            files,
            written: 0,
        };
        for file in 0..merge.files.len() {
            merge.load(file).await?;
        }
        Ok(merge)
    }

    /// Reads the keys of one file of the base into the index.
    async fn load(&mut self, file: usize) -> Result<()> {
        let mut wanted: Vec<&str> = self.keys.columns.iter().map(String::as_str).collect();
        wanted.extend(self.order.iter().flat_map(|order| order.columns.iter().map(String::as_str)));
        wanted.extend([columns::ROW_HASH, columns::VALID_TO]);
        let data = self.files[file].clone();
        let mut batches =
            read_file(self.context.engine.lake(), &self.job.table.name, &data, Some(&wanted)).await?;
        let mut first = 0u32;
        while let Some(batch) = batches.next().await? {
            let batch = conform(&batch, self.schema)?;
            let keys = self.keys.hashes(&batch)?;
            let orders = self.order.as_ref().map(|order| order.bytes(&batch)).transpose()?;
            let hash = |row: usize| match batch.column_by_name(columns::ROW_HASH) {
                Some(hashes) => hashes.as_primitive::<Int64Type>().value(row),
                None => 0,
            };
            let closed = batch.column_by_name(columns::VALID_TO);
            for (row, key) in keys.into_iter().enumerate() {
                let Some(key) = key else { continue };
                if closed.is_some_and(|closed| closed.is_valid(row)) {
                    continue;
                }
                let order = orders.as_ref().map(|orders| orders[row].clone());
                let place = (number(file)?, first + number(row)?);
                let current =
                    Current { file: place.0, row: place.1, hash: hash(row), order, seen: 0, spared: 0 };
                self.index.insert(key, current);
            }
            first += number(batch.num_rows())?;
        }
        Ok(())
    }

    async fn take(&mut self, block: Prepared, ledger: &mut Ledger) -> Result<()> {
        let slice = &self.job.slices[block.slice];
        let seen = number(block.slice + 1)?;
        // A rejected row is no reason to delete what is known of its key.
        for key in self.keys.hashes(&block.rejected)?.into_iter().flatten() {
            if let Some(current) = self.index.get_mut(&key) {
                current.spared = seen;
            }
        }
        let keys = self.keys.hashes(&block.rows)?;
        let orders = self.order.as_ref().map(|order| order.bytes(&block.rows)).transpose()?;
        let from = self.valid_from(&block.rows, slice)?;
        let mut keep = Vec::with_capacity(keys.len());
        let mut rejects = Vec::new();
        let (mut unchanged, file) = (0, number(self.files.len())?);
        for (row, key) in keys.iter().enumerate() {
            let Some(key) = key else {
                rejects.push(self.reject(slice, &block, row, "required", "a column of the key is null"));
                keep.push(false);
                continue;
            };
            let order = orders.as_ref().map(|orders| orders[row].clone());
            let hash = block.hashes[row];
            let next = Current { file, row: self.written, hash, order, seen, spared: 0 };
            match self.index.get_mut(key) {
                None => {
                    self.index.insert(*key, next);
                }
                Some(current) if current.hash == hash => {
                    current.seen = seen;
                    unchanged += 1;
                    keep.push(false);
                    continue;
                }
                Some(current) if self.mode != WriteMode::Upsert && current.seen == seen => {
                    let reason = "its key is in this file before, with other values";
                    rejects.push(self.reject(slice, &block, row, "duplicate key", reason));
                    keep.push(false);
                    continue;
                }
                Some(current) if self.mode == WriteMode::Upsert && next.order < current.order => {
                    current.seen = seen;
                    unchanged += 1;
                    keep.push(false);
                    continue;
                }
                Some(current) => {
                    let until = (self.mode == WriteMode::History).then_some(from[row]);
                    self.marked.entry(current.file).or_default().insert(current.row, until);
                    *current = next;
                }
            }
            keep.push(true);
            self.written += 1;
        }
        let account = ledger.account(block.slice);
        account.unchanged += unchanged;
        account.rejected += rejects.len() as u64;
        let mask = BooleanArray::from(keep);
        let rows = filter_record_batch(&block.rows, &mask)?;
        account.landed += rows.num_rows() as u64;
        self.context.progress.rows(rows.num_rows() as u64);
        ledger.reject(self.context, &self.job.table, &rejects).await?;
        if rows.num_rows() > 0 {
            let positions = Int64Array::from(filter(&block.positions, &mask)?.to_data());
            let hashes = Int64Array::from(block.hashes.clone());
            let mut extra: Vec<(&str, ArrayRef)> = vec![(columns::ROW_HASH, filter(&hashes, &mask)?)];
            if self.mode == WriteMode::History {
                let from = TimestampMicrosecondArray::from(from).with_timezone("UTC");
                extra.push((columns::VALID_FROM, filter(&from, &mask)?));
                extra.push((
                    columns::VALID_TO,
                    arrow::array::new_null_array(&instant_type(), rows.num_rows()),
                ));
            }
            let landing = Landing { context: self.context, source: &self.job.table.source, uri: &slice.uri };
            let landed = landing.complete(&rows, &positions, &extra, self.schema)?;
            self.writer.write(&landed).await?;
        }
        Ok(())
    }

    /// From when each row holds: the declared column, else the date in the file's name, else the run's instant.
    fn valid_from(&self, rows: &RecordBatch, slice: &Slice) -> Result<Vec<i64>> {
        let instant = file_date(&slice.uri).unwrap_or(self.context.as_of.timestamp_micros());
        let Some(column) = &self.job.table.decl.valid_from else { return Ok(vec![instant; rows.num_rows()]) };
        let values = rows.column(rows.schema().index_of(column)?);
        let values = cast(values, &instant_type())?;
        let values = values.as_primitive::<TimestampMicrosecondType>();
        Ok(values.iter().map(|value| value.unwrap_or(instant)).collect())
    }

    /// Deletes or closes the keys that a full extract no longer has.
    fn end(&mut self, slice: usize, ledger: &mut Ledger) {
        if self.mode == WriteMode::Upsert {
            return;
        }
        let seen = u32::try_from(slice + 1).unwrap_or(u32::MAX);
        let at = file_date(&self.job.slices[slice].uri).unwrap_or(self.context.as_of.timestamp_micros());
        let until = (self.mode == WriteMode::History).then_some(at);
        let marked = &mut self.marked;
        let mut gone = 0;
        self.index.retain(|_, current| {
            let stays = current.seen == seen || current.spared == seen;
            if !stays {
                marked.entry(current.file).or_default().insert(current.row, until);
                gone += 1;
            }
            stays
        });
        ledger.account(slice).deleted += gone;
    }

    async fn finish(self) -> Result<Vec<DataFile>> {
        let Self { context, job, schema, mode, marked, mut files, writer, .. } = self;
        files.extend(writer.finish().await?);
        let mut kept = Vec::with_capacity(files.len());
        for (index, file) in files.into_iter().enumerate() {
            let Some(rows) = marked.get(&number(index)?) else {
                kept.push(file);
                continue;
            };
            let part = format!("merge{index}");
            let written = rewrite(context, &job.table.name, &file, schema, &part, |batch, first| {
                if mode == WriteMode::History {
                    close(batch, first, rows)
                } else {
                    without(batch, first, rows)
                }
            })
            .await?;
            kept.extend(written);
        }
        merge_small(context, &job.table.name, schema, kept).await
    }

    fn reject(&self, slice: &Slice, block: &Prepared, row: usize, rule: &str, reason: &str) -> RejectRow {
        RejectRow {
            run_id: self.context.run_id.to_string(),
            relation: self.job.table.name.to_string(),
            uri: slice.uri.clone(),
            position: Some(block.positions.value(row)),
            column: Some(self.keys.columns.join(", ")),
            rule: rule.into(),
            reason: reason.into(),
            raw: block.raw(row),
            rejected_at: self.context.as_of.timestamp_micros(),
        }
    }
}

fn without(batch: RecordBatch, first: u64, rows: &BTreeMap<u32, Option<i64>>) -> Result<RecordBatch> {
    let keep: BooleanArray = (0..batch.num_rows())
        .map(|row| Some(u32::try_from(first + row as u64).is_ok_and(|row| !rows.contains_key(&row))))
        .collect();
    Ok(filter_record_batch(&batch, &keep)?)
}

fn close(batch: RecordBatch, first: u64, rows: &BTreeMap<u32, Option<i64>>) -> Result<RecordBatch> {
    let index = batch.schema().index_of(columns::VALID_TO)?;
    let old = batch.column(index).as_primitive::<TimestampMicrosecondType>();
    let mut until =
        TimestampMicrosecondBuilder::with_capacity(batch.num_rows()).with_data_type(instant_type());
    for row in 0..batch.num_rows() {
        let marked = u32::try_from(first + row as u64).ok().and_then(|row| rows.get(&row).copied().flatten());
        until.append_option(marked.or_else(|| old.is_valid(row).then(|| old.value(row))));
    }
    let mut columns = batch.columns().to_vec();
    columns[index] = Arc::new(until.finish());
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

fn number(value: usize) -> Result<u32> {
    u32::try_from(value).map_err(|_| {
        Error::new(ErrorKind::Input, "more rows or files than one keyed table may have in a run")
    })
}

/// The first `YYYY-MM-DD` in a file's name, as an instant in microseconds.
fn file_date(uri: &str) -> Option<i64> {
    (0..uri.len().saturating_sub(9)).find_map(|start| {
        let text = uri.get(start..start + 10)?;
        let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        // chrono accepts "2013-5-05 ": the text must be the date as it is always written.
        (date.to_string() == text).then(|| date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
    })
}

/// Some columns of a row as bytes that compare as the values do.
struct Encoder {
    columns: Vec<String>,
    types: Vec<DataType>,
    converter: RowConverter,
}

impl Encoder {
    fn new(schema: &Schema, columns: &[String]) -> Result<Self> {
        let types = columns
            .iter()
            .map(|name| Ok(schema.field_with_name(name)?.data_type().clone()))
            .collect::<Result<Vec<_>>>()?;
        let converter = RowConverter::new(types.iter().cloned().map(SortField::new).collect())?;
        Ok(Self { columns: columns.to_vec(), types, converter })
    }

    fn arrays(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let find = |(name, data_type): (&String, &DataType)| {
            let column = batch.column(batch.schema().index_of(name)?);
            Ok(if column.data_type() == data_type { Arc::clone(column) } else { cast(column, data_type)? })
        };
        self.columns.iter().zip(&self.types).map(find).collect()
    }

    /// A hash of each row's key; none where a part of it is null.
    fn hashes(&self, batch: &RecordBatch) -> Result<Vec<Option<u128>>> {
        let arrays = self.arrays(batch)?;
        let rows = self.converter.convert_columns(&arrays)?;
        let whole = |row: usize| arrays.iter().all(|array| array.is_valid(row));
        Ok((0..batch.num_rows()).map(|row| whole(row).then(|| xxh3_128(rows.row(row).as_ref()))).collect())
    }

    fn bytes(&self, batch: &RecordBatch) -> Result<Vec<Box<[u8]>>> {
        let rows = self.converter.convert_columns(&self.arrays(batch)?)?;
        Ok(rows.iter().map(|row| Box::from(row.as_ref())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_in_a_file_name_is_found_and_nothing_else() {
        let day = |text: &str| file_date(text).map(|micros| micros / 86_400_000_000);
        assert_eq!(day("snapshots/001_2013-02-10_d06c4ee1.csv"), Some(15_746));
        assert_eq!(day("2013-02-10"), Some(15_746));
        assert_eq!(day("hr/employees.csv"), None);
        assert_eq!(day("2013-13-10.csv"), None);
        assert_eq!(day("größe-é-2013.csv"), None);
    }
}
