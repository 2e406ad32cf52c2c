//! The demo enterprise: the dirt that was planted is found to the row, and equal seeds give equal twins.

use std::collections::BTreeMap;

use twinlake::demo::{Options, Summary, TWIN_FILES, generate};
use twinlake::lake::When;
use twinlake::run::Outcome;

use crate::twin::Twin;

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
