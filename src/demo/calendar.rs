//! The fixed calendar: days and months are counted from the first day of history.

use chrono::{Datelike, Days, Months, NaiveDate};

/// Days of history.
pub(super) const DAYS: usize = 1096;
/// Months of history.
pub(super) const MONTHS: usize = 36;
/// The years of history.
pub(super) const YEARS: [i32; 3] = [2023, 2024, 2025];

/// The day with this number; 0 is 2023-01-01. Days beyond the history are days too.
pub(super) fn date(day: usize) -> NaiveDate {
    first().checked_add_days(Days::new(day as u64)).expect("days stay within a few years of history")
}

/// The first day of the month with this number; 0 is January 2023.
pub(super) fn month_start(month: usize) -> NaiveDate {
    let months = u32::try_from(month).expect("months stay within a few years of history");
    first().checked_add_months(Months::new(months)).expect("months stay within a few years of history")
}

/// The number of the month a date lies in.
pub(super) fn month_of(date: NaiveDate) -> usize {
    let months = (date.year() - 2023) * 12 + date.month0() as i32;
    usize::try_from(months).expect("no date lies before the history")
}

/// The numbers of the days of a month.
pub(super) fn days_of(month: usize) -> std::ops::Range<usize> {
    number(month_start(month))..number(month_start(month + 1))
}

/// The number of a date.
pub(super) fn number(date: NaiveDate) -> usize {
    usize::try_from((date - first()).num_days()).expect("no date lies before the history")
}

/// As the ERP writes dates: `31.12.2025`.
pub(super) fn german(date: NaiveDate) -> String {
    format!("{:02}.{:02}.{}", date.day(), date.month(), date.year())
}

fn first() -> NaiveDate {
    NaiveDate::from_ymd_opt(2023, 1, 1).expect("a date of the calendar")
}
