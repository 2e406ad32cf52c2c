//! Whether what is declared makes sense, as far as that can be said without data and without planning a query.

use super::report::Report;
use super::resolve::Declared;
use super::twin::TwinDecl;

/// Reports everything that is wrong.
pub(super) fn all(twin: Option<&TwinDecl>, declared: &Declared, report: &mut Report) {
    let _ = (twin, declared, report);
}
