//! Broken declarations and what is said about them: `tests/broken/*.txt`.
//!
//! Each file is a twin in small, its files one after the other under `--- path`, and after `===` the text expected.
//! A line above the first `---` says what is broken. A plain `twin.toml` is added unless the file gives one, or says
//! `--- without twin.toml`. `--- environment` holds variables, `NAME=value` a line. `TWINLAKE_UPDATE=1` writes the expected texts anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use twinlake::app::{App, check};

const PLAIN_TWIN: &str = "name = \"small\"\n";

struct Fixture {
    files: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
    /// All before `===`.
    head: String,
    expected: String,
}

impl Fixture {
    fn parse(text: &str) -> Fixture {
        let (head, expected) = text.split_once("\n===\n").unwrap_or((text.trim_end(), ""));
        let mut files = BTreeMap::from([("twin.toml".to_string(), PLAIN_TWIN.to_string())]);
        let mut environment = BTreeMap::new();
        for part in format!("\n{head}\n").split("\n--- ").skip(1) {
            let (path, body) = part.split_once('\n').unwrap_or((part, ""));
            match path.trim() {
                "without twin.toml" => drop(files.remove("twin.toml")),
                "environment" => {
                    let pairs = body.lines().filter_map(|line| line.split_once('='));
                    environment.extend(pairs.map(|(name, value)| (name.to_string(), value.to_string())));
                }
                path => drop(files.insert(path.to_string(), format!("{}\n", body.trim_end_matches('\n')))),
            }
        }
        Fixture { files, environment, head: head.to_string(), expected: expected.to_string() }
    }

    fn write(&self, folder: &Path) {
        for (path, text) in &self.files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
}

/// Everything that is found wrong with the twin in a folder, as people see it; empty when it is sound.
fn problems(folder: &Path, environment: &BTreeMap<String, String>) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let checked = runtime.block_on(check(folder, environment)).unwrap();
    let text = checked.found.render();
    // What is found sound can be opened.
    if let Some(project) = checked.project.filter(|_| !checked.found.has_errors()) {
        App::of(project).map(drop).unwrap();
    }
    text.replace(&folder.display().to_string(), "TWIN")
}

/// Whether every problem of a rendered text names a file and a line.
fn all_are_located(text: &str) -> bool {
    let places = text.lines().filter(|line| line.trim_start().starts_with(",-[")).filter(|line| {
        let mut parts = line.trim().trim_end_matches(']').rsplit(':');
        parts.next().is_some_and(|column| column.parse::<usize>().is_ok())
            && parts.next().is_some_and(|line| line.parse::<usize>().is_ok())
    });
    let problems = text.lines().filter(|line| line.starts_with("  x ") || line.starts_with("  ! "));
    places.count() == problems.count()
}

#[test]
fn every_broken_declaration_says_what_and_where() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut wrong = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 40, "only {} fixtures", paths.len());
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let fixture = Fixture::parse(&fs::read_to_string(&path).unwrap());
        let twin = tempfile::tempdir().unwrap();
        fixture.write(twin.path());
        let found = problems(twin.path(), &fixture.environment);
        if std::env::var_os("TWINLAKE_UPDATE").is_some() {
            fs::write(&path, format!("{}\n===\n{found}", fixture.head)).unwrap();
        } else if found != fixture.expected {
            wrong.push(format!("{name}: expected\n{}\nfound\n{found}", fixture.expected));
        }
        if found.is_empty() || !all_are_located(&found) {
            wrong.push(format!("{name}: a problem lacks its file and line, or nothing was found:\n{found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Whatever is cut off or overwritten, loading answers: with a project or with diagnostics, never with a panic.
#[test]
fn no_mutilation_panics() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let fixture = Fixture::parse(&fs::read_to_string(entry.unwrap().path()).unwrap());
        for (path, text) in &fixture.files {
            for (position, _) in text.char_indices().step_by(97) {
                let twin = tempfile::tempdir().unwrap();
                fixture.write(twin.path());
                let (before, after) = text.split_at(position);
                for broken in [before.to_string(), format!("{before}ż\"{after}")] {
                    if seen.insert(broken.clone()) {
                        fs::write(twin.path().join(path), broken).unwrap();
                        problems(twin.path(), &fixture.environment);
                    }
                }
            }
        }
    }
}
