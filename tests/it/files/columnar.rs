use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{self as a, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use twinlake::error::ErrorKind;
use twinlake::ingest::files::{FileReader, Layout, infer};

use super::{lines, read, read_bytes};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .unwrap()
}

fn write_arrow(path: &Path, batch: &RecordBatch) {
    let mut writer =
        arrow::ipc::writer::FileWriter::try_new(File::create(path).unwrap(), &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
}

fn write_parquet(path: &Path, batch: &RecordBatch) {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// A column of each type that a table does not have, with the type it is kept as and its values as text.
fn exotic() -> Vec<(&'static str, ArrayRef, DataType, [&'static str; 2])> {
    let list =
        a::LargeListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), Some(2)]), None]);
    let inner = Arc::new(Field::new("item", DataType::Int32, true));
    vec![
        ("u8", Arc::new(a::UInt8Array::from(vec![Some(255), None])), DataType::Int16, ["255", "~"]),
        ("u16", Arc::new(a::UInt16Array::from(vec![Some(65535), None])), DataType::Int32, ["65535", "~"]),
        (
            "u32",
            Arc::new(a::UInt32Array::from(vec![Some(u32::MAX), None])),
            DataType::Int64,
            ["4294967295", "~"],
        ),
        (
            "u64",
            Arc::new(a::UInt64Array::from(vec![u64::MAX, 0])),
            DataType::Decimal128(20, 0),
            ["18446744073709551615", "0"],
        ),
        ("large", Arc::new(a::LargeStringArray::from(vec!["x", ""])), DataType::Utf8, ["x", ""]),
        (
            "view",
            Arc::new(a::StringViewArray::from(vec![Some("a long enough text"), None])),
            DataType::Utf8,
            ["a long enough text", "~"],
        ),
        (
            "dictionary",
            Arc::new(["p", "q"].into_iter().collect::<a::DictionaryArray<Int32Type>>()),
            DataType::Utf8,
            ["p", "q"],
        ),
        (
            "second",
            Arc::new(a::TimestampSecondArray::from(vec![0, 1])),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            ["1970-01-01T00:00:00", "1970-01-01T00:00:01"],
        ),
        (
            "nano",
            Arc::new(a::TimestampNanosecondArray::from(vec![Some(1_000), None]).with_timezone("+02:00")),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ["1970-01-01T00:00:00.000001Z", "~"],
        ),
        (
            "date64",
            Arc::new(a::Date64Array::from(vec![86_400_000, 0])),
            DataType::Date32,
            ["1970-01-02", "1970-01-01"],
        ),
        (
            "time",
            Arc::new(a::Time64MicrosecondArray::from(vec![Some(3_600_000_001), None])),
            DataType::Utf8,
            ["01:00:00.000001", "~"],
        ),
        (
            "fixed",
            Arc::new(a::FixedSizeBinaryArray::try_from_iter([[1u8, 2], [3, 4]].iter()).unwrap()),
            DataType::Binary,
            ["0102", "0304"],
        ),
        ("list", Arc::new(list), DataType::List(inner), ["[1, 2]", "~"]),
        ("null", Arc::new(a::NullArray::new(2)), DataType::Utf8, ["~", "~"]),
    ]
}

#[test]
fn types_a_table_lacks_are_kept_as_others() {
    let folder = tempfile::tempdir().unwrap();
    let columns: Vec<_> = exotic().into_iter().map(|(name, column, ..)| (name, column)).collect();
    let batch = batch(columns);
    let (arrow, parquet) = (folder.path().join("t.arrow"), folder.path().join("t.parquet"));
    write_arrow(&arrow, &batch);
    write_parquet(&parquet, &batch);
    for path in [arrow, parquet] {
        let schema = FileReader::open(&path, &Layout::default()).unwrap().schema();
        let outcome = read(&path, &Layout::default()).unwrap();
        assert_eq!(outcome.positions, [1, 2]);
        for (at, (name, _, expected, values)) in exotic().into_iter().enumerate() {
            assert_eq!(schema.field(at).data_type(), &expected, "{name} of {path:?}");
            let read = [0, 1].map(|row| outcome.rows[row][at].clone().unwrap_or("~".into()));
            assert_eq!(read, values, "{name} of {path:?}");
        }
        assert!(
            outcome.raw[0].contains("\"u8\":255") && outcome.raw[1].contains("\"u8\":null"),
            "{}",
            outcome.raw[1]
        );
        assert_eq!(outcome.digest, Some(xxhash_rust::xxh3::xxh3_128(&std::fs::read(&path).unwrap())));
    }
}

#[test]
fn what_would_be_lost_is_an_error_that_names_the_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrow");
    let lossy: Vec<(&str, ArrayRef)> = vec![
        ("ns", Arc::new(a::TimestampNanosecondArray::from(vec![1_001]))),
        ("day", Arc::new(a::Date64Array::from(vec![5]))),
        ("s", Arc::new(a::TimestampSecondArray::from(vec![i64::MAX]))),
    ];
    for (name, column) in lossy {
        write_arrow(&path, &batch(vec![(name, column)]));
        let error = read(&path, &Layout::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.message().contains(&format!("rows 1 to 1: column {name:?}")), "{error}");
        assert!(error.message().contains("t.arrow"), "{error}");
    }
    let empty = a::StructArray::new_empty_fields(1, None);
    write_arrow(&path, &batch(vec![("empty", Arc::new(empty))]));
    let error = read(&path, &Layout::default()).unwrap_err();
    assert!(error.message().contains("column \"empty\" is of type Struct"), "{error}");
}

#[test]
fn columns_need_names_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.arrow");
    let column: ArrayRef = Arc::new(a::Int32Array::from(vec![1]));
    for (names, expected) in
        [(["x", "x"], "column \"x\" is there twice"), (["", "y"], "column \"\" has no name")]
    {
        let schema = Schema::new(names.map(|name| Field::new(name, DataType::Int32, true)).to_vec());
        let batch = RecordBatch::try_new(Arc::new(schema), vec![column.clone(), column.clone()]).unwrap();
        write_arrow(&path, &batch);
        assert!(read(&path, &Layout::default()).unwrap_err().message().contains(expected));
    }
}

#[test]
fn streams_batches_and_positions() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = |from: i32| batch(vec![("n", Arc::new(a::Int32Array::from_iter_values(from..from + 3)))]);
    let stream = folder.path().join("t.arrows");
    let mut writer =
        arrow::ipc::writer::StreamWriter::try_new(File::create(&stream).unwrap(), &numbers(0).schema())
            .unwrap();
    writer.write(&numbers(0)).unwrap();
    writer.write(&numbers(3)).unwrap();
    writer.finish().unwrap();
    let outcome = read(&stream, &Layout::default()).unwrap();
    assert_eq!(outcome.positions, [1, 2, 3, 4, 5, 6]);
    assert_eq!(lines(&outcome), ["0", "1", "2", "3", "4", "5"]);

    let parquet = folder.path().join("t.parquet");
    write_parquet(&parquet, &numbers(0));
    let outcome = read(&parquet, &Layout { batch_rows: 2, ..Layout::default() }).unwrap();
    assert_eq!(outcome.positions, [1, 2, 3]);
}

/// Cut anywhere, or with a byte flipped anywhere: rows or an error, never a panic.
#[test]
fn damage_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let columns: Vec<_> = exotic().into_iter().map(|(name, column, ..)| (name, column)).collect();
    for name in ["t.arrow", "t.parquet"] {
        let path = folder.path().join(name);
        if name == "t.arrow" {
            write_arrow(&path, &batch(columns.clone()))
        } else {
            write_parquet(&path, &batch(columns.clone()))
        }
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 60) {
            let error = read_bytes(name, &whole[..at], &Layout::default()).unwrap_err();
            assert!(error.kind() == ErrorKind::Input && error.message().contains(name), "{error}");
            assert!(error.hint().is_some(), "{error}");
            let mut flipped = whole.clone();
            flipped[at] ^= 0x41;
            if let Err(error) = read_bytes(name, &flipped, &Layout::default()) {
                assert!(error.kind() == ErrorKind::Input && error.message().contains(name), "{error}");
            }
        }
    }
}

#[test]
fn compressed_as_a_whole() {
    for name in ["t.parquet.gz", "t.arrow"] {
        let error = read_bytes(name, b"\x1f\x8b\x08\x00 and so on", &Layout::default()).unwrap_err();
        assert!(error.message().contains("is compressed as a whole"), "{error}");
    }
}

#[test]
fn inferred_types() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("t.csv");
    std::fs::write(&csv, "id,zip,price,day,at,ok,none,mixed\n1,007,1.5,2024-02-29,2024-02-29 10:00:00,true,,1\n2,123,2,2024-03-01,2024-03-01,false,,x\nbroken\n").unwrap();
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let types = infer(&csv, &Layout::default())
        .unwrap()
        .into_iter()
        .map(|(_, data_type)| data_type)
        .collect::<Vec<_>>();
    use DataType as D;
    assert_eq!(types, [D::Int64, D::Utf8, D::Float64, D::Date32, utc.clone(), D::Boolean, D::Utf8, D::Utf8]);

    let arrow = folder.path().join("t.arrow");
    write_arrow(
        &arrow,
        &batch(vec![
            ("at", Arc::new(a::TimestampSecondArray::from(vec![0]))),
            ("text", Arc::new(a::StringArray::from(vec!["1"]))),
        ]),
    );
    assert_eq!(
        infer(&arrow, &Layout::default()).unwrap(),
        [("at".to_owned(), utc), ("text".to_owned(), DataType::Utf8)]
    );

    let json = folder.path().join("t.ndjson");
    std::fs::write(&json, "{\"n\": 1, \"o\": {}}\n{\"n\": 2.5, \"late\": false}\n").unwrap();
    let expected = [("n", D::Float64), ("o", D::Utf8), ("late", D::Boolean)]
        .map(|(name, data_type)| (name.to_owned(), data_type));
    assert_eq!(infer(&json, &Layout::default()).unwrap(), expected);
}
