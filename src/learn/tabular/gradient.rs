//! Gradient boosting of small trees.
//!
//! J. H. Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29 (2001),
//! 1189-1232, with Newton steps in the leaves, rows and columns drawn anew for each tree (J. H. Friedman, Computational
//! Statistics & Data Analysis 38 (2002), 367-378), and trees from [`tree`](super::tree). How many rounds and how large
//! the trees are is found on rows held out inside the fit.

use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2, ArrayView1};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::calibrate::{log_odds, sigmoid};
use super::split;
use super::tree::{self, Bins, Grown, Limits, Tree};
use crate::error::{Error, ErrorKind, Result};

/// With more rows than this one part is held out; with fewer, each in turn, and the models are averaged.
pub(super) const MANY_ROWS: usize = 20_000;
/// So many models are averaged where one part was held out.
const DRAWS: u64 = 4;
/// Sizes of trees that are tried: leaves and depth.
const SIZES: [(usize, usize); 3] = [(4, 3), (8, 4), (24, 6)];

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) enum Objective {
    /// Half the squared error; predicts the mean.
    Squared,
    /// The log loss of a target of 0 and 1; predicts a probability.
    Logistic,
    /// The pinball loss at this level, between 0 and 1; predicts a quantile (R. Koenker and G. Bassett, Econometrica 46
    /// (1978), 33-50).
    Quantile(f64),
}

/// Which rows decide how many rounds are enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) enum Stopping {
    /// Random folds.
    Folds(usize),
    /// The last share of the rows, which are in the order of time.
    Latest(f64),
}

/// How to boost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct BoostingParams {
    /// What is minimised.
    pub objective: Objective,
    /// Which rows end it.
    pub stopping: Stopping,
    /// The part of each tree's answer that is believed.
    pub learning_rate: f64,
    /// At most so many trees.
    pub rounds: usize,
    /// So many rounds without a better loss are enough.
    pub patience: usize,
    /// The ridge on leaves.
    pub l2: f64,
    /// At least so many rows in a leaf; fewer where there are few rows.
    pub leaf_rows: usize,
    /// The share of rows drawn for each tree.
    pub row_share: f64,
    /// The share of columns drawn for each tree.
    pub column_share: f64,
    /// Of everything random.
    pub seed: u64,
}

impl BoostingParams {
    /// Sound defaults.
    pub fn new(objective: Objective, seed: u64) -> BoostingParams {
        BoostingParams {
            objective,
            stopping: Stopping::Folds(4),
            learning_rate: 0.05,
            rounds: 1_000,
            patience: 50,
            l2: 1.0,
            leaf_rows: 20,
            row_share: 0.8,
            column_share: 0.6,
            seed,
        }
    }
}

/// Trees that are added up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Boosting {
    objective: Objective,
    base: f64,
    trees: Vec<Tree>,
}

impl Fit<Array2<f64>, Array1<f64>, Error> for BoostingParams {
    type Object = Boosting;

    /// Rows by features (NaN is missing) and one target a row.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] without rows, or where a target is not finite (not 0 or 1 for the logistic loss).
    fn fit(&self, dataset: &DatasetBase<Array2<f64>, Array1<f64>>) -> Result<Boosting> {
        let target: Vec<f64> = dataset.targets().to_vec();
        let fits = |target: &f64| match self.objective {
            Objective::Logistic => *target == 0.0 || *target == 1.0,
            Objective::Squared | Objective::Quantile(_) => target.is_finite(),
        };
        if target.is_empty() || !target.iter().all(fits) {
            return Err(Error::new(ErrorKind::Model, "boosting needs rows with a target that fits its loss"));
        }
        let bins = Bins::new(dataset.records().view());
        Ok(self.boost(&bins, &target))
    }
}

/// A model on its way, with what it was judged by.
struct Run {
    base: f64,
    trees: Vec<Tree>,
    /// The loss on the rows held out; zero without such rows.
    loss: f64,
}

impl BoostingParams {
    fn boost(&self, bins: &Bins, target: &[f64]) -> Boosting {
        let rows = target.len();
        let parts: Vec<(Vec<u32>, Vec<u32>)> = match self.stopping {
            _ if rows < 10 => Vec::new(),
            Stopping::Latest(share) => {
                let cut = ((rows as f64 * (1.0 - share)) as usize).clamp(1, rows - 1);
                vec![((0..cut as u32).collect(), (cut as u32..rows as u32).collect())]
            }
            Stopping::Folds(count) => {
                let fold = split::assign(target, count.max(2), self.seed);
                let part = |held_out| (0..rows as u32).partition(|row| fold[*row as usize] != held_out);
                (0..if rows > MANY_ROWS { 1 } else { count.max(2) }).map(part).collect()
            }
        };
        // Many rows carry large trees.
        let smallest = usize::from(rows > MANY_ROWS);
        let tasks: Vec<(usize, usize)> =
            (smallest..SIZES.len()).flat_map(|size| (0..parts.len()).map(move |part| (size, part))).collect();
        let runs: Vec<Run> = tasks
            .par_iter()
            .map(|(size, part)| {
                let (train, held_out) = &parts[*part];
                self.run(bins, target, train, held_out, SIZES[*size], self.rounds, *part as u64)
            })
            .collect();
        let loss = |size: usize| -> f64 {
            tasks.iter().zip(&runs).filter(|(task, _)| task.0 == size).map(|(_, run)| run.loss).sum()
        };
        let size = (smallest..SIZES.len()).reduce(|a, b| if loss(b) < loss(a) { b } else { a }).unwrap_or(0);
        let mut chosen: Vec<Run> =
            tasks.iter().zip(runs).filter(|(task, _)| task.0 == size).map(|(_, run)| run).collect();
        if chosen.len() <= 1 {
            // The rows held out learn too, and a few draws of rows and columns are steadier than one.
            let rounds = chosen.first().map_or(20, |run| run.trees.len());
            let all: Vec<u32> = (0..rows as u32).collect();
            let draws = if rows > MANY_ROWS { 1 } else { DRAWS };
            chosen = (0..draws)
                .into_par_iter()
                .map(|draw| self.run(bins, target, &all, &[], SIZES[size], rounds, draw))
                .collect();
        }
        let share = 1.0 / chosen.len() as f64;
        let base = chosen.iter().map(|run| run.base).sum::<f64>() * share;
        let mut trees: Vec<Tree> = chosen.into_iter().flat_map(|run| run.trees).collect();
        trees.iter_mut().for_each(|tree| tree.scale(share));
        Boosting { objective: self.objective, base, trees }
    }

    /// Boosts on some rows until the loss on others no longer falls.
    #[allow(clippy::too_many_arguments, reason = "one call, and a struct would only name them again")]
    fn run(
        &self,
        bins: &Bins,
        target: &[f64],
        train: &[u32],
        held_out: &[u32],
        (leaves, depth): (usize, usize),
        rounds: usize,
        stream: u64,
    ) -> Run {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream);
        let leaf_rows = self.leaf_rows.min(train.len() / 20).max(1);
        let limits = Limits { leaves, depth, leaf_rows, l2: self.l2 };
        let base = self.objective.start(train.iter().map(|row| target[*row as usize]).collect());
        let mut score = vec![base; target.len()];
        let (mut gradient, mut hessian) = (vec![0.0; target.len()], vec![1.0; target.len()]);
        let loss = |score: &[f64]| {
            let one = |row: &u32| self.objective.loss(target[*row as usize], score[*row as usize]);
            held_out.iter().map(one).sum::<f64>() / held_out.len().max(1) as f64
        };
        let mut trees = Vec::new();
        let (mut lowest, mut best) = (loss(&score), 0);
        let mut columns: Vec<usize> = (0..bins.features()).collect();
        let drawn_columns = share_of(columns.len(), self.column_share);
        let mut shuffled = train.to_vec();
        let drawn_rows = share_of(train.len(), self.row_share);
        for _ in 0..rounds {
            for &row in train {
                let row = row as usize;
                (gradient[row], hessian[row]) = self.objective.derivatives(target[row], score[row]);
            }
            let (rows, _) = shuffled.partial_shuffle(&mut rng, drawn_rows);
            let mut rows = rows.to_vec();
            rows.sort_unstable();
            let (chosen, _) = columns.partial_shuffle(&mut rng, drawn_columns);
            let mut chosen = chosen.to_vec();
            chosen.sort_unstable();
            let mut grown = tree::grow(bins, rows, &chosen, &gradient, &hessian, &limits);
            self.shrink(&mut grown, target, &score);
            for &row in train.iter().chain(held_out) {
                score[row as usize] += grown.predict(bins, row as usize);
            }
            trees.push(grown.tree);
            if !held_out.is_empty() {
                let reached = loss(&score);
                if reached < lowest {
                    (lowest, best) = (reached, trees.len());
                } else if trees.len() >= best + self.patience {
                    break;
                }
            }
        }
        if !held_out.is_empty() {
            trees.truncate(best);
        }
        Run { base, trees, loss: lowest }
    }

    fn shrink(&self, grown: &mut Grown, target: &[f64], score: &[f64]) {
        if let Objective::Quantile(level) = self.objective {
            // The gradient of the pinball loss has only two values: the step is the quantile of what remains.
            grown.revalue(|rows| {
                quantile(rows.iter().map(|row| target[*row as usize] - score[*row as usize]).collect(), level)
            });
        }
        grown.tree.scale(self.learning_rate);
    }
}

fn share_of(count: usize, share: f64) -> usize {
    ((count as f64 * share).ceil() as usize).clamp(1.min(count), count)
}

impl Objective {
    /// The best constant.
    fn start(self, target: Vec<f64>) -> f64 {
        let mean = target.iter().sum::<f64>() / target.len().max(1) as f64;
        match self {
            Objective::Squared => mean,
            Objective::Logistic => log_odds(mean.clamp(1e-6, 1.0 - 1e-6)),
            Objective::Quantile(level) => quantile(target, level),
        }
    }

    fn loss(self, target: f64, score: f64) -> f64 {
        match self {
            Objective::Squared => (target - score).powi(2) / 2.0,
            Objective::Logistic => score.max(0.0) + (-score.abs()).exp().ln_1p() - target * score,
            Objective::Quantile(level) => (target - score) * (level - f64::from(u8::from(target < score))),
        }
    }

    /// First and second derivative of the loss.
    fn derivatives(self, target: f64, score: f64) -> (f64, f64) {
        match self {
            Objective::Squared => (score - target, 1.0),
            Objective::Logistic => {
                let p = sigmoid(score);
                (p - target, (p * (1.0 - p)).max(1e-12))
            }
            Objective::Quantile(level) => (f64::from(u8::from(target < score)) - level, 1.0),
        }
    }
}

/// The smallest value that at least this share does not exceed; zero of nothing.
fn quantile(mut values: Vec<f64>, level: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let rank = ((values.len() as f64 * level).ceil() as usize).clamp(1, values.len().max(1));
    values.get(rank - 1).copied().unwrap_or(0.0)
}

impl Boosting {
    /// The sum of the trees for one row: log odds for probabilities.
    pub fn score(&self, row: ArrayView1<'_, f64>) -> f64 {
        self.trees.iter().fold(self.base, |sum, tree| sum + tree.predict(row))
    }

    /// What each column adds to the score, and the score without them.
    pub fn contributions(&self, row: ArrayView1<'_, f64>) -> (Vec<f64>, f64) {
        let mut contributions = vec![0.0; row.len()];
        let base =
            self.trees.iter().fold(self.base, |sum, tree| sum + tree.contribute(row, &mut contributions));
        (contributions, base)
    }

    /// How many trees there are.
    #[cfg(test)]
    pub fn trees(&self) -> usize {
        self.trees.len()
    }
}

impl PredictInplace<Array2<f64>, Array1<f64>> for Boosting {
    fn predict_inplace(&self, records: &Array2<f64>, target: &mut Array1<f64>) {
        let predicted: Vec<f64> = (0..records.nrows())
            .into_par_iter()
            .map(|row| {
                let score = self.score(records.row(row));
                if self.objective == Objective::Logistic { sigmoid(score) } else { score }
            })
            .collect();
        target.iter_mut().zip(predicted).for_each(|(target, predicted)| *target = predicted);
    }

    fn default_target(&self, records: &Array2<f64>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linfa::Dataset;
    use linfa::traits::Predict;

    fn data(rows: usize) -> (Array2<f64>, Array1<f64>) {
        let x = Array2::from_shape_fn((rows, 4), |(i, j)| {
            let value = ((i * (2 * j + 7) * 31 + i * i * (j + 1)) % 101) as f64 / 100.0;
            if i % 17 == j { f64::NAN } else { value }
        });
        let y = x.outer_iter().enumerate().map(|(i, row)| {
            let x0 = if row[0].is_nan() { 0.9 } else { row[0] };
            let x1 = if row[1].is_nan() { 0.5 } else { row[1] };
            4.0 * x0 + f64::from(u8::from(x1 > 0.5)) + 0.1 * ((i * 7919 % 13) as f64 - 6.0) / 6.0
        });
        let y = y.collect();
        (x, y)
    }

    fn fit(objective: Objective, rows: usize) -> (Boosting, Array2<f64>, Array1<f64>) {
        let (x, mut y) = data(rows);
        if objective == Objective::Logistic {
            y.mapv_inplace(|y| f64::from(u8::from(y > 2.5)));
        }
        let fitted = BoostingParams::new(objective, 5).fit(&Dataset::new(x.clone(), y.clone())).unwrap();
        (fitted, x, y)
    }

    #[test]
    fn it_learns_each_objective() {
        let (fitted, x, y) = fit(Objective::Squared, 600);
        let error = (fitted.predict(&x) - &y).mapv(|e| e * e).mean().unwrap();
        assert!(error < 0.03, "{error}");
        let (fitted, x, y) = fit(Objective::Logistic, 600);
        let auc = super::super::metrics::roc_auc(&y.to_vec(), &fitted.predict(&x).to_vec()).unwrap();
        assert!(auc > 0.98, "{auc}");
        let (fitted, x, y) = fit(Objective::Quantile(0.9), 600);
        let below = fitted.predict(&x).iter().zip(&y).filter(|(q, y)| y <= q).count();
        assert!((500..=585).contains(&below), "{below}");
    }

    #[test]
    fn threads_change_no_bit() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(Objective::Logistic, 30_000).0)
        };
        let one = with(1);
        assert!(one.trees() > 5);
        assert!(one == with(2) && one == with(8));
    }

    #[test]
    fn a_round_trip_changes_nothing() {
        let (fitted, x, _) = fit(Objective::Squared, 200);
        let back: Boosting = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
        assert_eq!(back, fitted);
        assert_eq!(back.predict(&x), fitted.predict(&x));
    }

    #[test]
    fn few_rows_or_none() {
        let params = BoostingParams::new(Objective::Squared, 1);
        let one = params.fit(&Dataset::new(Array2::ones((1, 2)), Array1::from(vec![3.0]))).unwrap();
        assert_eq!(one.predict(&Array2::ones((1, 2)))[0], 3.0);
        assert!(params.fit(&Dataset::new(Array2::zeros((0, 2)), Array1::zeros(0))).is_err());
        assert!(params.fit(&Dataset::new(Array2::ones((1, 1)), Array1::from(vec![f64::NAN]))).is_err());
        let no_columns = params.fit(&Dataset::new(Array2::zeros((30, 0)), Array1::ones(30))).unwrap();
        assert_eq!(no_columns.predict(&Array2::zeros((1, 0)))[0], 1.0);
    }
}
