//! `TWINLAKE__ENGINE__MEMORY=2GiB`: the environment overrides `twin.toml`.
//!
//! Each such variable becomes a value in the tree before the tree is checked, so that it is checked like any other.
//! They are kept as the lines of a file named `environment`, for messages to point at.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;

use super::document::{Entry, Node, Value, join};
use super::files::{Files, Origin, Spans};
use super::suggest;
use crate::project::Diagnostic;

const PREFIX: &str = "TWINLAKE__";

/// The name of the file that stands for the environment in messages.
const FILE: &str = "environment";

/// Puts every override into the tree of `twin.toml` and its place into `spans`.
pub(super) fn apply(
    env: &BTreeMap<String, String>,
    schema: &Json,
    twin: &mut Node,
    spans: &mut Spans,
    files: &mut Files,
) -> Vec<Diagnostic> {
    let overrides: Vec<(&String, &String)> =
        env.iter().filter(|(name, _)| name.starts_with(PREFIX)).collect();
    if overrides.is_empty() {
        return Vec::new();
    }
    let mut text = String::new();
    let mut problems = Vec::new();
    for (name, value) in overrides {
        let start = text.len();
        // A variable may hold what nobody should read.
        let shown = if name.contains("__VARIABLES__") { "..." } else { value };
        text.push_str(&format!("{name}={}\n", shown.replace('\n', " ")));
        let span = start..text.len() - 1;
        let keys: Vec<String> = name[PREFIX.len()..].split("__").map(str::to_lowercase).collect();
        match place(twin, schema, schema, &keys, value) {
            Ok((path, node)) => {
                set(twin, &path, node);
                let path = path.iter().fold(String::new(), |path, key| join(&path, key));
                spans.enter_elsewhere(&path, Path::new(FILE), span);
            }
            Err((message, hint)) => problems.push((span, format!("{name} {message}"), hint)),
        }
    }
    let origin = Origin::new(FILE, "");
    files.insert(&origin.file, &text, Spans::default(), 0);
    problems
        .into_iter()
        .map(|(span, message, hint)| {
            files.at("unknown-override", &origin.file, span, message).with_hint(hint)
        })
        .collect()
}

type Refusal = (String, String);

/// The path that the keys of an override name, and its value in the type that is wanted there.
fn place(
    twin: &Node,
    root: &Json,
    schema: &Json,
    keys: &[String],
    value: &str,
) -> Result<(Vec<String>, Node), Refusal> {
    let mut path = Vec::new();
    let mut schema = follow(root, schema);
    let mut node = Some(twin);
    for key in keys {
        let known = schema.get("properties").and_then(Json::as_object);
        let (key, inner) = match known.and_then(|known| known.get_key_value(key)) {
            Some((key, inner)) => (key.clone(), inner),
            None => {
                let others = schema.get("additionalProperties").filter(|others| others.is_object());
                // Of free keys, only those that twin.toml has: a slip of the pen must not pass unnoticed.
                let declared = match (others, node.map(|node| &node.value)) {
                    (Some(_), Some(Value::Table(table))) => table.keys().map(String::as_str).collect(),
                    _ => Vec::new(),
                };
                match (others, declared.iter().find(|name| name.eq_ignore_ascii_case(key))) {
                    (Some(inner), Some(name)) => (name.to_string(), inner),
                    _ => {
                        let known = known.into_iter().flat_map(|known| known.keys().map(String::as_str));
                        let known: Vec<&str> = known.chain(declared).collect();
                        return Err((
                            format!("overrides nothing: twin.toml has no {:?}", keys.join(".")),
                            suggest::hint(key, known.iter().copied(), "names here"),
                        ));
                    }
                }
            }
        };
        node = node.and_then(|node| node.get(&key));
        schema = follow(root, inner);
        path.push(key);
    }
    let kind = schema.get("type").and_then(Json::as_str).unwrap_or("string");
    let unfit = |what: &str| Err((format!("must be {what}"), format!("Set it to {what}.")));
    let value = match kind {
        "integer" => match value.trim().parse() {
            Ok(number) => Value::Integer(number),
            Err(_) => return unfit("a whole number"),
        },
        "number" => match value.trim().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => return unfit("a number"),
        },
        "boolean" => match value.trim().parse() {
            Ok(truth) => Value::Bool(truth),
            Err(_) => return unfit("true or false"),
        },
        "object" | "array" => {
            return Err((
                "names a whole table of twin.toml".into(),
                "Override one value in it, such as TWINLAKE__ENGINE__MEMORY.".into(),
            ));
        }
        _ => Value::Text(value.to_string()),
    };
    Ok((path, Node { span: 0..0, value }))
}

fn follow<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let target = schema.get("$ref").and_then(Json::as_str).and_then(|target| target.strip_prefix('#'));
    target.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema)
}

fn set(tree: &mut Node, path: &[String], node: Node) {
    let Some((key, rest)) = path.split_first() else {
        *tree = node;
        return;
    };
    if !matches!(tree.value, Value::Table(_)) {
        tree.value = Node::empty().value;
    }
    if let Value::Table(table) = &mut tree.value {
        let entry = table.entry(key.clone()).or_insert_with(|| Entry { key: 0..0, node: Node::empty() });
        set(&mut entry.node, rest, node);
    }
}
