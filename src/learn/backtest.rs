//! Rolling origins: what each candidate would have forecast, had it been asked then.
//!
//! All origins are periods of the shared calendar. At each, a candidate sees the periods before it and nothing else,
//! of its own or any other series. A series takes part where it has two seasons of history before the origin.

use crate::error::Result;

use super::baseline;
use super::global::Global;
use super::metrics::{self, Accuracy};
use super::panel::Panel;

/// A way to forecast that takes part in the backtest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Candidate {
    /// The seasonal naive.
    Baseline,
    /// The elastic net over all series.
    Global,
}

/// One series at one origin.
#[derive(Debug)]
pub(super) struct Trial {
    /// What then happened; NaN where it was not observed.
    pub actual: Vec<f64>,
    /// A typical change of the history before the origin; `None` where it never changed.
    pub scale: Option<f64>,
    seasonal_error: Option<f64>,
    baseline: Vec<f64>,
    global: Option<Vec<f64>>,
}

impl Trial {
    /// What the candidate forecast, if it could.
    pub fn forecast(&self, candidate: Candidate) -> Option<&[f64]> {
        match candidate {
            Candidate::Baseline => Some(&self.baseline),
            Candidate::Global => self.global.as_deref(),
        }
    }

    /// How wrong it was.
    pub fn accuracy(&self, candidate: Candidate) -> Option<Accuracy> {
        metrics::accuracy(&self.actual, self.forecast(candidate)?, self.seasonal_error)
    }
}

/// Every series at every origin.
#[derive(Debug)]
pub(super) struct Backtest {
    /// Per series, per window (oldest first).
    pub trials: Vec<Vec<Option<Trial>>>,
    global: Global,
    windows: usize,
}

impl Backtest {
    /// Learns and forecasts at `windows` origins, and learns once more from everything.
    ///
    /// # Errors
    /// As [`Global::learn`].
    pub fn run(panel: &Panel, horizon: usize, windows: usize, nonnegative: bool) -> Result<Backtest> {
        let mut origins = origins(panel, horizon, windows);
        origins.push(panel.end + 1);
        let global = Global::learn(panel, &origins, horizon)?;
        let clip = |mut forecast: Vec<f64>| {
            clip(&mut forecast, nonnegative);
            forecast
        };
        let trial = |series: usize, window: usize| {
            let origin = origins[window];
            let history = panel.before(series, origin);
            if history.len() < (2 * panel.season).max(3) {
                return None;
            }
            let all = &panel.series[series];
            let test = history.len()..history.len() + horizon;
            let observed = all.values[test.clone()].iter().zip(&all.observed[test]);
            Some(Trial {
                actual: observed.map(|(&value, &seen)| if seen { value } else { f64::NAN }).collect(),
                scale: metrics::scale(history, panel.season),
                seasonal_error: metrics::seasonal_error(history, panel.season),
                baseline: clip(baseline::forecast(history, panel.season, horizon)),
                global: global.forecast(panel, series, (window, origin), horizon).map(clip),
            })
        };
        let trials = (0..panel.series.len())
            .map(|series| (0..windows).map(|window| trial(series, window)).collect())
            .collect();
        Ok(Backtest { trials, global, windows })
    }

    /// The global model's forecast of what comes after the panel's end.
    pub fn future(&self, panel: &Panel, series: usize, horizon: usize) -> Option<Vec<f64>> {
        self.global.forecast(panel, series, (self.windows, panel.end + 1), horizon)
    }

    /// The windows over which the candidates of a series are compared: those where both could forecast, or all it took
    /// part in where the global model never could.
    pub fn compared(&self, series: usize) -> Vec<usize> {
        let taken = |candidate: Candidate| -> Vec<usize> {
            let trials = self.trials[series].iter().enumerate();
            let scored = trials
                .filter(|(_, trial)| trial.as_ref().is_some_and(|trial| trial.accuracy(candidate).is_some()));
            scored.map(|(window, _)| window).collect()
        };
        let both = taken(Candidate::Global);
        if both.is_empty() { taken(Candidate::Baseline) } else { both }
    }
}

/// Cuts what is below zero where that makes no sense.
pub(super) fn clip(forecast: &mut [f64], nonnegative: bool) {
    if nonnegative {
        forecast.iter_mut().for_each(|value| *value = value.max(0.0));
    }
}

/// The first periods of the test windows, ascending. The last window ends with the panel. Windows lie a horizon apart,
/// or closer where the series of median length would otherwise have less than two seasons before the first.
fn origins(panel: &Panel, horizon: usize, windows: usize) -> Vec<i64> {
    let mut lengths: Vec<usize> = panel.series.iter().map(|series| series.values.len()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    let room = median.saturating_sub(horizon + 2 * panel.season);
    let spacing = (room / windows.saturating_sub(1).max(1)).clamp(1, horizon);
    let last = panel.end + 1 - horizon as i64;
    (0..windows).rev().map(|back| last - (back * spacing) as i64).collect()
}
