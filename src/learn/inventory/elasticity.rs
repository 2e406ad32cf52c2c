//! How demand answers to price.
//!
//! For each item, the logarithm of quantity is regressed on that of price and on controls such as season and trend: the
//! slope is the elasticity, the percentage by which quantity changes with one per cent more price. Items with few or
//! noisy observations borrow from the others: estimates are drawn towards the mean of all, the more the less certain
//! they are. The variance between items is that of R. DerSimonian and N. Laird, "Meta-Analysis in Clinical Trials",
//! Controlled Clinical Trials 7 (1986), 177-188; the drawing is the empirical Bayes of C. N. Morris, "Parametric
//! Empirical Bayes Inference: Theory and Applications", Journal of the American Statistical Association 78 (1983),
//! 47-55.
//!
//! Prices are not set at random. Where a shop lowers them because demand is weak, or all of a season's at once, the
//! slope is not what a change of price would do; controls help as far as they tell why.

use std::f64::consts::TAU;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::super::distribution::student_quantile;
use super::least_squares;

/// An item is not told from a constant price below this standard deviation of the logarithm: about 1 %.
const LEAST_VARIATION: f64 = 0.01;
/// Observations beyond one for each coefficient.
const LEAST_FREEDOM: usize = 5;
/// No standard error is taken to be less.
const LEAST_ERROR: f64 = 1e-4;

/// What an item was sold for, and how much of it: columns of equal length.
#[derive(Clone, Copy, Debug)]
pub(in crate::learn) struct PriceHistory<'a> {
    /// The price in each period.
    pub price: &'a [f64],
    /// The quantity in each period.
    pub quantity: &'a [f64],
    /// Columns of what else moves demand; a constant is added.
    pub controls: &'a [Vec<f64>],
    /// Which periods share their luck, such as those of one year or promotion; each by itself if `None`.
    pub clusters: Option<&'a [u32]>,
}

/// Why an item has no elasticity of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Refusal {
    /// Columns are not of equal length.
    Malformed,
    /// Too few periods have a price, a sale and all controls.
    TooFewObservations,
    /// The price hardly ever changed.
    NoPriceVariation,
    /// The price changed only together with the controls, or within one cluster.
    NotIdentified,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Malformed => "price, quantity and controls are not of equal length",
            Refusal::TooFewObservations => "too few periods with a price and a sale",
            Refusal::NoPriceVariation => "the price hardly ever changed",
            Refusal::NotIdentified => "the price changed only together with season, trend or other controls",
        })
    }
}

/// The elasticity of an item.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Elasticity {
    /// Drawn towards the mean of all items.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// From the item alone.
    pub own: f64,
    /// Its standard error: robust, or the classical one where that is larger, as robust ones are too small in small
    /// samples (J. D. Angrist and J.-S. Pischke, "Mostly Harmless Econometrics" (2009), section 8.1).
    pub own_error: f64,
    /// How much of `value` comes from the mean of all, from 0 to 1.
    pub borrowed: f64,
    /// Degrees of freedom of the item's regression.
    pub freedom: f64,
    /// Periods that were used.
    pub observations: usize,
    /// Periods that were not: without a sale, a price or a control.
    pub left_out: usize,
}

impl Elasticity {
    /// The interval that holds the elasticity with this probability, by Student's t; `None` for a probability not
    /// between 0 and 1.
    pub fn interval(&self, probability: f64) -> Option<(f64, f64)> {
        if !(probability > 0.0 && probability < 1.0) {
            return None;
        }
        let width = student_quantile(self.freedom, 0.5 + probability / 2.0) * self.error;
        width.is_finite().then_some((self.value - width, self.value + width))
    }
}

/// The elasticities of many items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Elasticities {
    /// One for each item, in their order, or why there is none.
    pub items: Vec<Result<Elasticity, Refusal>>,
    /// The mean over items, each by its certainty; `None` where no item has one.
    pub mean: Option<f64>,
    /// The standard error of the mean; 0 without one.
    pub mean_error: f64,
    /// The standard deviation of elasticities between items, without the noise of their estimates.
    pub between: f64,
}

impl Elasticities {
    /// Estimates all items, first each by itself, then drawn together.
    pub fn fit(items: &[PriceHistory<'_>]) -> Elasticities {
        let mut items: Vec<Result<Elasticity, Refusal>> = items.iter().map(alone).collect();
        let known = || items.iter().flatten();
        let estimates: Vec<(f64, f64)> =
            known().map(|item| (item.own, item.own_error * item.own_error)).collect();
        let Some(pool) = Pool::of(&estimates) else {
            return Elasticities { items, mean: None, mean_error: 0.0, between: 0.0 };
        };
        for item in items.iter_mut().flatten() {
            (item.value, item.error, item.borrowed) = pool.draw(item.own, item.own_error);
        }
        let (mean, mean_error, between) = (Some(pool.mean), pool.variance.sqrt(), pool.between.sqrt());
        Elasticities { items, mean, mean_error, between }
    }
}

/// One item by itself.
fn alone(item: &PriceHistory<'_>) -> Result<Elasticity, Refusal> {
    let count = item.price.len();
    let equal = item.quantity.len() == count
        && item.controls.iter().all(|control| control.len() == count)
        && item.clusters.is_none_or(|clusters| clusters.len() == count);
    if !equal {
        return Err(Refusal::Malformed);
    }
    let positive = |value: f64| value > 0.0 && value.is_finite();
    let usable: Vec<usize> = (0..count)
        .filter(|&row| positive(item.price[row]) && positive(item.quantity[row]))
        .filter(|&row| item.controls.iter().all(|control| control[row].is_finite()))
        .collect();
    let observations = usable.len();
    if observations < item.controls.len() + 2 + LEAST_FREEDOM {
        return Err(Refusal::TooFewObservations);
    }
    let logs = |values: &[f64]| -> Vec<f64> { usable.iter().map(|&row| values[row].ln()).collect() };
    let (price, quantity) = (logs(item.price), logs(item.quantity));
    let mean = price.iter().sum::<f64>() / observations as f64;
    let variance = price.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>() / observations as f64;
    if variance.sqrt() < LEAST_VARIATION {
        return Err(Refusal::NoPriceVariation);
    }
    let controls: Vec<Vec<f64>> =
        item.controls.iter().map(|control| usable.iter().map(|&row| control[row]).collect()).collect();
    let clusters: Option<Vec<u32>> =
        item.clusters.map(|clusters| usable.iter().map(|&row| clusters[row]).collect());
    let slope = least_squares::slope(&quantity, &price, &controls, clusters.as_deref())
        .filter(|slope| (variance * slope.own_variation).sqrt() >= 0.5 * LEAST_VARIATION)
        .ok_or(Refusal::NotIdentified)?;
    let error = slope.robust.max(slope.classical).max(LEAST_ERROR);
    Ok(Elasticity {
        value: slope.value,
        error,
        own: slope.value,
        own_error: error,
        borrowed: 0.0,
        freedom: slope.freedom,
        observations,
        left_out: count - observations,
    })
}

/// What items have in common.
struct Pool {
    mean: f64,
    /// Of the mean.
    variance: f64,
    /// The variance between items.
    between: f64,
    /// Whether there is one item only, which tells nothing about others.
    alone: bool,
}

impl Pool {
    /// Of estimates with their variances.
    fn of(estimates: &[(f64, f64)]) -> Option<Pool> {
        let weighted = |between: f64| {
            let (mut sum, mut weights, mut squares) = (0.0, 0.0, 0.0);
            for (estimate, variance) in estimates {
                let weight = 1.0 / (variance + between);
                sum += weight * estimate;
                weights += weight;
                squares += weight * weight;
            }
            (sum / weights, weights, squares)
        };
        if estimates.is_empty() {
            return None;
        }
        let (fixed, weights, squares) = weighted(0.0);
        let spread: f64 = estimates
            .iter()
            .map(|(estimate, variance)| (estimate - fixed) * (estimate - fixed) / variance)
            .sum();
        let more = estimates.len() as f64 - 1.0;
        let alone = estimates.len() == 1;
        let between = if alone { 0.0 } else { ((spread - more) / (weights - squares / weights)).max(0.0) };
        let (mean, weights, _) = weighted(between);
        Some(Pool { mean, variance: 1.0 / weights, between, alone })
    }

    /// An estimate drawn towards the mean, its standard error, and the part that is the mean's.
    fn draw(&self, own: f64, error: f64) -> (f64, f64, f64) {
        if self.alone {
            return (own, error, 0.0);
        }
        let variance = error * error;
        let borrowed = variance / (variance + self.between);
        let value = (1.0 - borrowed) * own + borrowed * self.mean;
        (value, ((1.0 - borrowed) * variance + borrowed * borrowed * self.variance).sqrt(), borrowed)
    }
}

/// Columns for a trend and a season: time from -1 to 1, and sine and cosine of the first `harmonics` of `season`
/// periods (none without a season). `times` counts periods.
pub(in crate::learn) fn controls(times: &[f64], season: Option<f64>, harmonics: usize) -> Vec<Vec<f64>> {
    let low = times.iter().copied().fold(f64::INFINITY, f64::min);
    let high = times.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let half = f64::midpoint(high, -low);
    let trend = |time: &f64| if half > 0.0 { (time - low) / half - 1.0 } else { 0.0 };
    let mut columns = vec![times.iter().map(trend).collect()];
    if let Some(season) = season.filter(|season| *season > 1.0) {
        for harmonic in 1..=harmonics {
            let angle = |time: &f64| TAU * harmonic as f64 * time / season;
            columns.push(times.iter().map(|time| angle(time).sin()).collect());
            columns.push(times.iter().map(|time| angle(time).cos()).collect());
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy 2, the formulas of DerSimonian and Laird and of Morris.
    #[test]
    fn pooling_agrees_with_numpy() {
        let estimates = [(-1.2, 0.1), (-2.5, 0.3), (-0.4, 0.2), (-1.9, 0.05), (-3.1, 0.4)];
        let pool = Pool::of(&estimates).unwrap();
        let close =
            |ours: f64, expected: f64| assert!((ours - expected).abs() < 1e-12, "{ours} is not {expected}");
        close(pool.between, 0.535);
        close(pool.mean, -1.734893773967555);
        close(pool.variance, 0.14467859294157848);
        let values = [-1.2842352399948906, -2.2251115355572058, -0.7632364010796068, -1.8858883567493634];
        let errors = [0.08784000478496072, 0.21089113753055622, 0.15629070057413696, 0.046783392453368246];
        for (place, (own, variance)) in estimates[..4].iter().enumerate() {
            let (value, error, _) = pool.draw(*own, variance.sqrt());
            close(value, values[place]);
            close(error * error, errors[place]);
        }
    }

    fn prices(count: usize) -> Vec<f64> {
        (0..count).map(|row| 10.0 + f64::from((row as u32 * 7) % 5)).collect()
    }

    fn sold(price: &[f64], elasticity: f64) -> Vec<f64> {
        let noise = |row: usize| 0.2 * ((row as f64 * 2.3).sin() + (row as f64 * 0.7).cos());
        price
            .iter()
            .enumerate()
            .map(|(row, price)| (9.0 + elasticity * price.ln() + noise(row)).exp())
            .collect()
    }

    #[test]
    fn finds_what_was_planted_and_shrinks_the_uncertain() {
        let (long, short) = (prices(80), prices(9));
        let quantities = [sold(&long, -2.0), sold(&long, -1.6), sold(&short, -4.0)];
        let item = |price, quantity| PriceHistory { price, quantity, controls: &[], clusters: None };
        let items = [item(&long, &quantities[0]), item(&long, &quantities[1]), item(&short, &quantities[2])];
        let fitted = Elasticities::fit(&items);
        let [first, second, third] = [0, 1, 2].map(|place| fitted.items[place].unwrap());
        assert!((first.value + 2.0).abs() < 0.4 && (second.value + 1.6).abs() < 0.4);
        assert!(third.borrowed > first.borrowed && third.error < third.own_error);
        let (low, high) = first.interval(0.95).unwrap();
        assert!(low < -2.0 && -2.0 < high && first.interval(1.0).is_none());
        let back: Elasticities = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
        assert_eq!(back, fitted);
    }

    #[test]
    fn one_item_stands_for_itself() {
        let price = prices(30);
        let quantity = sold(&price, -2.0);
        let items = [PriceHistory { price: &price, quantity: &quantity, controls: &[], clusters: None }];
        let only = Elasticities::fit(&items).items[0].unwrap();
        assert_eq!((only.value, only.error, only.borrowed), (only.own, only.own_error, 0.0));
    }

    #[test]
    fn refusals() {
        let price = prices(30);
        let quantity = sold(&price, -2.0);
        let log_price: Vec<f64> = price.iter().map(|price| price.ln()).collect();
        let of = |price: &[f64], quantity: &[f64], controls: &[Vec<f64>]| {
            Elasticities::fit(&[PriceHistory { price, quantity, controls, clusters: None }]).items[0]
        };
        assert_eq!(of(&[9.0; 30], &quantity, &[]), Err(Refusal::NoPriceVariation));
        assert_eq!(of(&price[..4], &quantity[..4], &[]), Err(Refusal::TooFewObservations));
        assert_eq!(of(&price, &[0.0; 30], &[]), Err(Refusal::TooFewObservations));
        assert_eq!(of(&price, &quantity, &[vec![f64::NAN; 30]]), Err(Refusal::TooFewObservations));
        assert_eq!(of(&price, &quantity, &[log_price]), Err(Refusal::NotIdentified));
        assert_eq!(of(&price, &quantity[1..], &[]), Err(Refusal::Malformed));
        assert_eq!(Elasticities::fit(&[]).mean, None);
        let exact: Vec<f64> = price.iter().map(|price| price.powi(-2)).collect();
        let perfect = of(&price, &exact, &[]).unwrap();
        assert!((perfect.value + 2.0).abs() < 1e-9 && perfect.error == LEAST_ERROR);
    }

    #[test]
    fn columns_of_trend_and_season() {
        let columns = controls(&[0.0, 13.0, 26.0], Some(52.0), 1);
        assert_eq!(columns[0], [-1.0, 0.0, 1.0]);
        assert!((columns[1][1] - 1.0).abs() < 1e-12 && (columns[2][2] + 1.0).abs() < 1e-12);
        assert_eq!(controls(&[4.0], None, 3), [[0.0]]);
        assert_eq!(controls(&[], None, 3), [[0.0; 0]]);
    }
}
