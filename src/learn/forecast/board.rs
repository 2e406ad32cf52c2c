//! The scores of all candidates and of what is published, with bounds that did not see what they are judged by.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::lake::system::ModelMetricRow;
use crate::learn::learner::Headline;
use crate::learn::metrics;
use crate::project::ForecastDecl;

use super::intervals::{self, Calibration, Residuals};
use super::panel::Panel;
use super::parameters::{Group, Learned, Parameters};
use super::scores::{self, HeldOut, Score};
use super::tried::Tried;

/// How much the distribution of counts may weigh.
const SHARES: [f64; 3] = [0.0, 0.5, 1.0];

/// A calibration of all windows, and those that did not see one of them, for the series of one group.
struct Calibrated {
    whole: Option<intervals::Learned>,
    held_out: Vec<Option<intervals::Learned>>,
}

fn calibrate(residuals: &[&Residuals], decl: &ForecastDecl, probabilities: &[f64]) -> Calibrated {
    let learn = |without| Calibration::learn(residuals, decl.horizon, without, probabilities);
    let held_out = (0..decl.windows).into_par_iter().map(|window| learn(Some(window))).collect();
    Calibrated { whole: learn(None), held_out }
}

impl Calibrated {
    fn held_out(&self, place: usize) -> HeldOut<'_> {
        let of = |learned: &'_ Option<intervals::Learned>| -> Option<f64> {
            learned.as_ref().map(|learned| learned.difficulty[place])
        };
        let calibrations = self
            .held_out
            .iter()
            .map(|learned| Some((&learned.as_ref()?.calibration, of(learned)?)))
            .collect();
        HeldOut { calibrations }
    }
}

/// Collects scores.
pub(super) struct Board<'a> {
    panel: &'a Panel,
    decl: &'a ForecastDecl,
    probabilities: &'a [f64],
    /// As rows of `twin.model_metrics`.
    pub rows: Vec<ModelMetricRow>,
    /// Of the baseline, per series.
    compared: Vec<Score>,
}

impl<'a> Board<'a> {
    /// Of nothing yet.
    pub fn new(panel: &'a Panel, decl: &'a ForecastDecl, probabilities: &'a [f64]) -> Board<'a> {
        Board { panel, decl, probabilities, rows: Vec::new(), compared: Vec::new() }
    }

    /// The scores of all candidates and of what is published, per series; the latter are returned. Calibrations of what
    /// is published go into the parameters.
    pub fn score(&mut self, tried: &[Tried], detailed: bool, parameters: &mut Parameters) -> Vec<Score> {
        let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (series, tried) in tried.iter().enumerate() {
            groups.entry(&tried.learned.group).or_default().push(series);
        }
        let mut published = vec![Score::default(); tried.len()];
        let mut naive = vec![Score::default(); tried.len()];
        let mut scored: Vec<Vec<Score>> = tried.iter().map(|tried| tried.plain.clone()).collect();
        for (name, series) in &groups {
            let residuals: Vec<Residuals> =
                series.par_iter().map(|&s| tried[s].residuals(&tried[s].published)).collect();
            let calibrated = calibrate(&residuals.iter().collect::<Vec<_>>(), self.decl, self.probabilities);
            let attempt = |share: f64| -> Vec<Score> {
                let one = |place: usize| {
                    let tried = &tried[series[place]];
                    self.one(tried, &tried.published, &calibrated.held_out(place), share)
                };
                (0..series.len()).into_par_iter().map(one).collect()
            };
            // The distribution of counts weighs as much as made the bounds best in windows they did not see.
            let counted =
                series.iter().any(|&s| tried[s].trials.iter().flatten().any(|trial| trial.counted.is_some()));
            let shares = if counted { &SHARES[..] } else { &SHARES[..1] };
            let mut best = (SHARES[0], attempt(SHARES[0]));
            for &share in &shares[1..] {
                let found = attempt(share);
                if relative_loss(&found) < relative_loss(&best.1) {
                    best = (share, found);
                }
            }
            let (counts, found) = best;
            for (&series, score) in series.iter().zip(found) {
                published[series] = score;
            }
            let whole = calibrated.whole;
            if let Some(whole) = &whole {
                for (&series, difficulty) in series.iter().zip(&whole.difficulty) {
                    if tried[series].trials.iter().any(Option::is_some) {
                        let label = self.panel.series[series].label.clone();
                        let learned = Learned { difficulty: Some(*difficulty), ..Learned::default() };
                        parameters.series.insert(label, learned);
                    }
                }
            }
            let counts = if whole.is_some() { counts } else { 1.0 };
            let group = Group { calibration: whole.map(|learned| learned.calibration), counts };
            parameters.groups.insert((*name).to_string(), group);

            // Candidates have calibrations of their own: what one gets wrong is not what another does.
            let mut names: BTreeSet<&str> = BTreeSet::new();
            series.iter().for_each(|&s| names.extend(tried[s].names.iter().map(String::as_str)));
            for name in names {
                let places: Vec<(usize, usize)> = series
                    .iter()
                    .filter_map(|&s| {
                        let place = tried[s].names.iter().position(|found| found == name)?;
                        (detailed || place == 0).then_some((s, place))
                    })
                    .collect();
                let forecasts: Vec<Vec<Option<Vec<f64>>>> =
                    places.iter().map(|&(s, place)| tried[s].forecasts(place)).collect();
                let residuals: Vec<Residuals> =
                    places.iter().zip(&forecasts).map(|(&(s, _), f)| tried[s].residuals(f)).collect();
                let calibrated =
                    calibrate(&residuals.iter().collect::<Vec<_>>(), self.decl, self.probabilities);
                let found: Vec<Score> = (0..places.len())
                    .into_par_iter()
                    .map(|index| {
                        let (s, _) = places[index];
                        self.one(&tried[s], &forecasts[index], &calibrated.held_out(index), 0.0)
                    })
                    .collect();
                for ((s, place), score) in places.into_iter().zip(found) {
                    let wide = tried[s].names.len().max(scored[s].len());
                    scored[s].resize(wide, Score::default());
                    scored[s][place] = score;
                    if place == 0 {
                        naive[s] = score;
                    }
                }
            }
        }
        self.compared = naive;
        self.table(tried, &scored, &published);
        published
    }

    fn one(
        &self,
        tried: &Tried,
        forecasts: &[Option<Vec<f64>>],
        held_out: &HeldOut<'_>,
        share: f64,
    ) -> Score {
        let nonnegative = self.decl.nonnegative;
        let quantiles = |window: usize, step: usize| {
            let trial = tried.trials[window].as_ref()?;
            let mean = forecasts[window].as_ref()?[step];
            let at = held_out.bounds(trial, mean, (window, step), self.probabilities, nonnegative);
            match &trial.counted {
                Some(counted) if share > 0.0 => {
                    let mut at = at.unwrap_or_else(|| counted.clone());
                    scores::blend(mean, &mut at, counted, share, nonnegative);
                    Some(at)
                }
                _ => at,
            }
        };
        scores::score(&tried.trials, forecasts, &tried.compared(), self.probabilities, &quantiles)
    }

    /// One row per series and candidate in the order of their names, then those of all.
    fn table(&mut self, tried: &[Tried], scored: &[Vec<Score>], published: &[Score]) {
        let mut all: BTreeMap<&str, (Vec<Score>, i64)> = BTreeMap::new();
        for (series, tried) in tried.iter().enumerate() {
            let label = self.panel.series[series].label.as_str();
            let chosen: Vec<usize> =
                (0..tried.names.len()).filter(|&index| tried.weights[index] > 0.0).collect();
            let combined = chosen.len() > 1;
            let mut order: Vec<usize> = (0..tried.names.len()).collect();
            order.sort_unstable_by_key(|&index| &tried.names[index]);
            for index in order {
                let name = tried.names[index].as_str();
                let weight = tried.weights[index];
                let row = scored[series][index].row(label, name, Some(weight), weight > 0.0);
                if self.panel.series[series].values.is_empty() {
                    let reason = Some("there is no value in its history".to_string());
                    self.rows.push(ModelMetricRow { reason, ..row });
                    continue;
                }
                self.rows.push(row);
                let entry = all.entry(if index == 0 { "seasonal_naive" } else { name }).or_default();
                entry.0.push(scored[series][index]);
                entry.1 += i64::from(weight > 0.0);
            }
            if combined {
                self.rows.push(published[series].row(label, "combination", Some(1.0), true));
            }
        }
        for (name, (scores, chosen)) in all {
            let score = scores::mean(scores.iter());
            self.rows.push(score.row("*", name, Some(chosen as f64), false));
        }
        self.rows.push(scores::mean(published.iter()).row(
            "*",
            "published",
            Some(published.len() as f64),
            true,
        ));
    }

    /// What decides about acceptance. Baseline and model are compared over the series that both have a MASE of.
    pub fn headline(&self, published: &[Score]) -> Headline {
        let both: Vec<(Score, Score)> = published
            .iter()
            .zip(&self.compared)
            .filter(|(ours, naive)| ours.mase.is_some() && naive.mase.is_some())
            .map(|(ours, naive)| (*ours, *naive))
            .collect();
        let overall = scores::mean(published.iter());
        let mase = |of: fn(&(Score, Score)) -> Option<f64>| metrics::mean(both.iter().map(of));
        let others = [
            ("smape", overall.smape),
            ("rmse", overall.rmse),
            ("mae", overall.mae),
            ("pinball", overall.pinball),
        ];
        Headline {
            metric: "mase".to_string(),
            less_is_better: true,
            value: mase(|(ours, _)| ours.mase),
            baseline: mase(|(_, naive)| naive.mase),
            coverage80: overall.coverage80,
            coverage95: overall.coverage95,
            bias: (overall.size > 0.0).then(|| overall.error / overall.size),
            others: others
                .into_iter()
                .filter_map(|(name, value)| {
                    Some((name.to_string(), value.filter(|value| value.is_finite())?))
                })
                .collect(),
        }
    }
}

/// The sum of pinball losses, each relative to the size of the values of its series.
fn relative_loss(scores: &[Score]) -> f64 {
    let of = |score: &Score| {
        let size = score.size / score.evaluated.max(1) as f64;
        if size > 0.0 { score.pinball.unwrap_or(0.0) / size } else { 0.0 }
    };
    scores.iter().map(of).sum()
}
