//! The order of modules, the size of files, and what dependencies bring: what nobody should have to remember.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// These know nothing of each other.
const NEIGHBOURS: [&str; 3] = ["ingest", "transform", "learn"];

/// Beyond this, a file is several files.
const MOST_LINES: usize = 800;

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The modules in the order in which `src/lib.rs` has them.
fn modules() -> Vec<String> {
    let text = fs::read_to_string(package().join("src/lib.rs")).unwrap();
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_string());
    text.lines().filter_map(name).collect()
}

/// All Rust files below a folder of the package.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![package().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The modules that a file imports by `crate::name` or `crate::{name, ...}`; comments aside.
fn imports(text: &str) -> BTreeSet<String> {
    let word =
        |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let mut found = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        // `$crate::` is a macro's own.
        if code[..at].ends_with('$') {
            continue;
        }
        let rest = &code[at + path.len()..];
        match rest.strip_prefix('{') {
            None => found.extend([word(rest)]),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && c.is_alphanumeric() => {
                            found.insert(word(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    found
}

#[test]
fn a_module_imports_only_modules_above_it() {
    let modules = modules();
    let place: BTreeMap<&str, usize> =
        modules.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let relative = file.strip_prefix(package().join("src")).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_string_lossy();
        let module = first.trim_end_matches(".rs");
        let Some(own) = place.get(module) else { continue };
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            let Some(other) = place.get(import.as_str()) else { continue };
            let neighbour = NEIGHBOURS.contains(&module) && NEIGHBOURS.contains(&import.as_str());
            if import != module && (other > own || neighbour) {
                wrong.push(format!("src/{} imports crate::{import}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the order of src/lib.rs:\n{}", wrong.join("\n"));
    assert!(place.len() > 10, "src/lib.rs names its modules one a line");
}

#[test]
fn imports_are_found() {
    let text = "use crate::{error::{Error, Result}, lake};\n// crate::cli\nfn f() { crate::node::go(); $crate::x!() }";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["error", "lake", "node"]);
}

#[test]
fn no_file_is_oversize() {
    let files = ["src", "tests", "benches"].into_iter().flat_map(rust_files);
    let oversize: Vec<String> = files
        .map(|file| (fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, file)| format!("{}: {lines} lines", file.display()))
        .collect();
    assert!(oversize.is_empty(), "longer than {MOST_LINES} lines:\n{}", oversize.join("\n"));
}

#[test]
fn the_page_about_the_architecture_names_every_module() {
    let page = fs::read_to_string(package().join("docs/architecture.md")).unwrap();
    for module in modules() {
        assert!(page.contains(&format!("`{module}`")), "docs/architecture.md does not say what {module} is");
    }
}

/// Two versions of Arrow in one program are two kinds of record batch.
#[test]
fn there_is_one_arrow_and_one_datafusion() {
    let lock: toml::Table = fs::read_to_string(package().join("Cargo.lock")).unwrap().parse().unwrap();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let text = |key: &str| package[key].as_str().unwrap().to_string();
        versions.entry(text("name")).or_default().push(text("version"));
    }
    let families = ["arrow", "parquet", "datafusion", "deltalake", "object_store"];
    let ours =
        |name: &str| families.iter().any(|family| name == *family || name.starts_with(&format!("{family}-")));
    let twice: Vec<_> = versions.iter().filter(|(name, versions)| ours(name) && versions.len() > 1).collect();
    assert!(twice.is_empty(), "more than one version: {twice:?}");
    assert!(versions.contains_key("arrow") && versions.contains_key("datafusion"));
}
