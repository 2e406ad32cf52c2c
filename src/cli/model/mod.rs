//! `twinlake model`: the versions of models, what they are worth, and which of them predicts.

mod act;
mod card;
mod list;
mod show;
mod tried;

use std::sync::Arc;

use clap::{Args, Subcommand};

use super::{Console, Format, output};
use crate::app::App;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::RelationName;
use crate::lake::When;
use crate::learn::ModelNode;

/// See what models learned, how good they are, and decide which version predicts.
#[derive(Args)]
#[command(
    after_help = "A model keeps every version it learned, in twin.models, and what became of it, in twin.model_history. One version, the
champion, predicts. A version that passes the rules of [accept] becomes champion by itself; you may promote another.

Examples:
  twinlake model list
  twinlake model show mart.demand_forecast
  twinlake model card mart.late_delivery --html --output card.html
  twinlake model backtest mart.demand_forecast        how good it would be, learned from what is published
  twinlake model compare mart.late_delivery 3 4
  twinlake model promote mart.late_delivery 3 --reason \"fewer false alarms\"
  twinlake model train mart.late_delivery             learn a version now, whatever [retrain] says
  twinlake model replay mart.late_delivery            do it again, and see that every bit is the same"
)]
pub(super) struct ModelVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    List(list::List),
    Show(show::Show),
    Card(card::CardVerb),
    Backtest(tried::Backtest),
    Compare(show::Compare),
    Promote(act::Promote),
    Retire(act::Retire),
    Train(act::Train),
    Replay(tried::Replay),
}

impl ModelVerb {
    pub async fn run(&self, console: &Console) -> Result<()> {
        match &self.verb {
            Verb::List(verb) => verb.run(console).await,
            Verb::Show(verb) => verb.run(console).await,
            Verb::Card(verb) => verb.run(console).await,
            Verb::Backtest(verb) => verb.run(console).await,
            Verb::Compare(verb) => verb.run(console).await,
            Verb::Promote(verb) => verb.run(console).await,
            Verb::Retire(verb) => verb.run(console).await,
            Verb::Train(verb) => verb.run(console).await,
            Verb::Replay(verb) => verb.run(console).await,
        }
    }
}

/// Which model is meant.
#[derive(Args)]
struct Named {
    /// The model's relation, such as mart.demand_forecast.
    #[arg(value_name = "MODEL")]
    model: String,
}

impl Named {
    fn find(&self, app: &App) -> Result<(RelationName, Arc<ModelNode>)> {
        let found = self.model.parse().ok().and_then(|name: RelationName| {
            let node = app.models.get(&name)?;
            Some((name, Arc::clone(node)))
        });
        found.ok_or_else(|| {
            let names = app.models.keys();
            let close = names.map(|name| (strsim::damerau_levenshtein(&name.to_string(), &self.model), name));
            let hint = match close.min() {
                Some((distance, name)) if distance <= 4 => format!("Did you mean {name}?"),
                _ => "`twinlake model list` lists the models there are.".to_string(),
            };
            Error::new(ErrorKind::NotFound, format!("there is no model {}", self.model)).with_hint(hint)
        })
    }
}

/// When to look.
#[derive(Args)]
struct Past {
    /// As it was then: a manifest's number, an instant, or a run.
    #[arg(long, value_name = "WHEN")]
    as_of: Option<String>,
}

impl Past {
    fn when(&self) -> Result<When> {
        self.as_of.as_deref().map_or(Ok(When::Now), str::parse)
    }
}

/// A number as a table shows it: four digits that count.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(0.0) => "0".into(),
        Some(value) => {
            let digits = (3.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize;
            format!("{value:.digits$}")
        }
    }
}

/// An instant as a table shows it.
fn instant(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(|| "-".into(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// A JSON text of the registry, which is null where it cannot be read.
fn parsed(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_default()
}
