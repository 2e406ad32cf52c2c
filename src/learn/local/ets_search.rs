//! Finding the parameters of one form of exponential smoothing.

use std::cell::RefCell;

use super::ets_filter::{Smoothing, States, run};
use super::ets_form::{Form, Season, Trend};
use super::seasonal::{Composition, Seasonality, Shrinkage};
use super::simplex::{Options, minimise};

/// The usual region (Hyndman and others, 2008), kept a little inside: alpha; beta as a part of alpha; gamma as a
/// part of one less alpha.
const PARTS: (f64, f64) = (1e-4, 0.9999);
/// How much of the trend is left after each step.
const DAMPING: (f64, f64) = (0.8, 0.98);
/// Where parameters are looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    /// The most beta may be, as a part of alpha.
    beta: f64,
    /// The most gamma may be, as a part of one less alpha.
    gamma: f64,
    /// How far first level and trend may be from the heuristic ones, in units of the uncertainty of those.
    initial: f64,
}

impl Region {
    /// All of the usual region.
    #[cfg(test)]
    pub const USUAL: Region = Region { beta: PARTS.1, gamma: PARTS.1, initial: 5.0 };
    /// Slow trends, which forecast better: likelihood alone takes a few surprises for a change of trend. The caps of beta
    /// and of the initial states were chosen on rolling origins inside the training parts of the M3 and M1 competitions;
    /// a cap of gamma made no difference there, so it has the usual one.
    pub const CAUTIOUS: Region = Region { beta: 0.15, gamma: PARTS.1, initial: 1.0 };
}

/// Mean squares below this, in units of the scale, are rounding.
const ROUNDING: f64 = 1e-26;

/// The first seasonal states of a history, and the history without them.
#[derive(Clone, Debug)]
pub(super) struct Seasonals {
    indices: Vec<f64>,
    adjusted: Option<Vec<f64>>,
}

impl Seasonals {
    /// By classical decomposition; none without a season. `None` where the history is too short.
    pub fn of(scaled: &[f64], season: usize, kind: Season) -> Option<Seasonals> {
        let composition = match kind {
            Season::None => return Some(Seasonals { indices: Vec::new(), adjusted: None }),
            Season::Additive => Composition::Additive,
            Season::Multiplicative => Composition::Multiplicative,
        };
        let found = Seasonality::classical(scaled, season, composition, Shrinkage::None)?;
        let least = if kind == Season::Multiplicative { 0.01 } else { f64::NEG_INFINITY };
        let indices = found.indices().iter().map(|index| index.max(least)).collect();
        Some(Seasonals { indices, adjusted: Some(found.remove(scaled)) })
    }

    /// No season yet, where one is expected.
    pub fn neutral(season: usize, kind: Season) -> Seasonals {
        let neutral = if kind == Season::Multiplicative { 1.0 } else { 0.0 };
        Seasonals { indices: vec![neutral; season], adjusted: None }
    }

    /// One for each phase.
    pub fn indices(&self) -> &[f64] {
        &self.indices
    }
}

/// What a search found.
pub(super) struct Found {
    /// The smoothing parameters.
    pub smoothing: Smoothing,
    /// The states before the first value.
    pub initial: States,
    /// Minus twice the concentrated log likelihood, but for a constant.
    pub deviance: f64,
}

/// One history, in units of its scale, with the first seasonal states.
pub(super) struct Search<'a> {
    scaled: &'a [f64],
    seasonals: Seasonals,
}

impl<'a> Search<'a> {
    /// Of that history.
    pub fn new(scaled: &'a [f64], seasonals: Seasonals) -> Self {
        Search { scaled, seasonals }
    }

    /// The first seasonal states.
    pub fn seasonal(&self) -> &[f64] {
        self.seasonals.indices()
    }

    /// First level and trend from the mean or the regression line of the first values without their season.
    pub fn heuristic(&self, trend: Trend) -> States {
        self.initial(trend).0
    }

    /// The heuristic states, and by how much they may be wrong.
    fn initial(&self, trend: Trend) -> (States, States) {
        let adjusted = self.seasonals.adjusted.as_deref().unwrap_or(self.scaled);
        let first = &adjusted[..adjusted.len().min(10.max(2 * self.seasonals.indices.len()))];
        let n = first.len() as f64;
        let mean = first.iter().sum::<f64>() / n.max(1.0);
        let middle = (n + 1.0) / 2.0;
        let (mut products, mut squares) = (0.0, 0.0);
        for (t, value) in first.iter().enumerate() {
            let from = (t + 1) as f64 - middle;
            products += from * (value - mean);
            squares += from * from;
        }
        let slope = if trend == Trend::None || squares == 0.0 { 0.0 } else { products / squares };
        let level = mean - slope * middle;
        let rest =
            first.iter().enumerate().map(|(t, value)| (value - level - slope * (t + 1) as f64).powi(2));
        let deviation = (rest.sum::<f64>() / n.max(1.0)).sqrt().max(1e-6);
        (States { level, trend: slope }, States { level: deviation, trend: 0.2 * deviation })
    }

    fn deviance(&self, form: Form, smoothing: Smoothing, initial: States, seasonal: &mut [f64]) -> f64 {
        seasonal.copy_from_slice(&self.seasonals.indices);
        let run = run(form, smoothing, initial, seasonal, self.scaled, |_| {});
        let n = self.scaled.len() as f64;
        let logarithms = if form.multiplicative_error { 2.0 * run.logarithms } else { 0.0 };
        n * (run.squares / n).max(ROUNDING).ln() + n * n.ln() + logarithms
    }

    /// The most likely parameters of a form, looked for near those of another where given.
    pub fn fit(&self, form: Form, region: Region, near: Option<(Smoothing, States, Form)>) -> Option<Found> {
        let (centre, unit) = self.initial(form.trend);
        let layout = Layout { form, region, centre, unit };
        let seasonal = RefCell::new(self.seasonals.indices.clone());
        let objective = |x: &[f64]| {
            let (smoothing, initial) = layout.read(x);
            self.deviance(form, smoothing, initial, &mut seasonal.borrow_mut())
        };
        let bounds = layout.bounds();
        let (start, step, evaluations) = match near {
            Some(near) => (layout.start_near(near), 0.05, 60 * bounds.len()),
            None => (layout.start(&objective), 0.1, 100 * bounds.len()),
        };
        let options = Options { step, tolerance: 1e-5, evaluations };
        let found = minimise(objective, &start, &bounds, options);
        let (smoothing, initial) = layout.read(&found.at);
        found.value.is_finite().then_some(Found { smoothing, initial, deviance: found.value })
    }
}

/// Where each parameter is among the coordinates: alpha, [beta, [phi]], [gamma], level, [trend].
struct Layout {
    form: Form,
    region: Region,
    centre: States,
    unit: States,
}

impl Layout {
    fn bounds(&self) -> Vec<(f64, f64)> {
        let mut bounds = vec![PARTS];
        if self.form.trend != Trend::None {
            bounds.push((PARTS.0, self.region.beta));
        }
        if self.form.trend == Trend::Damped {
            bounds.push(DAMPING);
        }
        if self.form.season != Season::None {
            bounds.push((PARTS.0, self.region.gamma));
        }
        let initial = (-self.region.initial, self.region.initial);
        bounds.push(initial);
        if self.form.trend != Trend::None {
            bounds.push(initial);
        }
        bounds
    }

    #[inline]
    fn read(&self, x: &[f64]) -> (Smoothing, States) {
        let mut rest = x.iter().copied();
        let mut next = || rest.next().unwrap_or(0.0);
        let alpha = next();
        let beta = if self.form.trend == Trend::None { 0.0 } else { alpha * next() };
        let phi = if self.form.trend == Trend::Damped { next() } else { 1.0 };
        let gamma = if self.form.season == Season::None { 0.0 } else { (1.0 - alpha) * next() };
        let level = self.centre.level + self.unit.level * next();
        let trend =
            if self.form.trend == Trend::None { 0.0 } else { self.centre.trend + self.unit.trend * next() };
        (Smoothing { alpha, beta, gamma, phi }, States { level, trend })
    }

    fn write(
        &self,
        alpha: f64,
        beta_part: f64,
        gamma_part: f64,
        phi: f64,
        level: f64,
        trend: f64,
    ) -> Vec<f64> {
        let mut x = vec![alpha];
        if self.form.trend != Trend::None {
            x.push(beta_part);
        }
        if self.form.trend == Trend::Damped {
            x.push(phi);
        }
        if self.form.season != Season::None {
            x.push(gamma_part);
        }
        x.push(level);
        if self.form.trend != Trend::None {
            x.push(trend);
        }
        x
    }

    /// The best of a few alphas, with slow trends and seasons.
    fn start(&self, objective: &impl Fn(&[f64]) -> f64) -> Vec<f64> {
        let at = |alpha: f64| self.write(alpha, 0.1, 0.05, 0.97, 0.0, 0.0);
        let mut best = at(0.1);
        let mut least = objective(&best);
        for alpha in [0.3, 0.6, 0.9] {
            let x = at(alpha);
            let value = objective(&x);
            if value < least {
                (best, least) = (x, value);
            }
        }
        best
    }

    /// Where a similar form ended. A part it does not have starts slow; states centred elsewhere start anew.
    fn start_near(&self, (smoothing, initial, form): (Smoothing, States, Form)) -> Vec<f64> {
        let Smoothing { alpha, beta, gamma, phi } = smoothing;
        let both_trend = form.trend != Trend::None && self.form.trend != Trend::None;
        let same_trend = both_trend || form.trend == self.form.trend;
        let beta_part = if both_trend { beta / alpha } else { 0.1 };
        let gamma_part = if form.season == Season::None { 0.05 } else { gamma / (1.0 - alpha) };
        let phi = if form.trend == Trend::Damped { phi } else { 0.97 };
        let level = if same_trend { (initial.level - self.centre.level) / self.unit.level } else { 0.0 };
        let trend = if both_trend { (initial.trend - self.centre.trend) / self.unit.trend } else { 0.0 };
        self.write(alpha, beta_part, gamma_part, phi, level, trend)
    }
}
