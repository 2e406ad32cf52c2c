//! How good predictions are.
//!
//! `actual` is 0 or 1 for probabilities and any number otherwise. Nothing of nothing: an empty slice, or a target with
//! one class where two are needed, gives `None`.

use serde::{Deserialize, Serialize};

/// Probabilities are kept this far from 0 and 1 before a logarithm is taken.
const FLOOR: f64 = 1e-15;

/// The area under the receiver operating characteristic: the probability that a positive is ranked above a negative,
/// ties counted half (J. A. Hanley and B. J. McNeil, Radiology 143 (1982), 29-36).
pub(in crate::learn) fn roc_auc(actual: &[f64], score: &[f64]) -> Option<f64> {
    let positives = actual.iter().filter(|actual| **actual == 1.0).count() as f64;
    let negatives = actual.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return None;
    }
    let (mut below, mut pairs) = (0.0, 0.0);
    for tied in groups(&descending(score), score).iter().rev() {
        let up = tied.iter().filter(|row| actual[**row] == 1.0).count() as f64;
        let down = tied.len() as f64 - up;
        pairs += up * (below + down / 2.0);
        below += down;
    }
    Some(pairs / (positives * negatives))
}

/// The mean of the precision over the positives, without interpolation: `sum (recall_k - recall_(k-1)) precision_k` over
/// distinct scores.
pub(in crate::learn) fn average_precision(actual: &[f64], score: &[f64]) -> Option<f64> {
    let positives = actual.iter().filter(|actual| **actual == 1.0).count() as f64;
    if positives == 0.0 {
        return None;
    }
    let (mut hits, mut seen, mut sum) = (0.0, 0.0, 0.0);
    for tied in groups(&descending(score), score) {
        let up = tied.iter().filter(|row| actual[**row] == 1.0).count() as f64;
        hits += up;
        seen += tied.len() as f64;
        sum += up / positives * (hits / seen);
    }
    Some(sum)
}

/// The mean negative log likelihood of probabilities.
pub(in crate::learn) fn log_loss(actual: &[f64], probability: &[f64]) -> Option<f64> {
    mean(actual.iter().zip(probability).map(|(actual, probability)| {
        let p = probability.clamp(FLOOR, 1.0 - FLOOR);
        -(actual * p.ln() + (1.0 - actual) * (1.0 - p).ln())
    }))
}

/// The mean squared error of probabilities (G. W. Brier, Monthly Weather Review 78 (1950), 1-3, for two classes halved);
/// of numbers, their mean squared error.
pub(in crate::learn) fn mean_squared_error(actual: &[f64], predicted: &[f64]) -> Option<f64> {
    mean(actual.iter().zip(predicted).map(|(actual, predicted)| (actual - predicted).powi(2)))
}

/// One row of a reliability table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Reliability {
    /// How many rows fell here.
    pub rows: usize,
    /// The mean probability predicted.
    pub predicted: f64,
    /// The share of positives seen.
    pub observed: f64,
}

/// Predicted against observed shares in `bins` groups of (nearly) equal size, from the lowest probability; rows with the
/// same probability stay together.
pub(in crate::learn) fn reliability(actual: &[f64], probability: &[f64], bins: usize) -> Vec<Reliability> {
    let mut order = descending(probability);
    order.reverse();
    let size = actual.len().div_ceil(bins.max(1)).max(1);
    let mut table = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let close = |rows: &[usize]| {
        let count = rows.len() as f64;
        Reliability {
            rows: rows.len(),
            predicted: rows.iter().map(|row| probability[*row]).sum::<f64>() / count,
            observed: rows.iter().map(|row| actual[*row]).sum::<f64>() / count,
        }
    };
    for tied in groups(&order, probability) {
        open.extend(tied);
        if open.len() >= size {
            table.push(close(&open));
            open.clear();
        }
    }
    if !open.is_empty() {
        table.push(close(&open));
    }
    table
}

/// The expected calibration error: the mean distance between predicted and observed shares, weighted by rows (M. P.
/// Naeini, G. Cooper and M. Hauskrecht, AAAI 29 (2015), 2901-2907), over ten groups of equal size.
pub(in crate::learn) fn calibration_error(actual: &[f64], probability: &[f64]) -> Option<f64> {
    let table = reliability(actual, probability, 10);
    let rows: usize = table.iter().map(|row| row.rows).sum();
    let apart = |row: &Reliability| row.rows as f64 * (row.predicted - row.observed).abs();
    (rows > 0).then(|| table.iter().map(apart).sum::<f64>() / rows as f64)
}

/// How decisions at a threshold turned out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Confusion {
    /// Positives called positive.
    pub true_positives: usize,
    /// Negatives called positive.
    pub false_positives: usize,
    /// Negatives called negative.
    pub true_negatives: usize,
    /// Positives called negative.
    pub false_negatives: usize,
}

impl Confusion {
    /// Of calling positive whatever is at or above the threshold.
    pub fn at(actual: &[f64], probability: &[f64], threshold: f64) -> Confusion {
        let mut confusion = Confusion::default();
        for (actual, probability) in actual.iter().zip(probability) {
            match (*actual == 1.0, *probability >= threshold) {
                (true, true) => confusion.true_positives += 1,
                (false, true) => confusion.false_positives += 1,
                (false, false) => confusion.true_negatives += 1,
                (true, false) => confusion.false_negatives += 1,
            }
        }
        confusion
    }

    /// The share of right decisions.
    pub fn accuracy(&self) -> Option<f64> {
        let right = self.true_positives + self.true_negatives;
        ratio(right, right + self.false_positives + self.false_negatives)
    }

    /// The harmonic mean of precision and recall.
    pub fn f1(&self) -> Option<f64> {
        ratio(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)
    }
}

/// What wrong decisions cost, in any one unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Costs {
    /// Of acting where nothing would have happened.
    pub false_positive: f64,
    /// Of not acting where something happened.
    pub false_negative: f64,
}

impl Costs {
    /// The threshold above which acting costs less on average, where probabilities are calibrated: `a / (a + b)` with
    /// false positives at `a` and false negatives at `b` (C. Elkan, IJCAI 17 (2001), 973-978).
    pub fn threshold(&self) -> f64 {
        self.false_positive / (self.false_positive + self.false_negative)
    }

    /// The mean cost of a row of these decisions.
    #[cfg(test)]
    pub fn of(&self, confusion: &Confusion) -> Option<f64> {
        let rows = confusion.true_positives
            + confusion.true_negatives
            + confusion.false_positives
            + confusion.false_negatives;
        let cost = self.false_positive * confusion.false_positives as f64
            + self.false_negative * confusion.false_negatives as f64;
        (rows > 0).then(|| cost / rows as f64)
    }
}

/// The threshold that would have cost least on these rows; of equal ones the highest. Half way between the probability
/// that is just called positive and the next one below.
pub(in crate::learn) fn cheapest_threshold(actual: &[f64], probability: &[f64], costs: Costs) -> f64 {
    let order = descending(probability);
    let groups = groups(&order, probability);
    let positives = actual.iter().filter(|actual| **actual == 1.0).count() as f64;
    let mut cost = positives * costs.false_negative;
    let (mut best, mut threshold) = (cost, 1.0);
    for (at, tied) in groups.iter().enumerate() {
        for &row in *tied {
            cost += if actual[row] == 1.0 { -costs.false_negative } else { costs.false_positive };
        }
        if cost < best {
            let here = probability[tied[0]];
            let below = groups.get(at + 1).map_or(0.0, |next| probability[next[0]]);
            (best, threshold) = (cost, f64::midpoint(here, below));
        }
    }
    threshold
}

/// The share of the variance explained; `None` where the actual never varies.
pub(in crate::learn) fn r_squared(actual: &[f64], predicted: &[f64]) -> Option<f64> {
    let centre = mean(actual.iter().copied())?;
    let variance = mean(actual.iter().map(|actual| (actual - centre).powi(2)))?;
    (variance > 0.0).then_some(1.0 - mean_squared_error(actual, predicted)? / variance)
}

/// The mean absolute error.
pub(in crate::learn) fn mean_absolute_error(actual: &[f64], predicted: &[f64]) -> Option<f64> {
    mean(actual.iter().zip(predicted).map(|(actual, predicted)| (actual - predicted).abs()))
}

/// The mean of predicted minus actual: above zero where too much is predicted.
pub(in crate::learn) fn bias(actual: &[f64], predicted: &[f64]) -> Option<f64> {
    mean(actual.iter().zip(predicted).map(|(actual, predicted)| predicted - actual))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Rows from the highest score to the lowest; equal ones in their order.
fn descending(score: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..score.len()).collect();
    order.sort_by(|a, b| score[*b].total_cmp(&score[*a]));
    order
}

/// Neighbours with equal scores.
fn groups<'a>(order: &'a [usize], score: &[f64]) -> Vec<&'a [usize]> {
    order.chunk_by(|a, b| score[*a] == score[*b]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTUAL: [f64; 8] = [0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
    const SCORE: [f64; 8] = [0.1, 0.4, 0.4, 0.8, 0.4, 0.35, 0.9, 0.7];

    fn close(ours: Option<f64>, theirs: f64) {
        assert!((ours.unwrap() - theirs).abs() < 1e-12, "{ours:?} {theirs}");
    }

    /// scikit-learn 1.9.1: `roc_auc_score`, `average_precision_score`, `log_loss`, `brier_score_loss`, `f1_score` at
    /// 0.5, `r2_score`.
    #[test]
    fn agrees_with_scikit_learn() {
        close(roc_auc(&ACTUAL, &SCORE), REFERENCE[0]);
        close(average_precision(&ACTUAL, &SCORE), REFERENCE[1]);
        close(log_loss(&ACTUAL, &SCORE), REFERENCE[2]);
        close(mean_squared_error(&ACTUAL, &SCORE), REFERENCE[3]);
        close(Confusion::at(&ACTUAL, &SCORE, 0.5).f1(), REFERENCE[4]);
        close(r_squared(&ACTUAL, &SCORE), REFERENCE[5]);
    }

    const REFERENCE: [f64; 6] =
        [0.6875, 0.625, 0.7202442634389461, 0.24406250000000002, 0.5714285714285714, 0.023749999999999938];

    #[test]
    fn one_class_or_none_has_no_ranking() {
        assert_eq!(roc_auc(&[1.0, 1.0], &[0.2, 0.3]), None);
        assert_eq!(average_precision(&[0.0], &[0.2]), None);
        assert_eq!(log_loss(&[], &[]), None);
        assert_eq!(r_squared(&[2.0, 2.0], &[1.0, 2.0]), None);
        assert!(log_loss(&[1.0], &[0.0]).unwrap().is_finite());
    }

    #[test]
    fn the_threshold_follows_the_costs() {
        let dear_misses = Costs { false_positive: 1.0, false_negative: 9.0 };
        assert!((dear_misses.threshold() - 0.1).abs() < 1e-15);
        let at = cheapest_threshold(&ACTUAL, &SCORE, dear_misses);
        assert!(at > 0.35 && at <= 0.4, "{at}");
        let dear_alarms = Costs { false_positive: 100.0, false_negative: 1.0 };
        assert_eq!(cheapest_threshold(&ACTUAL, &SCORE, dear_alarms), 1.0);
        let confusion = Confusion::at(&ACTUAL, &SCORE, at);
        close(dear_misses.of(&confusion), 2.0 / 8.0);
    }

    #[test]
    fn calibrated_probabilities_have_no_calibration_error() {
        let actual: Vec<f64> = (0..100).map(|i| f64::from(u8::from(i % 4 == 0))).collect();
        close(calibration_error(&actual, &[0.25; 100]), 0.0);
        close(calibration_error(&actual, &[0.75; 100]), 0.5);
        assert_eq!(reliability(&actual, &[0.25; 100], 10).len(), 1);
        assert!(reliability(&[], &[], 10).is_empty());
    }
}
