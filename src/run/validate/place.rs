//! Where a piece of SQL stands: a file of its own, or a text in TOML.

use std::ops::Range;

use crate::project::{Diagnostic, Origin, Project};

/// Where a piece of SQL stands.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// It is the query of a SQL file.
    File(Origin),
    /// It is the value of a key.
    Value(Origin, String),
    /// We made it from what a key says: the key as a whole is the place.
    Key(Origin, String),
}

impl Place {
    /// A diagnostic at a range of bytes of the SQL.
    pub fn diagnose(
        &self,
        project: &Project,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        match self {
            Place::File(origin) => project.diagnose_sql(code, origin, range, message),
            Place::Value(origin, key) => project.diagnose_text(code, origin, key, range, message),
            Place::Key(origin, key) => project.diagnose(code, origin, key, message),
        }
    }
}
