//! The life of models: learned, accepted or not, promoted, watched, learned anew, and replayed.

use std::sync::Arc;

use twinlake::clock;
use twinlake::lake::When;
use twinlake::run::{Options, Outcome, Silent, Status, Summary};

use crate::twin::{Twin, wait};

const TWIN: &str = "name = \"shop\"\nlake = \"lake\"\n";

const SOURCE: &str = r#"
[[table]]
name = "sales"
files = ["sales/*.csv"]
[table.columns]
product = { type = "text", required = true }
month = { type = "date", required = true }
units = { type = "float64", required = true }
"#;

const MODEL: &str = r#"
name = "mart.demand"
kind = "forecast"
seed = 1

[forecast]
sql = "SELECT product, month, units FROM shop.sales"
series = ["product"]
time = "month"
value = "units"
frequency = "month"
horizon = 3

[accept]
beats_baseline = -0.5

[retrain]
when = "mase_ratio > 2.5"
at_most = "1/week"
"#;

/// Units of a product in a month, counted from January 2020: a season, a slow growth, and noise that is always the same.
fn units(product: usize, month: usize) -> f64 {
    let noise = (((product * 7919 + month * 104_729) % 1000) as f64 / 1000.0 - 0.5) * 8.0;
    let season = (std::f64::consts::TAU * (month % 12) as f64 / 12.0).sin();
    100.0 + 20.0 * product as f64 + 0.5 * month as f64 + 30.0 * season + noise
}

fn date(month: usize) -> String {
    format!("{}-{:02}-01", 2020 + month / 12, month % 12 + 1)
}

/// Writes a file with some months; from `shift` on, three times as much is sold.
fn write(twin: &Twin, months: std::ops::Range<usize>, shift: usize) {
    let mut text = String::from("product,month,units\n");
    for product in 0..6 {
        for month in months.clone() {
            let factor = if month >= shift { 3.0 } else { 1.0 };
            text += &format!("p{product},{},{:.1}\n", date(month), factor * units(product, month));
        }
    }
    twin.write(&format!("data/sales/{:03}.csv", months.start), &text);
}

fn shop(model: &str) -> Twin {
    let source = format!("root = \"data\"\n{SOURCE}");
    let twin = Twin::new(&[
        ("twin.toml", TWIN),
        ("pipelines/sources/shop.toml", &source),
        ("pipelines/models/demand.toml", model),
    ]);
    write(&twin, 0..48, usize::MAX);
    twin
}

/// A run at the beginning of a month.
fn run_at(twin: &Twin, month: usize) -> Summary {
    let as_of = Some(clock::parse(&date(month)).unwrap());
    let summary = wait(twin.app().run(Options { as_of, ..Options::default() }, Arc::new(Silent))).unwrap();
    for node in &summary.nodes {
        assert!(node.error.is_none(), "{}: {:?}", node.relation, node.error);
    }
    summary
}

fn statuses(twin: &Twin) -> Vec<Vec<String>> {
    twin.ask("SELECT version, status FROM twin.model_history ORDER BY run_id, version")
}

#[test]
fn a_shift_is_noticed_learned_from_once_and_overcome() {
    let twin = shop(MODEL);
    assert_eq!(run_at(&twin, 48).outcome, Outcome::Published);
    assert_eq!(statuses(&twin), [["1", "champion"]]);
    assert_eq!(twin.ask("SELECT DISTINCT _model_version FROM mart.demand"), [["1"]]);
    assert_eq!(run_at(&twin, 48).outcome, Outcome::UpToDate);

    // A month as usual: the same version goes on from it.
    write(&twin, 48..49, usize::MAX);
    run_at(&twin, 49);
    assert_eq!(statuses(&twin), [["1", "champion"]]);
    assert_eq!(twin.ask("SELECT min(period_start) FROM mart.demand"), [["2024-02-01"]]);
    let usual = "SELECT max(value) FROM twin.model_monitoring WHERE metric = 'mase_ratio' AND segment = '*' AND step IS NULL";
    assert!(twin.ask(usual)[0][0].parse::<f64>().unwrap() < 2.5, "{:?}", twin.ask(usual));

    // The shift: seen in the run that lands its first month, and learned from.
    write(&twin, 49..50, 49);
    run_at(&twin, 50);
    assert_eq!(statuses(&twin), [["1", "champion"], ["1", "retired"], ["2", "champion"]]);
    let why = twin.ask("SELECT why FROM twin.models WHERE version = 2");
    assert!(why[0][0].starts_with("mase_ratio = "), "{why:?}");

    let error = || {
        let error = twin.ask(
            "SELECT value FROM twin.model_monitoring WHERE metric = 'mase' AND segment = '*' AND step = 1 \
             ORDER BY run_id DESC LIMIT 1",
        );
        error[0][0].parse::<f64>().unwrap()
    };
    let shocked = error();

    // More shifted months: accuracy is as before the shift, so no further version is learned.
    let mut recovered = Vec::new();
    for month in 50..56 {
        write(&twin, month..month + 1, 49);
        run_at(&twin, month + 1);
        recovered.push(error());
    }
    assert!(shocked > 5.0 && recovered.iter().all(|error| *error < 1.0), "{shocked}, then {recovered:?}");
    let trainings = twin.number("SELECT count(*) FROM twin.models");
    assert!(trainings == 2, "{:?}", twin.ask("SELECT version, why FROM twin.models ORDER BY version"));
}

#[test]
fn what_was_learned_and_predicted_comes_out_the_same_again() {
    let twin = shop(MODEL);
    run_at(&twin, 48);
    write(&twin, 48..49, usize::MAX);
    run_at(&twin, 49);
    let app = twin.app();
    let node = &app.models[&"mart.demand".parse().unwrap()];
    for when in [When::Number(0), When::Number(1)] {
        let manifest = wait(app.manifest(&when)).unwrap();
        let replayed = wait(node.replay(&app.engine, manifest)).unwrap();
        assert!(replayed.is_same(), "{replayed:?}");
        assert_eq!(replayed.trained_at_manifest, Some(0));
        assert!(replayed.parameters_again.is_some());
    }
}

#[test]
fn a_version_that_is_not_good_enough_is_not_published() {
    let twin = shop(&MODEL.replace("beats_baseline = -0.5", "beats_baseline = 0.999"));
    let summary = run_at(&twin, 48);
    assert_eq!(summary.outcome, Outcome::Published);
    assert_eq!(statuses(&twin), [["1", "candidate"]]);
    assert_eq!(twin.number("SELECT count(*) FROM mart.demand"), 0);
    let checks = twin.ask("SELECT \"check\", level, status FROM twin.checks WHERE relation = 'mart.demand'");
    assert!(checks[0][0].starts_with("acceptance of version 1: "), "{checks:?}");
    assert_eq!(checks[0][1..], ["warn", "failed"]);

    // Somebody answers for it.
    let promoted = twin
        .process(&["model", "promote", "mart.demand", "1", "--by", "ana", "--reason", "good enough for us"])
        .output()
        .unwrap();
    assert!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stderr));
    let last = "SELECT status, changed_by, reason FROM twin.model_history ORDER BY run_id DESC LIMIT 1";
    assert_eq!(twin.ask(last), [["champion", "ana", "promoted: good enough for us"]]);
    assert_eq!(twin.number("SELECT count(*) FROM mart.demand"), 18);

    // The past still knows that nothing predicted then.
    let then = twin.ask_at(&When::Number(0), "SELECT count(*) FROM mart.demand");
    assert_eq!(then, [["0"]]);
}

#[test]
fn a_worse_version_waits_as_challenger_and_the_champion_stays() {
    let model = MODEL
        .replace("beats_baseline = -0.5", "worse_than_champion = -0.9")
        .replace("when = \"mase_ratio > 2.5\"", "when = \"true\"");
    let twin = shop(&model);
    run_at(&twin, 48);
    write(&twin, 48..49, usize::MAX);
    run_at(&twin, 49);
    assert_eq!(statuses(&twin), [["1", "champion"], ["2", "challenger"]]);
    assert_eq!(twin.ask("SELECT DISTINCT _model_version FROM mart.demand"), [["1"]]);
}

#[test]
fn requests_that_cannot_be_say_what_can() {
    let twin = shop(MODEL);
    run_at(&twin, 48);
    for (arguments, expected) in [
        (vec!["model", "promote", "mart.demand", "7"], "there is no version 7"),
        (vec!["model", "retire", "mart.demand", "1"], "version 1 is the champion"),
        (vec!["model", "show", "mart.demend"], "Did you mean mart.demand?"),
        (vec!["model", "show", "mart.demand", "--version", "9"], "Its versions are 1."),
        (vec!["model", "compare", "mart.demand", "1", "3"], "has no version 3"),
    ] {
        let output = twin.process(&arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    // Readers see what they saw before.
    assert_eq!(twin.ask("SELECT DISTINCT _model_version FROM mart.demand"), [["1"]]);
}

#[test]
fn the_command_shows_versions_and_tries_them_out() {
    let twin = shop(MODEL);
    run_at(&twin, 48);
    for (arguments, expected) in [
        (vec!["model", "list"], "champion"),
        (vec!["model", "show", "mart.demand"], "learned"),
        (vec!["model", "card", "mart.demand"], "# Model card: mart.demand"),
        (vec!["model", "card", "mart.demand", "--html"], "<html"),
        (vec!["model", "backtest", "mart.demand"], "published"),
        (vec!["model", "compare", "mart.demand", "1", "1"], "mase"),
        (vec!["model", "replay", "mart.demand"], "the same"),
        (vec!["model", "list", "--format", "json"], "\"status\": \"champion\""),
    ] {
        let output = twin.process(&arguments).output().unwrap();
        let (told, failed) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{arguments:?}: {failed}");
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    let train = twin.process(&["model", "train", "mart.demand", "--by", "ana"]).output().unwrap();
    assert!(train.status.success(), "{}", String::from_utf8_lossy(&train.stderr));
    assert_eq!(statuses(&twin), [["1", "champion"], ["1", "retired"], ["2", "champion"]]);
    assert_eq!(twin.ask("SELECT why FROM twin.models WHERE version = 2"), [["asked for by ana"]]);
}

#[test]
fn infinite_values_are_refused_and_the_last_good_version_stays() {
    let twin = shop(MODEL);
    run_at(&twin, 48);
    let before = twin.ask("SELECT * EXCLUDE (_run_id) FROM mart.demand ORDER BY product, step");
    twin.write("data/sales/bad.csv", "product,month,units\np0,2024-01-01,inf\np1,2024-01-01,inf\n");
    let summary = wait(twin.app().run(Options::default(), Arc::new(Silent))).unwrap();
    assert_eq!(summary.outcome, Outcome::Failed);
    let failed = summary.nodes.iter().find(|node| node.status == Status::Failed).unwrap();
    let error = failed.error.as_ref().unwrap().to_string();
    for part in ["model mart.demand", "\"units\"", "2"] {
        assert!(error.contains(part), "{error}");
    }
    assert_eq!(twin.ask("SELECT * EXCLUDE (_run_id) FROM mart.demand ORDER BY product, step"), before);
}
