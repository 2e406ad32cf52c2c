//! One thing wrong with a declaration, and where; and all of them together.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::render;
use crate::error::{Error, ErrorKind};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing runs until it is put right.
    Error,
    /// It runs, but likely not as meant.
    Warning,
}

/// One thing wrong with a declaration, and where.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnostic {
    /// A stable name for the kind of mistake, such as `unknown-key`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong; lowercase, naming the thing.
    pub message: String,
    /// The file, relative to the twin's root.
    pub file: PathBuf,
    /// The bytes of the file it is about.
    pub span: Range<usize>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What to do about it.
    pub hint: Option<String>,
    /// The file's text, for the caret.
    #[serde(skip)]
    pub(super) text: Arc<str>,
}

impl Diagnostic {
    /// An error at a place of a text.
    pub(super) fn new(
        code: &'static str,
        file: &Path,
        text: Arc<str>,
        span: Range<usize>,
        message: String,
    ) -> Self {
        let end = text.floor_char_boundary(span.end.min(text.len()));
        let start = text.floor_char_boundary(span.start.min(end));
        let (line, column) = line_column(&text, start);
        let file = file.to_path_buf();
        Self {
            code,
            severity: Severity::Error,
            message,
            file,
            span: start..end,
            line,
            column,
            hint: None,
            text,
        }
    }

    /// The same with a sentence on what to do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, but it stops nothing.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }
}

/// Line and column, both from 1, of a byte; the column counts characters.
pub(super) fn line_column(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..byte];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Everything wrong with a twin's declarations, in order of file and place.
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// Sorted, and without what was found twice.
    pub fn new(mut list: Vec<Diagnostic>) -> Self {
        let place = |d: &Diagnostic| (d.file.clone(), d.span.start, d.severity, d.code, d.message.clone());
        list.sort_by_cached_key(place);
        list.dedup_by(|a, b| place(a) == place(b));
        Self(list)
    }

    /// In order of file and place.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of them stops a run.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// For people: each with its line of the file and a caret under the place. The same on every machine.
    pub fn render(&self) -> String {
        render::plain(&self.0)
    }

    /// For a terminal, in colour.
    pub fn render_colored(&self) -> String {
        render::colored(&self.0)
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(list: Vec<Diagnostic>) -> Self {
        Self::new(list)
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

impl From<Diagnostics> for Error {
    fn from(diagnostics: Diagnostics) -> Self {
        let errors = diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
        let message = match errors {
            1 => "1 error in the declarations".to_string(),
            errors => format!("{errors} errors in the declarations"),
        };
        Error::new(ErrorKind::Declaration, message).with_detail(diagnostics.render())
    }
}
