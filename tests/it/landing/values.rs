//! Texts into values: separators, formats, zones, nulls, defaults, spaces, precision, encodings, nesting, expressions.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;

use crate::tiny::Twin;

/// What becomes of texts in a column declared so; `!` where the record is rejected.
async fn landed(dialect: &str, column: &str, texts: &[&str]) -> Vec<String> {
    let twin = Twin::with_table(&format!(
        "files = [\"t.csv\"]\ncsv = {{ delimiter = \"|\" {dialect} }}\n[table.columns]\nn = \"int64\"\nv = {{ {column} }}"
    ));
    let lines: Vec<String> = texts.iter().enumerate().map(|(n, text)| format!("{n}|{text}\n")).collect();
    twin.write("data/t.csv", format!("n|v\n{}", lines.concat()));
    twin.run().await;
    let rows = twin.rows("SELECT n, v FROM s.t ORDER BY n").await;
    let mut values = vec!["!".to_string(); texts.len()];
    for row in rows {
        let (n, value) = row.split_once('|').unwrap();
        values[n.parse::<usize>().unwrap()] = value.to_string();
    }
    values
}

#[tokio::test]
async fn decimal_commas() {
    let texts =
        ["1,5", "1.234,56", "-1.234.567,8", "1234", "1.5", "1.2345,6", "1,234", "1,2,3", ",5", "1,50000"];
    let landed_as = landed(", decimal = \",\"", "type = \"decimal(12, 2)\"", &texts).await;
    assert_eq!(landed_as, ["1.50", "1234.56", "-1234567.80", "1234.00", "!", "!", "!", "!", "0.50", "1.50"]);
    let floats = landed(", decimal = \",\"", "type = \"float64\"", &["1,5", "1.234,5", "1.5", "1e3"]).await;
    assert_eq!(floats, ["1.5", "1234.5", "!", "1000.0"]);
}

#[tokio::test]
async fn a_number_with_too_many_digits_is_no_value_of_its_type() {
    let texts = ["999.99", "1000", "0.001", "1.10000", "1e2", "1.2345e2", "12345e-3", "1500e-3", "-0", ""];
    assert_eq!(
        landed("", "type = \"decimal(5, 2)\"", &texts).await,
        ["999.99", "!", "!", "1.10", "!", "!", "!", "!", "0.00", "NULL"]
    );
    assert_eq!(landed("", "type = \"int8\"", &["127", "128", "1.0", "1.5", "+5"]).await[..2], ["127", "!"]);
    assert_eq!(landed("", "type = \"int64\"", &["9223372036854775807", "9223372036854775808"]).await[1], "!");
}

#[tokio::test]
async fn numbers_of_typed_files_are_not_cut_either() {
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("v", Arc::new(Float64Array::from(vec![2.0, 2.5, -0.0, 1e300]))),
    ])
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    for (kind, landed) in [("int64", ["1|2", "3|0"]), ("decimal(9, 0)", ["1|2", "3|0"])] {
        let twin = Twin::with_table(&format!(
            "files = [\"t.parquet\"]\n[table.columns]\nid = \"int64\"\nv = \"{kind}\""
        ))
        .file("data/t.parquet", &bytes);
        twin.run().await;
        assert_eq!(twin.rows("SELECT id, v FROM s.t ORDER BY id").await, landed);
        let rejects = twin.rejects().await;
        assert_eq!(rejects[0], "t.parquet|2|v|type|{\"id\":2,\"v\":2.5}");
        assert!(rejects[1].starts_with("t.parquet|4|v|type|"), "{rejects:?}");
    }
}

#[tokio::test]
async fn dates_and_timestamps() {
    let dates =
        landed("", "type = \"date\", format = \"%d.%m.%Y\"", &["31.12.2024", "29.02.2023", "2024-12-31"])
            .await;
    assert_eq!(dates, ["2024-12-31", "!", "!"]);
    assert_eq!(
        landed("", "type = \"date\"", &["2024-02-29", "2023-02-29", "29.02.2024"]).await,
        ["2024-02-29", "!", "!"]
    );
    let texts = ["2024-01-01 00:30:00", "2024-01-01T00:30:00Z", "2024-01-01T00:30:00+05:00", "soon"];
    let zoned = landed("", "type = \"timestamp\", timezone = \"+02:00\"", &texts).await;
    assert_eq!(zoned, ["2023-12-31T22:30:00Z", "2024-01-01T00:30:00Z", "2023-12-31T19:30:00Z", "!"]);
    let utc = landed("", "type = \"timestamp\"", &["2024-01-01 00:30:00.123456", "2024-01-01"]).await;
    assert_eq!(utc, ["2024-01-01T00:30:00.123456Z", "2024-01-01T00:00:00Z"]);
    let formatted = landed(
        "",
        "type = \"timestamp\", format = \"%d/%m/%Y %H:%M\", timezone = \"-01:00\"",
        &["01/02/2024 23:30", "02/01/2024"],
    )
    .await;
    assert_eq!(formatted, ["2024-02-02T00:30:00Z", "!"]);
    let offset =
        landed("", "type = \"timestamp\", format = \"%Y-%m-%d %H:%M:%S %z\"", &["2024-01-01 00:00:00 +0100"])
            .await;
    assert_eq!(offset, ["2023-12-31T23:00:00Z"]);
}

#[tokio::test]
async fn nulls_defaults_and_spaces() {
    let texts = ["", "n/a", "-", " x ", "   "];
    let cleaned = landed(", nulls = [\"n/a\"]", "type = \"text\", nulls = [\"-\"]", &texts).await;
    assert_eq!(cleaned, ["NULL", "NULL", "NULL", "x", "NULL"]);
    let kept = landed("", "type = \"text\", keep_spaces = true", &texts).await;
    assert_eq!(kept, ["NULL", "n/a", "-", " x ", "   "]);
    let empty = landed(", empty_is_null = false", "type = \"text\"", &["", " "]).await;
    assert_eq!(empty, ["", ""]);
    let filled = landed("", "type = \"int64\", default = \"-1\", required = true", &["", "7", "x"]).await;
    assert_eq!(filled, ["-1", "7", "!"], "a default stands for null, not for nonsense");
    let bools = landed("", "type = \"bool\"", &["Yes", "n", "1", "0", "TRUE", "maybe"]).await;
    assert_eq!(bools, ["true", "false", "true", "false", "true", "!"]);
}

#[tokio::test]
async fn times_of_day_are_checked_and_stay_text() {
    let times = landed("", "type = \"time\"", &["15:04:05", "25:00:00", "noon"]).await;
    assert_eq!(times, ["15:04:05", "!", "!"]);
}

#[tokio::test]
async fn encodings_end_to_end() {
    let text = "id,name\n1,Grüße\n2,é\n";
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bom = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for (encoding, bytes) in [
        ("latin-1", &latin),
        ("windows-1252", &latin),
        ("utf-16", &[b"\xff\xfe".to_vec(), utf16.clone()].concat()),
        ("utf-8", &bom),
        ("latin-1", &bom),
    ] {
        let twin = Twin::with_table(&format!("files = [\"t.csv\"]\ncsv = {{ encoding = \"{encoding}\" }}"))
            .file("data/t.csv", bytes);
        twin.run().await;
        assert_eq!(twin.rows("SELECT id, name FROM s.t ORDER BY id").await, ["1|Grüße", "2|é"], "{encoding}");
    }
    // Not what it was declared to be: the record is rejected, its neighbours land.
    let wrong = Twin::with_table("files = [\"t.csv\"]").file("data/t.csv", b"id,name\n1,Gr\xfc\n2,ok\n");
    wrong.run().await;
    assert_eq!(wrong.rows("SELECT id, name FROM s.t").await, ["2|ok"]);
    assert_eq!(wrong.rejects().await, ["t.csv|2|NULL|malformed|1,Gr\u{fffd}"]);
}

#[tokio::test]
async fn json_nests_or_is_flattened() {
    let records = "{\"id\": 1, \"who\": {\"name\": \"a\", \"age\": 3}, \"tags\": [\"x\", \"y\"]}\n{\"id\": 2, \"who\": null}\n{\"id\": 3, \"who\": 7}\n";
    let nested = Twin::with_table(
        "files = [\"t.ndjson\"]\n[table.columns]\nid = \"int64\"\nwho = \"struct<name: text, age: int64>\"\ntags = \"list<text>\"",
    )
    .file("data/t.ndjson", records);
    nested.run().await;
    assert_eq!(
        nested.rows("SELECT id, who['name'], who['age'], tags[2] FROM s.t ORDER BY id").await,
        ["1|a|3|y", "2|NULL|NULL|NULL"]
    );
    assert_eq!(nested.rejects().await, ["t.ndjson|3|who|type|{\"id\": 3, \"who\": 7}"]);

    let flat = Twin::with_table("files = [\"t.json\"]\njson = { flatten = true, records = \"data.items\" }")
        .file(
            "data/t.json",
            "{\"data\": {\"items\": [{\"id\": 1, \"who\": {\"name\": \"a\"}}, {\"id\": 2}]}}",
        );
    flat.run().await;
    assert_eq!(flat.rows("SELECT id, who_name FROM s.t ORDER BY id").await, ["1|a", "2|NULL"]);

    let text = Twin::with_table("files = [\"t.ndjson\"]")
        .file("data/t.ndjson", "{\"id\": 1, \"who\": {\"name\":  \"a\"}}\n");
    text.run().await;
    assert_eq!(text.rows("SELECT who FROM s.t").await, ["{\"name\":  \"a\"}"]);
}

#[tokio::test]
async fn expressions_over_raw_columns() {
    let twin = Twin::with_table(
        "files = [\"t.csv\"]\n[table.columns]\n\
         total = { type = \"decimal(12, 2)\", sql = \"CAST(\\\"Price\\\" AS DOUBLE) * CAST(qty AS BIGINT)\" }\n\
         sku = { type = \"text\", sql = \"upper(trim(sku))\", required = true }",
    )
    .file("data/t.csv", "Price,qty,sku\n1.25,3, ab \n2,1,\n");
    twin.run().await;
    assert_eq!(twin.rows("SELECT total, sku FROM s.t").await, ["3.75|AB"]);
    assert_eq!(twin.rejects().await, ["t.csv|3|sku|required|2,1,"]);
}
