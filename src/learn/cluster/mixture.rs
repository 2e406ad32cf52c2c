//! Clusters as overlapping normal distributions.
//!
//! Expectation and maximisation (A. P. Dempster, N. M. Laird and D. B. Rubin, Journal of the Royal Statistical Society
//! B 39 (1977), 1-38) with full covariances, from the clusters of k-means. linfa's mixture is not used: it starts from
//! k-means||, which depends on the threads, and takes exponentials of log-densities before it adds them, so that one far
//! row makes every probability NaN.

use ndarray::{Array1, Array2, ArrayView1};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::centres::{centres, nearest};
use crate::error::{Error, ErrorKind, Result};

/// Added to every variance, in squared robust standard deviations: a cluster of equal rows has a density.
const LEAST: f64 = 1e-3;
/// Rounds at most, and the gain of the mean log-likelihood below which they end.
const ROUNDS: usize = 200;
const GAIN: f64 = 1e-6;

/// A fitted mixture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Mixture {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    weight: f64,
    mean: Array1<f64>,
    /// The lower factor of the covariance.
    factor: Array2<f64>,
}

impl Part {
    fn of(space: &Array2<f64>, shares: &[f64]) -> Option<Part> {
        let total: f64 = shares.iter().sum();
        if total < 1e-9 {
            return None;
        }
        let size = space.ncols();
        let mut mean = Array1::<f64>::zeros(size);
        for (row, share) in space.rows().into_iter().zip(shares) {
            mean.scaled_add(share / total, &row);
        }
        let mut covariance = Array2::<f64>::zeros((size, size));
        for (row, share) in space.rows().into_iter().zip(shares).filter(|(_, share)| **share > 0.0) {
            for i in 0..size {
                let left = share / total * (row[i] - mean[i]);
                for j in 0..=i {
                    covariance[[i, j]] += left * (row[j] - mean[j]);
                }
            }
        }
        for i in 0..size {
            covariance[[i, i]] += LEAST;
            for j in 0..=i {
                let above: f64 = (0..j).map(|k| covariance[[i, k]] * covariance[[j, k]]).sum();
                let rest = covariance[[i, j]] - above;
                covariance[[i, j]] =
                    if i == j { rest.max(LEAST * LEAST).sqrt() } else { rest / covariance[[j, j]] };
            }
        }
        Some(Part { weight: total / space.nrows() as f64, mean, factor: covariance })
    }

    /// The logarithm of weight and density.
    fn density(&self, row: ArrayView1<'_, f64>) -> f64 {
        let size = row.len();
        let mut solved = vec![0.0; size];
        let (mut squares, mut logs) = (0.0, 0.0);
        for i in 0..size {
            let above: f64 = (0..i).map(|k| self.factor[[i, k]] * solved[k]).sum();
            solved[i] = (row[i] - self.mean[i] - above) / self.factor[[i, i]];
            squares += solved[i] * solved[i];
            logs += self.factor[[i, i]].ln();
        }
        self.weight.ln() - 0.5 * (squares + size as f64 * std::f64::consts::TAU.ln()) - logs
    }
}

impl Mixture {
    /// Of `clusters` normal distributions, or fewer where some run empty; with the mean log-likelihood.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where k-means refuses.
    pub fn fit(space: &Array2<f64>, clusters: usize, seed: u64) -> Result<(Mixture, f64)> {
        let start = centres(space, clusters, seed)?;
        let labels: Vec<usize> = space.rows().into_iter().map(|row| nearest(start.view(), row).0).collect();
        let of = |cluster: usize| labels.iter().map(|&label| f64::from(u8::from(label == cluster))).collect();
        let mut shares: Vec<Vec<f64>> = (0..clusters).map(of).collect();
        let mut reached = f64::NEG_INFINITY;
        let mut mixture = Mixture { parts: Vec::new() };
        for _ in 0..ROUNDS {
            mixture.parts = shares.par_iter().filter_map(|shares| Part::of(space, shares)).collect();
            if mixture.parts.is_empty() {
                return Err(Error::new(ErrorKind::Model, "the mixture has no part with rows"));
            }
            let rows: Vec<(Vec<f64>, f64)> =
                (0..space.nrows()).into_par_iter().map(|row| mixture.shares(space.row(row))).collect();
            let likelihood = rows.iter().map(|(_, log)| log).sum::<f64>() / rows.len() as f64;
            let part = |part: usize| rows.iter().map(|(shares, _)| shares[part]).collect();
            shares = (0..mixture.parts.len()).map(part).collect();
            if likelihood - reached < GAIN {
                return Ok((mixture, likelihood));
            }
            reached = likelihood;
        }
        Ok((mixture, reached))
    }

    /// The probability of each part, and the logarithm of the density of all.
    pub fn shares(&self, row: ArrayView1<'_, f64>) -> (Vec<f64>, f64) {
        let logs: Vec<f64> = self.parts.iter().map(|part| part.density(row)).collect();
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let all = top + logs.iter().map(|log| (log - top).exp()).sum::<f64>().ln();
        (logs.iter().map(|log| (log - all).exp()).collect(), all)
    }

    /// The most probable part, the first of equals.
    pub fn label(&self, row: ArrayView1<'_, f64>) -> usize {
        let (shares, _) = self.shares(row);
        let parts = shares.into_iter().enumerate();
        parts.fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best }).0
    }

    /// The Bayesian information criterion, less being better: G. Schwarz, Annals of Statistics 6 (1978), 461-464.
    pub fn criterion(&self, likelihood: f64, rows: usize, columns: usize) -> f64 {
        let each = columns + columns * (columns + 1) / 2;
        let free = self.parts.len() * each + self.parts.len() - 1;
        free as f64 * (rows as f64).ln() - 2.0 * likelihood * rows as f64
    }

    /// How many parts there are.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::centres::tests::clouds;
    use super::*;

    /// scikit-learn 1.9.1: `GaussianMixture(3, reg_covar=1e-3, tol=1e-9, max_iter=1000, random_state=0)` on the clouds;
    /// `score` and `bic`.
    #[test]
    fn agrees_with_scikit_learn() {
        let (mixture, likelihood) = Mixture::fit(&clouds(), 3, 1).unwrap();
        assert!((likelihood - LIKELIHOOD).abs() < 1e-4, "{likelihood}");
        let criterion = mixture.criterion(likelihood, 60, 2);
        assert!((criterion - CRITERION).abs() < 1e-2, "{criterion}");
    }

    const LIKELIHOOD: f64 = -1.315_039_188_735_537_3;
    const CRITERION: f64 = 227.408_560_206_040_2;

    #[test]
    fn a_far_row_has_a_cluster_too() {
        let (mixture, _) = Mixture::fit(&clouds(), 3, 1).unwrap();
        let (shares, _) = mixture.shares(ndarray::aview1(&[1e6, -1e6]));
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
