//! `twinlake model list`

use clap::Args;
use serde::Serialize;

use super::{Console, Format, Past, instant, number, output, parsed};
use crate::error::Result;
use crate::learn::Status;

/// List models, and the version of each that predicts.
#[derive(Args)]
#[command(after_help = "Examples:
  twinlake model list
  twinlake model list --all                 every version of every model
  twinlake model list --as-of 2026-03-01    as it was then
  twinlake model list --format json")]
pub(super) struct List {
    /// Every version, not only those that predict or wait.
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    past: Past,
}

#[derive(Serialize)]
struct Row {
    model: String,
    kind: String,
    version: Option<i64>,
    status: &'static str,
    metric: String,
    value: Option<f64>,
    baseline: Option<f64>,
    trained_at: Option<String>,
    why: String,
}

impl List {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        let app = console.app()?;
        let when = self.past.when()?;
        let mut rows = Vec::new();
        for (name, node) in &app.models {
            let kind = node.decl.kind.as_str();
            let registry = app.registry(name, &when, None).await?;
            let before = rows.len();
            for version in &registry.versions {
                let status = registry.status(version.version);
                let shown = self.all
                    || matches!(status, Some(Status::Champion | Status::Challenger | Status::Candidate));
                if !shown {
                    continue;
                }
                let metrics = parsed(&version.metrics);
                rows.push(Row {
                    model: name.to_string(),
                    kind: version.kind.clone(),
                    version: Some(version.version),
                    status: status.map_or("-", Status::as_str),
                    metric: metrics["metric"].as_str().unwrap_or("").to_string(),
                    value: metrics["value"].as_f64(),
                    baseline: metrics["baseline"].as_f64(),
                    trained_at: Some(instant(version.trained_at)),
                    why: version.why.clone(),
                });
            }
            if rows.len() == before {
                let status = if node.decl.kind.has_versions() { "not learned" } else { "computed" };
                rows.push(Row {
                    model: name.to_string(),
                    kind: kind.to_string(),
                    version: None,
                    status,
                    metric: String::new(),
                    value: None,
                    baseline: None,
                    trained_at: None,
                    why: String::new(),
                });
            }
        }
        if format == Format::Json {
            return console.print_json(&rows);
        }
        if rows.is_empty() {
            console.note("the twin has no models");
            return Ok(());
        }
        let drawn = rows.into_iter().map(|row| {
            vec![
                row.model,
                row.kind.clone(),
                row.version.map_or("-".into(), |version| version.to_string()),
                row.status.to_string(),
                row.metric,
                number(row.value),
                number(row.baseline),
                row.trained_at.unwrap_or_else(|| "-".into()),
                row.why,
            ]
        });
        let header = ["model", "kind", "version", "status", "metric", "value", "baseline", "trained", "why"];
        console.print(&output::list(&header, drawn))
    }
}
