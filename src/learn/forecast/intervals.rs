//! Prediction intervals from what the backtest got wrong.
//!
//! Split conformal prediction with a local measure of difficulty: J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani and
//! L. Wasserman, "Distribution-Free Predictive Inference for Regression", Journal of the American Statistical
//! Association 113 (2018), 1094-1111, section 5.2. The residuals of all series, each in the unit of its own
//! [scale](crate::learn::metrics::scale), are divided by a spread per step (which never shrinks with the step) and by a
//! difficulty per series (the mean of its own absolute ones, drawn towards the typical one where it has few). The
//! quantiles of what remains serve all: `offset = quantile * spread(step) * difficulty(series) * scale(series)`. Where
//! there are many residuals each tail has its own quantile, as in Y. Romano, E. Patterson and E. Candes, "Conformalized
//! Quantile Regression", Advances in Neural Information Processing Systems 32 (2019), section 3; else both share one.

use serde::{Deserialize, Serialize};

use crate::learn::normal;

/// The typical series counts as this many residuals of every series.
const PRIOR: f64 = 8.0;
/// The standard deviation of a normal distribution over its mean absolute deviation: the root of pi/2.
const DEVIATION: f64 = 1.253_314_137_315_500_3;
/// Residuals from which each tail has its own quantile.
const MANY: usize = 400;

/// The scaled residuals (actual less forecast) of one series: per window, per step; NaN where not observed.
pub(super) type Residuals = Vec<Option<Vec<f64>>>;

/// What intervals are made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Calibration {
    spread: Vec<f64>,
    /// The difficulty of a series without residuals.
    usual: f64,
    /// One quantile per probability asked for.
    quantiles: Vec<f64>,
}

/// A calibration and the difficulty of each series it was learned from.
#[derive(Clone, Debug)]
pub(super) struct Learned {
    /// What serves all.
    pub calibration: Calibration,
    /// In the order of the residuals.
    pub difficulty: Vec<f64>,
}

impl Calibration {
    /// Learns from the residuals of all windows but `without`; `None` where there are none.
    pub fn learn(
        residuals: &[&Residuals],
        horizon: usize,
        without: Option<usize>,
        probabilities: &[f64],
    ) -> Option<Learned> {
        let mut by_step = vec![Vec::new(); horizon];
        for windows in residuals {
            for (step, residual) in windows_but(windows, without).flat_map(known) {
                by_step[step].push(residual.abs());
            }
        }
        if by_step.iter().all(Vec::is_empty) {
            return None;
        }
        let spread = never_shrinking(&by_step.into_iter().map(typical).collect::<Vec<_>>());
        let relative = |steps| {
            let known = known(steps).filter(|(step, _)| spread[*step] > 0.0);
            let relative = known.map(|(step, residual)| residual / spread[step]);
            relative.filter(|residual| residual.is_finite()).collect::<Vec<f64>>()
        };
        // Per series: the sum and count of its absolute residuals in units of the spread.
        let sums: Vec<(f64, f64)> = residuals
            .iter()
            .map(|windows| {
                windows_but(windows, without).map(relative).fold((0.0, 0.0), |(sum, count), window| {
                    (sum + absolute(&window), count + window.len() as f64)
                })
            })
            .collect();
        let means = sums.iter().filter(|(_, count)| *count > 0.0).map(|(sum, count)| sum / count);
        let usual = typical(means.filter(|mean| mean.is_finite()).collect());
        let drawn = |sum: f64, count: f64| {
            let drawn = (sum + PRIOR * usual) / (count + PRIOR);
            if drawn.is_finite() { drawn } else { usual }
        };
        let difficulty: Vec<f64> = sums.iter().map(|(sum, count)| drawn(*sum, *count)).collect();
        let mut scores = Vec::new();
        for (windows, (sum, count)) in residuals.iter().zip(&sums) {
            // A residual must not make its own window look as difficult as it was: that window is left out.
            for window in windows_but(windows, without).map(relative) {
                let unit = drawn((sum - absolute(&window)).max(0.0), count - window.len() as f64);
                let own = window.iter().filter(|_| unit > 0.0).map(|residual| residual / unit);
                scores.extend(own.filter(|score| score.is_finite()));
            }
        }
        let quantiles = quantiles(scores, probabilities);
        Some(Learned { calibration: Calibration { spread, usual, quantiles }, difficulty })
    }

    /// How far the quantile of that index lies from the mean for a series of that difficulty (the usual one unless
    /// given) and scale, `step` counted from 0.
    pub fn offset(&self, index: usize, step: usize, difficulty: Option<f64>, scale: f64) -> f64 {
        let spread = self.spread[step.min(self.spread.len() - 1)];
        let offset = self.quantiles[index] * spread * difficulty.unwrap_or(self.usual) * scale;
        if offset.is_finite() { offset } else { 0.0 }
    }
}

/// One quantile of the scores for each probability; probabilities ascend or not, their quantiles do as they do.
fn quantiles(mut scores: Vec<f64>, probabilities: &[f64]) -> Vec<f64> {
    if scores.len() >= MANY {
        scores.sort_unstable_by(f64::total_cmp);
        let negative: Vec<f64> = scores.iter().rev().map(|score| -score).collect();
        let tail = |p: &f64| {
            if *p >= 0.5 {
                upper(&scores, *p, normal::quantile(*p)).unwrap_or(0.0)
            } else {
                -upper(&negative, 1.0 - p, normal::quantile(1.0 - p)).unwrap_or(0.0)
            }
        };
        return probabilities.iter().map(tail).collect();
    }
    let mut sizes: Vec<f64> = scores.iter().map(|score| score.abs()).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let both = |p: &f64| {
        let coverage = (2.0 * p - 1.0).abs();
        // No scores are left where every residual was zero.
        let size = upper(&sizes, coverage, normal::quantile(0.5 + coverage / 2.0)).unwrap_or(0.0);
        if *p == 0.5 { 0.0 } else { size.copysign(p - 0.5) }
    };
    probabilities.iter().map(both).collect()
}

/// The conformal quantile of ascending scores, of rank `ceil((n + 1) p)`. Where there are too few for that rank, the
/// largest, or what a normal distribution with their mean size would have at `z`, whichever is more.
fn upper(scores: &[f64], coverage: f64, z: f64) -> Option<f64> {
    let largest = *scores.last()?;
    let count = scores.len() as f64;
    let rank = ((count + 1.0) * coverage).ceil().max(1.0);
    if rank <= count {
        return Some(scores[rank as usize - 1]);
    }
    Some(largest.max(absolute(scores) / count * DEVIATION * z))
}

/// The windows that have residuals, but one.
fn windows_but(windows: &Residuals, without: Option<usize>) -> impl Iterator<Item = &[f64]> + '_ {
    let windows = windows.iter().enumerate().filter(move |(window, _)| Some(*window) != without);
    windows.filter_map(|(_, steps)| steps.as_deref())
}

/// The residuals that were observed, with their steps.
fn known(steps: &[f64]) -> impl Iterator<Item = (usize, f64)> + '_ {
    steps.iter().copied().enumerate().filter(|(_, residual)| residual.is_finite())
}

fn absolute(values: &[f64]) -> f64 {
    values.iter().map(|value| value.abs()).sum()
}

/// The quantile of a random walk whose mean absolute change is `scale`, `reach` changes ahead: where nothing could be
/// tried. R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section 5.5.
pub(super) fn random_walk(probability: f64, scale: f64, reach: usize) -> f64 {
    normal::quantile(probability) * DEVIATION * scale * (reach as f64).sqrt()
}

/// The median, or where that is zero the mean; zero of nothing.
fn typical(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    values.sort_unstable_by(f64::total_cmp);
    let median = values[values.len() / 2];
    if median > 0.0 { median } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The nearest non-decreasing sequence (pool adjacent violators: M. Ayer et al., Annals of Mathematical Statistics 26
/// (1955), 641-647).
fn never_shrinking(values: &[f64]) -> Vec<f64> {
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for &value in values {
        blocks.push((value, 1));
        while let [.., (before, many), (after, more)] = blocks[..] {
            if before <= after {
                break;
            }
            blocks.truncate(blocks.len() - 2);
            blocks.push(((before * many as f64 + after * more as f64) / (many + more) as f64, many + more));
        }
    }
    blocks.into_iter().flat_map(|(value, count)| std::iter::repeat_n(value, count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: [f64; 4] = [0.025, 0.1, 0.9, 0.975];

    fn learn(residuals: &[Residuals], horizon: usize, without: Option<usize>) -> Option<Learned> {
        Calibration::learn(&residuals.iter().collect::<Vec<_>>(), horizon, without, &AT)
    }

    #[test]
    fn the_rank_is_the_conformal_one() {
        let scores: Vec<f64> = (1..=19).map(f64::from).collect();
        assert_eq!(upper(&scores, 0.80, 1.0), Some(16.0));
        assert_eq!(upper(&scores, 0.95, 1.0), Some(19.0));
    }

    #[test]
    fn too_few_scores_borrow_the_normal_tail() {
        let width = quantiles(vec![1.0, -1.0], &[0.025, 0.975]);
        assert!((width[1] - 1.959_963_984_540_054 * DEVIATION).abs() < 1e-12);
        assert_eq!(width[0], -width[1]);
        assert_eq!(quantiles(Vec::new(), &[0.9]), [0.0]);
    }

    #[test]
    fn many_skewed_residuals_give_each_tail_its_own_quantile() {
        let scores: Vec<f64> = (0..1_000).map(|t| (f64::from(t) / 1_000.0).powi(4) * 10.0 - 1.0).collect();
        let found = quantiles(scores, &[0.1, 0.5, 0.9]);
        assert!(found[0] > -1.01 && found[0] < -0.9 && found[1] < 0.0 && found[2] > 5.0, "{found:?}");
    }

    #[test]
    fn spreads_are_pooled_until_they_never_shrink() {
        assert_eq!(never_shrinking(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(never_shrinking(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
        assert_eq!(never_shrinking(&[]), [0.0; 0]);
    }

    #[test]
    fn a_difficult_series_gets_wider_intervals_and_a_new_one_typical_ones() {
        let easy = vec![Some(vec![0.5, -1.0]); 20];
        let hard = vec![Some(vec![-2.0, 4.0]); 20];
        let found = learn(&[easy, hard, vec![None; 20]], 2, None).unwrap();
        let at = |series: usize, step| found.calibration.offset(2, step, Some(found.difficulty[series]), 1.0);
        assert!(at(1, 0) > 2.0 * at(0, 0));
        assert!(at(2, 0) >= at(0, 0) && at(2, 0) <= at(1, 0));
        assert!(at(0, 1) >= at(0, 0));
        assert_eq!(found.calibration.offset(2, 0, None, 1.0), at(2, 0));
        assert_eq!(found.calibration.offset(1, 0, None, 1.0), -at(2, 0));
    }

    #[test]
    fn without_residuals_there_is_no_calibration() {
        assert!(learn(&[vec![None, None]], 3, None).is_none());
        assert!(learn(&[vec![Some(vec![1.0])]], 1, Some(0)).is_none());
        assert!(learn(&[vec![Some(vec![f64::NAN])]], 1, None).is_none());
    }

    #[test]
    fn a_perfect_past_gives_no_width() {
        let found = learn(&[vec![Some(vec![0.0, 0.0])]], 2, None).unwrap();
        assert_eq!(found.calibration.offset(3, 1, None, 5.0), 0.0);
    }

    #[test]
    fn a_random_walk_widens_with_the_root() {
        let (one, four) = (random_walk(0.975, 1.0, 1), random_walk(0.975, 1.0, 4));
        assert!((four - 2.0 * one).abs() < 1e-12);
        assert!((random_walk(0.9, 1.0, 1) - 1.606_1).abs() < 1e-3);
    }
}
