//! Rolling origins: what each candidate would have forecast for a series, had it been asked then.
//!
//! All origins are periods of the shared calendar. At each, a candidate sees the periods before it and nothing else,
//! of its own or any other series. A series takes part where it has two seasons of history before the origin.

use crate::learn::auto::{self, Studied};
use crate::learn::local::CountDemand;
use crate::learn::metrics::{self, Accuracy};

use super::member::{self, Kind, Member, Pattern};
use super::panel::Panel;
use super::parameters::Weighed;
use super::pooled::Shared;
use super::regression::{Outside, Regression};
use super::settings::Candidates;

/// Seasons beyond this are taken apart rather than modelled as states.
const LONG_SEASON: usize = 24;

/// A candidate: a model, with or without regressors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(super) struct Candidate {
    /// The model.
    pub kind: Kind,
    /// Whether the effect of regressors is taken out before and added after.
    pub explained: bool,
}

impl Candidate {
    /// Its name in the tables.
    pub fn name(self) -> String {
        let with = if self.explained { "+regressors" } else { "" };
        format!("{}{with}", self.kind.name())
    }
}

/// One series at one origin.
#[derive(Debug)]
pub(super) struct Trial {
    /// What then happened; NaN where it was not observed.
    pub actual: Vec<f64>,
    /// A typical change of the history before the origin; `None` where it never changed.
    pub scale: Option<f64>,
    /// What MASE divides by.
    pub seasonal_error: Option<f64>,
    /// What each candidate forecast, if it could.
    pub forecasts: Vec<Option<Vec<f64>>>,
    /// The quantiles of a period by the distribution of counts, where values are not steady.
    pub counted: Option<Vec<f64>>,
}

impl Trial {
    /// How wrong a forecast was.
    pub fn accuracy(&self, forecast: &[f64]) -> Option<Accuracy> {
        metrics::accuracy(&self.actual, forecast, self.seasonal_error)
    }
}

/// A candidate fitted to all of a series.
#[derive(Clone, Debug)]
pub(super) struct Fitted {
    /// Its own parameters; none for what is shared by all series.
    pub member: Option<Member>,
    /// Whether it can forecast.
    pub able: bool,
}

/// Everything that was tried for one series.
#[derive(Debug)]
pub(super) struct Study {
    /// Who took part; the baseline first.
    pub candidates: Vec<Candidate>,
    /// In the order of the candidates.
    pub fitted: Vec<Fitted>,
    /// Per window, oldest first.
    pub trials: Vec<Option<Trial>>,
    /// The effect of regressors.
    pub regression: Option<Regression>,
    /// How its values come.
    pub pattern: Pattern,
    /// Whether the baseline was asked for, or nothing else can be.
    pub baseline_asked: bool,
    /// What is published by the strategy that has its own choice; then there is no other.
    pub decided: Option<Decided>,
}

/// A choice made elsewhere.
#[derive(Debug)]
pub(super) struct Decided {
    /// The models, without their trials.
    pub studied: Studied,
    /// The names of its members, which follow the baseline.
    pub names: Vec<String>,
    /// The weights of the baseline and the members.
    pub weights: Vec<f64>,
    /// What would have been published, per window.
    pub published: Vec<Option<Vec<f64>>>,
}

/// What is tried, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan<'a> {
    /// The series.
    pub panel: &'a Panel,
    /// What is learned from all series, per origin.
    pub shared: &'a Shared,
    /// The first periods of the windows, then the one after the end.
    pub origins: &'a [i64],
    /// Periods ahead.
    pub horizon: usize,
    /// What may be tried.
    pub candidates: &'a Candidates,
    /// Whether a forecast below zero makes no sense.
    pub nonnegative: bool,
    /// Of the quantiles that are published.
    pub probabilities: &'a [f64],
}

/// Whether there is a long season, or more than one.
pub(super) fn long(panel: &Panel) -> bool {
    panel.season > LONG_SEASON || !panel.seasons.is_empty()
}

/// Whether the automatic strategy of many series suits a series: one season of moderate length, nothing that explains,
/// and demand that neither comes and goes nor stays the same.
pub(super) fn automatic(panel: &Panel, series: usize, asked: &Candidates) -> bool {
    let values = &panel.series[series].values;
    asked.auto
        && asked.kinds.is_empty()
        && !long(panel)
        && panel.regressors.is_empty()
        && values.len() >= enough(panel.season)
        && metrics::scale(values, panel.season).is_some()
        && Pattern::of(values) != Pattern::Intermittent
}

/// Values from which more than the baseline may be published without having been tried.
fn enough(season: usize) -> usize {
    (2 * season + 2).max(6)
}

/// The kinds that suit a history.
fn suitable(history: &[f64], panel: &Panel, asked: &Candidates, intermittent: bool) -> Vec<Kind> {
    let mut kinds = asked.kinds.clone();
    if asked.auto {
        kinds.push(Kind::SeasonalNaive);
        if intermittent {
            kinds.extend([Kind::Croston, Kind::Sba, Kind::Tsb, Kind::Adida, Kind::Counts]);
        } else if long(panel) {
            kinds.extend([Kind::Mstl, Kind::ElasticNet]);
        } else {
            kinds.extend([Kind::Theta, Kind::Ets]);
        }
    }
    kinds.sort_unstable();
    kinds.dedup();
    // What never changes needs no model, and what is short allows none.
    let short = history.len() < enough(if intermittent { 1 } else { panel.season });
    if asked.auto && (short || metrics::scale(history, panel.season).is_none()) {
        kinds.clear();
    }
    kinds
}

impl Plan<'_> {
    /// Tries everything on one series; `earlier` are models to start from.
    pub fn study(&self, series: usize, earlier: &[Weighed]) -> Study {
        let panel = self.panel;
        let own = &panel.series[series];
        let pattern = Pattern::of(&own.values);
        let kinds = suitable(&own.values, panel, self.candidates, pattern == Pattern::Intermittent);
        let baseline_asked = kinds.is_empty() || kinds.contains(&Kind::SeasonalNaive);
        let explained = !panel.regressors.is_empty();
        let mut candidates = vec![Candidate { kind: Kind::SeasonalNaive, explained: false }];
        for kind in kinds {
            if kind != Kind::SeasonalNaive {
                candidates.push(Candidate { kind, explained: false });
            }
            if explained && kind.explainable() {
                candidates.push(Candidate { kind, explained: true });
            }
        }
        let mut members: Vec<Option<Member>> = vec![None; candidates.len()];
        let windows = self.origins.len() - 1;
        let trials = (0..windows)
            .map(|window| self.trial(series, window, &candidates, &mut members, pattern))
            .collect();
        let regression = self.regression(series, &own.values);
        let fitted = candidates
            .iter()
            .zip(&members)
            .map(|(candidate, member)| {
                let before = earlier.iter().find(|before| before.candidate == *candidate);
                let before = before.and_then(|before| before.member.as_ref()).or(member.as_ref());
                self.fit(series, *candidate, before, regression.as_ref())
            })
            .collect();
        Study { candidates, fitted, trials, regression, pattern, baseline_asked, decided: None }
    }

    /// As [`study`](Plan::study), of a series that the automatic strategy has studied: its members take the place of
    /// candidates, and its choice that of ours.
    pub fn decided(&self, series: usize, shared: &auto::Shared, mut studied: Studied) -> Study {
        let panel = self.panel;
        let own = &panel.series[series];
        let pattern = Pattern::of(&own.values);
        let windows = self.origins.len() - 1;
        let mut trials: Vec<Option<Trial>> = (0..windows).map(|_| None).collect();
        let mut published: Vec<Option<Vec<f64>>> = vec![None; windows];
        for tried in std::mem::take(&mut studied.trials) {
            let origin = panel.start(series) + tried.known as i64;
            let Some(window) = self.origins[..windows].iter().position(|at| *at == origin) else { continue };
            let history = &own.values[..tried.known];
            let mut forecasts = vec![Some(member::baseline(history, panel.season, self.horizon))];
            forecasts.extend(tried.outlook.members);
            for forecast in forecasts.iter_mut().flatten() {
                clip(forecast, self.nonnegative, history);
            }
            published[window] = tried.outlook.mean.map(|mut mean| {
                clip(&mut mean, self.nonnegative, history);
                mean
            });
            trials[window] = Some(self.window(series, history, forecasts, pattern));
        }
        let weights = std::iter::once(0.0).chain(studied.weights.iter().copied()).collect();
        let names: Vec<String> = shared.members().iter().map(|member| member.name().to_string()).collect();
        let able = trials.iter().flatten().next_back().map(|trial| &trial.forecasts);
        let able = |index: usize| able.is_none_or(|forecasts| forecasts[index].is_some());
        let fitted = (0..=names.len()).map(|index| Fitted { member: None, able: able(index) }).collect();
        Study {
            candidates: vec![Candidate { kind: Kind::SeasonalNaive, explained: false }],
            fitted,
            trials,
            regression: None,
            pattern,
            baseline_asked: false,
            decided: Some(Decided { studied, names, weights, published }),
        }
    }

    /// What a window of a series is compared with.
    fn window(
        &self,
        series: usize,
        history: &[f64],
        forecasts: Vec<Option<Vec<f64>>>,
        pattern: Pattern,
    ) -> Trial {
        let panel = self.panel;
        let own = &panel.series[series];
        let test = history.len()..history.len() + self.horizon;
        let observed = own.values[test.clone()].iter().zip(&own.observed[test]);
        Trial {
            actual: observed.map(|(&value, &seen)| if seen { value } else { f64::NAN }).collect(),
            scale: metrics::scale(history, panel.season),
            seasonal_error: metrics::seasonal_error(history, panel.season),
            forecasts,
            counted: if pattern == Pattern::Steady {
                None
            } else {
                counted(history, panel, self.probabilities)
            },
        }
    }

    fn regression(&self, series: usize, history: &[f64]) -> Option<Regression> {
        let panel = self.panel;
        if panel.regressors.is_empty() {
            return None;
        }
        Regression::fit(history, outside(panel, series), panel.season, &panel.seasons)
    }

    /// Fits a candidate to the whole history.
    fn fit(
        &self,
        series: usize,
        candidate: Candidate,
        earlier: Option<&Member>,
        regression: Option<&Regression>,
    ) -> Fitted {
        let panel = self.panel;
        let history = &panel.series[series].values;
        if candidate.kind.shared() {
            let last = self.origins.len() - 1;
            let able =
                self.shared.forecast(candidate.kind, history, (series, last), panel.end + 1, 1).is_some();
            return Fitted { member: None, able };
        }
        let mut left = None;
        if candidate.explained {
            let Some(regression) = regression else { return Fitted { member: None, able: false } };
            left = Some(without(history, regression, outside(panel, series)));
        }
        let history = left.as_deref().unwrap_or(history);
        let member = refit(candidate.kind, earlier, history, panel);
        Fitted { able: member.is_some(), member }
    }

    fn trial(
        &self,
        series: usize,
        window: usize,
        candidates: &[Candidate],
        members: &mut [Option<Member>],
        pattern: Pattern,
    ) -> Option<Trial> {
        let panel = self.panel;
        let origin = self.origins[window];
        let history = panel.before(series, origin);
        if history.len() < (2 * panel.season).max(3) {
            return None;
        }
        let regression = self.regression(series, history);
        let outside = outside(panel, series);
        let left = regression.as_ref().map(|regression| without(history, regression, outside));
        let effects = regression
            .as_ref()
            .map(|regression| regression.effects(outside, history.len()..history.len() + self.horizon));
        let forecast = |candidate: &Candidate, member: &mut Option<Member>| {
            let mut ahead = if candidate.kind.shared() {
                self.shared.forecast(candidate.kind, history, (series, window), origin, self.horizon)?
            } else {
                let history = if candidate.explained { left.as_deref()? } else { history };
                *member = refit(candidate.kind, member.as_ref(), history, panel);
                let seasons = (panel.season, &panel.seasons[..]);
                member.as_ref()?.forecast(candidate.kind, history, seasons, self.horizon)?
            };
            if candidate.explained {
                ahead.iter_mut().zip(effects.as_ref()?).for_each(|(value, effect)| *value += effect);
            }
            clip(&mut ahead, self.nonnegative, history);
            ahead.iter().all(|value| value.is_finite()).then_some(ahead)
        };
        let forecasts = candidates.iter().zip(members).map(|(c, member)| forecast(c, member)).collect();
        Some(self.window(series, history, forecasts, pattern))
    }
}

/// The quantiles of a period's demand.
pub(super) fn counted(history: &[f64], panel: &Panel, probabilities: &[f64]) -> Option<Vec<f64>> {
    let part = member::recent(history, Kind::Counts, panel.season, &panel.seasons);
    let found = CountDemand::fit(part)?.quantiles(probabilities);
    found.iter().all(|value| value.is_finite()).then_some(found)
}

/// Fits to a longer history, from where it was where it was fitted before.
fn refit(kind: Kind, earlier: Option<&Member>, history: &[f64], panel: &Panel) -> Option<Member> {
    earlier
        .and_then(|member| member.warm(kind, history, panel.season, &panel.seasons))
        .or_else(|| Member::fit(kind, history, panel.season, &panel.seasons))
}

/// The regressors of a series.
pub(super) fn outside(panel: &Panel, series: usize) -> Outside<'_> {
    Outside { columns: &panel.series[series].outside, start: panel.start(series) }
}

/// A history without the effect of its regressors.
pub(super) fn without(history: &[f64], regression: &Regression, outside: Outside<'_>) -> Vec<f64> {
    let effects = regression.effects(outside, 0..history.len());
    history.iter().zip(effects).map(|(value, effect)| value - effect).collect()
}

/// Cuts what is below zero where that makes no sense, by declaration or because all of the history is above.
pub(super) fn clip(forecast: &mut [f64], nonnegative: bool, history: &[f64]) {
    if nonnegative || (history.iter().all(|value| *value >= 0.0) && forecast.iter().any(|value| *value < 0.0))
    {
        forecast.iter_mut().for_each(|value| *value = value.max(0.0));
    }
}

/// The first periods of the test windows, ascending. The last window ends with the panel. Windows lie a horizon apart,
/// or closer where the series of median length would otherwise have less than two seasons before the first.
///
/// With `close` unset they always lie a horizon apart.
pub(super) fn origins(panel: &Panel, horizon: usize, windows: usize, close: bool) -> Vec<i64> {
    let mut lengths: Vec<usize> = panel.series.iter().map(|series| series.values.len()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    let room = median.saturating_sub(horizon + 2 * panel.season);
    let spacing = if close { (room / windows.saturating_sub(1).max(1)).clamp(1, horizon) } else { horizon };
    let last = panel.end + 1 - horizon as i64;
    (0..windows).rev().map(|back| last - (back * spacing) as i64).collect()
}
