//! Drift: whether data still looks like what a model was trained on.
//!
//! A [`Reference`] keeps of a feature, or of a model's predictions, what later data is compared with, in bounded size:
//! nothing of it grows with the number of rows. [`References`] does so for all columns of a [`Frame`], and tells of each
//! how far later rows are from it.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::frame::{Frame, Values};
use super::distribution::Distribution;
use super::stability::{Bins, chi_square, stability};

/// How many points of the distribution of a number are kept.
const POINTS: usize = 256;
/// How many categories are kept by name; the rest are counted together.
const CATEGORIES: usize = 256;

/// What is kept of one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Reference {
    rows: u64,
    missing: u64,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Number {
        distribution: Distribution,
        bins: Bins,
        counts: Vec<u64>,
        /// The interquartile range, or where that is zero the standard deviation; absent for a constant.
        scale: Option<f64>,
    },
    Text {
        /// By name; the most frequent ones.
        kept: BTreeMap<String, u64>,
        others: u64,
    },
}

/// How far a column is from its reference. What cannot be told is absent, with the reason.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct Drift {
    /// The column.
    pub feature: String,
    /// Rows of the reference, missing values included.
    pub rows_then: u64,
    /// Rows compared with it, missing values included.
    pub rows_now: u64,
    /// The population stability index over the deciles of the reference or its categories; missing values are one more
    /// bin where there are any. Of 50 unchanged rows beside a reference of 1000 it is above 0.2 three times in ten, of 100
    /// rows hardly ever: a rule about it should ask for `psi_p` too.
    pub psi: Option<f64>,
    /// The probability of such an index by chance.
    pub psi_p: Option<f64>,
    /// The Kolmogorov-Smirnov statistic; of numbers.
    pub ks: Option<f64>,
    /// Its p-value.
    pub ks_p: Option<f64>,
    /// The 1-Wasserstein distance in units of the reference's interquartile range (where that is zero: of its standard
    /// deviation); of numbers.
    pub wasserstein: Option<f64>,
    /// The chi-square statistic; of categories.
    pub chi_square: Option<f64>,
    /// Its p-value.
    pub chi_square_p: Option<f64>,
    /// The share of missing values in the reference.
    pub missing_then: Option<f64>,
    /// The share of missing values now.
    pub missing_now: Option<f64>,
    /// The share, among the rows that have one, of categories the reference does not know. Where it had more categories
    /// than are kept by name, only what exceeds the share of the rest.
    pub new_share: Option<f64>,
    /// Why something is absent.
    pub reason: Option<String>,
}

impl Reference {
    /// Of numbers; what is not finite counts as missing.
    pub fn numbers(values: &[f64]) -> Reference {
        let ascending = ascending(values);
        let bins = Bins::of(&ascending);
        let distribution = Distribution::of(&ascending, POINTS);
        Reference {
            rows: values.len() as u64,
            missing: (values.len() - ascending.len()) as u64,
            shape: Shape::Number {
                counts: bins.count(ascending.iter().copied()),
                scale: scale(&distribution, &ascending),
                distribution,
                bins,
            },
        }
    }

    /// Of categories. The most frequent are kept by name; of equally frequent ones, the first in the alphabet.
    pub fn texts(values: &[Option<String>]) -> Reference {
        let mut counts: Vec<(&str, u64)> = count(values).into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let others = counts.iter().skip(CATEGORIES).map(|(_, count)| count).sum();
        let kept = counts.into_iter().take(CATEGORIES).map(|(name, count)| (name.to_owned(), count));
        Reference {
            rows: values.len() as u64,
            missing: values.iter().filter(|value| value.is_none()).count() as u64,
            shape: Shape::Text { kept: kept.collect(), others },
        }
    }

    /// Of a column.
    pub fn of(values: &Values) -> Reference {
        match values {
            Values::Number(values) => Reference::numbers(values),
            Values::Text(values) => Reference::texts(values),
        }
    }

    /// Later values beside these.
    pub fn compare(&self, feature: &str, now: &Values) -> Drift {
        match (&self.shape, now) {
            (Shape::Number { .. }, Values::Number(values)) => self.compare_numbers(feature, values),
            (Shape::Text { kept, others }, Values::Text(values)) => {
                self.compare_texts(feature, values, kept, *others)
            }
            (Shape::Number { .. }, Values::Text(values)) => {
                self.refuse(feature, values.len(), "was a number and now is a text")
            }
            (Shape::Text { .. }, Values::Number(values)) => {
                self.refuse(feature, values.len(), "was a text and now is a number")
            }
        }
    }

    /// Later numbers beside these.
    pub fn compare_numbers(&self, feature: &str, values: &[f64]) -> Drift {
        let Shape::Number { distribution, bins, counts, scale } = &self.shape else {
            return self.refuse(feature, values.len(), "was a text and now is a number");
        };
        let ascending = ascending(values);
        let missing = (values.len() - ascending.len()) as u64;
        let now = Distribution::of(&ascending, usize::MAX);
        let smirnov = distribution.smirnov(&now);
        let distance = distribution.wasserstein(&now);
        let drift = self.drift(
            feature,
            (values.len() as u64, missing),
            (counts.clone(), bins.count(ascending.into_iter())),
        );
        let wasserstein = match (distance, scale) {
            (Some(0.0), _) => Some(0.0),
            (Some(distance), Some(scale)) => Some(distance / scale).filter(|distance| distance.is_finite()),
            _ => None,
        };
        let constant = distance.is_some() && wasserstein.is_none();
        Drift {
            ks: smirnov.map(|found| found.statistic),
            ks_p: smirnov.map(|found| found.p),
            wasserstein,
            reason: drift
                .reason
                .or_else(|| constant.then(|| "the reference is constant: no unit of distance".to_owned())),
            ..drift
        }
    }

    fn compare_texts(
        &self,
        feature: &str,
        values: &[Option<String>],
        kept: &BTreeMap<String, u64>,
        others: u64,
    ) -> Drift {
        let counts = count(values);
        let present: u64 = counts.values().sum();
        let mut then: Vec<u64> = kept.values().copied().collect();
        let mut now: Vec<u64> =
            kept.keys().map(|name| counts.get(name.as_str()).copied().unwrap_or(0)).collect();
        let unknown = present - now.iter().sum::<u64>();
        then.push(others);
        now.push(unknown);
        let test = chi_square(&then, &now);
        let share = |part: u64, all: u64| (all > 0).then(|| part as f64 / all as f64);
        let usual = share(others, self.rows - self.missing).unwrap_or(0.0);
        Drift {
            chi_square: test.map(|found| found.statistic),
            chi_square_p: test.map(|found| found.p),
            new_share: share(unknown, present).map(|share| (share - usual).max(0.0)),
            ..self.drift(feature, (values.len() as u64, values.len() as u64 - present), (then, now))
        }
    }

    /// What numbers and categories have in common.
    fn drift(&self, feature: &str, now: (u64, u64), bins: (Vec<u64>, Vec<u64>)) -> Drift {
        let ((rows, missing), (mut counts_then, mut counts_now)) = (now, bins);
        counts_then.push(self.missing);
        counts_now.push(missing);
        let found = stability(&counts_then, &counts_now);
        let share = |part: u64, all: u64| (all > 0).then(|| part as f64 / all as f64);
        let reason = match (self.rows, rows) {
            (0, _) => Some("the reference has no rows"),
            (_, 0) => Some("there are no rows to compare"),
            _ if self.missing == self.rows => Some("the reference has no values"),
            _ if missing == rows => Some("there are no values to compare"),
            _ => None,
        };
        Drift {
            feature: feature.to_owned(),
            rows_then: self.rows,
            rows_now: rows,
            psi: found.map(|found| found.psi),
            psi_p: found.map(|found| found.p),
            missing_then: share(self.missing, self.rows),
            missing_now: share(missing, rows),
            reason: reason.map(str::to_owned),
            ..Drift::default()
        }
    }

    fn refuse(&self, feature: &str, rows: usize, reason: &str) -> Drift {
        Drift {
            feature: feature.to_owned(),
            rows_then: self.rows,
            rows_now: rows as u64,
            reason: Some(reason.to_owned()),
            ..Drift::default()
        }
    }
}

/// What is kept of the columns a model was trained on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct References(Vec<(String, Reference)>);

impl References {
    /// Of all columns.
    pub fn of(frame: &Frame) -> References {
        let of = |column: &super::super::frame::Column| (column.name.clone(), Reference::of(&column.values));
        References(frame.columns().par_iter().map(of).collect())
    }

    /// One row for each column of the reference, in its order. Columns it does not know are ignored.
    pub fn compare(&self, frame: &Frame) -> Vec<Drift> {
        let compare = |(name, reference): &(String, Reference)| match frame
            .columns()
            .iter()
            .find(|column| column.name == *name)
        {
            Some(column) => reference.compare(name, &column.values),
            None => reference.refuse(name, frame.rows(), "the column is no longer there"),
        };
        self.0.par_iter().map(compare).collect()
    }
}

/// The finite ones, in order; a negative zero is a zero.
fn ascending(values: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> =
        values.iter().filter(|value| value.is_finite()).map(|value| value + 0.0).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

fn count(values: &[Option<String>]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for value in values.iter().flatten() {
        *counts.entry(value.as_str()).or_default() += 1;
    }
    counts
}

fn scale(distribution: &Distribution, ascending: &[f64]) -> Option<f64> {
    let range = distribution.quantile(0.75)? - distribution.quantile(0.25)?;
    let count = ascending.len() as f64;
    let mean = ascending.iter().map(|value| value / count).sum::<f64>();
    let deviation = || (ascending.iter().map(|value| (value - mean).powi(2) / count).sum::<f64>()).sqrt();
    let scale = if range > 0.0 { range } else { deviation() };
    let constant = ascending.first() == ascending.last();
    Some(scale).filter(|scale| !constant && *scale > 0.0 && scale.is_finite())
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::Column;
    use super::*;

    fn irregular(count: usize, power: f64, shift: f64) -> Vec<f64> {
        (1..=count).map(|i| (i as f64 * 0.618_033_988_749_894_9).fract().powf(power) + shift).collect()
    }

    fn texts(text: &str) -> Vec<Option<String>> {
        text.chars().map(|c| (c != '-').then(|| c.to_string())).collect()
    }

    /// By hand: deciles of 1..=100 hold 10 each; of 51..=150, five hold 0, four hold 10 and the last 60.
    #[test]
    fn the_index_over_deciles_agrees_with_a_hand_computation() {
        let reference = Reference::numbers(&(1..=100).map(f64::from).collect::<Vec<_>>());
        let found = reference.compare_numbers("x", &(51..=150).map(f64::from).collect::<Vec<_>>());
        let part = |now: f64| (now - 10.0) / 105.0 * ((now + 0.5) / 10.5_f64).ln();
        assert!((found.psi.unwrap() - (5.0 * part(0.0) + part(60.0))).abs() < 1e-12);
        assert_eq!(found.ks, Some(0.5));
        assert!(found.ks_p.unwrap() < 1e-10 && found.psi_p.unwrap() < 1e-10);
        // Everything moved by 50, and the quartiles are 25 and 75.
        assert!((found.wasserstein.unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_same_data_has_not_drifted() {
        let reference = Reference::numbers(&irregular(5_000, 2.0, 0.0));
        let found = reference.compare_numbers("x", &irregular(800, 2.0, 0.0));
        assert!(found.psi.unwrap() < 0.02 && found.psi_p.unwrap() > 0.5 && found.ks_p.unwrap() > 0.5);
        assert!(found.wasserstein.unwrap() < 0.01 && found.reason.is_none());
    }

    #[test]
    fn categories_and_new_ones() {
        let reference = Reference::texts(&texts("aaaaaaaaaabbbbbbbbbb--"));
        let found = reference.compare("c", &Values::Text(texts("aaaaaaaaaabbbbbcccccc-")));
        assert_eq!(found.new_share, Some(6.0 / 21.0));
        assert_eq!((found.missing_then, found.missing_now), (Some(2.0 / 22.0), Some(1.0 / 22.0)));
        assert!(found.psi.unwrap() > 0.5 && found.ks.is_none() && found.chi_square.is_some());
    }

    #[test]
    fn many_categories_stay_bounded() {
        let many: Vec<Option<String>> = (0..10_000).map(|i| Some(format!("{}", i % 1_000))).collect();
        let reference = Reference::texts(&many);
        let Shape::Text { kept, others } = &reference.shape else { unreachable!() };
        assert_eq!((kept.len(), *others), (CATEGORIES, 7_440));
        let found = reference.compare("c", &Values::Text(many));
        assert_eq!((found.psi, found.new_share), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn missing_values_alone_are_drift() {
        let (mut now, reference) =
            (irregular(1_000, 1.0, 0.0), Reference::numbers(&irregular(1_000, 1.0, 0.0)));
        now.extend(vec![f64::NAN; 500]);
        assert!(reference.compare_numbers("x", &now).psi.unwrap() > 0.2);
    }

    #[test]
    fn bad_data_has_reasons_and_no_nan() {
        let reason = |then: &[f64], now: &[f64]| {
            let found = Reference::numbers(then).compare_numbers("x", now);
            for value in [found.psi, found.psi_p, found.ks, found.ks_p, found.wasserstein, found.missing_now]
            {
                assert!(value.is_none_or(f64::is_finite));
            }
            found.reason
        };
        let nan = f64::NAN;
        assert_eq!(reason(&[], &[1.0]).as_deref(), Some("the reference has no rows"));
        assert_eq!(reason(&[1.0], &[]).as_deref(), Some("there are no rows to compare"));
        assert_eq!(reason(&[nan], &[1.0]).as_deref(), Some("the reference has no values"));
        assert_eq!(reason(&[1.0], &[f64::INFINITY]).as_deref(), Some("there are no values to compare"));
        assert_eq!(reason(&[1.0], &[2.0]).as_deref(), Some("the reference is constant: no unit of distance"));
        assert_eq!(reason(&[1.0, 1.0], &[1.0]), None);
        reason(&[f64::MAX, f64::MIN, 0.0, 1.0], &[f64::MAX, f64::MIN]);
        let found = Reference::numbers(&[1.0]).compare("x", &Values::Text(vec![None]));
        assert_eq!(found.reason.as_deref(), Some("was a number and now is a text"));
    }

    #[test]
    fn frames_survive_serialisation_and_threads() {
        let column = |name: &str, values| Column { name: name.to_owned(), values };
        let frame = |power, shift, text: &str| {
            let count = text.len();
            Frame::new(vec![
                column("n", Values::Number(irregular(count, power, shift))),
                column("t", Values::Text(texts(text))),
                column("z", Values::Number(vec![0.1; count])),
            ])
            .unwrap()
        };
        let references = References::of(&frame(3.0, 0.1, &"abc-".repeat(500)));
        let copy: References = serde_json::from_str(&serde_json::to_string(&references).unwrap()).unwrap();
        assert_eq!(copy, references);
        let now = frame(2.0, 0.2, &"abcd".repeat(80));
        let at = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| copy.compare(&now))
        };
        assert_eq!(at(1), references.compare(&now));
        assert_eq!(at(1), at(4));
        let gone = references.compare(&Frame::new(Vec::new()).unwrap());
        assert!(gone.iter().all(|row| row.reason.as_deref() == Some("the column is no longer there")));
    }
}
