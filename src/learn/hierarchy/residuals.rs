//! The covariance of forecast errors, never written out.
//!
//! The shrunk covariance `W = l D + (1 - l) E'E / T` has as many entries as series squared, but is used only in
//! products with vectors, for which the errors `E` (a row for each of `T` times) and the variances `D` are enough.

use super::cholesky::dot;

/// One-step errors of all nodes at the times at which all are known.
#[derive(Debug)]
pub(super) struct Residuals {
    /// A row for each time, a column for each node.
    pub rows: Vec<Vec<f64>>,
    /// The mean square of each node's errors; none is zero.
    pub variances: Vec<f64>,
}

impl Residuals {
    /// From the errors of each node, the latest last and NaN where unknown; of different lengths, the latest are kept.
    /// `None` where fewer than three times have all of them, or all are zero.
    pub fn new(errors: &[Vec<f64>]) -> Option<Residuals> {
        let length = errors.iter().map(Vec::len).min()?;
        let at = |back: usize| -> Vec<f64> { errors.iter().map(|node| node[node.len() - back]).collect() };
        let rows: Vec<Vec<f64>> =
            (1..=length).rev().map(at).filter(|row| row.iter().all(|error| error.is_finite())).collect();
        if rows.len() < 3 {
            return None;
        }
        let count = rows.len() as f64;
        let mut variances: Vec<f64> = (0..errors.len())
            .map(|node| rows.iter().map(|row| row[node] * row[node]).sum::<f64>() / count)
            .collect();
        let mean = variances.iter().sum::<f64>() / variances.len() as f64;
        if !(mean > 0.0 && mean.is_finite()) {
            return None;
        }
        // A series that was never wrong by chance must not overrule all others.
        variances.iter_mut().for_each(|variance| *variance = variance.max(1e-8 * mean));
        Some(Residuals { rows, variances })
    }

    /// The weight of the diagonal that makes the expected squared error of the correlations least: J. Schaefer and K.
    /// Strimmer, "A Shrinkage Approach to Large-Scale Covariance Matrix Estimation and Implications for Functional
    /// Genomics", Statistical Applications in Genetics and Molecular Biology 4 (2005), article 32, with errors taken as
    /// unbiased. Sums over pairs of series are sums over pairs of times: `|Z'Z| = |ZZ'|`.
    pub fn shrinkage(&self) -> f64 {
        let count = self.rows.len() as f64;
        let nodes = self.variances.len();
        let scaled: Vec<Vec<f64>> = self
            .rows
            .iter()
            .map(|row| {
                row.iter().zip(&self.variances).map(|(error, variance)| error / variance.sqrt()).collect()
            })
            .collect();
        // Over pairs of different series: the sums of (sum over times of z_i z_j)^2 and of z_i^2 z_j^2.
        let (mut squares, mut products) = (0.0, 0.0);
        for (place, row) in scaled.iter().enumerate() {
            for other in &scaled[..place] {
                squares += 2.0 * dot(row, other).powi(2);
            }
            let length = dot(row, row);
            squares += length * length;
            products += length * length - row.iter().map(|z| z.powi(4)).sum::<f64>();
        }
        for node in 0..nodes {
            squares -= scaled.iter().map(|row| row[node] * row[node]).sum::<f64>().powi(2);
        }
        let variance = (products - squares / count) / (count * (count - 1.0));
        let distance = squares / (count * count);
        // Errors that are not correlated at all have nothing to lose.
        if distance > 0.0 { (variance / distance).clamp(0.0, 1.0) } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_times_that_all_know() {
        let errors = [vec![9.0, 1.0, f64::NAN, 2.0, 3.0], vec![4.0, 5.0, 6.0, 7.0]];
        let residuals = Residuals::new(&errors).unwrap();
        assert_eq!(residuals.rows, [[1.0, 4.0], [2.0, 6.0], [3.0, 7.0]]);
        assert!(Residuals::new(&[vec![1.0, 2.0], vec![1.0, 2.0]]).is_none());
        assert!(Residuals::new(&[vec![0.0; 5]]).is_none() && Residuals::new(&[]).is_none());
    }

    /// numpy, the formula of the paper written out over pairs.
    #[test]
    fn shrinkage_agrees_with_the_sum_over_pairs() {
        let errors = [
            vec![1.0, -2.0, 0.5, 3.0, -1.0],
            vec![0.8, -1.5, 0.9, 2.0, -0.2],
            vec![-0.3, 0.7, 1.1, -0.4, 0.6],
        ];
        let residuals = Residuals::new(&errors).unwrap();
        assert!((residuals.shrinkage() - SHRINKAGE).abs() < 1e-12, "{}", residuals.shrinkage());
    }
    const SHRINKAGE: f64 = 0.4100189599744505;
}
