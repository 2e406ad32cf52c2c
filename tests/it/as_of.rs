//! Readers see one manifest, whole: the newest, or any before it, whatever runs meanwhile and however it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use twinlake::clock;
use twinlake::error::ErrorKind;
use twinlake::ids::{RelationName, RunId};
use twinlake::lake::{Lake, When};
use twinlake::run::{Options, Outcome, Silent, Status};

use crate::shop::{SALES, shop};
use crate::twin::{Twin, ask, run, wait};

#[test]
fn a_past_manifest_stays_as_it_was() {
    let days = 4;
    let twin = shop(days);
    let mut past = Vec::new();
    for day in 1..=days {
        let summary = twin.run();
        let number = summary.manifest.unwrap();
        assert_eq!(number, day as u64 - 1);
        past.push((number, summary.run_id, clock::now(), twin.seen(&When::Now)));
    }
    // A view changes and a table goes: yesterday's readers are not concerned.
    twin.edit("sql/mart/total.sql", "sum(amount)", "-sum(amount)");
    std::fs::remove_file(twin.root.join("sql/mart/by_product.sql")).unwrap();
    twin.edit("sql/mart/total.sql", "mart.by_product", "mart.priced");
    twin.run();
    assert!(!twin.seen(&When::Now).iter().any(|line| line.starts_with("mart.by_product")));

    for (day, (number, run_id, after, seen)) in past.iter().enumerate() {
        for when in [When::Number(*number), When::Run(run_id.clone()), When::At(*after)] {
            assert_eq!(twin.seen(&when), *seen, "{when:?}");
            let sales = twin.ask_at(&when, "SELECT count(*), max(_run_id) FROM shop.sales");
            assert_eq!(sales[0][0], ((day + 1) * SALES).to_string());
            assert_eq!(sales[0][1], run_id.as_str());
            let amounts =
                twin.ask_at(&when, "SELECT (SELECT sum(amount) FROM shop.sales), amount FROM mart.total");
            assert_eq!(amounts[0][0], amounts[0][1]);
            let manifests = twin.ask_at(&when, "SELECT count(DISTINCT manifest) FROM twin.manifest");
            assert_eq!(manifests[0][0], (day + 1).to_string(), "history ends with the manifest itself");
        }
        // The instant itself counts; the one before it does not.
        let published_at = wait(twin.app().manifest(&When::Number(*number))).unwrap().published_at.unwrap();
        assert_eq!(twin.seen(&When::At(published_at)), *seen);
        let earlier = When::At(published_at - chrono::Duration::microseconds(1));
        match number.checked_sub(1) {
            Some(before) => assert_eq!(twin.seen(&earlier), twin.seen(&When::Number(before))),
            None => assert_eq!(missing(&twin, &earlier), ErrorKind::NotFound),
        }
    }
    assert_eq!(missing(&twin, &When::Number(99)), ErrorKind::NotFound);
    assert_eq!(missing(&twin, &When::Run(RunId::generate(clock::now()))), ErrorKind::NotFound);
}

fn missing(twin: &Twin, when: &When) -> ErrorKind {
    wait(twin.app().manifest(when)).unwrap_err().kind()
}

#[test]
fn the_command_reads_the_past_by_number_instant_and_run() {
    let twin = shop(2);
    let first = twin.run();
    let between = clock::now();
    twin.run();
    for (as_of, days) in [
        ("0".to_string(), 1),
        (between.to_rfc3339(), 1),
        (first.run_id.to_string(), 1),
        ("1".to_string(), 2),
        ("now".to_string(), 2),
    ] {
        let sql = "SELECT count(*) AS sales FROM shop.sales";
        let output = twin.process(&["sql", sql, "--as-of", &as_of, "--format", "csv"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("sales\n{}\n", days * SALES),
            "{as_of}"
        );
    }
    let output = twin.process(&["sql", "SELECT 1", "--as-of", "7"]).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "there is no manifest 7");
}

#[test]
fn readers_never_see_half_a_run() {
    let days = 8;
    let twin = shop(days);
    twin.run();
    let ended = Arc::new(AtomicBool::new(false));
    let reader = twin.app();
    let stop = Arc::clone(&ended);
    let reading = std::thread::spawn(move || {
        wait(async {
            let (mut reads, mut manifests) = (0, std::collections::BTreeSet::new());
            while !stop.load(Ordering::Relaxed) {
                let sql = "SELECT
                    (SELECT sum(amount) FROM shop.sales), (SELECT sum(amount) FROM mart.priced),
                    (SELECT sum(amount) FROM mart.by_product), (SELECT amount FROM mart.total),
                    (SELECT count(*) FROM shop.sales),
                    (SELECT rows FROM twin.manifest WHERE relation = 'shop.sales' ORDER BY manifest DESC LIMIT 1),
                    (SELECT max(run_id) FROM twin.manifest), (SELECT max(_run_id) FROM shop.sales),
                    (SELECT max(run_id) FROM twin.runs), (SELECT max(manifest) FROM twin.manifest)";
                let rows = ask(&reader, &When::Now, sql).await;
                let row = &rows[0];
                assert!(
                    row[0] == row[1] && row[1] == row[2] && row[2] == row[3],
                    "amounts of two runs: {row:?}"
                );
                assert_eq!(row[4], row[5], "a table and what the manifest says of it");
                assert!(row[6] == row[7] && row[7] == row[8], "rows and records of two runs: {row:?}");
                manifests.insert(row[9].clone());
                reads += 1;
            }
            (reads, manifests.len())
        })
    });
    assert_eq!(twin.settle(), days - 1);
    ended.store(true, Ordering::Relaxed);
    let (reads, manifests) = reading.join().unwrap();
    eprintln!("{reads} reads saw {manifests} manifests");
    assert!(manifests >= 3, "the reader saw {manifests} manifests only");
}

/// That the newest version of a table, which foreign readers look at, is what is published of it.
fn assert_head_is_published(twin: &Twin, relation: &str) {
    let app = twin.app();
    wait(async {
        let name: RelationName = relation.parse().unwrap();
        let manifest = app.manifest(&When::Now).await.unwrap();
        let published = manifest.relations[&name].version.unwrap();
        let newest = app.lake.newest(&name).await.unwrap().unwrap();
        let paths = async |lake: &Lake, version| -> Vec<String> {
            let table = lake.version(&name, version).await.unwrap();
            table.files.iter().map(|file| file.path.clone()).collect()
        };
        let (head, published) = (paths(&app.lake, newest).await, paths(&app.lake, published).await);
        assert_eq!(head, published, "{relation}");
    });
}

#[test]
fn a_failed_run_changes_nothing_that_readers_see() {
    let twin = shop(2);
    twin.run();
    let before = twin.seen(&When::Now);
    // Day two sells what nobody knows: mart.by_product refers to no product.
    let path = "data/sales/sales_002.csv";
    let sound = std::fs::read_to_string(twin.root.join(path)).unwrap();
    let modified = std::fs::metadata(twin.root.join(path)).unwrap().modified().unwrap();
    twin.write(path, &format!("{sound}2900,P99,1,1.00\n"));

    let summary = run(&twin.app());
    assert_eq!(summary.outcome, Outcome::Failed);
    let status = |relation: &str| {
        let node = summary.nodes.iter().find(|node| node.relation.to_string() == relation).unwrap();
        (node.status, node.error.as_ref().map(|error| error.kind()))
    };
    assert_eq!(status("mart.by_product"), (Status::Failed, Some(ErrorKind::Check)));
    assert_eq!(status("mart.total").0, Status::Skipped);
    assert_eq!(twin.seen(&When::Now), before, "relations, files read and rejects are as they were");
    for relation in ["shop.sales", "shop.products", "shop.staff", "mart.by_product", "mart.total"] {
        assert_head_is_published(&twin, relation);
    }
    let told = twin.ask("SELECT status, nodes_failed FROM twin.runs ORDER BY run_id DESC LIMIT 1");
    assert_eq!(told, [["failed", "1"]], "the failure itself is on record");
    let check =
        twin.ask("SELECT relation, bad_rows FROM twin.checks WHERE status = 'failed' AND level = 'error'");
    assert_eq!(check, [["mart.by_product", "1"]]);

    // It fails as often as it is tried.
    assert_eq!(run(&twin.app()).outcome, Outcome::Failed);
    assert_eq!(twin.seen(&When::Now), before);

    // The process says so with its exit code.
    let output = twin.process(&["run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));

    // Going on publishes what does not depend on it.
    let partly = twin.copy();
    let options = Options { keep_going: true, ..Options::default() };
    let summary = wait(partly.app().run(options, Arc::new(Silent))).unwrap();
    assert_eq!(summary.outcome, Outcome::Partial);
    assert_eq!(partly.number("SELECT count(*) FROM shop.sales"), 2 * SALES as i64 + 1);
    assert_eq!(partly.number("SELECT sum(sales) FROM mart.by_product"), SALES as i64, "as it was");
    assert_head_is_published(&partly, "mart.by_product");

    // The file is mended: as if nothing had happened.
    twin.write(path, &sound);
    let file = std::fs::File::options().write(true).open(twin.root.join(path)).unwrap();
    file.set_modified(modified).unwrap();
    twin.settle();
    let calm = shop(2);
    calm.settle();
    assert_eq!(twin.seen(&When::Now), calm.seen(&When::Now));
}

#[test]
fn a_check_of_a_tables_own_rows_fails_it_before_it_is_committed() {
    let twin = shop(1);
    twin.run();
    let before = twin.seen(&When::Now);
    // Day one's file once more, under another name: every sale is there twice.
    std::fs::copy(twin.root.join("data/sales/sales_001.csv"), twin.root.join("data/sales/sales_002.csv"))
        .unwrap();
    let summary = run(&twin.app());
    assert_eq!(summary.outcome, Outcome::Failed);
    let failed = summary.nodes.iter().filter(|node| node.status == Status::Failed);
    assert_eq!(failed.map(|node| node.relation.to_string()).collect::<Vec<_>>(), ["shop.sales"]);
    assert_eq!(twin.seen(&When::Now), before);
    assert_head_is_published(&twin, "shop.sales");
}
