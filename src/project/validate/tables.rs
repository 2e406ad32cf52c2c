//! Landed tables: files, format, write mode.

use globset::GlobBuilder;

use super::csv;
use super::relations::expect;
use crate::project::relations::Table;
use crate::project::report::Report;
use crate::project::source::{NewColumns, Vanished, WriteMode};

pub(super) fn validate(table: &Table, report: &mut Report) {
    files(table, report);
    modes(table, report);
    csv::validate(table, report);
    if !table.csv().header && table.decl.columns.is_empty() && !report.is_broken(&table.origin, "columns") {
        report
            .error(
                "missing-columns",
                &table.origin,
                "csv.header",
                format!("files of {:?} have no header, and no columns are declared", table.name.to_string()),
            )
            .hint("Declare the columns in the order of the file.");
    }
}

fn files(table: &Table, report: &mut Report) {
    let origin = &table.origin;
    if table.decl.files.is_empty() {
        report
            .error("invalid-glob", origin, "files", format!("{:?} has no files", table.name.to_string()))
            .hint("Give at least one glob, such as files = [\"orders/*.csv\"].");
    }
    let keys = report.items(origin, "files", table.decl.files.len());
    for (key, files) in keys.iter().zip(&table.decl.files) {
        if files.starts_with('/') || files.contains("://") || files.split('/').any(|part| part == "..") {
            report
                .error("invalid-glob", origin, key, format!("{files:?} leaves the source's root"))
                .hint("Globs are relative to the source's root: put the folder there.");
        } else if let Err(error) = GlobBuilder::new(files).literal_separator(true).build() {
            report
                .error("invalid-glob", origin, key, format!("{files:?} is not a glob: {}", error.kind()))
                .hint("In a glob, * is any text in a name, ** any folders, ? one character, {a,b} a choice.");
        } else if table.format().is_none()
            && !report.is_broken(origin, "format")
            && let Some(extension) = unknown_extension(files)
        {
            report
                .error(
                    "unknown-format",
                    origin,
                    key,
                    format!("the format of .{extension} files is not known"),
                )
                .hint("Say format = \"csv\", \"json\", \"ndjson\", \"parquet\" or \"arrow\".");
        }
    }
}

/// The extension of a glob that tells no format. None where it does, or where only the files will tell.
fn unknown_extension(files: &str) -> Option<&str> {
    // Those that reading a file knows.
    const KNOWN: [&str; 11] = [
        "csv", "json", "geojson", "ndjson", "jsonl", "geojsonl", "parquet", "arrow", "arrows", "ipc",
        "feather",
    ];
    let name = files.rsplit('/').next().unwrap_or(files);
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    let (_, extension) = plain.rsplit_once('.')?;
    let literal = !extension.is_empty() && extension.chars().all(|c| c.is_ascii_alphanumeric());
    (literal && !KNOWN.contains(&extension.to_ascii_lowercase().as_str())).then_some(extension)
}

fn modes(table: &Table, report: &mut Report) {
    let (decl, origin, mode) = (&table.decl, &table.origin, table.mode());
    let word = mode_word(mode);
    if decl.key.is_empty() && mode != WriteMode::Append && !report.is_broken(origin, "key") {
        let at = if report.files.has(origin, "key") { "key" } else { "mode" };
        let message = format!("{:?} has no key, but mode {word:?} needs one", table.name.to_string());
        report
            .error("missing-key", origin, at, message)
            .hint("Add key = [\"...\"], the columns that identify a row.");
    }
    let mut useless = |given: bool, key: &str, of: &str| {
        if given {
            report
                .error("useless-setting", origin, key, format!("{key:?} means nothing in mode {word:?}"))
                .hint(format!("It belongs to mode {of:?}: set that, or leave {key} out."));
        }
    };
    useless(decl.order_by.is_some() && mode != WriteMode::Upsert, "order_by", "upsert");
    useless(decl.valid_from.is_some() && mode != WriteMode::History, "valid_from", "history");
    useless(decl.vanished == Vanished::Remove && mode != WriteMode::Append, "vanished", "append");
    if table.new_columns() == NewColumns::Evolve {
        return;
    }
    let columns: Vec<String> = decl.columns.keys().cloned().collect();
    let whose = format!("{:?}", table.name.to_string());
    let keys = report.items(origin, "key", decl.key.len());
    for (position, (at, column)) in keys.iter().zip(&decl.key).enumerate() {
        expect(&columns, column, &whose, origin, at, report);
        if decl.key[..position].contains(column) {
            report
                .error("duplicate-name", origin, at, format!("the key names {column:?} twice"))
                .hint("Leave one of them out.");
        }
    }
    for (at, column) in [("order_by", &decl.order_by), ("valid_from", &decl.valid_from)] {
        if let Some(column) = column {
            expect(&columns, column, &whose, origin, at, report);
        }
    }
}

fn mode_word(mode: WriteMode) -> &'static str {
    match mode {
        WriteMode::Append => "append",
        WriteMode::Upsert => "upsert",
        WriteMode::Snapshot => "snapshot",
        WriteMode::History => "history",
    }
}
