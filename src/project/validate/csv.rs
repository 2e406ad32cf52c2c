//! How delimited text is written.

use crate::project::Origin;
use crate::project::relations::Table;
use crate::project::report::Report;
use crate::project::suggest;

const ENCODINGS: [&str; 4] = ["utf-8", "utf-16", "latin-1", "windows-1252"];

pub(super) fn validate(table: &Table, report: &mut Report) {
    let csv = table.csv();
    let mut special: Vec<(&str, &str)> = Vec::new();
    let texts = [
        ("delimiter", Some(csv.delimiter.as_str())),
        ("quote", Some(csv.quote.as_str()).filter(|quote| !quote.is_empty())),
        ("escape", csv.escape.as_deref()),
        ("comment", csv.comment.as_deref()),
    ];
    for (key, text) in texts {
        let Some(text) = text else { continue };
        if !matches!(text.as_bytes(), [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0)) {
            report
                .error(
                    "invalid-csv",
                    &place(table, key, report),
                    "",
                    format!("{key:?} must be one ASCII character, not {text:?}"),
                )
                .hint("Write a tab as \"\\t\".");
            continue;
        }
        // A quote that escapes itself is a doubled quote: that is allowed.
        let clash =
            special.iter().find(|(other, taken)| *taken == text && !(key == "escape" && *other == "quote"));
        if let Some((other, _)) = clash {
            report
                .error(
                    "invalid-csv",
                    &place(table, key, report),
                    "",
                    format!("{key:?} and {other:?} are both {text:?}"),
                )
                .hint("Each needs a character of its own; quote = \"\" means there are no quotes.");
        }
        special.push((key, text));
    }
    if !matches!(csv.decimal.as_str(), "." | ",") {
        report
            .error(
                "invalid-csv",
                &place(table, "decimal", report),
                "",
                format!("\"decimal\" must be \".\" or \",\", not {:?}", csv.decimal),
            )
            .hint("It is the sign before the fraction of a number.");
    }
    if !ENCODINGS.contains(&csv.encoding.as_str()) {
        report
            .error(
                "invalid-csv",
                &place(table, "encoding", report),
                "",
                format!("unknown encoding {:?}", csv.encoding),
            )
            .hint(suggest::hint(&csv.encoding, ENCODINGS, "encodings"));
    }
}

/// Where a setting of a table's dialect stands: with the table, or with the source's defaults.
fn place(table: &Table, key: &str, report: &Report) -> Origin {
    let with_source = Origin::new(table.origin.file.clone(), "").at("defaults.csv").at(key);
    let with_table = table.origin.at("csv").at(key);
    if !report.files.has(&with_table, "") && report.files.has(&with_source, "") {
        with_source
    } else {
        with_table
    }
}
