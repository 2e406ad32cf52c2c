//! When a model will have to be trained again.

use super::trend::Trend;

/// A day, in microseconds.
const DAY: f64 = 86_400e6;
/// Windows a trend is fitted to, at least and at most (the last ones).
const LEAST: usize = 4;
const MOST: usize = 200;
/// The level of the interval of the slope.
const LEVEL: f64 = 0.95;
/// A trend is not followed further than this many times the span it was seen over.
const REACH: f64 = 3.0;

/// The error of a window in units of the reference's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// The middle of the window, in microseconds since 1970.
    pub at: i64,
    /// The ratio.
    pub ratio: f64,
}

/// The outlook. Instants are microseconds since 1970. The range of days follows from that of the slope alone, and only
/// slopes that rise for certain are dated: in simulations four in five such ranges held the true day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct Outlook {
    /// The ratio that calls for training.
    pub limit: f64,
    /// How the ratio changes in a day; absent with too few windows.
    pub slope: Option<f64>,
    /// The lower end of its 95 % interval.
    pub slope_low: Option<f64>,
    /// The upper end.
    pub slope_high: Option<f64>,
    /// Days from the last row until the limit is reached: 0 where it is. Absent where the ratio does not rise for certain,
    /// or would reach the limit only in a future too far to tell.
    pub days: Option<f64>,
    /// The fewest days, by the upper end of the slope; also where `days` is absent.
    pub days_low: Option<f64>,
    /// The most, by the lower end of the slope; absent where it may never be.
    pub days_high: Option<f64>,
    /// The last row's instant plus `days`.
    pub at: Option<i64>,
    /// The outlook in a sentence.
    pub reason: String,
}

/// Follows the ratios of windows, in the order of time, to the limit. The trend is [`Trend`]'s, which a few wild windows
/// do not bend; the ratio of the last window alone can call for training at once.
pub(super) fn outlook(points: &[Point], now: i64, limit: f64) -> Outlook {
    let known: Vec<Point> = points.iter().copied().filter(|point| point.ratio.is_finite()).collect();
    let known = &known[known.len().saturating_sub(MOST)..];
    let days = |at: i64| (i128::from(at) - i128::from(now)) as f64 / DAY;
    let line: Vec<(f64, f64)> = known.iter().map(|point| (days(point.at), point.ratio)).collect();
    let trend = (line.len() >= LEAST).then(|| Trend::through(&line, LEVEL)).flatten();
    let mut found = Outlook { limit, ..Outlook::default() };
    if let Some(trend) = &trend {
        (found.slope, found.slope_low, found.slope_high) =
            (Some(trend.slope), Some(trend.low), Some(trend.high));
    }
    if known.last().is_some_and(|point| point.ratio > limit) {
        (found.days, found.days_low, found.days_high) = (Some(0.0), Some(0.0), Some(0.0));
        found.at = Some(now);
        found.reason = "the last window is above the limit".to_owned();
        return found;
    }
    let Some(trend) = trend else {
        found.reason = format!("fewer than {LEAST} windows have an error");
        return found;
    };
    let reach = line.first().map_or(0.0, |(start, _)| -start) * REACH;
    let until = |slope| trend.until(slope, 0.0, limit).filter(|days| *days <= reach);
    found.days_low = until(trend.high);
    if trend.low <= 0.0 {
        found.reason = "the error does not rise for certain".to_owned();
        return found;
    }
    found.days = until(trend.slope);
    found.reason = match found.days {
        Some(_) => "the error rises towards the limit".to_owned(),
        None => "the error rises, but the limit is too far to tell when".to_owned(),
    };
    if let Some(days) = found.days {
        found.days_low = Some(found.days_low.unwrap_or(days).min(days));
        found.days_high = until(trend.low).map(|most| most.max(days));
        found.at = Some(now.saturating_add((days * DAY) as i64));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weekly(ratios: &[f64]) -> (Vec<Point>, i64) {
        let week = 7 * DAY as i64;
        let points =
            ratios.iter().enumerate().map(|(i, &ratio)| Point { at: week * i as i64, ratio }).collect();
        (points, week * (ratios.len() as i64 - 1))
    }

    #[test]
    fn a_rising_error_has_a_date() {
        let (points, now) = weekly(&[1.0, 1.02, 1.03, 1.05, 1.06, 1.08, 1.09, 1.11]);
        let found = outlook(&points, now, 1.2);
        let days = found.days.unwrap();
        assert!((days - 40.0).abs() < 5.0, "{found:?}");
        assert!(found.days_low.unwrap() <= days && days <= found.days_high.unwrap());
        assert_eq!(found.at, Some(now + (days * DAY) as i64));
    }

    #[test]
    fn one_wild_window_changes_little_and_noise_has_no_date() {
        let (points, now) = weekly(&[1.0, 1.02, 1.03, 5.0, 1.06, 1.08, 1.09, 1.11]);
        assert!((outlook(&points, now, 1.2).days.unwrap() - 40.0).abs() < 8.0);
        let (points, now) = weekly(&[1.0, 1.1, 0.9, 1.05, 0.95, 1.02, 0.98, 1.01]);
        let found = outlook(&points, now, 1.2);
        assert_eq!((found.days, found.at), (None, None));
        assert_eq!(found.reason, "the error does not rise for certain");
    }

    #[test]
    fn the_limit_can_be_reached_already_or_be_too_far() {
        let (points, now) = weekly(&[1.0, 1.3]);
        assert_eq!(outlook(&points, now, 1.2).days, Some(0.0));
        let (points, now) = weekly(&[1.0, 1.0001, 1.0002, 1.0003, 1.0004, 1.0005]);
        assert_eq!(
            outlook(&points, now, 1.2).reason,
            "the error rises, but the limit is too far to tell when"
        );
        let (points, now) = weekly(&[1.0, f64::NAN, 1.1]);
        assert_eq!(outlook(&points, now, 1.2).reason, "fewer than 4 windows have an error");
        assert_eq!(outlook(&[], i64::MIN, 1.2).days, None);
    }
}
