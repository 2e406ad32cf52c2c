//! All forms of exponential smoothing, weighted by how likely they are.
//!
//! S. Kolassa, "Combining exponential smoothing forecasts using Akaike weights", International Journal of Forecasting 27
//! (2011), 238-251. The best form is seldom much better than the next, and what separates them is one-step errors: the
//! weights here are the fourth roots of the paper's.

use serde::{Deserialize, Serialize};

use super::ets::Ets;

/// The weight falls by `e` for this much of the criterion. It is two in the paper; eight was chosen on rolling origins
/// inside the training parts of the M3 and M1 competitions.
const DECAY: f64 = 8.0;
/// Forms with less than this part of the best one's weight are left out.
const LEAST: f64 = 0.01;

/// Fitted forms with their weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct EtsAverage {
    /// The most likely first; weights add up to one.
    members: Vec<(f64, Ets)>,
}

impl EtsAverage {
    /// Fits every form that is admissible. `None` for less than three values, or where one is not finite.
    pub fn fit(history: &[f64], season: usize) -> Option<EtsAverage> {
        EtsAverage::of(Ets::fit_all(history, season))
    }

    /// Runs all members over a history with the parameters they have, and forecasts that many steps.
    pub fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        self.average(horizon, |ets| ets.forecast(history, horizon))
    }

    /// The forms with their weights, the most likely first.
    #[cfg(test)]
    pub fn members(&self) -> &[(f64, Ets)] {
        &self.members
    }

    fn of(mut all: Vec<Ets>) -> Option<EtsAverage> {
        all.sort_by(|a, b| a.criterion().total_cmp(&b.criterion()));
        let least = all.first()?.criterion();
        let weighted = all.into_iter().map(|ets| ((-(ets.criterion() - least) / DECAY).exp(), ets));
        let mut members: Vec<(f64, Ets)> = weighted.filter(|(weight, _)| *weight >= LEAST).collect();
        let sum: f64 = members.iter().map(|(weight, _)| weight).sum();
        for (weight, _) in &mut members {
            *weight /= sum;
        }
        Some(EtsAverage { members })
    }

    fn average(&self, length: usize, of: impl Fn(&Ets) -> Vec<f64>) -> Vec<f64> {
        let mut means = vec![0.0; length];
        for (weight, ets) in &self.members {
            for (mean, value) in means.iter_mut().zip(of(ets)) {
                *mean += weight * value;
            }
        }
        means
    }
}

#[cfg(test)]
mod tests {
    use super::super::seasonal::tests::AIR_PASSENGERS;
    use super::*;

    #[test]
    fn weights_fall_with_the_criterion_and_add_up_to_one() {
        let average = EtsAverage::fit(&AIR_PASSENGERS, 12).unwrap();
        let weights: Vec<f64> = average.members().iter().map(|(weight, _)| *weight).collect();
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(weights.windows(2).all(|pair| pair[0] >= pair[1]));
        assert_eq!(average.members()[0].1, Ets::fit(&AIR_PASSENGERS, 12).unwrap());
    }
}
