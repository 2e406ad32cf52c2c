//! `twinlake model promote`, `retire` and `train`

use std::collections::BTreeMap;
use std::time::Instant as Timer;

use clap::Args;

use super::{Console, Format, Named};
use crate::cli::run;
use crate::error::Result;
use crate::node::{Act, Request};
use crate::run::{Options, Selection};

/// Let a version predict from now on; the champion before it is retired.
#[derive(Args)]
#[command(
    after_help = "The predictions are made anew and published together with the change; what reads them is brought up to date by the next run.

Examples:
  twinlake model promote mart.late_delivery 3 --reason \"fewer false alarms in the pilot\""
)]
pub(super) struct Promote {
    #[command(flatten)]
    version: OneVersion,
}

/// Take a version out of the running: nothing brings it back but `model promote`.
#[derive(Args)]
#[command(after_help = "Examples:
  twinlake model retire mart.late_delivery 2 --reason \"learned from the test system\"")]
pub(super) struct Retire {
    #[command(flatten)]
    version: OneVersion,
}

/// Learn a version now, whatever the rules of [retrain] say.
#[derive(Args)]
#[command(after_help = "Examples:
  twinlake model train mart.late_delivery --reason \"new carrier since Monday\"")]
pub(super) struct Train {
    #[command(flatten)]
    named: Named,

    #[command(flatten)]
    said: Said,
}

/// A version of a model, and what is said about it.
#[derive(Args)]
struct OneVersion {
    #[command(flatten)]
    named: Named,

    /// The version.
    version: i64,

    #[command(flatten)]
    said: Said,
}

/// Who says so, and why: both are kept in twin.model_history.
#[derive(Args)]
struct Said {
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,

    /// Who; the user of this machine unless given.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl Promote {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let OneVersion { named, version, said } = &self.version;
        ask(named, Act::Promote(*version), said, console).await
    }
}

impl Retire {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let OneVersion { named, version, said } = &self.version;
        ask(named, Act::Retire(*version), said, console).await
    }
}

impl Train {
    pub async fn run(&self, console: &Console) -> Result<()> {
        ask(&self.named, Act::Retrain, &self.said, console).await
    }
}

async fn ask(named: &Named, act: Act, said: &Said, console: &Console) -> Result<()> {
    let format = console.format(&[Format::Table, Format::Json])?;
    let app = console.app()?;
    let (name, _) = named.find(&app)?;
    let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| console.env().get(*name));
    let by = said
        .by
        .clone()
        .filter(|name| !name.trim().is_empty())
        .or_else(|| user.cloned())
        .unwrap_or_else(|| "somebody".into());
    let request = Request { act, by, reason: said.reason.clone() };
    let options = Options {
        selection: Selection::new([name.to_string()]),
        requests: BTreeMap::from([(name, request)]),
        ..Options::default()
    };
    let timer = Timer::now();
    let summary = run::execute(&app, options, console).await?;
    if format == Format::Json {
        console.print_json(&run::summary_json(&summary, timer.elapsed().as_secs_f64()))?;
    }
    run::tell(&summary, timer, console);
    run::verdict(&summary)
}
