//! Isolation forest: odd rows are alone after few random cuts.
//!
//! F. T. Liu, K. M. Ting and Z.-H. Zhou, "Isolation Forest", IEEE International Conference on Data Mining (2008),
//! 413-422. A score is `2^(-mean depth / expected depth)`: near 1 for what is odd, 0.5 where nothing is. The reason for
//! a row is what its score loses when one column is set to its median, hence to nothing unusual.

use linfa::traits::PredictInplace;
use ndarray::{Array1, Array2, ArrayView1};
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::frame::{Frame, Values};
use super::robust::{CUTOFF, Spread, median};
use super::tree::{Tree, expected};
use crate::error::{Error, ErrorKind, Result};

/// Trees, and rows drawn for each: those of the paper, with more trees for steadier reasons.
const TREES: usize = 200;
const DRAWN: usize = 256;
/// Fewer rows than this say nothing about what is usual.
const FEWEST: usize = 8;

/// From which score a row is an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) enum Threshold {
    /// So large a part of the training rows is odd, between 0 and 0.5.
    Contamination(f64),
    /// The modified z-score of the score is above 3.5: B. Iglewicz and D. C. Hoaglin, "How to Detect and Handle
    /// Outliers" (1993), and the score above 0.5.
    Robust,
}

/// What is thought of a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Verdict {
    /// From 0 to 1; near 1 is odd.
    pub score: f64,
    /// Whether the score is above the threshold.
    pub anomaly: bool,
    /// For an anomaly: the columns that make it odd, most so first, with what the score would lose without.
    pub reasons: Vec<(String, f64)>,
}

/// A fitted forest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Forest {
    columns: Vec<Column>,
    left_out: Vec<(String, String)>,
    trees: Vec<Tree>,
    expected: f64,
    threshold: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Column {
    name: String,
    /// What stands in where the value is missing or set to nothing unusual.
    usual: f64,
    /// For texts: how often each occurs, as the logarithm of its part; ascending by text.
    texts: Option<Vec<(String, f64)>>,
    /// For texts not seen: as if each occurred once.
    unseen: f64,
}

impl Forest {
    /// Learns from a frame. A number counts as it is, a text as the logarithm of how often it occurs.
    ///
    /// # Errors
    /// [`ErrorKind::NoHistory`] with fewer than 8 rows; [`ErrorKind::Model`] where no column varies or the
    /// contamination is not between 0 and 0.5.
    pub fn fit(frame: &Frame, threshold: Threshold, seed: u64) -> Result<Forest> {
        if frame.rows() < FEWEST {
            let message = format!("{} rows are too few to tell what is unusual", frame.rows());
            return Err(Error::new(ErrorKind::NoHistory, message).with_hint("At least 8 rows are needed."));
        }
        let odd = matches!(threshold, Threshold::Contamination(part) if !(part > 0.0 && part <= 0.5));
        if odd {
            return Err(Error::new(ErrorKind::Model, "the contamination is not above 0 and at most 0.5"));
        }
        let (mut columns, mut left_out) = (Vec::new(), Vec::new());
        for column in frame.columns() {
            match learned(&column.name, &column.values) {
                Some(column) => columns.push(column),
                None => left_out.push((column.name.clone(), "it does not vary".to_owned())),
            }
        }
        if columns.is_empty() {
            return Err(Error::new(ErrorKind::Model, "no column varies: no row is unlike the others")
                .with_hint("Give the model columns with at least two different values."));
        }
        let mut forest = Forest { columns, left_out, trees: Vec::new(), expected: 1.0, threshold: 1.0 };
        let space = forest.space(frame)?;
        let drawn = DRAWN.min(space.nrows());
        let depth = (drawn as f64).log2().ceil() as usize;
        forest.expected = expected(drawn);
        forest.trees = (0..TREES)
            .into_par_iter()
            .map(|number| {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(number as u64);
                let rows = index::sample(&mut rng, space.nrows(), drawn).into_vec();
                Tree::grow(space.view(), rows, depth, &mut rng)
            })
            .collect();
        forest.threshold = cut(&forest.scores(&space), threshold);
        Ok(forest)
    }

    /// Columns that play no part, and why.
    pub fn left_out(&self) -> &[(String, String)] {
        &self.left_out
    }

    /// The score above which a row is an anomaly.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// What is thought of each row; reasons are given for anomalies.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where a column is missing or of the other kind.
    pub fn verdicts(&self, frame: &Frame) -> Result<Vec<Verdict>> {
        let space = self.space(frame)?;
        let verdict = |row: usize| {
            let score = self.score(space.row(row));
            let anomaly = score > self.threshold;
            let reasons = if anomaly { self.reasons(space.row(row), score) } else { Vec::new() };
            Verdict { score, anomaly, reasons }
        };
        Ok((0..space.nrows()).into_par_iter().map(verdict).collect())
    }

    fn reasons(&self, row: ArrayView1<'_, f64>, score: f64) -> Vec<(String, f64)> {
        let mut changed = row.to_owned();
        let mut reasons: Vec<(String, f64)> = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            changed[at] = column.usual;
            let lost = score - self.score(changed.view());
            changed[at] = row[at];
            if lost > 0.0 {
                reasons.push((column.name.clone(), lost));
            }
        }
        reasons.sort_by(|a, b| b.1.total_cmp(&a.1));
        reasons
    }

    fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        let depth: f64 = self.trees.iter().map(|tree| tree.path(row)).sum();
        (-depth / self.trees.len() as f64 / self.expected).exp2()
    }

    fn scores(&self, space: &Array2<f64>) -> Vec<f64> {
        (0..space.nrows()).into_par_iter().map(|row| self.score(space.row(row))).collect()
    }

    /// Numbers for every row; columns are found by name.
    fn space(&self, frame: &Frame) -> Result<Array2<f64>> {
        let mut space = Array2::zeros((frame.rows(), self.columns.len()));
        for (at, learned) in self.columns.iter().enumerate() {
            let found = frame.columns().iter().find(|column| column.name == learned.name);
            let mut places = space.column_mut(at);
            match (found.map(|column| &column.values), &learned.texts) {
                (Some(Values::Number(values)), None) => {
                    for (place, value) in places.iter_mut().zip(values) {
                        *place = if value.is_nan() { learned.usual } else { *value };
                    }
                }
                (Some(Values::Text(values)), Some(texts)) => {
                    for (place, value) in places.iter_mut().zip(values) {
                        let found =
                            value.as_ref().map(|value| texts.binary_search_by(|(text, _)| text.cmp(value)));
                        *place = match found {
                            None => learned.usual,
                            Some(Ok(text)) => texts[text].1,
                            Some(Err(_)) => learned.unseen,
                        };
                    }
                }
                (None, _) => {
                    return Err(Error::new(
                        ErrorKind::Model,
                        format!("column {:?} is missing", learned.name),
                    ));
                }
                (Some(_), _) => {
                    let message = format!("column {:?} is not of the kind it was learned with", learned.name);
                    return Err(Error::new(ErrorKind::Model, message));
                }
            }
        }
        Ok(space)
    }
}

impl PredictInplace<Array2<f64>, Array1<f64>> for Forest {
    fn predict_inplace(&self, space: &Array2<f64>, scores: &mut Array1<f64>) {
        for (score, row) in scores.iter_mut().zip(space.rows()) {
            *score = self.score(row);
        }
    }

    fn default_target(&self, space: &Array2<f64>) -> Array1<f64> {
        Array1::zeros(space.nrows())
    }
}

/// `None` where the column does not vary.
fn learned(name: &str, values: &Values) -> Option<Column> {
    let name = name.to_owned();
    match values {
        Values::Number(values) => {
            let known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
            let usual = median(&known)?;
            let varies = known.iter().any(|value| *value != known[0]);
            varies.then_some(Column { name, usual, texts: None, unseen: usual })
        }
        Values::Text(values) => {
            let mut counts = std::collections::BTreeMap::<&String, usize>::new();
            values.iter().flatten().for_each(|value| *counts.entry(value).or_default() += 1);
            let total: usize = counts.values().sum();
            let part = |count: usize| (count as f64 / total.max(1) as f64).ln();
            let most = part(*counts.values().max()?);
            let varies = counts.values().any(|count| part(*count) != most);
            let texts = counts.into_iter().map(|(text, count)| (text.clone(), part(count))).collect();
            varies.then_some(Column { name, usual: most, texts: Some(texts), unseen: part(1) })
        }
    }
}

/// The score above which rows are anomalies.
fn cut(scores: &[f64], threshold: Threshold) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match threshold {
        Threshold::Contamination(part) => {
            let odd = ((sorted.len() as f64 * part).round() as usize).clamp(1, sorted.len() - 1);
            sorted[sorted.len() - 1 - odd]
        }
        Threshold::Robust => {
            let spread = Spread::of(&sorted);
            spread.map_or(1.0, |spread| spread.centre + CUTOFF * spread.deviation).max(0.5)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::frame;
    use super::*;

    /// A spiral of 300 rows, and ten that are off it.
    pub(super) fn spiral() -> Vec<[f64; 3]> {
        let row = |i: usize| {
            let t = i as f64 * 0.1;
            let noise = |m: usize| ((i * m) % 97) as f64 / 97.0;
            match i % 31 {
                30 => [40.0 - noise(13) * 80.0, 45.0 * (noise(29) - 0.5).signum(), noise(7) * 8.0],
                _ => [t * t.cos() + noise(37), t * t.sin() + noise(53), noise(71)],
            }
        };
        (0..310).map(row).collect()
    }

    fn frame(rows: &[[f64; 3]]) -> Frame {
        let column = |at: usize| frame::Column {
            name: ["price", "quantity", "delay"][at].to_owned(),
            values: Values::Number(rows.iter().map(|row| row[at]).collect()),
        };
        Frame::new((0..3).map(column).collect()).unwrap()
    }

    /// scikit-learn 1.9.1, mean of `-score_samples` over ten `IsolationForest(n_estimators=200, random_state=0..9)`: the scores of
    /// every 31st row from 30, which are odd, and from 15, which are not.
    #[test]
    fn agrees_with_scikit_learn() {
        let forest = Forest::fit(&frame(&spiral()), Threshold::Robust, 1).unwrap();
        let verdicts = forest.verdicts(&frame(&spiral())).unwrap();
        let at = (0..10).map(|at| 31 * at + 30).chain((0..10).map(|at| 31 * at + 15));
        let ours: Vec<f64> = at.map(|row| verdicts[row].score).collect();
        let theirs: Vec<f64> = ODD.into_iter().chain(PLAIN).collect();
        for (at, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            assert!((ours - theirs).abs() < 0.03, "{at}: {ours} {theirs}");
        }
        // Spearman's rank correlation.
        let rank =
            |values: &[f64], at: usize| values.iter().filter(|value| **value < values[at]).count() as f64;
        let squares: f64 = (0..20).map(|at| (rank(&ours, at) - rank(&theirs, at)).powi(2)).sum();
        assert!(1.0 - 6.0 * squares / (20.0 * 399.0) > 0.95, "{squares}");
    }

    const ODD: [f64; 10] = [0.7309, 0.7376, 0.7327, 0.7644, 0.6059, 0.7287, 0.7805, 0.7774, 0.611, 0.691];
    const PLAIN: [f64; 10] = [0.4218, 0.3868, 0.3932, 0.4387, 0.4178, 0.4205, 0.4607, 0.4566, 0.4771, 0.5039];

    #[test]
    fn the_reason_is_the_odd_column() {
        let mut rows: Vec<[f64; 3]> = (0..200).map(|i| [f64::from(i % 10), f64::from(i % 7), 1.0]).collect();
        rows[17][1] = 500.0;
        let forest = Forest::fit(&frame(&rows), Threshold::Contamination(0.005), 1).unwrap();
        assert_eq!(forest.left_out()[0].0, "delay");
        let verdicts = forest.verdicts(&frame(&rows)).unwrap();
        let odd: Vec<usize> = (0..200).filter(|&row| verdicts[row].anomaly).collect();
        assert_eq!(odd, [17]);
        assert_eq!(verdicts[17].reasons[0].0, "quantity");
    }

    #[test]
    fn json_brings_it_back_and_threads_leave_no_trace() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Forest::fit(&frame(&spiral()), Threshold::Robust, 4).unwrap())
        };
        let forest = run(1);
        assert_eq!(forest, run(4));
        let back: Forest = serde_json::from_str(&serde_json::to_string(&forest).unwrap()).unwrap();
        assert_eq!(back.verdicts(&frame(&spiral())).unwrap(), forest.verdicts(&frame(&spiral())).unwrap());
    }

    #[test]
    fn bad_data_is_refused_and_gaps_are_not() {
        let constant = frame(&[[1.0, 2.0, 3.0]; 20]);
        assert_eq!(Forest::fit(&constant, Threshold::Robust, 1).unwrap_err().kind(), ErrorKind::Model);
        let missing = frame(&[[f64::NAN; 3]; 20]);
        assert_eq!(Forest::fit(&missing, Threshold::Robust, 1).unwrap_err().kind(), ErrorKind::Model);
        let one = frame(&[[1.0, 2.0, 3.0]]);
        assert_eq!(Forest::fit(&one, Threshold::Robust, 1).unwrap_err().kind(), ErrorKind::NoHistory);
        let mut gaps = spiral();
        gaps[3] = [f64::NAN; 3];
        gaps[4] = [1e308, -1e308, 0.0];
        let forest = Forest::fit(&frame(&gaps), Threshold::Robust, 1).unwrap();
        let verdicts = forest.verdicts(&frame(&gaps)).unwrap();
        assert!(verdicts.iter().all(|verdict| verdict.score.is_finite()));
        assert!(!verdicts[3].anomaly && verdicts[4].anomaly);
    }
}
