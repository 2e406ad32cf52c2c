//! The models of one series as estimators of linfa's, for those who use Twinlake as a library.

use linfa::DatasetBase;
use linfa::traits::{Fit, PredictInplace};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use super::member::{Kind, Member};
use crate::error::{Error, ErrorKind, Result};

/// A model of one series that is not fitted yet. [`Fit`] learns from the targets of a data set, oldest first; its records are
/// not looked at.
///
/// ```
/// use linfa::{Dataset, traits::{Fit, Predict}};
/// use ndarray::{Array1, Array2};
/// use twinlake::learn::Estimator;
///
/// let sales = Array1::from_iter((0..48).map(|month| 100.0 + f64::from(month % 12)));
/// let history = Dataset::new(Array2::zeros((48, 0)), sales);
/// let fitted = Estimator::new("ets", 12)?.fit(&history)?;
/// let ahead = fitted.predict(&Array2::zeros((12, 0)));
/// assert!((ahead[3] - 103.0).abs() < 0.5);
/// # Ok::<(), twinlake::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimator {
    kind: Kind,
    season: usize,
    seasons: Vec<usize>,
}

impl Estimator {
    /// The model of that name in `candidates` of a declaration, for series with that many periods in a season (1: none).
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] for a name that is none of a model of one series.
    pub fn new(name: &str, season: usize) -> Result<Estimator> {
        let local = Kind::ALL.into_iter().filter(|kind| !kind.shared());
        let kind = Kind::of(name).filter(|kind| !kind.shared()).ok_or_else(|| {
            let names: Vec<&str> = local.map(Kind::name).collect();
            Error::new(ErrorKind::Declaration, format!("{name:?} is not a model of one series"))
                .with_hint(format!("There are {}.", names.join(", ")))
        })?;
        Ok(Estimator { kind, season: season.max(1), seasons: Vec::new() })
    }

    /// Longer seasons beside the first, for `mstl`.
    #[must_use]
    pub fn with_seasons(mut self, seasons: &[usize]) -> Estimator {
        self.seasons = seasons.to_vec();
        self
    }
}

/// A model with the history it was fitted to. Predicts as many periods after it as the records have rows; NaN where it has no
/// finite forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FittedSeries {
    estimator: Estimator,
    member: Member,
    history: Vec<f64>,
}

impl Fit<Array2<f64>, Array1<f64>, Error> for Estimator {
    type Object = FittedSeries;

    /// # Errors
    /// [`ErrorKind::NoHistory`] where the history is too short, or not finite.
    fn fit(&self, dataset: &DatasetBase<Array2<f64>, Array1<f64>>) -> Result<FittedSeries> {
        let history = dataset.targets.to_vec();
        let odd = history.iter().filter(|value| !value.is_finite()).count();
        let member = (odd == 0)
            .then(|| Member::fit(self.kind, &history, self.season, &self.seasons))
            .flatten()
            .ok_or_else(|| {
                let name = self.kind.name();
                let message =
                    format!("{name}: {} values, {odd} of them not finite, allow no fit", history.len());
                Error::new(ErrorKind::NoHistory, message)
                    .with_hint("Give it more values, and only finite ones.")
            })?;
        Ok(FittedSeries { estimator: self.clone(), member, history })
    }
}

impl PredictInplace<Array2<f64>, Array1<f64>> for FittedSeries {
    fn predict_inplace(&self, records: &Array2<f64>, targets: &mut Array1<f64>) {
        let Estimator { kind, season, seasons } = &self.estimator;
        let ahead = self.member.forecast(*kind, &self.history, (*season, seasons), records.nrows());
        match ahead {
            Some(ahead) => targets.assign(&Array1::from_vec(ahead)),
            None => targets.fill(f64::NAN),
        }
    }

    fn default_target(&self, records: &Array2<f64>) -> Array1<f64> {
        Array1::zeros(records.nrows())
    }
}

#[cfg(test)]
mod tests {
    use linfa::Dataset;
    use linfa::traits::Predict as _;

    use super::*;

    fn dataset(values: Vec<f64>) -> Dataset<f64, f64, ndarray::Ix1> {
        Dataset::new(Array2::zeros((values.len(), 0)), Array1::from_vec(values))
    }

    #[test]
    fn every_model_of_one_series_fits_predicts_and_survives_a_round_trip() {
        let steady: Vec<f64> =
            (0..72).map(|t| 50.0 + f64::from(t) + [0.0, 9.0, 4.0][t as usize % 3]).collect();
        let patchy: Vec<f64> = (0..72).map(|t| f64::from(u8::from(t % 5 == 0)) * f64::from(t % 7)).collect();
        for kind in Kind::ALL.into_iter().filter(|kind| !kind.shared()) {
            let history = if kind.intermittent() { &patchy } else { &steady };
            let fitted = Estimator::new(kind.name(), 3).unwrap().fit(&dataset(history.clone())).unwrap();
            let ahead = fitted.predict(&Array2::zeros((6, 0)));
            assert!(ahead.len() == 6 && ahead.iter().all(|value| value.is_finite()), "{kind:?}");
            let saved = serde_json::to_string(&fitted).unwrap();
            let back: FittedSeries = serde_json::from_str(&saved).unwrap();
            assert_eq!(back.predict(&Array2::zeros((6, 0))), ahead, "{kind:?}");
        }
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let error = Estimator::new("prophet", 12).unwrap_err();
        assert!(error.to_string().contains("\"prophet\" is not a model of one series"));
        assert!(Estimator::new("elastic_net", 12).is_err());
        let error = Estimator::new("ets", 12).unwrap().fit(&dataset(vec![1.0, f64::NAN])).unwrap_err();
        assert!(error.kind() == ErrorKind::NoHistory && error.to_string().contains("1 of them not finite"));
    }
}
