//! The texts of the declaration files, and where in them each declared thing stands.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::document::join;

/// Where something was declared: a file, and a place in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Relative to the twin's root.
    pub file: PathBuf,
    /// The path of keys and positions to it, such as `table.2`; empty for the whole file.
    pub key: String,
}

impl Origin {
    /// A place in a file.
    pub fn new(file: impl Into<PathBuf>, key: impl Into<String>) -> Self {
        Self { file: file.into(), key: key.into() }
    }

    /// Something inside this.
    #[must_use]
    pub fn at(&self, key: &str) -> Self {
        Self { file: self.file.clone(), key: join(&self.key, key) }
    }
}

/// The declaration files by path, relative to the twin's root.
#[derive(Clone, Debug, Default)]
pub struct Files(BTreeMap<PathBuf, FileText>);

/// One declaration file.
#[derive(Clone, Debug, Default)]
pub struct FileText {
    text: Arc<str>,
    spans: Spans,
    /// Where the SQL begins, in a SQL file.
    body: usize,
}

/// Where the keys and values of a file stand, by path.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans(BTreeMap<String, Place>);

#[derive(Clone, Debug)]
struct Place {
    /// Set where the value came from somewhere else: the environment.
    file: Option<PathBuf>,
    key: Range<usize>,
    value: Range<usize>,
}

impl Spans {
    pub fn enter(&mut self, path: &str, key: Range<usize>, value: Range<usize>) {
        self.0.insert(path.to_string(), Place { file: None, key, value });
    }

    /// The value under this path comes from another file.
    pub fn enter_elsewhere(&mut self, path: &str, file: &Path, span: Range<usize>) {
        let place = Place { file: Some(file.to_path_buf()), key: span.clone(), value: span };
        self.0.insert(path.to_string(), place);
    }
}

impl Files {
    pub(super) fn insert(&mut self, path: &Path, text: &str, spans: Spans, body: usize) {
        self.0.insert(path.to_path_buf(), FileText { text: text.into(), spans, body });
    }

    /// The paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }

    /// The text of a file.
    pub fn text(&self, path: &Path) -> Option<&str> {
        self.0.get(path).map(|file| &*file.text)
    }

    /// A diagnostic at the value under `key` of `origin`; where there is none, at the nearest thing around it.
    pub fn diagnose(&self, code: &'static str, origin: &Origin, key: &str, message: String) -> Diagnostic {
        let (file, span) = self.place(origin, key);
        self.at(code, &file, span, message)
    }

    /// The same diagnostic, pointing at the key instead of its value.
    pub(super) fn at_key(&self, diagnostic: Diagnostic, origin: &Origin, key: &str) -> Diagnostic {
        let place = self.0.get(&origin.file).and_then(|file| file.spans.0.get(&join(&origin.key, key)));
        match place {
            Some(place) if place.file.is_none() => {
                self.at(diagnostic.code, &diagnostic.file, place.key.clone(), diagnostic.message)
            }
            _ => diagnostic,
        }
    }

    /// A diagnostic inside a text that is the value under `key` of `origin`, such as a query: `range` is in that text.
    pub fn diagnose_text(
        &self,
        code: &'static str,
        origin: &Origin,
        key: &str,
        range: Range<usize>,
        message: String,
    ) -> Diagnostic {
        let (file, span) = self.place(origin, key);
        let exact = self.has(origin, key).then(|| self.inside(&file, &span, &range)).flatten();
        self.at(code, &file, exact.unwrap_or(span), message)
    }

    /// A diagnostic inside the SQL of a SQL file: `range` counts from the end of the front matter.
    pub fn diagnose_sql(
        &self,
        code: &'static str,
        origin: &Origin,
        range: Range<usize>,
        message: String,
    ) -> Diagnostic {
        let body = self.0.get(&origin.file).map_or(0, |file| file.body);
        self.at(code, &origin.file, range.start + body..range.end + body, message)
    }

    /// A diagnostic at bytes of a file.
    pub(super) fn at(
        &self,
        code: &'static str,
        file: &Path,
        span: Range<usize>,
        message: String,
    ) -> Diagnostic {
        let text = self.0.get(file).map(|file| Arc::clone(&file.text)).unwrap_or_default();
        Diagnostic::new(code, file, text, span, message)
    }

    /// Whether the file says anything at this place.
    pub(super) fn has(&self, origin: &Origin, key: &str) -> bool {
        let path = join(&origin.key, key);
        self.0.get(&origin.file).is_some_and(|file| file.spans.0.contains_key(&path))
    }

    /// `file:line` of a place, for naming it in a message.
    pub(super) fn describe(&self, origin: &Origin, key: &str) -> String {
        let found = self.diagnose("", origin, key, String::new());
        format!("{}:{}", found.file.display(), found.line)
    }

    fn place(&self, origin: &Origin, key: &str) -> (PathBuf, Range<usize>) {
        let Some(file) = self.0.get(&origin.file) else { return (origin.file.clone(), 0..0) };
        let whole = join(&origin.key, key);
        let mut path = whole.as_str();
        loop {
            if let Some(place) = file.spans.0.get(path) {
                return (place.file.clone().unwrap_or_else(|| origin.file.clone()), place.value.clone());
            }
            match path.rsplit_once('.') {
                Some((outer, _)) => path = outer,
                None => return (origin.file.clone(), 0..0),
            }
        }
    }

    /// Where `range` of a TOML text's value stands in the file. None where escapes make the two differ.
    fn inside(&self, file: &Path, span: &Range<usize>, range: &Range<usize>) -> Option<Range<usize>> {
        let raw = self.0.get(file)?.text.get(span.clone())?;
        let quotes = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| raw.starts_with(quotes))?;
        let mut start = quotes.len();
        if quotes.len() == 3 {
            // A line break right after the opening quotes is not part of the text.
            let rest = &raw[start..];
            start += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
        }
        if quotes.starts_with('"') && raw.contains('\\') {
            return None;
        }
        Some(span.start + start + range.start..span.start + start + range.end)
    }
}
