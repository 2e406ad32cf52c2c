//! Prediction intervals from what the backtest got wrong.
//!
//! Split conformal prediction with a local measure of difficulty: J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani and
//! L. Wasserman, "Distribution-Free Predictive Inference for Regression", Journal of the American Statistical
//! Association 113 (2018), 1094-1111, section 5.2. The absolute residuals of all series, each in the unit of its own
//! [scale](super::metrics::scale), are divided by a spread per step (which never shrinks with the step) and by a
//! difficulty per series (its own mean, drawn towards the typical one where it has few residuals). One quantile of what
//! remains serves all: `half width = quantile * spread(step) * difficulty(series) * scale(series)`.

use super::normal;

/// The typical series counts as this many residuals of every series.
const PRIOR: f64 = 8.0;
/// The standard deviation of a normal distribution over its mean absolute deviation: the root of pi/2.
const DEVIATION: f64 = 1.253_314_137_315_500_3;

/// The absolute scaled residuals of a candidate: per series, per window, per step; NaN where not observed.
pub(super) type Residuals = Vec<Vec<Option<Vec<f64>>>>;

/// Half widths around a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct HalfWidths {
    /// Of the 80 % interval.
    pub at80: f64,
    /// Of the 95 % interval; not below the other.
    pub at95: f64,
}

/// What half widths are made from.
#[derive(Debug)]
pub(super) struct Calibration {
    spread: Vec<f64>,
    difficulty: Vec<f64>,
    quantiles: HalfWidths,
}

impl Calibration {
    /// Learns from the residuals of all windows but `without`; `None` where there are none.
    pub fn learn(residuals: &Residuals, horizon: usize, without: Option<usize>) -> Option<Calibration> {
        let mut by_step = vec![Vec::new(); horizon];
        for windows in residuals {
            for (step, residual) in windows_but(windows, without).flat_map(known) {
                by_step[step].push(residual);
            }
        }
        if by_step.iter().all(Vec::is_empty) {
            return None;
        }
        let spread = never_shrinking(&by_step.into_iter().map(typical).collect::<Vec<_>>());
        // Per series, per window: the residuals in units of the spread, of which each step has its own.
        let relative: Vec<Vec<Vec<f64>>> = residuals
            .iter()
            .map(|windows| {
                let of = |steps| {
                    let known = known(steps).filter(|(step, _)| spread[*step] > 0.0);
                    known.map(|(step, residual)| residual / spread[step]).collect()
                };
                windows_but(windows, without).map(of).collect()
            })
            .collect();
        let usual = typical(relative.iter().filter_map(|windows| mean(&windows.concat())).collect());
        let drawn = |sum: f64, count: f64| (sum + PRIOR * usual) / (count + PRIOR);
        let (mut difficulty, mut scores) = (Vec::with_capacity(relative.len()), Vec::new());
        for windows in &relative {
            let sums: Vec<f64> = windows.iter().map(|window| window.iter().sum()).collect();
            let (sum, count) = (sums.iter().sum::<f64>(), windows.concat().len() as f64);
            difficulty.push(drawn(sum, count));
            // A residual must not make its own window look as difficult as it was: that window is left out.
            for (window, own) in windows.iter().zip(sums) {
                let unit = drawn((sum - own).max(0.0), count - window.len() as f64);
                scores.extend(window.iter().filter(|_| unit > 0.0).map(|residual| residual / unit));
            }
        }
        scores.sort_unstable_by(f64::total_cmp);
        // No scores are left where every residual was zero.
        let at80 = quantile(&scores, 0.80).unwrap_or(0.0);
        let at95 = quantile(&scores, 0.95).unwrap_or(0.0).max(at80);
        Some(Calibration { spread, difficulty, quantiles: HalfWidths { at80, at95 } })
    }

    /// The half widths for a series of that scale, `step` counted from 0.
    pub fn half_widths(&self, series: usize, step: usize, scale: f64) -> HalfWidths {
        let unit = self.spread[step] * self.difficulty[series] * scale;
        HalfWidths { at80: self.quantiles.at80 * unit, at95: self.quantiles.at95 * unit }
    }
}

/// The windows that have residuals, but one.
fn windows_but(windows: &[Option<Vec<f64>>], without: Option<usize>) -> impl Iterator<Item = &[f64]> + '_ {
    let windows = windows.iter().enumerate().filter(move |(window, _)| Some(*window) != without);
    windows.filter_map(|(_, steps)| steps.as_deref())
}

/// The residuals that were observed, with their steps.
fn known(steps: &[f64]) -> impl Iterator<Item = (usize, f64)> + '_ {
    steps.iter().copied().enumerate().filter(|(_, residual)| residual.is_finite())
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The half widths of a random walk whose mean absolute change is `scale`, `reach` changes ahead: where nothing could be
/// tried. R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section 5.5.
pub(super) fn random_walk(scale: f64, reach: usize) -> HalfWidths {
    let deviation = DEVIATION * scale * (reach as f64).sqrt();
    HalfWidths { at80: normal::quantile(0.9) * deviation, at95: normal::quantile(0.975) * deviation }
}

/// The conformal quantile of ascending scores, of rank `ceil((n + 1) p)`. Where there are too few for that rank, the
/// largest, or what a normal distribution with their mean would have, whichever is more.
fn quantile(scores: &[f64], coverage: f64) -> Option<f64> {
    let largest = *scores.last()?;
    let count = scores.len() as f64;
    let rank = ((count + 1.0) * coverage).ceil();
    if rank <= count {
        return Some(scores[rank as usize - 1]);
    }
    let mean = scores.iter().sum::<f64>() / count;
    Some(largest.max(mean * DEVIATION * normal::quantile(0.5 + coverage / 2.0)))
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

    #[test]
    fn the_rank_is_the_conformal_one() {
        let scores: Vec<f64> = (1..=19).map(f64::from).collect();
        assert_eq!(quantile(&scores, 0.80), Some(16.0));
        assert_eq!(quantile(&scores, 0.95), Some(19.0));
    }

    #[test]
    fn too_few_scores_borrow_the_normal_tail() {
        let width = quantile(&[1.0, 1.0], 0.95).unwrap();
        assert!((width - 1.959_963_984_540_054 * DEVIATION).abs() < 1e-12);
        assert_eq!(quantile(&[], 0.95), None);
    }

    #[test]
    fn spreads_are_pooled_until_they_never_shrink() {
        assert_eq!(never_shrinking(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(never_shrinking(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
        assert_eq!(never_shrinking(&[]), [0.0; 0]);
    }

    #[test]
    fn a_difficult_series_gets_wider_intervals_and_a_new_one_typical_ones() {
        let easy = vec![Some(vec![0.5, 1.0]); 20];
        let hard = vec![Some(vec![2.0, 4.0]); 20];
        let residuals = vec![easy, hard, vec![None; 20]];
        let calibration = Calibration::learn(&residuals, 2, None).unwrap();
        let at = |series, step| calibration.half_widths(series, step, 1.0);
        assert!(at(1, 0).at80 > 2.0 * at(0, 0).at80);
        assert!(at(2, 0).at80 >= at(0, 0).at80 && at(2, 0).at80 <= at(1, 0).at80);
        assert!(at(0, 1).at80 >= at(0, 0).at80 && at(0, 0).at95 >= at(0, 0).at80);
    }

    #[test]
    fn without_residuals_there_is_no_calibration() {
        assert!(Calibration::learn(&vec![vec![None, None]], 3, None).is_none());
        assert!(Calibration::learn(&vec![vec![Some(vec![1.0])]], 1, Some(0)).is_none());
        assert!(Calibration::learn(&vec![vec![Some(vec![f64::NAN])]], 1, None).is_none());
    }

    #[test]
    fn a_perfect_past_gives_no_width() {
        let calibration = Calibration::learn(&vec![vec![Some(vec![0.0, 0.0])]], 2, None).unwrap();
        assert_eq!(calibration.half_widths(0, 1, 5.0), HalfWidths { at80: 0.0, at95: 0.0 });
    }

    #[test]
    fn a_random_walk_widens_with_the_root() {
        let (one, four) = (random_walk(1.0, 1), random_walk(1.0, 4));
        assert!((four.at95 - 2.0 * one.at95).abs() < 1e-12);
        assert!((one.at80 - 1.606_1).abs() < 1e-3);
    }
}
