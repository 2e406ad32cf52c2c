//! `twinlake model show` and `twinlake model compare`

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use serde_json::json;

use super::{Console, Format, Named, Past, instant, number, output, parsed};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::system::ModelRow;
use crate::learn::{Registry, Status};

/// Show a version: what it learned, from what, how good it is, and what became of it.
#[derive(Args)]
#[command(after_help = "Examples:
  twinlake model show mart.demand_forecast
  twinlake model show mart.demand_forecast --version 2
  twinlake model show mart.demand_forecast --parameters > version.json")]
pub(super) struct Show {
    #[command(flatten)]
    named: Named,

    /// The version; the champion unless given.
    #[arg(long, value_name = "N")]
    version: Option<i64>,

    /// Print what it learned, as JSON, and nothing else.
    #[arg(long)]
    parameters: bool,

    #[command(flatten)]
    past: Past,
}

impl Show {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        let app = console.app()?;
        let (name, node) = self.named.find(&app)?;
        let registry = app.registry(&name, &self.past.when()?, self.version).await?;
        let row = find(&registry, self.version, &name.to_string())?;
        if self.parameters {
            return console.print(&format!("{}\n", row.parameters));
        }
        let status = registry.status(row.version).map_or("-", Status::as_str);
        let history: Vec<_> = registry.history.iter().filter(|event| event.version == row.version).collect();
        if format == Format::Json {
            return console.print_json(&json!({
                "model": name, "version": row.version, "status": status, "kind": row.kind,
                "trained_at": instant(row.trained_at), "why": row.why, "start": row.start, "run_id": row.run_id,
                "manifest": row.manifest, "rows": row.rows, "seed": row.seed, "fingerprint": row.fingerprint,
                "data_hash": row.data_hash, "parameters_hash": row.parameters_hash,
                "inputs": parsed(&row.inputs), "features": parsed(&row.features), "metrics": parsed(&row.metrics),
                "acceptance": parsed(&row.acceptance), "notes": parsed(&row.notes), "history": history,
            }));
        }
        let mut text = format!("{name}, version {} ({status})\n{}\n\n", row.version, node.description.text);
        let mut facts = vec![
            vec!["learned".into(), format!("{} ({}, {})", instant(row.trained_at), row.start, row.why)],
            vec!["by run".into(), row.run_id.clone()],
            vec!["from".into(), format!("{} rows, hash {}", row.rows, row.data_hash)],
            vec!["seed".into(), row.seed.to_string()],
            vec!["fingerprint".into(), row.fingerprint.clone()],
        ];
        for (relation, hash) in parsed(&row.inputs).as_object().into_iter().flatten() {
            facts.push(vec!["reads".into(), format!("{relation} {}", hash.as_str().unwrap_or(""))]);
        }
        text += &output::list(&["", ""], facts);
        text += "\n";
        text += &output::list(&["metric", "value"], metrics(row).into_iter().map(|(k, v)| vec![k, v]));
        let features = parsed(&row.features);
        let features = features.as_array().into_iter().flatten().take(20).map(|feature| {
            vec![
                feature["name"].as_str().unwrap_or("").to_string(),
                number(feature["importance"].as_f64()),
                feature["tags"].as_str().unwrap_or("").to_string(),
            ]
        });
        text += "\n";
        text += &output::list(&["feature", "importance", "tags"], features);
        for (title, list) in [("acceptance", &row.acceptance), ("notes", &row.notes)] {
            let list = parsed(list);
            let lines: Vec<&str> = list
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|line| line.as_str().or_else(|| line["reason"].as_str()))
                .collect();
            if !lines.is_empty() {
                let _ = write!(text, "\n{title}\n  {}\n", lines.join("\n  "));
            }
        }
        let events = history.iter().map(|event| {
            vec![
                instant(event.changed_at),
                event.status.clone(),
                event.changed_by.clone(),
                event.reason.clone(),
            ]
        });
        text += "\n";
        text += &output::list(&["when", "became", "by", "why"], events);
        console.print(&text)
    }
}

/// Set the metrics of two versions side by side.
#[derive(Args)]
#[command(
    after_help = "Each version was scored on the rows there were when it was learned; `backtest` scores the declaration on the rows of today.

Examples:
  twinlake model compare mart.late_delivery 1 2
  twinlake model compare mart.late_delivery 1 2 --format json"
)]
pub(super) struct Compare {
    #[command(flatten)]
    named: Named,

    /// One version.
    one: i64,

    /// The other.
    other: i64,
}

impl Compare {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        let app = console.app()?;
        let (name, _) = self.named.find(&app)?;
        let registry = app.registry(&name, &crate::lake::When::Now, None).await?;
        let one = find(&registry, Some(self.one), &name.to_string())?;
        let other = find(&registry, Some(self.other), &name.to_string())?;
        if format == Format::Json {
            return console.print_json(&json!({
                "model": name,
                "versions": [self.one, self.other],
                "metrics": [parsed(&one.metrics), parsed(&other.metrics)],
                "rows": [one.rows, other.rows],
                "same_rows": one.data_hash == other.data_hash,
                "same_code": one.fingerprint == other.fingerprint,
            }));
        }
        let (left, right): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (metrics(one).into_iter().collect(), metrics(other).into_iter().collect());
        let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
        names.sort();
        names.dedup();
        let of =
            |side: &BTreeMap<String, String>, name: &String| side.get(name).cloned().unwrap_or("-".into());
        let rows = names.iter().map(|name| vec![(*name).clone(), of(&left, name), of(&right, name)]);
        let header =
            ["metric".to_string(), format!("version {}", self.one), format!("version {}", self.other)];
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        console.print(&output::list(&header, rows))?;
        if one.data_hash != other.data_hash {
            console.note("they were learned from different rows: see `twinlake model backtest`");
        }
        Ok(())
    }
}

/// The version, or the champion.
pub(super) fn find<'a>(registry: &'a Registry, version: Option<i64>, model: &str) -> Result<&'a ModelRow> {
    let found = match version {
        Some(version) => registry.version(version),
        None => registry.champion().or(registry.versions.last()),
    };
    found.ok_or_else(|| {
        let known: Vec<String> = registry.versions.iter().map(|row| row.version.to_string()).collect();
        let (message, hint) = match (version, known.is_empty()) {
            (_, true) => (
                format!("model {model} has no versions"),
                "Run the twin first; kinds that compute everything anew keep none.".to_string(),
            ),
            (version, false) => (
                format!("model {model} has no version {}", version.unwrap_or_default()),
                format!("Its versions are {}.", known.join(", ")),
            ),
        };
        Error::new(ErrorKind::NotFound, message).with_hint(hint)
    })
}

/// The metrics of a version, by name.
fn metrics(row: &ModelRow) -> Vec<(String, String)> {
    let metrics = parsed(&row.metrics);
    let headline = metrics["metric"].as_str().unwrap_or("metric").to_string();
    let mut found = Vec::new();
    for (name, value) in metrics.as_object().into_iter().flatten() {
        let Some(value) = value.as_f64() else { continue };
        let name = match name.as_str() {
            "value" => headline.clone(),
            "baseline" => format!("{headline} of the baseline"),
            other => other.to_string(),
        };
        found.push((name, number(Some(value))));
    }
    found
}
