//! Probabilities that mean what they say.
//!
//! A calibration maps a model's probabilities to the shares seen, learnt from predictions of rows the model had not
//! seen. Platt's sigmoid of the log odds (J. Platt, "Probabilistic Outputs for Support Vector Machines", Advances in
//! Large Margin Classifiers (1999), 61-74; fitted by the Newton method of H.-T. Lin, C.-J. Lin and R. C. Weng, Machine
//! Learning 68 (2007), 267-276, with their targets), or a non-decreasing step function (B. Zadrozny and C. Elkan, KDD
//! 2002, 694-699; pool adjacent violators: M. Ayer et al., Annals of Mathematical Statistics 26 (1955), 641-647),
//! joined by straight lines.

use serde::{Deserialize, Serialize};

use super::metrics;

/// Fewer rows of the rarer class than this do not carry a step function.
const STEPS_NEED: usize = 200;
/// A calibration must lower the log loss by this part to be used at all.
const WORTHWHILE: f64 = 1e-3;

/// From actual targets and probabilities.
type Fit = fn(&[f64], &[f64]) -> Calibration;

/// From a model's probability to a calibrated one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) enum Calibration {
    /// As it is.
    Identity,
    /// `1 / (1 + exp(-(slope * log odds + intercept)))`.
    Platt {
        /// Of the log odds; above 1 where the model is too timid.
        slope: f64,
        /// Added to the scaled log odds.
        intercept: f64,
    },
    /// Straight lines between points, flat outside of them.
    Isotonic {
        /// Probabilities of the model, ascending.
        from: Vec<f64>,
        /// Calibrated probabilities, never falling.
        to: Vec<f64>,
    },
}

impl Calibration {
    /// The calibrated probability.
    pub fn apply(&self, probability: f64) -> f64 {
        match self {
            Calibration::Identity => probability,
            Calibration::Platt { slope, intercept } => sigmoid(slope * log_odds(probability) + intercept),
            Calibration::Isotonic { from, to } => interpolate(from, to, probability),
        }
    }

    /// A short name.
    pub fn name(&self) -> &'static str {
        match self {
            Calibration::Identity => "none",
            Calibration::Platt { .. } => "platt",
            Calibration::Isotonic { .. } => "isotonic",
        }
    }

    /// The kind that lowers the log loss most where it is fitted without the part it is judged on; then of all rows.
    /// `part` numbers the fold each prediction came from. Also the probabilities calibrated that way, for honest
    /// metrics.
    pub fn choose(actual: &[f64], probability: &[f64], part: &[usize]) -> (Calibration, Vec<f64>) {
        let positives = actual.iter().filter(|actual| **actual == 1.0).count();
        let rarer = positives.min(actual.len() - positives);
        let mut best = (Calibration::Identity, probability.to_vec());
        if rarer < 5 {
            return best;
        }
        let loss = |probability: &[f64]| metrics::log_loss(actual, probability).unwrap_or(f64::MAX);
        let mut lowest = loss(probability) * (1.0 - WORTHWHILE);
        let kinds: [Fit; 2] = [platt, isotonic];
        for fit in &kinds[..if rarer < STEPS_NEED { 1 } else { 2 }] {
            let crossed = cross(*fit, actual, probability, part);
            let reached = loss(&crossed);
            if reached < lowest {
                lowest = reached;
                best = (fit(actual, probability), crossed);
            }
        }
        best
    }
}

fn cross(fit: Fit, actual: &[f64], probability: &[f64], part: &[usize]) -> Vec<f64> {
    let mut parts: Vec<usize> = part.to_vec();
    parts.sort_unstable();
    parts.dedup();
    let mut crossed = probability.to_vec();
    if parts.len() < 2 {
        return crossed;
    }
    for held_out in parts {
        let others = (0..part.len()).filter(|row| part[*row] != held_out);
        let (a, p): (Vec<f64>, Vec<f64>) = others.map(|row| (actual[row], probability[row])).unzip();
        let calibration = fit(&a, &p);
        for row in (0..part.len()).filter(|row| part[*row] == held_out) {
            crossed[row] = calibration.apply(probability[row]);
        }
    }
    crossed
}

/// Platt's sigmoid over the log odds.
pub(super) fn platt(actual: &[f64], probability: &[f64]) -> Calibration {
    let scores: Vec<f64> = probability.iter().map(|p| log_odds(*p)).collect();
    let (slope, intercept) = sigmoid_fit(actual, &scores);
    if slope >= 0.0 {
        return Calibration::Platt { slope, intercept };
    }
    // What ranks upside down says nothing: it is not turned around.
    let rate = actual.iter().sum::<f64>() / actual.len().max(1) as f64;
    Calibration::Platt { slope: 0.0, intercept: log_odds(rate) }
}

/// Slope and intercept of `sigmoid(slope * score + intercept)` by Newton's method with backtracking.
pub(super) fn sigmoid_fit(actual: &[f64], scores: &[f64]) -> (f64, f64) {
    let positives = actual.iter().filter(|actual| **actual == 1.0).count() as f64;
    let negatives = actual.len() as f64 - positives;
    let high = (positives + 1.0) / (positives + 2.0);
    let low = 1.0 / (negatives + 2.0);
    let targets: Vec<f64> = actual.iter().map(|actual| if *actual == 1.0 { high } else { low }).collect();
    let loss = |slope: f64, intercept: f64| -> f64 {
        let one = |(target, score): (&f64, &f64)| {
            let z = slope * score + intercept;
            // log(1 + exp(z)) - target * z, without overflow.
            z.max(0.0) + (-z.abs()).exp().ln_1p() - target * z
        };
        targets.iter().zip(scores).map(one).sum()
    };
    let (mut slope, mut intercept) = (0.0, ((positives + 1.0) / (negatives + 1.0)).ln());
    let mut value = loss(slope, intercept);
    for _ in 0..100 {
        let (mut g1, mut g2, mut h11, mut h12, mut h22) = (0.0, 0.0, 1e-12, 0.0, 1e-12);
        for (target, score) in targets.iter().zip(scores) {
            let p = sigmoid(slope * score + intercept);
            let (apart, weight) = (p - target, p * (1.0 - p));
            g1 += score * apart;
            g2 += apart;
            h11 += score * score * weight;
            h12 += score * weight;
            h22 += weight;
        }
        if g1.abs() < 1e-9 && g2.abs() < 1e-9 {
            break;
        }
        let determinant = h11 * h22 - h12 * h12;
        if determinant <= 0.0 {
            break;
        }
        let (d1, d2) = (-(h22 * g1 - h12 * g2) / determinant, -(h11 * g2 - h12 * g1) / determinant);
        let downhill = g1 * d1 + g2 * d2;
        let mut step = 1.0;
        loop {
            let (s, i) = (slope + step * d1, intercept + step * d2);
            let reached = loss(s, i);
            if reached < value + 1e-4 * step * downhill {
                (slope, intercept, value) = (s, i, reached);
                break;
            }
            step /= 2.0;
            if step < 1e-10 {
                return (slope, intercept);
            }
        }
    }
    (slope, intercept)
}

/// The nearest non-decreasing function, in least squares, with a point in the middle of each step; ends are drawn in by
/// half an observation so that no probability is 0 or 1.
pub(super) fn isotonic(actual: &[f64], probability: &[f64]) -> Calibration {
    struct Block {
        from: f64,
        weight: f64,
        sum: f64,
    }
    let mut order: Vec<usize> = (0..actual.len()).collect();
    order.sort_by(|a, b| probability[*a].total_cmp(&probability[*b]));
    let mut blocks: Vec<Block> = Vec::new();
    for tied in order.chunk_by(|a, b| probability[*a] == probability[*b]) {
        let weight = tied.len() as f64;
        let sum = tied.iter().map(|row| actual[*row]).sum();
        blocks.push(Block { from: probability[tied[0]] * weight, weight, sum });
        while let [.., before, after] = &blocks[..] {
            if before.sum / before.weight < after.sum / after.weight {
                break;
            }
            let merged = Block {
                from: before.from + after.from,
                weight: before.weight + after.weight,
                sum: before.sum + after.sum,
            };
            blocks.truncate(blocks.len() - 2);
            blocks.push(merged);
        }
    }
    let level = |block: &Block| {
        let margin = 0.5 / (block.weight + 1.0);
        (block.sum / block.weight).clamp(margin, 1.0 - margin)
    };
    let from = blocks.iter().map(|block| block.from / block.weight).collect();
    let mut to: Vec<f64> = blocks.iter().map(level).collect();
    for i in 1..to.len() {
        to[i] = to[i].max(to[i - 1]);
    }
    Calibration::Isotonic { from, to }
}

fn interpolate(from: &[f64], to: &[f64], at: f64) -> f64 {
    let next = from.partition_point(|from| *from <= at);
    match (next.checked_sub(1), from.get(next)) {
        (None, None) => at,
        (None, Some(_)) => to[0],
        (Some(last), None) => to[last],
        (Some(below), Some(above)) => {
            let share = (at - from[below]) / (above - from[below]);
            to[below] + share * (to[next] - to[below])
        }
    }
}

/// `1 / (1 + exp(-z))`.
pub(super) fn sigmoid(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

/// The inverse of [`sigmoid`], kept finite.
pub(super) fn log_odds(probability: f64) -> f64 {
    let p = probability.clamp(1e-12, 1.0 - 1e-12);
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> (Vec<f64>, Vec<f64>, Vec<usize>) {
        // Too sure of itself: the true log odds are half of those stated.
        let score = |i: i32| f64::from(i * 37 % 101 - 50) / 12.0;
        let actual = (0..2000)
            .map(|i| f64::from(u8::from(f64::from(i * 61 % 97) / 97.0 < sigmoid(score(i) / 2.0))))
            .collect();
        let probability = (0..2000).map(|i| sigmoid(score(i))).collect();
        (actual, probability, (0..2000).map(|i| i % 5).collect())
    }

    /// scikit-learn 1.9.1: `sklearn.calibration._sigmoid_calibration(scores, y)`, which states `-slope` and
    /// `-intercept`.
    #[test]
    fn platt_agrees_with_scikit_learn() {
        let scores = [-2.0, -1.0, -0.5, 0.0, 0.3, 0.8, 1.5, 2.5];
        let actual = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0];
        let (slope, intercept) = sigmoid_fit(&actual, &scores);
        assert!((slope - PLATT[0]).abs() < 1e-5, "{slope}");
        assert!((intercept - PLATT[1]).abs() < 1e-5, "{intercept}");
    }

    const PLATT: [f64; 2] = [0.6376755946680266, -0.12309779985863362];

    #[test]
    fn overconfidence_is_halved() {
        let (actual, probability, part) = data();
        let Calibration::Platt { slope, intercept } = platt(&actual, &probability) else { unreachable!() };
        assert!((slope - 0.5).abs() < 0.05 && intercept.abs() < 0.1, "{slope} {intercept}");
        let (chosen, crossed) = Calibration::choose(&actual, &probability, &part);
        assert_ne!(chosen, Calibration::Identity);
        let error = |p: &[f64]| metrics::calibration_error(&actual, p).unwrap();
        assert!(error(&crossed) < 0.4 * error(&probability));
    }

    #[test]
    fn steps_never_fall_and_stay_inside() {
        let (actual, probability, _) = data();
        let calibration = isotonic(&actual, &probability);
        let mapped: Vec<f64> = (0..=100).map(|i| calibration.apply(f64::from(i) / 100.0)).collect();
        assert!(mapped.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(mapped.iter().all(|p| *p > 0.0 && *p < 1.0));
    }

    #[test]
    fn little_data_is_left_alone() {
        let (chosen, crossed) = Calibration::choose(&[0.0, 1.0, 0.0], &[0.2, 0.6, 0.1], &[0, 1, 2]);
        assert_eq!((chosen, crossed), (Calibration::Identity, vec![0.2, 0.6, 0.1]));
        let separable = platt(&[0.0, 0.0, 1.0, 1.0], &[0.0, 0.0, 1.0, 1.0]);
        assert!(separable.apply(1.0).is_finite() && separable.apply(0.0) < 0.5);
    }

    #[test]
    fn a_round_trip_changes_nothing() {
        let (actual, probability, _) = data();
        for calibration in [platt(&actual, &probability), isotonic(&actual, &probability)] {
            let text = serde_json::to_string(&calibration).unwrap();
            assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
        }
    }
}
