//! Clusters around centres: k-means.

use linfa::traits::Fit as _;
use linfa::{DatasetBase, ParamGuard as _};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, ErrorKind, Result};

/// Starts of which the best is kept.
const STARTS: usize = 10;
/// Rounds of one start.
const ROUNDS: u64 = 300;

/// The centres of `clusters` clusters by linfa's k-means, from k-means++ (D. Arthur and S. Vassilvitskii, Symposium on
/// Discrete Algorithms (2007), 1027-1035).
///
/// linfa's default start, k-means||, gives every thread a random number generator of its own: which row gets which
/// numbers would depend on the threads. k-means++ draws from the one generator that it is given, and only distances are
/// computed in parallel, each by itself.
///
/// # Errors
/// [`ErrorKind::Model`] where linfa refuses.
pub(super) fn centres(space: &Array2<f64>, clusters: usize, seed: u64) -> Result<Array2<f64>> {
    let params = KMeans::params_with_rng(clusters, ChaCha8Rng::seed_from_u64(seed))
        .init_method(KMeansInit::KMeansPlusPlus)
        .n_runs(STARTS)
        .max_n_iterations(ROUNDS)
        .tolerance(1e-6)
        .check()
        .map_err(refused)?;
    let fitted = params.fit(&DatasetBase::from(space.view())).map_err(refused)?;
    let centres = fitted.centroids().clone();
    // linfa draws each centre towards where it was before: the last step is made without that.
    let labels: Vec<usize> = space.rows().into_iter().map(|row| nearest(centres.view(), row).0).collect();
    Ok(means(space.view(), &labels, centres))
}

fn refused(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Model, "k-means could not be fitted").with_source(error)
}

/// The means of clusters; a cluster without rows keeps its centre.
pub(super) fn means(space: ArrayView2<'_, f64>, labels: &[usize], mut centres: Array2<f64>) -> Array2<f64> {
    let mut sums = Array2::<f64>::zeros(centres.dim());
    let mut counts = vec![0.0; centres.nrows()];
    for (row, &label) in space.rows().into_iter().zip(labels) {
        counts[label] += 1.0;
        let mut sum = sums.row_mut(label);
        sum += &row;
    }
    for (label, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0.0) {
        centres.index_axis_mut(Axis(0), label).assign(&(&sums.row(label) / count));
    }
    centres
}

/// The nearest centre, the first of equals, and how far it is.
pub(super) fn nearest(centres: ArrayView2<'_, f64>, row: ArrayView1<'_, f64>) -> (usize, f64) {
    let squares = centres.rows().into_iter().map(|centre| squared(centre, row)).enumerate();
    let (label, square) =
        squares.fold((0, f64::INFINITY), |best, next| if next.1 < best.1 { next } else { best });
    (label, square.sqrt())
}

/// The squared distance.
pub(super) fn squared(one: ArrayView1<'_, f64>, other: ArrayView1<'_, f64>) -> f64 {
    one.into_iter().zip(other).map(|(x, y)| (x - y) * (x - y)).sum()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Three clouds of 30, 20 and 10 rows, in an order that is none.
    pub(in super::super) fn clouds() -> Array2<f64> {
        let noise = |i: usize| ((i * i * i * 7 + i * i * 3 + i * 11) % 1_009) as f64 / 1_009.0 - 0.5;
        Array2::from_shape_fn((60, 2), |(row, column)| {
            let cloud = [0, 0, 0, 1, 1, 2][row % 6];
            [[0.0, 0.0], [8.0, 0.0], [0.0, 9.0]][cloud][column] + noise(row * 2 + column)
        })
    }

    #[test]
    fn three_clouds_are_found_whatever_the_threads() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| centres(&clouds(), 3, 7).unwrap())
        };
        let found = run(1);
        assert_eq!(found, run(4));
        for cloud in [[0.0, 0.0], [8.0, 0.0], [0.0, 9.0]] {
            assert!(nearest(found.view(), ndarray::aview1(&cloud)).1 < 0.5);
        }
    }

    #[test]
    fn more_clusters_than_different_rows_are_no_panic() {
        let space = Array2::from_shape_fn((4, 1), |(row, _)| (row / 2) as f64);
        assert_eq!(centres(&space, 3, 1).unwrap().nrows(), 3);
    }
}
