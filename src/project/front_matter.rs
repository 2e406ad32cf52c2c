//! The TOML in the leading comment of a SQL file, between `/*+++` and `+++*/`.

use std::ops::Range;

const OPEN: &str = "/*+++";
const CLOSE: &str = "+++*/";

/// A SQL file taken apart.
#[derive(Debug, PartialEq)]
pub(super) struct Parts {
    /// The bytes of the TOML.
    pub toml: Range<usize>,
    /// Where the SQL begins.
    pub body: usize,
}

/// A mistake of form: where, what, and what to do.
#[derive(Debug, PartialEq)]
pub(super) struct Broken {
    pub at: Range<usize>,
    pub message: &'static str,
    pub hint: &'static str,
}

/// Finds front matter and SQL. Without front matter all of the file is SQL.
pub(super) fn split(text: &str) -> Result<Parts, Broken> {
    let begin = text.len() - text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).len();
    if !text[begin..].starts_with(OPEN) {
        if let Some(late) = text.find(OPEN) {
            return Err(Broken {
                at: late..late + OPEN.len(),
                message: "front matter must come first",
                hint: "Move it to the top of the file, before any other comment.",
            });
        }
        return Ok(Parts { toml: begin..begin, body: begin });
    }
    let start = begin + OPEN.len();
    let Some(length) = text[start..].find(CLOSE) else {
        return Err(Broken {
            at: begin..start,
            message: "front matter has no end",
            hint: "Close it with +++*/ on a line of its own.",
        });
    };
    Ok(Parts { toml: start..start + length, body: start + length + CLOSE.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without() {
        assert_eq!(split("SELECT 1").unwrap(), Parts { toml: 0..0, body: 0 });
        let text = "\n/*+++\nowner = \"me\"\n+++*/\nSELECT 1";
        let parts = split(text).unwrap();
        assert_eq!(&text[parts.toml], "\nowner = \"me\"\n");
        assert_eq!(&text[parts.body..], "\nSELECT 1");
        assert_eq!(split("/*+++ owner").unwrap_err().at, 0..5);
        assert_eq!(split("-- about\n/*+++\n+++*/").unwrap_err().at, 9..14);
    }
}
