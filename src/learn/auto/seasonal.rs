//! Seasonal indices, drawn towards none.
//!
//! Classical decomposition (ratio to, or difference from, the centred moving average) followed by a James-Stein
//! shrinkage of the indices: D. M. Miller and D. Williams, "Shrinkage estimators of time series seasonal factors and
//! their effect on forecasting accuracy", International Journal of Forecasting 19 (2003), 669-684. The more the indices
//! of one phase differ from year to year, compared with how much the phases differ from each other, the less is left of
//! them. This takes the place of a test for seasonality, which has to say yes or no.

use serde::{Deserialize, Serialize};

/// What each phase of a season adds to, or multiplies, the level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Indices {
    /// One per phase; the first value of the history has phase 0.
    indices: Vec<f64>,
    multiplicative: bool,
}

impl Indices {
    /// Of no season at all.
    pub fn none() -> Indices {
        Indices { indices: vec![0.0], multiplicative: false }
    }

    /// Of a history; ratios where all values are positive, differences otherwise. [`Indices::none`] where there are fewer
    /// than two seasons and two values, or where the indices come out without meaning.
    pub fn of(history: &[f64], season: usize) -> Indices {
        Indices::estimate(history, season, history.iter().all(|&value| value > 0.0))
    }

    /// Differences, whatever the sign of the values.
    pub fn of_differences(history: &[f64], season: usize) -> Indices {
        Indices::estimate(history, season, false)
    }

    fn estimate(history: &[f64], season: usize, multiplicative: bool) -> Indices {
        if season < 2 || history.len() < 2 * season + 2 {
            return Indices::none();
        }
        let trend = centred_average(history, season);
        let half = season / 2;
        let mut by_phase = vec![Vec::new(); season];
        for (offset, level) in trend.iter().enumerate() {
            let value = history[offset + half];
            let part = if multiplicative { value / level } else { value - level };
            by_phase[(offset + half) % season].push(part);
        }
        let means: Vec<f64> = by_phase.iter().map(|parts| mean(parts)).collect();
        let centre = mean(&means);
        if !centre.is_finite() || (multiplicative && centre <= 0.0) {
            return Indices::none();
        }
        let raw: Vec<f64> = match multiplicative {
            true => means.iter().map(|part| part / centre).collect(),
            false => means.iter().map(|part| part - centre).collect(),
        };
        let neutral = if multiplicative { 1.0 } else { 0.0 };
        let between = raw.iter().map(|index| (index - neutral).powi(2)).sum::<f64>() / (season - 1) as f64;
        let left = left_of(&by_phase, &means, between);
        let indices: Vec<f64> = raw.iter().map(|index| neutral + left * (index - neutral)).collect();
        let sound = indices.iter().all(|&index| index.is_finite() && (!multiplicative || index > 0.01));
        if sound { Indices { indices, multiplicative } } else { Indices::none() }
    }

    /// A history without its season.
    pub fn remove(&self, history: &[f64]) -> Vec<f64> {
        let without = |(at, &value): (usize, &f64)| match self.multiplicative {
            true => value / self.indices[at % self.indices.len()],
            false => value - self.indices[at % self.indices.len()],
        };
        history.iter().enumerate().map(without).collect()
    }

    /// Values with their season again; the first comes after a history of that length.
    pub fn restore(&self, values: &mut [f64], after: usize) {
        for (step, value) in values.iter_mut().enumerate() {
            let index = self.indices[(after + step) % self.indices.len()];
            *value = if self.multiplicative { *value * index } else { *value + index };
        }
    }
}

/// The part of the indices that is not noise: `1 - (m - 3) / (m - 1) * noise / between`, not below zero.
fn left_of(by_phase: &[Vec<f64>], means: &[f64], between: f64) -> f64 {
    let (mut squares, mut count, mut inverse) = (0.0, 0.0, 0.0);
    for (parts, centre) in by_phase.iter().zip(means) {
        squares += parts.iter().map(|part| (part - centre).powi(2)).sum::<f64>();
        count += parts.len() as f64;
        inverse += 1.0 / parts.len() as f64;
    }
    let phases = means.len() as f64;
    let freedom = count - phases;
    if freedom <= 0.0 || between <= 0.0 || phases <= 3.0 {
        return 1.0;
    }
    let noise = squares / freedom * inverse / phases;
    (1.0 - (phases - 3.0) / (phases - 1.0) * noise / between).max(0.0)
}

/// The average over one season around each value, the outer two of an even season with half weight; shorter by one
/// season (or less one, where odd).
fn centred_average(history: &[f64], season: usize) -> Vec<f64> {
    let width = season / 2 * 2 + 1;
    let outer = if season.is_multiple_of(2) { 0.5 } else { 1.0 };
    let weigh = |window: &[f64]| {
        let inner: f64 = window[1..width - 1].iter().sum();
        (inner + outer * (window[0] + window[width - 1])) / season as f64
    };
    history.windows(width).map(weigh).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(pattern: &[f64], times: usize) -> Vec<f64> {
        pattern.iter().copied().cycle().take(pattern.len() * times).collect()
    }

    #[test]
    fn a_season_that_repeats_itself_is_kept_whole() {
        let history = repeated(&[80.0, 120.0, 110.0, 90.0], 5);
        let found = Indices::of(&history, 4);
        for (index, right) in found.indices.iter().zip([0.8, 1.2, 1.1, 0.9]) {
            assert!((index - right).abs() < 1e-12);
        }
        assert!(found.remove(&history).iter().all(|value| (value - 100.0).abs() < 1e-9));
        let mut ahead = vec![100.0; 2];
        found.restore(&mut ahead, 21);
        assert!((ahead[0] - 120.0).abs() < 1e-9 && (ahead[1] - 110.0).abs() < 1e-9);
    }

    #[test]
    fn differences_serve_where_a_value_is_not_positive() {
        let history = repeated(&[-1.0, 1.0, 3.0, -3.0], 4);
        let found = Indices::of(&history, 4);
        assert!(!found.multiplicative && (found.indices[2] - 3.0).abs() < 1e-12);
    }

    #[test]
    fn noise_draws_the_season_towards_none() {
        let noisy: Vec<f64> =
            (0..48_u32).map(|t| f64::from(t.wrapping_mul(2_654_435_761) >> 16 & 255) + 500.0).collect();
        let spread = |indices: &[f64]| indices.iter().map(|index| (index - 1.0).abs()).sum::<f64>();
        let found = Indices::of(&noisy, 12);
        assert!(spread(&found.indices) < 0.6, "{found:?}");
    }

    #[test]
    fn short_and_degenerate_histories_have_no_season() {
        for history in [vec![], vec![1.0], vec![1.0; 9], vec![0.0; 50], vec![f64::MAX; 50]] {
            let found = Indices::of(&history, 4);
            assert_eq!(found.remove(&history), history);
        }
        assert_eq!(Indices::of(&[1.0, 2.0, 3.0, 4.0], 1), Indices::none());
    }
}
