//! Past probabilities beside the outcomes that have arrived.
//!
//! - AUC: the probability that a positive row scores above a negative one, ties counting half. J. A. Hanley and B. J.
//!   McNeil, "The Meaning and Use of the Area under a Receiver Operating Characteristic (ROC) Curve", Radiology 143
//!   (1982), 29-36.
//! - Log loss: the mean of `-ln` of the probability given to what came, which counts as at least 2^-52.
//! - Brier: the mean squared difference of probability and outcome. G. W. Brier, Monthly Weather Review 78 (1950), 1-3.
//! - ECE: the expected calibration error over ten bins of equal width. M. P. Naeini, G. F. Cooper and M. Hauskrecht,
//!   "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015, 2901-2907.

use super::slice::{Slice, slices};

/// Bins of the calibration error.
const BINS: usize = 10;

/// A probability whose outcome is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Labelled<'a> {
    /// The segment it belongs to.
    pub segment: Option<&'a str>,
    /// The step ahead, counted from 1.
    pub step: Option<u32>,
    /// The predicted probability of the positive class.
    pub probability: f64,
    /// Whether it came.
    pub actual: bool,
}

/// What probabilities were worth. Absent where the rows do not allow it: without rows, or, for the AUC, with one outcome
/// only; precision without a selected row; recall without a positive one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct ClassAccuracy {
    /// Of which rows.
    pub slice: Slice,
    /// Rows that count.
    pub count: u64,
    /// Rows that do not, since the probability is not one.
    pub skipped: u64,
    /// Rows whose outcome is positive.
    pub positives: u64,
    /// The area under the ROC curve.
    pub auc: Option<f64>,
    /// In nats.
    pub log_loss: Option<f64>,
    /// The mean squared error of the probabilities.
    pub brier: Option<f64>,
    /// The expected calibration error.
    pub ece: Option<f64>,
    /// The share of right decisions at the threshold (selected: probability not below it).
    pub accuracy: Option<f64>,
    /// The share of positive rows among the selected.
    pub precision: Option<f64>,
    /// The share of selected rows among the positive.
    pub recall: Option<f64>,
}

/// Over all rows, by step, by segment, and by both. The order of the rows makes no difference.
pub(in crate::learn) fn class_accuracy(rows: &[Labelled<'_>], threshold: f64) -> Vec<ClassAccuracy> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|&a, &b| {
        let by_outcome = rows[a].actual.cmp(&rows[b].actual);
        rows[a].probability.total_cmp(&rows[b].probability).then(by_outcome)
    });
    let keys = order.into_iter().map(|row| (row, rows[row].segment, rows[row].step));
    let judge = |(slice, part): (Slice, Vec<usize>)| {
        let sound = |&row: &usize| (0.0..=1.0).contains(&rows[row].probability);
        let count = part.len();
        let scores: Vec<(f64, bool)> =
            part.into_iter().filter(sound).map(|row| (rows[row].probability, rows[row].actual)).collect();
        ClassAccuracy { slice, skipped: (count - scores.len()) as u64, ..ascending(&scores, threshold) }
    };
    slices(keys).into_iter().map(judge).collect()
}

/// Of probabilities with outcomes in ascending order.
fn ascending(scores: &[(f64, bool)], threshold: f64) -> ClassAccuracy {
    let count = scores.len() as f64;
    let positives = scores.iter().filter(|(_, actual)| *actual).count();
    let mean = |of: fn(f64, bool) -> f64| {
        (count > 0.0).then(|| scores.iter().map(|&(p, actual)| of(p, actual)).sum::<f64>() / count)
    };
    let selected = &scores[scores.partition_point(|(p, _)| *p < threshold)..];
    let hits = selected.iter().filter(|(_, actual)| *actual).count();
    let right = hits + (scores.len() - selected.len()) - (positives - hits);
    let share = |part: usize, all: usize| (all > 0).then(|| part as f64 / all as f64);
    ClassAccuracy {
        slice: Slice::default(),
        count: scores.len() as u64,
        skipped: 0,
        positives: positives as u64,
        auc: auc(scores.iter().map(|&(p, actual)| (p, f64::from(u8::from(actual))))),
        log_loss: mean(|p, actual| -(if actual { p } else { 1.0 - p }).max(f64::EPSILON).ln()),
        brier: mean(|p, actual| (p - f64::from(u8::from(actual))).powi(2)),
        ece: calibration_error(scores),
        accuracy: share(right, scores.len()),
        precision: share(hits, selected.len()),
        recall: share(hits, positives),
    }
}

/// The area under the curve of ascending scores, each with the probability that it is positive (0 or 1 where that is
/// known); the expected one where it is not. `None` where everything is positive or nothing is.
pub(super) fn auc(ascending: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut area, mut positive, mut negative) = (0.0, 0.0, 0.0);
    let (mut tied, mut tied_positive, mut tied_negative) = (None, 0.0, 0.0);
    for (score, probability) in ascending {
        if tied != Some(score) {
            area += tied_positive * (negative + tied_negative / 2.0);
            positive += tied_positive;
            negative += tied_negative;
            (tied, tied_positive, tied_negative) = (Some(score), 0.0, 0.0);
        }
        tied_positive += probability;
        tied_negative += 1.0 - probability;
    }
    area += tied_positive * (negative + tied_negative / 2.0);
    positive += tied_positive;
    negative += tied_negative;
    (positive > 0.0 && negative > 0.0).then(|| (area / positive / negative).min(1.0))
}

fn calibration_error(scores: &[(f64, bool)]) -> Option<f64> {
    let mut bins = [(0.0, 0.0); BINS];
    for &(p, actual) in scores {
        // The bins are open below, as is the custom: a probability of 0.1 belongs to the first.
        let bin = ((p * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        bins[bin].0 += p;
        bins[bin].1 += f64::from(u8::from(actual));
    }
    let off: f64 = bins.iter().map(|(predicted, observed)| (predicted - observed).abs()).sum();
    (!scores.is_empty()).then(|| off / scores.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [(f64, u8); 12] = [
        (0.1, 0),
        (0.4, 0),
        (0.35, 1),
        (0.8, 1),
        (0.8, 0),
        (0.05, 0),
        (0.65, 1),
        (0.9, 1),
        (0.4, 1),
        (0.2, 0),
        (1.0, 1),
        (0.0, 0),
    ];

    fn labelled(scores: &[(f64, u8)]) -> Vec<Labelled<'static>> {
        let of = |&(probability, actual): &(f64, u8)| Labelled {
            segment: None,
            step: None,
            probability,
            actual: actual == 1,
        };
        scores.iter().map(of).collect()
    }

    /// scikit-learn 1.9.1: `metrics` of the same names; numpy for the calibration error.
    #[test]
    fn agrees_with_scikit_learn() {
        let found = &class_accuracy(&labelled(&SCORES), 0.4)[0];
        let near =
            |ours: Option<f64>, theirs: f64| assert!((ours.unwrap() - theirs).abs() < 1e-14, "{found:?}");
        near(found.auc, 0.8611111111111112);
        near(found.log_loss, 0.43545506141641677);
        near(found.brier, 0.150625);
        near(found.accuracy, 0.75);
        near(found.precision, 0.7142857142857143);
        near(found.recall, 0.8333333333333334);
        near(found.ece, 0.18750000000000003);
    }

    #[test]
    fn one_outcome_has_no_auc_and_bad_probabilities_do_not_count() {
        let found = &class_accuracy(&labelled(&[(0.3, 1), (0.6, 1), (f64::NAN, 1), (1.5, 0)]), 0.9)[0];
        assert_eq!((found.count, found.skipped, found.auc, found.precision), (2, 2, None, None));
        assert_eq!(found.recall, Some(0.0));
        assert_eq!(class_accuracy(&[], 0.5), [ClassAccuracy::default()]);
    }
}
