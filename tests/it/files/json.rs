use proptest::prelude::*;
use twinlake::error::{ErrorKind, Result};
use twinlake::ingest::files::Layout;
use twinlake::project::source::{Format, JsonOptions};

use super::{Outcome, layout, lines, read_bytes, reasons};

fn ndjson(text: &str) -> Outcome {
    read_bytes("t.ndjson", text.as_bytes(), &Layout::default()).unwrap()
}

fn json(text: &str) -> Outcome {
    read_bytes("t.json", text.as_bytes(), &Layout::default()).unwrap()
}

fn json_with(text: &str, records: Option<&str>, flatten: bool) -> Result<Outcome> {
    let json = JsonOptions { records: records.map(str::to_owned), flatten };
    read_bytes("t.json", text.as_bytes(), &Layout { json, ..Layout::default() })
}

#[test]
fn values_are_text_exactly_as_written() {
    let outcome = ndjson(concat!(
        "{\"n\": 1.50, \"b\": true, \"s\": \"a\\u00e9\\n\\\"\", \"z\": null, \"o\": {\"x\": [1, 2]}, \"a\": [ 1 ]}\n",
        "\n  \t\r\n",
        "{\"late\": 12345678901234567890123, \"n\": -0e0, \"b\": false, \"s\": \"\"}\r",
        "{}\n",
    ));
    assert_eq!(outcome.columns, ["n", "b", "s", "z", "o", "a", "late"]);
    assert_eq!(
        lines(&outcome),
        [
            "1.50|true|aé\n\"|~|{\"x\": [1, 2]}|[ 1 ]|~",
            "-0e0|false||~|~|~|12345678901234567890123",
            "~|~|~|~|~|~|~"
        ]
    );
    assert_eq!(outcome.positions, [1, 4, 5]);
    assert_eq!(outcome.raw[2], "{}");
}

#[test]
fn malformed_lines_leave_the_others_alone() {
    let text = "{\"a\":1}\n{\"a\":2\n[3]\n{\"a\":4,\"a\":5}\n{\"a\":\"\\ud800\"}\n{\"a\":6} x\n7\n{\"a\":8}";
    let outcome = ndjson(text);
    assert_eq!(lines(&outcome), ["1", "8"]);
    assert_eq!(outcome.positions, [1, 8]);
    let reasons = reasons(&outcome);
    assert_eq!(
        reasons,
        [
            (2, "not valid JSON: EOF while parsing an object at line 2 column 6"),
            (3, "an array, not an object"),
            (4, "duplicate key \"a\""),
            (5, "a string escape is not a character"),
            (6, "not valid JSON: trailing characters at line 6 column 9"),
            (7, "a number, not an object"),
        ]
    );
}

#[test]
fn bytes_that_are_not_text() {
    let outcome = read_bytes("t.jsonl", b"{\"a\":\"x\"}\n{\"a\":\"\xff\"}\n", &Layout::default()).unwrap();
    assert_eq!(lines(&outcome), ["x"]);
    assert_eq!(reasons(&outcome), [(2, "not valid utf-8 at byte 7 of the record")]);
}

#[test]
fn nothing_at_all() {
    assert!(ndjson("").rows.is_empty());
    assert!(json("[]").rows.is_empty());
    for empty in ["", " \n"] {
        let error = json_with(empty, None, false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.message().ends_with("is empty"), "{error}");
    }
}

#[test]
fn documents_of_any_shape() {
    let text = "[{\"a\": 1},\n {\"b\": \"]}\"}]\n{\"a\": {\"c\": [\n2]}}\n[]\n{\"a\":3}{\"a\":4}";
    let outcome = json(text);
    assert_eq!(lines(&outcome), ["1|~", "~|]}", "{\"c\": [\n2]}|~", "3|~", "4|~"]);
    assert_eq!(outcome.positions, [1, 2, 3, 6, 6]);
}

#[test]
fn elements_that_are_not_objects() {
    let outcome = json("[1, {\"a\": 1}, \"x,]\", [2], null, true, {\"a\": 2}]");
    assert_eq!(lines(&outcome), ["1", "2"]);
    let expected = ["a number", "a string", "an array", "null", "true or false"]
        .map(|kind| format!("{kind}, not an object"));
    assert_eq!(
        outcome.malformed.iter().map(|malformed| malformed.reason.clone()).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(outcome.malformed[1].raw, "\"x,]\"");
}

#[test]
fn a_broken_document_keeps_what_came_before() {
    let cases = [
        ("[{\"a\":1},\n{\"a\":2", 2, "the document ends here, before it is complete", "{\"a\":2"),
        ("[{\"a\":1}\n", 2, "the document ends here, before it is complete", ""),
        ("[{\"a\":1},\n]", 2, "expected a record", "]"),
        ("[{\"a\":1}\n{\"a\":2}]", 2, "expected , or ] after a record", "{\"a\":2}]"),
        ("[{\"a\":1}]\nrest", 2, "neither an object nor an array of objects", "rest"),
        ("[{\"a\":1},\n{\"a\": \"x}]", 2, "the document ends here, before it is complete", "{\"a\": \"x}]"),
    ];
    for (text, line, reason, raw) in cases {
        let outcome = json(text);
        assert_eq!(lines(&outcome), ["1"], "{text}");
        assert_eq!(reasons(&outcome), [(line, reason)], "{text}");
        assert_eq!(outcome.malformed[0].raw, raw);
        assert_eq!(outcome.digest, Some(xxhash_rust::xxh3::xxh3_128(text.as_bytes())));
    }
    assert_eq!(
        reasons(&json("{\"a\":1}\n{\"a\":}\n{\"a\":2}")),
        [(2, "not valid JSON: expected value at line 2 column 6")]
    );
}

#[test]
fn records_inside_a_document() {
    let text = "{\"meta\": {\"items\": [9]}, \"data\": {\"n\": [[]], \"items\": [{\"a\": 1},\n{\"a\": 2}], \"next\": null}, \"x\": \"}\"}";
    let outcome = json_with(text, Some("data.items"), false).unwrap();
    assert_eq!(lines(&outcome), ["1", "2"]);
    assert_eq!(outcome.positions, [1, 2]);
    assert!(outcome.malformed.is_empty());

    let two = format!("{text}\n{text}");
    assert_eq!(json_with(&two, Some("data.items"), false).unwrap().rows.len(), 4);
    assert!(json_with("{\"items\": null}", Some("items"), false).unwrap().rows.is_empty());
    assert_eq!(lines(&json_with("{\"items\": {\"a\": 5}}", Some("items"), false).unwrap()), ["5"]);

    let cut = &text[..text.len() - 12];
    let outcome = json_with(cut, Some("data.items"), false).unwrap();
    assert_eq!(lines(&outcome), ["1", "2"]);
    assert_eq!(reasons(&outcome), [(2, "the document ends here, before it is complete")]);

    let twice = "{\"items\": [{\"a\": 1}], \"items\": [{\"a\": 2}]}";
    let outcome = json_with(twice, Some("items"), false).unwrap();
    assert_eq!(lines(&outcome), ["1"]);
    assert_eq!(reasons(&outcome), [(1, "duplicate key \"items\"")]);
}

#[test]
fn records_that_are_not_there() {
    for text in ["{\"data\": {}}", "{\"data\": {\"items\": 5}}", "{\"data\": []}", "[]", "{}"] {
        let error = json_with(text, Some("data.items"), false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(
            error.message().contains("t.json\": line 1: no array of records at \"data.items\""),
            "{error}"
        );
    }
}

#[test]
fn flattened() {
    let text = "[{\"id\": 1, \"a\": {\"b\": {\"c\": 2}, \"l\": [{\"x\": 1}]}, \"e\": {}}, {\"id\": 2, \"a\": 7}, {\"a_b\": 1, \"a\": {\"b\": 2}}]";
    let outcome = json_with(text, None, true).unwrap();
    assert_eq!(outcome.columns, ["id", "a_b_c", "a_l", "a"]);
    assert_eq!(lines(&outcome), ["1|2|[{\"x\": 1}]|~", "2|~|~|7"]);
    assert_eq!(reasons(&outcome), [(1, "duplicate key \"a_b\"")]);
    let deep = format!("{}1{}", "{\"k\":".repeat(100_000), "}".repeat(100_000));
    assert_eq!(json_with(&deep, None, true).unwrap().rows.len(), 1);
}

#[test]
fn keys_that_are_values() {
    let text: String = (0..10_001).map(|n| format!("{{\"k{n}\": 1}}\n")).collect();
    let error = read_bytes("t.ndjson", text.as_bytes(), &Layout::default()).unwrap_err();
    assert!(error.message().ends_with("line 10001: more than 10000 different keys"), "{error}");
}

#[test]
fn a_byte_order_mark_and_utf_16() {
    let text = "\u{feff}[{\"a\": \"é\"}]";
    assert_eq!(lines(&json(text)), ["é"]);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(lines(&read_bytes("t.json", &utf16, &Layout::default()).unwrap()), ["é"]);
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "[\\PC\"\\\\\n{}\\[\\],:]{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::hash_map("[a-c\"\\\\]{0,3}", inner, 0..4)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// What serde_json wrote is what is read, as lines and as an array, in blocks of any size.
    #[test]
    fn round_trip(rows in prop::collection::vec(prop::collection::hash_map("[a-c\"\\\\{]{1,3}", value(), 0..4), 0..12), block_bytes in 1usize..64, pretty: bool) {
        let objects: Vec<serde_json::Value> = rows.iter().map(|row| serde_json::Value::Object(row.clone().into_iter().collect())).collect();
        let as_lines: String = objects.iter().map(|object| format!("{object}\n")).collect();
        let whole = serde_json::Value::from(objects);
        let document = if pretty { serde_json::to_string_pretty(&whole) } else { serde_json::to_string(&whole) }.unwrap();
        for (format, text) in [(Format::Ndjson, as_lines), (Format::Json, document)] {
            let outcome = read_bytes("t", text.as_bytes(), &Layout { block_bytes, ..layout(format) }).unwrap();
            prop_assert!(outcome.malformed.is_empty(), "{:?}", outcome.malformed);
            prop_assert_eq!(outcome.rows.len(), rows.len());
            for (cells, row) in outcome.rows.iter().zip(&rows) {
                for (name, cell) in outcome.columns.iter().zip(cells) {
                    let same = match (row.get(name), cell) {
                        (None | Some(serde_json::Value::Null), None) => true,
                        (Some(serde_json::Value::String(text)), Some(cell)) => text == cell,
                        (Some(value), Some(cell)) => serde_json::from_str::<serde_json::Value>(cell).unwrap() == *value,
                        _ => false,
                    };
                    prop_assert!(same, "{name}: {cell:?}");
                }
            }
        }
    }
}
