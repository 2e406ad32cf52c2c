//! Lakes that lost something, declarations that lost something, and runs that change nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use twinlake::error::ErrorKind;
use twinlake::lake::When;
use twinlake::run::{Options, Outcome, Silent};

use crate::shop::shop;
use crate::twin::{Twin, wait};

/// The data files of a table in the lake.
fn files(twin: &Twin, table: &str) -> Vec<PathBuf> {
    let listed = fs::read_dir(twin.root.join("lake").join(table)).unwrap().map(|entry| entry.unwrap().path());
    listed.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).collect()
}

fn full(twin: &Twin) {
    let options = Options { full: true, ..Options::default() };
    let summary = wait(twin.app().run(options, Arc::new(Silent))).unwrap();
    assert_eq!(summary.outcome, Outcome::Published, "{:?}", summary.nodes);
}

#[test]
fn made_from_scratch_a_table_has_its_files_again() {
    let twin = shop(2);
    twin.settle();
    let seen = twin.seen(&When::Now);
    let damages: [fn(&Path); 3] = [
        |table| {
            fs::read_dir(table)
                .unwrap()
                .map(|e| e.unwrap().path())
                .filter(|p| p.is_file())
                .for_each(|p| fs::remove_file(p).unwrap())
        },
        |table| fs::remove_dir_all(table).unwrap(),
        |table| fs::remove_dir_all(table.join("_delta_log")).unwrap(),
    ];
    for damage in damages {
        damage(&twin.root.join("lake/shop/sales"));
        full(&twin);
        assert_eq!(relations(&twin.seen(&When::Now)), relations(&seen));
    }
}

/// What is seen of relations alone: of files there is an account for every time they were read.
fn relations(seen: &[String]) -> Vec<&String> {
    seen.iter().filter(|line| line.split(' ').next().is_some_and(|name| name.ends_with(':'))).collect()
}

#[test]
fn what_turns_out_unchanged_leaves_no_files() {
    let twin = shop(1);
    twin.settle();
    let tables = ["shop/sales", "shop/products", "mart/total", "twin/columns"];
    let before = tables.map(|table| files(&twin, table).len());
    full(&twin);
    full(&twin);
    assert_eq!(tables.map(|table| files(&twin, table).len()), before);
}

#[test]
fn a_relation_that_others_read_does_not_vanish() {
    let twin = shop(1);
    twin.settle();
    let seen = twin.seen(&When::Now);
    fs::rename(twin.root.join("sql/mart/priced.sql"), twin.root.join("sql/mart/prices.sql")).unwrap();
    let error = wait(twin.app().run(Options::default(), Arc::new(Silent))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Declaration);
    let detail = error.detail().unwrap();
    assert!(detail.contains("there is no relation \"mart.priced\""), "{detail}");
    assert!(detail.contains("sql/mart/by_product.sql"), "{detail}");
    assert_eq!(twin.seen(&When::Now), seen);
}

#[test]
fn a_file_without_a_declared_column_says_so() {
    let twin = shop(1);
    twin.write("pipelines/sources/extra.toml", "schema = \"extra\"\nroot = \"data/extra\"\n[[table]]\nname = \"t\"\nfiles = [\"*.csv\"]\n[table.columns]\nid = \"int64\"\nname = \"text\"\n");
    twin.write("data/extra/a.csv", "id,title\n1,x\n");
    twin.settle();
    let changed = twin.ask("SELECT columns_changed FROM twin.slices WHERE relation = 'extra.t'");
    assert_eq!(changed, [["ignored: title; missing: name"]]);
}

#[test]
fn a_lake_with_a_percent_sign_in_its_path_is_refused() {
    let twin = shop(1);
    twin.edit("twin.toml", "name = \"corner_shop\"", "name = \"corner_shop\"\nlake = \"100%25\"");
    let output = twin.process(&["run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_twin_may_live_in_a_folder_of_any_name() {
    let mut twin = shop(1);
    let root = twin.root.with_file_name("Größe & Co #1? ü");
    fs::rename(&twin.root, &root).unwrap();
    twin.root = root;
    twin.settle();
    assert!(twin.number("SELECT count(*) FROM mart.by_product") > 0);
    let doctor = twin.process(&["doctor"]).output().unwrap();
    assert_eq!(doctor.status.code(), Some(0), "{}", String::from_utf8_lossy(&doctor.stdout));
}
