//! How good each candidate was in the backtest.

use crate::lake::system::ModelMetricRow;
use crate::learn::metrics;

use super::intervals::Calibration;
use super::trial::Trial;

/// The places of the interval bounds among the probabilities: `lo95`, `lo80`, `hi80`, `hi95`. Quantiles follow.
pub(super) const BOUNDS: [f64; 4] = [0.025, 0.1, 0.9, 0.975];

/// The scores of one candidate for one series.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Score {
    /// Windows.
    pub windows: i64,
    /// Single forecasts.
    pub evaluated: i64,
    /// See [`crate::learn::metrics`].
    pub mase: Option<f64>,
    /// The mean absolute error.
    pub mae: Option<f64>,
    /// In percent.
    pub smape: Option<f64>,
    /// In the unit of the value.
    pub rmse: Option<f64>,
    /// Forecast less actual.
    pub bias: Option<f64>,
    /// Mean pinball loss over the bounds and quantiles.
    pub pinball: Option<f64>,
    /// A share.
    pub coverage80: Option<f64>,
    /// A share.
    pub coverage95: Option<f64>,
    /// Sum of actual sizes, for a relative bias.
    pub size: f64,
    /// Sum of errors.
    pub error: f64,
}

/// What quantiles a forecast of a window has: per probability and step, the value.
pub(super) type Quantiles<'a> = dyn Fn(usize, usize) -> Option<Vec<f64>> + 'a;

/// The scores over the windows in `windows`, of forecasts per window; `quantiles(window, step)` are the bounds around the
/// mean, which did not see the window.
pub(super) fn score(
    trials: &[Option<Trial>],
    forecasts: &[Option<Vec<f64>>],
    windows: &[usize],
    probabilities: &[f64],
    quantiles: &Quantiles<'_>,
) -> Score {
    let tried: Vec<(usize, &Trial, &Vec<f64>)> = windows
        .iter()
        .filter_map(|&window| Some((window, trials[window].as_ref()?, forecasts[window].as_ref()?)))
        .collect();
    let found: Vec<_> = tried.iter().filter_map(|(_, trial, forecast)| trial.accuracy(forecast)).collect();
    let (mut inside80, mut inside95, mut bounded, mut pinball) = (0.0, 0.0, 0.0, 0.0);
    let (mut evaluated, mut size, mut error) = (0, 0.0, 0.0);
    for (window, trial, forecast) in &tried {
        for (step, (y, f)) in trial.actual.iter().zip(*forecast).enumerate().filter(|(_, (y, _))| !y.is_nan())
        {
            evaluated += 1;
            size += y.abs();
            error += f - y;
            let Some(at) = quantiles(*window, step) else { continue };
            let inside = |low: usize, high: usize| f64::from(u8::from((at[low]..=at[high]).contains(y)));
            inside95 += inside(0, 3);
            inside80 += inside(1, 2);
            bounded += 1.0;
            pinball += probabilities.iter().zip(&at).map(|(p, q)| loss(*p, *q, *y)).sum::<f64>()
                / probabilities.len() as f64;
        }
    }
    let share = |sum: f64| (bounded > 0.0).then(|| sum / bounded);
    Score {
        windows: found.len() as i64,
        evaluated,
        mase: metrics::mean(found.iter().map(|accuracy| accuracy.mase)),
        mae: metrics::mean(found.iter().map(|accuracy| Some(accuracy.absolute))),
        smape: metrics::mean(found.iter().map(|accuracy| Some(accuracy.smape))),
        rmse: metrics::mean(found.iter().map(|accuracy| Some(accuracy.squared))).map(f64::sqrt),
        bias: metrics::mean(found.iter().map(|accuracy| Some(accuracy.bias))),
        pinball: share(pinball),
        coverage80: share(inside80),
        coverage95: share(inside95),
        size,
        error,
    }
}

/// The pinball loss of a quantile: R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46 (1978), 33-50.
pub(super) fn loss(probability: f64, quantile: f64, actual: f64) -> f64 {
    if actual >= quantile {
        probability * (actual - quantile)
    } else {
        (1.0 - probability) * (quantile - actual)
    }
}

/// Bounds and quantiles around a mean: in order, with the mean between the bounds, cut at zero where below makes no
/// sense.
pub(super) fn bounds(
    mean: f64,
    probabilities: &[f64],
    offset: impl Fn(usize) -> f64,
    nonnegative: bool,
) -> Vec<f64> {
    let mut at: Vec<f64> = (0..probabilities.len()).map(|index| mean + offset(index)).collect();
    order(mean, &mut at, nonnegative);
    at
}

/// Puts bounds in order around the mean: the first four are those of [`BOUNDS`].
pub(super) fn order(mean: f64, at: &mut [f64], nonnegative: bool) {
    if nonnegative {
        at.iter_mut().for_each(|value| *value = value.max(0.0));
    }
    at[1] = at[1].min(mean);
    at[0] = at[0].min(at[1]);
    at[2] = at[2].max(mean);
    at[3] = at[3].max(at[2]);
}

/// Bounds between those of the backtest and those of counts, which weigh `share`; the mean stays between them.
pub(super) fn blend(mean: f64, at: &mut [f64], counted: &[f64], share: f64, nonnegative: bool) {
    for (value, counted) in at.iter_mut().zip(counted) {
        *value += share * (counted - *value);
    }
    order(mean, at, nonnegative);
}

/// Calibrations that did not see a window, per window, with the difficulty of one series.
pub(super) struct HeldOut<'a> {
    /// Per window.
    pub calibrations: Vec<Option<(&'a Calibration, f64)>>,
}

impl HeldOut<'_> {
    /// The bounds of a forecast.
    pub fn bounds(
        &self,
        trial: &Trial,
        mean: f64,
        (window, step): (usize, usize),
        probabilities: &[f64],
        nonnegative: bool,
    ) -> Option<Vec<f64>> {
        let (calibration, difficulty) = self.calibrations[window]?;
        let scale = trial.scale.unwrap_or(0.0);
        let offset = |index| calibration.offset(index, step, Some(difficulty), scale);
        Some(bounds(mean, probabilities, offset, nonnegative))
    }
}

/// Means over series; sums of counts.
pub(super) fn mean<'a>(scores: impl Iterator<Item = &'a Score> + Clone) -> Score {
    let mean = |of: fn(&Score) -> Option<f64>| metrics::mean(scores.clone().map(of));
    Score {
        windows: scores.clone().map(|score| score.windows).sum(),
        evaluated: scores.clone().map(|score| score.evaluated).sum(),
        mase: mean(|score| score.mase),
        mae: mean(|score| score.mae),
        smape: mean(|score| score.smape),
        rmse: mean(|score| score.rmse),
        bias: mean(|score| score.bias),
        pinball: mean(|score| score.pinball),
        coverage80: mean(|score| score.coverage80),
        coverage95: mean(|score| score.coverage95),
        size: scores.clone().map(|score| score.size).sum(),
        error: scores.clone().map(|score| score.error).sum(),
    }
}

impl Score {
    /// As a row of `twin.model_metrics`.
    pub fn row(&self, series: &str, candidate: &str, weight: Option<f64>, chosen: bool) -> ModelMetricRow {
        let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
        ModelMetricRow {
            series: series.to_string(),
            candidate: candidate.to_string(),
            windows: Some(self.windows),
            evaluated: Some(self.evaluated),
            mase: finite(self.mase),
            smape: finite(self.smape),
            rmse: finite(self.rmse),
            mae: finite(self.mae),
            bias: finite(self.bias),
            pinball: finite(self.pinball),
            coverage80: finite(self.coverage80),
            coverage95: finite(self.coverage95),
            weight,
            chosen,
            ..ModelMetricRow::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinball_loss_by_hand() {
        assert!((loss(0.9, 10.0, 12.0) - 1.8).abs() < 1e-12);
        assert!((loss(0.9, 10.0, 8.0) - 0.2).abs() < 1e-12);
    }

    #[test]
    fn bounds_keep_their_order_around_the_mean() {
        let at = bounds(1.0, &BOUNDS, |index| [-3.0, 0.5, -0.5, 0.2][index], true);
        assert_eq!(at, [0.0, 1.0, 1.0, 1.2]);
    }
}
