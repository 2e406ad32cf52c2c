//! The command as users and orchestrators meet it: the real program in a folder of its own.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_twinlake");

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("TWINLAKE_LOG")
        .env_remove("FAILPOINTS")
        .stdin(Stdio::null());
    command
}

fn twinlake(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs it, and expects the exit code.
#[track_caller]
fn ends(folder: &Path, arguments: &[&str], code: i32) -> Output {
    let output = twinlake(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}\n{}", out(&output), said(&output));
    output
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A twin as `init` makes it.
fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    ends(folder.path(), &["init", "shop", "-q"], 0);
    folder
}

/// The same, published.
fn published() -> TempDir {
    let folder = shop();
    ends(folder.path(), &["-C", "shop", "run", "-q"], 0);
    folder
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    let help = out(&ends(folder.path(), &["--help"], 0));
    for verb in ["demo", "init", "check", "plan", "run", "sql", "lineage", "doctor", "completions"] {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb} is missing from:\n{help}");
        let help = out(&ends(folder.path(), &[verb, "--help"], 0));
        assert!(help.contains(&format!("Examples:\n  twinlake {verb}")), "no example in:\n{help}");
    }
    for code in ["0  done", "3  a declaration is wrong", "130  interrupted"] {
        assert!(help.contains(code), "{code:?} is missing from:\n{help}");
    }
    let documented = include_str!("../../docs/cli.md");
    for line in
        help.lines().skip_while(|line| *line != "Exit codes:").skip(1).take_while(|line| !line.is_empty())
    {
        let code = line.split_whitespace().next().unwrap();
        assert!(documented.contains(&format!("| {code} |")), "docs/cli.md lacks exit code {code}");
    }
}

#[test]
fn from_nothing_to_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let init = ends(folder.path(), &["init", "My Shop"], 0);
    assert_eq!(out(&init), "");
    assert!(said(&init).contains("cd My Shop"), "{}", said(&init));
    let root = folder.path().join("My Shop");
    assert!(fs::read_to_string(root.join("twin.toml")).unwrap().contains("name = \"my_shop\""));

    let check = ends(&root, &["check"], 0);
    assert_eq!(out(&check), "1 source (1 table), 1 view, 0 models: all sound\n");

    let plan = ends(&root, &["plan"], 0);
    let lines = [
        "relation           kind    why",
        "shop.orders        source  never run",
        "mart.sales_by_day  view    never run",
    ];
    assert_eq!(out(&plan).lines().collect::<Vec<_>>(), lines);
    assert_eq!(said(&plan), "2 nodes would run\n");
    let plan = json(&ends(&root, &["run", "--dry-run", "--format", "json"], 0));
    assert_eq!(plan["steps"][1]["relation"], "mart.sales_by_day");
    assert_eq!(plan["steps"][1]["reason"], "never_run");
    assert!(!root.join("lake").exists(), "planning writes nothing");

    let run = ends(&root, &["run"], 0);
    assert_eq!(out(&run), "", "a run prints no data");
    let lines = said(&run);
    assert!(lines.contains("refreshed shop.orders 7 rows "), "{lines}");
    assert!(lines.contains("refreshed mart.sales_by_day 4 rows "), "{lines}");
    assert!(lines.contains("published manifest 0: 2 nodes refreshed in "), "{lines}");
    assert!(lines.contains("rows: 8 read, 7 landed, 1 rejected (see twin.rejects)"), "{lines}");

    let again = ends(&root, &["run"], 0);
    assert_eq!(said(&again), "up to date: nothing to do (2 nodes)\n");
    let again = ends(&root, &["plan"], 0);
    assert_eq!((out(&again).as_str(), said(&again).as_str()), ("", "up to date: nothing to do (2 nodes)\n"));
    let again = json(&ends(&root, &["run", "--format", "json"], 0));
    assert_eq!(again["outcome"], "up_to_date");

    let answer = ends(&root, &["sql", "SELECT ordered_on, revenue FROM mart.sales_by_day ORDER BY 1;"], 0);
    assert!(out(&answer).contains("│ 2026-01-05 ┆  142.80 │"), "{}", out(&answer));
    let doctor = ends(&root, &["doctor"], 0);
    assert!(!out(&doctor).contains("fail"), "{}", out(&doctor));
    assert!(out(&doctor).contains("8 rows read = 7 landed + 0 unchanged + 1 rejected"), "{}", out(&doctor));

    let full = json(&ends(&root, &["run", "--full", "mart.sales_by_day", "--format", "json"], 0));
    assert_eq!(full["nodes"].as_array().unwrap().len(), 1);
}

#[test]
fn the_twin_is_found_from_below() {
    let folder = shop();
    let below = folder.path().join("shop/sql/mart");
    ends(&below, &["check"], 0);
    // -C names a folder: nothing above it is meant.
    let named = ends(folder.path(), &["-C", "shop/sql", "check"], 5);
    assert!(said(&named).contains("there is no twin.toml in"), "{}", said(&named));
    assert!(said(&named).contains("hint: Make a twin with `twinlake init`"), "{}", said(&named));
    ends(folder.path(), &["check"], 5);
    ends(folder.path(), &["-C", "nowhere", "check"], 5);
}

#[test]
fn answers_in_every_format_read_back() {
    let folder = published();
    let root = folder.path().join("shop");
    let sql = "SELECT order_id, product, unit_price, [order_id, line] AS key FROM shop.orders ORDER BY order_id, line";

    let csv = out(&ends(&root, &["sql", sql, "--format", "csv"], 0));
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("order_id,product,unit_price,key"));
    assert_eq!(lines.next(), Some("1001,lamp,19.90,\"[1001,1]\""));
    assert_eq!(lines.count(), 6);

    let rows = json(&ends(&root, &["sql", sql, "--format", "json"], 0));
    assert_eq!(rows.as_array().unwrap().len(), 7);
    assert_eq!(rows[0]["product"], "lamp");
    assert_eq!(rows[0]["key"], serde_json::json!([1001, 1]));

    let parquet = ends(&root, &["sql", sql, "--format", "parquet"], 0).stdout;
    let written = ends(&root, &["sql", sql, "-o", "answer.parquet"], 0);
    assert_eq!(out(&written), "");
    let file = fs::read(root.join("answer.parquet")).unwrap();
    for bytes in [parquet, file] {
        let reader = ParquetRecordBatchReader::try_new(bytes::Bytes::from(bytes), 100).unwrap();
        assert_eq!(reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 7);
    }
    assert!(!root.join("answer.parquet.part").exists());

    let none = "SELECT order_id FROM shop.orders WHERE false";
    assert_eq!(out(&ends(&root, &["sql", none, "--format", "csv"], 0)), "order_id\n");
    assert_eq!(json(&ends(&root, &["sql", none, "--format", "json"], 0)), serde_json::json!([]));
    assert!(said(&ends(&root, &["sql", none, "-o", "answer.txt"], 2)).contains("does not say its format"));
}

#[test]
fn a_query_from_a_file_and_from_standard_input() {
    let folder = published();
    let root = folder.path().join("shop");
    fs::write(root.join("question.sql"), "-- How many?\nSELECT count(*) AS orders\nFROM shop.orders;\n")
        .unwrap();
    let from_file = out(&ends(&root, &["sql", "-f", "question.sql", "--format", "csv"], 0));
    assert_eq!(from_file, "orders\n7\n");
    for arguments in [["sql", "--format", "csv"].as_slice(), &["sql", "-", "--format", "csv"]] {
        let mut child = command(&root, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(b"SELECT 1 AS one;\n").unwrap();
        assert_eq!(out(&child.wait_with_output().unwrap()), "one\n1\n");
    }
    assert!(said(&ends(&root, &["sql"], 2)).contains("the query is empty"));
    ends(&root, &["sql", "-f", "nowhere.sql"], 5);
}

#[test]
fn the_past_stays_as_it_was() {
    let folder = published();
    let root = folder.path().join("shop");
    let more = "order_id,line,ordered_on,product,quantity,unit_price\n2001,1,2026-02-01,lamp,1,21.00\n";
    fs::write(root.join("data/shop/orders/2026-02.csv"), more).unwrap();
    let plan = out(&ends(&root, &["plan"], 0));
    assert!(plan.contains("new input: 1 new file"), "{plan}");
    ends(&root, &["run", "-q"], 0);
    let count = |when: &str| {
        out(&ends(
            &root,
            &["sql", "SELECT count(*) AS n FROM shop.orders", "--format", "csv", "--as-of", when],
            0,
        ))
    };
    assert_eq!((count("now"), count("1"), count("0")), ("n\n8\n".into(), "n\n8\n".into(), "n\n7\n".into()));
    ends(&root, &["sql", "SELECT 1", "--as-of", "7"], 5);
    ends(&root, &["sql", "SELECT 1", "--as-of", "2001-01-01"], 5);
    ends(&root, &["sql", "SELECT 1", "--as-of", "yesterday"], 2);
}

#[test]
fn lineage_in_every_shape() {
    let folder = published();
    let root = folder.path().join("shop");
    let tree = out(&ends(&root, &["lineage", "mart.sales_by_day"], 0));
    assert_eq!(
        tree,
        "mart.sales_by_day  view, version 0, 4 rows\n└── shop.orders    source, version 0, 7 rows\n"
    );
    let ascii = command(&root, &["lineage", "shop.orders", "--down"]).env("LC_ALL", "C").output().unwrap();
    assert!(out(&ascii).contains("`-- mart.sales_by_day"), "{}", out(&ascii));
    let drawn = json(&ends(&root, &["lineage", "shop.orders", "--format", "json"], 0));
    assert_eq!(drawn["edges"][0], serde_json::json!({"from": "shop.orders", "to": "mart.sales_by_day"}));
    assert_eq!(drawn["nodes"][1]["rows"], 7);
    let mermaid = out(&ends(&root, &["lineage", "shop.orders", "--format", "mermaid"], 0));
    assert_eq!(mermaid, "flowchart LR\n  n0[\"mart.sales_by_day\"]\n  n1[(\"shop.orders\")]\n  n1 --> n0\n");
    let dot = out(&ends(&root, &["lineage", "shop.orders", "--up", "--format", "dot"], 0));
    assert!(dot.starts_with("digraph") && !dot.contains("->"), "{dot}");
    let unknown = ends(&root, &["lineage", "mart.sales_by_dya"], 5);
    assert!(said(&unknown).contains("hint: Did you mean mart.sales_by_day?"), "{}", said(&unknown));
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_its_exit_code() {
    let folder = published();
    let root = folder.path().join("shop");

    let syntax = ends(&root, &["sql", "SELECT 1\nFROM shop.orders LIMIT )"], 4);
    let expected = [
        "error: line 2, column 24: Expected: an expression, found: )",
        "  FROM shop.orders LIMIT )",
        "                         ^",
    ];
    assert_eq!(said(&syntax).lines().collect::<Vec<_>>(), expected);
    let column = ends(&root, &["sql", "SELECT prodct FROM shop.orders"], 4);
    assert!(said(&column).starts_with("error: there is no column prodct\n"), "{}", said(&column));
    assert!(said(&column).contains("Did you mean shop.orders.product?"), "{}", said(&column));
    let relation = ends(&root, &["sql", "SELECT * FROM shop.oders"], 4);
    assert!(said(&relation).contains("Did you mean shop.orders?"), "{}", said(&relation));
    assert!(said(&ends(&root, &["sql", "DROP TABLE shop.orders"], 4)).contains("only queries are allowed"));

    assert!(said(&ends(&root, &["plan", "--format", "csv"], 2)).contains("It prints table, json."));
    ends(&root, &["plan", "mart.sales_by_dya"], 2);
    ends(&root, &["fly"], 2);
    ends(&root, &["run", "--as-of", "soon"], 2);
    let full = ends(folder.path(), &["init", "shop"], 2);
    assert!(said(&full).contains("is not empty"), "{}", said(&full));
    ends(folder.path(), &["init", "other", "--name", "No Name"], 2);
    assert!(!folder.path().join("other").exists());

    // One bad file fails its node; what is published stays.
    let bad = "order_id,line,ordered_on,product,quantity,unit_price\n1001,1,2026-01-05,lamp,-2,19.90\n";
    let source = root.join("pipelines/sources/shop.toml");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replace("[[table]]", "[[table]]\non_violation = \"fail\"")).unwrap();
    fs::write(root.join("data/shop/orders/2026-03.csv"), bad).unwrap();
    let failed = ends(&root, &["run"], 4);
    let lines = said(&failed);
    assert!(lines.contains("failed    shop.orders"), "{lines}");
    assert!(lines.contains("skipped   mart.sales_by_day"), "{lines}");
    assert!(lines.contains("nothing was published"), "{lines}");
    assert!(lines.ends_with("depend on a failure.\n"), "{lines}");
    let failed = ends(&root, &["run", "--format", "json"], 4);
    assert_eq!(json(&failed)["outcome"], "failed");
    assert_eq!(json(&failed)["nodes"][0]["error"]["kind"], "contract");

    fs::write(&source, text.replace("int64", "int46")).unwrap();
    for arguments in
        [["check"].as_slice(), &["plan"], &["run"], &["sql", "SELECT 1"], &["lineage", "shop.orders"]]
    {
        let broken = ends(&root, arguments, 3);
        let text = said(&broken);
        assert!(text.contains("pipelines/sources/shop.toml:"), "{text}");
        assert!(text.contains("int46"), "{text}");
        assert!(text.ends_with("errors in the declarations\n"), "{text}");
    }
    let report = ends(&root, &["check", "--format", "json"], 3);
    assert_eq!(json(&report)["sound"], false);
    assert!(json(&report)["diagnostics"][0]["line"].as_u64().unwrap() > 1);
    ends(&root, &["doctor"], 6);
}

#[test]
fn the_doctor_finds_damage_and_leftovers() {
    let folder = published();
    let root = folder.path().join("shop");
    let table = root.join("lake/shop/orders");
    let is_data = |path: &Path| path.extension().is_some_and(|extension| extension == "parquet");
    let files: Vec<_> =
        fs::read_dir(&table).unwrap().map(|e| e.unwrap().path()).filter(|p| is_data(p)).collect();
    fs::copy(&files[0], table.join("01-left-00.parquet")).unwrap();
    let doctor = out(&ends(&root, &["doctor"], 0));
    assert!(doctor.contains("ok    leftovers     1 file of no version"), "{doctor}");
    fs::remove_file(&files[0]).unwrap();
    let doctor = ends(&root, &["doctor", "--format", "json"], 6);
    let findings = json(&doctor);
    let tables = findings.as_array().unwrap().iter().find(|finding| finding["what"] == "tables").unwrap();
    assert_eq!(tables["health"], "fail");
    assert!(tables["found"].as_str().unwrap().contains("is gone"), "{tables}");
    let here: Vec<_> = fs::read_dir(root.join("lake")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(here.len(), 3, "the probe is gone: {here:?}");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = published();
    let root = folder.path().join("shop");
    let mut child =
        command(&root, &["sql", "SELECT value FROM generate_series(1, 3000000)", "--format", "csv"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), said(&output)), (Some(0), String::new()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_the_storages_fault() {
    let folder = published();
    let root = folder.path().join("shop");
    for format in ["table", "csv", "json", "parquet"] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command(&root, &["sql", "SELECT * FROM shop.orders", "--format", format])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(6), "{format}: {}", said(&output));
        assert!(said(&output).starts_with("error: the output cannot be written: "), "{}", said(&output));
    }
}

#[test]
fn a_long_table_is_cut_and_says_so() {
    let folder = published();
    let root = folder.path().join("shop");
    let long = ends(&root, &["sql", "SELECT value FROM generate_series(1, 10500)"], 0);
    assert_eq!(out(&long).lines().count(), 10_000 + 4);
    assert!(said(&long).contains("first 10,000 rows"), "{}", said(&long));
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_a_run_at_once_and_publishes_nothing() {
    use std::io::{BufRead, BufReader, Read};

    let folder = shop();
    let root = folder.path().join("shop");
    let endless = "/*+++\nmaterialize = \"table\"\n+++*/\n-- Never done.\nSELECT count(*) AS n FROM shop.orders AS a,
        shop.orders AS b, shop.orders AS c, shop.orders AS d, shop.orders AS e, shop.orders AS f, shop.orders AS g,
        shop.orders AS h, shop.orders AS i, shop.orders AS j, shop.orders AS k, shop.orders AS l, shop.orders AS m,
        shop.orders AS o WHERE a.quantity + b.quantity + c.quantity + o.quantity <> m.quantity + l.quantity\n";
    fs::write(root.join("sql/mart/endless.sql"), endless).unwrap();
    let mut child = command(&root, &["run"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("refreshed shop.orders") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the run ended by itself");
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("error: interrupted: nothing was published\n"), "{rest}");
    assert!(
        said(&ends(&root, &["sql", "SELECT * FROM shop.orders"], 4)).contains("Nothing was published yet")
    );
}

#[test]
fn completions_and_schemas() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = out(&ends(folder.path(), &["completions", shell], 0));
        assert!(script.contains("lineage") && script.contains("keep-going"), "{shell}");
    }
    ends(folder.path(), &["completions", "cobol"], 2);
    ends(folder.path(), &["check", "--schemas", "out/schemas"], 0);
    let schema = fs::read(folder.path().join("out/schemas/source.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_slice(&schema).unwrap();
    assert_eq!(schema["title"], "pipelines/sources/*.toml");
}

#[test]
fn the_demo_brings_its_twin_along() {
    let folder = tempfile::tempdir().unwrap();
    let demo = ends(folder.path(), &["demo", "--no-run", "--scale", "0.05"], 0);
    assert!(said(&demo).contains("generated "), "{}", said(&demo));
    assert!(out(&demo).contains("cd larkfield"), "{}", out(&demo));
    let root = folder.path().join("larkfield");
    ends(&root, &["check"], 0);
    // A second time it finds its own folder, from outside and from inside.
    ends(folder.path(), &["demo", "--no-run", "--scale", "0.05", "-q"], 0);
    let inside = ends(&root, &["demo", "--no-run", "--scale", "0.05"], 0);
    assert!(!out(&inside).contains("cd "), "{}", out(&inside));
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    ends(folder.path(), &["demo", ".", "--no-run"], 2);
    ends(folder.path(), &["demo", "--no-run", "--scale", "0"], 2);
}
