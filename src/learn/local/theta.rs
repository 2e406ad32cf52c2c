//! The Theta method and its dynamic and optimised forms.
//!
//! V. Assimakopoulos and K. Nikolopoulos, International Journal of Forecasting 16 (2000), 521-530; the state space forms:
//! J. A. Fiorucci, T. R. Pellegrini, F. Louzada, F. Petropoulos and A. B. Koehler, International Journal of Forecasting
//! 32 (2016), 1151-1161. The forecast is a level, smoothed exponentially, plus a weighted part of a line:
//! `level + (1 - 1/theta) ((1 - alpha)^t A + (1 - (1 - alpha)^(t + 1)) / alpha B)`, where the line `A + B t` is the
//! regression on all of the history (standard) or on what came before (dynamic).
//!
//! Given `alpha`, the sum of squared errors is quadratic in the first level and in the weight `1 - 1/theta`: both are
//! solved for exactly, and only `alpha` is searched for.

use serde::{Deserialize, Serialize};

use super::seasonal::{Composition, Seasonality, Shrinkage, is_seasonal};
use super::{finite, scale_of};

const ALPHAS: (f64, f64) = (0.1, 0.99);
/// Points of the first, coarse search for alpha.
const GRID: usize = 16;
/// What draws an undetermined first level to its usual place: next to nothing.
const RIDGE: f64 = 1e-6;

/// Which of the four.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::learn) enum ThetaForm {
    /// Theta is two, the line is that of all of the history.
    Standard,
    /// Theta is estimated.
    Optimised,
    /// Theta is two, the line is updated with each value.
    DynamicStandard,
    /// Theta is estimated, the line is updated with each value.
    DynamicOptimised,
}

impl ThetaForm {
    /// All four.
    #[cfg(test)]
    pub const ALL: [ThetaForm; 4] =
        [Self::Standard, Self::Optimised, Self::DynamicStandard, Self::DynamicOptimised];

    fn is_dynamic(self) -> bool {
        matches!(self, Self::DynamicStandard | Self::DynamicOptimised)
    }

    fn is_optimised(self) -> bool {
        matches!(self, Self::Optimised | Self::DynamicOptimised)
    }
}

/// What is fitted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct ThetaSettings {
    /// Which of the four.
    pub form: ThetaForm,
    /// What is done with the seasonal indices.
    pub shrinkage: Shrinkage,
    /// An estimated theta is drawn towards two as if that many further values had said so; zero is the paper's method,
    /// whose theta is often extreme in short histories. The usual half was chosen on rolling origins inside the training
    /// parts of the M3 and M1 competitions, as the least that is better there in both.
    pub prior: f64,
}

impl Default for ThetaSettings {
    fn default() -> Self {
        ThetaSettings { form: ThetaForm::DynamicOptimised, shrinkage: Shrinkage::JamesStein, prior: 0.5 }
    }
}

/// A fitted Theta model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Theta {
    settings: ThetaSettings,
    season: usize,
    /// How the season was removed, if it was.
    composition: Option<Composition>,
    alpha: f64,
    /// `1 - 1/theta`.
    weight: f64,
    /// The level before the first value, in units of the scale.
    level: f64,
    scale: f64,
    /// The first value of the history: another one means that the first level does not belong.
    first: f64,
}

impl Theta {
    /// Fits the dynamic optimised form with the usual settings. `None` for less than four values, or where one is not
    /// finite.
    pub fn fit(history: &[f64], season: usize) -> Option<Theta> {
        Theta::fit_as(history, season, ThetaSettings::default())
    }

    /// Fits as told. `None` as in [`fit`](Theta::fit).
    pub fn fit_as(history: &[f64], season: usize, settings: ThetaSettings) -> Option<Theta> {
        let ThetaSettings { form, shrinkage, .. } = settings;
        let scale = scale_of(history)?;
        if history.len() < 4 {
            return None;
        }
        let scaled: Vec<f64> = history.iter().map(|value| value / scale).collect();
        let seasonality =
            is_seasonal(&scaled, season).then(|| Seasonality::suited(&scaled, season, shrinkage));
        let seasonality = seasonality.flatten();
        let adjusted = seasonality.as_ref().map_or(scaled.clone(), |found| found.remove(&scaled));
        let lines = lines(&adjusted, form);
        let whole = |alpha| profile(&adjusted, &lines, alpha, settings);
        let (alpha, solved) = search(whole, ALPHAS, GRID)?;
        Some(Theta {
            settings,
            season,
            composition: seasonality.map(|found| found.composition()),
            alpha,
            weight: solved.weight,
            level: solved.level,
            scale,
            first: history[0],
        })
    }

    /// Fits the same form again, looking for alpha near the one known.
    pub fn warm(&self, history: &[f64]) -> Option<Theta> {
        let scale = scale_of(history)?;
        if history.len() < 4 {
            return None;
        }
        let adjusted = self.adjusted(history, scale).1;
        let lines = lines(&adjusted, self.settings.form);
        let whole = |alpha| profile(&adjusted, &lines, alpha, self.settings);
        let near = ((self.alpha - 0.1).max(ALPHAS.0), (self.alpha + 0.1).min(ALPHAS.1));
        let (alpha, solved) = search(whole, near, 3)?;
        let first = history[0];
        Some(Theta { alpha, weight: solved.weight, level: solved.level, scale, first, ..self.clone() })
    }

    /// Runs the model over a history with the parameters it has, and forecasts that many steps.
    pub fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let last = history.last().copied().unwrap_or(self.first);
        let (seasonality, mut states) = self.run(history, |_| {});
        let ahead = (0..horizon).map(|step| {
            let mean = states.predict(self);
            states.observe(mean, self);
            let mean = seasonality.as_ref().map_or(mean, |found| found.restore(mean, history.len() + step));
            finite(mean * self.scale, last)
        });
        ahead.collect()
    }

    /// The forecasts of each value of a history from those before it.
    #[cfg(test)]
    pub fn fitted(&self, history: &[f64]) -> Vec<f64> {
        let mut means = Vec::with_capacity(history.len());
        let (seasonality, _) = self.run(history, |mean| means.push(mean));
        for (t, mean) in means.iter_mut().enumerate() {
            let seasonal = seasonality.as_ref().map_or(*mean, |found| found.restore(*mean, t));
            *mean = finite(seasonal * self.scale, history[t.saturating_sub(1)]);
        }
        means
    }

    /// Theta itself; infinite where all of the line is used.
    #[cfg(test)]
    pub fn theta(&self) -> f64 {
        1.0 / (1.0 - self.weight)
    }

    /// The smoothing parameter.
    #[cfg(test)]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The history in units of `scale`, and without its season if the model has one.
    fn adjusted(&self, history: &[f64], scale: f64) -> (Option<Seasonality>, Vec<f64>) {
        let scaled: Vec<f64> = history.iter().map(|value| value / scale).collect();
        let seasonality =
            self.composition.and_then(|_| Seasonality::suited(&scaled, self.season, self.settings.shrinkage));
        let adjusted = seasonality.as_ref().map(|found| found.remove(&scaled));
        (seasonality, adjusted.unwrap_or(scaled))
    }

    fn run(&self, history: &[f64], mut each: impl FnMut(f64)) -> (Option<Seasonality>, States) {
        let (seasonality, adjusted) = self.adjusted(history, self.scale);
        let line = if self.settings.form.is_dynamic() { (0.0, 0.0) } else { regression(&adjusted) };
        let known = history.first() == Some(&self.first);
        let level = if known { self.level } else { start(&adjusted, self.weight) };
        let mut states = States { level, mean: 0.0, line, decay: 1.0, t: 0 };
        for value in adjusted {
            each(states.predict(self));
            states.observe(value, self);
        }
        (seasonality, states)
    }
}

/// Where the recursion stands after `t` values.
struct States {
    level: f64,
    mean: f64,
    line: (f64, f64),
    /// `(1 - alpha)^t`.
    decay: f64,
    t: usize,
}

impl States {
    fn predict(&self, model: &Theta) -> f64 {
        self.level + model.weight * drift(self.line, self.decay, model.alpha)
    }

    fn observe(&mut self, value: f64, model: &Theta) {
        self.level += model.alpha * (value - self.level);
        self.decay *= 1.0 - model.alpha;
        self.t += 1;
        if model.settings.form.is_dynamic() {
            self.line = updated(self.line, &mut self.mean, value, self.t as f64);
        }
    }
}

fn drift((intercept, slope): (f64, f64), decay: f64, alpha: f64) -> f64 {
    decay * intercept + (1.0 - decay * (1.0 - alpha)) / alpha * slope
}

/// The line of the first `t` values from that of the first `t - 1` and their mean, which is updated too.
fn updated((_, slope): (f64, f64), mean: &mut f64, value: f64, t: f64) -> (f64, f64) {
    let before = *mean;
    *mean += (value - before) / t;
    let slope = if t < 2.0 { 0.0 } else { ((t - 2.0) * slope + 6.0 * (value - before) / t) / (t + 1.0) };
    (*mean - slope * (t + 1.0) / 2.0, slope)
}

/// Intercept and slope of the least squares line over `t = 1, 2, ..`.
fn regression(history: &[f64]) -> (f64, f64) {
    let (mut line, mut mean) = ((0.0, 0.0), 0.0);
    for (t, value) in history.iter().enumerate() {
        line = updated(line, &mut mean, *value, (t + 1) as f64);
    }
    line
}

/// The line that the forecast of each value uses.
fn lines(history: &[f64], form: ThetaForm) -> Vec<(f64, f64)> {
    if !form.is_dynamic() {
        return vec![regression(history); history.len()];
    }
    let (mut line, mut mean) = ((0.0, 0.0), 0.0);
    let each = history.iter().enumerate().map(|(t, value)| {
        let before = line;
        line = updated(line, &mut mean, *value, (t + 1) as f64);
        before
    });
    each.collect()
}

/// Where the first level is without further knowledge: what the line leaves of the first value.
fn start(history: &[f64], weight: f64) -> f64 {
    history.first().map_or(0.0, |first| first * (1.0 - weight))
}

/// What is best for one alpha.
#[derive(Clone, Copy)]
struct Solved {
    squares: f64,
    level: f64,
    weight: f64,
}

/// The first level and the weight that minimise the sum of squared errors for that alpha. The first three errors do not
/// count unless there are few, because the line is not yet known.
fn profile(history: &[f64], lines: &[(f64, f64)], alpha: f64, settings: ThetaSettings) -> Solved {
    let ThetaSettings { form, prior, .. } = settings;
    let skipped = if history.len() < 8 { 1 } else { 3 };
    let (mut level, mut decay) = (0.0, 1.0);
    let (mut dd, mut dc, mut cc, mut de, mut ce, mut ee) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (t, (value, line)) in history.iter().zip(lines).enumerate() {
        if t >= skipped {
            let drift = drift(*line, decay, alpha);
            let error = value - level;
            dd += decay * decay;
            dc += decay * drift;
            cc += drift * drift;
            de += decay * error;
            ce += drift * error;
            ee += error * error;
        }
        level += alpha * (value - level);
        decay *= 1.0 - alpha;
    }
    // The ridge keeps a first level that hardly matters where it would be without further knowledge.
    let (usual, ddr) = (start(history, 0.5), dd + RIDGE);
    let der = de + RIDGE * usual;
    let mut weight = 0.5;
    let pull = prior * cc / history.len() as f64;
    if form.is_optimised() {
        let determinant = (cc + pull) * ddr - dc * dc;
        let estimate = ((ce + 0.5 * pull) * ddr - dc * der) / determinant;
        weight = if determinant > 1e-12 * cc * dd { estimate.clamp(0.0, 1.0) } else { 0.5 };
    }
    let level = (der - weight * dc) / ddr;
    let squares = ee + level * level * dd + weight * weight * cc
        - 2.0 * (level * de + weight * ce - level * weight * dc)
        + pull * (weight - 0.5) * (weight - 0.5);
    Solved { squares: squares.max(0.0), level, weight }
}

/// The argument with the least squares: the best of a grid, refined by golden sections between its neighbours.
fn search(whole: impl Fn(f64) -> Solved, (low, high): (f64, f64), grid: usize) -> Option<(f64, Solved)> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let step = (high - low) / (grid - 1) as f64;
    let mut best = (low, whole(low));
    let mut take = |alpha: f64| {
        let solved = whole(alpha);
        if solved.squares < best.1.squares {
            best = (alpha, solved);
        }
        (solved.squares, best)
    };
    let mut centre = low;
    for point in 1..grid {
        centre = take(low + step * point as f64).1.0;
    }
    let (mut left, mut right) = ((centre - step).max(low), (centre + step).min(high));
    let mut inner = (right - GOLDEN * (right - left), left + GOLDEN * (right - left));
    let mut values = (take(inner.0).0, take(inner.1).0);
    while right - left > 1e-4 {
        if values.0 <= values.1 {
            (right, inner.1, values.1) = (inner.1, inner.0, values.0);
            inner.0 = right - GOLDEN * (right - left);
            values.0 = take(inner.0).0;
        } else {
            (left, inner.0, values.0) = (inner.0, inner.1, values.1);
            inner.1 = left + GOLDEN * (right - left);
            values.1 = take(inner.1).0;
        }
    }
    (best.1.squares.is_finite() && best.1.level.is_finite()).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::super::seasonal::tests::AIR_PASSENGERS;
    use super::*;

    /// As in the paper: no shrinking, no prior.
    fn plain(history: &[f64], season: usize, form: ThetaForm) -> Theta {
        let settings = ThetaSettings { form, shrinkage: Shrinkage::None, prior: 0.0 };
        Theta::fit_as(history, season, settings).unwrap()
    }

    fn close(found: &[f64], expected: &[f64], tolerance: f64) {
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < tolerance * b.abs();
        assert!(found.iter().zip(expected).all(near), "{found:?}");
    }

    #[test]
    fn airline_passengers_agree_with_the_reference() {
        // Theta, OptimizedTheta, DynamicTheta and DynamicOptimizedTheta of statsforecast 2.1, whose search ends early.
        let expected = [
            [440.969195, 429.249242, 490.693187, 476.65992, 480.631038, 546.455544],
            [442.942532, 432.231016, 495.307935, 482.308003, 487.494847, 555.580947],
            [440.774114, 429.061861, 490.483268, 476.461291, 480.436984, 546.242775],
            [442.927195, 432.298401, 495.482454, 482.575341, 487.865993, 556.121586],
        ];
        for (form, expected) in ThetaForm::ALL.into_iter().zip(expected) {
            close(&plain(&AIR_PASSENGERS, 12, form).forecast(&AIR_PASSENGERS, 6), &expected, 2e-3);
        }
        let alpha = plain(&AIR_PASSENGERS, 12, ThetaForm::Standard).alpha();
        assert!((alpha - 0.753_967).abs() < 5e-3, "{alpha}");
    }

    #[test]
    fn a_short_yearly_series_agrees_with_the_reference() {
        // Series N0001 of the M3 competition; statsforecast 2.1 as above.
        let history = [
            940.66, 1084.86, 1244.98, 1445.02, 1683.17, 2038.15, 2342.52, 2602.45, 2927.87, 3103.96, 3360.27,
            3807.63, 4387.88, 4936.99,
        ];
        let expected = [
            [5081.056531, 5229.176476, 5377.296421, 5525.416366, 5673.536311, 5821.656256],
            [5230.672057, 5526.911372, 5823.150687, 6119.390002, 6415.629318, 6711.868633],
            [5081.056531, 5232.895085, 5385.493861, 5537.120885, 5686.737543, 5833.735066],
            [5230.623247, 5538.026543, 5852.821435, 6172.691356, 6496.123835, 6822.106805],
        ];
        for (form, expected) in ThetaForm::ALL.into_iter().zip(expected) {
            close(&plain(&history, 1, form).forecast(&history, 6), &expected, 1e-3);
        }
    }

    #[test]
    fn a_prior_draws_theta_towards_two() {
        let of = |prior| {
            let settings = ThetaSettings { prior, ..ThetaSettings::default() };
            Theta::fit_as(&AIR_PASSENGERS, 12, settings).unwrap().theta()
        };
        assert!(of(0.0) >= of(3.0) && of(3.0) >= of(1e3) && of(1e3) > 2.0);
        assert!((of(1e9) - 2.0).abs() < 1e-3);
    }

    #[test]
    fn a_warm_fit_ends_where_a_cold_one_does() {
        let warm = Theta::fit(&AIR_PASSENGERS[..140], 12).unwrap().warm(&AIR_PASSENGERS).unwrap();
        let cold = Theta::fit(&AIR_PASSENGERS, 12).unwrap();
        close(&warm.forecast(&AIR_PASSENGERS, 6), &cold.forecast(&AIR_PASSENGERS, 6), 1e-3);
    }
}
