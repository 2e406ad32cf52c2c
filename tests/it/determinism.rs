//! The same rows give the same models and predictions, to the bit: on any number of threads, in every run, and from what is
//! kept of them. Every model of every twin of this repository is learned, one of each kind among them.

use std::collections::BTreeMap;

use twinlake::demo::{Options, TWIN_FILES, generate};
use twinlake::lake::When;

use crate::twin::{Twin, wait};

/// A run in a process that computes with so many threads.
fn run(twin: &Twin, threads: &str) {
    let run = ["run", "-q", "--as-of", "2026-03-01"];
    let output = twin.process(&run).env("RAYON_NUM_THREADS", threads).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// All that models left behind, without which run did it.
fn learned(twin: &Twin) -> BTreeMap<String, String> {
    let app = twin.app();
    let manifest = wait(app.manifest(&When::Now)).unwrap();
    let mut found = BTreeMap::new();
    for name in app.models.keys() {
        let published = &manifest.relations[name];
        assert!(published.rows > 0, "{name} predicts nothing");
        found.insert(name.to_string(), published.hash.to_string());
    }
    let versions = "SELECT relation, version, parameters_hash, metrics, features, acceptance, notes FROM twin.models ORDER BY 1, 2";
    for row in twin.ask(versions) {
        found.insert(format!("version {} of {}", row[1], row[0]), row[2..].join(" "));
    }
    for table in ["model_metrics", "model_monitoring"] {
        let rows = twin.ask(&format!("SELECT * EXCEPT (run_id) FROM twin.{table}"));
        let mut rows: Vec<String> = rows.into_iter().map(|row| row.join(" ")).collect();
        rows.sort_unstable();
        found.insert(table.into(), rows.join("\n"));
    }
    found
}

/// Runs copies of a twin on 1, 2 and 8 threads, then replays every version that predicts.
fn is_deterministic(twin: &Twin) {
    let mut seen: Option<BTreeMap<String, String>> = None;
    for threads in ["1", "2", "8"] {
        let copy = twin.copy();
        run(&copy, threads);
        let found = learned(&copy);
        let first = seen.get_or_insert_with(|| found.clone());
        for (what, value) in first.iter() {
            assert!(found.get(what) == Some(value), "{threads} threads: {what} differs");
        }
        assert_eq!(first.len(), found.len());
        let with_versions = copy.ask("SELECT DISTINCT relation FROM twin.models ORDER BY 1");
        for relation in with_versions.iter().filter(|_| threads == "8") {
            let replay = ["model", "replay", &relation[0], "--format", "json"];
            let output = copy.process(&replay).env("RAYON_NUM_THREADS", "1").output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(
                output.status.success(),
                "{relation:?}: {text} {}",
                String::from_utf8_lossy(&output.stderr)
            );
            let replayed: serde_json::Value = serde_json::from_str(&text).unwrap();
            for (before, again) in [("parameters", "parameters_again"), ("predictions", "predictions_again")]
            {
                assert!(replayed[before].is_string() && replayed[before] == replayed[again], "{replayed}");
            }
        }
    }
    eprintln!("the same on 1, 2 and 8 threads: {}", seen.unwrap().into_keys().collect::<Vec<_>>().join(", "));
}

#[test]
fn the_models_of_the_demo() {
    let twin = Twin::new(TWIN_FILES);
    let target = twin.root.join("data");
    generate(&Options { target, scale: 1.0, seed: 42, shift: None }, &mut |_, _| {}).unwrap();
    is_deterministic(&twin);
}

#[test]
fn the_models_of_risks() {
    let Some(twin) = Twin::example_over("risk", "scms_shipments") else { return };
    is_deterministic(&twin);
}

#[test]
fn the_models_of_a_company() {
    let Some(twin) = Twin::example("adventureworks") else { return };
    is_deterministic(&twin);
}

#[test]
fn the_models_of_a_wholesaler() {
    let Some(twin) = Twin::example("online_retail") else { return };
    twin.edit("pipelines/sources/shop.toml", "max_files_per_run = 1", "max_files_per_run = 0");
    is_deterministic(&twin);
}
