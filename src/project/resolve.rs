//! From what the files say to what is meant: names from paths, defaults, variables, places.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use url::Url;

use super::document::{Node, Value};
use super::files::Origin;
use super::relations::{Model, Table, View};
use super::report::Report;
use super::source::{SourceDecl, TableDecl};
use super::twin::TwinDecl;
use super::variable::Variables;
use super::view::ViewDecl;
use super::{ModelDecl, column_docs, parse_type, query};
use crate::ids::{RelationName, is_identifier};

/// All that was declared, so far as it could be read.
#[derive(Default)]
pub(super) struct Declared {
    /// The sources' names, and where they are declared.
    pub sources: Vec<(String, Origin)>,
    pub tables: Vec<Table>,
    pub views: Vec<View>,
    pub models: Vec<Model>,
    /// Schemas with relations that could not be read: that a name is not known there means nothing.
    pub hazy: BTreeSet<String>,
}

/// Resolves declarations one file at a time.
pub(super) struct Resolver<'a> {
    root: &'a Path,
    variables: &'a Variables,
    /// Whether the variables are those that were declared, or twin.toml could not be read.
    variables_known: bool,
    declared: Declared,
}

impl<'a> Resolver<'a> {
    pub fn new(root: &'a Path, variables: &'a Variables, variables_known: bool) -> Self {
        Self { root, variables, variables_known, declared: Declared::default() }
    }

    pub fn finish(self) -> Declared {
        self.declared
    }

    /// The tables of one source file.
    pub fn source(&mut self, path: &Path, node: &Node, decl: Option<SourceDecl>, report: &mut Report) {
        let origin = Origin::new(path, "");
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let said = |key: &str| node.get(key).and_then(Node::text);
        let name = said("name").unwrap_or(stem).to_string();
        let schema = said("schema").unwrap_or(&name).to_string();
        let in_file = match node.get("table").map(|tables| &tables.value) {
            Some(Value::Array(tables)) => tables.len(),
            _ => 0,
        };
        let Some(decl) = decl else {
            self.declared.hazy.insert(schema);
            return;
        };
        if decl.tables.len() < in_file || report.is_broken(&origin, "table") {
            self.declared.hazy.insert(schema.clone());
        }
        for (key, text) in [("name", &name), ("schema", &schema)] {
            // A bad name without a schema is a bad schema too: once is enough.
            if !is_identifier(text) && (key == "name" || said("schema").is_some()) {
                let reported = report.error(
                    "invalid-name",
                    &origin,
                    key,
                    format!("{text:?} is not a valid {key} of a source"),
                );
                match said(key) {
                    Some(_) => reported.hint("Use lowercase letters, digits and _, beginning with a letter."),
                    None => reported.hint(
                        "The name is the file's: rename it with lowercase letters, digits and _, or give name = \"...\".",
                    ),
                }
            }
        }
        if schema == "twin" {
            let key = if said("schema").is_some() { "schema" } else { "name" };
            report
                .error(
                    "reserved-name",
                    &origin,
                    key,
                    "the schema \"twin\" holds Twinlake's own tables".to_string(),
                )
                .hint("Give the source another schema = \"...\".");
        }
        let folder = self.folder(&decl.root, &origin, report);
        let keys = report.items(&origin, "table", decl.tables.len());
        for (key, table) in keys.into_iter().zip(decl.tables) {
            let owner = if table.owner.is_empty() { decl.owner.clone() } else { table.owner.clone() };
            let origin = origin.at(&key);
            let table = TableDecl { owner, ..table };
            self.table(&name, &schema, folder.clone(), table, origin, report);
        }
        self.declared.sources.push((name, origin));
    }

    fn table(
        &mut self,
        source: &str,
        schema: &str,
        root: Option<String>,
        mut decl: TableDecl,
        origin: Origin,
        report: &mut Report,
    ) {
        if self.variables_known {
            for (position, files) in decl.files.iter_mut().enumerate() {
                let key = format!("files.{position}");
                match self.variables.expand(files, &origin, &key, report) {
                    Some(expanded) => *files = expanded,
                    None => report.mark_broken(&origin, &key),
                }
            }
        }
        if !is_identifier(&decl.name) {
            report
                .error(
                    "invalid-name",
                    &origin,
                    "name",
                    format!("{:?} is not a valid name of a table", decl.name),
                )
                .hint("Use lowercase letters, digits and _, beginning with a letter.");
        }
        let Ok(name) = RelationName::new(schema, &decl.name) else {
            self.declared.hazy.insert(schema.to_string());
            return;
        };
        // A type that is not one is reported by the validation; text stands in for it until then.
        let data_type = |text: &str| parse_type(text).unwrap_or(arrow::datatypes::DataType::Utf8);
        let columns = decl.columns.iter().map(|(name, column)| (name.clone(), data_type(&column.data_type)));
        let schema = (!decl.columns.is_empty()).then(|| columns.collect());
        let root = root.unwrap_or_default();
        self.declared.tables.push(Table { name, source: source.to_string(), decl, root, schema, origin });
    }

    /// A source's `root`: absolute, variables replaced.
    fn folder(&self, root: &str, origin: &Origin, report: &mut Report) -> Option<String> {
        if !self.variables_known {
            return None;
        }
        let root = self.variables.expand(root, origin, "root", report)?;
        if root.contains("://") {
            return Some(root);
        }
        Some(lexically(&self.root.join(root)).to_string_lossy().into_owned())
    }

    /// One view file.
    pub fn view(&mut self, path: &Path, text: &str, decl: Option<(ViewDecl, usize)>, report: &mut Report) {
        let origin = Origin::new(path, "");
        let parts: Vec<&str> = path.iter().skip(1).filter_map(|part| part.to_str()).collect();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let name = match parts.as_slice() {
            ["twin", _] => {
                report
                    .error(
                        "reserved-name",
                        &origin,
                        "",
                        "the schema \"twin\" holds Twinlake's own tables".to_string(),
                    )
                    .hint("Move the file to another folder of sql/.");
                return;
            }
            [schema, _] => match RelationName::new(schema, stem) {
                Ok(name) => name,
                Err(error) => {
                    report.refused("invalid-name", &origin, "", error);
                    self.declared.hazy.insert(schema.to_string());
                    return;
                }
            },
            _ => {
                report
                    .error(
                        "invalid-name",
                        &origin,
                        "",
                        "the path of a view is its name, schema and table".to_string(),
                    )
                    .hint("Move the file to sql/<schema>/<name>.sql.");
                return;
            }
        };
        let Some((decl, body)) = decl else {
            self.declared.hazy.insert(name.schema().to_string());
            return;
        };
        let sql = text[body..].to_string();
        let mut column_docs = match query::query(&sql, query::Use::View) {
            Ok(query) => column_docs::column_docs(&sql, &query),
            Err(flaws) => {
                for flaw in flaws {
                    let found = report.files.diagnose_sql(flaw.code, &origin, flaw.range, flaw.message);
                    report.push(found.with_hint(flaw.hint));
                }
                Default::default()
            }
        };
        column_docs.extend(decl.columns.clone());
        self.declared.views.push(View { name, decl, sql, sql_offset: body, column_docs, origin });
    }

    /// One model file.
    pub fn model(&mut self, path: &Path, node: &Node, decl: Option<ModelDecl>, report: &mut Report) {
        let origin = Origin::new(path, "");
        let said = node.get("name").and_then(Node::text);
        let Some(decl) = decl else {
            let schema = said.and_then(|name| name.split_once('.')).map(|(schema, _)| schema.to_string());
            self.declared.hazy.extend(schema);
            return;
        };
        match decl.name.parse::<RelationName>() {
            Ok(name) if name.is_system() => report
                .error(
                    "reserved-name",
                    &origin,
                    "name",
                    "the schema \"twin\" holds Twinlake's own tables".to_string(),
                )
                .hint("Give the model another schema."),
            Ok(name) => self.declared.models.push(Model { name, decl, origin }),
            Err(error) => report.refused("invalid-name", &origin, "name", error),
        }
    }
}

/// Puts a source's `defaults` into each of its tables, where the table does not say otherwise. `csv` and `json` are merged
/// key by key: a table that only sets a delimiter keeps the source's encoding.
pub(super) fn put_defaults_in(source: &mut toml::Value) {
    let Some(defaults) = source.get("defaults").and_then(toml::Value::as_table).cloned() else { return };
    let tables = source.get_mut("table").and_then(toml::Value::as_array_mut);
    for table in tables.into_iter().flatten().filter_map(toml::Value::as_table_mut) {
        merge(table, &defaults);
    }
}

fn merge(into: &mut toml::Table, defaults: &toml::Table) {
    for (key, default) in defaults {
        match (into.get_mut(key), default) {
            (Some(toml::Value::Table(into)), toml::Value::Table(default)) => merge(into, default),
            (Some(_), _) => {}
            (None, default) => drop(into.insert(key.clone(), default.clone())),
        }
    }
}

/// Where the lake is, as a URL of a folder.
pub(super) fn lake_url(twin: &TwinDecl, root: &Path, origin: &Origin, report: &mut Report) -> Option<Url> {
    let hint = "Give a folder such as \"lake\", or a URL such as \"file:///data/lake\" or \"memory:///\".";
    if twin.lake.trim().is_empty() {
        report.error("invalid-lake", origin, "lake", "\"lake\" is empty").hint(hint);
        return None;
    }
    if !twin.lake.contains("://") {
        let folder = lexically(&root.join(&twin.lake));
        return match Url::from_directory_path(&folder) {
            Ok(url) => Some(url),
            Err(()) => {
                report.error("invalid-lake", origin, "lake", "\"lake\" is not a folder's path").hint(hint);
                None
            }
        };
    }
    let mut url = match Url::parse(&twin.lake) {
        Ok(url) => url,
        Err(error) => {
            report
                .error("invalid-lake", origin, "lake", format!("{:?} is not a URL: {error}", twin.lake))
                .hint(hint);
            return None;
        }
    };
    if !matches!(url.scheme(), "file" | "memory") {
        let message = format!("a lake at {:?} is not supported", format!("{}://", url.scheme()));
        report.error("invalid-lake", origin, "lake", message).hint(hint);
        return None;
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Some(url)
}

/// `engine.memory` in bytes.
pub(super) fn memory_bytes(twin: &TwinDecl, origin: &Origin, report: &mut Report) -> Option<usize> {
    let bytes = parse_bytes(&twin.engine.memory);
    if bytes.is_none() {
        let message = format!("{:?} is not an amount of memory", twin.engine.memory);
        report
            .error("invalid-memory", origin, "engine.memory", message)
            .hint("Write a number and a unit: \"512MiB\", \"2GiB\", \"1.5GB\".");
    }
    bytes
}

/// `512MiB`, `1.5 GB`, `1073741824`: more than nothing.
fn parse_bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        "kib" | "k" => 1024.0,
        "mib" | "m" => 1024.0 * 1024.0,
        "gib" | "g" => 1024.0 * 1024.0 * 1024.0,
        "tib" | "t" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number.parse::<f64>().ok()? * scale;
    (bytes >= 1.0 && bytes < usize::MAX as f64).then_some(bytes as usize)
}

/// The path without `.` and `..`, told from the text alone.
fn lexically(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_memory() {
        assert_eq!(parse_bytes("2GiB"), Some(2 << 30));
        assert_eq!(parse_bytes("1.5 kb"), Some(1500));
        assert_eq!(parse_bytes("4096"), Some(4096));
        for text in ["", "0", "GiB", "-1GiB", "1.2.3GB", "2 parsecs", "1e400GB"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn defaults_are_merged_key_by_key() {
        let text = "[defaults]\nmode = 'upsert'\ncsv = { delimiter = ';', header = false }\n\
                    [[table]]\nname = 'a'\ncsv = { header = true }\n[[table]]\nname = 'b'\nmode = 'append'";
        let mut source: toml::Value = toml::from_str(text).unwrap();
        put_defaults_in(&mut source);
        let table = |position: usize| source["table"][position].to_string();
        assert!(
            table(0).contains("upsert") && table(0).contains("header = true") && table(0).contains("';'")
                || table(0).contains("\";\"")
        );
        assert!(table(1).contains("append") && table(1).contains("header = false"));
    }
}
