//! Centre and spread that outliers cannot move.

use serde::{Deserialize, Serialize};

/// A modified z-score above this is an outlier: B. Iglewicz and D. C. Hoaglin, "How to Detect and Handle Outliers",
/// ASQC Basic References in Quality Control 16 (1993), section 2.2.
pub(in crate::learn) const CUTOFF: f64 = 3.5;
/// The median absolute deviation of a normal distribution in standard deviations (0.6745 in the book).
const NORMAL_MEDIAN: f64 = 0.674_489_750_196_081_7;
/// The mean absolute deviation of a normal distribution in standard deviations.
const NORMAL_MEAN: f64 = 0.797_884_560_802_865_4;

/// The median of finite values, the mean of the middle two; `None` of nothing.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[half]),
        _ => Some(sorted[half - 1] / 2.0 + sorted[half] / 2.0),
    }
}

/// Median and robust standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Spread {
    /// The median.
    pub centre: f64,
    /// The median absolute deviation in units of a normal distribution's standard deviation; where more than half of
    /// the values are equal, the mean absolute deviation in those units.
    pub deviation: f64,
}

impl Spread {
    /// Of finite values; `None` where all are equal or there are none.
    pub fn of(values: &[f64]) -> Option<Spread> {
        let centre = median(values)?;
        let far: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
        let middle = median(&far)? / NORMAL_MEDIAN;
        let largest = far.iter().copied().fold(0.0, f64::max);
        // Differences that are mere rounding do not count.
        if !largest.is_finite() || largest <= 1e-12 * centre.abs() {
            return None;
        }
        let mean = far.iter().map(|value| value / far.len() as f64).sum::<f64>() / NORMAL_MEAN;
        let deviation = if middle > 1e-9 * largest { middle } else { mean };
        (deviation > 0.0).then_some(Spread { centre, deviation })
    }

    /// How many robust standard deviations a value is above the centre.
    pub fn score(&self, value: f64) -> f64 {
        (value - self.centre) / self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_do_not_move_it() {
        let spread = Spread::of(&[1.0, 2.0, 3.0, 4.0, 1e9]).unwrap();
        assert_eq!(spread.centre, 3.0);
        assert!((spread.deviation - 1.0 / NORMAL_MEDIAN).abs() < 1e-12);
        let mostly = Spread::of(&[0.0, 0.0, 0.0, 0.0, 5.0]).unwrap();
        assert!((mostly.deviation - 1.0 / NORMAL_MEAN).abs() < 1e-12);
        assert_eq!(Spread::of(&[2.0; 5]), None);
        assert_eq!(Spread::of(&[]), None);
    }
}
