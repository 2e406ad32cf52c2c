//! Learning: backtest, choice, calibration, and what is kept of it.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::error::Result;
use crate::lake::system::ModelMetricRow;
use crate::learn::auto::{self, Auto, Options, Studied};
use crate::learn::learner::{Data, Feature, Headline, Trained};
use crate::learn::metrics;
use crate::project::ForecastDecl;
use crate::project::model::Reconcile;

use super::analogues;
use super::intervals::{self, Calibration, Residuals};
use super::member::{self, Kind};
use super::panel::{Panel, Reading};
use super::parameters::{Group, Learned, Parameters, Weighed};
use super::pooled::Shared;
use super::scores::{self, BOUNDS, HeldOut, Score};
use super::settings::{self, Candidates};
use super::trial::{self, Plan, Study, Trial};
use super::{leaks, watch, weights};

/// Up to this many series, every candidate of every series has its scores with intervals.
const DETAILED: usize = 5_000;

/// What is left of a study: what is published, and the scores of the others.
#[derive(Debug)]
struct Tried {
    names: Vec<String>,
    trials: Vec<Option<Trial>>,
    weights: Vec<f64>,
    /// Per window, what the choice of the other windows would have published.
    published: Vec<Option<Vec<f64>>>,
    learned: Learned,
    able: Vec<bool>,
    /// The scores of the candidates whose forecasts were not kept.
    plain: Vec<Score>,
}

/// Learns from rows.
///
/// # Errors
/// As [`Panel::read`].
pub(super) fn train(data: &Data, decl: &ForecastDecl, start: Option<&str>) -> Result<Trained> {
    let panel = Panel::read(data, decl, Reading::default())?;
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
    let mut automatic = Automatic::learn(&panel, &chosen, decl);
    let studied: Vec<Option<Studied>> =
        (0..panel.series.len()).map(|series| automatic.series.remove(&series)).collect();
    let tried: Vec<Tried> = studied
        .into_par_iter()
        .enumerate()
        .map(|(series, studied)| {
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
    let mut metrics = Metrics::new(&panel, decl, &probabilities);
    let published = metrics.score(&tried, detailed, &mut parameters);
    finish(&panel, decl, tried, &published, &mut parameters);
    let mut notes = panel.notes.clone();
    notes.extend(leaks::suspected(&panel, origins[0]));
    notes.extend(noticed(&panel, &asked, decl));
    let headline = metrics.headline(&published);
    let overall = scores::mean(published.iter());
    parameters.reference.mase = overall.mase;
    parameters.reference.coverage80 = overall.coverage80;
    parameters.reference.coverage95 = overall.coverage95;
    Ok(Trained {
        parameters: parameters.write()?,
        metrics: metrics.rows,
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
        let long = panel.season > 24 || !panel.seasons.is_empty();
        kinds.extend(long.then_some(Kind::ElasticNet));
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
    fn learn(panel: &Panel, chosen: &[usize], decl: &ForecastDecl) -> Automatic {
        if chosen.is_empty() {
            return Automatic::default();
        }
        let histories: Vec<&[f64]> =
            chosen.iter().map(|&series| recent(&panel.series[series].values, panel)).collect();
        let options = Options { windows: decl.windows, ..Options::default() };
        let found = Auto::fit(&histories, panel.season, decl.horizon, &options);
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

fn reduce(
    study: Study,
    plan: &Plan<'_>,
    series: usize,
    decl: &ForecastDecl,
    combine: bool,
    detailed: bool,
) -> Tried {
    let panel = plan.panel;
    let own = &panel.series[series];
    let weights = match &study.decided {
        Some(decided) => decided.weights.clone(),
        None => weights::weigh(&study, combine, None),
    };
    let windows = study.trials.iter().flatten().count();
    let honest = || {
        study
            .trials
            .iter()
            .enumerate()
            .map(|(window, trial)| {
                let honest = match windows {
                    0 | 1 => weights.clone(),
                    _ => weights::weigh(&study, combine, Some(window)),
                };
                weights::mix(&trial.as_ref()?.forecasts, &honest)
            })
            .collect()
    };
    let published = study.decided.as_ref().map_or_else(honest, |decided| decided.published.clone());
    let new = decl.analogue.as_ref().is_some_and(|analogue| own.values.len() < analogue.below);
    let counted = study.intermittent && weights::counts(&study, &weights);
    let members = study
        .candidates
        .iter()
        .zip(&study.fitted)
        .zip(&weights)
        .filter(|(_, weight)| **weight > 0.0 && !new)
        .map(|((candidate, fitted), weight)| Weighed {
            candidate: *candidate,
            weight: *weight,
            member: fitted.member.clone(),
        })
        .collect();
    let (names, automatic) = match study.decided {
        Some(decided) => (decided.names, Some(decided.studied).filter(|_| !new)),
        None => (study.candidates[1..].iter().map(|candidate| candidate.name()).collect(), None),
    };
    let learned = Learned {
        members,
        automatic,
        regression: study.regression.filter(|_| {
            study
                .candidates
                .iter()
                .zip(&weights)
                .any(|(candidate, weight)| candidate.explained && *weight > 0.0)
        }),
        unit: plan.shared.unit(series),
        group: group(own.level, study.intermittent),
        counted,
        ..Learned::default()
    };
    let names: Vec<String> = std::iter::once(baseline_name(&own.values, panel.season)).chain(names).collect();
    let able = study.fitted.iter().map(|fitted| fitted.able).collect();
    let mut tried =
        Tried { names, trials: study.trials, weights, published, learned, able, plain: Vec::new() };
    if !detailed {
        let all: Vec<usize> = (0..tried.trials.len()).collect();
        let plain = |candidate: usize| {
            let forecasts = tried.forecasts(candidate);
            scores::score(&tried.trials, &forecasts, &all, &[], &|_, _| None)
        };
        tried.plain = (0..tried.names.len()).map(plain).collect();
        for trial in tried.trials.iter_mut().flatten() {
            trial.forecasts.truncate(1);
            trial.forecasts.shrink_to_fit();
        }
    }
    tried
}

impl Tried {
    /// What a candidate forecast, per window.
    fn forecasts(&self, candidate: usize) -> Vec<Option<Vec<f64>>> {
        self.trials.iter().map(|trial| trial.as_ref()?.forecasts.get(candidate)?.clone()).collect()
    }

    /// The windows in which all that can forecast the end could; or all it took part in.
    fn compared(&self) -> Vec<usize> {
        let took = |window: &usize| self.trials[*window].is_some();
        let all = |window: &usize| {
            self.trials[*window].as_ref().is_some_and(|trial| {
                trial.forecasts.iter().zip(&self.able).all(|(forecast, able)| !able || forecast.is_some())
            })
        };
        let both: Vec<usize> = (0..self.trials.len()).filter(all).collect();
        if both.is_empty() { (0..self.trials.len()).filter(took).collect() } else { both }
    }

    fn residuals(&self, forecasts: &[Option<Vec<f64>>]) -> Residuals {
        let of = |(trial, forecast): (&Option<Trial>, &Option<Vec<f64>>)| {
            let (trial, forecast) = (trial.as_ref()?, forecast.as_ref()?);
            let scale = trial.scale?;
            Some(trial.actual.iter().zip(forecast).map(|(y, f)| (y - f) / scale).collect())
        };
        self.trials.iter().zip(forecasts).map(of).collect()
    }
}

fn baseline_name(values: &[f64], season: usize) -> String {
    match values.len() {
        0 => "none".to_string(),
        length => member::baseline_kind(length, season).name().to_string(),
    }
}

/// The name of a group of series.
pub(super) fn group(level: i32, intermittent: bool) -> String {
    format!("{level}{}", if intermittent { " intermittent" } else { "" })
}

/// A calibration of all windows, and those that did not see one of them, for the series of one group.
struct Calibrated {
    whole: Option<intervals::Learned>,
    held_out: Vec<Option<intervals::Learned>>,
}

fn calibrate(residuals: &[&Residuals], decl: &ForecastDecl, probabilities: &[f64]) -> Calibrated {
    let learn = |without| Calibration::learn(residuals, decl.horizon, without, probabilities);
    let held_out = (0..decl.windows).into_par_iter().map(|window| learn(Some(window))).collect();
    Calibrated { whole: learn(None), held_out }
}

impl Calibrated {
    fn held_out(&self, place: usize) -> HeldOut<'_> {
        let of = |learned: &'_ Option<intervals::Learned>| -> Option<f64> {
            learned.as_ref().map(|learned| learned.difficulty[place])
        };
        let calibrations = self
            .held_out
            .iter()
            .map(|learned| Some((&learned.as_ref()?.calibration, of(learned)?)))
            .collect();
        HeldOut { calibrations }
    }
}

/// Collects scores.
struct Metrics<'a> {
    panel: &'a Panel,
    decl: &'a ForecastDecl,
    probabilities: &'a [f64],
    rows: Vec<ModelMetricRow>,
    baseline: Option<Score>,
    compared: Vec<Score>,
}

impl<'a> Metrics<'a> {
    fn new(panel: &'a Panel, decl: &'a ForecastDecl, probabilities: &'a [f64]) -> Metrics<'a> {
        Metrics { panel, decl, probabilities, rows: Vec::new(), baseline: None, compared: Vec::new() }
    }

    /// The scores of all candidates and of what is published, per series; the latter are returned. Calibrations of what
    /// is published go into the parameters.
    fn score(&mut self, tried: &[Tried], detailed: bool, parameters: &mut Parameters) -> Vec<Score> {
        let horizon = self.decl.horizon;
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (series, tried) in tried.iter().enumerate() {
            groups.entry(&tried.learned.group).or_default().push(series);
        }
        let mut published = vec![Score::default(); tried.len()];
        let mut naive = vec![Score::default(); tried.len()];
        let mut scored: Vec<Vec<Score>> = tried.iter().map(|tried| tried.plain.clone()).collect();
        for (name, series) in &groups {
            let residuals: Vec<Residuals> =
                series.par_iter().map(|&s| tried[s].residuals(&tried[s].published)).collect();
            let calibrated = calibrate(&residuals.iter().collect::<Vec<_>>(), self.decl, self.probabilities);
            let found: Vec<Score> = (0..series.len())
                .into_par_iter()
                .map(|place| {
                    let tried = &tried[series[place]];
                    let held_out = calibrated.held_out(place);
                    let counted = tried.learned.counted;
                    self.one(tried, &tried.published, &held_out, counted)
                })
                .collect();
            for (&series, score) in series.iter().zip(found) {
                published[series] = score;
            }
            let whole = calibrated.whole;
            if let Some(whole) = &whole {
                for (&series, difficulty) in series.iter().zip(&whole.difficulty) {
                    if tried[series].trials.iter().any(Option::is_some) {
                        let label = self.panel.series[series].label.clone();
                        let learned = Learned { difficulty: Some(*difficulty), ..Learned::default() };
                        parameters.series.insert(label, learned);
                    }
                }
            }
            let group = Group { calibration: whole.map(|learned| learned.calibration) };
            parameters.groups.insert((*name).to_string(), group);

            // Candidates have calibrations of their own: what one gets wrong is not what another does.
            let mut names: BTreeSet<&str> = BTreeSet::new();
            series.iter().for_each(|&s| names.extend(tried[s].names.iter().map(String::as_str)));
            for name in names {
                let places: Vec<(usize, usize)> = series
                    .iter()
                    .filter_map(|&s| {
                        let place = tried[s].names.iter().position(|found| found == name)?;
                        (detailed || place == 0).then_some((s, place))
                    })
                    .collect();
                let forecasts: Vec<Vec<Option<Vec<f64>>>> =
                    places.iter().map(|&(s, place)| tried[s].forecasts(place)).collect();
                let residuals: Vec<Residuals> =
                    places.iter().zip(&forecasts).map(|(&(s, _), f)| tried[s].residuals(f)).collect();
                let calibrated =
                    calibrate(&residuals.iter().collect::<Vec<_>>(), self.decl, self.probabilities);
                let found: Vec<Score> = (0..places.len())
                    .into_par_iter()
                    .map(|index| {
                        let (s, _) = places[index];
                        self.one(&tried[s], &forecasts[index], &calibrated.held_out(index), false)
                    })
                    .collect();
                for ((s, place), score) in places.into_iter().zip(found) {
                    let wide = tried[s].names.len().max(scored[s].len());
                    scored[s].resize(wide, Score::default());
                    scored[s][place] = score;
                    if place == 0 {
                        naive[s] = score;
                    }
                }
            }
        }
        debug_assert!(horizon > 0);
        self.baseline = Some(scores::mean(naive.iter()));
        self.compared = naive;
        self.table(tried, &scored, &published);
        published
    }

    fn one(
        &self,
        tried: &Tried,
        forecasts: &[Option<Vec<f64>>],
        held_out: &HeldOut<'_>,
        counted: bool,
    ) -> Score {
        let nonnegative = self.decl.nonnegative;
        let quantiles = |window: usize, step: usize| {
            let trial = tried.trials[window].as_ref()?;
            let mean = forecasts[window].as_ref()?[step];
            if counted && let Some(found) = &trial.counted {
                let mut at = found.clone();
                scores::order(mean, &mut at, nonnegative);
                return Some(at);
            }
            held_out.bounds(trial, mean, (window, step), self.probabilities, nonnegative)
        };
        scores::score(&tried.trials, forecasts, &tried.compared(), self.probabilities, &quantiles)
    }

    /// One row per series and candidate in the order of their names, then those of all.
    fn table(&mut self, tried: &[Tried], scored: &[Vec<Score>], published: &[Score]) {
        let mut all: BTreeMap<&str, (Vec<Score>, i64)> = BTreeMap::new();
        for (series, tried) in tried.iter().enumerate() {
            let label = self.panel.series[series].label.as_str();
            let chosen: Vec<usize> =
                (0..tried.names.len()).filter(|&index| tried.weights[index] > 0.0).collect();
            let combined = chosen.len() > 1;
            let mut order: Vec<usize> = (0..tried.names.len()).collect();
            order.sort_unstable_by_key(|&index| &tried.names[index]);
            for index in order {
                let name = tried.names[index].as_str();
                let weight = tried.weights[index];
                let row = scored[series][index].row(label, name, Some(weight), weight > 0.0);
                if self.panel.series[series].values.is_empty() {
                    let reason = Some("there is no value in its history".to_string());
                    self.rows.push(ModelMetricRow { reason, ..row });
                    continue;
                }
                self.rows.push(row);
                let entry = all.entry(if index == 0 { "seasonal_naive" } else { name }).or_default();
                entry.0.push(scored[series][index]);
                entry.1 += i64::from(weight > 0.0);
            }
            if combined {
                self.rows.push(published[series].row(label, "combination", Some(1.0), true));
            }
        }
        for (name, (scores, chosen)) in all {
            let score = scores::mean(scores.iter());
            self.rows.push(score.row("*", name, Some(chosen as f64), false));
        }
        self.rows.push(scores::mean(published.iter()).row(
            "*",
            "published",
            Some(published.len() as f64),
            true,
        ));
    }

    /// What decides about acceptance. Baseline and model are compared over the series that both have a MASE of.
    fn headline(&self, published: &[Score]) -> Headline {
        let both: Vec<(Score, Score)> = published
            .iter()
            .zip(&self.compared)
            .filter(|(ours, naive)| ours.mase.is_some() && naive.mase.is_some())
            .map(|(ours, naive)| (*ours, *naive))
            .collect();
        let overall = scores::mean(published.iter());
        let mase = |of: fn(&(Score, Score)) -> Option<f64>| metrics::mean(both.iter().map(of));
        let others = [
            ("smape", overall.smape),
            ("rmse", overall.rmse),
            ("mae", overall.mae),
            ("pinball", overall.pinball),
        ];
        Headline {
            metric: "mase".to_string(),
            less_is_better: true,
            value: mase(|(ours, _)| ours.mase),
            baseline: mase(|(_, naive)| naive.mase),
            coverage80: overall.coverage80,
            coverage95: overall.coverage95,
            bias: (overall.size > 0.0).then(|| overall.error / overall.size),
            others: others
                .into_iter()
                .filter_map(|(name, value)| {
                    Some((name.to_string(), value.filter(|value| value.is_finite())?))
                })
                .collect(),
        }
    }
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
    let kinds = if asked.auto { &[Kind::Theta, Kind::Mstl][..] } else { &asked.kinds };
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
    let intermittent = panel.series.iter().filter(|series| member::is_intermittent(&series.values)).count();
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
    names.into_iter().map(|name| Feature { name, importance: None, tags: String::new() }).collect()
}
