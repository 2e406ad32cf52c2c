//! A TOML document as a tree in which every key and value knows its place.

use std::ops::Range;

use indexmap::IndexMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::files::Spans;

/// A value and the bytes it was written in.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// For a table with a header, the bytes of the header.
    pub span: Range<usize>,
    pub value: Value,
}

/// What can stand in a TOML file.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    Datetime(toml::value::Datetime),
    Array(Vec<Node>),
    Table(IndexMap<String, Entry>),
}

/// A value under its key.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: Range<usize>,
    pub node: Node,
}

/// A mistake of form: what it is, and where.
pub(super) type Mistake = (Range<usize>, String);

impl Node {
    /// Reads a document that stands at `offset` of its file. What can be read comes with what cannot.
    pub fn parse(text: &str, offset: usize) -> (Node, Vec<Mistake>) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut mistakes: Vec<Mistake> = errors
            .iter()
            .map(|error| (shift(&error.span().unwrap_or(0..0), offset), first_line(error.message())))
            .collect();
        let node = Node { span: offset..offset, value: table_of(table.get_ref(), offset, &mut mistakes) };
        (node, mistakes)
    }

    /// An empty document.
    pub fn empty() -> Node {
        Node { span: 0..0, value: Value::Table(IndexMap::new()) }
    }

    /// The value under a key, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Table(table) => table.get(key).map(|entry| &entry.node),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Enters every key and value into an index under its path.
    pub fn index(&self, path: &str, spans: &mut Spans) {
        match &self.value {
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    let path = join(path, &position.to_string());
                    spans.enter(&path, item.span.clone(), item.span.clone());
                    item.index(&path, spans);
                }
            }
            Value::Table(table) => {
                for (key, entry) in table {
                    let path = join(path, key);
                    // Of a table, the key is the better place to point at: the value may fill the screen.
                    let value = match entry.node.value {
                        Value::Table(_) => &entry.key,
                        _ => &entry.node.span,
                    };
                    spans.enter(&path, entry.key.clone(), value.clone());
                    entry.node.index(&path, spans);
                }
            }
            _ => {}
        }
    }
}

/// `path` and then `key`.
pub(super) fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", key) => key.to_string(),
        (path, "") => path.to_string(),
        (path, key) => format!("{path}.{key}"),
    }
}

fn node_of(value: &Spanned<DeValue<'_>>, offset: usize, mistakes: &mut Vec<Mistake>) -> Node {
    let span = shift(&value.span(), offset);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Datetime(datetime) => Value::Datetime(*datetime),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => {
                mistakes.push((span.clone(), "the number does not fit into 64 bits".into()));
                Value::Integer(0)
            }
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => {
                mistakes.push((span.clone(), "this is not a number".into()));
                Value::Float(0.0)
            }
        },
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|item| node_of(item, offset, mistakes)).collect())
        }
        DeValue::Table(table) => table_of(table, offset, mistakes),
    };
    Node { span, value }
}

fn table_of(table: &DeTable<'_>, offset: usize, mistakes: &mut Vec<Mistake>) -> Value {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let node = node_of(value, offset, mistakes);
        let name: &std::borrow::Cow<'_, str> = key.get_ref();
        (name.to_string(), Entry { key: shift(&key.span(), offset), node })
    };
    Value::Table(table.iter().map(entry).collect())
}

fn shift(span: &Range<usize>, offset: usize) -> Range<usize> {
    span.start + offset..span.end + offset
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or("this is not TOML").to_string()
}
