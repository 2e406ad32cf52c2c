//! Learning: backtest, choice, calibration, and what is kept of it.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::error::Result;
use crate::learn::auto::{self, Auto, Options, Studied};
use crate::learn::learner::{Data, Feature, Trained};
use crate::learn::metrics;
use crate::project::ForecastDecl;
use crate::project::model::Reconcile;

use super::analogues;
use super::board::Board;
use super::member::{self, Kind, Pattern};
use super::panel::{Panel, Reading};
use super::parameters::Parameters;
use super::pooled::Shared;
use super::scores::{self, BOUNDS, Score};
use super::settings::{self, Candidates};
use super::trial::{self, Plan};
use super::tried::{Tried, reduce};
use super::{leaks, shifts, watch};

/// Up to this many series, every candidate of every series has its scores with intervals.
const DETAILED: usize = 5_000;

/// Learns from rows.
///
/// # Errors
/// As [`Panel::read`].
pub(super) fn train(data: &Data, decl: &ForecastDecl, start: Option<&str>) -> Result<Trained> {
    let mut panel = Panel::read(data, decl, Reading::default())?;
    shifts::settle(&mut panel);
    let panel = panel;
    let asked = settings::candidates(decl)?;
    let mut probabilities = BOUNDS.to_vec();
    probabilities.extend(&decl.quantiles);
    let chosen: Vec<usize> =
        (0..panel.series.len()).filter(|&series| trial::automatic(&panel, series, &asked)).collect();
    let mut origins = trial::origins(&panel, decl.horizon, decl.windows, chosen.is_empty());
    origins.push(panel.end + 1);
    let shared = Shared::learn(&panel, &origins, decl.horizon, &pooled(&asked, &panel))?;
    let plan = Plan {
        panel: &panel,
        shared: &shared,
        origins: &origins,
        horizon: decl.horizon,
        candidates: &asked,
        nonnegative: decl.nonnegative,
        probabilities: &probabilities,
    };
    let earlier = start.and_then(|text| Parameters::read(text).ok());
    let earlier = earlier.filter(|found| found.frequency == panel.frequency);
    let detailed = panel.series.len() <= DETAILED;
    let steps = (chosen.len() + panel.series.len()) as u64;
    let told = || data.heard.0.steps(1, steps);
    let mut automatic = Automatic::learn(&panel, &chosen, decl, &told);
    let studied: Vec<Option<Studied>> =
        (0..panel.series.len()).map(|series| automatic.series.remove(&series)).collect();
    let tried: Vec<Tried> = studied
        .into_par_iter()
        .enumerate()
        .map(|(series, studied)| {
            told();
            if let Some((studied, shared)) = studied.zip(automatic.shared.as_ref()) {
                let study = plan.decided(series, shared, studied);
                return reduce(study, &plan, series, decl, asked.combine, detailed);
            }
            let label = &panel.series[series].label;
            let before = earlier.as_ref().and_then(|found| found.series.get(label));
            let study = plan.study(series, before.map_or(&[], |before| &before.members));
            reduce(study, &plan, series, decl, asked.combine, detailed)
        })
        .collect();
    let mut parameters = Parameters::new(panel.frequency, panel.end + 1, decl.horizon, probabilities.clone());
    parameters.regressors = panel.regressors.iter().map(|regressor| regressor.label()).collect();
    parameters.shared = shared.lasting();
    parameters.automatic = automatic.shared;
    parameters.relative_scale = relative_scale(&panel);
    parameters.analogues = analogues::learn(&panel, decl);
    let mut board = Board::new(&panel, decl, &probabilities);
    let published = board.score(&tried, detailed, &mut parameters);
    finish(&panel, decl, tried, &published, &mut parameters);
    let mut notes = panel.notes.clone();
    notes.extend(leaks::suspected(&panel, origins[0]));
    notes.extend(noticed(&panel, &asked, decl));
    let headline = board.headline(&published);
    let overall = scores::mean(published.iter());
    parameters.reference.mase = overall.mase;
    parameters.reference.coverage80 = overall.coverage80;
    parameters.reference.coverage95 = overall.coverage95;
    Ok(Trained {
        parameters: parameters.write()?,
        metrics: board.rows,
        headline,
        features: features(decl, &panel),
        rows: panel.rows,
        notes,
    })
}

/// The models of all series together that may be wanted.
fn pooled(asked: &Candidates, panel: &Panel) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = asked.kinds.iter().copied().filter(|kind| kind.shared()).collect();
    if asked.auto {
        kinds.extend(trial::long(panel).then_some(Kind::ElasticNet));
    }
    kinds
}

/// The automatic strategy, and what it made of the series it suits.
#[derive(Default)]
struct Automatic {
    shared: Option<auto::Shared>,
    series: BTreeMap<usize, Studied>,
}

impl Automatic {
    fn learn(panel: &Panel, chosen: &[usize], decl: &ForecastDecl, told: &(dyn Fn() + Sync)) -> Automatic {
        if chosen.is_empty() {
            return Automatic::default();
        }
        let histories: Vec<&[f64]> =
            chosen.iter().map(|&series| recent(&panel.series[series].values, panel)).collect();
        let options = Options { windows: decl.windows, ..Options::default() };
        let found = Auto::fit(&histories, panel.season, decl.horizon, &options, told);
        let mut series: BTreeMap<usize, Studied> = BTreeMap::new();
        for ((&place, mut studied), history) in chosen.iter().zip(found.series).zip(histories) {
            let skipped = panel.series[place].values.len() - history.len();
            studied.trials.iter_mut().for_each(|trial| trial.known += skipped);
            series.insert(place, studied);
        }
        Automatic { shared: Some(found.shared), series }
    }
}

/// The part of a history that the automatic strategy looks at.
pub(super) fn recent<'a>(values: &'a [f64], panel: &Panel) -> &'a [f64] {
    member::recent(values, Kind::Theta, panel.season, &panel.seasons)
}

/// Puts what was learned of each series into the parameters.
fn finish(
    panel: &Panel,
    decl: &ForecastDecl,
    tried: Vec<Tried>,
    published: &[Score],
    parameters: &mut Parameters,
) {
    for (series, tried) in tried.into_iter().enumerate() {
        let own = &panel.series[series];
        let label = own.label.clone();
        let mut learned = tried.learned;
        learned.difficulty = parameters.series.get(&label).and_then(|found| found.difficulty);
        learned.scale = metrics::seasonal_error(&own.values, panel.season);
        learned.mase = published[series].mase.filter(|mase| mase.is_finite());
        if matches!(decl.reconcile, Reconcile::Mint | Reconcile::Wls) {
            let errors = tried.trials.iter().zip(&tried.published).flat_map(|(trial, forecast)| {
                let known = trial.as_ref().zip(forecast.as_ref());
                let error = move |step: usize| {
                    let (trial, forecast) = known?;
                    Some(trial.actual[step] - forecast[step]).filter(|error| error.is_finite())
                };
                (0..decl.horizon).map(error).collect::<Vec<_>>()
            });
            learned.errors = errors.collect();
        }
        parameters.series.insert(label, learned);
    }
    parameters.reference.values = watch::reference(panel, decl);
}

/// The mean of absolute values.
pub(super) fn mean_size(values: &[f64]) -> f64 {
    values.iter().map(|value| value.abs()).sum::<f64>() / values.len().max(1) as f64
}

/// The median over all series of their scale relative to their mean size.
fn relative_scale(panel: &Panel) -> Option<f64> {
    let relative = |values: &Vec<f64>| {
        Some(metrics::scale(values, panel.season)? / mean_size(values))
            .filter(|relative| relative.is_finite())
    };
    let mut all: Vec<f64> = panel.series.iter().filter_map(|series| relative(&series.values)).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

/// What is worth knowing beyond the rows.
fn noticed(panel: &Panel, asked: &Candidates, decl: &ForecastDecl) -> Vec<String> {
    let mut notes = Vec::new();
    let longest = panel.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let last = panel.seasons.last().copied().unwrap_or(panel.season);
    let kinds = match (asked.auto, trial::long(panel)) {
        (true, true) => &[Kind::Mstl][..],
        (true, false) => &[Kind::Theta][..],
        (false, _) => &asked.kinds,
    };
    let memory = kinds.iter().map(|kind| kind.memory(panel.season, last)).min().unwrap_or(usize::MAX);
    if longest > memory {
        notes.push(format!(
            "The longest series has {longest} periods; models of one series look at the last {memory} or more."
        ));
    }
    let short = panel.series.iter().filter(|s| !s.values.is_empty() && s.values.len() < panel.season).count();
    if short > 0 {
        notes.push(format!("{short} series have less than a season of history."));
    }
    let intermittent =
        panel.series.iter().filter(|series| Pattern::of(&series.values) == Pattern::Intermittent).count();
    if intermittent > 0 {
        notes.push(format!("{intermittent} series have demand that comes and goes."));
    }
    if let Some(analogue) = &decl.analogue {
        let new = panel.series.iter().filter(|series| series.values.len() < analogue.below).count();
        notes.push(format!("{new} series are new: they have fewer than {} periods.", analogue.below));
    }
    notes
}

fn features(decl: &ForecastDecl, panel: &Panel) -> Vec<Feature> {
    let own = std::iter::once(decl.value.clone()).chain(panel.regressors.iter().map(|r| r.name.clone()));
    let mut names: Vec<String> = Vec::new();
    for name in own {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Feature::named(&names)
}
