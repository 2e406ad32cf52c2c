//! A Parquet column chunk of one value, however many rows it has: written in one piece, not value by value.
//!
//! Lineage columns say the same of every row of a slice. Encoding such a column the usual way costs as much as any other
//! column of texts; written as a dictionary of one value and a single run of references to it, it costs nothing.
//! The format: <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use parquet::basic::{BoundaryOrder, Compression, Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// A value as Parquet writes it.
pub(super) struct Constant {
    plain: Vec<u8>,
    bound: Vec<u8>,
    statistics: Statistics,
}

impl Constant {
    /// Of an array of one value; none where it is null or of a type that is better written as usual.
    pub(super) fn of(value: &ArrayRef) -> Option<Self> {
        if value.len() != 1 || value.is_null(0) {
            return None;
        }
        match value.data_type() {
            DataType::Utf8 => {
                let text = value.as_string::<i32>().value(0).as_bytes();
                let bound = Some(ByteArray::from(text.to_vec()));
                let mut plain = u32::try_from(text.len()).ok()?.to_le_bytes().to_vec();
                plain.extend_from_slice(text);
                let statistics = Statistics::byte_array(bound.clone(), bound, None, Some(0), false);
                Some(Self { plain, bound: text.to_vec(), statistics })
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let micros = value.as_primitive::<TimestampMicrosecondType>().value(0);
                let plain = micros.to_le_bytes().to_vec();
                let statistics = Statistics::int64(Some(micros), Some(micros), None, Some(0), false);
                Some(Self { bound: plain.clone(), plain, statistics })
            }
            _ => None,
        }
    }

    /// `rows` times the value, as a chunk of `column`, which is at the top level.
    ///
    /// # Errors
    /// Never for fewer than 2^31 rows.
    pub(super) fn chunk(self, column: &ColumnDescPtr, rows: usize) -> Result<(Vec<u8>, ColumnCloseResult)> {
        let rows_u32 = u32::try_from(rows)?;
        let mut sink = TrackedWrite::new(Vec::new());
        let mut pages = SerializedPageWriter::new(&mut sink);
        let dictionary = Page::DictionaryPage {
            buf: self.plain.into(),
            num_values: 1,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let dictionary = write(&mut pages, dictionary)?;
        let data = Page::DataPage {
            buf: data_page(column.max_def_level() > 0, rows as u64).into(),
            num_values: rows_u32,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let data = write(&mut pages, data)?;
        pages.close()?;

        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression_codec(Compression::UNCOMPRESSED.into())
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_page_encoding_stats(vec![
                PageEncodingStats {
                    page_type: PageType::DICTIONARY_PAGE,
                    encoding: Encoding::PLAIN,
                    count: 1,
                },
                PageEncodingStats {
                    page_type: PageType::DATA_PAGE,
                    encoding: Encoding::RLE_DICTIONARY,
                    count: 1,
                },
            ])
            .set_num_values(i64::from(rows_u32))
            .set_total_compressed_size((dictionary.compressed_size + data.compressed_size) as i64)
            .set_total_uncompressed_size((dictionary.uncompressed_size + data.uncompressed_size) as i64)
            .set_dictionary_page_offset(Some(dictionary.offset as i64))
            .set_data_page_offset(data.offset as i64)
            .set_statistics(self.statistics)
            .build()?;
        let mut bounds = ColumnIndexBuilder::new(column.physical_type());
        bounds.append(false, self.bound.clone(), self.bound, 0);
        bounds.set_boundary_order(BoundaryOrder::ASCENDING);
        let mut offsets = OffsetIndexBuilder::new();
        offsets.append_offset_and_size(data.offset as i64, i32::try_from(data.compressed_size)?);
        offsets.append_row_count(i64::from(rows_u32));
        let bytes_written = dictionary.bytes_written + data.bytes_written;
        let closed = ColumnCloseResult {
            bytes_written,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: Some(bounds.build()?),
            offset_index: Some(offsets.build()),
        };
        Ok((sink.into_inner()?, closed))
    }
}

fn write(pages: &mut SerializedPageWriter<'_, Vec<u8>>, page: Page) -> Result<PageWriteSpec> {
    let size = page.buffer().len();
    pages.write_page(CompressedPage::new(page, size))
}

/// Definition levels that are all 1, if there are any, and references that are all 0.
fn data_page(is_optional: bool, rows: u64) -> Vec<u8> {
    let mut page = Vec::new();
    if is_optional {
        let levels = run(rows, 1);
        page.extend((levels.len() as u32).to_le_bytes());
        page.extend(levels);
    }
    // One bit a reference: none would do, but not every reader takes that.
    page.push(1);
    page.extend(run(rows, 0));
    page
}

/// A run of Parquet's RLE hybrid, of values one bit wide.
fn run(rows: u64, value: u8) -> Vec<u8> {
    let mut head = rows << 1;
    let mut run = Vec::new();
    while head >= 0x80 {
        run.push(head as u8 | 0x80);
        head >>= 7;
    }
    run.extend([head as u8, value]);
    run
}
