//! The promise: rows read = rows landed + rows unchanged + rows rejected, and nothing is dropped, whatever the files hold.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::tiny::Twin;

/// One record as text, possibly garbage, never with a quote that swallows the next.
fn record() -> impl Strategy<Value = String> {
    let good = (0..8u8, 0..4u8, 0..3u8);
    prop_oneof![
        8 => good.prop_map(|(id, at, v)| format!("{id},{at},v{v}")),
        1 => (0..8u8, 0..4u8).prop_map(|(id, at)| format!("{id},{at},\"two\nlines, {at}\"")),
        1 => (0..8u8).prop_map(|id| format!("{id},never,v")),
        1 => (0..8u8).prop_map(|id| format!("{id},99,v")),
        1 => Just(",1,v".to_string()),
        1 => Just("3".to_string()),
        1 => Just("1,2,3,4".to_string()),
        1 => Just("1,\"2\"3,v".to_string()),
        1 => Just("\u{0},1,v".to_string()),
        1 => "[ -!#-+.-~]{1,12}",
    ]
}

fn files() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(record(), 0..24), 1..4)
}

/// Lands the files in two runs and compares what the tables say with what was written.
async fn land(mode: &str, malformed: &str, files: &[Vec<String>]) {
    let twin = Twin::with_table(&format!(
        "files = [\"*.csv\"]\nmode = \"{mode}\"\nmalformed = \"{malformed}\"\nmax_files_per_run = 2\n{}\n[table.columns]\n\
         id = \"int64\"\nat = {{ type = \"int64\", max = 50 }}\nv = \"text\"",
        if mode == "append" { "" } else { "key = [\"id\"]" }
    ));
    // (file, line) -> the record there.
    let mut written: BTreeMap<(String, usize), &str> = BTreeMap::new();
    for (number, records) in files.iter().enumerate() {
        let name = format!("{number}.csv");
        let mut text = String::from("id,at,v\n");
        let mut line = 2;
        for record in records {
            written.insert((name.clone(), line), record);
            line += record.matches('\n').count() + 1;
            text.push_str(record);
            text.push('\n');
        }
        twin.write(&format!("data/{name}"), text);
    }
    twin.run().await;
    twin.run().await;

    let told =
        twin.rows("SELECT uri, rows_read, rows_landed, rows_unchanged, rows_rejected FROM twin.slices").await;
    assert_eq!(told.len(), files.len());
    for row in &told {
        let cells: Vec<&str> = row.split('|').collect();
        let number = |cell: usize| cells[cell].parse::<usize>().unwrap();
        let records = files[cells[0].trim_end_matches(".csv").parse::<usize>().unwrap()].len();
        assert_eq!(number(1), records, "{mode}: {row}");
        assert_eq!(number(1), number(2) + number(3) + number(4), "{mode}: {row}");
    }

    let place = |row: &str| -> ((String, usize), String) {
        let (uri, rest) = row.split_once('|').unwrap();
        let (line, rest) = rest.split_once('|').unwrap();
        ((uri.to_string(), line.parse().unwrap()), rest.to_string())
    };
    let mut seen = BTreeSet::new();
    for row in twin.rows("SELECT uri, position, raw FROM twin.rejects").await {
        let (place, raw) = place(&row);
        assert_eq!(written.get(&place).copied(), Some(raw.as_str()), "{mode}: reject at {place:?}");
        assert!(seen.insert(place), "{mode}: rejected twice: {row}");
    }
    for row in twin.rows("SELECT _source_uri, _source_position, id, at, v FROM s.t").await {
        let (place, cells) = place(&row);
        let cells: Vec<&str> =
            cells.splitn(3, '|').map(|cell| if cell == "NULL" { "" } else { cell }).collect();
        let record = written[&place];
        let fields: Vec<&str> =
            record.splitn(3, ',').map(|field| field.trim().trim_matches('"').trim()).collect();
        assert_eq!(cells, fields, "{mode}: {place:?}");
        // A history keeps two rows of one record where the key went and came back.
        assert!(
            seen.insert(place) || mode == "history",
            "{mode}: landed twice, or landed and rejected: {row}"
        );
    }
    if mode == "append" {
        assert_eq!(seen.len(), written.len(), "some record is nowhere");
    }
}

#[test]
fn every_record_is_accounted_for() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let modes = prop::sample::select(vec!["append", "upsert", "snapshot", "history"]);
    let malformed = prop::sample::select(vec!["record", "file"]);
    runner
        .run(&(modes, malformed, files()), |(mode, malformed, files)| {
            runtime.block_on(land(mode, malformed, &files));
            Ok(())
        })
        .unwrap();
}
