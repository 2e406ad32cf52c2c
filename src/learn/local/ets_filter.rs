//! The recursion of exponential smoothing, compiled once for each form.
//!
//! R. J. Hyndman, A. B. Koehler, J. K. Ord and R. D. Snyder, "Forecasting with Exponential Smoothing: The State Space
//! Approach" (2008). Additive and multiplicative errors have the same states and point forecasts; they
//! differ in what is summed: errors, or errors relative to the forecasts.

use serde::{Deserialize, Serialize};

use super::ets_form::{Form, Season, Trend};

/// A forecast this small, in units of the scale, cannot be divided by.
const TINY: f64 = 1e-8;

/// How quickly each state follows the values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Smoothing {
    /// Of the level.
    pub alpha: f64,
    /// Of the trend; zero without one.
    pub beta: f64,
    /// Of the season; zero without one.
    pub gamma: f64,
    /// What is left of the trend after each step; one if it is not damped.
    pub phi: f64,
}

/// Level and trend; the season is kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct States {
    /// The level.
    pub level: f64,
    /// The trend; zero without one.
    pub trend: f64,
}

/// What a run leaves behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The sum of squared (relative, if the form's errors are) errors; infinite where the states became impossible.
    pub squares: f64,
    /// The sum of the logarithms of the forecasts, for multiplicative errors; else zero.
    pub logarithms: f64,
    /// The states after the last value.
    pub states: States,
}

/// Runs over the values, updating `seasonal` (one state for each phase, the first value's first; empty without a season)
/// and showing each one-step forecast to `each`.
pub(super) fn run(
    form: Form,
    smoothing: Smoothing,
    states: States,
    seasonal: &mut [f64],
    values: &[f64],
    each: impl FnMut(f64),
) -> Run {
    let trend = form.trend != Trend::None;
    match (form.multiplicative_error, trend, form.season) {
        (false, false, Season::None) => of::<false, false, 0>(smoothing, states, seasonal, values, each),
        (false, false, Season::Additive) => of::<false, false, 1>(smoothing, states, seasonal, values, each),
        (false, false, Season::Multiplicative) => {
            of::<false, false, 2>(smoothing, states, seasonal, values, each)
        }
        (false, true, Season::None) => of::<false, true, 0>(smoothing, states, seasonal, values, each),
        (false, true, Season::Additive) => of::<false, true, 1>(smoothing, states, seasonal, values, each),
        (false, true, Season::Multiplicative) => {
            of::<false, true, 2>(smoothing, states, seasonal, values, each)
        }
        (true, false, Season::None) => of::<true, false, 0>(smoothing, states, seasonal, values, each),
        (true, false, Season::Additive) => of::<true, false, 1>(smoothing, states, seasonal, values, each),
        (true, false, Season::Multiplicative) => {
            of::<true, false, 2>(smoothing, states, seasonal, values, each)
        }
        (true, true, Season::None) => of::<true, true, 0>(smoothing, states, seasonal, values, each),
        (true, true, Season::Additive) => of::<true, true, 1>(smoothing, states, seasonal, values, each),
        (true, true, Season::Multiplicative) => {
            of::<true, true, 2>(smoothing, states, seasonal, values, each)
        }
    }
}

fn of<const RELATIVE: bool, const TREND: bool, const SEASON: u8>(
    smoothing: Smoothing,
    states: States,
    seasonal: &mut [f64],
    values: &[f64],
    mut each: impl FnMut(f64),
) -> Run {
    let mut inner = Inner::<RELATIVE, TREND, SEASON> {
        smoothing,
        level: states.level,
        trend: states.trend,
        squares: 0.0,
        logarithms: 0.0,
        product: 1.0,
    };
    let mut possible = true;
    if SEASON == 0 {
        let mut none = 0.0;
        for value in values {
            possible &= inner.step(*value, &mut none, &mut each);
        }
    } else {
        for year in values.chunks(seasonal.len().max(1)) {
            for (value, season) in year.iter().zip(seasonal.iter_mut()) {
                possible &= inner.step(*value, season, &mut each);
            }
        }
    }
    let possible = possible && inner.squares.is_finite() && inner.level.is_finite();
    Run {
        squares: if possible { inner.squares } else { f64::INFINITY },
        logarithms: inner.logarithms + inner.product.ln(),
        states: States { level: inner.level, trend: inner.trend },
    }
}

struct Inner<const RELATIVE: bool, const TREND: bool, const SEASON: u8> {
    smoothing: Smoothing,
    level: f64,
    trend: f64,
    squares: f64,
    logarithms: f64,
    /// Of the forecasts whose logarithms are still to be added: one logarithm serves many.
    product: f64,
}

impl<const RELATIVE: bool, const TREND: bool, const SEASON: u8> Inner<RELATIVE, TREND, SEASON> {
    /// False where a forecast is too small to divide by.
    #[inline(always)]
    fn step(&mut self, value: f64, season: &mut f64, each: &mut impl FnMut(f64)) -> bool {
        let Smoothing { alpha, beta, gamma, phi } = self.smoothing;
        let damped = phi * self.trend;
        let base = if TREND { self.level + damped } else { self.level };
        let forecast = match SEASON {
            0 => base,
            1 => base + *season,
            _ => base * *season,
        };
        each(forecast);
        let error = value - forecast;
        if RELATIVE {
            let relative = error / forecast;
            self.squares += relative * relative;
            self.product *= forecast.abs();
            if !(1e-100..1e100).contains(&self.product) {
                self.logarithms += self.product.ln();
                self.product = 1.0;
            }
        } else {
            self.squares += error * error;
        }
        let surprise = if SEASON == 2 { error / *season } else { error };
        self.level = base + alpha * surprise;
        if TREND {
            self.trend = damped + beta * surprise;
        }
        match SEASON {
            0 => {}
            1 => *season += gamma * error,
            _ => *season += gamma * error / base,
        }
        (!RELATIVE || forecast > TINY) && (SEASON != 2 || (base > TINY && *season > TINY))
    }
}
