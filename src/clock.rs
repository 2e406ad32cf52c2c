//! The only reader of wall time. Everything else is told what time it is.

use chrono::{DateTime, SubsecRound, Utc};

use crate::error::{Error, ErrorKind, Result};

/// An instant, in UTC, to the microsecond: what Delta and Parquet keep.
pub type Instant = DateTime<Utc>;

/// The present instant, cut to the microsecond.
pub fn now() -> Instant {
    Utc::now().trunc_subsecs(6)
}

/// Reads an instant a person typed: RFC 3339, `2026-03-01 12:00:00` or `2026-03-01`, all UTC unless they say otherwise.
///
/// # Errors
/// [`ErrorKind::Usage`] for any other text.
///
/// ```
/// let instant = twinlake::clock::parse("2026-03-01").unwrap();
/// assert_eq!(instant.to_rfc3339(), "2026-03-01T00:00:00+00:00");
/// ```
pub fn parse(text: &str) -> Result<Instant> {
    use chrono::{NaiveDate, NaiveDateTime};
    let text = text.trim();
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.with_timezone(&Utc).trunc_subsecs(6));
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
        if let Ok(naive) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(naive.and_utc().trunc_subsecs(6));
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(date.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    Err(Error::new(ErrorKind::Usage, format!("{text:?} is not an instant"))
        .with_hint("Write it as 2026-03-01, 2026-03-01 12:30:00 or 2026-03-01T12:30:00+02:00."))
}
