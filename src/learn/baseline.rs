//! The forecasts everything else has to beat.

/// What a baseline did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Baseline {
    /// The value of the same period one season before.
    SeasonalNaive,
    /// The last value: there is less than a season of history.
    Naive,
    /// There is no history at all.
    None,
}

impl Baseline {
    /// The best baseline a history of that length allows.
    pub fn for_length(length: usize, season: usize) -> Baseline {
        match length {
            0 => Baseline::None,
            _ if length >= season => Baseline::SeasonalNaive,
            _ => Baseline::Naive,
        }
    }

    /// Its name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Baseline::SeasonalNaive => "seasonal_naive",
            Baseline::Naive => "naive",
            Baseline::None => "none",
        }
    }

    /// The period before by which a forecast `step` periods ahead looks back, in seasons or single periods.
    pub fn reach(self, step: usize, season: usize) -> usize {
        match self {
            Baseline::SeasonalNaive => step.div_ceil(season),
            Baseline::Naive | Baseline::None => step,
        }
    }
}

/// Forecasts the next `horizon` periods; empty where there is no history.
///
/// Seasonal naive: `y(T+h) = y(T+h-m(k+1))`, with `k` the whole seasons in `h-1`; naive: `y(T+h) = y(T)`. R. J. Hyndman
/// and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, section 5.2.
pub(super) fn forecast(history: &[f64], season: usize, horizon: usize) -> Vec<f64> {
    let last = match Baseline::for_length(history.len(), season) {
        Baseline::SeasonalNaive => &history[history.len() - season..],
        Baseline::Naive => &history[history.len() - 1..],
        Baseline::None => return Vec::new(),
    };
    last.iter().copied().cycle().take(horizon).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_the_last_season() {
        assert_eq!(forecast(&[9.0, 1.0, 2.0, 3.0], 3, 5), [1.0, 2.0, 3.0, 1.0, 2.0]);
    }

    #[test]
    fn repeats_the_last_value_where_there_is_no_season() {
        assert_eq!(forecast(&[1.0, 2.0], 3, 3), [2.0, 2.0, 2.0]);
        assert_eq!(forecast(&[1.0, 2.0], 1, 2), [2.0, 2.0]);
        assert!(forecast(&[], 3, 3).is_empty());
    }
}
