//! Columns of any kind as numbers of comparable size.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::super::frame::{Frame, Values};
use crate::error::{Error, ErrorKind, Result};

/// The interquartile range of a normal distribution in standard deviations.
const QUARTILES: f64 = 1.348_979_500_392_163_5;
/// A value further out than this many robust standard deviations counts as that far: else one slip of the pen would be
/// a cluster of its own.
const FARTHEST: f64 = 5.0;
/// Texts beyond this many, the most frequent, are taken together.
const TEXTS: usize = 12;

/// How the columns of a frame become the coordinates of a space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Scaling {
    columns: Vec<Scaled>,
    left_out: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Scaled {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    /// Values are cut at both ends, then counted from the median in units of the standard deviation that is left; the
    /// median stands in where a value is missing.
    Number { centre: f64, low: f64, high: f64, unit: f64 },
    /// One coordinate for each text; those not listed, and missing ones, are 0 everywhere.
    Text { texts: Vec<String> },
}

impl Scaling {
    /// Learns from a frame. Numbers are cut at five robust standard deviations (of the interquartile range, or where that
    /// is zero the standard deviation) from the median, and then brought to a variance of 1: an outlier moves nothing,
    /// and no column outweighs the others because most of its values are alike.
    ///
    /// # Errors
    /// [`ErrorKind::NoHistory`] without rows; [`ErrorKind::Model`] where no column varies.
    pub fn fit(frame: &Frame) -> Result<Scaling> {
        if frame.rows() == 0 {
            return Err(Error::new(ErrorKind::NoHistory, "there are no rows to learn from"));
        }
        let (mut columns, mut left_out) = (Vec::new(), Vec::new());
        for column in frame.columns() {
            let kind = match &column.values {
                Values::Number(values) => number(values),
                Values::Text(values) => text(values),
            };
            match kind {
                Ok(kind) => columns.push(Scaled { name: column.name.clone(), kind }),
                Err(why) => left_out.push((column.name.clone(), why.to_owned())),
            }
        }
        if columns.is_empty() {
            return Err(Error::new(
                ErrorKind::Model,
                "no column varies: there is nothing to tell rows apart by",
            )
            .with_hint("Give the model columns with at least two different values."));
        }
        Ok(Scaling { columns, left_out })
    }

    /// Columns that play no part, and why.
    pub fn left_out(&self) -> &[(String, String)] {
        &self.left_out
    }

    /// The names of the coordinates: of the column, or of the column and the text.
    pub fn names(&self) -> Vec<String> {
        let names = self.columns.iter().flat_map(|column| match &column.kind {
            Kind::Number { .. } => vec![column.name.clone()],
            Kind::Text { texts } => texts.iter().map(|text| format!("{} = {text}", column.name)).collect(),
        });
        names.collect()
    }

    /// Rows of the space; columns are found by name.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where a column is missing or of the other kind.
    pub fn apply(&self, frame: &Frame) -> Result<Array2<f64>> {
        let mut space = Array2::zeros((frame.rows(), self.names().len()));
        let mut at = 0;
        for scaled in &self.columns {
            let column = frame.columns().iter().find(|column| column.name == scaled.name);
            match (&scaled.kind, column.map(|column| &column.values)) {
                (Kind::Number { centre, low, high, unit }, Some(Values::Number(values))) => {
                    for (place, value) in space.column_mut(at).iter_mut().zip(values) {
                        *place =
                            if value.is_nan() { 0.0 } else { (value.clamp(*low, *high) - centre) / unit };
                    }
                    at += 1;
                }
                (Kind::Text { texts }, Some(Values::Text(values))) => {
                    for (row, value) in values.iter().enumerate() {
                        let known = value.as_ref().and_then(|value| texts.binary_search(value).ok());
                        if let Some(text) = known {
                            space[[row, at + text]] = 1.0;
                        }
                    }
                    at += texts.len();
                }
                (_, None) => {
                    return Err(Error::new(ErrorKind::Model, format!("column {:?} is missing", scaled.name)));
                }
                (_, Some(_)) => {
                    let message = format!("column {:?} is not of the kind it was learned with", scaled.name);
                    return Err(Error::new(ErrorKind::Model, message));
                }
            }
        }
        Ok(space)
    }
}

fn number(values: &[f64]) -> std::result::Result<Kind, &'static str> {
    let mut known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if known.is_empty() {
        return Err("it has no values");
    }
    known.sort_unstable_by(f64::total_cmp);
    let quantile = |part: f64| {
        let at = part * (known.len() - 1) as f64;
        let (low, high) = (known[at.floor() as usize], known[at.ceil() as usize]);
        // Halves first: the difference of two huge values of either sign would not fit.
        2.0 * ((high / 2.0 - low / 2.0) * at.fract()) + low
    };
    let centre = quantile(0.5);
    let range = (quantile(0.75) - quantile(0.25)) / QUARTILES;
    let (least, most) = (known[0], known[known.len() - 1]);
    let spread = if range > 1e-12 * (most / 2.0 - least / 2.0) {
        range
    } else {
        deviation(&known, centre, least, most)
    };
    let (low, high) = ((centre - FARTHEST * spread).max(least), (centre + FARTHEST * spread).min(most));
    let unit = deviation(&known, centre, low, high);
    match unit.is_finite() && unit > 1e-12 * centre.abs() && (high - low).is_finite() {
        true => Ok(Kind::Number { centre, low, high, unit }),
        false => Err("it does not vary"),
    }
}

/// The root of the mean squared distance from `centre` of values cut at both ends.
fn deviation(values: &[f64], centre: f64, low: f64, high: f64) -> f64 {
    let size = (centre - low).max(high - centre);
    if !(size > 0.0 && size.is_finite()) {
        return 0.0;
    }
    // Squares of parts of the largest: they cannot overflow.
    let squares = values.iter().map(|value| ((value.clamp(low, high) - centre) / size).powi(2)).sum::<f64>();
    size * (squares / values.len() as f64).sqrt()
}

fn text(values: &[Option<String>]) -> std::result::Result<Kind, &'static str> {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for value in values.iter().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let missing = values.iter().any(Option::is_none);
    if counts.is_empty() || (counts.len() == 1 && !missing) {
        return Err("it does not vary");
    }
    let mut texts: Vec<(&str, usize)> = counts.into_iter().collect();
    texts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    texts.truncate(TEXTS);
    let mut texts: Vec<String> = texts.into_iter().map(|(text, _)| text.to_owned()).collect();
    texts.sort_unstable();
    Ok(Kind::Text { texts })
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::Column;
    use super::*;

    fn frame(values: Vec<Values>) -> Frame {
        let names = ["a", "b", "c"];
        let column = |(name, values): (&str, Values)| Column { name: name.to_owned(), values };
        Frame::new(names.into_iter().zip(values).map(column).collect()).unwrap()
    }

    #[test]
    fn numbers_and_texts_become_coordinates() {
        let texts = ["x", "y", "x", "x", "x"].map(|text| Some(text.to_owned())).to_vec();
        let frame = frame(vec![
            Values::Number(vec![0.0, 1.0, 2.0, 3.0, 1e9]),
            Values::Text(texts),
            Values::Number(vec![7.0; 5]),
        ]);
        let scaling = Scaling::fit(&frame).unwrap();
        assert_eq!(scaling.names(), ["a", "b = x", "b = y"]);
        assert_eq!(scaling.left_out(), [("c".to_owned(), "it does not vary".to_owned())]);
        let space = scaling.apply(&frame).unwrap();
        // The last counts as five robust standard deviations from the median, which are 2 * 5 / 1.349.
        let far = 10.0 / QUARTILES;
        let unit = ((4.0 + 1.0 + 1.0 + far * far) / 5.0).sqrt();
        assert!((space[[3, 0]] - 1.0 / unit).abs() < 1e-12 && (space[[4, 0]] - far / unit).abs() < 1e-12);
        assert_eq!((space[[1, 1]], space[[1, 2]]), (0.0, 1.0));
    }

    #[test]
    fn nothing_to_tell_apart_is_refused() {
        assert!(Scaling::fit(&frame(vec![Values::Number(vec![1.0; 3])])).is_err());
        assert!(
            Scaling::fit(&frame(vec![Values::Number(vec![f64::NAN; 3]), Values::Text(vec![None; 3])]))
                .is_err()
        );
        assert!(Scaling::fit(&frame(vec![Values::Number(vec![])])).is_err());
        let huge = frame(vec![Values::Number(vec![-1e308, 1e308, 0.0])]);
        if let Ok(scaling) = Scaling::fit(&huge) {
            assert!(scaling.apply(&huge).unwrap().iter().all(|value| value.is_finite()));
        }
    }
}
