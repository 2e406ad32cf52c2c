//! Several seasons at once: decomposition, then each part by its own means.
//!
//! K. Bandara, R. J. Hyndman and C. Bergmeir, "MSTL: A Seasonal-Trend Decomposition Algorithm for Time Series with
//! Multiple Seasonal Patterns", arXiv:2107.13462 (2021). Every season is carried forward as it was last; what remains,
//! trend and remainder together, goes to a forecaster that need not know of seasons.

use serde::{Deserialize, Serialize};
use stlrs::Mstl as Decomposition;

use super::unit::{Scaled, last_finite};

/// A forecaster of what has no season: history and horizon to as many values, or `None` where it cannot.
pub(in crate::learn) type Trend<'a> = dyn Fn(&[f64], usize) -> Option<Vec<f64>> + 'a;

/// The most values of a history that are decomposed, and the most seasons: older ones tell little of the next.
const RECENT: (usize, usize) = (60_000, 120);

/// The seasons of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Mstl {
    /// Ascending.
    seasons: Vec<usize>,
}

/// A history in parts, whose sums it is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Parts {
    /// One for each season, in ascending order of the seasons.
    pub seasonal: Vec<Vec<f64>>,
    /// What has no season: trend and remainder.
    pub adjusted: Vec<f64>,
}

impl Mstl {
    /// The seasons the history allows: of at least two values, of which it holds two whole ones. `None` where there are
    /// none, or where the history has values that are not finite.
    pub fn fit(history: &[f64], seasons: &[usize]) -> Option<Mstl> {
        if history.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let allowed = seasons.iter().copied().filter(|season| *season >= 2 && history.len() / 2 >= *season);
        let mut seasons: Vec<usize> = allowed.collect();
        seasons.sort_unstable();
        seasons.dedup();
        (!seasons.is_empty()).then_some(Mstl { seasons })
    }

    /// The seasons found usable, ascending.
    #[cfg(test)]
    pub fn seasons(&self) -> &[usize] {
        &self.seasons
    }

    /// The history, or its recent part, taken apart; `None` where it is shorter than two of the seasons.
    pub fn decompose(&self, history: &[f64]) -> Option<Parts> {
        let longest = *self.seasons.last()?;
        let recent = RECENT.0.min(RECENT.1.saturating_mul(longest)).max(2 * longest);
        let scaled = Scaled::new(&history[history.len().saturating_sub(recent)..])?;
        let fit = Decomposition::fit(&scaled.values, &self.seasons).ok()?;
        let (seasonal, trend, remainder) = fit.into_parts();
        let adjusted = trend.iter().zip(&remainder).map(|(trend, remainder)| trend + remainder).collect();
        let seasonal = seasonal.into_iter().map(|part| scaled.back(part)).collect();
        Some(Parts { seasonal, adjusted: scaled.back(adjusted) })
    }

    /// Takes the history apart and forecasts: the seasons as they were last, the rest by `trend`, or as its last value
    /// where that cannot. `horizon` finite values.
    pub fn forecast(&self, history: &[f64], horizon: usize, trend: &Trend<'_>) -> Vec<f64> {
        let Some(parts) = self.decompose(history) else { return last_finite(history, horizon) };
        let sound =
            |forecast: &Vec<f64>| forecast.len() == horizon && forecast.iter().all(|value| value.is_finite());
        let mut forecast = trend(&parts.adjusted, horizon)
            .filter(sound)
            .unwrap_or_else(|| last_finite(&parts.adjusted, horizon));
        for (season, part) in self.seasons.iter().zip(&parts.seasonal) {
            let last = &part[part.len() - season..];
            for (step, value) in forecast.iter_mut().enumerate() {
                *value = (*value + last[step % season]).clamp(f64::MIN, f64::MAX);
            }
        }
        forecast
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 60 values with seasons of 4 and 10 and a slope.
    fn twofold(count: usize) -> Vec<f64> {
        let value = |time: usize| {
            let (short, long) = ([3.0, -1.0, -4.0, 2.0][time % 4], (time % 10) as f64 - 4.5);
            50.0 + 0.1 * time as f64 + short + 2.0 * long
        };
        (0..count).map(value).collect()
    }

    #[test]
    fn pure_seasons_and_a_slope_are_carried_forward() {
        let all = twofold(220);
        let drift = |values: &[f64], horizon: usize| {
            let slope = (values[values.len() - 1] - values[0]) / (values.len() - 1) as f64;
            Some((1..=horizon).map(|step| values[values.len() - 1] + slope * step as f64).collect())
        };
        let model = Mstl::fit(&all[..200], &[10, 4]).unwrap();
        assert_eq!(model.seasons(), [4, 10]);
        let forecast = model.forecast(&all[..200], 20, &drift);
        for (got, wanted) in forecast.iter().zip(&all[200..]) {
            assert!((got - wanted).abs() < 0.2, "{got} {wanted}");
        }
    }

    #[test]
    fn the_parts_sum_to_the_history() {
        let history = twofold(100);
        let parts = Mstl::fit(&history, &[4, 10]).unwrap().decompose(&history).unwrap();
        for (time, value) in history.iter().enumerate() {
            let sum: f64 = parts.seasonal.iter().map(|part| part[time]).sum::<f64>() + parts.adjusted[time];
            assert!((value - sum).abs() < 1e-9);
        }
    }

    #[test]
    fn odd_histories_are_refused_or_give_finite_values() {
        let naive = |values: &[f64], horizon: usize| Some(vec![*values.last()?; horizon]);
        assert!(Mstl::fit(&[1.0, 2.0, 3.0], &[2]).is_none());
        assert!(Mstl::fit(&[f64::NAN; 50], &[2]).is_none() && Mstl::fit(&[1.0; 50], &[1, 0, 40]).is_none());
        let huge: Vec<f64> = twofold(60).iter().map(|value| value * 1e306).collect();
        for history in [vec![0.0; 30], vec![5.0; 30], huge, twofold(60).iter().map(|value| -value).collect()]
        {
            let model = Mstl::fit(&history, &[4, 10]).unwrap();
            for known in [&history[..], &history[25..], &history[..1], &[]] {
                let forecast = model.forecast(known, 13, &naive);
                assert!(forecast.len() == 13 && forecast.iter().all(|value| value.is_finite()));
            }
            let refused = model.forecast(&history, 3, &|_, _| None);
            assert!(refused.iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn a_saved_model_forecasts_the_same() {
        let history = twofold(90);
        let model = Mstl::fit(&history, &[4, 10]).unwrap();
        let saved: Mstl = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        let naive = |values: &[f64], horizon: usize| Some(vec![*values.last()?; horizon]);
        assert_eq!(saved.forecast(&history, 24, &naive), model.forecast(&history, 24, &naive));
    }
}
