//! Values of a series that its season and trend do not explain.

use stlrs::StlParams;

use super::robust::{Spread, median};
use crate::error::{Error, ErrorKind, Result};

/// Fewer known values than this say nothing about what is usual.
const FEWEST: usize = 8;
/// What a value should be is told by this many around it.
const WINDOW: usize = 10;

/// What is thought of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Oddity {
    /// The value.
    pub value: f64,
    /// What season and trend would have it be.
    pub expected: f64,
    /// How many robust standard deviations of all residuals it is above that.
    pub score: f64,
    /// The score from which on a value is odd.
    pub limit: f64,
    /// Whether this one is.
    pub anomaly: bool,
}

/// Judges each value by its robust z-score: its residual from a season that keeps its shape (by a robust seasonal-trend
/// decomposition: R. B. Cleveland, W. S. Cleveland, J. E. McRae and I. Terpenning, Journal of Official Statistics 6 (1990),
/// 3-73; none with no `period` or less than two of them) and from the line through the values around it. Missing values (NaN)
/// are drawn as straight lines for that, and get `None`.
///
/// # Errors
/// [`ErrorKind::NoHistory`] with fewer than 8 known values.
pub(in crate::learn) fn odd_values(
    values: &[f64],
    period: Option<usize>,
    limit: f64,
) -> Result<Vec<Option<Oddity>>> {
    let known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if known.len() < FEWEST {
        let message = format!("{} values are too few to tell what is unusual", known.len());
        return Err(Error::new(ErrorKind::NoHistory, message).with_hint("At least 8 values are needed."));
    }
    // In parts of the largest: sums of squares cannot overflow.
    let size = known.iter().map(|value| value.abs()).fold(0.0, f64::max);
    let size = if size > 0.0 { size } else { 1.0 };
    let filled: Vec<f64> = filled(values).into_iter().map(|value| value / size).collect();
    let expected = expected(&filled, period);
    let residuals: Vec<f64> =
        filled.iter().zip(&expected).map(|(value, expected)| value - expected).collect();
    let judged = (0..values.len()).filter(|&at| values[at].is_finite());
    // A residual that is mere rounding is none.
    let judged: Vec<f64> = judged.map(|at| residuals[at]).collect();
    let largest = judged.iter().map(|residual| residual.abs()).fold(0.0, f64::max);
    let spread = if largest > 1e-9 { Spread::of(&judged) } else { None };
    let judge = |at: usize| {
        if !values[at].is_finite() {
            return None;
        }
        let score = spread.map_or(0.0, |spread| spread.score(residuals[at]));
        let anomaly = score.abs() > limit;
        Some(Oddity { value: values[at], expected: expected[at] * size, score, limit, anomaly })
    };
    Ok((0..values.len()).map(judge).collect())
}

fn expected(values: &[f64], period: Option<usize>) -> Vec<f64> {
    let season = period
        .filter(|&period| period >= 2 && values.len() >= 2 * period)
        .and_then(|period| {
            // One shape for all of the history: a season that bends with every value explains outliers away.
            let rigid = 10 * values.len() + 1;
            let fitted = StlParams::new().robust(true).seasonal_length(rigid).fit(values, period).ok()?;
            Some(fitted.seasonal().to_vec())
        })
        .filter(|season| season.iter().all(|value| value.is_finite()))
        .unwrap_or_else(|| vec![0.0; values.len()]);
    let adjusted: Vec<f64> = values.iter().zip(&season).map(|(value, season)| value - season).collect();
    (0..values.len()).map(|at| around(&adjusted, at) + season[at]).collect()
}

/// What the values around one say it should be: the line through them by the median of all slopes (P. K. Sen, "Estimates of the
/// Regression Coefficient Based on Kendall's Tau", Journal of the American Statistical Association 63 (1968), 1379-1389). The
/// value itself has no say, so that it cannot explain itself.
fn around(values: &[f64], at: usize) -> f64 {
    let width = (WINDOW + 1).min(values.len());
    let from = at.saturating_sub(WINDOW / 2).min(values.len() - width);
    let others: Vec<(f64, f64)> = (from..from + width)
        .filter(|place| *place != at)
        .map(|place| (place as f64 - at as f64, values[place]))
        .collect();
    let pairs = others.iter().enumerate().flat_map(|(one, (x, y))| {
        others[one + 1..].iter().map(move |(other_x, other_y)| (other_y - y) / (other_x - x))
    });
    let slope = median(&pairs.collect::<Vec<_>>()).unwrap_or(0.0);
    let levels: Vec<f64> = others.iter().map(|(x, y)| y - slope * x).collect();
    median(&levels).unwrap_or(values[at])
}

/// Straight lines across what is missing; the nearest known value at the ends.
fn filled(values: &[f64]) -> Vec<f64> {
    let known: Vec<usize> = (0..values.len()).filter(|&at| values[at].is_finite()).collect();
    let at = |place: usize| {
        let next = known.partition_point(|&at| at < place);
        match (next.checked_sub(1).map(|before| known[before]), known.get(next)) {
            (_, Some(&after)) if after == place => values[place],
            (Some(before), Some(&after)) => {
                let part = (place - before) as f64 / (after - before) as f64;
                values[before] * (1.0 - part) + values[after] * part
            }
            (Some(end), None) | (None, Some(&end)) => values[end],
            (None, None) => 0.0,
        }
    };
    (0..values.len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::super::robust::CUTOFF;
    use super::*;

    fn seasonal(length: usize) -> Vec<f64> {
        let noise = |i: usize| ((i * 7_919) % 101) as f64 / 101.0 - 0.5;
        (0..length).map(|i| 100.0 + i as f64 * 0.5 + [0.0, 10.0, 20.0, 5.0][i % 4] + noise(i)).collect()
    }

    fn odd(values: &[f64], period: Option<usize>) -> Vec<usize> {
        let judged = odd_values(values, period, CUTOFF).unwrap();
        (0..values.len()).filter(|&at| judged[at].is_some_and(|oddity| oddity.anomaly)).collect()
    }

    #[test]
    fn a_planted_value_is_found_and_nothing_else() {
        let mut values = seasonal(60);
        assert_eq!(odd(&values, Some(4)), [0; 0]);
        values[25] += 15.0;
        values[40] = f64::NAN;
        assert_eq!(odd(&values, Some(4)), [25]);
        let judged = odd_values(&values, Some(4), CUTOFF).unwrap();
        assert!(judged[40].is_none() && (judged[25].unwrap().expected - 122.5).abs() < 2.0);
    }

    /// Of normal noise, about one value in 2,000 is 3.5 deviations away; by the spread of a sample and at the ends a few more.
    #[test]
    fn noise_is_usual_on_a_slope_and_in_a_season() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut noise = || (0..12).map(|_| rng.r#gen::<f64>()).sum::<f64>() - 6.0;
        for (slope, period) in
            [(0.0, None), (1.0, None), (0.0, Some(7)), (1.0, Some(7)), (0.5, Some(12)), (1.0, Some(30))]
        {
            let mut found = 0;
            for _ in 0..20 {
                let season =
                    |i: usize| period.map_or(0.0, |period| 8.0 * f64::from(u8::from(i % period == 2)));
                let mut values: Vec<f64> = (0..360).map(|i| slope * i as f64 + season(i) + noise()).collect();
                values[200] += 15.0;
                let odd = odd(&values, period);
                assert!(odd.contains(&200), "{slope} {period:?}: {odd:?}");
                found += odd.len() - 1;
            }
            assert!(found < 30, "{found} of 7,180 values of noise, slope {slope}, season {period:?}");
        }
    }

    #[test]
    fn odd_series_are_sound_or_refused() {
        let zeros = odd_values(&[0.0; 30], Some(7), CUTOFF).unwrap();
        assert!(zeros.iter().flatten().all(|oddity| oddity.score == 0.0 && !oddity.anomaly));
        assert!(odd_values(&[1.0], Some(7), CUTOFF).is_err());
        assert!(odd_values(&[f64::NAN; 30], None, CUTOFF).is_err());
        let huge: Vec<f64> = (0..30).map(|i| if i == 9 { 1e308 } else { f64::from(i) * -1e300 }).collect();
        for period in [None, Some(4)] {
            let judged = odd_values(&huge, period, CUTOFF).unwrap();
            assert!(
                judged.iter().flatten().all(|oddity| oddity.score.is_finite() && oddity.expected.is_finite())
            );
        }
        let mut spike = vec![0.0; 30];
        spike[12] = 5.0;
        assert_eq!(odd(&spike, None), [12]);
    }
}
