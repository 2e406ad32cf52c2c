//! Past forecasts beside the actual values that have arrived.
//!
//! The measures are those of the backtest: MASE, sMAPE and bias as in its metrics, and
//!
//! - pinball: the mean of `max(q (y - v), (q - 1) (y - v))` over rows and quantiles `v` of level `q`. R. Koenker and G.
//!   Bassett, "Regression Quantiles", Econometrica 46 (1978), 33-50.
//! - coverage: the share of actual values within the interval, ends included, with the interval of E. B. Wilson,
//!   "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the American Statistical
//!   Association 22 (1927), 209-212.

use std::cmp::Ordering;

use super::slice::{Slice, slices};

/// The 97.5 % point of the normal distribution.
const Z95: f64 = 1.959_963_984_540_054;

/// A forecast whose actual value is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Arrived<'a> {
    /// The segment it belongs to.
    pub segment: Option<&'a str>,
    /// The step ahead, counted from 1.
    pub step: Option<u32>,
    /// What came.
    pub actual: f64,
    /// What was forecast.
    pub mean: f64,
    /// The scale of the series: the in-sample error of the seasonal naive when the model was trained.
    pub scale: Option<f64>,
    /// The ends of the 80 % interval.
    pub at80: Option<(f64, f64)>,
    /// The ends of the 95 % interval.
    pub at95: Option<(f64, f64)>,
    /// Forecast quantiles: level and value.
    pub quantiles: &'a [(f64, f64)],
}

/// How many of the intervals held their actual value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Coverage {
    /// Intervals.
    pub count: u64,
    /// The share that did.
    pub share: f64,
    /// The lower end of the share's 95 % interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What forecasts were worth. Absent where no row, or none with a scale, interval or quantile, allows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct ForecastAccuracy {
    /// Of which rows.
    pub slice: Slice,
    /// Rows that count.
    pub count: u64,
    /// Rows that do not, since the actual value or the forecast is not a finite number.
    pub skipped: u64,
    /// The mean absolute error.
    pub mae: Option<f64>,
    /// The root of the mean squared error.
    pub rmse: Option<f64>,
    /// The mean of forecast less actual: positive means forecast too much.
    pub bias: Option<f64>,
    /// The bias in units of the mean absolute actual value.
    pub relative_bias: Option<f64>,
    /// The mean absolute error, each in units of its series' scale.
    pub mase: Option<f64>,
    /// In percent, 0 to 200.
    pub smape: Option<f64>,
    /// The mean pinball loss.
    pub pinball: Option<f64>,
    /// Of the 80 % intervals.
    pub coverage80: Option<Coverage>,
    /// Of the 95 % intervals.
    pub coverage95: Option<Coverage>,
}

/// Over all rows, by step, by segment, and by both. The order of the rows makes no difference.
pub(in crate::learn) fn forecast_accuracy(rows: &[Arrived<'_>]) -> Vec<ForecastAccuracy> {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    // Sums depend on their order in the last bits.
    order.sort_by(|&a, &b| compare(&rows[a], &rows[b]));
    let keys = order.into_iter().map(|row| (row, rows[row].segment, rows[row].step));
    slices(keys)
        .into_iter()
        .map(|(slice, part)| accuracy(slice, part.into_iter().map(|row| &rows[row])))
        .collect()
}

fn compare(a: &Arrived<'_>, b: &Arrived<'_>) -> Ordering {
    let ends = |row: &Arrived<'_>| {
        let pair = |interval: Option<(f64, f64)>| interval.unwrap_or((f64::NAN, f64::NAN));
        let ((a, b), (c, d)) = (pair(row.at80), pair(row.at95));
        [row.actual, row.mean, row.scale.unwrap_or(f64::NAN), a, b, c, d]
    };
    let flat = |&(level, value): &(f64, f64)| [level, value];
    let numbers = ends(a).into_iter().chain(a.quantiles.iter().flat_map(flat));
    let others = ends(b).into_iter().chain(b.quantiles.iter().flat_map(flat));
    let mut pairs = numbers.zip(others).map(|(a, b)| a.total_cmp(&b));
    let unlike = pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
    unlike.then(a.quantiles.len().cmp(&b.quantiles.len()))
}

/// A mean in the making.
#[derive(Clone, Copy, Default)]
struct Mean {
    sum: f64,
    count: u64,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    /// `None` of nothing, and where the sum is beyond what a number can hold.
    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64).filter(|mean| mean.is_finite())
    }
}

fn accuracy<'a>(slice: Slice, rows: impl Iterator<Item = &'a Arrived<'a>>) -> ForecastAccuracy {
    let [mut absolute, mut squared, mut bias, mut size, mut mase, mut smape, mut pinball] =
        [Mean::default(); 7];
    let (mut skipped, mut within80, mut within95) = (0, (0, 0), (0, 0));
    for row in rows {
        let (y, error) = (row.actual, row.mean - row.actual);
        if !y.is_finite() || !row.mean.is_finite() {
            skipped += 1;
            continue;
        }
        absolute.add(error.abs());
        squared.add(error * error);
        bias.add(error);
        size.add(y.abs());
        let both = y.abs() + row.mean.abs();
        smape.add(if both > 0.0 { 200.0 * (error.abs() / both) } else { 0.0 });
        if let Some(scale) = row.scale.filter(|scale| *scale > 0.0 && scale.is_finite()) {
            mase.add(error.abs() / scale);
        }
        let quantiles = row.quantiles.iter().filter(|(q, v)| (0.0..=1.0).contains(q) && v.is_finite());
        quantiles.for_each(|(q, v)| pinball.add((q * (y - v)).max((q - 1.0) * (y - v))));
        held(&mut within80, row.at80, y);
        held(&mut within95, row.at95, y);
    }
    let relative_bias = match (bias.get(), size.get()) {
        (Some(bias), Some(size)) if size > 0.0 => Some(bias / size).filter(|bias| bias.is_finite()),
        _ => None,
    };
    ForecastAccuracy {
        slice,
        count: absolute.count,
        skipped,
        mae: absolute.get(),
        rmse: squared.get().map(f64::sqrt),
        bias: bias.get(),
        relative_bias,
        mase: mase.get(),
        smape: smape.get(),
        pinball: pinball.get(),
        coverage80: coverage(within80),
        coverage95: coverage(within95),
    }
}

fn held(counts: &mut (u64, u64), interval: Option<(f64, f64)>, actual: f64) {
    if let Some((lower, upper)) = interval.filter(|(lower, upper)| !lower.is_nan() && !upper.is_nan()) {
        counts.0 += u64::from(lower <= actual && actual <= upper);
        counts.1 += 1;
    }
}

/// The share of `hits` in `count` with its 95 % interval.
pub(super) fn coverage((hits, count): (u64, u64)) -> Option<Coverage> {
    if count == 0 {
        return None;
    }
    let n = count as f64;
    let (share, square) = (hits as f64 / n, Z95 * Z95);
    let centre = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = Z95 / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    let low = if hits == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if hits == count { 1.0 } else { (centre + half).min(1.0) };
    Some(Coverage { count, share, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Arrived<'_> = Arrived {
        segment: None,
        step: None,
        actual: 0.0,
        mean: 0.0,
        scale: None,
        at80: None,
        at95: None,
        quantiles: &[],
    };

    /// By hand: errors 1, -2, 0.
    #[test]
    fn agrees_with_a_hand_computation() {
        let rows = [(3.0, 4.0), (5.0, 3.0), (0.0, 0.0)].map(|(actual, mean)| Arrived {
            actual,
            mean,
            scale: Some(2.0),
            at80: Some((3.5, 5.5)),
            quantiles: &[(0.9, 4.0)],
            ..NONE
        });
        let found = &forecast_accuracy(&rows)[0];
        assert_eq!(
            (found.count, found.mae, found.bias, found.mase),
            (3, Some(1.0), Some(-1.0 / 3.0), Some(0.5))
        );
        assert!((found.rmse.unwrap() - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert!((found.relative_bias.unwrap() + 1.0 / 8.0).abs() < 1e-15);
        assert!((found.smape.unwrap() - (200.0 / 7.0 + 50.0) / 3.0).abs() < 1e-12);
        assert!((found.pinball.unwrap() - (0.1 + 0.9 + 0.4) / 3.0).abs() < 1e-15);
        assert!((found.coverage80.unwrap().share - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!(found.coverage95, None);
    }

    /// scipy 1.17.1: `binomtest(hits, count).proportion_ci(method="wilson")`.
    #[test]
    fn the_interval_of_a_share_agrees_with_scipy() {
        for (hits, count, low, high) in [
            (0, 10, 0.0, 0.27753279986288926),
            (7, 10, 0.39677814746114526, 0.892208732593699),
            (95, 100, 0.8882495307680809, 0.978456320845632),
            (10, 10, 0.7224672001371109, 1.0),
            (812, 1000, 0.7866068125887821, 0.8350052901162314),
        ] {
            let found = coverage((hits, count)).unwrap();
            assert!((found.low - low).abs() < 1e-14 && (found.high - high).abs() < 1e-14, "{found:?}");
        }
        assert_eq!(coverage((0, 0)), None);
    }

    #[test]
    fn the_order_of_rows_makes_no_difference() {
        let mut rows: Vec<Arrived<'_>> = (0..500_u32)
            .map(|i| Arrived {
                segment: Some(["a", "b", "c"][i as usize % 3]),
                step: Some(1 + i % 7),
                actual: (f64::from(i) * 0.77).sin() * 1e3,
                mean: (f64::from(i) * 0.13).cos() * 1e3,
                scale: (i % 2 == 0).then_some(0.3),
                ..NONE
            })
            .collect();
        let there = forecast_accuracy(&rows);
        rows.reverse();
        assert_eq!(forecast_accuracy(&rows), there);
        assert_eq!(there.len(), 1 + 7 + 3 + 21);
    }

    #[test]
    fn bad_rows_are_skipped_and_nothing_gives_nothing() {
        let rows = [
            Arrived { actual: f64::NAN, ..NONE },
            Arrived { mean: f64::INFINITY, ..NONE },
            Arrived { actual: 1e300, mean: -1e300, at80: Some((f64::NAN, 1.0)), ..NONE },
        ];
        let found = &forecast_accuracy(&rows)[0];
        assert_eq!((found.count, found.skipped, found.rmse, found.coverage80), (1, 2, None, None));
        assert_eq!(found.smape, Some(200.0));
        assert_eq!(forecast_accuracy(&[]), [ForecastAccuracy::default()]);
    }
}
