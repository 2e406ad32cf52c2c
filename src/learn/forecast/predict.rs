//! Predictions from what was learned, for the rows as they are now.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::error::Result;
use crate::learn::hierarchy::{self, Base, Hierarchy, Method};
use crate::learn::learner::{Data, Predicted};
use crate::learn::metrics;
use crate::project::ForecastDecl;
use crate::project::model::Reconcile;

use super::member::{self, Kind, Pattern};
use super::panel::{Panel, Reading};
use super::parameters::{Learned, Parameters};
use super::scores;
use super::train::{mean_size, recent};
use super::trial::{clip, counted, outside, without};
use super::tried::group;
use super::weights::mix;
use super::{analogues, drivers, intervals, shifts, table};

/// The forecast of one series.
#[derive(Clone, Debug, Default)]
pub(super) struct Ahead {
    /// Per step; empty where there is none.
    pub mean: Vec<f64>,
    /// Per step, a value per probability; `None` where nothing tells how the series varies.
    pub bounds: Vec<Option<Vec<f64>>>,
    /// What made it.
    pub model: String,
    /// Its members with their weights.
    pub members: String,
    /// Per step, what makes it up.
    pub drivers: Vec<String>,
    /// Where the intervals come from.
    source: Source,
    /// Per step, what each regressor adds, with its column.
    effects: Vec<Vec<(usize, f64)>>,
    /// The mean before reconciliation.
    base: Vec<f64>,
}

/// Where intervals come from.
#[derive(Clone, Debug, Default, PartialEq)]
enum Source {
    /// What the backtest got wrong; the difficulty of the series, where it took part.
    Backtest(Option<f64>),
    /// A random walk.
    #[default]
    Walk,
}

/// Predicts from parameters.
///
/// # Errors
/// As [`Parameters::read`] and [`Panel::read`].
pub(super) fn predict(parameters: &str, data: &Data, decl: &ForecastDecl) -> Result<Predicted> {
    let learned = Parameters::read(parameters)?;
    let reading = Reading { frequency: Some(learned.frequency), bare: false };
    let mut panel = Panel::read(data, decl, reading)?;
    shifts::settle(&mut panel);
    let panel = panel;
    let groups = analogues::groups(&panel, decl);
    let mut ahead: Vec<Ahead> = (0..panel.series.len())
        .into_par_iter()
        .map(|series| base(&panel, &learned, series, &groups[series], decl))
        .collect();
    reconcile(&panel, &learned, &mut ahead, decl)?;
    ahead.par_iter_mut().enumerate().for_each(|(series, one)| {
        bounds(&panel, &learned, series, one, decl);
        if !one.mean.is_empty() {
            one.drivers = drivers::texts(&panel, series, &one.mean, &one.base, &one.effects);
        }
    });
    let absent = panel.series.iter().zip(&ahead).filter(|(_, one)| one.mean.is_empty());
    let absent = absent
        .map(|(series, _)| (series.label.clone(), "there is no value in its history".to_string()))
        .collect();
    Ok(Predicted { rows: table::rows(&panel, &ahead, decl)?, absent })
}

/// The forecast of one series by itself.
fn base(panel: &Panel, learned: &Parameters, series: usize, group: &str, decl: &ForecastDecl) -> Ahead {
    let values = &panel.series[series].values;
    if values.is_empty() {
        return Ahead {
            model: "none".to_string(),
            drivers: vec![String::new(); decl.horizon],
            bounds: vec![None; decl.horizon],
            ..Ahead::default()
        };
    }
    let known = learned.series.get(&panel.series[series].label);
    let mut found = known
        .and_then(|known| automatically(panel, learned, known, series, decl))
        .or_else(|| {
            let known = known.filter(|known| !known.members.is_empty())?;
            by_members(panel, learned, known, series, decl)
        })
        .or_else(|| by_analogue(learned, values, group, decl))
        .unwrap_or_else(|| by_baseline(panel, values, known, decl));
    clip(&mut found.mean, decl.nonnegative, values);
    found.base = found.mean.clone();
    found
}

fn automatically(
    panel: &Panel,
    learned: &Parameters,
    known: &Learned,
    series: usize,
    decl: &ForecastDecl,
) -> Option<Ahead> {
    let values = recent(&panel.series[series].values, panel);
    let shared = learned.automatic.as_ref()?;
    let found = shared.forecast(known.automatic.as_ref()?, values, decl.horizon);
    let mean = found.mean?;
    if mean.len() != decl.horizon || mean.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let parts = shared.members().iter().zip(&found.members).zip(&found.weights);
    let used: Vec<(String, f64)> = parts
        .filter(|((_, forecast), weight)| forecast.is_some() && **weight > 0.0)
        .map(|((member, _), weight)| (member.name().to_string(), *weight))
        .collect();
    let (model, members) = told(&used);
    let source = Source::Backtest(known.difficulty);
    Some(Ahead { mean, model, members, source, ..Ahead::default() })
}

fn by_members(
    panel: &Panel,
    learned: &Parameters,
    known: &Learned,
    series: usize,
    decl: &ForecastDecl,
) -> Option<Ahead> {
    let (values, horizon) = (&panel.series[series].values, decl.horizon);
    let outside = outside(panel, series);
    // Regressors that are not those of the training cannot be used.
    let labels = panel.regressors.iter().map(|regressor| regressor.label());
    let regression = known.regression.as_ref().filter(|_| labels.eq(learned.regressors.iter().cloned()));
    let left = regression.map(|regression| without(values, regression, outside));
    let effects =
        regression.map(|regression| regression.effects(outside, values.len()..values.len() + horizon));
    let forecast = |weighed: &super::parameters::Weighed| -> Option<Vec<f64>> {
        let candidate = weighed.candidate;
        let mut ahead = if candidate.kind.shared() {
            learned.shared.forecast(candidate.kind, values, known.unit, panel.end + 1, horizon)?
        } else {
            let history = if candidate.explained { left.as_deref()? } else { values };
            let seasons = (panel.season, &panel.seasons[..]);
            weighed.member.as_ref()?.forecast(candidate.kind, history, seasons, horizon)?
        };
        if candidate.explained {
            ahead.iter_mut().zip(effects.as_ref()?).for_each(|(value, effect)| *value += effect);
        }
        clip(&mut ahead, decl.nonnegative, values);
        ahead.iter().all(|value| value.is_finite()).then_some(ahead)
    };
    let forecasts: Vec<Option<Vec<f64>>> = known.members.iter().map(forecast).collect();
    let weights: Vec<f64> = known.members.iter().map(|weighed| weighed.weight).collect();
    let mean = mix(&forecasts, &weights)?;
    let total: f64 = forecasts.iter().zip(&weights).filter(|(f, _)| f.is_some()).map(|(_, w)| w).sum();
    let used = || known.members.iter().zip(&forecasts).filter(|(_, forecast)| forecast.is_some());
    let names: Vec<(String, f64)> = used()
        .map(|(weighed, _)| {
            let candidate = weighed.candidate;
            let name = match candidate.kind {
                Kind::SeasonalNaive if !candidate.explained => {
                    member::baseline_kind(values.len(), panel.season).name().to_string()
                }
                _ => candidate.name(),
            };
            (name, weighed.weight)
        })
        .collect();
    let explained: f64 = used().filter(|(w, _)| w.candidate.explained).map(|(w, _)| w.weight / total).sum();
    let effects = match regression.filter(|_| explained > 0.0) {
        None => Vec::new(),
        Some(regression) => (values.len()..values.len() + horizon)
            .map(|at| {
                let parts = regression.parts(outside, at).into_iter();
                parts.map(|(column, effect)| (column, explained * effect)).collect()
            })
            .collect(),
    };
    let naive = names.len() == 1 && names[0].0 == Kind::Naive.name() && values.len() < panel.season;
    let source = if naive { Source::Walk } else { Source::Backtest(known.difficulty) };
    let (model, members) = told(&names);
    Some(Ahead { mean, model, members, source, effects, ..Ahead::default() })
}

/// How people read what made a forecast, and its parts with their shares.
fn told(used: &[(String, f64)]) -> (String, String) {
    let total: f64 = used.iter().map(|(_, weight)| weight).sum();
    let members: Vec<String> =
        used.iter().map(|(name, weight)| format!("{name}:{:.2}", weight / total)).collect();
    let model = if let [(only, _)] = used { only.clone() } else { "combination".to_string() };
    (model, members.join(" "))
}

fn by_analogue(learned: &Parameters, values: &[f64], group: &str, decl: &ForecastDecl) -> Option<Ahead> {
    let analogue = decl.analogue.as_ref().filter(|analogue| values.len() < analogue.below)?;
    debug_assert!(analogue.below > 0);
    let mean = analogues::forecast(&learned.analogues, group, values, decl.horizon)?;
    let name = Kind::Analogue.name().to_string();
    Some(Ahead { mean, members: format!("{name}:1.00"), model: name, ..Ahead::default() })
}

/// What can be said of a series that was not there, or cannot be forecast as learned.
fn by_baseline(panel: &Panel, values: &[f64], known: Option<&Learned>, decl: &ForecastDecl) -> Ahead {
    let kind = member::baseline_kind(values.len(), panel.season);
    let source = match kind {
        Kind::SeasonalNaive => Source::Backtest(known.and_then(|known| known.difficulty)),
        _ => Source::Walk,
    };
    let mean = member::baseline(values, panel.season, decl.horizon);
    let name = kind.name().to_string();
    Ahead { mean, members: format!("{name}:1.00"), model: name, source, ..Ahead::default() }
}

/// The intervals around the mean.
fn bounds(panel: &Panel, learned: &Parameters, series: usize, one: &mut Ahead, decl: &ForecastDecl) {
    let own = &panel.series[series];
    let values = &own.values;
    if one.mean.is_empty() {
        return;
    }
    let probabilities = &learned.probabilities;
    let known = learned.series.get(&own.label);
    let pattern = Pattern::of(values);
    let name = known.map_or_else(|| group(own.level, pattern), |known| known.group.clone());
    let found = learned.groups.get(&name);
    let share = found.map_or(0.0, |group| group.counts);
    let counts = match pattern {
        Pattern::Steady => None,
        _ => counted(values, panel, probabilities).filter(|_| share > 0.0),
    };
    let steady = || learned.groups.get(&group(own.level, Pattern::Steady));
    let calibration = found.or_else(steady).and_then(|group| group.calibration.as_ref());
    let scale = scale(panel, learned, values);
    let (season, length) = (panel.season, values.len());
    let difficulty = match one.source {
        Source::Backtest(difficulty) => Some(difficulty),
        _ => None,
    };
    let at = |(step, mean): (usize, &f64)| {
        // Reconciliation moves the distribution of counts with its mean.
        let moved = mean - one.base[step];
        let moved =
            counts.as_ref().map(|counts| counts.iter().map(|count| count + moved).collect::<Vec<f64>>());
        let Some(scale) = scale else {
            let mut at = moved?;
            scores::order(*mean, &mut at, decl.nonnegative);
            return Some(at);
        };
        let offset = |index: usize| match (calibration, difficulty) {
            (Some(calibration), Some(difficulty)) => calibration.offset(index, step, difficulty, scale),
            _ => {
                let reach = member::reach(length, season, step + 1);
                intervals::random_walk(probabilities[index], scale, reach)
            }
        };
        let mut at = scores::bounds(*mean, probabilities, offset, decl.nonnegative);
        if let Some(moved) = moved {
            scores::blend(*mean, &mut at, &moved, share, decl.nonnegative);
        }
        at.iter().all(|value| value.is_finite()).then_some(at)
    };
    one.bounds = one.mean.iter().enumerate().map(at).collect();
}

/// A typical change; 0 for what never changed in a season or more; borrowed from the others for what is shorter.
fn scale(panel: &Panel, learned: &Parameters, values: &[f64]) -> Option<f64> {
    metrics::scale(values, panel.season).or_else(|| {
        if values.len() > panel.season.max(2) {
            return Some(0.0);
        }
        learned.relative_scale.map(|relative| relative * mean_size(values)).filter(|scale| scale.is_finite())
    })
}

/// Makes the levels of a hierarchy add up.
fn reconcile(panel: &Panel, learned: &Parameters, ahead: &mut [Ahead], decl: &ForecastDecl) -> Result<()> {
    let method = match decl.reconcile {
        Reconcile::None => return Ok(()),
        Reconcile::BottomUp => Method::BottomUp,
        Reconcile::Mint => Method::MinTShrink,
        Reconcile::Wls => Method::WlsVariance,
        Reconcile::Ols => Method::Ols,
    };
    let hierarchy = hierarchy_of(panel)?;
    // A series without any value adds nothing to a sum.
    let forecast = |one: &Ahead| if one.mean.is_empty() { vec![0.0; decl.horizon] } else { one.mean.clone() };
    let forecasts: Vec<Vec<f64>> = ahead.iter().map(forecast).collect();
    let errors: Vec<Vec<f64>> = panel
        .series
        .iter()
        .map(|series| {
            let known = learned.series.get(&series.label).map_or(&[][..], |known| &known.errors);
            known.iter().map(|error| error.unwrap_or(f64::NAN)).collect()
        })
        .collect();
    let longest = errors.iter().map(Vec::len).max().unwrap_or(0);
    let errors: Vec<Vec<f64>> = errors
        .into_iter()
        .map(|mut errors| {
            errors.resize(longest, f64::NAN);
            errors
        })
        .collect();
    let errors = if longest == 0 { Vec::new() } else { errors };
    let nonnegative =
        decl.nonnegative || panel.series.iter().all(|series| series.values.iter().all(|value| *value >= 0.0));
    let base = Base { forecasts: &forecasts, errors: &errors };
    let found = hierarchy::reconcile(&hierarchy, base, method, nonnegative)?;
    for (one, mean) in ahead.iter_mut().zip(found.forecasts) {
        if !one.mean.is_empty() {
            one.mean = mean;
        }
    }
    Ok(())
}

/// The hierarchy of the panel's series: its keys are the places of the series on each level, so that its order is ours.
fn hierarchy_of(panel: &Panel) -> Result<Hierarchy> {
    let depth = panel.series.last().map_or(0, |series| series.level as usize);
    let lowest: Vec<usize> =
        (0..panel.series.len()).filter(|&s| panel.series[s].level as usize == depth).collect();
    let mut parent: BTreeMap<usize, usize> = BTreeMap::new();
    for (series, children) in panel.children.iter().enumerate() {
        children.clone().for_each(|child| {
            parent.insert(child, series);
        });
    }
    let keys: Vec<Vec<String>> = lowest
        .iter()
        .map(|&series| {
            let mut path = vec![format!("{series:010}")];
            let mut at = series;
            while let Some(&above) = parent.get(&at) {
                path.push(format!("{above:010}"));
                at = above;
            }
            // The total is no column.
            path.pop();
            path.reverse();
            path
        })
        .collect();
    let groupings: Vec<Vec<usize>> = (1..depth).map(|level| (0..level).collect()).collect();
    Hierarchy::new(&keys, &groupings)
}
