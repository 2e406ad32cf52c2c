//! The demo enterprise: the dirt that was planted is found to the row, and equal seeds give equal twins.

use std::collections::BTreeMap;
use std::sync::Arc;

use twinlake::clock;
use twinlake::demo::{Options, Shift, Summary, TWIN_FILES, generate};
use twinlake::lake::When;
use twinlake::run::{self, Outcome, Selection, Silent};

use crate::twin::{Twin, wait};

/// The demo twin, and what its files hold.
fn demo(seed: u64) -> (Twin, Summary) {
    let twin = Twin::new(TWIN_FILES);
    let options = Options { target: twin.root.join("data"), scale: 0.1, seed, shift: None };
    let summary = generate(&options, &mut |_, _| {}).unwrap();
    (twin, summary)
}

#[test]
fn what_was_planted_is_rejected_and_all_else_lands() {
    let (twin, generated) = demo(42);
    assert_eq!(twin.run().outcome, Outcome::Published);

    let numbers = |sql: &str| -> BTreeMap<String, Vec<u64>> {
        let rows = twin.ask(sql).into_iter();
        rows.map(|row| (row[0].clone(), row[1..].iter().map(|cell| cell.parse().unwrap()).collect()))
            .collect()
    };
    let accounts = numbers(
        "SELECT relation, count(*) AS files, sum(rows_read) AS r, sum(rows_rejected) AS j FROM twin.slices GROUP BY relation",
    );
    let planted: BTreeMap<String, Vec<u64>> = generated
        .tables
        .iter()
        .map(|(relation, table)| (relation.to_string(), vec![table.files, table.rows, table.rejected()]))
        .collect();
    assert_eq!(accounts, planted, "files, rows and rejects of each table");
    let rejects = numbers("SELECT relation, count(*) AS n FROM twin.rejects GROUP BY relation");
    let expected: BTreeMap<String, Vec<u64>> = planted
        .iter()
        .filter(|(_, counts)| counts[2] > 0)
        .map(|(relation, counts)| (relation.clone(), vec![counts[2]]))
        .collect();
    assert_eq!(rejects, expected, "every reject is kept as it was");
    for (relation, table) in &generated.tables {
        let held = twin.number(&format!("SELECT count(*) FROM {relation}"));
        assert_eq!(held, table.held as i64, "{relation}");
    }
    let wrong =
        "SELECT count(*) FROM twin.slices WHERE rows_read <> rows_landed + rows_unchanged + rows_rejected";
    assert_eq!(twin.number(wrong), 0);
    assert_eq!(twin.number("SELECT count(*) FROM mart.demand_forecast WHERE mean IS NULL OR mean < 0"), 0);
    assert!(twin.number("SELECT count(*) FROM mart.reorder WHERE order_quantity > 0") > 0);

    assert_eq!(twin.run().outcome, Outcome::UpToDate);
}

#[test]
fn equal_seeds_give_equal_twins() {
    let ((first, _), (second, _), (other, _)) = (demo(7), demo(7), demo(8));
    let seen = [&first, &second, &other].map(|twin| {
        twin.settle();
        twin.seen(&When::Now)
    });
    assert_eq!(seen[0], seen[1], "every relation's rows, views and models included");
    assert_ne!(seen[0], seen[2]);
}

/// People buy twice as much from August 2025 on. The files of each month arrive by themselves.
#[test]
fn a_planted_shift_is_noticed_learned_from_once_and_overcome() {
    let twin = Twin::new(TWIN_FILES);
    let shift = Some(Shift::doubling_from("2025-08").unwrap());
    let later = twin.root.join("later");
    generate(&Options { target: later.clone(), scale: 0.3, seed: 42, shift }, &mut |_, _| {}).unwrap();
    copy(&later, &twin.root.join("data"));
    let file = |month: usize| format!("erp/sales/2025/{month:02}/sales_2025-{month:02}.csv.gz");
    for month in 8..=12 {
        std::fs::remove_file(twin.root.join("data").join(file(month))).unwrap();
    }
    let run = |month: usize| {
        let as_of = Some(clock::parse(&format!("2025-{month:02}-01")).unwrap());
        let selection = Selection::new(["+mart.demand_forecast".to_string()]);
        let options = run::Options { selection, as_of, ..run::Options::default() };
        let summary = wait(twin.app().run(options, Arc::new(Silent))).unwrap();
        assert_eq!(summary.outcome, Outcome::Published, "{:?}", summary.nodes);
    };
    let watched = |metric: &str| -> f64 {
        let sql = format!(
            "SELECT value FROM twin.model_monitoring WHERE metric = '{metric}' AND segment = '*' AND step IS NULL \
             ORDER BY run_id DESC LIMIT 1"
        );
        twin.ask(&sql)[0][0].parse().unwrap()
    };
    run(8);
    let mut ratios = Vec::new();
    for month in 8..=11 {
        let from = later.join(file(month));
        std::fs::copy(&from, twin.root.join("data").join(file(month))).unwrap();
        run(month + 1);
        ratios.push(watched("mase_ratio"));
    }
    let versions =
        twin.ask("SELECT version, why FROM twin.models WHERE relation = 'mart.demand_forecast' ORDER BY 1");
    eprintln!("mase ratios {ratios:?}, versions {versions:?}");
    assert!(ratios[0] > 1.3, "noticed in the run that lands it: {ratios:?}");
    assert!(ratios[1..].iter().all(|ratio| *ratio < 1.3), "overcome: {ratios:?}");
    assert_eq!(versions.len(), 2, "learned from once: {versions:?}");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}
