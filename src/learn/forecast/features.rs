//! What the global model sees of a series: its past, relative to its own recent level and in its own unit.
//!
//! A row for period `t` is built from the values before `t` only. Every number in it is `(value - level) / unit`, where
//! `level` is the mean of the last season and `unit` a typical change of the series, so that series of any size share
//! one set of weights. Pooling all series into one linear autoregression with such scaling follows P. Montero-Manso and
//! R. J. Hyndman, "Principles and algorithms for forecasting groups of time series: Locality and globality",
//! International Journal of Forecasting 37 (2021), 1632-1653.

use serde::{Deserialize, Serialize};

/// Weights of the newest value in the exponentially smoothed levels.
const SMOOTHING: [f64; 3] = [0.1, 0.3, 0.6];
/// A row further than this many units from its level is shrunk as a whole: one odd series must not bend the others.
pub(super) const FAR: f64 = 10.0;

/// Which features there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Plan {
    season: usize,
    /// Periods in the window of the level: the shortest number of seasons with at least four.
    level: usize,
    lags: Vec<usize>,
    /// Whether the mean of the window before the level's is a feature.
    trend: bool,
    indicators: usize,
    /// Values needed before a row can be built.
    pub depth: usize,
}

impl Plan {
    /// Two seasons deep.
    pub fn rich(season: usize, indicators: usize) -> Plan {
        let level = season * 4usize.div_ceil(season);
        let mut lags: Vec<usize> = (1..=if level <= 24 { level + 1 } else { 8 }).collect();
        lags.extend([season, season + 1, 2 * season]);
        lags.extend((season > 1).then(|| season - 1));
        Plan::new(season, level, lags, true, indicators)
    }

    /// One season deep, with few features, for panels with little history.
    pub fn lean(season: usize, indicators: usize) -> Plan {
        let level = season * 4usize.div_ceil(season);
        Plan::new(season, level, vec![1, 2, 3, season], false, indicators)
    }

    fn new(season: usize, level: usize, mut lags: Vec<usize>, trend: bool, indicators: usize) -> Plan {
        lags.sort_unstable();
        lags.dedup();
        let furthest = lags.last().copied().unwrap_or(1);
        let depth = furthest.max(if trend { 2 * level } else { level });
        Plan { season, level, lags, trend, indicators, depth }
    }

    /// Numbers in a row.
    pub fn width(&self) -> usize {
        self.lags.len()
            + 1
            + usize::from(self.trend)
            + usize::from(self.season > 1)
            + SMOOTHING.len()
            + self.indicators
    }
}

/// Walks along one series, oldest value first.
#[derive(Clone, Debug)]
pub(super) struct Walker<'a> {
    plan: &'a Plan,
    values: Vec<f64>,
    /// Per place in the season: the sum of the deviations from the trailing season's mean, and how many there were.
    profile: Vec<(f64, f64)>,
    smoothed: [f64; SMOOTHING.len()],
}

impl<'a> Walker<'a> {
    /// At the beginning of a series.
    pub fn new(plan: &'a Plan) -> Walker<'a> {
        let profile = vec![(0.0, 0.0); plan.season];
        Walker { plan, values: Vec::new(), profile, smoothed: [0.0; SMOOTHING.len()] }
    }

    /// Whether enough was seen to build a row.
    pub fn ready(&self) -> bool {
        self.values.len() >= self.plan.depth
    }

    /// Takes the next value in.
    pub fn push(&mut self, value: f64) {
        let place = self.values.len() % self.plan.season;
        let first = self.values.is_empty();
        self.values.push(value);
        if self.plan.season > 1 && self.values.len() >= self.plan.season {
            let deviation = value - self.mean(self.plan.season, 0);
            self.profile[place].0 += deviation;
            self.profile[place].1 += 1.0;
        }
        for (smoothed, weight) in self.smoothed.iter_mut().zip(SMOOTHING) {
            *smoothed = if first { value } else { *smoothed + weight * (value - *smoothed) };
        }
    }

    /// The row of the next period into `row`; returns the level and unit that make a prediction a value again:
    /// `value = level + unit * prediction`. `scale` is a typical change of the series.
    pub fn row(&self, scale: f64, active: [Option<usize>; 2], row: &mut Vec<f64>) -> (f64, f64) {
        let plan = self.plan;
        let level = self.mean(plan.level, 0);
        row.clear();
        row.extend(plan.lags.iter().map(|lag| self.values[self.values.len() - lag] - level));
        row.push(self.mean(3, 0) - level);
        if plan.trend {
            row.push(self.mean(plan.level, plan.level) - level);
        }
        if plan.season > 1 {
            let (sum, count) = self.profile[self.values.len() % plan.season];
            row.push(if count > 0.0 { sum / count } else { 0.0 });
        }
        row.extend(self.smoothed.iter().map(|smoothed| smoothed - level));
        let furthest = row.iter().fold(0.0, |far: f64, value| far.max(value.abs()));
        let unit = scale.max(furthest / FAR);
        for value in row.iter_mut() {
            *value /= unit;
        }
        let indicators = row.len();
        row.resize(indicators + plan.indicators, 0.0);
        for index in active.into_iter().flatten() {
            row[indicators + index] = 1.0;
        }
        (level, unit)
    }

    /// The mean of `count` values, the newest `skip` left out.
    fn mean(&self, count: usize, skip: usize) -> f64 {
        let end = self.values.len() - skip;
        let window = &self.values[end - count..end];
        window.iter().sum::<f64>() / count as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row_of(values: &[f64], plan: &Plan, scale: f64) -> (Vec<f64>, f64, f64) {
        let mut walker = Walker::new(plan);
        values.iter().for_each(|&value| walker.push(value));
        assert!(walker.ready());
        let mut row = Vec::new();
        let (level, unit) =
            walker.row(scale, if plan.indicators > 1 { [Some(1), None] } else { [None, None] }, &mut row);
        assert_eq!(row.len(), plan.width());
        (row, level, unit)
    }

    #[test]
    fn a_row_by_hand() {
        let plan = Plan::lean(4, 2);
        let (row, level, unit) = row_of(&[1.0, 2.0, 3.0, 6.0, 5.0], &plan, 2.0);
        assert_eq!((level, unit), (4.0, 2.0));
        // lags 1, 2, 3, 4; the mean of three; the place's mean deviation (none yet); three smoothed levels; indicators
        assert_eq!(row[..5], [0.5, 1.0, -0.5, -1.0, (14.0 / 3.0 - 4.0) / 2.0]);
        assert_eq!(row[5], 0.0);
        let smoothed = 1.0 + 0.6 * (2.0 - 1.0);
        let smoothed = smoothed + 0.6 * (3.0 - smoothed);
        let smoothed = smoothed + 0.6 * (6.0 - smoothed);
        let smoothed = smoothed + 0.6 * (5.0 - smoothed);
        assert_eq!(row[8], (smoothed - 4.0) / 2.0);
        assert_eq!(row[9..], [0.0, 1.0]);
    }

    #[test]
    fn the_profile_is_the_mean_deviation_of_the_place_in_the_season() {
        let plan = Plan::rich(4, 0);
        let values = [0.0, 0.0, 0.0, 8.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0];
        let (row, level, unit) = row_of(&values, &plan, 1.0);
        assert_eq!((level, unit), (1.0, 1.0));
        // the next is a fourth quarter: deviations were 8 - 2 and 4 - 1
        assert_eq!(row[plan.lags.len() + 2], 4.5);
    }

    #[test]
    fn level_and_unit_do_not_change_the_row() {
        let plan = Plan::rich(3, 0);
        let values: Vec<f64> = (0..20).map(|t| f64::from((t * 7) % 5)).collect();
        let moved: Vec<f64> = values.iter().map(|value| 1024.0 + 8.0 * value).collect();
        let (a, ..) = row_of(&values, &plan, 1.0);
        let (b, ..) = row_of(&moved, &plan, 8.0);
        for (a, b) in a.iter().zip(&b).skip(1) {
            assert!((a - b).abs() < 1e-9);
        }
    }

    #[test]
    fn a_far_value_shrinks_the_row() {
        let plan = Plan::lean(1, 0);
        let (row, _, unit) = row_of(&[0.0, 0.0, 0.0, 0.0, 4000.0], &plan, 1.0);
        assert_eq!(unit, 300.0);
        assert!(row.iter().all(|value| value.abs() <= 10.0));
    }

    #[test]
    fn seasons_of_any_length_have_a_plan() {
        for season in [1, 2, 3, 4, 7, 12, 24, 52, 365] {
            for plan in [Plan::rich(season, 3), Plan::lean(season, 3)] {
                let values: Vec<f64> = (0..plan.depth).map(|t| (t % 13) as f64).collect();
                row_of(&values, &plan, 1.0);
            }
        }
    }
}
