//! Which candidates a forecast is made from, and with which weights.
//!
//! One alone: the one with the least error over the windows in which all could forecast; the first wins a draw, and the
//! baseline is the first. Several: weights in inverse proportion to the squared error, drawn towards equal ones, as few
//! windows tell little: J. M. Bates and C. W. J. Granger, "The Combination of Forecasts", Operational Research Quarterly
//! 20 (1969), 451-468; J. Smith and K. F. Wallis, "A Simple Explanation of the Forecast Combination Puzzle", Oxford
//! Bulletin of Economics and Statistics 71 (2009), 331-355, on why equal ones are hard to beat.

use super::member::Kind;
use super::trial::{Study, Trial};

/// How much the errors count, against equal weights.
const TRUST: f64 = 0.5;
/// A candidate with so many times the least error takes no part.
const HOPELESS: f64 = 1.35;
/// A weight below this is none.
const LEAST: f64 = 0.05;

/// The weights of the candidates of a study, which sum to 1, from its windows but one.
pub(super) fn weigh(study: &Study, combine: bool, without: Option<usize>) -> Vec<f64> {
    let mut weights = vec![0.0; study.candidates.len()];
    let windows: Vec<&Trial> = study
        .trials
        .iter()
        .enumerate()
        .filter(|(window, _)| Some(*window) != without)
        .filter_map(|(_, trial)| trial.as_ref())
        .collect();
    let tried = |index: usize| windows.iter().any(|trial| trial.forecasts[index].is_some());
    let asked = |index: usize| index > 0 || study.baseline_asked;
    let able: Vec<usize> = (0..weights.len())
        .filter(|&index| asked(index) && study.fitted[index].able && tried(index))
        .collect();
    let errors = errors(&windows, &able);
    let Some(errors) = errors.filter(|_| !able.is_empty()) else {
        return untried(study, combine);
    };
    if !combine || able.len() == 1 {
        let best =
            (1..able.len()).fold(0, |best, next| if errors[next] < errors[best] { next } else { best });
        weights[able[best]] = 1.0;
        return weights;
    }
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let limit = HOPELESS * least;
    let hopeful: Vec<usize> = (0..able.len()).filter(|&index| errors[index] <= limit).collect();
    let inverse = |index: &usize| {
        let relative = errors[*index] / least;
        if least > 0.0 { 1.0 / (relative * relative) } else { 1.0 }
    };
    let sum: f64 = hopeful.iter().map(inverse).sum();
    for index in &hopeful {
        let equal = 1.0 / hopeful.len() as f64;
        weights[able[*index]] = TRUST * inverse(index) / sum + (1.0 - TRUST) * equal;
    }
    tidy(&mut weights);
    weights
}

/// Leaves out what hardly counts, and makes the rest sum to 1.
fn tidy(weights: &mut [f64]) {
    weights.iter_mut().filter(|weight| **weight < LEAST).for_each(|weight| *weight = 0.0);
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
}

/// The mean error of each of these candidates over the windows in which all of them could forecast: scaled where all
/// windows have a scale, absolute otherwise. `None` where there is no such window.
fn errors(windows: &[&Trial], able: &[usize]) -> Option<Vec<f64>> {
    let all = windows.iter().map(|trial| {
        let of = |&index: &usize| trial.accuracy(trial.forecasts[index].as_deref()?);
        able.iter().map(of).collect::<Option<Vec<_>>>()
    });
    let common: Vec<_> = all.flatten().collect();
    if common.is_empty() {
        return None;
    }
    let scaled = common.iter().flatten().all(|accuracy| accuracy.mase.is_some());
    let count = common.len() as f64;
    let error = |place: usize| {
        let of = common.iter().map(|window| {
            let accuracy = &window[place];
            if scaled { accuracy.mase.unwrap_or(accuracy.absolute) } else { accuracy.absolute }
        });
        of.sum::<f64>() / count
    };
    Some((0..able.len()).map(error).collect())
}

/// Where nothing could be tried: what is trusted in general if it can be had, otherwise the baseline.
fn untried(study: &Study, combine: bool) -> Vec<f64> {
    let mut weights = vec![0.0; study.candidates.len()];
    let trusted = |kind: Kind| matches!(kind, Kind::Theta | Kind::Sba | Kind::Tsb | Kind::Counts);
    let able: Vec<usize> = (1..weights.len())
        .filter(|&index| {
            let candidate = study.candidates[index];
            combine && study.fitted[index].able && trusted(candidate.kind) && !candidate.explained
        })
        .collect();
    if able.is_empty() {
        weights[0] = 1.0;
    } else {
        able.iter().for_each(|&index| weights[index] = 1.0 / able.len() as f64);
    }
    weights
}

/// What the weights make of forecasts: those that are missing leave their weight to the others. `None` where all are.
pub(super) fn mix(forecasts: &[Option<Vec<f64>>], weights: &[f64]) -> Option<Vec<f64>> {
    let known: Vec<(&Vec<f64>, f64)> = forecasts
        .iter()
        .zip(weights)
        .filter(|(_, weight)| **weight > 0.0)
        .filter_map(|(forecast, weight)| Some((forecast.as_ref()?, *weight)))
        .collect();
    let total: f64 = known.iter().map(|(_, weight)| weight).sum();
    let (first, _) = known.first()?;
    if known.len() == 1 {
        return Some((*first).clone());
    }
    let step =
        |step: usize| known.iter().map(|(forecast, weight)| weight * forecast[step]).sum::<f64>() / total;
    Some((0..first.len()).map(step).collect())
}
