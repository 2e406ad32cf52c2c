//! Values of a series that its season and trend do not explain.

use stlrs::StlParams;

use super::robust::{Spread, median};
use crate::error::{Error, ErrorKind, Result};

/// Fewer known values than this say nothing about what is usual.
const FEWEST: usize = 8;
/// Where there is no season, the trend is the median of this many values.
const WINDOW: usize = 9;

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

/// Judges each value by its robust z-score: its residual from a robust seasonal-trend decomposition (R. B. Cleveland, W. S. Cleveland, J. E.
/// McRae and I. Terpenning, Journal of Official Statistics 6 (1990), 3-73), or with no `period` or less than two of them,
/// from a running median. Missing values (NaN) are drawn as straight lines for that, and get `None`.
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
    let seasonal = period.filter(|&period| period >= 2 && values.len() >= 2 * period);
    let fitted = seasonal.and_then(|period| StlParams::new().robust(true).fit(values, period).ok());
    let sum = fitted.map(|fitted| {
        fitted
            .trend()
            .iter()
            .zip(fitted.seasonal())
            .map(|(trend, season)| trend + season)
            .collect::<Vec<f64>>()
    });
    match sum {
        Some(sum) if sum.iter().all(|value| value.is_finite()) => sum,
        _ => running_median(values),
    }
}

/// At the ends the window is as wide as it can be around its middle.
fn running_median(values: &[f64]) -> Vec<f64> {
    let at = |place: usize| {
        let half = (WINDOW / 2).min(place.max(2)).min((values.len() - 1 - place).max(2));
        let (from, to) = (place.saturating_sub(half), (place + half + 1).min(values.len()));
        median(&values[from..to]).unwrap_or(values[place])
    };
    (0..values.len()).map(at).collect()
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
