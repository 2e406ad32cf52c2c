//! Symmetric positive definite systems of linear equations.

/// The lower factor of a symmetric positive definite matrix.
#[derive(Debug)]
pub(super) struct Cholesky {
    size: usize,
    /// Row by row, the lower triangle in a full square.
    factor: Vec<f64>,
}

impl Cholesky {
    /// Of a matrix given row by row, of which the lower triangle is read. A pivot that rounding has made smaller than
    /// 1e-12 of its diagonal is raised to that; `None` where even this leaves no positive finite number.
    pub fn new(mut matrix: Vec<f64>, size: usize) -> Option<Cholesky> {
        for row in 0..size {
            let (above, below) = matrix.split_at_mut(row * size);
            let current = &mut below[..size];
            for column in 0..row {
                let other = &above[column * size..column * size + column + 1];
                let rest = current[column] - dot(&current[..column], &other[..column]);
                current[column] = rest / other[column];
            }
            let diagonal = current[row];
            let pivot = (diagonal - dot(&current[..row], &current[..row])).max(1e-12 * diagonal);
            if !(pivot > 0.0 && pivot.is_finite()) {
                return None;
            }
            current[row] = pivot.sqrt();
        }
        Some(Cholesky { size, factor: matrix })
    }

    /// The solution for a right side.
    pub fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut solution = right.to_vec();
        for row in 0..self.size {
            let of_row = &self.factor[row * self.size..row * self.size + row + 1];
            solution[row] = (solution[row] - dot(&of_row[..row], &solution[..row])) / of_row[row];
        }
        for row in (0..self.size).rev() {
            let of_row = &self.factor[row * self.size..row * self.size + row + 1];
            solution[row] /= of_row[row];
            let value = solution[row];
            for (before, factor) in solution[..row].iter_mut().zip(of_row) {
                *before -= factor * value;
            }
        }
        solution
    }
}

/// The sum of products in four strands, always the same four, which lets the processor add them at once.
pub(super) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut strands = [0.0; 4];
    let (lefts, rights) = (left.chunks_exact(4), right.chunks_exact(4));
    let rest: f64 = lefts.remainder().iter().zip(rights.remainder()).map(|(l, r)| l * r).sum();
    for (l, r) in lefts.zip(rights) {
        for strand in 0..4 {
            strands[strand] += l[strand] * r[strand];
        }
    }
    (strands[0] + strands[1]) + (strands[2] + strands[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_it_factored() {
        let matrix = vec![4.0, 2.0, 0.4, 2.0, 5.0, 1.0, 0.4, 1.0, 3.0];
        let solution = Cholesky::new(matrix.clone(), 3).unwrap().solve(&[1.0, -2.0, 0.5]);
        for (row, right) in matrix.chunks(3).zip([1.0, -2.0, 0.5]) {
            assert!((dot(row, &solution) - right).abs() < 1e-14);
        }
    }

    #[test]
    fn refuses_what_is_not_positive() {
        assert!(Cholesky::new(vec![0.0], 1).is_none());
        assert!(Cholesky::new(vec![f64::NAN], 1).is_none());
        assert!(Cholesky::new(vec![1.0, 0.0, 0.0, -1.0], 2).is_none());
    }
}
