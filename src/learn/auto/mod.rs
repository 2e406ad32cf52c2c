//! The default forecast of many series of one frequency.
//!
//! Every series is forecast by several [members](Member): some fitted to the series alone, some to all of them together.
//! All are tried at rolling origins in the past, and their forecasts are combined with weights learnt there: pooled over
//! all series, drawn towards equal ones, and moved a little by what each series itself has shown. What the backtest found
//! is kept, for intervals are made from it.
//!
//! Work on one series needs nothing of the others but the [`Shared`] part, which is made from a sample of bounded size.
//! Nothing is drawn at random, sums run in the order of the series, and the results are the same bits at any number of
//! threads.

mod combine;
mod features;
mod members;
mod pooled;
mod seasonal;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use combine::Products;
pub(in crate::learn) use members::{Member, Model};
use pooled::{Plan, Pooled};

/// Series from which pooled models are made, at most; they are taken at equal distances.
const SAMPLE: usize = 20_000;
/// The fewest values before an origin.
const FEWEST: usize = 6;

/// How to forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Options {
    /// Origins of the backtest, each a horizon before the next; the last a horizon before the end.
    pub windows: usize,
    /// Who takes part; [`Member::defaults`] where `None`.
    pub members: Option<Vec<Member>>,
}

impl Default for Options {
    fn default() -> Options {
        Options { windows: 1, members: None }
    }
}

/// What all series have in common.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Shared {
    season: usize,
    horizon: usize,
    members: Vec<Member>,
    /// Per origin, the earliest last and the present first; per member, the pooled model where it is one.
    pools: Vec<Vec<Option<Pooled>>>,
    weights: Vec<f64>,
}

/// The members' forecasts of one series, and what they make together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Outlook {
    /// In the order of [`Shared::members`]; `None` where a member cannot forecast this series.
    pub members: Vec<Option<Vec<f64>>>,
    /// In the same order; sum to one.
    pub weights: Vec<f64>,
    /// The forecast; `None` where no member has one.
    pub mean: Option<Vec<f64>>,
}

/// What would have been forecast at an origin in the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Trial {
    /// How many values of the history were known.
    pub known: usize,
    /// The forecast, made with weights to which this trial did not add as far as they are the series' own.
    pub outlook: Outlook,
}

/// One series: its fitted members and its past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Studied {
    models: Vec<Option<Model>>,
    /// The members' weights for this series.
    pub weights: Vec<f64>,
    /// The latest origin first.
    pub trials: Vec<Trial>,
}

/// The strategy, fitted to a group of series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Auto {
    /// What all series have in common.
    pub shared: Shared,
    /// One per series, in their order.
    pub series: Vec<Studied>,
}

impl Auto {
    /// Fits to histories with that many steps in a season (one: none). `told` hears of each that is done.
    pub fn fit(
        series: &[&[f64]],
        season: usize,
        horizon: usize,
        options: &Options,
        told: &(dyn Fn() + Sync),
    ) -> Auto {
        let mut shared = Shared::learn(series, season, horizon, options);
        let study = |history: &&[f64]| {
            let studied = shared.study(history);
            told();
            studied
        };
        let mut studied: Vec<Studied> = series.par_iter().map(study).collect();
        let mut products = Products::new(shared.members.len());
        for (history, one) in series.iter().zip(&studied) {
            one.trials.iter().for_each(|trial| products.add(&errors(history, trial)));
        }
        shared.weights = products.weights();
        studied.par_iter_mut().zip(series).for_each(|(one, history)| shared.weigh(history, one));
        Auto { shared, series: studied }
    }

    /// What comes after the histories, which are those fitted to, or longer ones of the same series in the same order.
    #[cfg(test)]
    pub fn forecast(&self, series: &[&[f64]], horizon: usize) -> Vec<Outlook> {
        let pairs = self.series.par_iter().zip(series);
        pairs.map(|(one, history)| self.shared.forecast(one, history, horizon)).collect()
    }
}

impl Shared {
    /// Fits the pooled models, for the present and for each origin of the backtest. Weights are equal until there are
    /// trials to learn them from.
    pub fn learn(series: &[&[f64]], season: usize, horizon: usize, options: &Options) -> Shared {
        let season = season.max(1);
        let members = options.members.clone().unwrap_or_else(|| Member::defaults(season).to_vec());
        let weights = vec![1.0 / members.len() as f64; members.len()];
        let stride = series.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<&[f64]> = series.iter().step_by(stride).copied().collect();
        let at_origin = |back: usize| {
            let known: Vec<&[f64]> = sample
                .iter()
                .filter_map(|history| history.get(..known(history, season, horizon, back)?))
                .collect();
            members
                .iter()
                .map(|member| {
                    plan(*member, season).and_then(|plan| Pooled::fit(&known, season, horizon, plan))
                })
                .collect()
        };
        let pools = (0..=options.windows).map(at_origin).collect();
        Shared { season, horizon, members, pools, weights }
    }

    /// Who takes part, in the order of all lists.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Fits the members to a history and tries them at each origin; weights are still the pooled ones.
    pub fn study(&self, history: &[f64]) -> Studied {
        let fit = |history: &[f64]| -> Vec<Option<Model>> {
            self.members.iter().map(|&member| Model::fit(member, history, self.season)).collect()
        };
        let trial = |back: usize| {
            let known = known(history, self.season, self.horizon, back)?;
            let before = &history[..known];
            let members = self.ahead(&fit(before), before, self.horizon, back);
            Some(Trial { known, outlook: Outlook { members, weights: Vec::new(), mean: None } })
        };
        Studied {
            models: fit(history),
            weights: self.weights.clone(),
            trials: (1..self.pools.len()).filter_map(trial).collect(),
        }
    }

    /// Gives a studied series its weights, and its trials theirs.
    pub fn weigh(&self, history: &[f64], one: &mut Studied) {
        let own: Vec<Vec<Option<f64>>> =
            one.trials.iter().map(|trial| errors(history, trial).iter().map(absolute).collect()).collect();
        one.weights = combine::of_series(&self.weights, &own);
        for (index, trial) in one.trials.iter_mut().enumerate() {
            let others: Vec<_> = own
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, own)| own.clone())
                .collect();
            trial.outlook.weights = combine::of_series(&self.weights, &others);
            trial.outlook.mean = combine::combined(&trial.outlook.members, &trial.outlook.weights);
        }
    }

    /// What comes after a history of a studied series.
    pub fn forecast(&self, one: &Studied, history: &[f64], horizon: usize) -> Outlook {
        let members = self.ahead(&one.models, history, horizon, 0);
        let mean = combine::combined(&members, &one.weights);
        Outlook { members, weights: one.weights.clone(), mean }
    }

    /// The forecasts of all members, none below zero where the history never was.
    fn ahead(
        &self,
        models: &[Option<Model>],
        history: &[f64],
        horizon: usize,
        back: usize,
    ) -> Vec<Option<Vec<f64>>> {
        let signed = history.iter().any(|&value| value < 0.0);
        let of = |(model, pool): (&Option<Model>, &Option<Pooled>)| {
            let mut ahead = match (model, pool) {
                (Some(model), _) => model.forecast(history, horizon)?,
                (None, Some(pool)) => pool.forecast(history, horizon)?,
                (None, None) => return None,
            };
            if !signed {
                ahead.iter_mut().for_each(|value| *value = value.max(0.0));
            }
            Some(ahead)
        };
        models.iter().zip(&self.pools[back]).map(of).collect()
    }
}

/// How a pooled member is made; `None` for the others.
fn plan(member: Member, season: usize) -> Option<Plan> {
    let lags = season.max(2);
    match member {
        Member::Pooled => Some(Plan { lags, logarithm: false }),
        Member::PooledLogarithm => Some(Plan { lags, logarithm: true }),
        _ => None,
    }
}

/// The values known at that origin; `None` where they are too few.
fn known(history: &[f64], season: usize, horizon: usize, back: usize) -> Option<usize> {
    let known = history.len().checked_sub(back * horizon)?;
    let fewest = if season > 1 { 2 * season + 2 } else { FEWEST };
    (back == 0 || known >= fewest).then_some(known)
}

/// Per member, forecast less actual at each step of a trial.
fn errors(history: &[f64], trial: &Trial) -> Vec<Option<Vec<f64>>> {
    let actual = history.get(trial.known..).unwrap_or_default();
    let of = |ahead: &Option<Vec<f64>>| {
        ahead.as_ref().map(|ahead| ahead.iter().zip(actual).map(|(f, y)| f - y).collect())
    };
    trial.outlook.members.iter().map(of).collect()
}

fn absolute(errors: &Option<Vec<f64>>) -> Option<f64> {
    errors
        .as_ref()
        .map(|errors| errors.iter().map(|error| error.abs()).sum::<f64>() / errors.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seasonal(count: u32) -> Vec<Vec<f64>> {
        let one = |index: u32| {
            let rough = |t: u32| f64::from((t * 31 + index * 17).wrapping_mul(2_654_435_761) >> 24) / 64.0;
            let value = |t: u32| 100.0 + f64::from(index + t) + 10.0 * f64::from(t % 4) + rough(t);
            (0..40).map(value).collect()
        };
        (0..count).map(one).collect()
    }

    fn views(series: &[Vec<f64>]) -> Vec<&[f64]> {
        series.iter().map(Vec::as_slice).collect()
    }

    #[test]
    fn bits_survive_threads_and_json() {
        let all = seasonal(40);
        let series = views(&all);
        let fit = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Auto::fit(&series, 4, 6, &Options { windows: 2, ..Options::default() }, &|| ()))
        };
        let auto = fit(1);
        assert_eq!(auto, fit(3));
        let again: Auto = serde_json::from_str(&serde_json::to_string(&auto).unwrap()).unwrap();
        assert_eq!(auto.forecast(&series, 6), again.forecast(&series, 6));
        for one in &auto.series {
            assert_eq!(one.trials.iter().map(|trial| trial.known).collect::<Vec<_>>(), [34, 28]);
            assert!(
                one.trials.iter().all(|trial| trial
                    .outlook
                    .mean
                    .as_ref()
                    .is_some_and(|mean| mean.len() == 6))
            );
        }
    }

    #[test]
    fn the_season_and_the_trend_go_on() {
        let all = seasonal(40);
        let series = views(&all);
        let outlook = Auto::fit(&series, 4, 6, &Options::default(), &|| ()).forecast(&series, 8);
        for (index, one) in outlook.iter().enumerate() {
            assert!((one.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            let mean = one.mean.as_ref().unwrap();
            assert_eq!(mean.len(), 8);
            for (step, value) in mean.iter().enumerate() {
                let right = 142.0 + index as f64 + step as f64 + 10.0 * (step % 4) as f64;
                assert!((value - right).abs() < 6.0, "series {index} step {step}: {value} for {right}");
            }
        }
    }

    #[test]
    fn nothing_unsound_comes_out_whatever_goes_in() {
        let mut all = seasonal(40);
        let odd =
            [vec![], vec![1.0], vec![3.0; 40], vec![0.0; 40], vec![f64::NAN; 40], vec![f64::INFINITY; 40]];
        all.extend(odd);
        all.push((0..40).map(|t| if t % 2 == 0 { 1e300 } else { 1e-300 }).collect());
        let series = views(&all);
        let auto = Auto::fit(&series, 4, 6, &Options::default(), &|| ());
        for (index, one) in auto.forecast(&series, 6).iter().enumerate() {
            let members = one.members.iter().flatten().chain(&one.mean);
            assert!(members.flatten().all(|value| value.is_finite()), "series {index}");
            assert_eq!(one.mean.is_some(), !one.members.iter().all(Option::is_none));
        }
        assert!(Auto::fit(&[], 4, 6, &Options::default(), &|| ()).forecast(&[], 6).is_empty());
    }
}
