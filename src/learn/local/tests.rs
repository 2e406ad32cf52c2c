//! What every model of one series must do, whatever its history.

use super::{Ets, EtsAverage, Theta};

/// What every model of one series can do.
trait LocalModel: Sized {
    /// Fits to a history with that many steps in a season (one: none). `None` where the history does not allow it.
    fn fit(history: &[f64], season: usize) -> Option<Self>;

    /// Fits the same form again, starting from the parameters known.
    fn warm(&self, history: &[f64]) -> Option<Self>;

    /// Runs over a history with the parameters it has, and forecasts; as many finite values as `horizon`.
    fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64>;

    /// The forecasts of each value of a history from those before it.
    fn fitted(&self, history: &[f64]) -> Vec<f64>;
}

/// Forwards to the methods a type has of its own.
macro_rules! local_model {
    ($model:ty) => {
        impl LocalModel for $model {
            fn fit(history: &[f64], season: usize) -> Option<Self> {
                <$model>::fit(history, season)
            }

            fn warm(&self, history: &[f64]) -> Option<Self> {
                <$model>::warm(self, history)
            }

            fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
                <$model>::forecast(self, history, horizon)
            }

            fn fitted(&self, history: &[f64]) -> Vec<f64> {
                <$model>::fitted(self, history)
            }
        }
    };
}

local_model!(Ets);
local_model!(Theta);

fn all_histories() -> Vec<Vec<f64>> {
    let mut all = vec![vec![], vec![3.0], vec![3.0, 4.0], vec![3.0, 4.0, 1.0], vec![f64::NAN; 9]];
    let seasonal = |t: usize| ((t * t) % 12) as f64 - 3.0;
    for scale in [1.0, 0.0, 1e300, 1e-300, 1e-310, 1e307, -1.0] {
        for n in [4, 5, 9, 23, 24, 25, 60] {
            all.push(vec![scale; n]);
            all.push((0..n).map(|t| scale * seasonal(t)).collect());
            all.push((0..n).map(|t| scale * (seasonal(t) + 4.0)).collect());
        }
    }
    all.push((0..40).map(|t| if t == 20 { 1e300 } else { 1.0 }).collect());
    all.push((0..40).map(|t| if t % 7 == 0 { 1.0 } else { 0.0 }).collect());
    all
}

fn is_sound<M>()
where
    M: LocalModel + PartialEq + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    for history in all_histories() {
        for season in [0, 1, 4, 7, 12, 52] {
            let Some(model) = M::fit(&history, season) else { continue };
            let back: M = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
            assert_eq!(back, model);
            for length in [0, 1, 2, history.len() / 2, history.len()] {
                for seen in [&history[..length], &history[history.len() - length..], &[-5.0, 0.0, 2.0]] {
                    let ahead = model.forecast(seen, 15);
                    assert!(ahead.len() == 15 && ahead.iter().all(|v| v.is_finite()), "{history:?} {season}");
                    assert_eq!(back.forecast(seen, 15), ahead);
                    let fitted = model.fitted(seen);
                    assert!(fitted.len() == seen.len() && fitted.iter().all(|v| v.is_finite()));
                }
            }
            if let Some(warm) = model.warm(&history) {
                assert!(warm.forecast(&history, 2).iter().all(|v| v.is_finite()));
            }
        }
    }
}

#[test]
fn ets_is_sound_whatever_the_history() {
    is_sound::<Ets>();
    for history in all_histories() {
        for season in [1, 4, 12] {
            let Some(average) = EtsAverage::fit(&history, season) else { continue };
            let back: EtsAverage = serde_json::from_str(&serde_json::to_string(&average).unwrap()).unwrap();
            let ahead = average.forecast(&history, 15);
            assert!(ahead.len() == 15 && ahead.iter().all(|value| value.is_finite()), "{history:?} {season}");
            assert_eq!(back.forecast(&history, 15), ahead);
        }
    }
}

#[test]
fn theta_is_sound_whatever_the_history() {
    is_sound::<Theta>();
}

/// Histories that break formulas: of nothing, of one value, not finite, of all sizes.
pub(super) fn odd_histories(usual: &[f64]) -> Vec<Vec<f64>> {
    let mut histories: Vec<Vec<f64>> = vec![vec![], vec![1.0], vec![1.0, 2.0], vec![1.0, 2.0, 3.0]];
    histories.extend([vec![0.0; 40], vec![7.0; 40], vec![f64::NAN; 40], vec![1.0, 2.0, 1.0, 2.0, 1.0]]);
    histories.push(usual.iter().map(|value| -value).collect());
    histories.push(usual.iter().map(|value| value * 1e305).collect());
    histories.push((0..40).map(|time| if time == 30 { 1e300 } else { 1.0 }).collect());
    histories.push((0..40).map(|time| 1.5_f64.powi(time)).collect());
    histories.push((0..40).map(f64::from).collect());
    histories.push((0..48).map(|time| f64::from(time % 12)).collect());
    histories
}

/// Forecasts over all of a history and over its latter half.
pub(super) fn are_finite(history: &[f64], forecast: impl Fn(&[f64], usize) -> Vec<f64>) {
    for (seen, horizon) in [(history, 30), (&history[history.len() / 2..], 3)] {
        let ahead = forecast(seen, horizon);
        assert!(ahead.len() == horizon && ahead.iter().all(|value| value.is_finite()), "{history:?}");
    }
}
