//! From a folder to a [`Project`]: find the files, read them, check their shape, resolve, validate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::diagnostic::Diagnostics;
use super::document::{Mistake, Node};
use super::files::{Origin, Spans};
use super::loaded::Project;
use super::model::ModelDecl;
use super::report::Report;
use super::resolve::{self, Resolver};
use super::shape::Shape;
use super::source::SourceDecl;
use super::twin::TwinDecl;
use super::variable::Variables;
use super::view::ViewDecl;
use super::{column_docs, front_matter, json_schema, overrides, validate};

const TWIN: &str = "twin.toml";

/// How deep folders are searched: enough for any tree of names, an end to any loop.
const MAX_DEPTH: usize = 16;

pub(super) fn load(root: &Path, env: &BTreeMap<String, String>) -> Result<Project, Diagnostics> {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_path_buf());
    let mut report = Report::default();
    let twin_origin = Origin::new(TWIN, "");
    let twin = match fs::read_to_string(root.join(TWIN)) {
        Ok(text) => read_twin(&text, env, &mut report),
        Err(error) => {
            let missing = error.kind() == std::io::ErrorKind::NotFound;
            let message = if missing {
                format!("there is no twin.toml in {}", root.display())
            } else {
                format!("twin.toml cannot be read: {error}")
            };
            report
                .at("unreadable-file", Path::new(TWIN), 0..0, message)
                .hint("Make a twin with `twinlake init`, or name its folder with -C.");
            return Err(report.finish().1);
        }
    };
    let declared = twin.as_ref().map_or_else(IndexMap::new, |twin| twin.variables.clone());
    let variables = Variables::resolve(&declared, env, &root, &twin_origin, &mut report);
    let mut resolver = Resolver::new(&root, &variables, twin.is_some());

    for (path, text) in read_all(&root, Path::new("pipelines"), "toml", &mut report) {
        match path.components().nth(1).and_then(|part| part.as_os_str().to_str()) {
            Some("sources") if path.components().count() > 2 => {
                let schema = json_schema::of::<SourceDecl>("");
                let node = parse(&path, &text, &mut report);
                let mut sound = shape(&path, &node, &schema, &mut report);
                sound.as_mut().map(resolve::put_defaults_in);
                let decl = sound.and_then(|sound| decode::<SourceDecl>(&path, sound, &mut report));
                resolver.source(&path, &node, decl, &mut report);
            }
            Some("models") if path.components().count() > 2 => {
                let schema = json_schema::of::<ModelDecl>("");
                let node = parse(&path, &text, &mut report);
                let decl = shaped::<ModelDecl>(&path, &node, &schema, &mut report);
                resolver.model(&path, &node, decl, &mut report);
            }
            _ => {
                report.files.insert(&path, &text, Spans::default(), 0);
                report
                    .at("stray-file", &path, 0..0, "nothing reads this file")
                    .hint("Declarations are in pipelines/sources/ and pipelines/models/.");
            }
        }
    }
    for (path, text) in read_all(&root, Path::new("sql"), "sql", &mut report) {
        let decl = read_view(&path, &text, &mut report);
        resolver.view(&path, &text, decl, &mut report);
    }

    let lake = twin.as_ref().and_then(|twin| resolve::lake_url(twin, &root, &twin_origin, &mut report));
    let memory = twin.as_ref().and_then(|twin| resolve::memory_bytes(twin, &twin_origin, &mut report));
    let declared = resolver.finish();
    validate::all(twin.as_ref(), &declared, &mut report);
    let (files, diagnostics) = report.finish();
    match (twin, lake, memory) {
        (Some(twin), Some(lake_url), Some(memory_bytes)) if !diagnostics.has_errors() => Ok(Project {
            root: root.clone(),
            twin,
            lake_url,
            memory_bytes,
            variables: variables.into_values(),
            tables: declared.tables,
            views: declared.views,
            models: declared.models,
            files,
            warnings: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

fn read_twin(text: &str, env: &BTreeMap<String, String>, report: &mut Report) -> Option<TwinDecl> {
    let path = Path::new(TWIN);
    let schema = json_schema::of::<TwinDecl>("");
    let (mut node, mistakes) = Node::parse(text, 0);
    let mut spans = Spans::default();
    node.index("", &mut spans);
    let problems = overrides::apply(env, &schema, &mut node, &mut spans, &mut report.files);
    report.files.insert(path, text, spans, 0);
    for problem in problems {
        report.push(problem);
    }
    if !mistakes.is_empty() {
        syntax(path, mistakes, "", report);
        return None;
    }
    shaped(path, &node, &schema, report)
}

/// Reads a TOML file into a tree, reporting what is not TOML.
fn parse(path: &Path, text: &str, report: &mut Report) -> Node {
    let (node, mistakes) = Node::parse(text, 0);
    let mut spans = Spans::default();
    node.index("", &mut spans);
    report.files.insert(path, text, spans, 0);
    if mistakes.is_empty() {
        return node;
    }
    let origin = Origin::new(path, "");
    report.mark_broken(&origin, "");
    syntax(path, mistakes, "", report);
    node
}

/// Reports what is not TOML. After the first mistake of syntax the rest was likely read askew; keys given twice were not.
fn syntax(path: &Path, mistakes: Vec<Mistake>, hint: &str, report: &mut Report) {
    let mut askew = false;
    for (span, message) in mistakes {
        if !message.contains("duplicate key") && std::mem::replace(&mut askew, true) {
            continue;
        }
        let reported = report.at("toml-syntax", path, span, message);
        if !hint.is_empty() {
            reported.hint(hint);
        }
    }
}

/// Takes the sound part of a tree as a declaration, reporting what is not sound.
fn shaped<T: DeserializeOwned + JsonSchema>(
    path: &Path,
    node: &Node,
    schema: &serde_json::Value,
    report: &mut Report,
) -> Option<T> {
    let sound = shape(path, node, schema, report)?;
    decode(path, sound, report)
}

/// The sound part of a tree, reporting what is not sound.
fn shape(path: &Path, node: &Node, schema: &serde_json::Value, report: &mut Report) -> Option<toml::Value> {
    let origin = Origin::new(path, "");
    if report.is_broken(&origin, "") {
        return None;
    }
    let mut shape = Shape::new(schema);
    let sound = shape.check(node);
    for finding in shape.findings {
        let mut diagnostic = report.files.diagnose(finding.code, &origin, &finding.path, finding.message);
        if finding.at_key {
            diagnostic = report.files.at_key(diagnostic, &origin, &finding.path);
        }
        diagnostic.hint = finding.hint;
        report.mark_broken(&origin, &finding.path);
        report.push(diagnostic);
    }
    for item in shape.dropped {
        report.mark_dropped(&origin, &item);
    }
    sound
}

fn decode<T: DeserializeOwned>(path: &Path, sound: toml::Value, report: &mut Report) -> Option<T> {
    match sound.try_into::<T>() {
        Ok(decl) => Some(decl),
        Err(error) => {
            report.at("wrong-type", path, 0..0, error.message().to_string());
            None
        }
    }
}

/// A view's front matter, and where its query begins. None where the front matter cannot be read.
fn read_view(path: &Path, text: &str, report: &mut Report) -> Option<(ViewDecl, usize)> {
    let parts = match front_matter::split(text) {
        Ok(parts) => parts,
        Err(broken) => {
            report.files.insert(path, text, Spans::default(), 0);
            report.at("front-matter", path, broken.at, broken.message).hint(broken.hint);
            return None;
        }
    };
    let (node, mistakes) = Node::parse(&text[parts.toml.clone()], parts.toml.start);
    let mut spans = Spans::default();
    node.index("", &mut spans);
    report.files.insert(path, text, spans, parts.body);
    if !mistakes.is_empty() {
        syntax(path, mistakes, "What stands between /*+++ and +++*/ is TOML.", report);
        return Some((ViewDecl::default(), parts.body));
    }
    let schema = json_schema::of::<ViewDecl>("");
    let decl: ViewDecl = shaped(path, &node, &schema, report).unwrap_or_default();
    let description = match decl.description.is_empty() {
        true => column_docs::description(&text[parts.body..]),
        false => decl.description.clone(),
    };
    Some((ViewDecl { description, ..decl }, parts.body))
}

/// The texts of all files with this extension under `folder`, sorted by path. Hidden ones are left alone.
fn read_all(root: &Path, folder: &Path, extension: &str, report: &mut Report) -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    walk(root, folder, 0, &mut paths, report);
    paths.retain(|path| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension)));
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        let problem = match fs::read(root.join(&path)).map(String::from_utf8) {
            Ok(Ok(text)) => {
                texts.push((path, text));
                continue;
            }
            Ok(Err(_)) => "the file is not UTF-8".to_string(),
            Err(error) => format!("the file cannot be read: {error}"),
        };
        report.at("unreadable-file", &path, 0..0, problem);
    }
    texts
}

fn walk(root: &Path, folder: &Path, depth: usize, paths: &mut Vec<PathBuf>, report: &mut Report) {
    let entries = match fs::read_dir(root.join(folder)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
        Err(error) => {
            report.at("unreadable-file", folder, 0..0, format!("the folder cannot be read: {error}"));
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let path = folder.join(&name);
        if !root.join(&path).is_dir() {
            paths.push(path);
        } else if depth < MAX_DEPTH {
            walk(root, &path, depth + 1, paths, report);
        }
    }
}
