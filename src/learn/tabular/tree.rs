//! A regression tree over binned features, grown leaf by leaf.
//!
//! Values are sorted once into at most 255 bins a feature, and sums of gradients are kept by bin (G. Ke et al.,
//! "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 30 (2017), 3146-3154). A split is worth
//! `L^2/(l + r) + R^2/(r' + r) - (L + R)^2/(h + r)` in gradient sums L, R over Hessian sums with ridge r (T. Chen and C.
//! Guestrin, "XGBoost", KDD 2016, 785-794, equation 7); missing values go to whichever side gains more. Sums run in the
//! order of the rows and of equal splits the first wins, so that a tree does not depend on threads.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The code of a missing value; the others count from 1.
const MISSING: u8 = 0;
/// So many bins hold values.
const BINS: usize = 255;
/// Nodes with fewer cells than this are not worth a second thread.
const PARALLEL: usize = 1 << 16;

/// Features as codes of bins.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    rows: usize,
    /// For each feature, the largest value of each bin but the last.
    cuts: Vec<Vec<f64>>,
    /// Feature by feature.
    codes: Vec<u8>,
}

impl Bins {
    /// Of rows by features; NaN and infinities are missing.
    pub fn new(records: ArrayView2<'_, f64>) -> Bins {
        let rows = records.nrows();
        let binned: Vec<(Vec<f64>, Vec<u8>)> = (0..records.ncols())
            .into_par_iter()
            .map(|feature| {
                let column = records.column(feature);
                let cuts = cuts(column);
                let codes = column.iter().map(|value| code(&cuts, *value)).collect();
                (cuts, codes)
            })
            .collect();
        let mut codes = Vec::with_capacity(rows * records.ncols());
        let mut all = Vec::with_capacity(records.ncols());
        for (cuts, column) in binned {
            all.push(cuts);
            codes.extend(column);
        }
        Bins { rows, cuts: all, codes }
    }

    /// How many features there are.
    pub fn features(&self) -> usize {
        self.cuts.len()
    }

    fn column(&self, feature: usize) -> &[u8] {
        &self.codes[feature * self.rows..(feature + 1) * self.rows]
    }
}

fn code(cuts: &[f64], value: f64) -> u8 {
    if value.is_finite() { cuts.partition_point(|cut| *cut < value) as u8 + 1 } else { MISSING }
}

/// Half way between neighbours; where there are too many, at even ranks.
fn cuts(column: ArrayView1<'_, f64>) -> Vec<f64> {
    let mut values: Vec<f64> = column.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let between = |low: f64, high: f64| {
        let middle = f64::midpoint(low, high);
        if middle < high { middle } else { low }
    };
    let mut distinct = values.clone();
    distinct.dedup();
    if distinct.len() <= BINS {
        return distinct.windows(2).map(|pair| between(pair[0], pair[1])).collect();
    }
    let mut cuts: Vec<f64> = (1..BINS)
        .filter_map(|bin| {
            let low = values[values.len() * bin / BINS - 1];
            let next = distinct.partition_point(|value| *value <= low);
            distinct.get(next).map(|high| between(low, *high))
        })
        .collect();
    cuts.dedup();
    cuts
}

/// How a tree may grow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Limits {
    /// At most so many leaves.
    pub leaves: usize,
    /// At most so many splits above a leaf.
    pub depth: usize,
    /// At least so many rows in a leaf.
    pub leaf_rows: usize,
    /// The ridge on the value of a leaf.
    pub l2: f64,
}

/// A fitted tree, node by node; the first is the root.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tree {
    feature: Vec<u32>,
    /// Values up to this go left.
    threshold: Vec<f64>,
    missing_left: Vec<bool>,
    /// The left child, followed by the right one; 0 at a leaf.
    child: Vec<u32>,
    /// What the node would answer if it were a leaf.
    value: Vec<f64>,
}

impl Tree {
    fn leaf(&mut self, value: f64) -> usize {
        self.feature.push(0);
        self.threshold.push(0.0);
        self.missing_left.push(false);
        self.child.push(0);
        self.value.push(value);
        self.value.len() - 1
    }

    /// The answer for one row.
    pub fn predict(&self, row: ArrayView1<'_, f64>) -> f64 {
        let mut node = 0;
        while self.child[node] != 0 {
            node = self.next(node, row[self.feature[node] as usize]);
        }
        self.value[node]
    }

    /// Adds to each feature what the splits on it changed on the way of this row, and gives the value at the root, so
    /// that root and contributions add up to the answer (A. Palczewska et al., "Interpreting Random Forest
    /// Classification Models Using a Feature Contribution Method", Integration of Reusable Systems (2014), 193-218).
    pub fn contribute(&self, row: ArrayView1<'_, f64>, contributions: &mut [f64]) -> f64 {
        let mut node = 0;
        while self.child[node] != 0 {
            let feature = self.feature[node] as usize;
            let next = self.next(node, row[feature]);
            contributions[feature] += self.value[next] - self.value[node];
            node = next;
        }
        self.value[0]
    }

    /// Multiplies every value.
    pub fn scale(&mut self, factor: f64) {
        self.value.iter_mut().for_each(|value| *value *= factor);
    }

    fn next(&self, node: usize, value: f64) -> usize {
        let left = if value.is_finite() { value <= self.threshold[node] } else { self.missing_left[node] };
        self.child[node] as usize + usize::from(!left)
    }
}

/// A tree with the rows it was grown from.
#[derive(Debug)]
pub(super) struct Grown {
    pub tree: Tree,
    /// The code of each threshold.
    codes: Vec<u8>,
    /// Where the rows of each node lie.
    spans: Vec<(usize, usize)>,
    rows: Vec<u32>,
}

impl Grown {
    /// The answer for a row of the bins.
    pub fn predict(&self, bins: &Bins, row: usize) -> f64 {
        let mut node = 0;
        while self.tree.child[node] != 0 {
            let code = bins.column(self.tree.feature[node] as usize)[row];
            let left = if code == MISSING { self.tree.missing_left[node] } else { code <= self.codes[node] };
            node = self.tree.child[node] as usize + usize::from(!left);
        }
        self.tree.value[node]
    }

    /// Gives every node a new value, from its rows.
    pub fn revalue(&mut self, value: impl Fn(&[u32]) -> f64) {
        for (node, (start, end)) in self.spans.iter().enumerate() {
            self.tree.value[node] = value(&self.rows[*start..*end]);
        }
    }
}

/// Sums over the rows in one bin: gradients, Hessians, rows.
type Sums = [f64; 3];

struct Open {
    node: usize,
    start: usize,
    end: usize,
    depth: usize,
    /// For each of the columns, for each bin.
    histogram: Vec<Vec<Sums>>,
    split: Option<Split>,
}

#[derive(Clone, Copy)]
struct Split {
    gain: f64,
    /// The place of the column.
    place: usize,
    code: u8,
    missing_left: bool,
}

/// Grows one tree on these rows and columns. The value of a node is `-gradients / (Hessians + l2)`.
pub(super) fn grow(
    bins: &Bins,
    rows: Vec<u32>,
    columns: &[usize],
    gradient: &[f64],
    hessian: &[f64],
    limits: &Limits,
) -> Grown {
    let mut grown = Grown { tree: Tree::default(), codes: Vec::new(), spans: Vec::new(), rows };
    let value = |sums: Sums| -sums[0] / (sums[1] + limits.l2);
    let all = grown.rows.len();
    let mut total = [0.0; 3];
    for &row in &grown.rows {
        total[0] += gradient[row as usize];
        total[1] += hessian[row as usize];
        total[2] += 1.0;
    }
    grown.tree.leaf(if all > 0 { value(total) } else { 0.0 });
    grown.codes.push(0);
    grown.spans.push((0, all));
    if all < 2 * limits.leaf_rows || limits.leaves < 2 {
        return grown;
    }
    let histogram = histogram(bins, &grown.rows, columns, gradient, hessian);
    let split = best(&histogram, limits);
    let mut open = vec![Open { node: 0, start: 0, end: all, depth: 0, histogram, split }];
    for _ in 1..limits.leaves {
        let gain = |leaf: &Open| leaf.split.map_or(0.0, |split| split.gain);
        let Some(at) = (0..open.len()).reduce(|a, b| if gain(&open[b]) > gain(&open[a]) { b } else { a })
        else {
            break;
        };
        let leaf = open.swap_remove(at);
        let Some(split) = leaf.split else { break };
        let feature = columns[split.place];
        let column = bins.column(feature);
        let goes_left = |row: u32| {
            let code = column[row as usize];
            if code == MISSING { split.missing_left } else { code <= split.code }
        };
        let span = &mut grown.rows[leaf.start..leaf.end];
        let (left, right): (Vec<u32>, Vec<u32>) = span.iter().partition(|row| goes_left(**row));
        span[..left.len()].copy_from_slice(&left);
        span[left.len()..].copy_from_slice(&right);
        let middle = leaf.start + left.len();

        let left_is_small = left.len() <= right.len();
        let few =
            self::histogram(bins, if left_is_small { &left } else { &right }, columns, gradient, hessian);
        let mut many = leaf.histogram;
        for (many, few) in many.iter_mut().zip(&few) {
            for (many, few) in many.iter_mut().zip(few) {
                (0..3).for_each(|i| many[i] -= few[i]);
            }
        }
        let (of_left, of_right) = if left_is_small { (few, many) } else { (many, few) };

        let first = grown.tree.value.len();
        grown.tree.feature[leaf.node] = feature as u32;
        // Behind the last cut lies every number: there the split is between numbers and missing values.
        let cut = bins.cuts[feature].get(usize::from(split.code) - 1);
        grown.tree.threshold[leaf.node] = cut.copied().unwrap_or(f64::MAX);
        grown.tree.missing_left[leaf.node] = split.missing_left;
        grown.tree.child[leaf.node] = first as u32;
        grown.codes[leaf.node] = split.code;
        let parts = [(of_left, left, leaf.start, middle), (of_right, right, middle, leaf.end)];
        for (histogram, rows, start, end) in parts {
            let mut sums = [0.0; 3];
            for row in rows {
                sums[0] += gradient[row as usize];
                sums[1] += hessian[row as usize];
            }
            let node = grown.tree.leaf(value(sums));
            grown.codes.push(0);
            grown.spans.push((start, end));
            let depth = leaf.depth + 1;
            let may_split = depth < limits.depth && end - start >= 2 * limits.leaf_rows;
            let split = if may_split { best(&histogram, limits) } else { None };
            if split.is_some() {
                open.push(Open { node, start, end, depth, histogram, split });
            }
        }
    }
    grown
}

fn histogram(
    bins: &Bins,
    rows: &[u32],
    columns: &[usize],
    gradient: &[f64],
    hessian: &[f64],
) -> Vec<Vec<Sums>> {
    let gathered: Vec<(f64, f64)> =
        rows.iter().map(|row| (gradient[*row as usize], hessian[*row as usize])).collect();
    let one = |feature: &usize| {
        let mut sums = vec![[0.0; 3]; bins.cuts[*feature].len() + 2];
        let column = bins.column(*feature);
        for (row, (gradient, hessian)) in rows.iter().zip(&gathered) {
            let bin = &mut sums[usize::from(column[*row as usize])];
            bin[0] += gradient;
            bin[1] += hessian;
            bin[2] += 1.0;
        }
        sums
    };
    if rows.len() * columns.len() >= PARALLEL {
        columns.par_iter().map(one).collect()
    } else {
        columns.iter().map(one).collect()
    }
}

/// The split that gains most, if any does.
fn best(histogram: &[Vec<Sums>], limits: &Limits) -> Option<Split> {
    let mut best: Option<Split> = None;
    let score = |gradient: f64, hessian: f64| gradient * gradient / (hessian + limits.l2);
    let enough = limits.leaf_rows as f64 - 0.5;
    for (place, bins) in histogram.iter().enumerate() {
        let total = bins.iter().fold([0.0; 3], |sum, bin| add(sum, *bin));
        let whole = score(total[0], total[1]);
        let missing = bins[usize::from(MISSING)];
        let has_missing = missing[2] > 0.5;
        let mut seen = [0.0; 3];
        for code in 1..bins.len() {
            seen = add(seen, bins[code]);
            for missing_left in [false, true] {
                if missing_left && !has_missing {
                    continue;
                }
                let left = if missing_left { add(seen, missing) } else { seen };
                let right = [total[0] - left[0], total[1] - left[1], total[2] - left[2]];
                // After the last bin only "missing or not" is a split.
                let last = code == bins.len() - 1;
                if left[2] < enough || right[2] < enough || (last && (missing_left || !has_missing)) {
                    continue;
                }
                let gain = score(left[0], left[1]) + score(right[0], right[1]) - whole;
                let floor = best.map_or(1e-9, |best| best.gain);
                if gain > floor && left[1] > 1e-6 && right[1] > 1e-6 {
                    // What was never missing goes with the larger side.
                    let missing_left = if has_missing { missing_left } else { left[2] >= right[2] };
                    best = Some(Split { gain, place, code: code as u8, missing_left });
                }
            }
        }
    }
    best
}

fn add(a: Sums, b: Sums) -> Sums {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    const LIMITS: Limits = Limits { leaves: 8, depth: 4, leaf_rows: 1, l2: 0.0 };

    fn regress(x: &Array2<f64>, y: &[f64], limits: &Limits) -> Grown {
        let bins = Bins::new(x.view());
        let gradient: Vec<f64> = y.iter().map(|y| -y).collect();
        let rows = (0..y.len() as u32).collect();
        let columns: Vec<usize> = (0..x.ncols()).collect();
        grow(&bins, rows, &columns, &gradient, &vec![1.0; y.len()], limits)
    }

    #[test]
    fn leaves_are_means() {
        let x = array![[1.0], [2.0], [3.0], [10.0], [11.0], [12.0]];
        let grown = regress(&x, &[1.0, 1.0, 1.0, 5.0, 5.0, 8.0], &LIMITS);
        let answers: Vec<f64> = x.outer_iter().map(|row| grown.tree.predict(row)).collect();
        assert_eq!(answers, [1.0, 1.0, 1.0, 5.0, 5.0, 8.0]);
        let binned: Vec<f64> = (0..6).map(|row| grown.predict(&Bins::new(x.view()), row)).collect();
        assert_eq!(answers, binned);
    }

    #[test]
    fn missing_values_have_their_own_direction() {
        let x = array![[1.0], [2.0], [f64::NAN], [f64::NAN], [3.0], [f64::INFINITY]];
        let grown = regress(&x, &[0.0, 0.0, 9.0, 9.0, 0.0, 9.0], &LIMITS);
        assert_eq!(grown.tree.predict(array![f64::NAN].view()), 9.0);
        assert_eq!(grown.tree.predict(array![100.0].view()), 0.0);
    }

    #[test]
    fn contributions_add_up() {
        let x = Array2::from_shape_fn((60, 3), |(i, j)| ((i * (j + 3) * 7) % 23) as f64);
        let y: Vec<f64> = x.outer_iter().map(|row| row[0] * 2.0 + f64::from(row[1] > 9.0) * 10.0).collect();
        let grown = regress(&x, &y, &LIMITS);
        for row in x.outer_iter() {
            let mut parts = [0.0; 3];
            let root = grown.tree.contribute(row, &mut parts);
            assert!((root + parts.iter().sum::<f64>() - grown.tree.predict(row)).abs() < 1e-9);
        }
    }

    #[test]
    fn many_values_share_bins_and_none_is_a_leaf() {
        let x = Array2::from_shape_fn((5000, 1), |(i, _)| i as f64);
        let bins = Bins::new(x.view());
        assert!(bins.cuts[0].len() == BINS - 1 && bins.column(0).iter().all(|code| *code > 0));
        let empty = regress(&Array2::zeros((0, 2)), &[], &LIMITS);
        assert_eq!(empty.tree.predict(array![1.0, 1.0].view()), 0.0);
        let constant = regress(&Array2::zeros((9, 1)), &[3.0; 9], &LIMITS);
        assert_eq!(constant.tree.predict(array![f64::NAN].view()), 3.0);
    }
}
