//! Several classes, by one model against the rest for each.
//!
//! Each class has its own calibrated probability; those of a row are divided by their sum (B. Zadrozny and C. Elkan, KDD
//! 2002, 694-699, section 4, "normalisation").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::explain::Reason;
use super::fit::{self, Options};
use super::model::Task;
use super::predict::Fitted;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::frame::Frame;

/// More classes than this are labels of rows rather than groups of them.
const MOST_CLASSES: usize = 30;

/// One fitted model for each class, sorted by class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Classes {
    /// Class and model.
    pub models: Vec<(String, Fitted)>,
}

/// What is said about one row.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct ClassPrediction {
    /// The most probable class; of equal ones the first by name.
    pub class: Option<String>,
    /// In the order of the models; they add up to 1. Empty where there is `why_absent`.
    pub probabilities: Vec<f64>,
    /// What speaks for and against that class.
    pub reasons: Vec<Reason>,
    /// Why nothing can be said.
    pub why_absent: Option<String>,
}

impl Classes {
    /// Fits a model for each class among the labels; rows without a label are left out.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] with fewer than two classes or too many, and wherever [`fit`](fit::fit) fails for one.
    pub fn fit(features: &Frame, labels: &[Option<String>], options: &Options<'_>) -> Result<Classes> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for label in labels.iter().flatten() {
            *counts.entry(label).or_default() += 1;
        }
        if !(2..=MOST_CLASSES).contains(&counts.len()) {
            return Err(Error::new(
                ErrorKind::Model,
                format!(
                    "target {:?} has {} classes, and 2 to {MOST_CLASSES} are possible",
                    options.target,
                    counts.len()
                ),
            ));
        }
        let mut options = options.clone();
        options.task = Task::Classify;
        let mut models = Vec::new();
        for class in counts.keys() {
            let is = |label: &Option<String>| match label {
                Some(label) => f64::from(u8::from(label == class)),
                None => f64::NAN,
            };
            let target: Vec<f64> = labels.iter().map(is).collect();
            models.push(((*class).to_owned(), fit::fit(features, &target, &options)?));
        }
        Ok(Classes { models })
    }

    /// One prediction for each row.
    ///
    /// # Errors
    /// As [`Fitted::predict`].
    pub fn predict(&self, features: &Frame, reasons: usize) -> Result<Vec<ClassPrediction>> {
        let each = self
            .models
            .iter()
            .map(|(_, model)| model.predict(features, reasons))
            .collect::<Result<Vec<_>>>()?;
        let one = |row: usize| {
            let values: Option<Vec<f64>> = each.iter().map(|predictions| predictions[row].value).collect();
            let sum: f64 = values.iter().flatten().sum();
            match values {
                Some(values) if sum > 0.0 => {
                    let best = (0..values.len()).reduce(|a, b| if values[b] > values[a] { b } else { a });
                    ClassPrediction {
                        class: best.map(|best| self.models[best].0.clone()),
                        probabilities: values.iter().map(|value| value / sum).collect(),
                        reasons: best.map_or_else(Vec::new, |best| each[best][row].reasons.clone()),
                        why_absent: None,
                    }
                }
                _ => ClassPrediction {
                    class: None,
                    probabilities: Vec::new(),
                    reasons: Vec::new(),
                    why_absent: each.iter().find_map(|predictions| predictions[row].why_absent.clone()),
                },
            }
        };
        Ok((0..features.rows()).map(one).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::frame::{Column, Values};
    use crate::learn::tabular::model::Candidate;

    fn data() -> (Frame, Vec<Option<String>>) {
        let x: Vec<f64> = (0..150).map(|i| f64::from(i * 37 % 90)).collect();
        let label = |x: &f64| Some(["low", "middle", "high"][(*x / 30.0) as usize].to_owned());
        let labels = x.iter().map(label).collect();
        (Frame::new(vec![Column { name: "x".to_owned(), values: Values::Number(x) }]).unwrap(), labels)
    }

    #[test]
    fn three_classes_are_told_apart() {
        let (features, mut labels) = data();
        let actual = labels.clone();
        labels[3] = None;
        let mut options = Options::new(Task::Classify, "band", 7);
        options.candidates = vec![Candidate::Boosting];
        options.folds = 3;
        options.leaks = fit::Leaks::Keep;
        let classes = Classes::fit(&features, &labels, &options).unwrap();
        let predictions = classes.predict(&features, 1).unwrap();
        let right = predictions.iter().zip(&actual).filter(|(ours, actual)| ours.class == **actual).count();
        assert!(right > 140, "{right}");
        assert!(predictions.iter().all(|p| (p.probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-9));
        let one = vec![Some("low".to_owned()); 150];
        let error = Classes::fit(&features, &one, &options).unwrap_err();
        assert_eq!(error.message(), "target \"band\" has 1 classes, and 2 to 30 are possible");
    }
}
