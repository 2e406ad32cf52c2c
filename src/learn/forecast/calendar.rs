//! Periods as consecutive integers, so that lags and gaps are subtractions.
//!
//! Days, hours and half hours count from the start of 1970-01-01, weeks from the Monday before it, months, quarters and
//! years from year 0. Instants are seconds from the start of 1970-01-01, in UTC.

use chrono::{DateTime, Datelike, NaiveDate};

use crate::project::model::Frequency;

/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;

/// Periods in a season where the declaration does not say.
pub(super) fn default_season(frequency: Frequency) -> usize {
    match frequency {
        Frequency::HalfHour => 48,
        Frequency::Hour => 24,
        Frequency::Day => 7,
        Frequency::Week => 52,
        Frequency::Month => 12,
        Frequency::Quarter => 4,
        Frequency::Year => 1,
    }
}

/// Whether periods are shorter than a day, so that a date does not tell them apart.
pub(super) fn below_day(frequency: Frequency) -> bool {
    matches!(frequency, Frequency::HalfHour | Frequency::Hour)
}

/// Its name in a declaration.
pub(super) fn name(frequency: Frequency) -> &'static str {
    match frequency {
        Frequency::HalfHour => "half_hour",
        Frequency::Hour => "hour",
        Frequency::Day => "day",
        Frequency::Week => "week",
        Frequency::Month => "month",
        Frequency::Quarter => "quarter",
        Frequency::Year => "year",
    }
}

/// The period an instant lies in; `None` beyond the calendar's range (262,000 years).
pub(super) fn period(frequency: Frequency, instant: i64) -> Option<i64> {
    let date = date(instant)?;
    let day = instant.div_euclid(DAY);
    let year = i64::from(date.year());
    Some(match frequency {
        Frequency::HalfHour => instant.div_euclid(1_800),
        Frequency::Hour => instant.div_euclid(3_600),
        Frequency::Day => day,
        Frequency::Week => (day + 3).div_euclid(7),
        Frequency::Month => year * 12 + i64::from(date.month0()),
        Frequency::Quarter => year * 4 + i64::from(date.month0() / 3),
        Frequency::Year => year,
    })
}

/// The instant at which a period starts; `None` beyond the calendar's range.
pub(super) fn start(frequency: Frequency, period: i64) -> Option<i64> {
    let instant = match frequency {
        Frequency::HalfHour => period.checked_mul(1_800)?,
        Frequency::Hour => period.checked_mul(3_600)?,
        Frequency::Day => period.checked_mul(DAY)?,
        Frequency::Week => period.checked_mul(7)?.checked_sub(3)?.checked_mul(DAY)?,
        Frequency::Month => month_start(period.div_euclid(12), period.rem_euclid(12))?,
        Frequency::Quarter => month_start(period.div_euclid(4), period.rem_euclid(4) * 3)?,
        Frequency::Year => month_start(period, 0)?,
    };
    date(instant)?;
    Some(instant)
}

fn month_start(year: i64, month0: i64) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(month0 + 1).ok()?, 1)?;
    Some(date.signed_duration_since(NaiveDate::default()).num_days() * DAY)
}

/// The date an instant lies in.
pub(super) fn date(instant: i64) -> Option<NaiveDate> {
    DateTime::from_timestamp(instant, 0).map(|instant| instant.date_naive())
}

/// How many indicator features the calendar gives.
pub(super) fn indicators(frequency: Frequency) -> usize {
    match frequency {
        Frequency::HalfHour | Frequency::Hour => 24 + 7,
        Frequency::Day => 7 + 12,
        Frequency::Week | Frequency::Month => 12,
        Frequency::Quarter => 4,
        Frequency::Year => 0,
    }
}

/// Which of the [`indicators`] are 1 in a period: the month (of the first day) or quarter, for days the weekday too, and
/// below that the hour and the weekday.
pub(super) fn active(frequency: Frequency, period: i64) -> [Option<usize>; 2] {
    let weekday = |day: i64| usize::try_from((day + 3).rem_euclid(7)).ok();
    let month = |day: i64| date(day.checked_mul(DAY)?).map(|date| date.month0() as usize);
    let hour = |hour: i64| {
        [usize::try_from(hour.rem_euclid(24)).ok(), weekday(hour.div_euclid(24)).map(|weekday| 24 + weekday)]
    };
    match frequency {
        Frequency::HalfHour => hour(period.div_euclid(2)),
        Frequency::Hour => hour(period),
        Frequency::Day => [weekday(period), month(period).map(|month| 7 + month)],
        Frequency::Week => [month(period * 7 - 3), None],
        Frequency::Month => [usize::try_from(period.rem_euclid(12)).ok(), None],
        Frequency::Quarter => [usize::try_from(period.rem_euclid(4)).ok(), None],
        Frequency::Year => [None, None],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let date: NaiveDate = text.parse().unwrap();
        date.signed_duration_since(NaiveDate::default()).num_days() * DAY
    }

    #[test]
    fn a_period_starts_where_the_calendar_says() {
        for (frequency, inside, expected) in [
            (Frequency::Day, "2024-02-29", "2024-02-29"),
            (Frequency::Week, "1970-01-01", "1969-12-29"),
            (Frequency::Week, "2026-11-22", "2026-11-16"),
            (Frequency::Week, "2026-11-23", "2026-11-23"),
            (Frequency::Month, "2024-02-29", "2024-02-01"),
            (Frequency::Month, "1899-12-31", "1899-12-01"),
            (Frequency::Quarter, "2023-12-31", "2023-10-01"),
            (Frequency::Quarter, "2024-01-01", "2024-01-01"),
            (Frequency::Year, "1969-12-31", "1969-01-01"),
        ] {
            let period = period(frequency, at(inside) + 3_600).unwrap();
            assert_eq!(start(frequency, period), Some(at(expected)), "{frequency:?} {inside}");
        }
        let half = period(Frequency::HalfHour, at("2026-11-22") + 5_399).unwrap();
        assert_eq!(start(Frequency::HalfHour, half), Some(at("2026-11-22") + 3_600));
        assert_eq!(start(Frequency::Hour, period(Frequency::Hour, -1).unwrap()), Some(-3_600));
    }

    #[test]
    fn neighbours_differ_by_one() {
        for (frequency, before, after) in [
            (Frequency::Week, "2026-01-04", "2026-01-05"),
            (Frequency::Month, "2023-12-31", "2024-01-01"),
            (Frequency::Quarter, "2023-12-31", "2024-01-01"),
            (Frequency::Year, "2023-12-31", "2024-01-01"),
        ] {
            assert_eq!(period(frequency, at(before)).unwrap() + 1, period(frequency, at(after)).unwrap());
        }
    }

    #[test]
    fn indicators_name_month_quarter_weekday_and_hour() {
        let of = |frequency, text: &str| active(frequency, period(frequency, at(text) + 3_700).unwrap());
        assert_eq!(of(Frequency::Month, "2024-12-05"), [Some(11), None]);
        assert_eq!(of(Frequency::Quarter, "2024-12-05"), [Some(3), None]);
        assert_eq!(of(Frequency::Day, "2026-11-23"), [Some(0), Some(7 + 10)]);
        assert_eq!(of(Frequency::Week, "2026-11-01"), [Some(9), None]); // its Monday is 26 October
        assert_eq!(of(Frequency::HalfHour, "2026-11-23"), [Some(1), Some(24)]);
    }

    #[test]
    fn instants_beyond_the_calendar_are_none() {
        assert_eq!(period(Frequency::Month, i64::MAX), None);
        assert_eq!(start(Frequency::Month, i64::MAX / 2), None);
        assert_eq!(start(Frequency::Week, i64::MAX), None);
    }
}
