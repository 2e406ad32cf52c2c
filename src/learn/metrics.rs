//! How wrong a forecast was.
//!
//! - MASE: the mean absolute error divided by the in-sample mean absolute error of the seasonal naive method on the
//!   history before the origin. R. J. Hyndman and A. B. Koehler, "Another look at measures of forecast accuracy",
//!   International Journal of Forecasting 22 (2006), 679-688; with seasons as in the M4 competition.
//! - sMAPE: the mean of `200 |y - f| / (|y| + |f|)`, 0 where both are 0; in percent, between 0 and 200. S. Makridakis,
//!   E. Spiliotis and V. Assimakopoulos, "The M4 Competition", International Journal of Forecasting 36 (2020), 54-74.
//! - RMSE: the root of the mean squared error. Bias: the mean of `f - y`; positive means forecast too much.

/// The mean absolute difference to the same period one season before; `None` where there is none or it is zero.
pub(super) fn seasonal_error(history: &[f64], season: usize) -> Option<f64> {
    let count = history.len().checked_sub(season).filter(|&count| count > 0)?;
    let sum: f64 = history.iter().zip(&history[season..]).map(|(before, now)| (now - before).abs()).sum();
    Some(sum / count as f64).filter(|error| *error > 0.0 && error.is_finite())
}

/// A typical change in the unit of the series, to compare series of different level: the [`seasonal_error`], or, where
/// that says nothing, the mean absolute change from one period to the next. `None` for a constant.
pub(super) fn scale(history: &[f64], season: usize) -> Option<f64> {
    seasonal_error(history, season).or_else(|| seasonal_error(history, 1))
}

/// The error of one forecast from one origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Accuracy {
    /// `None` where the history before the origin repeats itself exactly.
    pub mase: Option<f64>,
    pub absolute: f64,
    pub smape: f64,
    pub squared: f64,
    pub bias: f64,
}

/// Compares; periods without an actual value (NaN) do not count. `None` where there is none at all.
pub(super) fn accuracy(actual: &[f64], forecast: &[f64], seasonal_error: Option<f64>) -> Option<Accuracy> {
    let (mut count, mut absolute, mut smape, mut squared, mut bias) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (y, f) in actual.iter().zip(forecast).filter(|(y, _)| !y.is_nan()) {
        let error = f - y;
        let size = y.abs() + f.abs();
        count += 1.0;
        absolute += error.abs();
        squared += error * error;
        bias += error;
        smape += if size > 0.0 { 200.0 * error.abs() / size } else { 0.0 };
    }
    (count > 0.0).then(|| Accuracy {
        mase: seasonal_error.map(|scale| absolute / count / scale),
        absolute: absolute / count,
        smape: smape / count,
        squared: squared / count,
        bias: bias / count,
    })
}

/// The mean of those that are known.
pub(super) fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) =
        values.into_iter().flatten().fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: seasonal differences |4-1|, |2-2|, |6-4| give 5/3; errors 1, -2, 0 give a mean of 1.
    #[test]
    fn agrees_with_a_hand_computation() {
        let scale = seasonal_error(&[1.0, 2.0, 4.0, 2.0, 6.0], 2).unwrap();
        assert_eq!(scale, 5.0 / 3.0);
        let found = accuracy(&[3.0, 5.0, 0.0], &[4.0, 3.0, 0.0], Some(scale)).unwrap();
        assert_eq!(found.mase, Some(1.0 / (5.0 / 3.0)));
        assert_eq!(found.absolute, 1.0);
        assert!((found.smape - (200.0 / 7.0 + 400.0 / 8.0) / 3.0).abs() < 1e-12);
        assert_eq!(found.squared, 5.0 / 3.0);
        assert_eq!(found.bias, -1.0 / 3.0);
    }

    /// sktime 1.2.0: `MeanAbsoluteScaledError(sp=4)`, `MeanAbsolutePercentageError(symmetric=True)`; numpy for the rest.
    #[test]
    fn agrees_with_sktime() {
        let history = [
            112.0, 118.0, 132.0, 129.0, 121.0, 135.0, 148.0, 148.0, 136.0, 119.0, 104.0, 118.0, 115.0, 126.0,
            141.0, 135.0,
        ];
        let actual = [125.0, 149.0, 170.0, 170.0];
        let found = accuracy(&actual, &[121.0, 135.0, 148.0, 148.0], seasonal_error(&history, 4)).unwrap();
        assert_eq!(found.mase, Some(0.75));
        assert!((found.smape - 10.196_035_856_186_358).abs() < 1e-12);
        assert!((found.squared.sqrt() - 17.175_564_037_317_667).abs() < 1e-12);
        assert_eq!(found.bias, -15.5);
    }

    #[test]
    fn what_is_not_observed_does_not_count() {
        let found = accuracy(&[1.0, f64::NAN], &[2.0, 100.0], None).unwrap();
        assert_eq!((found.absolute, found.mase), (1.0, None));
        assert_eq!(accuracy(&[f64::NAN], &[1.0], None), None);
    }

    #[test]
    fn a_constant_has_no_scale() {
        assert_eq!(scale(&[2.0; 30], 12), None);
        assert_eq!(scale(&[2.0], 12), None);
        assert_eq!(scale(&[], 12), None);
        assert_eq!(scale(&[1.0, 2.0, 1.0, 2.0], 2), Some(1.0)); // repeats itself by season, changes by period
    }
}
