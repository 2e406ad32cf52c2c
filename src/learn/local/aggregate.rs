//! Forecasts at every temporal aggregation of a season, reconciled.
//!
//! G. Athanasopoulos, R. J. Hyndman, N. Kourentzes and F. Petropoulos, "Forecasting with Temporal Hierarchies",
//! European Journal of Operational Research 262 (2017), 60-74, with structural scaling (section 3.3): the error variance
//! of an aggregate is taken to be as many times that of a single value as values are in it. The idea of several levels
//! is that of N. Kourentzes, F. Petropoulos and J. R. Trapero, "Improving Forecasting by Estimating Time Series
//! Structural Components across Multiple Frequencies", International Journal of Forecasting 30 (2014), 291-302.

use super::arima_order::solve;

/// What makes forecasts of a level: history, length of its season, horizon; as many finite values as the horizon, or
/// `None` where that history allows none.
pub(in crate::learn) type Base<'a> = dyn Fn(&[f64], usize, usize) -> Option<Vec<f64>> + 'a;

/// The fewest values a level must have to be forecast.
const FEWEST: usize = 4;

/// Forecasts the sums of every `k` values, for every `k` that divides the season, and combines them into `horizon`
/// values of the history's own frequency, by whole seasons. Levels too short or refused by `base` are left out; `None`
/// where the plain level is refused.
///
/// Sums are aligned with the end of the history: the oldest values that fill no whole sum are left out of that level.
pub(in crate::learn) fn reconciled(
    history: &[f64],
    season: usize,
    horizon: usize,
    base: &Base<'_>,
) -> Option<Vec<f64>> {
    let plain = |horizon: usize| sound(base(history, season, horizon)?, horizon);
    if season < 2 || horizon == 0 {
        return plain(horizon);
    }
    let cycles = horizon.div_ceil(season);
    let mut levels = vec![(1, plain(cycles * season)?)];
    for size in (2..=season).filter(|size| season.is_multiple_of(*size)) {
        let sums = sums(history, size);
        let (own_season, steps) = (season / size, cycles * season / size);
        let usable = sums.len() >= FEWEST && sums.iter().all(|sum| sum.is_finite());
        let forecast = usable.then(|| sound(base(&sums, own_season, steps)?, steps)).flatten();
        levels.extend(forecast.map(|forecast| (size, forecast)));
    }
    let weights = Weights::new(season, levels.iter().map(|(size, _)| *size).collect())?;
    let mut all = Vec::with_capacity(cycles * season);
    for cycle in 0..cycles {
        let parts = levels.iter().map(|(size, forecast)| {
            let count = season / size;
            &forecast[cycle * count..][..count]
        });
        all.extend(weights.combine(parts));
    }
    // Finite forecasts near the largest number may still overflow.
    all.iter().all(|value| value.is_finite()).then(|| {
        all.truncate(horizon);
        all
    })
}

fn sound(forecast: Vec<f64>, horizon: usize) -> Option<Vec<f64>> {
    (forecast.len() == horizon && forecast.iter().all(|value| value.is_finite())).then_some(forecast)
}

/// Sums of every `size` values, the last one ending with the history.
fn sums(history: &[f64], size: usize) -> Vec<f64> {
    history[history.len() % size..].chunks_exact(size).map(|chunk| chunk.iter().sum()).collect()
}

/// The weighted least squares of one season: `(S' W S) b = S' W y`, where row after row of `S` sums the values that a
/// forecast of `y` covers, and `W` is one over their number.
struct Weights {
    season: usize,
    sizes: Vec<usize>,
    normal: Vec<Vec<f64>>,
}

impl Weights {
    fn new(season: usize, sizes: Vec<usize>) -> Option<Weights> {
        let mut normal = vec![vec![0.0; season]; season];
        for size in &sizes {
            for (row, to) in normal.iter_mut().enumerate() {
                for (column, to) in to.iter_mut().enumerate() {
                    if row / size == column / size {
                        *to += 1.0 / *size as f64;
                    }
                }
            }
        }
        sizes.contains(&1).then_some(Weights { season, sizes, normal })
    }

    fn combine<'a>(&self, forecasts: impl Iterator<Item = &'a [f64]>) -> Vec<f64> {
        let mut right = vec![0.0; self.season];
        for (size, forecast) in self.sizes.iter().zip(forecasts) {
            for (place, to) in right.iter_mut().enumerate() {
                *to += forecast[place / size] / *size as f64;
            }
        }
        solve(self.normal.clone(), right).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seasonal(count: usize) -> Vec<f64> {
        (0..count).map(|time| 100.0 + time as f64 + [5.0, -3.0, 2.0, -4.0][time % 4]).collect()
    }

    #[test]
    fn coherent_forecasts_stay_as_they_are() {
        // A forecaster that knows the future is right at every level, so nothing is to be reconciled.
        let (history, all) = (seasonal(20), seasonal(32));
        let base = |known: &[f64], season: usize, horizon: usize| {
            let size = 4 / season;
            Some(sums(&all, size)[known.len()..][..horizon].to_vec())
        };
        let forecast = reconciled(&history, 4, 10, &base).unwrap();
        for (got, wanted) in forecast.iter().zip(&all[20..30]) {
            assert!((got - wanted).abs() < 1e-10);
        }
    }

    #[test]
    fn the_weights_are_those_of_structural_scaling() {
        // S (S' W S)^-1 S' W y by numpy 2.4.6 for levels 1, 2, 4 of a season of four.
        let weights = Weights::new(4, vec![1, 2, 4]).unwrap();
        let parts: [&[f64]; 3] = [&[1.0, 2.0, 3.0, 4.0], &[5.0, 5.0], &[16.0]];
        let combined = weights.combine(parts.into_iter());
        for (got, wanted) in combined.iter().zip([2.0, 3.0, 3.0, 4.0]) {
            assert!((got - wanted).abs() < 1e-12, "{combined:?}");
        }
    }

    #[test]
    fn sums_end_with_the_history() {
        assert_eq!(sums(&[9.0, 1.0, 2.0, 3.0, 4.0], 2), [3.0, 7.0]);
        assert!(sums(&[1.0], 2).is_empty());
    }

    #[test]
    fn what_is_refused_or_unsound_is_left_out() {
        let history = seasonal(20);
        let only_plain = |known: &[f64], season: usize, horizon: usize| {
            (season == 4).then(|| (0..horizon).map(|step| known[known.len() - 4 + step % 4]).collect())
        };
        assert_eq!(reconciled(&history, 4, 5, &only_plain), only_plain(&history, 4, 5));
        assert!(reconciled(&history, 4, 5, &|_, _, _| None).is_none());
        assert!(reconciled(&history, 4, 5, &|_, _, horizon| Some(vec![f64::NAN; horizon])).is_none());
        assert!(reconciled(&[], 4, 5, &|_, _, horizon| Some(vec![1.0; horizon])).is_some());
        assert!(reconciled(&[f64::MAX; 40], 4, 5, &|_, _, horizon| Some(vec![f64::MAX; horizon])).is_some());
    }
}
