//! Whether a TOML document has the shape of its declaration: known keys, right types, nothing required missing.
//!
//! The rules are the JSON Schema that the declaration's type generates, so they cannot drift from the type. Unlike
//! deserialisation, which stops at the first mistake, this finds all of them, and hands back what is sound: the
//! rest of the file is still checked for its meaning.

use serde_json::Value as Json;

use super::document::{Entry, Node, Value, join};
use super::suggest;

/// A mistake of shape.
pub(super) struct Finding {
    pub code: &'static str,
    /// The path of the thing, in the document.
    pub path: String,
    /// Whether to point at the key rather than at its value.
    pub at_key: bool,
    pub message: String,
    pub hint: Option<String>,
}

/// Checks a document against a schema.
pub(super) struct Shape<'a> {
    schema: &'a Json,
    pub findings: Vec<Finding>,
    /// The paths of list items that were left out of the sound part.
    pub dropped: Vec<String>,
}

impl<'a> Shape<'a> {
    pub fn new(schema: &'a Json) -> Self {
        Self { schema, findings: Vec::new(), dropped: Vec::new() }
    }

    /// The sound part of the document, ready to be deserialised. None where something required is missing or wrong.
    pub fn check(&mut self, document: &Node) -> Option<toml::Value> {
        self.value(document, self.schema, "", "the file")
    }

    fn value(&mut self, node: &Node, schema: &'a Json, path: &str, name: &str) -> Option<toml::Value> {
        let branches = self.branches(schema);
        let choices: Vec<&str> = branches.iter().flat_map(|branch| choices(branch)).collect();
        if !choices.is_empty()
            && let Some(text) = node.text()
        {
            if choices.contains(&text) {
                return Some(text.into());
            }
            self.find("unknown-value", path, format!("{text:?} is no value of {name:?}"))
                .hint(suggest::hint(text, choices.iter().copied(), "values"));
            return None;
        }
        let Some(branch) = branches.iter().find(|branch| accepts(branch, &node.value)) else {
            self.wrong_type(node, schema, &branches, path, name);
            return None;
        };
        match &node.value {
            Value::Text(text) => Some(text.as_str().into()),
            Value::Integer(number) if kinds(branch).contains(&"number") => Some((*number as f64).into()),
            Value::Integer(number) => self.integer(*number, branch, path, name),
            Value::Float(number) => Some((*number).into()),
            Value::Bool(truth) => Some((*truth).into()),
            Value::Datetime(datetime) => Some((*datetime).into()),
            Value::Array(items) => {
                let schema = branch.get("items").unwrap_or(&Json::Null);
                let mut sound = Vec::new();
                for (position, item) in items.iter().enumerate() {
                    let path = join(path, &position.to_string());
                    match self.value(item, schema, &path, name) {
                        Some(value) => sound.push(value),
                        None => self.dropped.push(path),
                    }
                }
                Some(toml::Value::Array(sound))
            }
            Value::Table(entries) => self.table(entries, branch, path, name),
        }
    }

    fn integer(&mut self, number: i64, schema: &Json, path: &str, name: &str) -> Option<toml::Value> {
        if number < 0 && schema.get("minimum").and_then(Json::as_i64) == Some(0) {
            self.find("wrong-type", path, format!("{name:?} must not be negative"));
            return None;
        }
        Some(number.into())
    }

    fn table(
        &mut self,
        entries: &indexmap::IndexMap<String, Entry>,
        schema: &'a Json,
        path: &str,
        name: &str,
    ) -> Option<toml::Value> {
        let known = schema.get("properties").and_then(Json::as_object);
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let mut sound = toml::Table::new();
        for (key, entry) in entries {
            let inner = join(path, key);
            let declared = known.and_then(|known| known.get(key));
            let Some(schema) = declared.or(others) else {
                let known = known.into_iter().flat_map(|known| known.keys().map(String::as_str));
                self.find("unknown-key", &inner, format!("unknown key {key:?}"))
                    .at_key()
                    .hint(suggest::hint(key, known, "keys here"));
                continue;
            };
            match self.value(&entry.node, schema, &inner, key) {
                Some(value) => sound.insert(key.clone(), value),
                // The name is taken, even if what it stands for is not understood.
                None if declared.is_none() && self.may_be_empty(schema) => {
                    sound.insert(key.clone(), toml::Value::Table(toml::Table::new()))
                }
                None => None,
            };
        }
        let required = schema.get("required").and_then(Json::as_array);
        let required = required.into_iter().flatten().filter_map(Json::as_str);
        let mut whole = true;
        for key in required.filter(|key| !sound.contains_key(*key)) {
            whole = false;
            if !entries.contains_key(key) {
                let message = match sound.get("name").and_then(toml::Value::as_str) {
                    Some(of) if key != "name" => format!("{of:?} lacks {key:?}"),
                    _ => format!("{key:?} is missing from {}", quoted(name)),
                };
                let hint = known.and_then(|known| known.get(key)).and_then(|schema| self.description(schema));
                self.find("missing-key", &join(path, key), message).hint_if(hint);
            }
        }
        whole.then_some(toml::Value::Table(sound))
    }

    fn wrong_type(&mut self, node: &Node, schema: &Json, branches: &[&Json], path: &str, name: &str) {
        let mut wanted: Vec<&str> = Vec::new();
        for kind in branches.iter().flat_map(|branch| kinds(branch)).map(word_of) {
            if !wanted.contains(&kind) {
                wanted.push(kind);
            }
        }
        if wanted.contains(&"a number") {
            wanted.retain(|kind| *kind != "a whole number");
        }
        let hint = match &node.value {
            Value::Datetime(_) => Some("Write dates as text, in quotes: \"2020-01-31\".".to_string()),
            Value::Text(text) if wanted == ["a list"] => Some(format!("Write {name} = [{text:?}].")),
            Value::Text(text) if wanted == ["true or false"] && matches!(text.as_str(), "true" | "false") => {
                Some(format!("Write {name} = {text}, without quotes."))
            }
            _ => self.description(schema),
        };
        let message =
            format!("{} must be {}, not {}", quoted(name), wanted.join(" or "), word_of_value(&node.value));
        self.find("wrong-type", path, message).hint_if(hint);
    }

    /// The alternatives of a schema, references followed.
    fn branches(&self, schema: &'a Json) -> Vec<&'a Json> {
        let schema = self.follow(schema);
        match schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array) {
            Some(branches) => branches.iter().flat_map(|branch| self.branches(branch)).collect(),
            None => vec![schema],
        }
    }

    fn follow(&self, schema: &'a Json) -> &'a Json {
        let target = schema.get("$ref").and_then(Json::as_str).and_then(|target| target.strip_prefix('#'));
        match target.and_then(|pointer| self.schema.pointer(pointer)) {
            Some(target) => self.follow(target),
            None => schema,
        }
    }

    fn may_be_empty(&self, schema: &'a Json) -> bool {
        let optional = |branch: &&Json| kinds(branch).contains(&"object") && branch.get("required").is_none();
        self.branches(schema).iter().any(optional)
    }

    /// What a key is for, from its doc comment.
    fn description(&self, schema: &Json) -> Option<String> {
        let text = schema.get("description").and_then(Json::as_str)?;
        let text = text.replace('\n', " ");
        Some(if text.ends_with(['.', '?', '!']) { text } else { format!("{text}.") })
    }

    fn find(&mut self, code: &'static str, path: &str, message: String) -> &mut Finding {
        self.findings.push(Finding { code, path: path.to_string(), at_key: false, message, hint: None });
        self.findings.last_mut().expect("one was just pushed")
    }
}

impl Finding {
    fn at_key(&mut self) -> &mut Self {
        self.at_key = true;
        self
    }

    fn hint(&mut self, hint: String) -> &mut Self {
        self.hint_if(Some(hint))
    }

    fn hint_if(&mut self, hint: Option<String>) -> &mut Self {
        self.hint = hint;
        self
    }
}

fn quoted(name: &str) -> String {
    if name == "the file" { name.to_string() } else { format!("{name:?}") }
}

/// The texts that a branch allows, if it allows only some.
fn choices(branch: &Json) -> Vec<&str> {
    let several = branch.get("enum").and_then(Json::as_array).into_iter().flatten();
    several.chain(branch.get("const")).filter_map(Json::as_str).collect()
}

fn kinds(branch: &Json) -> Vec<&str> {
    match branch.get("type") {
        Some(Json::String(kind)) => vec![kind.as_str()],
        Some(Json::Array(kinds)) => kinds.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
    .into_iter()
    .filter(|kind| *kind != "null")
    .collect()
}

fn accepts(branch: &Json, value: &Value) -> bool {
    let kinds = kinds(branch);
    let wanted: &[&str] = match value {
        // A text where only some are allowed was dealt with before.
        Value::Text(_) => &["string"],
        Value::Integer(_) => &["integer", "number"],
        Value::Float(_) => &["number"],
        Value::Bool(_) => &["boolean"],
        Value::Datetime(_) => &[],
        Value::Array(_) => &["array"],
        Value::Table(_) => &["object"],
    };
    wanted.iter().any(|kind| kinds.contains(kind))
}

fn word_of(kind: &str) -> &'static str {
    match kind {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "a table",
    }
}

fn word_of_value(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "a text",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Bool(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}
