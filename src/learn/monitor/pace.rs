//! How often a model may be trained by rule: `at_most = "1/week"`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rule::RuleError;

/// One hour, in microseconds.
const HOUR: i64 = 3_600_000_000;
/// The units of time with their lengths in hours.
const UNITS: [(&str, i64); 6] = [
    ("hour", 1),
    ("day", 24),
    ("week", 7 * 24),
    ("month", 30 * 24),
    ("quarter", 91 * 24),
    ("year", 365 * 24),
];

/// So many trainings in a span of time. The span moves: no calendar, no time zone; a month is 30 days, a quarter 91, a
/// year 365.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(in crate::learn) struct AtMost {
    count: u32,
    unit: usize,
}

impl AtMost {
    /// Understands `1/week`: a count of 1 or more, and `hour`, `day`, `week`, `month`, `quarter` or `year`.
    ///
    /// # Errors
    /// Where the text is something else.
    pub fn parse(text: &str) -> Result<AtMost, RuleError> {
        let error = |span: std::ops::Range<usize>, message: &str| {
            let hint =
                "Write a count and one of hour, day, week, month, quarter, year: \"1/week\".".to_owned();
            RuleError { span, message: message.to_owned(), hint }
        };
        let Some(slash) = text.find('/') else {
            return Err(error(0..text.len(), "expected a count, a slash and a unit of time"));
        };
        let count = match text[..slash].trim().parse() {
            Ok(count) if count > 0 => count,
            _ => return Err(error(0..slash, "not a count of 1 or more")),
        };
        match UNITS.iter().position(|(name, _)| *name == text[slash + 1..].trim()) {
            Some(unit) => Ok(AtMost { count, unit }),
            None => Err(error(slash + 1..text.len(), "unknown unit of time")),
        }
    }

    /// Whether one more training is allowed now, after those at these instants (in any order; all in microseconds since
    /// 1970). Instants after now do not count: they are not yet known when the past is replayed.
    pub fn allowed(&self, now: i64, past: &[i64]) -> bool {
        self.next(now, past) <= now
    }

    /// The earliest instant, from now on, at which one more is allowed if none comes in between.
    pub fn next(&self, now: i64, past: &[i64]) -> i64 {
        let span = UNITS[self.unit].1 * HOUR;
        let mut recent: Vec<i64> = past.iter().copied().filter(|&at| at <= now).collect();
        recent.sort_unstable_by_key(|&at| std::cmp::Reverse(at));
        let oldest = recent.get(self.count as usize - 1);
        oldest.map_or(now, |at| at.saturating_add(span).max(now))
    }
}

impl fmt::Display for AtMost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, UNITS[self.unit].0)
    }
}

impl From<AtMost> for String {
    fn from(pace: AtMost) -> String {
        pace.to_string()
    }
}

impl TryFrom<String> for AtMost {
    type Error = RuleError;

    fn try_from(text: String) -> Result<AtMost, RuleError> {
        AtMost::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn once_a_week_is_once_in_seven_days() {
        let (pace, week) = (AtMost::parse("1/week").unwrap(), 168 * HOUR);
        assert!(pace.allowed(0, &[]));
        assert!(!pace.allowed(week - 1, &[0]) && pace.allowed(week, &[0]));
        assert_eq!(pace.next(10, &[0]), week);
        assert!(pace.allowed(5, &[6]));
    }

    #[test]
    fn errors_say_where() {
        for (text, span) in
            [("weekly", 0..6), ("0/day", 0..1), ("1/fortnight", 2..11), ("/day", 0..0), ("-1/day", 0..2)]
        {
            assert_eq!(AtMost::parse(text).unwrap_err().span, span, "{text}");
        }
        assert_eq!(AtMost::parse(" 3 / quarter ").unwrap().to_string(), "3/quarter");
    }

    proptest! {
        #[test]
        fn never_more_than_allowed(count in 1_u32..5, unit in 0..UNITS.len(), steps in prop::collection::vec(0_i64..40, 1..200)) {
            let pace = AtMost { count, unit };
            let (mut now, mut past) = (0, Vec::new());
            for step in steps {
                now += step * HOUR;
                if pace.allowed(now, &past) {
                    past.push(now);
                }
            }
            let span = UNITS[unit].1 * HOUR;
            for end in &past {
                let within = past.iter().filter(|&&at| at <= *end && at > end - span).count();
                prop_assert!(within <= count as usize);
            }
            let text = serde_json::to_string(&pace).unwrap();
            prop_assert_eq!(serde_json::from_str::<AtMost>(&text).unwrap(), pace);
        }

        #[test]
        fn extremes_do_not_overflow(now: i64, past in prop::collection::vec(any::<i64>(), 0..4)) {
            AtMost { count: 1, unit: 5 }.allowed(now, &past);
        }
    }
}
