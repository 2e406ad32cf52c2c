//! Periods as consecutive integers, so that lags and gaps are subtractions.
//!
//! Days count from 1970-01-01, weeks from the Monday before it, months and quarters from year 0.

use chrono::{Datelike, Duration, NaiveDate};

use crate::project::model::Frequency;

/// Periods in a season where the declaration does not say.
pub(super) fn default_season(frequency: Frequency) -> usize {
    match frequency {
        Frequency::Day => 7,
        Frequency::Week => 52,
        Frequency::Month => 12,
        Frequency::Quarter => 4,
    }
}

/// The period a day (counted from 1970-01-01) lies in; `None` beyond the calendar's range (262,000 years).
pub(super) fn period(frequency: Frequency, day: i64) -> Option<i64> {
    let date = date(day)?;
    Some(match frequency {
        Frequency::Day => day,
        Frequency::Week => (day + 3).div_euclid(7),
        Frequency::Month => i64::from(date.year()) * 12 + i64::from(date.month0()),
        Frequency::Quarter => i64::from(date.year()) * 4 + i64::from(date.month0() / 3),
    })
}

/// The first day of a period, counted from 1970-01-01; `None` where a Date32 could not hold it.
pub(super) fn first_day(frequency: Frequency, period: i64) -> Option<i32> {
    let day = match frequency {
        Frequency::Day => period,
        Frequency::Week => period * 7 - 3,
        Frequency::Month => month_start(period.div_euclid(12), period.rem_euclid(12))?,
        Frequency::Quarter => month_start(period.div_euclid(4), period.rem_euclid(4) * 3)?,
    };
    date(day)?;
    i32::try_from(day).ok()
}

fn month_start(year: i64, month0: i64) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month0 + 1).ok()?, 1)?;
    Some(date.signed_duration_since(NaiveDate::default()).num_days())
}

fn date(day: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(Duration::try_days(day)?)
}

/// How many indicator features the calendar gives.
pub(super) fn indicators(frequency: Frequency) -> usize {
    match frequency {
        Frequency::Day => 7 + 12,
        Frequency::Week | Frequency::Month => 12,
        Frequency::Quarter => 4,
    }
}

/// Which of the [`indicators`] are 1 in a period: the month (of the first day) or quarter, and for days the weekday.
pub(super) fn active(frequency: Frequency, period: i64) -> [Option<usize>; 2] {
    match frequency {
        Frequency::Day => {
            let weekday = usize::try_from((period + 3).rem_euclid(7)).ok();
            [weekday, date(period).map(|date| 7 + date.month0() as usize)]
        }
        Frequency::Week => [date(period * 7 - 3).map(|date| date.month0() as usize), None],
        Frequency::Month => [usize::try_from(period.rem_euclid(12)).ok(), None],
        Frequency::Quarter => [usize::try_from(period.rem_euclid(4)).ok(), None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> i64 {
        text.parse::<NaiveDate>().unwrap().signed_duration_since(NaiveDate::default()).num_days()
    }

    #[test]
    fn a_period_starts_where_the_calendar_says() {
        for (frequency, inside, start) in [
            (Frequency::Day, "2024-02-29", "2024-02-29"),
            (Frequency::Week, "1970-01-01", "1969-12-29"),
            (Frequency::Week, "2026-11-22", "2026-11-16"),
            (Frequency::Week, "2026-11-23", "2026-11-23"),
            (Frequency::Month, "2024-02-29", "2024-02-01"),
            (Frequency::Month, "1899-12-31", "1899-12-01"),
            (Frequency::Quarter, "2023-12-31", "2023-10-01"),
            (Frequency::Quarter, "2024-01-01", "2024-01-01"),
        ] {
            let period = period(frequency, day(inside)).unwrap();
            assert_eq!(
                i64::from(first_day(frequency, period).unwrap()),
                day(start),
                "{frequency:?} {inside}"
            );
        }
    }

    #[test]
    fn neighbours_differ_by_one() {
        for (frequency, before, after) in [
            (Frequency::Week, "2026-01-04", "2026-01-05"),
            (Frequency::Month, "2023-12-31", "2024-01-01"),
            (Frequency::Quarter, "2023-12-31", "2024-01-01"),
        ] {
            assert_eq!(period(frequency, day(before)).unwrap() + 1, period(frequency, day(after)).unwrap());
        }
    }

    #[test]
    fn indicators_name_month_quarter_and_weekday() {
        let of = |frequency, text: &str| active(frequency, period(frequency, day(text)).unwrap());
        assert_eq!(of(Frequency::Month, "2024-12-05"), [Some(11), None]);
        assert_eq!(of(Frequency::Quarter, "2024-12-05"), [Some(3), None]);
        assert_eq!(of(Frequency::Day, "2026-11-23"), [Some(0), Some(7 + 10)]);
        assert_eq!(of(Frequency::Week, "2026-11-01"), [Some(9), None]); // its Monday is 26 October
    }

    #[test]
    fn days_beyond_the_calendar_are_none() {
        assert_eq!(period(Frequency::Month, i64::from(i32::MAX)), None);
        assert_eq!(period(Frequency::Day, i64::MAX), None);
        assert_eq!(first_day(Frequency::Month, i64::MAX / 2), None);
    }
}
