//! AdventureWorks: a whole company of 123 nodes, every record of which lands.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use twinlake::run::{Outcome, Status};

use crate::twin::{Twin, data};

/// Records of a CSV file besides its header, counted by a parser that Twinlake does not use.
fn records(path: &Path, delimiter: u8) -> i64 {
    let bytes = std::fs::read(path).unwrap();
    let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
    let (mut input, mut records) = (bytes.as_slice(), 0);
    let (mut output, mut ends) = (vec![0; 1 << 16], vec![0; 256]);
    loop {
        let (result, read, _, _) = reader.read_record(input, &mut output, &mut ends);
        input = &input[read..];
        match result {
            csv_core::ReadRecordResult::Record => records += 1,
            csv_core::ReadRecordResult::End => return records - 1,
            csv_core::ReadRecordResult::InputEmpty => {}
            full => panic!("{}: {full:?}", path.display()),
        }
    }
}

/// The rows that a query gives, by their first column.
fn numbers(twin: &Twin, sql: &str) -> BTreeMap<String, i64> {
    twin.ask(sql).into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

#[test]
fn a_company_lands_whole_and_a_second_run_finds_nothing_to_do() {
    let Some(twin) = Twin::example("adventureworks") else { return };
    let timer = Instant::now();
    let summary = twin.run();
    eprintln!("{} nodes, {} rows in {:?}", summary.nodes.len(), summary.rows_read, timer.elapsed());
    assert_eq!(summary.outcome, Outcome::Published);
    assert_eq!(summary.nodes.len(), 123);
    assert!(summary.nodes.iter().all(|node| node.status == Status::Refreshed));
    assert_eq!(summary.rows_rejected, 0);

    every_record_is_accounted_for(&twin);
    moved_customers_keep_their_history(&twin);
    predictions_are_sane(&twin);

    let seen =
        twin.ask("SELECT relation, version, logical_hash FROM twin.manifest WHERE manifest = 0 ORDER BY 1");
    let timer = Instant::now();
    let again = twin.run();
    let took = timer.elapsed();
    eprintln!("a run with nothing to do takes {took:?}");
    assert_eq!(again.outcome, Outcome::UpToDate);
    assert!(again.nodes.is_empty());
    assert!(took < Duration::from_secs(5), "{took:?}");
    let now = twin.ask("SELECT relation, version, logical_hash FROM twin.manifest ORDER BY 1");
    assert_eq!(now, seen, "no other manifest");
}

fn every_record_is_accounted_for(twin: &Twin) {
    let app = twin.app();
    let folder = data("adventureworks").unwrap();
    let read = numbers(twin, "SELECT relation || ' ' || uri, rows_read FROM twin.slices");
    let mut counted = BTreeMap::new();
    let rows = numbers(twin, "SELECT relation, rows FROM twin.manifest WHERE kind = 'source'");
    assert_eq!(rows.len(), 89);
    for table in &app.project.tables {
        let delimiter = if table.root.ends_with("online_orders") { b';' } else { b',' };
        let files: Vec<&String> =
            read.keys().filter(|key| key.starts_with(&format!("{} ", table.name))).collect();
        for key in &files {
            let uri = key.split_once(' ').unwrap().1;
            counted.insert((*key).clone(), records(&Path::new(&table.root).join(uri), delimiter));
        }
        let landed = rows[&table.name.to_string()];
        if let [file] = files.as_slice() {
            assert_eq!(landed, counted[*file], "{}: its file's keys are all different", table.name);
        }
        assert_eq!(twin.number(&format!("SELECT count(*) FROM {}", table.name)), landed);
    }
    assert_eq!(read, counted, "records of each file");
    assert_eq!(rows["erp.online_orders"], 27_659, "with three daily increments");
    assert_eq!(rows["erp.online_order_lines"], 60_398);
    assert_eq!(
        twin.number("SELECT count(*) FROM twin.slices WHERE rows_read <> rows_landed + rows_unchanged"),
        0
    );

    // What the data's own description says.
    let schema = std::fs::read_to_string(folder.join("adventureworks/schema.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let mut described = 0;
    for table in schema.as_object().unwrap().values() {
        let (Some(file), Some(rows)) = (table["file"].as_str(), table["rows"].as_i64()) else { continue };
        let path = folder.join("adventureworks").join(file);
        let found =
            app.project.tables.iter().filter(|table| Path::new(&table.root) == path.parent().unwrap());
        let uri = path.file_name().unwrap().to_string_lossy();
        let keys: Vec<String> =
            found.map(|table| format!("{} {uri}", table.name)).filter(|key| read.contains_key(key)).collect();
        assert_eq!(keys.len(), 1, "{file} lands in one table");
        assert_eq!(read[&keys[0]], rows, "{file}");
        described += 1;
    }
    assert_eq!(described, 77);
}

fn moved_customers_keep_their_history(twin: &Twin) {
    let moved = "SELECT count(*) FROM crm.customer_history WHERE previous_customer_id IS NOT NULL";
    assert_eq!(twin.number(moved), 6);
    let whole = "SELECT
            (SELECT count(*) FROM crm.customer_history) AS versions,
            (SELECT count(*) FROM crm.online_customers) AS landed,
            (SELECT count(DISTINCT first_customer_id) FROM crm.customer_history) AS customers";
    assert_eq!(twin.ask(whole), [["18490", "18490", "18484"]]);
    // A version ends where the next begins, and is one of the same customer.
    let chain = "SELECT count(*) FROM crm.customer_history AS next
        JOIN crm.customer_history AS before ON before.customer_id = next.previous_customer_id
        WHERE before.valid_to = next.valid_from AND before.first_customer_id = next.first_customer_id
            AND before.first_name = next.first_name AND NOT before.is_current";
    assert_eq!(twin.number(chain), 6);
}

fn predictions_are_sane(twin: &Twin) {
    for (relation, series) in
        [("mart.territory_sales_forecast", "territory"), ("mart.category_sales_forecast", "category")]
    {
        let sql = format!(
            "SELECT count(*) AS n, count(DISTINCT {series}) AS series,
                count(CASE WHEN 0 <= lo95 AND lo95 <= lo80 AND lo80 <= mean AND mean <= hi80 AND hi80 <= hi95 THEN 1 END) AS sane,
                min(period_start) AS first, max(period_start) AS last
            FROM {relation}"
        );
        let row = &twin.ask(&sql)[0];
        let count: usize = row[0].parse().unwrap();
        assert_eq!(count, 6 * row[1].parse::<usize>().unwrap(), "{relation}: six months a series");
        assert!(count >= 24, "{relation}: {row:?}");
        assert_eq!(row[0], row[2], "{relation}: intervals are in order");
        assert_eq!(row[3..], ["2014-05-01", "2014-10-01"], "{relation}");
    }
    let row = &twin.ask(
        "SELECT count(*) AS n, count(DISTINCT product_id) AS products,
            count(CASE WHEN order_quantity > 0 THEN 1 END) AS ordered,
            count(CASE WHEN order_quantity < 0 OR safety_stock < 0 OR reorder_point < 0 THEN 1 END) AS odd,
            count(CASE WHEN order_quantity > 0 AND position > reorder_point THEN 1 END) AS needless,
            count(CASE WHEN reason IS NULL OR reason = '' THEN 1 END) AS silent
        FROM mart.reorder_recommendations",
    )[0];
    let number = |index: usize| row[index].parse::<i64>().unwrap();
    assert!(number(0) > 100 && number(0) == number(1), "{row:?}");
    assert!(number(2) > 0 && number(2) < number(0), "{row:?}");
    assert_eq!(row[3..], ["0", "0", "0"]);
}
