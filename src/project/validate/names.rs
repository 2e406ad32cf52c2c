//! Names: that they can be written without quotes, and that nothing is declared twice.

use std::collections::BTreeMap;

use crate::ids::is_identifier;
use crate::project::Origin;
use crate::project::report::Report;
use crate::project::resolve::Declared;
use crate::project::twin::TwinDecl;

/// `twin.toml` as a whole.
pub(super) fn twin(twin: &TwinDecl, report: &mut Report) {
    let origin = Origin::new("twin.toml", "");
    if !is_identifier(&twin.name) {
        report
            .error("invalid-name", &origin, "name", format!("{:?} is not a valid name of a twin", twin.name))
            .hint("Use lowercase letters, digits and _, beginning with a letter.");
    }
    if twin.engine.batch_rows == 0 {
        report
            .error("invalid-value", &origin, "engine.batch_rows", "\"batch_rows\" must be at least 1")
            .hint("8192 suits most machines.");
    }
}

/// Two sources, or two relations, of one name.
pub(super) fn unique(declared: &Declared, report: &mut Report) {
    let mut sources: BTreeMap<&str, (&Origin, &str)> = BTreeMap::new();
    for (name, origin) in &declared.sources {
        once(&mut sources, name, origin, "name", "the source", report);
    }
    let mut relations = BTreeMap::new();
    let tables = declared.tables.iter().map(|table| (table.name.to_string(), &table.origin, "name"));
    let views = declared.views.iter().map(|view| (view.name.to_string(), &view.origin, ""));
    let models = declared.models.iter().map(|model| (model.name.to_string(), &model.origin, "name"));
    for (name, origin, key) in tables.chain(views).chain(models) {
        once(&mut relations, name, origin, key, "the relation", report);
    }
}

fn once<'a, N: Ord + std::fmt::Debug>(
    seen: &mut BTreeMap<N, (&'a Origin, &'a str)>,
    name: N,
    origin: &'a Origin,
    key: &'a str,
    what: &str,
    report: &mut Report,
) {
    if let Some((first, first_key)) = seen.get(&name) {
        let message =
            format!("{what} {name:?} is declared twice: first in {}", report.describe(first, first_key));
        report.error("duplicate-name", origin, key, message).hint("Rename one of them.");
    } else {
        seen.insert(name, (origin, key));
    }
}
