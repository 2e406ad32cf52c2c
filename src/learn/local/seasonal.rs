//! Seasonality of one series: whether there is any, and classical decomposition.
//!
//! Classical decomposition: M. G. Kendall and A. Stuart, "The Advanced Theory of Statistics", volume 3 (1983);
//! the test: J. A. Fiorucci, T. R. Pellegrini, F. Louzada, F. Petropoulos and A. B. Koehler, International
//! Journal of Forecasting 32 (2016), 1151-1161; shrinking of the indices: D. M. Miller and D. Williams,
//! International Journal of Forecasting 19 (2003), 669-684.

use serde::{Deserialize, Serialize};

/// The normal quantile of the two-sided test at 90 %.
const CRITICAL: f64 = 1.644_853_626_951_472_2;
/// A multiplicative index below this cannot be divided by soundly.
const SMALLEST_INDEX: f64 = 0.01;

/// How a season enters a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learn) enum Composition {
    /// As a summand; indices have mean zero.
    Additive,
    /// As a factor; indices have mean one. For positive values only.
    Multiplicative,
}

/// How far seasonal indices are drawn towards no season, because they are estimates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learn) enum Shrinkage {
    /// Not at all.
    #[default]
    None,
    /// All by the same part, after James and Stein.
    JamesStein,
    /// Each towards those near it, after Lemon and Krutchkoff: large ones stand, small ones shrink.
    LemonKrutchkoff,
}

/// One index for each phase of the season; phase zero is that of the history's first value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Seasonality {
    composition: Composition,
    indices: Vec<f64>,
}

impl Seasonality {
    /// Classical decomposition by centred moving averages. `None` for less than two seasons, a season of one, or a
    /// multiplicative season of values that are not all positive.
    pub fn classical(
        history: &[f64],
        season: usize,
        composition: Composition,
        shrinkage: Shrinkage,
    ) -> Option<Seasonality> {
        if season < 2 || history.len() < 2 * season {
            return None;
        }
        let multiplicative = composition == Composition::Multiplicative;
        if multiplicative && history.iter().any(|value| *value <= 0.0) {
            return None;
        }
        let (mut sums, mut squares, mut counts) = (vec![0.0; season], vec![0.0; season], vec![0.0; season]);
        for (t, trend) in moving_average(history, season) {
            let ratio = if multiplicative { history[t] / trend } else { history[t] - trend };
            sums[t % season] += ratio;
            squares[t % season] += ratio * ratio;
            counts[t % season] += 1.0;
        }
        let mut indices: Vec<f64> = sums.iter().zip(&counts).map(|(sum, count)| sum / count).collect();
        normalise(&mut indices, composition);
        if shrinkage != Shrinkage::None {
            let neutral = if multiplicative { 1.0 } else { 0.0 };
            let within: Vec<f64> = (0..season)
                .filter(|phase| counts[*phase] > 1.0)
                .map(|phase| {
                    let mean = sums[phase] / counts[phase];
                    let variance = squares[phase] / counts[phase] - mean * mean;
                    variance.max(0.0) / (counts[phase] - 1.0)
                })
                .collect();
            // A single value of each phase says nothing of their spread.
            if !within.is_empty() {
                let variance = within.iter().sum::<f64>() / within.len() as f64;
                shrink(&mut indices, neutral, variance, shrinkage);
                normalise(&mut indices, composition);
            }
        }
        indices.iter().all(|index| index.is_finite()).then_some(Seasonality { composition, indices })
    }

    /// The decomposition that suits the values: multiplicative, but additive where a value is not positive or an index
    /// is too small to divide by.
    pub fn suited(history: &[f64], season: usize, shrinkage: Shrinkage) -> Option<Seasonality> {
        Seasonality::classical(history, season, Composition::Multiplicative, shrinkage)
            .filter(|found| found.indices.iter().all(|index| *index >= SMALLEST_INDEX))
            .or_else(|| Seasonality::classical(history, season, Composition::Additive, shrinkage))
    }

    /// How the season enters a value.
    pub fn composition(&self) -> Composition {
        self.composition
    }

    /// One index for each phase.
    pub fn indices(&self) -> &[f64] {
        &self.indices
    }

    /// The history without its season.
    pub fn remove(&self, history: &[f64]) -> Vec<f64> {
        let phases = self.indices.iter().cycle();
        let pairs = history.iter().zip(phases);
        match self.composition {
            Composition::Additive => pairs.map(|(value, index)| value - index).collect(),
            Composition::Multiplicative => pairs.map(|(value, index)| value / index).collect(),
        }
    }

    /// Puts the season back into a value `t` steps after the history's first.
    pub fn restore(&self, value: f64, t: usize) -> f64 {
        let index = self.indices[t % self.indices.len()];
        match self.composition {
            Composition::Additive => value + index,
            Composition::Multiplicative => value * index,
        }
    }
}

/// Whether the autocorrelation at the season stands out at 90 %, given those at shorter lags. Never for seasons of less
/// than four, or less than two seasons of history.
pub(in crate::learn) fn is_seasonal(history: &[f64], season: usize) -> bool {
    let n = history.len();
    if season < 4 || n < 2 * season {
        return false;
    }
    let mean = history.iter().sum::<f64>() / n as f64;
    let variance: f64 = history.iter().map(|value| (value - mean) * (value - mean)).sum();
    if !(variance > 0.0 && variance.is_finite()) {
        return false;
    }
    let correlation = |lag: usize| {
        let products = history.iter().zip(&history[lag..]).map(|(a, b)| (a - mean) * (b - mean));
        products.sum::<f64>() / variance
    };
    let shorter: f64 = (1..season).map(|lag| correlation(lag).powi(2)).sum();
    correlation(season).abs() > CRITICAL * ((1.0 + 2.0 * shorter) / n as f64).sqrt()
}

/// The centred moving average over one season, with its places; over an even season the ends count half.
fn moving_average(history: &[f64], season: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
    let half = season / 2;
    (half..history.len() - half).map(move |t| {
        let window = &history[t - half..=t + half];
        let mut sum: f64 = window.iter().sum();
        if season.is_multiple_of(2) {
            sum -= 0.5 * (window[0] + window[season]);
        }
        (t, sum / season as f64)
    })
}

fn normalise(indices: &mut [f64], composition: Composition) {
    let mean = indices.iter().sum::<f64>() / indices.len() as f64;
    for index in indices {
        match composition {
            Composition::Additive => *index -= mean,
            Composition::Multiplicative => *index /= mean,
        }
    }
}

/// Draws indices whose errors have that variance towards `neutral`.
fn shrink(indices: &mut [f64], neutral: f64, variance: f64, shrinkage: Shrinkage) {
    let seasons = indices.len() as f64;
    if variance <= 0.0 || seasons <= 3.0 {
        return;
    }
    match shrinkage {
        Shrinkage::None => {}
        Shrinkage::JamesStein => {
            let spread: f64 = indices.iter().map(|index| (index - neutral).powi(2)).sum();
            let between = (spread / (seasons - 1.0) - variance).max(0.0);
            let weight = (seasons - 3.0) / (seasons - 1.0) * variance / (variance + between);
            for index in indices {
                *index = neutral + (1.0 - weight) * (*index - neutral);
            }
        }
        Shrinkage::LemonKrutchkoff => {
            let before = indices.to_vec();
            for index in indices {
                let (mut sum, mut weights) = (0.0, 0.0);
                for other in &before {
                    let weight = (-(*index - other).powi(2) / (2.0 * variance)).exp();
                    sum += weight * other;
                    weights += weight;
                }
                // Its own weight is one, so the sum of weights is not zero.
                *index = sum / weights;
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Monthly airline passengers in thousands, 1949 to 1960: G. E. P. Box and G. M. Jenkins, "Time Series Analysis"
    /// (1976), series G.
    #[rustfmt::skip]
    pub(in crate::learn::local) const AIR_PASSENGERS: [f64; 144] = [
        112.0, 118.0, 132.0, 129.0, 121.0, 135.0, 148.0, 148.0, 136.0, 119.0, 104.0, 118.0,
        115.0, 126.0, 141.0, 135.0, 125.0, 149.0, 170.0, 170.0, 158.0, 133.0, 114.0, 140.0,
        145.0, 150.0, 178.0, 163.0, 172.0, 178.0, 199.0, 199.0, 184.0, 162.0, 146.0, 166.0,
        171.0, 180.0, 193.0, 181.0, 183.0, 218.0, 230.0, 242.0, 209.0, 191.0, 172.0, 194.0,
        196.0, 196.0, 236.0, 235.0, 229.0, 243.0, 264.0, 272.0, 237.0, 211.0, 180.0, 201.0,
        204.0, 188.0, 235.0, 227.0, 234.0, 264.0, 302.0, 293.0, 259.0, 229.0, 203.0, 229.0,
        242.0, 233.0, 267.0, 269.0, 270.0, 315.0, 364.0, 347.0, 312.0, 274.0, 237.0, 278.0,
        284.0, 277.0, 317.0, 313.0, 318.0, 374.0, 413.0, 405.0, 355.0, 306.0, 271.0, 306.0,
        315.0, 301.0, 356.0, 348.0, 355.0, 422.0, 465.0, 467.0, 404.0, 347.0, 305.0, 336.0,
        340.0, 318.0, 362.0, 348.0, 363.0, 435.0, 491.0, 505.0, 404.0, 359.0, 310.0, 337.0,
        360.0, 342.0, 406.0, 396.0, 420.0, 472.0, 548.0, 559.0, 463.0, 407.0, 362.0, 405.0,
        417.0, 391.0, 419.0, 461.0, 472.0, 535.0, 622.0, 606.0, 508.0, 461.0, 390.0, 432.0,
    ];

    fn sawtooth() -> Vec<f64> {
        (0..24).map(|t| 10.0 + t as f64 + [3.0, -1.0, 0.0, -2.0][t % 4]).collect()
    }

    #[test]
    fn a_season_on_a_line_is_recovered() {
        let history = sawtooth();
        let found = Seasonality::classical(&history, 4, Composition::Additive, Shrinkage::None).unwrap();
        for (found, planted) in found.indices().iter().zip([3.0, -1.0, 0.0, -2.0]) {
            assert!((found - planted).abs() < 1e-12);
        }
        let rest = found.remove(&history);
        assert!((found.restore(rest[5], 5) - history[5]).abs() < 1e-12);
        assert!(is_seasonal(&history.iter().enumerate().map(|(t, v)| v - t as f64).collect::<Vec<_>>(), 4));
    }

    #[test]
    fn values_that_are_not_positive_get_summands() {
        let history: Vec<f64> = sawtooth().iter().map(|value| value - 15.0).collect();
        let found = Seasonality::suited(&history, 4, Shrinkage::None).unwrap();
        assert_eq!(found.composition(), Composition::Additive);
        assert!(Seasonality::suited(&history[..7], 4, Shrinkage::None).is_none());
    }

    #[test]
    fn noise_shrinks_and_a_sure_season_stands() {
        let noise: Vec<f64> = (0..48).map(|t| 100.0 + ((t * 7919) % 31) as f64).collect();
        let sure: Vec<f64> = (0..48).map(|t| 100.0 + 0.1 * noise[t] + 40.0 * ((t % 12) as f64)).collect();
        let spread = |history: &[f64], shrinkage| {
            let found = Seasonality::classical(history, 12, Composition::Multiplicative, shrinkage).unwrap();
            found.indices().iter().map(|index| (index - 1.0).powi(2)).sum::<f64>()
        };
        for shrinkage in [Shrinkage::JamesStein, Shrinkage::LemonKrutchkoff] {
            assert!(spread(&noise, shrinkage) < 0.7 * spread(&noise, Shrinkage::None));
            assert!(spread(&sure, shrinkage) > 0.95 * spread(&sure, Shrinkage::None));
        }
    }

    #[test]
    fn constants_and_short_histories_are_not_seasonal() {
        assert!(!is_seasonal(&[5.0; 48], 12));
        assert!(!is_seasonal(&[1.0, 2.0, 3.0], 12));
        assert!(!is_seasonal(&[], 12));
    }
}
