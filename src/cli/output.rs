//! Rows on their way out: as a table for people, or as CSV, JSON or Parquet for programs.
//!
//! Only the table is held in memory, and only its first [`TABLE_ROWS`] rows; everything else is written batch by batch.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, JsonFormat, WriterBuilder, make_encoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Format;
use crate::error::{Error, ErrorKind, Result};

/// A table shows at most so many rows: more is nothing to look at.
pub(super) const TABLE_ROWS: u64 = 10_000;

/// The width of what nobody sees on a terminal, in characters.
const PAGE: u16 = 120;

/// Rows ready to be shown.
pub(super) struct Shown {
    /// The table, drawn.
    pub text: String,
    /// The rows in it.
    pub rows: u64,
    /// Whether there are more.
    pub cut: bool,
}

/// How a table is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether lines may be more than ASCII.
    pub unicode: bool,
    /// Whether columns are squeezed into the width of the terminal, or of a page where there is none.
    pub fit: bool,
}

/// Draws the first rows of a stream as a table.
///
/// # Errors
/// When the query fails on the way.
pub(super) async fn table(mut stream: SendableRecordBatchStream, style: Style) -> Result<Shown> {
    let schema = stream.schema();
    let mut table = Table::new();
    table.load_style(match style.unicode {
        true => presets::UTF8_FULL_CONDENSED,
        false => presets::ASCII_FULL_CONDENSED,
    });
    if style.fit {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if table.width().is_none() {
            table.set_width(PAGE);
        }
    }
    let right: Vec<bool> = schema.fields().iter().map(|field| is_number(field.data_type())).collect();
    let aligned = |text: String, column: usize| {
        let cell = Cell::new(text);
        if right[column] { cell.set_alignment(CellAlignment::Right) } else { cell }
    };
    let names = schema.fields().iter().enumerate();
    table.set_header(
        names.map(|(column, field)| aligned(printable(field.name()), column)).collect::<Vec<_>>(),
    );
    let mut shown = Shown { text: String::new(), rows: 0, cut: false };
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let room = usize::try_from(TABLE_ROWS - shown.rows).unwrap_or(usize::MAX);
        shown.cut = batch.num_rows() > room;
        let batch = batch.slice(0, batch.num_rows().min(room));
        let columns = batch.columns().iter().map(texts).collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            let cells =
                columns.iter().enumerate().map(|(column, texts)| aligned(printable(&texts[row]), column));
            table.add_row(cells.collect::<Vec<_>>());
        }
        shown.rows += batch.num_rows() as u64;
        if shown.cut {
            break;
        }
    }
    shown.text = format!("{}\n", table.trim_fmt());
    Ok(shown)
}

/// A table without lines, for lists that people read and `awk` may too.
pub(super) fn list(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    format!("{}\n", table.trim_fmt())
}

/// Writes all rows of a stream to `out` as CSV, JSON or Parquet, and says how many there were.
///
/// # Errors
/// When the query fails on the way, or `out` takes no more.
pub(super) async fn write<W: Write + Send>(
    stream: SendableRecordBatchStream,
    format: Format,
    out: W,
) -> Result<u64> {
    match format {
        Format::Csv => csv(stream, out).await,
        Format::Json => json(stream, out).await,
        Format::Parquet => parquet(stream, out).await,
        Format::Table | Format::Tree | Format::Mermaid | Format::Dot => {
            Err(Error::new(ErrorKind::Bug, format!("rows are not written as {}", format.as_str())))
        }
    }
}

/// Whatever the writer underneath calls it: rows that were computed could not be written.
pub(super) fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Storage, format!("the output cannot be written: {error}"))
        .with_hint("Check that the disk is not full.")
}

async fn csv<W: Write>(mut stream: SendableRecordBatchStream, out: W) -> Result<u64> {
    let schema = flat(&stream.schema());
    let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(out);
    // The header is written even where no row follows.
    writer.write(&RecordBatch::new_empty(Arc::clone(&schema))).map_err(unwritable)?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        let columns = batch.columns().iter().map(|column| match column.data_type().is_nested() {
            true => json_texts(column),
            false => Ok(Arc::clone(column)),
        });
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<Vec<_>>>()?)?;
        writer.write(&batch).map_err(unwritable)?;
    }
    writer.into_inner().flush().map_err(unwritable)?;
    Ok(rows)
}

/// The schema in which what CSV cannot hold is JSON text.
fn flat(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type().is_nested() {
        true => Field::new(field.name(), DataType::Utf8, true),
        false => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

async fn json<W: Write>(mut stream: SendableRecordBatchStream, out: W) -> Result<u64> {
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, Rows>(out);
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(unwritable)?;
    }
    writer.finish().map_err(unwritable)?;
    writer.into_inner().flush().map_err(unwritable)?;
    Ok(rows)
}

/// One JSON array, an object a line: a document to programs, greppable to people.
#[derive(Debug, Default)]
struct Rows;

impl JsonFormat for Rows {
    fn start_stream<W: Write>(&self, out: &mut W) -> Result<(), ArrowError> {
        Ok(out.write_all(b"[")?)
    }
    fn start_row<W: Write>(&self, out: &mut W, is_first: bool) -> Result<(), ArrowError> {
        Ok(out.write_all(if is_first { b"\n" } else { b",\n" })?)
    }
    fn end_stream<W: Write>(&self, out: &mut W) -> Result<(), ArrowError> {
        Ok(out.write_all(b"\n]\n")?)
    }
}

async fn parquet<W: Write + Send>(mut stream: SendableRecordBatchStream, out: W) -> Result<u64> {
    let properties =
        WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let mut writer = ArrowWriter::try_new(out, stream.schema(), Some(properties))?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(unwritable)?;
    }
    writer.into_inner().map_err(unwritable)?.flush().map_err(unwritable)?;
    Ok(rows)
}

/// What people see of a column's values.
fn texts(column: &ArrayRef) -> Result<Vec<String>> {
    if column.data_type().is_nested() {
        let json = json_texts(column)?;
        return texts(&json);
    }
    let options = FormatOptions::new()
        .with_null("NULL")
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
    let formatter = ArrayFormatter::try_new(column.as_ref(), &options)?;
    (0..column.len()).map(|row| formatter.value(row).try_to_string().map_err(Error::from)).collect()
}

/// Nested values as JSON texts.
fn json_texts(column: &ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new("value", column.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, column.as_ref(), &options)?;
    let mut texts = StringBuilder::new();
    let mut buffer = Vec::new();
    for row in 0..column.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        buffer.clear();
        encoder.encode(row, &mut buffer);
        texts.append_value(String::from_utf8_lossy(&buffer));
    }
    Ok(Arc::new(texts.finish()))
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

/// Text from data, made harmless: no control character reaches the terminal, and a row stays on its line.
fn printable(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_string();
    }
    text.chars().fold(String::with_capacity(text.len() + 8), |mut safe, c| {
        match c.is_control() {
            true => safe.extend(c.escape_default()),
            false => safe.push(c),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, ListArray, StringArray};
    use arrow::datatypes::Int64Type;
    use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

    use super::*;

    fn stream(batches: Vec<RecordBatch>) -> SendableRecordBatchStream {
        let schema = batches[0].schema();
        Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::iter(batches.into_iter().map(Ok))))
    }

    fn batch() -> RecordBatch {
        let lists = vec![Some(vec![Some(1), None]), None];
        RecordBatch::try_from_iter_with_nullable([
            ("id", Arc::new(Int64Array::from(vec![1, 20])) as ArrayRef, true),
            ("name", Arc::new(StringArray::from(vec![Some("a\nb\u{1b}[31m"), None])), true),
            ("share", Arc::new(Float64Array::from(vec![0.5, f64::NAN])), true),
            ("list", Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists)), true),
        ])
        .unwrap()
    }

    const STYLE: Style = Style { unicode: false, fit: false };

    #[tokio::test]
    async fn a_table_aligns_numbers_and_shows_no_control_characters() {
        let shown = table(stream(vec![batch()]), STYLE).await.unwrap();
        assert_eq!((shown.rows, shown.cut), (2, false));
        assert!(shown.text.contains("| 20 | NULL"), "{}", shown.text);
        assert!(shown.text.contains("|  1 | a\\nb\\u{1b}[31m"), "{}", shown.text);
        assert!(shown.text.contains("[1,null]"), "{}", shown.text);
    }

    #[tokio::test]
    async fn a_table_ends_at_its_limit() {
        let numbers = Arc::new(Int64Array::from_iter_values(0..6_000)) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("n", numbers)]).unwrap();
        let shown = table(stream(vec![batch.clone(), batch.clone(), batch]), STYLE).await.unwrap();
        assert_eq!((shown.rows, shown.cut), (TABLE_ROWS, true));
    }

    #[tokio::test]
    async fn csv_quotes_and_writes_nested_values_as_json() {
        let mut out = Vec::new();
        assert_eq!(write(stream(vec![batch()]), Format::Csv, &mut out).await.unwrap(), 2);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "id,name,share,list\n1,\"a\nb\u{1b}[31m\",0.5,\"[1,null]\"\n20,,NaN,\n");
    }

    #[tokio::test]
    async fn json_is_one_document_also_without_rows() {
        let mut out = Vec::new();
        write(stream(vec![batch()]), Format::Json, &mut out).await.unwrap();
        let rows: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(rows[1], serde_json::json!({"id": 20, "name": null, "share": null, "list": null}));
        let mut out = Vec::new();
        write(stream(vec![batch().slice(0, 0)]), Format::Json, &mut out).await.unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&out).unwrap(), serde_json::json!([]));
    }

    #[tokio::test]
    async fn parquet_reads_back() {
        let mut out = Vec::new();
        write(stream(vec![batch()]), Format::Parquet, &mut out).await.unwrap();
        let reader =
            parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(bytes::Bytes::from(out), 10);
        let rows: usize = reader.unwrap().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows, 2);
    }
}
