//! What a study comes down to: the choice, and what it would have published.

use crate::project::ForecastDecl;

use super::intervals::Residuals;
use super::member::{self, Pattern};
use super::parameters::{Learned, Weighed};
use super::scores::{self, Score};
use super::trial::{Plan, Study, Trial};
use super::weights;

/// What is left of a study: what is published, and the scores of the others.
#[derive(Debug)]
pub(super) struct Tried {
    /// The names of the candidates; the baseline first.
    pub names: Vec<String>,
    /// Per window.
    pub trials: Vec<Option<Trial>>,
    /// The weights of the candidates.
    pub weights: Vec<f64>,
    /// Per window, what the choice of the other windows would have published.
    pub published: Vec<Option<Vec<f64>>>,
    /// What is kept.
    pub learned: Learned,
    /// Whether the candidates can forecast.
    able: Vec<bool>,
    /// The scores of the candidates whose forecasts were not kept.
    pub plain: Vec<Score>,
}

/// Chooses, and leaves of a study what is needed.
pub(super) fn reduce(
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
        group: group(own.level, study.pattern),
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
    pub fn forecasts(&self, candidate: usize) -> Vec<Option<Vec<f64>>> {
        self.trials.iter().map(|trial| trial.as_ref()?.forecasts.get(candidate)?.clone()).collect()
    }

    /// The windows in which all that can forecast the end could; or all it took part in.
    pub fn compared(&self) -> Vec<usize> {
        let took = |window: &usize| self.trials[*window].is_some();
        let all = |window: &usize| {
            self.trials[*window].as_ref().is_some_and(|trial| {
                trial.forecasts.iter().zip(&self.able).all(|(forecast, able)| !able || forecast.is_some())
            })
        };
        let both: Vec<usize> = (0..self.trials.len()).filter(all).collect();
        if both.is_empty() { (0..self.trials.len()).filter(took).collect() } else { both }
    }

    /// What a candidate got wrong, in units of the scale.
    pub fn residuals(&self, forecasts: &[Option<Vec<f64>>]) -> Residuals {
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
pub(super) fn group(level: i32, pattern: Pattern) -> String {
    match pattern {
        Pattern::Steady => level.to_string(),
        Pattern::Erratic => format!("{level} erratic"),
        Pattern::Intermittent => format!("{level} intermittent"),
    }
}
