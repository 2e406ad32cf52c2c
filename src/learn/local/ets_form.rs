//! The forms of exponential smoothing that are tried.
//!
//! Named as in R. J. Hyndman, A. B. Koehler, R. D. Snyder and S. Grose, International Journal of Forecasting 18 (2002),
//! 439-454: error, trend, season; each none (N), additive (A) or multiplicative (M), the trend also damped (Ad).

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the level moves on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::learn) enum Trend {
    /// It stays.
    None,
    /// It grows by as much each step.
    Additive,
    /// It grows by less each step.
    Damped,
}

/// How the season enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::learn) enum Season {
    /// Not at all.
    None,
    /// As a summand.
    Additive,
    /// As a factor.
    Multiplicative,
}

/// Error, trend and season.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(in crate::learn) struct Form {
    /// Whether errors grow with the forecast.
    pub multiplicative_error: bool,
    /// The trend.
    pub trend: Trend,
    /// The season.
    pub season: Season,
}

impl Form {
    /// How many numbers are estimated: smoothing parameters, initial states (one less than the season has, as its
    /// states have a fixed mean) and the variance.
    pub fn parameters(self, season: usize) -> usize {
        let trend = match self.trend {
            Trend::None => 0,
            Trend::Additive => 2,
            Trend::Damped => 3,
        };
        3 + trend + if self.season == Season::None { 0 } else { season }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = if self.multiplicative_error { "M" } else { "A" };
        let trend = match self.trend {
            Trend::None => "N",
            Trend::Additive => "A",
            Trend::Damped => "Ad",
        };
        let season = match self.season {
            Season::None => "N",
            Season::Additive => "A",
            Season::Multiplicative => "M",
        };
        write!(f, "ETS({error},{trend},{season})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_counts_are_those_of_the_literature() {
        let form = Form { multiplicative_error: true, trend: Trend::Damped, season: Season::Multiplicative };
        assert_eq!(form.to_string(), "ETS(M,Ad,M)");
        assert_eq!(form.parameters(12), 18);
        let simple = Form { multiplicative_error: false, trend: Trend::None, season: Season::None };
        assert_eq!((simple.to_string().as_str(), simple.parameters(1)), ("ETS(A,N,N)", 3));
    }
}
