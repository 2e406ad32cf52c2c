//! `twinlake model backtest` and `twinlake model replay`

use clap::Args;

use super::{Console, Format, Named, Past, number, output};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::system::ModelMetricRow;

/// A number of a row.
type Number = fn(&ModelMetricRow) -> Option<f64>;

/// Learn from what is published, and say how good each candidate is on rows it did not see. Nothing is kept.
#[derive(Args)]
#[command(after_help = "Examples:
  twinlake model backtest mart.demand_forecast
  twinlake model backtest mart.demand_forecast --as-of 2026-03-01   with what was known then
  twinlake model backtest mart.demand_forecast --series             by series
  twinlake model backtest mart.demand_forecast --format json")]
pub(super) struct Backtest {
    #[command(flatten)]
    named: Named,

    /// Every series, not only all of them together.
    #[arg(long)]
    series: bool,

    #[command(flatten)]
    past: Past,
}

impl Backtest {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        let app = console.app()?;
        let (_, node) = self.named.find(&app)?;
        let manifest = app.manifest(&self.past.when()?).await?;
        let tried = node.backtest(&app.engine, manifest).await?;
        let rows: Vec<&ModelMetricRow> =
            tried.metrics.iter().filter(|row| self.series || row.series == "*").collect();
        if format == Format::Json {
            return console.print_json(&rows);
        }
        let columns: [(&str, Number); 15] = [
            ("mase", |row| row.mase),
            ("smape", |row| row.smape),
            ("rmse", |row| row.rmse),
            ("mae", |row| row.mae),
            ("bias", |row| row.bias),
            ("pinball", |row| row.pinball),
            ("cover80", |row| row.coverage80),
            ("cover95", |row| row.coverage95),
            ("auc", |row| row.auc),
            ("log_loss", |row| row.log_loss),
            ("brier", |row| row.brier),
            ("ece", |row| row.ece),
            ("recall_at_k", |row| row.recall_at_k),
            ("ndcg_at_k", |row| row.ndcg_at_k),
            ("silhouette", |row| row.silhouette),
        ];
        // A kind fills some columns only.
        let columns: Vec<_> =
            columns.into_iter().filter(|(_, of)| rows.iter().any(|row| of(row).is_some())).collect();
        let mut header = vec!["series", "candidate", "windows"];
        header.extend(columns.iter().map(|(name, _)| *name));
        header.push("chosen");
        let drawn = rows.iter().map(|row| {
            let mut cells = vec![
                row.series.clone(),
                row.candidate.clone(),
                row.windows.map_or("-".into(), |windows| windows.to_string()),
            ];
            cells.extend(columns.iter().map(|(_, of)| number(of(row))));
            cells.push(if row.chosen { "yes".into() } else { row.reason.clone().unwrap_or_default() });
            cells
        });
        console.print(&output::list(&header, drawn))?;
        for note in &tried.notes {
            console.note(note);
        }
        Ok(())
    }
}

/// Learn and predict again as it was done, and compare every bit.
#[derive(Args)]
#[command(
    after_help = "The champion is learned again from the rows it was learned from, at the manifest that published it, and predicts again from the rows
of the manifest looked at. Exit code 4 means that something came out different.

Examples:
  twinlake model replay mart.demand_forecast
  twinlake model replay mart.demand_forecast --as-of 12"
)]
pub(super) struct Replay {
    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    past: Past,
}

impl Replay {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        let app = console.app()?;
        let (name, node) = self.named.find(&app)?;
        let manifest = app.manifest(&self.past.when()?).await?;
        let replayed = node.replay(&app.engine, manifest).await?;
        if format == Format::Json {
            console.print_json(&replayed)?;
        } else {
            let told = |before: &str, again: &str| match before == again {
                true => "the same".to_string(),
                false => "different".to_string(),
            };
            let again = replayed.parameters_again.clone();
            let parameters = match &again {
                Some(again) => told(&replayed.parameters, again),
                None => "its rows are not in any manifest".to_string(),
            };
            let rows = [
                vec![
                    "parameters".into(),
                    replayed.parameters.clone(),
                    again.unwrap_or_else(|| "-".into()),
                    parameters,
                ],
                vec![
                    "predictions".into(),
                    replayed.predictions.clone(),
                    replayed.predictions_again.clone(),
                    told(&replayed.predictions, &replayed.predictions_again),
                ],
            ];
            console.print(&output::list(&["what", "published", "again", ""], rows))?;
        }
        if replayed.is_same() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Run,
            format!("model {name}: the replay of version {} differs", replayed.version),
        )
        .with_hint(
            "Another version of Twinlake or another platform may have made it; otherwise this is a bug.",
        ))
    }
}
