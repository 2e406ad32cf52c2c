//! Which nodes are meant: names, patterns and tags, with `+` for what is before and after them.

use std::collections::BTreeSet;

use globset::Glob;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::RelationName;
use crate::run::graph::Graph;

/// A selection such as `+mart.sales`, `erp.*`, `tag:daily`, `erp.orders+2`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    terms: Vec<String>,
}

impl Selection {
    /// All terms together; none select everything.
    pub fn new(terms: impl IntoIterator<Item = String>) -> Self {
        Self { terms: terms.into_iter().collect() }
    }

    /// Whether it selects everything.
    pub fn is_everything(&self) -> bool {
        self.terms.is_empty()
    }

    /// The nodes of `graph` that are meant.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when a term is not a pattern, or selects nothing.
    pub fn resolve(&self, graph: &Graph) -> Result<BTreeSet<RelationName>> {
        if self.is_everything() {
            return Ok(graph.in_order().map(|node| node.name().clone()).collect());
        }
        let mut selected = BTreeSet::new();
        for term in &self.terms {
            let found = resolve(term, graph)?;
            if found.is_empty() {
                return Err(nothing(term, graph));
            }
            selected.extend(found);
        }
        Ok(selected)
    }
}

fn resolve(term: &str, graph: &Graph) -> Result<BTreeSet<RelationName>> {
    let (before, rest) = leading(term);
    let (after, pattern) = trailing(rest);
    let mut selected: BTreeSet<RelationName> = match pattern.strip_prefix("tag:") {
        Some(tag) => {
            let tagged = graph.in_order().filter(|node| node.tags().iter().any(|t| t == tag));
            tagged.map(|node| node.name().clone()).collect()
        }
        None => {
            let glob = Glob::new(pattern).map_err(|error| {
                Error::new(ErrorKind::Usage, format!("{pattern:?} selects nothing: {error}"))
            })?;
            let glob = glob.compile_matcher();
            let named = graph.in_order().map(|node| node.name());
            named
                .filter(|name| glob.is_match(name.to_string()) || name.schema() == pattern)
                .cloned()
                .collect()
        }
    };
    for name in selected.clone() {
        if let Some(steps) = before {
            selected.extend(graph.ancestors(&name, steps));
        }
        if let Some(steps) = after {
            selected.extend(graph.descendants(&name, steps));
        }
    }
    Ok(selected)
}

/// `+name` and `2+name`: how far upstream.
fn leading(term: &str) -> (Option<usize>, &str) {
    match term.split_once('+') {
        Some(("", rest)) if !rest.is_empty() => (Some(usize::MAX), rest),
        Some((steps, rest)) if !rest.is_empty() && steps.parse::<usize>().is_ok() => {
            (steps.parse().ok(), rest)
        }
        _ => (None, term),
    }
}

/// `name+` and `name+2`: how far downstream.
fn trailing(term: &str) -> (Option<usize>, &str) {
    match term.rsplit_once('+') {
        Some((rest, "")) => (Some(usize::MAX), rest),
        Some((rest, steps)) if steps.parse::<usize>().is_ok() => (steps.parse().ok(), rest),
        _ => (None, term),
    }
}

fn nothing(term: &str, graph: &Graph) -> Error {
    let wanted = term.trim_matches('+');
    let close = graph
        .in_order()
        .map(|node| node.name().to_string())
        .map(|name| (strsim::damerau_levenshtein(&name, wanted), name))
        .min();
    let error = Error::new(ErrorKind::Usage, format!("{term:?} selects no node"));
    match close {
        Some((distance, name)) if distance <= 4 => error.with_hint(format!("Did you mean {name}?")),
        _ => error.with_hint("`twinlake plan --full` lists the nodes there are."),
    }
}
