//! The models a forecast is made from: what each is called, how it is fitted to one history, and how it runs over another.

use serde::{Deserialize, Serialize};

use crate::learn::local::{
    Arima, Ces, CountDemand, DemandClass, Ets, Intermittent, Method, Mstl, Theta, classify,
};

/// Values from which a level and a slope are learned once seasons are taken out.
const LEVELS: usize = 1_000;

/// A kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The value of the same period one season before.
    SeasonalNaive,
    /// The last value.
    Naive,
    /// The last value and the mean change so far.
    Drift,
    /// Exponential smoothing of the form that fits best.
    Ets,
    /// The dynamic optimised theta method.
    Theta,
    /// Complex exponential smoothing.
    Ces,
    /// Seasonal autoregression and moving averages.
    Arima,
    /// Several seasons by repeated smoothing, and exponential smoothing of what is left.
    Mstl,
    /// Size over interval of demand.
    Croston,
    /// Croston's without its bias.
    Sba,
    /// Size times probability of demand.
    Tsb,
    /// Smoothed sums over longer periods.
    Adida,
    /// The weighted mean of demand, with its distribution.
    Counts,
    /// One elastic net over all series.
    ElasticNet,
    /// What series alike did at that age, at the size of this one.
    Analogue,
}

impl Kind {
    /// All that can be asked for.
    pub const ALL: [Kind; 14] = [
        Kind::SeasonalNaive,
        Kind::Naive,
        Kind::Drift,
        Kind::Ets,
        Kind::Theta,
        Kind::Ces,
        Kind::Arima,
        Kind::Mstl,
        Kind::Croston,
        Kind::Sba,
        Kind::Tsb,
        Kind::Adida,
        Kind::Counts,
        Kind::ElasticNet,
    ];

    /// Its name in declarations and tables.
    pub fn name(self) -> &'static str {
        match self {
            Kind::SeasonalNaive => "seasonal_naive",
            Kind::Naive => "naive",
            Kind::Drift => "drift",
            Kind::Ets => "ets",
            Kind::Theta => "theta",
            Kind::Ces => "ces",
            Kind::Arima => "arima",
            Kind::Mstl => "mstl",
            Kind::Croston => "croston",
            Kind::Sba => "sba",
            Kind::Tsb => "tsb",
            Kind::Adida => "adida",
            Kind::Counts => "counts",
            Kind::ElasticNet => "elastic_net",
            Kind::Analogue => "analogue",
        }
    }

    /// The kind of that name.
    pub fn of(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it speaks of demand that comes and goes.
    pub fn intermittent(self) -> bool {
        matches!(self, Kind::Croston | Kind::Sba | Kind::Tsb | Kind::Adida | Kind::Counts)
    }

    /// Whether what explains the values may be taken out before it is fitted, and added again.
    pub fn explainable(self) -> bool {
        !self.intermittent() && !self.shared() && self != Kind::Analogue
    }

    /// Whether it is learned from all series together.
    pub fn shared(self) -> bool {
        self == Kind::ElasticNet
    }

    /// The most values it looks at; more would take long and tell nothing new.
    pub fn memory(self, season: usize, longest: usize) -> usize {
        match self {
            Kind::SeasonalNaive | Kind::Naive | Kind::Drift | Kind::Analogue => usize::MAX,
            Kind::ElasticNet => usize::MAX,
            Kind::Arima => 600.max(4 * season),
            Kind::Mstl => 26 * longest.max(100),
            _ => 2_000.max(8 * season),
        }
    }
}

/// A model fitted to one series. The elastic net and the analogue are fitted to many: they are elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Member {
    /// See [`Kind::SeasonalNaive`]; the periods of its season.
    SeasonalNaive(usize),
    /// See [`Kind::Naive`].
    Naive,
    /// See [`Kind::Drift`].
    Drift,
    /// See [`Kind::Ets`].
    Ets(Ets),
    /// See [`Kind::Theta`].
    Theta(Theta),
    /// See [`Kind::Ces`].
    Ces(Ces),
    /// See [`Kind::Arima`].
    Arima(Arima),
    /// See [`Kind::Mstl`].
    Mstl(Mstl),
    /// See [`Kind::Croston`] and those after it.
    Intermittent(Intermittent),
    /// See [`Kind::Counts`]: it is fitted anew to every history.
    Counts,
}

/// The part of a history that a kind looks at.
pub(super) fn recent<'a>(history: &'a [f64], kind: Kind, season: usize, seasons: &[usize]) -> &'a [f64] {
    let longest = seasons.last().copied().unwrap_or(season);
    &history[history.len().saturating_sub(kind.memory(season, longest))..]
}

impl Member {
    /// Fits a kind; `None` where the history does not allow it.
    pub fn fit(kind: Kind, history: &[f64], season: usize, seasons: &[usize]) -> Option<Member> {
        if history.is_empty() {
            return None;
        }
        let history = recent(history, kind, season, seasons);
        let intermittent = |method| Intermittent::fit(history, method).map(Member::Intermittent);
        match kind {
            Kind::SeasonalNaive => Some(Member::SeasonalNaive(season)),
            Kind::Naive => Some(Member::Naive),
            Kind::Drift => Some(Member::Drift),
            Kind::Ets => Ets::fit(history, season).map(Member::Ets),
            Kind::Theta => Theta::fit(history, season).map(Member::Theta),
            Kind::Ces => Ces::fit(history, season).map(Member::Ces),
            Kind::Arima => Arima::fit(history, season).map(Member::Arima),
            Kind::Mstl => {
                let all: Vec<usize> =
                    std::iter::once(season).chain(seasons.iter().copied()).filter(|s| *s > 1).collect();
                Mstl::fit(history, &all).map(Member::Mstl)
            }
            Kind::Croston => intermittent(Method::Croston),
            Kind::Sba => intermittent(Method::Sba),
            Kind::Tsb => intermittent(Method::Tsb { demand: 0.1, probability: 0.1 }),
            Kind::Adida => intermittent(Method::Adida),
            Kind::Counts => CountDemand::fit(history).map(|_| Member::Counts),
            Kind::ElasticNet | Kind::Analogue => None,
        }
    }

    /// Fits again to a longer history, from where it was.
    pub fn warm(&self, kind: Kind, history: &[f64], season: usize, seasons: &[usize]) -> Option<Member> {
        let part = recent(history, kind, season, seasons);
        match self {
            Member::Ets(model) => model.warm(part).map(Member::Ets),
            Member::Theta(model) => model.warm(part).map(Member::Theta),
            Member::Ces(model) => model.warm(part).map(Member::Ces),
            Member::Arima(model) => model.warm(part).map(Member::Arima),
            _ => Member::fit(kind, history, season, seasons),
        }
    }

    /// What comes after a history: `horizon` finite values, or `None`.
    pub fn forecast(
        &self,
        kind: Kind,
        history: &[f64],
        (season, seasons): (usize, &[usize]),
        horizon: usize,
    ) -> Option<Vec<f64>> {
        let last = *history.last()?;
        let part = recent(history, kind, season, seasons);
        let ahead = match self {
            Member::SeasonalNaive(season) => baseline(history, *season, horizon),
            Member::Naive => vec![last; horizon],
            Member::Drift => {
                let slope = (last - history[0]) / (history.len().max(2) - 1) as f64;
                (1..=horizon).map(|step| last + slope * step as f64).collect()
            }
            Member::Ets(model) => model.forecast(part, horizon),
            Member::Theta(model) => model.forecast(part, horizon),
            Member::Ces(model) => model.forecast(part, horizon),
            Member::Arima(model) => model.forecast(part, horizon),
            Member::Mstl(model) => {
                // What has no season is as short as it needs to be for a level and a slope.
                let rest = |rest: &[f64], horizon: usize| {
                    let rest = &rest[rest.len().saturating_sub(LEVELS)..];
                    Some(Ets::fit(rest, 1)?.forecast(rest, horizon))
                };
                model.forecast(part, horizon, &rest)
            }
            Member::Intermittent(model) => model.forecast(part, horizon),
            Member::Counts => vec![CountDemand::fit(part)?.mean(); horizon],
        };
        (ahead.len() == horizon && ahead.iter().all(|value| value.is_finite())).then_some(ahead)
    }
}

/// The baseline a history of that length allows.
pub(super) fn baseline_kind(length: usize, season: usize) -> Kind {
    if length >= season { Kind::SeasonalNaive } else { Kind::Naive }
}

/// The period before by which the baseline `step` periods ahead looks back, in seasons or single periods.
pub(super) fn reach(length: usize, season: usize, step: usize) -> usize {
    if length >= season { step.div_ceil(season) } else { step }
}

/// Forecasts the next `horizon` periods; empty where there is no history.
///
/// Seasonal naive: `y(T+h) = y(T+h-m(k+1))`, with `k` the whole seasons in `h-1`; with less than a season of history
/// naive: `y(T+h) = y(T)`. R. J. Hyndman and G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition,
/// section 5.2.
pub(super) fn baseline(history: &[f64], season: usize, horizon: usize) -> Vec<f64> {
    let Some(&last) = history.last() else { return Vec::new() };
    match baseline_kind(history.len(), season) {
        Kind::SeasonalNaive => {
            history[history.len() - season..].iter().copied().cycle().take(horizon).collect()
        }
        _ => vec![last; horizon],
    }
}

/// How values come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Period after period, of similar sizes or below zero.
    Steady,
    /// Period after period, none below zero, of very different sizes.
    Erratic,
    /// With periods of nothing in between.
    Intermittent,
}

impl Pattern {
    /// Of a history.
    pub fn of(history: &[f64]) -> Pattern {
        if history.iter().any(|value| *value < 0.0) {
            return Pattern::Steady;
        }
        match classify(history) {
            Some(DemandClass::Intermittent | DemandClass::Lumpy) => Pattern::Intermittent,
            Some(DemandClass::Erratic) => Pattern::Erratic,
            Some(DemandClass::Smooth) | None => Pattern::Steady,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_repeats_the_last_season_or_the_last_value() {
        assert_eq!(baseline(&[9.0, 1.0, 2.0, 3.0], 3, 5), [1.0, 2.0, 3.0, 1.0, 2.0]);
        assert_eq!(baseline(&[1.0, 2.0], 3, 3), [2.0, 2.0, 2.0]);
        assert_eq!(baseline(&[1.0, 2.0], 1, 2), [2.0, 2.0]);
        assert!(baseline(&[], 3, 3).is_empty());
    }

    #[test]
    fn every_kind_has_a_name_and_is_found_by_it() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.name()), Some(kind));
        }
        assert_eq!(Kind::of("prophet"), None);
    }

    #[test]
    fn values_have_a_pattern() {
        assert_eq!(Pattern::of(&[0.0, 0.0, 3.0, 0.0, 1.0]), Pattern::Intermittent);
        assert_eq!(Pattern::of(&[1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 2.0]), Pattern::Steady);
        assert_eq!(Pattern::of(&[1.0, 90.0, 3.0, 1.0, 1.0, 200.0, 2.0]), Pattern::Erratic);
        assert_eq!(Pattern::of(&[0.0; 10]), Pattern::Steady);
        assert_eq!(Pattern::of(&[0.0, -1.0, 0.0, 3.0]), Pattern::Steady);
    }
}
