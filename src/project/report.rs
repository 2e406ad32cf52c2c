//! What is found wrong while loading, gathered.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Diagnostics};
use super::document::join;
use super::files::{Files, Origin};
use super::query::Flaw;
use crate::error::Error;

/// The mistakes found so far, and the files they are in.
#[derive(Default)]
pub(super) struct Report {
    pub files: Files,
    found: Vec<Diagnostic>,
    /// Values that are wrong in shape. That they are also missing, or wrong in meaning, need not be said.
    broken: BTreeSet<(PathBuf, String)>,
    /// List items that were left out: those after them stand elsewhere in the file than in the list.
    dropped: BTreeSet<(PathBuf, String)>,
}

/// The diagnostic just reported, for adding to it; nothing if it was not worth reporting.
pub(super) struct Reported<'a>(Option<&'a mut Diagnostic>);

impl Reported<'_> {
    /// What to do about it.
    pub fn hint(self, hint: impl Into<String>) {
        if let Some(diagnostic) = self.0 {
            diagnostic.hint = Some(hint.into());
        }
    }
}

impl Report {
    /// A mistake at the value under `key`.
    pub fn error(
        &mut self,
        code: &'static str,
        origin: &Origin,
        key: &str,
        message: impl Into<String>,
    ) -> Reported<'_> {
        if self.is_broken(origin, key) {
            return Reported(None);
        }
        let diagnostic = self.files.diagnose(code, origin, key, message.into());
        self.push(diagnostic)
    }

    /// A mistake in a key itself: a name that cannot be.
    pub fn error_in_key(
        &mut self,
        code: &'static str,
        origin: &Origin,
        key: &str,
        message: String,
    ) -> Reported<'_> {
        let diagnostic = self.files.diagnose(code, origin, key, message);
        let diagnostic = self.files.at_key(diagnostic, origin, key);
        self.push(diagnostic)
    }

    /// An [`Error`] as a mistake at the value under `key`, with its hint.
    pub fn refused(&mut self, code: &'static str, origin: &Origin, key: &str, error: Error) {
        let hint = error.hint().map(str::to_string);
        let reported = self.error(code, origin, key, error.message());
        if let Some(hint) = hint {
            reported.hint(hint);
        }
    }

    /// Flaws of the SQL that is the value under `key`.
    pub fn flaws(&mut self, origin: &Origin, key: &str, flaws: Vec<Flaw>) {
        for flaw in flaws {
            let diagnostic = self.files.diagnose_text(flaw.code, origin, key, flaw.range, flaw.message);
            self.push(diagnostic.with_hint(flaw.hint));
        }
    }

    /// A mistake at bytes of a file.
    pub fn at(
        &mut self,
        code: &'static str,
        file: &Path,
        span: std::ops::Range<usize>,
        message: impl Into<String>,
    ) -> Reported<'_> {
        let diagnostic = self.files.at(code, file, span, message.into());
        self.push(diagnostic)
    }

    /// A mistake found elsewhere.
    pub fn push(&mut self, diagnostic: Diagnostic) -> Reported<'_> {
        self.found.push(diagnostic);
        Reported(self.found.last_mut())
    }

    /// Says that the value at this place is wrong in shape.
    pub fn mark_broken(&mut self, origin: &Origin, key: &str) {
        self.broken.insert((origin.file.clone(), join(&origin.key, key)));
    }

    /// Says that this item of a list was left out.
    pub fn mark_dropped(&mut self, origin: &Origin, key: &str) {
        self.dropped.insert((origin.file.clone(), join(&origin.key, key)));
    }

    /// The keys of the items of a list, as they stand in the file.
    pub fn items(&self, origin: &Origin, key: &str, count: usize) -> Vec<String> {
        let stands = |position: &usize| {
            let path = join(&origin.key, &join(key, &position.to_string()));
            !self.dropped.contains(&(origin.file.clone(), path))
        };
        (0..).filter(stands).take(count).map(|position| join(key, &position.to_string())).collect()
    }

    /// Whether the value at this place, or anything it is part of, is wrong in shape.
    pub fn is_broken(&self, origin: &Origin, key: &str) -> bool {
        let whole = join(&origin.key, key);
        let mut path = whole.as_str();
        loop {
            if self.broken.contains(&(origin.file.clone(), path.to_string())) {
                return true;
            }
            match path.rsplit_once('.') {
                Some((outer, _)) => path = outer,
                None => return false,
            }
        }
    }

    /// `file:line` of a place, for naming it in a message.
    pub fn describe(&self, origin: &Origin, key: &str) -> String {
        self.files.describe(origin, key)
    }

    /// All of it in order, and the files.
    pub fn finish(self) -> (Files, Diagnostics) {
        (self.files, Diagnostics::new(self.found))
    }
}
