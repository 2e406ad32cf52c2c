//! The shape of the code: layers, sizes, one version of what must be one, and no traces of a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Modules that stand on one line: none knows another.
const NEIGHBOURS: [&str; 3] = ["ingest", "transform", "learn"];
/// What a file should not be longer than, and what it must not be.
const LONG: usize = 400;
const TOO_LONG: usize = 800;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below `folder` with this extension, with their texts.
fn files(folder: &str, extension: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    found.sort();
    found
}

/// The modules in the order of `lib.rs`.
fn order() -> Vec<String> {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let declared = Regex::new(r"(?m)^pub mod (\w+);").unwrap();
    declared.captures_iter(&library).map(|found| found[1].to_string()).collect()
}

/// The module a source file belongs to; none for the crate's roots.
fn module(path: &Path) -> Option<String> {
    let part = path.iter().nth(1)?.to_str()?;
    let name = part.strip_suffix(".rs").unwrap_or(part);
    (!matches!(name, "lib" | "main")).then(|| name.to_string())
}

/// Code without comments: paths in documentation are no imports.
fn code(text: &str) -> String {
    text.lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The modules of the crate that a text imports: `crate::a::...` and `crate::{a::..., b::...}`.
fn imports(text: &str) -> BTreeSet<String> {
    let text = code(text);
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        // `$crate::` is a macro's own; `some_crate::` is another crate.
        if text[..at].ends_with(|c: char| c == '$' || c == '_' || c.is_alphanumeric()) {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        let word =
            |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut item = String::new();
            for c in group.chars() {
                match c {
                    '}' if depth == 0 => break,
                    ',' if depth == 0 => found.extend([word(std::mem::take(&mut item).trim())]),
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ if depth == 0 => item.push(c),
                    _ => {}
                }
            }
            found.insert(word(item.trim()));
        } else {
            found.insert(word(rest));
        }
    }
    found
}

/// Module -> the modules it imports, with a file that does.
fn edges() -> BTreeMap<String, BTreeMap<String, PathBuf>> {
    let known: BTreeSet<String> = order().into_iter().collect();
    let mut edges: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for (path, text) in files("src", "rs") {
        let Some(module) = module(&path) else { continue };
        for import in imports(&text) {
            if import != module && known.contains(&import) {
                edges.entry(module.clone()).or_default().entry(import).or_insert_with(|| path.clone());
            }
        }
    }
    edges
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "use crate::lake::Lake;\n// crate::cli\nuse crate::{clock, run::{self, Graph}, ids::RunId};\n\
                $crate::failpoint!(x); other_crate::demo::x(); crate::learn::f()";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["clock", "ids", "lake", "learn", "run"]);
}

#[test]
fn every_folder_of_the_library_is_declared() {
    let declared: BTreeSet<String> = order().into_iter().collect();
    let present: BTreeSet<String> = files("src", "rs").iter().filter_map(|(path, _)| module(path)).collect();
    assert_eq!(declared, present);
    assert_eq!(order().last().map(String::as_str), Some("cli"), "the command is on top of everything");
}

#[test]
fn a_module_imports_only_modules_above_it() {
    let order = order();
    let place = |module: &str| order.iter().position(|name| name == module).unwrap();
    let mut wrong = Vec::new();
    for (module, imports) in edges() {
        for (import, path) in imports {
            let neighbours = NEIGHBOURS.contains(&module.as_str()) && NEIGHBOURS.contains(&import.as_str());
            if place(&import) > place(&module) || neighbours {
                wrong.push(format!("{}: {module} imports {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "against the order of src/lib.rs:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_about_the_architecture_names_every_module() {
    let page = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    for module in order() {
        assert!(page.contains(&format!("`{module}`")), "docs/architecture.md does not say what {module} is");
    }
}

#[test]
fn no_file_is_too_long() {
    let mut too_long = Vec::new();
    for (path, text) in files("src", "rs").into_iter().chain(files("tests", "rs")) {
        let lines = text.lines().count();
        if lines > TOO_LONG {
            too_long.push(format!("{}: {lines} lines", path.display()));
        } else if lines > LONG {
            println!("note: {} has {lines} lines; think about it beyond {LONG}", path.display());
        }
    }
    assert!(too_long.is_empty(), "longer than {TOO_LONG} lines:\n{}", too_long.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = files("src", "rs")
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path.display().to_string())
        .collect();
    assert!(silent.is_empty(), "no `//!` in the first line: {silent:?}");
}

#[test]
fn nothing_is_unsafe() {
    let keyword = Regex::new(r"\bunsafe\s*(\{|fn|impl|trait|extern)").unwrap();
    for (path, text) in files("src", "rs").into_iter().chain(files("tests", "rs")) {
        assert!(!keyword.is_match(&code(&text)), "{}", path.display());
    }
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    assert_eq!(manifest["lints"]["clippy"]["unwrap_used"].as_str(), Some("deny"));
}

#[test]
fn there_is_one_version_of_what_must_be_one() {
    let lock: toml::Table = fs::read_to_string(root().join("Cargo.lock")).unwrap().parse().unwrap();
    for name in ["arrow", "datafusion", "parquet", "object_store", "deltalake", "tokio", "chrono"] {
        let versions: Vec<&str> = lock["package"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|package| package["name"].as_str() == Some(name))
            .filter_map(|package| package["version"].as_str())
            .collect();
        assert_eq!(versions.len(), 1, "{name}: {versions:?}");
    }
}

#[test]
fn nothing_names_a_place_on_somebodys_machine() {
    let absolute =
        Regex::new(r#"(^|[\s`"'(=])(/(home|root|work|Users|tmp|var|mnt)/|[A-Z]:\\)[\w.]"#).unwrap();
    let mut found = Vec::new();
    let mut texts = files("docs", "md");
    for folder in ["src", "pipelines", "sql", "examples", "schemas"] {
        for extension in ["rs", "toml", "sql", "md", "json"] {
            texts.extend(files(folder, extension));
        }
    }
    for name in ["README.md", "twin.toml", "Cargo.toml", "CONTRIBUTING.md", "CHANGELOG.md"] {
        if let Ok(text) = fs::read_to_string(root().join(name)) {
            texts.push((name.into(), text));
        }
    }
    for (path, text) in texts {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| absolute.is_match(line)) {
            found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
