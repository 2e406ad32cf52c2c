//! `twinlake run`

use std::sync::Arc;
use std::time::Instant as Timer;

use clap::Args;
use serde_json::{Value, json};

use super::console::interruptible;
use super::human::{self, count, counted};
use super::plan::Selecting;
use super::progress::Telling;
use super::{Console, Format};
use crate::app::App;
use crate::clock;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::When;
use crate::run::{Options, Outcome, Status, Summary};

/// Bring the twin up to date and publish.
#[derive(Args)]
#[command(
    after_help = "Readers see the whole run at once when it is published, or nothing of it. A run that was killed is continued by the next one.
Exit code 4 means that a node failed: without --keep-going nothing is published then.

Examples:
  twinlake run
  twinlake run mart.sales             that node alone
  twinlake run --select '+mart.sales' that node and what it is made from
  twinlake run --dry-run              the same as `twinlake plan`
  twinlake run --keep-going           publish what does not depend on a failure
  twinlake run --full core.orders     make it from scratch
  twinlake run --as-of 2026-03-01     as if it were that instant: what as_of() returns"
)]
pub(super) struct Run {
    #[command(flatten)]
    selecting: Selecting,

    /// Say what would run, and run nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,

    /// Go on with what does not depend on a failed node, and publish it.
    #[arg(short, long)]
    keep_going: bool,

    /// The instant to compute for; now unless given.
    #[arg(long, value_name = "INSTANT")]
    as_of: Option<String>,
}

impl Run {
    pub async fn run(&self, console: &Console) -> Result<()> {
        if self.dry_run {
            return super::plan::run(&self.selecting, console).await;
        }
        let format = console.format(&[Format::Table, Format::Json])?;
        let as_of = self.as_of.as_deref().map(clock::parse).transpose()?;
        let app = console.app()?;
        let options = Options {
            selection: self.selecting.selection(),
            full: self.selecting.full,
            keep_going: self.keep_going,
            as_of,
            ..Options::default()
        };
        let timer = Timer::now();
        let summary = execute(&app, options, console).await?;
        if format == Format::Json {
            console.print_json(&summary_json(&summary, timer.elapsed().as_secs_f64()))?;
        }
        tell(&summary, timer, console);
        verdict(&summary)
    }
}

/// Runs, telling how it goes.
///
/// # Errors
/// As [`App::run`]; [`ErrorKind::Interrupted`] on Ctrl-C, saying what readers see now.
pub(super) async fn execute(app: &App, options: Options, console: &Console) -> Result<Summary> {
    let telling = Arc::new(Telling::new(console));
    let started_at = clock::now();
    let result = interruptible(app.run(options, Arc::clone(&telling) as _)).await;
    telling.close();
    match result {
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(interrupted(app, started_at).await),
        result => result,
    }
}

async fn interrupted(app: &App, started_at: clock::Instant) -> Error {
    // Ctrl-C may come between publishing and hearing of it: only the manifest knows.
    let newest = app.manifest(&When::Now).await.ok();
    let published = newest.filter(|manifest| manifest.published_at.is_some_and(|at| at >= started_at));
    match published.and_then(|manifest| manifest.number) {
        Some(number) => Error::new(
            ErrorKind::Interrupted,
            format!("interrupted, just after manifest {number} was published"),
        ),
        None => Error::new(ErrorKind::Interrupted, "interrupted: nothing was published")
            .with_hint("Readers see what they saw before. The next run begins from there."),
    }
}

/// One line on what a run came to.
pub(super) fn tell(summary: &Summary, timer: Timer, console: &Console) {
    let of = |status: Status| summary.nodes.iter().filter(|node| node.status == status).count();
    let mut parts = vec![format!("{} refreshed", counted(of(Status::Refreshed), "node"))];
    for (number, what) in [
        (of(Status::Unchanged), "unchanged"),
        (of(Status::Failed), "failed"),
        (of(Status::Skipped), "skipped"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", count(number as u64)));
        }
    }
    let paint = console.paint_stderr();
    let took = human::duration(timer.elapsed());
    let number = summary.manifest.map_or(String::new(), |number| format!(" manifest {number}"));
    match summary.outcome {
        // Said when it was planned.
        Outcome::UpToDate => return,
        Outcome::Published => {
            console.note(&format!("{}{number}: {} in {took}", paint.bold("published"), parts.join(", ")));
        }
        Outcome::Partial => {
            console.note(&format!(
                "{}{number}: {} in {took}",
                paint.bold("published in part,"),
                parts.join(", ")
            ));
        }
        Outcome::Failed => {
            console.note(&format!("{}: {} in {took}", paint.bold("nothing was published"), parts.join(", ")));
        }
    }
    let files = summary.files_rejected;
    if (summary.rows_read > 0 || files > 0) && summary.outcome != Outcome::Failed {
        let unchanged = match summary.rows_unchanged {
            0 => String::new(),
            rows => format!("{} unchanged, ", count(rows)),
        };
        console.note(&format!(
            "rows: {} read, {} landed, {unchanged}{} rejected{}{}",
            count(summary.rows_read),
            count(summary.rows_landed),
            count(summary.rows_rejected),
            if files > 0 { format!(", with {} as a whole", counted(files, "file")) } else { String::new() },
            if summary.rows_rejected > 0 || files > 0 { " (see twin.rejects)" } else { "" },
        ));
    }
    if summary.later > 0 {
        console.note(&format!("{} left to later runs", counted(summary.later, "file")));
    }
}

/// Whether the run did all it was asked to.
///
/// # Errors
/// [`ErrorKind::Run`] when it did not.
pub(super) fn verdict(summary: &Summary) -> Result<()> {
    let failed = summary.nodes.iter().filter(|node| node.status == Status::Failed).count();
    match summary.outcome {
        Outcome::UpToDate | Outcome::Published => Ok(()),
        Outcome::Partial => Err(Error::new(ErrorKind::Run, format!("{} failed", counted(failed, "node")))
            .with_hint("What does not depend on them is published. The rest is as it was.")),
        Outcome::Failed => Err(Error::new(ErrorKind::Run, format!("{} failed", counted(failed, "node")))
            .with_hint(
                "Readers see what they saw before. --keep-going publishes what does not depend on a failure.",
            )),
    }
}

/// What `--format json` prints.
pub(super) fn summary_json(summary: &Summary, seconds: f64) -> Value {
    let nodes: Vec<Value> = summary
        .nodes
        .iter()
        .map(|node| {
            json!({
                "relation": node.relation,
                "kind": node.kind,
                "status": node.status,
                "reason": node.reason,
                "rows": node.rows,
                "seconds": node.duration.as_secs_f64(),
                "error": node.error.as_ref().map(error_json),
            })
        })
        .collect();
    json!({
        "run_id": summary.run_id,
        "outcome": summary.outcome,
        "manifest": summary.manifest,
        "rows_read": summary.rows_read,
        "rows_landed": summary.rows_landed,
        "rows_unchanged": summary.rows_unchanged,
        "rows_rejected": summary.rows_rejected,
        "files_rejected": summary.files_rejected,
        "files_left": summary.later,
        "seconds": seconds,
        "nodes": nodes,
    })
}

/// An error for programs.
pub(super) fn error_json(error: &Error) -> Value {
    json!({
        "kind": error.kind().as_str(),
        "message": error.message(),
        "detail": error.detail(),
        "hint": error.hint(),
    })
}
