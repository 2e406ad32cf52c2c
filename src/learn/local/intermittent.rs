//! Intermittent demand: many periods without any, and few with some.
//!
//! Croston's method smooths the sizes of demands and the intervals between them apart from each other and forecasts
//! their ratio; the others mend its bias, let it forget an item that is no longer sold, or look at longer periods:
//!
//! - J. D. Croston, "Forecasting and Stock Control for Intermittent Demands", Operational Research Quarterly 23 (1972),
//!   289-303;
//! - A. A. Syntetos and J. E. Boylan, "The Accuracy of Intermittent Demand Estimates", International Journal of
//!   Forecasting 21 (2005), 303-314 (SBA);
//! - R. H. Teunter, A. A. Syntetos and M. Z. Babai, "Intermittent Demand: Linking Forecasting to Inventory
//!   Obsolescence", European Journal of Operational Research 214 (2011), 606-615 (TSB);
//! - K. Nikolopoulos et al., "An Aggregate-Disaggregate Intermittent Demand Approach (ADIDA) to Forecasting", Journal
//!   of the Operational Research Society 62 (2011), 544-554;
//! - F. Petropoulos and N. Kourentzes, "Forecast Combinations for Intermittent Demand", Journal of the Operational
//!   Research Society 66 (2015), 914-924 (IMAPA).
//!
//! Negative values count as no demand.

use serde::{Deserialize, Serialize};

/// The smoothing of Croston's method where it is not optimised.
const SMOOTHING: f64 = 0.1;
/// Between which an optimised smoothing is sought.
const BOUNDS: (f64, f64) = (0.1, 0.3);
/// Mean intervals between demands from here on are long.
const LONG_INTERVAL: f64 = 1.32;
/// Squared coefficients of variation of demand sizes from here on are large.
const LARGE_VARIATION: f64 = 0.49;

/// How a series of demands behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum DemandClass {
    /// Demand in most periods, of similar sizes.
    Smooth,
    /// Demand in most periods, of very different sizes.
    Erratic,
    /// Demand in few periods, of similar sizes.
    Intermittent,
    /// Demand in few periods, of very different sizes.
    Lumpy,
}

/// The class of a series by its mean interval between demands (1.32) and the squared coefficient of variation of their
/// sizes (0.49); `None` without demand or with a value that is not finite.
///
/// A. A. Syntetos, J. E. Boylan and J. D. Croston, "On the Categorization of Demand Patterns", Journal of the
/// Operational Research Society 56 (2005), 495-503.
pub(in crate::learn) fn classify(history: &[f64]) -> Option<DemandClass> {
    let demands = Demands::of(&cleaned(history)?);
    let count = demands.sizes.len() as f64;
    if demands.sizes.is_empty() {
        return None;
    }
    let interval = history.len() as f64 / count;
    let mean = mean(&demands.sizes);
    // In units of the mean, so that no square overflows.
    let squares: f64 = demands.sizes.iter().map(|size| (size / mean - 1.0).powi(2)).sum();
    let variation = if count > 1.0 { squares / (count - 1.0) } else { 0.0 };
    Some(match (interval < LONG_INTERVAL, variation < LARGE_VARIATION) {
        (true, true) => DemandClass::Smooth,
        (true, false) => DemandClass::Erratic,
        (false, true) => DemandClass::Intermittent,
        (false, false) => DemandClass::Lumpy,
    })
}

/// The methods.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Method {
    /// Size over interval, each smoothed by 0.1.
    Croston,
    /// Size over interval, each smoothed as fits it best.
    CrostonOptimized,
    /// Croston's forecast without its bias: less by half its smoothing.
    Sba,
    /// Size times probability of a demand, both smoothed; the probability in every period.
    Tsb {
        /// The smoothing of sizes, above 0 and at most 1.
        demand: f64,
        /// The smoothing of the probability, above 0 and at most 1.
        probability: f64,
    },
    /// Smoothed sums over periods as long as the mean interval.
    Adida,
    /// The mean of smoothed sums over periods of every length up to the mean interval.
    Imapa,
}

/// A method with what it learned from a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Intermittent {
    method: Method,
    parameters: Parameters,
}

/// What is learned from a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Parameters {
    /// Of sizes and of intervals or probabilities; or one for each length.
    smoothing: Vec<f64>,
    /// Of the periods that are summed, one for each smoothing; empty where nothing is summed.
    lengths: Vec<usize>,
}

impl Intermittent {
    /// Learns the smoothing and the lengths of periods; `None` for an empty history, values that are not finite or a
    /// smoothing out of bounds. A history without demand has the forecast 0.
    pub fn fit(history: &[f64], method: Method) -> Option<Intermittent> {
        let values = cleaned(history)?;
        let demands = Demands::of(&values);
        let (mut smoothing, mut lengths) = (vec![SMOOTHING; 2], Vec::new());
        match method {
            Method::Croston | Method::Sba => {}
            Method::CrostonOptimized => {
                smoothing = vec![best_smoothing(&demands.sizes), best_smoothing(&demands.intervals)];
            }
            Method::Tsb { demand, probability } => {
                let allowed = |smoothing: f64| smoothing > 0.0 && smoothing <= 1.0;
                if !(allowed(demand) && allowed(probability)) {
                    return None;
                }
                smoothing = vec![demand, probability];
            }
            Method::Adida => lengths = vec![demands.usual_interval()],
            Method::Imapa => lengths = (1..=demands.usual_interval()).collect(),
        }
        if !lengths.is_empty() {
            smoothing = lengths.iter().map(|&length| best_smoothing(&sums(&values, length))).collect();
        }
        Some(Intermittent { method, parameters: Parameters { smoothing, lengths } })
    }

    /// The mean demand of each of the next periods, the same for all; of 0 after a history that has no forecast.
    pub fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let mean = cleaned(history).map_or(0.0, |values| self.path(&values)[values.len()]);
        vec![mean; horizon]
    }

    /// What the method, with its present parameters, expected of each period just before it. The first had no past and
    /// gets 0, as do those before the first demand.
    #[cfg(test)]
    pub fn fitted(&self, history: &[f64]) -> Vec<f64> {
        let Some(values) = cleaned(history) else { return vec![0.0; history.len()] };
        let mut path = self.path(&values);
        path.truncate(values.len());
        path
    }

    /// The forecast for every period of the history and for the one after it.
    fn path(&self, values: &[f64]) -> Vec<f64> {
        let smoothing = &self.parameters.smoothing;
        match self.method {
            Method::Croston | Method::CrostonOptimized => croston(values, smoothing[0], smoothing[1]),
            Method::Sba => {
                let mut path = croston(values, smoothing[0], smoothing[1]);
                path.iter_mut().for_each(|mean| *mean *= 1.0 - SMOOTHING / 2.0);
                path
            }
            Method::Tsb { .. } => tsb(values, smoothing[0], smoothing[1]),
            Method::Adida | Method::Imapa => {
                let mut path = vec![0.0; values.len() + 1];
                let count = self.parameters.lengths.len() as f64;
                for (&length, &smoothing) in self.parameters.lengths.iter().zip(smoothing) {
                    let summed = summed(values, length, smoothing);
                    path.iter_mut().zip(summed).for_each(|(mean, sum)| *mean += sum / length as f64 / count);
                }
                path
            }
        }
    }
}

/// Sizes over intervals, period by period.
fn croston(values: &[f64], of_size: f64, of_interval: f64) -> Vec<f64> {
    let mut path = vec![0.0];
    let mut state: Option<(f64, f64)> = None;
    let mut since = 0.0;
    for &value in values {
        since += 1.0;
        if value > 0.0 {
            state = Some(state.map_or((value, since), |(size, interval)| {
                (smoothed(size, value, of_size), smoothed(interval, since, of_interval))
            }));
            since = 0.0;
        }
        path.push(state.map_or(0.0, |(size, interval)| size / interval));
    }
    path
}

/// Sizes times probabilities, period by period.
fn tsb(values: &[f64], of_size: f64, of_probability: f64) -> Vec<f64> {
    let mut path = vec![0.0];
    let mut size: Option<f64> = None;
    let mut probability: Option<f64> = None;
    for &value in values {
        let occurred = if value > 0.0 { 1.0 } else { 0.0 };
        probability = Some(probability.map_or(occurred, |old| smoothed(old, occurred, of_probability)));
        if value > 0.0 {
            size = Some(size.map_or(value, |old| smoothed(old, value, of_size)));
        }
        path.push(size.zip(probability).map_or(0.0, |(size, probability)| size * probability));
    }
    path
}

/// The smoothed sum over `length` periods, for every period and the one after: the sums end just before it, so there is
/// one chain of sums for every remainder.
fn summed(values: &[f64], length: usize, smoothing: f64) -> Vec<f64> {
    let mut chains: Vec<Option<f64>> = vec![None; length];
    let mut path = vec![0.0; values.len() + 1];
    // Before the first full sum, what there is stands for the rest.
    let mut total = 0.0;
    for end in 1..=values.len() {
        if end < length {
            total += values[end - 1];
            path[end] = total / end as f64 * length as f64;
            continue;
        }
        let sum: f64 = values[end - length..end].iter().sum();
        let chain = &mut chains[end % length];
        let level = chain.map_or(sum, |old| smoothed(old, sum, smoothing));
        *chain = Some(level);
        path[end] = level;
    }
    path
}

fn smoothed(old: f64, new: f64, smoothing: f64) -> f64 {
    smoothing * new + (1.0 - smoothing) * old
}

/// Sums of consecutive periods of a length; what does not fill one is left out at the beginning.
fn sums(values: &[f64], length: usize) -> Vec<f64> {
    values[values.len() % length..].chunks_exact(length).map(|chunk| chunk.iter().sum()).collect()
}

/// Within [`BOUNDS`], the smoothing with the least squared error one step ahead, by golden section (J. Kiefer,
/// "Sequential Minimax Search for a Maximum", Proceedings of the American Mathematical Society 4 (1953), 502-506).
fn best_smoothing(values: &[f64]) -> f64 {
    let error = |smoothing: f64| {
        let mut level = values.first().copied().unwrap_or(0.0);
        let mut sum = 0.0;
        for &value in values.iter().skip(1) {
            sum += (value - level) * (value - level);
            level = smoothed(level, value, smoothing);
        }
        sum
    };
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = BOUNDS;
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (error(left), error(right));
    while high - low > 1e-12 && at_left != at_right {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = error(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = error(right);
        }
    }
    f64::midpoint(low, high)
}

/// The periods with demand.
struct Demands {
    sizes: Vec<f64>,
    /// Periods from the demand before, the first from the beginning.
    intervals: Vec<f64>,
}

impl Demands {
    fn of(values: &[f64]) -> Demands {
        let (mut sizes, mut intervals, mut since) = (Vec::new(), Vec::new(), 0.0);
        for &value in values {
            since += 1.0;
            if value > 0.0 {
                sizes.push(value);
                intervals.push(since);
                since = 0.0;
            }
        }
        Demands { sizes, intervals }
    }

    /// The mean interval, rounded; 1 without demand.
    fn usual_interval(&self) -> usize {
        if self.intervals.is_empty() { 1 } else { mean(&self.intervals).round_ties_even().max(1.0) as usize }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The history with negative values as none; `None` where it is empty, not finite or beyond what sums can hold.
pub(super) fn cleaned(history: &[f64]) -> Option<Vec<f64>> {
    let largest = f64::MAX.sqrt() / 1e20;
    let sound = !history.is_empty() && history.iter().all(|value| value.abs() <= largest);
    sound.then(|| history.iter().map(|value| value.max(0.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 20] = [0., 0., 3., 0., 1., 0., 0., 0., 4., 2., 0., 0., 5., 0., 1., 0., 0., 2., 0., 3.];
    const B: [f64; 20] = [2., 0., 0., 7., 0., 0., 0., 1., 0., 0., 0., 0., 12., 0., 3., 0., 0., 0., 0., 0.];
    const C: [f64; 16] = [5., 6., 4., 0., 7., 9., 3., 8., 5., 6., 7., 0., 4., 6., 8., 9.];
    const TSB: Method = Method::Tsb { demand: 0.1, probability: 0.2 };
    const ALL: [Method; 6] =
        [Method::Croston, Method::Sba, Method::CrostonOptimized, TSB, Method::Adida, Method::Imapa];

    /// statsforecast 2.1: CrostonClassic, CrostonSBA, CrostonOptimized, TSB(0.1, 0.2), ADIDA, IMAPA.
    #[test]
    fn forecasts_agree_with_statsforecast() {
        let of_a = [
            1.0323964766628795,
            0.9807766528297355,
            1.0353888924297583,
            1.350636109839501,
            1.104887908148843,
            1.0925784013461455,
        ];
        let of_b = [
            1.7760168758113366,
            1.6872160320207696,
            1.4111577534791426,
            0.4638401919378275,
            1.6183742081104102,
            1.3070527536704317,
        ];
        let of_c = [
            5.549294862546675,
            5.271830119419341,
            5.879974104714229,
            5.559252833067471,
            5.631425026391007,
            5.631425026391007,
        ];
        for (history, expected) in [(&A[..], of_a), (&B[..], of_b), (&C[..], of_c)] {
            for (method, expected) in ALL.into_iter().zip(expected) {
                let forecast = Intermittent::fit(history, method).unwrap().forecast(history, 2);
                assert_eq!(forecast[0], forecast[1]);
                // The golden section ends where the error is flat, a few digits apart.
                assert!(
                    (forecast[0] - expected).abs() < 1e-7,
                    "{method:?}: {} is not {expected}",
                    forecast[0]
                );
            }
        }
    }

    /// statsforecast 2.1, the same methods, fitted values at four places.
    #[test]
    fn fitted_values_agree_with_statsforecast() {
        for (history, method, expected) in [
            (&A[..], Method::Croston, [1.0, 0.9655172413793103, 1.0067639729441085, 0.9948934606774098]),
            (&A[..], Method::Sba, [0.95, 0.9172413793103448, 0.956425774296903, 0.9451487876435393]),
            (&A[..], TSB, [0.48, 0.7347200000000003, 1.0576245800960007, 0.9843662276760548]),
            (&B[..], TSB, [1.78, 1.1392000000000004, 0.5915354726400003, 0.5798002399222844]),
        ] {
            let fitted = Intermittent::fit(history, method).unwrap().fitted(history);
            let at = [fitted[4], fitted[6], fitted[11], fitted[19]];
            for (ours, expected) in at.into_iter().zip(expected) {
                assert!((ours - expected).abs() < 1e-12, "{method:?}: {ours} is not {expected}");
            }
        }
    }

    #[test]
    fn the_last_fitted_value_is_the_forecast_of_the_day_before() {
        for method in ALL {
            let model = Intermittent::fit(&A, method).unwrap();
            assert_eq!(model.fitted(&A)[19], model.forecast(&A[..19], 1)[0], "{method:?}");
        }
    }

    #[test]
    fn classes() {
        assert_eq!(classify(&A), Some(DemandClass::Intermittent));
        assert_eq!(classify(&B), Some(DemandClass::Lumpy));
        assert_eq!(classify(&C), Some(DemandClass::Smooth));
        assert_eq!(classify(&[1., 9., 1., 1., 0., 20.]), Some(DemandClass::Erratic));
        assert_eq!(classify(&[0.0, 7.0]), Some(DemandClass::Intermittent));
        assert_eq!(classify(&[0.0; 9]), None);
        assert_eq!(classify(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn odd_histories() {
        for method in ALL {
            assert!(Intermittent::fit(&[], method).is_none());
            assert!(Intermittent::fit(&[1.0, f64::INFINITY], method).is_none());
            let none = Intermittent::fit(&[0.0; 5], method).unwrap();
            assert_eq!((none.forecast(&[0.0; 5], 2), none.fitted(&[0.0; 5])), (vec![0.0; 2], vec![0.0; 5]));
            let one = Intermittent::fit(&[3.0], method).unwrap().forecast(&[3.0], 1)[0];
            assert!((one - 3.0).abs() < 0.2, "{method:?}: {one}");
            let returned = Intermittent::fit(&[-3.0, 2.0, -1.0], method).unwrap();
            assert!(returned.forecast(&[-3.0, 2.0, -1.0], 1)[0] > 0.0);
        }
        assert!(Intermittent::fit(&A, Method::Tsb { demand: 0.0, probability: 0.5 }).is_none());
    }

    #[test]
    fn what_was_saved_forecasts_the_same() {
        for method in ALL {
            let model = Intermittent::fit(&B, method).unwrap();
            let text = serde_json::to_string(&model).unwrap();
            let back: Intermittent = serde_json::from_str(&text).unwrap();
            assert_eq!(model, back);
            assert_eq!(model.forecast(&B, 3), back.forecast(&B, 3));
        }
    }
}
