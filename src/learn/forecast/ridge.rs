//! Least squares with a ridge penalty, from sums of products.

/// Sums of products of rows `(features.., target)`.
#[derive(Clone, Debug)]
pub(super) struct Products {
    width: usize,
    /// The lower triangle, row by row.
    squares: Vec<f64>,
    targets: Vec<f64>,
    /// Rows taken in.
    pub rows: usize,
}

impl Products {
    /// Of no rows.
    pub fn new(width: usize) -> Products {
        Products { width, squares: vec![0.0; width * (width + 1) / 2], targets: vec![0.0; width], rows: 0 }
    }

    /// Takes in a row.
    pub fn add(&mut self, row: &[f64], target: f64) {
        let mut start = 0;
        for (i, &left) in row.iter().enumerate() {
            if left != 0.0 {
                for (sum, right) in self.squares[start..=start + i].iter_mut().zip(row) {
                    *sum += left * right;
                }
                self.targets[i] += left * target;
            }
            start += i + 1;
        }
        self.rows += 1;
    }

    /// Solves `(A + penalty D) w = b` by Cholesky's decomposition, `D` being the diagonal of `A`; a feature that is a
    /// combination of those before it, or never varies, has the weight zero.
    pub fn solve(&self, penalty: f64) -> Vec<f64> {
        let width = self.width;
        let at = |i: usize, j: usize| i * (i + 1) / 2 + j;
        let mut lower = self.squares.clone();
        let mut used = vec![true; width];
        for j in 0..width {
            let own = self.squares[at(j, j)];
            for i in j..width {
                let dot: f64 = (0..j).filter(|&k| used[k]).map(|k| lower[at(i, k)] * lower[at(j, k)]).sum();
                let value = lower[at(i, j)] - dot;
                if i == j {
                    let pivot = value + penalty * own;
                    used[j] = pivot > 1e-10 * own && pivot > f64::MIN_POSITIVE && pivot.is_finite();
                    lower[at(j, j)] = if used[j] { pivot.sqrt() } else { 1.0 };
                } else {
                    lower[at(i, j)] = if used[j] { value / lower[at(j, j)] } else { 0.0 };
                }
            }
        }
        let mut solution = self.targets.clone();
        for i in 0..width {
            let dot: f64 = (0..i).map(|k| lower[at(i, k)] * solution[k]).sum();
            solution[i] = if used[i] { (solution[i] - dot) / lower[at(i, i)] } else { 0.0 };
        }
        for i in (0..width).rev() {
            let dot: f64 = (i + 1..width).filter(|&k| used[k]).map(|k| lower[at(k, i)] * solution[k]).sum();
            solution[i] = if used[i] { (solution[i] - dot) / lower[at(i, i)] } else { 0.0 };
        }
        if solution.iter().all(|weight| weight.is_finite()) { solution } else { vec![0.0; width] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_weights_of_an_exact_relation_and_leaves_out_what_repeats() {
        let mut products = Products::new(4);
        for t in 0..40 {
            let (a, b) = (f64::from(t * 7 % 11) - 5.0, f64::from(t * 5 % 13) - 6.0);
            products.add(&[a, b, a + b, 0.0], 2.0 * a - 3.0 * b);
        }
        let weights = products.solve(0.0);
        assert!((weights[0] - 2.0).abs() < 1e-9 && (weights[1] + 3.0).abs() < 1e-9, "{weights:?}");
        assert_eq!(weights[2..], [0.0, 0.0]);
    }

    /// By hand: one feature, `sum xx = 5`, `sum xy = 10`, penalty 1 of the diagonal: 10 / 10.
    #[test]
    fn the_penalty_is_relative_to_the_diagonal() {
        let mut products = Products::new(1);
        products.add(&[1.0], 2.0);
        products.add(&[2.0], 4.0);
        assert!((products.solve(1.0)[0] - 1.0).abs() < 1e-12);
    }
}
