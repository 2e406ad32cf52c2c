//! Parquet and Arrow IPC: their own types, as far as a Delta table has them.
//!
//! | in the file | raw column |
//! |---|---|
//! | unsigned integers | the next wider signed one; 64 bits: `decimal(20,0)` |
//! | float16 | float32 |
//! | decimals of other widths, or with a negative scale | decimal128 |
//! | large, view and dictionary encoded text and binary, fixed-size binary | text, binary |
//! | lists of any layout | list |
//! | timestamps of any unit | microseconds, with a zone: UTC. INT96 is cut to the microsecond |
//! | date64 | date |
//! | time, duration, interval, null | text |
//!
//! A value that would lose something (nanoseconds, a date64 with a time of day, a decimal of more than 38 digits) is an
//! error that names the column, as is a type without any counterpart (unions, structs without fields).

use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;
use parquet::schema::types::ColumnDescPtr;

use super::open::{self, Compression};
use super::read::{Chunk, Layout, Raw, input};
use crate::error::Result;

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

pub(super) struct Reader {
    batches: Batches,
    rules: Arc<Rules>,
    /// How many rows were read, and how many the file says it has.
    rows: i64,
    promised: Option<i64>,
    digest: Option<u128>,
}

struct Rules {
    path: PathBuf,
    schema: SchemaRef,
}

impl Reader {
    pub(super) fn parquet(path: &Path, layout: &Layout) -> Result<Self> {
        let file = open_raw(path)?;
        if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            return Err(input(path, "is empty").with_hint("Even a Parquet file without rows has a schema."));
        }
        let (batches, schema, rows) = guarded(path, "is not valid Parquet", || {
            let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
            let hint = without_int96(
                metadata.schema(),
                metadata.metadata().file_metadata().schema_descr().columns(),
            );
            let options = ArrowReaderOptions::new().with_schema(hint);
            let metadata = ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?;
            let rows = metadata.metadata().file_metadata().num_rows();
            let in_groups: i64 = metadata.metadata().row_groups().iter().map(|group| group.num_rows()).sum();
            if rows != in_groups {
                // The reader would believe the first and stop early.
                return Err(format!("its footer says {rows} rows, its row groups {in_groups}").into());
            }
            let schema = Arc::clone(metadata.schema());
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
                .with_batch_size(layout.batch_rows.max(1))
                .build()?;
            Ok((Box::new(reader) as Batches, schema, rows))
        })?;
        Self::new(path, batches, &schema, Some(rows))
    }

    pub(super) fn arrow(path: &Path) -> Result<Self> {
        let mut head = Vec::new();
        let broken = |error: std::io::Error| input(path, format_args!("cannot be read: {error}"));
        open_raw(path)?.take(6).read_to_end(&mut head).map_err(broken)?;
        if head.is_empty() {
            return Err(input(path, "is empty").with_hint("Even an Arrow file without rows has a schema."));
        }
        let file = BufReader::new(open_raw(path)?);
        let (batches, schema) = guarded(path, "is not valid Arrow IPC", || {
            if head == b"ARROW1" {
                let reader = arrow::ipc::reader::FileReader::try_new(file, None)?;
                let schema = reader.schema();
                Ok((Box::new(reader) as Batches, schema))
            } else {
                let reader = arrow::ipc::reader::StreamReader::try_new(file, None)?;
                let schema = reader.schema();
                Ok((Box::new(reader) as Batches, schema))
            }
        })?;
        Self::new(path, batches, &schema, None)
    }

    fn new(path: &Path, batches: Batches, found: &Schema, promised: Option<i64>) -> Result<Self> {
        let mut fields: Vec<Field> = Vec::new();
        for field in found.fields() {
            let name = field.name();
            if name.trim().is_empty() || fields.iter().any(|other| other.name() == name) {
                let what = if name.trim().is_empty() { "has no name" } else { "is there twice" };
                return Err(input(path, format_args!("column {name:?} {what}"))
                    .with_hint("Write the file again with names of its own for all columns."));
            }
            let to = kept_as(field.data_type())
                .filter(|to| can_cast_types(field.data_type(), to))
                .ok_or_else(|| {
                    input(
                        path,
                        format_args!(
                            "column {name:?} is of type {}, which a table cannot hold",
                            field.data_type()
                        ),
                    )
                    .with_hint("Convert the column to another type before it is ingested.")
                })?;
            fields.push(Field::new(name, to, true));
        }
        let rules = Rules { path: path.to_owned(), schema: Arc::new(Schema::new(fields)) };
        Ok(Self { batches, rules: Arc::new(rules), rows: 0, promised, digest: None })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.rules.schema)
    }

    pub(super) fn digest(&self) -> Option<u128> {
        self.digest
    }

    pub(super) fn next_block(&mut self) -> Result<Option<Work>> {
        if self.digest.is_some() {
            return Ok(None);
        }
        let path = &self.rules.path;
        let from = self.rows;
        let batches = &mut self.batches;
        let next =
            guarded(path, &format!("after row {from}: cannot be read"), || Ok(batches.next().transpose()?));
        match next? {
            Some(batch) => {
                self.rows += batch.num_rows() as i64;
                Ok(Some(Work { batch, first: from + 1, rules: Arc::clone(&self.rules) }))
            }
            None => {
                if let Some(promised) = self.promised.filter(|&promised| promised != self.rows) {
                    return Err(input(
                        path,
                        format_args!("holds {} rows, but says it has {promised}", self.rows),
                    )
                    .with_hint("The file is damaged: fetch it again."));
                }
                self.digest = Some(open::digest(path)?);
                Ok(None)
            }
        }
    }
}

fn open_raw(path: &Path) -> Result<File> {
    let mut head = Vec::new();
    let error = |error: std::io::Error| input(path, format_args!("cannot be read: {error}"));
    open::file(path)?.take(4).read_to_end(&mut head).map_err(error)?;
    if Compression::of(&head) != Compression::None {
        return Err(input(path, "is compressed as a whole, which Parquet and Arrow files cannot be")
            .with_hint("Decompress it: these formats compress their own columns."));
    }
    open::file(path)
}

thread_local! {
    /// Whether a panic on this thread will be told as an error, and need not be told by itself.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a reader of binary data. Some panic on files that are damaged or exotic: that is the file's error, not ours.
fn guarded<T>(
    path: &Path,
    place: &str,
    read: impl FnOnce() -> Result<T, Box<dyn std::error::Error + Send + Sync>>,
) -> Result<T> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                usual(panic);
            }
        }));
    });
    GUARDED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    let reason = match outcome {
        Ok(Ok(read)) => return Ok(read),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the library that reads it gave up".to_owned(),
    };
    let hint = match reason.contains("encrypt") {
        true => "Decrypt the file before it is ingested.",
        false => {
            "The file is damaged or uses a feature that is not supported; write it again with another tool."
        }
    };
    Err(input(path, format_args!("{place}: {reason}")).with_hint(hint))
}

/// Reads INT96 timestamps as microseconds: as nanoseconds, which is the default, years beyond 2262 silently wrap around.
fn without_int96(schema: &Schema, leaves: &[ColumnDescPtr]) -> SchemaRef {
    let mut leaves = leaves.iter();
    let fields: Fields = schema.fields().iter().map(|field| hinted(field, &mut leaves)).collect();
    Arc::new(Schema::new(fields).with_metadata(schema.metadata().clone()))
}

fn hinted(field: &FieldRef, leaves: &mut std::slice::Iter<'_, ColumnDescPtr>) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::List(inner) => DataType::List(hinted(inner, leaves)),
        DataType::LargeList(inner) => DataType::LargeList(hinted(inner, leaves)),
        DataType::FixedSizeList(inner, size) => DataType::FixedSizeList(hinted(inner, leaves), *size),
        DataType::Map(entries, sorted) => DataType::Map(hinted(entries, leaves), *sorted),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| hinted(field, leaves)).collect())
        }
        leaf => match (leaves.next().map(|column| column.physical_type()), leaf) {
            (Some(PhysicalType::INT96), DataType::Timestamp(_, zone)) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            _ => leaf.clone(),
        },
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// The type a raw column has for a type found in a file; none if there is no such.
fn kept_as(found: &DataType) -> Option<DataType> {
    use DataType as D;
    let inside = |field: &FieldRef| {
        Some(Arc::new(Field::new(field.name(), kept_as(field.data_type())?, field.is_nullable())))
    };
    Some(match found {
        D::UInt8 => D::Int16,
        D::UInt16 => D::Int32,
        D::UInt32 => D::Int64,
        D::UInt64 => D::Decimal128(20, 0),
        D::Float16 => D::Float32,
        D::Decimal32(p, s) | D::Decimal64(p, s) | D::Decimal128(p, s) | D::Decimal256(p, s) => {
            decimal(*p, *s)?
        }
        D::Utf8 | D::LargeUtf8 | D::Utf8View => D::Utf8,
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => D::Binary,
        D::Null | D::Time32(_) | D::Time64(_) | D::Duration(_) | D::Interval(_) => D::Utf8,
        D::Date32 | D::Date64 => D::Date32,
        D::Timestamp(_, zone) => D::Timestamp(TimeUnit::Microsecond, zone.as_ref().map(|_| "UTC".into())),
        D::Dictionary(_, value) => kept_as(value)?,
        D::RunEndEncoded(_, value) => kept_as(value.data_type())?,
        D::List(field)
        | D::LargeList(field)
        | D::ListView(field)
        | D::LargeListView(field)
        | D::FixedSizeList(field, _) => D::List(inside(field)?),
        D::Map(entries, sorted) => D::Map(inside(entries)?, *sorted),
        D::Struct(fields) if fields.is_empty() => return None,
        D::Struct(fields) => D::Struct(fields.iter().map(inside).collect::<Option<_>>()?),
        D::Boolean | D::Int8 | D::Int16 | D::Int32 | D::Int64 | D::Float32 | D::Float64 => found.clone(),
        D::Union(..) => return None,
    })
}

fn decimal(precision: u8, scale: i8) -> Option<DataType> {
    let shift = u8::try_from(-i16::from(scale)).unwrap_or(0);
    let precision = precision.saturating_add(shift).min(38);
    let scale = scale.max(0);
    (scale <= 38).then_some(DataType::Decimal128(precision.max(scale as u8), scale))
}

/// Whether converting may drop something without an error.
fn may_lose(found: &DataType) -> bool {
    use DataType as D;
    match found {
        D::Timestamp(TimeUnit::Nanosecond, _) | D::Date64 => true,
        D::Dictionary(_, value) => may_lose(value),
        D::RunEndEncoded(_, field)
        | D::List(field)
        | D::LargeList(field)
        | D::ListView(field)
        | D::LargeListView(field)
        | D::FixedSizeList(field, _)
        | D::Map(field, _) => may_lose(field.data_type()),
        D::Struct(fields) => fields.iter().any(|field| may_lose(field.data_type())),
        _ => false,
    }
}

/// A batch in the file's own types.
pub(super) struct Work {
    batch: RecordBatch,
    first: i64,
    rules: Arc<Rules>,
}

impl Work {
    pub(super) fn parse(self) -> Result<Chunk> {
        let Work { batch, first, rules } = self;
        let count = batch.num_rows();
        let last = first + count as i64 - 1;
        let columns = batch.columns().iter().zip(rules.schema.fields()).map(|(column, field)| {
            let place = format!("rows {first} to {last}: column {:?}", field.name());
            match guarded(&rules.path, &place, || Ok(convert(column, field.data_type())?))? {
                Some(converted) => Ok(converted),
                None => {
                    let what =
                        format_args!("{place} has a value that {} would not keep exactly", field.data_type());
                    Err(input(&rules.path, what)
                        .with_hint("Convert the column to such a type before it is ingested."))
                }
            }
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&rules.schema), columns, &options)?;
        let positions = Int64Array::from_iter_values(first..first + count as i64);
        Ok(Chunk { rows, positions, malformed: Vec::new(), raw: Raw::Row })
    }
}

/// The column in another type; none if that would drop something.
fn convert(column: &ArrayRef, to: &DataType) -> Result<Option<ArrayRef>, ArrowError> {
    if column.data_type() == to {
        return Ok(Some(Arc::clone(column)));
    }
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    let converted = cast_with_options(column, to, &exact)?;
    if may_lose(column.data_type()) {
        let back = cast_with_options(&converted, column.data_type(), &exact)?;
        if back.to_data() != column.to_data() {
            return Ok(None);
        }
    }
    Ok(Some(converted))
}

/// One row as a JSON object.
pub(super) fn row_as_json(rows: &RecordBatch, row: usize) -> String {
    use arrow::json::writer::{LineDelimited, WriterBuilder};
    let mut out = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut out);
    let written = writer.write(&rows.slice(row, 1)).and_then(|()| writer.finish());
    drop(writer);
    match written {
        Ok(()) => String::from_utf8_lossy(&out).trim_end().to_owned(),
        // Some types (maps with keys that are not text) have no JSON; what they look like still helps a person.
        Err(_) => as_shown(rows, row),
    }
}

fn as_shown(rows: &RecordBatch, row: usize) -> String {
    use arrow::util::display::array_value_to_string;
    let shown = rows
        .schema()
        .fields()
        .iter()
        .zip(rows.columns())
        .map(|(field, column)| {
            let value =
                array_value_to_string(column, row).map_or(serde_json::Value::Null, serde_json::Value::from);
            (field.name().clone(), value)
        })
        .collect();
    serde_json::Value::Object(shown).to_string()
}
