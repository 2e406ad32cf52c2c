//! How well rows sit in their clusters.

use ndarray::ArrayView2;
use rand::SeedableRng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// The mean silhouette: P. J. Rousseeuw, "Silhouettes: A graphical aid to the interpretation and validation of cluster
/// analysis", Journal of Computational and Applied Mathematics 20 (1987), 53-65. Of more than `most` rows, so many are
/// drawn. `None` where fewer than two clusters are among them; rows of no cluster play no part.
pub(super) fn silhouette(
    space: ArrayView2<'_, f64>,
    labels: &[Option<usize>],
    most: usize,
    seed: u64,
) -> Option<f64> {
    let mut rows: Vec<usize> = (0..labels.len()).filter(|&row| labels[row].is_some()).collect();
    if rows.len() > most {
        let mut drawn = index::sample(&mut ChaCha8Rng::seed_from_u64(seed), rows.len(), most).into_vec();
        drawn.sort_unstable();
        rows = drawn.into_iter().map(|at| rows[at]).collect();
    }
    let of = |row: usize| labels[row].unwrap_or(0);
    let clusters = rows.iter().map(|&row| of(row) + 1).max()?;
    let mut counts = vec![0.0; clusters];
    rows.iter().for_each(|&row| counts[of(row)] += 1.0);
    if counts.iter().filter(|count| **count > 0.0).count() < 2 {
        return None;
    }
    let widths: Vec<f64> = rows
        .par_iter()
        .map(|&row| {
            let mut sums = vec![0.0; clusters];
            for &other in &rows {
                sums[of(other)] += distance(space, row, other);
            }
            let own = of(row);
            if counts[own] < 2.0 {
                return 0.0;
            }
            let within = sums[own] / (counts[own] - 1.0);
            let others = (0..clusters).filter(|&cluster| cluster != own && counts[cluster] > 0.0);
            let nearest = others.map(|cluster| sums[cluster] / counts[cluster]).fold(f64::INFINITY, f64::min);
            let larger = within.max(nearest);
            if larger > 0.0 { (nearest - within) / larger } else { 0.0 }
        })
        .collect();
    Some(widths.iter().sum::<f64>() / widths.len() as f64)
}

fn distance(space: ArrayView2<'_, f64>, row: usize, other: usize) -> f64 {
    let pairs = space.row(row).into_iter().zip(space.row(other));
    pairs.map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// scikit-learn 1.9.1: `silhouette_score`.
    #[test]
    fn agrees_with_scikit_learn() {
        let space = array![[0.0, 0.0], [1.0, 0.5], [0.5, 2.0], [5.0, 5.0], [6.0, 4.0], [9.0, 0.0]];
        let labels = [0, 0, 0, 1, 1, 2].map(Some);
        let value = silhouette(space.view(), &labels, 100, 1).unwrap();
        assert!((value - SCORE).abs() < 1e-12, "{value}");
        assert_eq!(silhouette(space.view(), &[Some(0); 6], 100, 1), None);
        assert_eq!(silhouette(space.view(), &[None; 6], 100, 1), None);
    }

    const SCORE: f64 = 0.619_847_409_361_773_2;
}
