//! Inverse and solution for symmetric positive definite matrices, by Cholesky's factor.
//!
//! The large one works in blocks of a fixed size, each made by one thread from start to end: however many threads
//! there are, every number is summed in the same order. G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th
//! edition (2013), sections 4.2.5 to 4.2.9.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use rayon::prelude::*;

/// Rows and columns of a block.
const BLOCK: usize = 96;

/// The inverse of a symmetric positive definite matrix; `None` where it is not that.
pub(super) fn inverse(mut a: Array2<f64>) -> Option<Array2<f64>> {
    let n = a.nrows();
    let blocks: Vec<Range<usize>> = (0..n).step_by(BLOCK).map(|from| from..(from + BLOCK).min(n)).collect();
    // The inverses of the diagonal blocks of the factor stand in for solving with them.
    let mut diagonal = Vec::with_capacity(blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        let (from, to) = (block.start, block.end);
        let factor = lower_factor(part(&a, from..to, from..to))?;
        let inverted = lower_inverse(&factor);
        part_mut(&mut a, from..to, from..to).assign(&factor);
        let below = &blocks[number + 1..];
        let panels: Vec<Array2<f64>> =
            below.par_iter().map(|rows| part(&a, rows.clone(), from..to).dot(&inverted.t())).collect();
        for (rows, panel) in below.iter().zip(&panels) {
            part_mut(&mut a, rows.clone(), from..to).assign(panel);
        }
        let updated: Vec<Array2<f64>> = below
            .par_iter()
            .zip(&panels)
            .map(|(rows, panel)| {
                let left = part(&a, to..rows.end, from..to);
                let mut part = part(&a, rows.clone(), to..rows.end).to_owned();
                ndarray::linalg::general_mat_mul(-1.0, panel, &left.t(), 1.0, &mut part);
                part
            })
            .collect();
        for (rows, part) in below.iter().zip(updated) {
            part_mut(&mut a, rows.clone(), to..rows.end).assign(&part);
        }
        diagonal.push(inverted);
    }
    // The inverse of the factor, column of blocks by column of blocks.
    let columns: Vec<Array2<f64>> = (0..blocks.len())
        .into_par_iter()
        .map(|number| {
            let start = blocks[number].start;
            let mut column = Array2::zeros((n - start, blocks[number].len()));
            let width = column.ncols();
            part_mut(&mut column, 0..blocks[number].len(), 0..width).assign(&diagonal[number]);
            for (rows, inverted) in blocks.iter().zip(&diagonal).skip(number + 1) {
                let above = part(&column, 0..rows.start - start, 0..column.ncols());
                let sum = part(&a, rows.clone(), start..rows.start).dot(&above);
                part_mut(&mut column, rows.start - start..rows.end - start, 0..width)
                    .assign(&-inverted.dot(&sum));
            }
            column
        })
        .collect();
    let parts: Vec<Vec<Array2<f64>>> = (0..blocks.len())
        .into_par_iter()
        .map(|number| {
            let own = &columns[number];
            let product = |other: usize| {
                let skip = blocks[number].start - blocks[other].start;
                own.t().dot(&part(&columns[other], skip..columns[other].nrows(), 0..columns[other].ncols()))
            };
            (0..=number).map(product).collect()
        })
        .collect();
    for (number, row) in parts.into_iter().enumerate() {
        for (other, part) in row.into_iter().enumerate() {
            part_mut(&mut a, blocks[other].clone(), blocks[number].clone()).assign(&part.t());
            part_mut(&mut a, blocks[number].clone(), blocks[other].clone()).assign(&part);
        }
    }
    a.iter().all(|value| value.is_finite()).then_some(a)
}

/// A block of a matrix.
fn part(a: &Array2<f64>, rows: Range<usize>, columns: Range<usize>) -> ArrayView2<'_, f64> {
    let mut view = a.view();
    view.slice_axis_inplace(Axis(0), Slice::from(rows));
    view.slice_axis_inplace(Axis(1), Slice::from(columns));
    view
}

/// The same, to write to.
fn part_mut(a: &mut Array2<f64>, rows: Range<usize>, columns: Range<usize>) -> ArrayViewMut2<'_, f64> {
    let mut view = a.view_mut();
    view.slice_axis_inplace(Axis(0), Slice::from(rows));
    view.slice_axis_inplace(Axis(1), Slice::from(columns));
    view
}

/// `L` with `L L' = a`.
fn lower_factor(a: ArrayView2<'_, f64>) -> Option<Array2<f64>> {
    let mut lower = Array2::zeros(a.dim());
    for i in 0..a.nrows() {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| lower[[i, k]] * lower[[j, k]]).sum();
            let rest = a[[i, j]] - sum;
            if i != j {
                lower[[i, j]] = rest / lower[[j, j]];
            } else if rest > 0.0 && rest.is_finite() {
                lower[[i, i]] = f64::sqrt(rest);
            } else {
                return None;
            }
        }
    }
    Some(lower)
}

fn lower_inverse(lower: &Array2<f64>) -> Array2<f64> {
    let n = lower.nrows();
    let mut inverse = Array2::zeros((n, n));
    for j in 0..n {
        inverse[[j, j]] = 1.0 / lower[[j, j]];
        for i in j + 1..n {
            let sum: f64 = (j..i).map(|k| lower[[i, k]] * inverse[[k, j]]).sum();
            inverse[[i, j]] = -sum / lower[[i, i]];
        }
    }
    inverse
}

/// Solves `a x = b` in place for a small matrix, `a` row by row of which only the lower triangle is read; both are
/// overwritten. False where it is not positive definite.
pub(super) fn solve(a: &mut [f64], b: &mut [f64]) -> bool {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let (above, row) = a.split_at_mut(i * n);
            let left = if i == j { &row[..j] } else { &above[j * n..j * n + j] };
            let sum: f64 = left.iter().zip(&row[..j]).map(|(x, y)| x * y).sum();
            let rest = row[j] - sum;
            if i != j {
                row[j] = rest / above[j * n + j];
            } else if rest > 0.0 && rest.is_finite() {
                row[i] = rest.sqrt();
            } else {
                return false;
            }
        }
    }
    for i in 0..n {
        let sum: f64 = a[i * n..i * n + i].iter().zip(&b[..i]).map(|(x, y)| x * y).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definite(n: usize) -> Array2<f64> {
        let x = Array2::from_shape_fn((n, n), |(i, j)| ((i * 31 + j * 17 + i * j) % 13) as f64 - 6.0);
        x.dot(&x.t()) + Array2::<f64>::eye(n) * 5.0
    }

    #[test]
    fn the_inverse_is_one_at_any_size() {
        for n in [1, 5, BLOCK, BLOCK + 1, 2 * BLOCK + 37] {
            let a = definite(n);
            let product = a.dot(&inverse(a.clone()).unwrap());
            let worst = (product - Array2::<f64>::eye(n)).iter().fold(0.0_f64, |worst, e| worst.max(e.abs()));
            assert!(worst < 1e-8, "{n}: {worst}");
        }
        assert!(inverse(-definite(3)).is_none());
        assert!(inverse(Array2::zeros((2, 2))).is_none());
    }

    #[test]
    fn threads_leave_no_trace() {
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| inverse(definite(3 * BLOCK + 5)).unwrap())
        };
        assert_eq!(run(1), run(4));
    }

    #[test]
    fn the_solution_solves() {
        let a = definite(7);
        let b: Vec<f64> = (0..7).map(f64::from).collect();
        let mut x = b.clone();
        assert!(solve(&mut a.iter().copied().collect::<Vec<_>>(), &mut x));
        for (left, right) in a.dot(&ndarray::Array1::from(x)).iter().zip(b) {
            assert!((left - right).abs() < 1e-9);
        }
        assert!(!solve(&mut [0.0], &mut [1.0]));
    }
}
