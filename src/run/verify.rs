//! Checks: those about one relation alone run before it is committed, those that look at others when all nodes are done.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::StreamExt;

use crate::clock::Instant;
use crate::engine::{Session, Use};
use crate::error::Result;
use crate::ids::{RelationName, RunId};
use crate::lake::Binding;
use crate::lake::system::CheckRow;
use crate::node::{Check, Node};
use crate::project::CheckLevel;
use crate::run::execute::Run;
use crate::run::node_run::{Done, failure, report};
use crate::run::report::Status;

/// The checks of a node that read nothing but its own rows.
///
/// # Errors
/// When a check's SQL does not parse.
pub fn checks_of_its_own<'a>(node: &'a dyn Node, session: &Session) -> Result<Vec<&'a Check>> {
    split(node, session).map(|(own, _)| own)
}

fn split<'a>(node: &'a dyn Node, session: &Session) -> Result<(Vec<&'a Check>, Vec<&'a Check>)> {
    let (mut own, mut across) = (Vec::new(), Vec::new());
    for check in node.checks() {
        match session.references(&subject(&check.sql, node.name()))?.iter().all(|name| name == node.name()) {
            true => own.push(check),
            false => across.push(check),
        }
    }
    Ok((own, across))
}

/// Puts the relation in the place of `this`, as a CTE, so that the rest of the SQL stays as it was written.
fn subject(sql: &str, relation: &RelationName) -> String {
    let trimmed = sql.trim().trim_end_matches(';');
    match trimmed.get(..5) {
        Some(with) if with.eq_ignore_ascii_case("with ") => {
            format!("WITH this AS (SELECT * FROM {relation}), {}", &trimmed[5..])
        }
        _ => format!("WITH this AS (SELECT * FROM {relation}) {trimmed}"),
    }
}

/// Runs one check and counts its bad rows.
///
/// # Errors
/// When its SELECT fails.
pub async fn run_check(
    session: &Session,
    relation: &RelationName,
    check: &Check,
    run_id: &RunId,
    at: Instant,
) -> Result<CheckRow> {
    let sql = subject(&check.sql, relation);
    let mut bad_rows = 0i64;
    let mut rows =
        session.query(&sql).await.map_err(|error| error.context(format!("check {}", check.name)))?;
    while let Some(batch) = rows.next().await {
        bad_rows += i64::try_from(batch?.num_rows()).unwrap_or(i64::MAX);
    }
    Ok(CheckRow {
        run_id: run_id.to_string(),
        relation: relation.to_string(),
        check: check.name.clone(),
        level: match check.level {
            CheckLevel::Error => "error".into(),
            CheckLevel::Warn => "warn".into(),
        },
        status: if bad_rows == 0 { "passed".into() } else { "failed".into() },
        bad_rows,
        sql: Some(sql),
        checked_at: at.timestamp_micros(),
    })
}

/// Runs the checks that look at several relations, over the state that is about to be published. A node that fails takes
/// the nodes that read it with it: nothing computed from bad rows is published.
///
/// # Errors
/// When a check's SQL does not parse.
pub(super) async fn verify_across(run: &Run<'_>, done: &mut BTreeMap<RelationName, Done>) -> Result<()> {
    let mut binding = Binding::of(Arc::clone(&run.prepared.manifest));
    for (name, node) in done.iter() {
        if let Some(bound) = &node.bound {
            binding.overlay(name.clone(), bound.clone());
        }
    }
    let session = run.engine.session(binding, run.as_of, Use::Compute);
    let refreshed: Vec<RelationName> =
        done.iter().filter(|(_, node)| node.bound.is_some()).map(|(name, _)| name.clone()).collect();
    for name in refreshed {
        let Some(node) = run.graph.node(&name) else { continue };
        let (_, across) = split(node.as_ref(), &session)?;
        let mut failed = Vec::new();
        let mut rows = Vec::new();
        let mut outcome = Ok(());
        for check in across {
            match run_check(&session, &name, check, &run.run_id, run.as_of).await {
                Ok(row) => {
                    report(&row, run.reporter.as_ref(), &name, &mut failed);
                    rows.push(row);
                }
                // What it refers to may itself have failed: then nobody can say that the check holds.
                Err(error) => outcome = Err(error),
            }
        }
        let Some(result) = done.get_mut(&name) else { continue };
        result.records.checks.extend(rows);
        if let Err(error) = outcome.and_then(|()| failure(&failed)) {
            run.reporter.failed(&name, &error);
            result.fail(error);
            for reader in run.graph.descendants(&name, usize::MAX) {
                if let Some(reader) = done.get_mut(&reader) {
                    reader.status = Status::Skipped;
                    reader.published = None;
                    reader.bound = None;
                }
            }
        }
    }
    Ok(())
}
