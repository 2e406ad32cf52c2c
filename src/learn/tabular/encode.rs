//! From columns to numbers, fitted on training rows only.
//!
//! Linear models get every number standardised, with the median where it is missing and a column that says so; trees get
//! numbers as they are. Categories with few levels become one column a level. Those with many become one number, the
//! mean target of the level, drawn towards the overall mean as if `SMOOTHING` more rows had been seen (D.
//! Micci-Barreca, "A Preprocessing Scheme for High-Cardinality Categorical Attributes", SIGKDD Explorations 3 (2001),
//! 27-32). The training rows themselves get the mean of other folds, so that none sees its own target. A level not seen
//! in training gets the overall mean, and no column of its own.

use std::collections::BTreeMap;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::split;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::frame::{Column, Frame, Values};

/// Categories with at most so many levels become one column a level.
const FEW_LEVELS: usize = 12;
/// A level in fewer rows than this shares a column with other rare ones.
const RARE: usize = 5;
/// So many rows of the overall mean are added to each level.
const SMOOTHING: f64 = 10.0;
/// Folds for the means of training rows.
const FOLDS: usize = 5;
/// A category with more levels than this part of its rows names rows instead of grouping them.
const IDENTIFYING: f64 = 0.5;

/// A column that is not used, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Dropped {
    /// Its name.
    pub feature: String,
    /// A part of a sentence: `feature "id" ...`.
    pub reason: String,
}

/// What is known about one used column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Coding {
    Number {
        median: f64,
        mean: f64,
        deviation: f64,
        /// Whether a column says that the number is missing.
        indicator: bool,
    },
    OneHot {
        /// The levels with a column of their own, sorted; a missing text is a level.
        levels: Vec<Option<String>>,
    },
    Target {
        /// Mean of the target by level, sorted by level; a missing text is a level.
        levels: Vec<(Option<String>, f64)>,
        overall: f64,
        mean: f64,
        deviation: f64,
    },
}

/// A column in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Used {
    feature: String,
    coding: Coding,
}

/// Fitted codings of the columns in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Encoder {
    used: Vec<Used>,
    dropped: Vec<Dropped>,
}

/// Encoded rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Design {
    /// For linear models: no missing values, columns around zero with deviations around one.
    pub linear: Array2<f64>,
    /// For trees: NaN where missing.
    pub trees: Array2<f64>,
}

impl Encoder {
    /// Fits codings to training rows and encodes these. `skip` names columns that are not to be used.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where no column is left.
    pub fn fit(frame: &Frame, target: &[f64], skip: &[Dropped], seed: u64) -> Result<(Encoder, Design)> {
        let fold = split::assign(target, FOLDS, seed);
        let mut encoder = Encoder { used: Vec::new(), dropped: skip.to_vec() };
        let mut held_out: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for column in frame.columns() {
            if skip.iter().any(|dropped| dropped.feature == column.name) {
                continue;
            }
            let coded = match &column.values {
                Values::Number(values) => number(values),
                Values::Text(values) => text(values, target, &fold).map(|(coding, means)| {
                    if let Some(means) = means {
                        held_out.insert(encoder.used.len(), means);
                    }
                    coding
                }),
            };
            match coded {
                Ok(coding) => encoder.used.push(Used { feature: column.name.clone(), coding }),
                Err(reason) => {
                    encoder.dropped.push(Dropped { feature: column.name.clone(), reason: reason.to_owned() });
                }
            }
        }
        if encoder.used.is_empty() {
            let detail: Vec<String> = encoder.dropped.iter().map(ToString::to_string).collect();
            return Err(Error::new(ErrorKind::Model, "no feature is left to learn from")
                .with_detail(detail.join("\n")));
        }
        let design = encoder.design(frame, &held_out)?;
        Ok((encoder, design))
    }

    /// Encodes new rows. Columns are found by name; others are ignored.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where a column is missing or holds another type than in training.
    pub fn encode(&self, frame: &Frame) -> Result<Design> {
        self.design(frame, &BTreeMap::new())
    }

    /// The columns not in use.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// The names of the features in use.
    pub fn features(&self) -> Vec<&str> {
        self.used.iter().map(|used| used.feature.as_str()).collect()
    }

    /// For each column of the linear design, the place of its feature.
    pub fn linear_sources(&self) -> Vec<usize> {
        self.sources(Coding::linear_width)
    }

    /// For each column of the trees' design, the place of its feature.
    pub fn tree_sources(&self) -> Vec<usize> {
        self.sources(Coding::tree_width)
    }

    /// Whether a row has no value at all in the columns in use.
    pub fn is_blank(&self, frame: &Frame, row: usize) -> bool {
        let known = |used: &Used| {
            frame.columns().iter().find(|column| column.name == used.feature).is_some_and(|column| {
                match &column.values {
                    Values::Number(values) => values[row].is_finite(),
                    Values::Text(values) => values[row].is_some(),
                }
            })
        };
        !self.used.iter().any(known)
    }

    fn sources(&self, width: fn(&Coding) -> usize) -> Vec<usize> {
        let places = self.used.iter().enumerate();
        places.flat_map(|(place, used)| std::iter::repeat_n(place, width(&used.coding))).collect()
    }

    fn design(&self, frame: &Frame, held_out: &BTreeMap<usize, Vec<f64>>) -> Result<Design> {
        let rows = frame.rows();
        let mut linear = Array2::zeros((rows, self.linear_sources().len()));
        let mut trees = Array2::zeros((rows, self.tree_sources().len()));
        let (mut next_linear, mut next_tree) = (0, 0);
        for (place, used) in self.used.iter().enumerate() {
            let column = find(frame, &used.feature)?;
            let (for_linear, for_trees) = used.encode(column, held_out.get(&place))?;
            for values in for_linear {
                linear.column_mut(next_linear).iter_mut().zip(values).for_each(|(cell, value)| *cell = value);
                next_linear += 1;
            }
            for values in for_trees {
                trees.column_mut(next_tree).iter_mut().zip(values).for_each(|(cell, value)| *cell = value);
                next_tree += 1;
            }
        }
        Ok(Design { linear, trees })
    }
}

impl Coding {
    fn linear_width(&self) -> usize {
        match self {
            Coding::Number { indicator, .. } => 1 + usize::from(*indicator),
            Coding::OneHot { levels } => levels.len(),
            Coding::Target { .. } => 1,
        }
    }

    fn tree_width(&self) -> usize {
        match self {
            Coding::OneHot { levels } => levels.len(),
            Coding::Number { .. } | Coding::Target { .. } => 1,
        }
    }
}

/// Columns for linear models and columns for trees.
type Encoded = (Vec<Vec<f64>>, Vec<Vec<f64>>);

impl Used {
    fn encode(&self, column: &Column, held_out: Option<&Vec<f64>>) -> Result<Encoded> {
        match (&self.coding, &column.values) {
            (Coding::Number { median, mean, deviation, indicator }, Values::Number(values)) => {
                let scaled = |value: &f64| {
                    let value = if value.is_finite() { *value } else { *median };
                    ((value - mean) / deviation).clamp(-1e3, 1e3)
                };
                let mut linear = vec![values.iter().map(scaled).collect()];
                if *indicator {
                    linear.push(values.iter().map(|value| f64::from(u8::from(!value.is_finite()))).collect());
                }
                let or_missing = |value: &f64| if value.is_finite() { *value } else { f64::NAN };
                Ok((linear, vec![values.iter().map(or_missing).collect()]))
            }
            (Coding::OneHot { levels }, Values::Text(values)) => {
                let is = |level: &Option<String>| -> Vec<f64> {
                    values.iter().map(|value| f64::from(u8::from(value == level))).collect()
                };
                let columns: Vec<Vec<f64>> = levels.iter().map(is).collect();
                Ok((columns.clone(), columns))
            }
            (Coding::Target { levels, overall, mean, deviation }, Values::Text(values)) => {
                let known =
                    |value: &Option<String>| match levels.binary_search_by(|(level, _)| level.cmp(value)) {
                        Ok(at) => levels[at].1,
                        Err(_) => *overall,
                    };
                let means: Vec<f64> = held_out.cloned().unwrap_or_else(|| values.iter().map(known).collect());
                let scaled = means.iter().map(|value| (value - mean) / deviation).collect();
                Ok((vec![scaled], vec![means]))
            }
            (coding, _) => {
                let (was, is) = match coding {
                    Coding::Number { .. } => ("numbers", "texts"),
                    Coding::OneHot { .. } | Coding::Target { .. } => ("texts", "numbers"),
                };
                let feature = &self.feature;
                Err(Error::new(
                    ErrorKind::Model,
                    format!("feature {feature:?} held {was} when the model was fitted and holds {is} now"),
                )
                .with_hint("Cast it to its former type in the query, or fit the model again."))
            }
        }
    }
}

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "feature {:?} {}", self.feature, self.reason)
    }
}

fn find<'a>(frame: &'a Frame, feature: &str) -> Result<&'a Column> {
    frame.columns().iter().find(|column| column.name == feature).ok_or_else(|| {
        Error::new(ErrorKind::Model, format!("feature {feature:?} is not among the columns"))
            .with_hint("A fitted model needs the columns it was fitted with.")
    })
}

fn number(values: &[f64]) -> Result<Coding, &'static str> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    known.sort_unstable_by(f64::total_cmp);
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return Err("is missing in every row");
    };
    let indicator = known.len() < values.len();
    if first == last && !indicator {
        return Err("is the same in every row");
    }
    let median = f64::midpoint(known[known.len() / 2], known[(known.len() - 1) / 2]);
    let (mean, deviation) = moments(known.iter().copied());
    Ok(Coding::Number { median, mean, deviation, indicator })
}

/// The coding of a category; for target means also the values of the training rows.
fn text(
    values: &[Option<String>],
    target: &[f64],
    fold: &[usize],
) -> Result<(Coding, Option<Vec<f64>>), &'static str> {
    let mut counts: BTreeMap<&Option<String>, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    if counts.keys().all(|level| level.is_none()) {
        return Err("is missing in every row");
    }
    if counts.len() == 1 {
        return Err("is the same in every row");
    }
    if counts.len() <= FEW_LEVELS {
        let levels: Vec<Option<String>> =
            counts.iter().filter(|(_, count)| **count >= RARE).map(|(level, _)| (*level).clone()).collect();
        // Of two levels one column says it all.
        let levels = if counts.len() == 2 && levels.len() == 2 { levels[1..].to_vec() } else { levels };
        return if levels.is_empty() {
            Err("has no level in enough rows")
        } else {
            Ok((Coding::OneHot { levels }, None))
        };
    }
    if counts.len() as f64 > IDENTIFYING * values.len() as f64 {
        return Err("has nearly as many levels as rows");
    }
    let overall = target.iter().sum::<f64>() / target.len() as f64;
    // Per level, per fold: sum of targets and rows.
    let mut sums: BTreeMap<&Option<String>, [(f64, f64); FOLDS]> = BTreeMap::new();
    for ((value, target), fold) in values.iter().zip(target).zip(fold) {
        let of_fold = &mut sums.entry(value).or_default()[*fold];
        of_fold.0 += target;
        of_fold.1 += 1.0;
    }
    let smooth = |folds: &[(f64, f64); FOLDS], without: Option<usize>| {
        let kept = (0..FOLDS).filter(|fold| Some(*fold) != without);
        let (sum, rows) = kept.fold((0.0, 0.0), |sum, fold| (sum.0 + folds[fold].0, sum.1 + folds[fold].1));
        (sum + SMOOTHING * overall) / (rows + SMOOTHING)
    };
    let held_out: Vec<f64> =
        values.iter().zip(fold).map(|(value, fold)| smooth(&sums[value], Some(*fold))).collect();
    let levels = sums.iter().map(|(level, folds)| ((*level).clone(), smooth(folds, None))).collect();
    let (mean, deviation) = moments(held_out.iter().copied());
    Ok((Coding::Target { levels, overall, mean, deviation }, Some(held_out)))
}

/// Mean and standard deviation; a deviation of 1 where it would be none.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    // Divided before they are added, so that very large numbers do not overflow.
    let mean: f64 = values.clone().map(|value| value / count).sum();
    let deviation = values.map(|value| (value - mean).powi(2) / count).sum::<f64>().sqrt();
    (mean, if deviation > 0.0 && deviation.is_finite() { deviation } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: impl Iterator<Item = Option<String>>) -> Values {
        Values::Text(values.collect())
    }

    fn frame(columns: Vec<(&str, Values)>) -> Frame {
        let column = |(name, values): (&str, Values)| Column { name: name.to_owned(), values };
        Frame::new(columns.into_iter().map(column).collect()).unwrap()
    }

    fn example() -> (Frame, Vec<f64>) {
        let frame = frame(vec![
            (
                "size",
                Values::Number((0..100).map(|i| if i % 10 == 3 { f64::NAN } else { f64::from(i) }).collect()),
            ),
            (
                "colour",
                texts((0..100).map(|i| (i % 7 != 0).then(|| ["red", "blue", "grey"][i % 3].to_owned()))),
            ),
            ("site", texts((0..100).map(|i| Some(format!("s{}", i % 20))))),
            ("id", texts((0..100).map(|i| Some(i.to_string())))),
            ("same", Values::Number(vec![7.0; 100])),
            ("none", Values::Number(vec![f64::NAN; 100])),
        ]);
        (frame, (0..100).map(|i| f64::from(u8::from(i % 20 < 6))).collect())
    }

    #[test]
    fn each_kind_has_its_coding() {
        let (frame, target) = example();
        let (encoder, design) = Encoder::fit(&frame, &target, &[], 1).unwrap();
        assert_eq!(encoder.features(), ["size", "colour", "site"]);
        let dropped: Vec<String> = encoder.dropped().iter().map(ToString::to_string).collect();
        assert_eq!(
            dropped,
            [
                "feature \"id\" has nearly as many levels as rows",
                "feature \"same\" is the same in every row",
                "feature \"none\" is missing in every row"
            ]
        );
        assert_eq!(encoder.linear_sources(), [0, 0, 1, 1, 1, 1, 2]);
        assert_eq!(encoder.tree_sources(), [0, 1, 1, 1, 1, 2]);
        assert!(design.linear.iter().all(|value| value.is_finite()));
        assert!(design.trees[[3, 0]].is_nan());
    }

    #[test]
    fn no_row_sees_its_own_target() {
        let (frame, target) = example();
        let (_, before) = Encoder::fit(&frame, &target, &[], 1).unwrap();
        // The folds follow the class, so a pair of one fold swaps classes instead of one row changing it.
        let fold = split::assign(&target, FOLDS, 1);
        let up = (0..100).find(|row| target[*row] == 1.0).unwrap();
        let level = |row: usize| row % 20;
        let means = |row: usize| before.trees[[row, 5]];
        let others: Vec<usize> =
            (0..100).filter(|row| level(*row) == level(up) && fold[*row] != fold[up]).collect();
        let seen = others.iter().map(|row| target[*row]).sum::<f64>();
        let expected = (seen + SMOOTHING * 0.3) / (others.len() as f64 + SMOOTHING);
        assert!((means(up) - expected).abs() < 1e-12);
    }

    #[test]
    fn unseen_levels_and_infinities_are_handled() {
        let (training, target) = example();
        let (encoder, _) = Encoder::fit(&training, &target, &[], 1).unwrap();
        let fresh = frame(vec![
            ("size", Values::Number(vec![f64::INFINITY, 1e300])),
            ("colour", texts([Some("violet".to_owned()), None].into_iter())),
            ("site", texts([Some("s99".to_owned()), None].into_iter())),
        ]);
        let design = encoder.encode(&fresh).unwrap();
        assert!(design.linear.iter().all(|value| value.is_finite()));
        assert!(design.trees[[0, 0]].is_nan());
        assert!((design.trees[[0, 5]] - 0.3).abs() < 1e-12);
        assert!(!encoder.is_blank(&fresh, 0) && !encoder.is_blank(&fresh, 1));
    }

    #[test]
    fn a_changed_frame_is_refused() {
        let (training, target) = example();
        let (encoder, _) = Encoder::fit(&training, &target, &[], 1).unwrap();
        let missing = encoder.encode(&frame(vec![("size", Values::Number(vec![1.0]))])).unwrap_err();
        assert_eq!(missing.message(), "feature \"colour\" is not among the columns");
        let other = encoder.encode(&frame(vec![("size", texts([None].into_iter()))])).unwrap_err();
        assert_eq!(
            other.message(),
            "feature \"size\" held numbers when the model was fitted and holds texts now"
        );
        let nothing = frame(vec![("same", Values::Number(vec![7.0; 100]))]);
        assert_eq!(Encoder::fit(&nothing, &target, &[], 1).unwrap_err().kind(), ErrorKind::Model);
    }

    #[test]
    fn a_round_trip_changes_nothing() {
        let (training, target) = example();
        let (encoder, _) = Encoder::fit(&training, &target, &[], 1).unwrap();
        let back: Encoder = serde_json::from_str(&serde_json::to_string(&encoder).unwrap()).unwrap();
        assert_eq!(back, encoder);
    }
}
