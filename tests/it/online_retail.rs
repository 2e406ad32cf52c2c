//! A shop's sales as they arrived: 219 files in as many runs are the same as all of them in one.

use std::time::Instant;

use twinlake::lake::When;
use twinlake::run::{Outcome, Status};

use crate::twin::{Twin, run};

/// Days, and with them files.
const DAYS: usize = 219;
/// Lines in all of them.
const LINES: i64 = 320_705;

/// The shop, reading so many files a run; 0 is all of them.
fn shop(files_per_run: usize) -> Option<Twin> {
    let twin = Twin::example("online_retail")?;
    let limit = format!("max_files_per_run = {files_per_run}");
    twin.edit("pipelines/sources/shop.toml", "max_files_per_run = 1", &limit);
    // Learned anew on each of 219 days, recommendations would take most of the time; they have tests of their own.
    std::fs::remove_file(twin.root.join("pipelines/models/next_products.toml")).unwrap();
    Some(twin)
}

/// What must not depend on how the files were spread over runs.
fn assert_all_landed(twin: &Twin) {
    let accounts = twin.ask(
        "SELECT count(*) AS files, sum(rows_read) AS r, sum(rows_landed) AS l, sum(rows_unchanged) AS u, sum(rows_rejected) AS j,
            count(CASE WHEN rows_read <> rows_landed + rows_unchanged + rows_rejected THEN 1 END) AS wrong
        FROM twin.slices",
    );
    assert_eq!(accounts[0][..2], [DAYS.to_string(), LINES.to_string()]);
    let sum: i64 = accounts[0][2..5].iter().map(|cell| cell.parse::<i64>().unwrap()).sum();
    assert_eq!(sum, LINES);
    assert_eq!(accounts[0][5], "0");
    assert_eq!(twin.number("SELECT count(*) FROM shop.invoice_lines").to_string(), accounts[0][2]);
    assert_eq!(twin.number("SELECT count(*) FROM twin.rejects").to_string(), accounts[0][4]);
    let lines =
        "SELECT count(*) FROM (SELECT DISTINCT _source_uri, _source_position FROM shop.invoice_lines)";
    assert_eq!(twin.number(lines).to_string(), accounts[0][2], "no line twice");
}

#[test]
fn a_file_a_run_comes_to_the_same_as_all_files_in_one_run() {
    let (Some(daily), Some(at_once)) = (shop(1), shop(0)) else { return };
    let timer = Instant::now();
    assert_eq!(at_once.settle(), 1);
    eprintln!("one run: {:?}", timer.elapsed());
    assert_all_landed(&at_once);

    let app = daily.app();
    let (timer, mut lap) = (Instant::now(), Instant::now());
    for day in 1..=DAYS {
        let summary = run(&app);
        assert_eq!(summary.outcome, Outcome::Published, "{day}: {:?}", summary.nodes);
        assert_eq!(summary.later, DAYS - day);
        if day % 50 == 0 || day == DAYS {
            eprintln!("{day} runs: {:?}, the last of them {:?} each", timer.elapsed(), lap.elapsed() / 50);
            lap = Instant::now();
        }
    }
    assert_eq!(run(&app).outcome, Outcome::UpToDate);
    assert_all_landed(&daily);
    assert_eq!(daily.number("SELECT count(*) FROM twin.runs"), DAYS as i64);
    assert_eq!(daily.seen(&When::Now), at_once.seen(&When::Now), "every relation, file and reject");
}

#[cfg(feature = "failpoints")]
#[test]
fn days_on_which_the_run_died_are_like_any_other() {
    let (Some(twin), Some(calm)) = (shop(55), shop(0)) else { return };
    for failpoints in ["files-written=return", "node-committed=1*off->return", "before-publish=return"] {
        let output = twin.process(&["run"]).env("FAILPOINTS", failpoints).output().unwrap();
        assert_eq!(output.status.code(), None, "{failpoints}: {}", String::from_utf8_lossy(&output.stderr));
        let summary = twin.run();
        assert_eq!(summary.outcome, Outcome::Published, "{failpoints}");
        let landed =
            summary.nodes.iter().find(|node| node.relation.to_string() == "shop.invoice_lines").unwrap();
        assert_eq!(landed.status, Status::Refreshed);
    }
    twin.settle();
    calm.settle();
    assert_all_landed(&twin);
    assert_eq!(twin.seen(&When::Now), calm.seen(&When::Now));
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn days_on_which_the_run_died_are_like_any_other() {
    eprintln!("NOT RUN: days on which the run died (needs --features failpoints)");
}
