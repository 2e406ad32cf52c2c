//! Complex exponential smoothing, its form chosen by the corrected Akaike criterion.
//!
//! I. Svetunkov, N. Kourentzes and K. Ord, "Complex exponential smoothing", Naval Research Logistics 69 (2022),
//! 1108-1123; the seasonal forms: I. Svetunkov and N. Kourentzes, "Complex exponential smoothing for seasonal time
//! series", Lancaster University Management School working paper 2018:1. A level and a hidden component that carries
//! what the errors taught are smoothed with one complex number `a0 + i a1`:
//!
//! ```text
//! y(t) = l(t-1) + e(t)
//! l(t) = l(t-1) - (1 - a1) c(t-1) + (a0 - a1) e(t)
//! c(t) = l(t-1) + (1 - a0) c(t-1) + (a0 + a1) e(t)
//! ```
//!
//! so that one form covers level and trend alike. The simple seasonal form has one such pair for each place in the
//! season; the partial form adds a real seasonal component, the full form a complex one. Only parameters under which
//! old values are forgotten (all eigenvalues of the discount matrix within the unit circle) are allowed. The states at
//! the beginning are found by running the recursion over the history forwards and backwards.

use serde::{Deserialize, Serialize};

use super::simplex::{self, Options};
use super::unit::{Scaled, last_finite, recent};

/// Which components are seasonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learn) enum CesForm {
    /// None is.
    None,
    /// Level and hidden component are, and nothing else is there.
    Simple,
    /// A real seasonal component beside them.
    Partial,
    /// A complex seasonal component beside them.
    Full,
}

impl CesForm {
    /// How many of `[a0, a1, b0, b1]` the form uses.
    fn parameters(self) -> usize {
        match self {
            CesForm::None | CesForm::Simple => 2,
            CesForm::Partial => 3,
            CesForm::Full => 4,
        }
    }

    fn start(self) -> &'static [f64] {
        match self {
            CesForm::None | CesForm::Simple => &[1.3, 1.0],
            CesForm::Partial => &[1.3, 1.0, 0.1],
            CesForm::Full => &[1.3, 1.0, 1.3, 1.0],
        }
    }

    /// As published: nothing but that old values are forgotten, for which these bounds leave room. Tighter ones for `a1`
    /// were not better on rolling origins inside the training parts of both the M3 and the M1 competition.
    fn bounds(self) -> &'static [(f64, f64)] {
        match self {
            CesForm::None | CesForm::Simple => &[(0.01, 1.99), (0.01, 1.99)],
            CesForm::Partial => &[(0.01, 1.99), (0.01, 1.99), (0.0, 0.99)],
            CesForm::Full => &[(0.01, 1.99); 4],
        }
    }
}

/// A fitted form with its parameters; the states follow from the history it is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Ces {
    form: CesForm,
    season: usize,
    /// `a0, a1`, then of the seasonal component `b0, b1` (zero where there is none).
    smoothing: [f64; 4],
    /// The corrected Akaike criterion of the fit, up to a constant that all forms share.
    criterion: f64,
}

/// Level and hidden component, and those of each place in the season.
#[derive(Clone)]
struct States {
    level: [f64; 2],
    seasonal: Vec<[f64; 2]>,
}

impl Ces {
    /// The best of the forms the history allows: seasonal ones need two seasons. `None` below four values, or where all
    /// are equal or one is not finite.
    pub fn fit(history: &[f64], season: usize) -> Option<Ces> {
        let history = recent(history, season);
        let scaled = Scaled::new(history)?;
        let seasonal: &[CesForm] = match season {
            2.. if history.len() > 2 * season => &[CesForm::Simple, CesForm::Partial, CesForm::Full],
            _ => &[],
        };
        let forms = std::iter::once(&CesForm::None).chain(seasonal);
        let fits = forms.filter_map(|form| Ces::fit_form(&scaled.values, season, *form, form.start()));
        fits.min_by(|one, other| one.criterion.total_cmp(&other.criterion))
    }

    /// The same form, its parameters sought from where these are.
    pub fn warm(&self, history: &[f64]) -> Option<Ces> {
        let history = recent(history, self.season);
        let scaled = Scaled::new(history)?;
        let allowed = self.form == CesForm::None || history.len() > 2 * self.season;
        let start = &self.smoothing[..self.form.parameters()];
        allowed.then(|| Ces::fit_form(&scaled.values, self.season, self.form, start))?
    }

    fn fit_form(values: &[f64], season: usize, form: CesForm, start: &[f64]) -> Option<Ces> {
        let parameters = form.parameters();
        let (count, used) = (values.len() as f64, parameters as f64 + 1.0);
        if count - used - 1.0 <= 0.0 || values.windows(2).all(|pair| pair[0] == pair[1]) {
            return None;
        }
        let season = if form == CesForm::None { 1 } else { season };
        let begin = States::begin(values, season, form);
        let mut states = begin.clone();
        let objective = |point: &[f64]| {
            let mut smoothing = [0.0; 4];
            smoothing[..parameters].copy_from_slice(point);
            if !stable(form, season, &smoothing) {
                return f64::MAX;
            }
            states.clone_from(&begin);
            let squares = settle(&mut states, form, &smoothing, values);
            let loss = (squares / count).ln();
            if loss.is_nan() { f64::MAX } else { loss.clamp(-700.0, f64::MAX) }
        };
        let found = simplex::minimise(objective, start, form.bounds(), Options::default());
        if found.value.is_nan() || found.value >= f64::MAX {
            return None;
        }
        let mut smoothing = [0.0; 4];
        smoothing[..parameters].copy_from_slice(&found.at);
        let criterion = count * found.value + 2.0 * used + 2.0 * used * (used + 1.0) / (count - used - 1.0);
        Some(Ces { form, season, smoothing, criterion })
    }

    /// Which components are seasonal.
    #[cfg(test)]
    pub fn form(&self) -> CesForm {
        self.form
    }

    /// Runs the fitted recursion over the history and forecasts; `horizon` finite values.
    pub fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let Some(scaled) = Scaled::new(history) else { return last_finite(history, horizon) };
        let values = &scaled.values;
        let mut states = States::begin(values, self.season, self.form);
        settle(&mut states, self.form, &self.smoothing, values);
        let mut forecast = Vec::with_capacity(horizon);
        for step in history.len()..history.len() + horizon {
            let place = step % self.season;
            forecast.push(states.expected(self.form, place));
            states.advance(self.form, &self.smoothing, place, 0.0);
        }
        scaled.back(forecast)
    }

    /// What the recursion expected of each value of the history just before it.
    #[cfg(test)]
    pub fn fitted(&self, history: &[f64]) -> Vec<f64> {
        let Some(scaled) = Scaled::new(history) else { return last_finite(history, history.len()) };
        let values = &scaled.values;
        let mut states = States::begin(values, self.season, self.form);
        backcast(&mut states, self.form, &self.smoothing, values);
        let mut fitted = Vec::with_capacity(history.len());
        for (step, value) in values.iter().enumerate() {
            let place = step % self.season;
            let expected = states.expected(self.form, place);
            fitted.push(expected);
            states.advance(self.form, &self.smoothing, place, value - expected);
        }
        scaled.back(fitted)
    }
}

impl States {
    /// A first guess: means of the first values, and their deviations by place in the season.
    fn begin(values: &[f64], season: usize, form: CesForm) -> States {
        // The hidden component is near the level where both are at rest and `a0` is near one.
        let pair = |level: f64| [level, level / 1.1];
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let first = &values[..values.len().min(if form == CesForm::None { 10 } else { season })];
        let level = mean(first);
        let place = |place: usize| {
            let value = first.get(place).copied().unwrap_or(level);
            match form {
                CesForm::None => [0.0; 2],
                CesForm::Simple => pair(value),
                CesForm::Partial => [value - level, 0.0],
                CesForm::Full => pair(value - level),
            }
        };
        States { level: pair(level), seasonal: (0..season).map(place).collect() }
    }

    fn expected(&self, form: CesForm, place: usize) -> f64 {
        match form {
            CesForm::None => self.level[0],
            CesForm::Simple => self.seasonal[place][0],
            CesForm::Partial | CesForm::Full => self.level[0] + self.seasonal[place][0],
        }
    }

    fn advance(&mut self, form: CesForm, smoothing: &[f64; 4], place: usize, error: f64) {
        let [a0, a1, b0, b1] = *smoothing;
        match form {
            CesForm::None => turn(&mut self.level, a0, a1, error),
            CesForm::Simple => turn(&mut self.seasonal[place], a0, a1, error),
            CesForm::Partial => {
                turn(&mut self.level, a0, a1, error);
                self.seasonal[place][0] += b0 * error;
            }
            CesForm::Full => {
                turn(&mut self.level, a0, a1, error);
                turn(&mut self.seasonal[place], b0, b1, error);
            }
        }
    }
}

fn turn([level, hidden]: &mut [f64; 2], a0: f64, a1: f64, error: f64) {
    let before = *level;
    *level = before - (1.0 - a1) * *hidden + (a0 - a1) * error;
    *hidden = before + (1.0 - a0) * *hidden + (a0 + a1) * error;
}

/// One run over the values; the sum of squared errors.
fn run<'a>(
    states: &mut States,
    form: CesForm,
    smoothing: &[f64; 4],
    values: impl Iterator<Item = (usize, &'a f64)>,
) -> f64 {
    let (season, mut squares) = (states.seasonal.len(), 0.0);
    for (step, value) in values {
        let place = step % season;
        let error = value - states.expected(form, place);
        squares += error * error;
        states.advance(form, smoothing, place, error);
    }
    squares
}

/// Takes the states to what they should have been before the first value.
fn backcast(states: &mut States, form: CesForm, smoothing: &[f64; 4], values: &[f64]) {
    run(states, form, smoothing, values.iter().enumerate());
    run(states, form, smoothing, values.iter().enumerate().rev());
}

/// Takes the states from a guess before the first value to what they are after the last; the sum of squared errors.
fn settle(states: &mut States, form: CesForm, smoothing: &[f64; 4], values: &[f64]) -> f64 {
    backcast(states, form, smoothing, values);
    run(states, form, smoothing, values.iter().enumerate())
}

/// Whether old values are forgotten.
///
/// With `B` the backward shift, the errors are `e = y / (1 + C(B))`, where `C` sums the components' transfer functions;
/// the roots of its numerator must lie outside the unit circle.
fn stable(form: CesForm, season: usize, smoothing: &[f64; 4]) -> bool {
    let [a0, a1, b0, b1] = *smoothing;
    match form {
        CesForm::None | CesForm::Simple => inside(discounted(a0, a1)),
        CesForm::Partial if b0 == 0.0 => inside(discounted(a0, a1)),
        CesForm::Partial | CesForm::Full => {
            let (level, moved) = (plain(a0, a1), transfer(a0, a1));
            let (seasonal, shaped) = match form {
                CesForm::Partial => ([1.0, -1.0, 0.0], [0.0, b0, 0.0]),
                _ => (plain(b0, b1), transfer(b0, b1)),
            };
            let mut polynomial = vec![0.0; 2 * season + 3];
            for lag in 0..3 {
                for place in 0..3 {
                    polynomial[lag + place * season] += level[lag] * seasonal[place]
                        + moved[lag] * seasonal[place]
                        + level[lag] * shaped[place];
                }
            }
            forgets(&mut polynomial)
        }
    }
}

/// `det(I - F B)` of a complex component.
fn plain(a0: f64, a1: f64) -> [f64; 3] {
    [1.0, a0 - 2.0, 2.0 - a0 - a1]
}

/// `det(I - F B)` times the transfer function `w (I - F B)^-1 g B`.
fn transfer(a0: f64, a1: f64) -> [f64; 3] {
    let (g0, g1) = (a0 - a1, a0 + a1);
    [0.0, g0, -(1.0 - a0) * g0 - (1.0 - a1) * g1]
}

/// `det(I - D B)` of a complex component that stands alone, `D` the discount matrix.
fn discounted(a0: f64, a1: f64) -> [f64; 3] {
    let (plain, transfer) = (plain(a0, a1), transfer(a0, a1));
    [1.0, plain[1] + transfer[1], plain[2] + transfer[2]]
}

/// Whether the roots of a quadratic in the backward shift lie outside the unit circle.
fn inside([_, first, second]: [f64; 3]) -> bool {
    second.abs() < 1.0 && first.abs() < 1.0 + second
}

/// The same of any degree: all partial autocorrelations of the equivalent autoregression are below one in size (J.
/// Durbin, Review of the International Statistical Institute 28 (1960), 233-244).
pub(super) fn forgets(polynomial: &mut Vec<f64>) -> bool {
    while polynomial.len() > 1 {
        let last = polynomial.len() - 1;
        let reflection = polynomial[last] / polynomial[0];
        // What is no number counts as unstable.
        if reflection.is_nan() || reflection.abs() >= 1.0 {
            return false;
        }
        if reflection != 0.0 {
            let shrink = 1.0 - reflection * reflection;
            for low in 1..=last / 2 {
                let high = last - low;
                let (one, other) = (polynomial[low], polynomial[high]);
                polynomial[low] = (one - reflection * other) / shrink;
                if high != low {
                    polynomial[high] = (other - reflection * one) / shrink;
                }
            }
        }
        polynomial.truncate(last);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::local::arima_order::tests::PASSENGERS;

    fn with(form: CesForm, smoothing: [f64; 4]) -> Ces {
        Ces { form, season: if form == CesForm::None { 1 } else { 12 }, smoothing, criterion: 0.0 }
    }

    #[test]
    fn given_parameters_forecast_as_the_reference() {
        // statsforecast 2.1, ces.cesmodel(AirPassengers, 12, form, 1.3, 1.02, b0), steps 1, 6 and 13.
        let cases = [
            (CesForm::None, 0.0, [485.20752396727187, 522.1680031835356, 580.3556948341554], 1e-9),
            (CesForm::Partial, 0.3, [483.3581045610945, 628.5717875903769, 613.9569439887845], 0.02),
        ];
        for (form, b0, wanted, tolerance) in cases {
            let forecast = with(form, [1.3, 1.02, b0, 0.0]).forecast(&PASSENGERS, 13);
            for (step, wanted) in [0, 5, 12].into_iter().zip(wanted) {
                assert!(
                    (forecast[step] / wanted - 1.0).abs() < tolerance,
                    "{form:?} {step} {} {wanted}",
                    forecast[step]
                );
            }
        }
    }

    #[test]
    fn the_chosen_form_follows_season_and_trend() {
        let (history, future) = PASSENGERS.split_at(132);
        let fit = Ces::fit(history, 12).unwrap();
        assert_ne!(fit.form(), CesForm::None);
        let forecast = fit.forecast(history, 12);
        let error =
            forecast.iter().zip(future).map(|(got, wanted)| (got / wanted - 1.0).abs()).sum::<f64>() / 12.0;
        assert!(error < 0.06, "{error}");
        let warm = fit.warm(&PASSENGERS).unwrap();
        assert_eq!(warm.form(), fit.form());
    }

    #[test]
    fn allowed_parameters_forget_and_others_are_refused() {
        assert!(stable(CesForm::None, 1, &[1.3, 1.0, 0.0, 0.0]));
        assert!(!stable(CesForm::None, 1, &[2.5, 1.0, 0.0, 0.0]));
        assert!(stable(CesForm::Partial, 12, &[1.3, 1.0, 0.1, 0.0]));
        assert!(!stable(CesForm::Partial, 12, &[1.99, 1.1, 0.99, 0.0]));
        // (1 - 0.5 B)(1 - 0.8 B), and the same with a root within the circle.
        assert!(forgets(&mut vec![1.0, -1.3, 0.4]) && !forgets(&mut vec![1.0, -1.7, 0.6]));
    }

    #[test]
    fn odd_histories_are_refused_or_give_finite_values() {
        for history in &super::super::tests::odd_histories(&PASSENGERS) {
            for season in [0, 1, 4, 12] {
                let always = with(CesForm::Full, [1.3, 1.0, 1.3, 1.0]);
                let none = with(CesForm::None, [1.3, 1.0, 0.0, 0.0]);
                for model in Ces::fit(history, season).into_iter().chain([always, none]) {
                    let forecast = |seen: &[f64], horizon| model.forecast(seen, horizon);
                    super::super::tests::are_finite(history, forecast);
                    assert!(model.fitted(history).iter().all(|value| value.is_finite()));
                }
            }
        }
        assert!(Ces::fit(&[7.0; 40], 4).is_none() && Ces::fit(&[1.0, 2.0, 3.0], 1).is_none());
    }

    #[test]
    fn the_unit_of_the_history_does_not_matter_and_saving_loses_nothing() {
        let fit = Ces::fit(&PASSENGERS, 12).unwrap();
        let thousands: Vec<f64> = PASSENGERS.iter().map(|value| value * 1024.0).collect();
        let scaled = Ces::fit(&thousands, 12).unwrap();
        assert_eq!(scaled, fit);
        let saved: Ces = serde_json::from_str(&serde_json::to_string(&fit).unwrap()).unwrap();
        assert_eq!(saved.forecast(&PASSENGERS, 24), fit.forecast(&PASSENGERS, 24));
    }
}
