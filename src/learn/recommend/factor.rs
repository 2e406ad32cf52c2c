//! Factors of users and items from implicit feedback.
//!
//! Y. Hu, Y. Koren and C. Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", IEEE International
//! Conference on Data Mining (2008), 263-272: everybody prefers what he bought (1) to what he did not (0), with a
//! confidence of `1 + alpha * amount`. Users and items are solved for in turn, each row by Cholesky's factor; the rows
//! are independent, so threads leave no trace.

use ndarray::{Array2, ArrayView1};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::dense;
use super::interactions::Sparse;

/// What the factorisation is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Factorisation {
    /// How many factors.
    pub factors: usize,
    /// How fast confidence grows with the amount.
    pub alpha: f64,
    /// On the squared factors.
    pub penalty: f64,
    /// How often users and items are solved for.
    pub rounds: usize,
}

/// The factors of the items; those of a user follow from his history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Factors {
    settings: Factorisation,
    items: Array2<f64>,
    /// `Y'Y`, and the penalty on its diagonal.
    gram: Array2<f64>,
}

impl Factors {
    /// From users in rows.
    pub fn fit(users: &Sparse, settings: Factorisation, seed: u64) -> Factors {
        let buyers = users.transposed();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let shape = (users.columns(), settings.factors);
        let mut items = Array2::from_shape_simple_fn(shape, || rng.gen_range(-0.1..0.1));
        for _ in 0..settings.rounds {
            let halves = [users, &buyers];
            for half in halves {
                let gram = gram(&items, settings.penalty);
                let rows: Vec<Vec<f64>> = (0..half.rows())
                    .into_par_iter()
                    .map(|row| solved(&items, &gram, half.row(row), settings.alpha))
                    .collect();
                items = Array2::from_shape_vec((half.rows(), settings.factors), rows.concat())
                    .expect("a row for each");
            }
        }
        let gram = gram(&items, settings.penalty);
        Factors { settings, items, gram }
    }

    /// Adds the expected preference for every item.
    pub fn add_scores(&self, history: impl Iterator<Item = (usize, f64)> + Clone, scores: &mut [f64]) {
        let user = solved(&self.items, &self.gram, history, self.settings.alpha);
        for (score, item) in scores.iter_mut().zip(self.items.rows()) {
            *score += dot(&user, item);
        }
    }

    /// The item of a history that says most for `target`, if one does: the preference is a sum over the history
    /// (section 5 of the paper).
    pub fn cause(&self, history: impl Iterator<Item = (usize, f64)> + Clone, target: usize) -> Option<usize> {
        let mut matrix = weighted(&self.items, &self.gram, history.clone(), self.settings.alpha);
        let mut seen_from = self.items.row(target).to_vec();
        if !dense::solve(&mut matrix, &mut seen_from) {
            return None;
        }
        let said = history.map(|(item, amount)| {
            (item, (1.0 + self.settings.alpha * amount) * dot(&seen_from, self.items.row(item)))
        });
        let best = said.fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
        (best.1 > 0.0).then_some(best.0)
    }
}

fn dot(left: &[f64], right: ArrayView1<'_, f64>) -> f64 {
    left.iter().zip(right).map(|(x, y)| x * y).sum()
}

fn gram(rows: &Array2<f64>, penalty: f64) -> Array2<f64> {
    let mut gram = rows.t().dot(rows);
    gram.diag_mut().iter_mut().for_each(|value| *value += penalty);
    gram
}

/// `Y'CY` and the penalty, of which the lower triangle is filled.
fn weighted(
    items: &Array2<f64>,
    gram: &Array2<f64>,
    row: impl Iterator<Item = (usize, f64)>,
    alpha: f64,
) -> Vec<f64> {
    let size = gram.nrows();
    let mut matrix: Vec<f64> = gram.iter().copied().collect();
    for (item, amount) in row {
        let factors = items.row(item);
        for i in 0..size {
            let left = alpha * amount * factors[i];
            for (value, right) in matrix[i * size..=i * size + i].iter_mut().zip(factors) {
                *value += left * right;
            }
        }
    }
    matrix
}

/// The factors of one row; zero where they cannot be told.
fn solved(
    items: &Array2<f64>,
    gram: &Array2<f64>,
    row: impl Iterator<Item = (usize, f64)> + Clone,
    alpha: f64,
) -> Vec<f64> {
    let mut right = vec![0.0; gram.nrows()];
    for (item, amount) in row.clone() {
        for (sum, factor) in right.iter_mut().zip(items.row(item)) {
            *sum += (1.0 + alpha * amount) * factor;
        }
    }
    let mut matrix = weighted(items, gram, row, alpha);
    if !dense::solve(&mut matrix, &mut right) {
        right.fill(0.0);
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: Factorisation = Factorisation { factors: 2, alpha: 10.0, penalty: 0.1, rounds: 20 };

    /// Two tastes: even users buy items 0 to 3, odd ones 4 to 7, each all but one.
    fn tastes() -> Sparse {
        let rows = (0..40_u32).map(|user| {
            let first = 4 * (user % 2);
            let left_out = first + user / 2 % 4;
            (first..first + 4).filter(|item| *item != left_out).map(|item| (item, 1.0)).collect()
        });
        Sparse::from_rows(8, rows.collect())
    }

    #[test]
    fn what_is_left_out_is_what_is_recommended() {
        let users = tastes();
        let factors = Factors::fit(&users, SETTINGS, 1);
        let mut scores = [0.0; 8];
        factors.add_scores(users.row(0), &mut scores);
        assert!(scores[0] > 0.5 && scores[4..].iter().all(|score| score.abs() < 0.1), "{scores:?}");
        assert!(factors.cause(users.row(0), 0).is_some_and(|cause| cause < 4));
    }

    /// The objective of the paper falls with every round.
    #[test]
    fn rounds_lower_the_objective() {
        let users = tastes();
        let cost = |rounds| {
            let factors = Factors::fit(&users, Factorisation { rounds, ..SETTINGS }, 3);
            let mut cost = factors.items.iter().map(|value| value * value).sum::<f64>() * SETTINGS.penalty;
            for user in 0..users.rows() {
                let own = solved(&factors.items, &factors.gram, users.row(user), SETTINGS.alpha);
                cost += own.iter().map(|value| value * value).sum::<f64>() * SETTINGS.penalty;
                for (item, row) in factors.items.rows().into_iter().enumerate() {
                    let amount = users.row(user).find(|(other, _)| *other == item).map(|(_, amount)| amount);
                    let target = f64::from(u8::from(amount.is_some()));
                    cost +=
                        (1.0 + SETTINGS.alpha * amount.unwrap_or(0.0)) * (target - dot(&own, row)).powi(2);
                }
            }
            cost
        };
        assert!(cost(2) < cost(1) && cost(8) < cost(2));
    }

    #[test]
    fn threads_leave_no_trace_and_json_brings_it_back() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Factors::fit(&tastes(), SETTINGS, 5))
        };
        let factors = run(1);
        assert_eq!(factors, run(4));
        let back: Factors = serde_json::from_str(&serde_json::to_string(&factors).unwrap()).unwrap();
        assert_eq!(back, factors);
    }

    #[test]
    fn a_user_without_history_has_no_preference() {
        let factors = Factors::fit(&tastes(), SETTINGS, 1);
        let mut scores = [0.0; 8];
        factors.add_scores(std::iter::empty(), &mut scores);
        assert_eq!(scores, [0.0; 8]);
    }
}
