//! `twinlake plan`

use clap::Args;

use super::human::counted;
use super::{Console, Format, output};
use crate::error::Result;
use crate::run::{Plan, Selection};

/// Say what would run, and why.
#[derive(Args)]
#[command(
    after_help = "A node runs because it was never run, its code is new, its input is new, or something it reads runs.
`twinlake run` executes exactly what this says.

Examples:
  twinlake plan
  twinlake plan mart.sales+           that node and all that reads it
  twinlake plan --select '+mart.*'    all of schema mart and what it is made from
  twinlake plan --full                as if nothing had been run before
  twinlake plan --format json         for orchestrators"
)]
pub(super) struct PlanVerb {
    #[command(flatten)]
    selecting: Selecting,
}

/// Which nodes are meant.
#[derive(Args, Clone)]
pub(super) struct Selecting {
    /// Nodes: `mart.sales`, a schema, a pattern `erp.*`, `tag:daily`; `+` before a name adds what it is made from, after
    /// it what reads it, with a number so many steps. All nodes unless given.
    #[arg(value_name = "NODE")]
    nodes: Vec<String>,

    /// The same, for scripts; may be repeated.
    #[arg(short, long, value_name = "NODE")]
    select: Vec<String>,

    /// Make the nodes from scratch, whatever is published.
    #[arg(long)]
    pub full: bool,
}

impl Selecting {
    pub fn selection(&self) -> Selection {
        Selection::new(self.nodes.iter().chain(&self.select).cloned())
    }
}

impl PlanVerb {
    pub async fn run(&self, console: &Console) -> Result<()> {
        run(&self.selecting, console).await
    }
}

/// Plans and prints the plan.
pub(super) async fn run(selecting: &Selecting, console: &Console) -> Result<()> {
    let format = console.format(&[Format::Table, Format::Json])?;
    let app = console.app()?;
    let plan = app.plan(&selecting.selection(), selecting.full).await?;
    if format == Format::Json {
        return console.print_json(&plan);
    }
    if plan.is_empty() {
        console.note(&up_to_date(plan.unchanged));
        return Ok(());
    }
    console.print(&drawn(&plan))?;
    let mut counts = vec![format!("{} would run", counted(plan.steps.len(), "node"))];
    if plan.unchanged > 0 {
        counts.push(format!("{} would stay", plan.unchanged));
    }
    if !plan.dropped.is_empty() {
        counts.push(format!("{} would go", plan.dropped.len()));
    }
    console.note(&counts.join(", "));
    Ok(())
}

/// What is said where there is nothing to do.
pub(super) fn up_to_date(nodes: usize) -> String {
    format!("up to date: nothing to do ({})", counted(nodes, "node"))
}

fn drawn(plan: &Plan) -> String {
    let steps = plan
        .steps
        .iter()
        .map(|step| vec![step.relation.to_string(), step.kind.as_str().to_string(), step.why.to_string()]);
    let dropped = plan.dropped.iter().map(|relation| {
        vec![relation.to_string(), "-".to_string(), "dropped: no longer declared".to_string()]
    });
    output::list(&["relation", "kind", "why"], steps.chain(dropped))
}
