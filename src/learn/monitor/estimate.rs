//! What a model is probably worth before the actual values arrive.
//!
//! For classes: confidence-based performance estimation. If of the rows with probability `c` a share `c` is positive,
//! then each row adds `c` to the true positives and `1 - c` to the false positives where it is selected, and to the
//! false and true negatives where it is not; the measures follow from those. NannyML documentation, "How it works:
//! Confidence-based Performance Estimation (CBPE)"; J. Bialek, W. Kuberski, N. Perrakis and A. Bifet, "We don't need no
//! labels: Estimating post-deployment model performance under covariate shift without ground truth" (2024), arXiv
//! 2401.08348. It sees a change of the data and not a
//! change of what the data means: where the same row is now positive more often, no estimate without labels can tell.
//!
//! For numbers: the expected absolute error from the width of the intervals or, without intervals, from the size of the
//! prediction; both scaled by what was observed on a reference. A proxy of NannyML's direct loss estimation, which fits a
//! model to the losses.

use serde::{Deserialize, Serialize};

use super::super::normal;
use super::classification::auc;

/// The 97.5 % point of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;
/// Bins of predictions, at most.
const BINS: usize = 10;
/// A bin of predictions has this many rows at least.
const BIN_ROWS: usize = 20;

/// The expected worth of probabilities. Absent where it is not defined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::learn) struct Estimated {
    /// Rows that count.
    pub count: u64,
    /// Rows that do not, since the probability is not one.
    pub skipped: u64,
    /// Expected number of selected positive rows.
    pub true_positives: f64,
    /// Expected number of selected negative rows.
    pub false_positives: f64,
    /// Expected number of negative rows that are not selected.
    pub true_negatives: f64,
    /// Expected number of positive rows that are not selected.
    pub false_negatives: f64,
    /// The expected share of right decisions.
    pub accuracy: Option<f64>,
    /// The lower end of its 95 % interval: the outcomes are random even if the probabilities are right.
    pub accuracy_low: Option<f64>,
    /// The upper end.
    pub accuracy_high: Option<f64>,
    /// Expected true positives over selected rows.
    pub precision: Option<f64>,
    /// Expected true positives over expected positives.
    pub recall: Option<f64>,
    /// The area under the curve of the expected confusion matrices.
    pub auc: Option<f64>,
    /// The expected log loss, in nats.
    pub log_loss: Option<f64>,
    /// The expected Brier score.
    pub brier: Option<f64>,
}

/// Of rows with their score, by which they are selected (where it is not below the threshold), and their calibrated
/// probability; the same twice where scores are calibrated. The order of the rows makes no difference.
pub(in crate::learn) fn estimate(rows: &[(f64, f64)], threshold: f64) -> Estimated {
    let unit = |value: f64| (0.0..=1.0).contains(&value);
    let mut sound: Vec<(f64, f64)> = rows.iter().copied().filter(|&(s, c)| unit(s) && unit(c)).collect();
    sound.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (rejected, selected) = sound.split_at(sound.partition_point(|(score, _)| *score < threshold));
    let positive = |rows: &[(f64, f64)]| rows.iter().map(|(_, c)| c).sum::<f64>();
    let negative = |rows: &[(f64, f64)]| rows.iter().map(|(_, c)| 1.0 - c).sum::<f64>();
    let (tp, fp) = (positive(selected), negative(selected));
    let (fn_, tn) = (positive(rejected), negative(rejected));
    let count = sound.len() as f64;
    let share = |part: f64, all: f64| (all > 0.0).then(|| (part / all).min(1.0));
    let mean = |of: fn(f64, f64) -> f64| share_of(sound.iter().map(|&(s, c)| of(s, c)).sum(), count);
    let accuracy = share(tp + tn, count);
    let deviation = sound.iter().map(|(_, c)| c * (1.0 - c)).sum::<f64>().sqrt() / count;
    Estimated {
        count: sound.len() as u64,
        skipped: (rows.len() - sound.len()) as u64,
        true_positives: tp,
        false_positives: fp,
        true_negatives: tn,
        false_negatives: fn_,
        accuracy,
        accuracy_low: accuracy.map(|accuracy| (accuracy - Z95 * deviation).max(0.0)),
        accuracy_high: accuracy.map(|accuracy| (accuracy + Z95 * deviation).min(1.0)),
        precision: share(tp, selected.len() as f64),
        recall: share(tp, tp + fn_),
        auc: auc(sound.iter().copied()),
        log_loss: mean(|s, c| -c * s.max(f64::EPSILON).ln() - (1.0 - c) * (1.0 - s).max(f64::EPSILON).ln()),
        brier: mean(expected_brier),
    }
}

fn share_of(sum: f64, count: f64) -> Option<f64> {
    (count > 0.0).then(|| sum / count)
}

/// The expected squared error of a score whose row is positive with probability `calibrated`.
pub(super) fn expected_brier(score: f64, calibrated: f64) -> f64 {
    calibrated * (1.0 - score).powi(2) + (1.0 - calibrated) * score.powi(2)
}

/// From score to probability, by isotonic regression. B. Zadrozny and C. Elkan, "Transforming Classifier Scores into
/// Accurate Multiclass Probability Estimates", KDD 2002, 694-699. Straight between what was seen, constant beyond.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Calibrator {
    knots: Vec<(f64, f64)>,
}

impl Calibrator {
    /// Of scores with outcomes; `None` without rows of both outcomes.
    pub fn learn(rows: &[(f64, bool)]) -> Option<Calibrator> {
        let mut rows: Vec<(f64, bool)> =
            rows.iter().copied().filter(|(score, _)| score.is_finite()).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let positives = rows.iter().filter(|(_, actual)| *actual).count();
        if positives == 0 || positives == rows.len() {
            return None;
        }
        // First and last score, positives and rows of each block.
        let mut blocks: Vec<(f64, f64, f64, f64)> = Vec::new();
        for (score, actual) in rows {
            let actual = f64::from(u8::from(actual));
            match blocks.last_mut() {
                Some(block) if block.0 == score && block.1 == score => {
                    block.2 += actual;
                    block.3 += 1.0;
                }
                _ => {
                    pool(&mut blocks);
                    blocks.push((score, score, actual, 1.0));
                }
            }
        }
        pool(&mut blocks);
        let mut knots: Vec<(f64, f64)> = blocks
            .iter()
            .flat_map(|&(from, to, sum, count)| [(from, sum / count), (to, sum / count)])
            .collect();
        knots.dedup();
        Some(Calibrator { knots })
    }

    /// The probability of a score.
    pub fn apply(&self, score: f64) -> f64 {
        let place = self.knots.partition_point(|knot| knot.0 < score);
        match (place.checked_sub(1).map(|before| self.knots[before]), self.knots.get(place)) {
            (None, Some(first)) => first.1,
            (Some(last), None) => last.1,
            (Some(from), Some(to)) => from.1 + (to.1 - from.1) * ((score - from.0) / (to.0 - from.0)),
            (None, None) => score,
        }
    }

    /// The lowest score whose probability is not below this one.
    pub fn score_of(&self, probability: f64) -> Option<f64> {
        let place = self.knots.iter().position(|knot| knot.1 >= probability)?;
        let to = self.knots[place];
        match place.checked_sub(1).map(|before| self.knots[before]) {
            Some(from) if to.1 > from.1 => {
                Some(from.0 + (to.0 - from.0) * ((probability - from.1) / (to.1 - from.1)))
            }
            _ => Some(to.0),
        }
    }
}

/// Joins the last block with those before it that are not below it.
fn pool(blocks: &mut Vec<(f64, f64, f64, f64)>) {
    while let [.., before, last] = blocks[..]
        && before.2 * last.3 >= last.2 * before.3
    {
        blocks.truncate(blocks.len() - 2);
        blocks.push((before.0, last.1, before.2 + last.2, before.3 + last.3));
    }
}

/// A prediction of a number with what came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Outcome {
    /// The prediction.
    pub prediction: f64,
    /// Its interval, where it has one.
    pub interval: Option<(f64, f64)>,
    /// What came.
    pub actual: f64,
}

/// The expected absolute error of a prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct ExpectedError {
    level: f64,
    /// Observed errors over those expected of the intervals.
    factor: Option<f64>,
    /// The upper ends of the bins of predictions, but the last.
    edges: Vec<f64>,
    /// The mean absolute error in each bin.
    errors: Vec<f64>,
}

impl ExpectedError {
    /// Of predictions of a reference with their intervals of that level (0.8, 0.95) and what came. `None` without rows.
    pub fn learn(rows: &[Outcome], level: f64) -> Option<ExpectedError> {
        let sound = |row: &Outcome| (row.prediction - row.actual).is_finite();
        let mut rows: Vec<Outcome> = rows.iter().copied().filter(sound).collect();
        rows.sort_by(|a, b| a.prediction.total_cmp(&b.prediction).then(a.actual.total_cmp(&b.actual)));
        let (mut observed, mut expected) = (0.0, 0.0);
        for row in &rows {
            if let Some(error) = row.interval.and_then(|interval| from_interval(interval, level)) {
                observed += (row.prediction - row.actual).abs();
                expected += error;
            }
        }
        let bins = (rows.len() / BIN_ROWS).clamp(1, BINS);
        let (mut edges, mut sums) = (Vec::new(), vec![(0.0, 0.0)]);
        for (place, row) in rows.iter().enumerate() {
            let full = place * bins / rows.len() > edges.len();
            if full && rows[place - 1].prediction < row.prediction {
                edges.push(rows[place - 1].prediction);
                sums.push((0.0, 0.0));
            }
            if let Some(last) = sums.last_mut() {
                *last = (last.0 + (row.prediction - row.actual).abs(), last.1 + 1.0);
            }
        }
        let errors: Vec<f64> = sums.into_iter().map(|(sum, count)| sum / count).collect();
        let factor = Some(observed / expected).filter(|factor| factor.is_finite() && *factor > 0.0);
        errors.iter().all(|error| error.is_finite()).then_some(ExpectedError { level, factor, edges, errors })
    }

    /// What is expected of a prediction with or without an interval; `None` where it is not a finite number.
    pub fn of(&self, prediction: f64, interval: Option<(f64, f64)>) -> Option<f64> {
        let by_width = self.factor.zip(interval.and_then(|interval| from_interval(interval, self.level)));
        match by_width {
            _ if !prediction.is_finite() => None,
            Some((factor, error)) => Some(factor * error),
            None => self.errors.get(self.edges.partition_point(|edge| *edge < prediction)).copied(),
        }
    }
}

/// The mean absolute error of a normal distribution with this central interval of that level: its half width over the
/// quantile gives the standard deviation, and the root of 2 over pi times that the mean absolute deviation (R. C. Geary,
/// Biometrika 27 (1935), 310-332). `None` where it is no interval.
pub(in crate::learn) fn from_interval((lower, upper): (f64, f64), level: f64) -> Option<f64> {
    let half = upper / 2.0 - lower / 2.0;
    let error = half / normal::quantile(0.5 + level / 2.0) * std::f64::consts::FRAC_2_PI.sqrt();
    Some(error).filter(|error| error.is_finite() && *error >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(prediction: f64, interval: Option<(f64, f64)>, actual: f64) -> Outcome {
        Outcome { prediction, interval, actual }
    }

    const SCORES: [f64; 9] = [0.1, 0.4, 0.35, 0.8, 0.8, 0.05, 0.65, 0.9, 0.4];

    /// scikit-learn 1.9.1: its measures of every row twice, as positive with weight `p` and as negative with `1 - p`.
    #[test]
    fn agrees_with_weighted_scikit_learn() {
        let found = estimate(&SCORES.map(|score| (score, score)), 0.4);
        let near =
            |ours: Option<f64>, theirs: f64| assert!((ours.unwrap() - theirs).abs() < 1e-14, "{found:?}");
        near(found.auc, 0.8284356093344858);
        near(found.log_loss, 0.4989336276992137);
        near(found.brier, 0.16472222222222224);
        near(found.accuracy, 0.7166666666666667);
        near(found.precision, 0.6583333333333334);
        near(found.recall, 0.8876404494382022);
        let all = found.true_positives + found.false_positives + found.true_negatives + found.false_negatives;
        assert!((all - 9.0).abs() < 1e-12);
    }

    #[test]
    fn estimates_are_near_the_truth_where_probabilities_are_right() {
        let scores: Vec<f64> =
            (1..=4_000).map(|i| (f64::from(i) * 0.618_033_988_749_894_9).fract()).collect();
        // An outcome that is positive with just that probability.
        let came = |i: usize, p: f64| ((i as f64 + 1.0) * 0.754_877_666_246_692_8).fract() < p;
        let labelled: Vec<(f64, f64)> =
            scores.iter().enumerate().map(|(i, &p)| (p, f64::from(u8::from(came(i, p))))).collect();
        let right = labelled.iter().filter(|(p, y)| (*p >= 0.5) == (*y == 1.0)).count() as f64 / 4_000.0;
        let found = estimate(&scores.iter().map(|&p| (p, p)).collect::<Vec<_>>(), 0.5);
        assert!(found.accuracy_low.unwrap() <= right && right <= found.accuracy_high.unwrap());
        let mut sorted = labelled;
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!((auc(sorted.into_iter()).unwrap() - found.auc.unwrap()).abs() < 0.01);
    }

    /// scikit-learn 1.9.1: `IsotonicRegression(out_of_bounds="clip")`.
    #[test]
    fn calibration_agrees_with_scikit_learn() {
        let rows =
            [(0.1, false), (0.2, true), (0.3, false), (0.3, true), (0.5, false), (0.7, true), (0.8, true)];
        let calibrator = Calibrator::learn(&rows).unwrap();
        for (score, probability) in [
            (0.0, 0.0),
            (0.1, 0.0),
            (0.15, 0.24999999999999994),
            (0.2, 0.5),
            (0.4, 0.5),
            (0.5, 0.5),
            (0.6, 0.75),
            (0.75, 1.0),
            (1.0, 1.0),
        ] {
            assert!(
                (calibrator.apply(score) - probability).abs() < 1e-15,
                "{score}: {}",
                calibrator.apply(score)
            );
        }
        assert!((calibrator.apply(calibrator.score_of(0.6).unwrap()) - 0.6).abs() < 1e-12);
        let copy: Calibrator = serde_json::from_str(&serde_json::to_string(&calibrator).unwrap()).unwrap();
        assert_eq!(copy, calibrator);
        assert_eq!(Calibrator::learn(&rows[5..]), None);
    }

    #[test]
    fn wider_intervals_mean_larger_errors() {
        let rows: Vec<_> = (0..200)
            .map(|i| {
                let (prediction, half) = (f64::from(i), if i % 2 == 0 { 1.0 } else { 3.0 });
                outcome(prediction, Some((prediction - half, prediction + half)), prediction + half / 2.0)
            })
            .collect();
        let model = ExpectedError::learn(&rows, 0.8).unwrap();
        let at = |half: f64| model.of(50.0, Some((50.0 - half, 50.0 + half))).unwrap();
        assert!((at(1.0) - 0.5).abs() < 1e-12 && (at(3.0) - 1.5).abs() < 1e-12);
        assert!((model.of(50.0, None).unwrap() - 1.0).abs() < 1e-12);
        let copy: ExpectedError = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(copy, model);
    }

    #[test]
    fn without_intervals_the_size_of_the_prediction_tells() {
        let rows: Vec<_> = (0..400).map(|i| outcome(f64::from(i), None, 1.1 * f64::from(i))).collect();
        let model = ExpectedError::learn(&rows, 0.8).unwrap();
        assert_eq!(model.errors.len(), 10);
        assert!((model.of(1e9, None).unwrap() - 37.95).abs() < 0.1);
        assert!((model.of(-5.0, None).unwrap() - 1.95).abs() < 0.1);
    }

    #[test]
    fn bad_data_gives_nothing() {
        assert_eq!(ExpectedError::learn(&[], 0.8), None);
        assert_eq!(ExpectedError::learn(&[outcome(f64::NAN, None, 1.0)], 0.8), None);
        let flat = ExpectedError::learn(&[outcome(1.0, Some((1.0, 1.0)), 1.0); 50], 0.8).unwrap();
        assert_eq!(flat.of(1.0, Some((0.0, 2.0))), Some(0.0));
        assert_eq!(flat.of(f64::INFINITY, None), None);
        assert_eq!(from_interval((2.0, 1.0), 0.8), None);
        let found = estimate(&[(f64::NAN, 0.5), (2.0, 0.5)], 0.5);
        assert_eq!(found, Estimated { skipped: 2, ..Estimated::default() });
    }
}
