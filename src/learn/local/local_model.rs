//! Models of one series as estimators of linfa's.

use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2};

use super::{Ets, EtsAverage, Theta};
use crate::error::{Error, ErrorKind, Result};

/// What every model of one series can do.
pub(in crate::learn) trait LocalModel: Sized {
    /// Its name, as in reports.
    const NAME: &'static str;

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
    ($model:ty, $name:literal) => {
        impl LocalModel for $model {
            const NAME: &'static str = $name;

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

local_model!(Ets, "ets");
local_model!(EtsAverage, "ets_average");
local_model!(Theta, "theta");

/// A family of models to be fitted by linfa's [`Fit`]: the targets are the history, the records are not looked at.
#[derive(Clone, Copy, Debug)]
pub(in crate::learn) struct Of<M> {
    season: usize,
    family: std::marker::PhantomData<M>,
}

impl<M> Of<M> {
    /// Of histories with that many steps in a season.
    pub fn season(season: usize) -> Of<M> {
        Of { season, family: std::marker::PhantomData }
    }
}

/// A model with the history it was fitted to. Predicts as many steps after it as the records have rows.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(in crate::learn) struct Fitted<M> {
    /// The model.
    pub model: M,
    /// The history.
    pub history: Vec<f64>,
}

impl<M: LocalModel> Fit<Array2<f64>, Array1<f64>, Error> for Of<M> {
    type Object = Fitted<M>;

    fn fit(&self, dataset: &DatasetBase<Array2<f64>, Array1<f64>>) -> Result<Fitted<M>> {
        let history = dataset.targets.to_vec();
        let model = M::fit(&history, self.season).ok_or_else(|| {
            let message =
                format!("model {}: {} values of history do not allow a fit", M::NAME, history.len());
            Error::new(ErrorKind::NoHistory, message).with_hint("Give it more values, and only finite ones.")
        })?;
        Ok(Fitted { model, history })
    }
}

impl<M: LocalModel> PredictInplace<Array2<f64>, Array1<f64>> for Fitted<M> {
    fn predict_inplace(&self, records: &Array2<f64>, targets: &mut Array1<f64>) {
        targets.assign(&Array1::from_vec(self.model.forecast(&self.history, records.nrows())));
    }

    fn default_target(&self, records: &Array2<f64>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

#[cfg(test)]
mod tests {
    use linfa::Dataset;
    use linfa::traits::Predict as _;

    use super::super::seasonal::tests::AIR_PASSENGERS;
    use super::*;

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
                        assert!(
                            ahead.len() == 15 && ahead.iter().all(|v| v.is_finite()),
                            "{history:?} {season}"
                        );
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
        is_sound::<EtsAverage>();
    }

    #[test]
    fn theta_is_sound_whatever_the_history() {
        is_sound::<Theta>();
    }

    #[test]
    fn a_family_is_an_estimator_of_linfa() {
        let records = Array2::zeros((AIR_PASSENGERS.len(), 0));
        let dataset = Dataset::new(records, Array1::from_vec(AIR_PASSENGERS.to_vec()));
        let fitted = Of::<Theta>::season(12).fit(&dataset).unwrap();
        let ahead = fitted.predict(&Array2::zeros((6, 0)));
        assert_eq!(ahead.to_vec(), fitted.model.forecast(&AIR_PASSENGERS, 6));
        let short = Dataset::new(Array2::zeros((1, 0)), Array1::from_vec(vec![1.0]));
        assert_eq!(Of::<Ets>::season(12).fit(&short).unwrap_err().kind(), ErrorKind::NoHistory);
    }
}
