//! One linear model for all series of a kind.
//!
//! Direct regression of each step ahead on [features](super::features) of the scaled, deseasonalised histories, fitted on
//! all moments of all series together, with a ridge penalty and weights that make it resist outliers. A model of many
//! series can afford more memory than one of a single series and does not overfit: P. Montero-Manso and R. J. Hyndman,
//! "Principles and algorithms for forecasting groups of time series: Locality and globality", International Journal of
//! Forecasting 37 (2021), 1632-1653.
//!
//! The rows are never kept: each pass over the series adds them to sums of products, series by series in blocks of a
//! fixed size, and the blocks are added in order, so that neither memory nor the number of threads matters.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::features::{self, FAR};
use super::seasonal::Indices;

/// Rounds of reweighting.
const ROUNDS: usize = 4;
/// Penalties tried, in parts of the mean square of each feature.
const PENALTIES: [f64; 5] = [1e-4, 1e-3, 1e-2, 3e-2, 1e-1];
/// Groups of series of which each is once held out to choose the penalty.
const FOLDS: usize = 4;
/// Series in a block.
const BLOCK: usize = 64;

/// How a pooled model is made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    /// The number of last values that it sees.
    pub lags: usize,
    /// Whether it works on logarithms (of positive series only).
    pub logarithm: bool,
}

/// The fitted model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pooled {
    season: usize,
    plan: Plan,
    /// One row per step ahead.
    weights: Vec<Vec<f64>>,
}

/// Sums of products of rows that have exactly so many known steps ahead.
#[derive(Clone)]
struct Sums {
    width: usize,
    steps: usize,
    /// Per number of known steps: the lower triangle of the products of features.
    squares: Vec<Vec<f64>>,
    /// Per step: features times target.
    products: Vec<Vec<f64>>,
    /// Per step: the squared target.
    targets: Vec<f64>,
    rows: f64,
}

impl Sums {
    fn new(width: usize, steps: usize) -> Sums {
        Sums {
            width,
            steps,
            squares: vec![vec![0.0; width * (width + 1) / 2]; steps],
            products: vec![vec![0.0; width]; steps],
            targets: vec![0.0; steps],
            rows: 0.0,
        }
    }

    fn add(&mut self, row: &[f64], targets: &[f64], weight: f64) {
        let squares = &mut self.squares[targets.len() - 1];
        let mut start = 0;
        for (i, &left) in row.iter().enumerate() {
            let left = left * weight;
            for (sum, right) in squares[start..=start + i].iter_mut().zip(row) {
                *sum += left * right;
            }
            start += i + 1;
        }
        for (step, &target) in targets.iter().enumerate() {
            let times = weight * target;
            for (sum, value) in self.products[step].iter_mut().zip(row) {
                *sum += times * value;
            }
            self.targets[step] += times * target;
        }
        self.rows += 1.0;
    }

    fn merge(&mut self, other: &Sums, sign: f64) {
        let pair = |into: &mut [f64], from: &[f64]| {
            into.iter_mut().zip(from).for_each(|(sum, value)| *sum += sign * value);
        };
        self.squares.iter_mut().zip(&other.squares).for_each(|(into, from)| pair(into, from));
        self.products.iter_mut().zip(&other.products).for_each(|(into, from)| pair(into, from));
        pair(&mut self.targets, &other.targets);
        self.rows += sign * other.rows;
    }

    /// Per step, the products of features over all rows that know this step.
    fn by_step(&self) -> Vec<Vec<f64>> {
        let mut sums = vec![Vec::new(); self.steps];
        let mut running = vec![0.0; self.width * (self.width + 1) / 2];
        for step in (0..self.steps).rev() {
            running.iter_mut().zip(&self.squares[step]).for_each(|(sum, value)| *sum += value);
            sums[step] = running.clone();
        }
        sums
    }

    fn solve(&self, penalty: f64) -> Option<Vec<Vec<f64>>> {
        let by_step = self.by_step();
        let solved = by_step.par_iter().zip(&self.products);
        solved.map(|(squares, products)| ridge(squares, products, penalty)).collect()
    }

    /// The squared error of weights on these rows.
    fn error(&self, weights: &[Vec<f64>]) -> f64 {
        let by_step = self.by_step();
        let mut total = 0.0;
        for (step, weights) in weights.iter().enumerate() {
            let mut start = 0;
            let mut error = self.targets[step];
            for (i, &left) in weights.iter().enumerate() {
                error -= 2.0 * left * self.products[step][i];
                for (j, &right) in weights[..=i].iter().enumerate() {
                    let twice = if i == j { 1.0 } else { 2.0 };
                    error += twice * left * right * by_step[step][start + j];
                }
                start += i + 1;
            }
            total += error;
        }
        total
    }
}

/// Solves `(A + D) w = b` by a Cholesky decomposition, `D` being `penalty` times the diagonal of `A`.
fn ridge(squares: &[f64], products: &[f64], penalty: f64) -> Option<Vec<f64>> {
    let width = products.len();
    let at = |i: usize, j: usize| i * (i + 1) / 2 + j;
    let mut lower = squares.to_vec();
    let largest = (0..width).map(|i| squares[at(i, i)]).fold(0.0, f64::max);
    if largest <= 0.0 {
        return None;
    }
    for i in 0..width {
        lower[at(i, i)] += penalty * squares[at(i, i)] + 1e-10 * largest;
    }
    for j in 0..width {
        for i in j..width {
            let dot: f64 = (0..j).map(|k| lower[at(i, k)] * lower[at(j, k)]).sum();
            let value = lower[at(i, j)] - dot;
            if i == j {
                if value <= 0.0 {
                    return None;
                }
                lower[at(j, j)] = value.sqrt();
            } else {
                lower[at(i, j)] = value / lower[at(j, j)];
            }
        }
    }
    let mut solution = products.to_vec();
    for i in 0..width {
        let dot: f64 = (0..i).map(|k| lower[at(i, k)] * solution[k]).sum();
        solution[i] = (solution[i] - dot) / lower[at(i, i)];
    }
    for i in (0..width).rev() {
        let dot: f64 = (i + 1..width).map(|k| lower[at(k, i)] * solution[k]).sum();
        solution[i] = (solution[i] - dot) / lower[at(i, i)];
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

impl Plan {
    fn prepare(&self, history: &[f64], season: usize) -> Option<(Vec<f64>, Indices)> {
        let size = history.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        if !size.is_finite() || size <= 0.0 || history.iter().any(|value| value.is_nan()) {
            return None;
        }
        if self.logarithm {
            if history.iter().any(|&value| value <= 0.0) {
                return None;
            }
            let logs: Vec<f64> = history.iter().map(|value| value.ln()).collect();
            let additive = Indices::of_differences(&logs, season);
            return Some((additive.remove(&logs), additive));
        }
        let indices = Indices::of(history, season);
        Some((indices.remove(history), indices))
    }

    fn first(season: usize) -> usize {
        if season > 1 { season } else { 3 }
    }
}

impl Pooled {
    /// Learns from all histories; `None` where there are too few rows.
    pub fn fit(series: &[&[f64]], season: usize, steps: usize, plan: Plan) -> Option<Pooled> {
        let mut weights: Option<Vec<Vec<f64>>> = None;
        for round in 0..=ROUNDS {
            let blocks: Vec<Sums> = series
                .par_chunks(BLOCK)
                .map(|block| {
                    let mut sums = Sums::new(features::width(plan.lags), steps);
                    for history in block {
                        add_rows(&mut sums, history, season, plan, weights.as_deref());
                    }
                    sums
                })
                .collect();
            let mut all = Sums::new(features::width(plan.lags), steps);
            blocks.iter().for_each(|sums| all.merge(sums, 1.0));
            if all.rows < 2.0 * all.width as f64 {
                return None;
            }
            let penalty = if round < ROUNDS { PENALTIES[2] } else { choose(&all, &blocks) };
            weights = Some(all.solve(penalty)?);
        }
        weights.map(|weights| Pooled { season, plan, weights })
    }

    /// What comes after a history; beyond the steps that were learnt, what comes after its own forecasts.
    pub fn forecast(&self, history: &[f64], horizon: usize) -> Option<Vec<f64>> {
        if self.weights.is_empty() {
            return None;
        }
        let mut known = history.to_vec();
        while known.len() < history.len() + horizon {
            let ahead = self.learnt(&known)?;
            known.extend(ahead);
        }
        Some(known[history.len()..][..horizon].to_vec())
    }

    fn learnt(&self, history: &[f64]) -> Option<Vec<f64>> {
        let (plain, indices) = self.plan.prepare(history, self.season)?;
        let seen = features::see(&plain, self.plan.lags, plain.len().checked_sub(1)?)?;
        let anchor = *seen.anchors.last()?;
        let step = |weights: &Vec<f64>| {
            let ahead: f64 = weights.iter().zip(&seen.rows).map(|(weight, value)| weight * value).sum();
            anchor + seen.scale * ahead.clamp(-2.0 * FAR, 2.0 * FAR)
        };
        let mut ahead: Vec<f64> = self.weights.iter().map(step).collect();
        indices.restore(&mut ahead, history.len());
        if self.plan.logarithm {
            ahead.iter_mut().for_each(|value| *value = value.exp());
        }
        ahead.iter().all(|value| value.is_finite()).then_some(ahead)
    }
}

/// Adds every moment of a history.
fn add_rows(sums: &mut Sums, history: &[f64], season: usize, plan: Plan, weights: Option<&[Vec<f64>]>) {
    let Some((plain, _)) = plan.prepare(history, season) else { return };
    let from = Plan::first(season).min(plain.len().saturating_sub(1));
    let Some(seen) = features::see(&plain, plan.lags, from) else { return };
    let rows = seen.rows.chunks_exact(sums.width);
    let count = (plain.len() - from).saturating_sub(1) as f64;
    for (row, at) in rows.zip(from..) {
        let ahead = &plain[at + 1..(at + 1 + sums.steps).min(plain.len())];
        if ahead.is_empty() {
            break;
        }
        let anchor = seen.anchors[at];
        let scaled = |value: &f64| ((value - anchor) / seen.scale).clamp(-2.0 * FAR, 2.0 * FAR);
        let targets: Vec<f64> = ahead.iter().map(scaled).collect();
        let mut weight = 1.0 / count.sqrt();
        if let Some(weights) = weights {
            let miss = |(target, weights): (&f64, &Vec<f64>)| {
                let found: f64 = weights.iter().zip(row).map(|(weight, value)| weight * value).sum();
                (target - found).abs()
            };
            let missed = targets.iter().zip(weights).map(miss).sum::<f64>() / targets.len() as f64;
            weight = 1.0 / count.sqrt() / missed.max(0.2);
        }
        sums.add(row, &targets, weight);
    }
}

/// The penalty with the least error on series held out.
fn choose(all: &Sums, blocks: &[Sums]) -> f64 {
    let folds = FOLDS.min(blocks.len());
    if folds < 2 {
        return PENALTIES[2];
    }
    let mut errors = [0.0; PENALTIES.len()];
    for fold in 0..folds {
        let mut held_out = Sums::new(all.width, all.steps);
        blocks.iter().skip(fold).step_by(folds).for_each(|sums| held_out.merge(sums, 1.0));
        let mut rest = all.clone();
        rest.merge(&held_out, -1.0);
        for (error, penalty) in errors.iter_mut().zip(PENALTIES) {
            *error += rest.solve(penalty).map_or(f64::INFINITY, |weights| held_out.error(&weights));
        }
    }
    let best = (0..PENALTIES.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b]));
    best.map_or(PENALTIES[2], |index| PENALTIES[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { lags: 2, logarithm: false };

    /// By Cramer's rule: 4.4 a + b = 1 and a + 3.3 b = 2 have a determinant of 13.52.
    #[test]
    fn the_ridge_agrees_with_a_hand_computation() {
        let found = ridge(&[4.0, 1.0, 3.0], &[1.0, 2.0], 0.1).unwrap();
        assert!((found[0] - 1.3 / 13.52).abs() < 1e-8 && (found[1] - 7.8 / 13.52).abs() < 1e-8, "{found:?}");
        assert!(ridge(&[0.0, 0.0, 0.0], &[0.0, 0.0], 0.1).is_none());
    }

    fn lines() -> Vec<Vec<f64>> {
        let line = |index: u32| {
            let rough = |t: u32| f64::from((t * 31 + index * 17).wrapping_mul(2_654_435_761) >> 24) / 256.0;
            (0..30).map(|t| 100.0 + f64::from(index) + f64::from(t) * 2.0 + rough(t)).collect()
        };
        (0..80).map(line).collect()
    }

    #[test]
    fn a_trend_that_all_series_share_is_continued() {
        let lines = lines();
        let series: Vec<&[f64]> = lines.iter().map(Vec::as_slice).collect();
        let model = Pooled::fit(&series, 1, 4, PLAN).unwrap();
        let ahead = model.forecast(&lines[0], 6).unwrap();
        for (step, value) in ahead.iter().enumerate() {
            assert!((value - (160.5 + 2.0 * step as f64)).abs() < 3.0, "{ahead:?}");
        }
        let huge: Vec<f64> = lines[0].iter().map(|value| value * 2.0_f64.powi(900)).collect();
        let far = model.forecast(&huge, 4).unwrap();
        assert!((far[0] / 2.0_f64.powi(900) - ahead[0]).abs() < 1e-9);
    }

    #[test]
    fn bits_survive_threads_and_json() {
        let lines = lines();
        let series: Vec<&[f64]> = lines.iter().map(Vec::as_slice).collect();
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Pooled::fit(&series, 1, 4, PLAN).unwrap())
        };
        let model = fit(1);
        assert_eq!(model, fit(3));
        let again: Pooled = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(model.forecast(&lines[3], 4), again.forecast(&lines[3], 4));
    }

    #[test]
    fn too_little_gives_no_model_and_unsound_histories_no_forecast() {
        assert!(Pooled::fit(&[], 1, 4, PLAN).is_none());
        assert!(Pooled::fit(&[&[1.0, 2.0, 3.0, 5.0, 4.0]], 1, 4, PLAN).is_none());
        let lines = lines();
        let mut series: Vec<&[f64]> = lines.iter().map(Vec::as_slice).collect();
        let sound = Pooled::fit(&series, 1, 4, PLAN).unwrap();
        let odd: [&[f64]; 4] = [&[], &[1.0; 30], &[f64::NAN; 30], &[0.0; 30]];
        series.extend(odd);
        assert!(Pooled::fit(&series, 1, 4, PLAN).is_some());
        assert!(odd.iter().all(|history| sound.forecast(history, 4).is_none()));
    }
}
