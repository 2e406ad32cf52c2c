//! The distribution of intermittent or otherwise uneven demand.
//!
//! Two distributions with exponentially weighted moments, each good where the other is not, and of which the
//! quantiles are averaged (J. W. Taylor and D. W. Bunn, "Combining Forecast Quantiles Using Quantile Regression",
//! Journal of Applied Statistics 25 (1998), 193-206, with equal weights). The first is a hurdle: a probability of any
//! demand, and log-normal sizes, as it suits the middle of demand that varies by orders of magnitude (J. Mullahy,
//! "Specification and Testing of Some Modified Count Data Models", Journal of Econometrics 33 (1986), 341-365). The
//! second is a negative binomial, of which the tail is lighter (R. D. Snyder, J. K. Ord and A. Beaumont, "Forecasting
//! the Intermittent Demand for Slow-Moving Inventories", International Journal of Forecasting 28 (2012), 485-496).
//!
//! Periods before the first demand do not count: the item was not sold yet. Negative values count as no demand.

use serde::{Deserialize, Serialize};

use super::super::distribution::Counts;
use super::super::normal;
use super::intermittent::cleaned;

/// By how much a period counts less than the next.
const DECAY: f64 = 0.1;
/// Half a period with demand and half one without are added to what was seen.
const PRIOR_PERIODS: f64 = 1.0;
/// The variance of the logarithms of sizes before any was seen, and how many sizes that counts as.
const PRIOR_VARIANCE: (f64, f64) = (0.6, 2.0);
/// A size beyond this many times what is usual tells nothing about the variance of the next.
const CAP: f64 = 3.0;

/// The distribution of the demand of any of the next periods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct CountDemand {
    /// The probability of any demand.
    occurrence: f64,
    /// The mean of the logarithms of sizes, and the standard deviation of the next one's around it.
    log_size: (f64, f64),
    /// The mean and the variance of demand, without demand in excess of the cap.
    moments: (f64, f64),
    /// The mean of demand, with everything.
    mean: f64,
}

impl CountDemand {
    /// Learns from the periods up to now, the latest last; `None` for none, or values that are not finite.
    pub fn fit(history: &[f64]) -> Option<CountDemand> {
        let values = cleaned(history)?;
        let values = since_first(&values);
        if values.is_empty() {
            return Some(CountDemand {
                occurrence: 0.0,
                log_size: (0.0, 0.0),
                moments: (0.0, 0.0),
                mean: 0.0,
            });
        }
        let weights = weights(values.len(), DECAY);
        let effective = effective(&weights);
        let with_demand: f64 =
            values.iter().zip(&weights).filter(|(value, _)| **value > 0.0).map(|(_, w)| w).sum();
        let occurrence = (with_demand * effective + 0.5 * PRIOR_PERIODS) / (effective + PRIOR_PERIODS);

        let (logs, log_weights): (Vec<f64>, Vec<f64>) = values
            .iter()
            .zip(&weights)
            .filter(|(value, _)| **value > 0.0)
            .map(|(value, weight)| (value.ln(), weight / with_demand))
            .unzip();
        let sizes = self::effective(&log_weights);
        let (log_mean, log_variance) = moments(&logs, &log_weights);
        let (prior, count) = PRIOR_VARIANCE;
        let log_variance = (log_variance * sizes + prior * count) / (sizes - 1.0 + count);
        // The mean of the past is not that of the future: hence the part of one more.
        let log_deviation = (log_variance * (1.0 + 1.0 / sizes)).sqrt();

        let cap = CAP * usual(values);
        let capped: Vec<f64> = values.iter().map(|value| value.min(cap)).collect();
        let (level, variance) = self::moments(&capped, &weights);
        let variance = variance * effective / (effective - 1.0).max(0.5) * (1.0 + 1.0 / effective);
        let mean = self::moments(values, &weights).0;
        Some(CountDemand {
            occurrence,
            log_size: (log_mean, log_deviation),
            moments: (level, variance),
            mean,
        })
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The quantiles of one period at these probabilities, none below zero and none below that of a smaller
    /// probability. They need not be whole numbers. Probabilities are kept between 0.0001 and 0.9999.
    pub fn quantiles(&self, probabilities: &[f64]) -> Vec<f64> {
        let (mean, variance) = self.moments;
        let counts = Counts::new(mean, variance);
        let at = |probability: &f64| {
            let probability = if probability.is_nan() { 0.5 } else { probability.clamp(1e-4, 1.0 - 1e-4) };
            f64::midpoint(self.hurdle(probability), counts.quantile(probability))
        };
        if self.mean == 0.0 { vec![0.0; probabilities.len()] } else { probabilities.iter().map(at).collect() }
    }

    fn hurdle(&self, probability: f64) -> f64 {
        let given_demand = (probability - (1.0 - self.occurrence)) / self.occurrence;
        if given_demand <= 0.0 {
            return 0.0;
        }
        let (mean, deviation) = self.log_size;
        (mean + deviation * normal::quantile(given_demand)).exp()
    }
}

/// The quantiles of ascending draws at these probabilities, interpolated (R. J. Hyndman and Y. Fan, "Sample Quantiles
/// in Statistical Packages", The American Statistician 50 (1996), 361-365, definition 7); empty of none.
pub(in crate::learn) fn sample_quantiles(draws: &[f64], probabilities: &[f64]) -> Vec<f64> {
    let Some(last) = draws.len().checked_sub(1) else { return Vec::new() };
    let at = |probability: &f64| {
        let place = last as f64 * if probability.is_nan() { 0.5 } else { probability.clamp(0.0, 1.0) };
        let (low, part) = (place.floor() as usize, place.fract());
        draws[low] + part * (draws[(low + 1).min(last)] - draws[low])
    };
    probabilities.iter().map(at).collect()
}

/// The periods from the first with demand.
fn since_first(values: &[f64]) -> &[f64] {
    let first = values.iter().position(|value| *value > 0.0).unwrap_or(values.len());
    &values[first..]
}

/// Weights of periods that sum to 1, the last the largest.
fn weights(count: usize, decay: f64) -> Vec<f64> {
    let mut weights = vec![1.0; count];
    for index in (1..count).rev() {
        weights[index - 1] = weights[index] * (1.0 - decay);
    }
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights
}

/// How many equal weights say as much: L. Kish, "Survey Sampling" (1965), section 11.7.
fn effective(weights: &[f64]) -> f64 {
    1.0 / weights.iter().map(|weight| weight * weight).sum::<f64>()
}

/// The mean and the variance, for weights that sum to 1.
fn moments(values: &[f64], weights: &[f64]) -> (f64, f64) {
    let mean: f64 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
    let variance =
        values.iter().zip(weights).map(|(value, weight)| weight * (value - mean) * (value - mean)).sum();
    (mean, variance)
}

/// A usual size: the upper quartile of all periods, or the median of those with demand if that is more.
fn usual(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let first = sorted.partition_point(|value| *value <= 0.0);
    let quartile = sample_quantiles(&sorted, &[0.75]);
    let median = sample_quantiles(&sorted[first..], &[0.5]);
    quartile.into_iter().chain(median).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: [f64; 14] = [0., 0., 12., 0., 3., 40., 0., 0., 7., 15., 0., 9., 300., 5.];
    const LEVELS: [f64; 5] = [0.1, 0.3, 0.5, 0.9, 0.95];

    /// numpy 2 and scipy 1.17.1, the same formulas.
    #[test]
    fn quantiles_agree_with_scipy() {
        let demand = CountDemand::fit(&HISTORY).unwrap();
        for (ours, expected) in demand.quantiles(&LEVELS).into_iter().zip(EXPECTED) {
            assert!((ours - expected).abs() < 1e-9 * expected.max(1.0), "{ours} is not {expected}");
        }
    }
    const EXPECTED: [f64; 5] = [0.0, 1.0, 6.291005103792248, 57.07195650797898, 98.3435297354815];

    #[test]
    fn quantiles_never_cross() {
        let levels: Vec<f64> = (0..=100).map(|percent| f64::from(percent) / 100.0).collect();
        for history in [&HISTORY[..], &[5.0; 9], &[0.0, 1.0], &[1e9, 1.0, 0.0, 3.0], &[0.0; 4], &[-2.0, 0.5]]
        {
            let quantiles = CountDemand::fit(history).unwrap().quantiles(&levels);
            assert!(quantiles.iter().all(|value| value.is_finite() && *value >= 0.0));
            assert!(quantiles.is_sorted(), "{history:?}: {quantiles:?}");
        }
    }

    #[test]
    fn nothing_known_and_no_demand() {
        assert!(CountDemand::fit(&[]).is_none() && CountDemand::fit(&[f64::NAN]).is_none());
        assert_eq!(CountDemand::fit(&[0.0; 3]).unwrap().quantiles(&LEVELS), [0.0; 5]);
        assert!(sample_quantiles(&[], &LEVELS).is_empty());
    }

    #[test]
    fn the_first_demand_is_the_beginning() {
        let later = [vec![0.0; 20], HISTORY.to_vec()].concat();
        assert_eq!(CountDemand::fit(&later), CountDemand::fit(&HISTORY));
    }

    #[test]
    fn what_was_saved_predicts_the_same() {
        let demand = CountDemand::fit(&HISTORY).unwrap();
        let back: CountDemand = serde_json::from_str(&serde_json::to_string(&demand).unwrap()).unwrap();
        assert_eq!(demand.quantiles(&LEVELS), back.quantiles(&LEVELS));
    }
}
