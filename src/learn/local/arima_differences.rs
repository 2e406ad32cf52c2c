//! How often to difference, differencing, and back.

use stlrs::Stl;

/// A seasonal strength above which the season is differenced away: X. Wang, K. A. Smith and R. J. Hyndman,
/// "Characteristic-Based Clustering for Time Series Data", Data Mining and Knowledge Discovery 13 (2006), 335-364, with
/// the threshold of R's `forecast::nsdiffs`.
const STRONG: f64 = 0.64;
/// The 5 % point of the level-stationarity statistic, as published: D. Kwiatkowski, P. C. B. Phillips, P. Schmidt and Y.
/// Shin, Journal of Econometrics 54 (1992), 159-178, table 1.
const CRITICAL: f64 = 0.463;

/// Once by the season, and how often by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Differences {
    /// By one: 0, 1 or 2.
    pub plain: usize,
    /// By the season: 0 or 1.
    pub seasonal: usize,
    /// The length of the season.
    pub season: usize,
}

impl Differences {
    /// As the tests say: seasonal strength first, then the level-stationarity test until it no longer rejects.
    pub fn choose(values: &[f64], season: usize) -> Differences {
        let mut differences = Differences { plain: 0, seasonal: 0, season };
        if season > 1 && values.len() > 2 * season + 5 && strength(values, season) > STRONG {
            differences.seasonal = 1;
        }
        while differences.plain < 2 {
            let now = differences.apply(values);
            if now.len() < 5 || constant(&now) || level_statistic(&now) <= CRITICAL {
                break;
            }
            differences.plain += 1;
        }
        differences
    }

    /// How many values at the beginning are lost.
    pub fn lost(self) -> usize {
        self.plain + self.seasonal * self.season
    }

    /// The differenced values, fewer by [`lost`](Self::lost).
    pub fn apply(self, values: &[f64]) -> Vec<f64> {
        let mut now = values.to_vec();
        for lag in self.lags() {
            now = (lag..now.len()).map(|time| now[time] - now[time - lag]).collect();
        }
        now
    }

    /// Undoes it for values that follow on `history`.
    pub fn undo(self, history: &[f64], following: &[f64]) -> Vec<f64> {
        let weights = self.weights();
        let mut all = history.to_vec();
        for value in following {
            let past: f64 = weights.iter().map(|(lag, weight)| weight * all[all.len() - lag]).sum();
            all.push(value + past);
        }
        all.split_off(history.len())
    }

    /// What the past adds to a differenced value to make it plain: lags and weights.
    pub fn weights(self) -> Vec<(usize, f64)> {
        let mut polynomial = vec![1.0];
        for lag in self.lags() {
            let mut next = polynomial.clone();
            next.resize(polynomial.len() + lag, 0.0);
            for (power, weight) in polynomial.iter().enumerate() {
                next[power + lag] -= weight;
            }
            polynomial = next;
        }
        let lags = polynomial.into_iter().enumerate().skip(1);
        lags.filter(|(_, weight)| *weight != 0.0).map(|(lag, weight)| (lag, -weight)).collect()
    }

    fn lags(self) -> impl Iterator<Item = usize> {
        std::iter::repeat_n(self.season, self.seasonal).chain(std::iter::repeat_n(1, self.plain))
    }
}

/// Whether all values are equal.
pub(super) fn constant(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// How much of what is not trend is season, from 0 to 1.
fn strength(values: &[f64], season: usize) -> f64 {
    let fit = Stl::params().seasonal_length(11).fit(values, season);
    fit.map_or(0.0, |fit| if fit.seasonal_strength().is_nan() { 0.0 } else { fit.seasonal_strength() })
}

/// The statistic of Kwiatkowski et al. for stationarity around a level, with Bartlett weights up to lag
/// `3 sqrt(n) / 13`.
fn level_statistic(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let from_mean: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let (mut sum, mut squares) = (0.0, 0.0);
    for value in &from_mean {
        sum += value;
        squares += sum * sum;
    }
    let lags = (3.0 * count.sqrt() / 13.0).floor() as usize;
    let covariance = |lag: usize| {
        from_mean[lag..].iter().zip(&from_mean).map(|(one, other)| one * other).sum::<f64>() / count
    };
    let weighted = |lag: usize| 2.0 * (1.0 - lag as f64 / (lags as f64 + 1.0)) * covariance(lag);
    let spectrum = covariance(0) + (1..=lags).map(weighted).sum::<f64>();
    if spectrum > 0.0 { squares / (count * count * spectrum) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::local::arima_order::tests::PASSENGERS;

    #[test]
    fn the_statistic_is_the_reference_one() {
        // statsmodels 0.15.0, tsa.kpss(x, "c", nlags=floor(3 * sqrt(len(x)) / 13)).
        let values = &PASSENGERS[..60];
        assert!(
            (level_statistic(values) - 2.441_819_729_863_963_7).abs() < 1e-9,
            "{}",
            level_statistic(values)
        );
    }

    #[test]
    fn passengers_are_differenced_by_season_and_by_one() {
        let logarithms: Vec<f64> = PASSENGERS.iter().map(|value| value.ln()).collect();
        let chosen = Differences::choose(&logarithms, 12);
        assert_eq!((chosen.plain, chosen.seasonal), (1, 1));
    }

    #[test]
    fn differencing_is_undone() {
        let differences = Differences { plain: 2, seasonal: 1, season: 12 };
        let (history, following) = PASSENGERS.split_at(100);
        let differenced = differences.apply(&PASSENGERS);
        let back = differences.undo(history, &differenced[100 - differences.lost()..]);
        assert_eq!(back, following);
    }
}
