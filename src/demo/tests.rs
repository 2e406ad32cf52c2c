//! The generator, held to what it promises.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use super::flaw::{DIRT, Flaw, planted};
use super::{Options, Summary, generate};
use crate::error::ErrorKind;

const SCALE: f64 = 0.1;

fn generated(scale: f64, seed: u64) -> (tempfile::TempDir, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { target: folder.path().to_path_buf(), scale, seed, shift: None };
    let summary = generate(&options, &mut |_, _| {}).unwrap();
    (folder, summary)
}

/// The hash of every file, by its path.
fn hashes(folder: &Path) -> BTreeMap<String, u128> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
                found.insert(name, xxhash_rust::xxh3::xxh3_128(&fs::read(&path).unwrap()));
            }
        }
    }
    found
}

fn text(folder: &Path, path: &str) -> String {
    let bytes = fs::read(folder.join(path)).unwrap();
    if !path.ends_with(".gz") {
        return String::from_utf8(bytes).unwrap();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn equal_seeds_give_equal_bytes_and_other_seeds_other_ones() {
    let (first, first_summary) = generated(SCALE, 7);
    let (second, second_summary) = generated(SCALE, 7);
    let (other, _) = generated(SCALE, 8);
    let files = hashes(first.path());
    assert_eq!(files, hashes(second.path()));
    assert_eq!(first_summary, second_summary);
    assert_eq!(first_summary.files, files.len() as u64);
    assert_ne!(
        files["erp/sales/2025/01/sales_2025-01.csv.gz"],
        hashes(other.path())["erp/sales/2025/01/sales_2025-01.csv.gz"]
    );
}

#[test]
fn the_planted_dirt_is_all_there_and_nothing_else() {
    for scale in [SCALE, 2.0] {
        let (_folder, summary) = generated(scale, 7);
        for (relation, table) in &summary.tables {
            for dirt in DIRT.iter().filter(|dirt| dirt.relation == *relation) {
                assert_eq!(dirt.files, table.files, "{relation}");
            }
            for flaw in [
                Flaw::DuplicateKey,
                Flaw::BadDate,
                Flaw::NegativeQuantity,
                Flaw::UnknownReference,
                Flaw::MissingValue,
                Flaw::Malformed,
                Flaw::TextInNumber,
                Flaw::OutOfRange,
                Flaw::NotAccepted,
                Flaw::BadPattern,
            ] {
                assert_eq!(
                    table.flawed(flaw),
                    planted(relation, flaw, scale),
                    "{relation} {flaw:?} at {scale}"
                );
            }
        }
        assert!(DIRT.iter().all(|dirt| summary.tables.contains_key(dirt.relation)));
    }
}

#[test]
fn the_summary_counts_the_lines_of_the_files() {
    let (folder, summary) = generated(SCALE, 7);
    let mut lines = 0;
    for (path, _) in hashes(folder.path()).iter().filter(|(path, _)| path.starts_with("erp/sales")) {
        lines += text(folder.path(), path).lines().count() as u64 - 1;
    }
    let sales = &summary.tables["erp.sales"];
    assert_eq!(sales.rows, lines);
    assert_eq!(sales.held, sales.rows - sales.rejected(), "an append-only table keeps duplicates");
    assert!(sales.rows > 20_000, "{} sales lines", sales.rows);

    let orders = &summary.tables["erp.purchase_orders"];
    assert_eq!(orders.held, orders.rows - orders.rejected() - orders.flawed(Flaw::DuplicateKey));
    let employees = &summary.tables["hr.employees"];
    assert!(employees.held < employees.rows, "most extracts repeat what was known: {employees:?}");
}

#[test]
fn ledger_revenue_equals_the_tills() {
    let (folder, _) = generated(SCALE, 7);
    let sold = text(folder.path(), "erp/sales/2023/01/sales_2023-01.csv.gz");
    let mut seen = std::collections::BTreeSet::new();
    let mut cents = 0;
    for line in sold.lines().skip(1).filter(|line| line.contains(";ST0001;") && seen.insert(&line[..10])) {
        let fields: Vec<&str> = line.split(';').collect();
        let sound = fields.len() == 8 && fields[3] != "P9999" && !fields[1].starts_with("31.02");
        if let (true, Ok(quantity @ 1..)) = (sound, fields[4].parse::<i64>()) {
            cents += quantity * fields[5].replace(',', "").parse::<i64>().unwrap();
        }
    }
    let ledger = text(folder.path(), "finance/ledger/2023/ledger_2023-Q1.csv");
    let posted = ledger.lines().find(|line| line.starts_with("J202301-000001-0,2,")).unwrap();
    assert_eq!(posted.split(',').nth(6).unwrap(), format!("{}.{:02}", cents / 100, cents % 100));
}

#[test]
fn sales_grow_with_the_scale_and_files_do_not_multiply() {
    let (_one, one) = generated(0.25, 3);
    let (_two, two) = generated(1.0, 3);
    let ratio = two.tables["erp.sales"].rows as f64 / one.tables["erp.sales"].rows as f64;
    assert!((2.5..6.0).contains(&ratio), "four times the stores sell {ratio} times as much");
    assert_eq!(one.files, two.files);
    assert!(two.bytes < 30_000_000, "scale 1 stays small: {} bytes", two.bytes);
}

#[test]
fn the_price_index_is_parquet() {
    let (folder, summary) = generated(SCALE, 7);
    let file = fs::File::open(folder.path().join("market/price_index.parquet")).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let rows: usize = reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum();
    assert_eq!(rows as u64, summary.tables["market.price_index"].rows);
}

#[test]
fn a_generation_replaces_an_earlier_one() {
    let (folder, _) = generated(SCALE, 1);
    let options = Options { target: folder.path().to_path_buf(), scale: SCALE, seed: 2, shift: None };
    generate(&options, &mut |_, _| {}).unwrap();
    let (fresh, _) = generated(SCALE, 2);
    assert_eq!(hashes(folder.path()), hashes(fresh.path()));
}

#[test]
fn impossible_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 10_001.0] {
        let options = Options { target: folder.path().join("data"), scale, seed: 1, shift: None };
        let error = generate(&options, &mut |_, _| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.hint().is_some());
    }
    assert!(!folder.path().join("data").exists(), "nothing is written before the options are sound");

    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error =
        generate(&Options { target: file, scale: SCALE, seed: 1, shift: None }, &mut |_, _| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
}

#[test]
fn progress_hears_of_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { target: folder.path().to_path_buf(), scale: SCALE, seed: 7, shift: None };
    let (mut files, mut rows) = (0, 0);
    let summary = generate(&options, &mut |path, written| {
        assert!(folder.path().join(path).exists(), "{path}");
        files += 1;
        rows += written;
    })
    .unwrap();
    assert_eq!(files, summary.files);
    assert_eq!(rows, summary.tables.values().map(|table| table.rows).sum::<u64>());
}

#[test]
fn the_twin_over_the_files_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match crate::project::Project::load(root, &BTreeMap::new()) {
        Ok(project) => assert_eq!(project.warnings.render(), ""),
        Err(diagnostics) => panic!("{}", diagnostics.render()),
    }
}

#[test]
fn the_page_about_the_dirt_tells_the_truth() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/demo.md")).unwrap();
    let columns = [
        Flaw::DuplicateKey,
        Flaw::BadDate,
        Flaw::NegativeQuantity,
        Flaw::UnknownReference,
        Flaw::MissingValue,
        Flaw::Malformed,
        Flaw::TextInNumber,
        Flaw::OutOfRange,
        Flaw::NotAccepted,
    ];
    for dirt in DIRT {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", dirt.relation)));
        let cells: Vec<&str> = row.expect(dirt.relation).split('|').map(str::trim).collect();
        let told = |n: u64| match (n, dirt.scales) {
            (0, _) => String::new(),
            (1, true) => "*s*".into(),
            (n, true) => format!("{n}*s*"),
            (n, false) => n.to_string(),
        };
        assert_eq!(cells[2], dirt.files.to_string(), "{}", dirt.relation);
        for (cell, flaw) in cells[3..].iter().zip(columns) {
            assert_eq!(*cell, told(planted(dirt.relation, flaw, 1.0)), "{} {flaw:?}", dirt.relation);
        }
        let rejected = columns.iter().filter(|flaw| flaw.rejects());
        let rejected: u64 = rejected.map(|flaw| planted(dirt.relation, *flaw, 1.0)).sum();
        assert_eq!(cells[12], told(rejected), "{}", dirt.relation);
        assert_eq!(cells[13], told(planted(dirt.relation, Flaw::BadPattern, 1.0)), "{}", dirt.relation);
    }
}
