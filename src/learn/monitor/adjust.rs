//! What of a model can be corrected without training it again.

use super::estimate::{Calibrator, Outcome};
use super::trend::median;

/// Corrections, learnt from recent predictions whose actual values have arrived. What is absent cannot be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct Adjustment {
    /// Predictions they are learnt from.
    pub rows: u64,
    /// To be added to predictions of numbers: the median of actual less prediction.
    pub shift: Option<f64>,
    /// To multiply the half widths of the intervals by, around the prediction so shifted, so that they cover what they
    /// promise: a conformal quantile. V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World" (2005).
    pub interval_factor: Option<f64>,
    /// The score from which on rows are to be selected, so that the probability of being positive is again the one that the
    /// declared threshold stands for. C. Elkan, "The Foundations of Cost-Sensitive Learning", IJCAI 2001, 973-978.
    pub threshold: Option<f64>,
}

/// Corrections for numbers, all finite, with intervals of that level.
pub(super) fn adjust_numbers(rows: &[Outcome], level: f64) -> Adjustment {
    let mut errors: Vec<f64> = rows.iter().map(|row| row.actual - row.prediction).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let shift = median(&errors).filter(|shift| shift.is_finite());
    let score = |row: &Outcome| {
        let (lower, upper) = row.interval?;
        let half = upper / 2.0 - lower / 2.0;
        let off = (row.actual - row.prediction - shift?).abs() / half;
        (half > 0.0 && off.is_finite()).then_some(off)
    };
    let mut scores: Vec<f64> = rows.iter().filter_map(score).collect();
    scores.sort_unstable_by(f64::total_cmp);
    let rank = ((scores.len() + 1) as f64 * level).ceil() as usize;
    let interval_factor = rank.checked_sub(1).and_then(|place| scores.get(place)).copied();
    Adjustment { rows: rows.len() as u64, shift, interval_factor, threshold: None }
}

/// Corrections for classes: rows of score and outcome.
pub(super) fn adjust_classes(rows: &[(f64, bool)], threshold: f64) -> Adjustment {
    let threshold = Calibrator::learn(rows).and_then(|calibrator| calibrator.score_of(threshold));
    Adjustment { rows: rows.len() as u64, threshold, ..Adjustment::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shift_and_narrow_intervals_are_found() {
        let rows: Vec<_> = (0..99)
            .map(|i| {
                let (prediction, actual) = (f64::from(i), f64::from(i) + 5.0 + f64::from(i % 11 - 5));
                Outcome { prediction, interval: Some((prediction - 1.0, prediction + 1.0)), actual }
            })
            .collect();
        let found = adjust_numbers(&rows, 0.8);
        assert_eq!((found.shift, found.interval_factor), (Some(5.0), Some(4.0)));
    }

    #[test]
    fn a_threshold_follows_the_scores() {
        // Scores are half of what they should be.
        let rows: Vec<_> = (0..2_000)
            .map(|i| {
                let p = (f64::from(i) * 0.618_033_988_749_894_9).fract();
                (p / 2.0, (f64::from(i) * 0.754_877_666_246_692_8).fract() < p)
            })
            .collect();
        assert!((adjust_classes(&rows, 0.6).threshold.unwrap() - 0.3).abs() < 0.03);
    }

    #[test]
    fn nothing_is_learnt_from_nothing() {
        let flat = Outcome { prediction: 1.0, interval: Some((1.0, 1.0)), actual: 1.0 };
        assert_eq!(adjust_numbers(&[], 0.8), Adjustment::default());
        assert_eq!(adjust_classes(&[(0.5, true)], 0.5), Adjustment { rows: 1, ..Adjustment::default() });
        assert_eq!(adjust_numbers(&[flat], 0.8).interval_factor, None);
    }
}
