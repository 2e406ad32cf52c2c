//! A line that a few wild points do not bend, and when it crosses a limit.

use super::super::normal;

/// The line of Theil and Sen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trend {
    /// The median slope of all pairs.
    pub slope: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    points: Vec<(f64, f64)>,
}

impl Trend {
    /// Through points of finite numbers. The interval of that level (0.95) inverts Kendall's test with its correction for
    /// ties. `None` with fewer than two different abscissas.
    ///
    /// H. Theil, "A rank-invariant method of linear and polynomial regression analysis", Proceedings of the Royal
    /// Netherlands Academy of Sciences 53 (1950), 386-392, 521-525, 1397-1412; P. K. Sen, "Estimates of the Regression
    /// Coefficient Based on Kendall's Tau", Journal of the American Statistical Association 63 (1968), 1379-1389.
    pub fn through(points: &[(f64, f64)], level: f64) -> Option<Trend> {
        let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
        for (place, from) in points.iter().enumerate() {
            let later = points[place + 1..].iter().filter(|to| to.0 != from.0);
            slopes.extend(later.map(|to| (to.1 - from.1) / (to.0 - from.0)));
        }
        slopes.retain(|slope| slope.is_finite());
        slopes.sort_unstable_by(f64::total_cmp);
        let last = slopes.len().checked_sub(1)?;
        let count = points.len() as f64;
        let pairs = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
        let tied = |of: fn(&(f64, f64)) -> f64| {
            ties(points.iter().map(of).collect()).into_iter().map(pairs).sum::<f64>()
        };
        let variance = (pairs(count) - tied(|point| point.0) - tied(|point| point.1)) / 18.0;
        let reach = normal::quantile(0.5 + level / 2.0) * variance.max(0.0).sqrt();
        let upper = ((slopes.len() as f64 + reach) / 2.0).round_ties_even() as usize;
        let lower = ((slopes.len() as f64 - reach) / 2.0).round_ties_even() - 1.0;
        Some(Trend {
            slope: median(&slopes)?,
            low: slopes[lower.max(0.0) as usize],
            high: slopes[upper.min(last)],
            points: points.to_vec(),
        })
    }

    /// Where a line of that slope through the middle of the points is at `x`.
    pub fn at(&self, slope: f64, x: f64) -> Option<f64> {
        let mut rests: Vec<f64> = self.points.iter().map(|point| point.1 - slope * (point.0 - x)).collect();
        rests.sort_unstable_by(f64::total_cmp);
        median(&rests).filter(|value| value.is_finite())
    }

    /// How long after `x` a line of that slope reaches the limit: 0 where it has, `None` where it never will.
    pub fn until(&self, slope: f64, x: f64, limit: f64) -> Option<f64> {
        let rest = limit - self.at(slope, x)?;
        match rest {
            _ if rest <= 0.0 => Some(0.0),
            _ if slope > 0.0 => Some(rest / slope).filter(|time| time.is_finite()),
            _ => None,
        }
    }
}

/// Of ascending numbers.
pub(super) fn median(ascending: &[f64]) -> Option<f64> {
    let upper = ascending.get(ascending.len() / 2)?;
    let lower = ascending[(ascending.len() - 1) / 2];
    Some(lower / 2.0 + upper / 2.0)
}

/// The sizes of the sets of equal values.
fn ties(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.chunk_by(|a, b| a == b).map(|set| set.len() as f64).filter(|size| *size > 1.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: [(f64, f64); 9] = [
        (0.0, 1.0),
        (1.0, 1.2),
        (2.0, 1.1),
        (3.0, 1.3),
        (4.0, 1.3),
        (5.0, 9.0),
        (6.0, 1.6),
        (7.0, 1.5),
        (9.0, 1.8),
    ];

    /// scipy 1.17.1: `theilslopes(y, x, 0.95, method="joint")`.
    #[test]
    fn agrees_with_scipy() {
        let found = Trend::through(&POINTS, 0.95).unwrap();
        let near = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-14, "{found:?}");
        near(found.slope, 0.08166666666666668);
        near(found.low, 0.05000000000000001);
        near(found.high, 0.15000000000000002);
        near(found.at(found.slope, 0.0).unwrap(), 1.055);
    }

    #[test]
    fn limits_are_reached_upwards_only() {
        let rising = Trend::through(&[(0.0, 1.0), (1.0, 1.1), (2.0, 1.2)], 0.95).unwrap();
        assert!((rising.until(rising.slope, 2.0, 1.5).unwrap() - 3.0).abs() < 1e-12);
        assert_eq!(rising.until(rising.slope, 2.0, 1.1), Some(0.0));
        assert_eq!(rising.until(-1.0, 2.0, 5.0), None);
    }

    #[test]
    fn few_points_have_no_line() {
        assert_eq!(Trend::through(&[], 0.95), None);
        assert_eq!(Trend::through(&[(1.0, 1.0), (1.0, 2.0)], 0.95), None);
        assert!(Trend::through(&[(1.0, 1.0), (2.0, 1.0)], 0.95).is_some());
    }
}
