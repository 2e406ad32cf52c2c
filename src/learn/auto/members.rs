//! Who takes part in a combination.
//!
//! Members should be good and should err differently. The Theta method and exponential smoothing learn from one series;
//! the pooled models learn from all; temporal aggregation sees the slow movements of a seasonal series. Those that take
//! part by default are, of all combinations of the members here and of averaged exponential smoothing, the one with the
//! least error on rolling origins inside the training parts of the M3 and M1 competitions.

use serde::{Deserialize, Serialize};

use super::super::local::{Ces, Ets, Shrinkage, Theta, ThetaForm, ThetaSettings, reconciled};

/// A way to forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Member {
    /// The dynamic optimised Theta method.
    DynamicTheta,
    /// The optimised Theta method.
    OptimisedTheta,
    /// Exponential smoothing of automatic form.
    Ets,
    /// Complex exponential smoothing.
    Ces,
    /// The Theta method at all temporal aggregations of a season.
    Aggregated,
    /// The pooled model.
    Pooled,
    /// The pooled model of logarithms.
    PooledLogarithm,
}

impl Member {
    /// Those that take part by default in series with that many steps in a season.
    pub fn defaults(season: usize) -> &'static [Member] {
        use Member::{Aggregated, Ces, DynamicTheta, Pooled, PooledLogarithm};
        if season > 1 {
            &[DynamicTheta, Ces, Aggregated, Pooled, PooledLogarithm]
        } else {
            &[DynamicTheta, Ces, Pooled, PooledLogarithm]
        }
    }

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Member::DynamicTheta => "dynamic_theta",
            Member::OptimisedTheta => "optimised_theta",
            Member::Ets => "ets",
            Member::Ces => "ces",
            Member::Aggregated => "aggregated",
            Member::Pooled => "pooled",
            Member::PooledLogarithm => "pooled_logarithm",
        }
    }
}

/// A member fitted to one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Model {
    /// See [`Member::DynamicTheta`] and [`Member::OptimisedTheta`].
    Theta(Theta),
    /// See [`Member::Ets`].
    Ets(Box<Ets>),
    /// See [`Member::Ces`].
    Ces(Box<Ces>),
    /// See [`Member::Aggregated`]; it is fitted anew for each forecast.
    Aggregated(usize),
}

impl Model {
    /// Fits to a history; `None` where the member is not of one series, or the history does not allow it.
    pub fn fit(member: Member, history: &[f64], season: usize) -> Option<Model> {
        let theta = |form| {
            let settings =
                ThetaSettings { form, shrinkage: Shrinkage::JamesStein, ..ThetaSettings::default() };
            Theta::fit_as(history, season, settings).map(Model::Theta)
        };
        match member {
            Member::DynamicTheta => theta(ThetaForm::DynamicOptimised),
            Member::OptimisedTheta => theta(ThetaForm::Optimised),
            Member::Ets => Ets::fit(history, season).map(Box::new).map(Model::Ets),
            Member::Ces => Ces::fit(history, season).map(Box::new).map(Model::Ces),
            Member::Aggregated if season > 1 => Some(Model::Aggregated(season)),
            Member::Aggregated | Member::Pooled | Member::PooledLogarithm => None,
        }
    }

    /// What comes after a history; `None` where it is not finite.
    pub fn forecast(&self, history: &[f64], horizon: usize) -> Option<Vec<f64>> {
        let base = |history: &[f64], season: usize, horizon: usize| {
            Theta::fit(history, season).map(|theta| theta.forecast(history, horizon))
        };
        let ahead = match self {
            Model::Theta(model) => model.forecast(history, horizon),
            Model::Ets(model) => model.forecast(history, horizon),
            Model::Ces(model) => model.forecast(history, horizon),
            Model::Aggregated(season) => reconciled(history, *season, horizon, &base)?,
        };
        (ahead.len() == horizon && ahead.iter().all(|value| value.is_finite())).then_some(ahead)
    }
}
