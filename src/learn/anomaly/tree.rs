//! A tree that cuts at random until rows are alone.

use ndarray::{ArrayView1, ArrayView2};
use rand::Rng;
use serde::{Deserialize, Serialize};

/// A tree, its nodes in the order they were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum Node {
    /// Rows below `at` go to the next node, the others to `right`.
    Cut { column: u32, at: f64, right: u32 },
    /// The cuts that this many rows would still have needed.
    Leaf { left: f64 },
}

impl Tree {
    /// Cuts these rows at most `depth` times in a row, each time at a random place of a random column that varies.
    pub fn grow(space: ArrayView2<'_, f64>, rows: Vec<usize>, depth: usize, rng: &mut impl Rng) -> Tree {
        let mut tree = Tree { nodes: Vec::new() };
        tree.cut(space, rows, depth, rng);
        tree
    }

    fn cut(&mut self, space: ArrayView2<'_, f64>, rows: Vec<usize>, depth: usize, rng: &mut impl Rng) {
        let varying: Vec<(usize, f64, f64)> = match depth > 0 && rows.len() > 1 {
            true => (0..space.ncols()).filter_map(|column| range(space, column, &rows)).collect(),
            false => Vec::new(),
        };
        if varying.is_empty() {
            self.nodes.push(Node::Leaf { left: expected(rows.len()) });
            return;
        }
        let (column, low, high) = varying[rng.gen_range(0..varying.len())];
        let at = between(low, high, rng.gen_range(0.0..1.0));
        let (below, above): (Vec<usize>, Vec<usize>) =
            rows.into_iter().partition(|&row| space[[row, column]] < at);
        let own = self.nodes.len();
        self.nodes.push(Node::Cut { column: column as u32, at, right: 0 });
        self.cut(space, below, depth - 1, rng);
        let next = self.nodes.len() as u32;
        if let Node::Cut { right, .. } = &mut self.nodes[own] {
            *right = next;
        }
        self.cut(space, above, depth - 1, rng);
    }

    /// How many cuts part a row from the others.
    pub fn path(&self, row: ArrayView1<'_, f64>) -> f64 {
        let (mut at, mut cuts) = (0, 0.0);
        loop {
            match self.nodes[at] {
                Node::Leaf { left } => return cuts + left,
                Node::Cut { column, at: value, right } => {
                    cuts += 1.0;
                    at = if row[column as usize] < value { at + 1 } else { right as usize };
                }
            }
        }
    }
}

/// The column with its least and largest value, if these differ.
fn range(space: ArrayView2<'_, f64>, column: usize, rows: &[usize]) -> Option<(usize, f64, f64)> {
    let values = rows.iter().map(|&row| space[[row, column]]);
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    (low < high).then_some((column, low, high))
}

/// A value above `low` and at most `high`, so that a cut there has rows on both sides.
fn between(low: f64, high: f64, part: f64) -> f64 {
    // Halves first: the difference of two huge values would not fit.
    let at = low + 2.0 * (part * (high / 2.0 - low / 2.0));
    if at > low && at <= high { at } else { high }
}

/// The mean depth of `rows` rows in a random tree: F. T. Liu, K. M. Ting and Z.-H. Zhou, "Isolation Forest", IEEE
/// International Conference on Data Mining (2008), 413-422, equation 1, with the harmonic number in full.
pub(super) fn expected(rows: usize) -> f64 {
    if rows < 2 {
        return 0.0;
    }
    let harmonic: f64 = (1..rows).map(|i| 1.0 / i as f64).sum();
    2.0 * harmonic - 2.0 * (rows - 1) as f64 / rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn the_far_row_is_alone_sooner() {
        let space = array![[0.0], [0.1], [0.2], [0.3], [100.0]];
        let tree = Tree::grow(space.view(), (0..5).collect(), 10, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(tree.path(space.row(4)) < tree.path(space.row(1)));
    }

    #[test]
    fn equal_rows_are_one_leaf() {
        let space = ndarray::Array2::zeros((8, 2));
        let tree = Tree::grow(space.view(), (0..8).collect(), 10, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(tree.path(space.row(0)), expected(8));
    }

    #[test]
    fn expected_depths_are_those_of_the_paper() {
        assert_eq!((expected(1), expected(2)), (0.0, 1.0));
        assert!((expected(256) - 10.244_8).abs() < 0.01);
    }
}
