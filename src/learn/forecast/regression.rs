//! What regressors add to a value: regression with the errors of another model.
//!
//! The effect of the regressors is estimated on differences to the season before (to the period before, where there are
//! too few seasons), so that neither a level that moves nor a season is taken for an effect; what is left after taking
//! it out of the history is forecast by any model of one series, and the effect is added again. R. J. Hyndman and
//! G. Athanasopoulos, "Forecasting: Principles and Practice", 3rd edition, chapter 10; differencing as in section 10.1.
//! A regressor with many values may bend at its terciles (heating and cooling), by a linear spline; where a season has
//! 24 periods or more, its effect may differ over the season by a first harmonic.

use serde::{Deserialize, Serialize};

use super::ridge::Products;

/// The penalty, in parts of the mean square of a feature.
const PENALTY: f64 = 0.01;
/// Differences per feature that are asked for.
const ROWS_PER_FEATURE: usize = 4;
/// Different values from which a regressor may bend.
const MANY: usize = 12;
/// The shortest season over which an effect may differ.
const LONG_SEASON: usize = 24;
/// How far beyond what was seen an effect is followed, in parts of the range.
const BEYOND: f64 = 0.25;

/// The effect of regressors on one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Regression {
    shapes: Vec<Shape>,
    /// Per regressor that varies, per bend, per harmonic.
    weights: Vec<f64>,
    /// The season over which effects differ; 1 where they do not.
    harmonic: usize,
}

/// How a regressor enters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Shape {
    /// Its place among the regressors.
    column: usize,
    low: f64,
    high: f64,
    centre: f64,
    scale: f64,
    /// Where it bends, in units of the scale from the centre.
    knots: Vec<f64>,
    /// Periods of which the mean enters: what was warm all day is not what is warm now.
    window: usize,
}

/// Regressors beside a history and what follows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside<'a> {
    /// Per regressor, from the first period of the history.
    pub columns: &'a [Vec<f64>],
    /// The first period of the history, so that harmonics keep their place.
    pub start: i64,
}

impl Shape {
    fn of(column: usize, values: &[f64], window: usize) -> Option<Shape> {
        let means: Vec<f64>;
        let values = if window > 1 {
            means = (0..values.len()).map(|at| trailing(values, at, window)).collect();
            &means
        } else {
            values
        };
        let count = values.len() as f64;
        let centre = values.iter().sum::<f64>() / count;
        let scale = (values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / count).sqrt();
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let (low, high) = (*sorted.first()?, *sorted.last()?);
        if !(scale > 1e-12 * centre.abs().max(1e-300) && scale.is_finite()) {
            return None;
        }
        let tercile = |part: usize| (sorted[part * sorted.len() / 3] - centre) / scale;
        let distinct = sorted.windows(2).filter(|pair| pair[0] != pair[1]).count() + 1;
        let mut knots = if distinct >= MANY { vec![tercile(1), tercile(2)] } else { Vec::new() };
        knots.dedup();
        Some(Shape { column, low, high, centre, scale, knots, window })
    }

    fn width(&self) -> usize {
        1 + self.knots.len()
    }

    /// The features of a value: itself, and by how much it is above each knot.
    fn push(&self, value: f64, factor: f64, row: &mut Vec<f64>) {
        let margin = BEYOND * (self.high - self.low);
        let value = if value.is_finite() { value } else { self.centre };
        let z = (value.clamp(self.low - margin, self.high + margin) - self.centre) / self.scale;
        row.push(factor * z);
        row.extend(self.knots.iter().map(|knot| factor * (z - knot).max(0.0)));
    }
}

/// The mean of the values up to a place; NaN beyond them.
fn trailing(values: &[f64], at: usize, window: usize) -> f64 {
    match values.get((at + 1).saturating_sub(window)..=at) {
        Some(part) => part.iter().sum::<f64>() / part.len() as f64,
        None => f64::NAN,
    }
}

impl Regression {
    /// Learns from a history and the regressors beside it; `None` where there is too little or nothing varies.
    pub fn fit(
        history: &[f64],
        outside: Outside<'_>,
        season: usize,
        seasons: &[usize],
    ) -> Option<Regression> {
        let longest = seasons.last().copied().unwrap_or(season);
        let lag = [longest, season, 1].into_iter().find(|lag| history.len() >= 3 * lag + 8)?;
        let shapes: Vec<Shape> = outside
            .columns
            .iter()
            .enumerate()
            .flat_map(|(column, values)| {
                let values = values.get(..history.len()).unwrap_or(&[]);
                let now = Shape::of(column, values, 1);
                // What is on or off needs no mean over a day.
                let smooth =
                    now.as_ref().is_some_and(|shape| season >= LONG_SEASON && !shape.knots.is_empty());
                let mean = smooth.then(|| Shape::of(column, values, season)).flatten();
                now.into_iter().chain(mean)
            })
            .collect();
        let width: usize = shapes.iter().map(Shape::width).sum();
        if width == 0 {
            return None;
        }
        let rows = history.len() - lag;
        let harmonic = if season >= LONG_SEASON && rows >= 20 * 3 * width { season } else { 1 };
        let mut found = Regression { shapes, weights: Vec::new(), harmonic };
        // With few rows a regressor may not bend.
        if rows < 2 * ROWS_PER_FEATURE * width {
            found.shapes.iter_mut().for_each(|shape| shape.knots.clear());
        }
        let width = found.width();
        if rows < ROWS_PER_FEATURE * width {
            return None;
        }
        let mut products = Products::new(width);
        let (mut before, mut now) = (Vec::with_capacity(width), Vec::with_capacity(width));
        for at in lag..history.len() {
            found.row(outside, at - lag, &mut before);
            found.row(outside, at, &mut now);
            now.iter_mut().zip(&before).for_each(|(now, before)| *now -= before);
            products.add(&now, history[at] - history[at - lag]);
        }
        found.weights = products.solve(PENALTY);
        found.weights.iter().any(|weight| *weight != 0.0).then_some(found)
    }

    fn width(&self) -> usize {
        self.shapes.iter().map(Shape::width).sum::<usize>() * if self.harmonic > 1 { 3 } else { 1 }
    }

    /// The features of the period at that place, counted from the start of the history.
    fn row(&self, outside: Outside<'_>, at: usize, row: &mut Vec<f64>) {
        row.clear();
        for shape in &self.shapes {
            let value = trailing(&outside.columns[shape.column], at, shape.window);
            shape.push(value, 1.0, row);
            if self.harmonic > 1 {
                let place = (outside.start + at as i64).rem_euclid(self.harmonic as i64) as f64;
                let angle = std::f64::consts::TAU * place / self.harmonic as f64;
                shape.push(value, angle.cos(), row);
                shape.push(value, angle.sin(), row);
            }
        }
    }

    /// What each regressor adds at that place, with its column.
    pub fn parts(&self, outside: Outside<'_>, at: usize) -> Vec<(usize, f64)> {
        let mut row = Vec::with_capacity(self.weights.len());
        self.row(outside, at, &mut row);
        let (mut start, mut parts) = (0, Vec::<(usize, f64)>::with_capacity(self.shapes.len()));
        for shape in &self.shapes {
            let end = start + shape.width() * if self.harmonic > 1 { 3 } else { 1 };
            let pairs = row[start..end].iter().zip(&self.weights[start..end]);
            let part: f64 = pairs.map(|(value, weight)| value * weight).sum();
            match parts.last_mut() {
                Some((column, sum)) if *column == shape.column => *sum += part,
                _ => parts.push((shape.column, part)),
            }
            start = end;
        }
        parts
    }

    /// What all regressors add over a range of places.
    pub fn effects(&self, outside: Outside<'_>, range: std::ops::Range<usize>) -> Vec<f64> {
        let mut row = Vec::with_capacity(self.weights.len());
        range
            .map(|at| {
                self.row(outside, at, &mut row);
                row.iter().zip(&self.weights).map(|(value, weight)| value * weight).sum()
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_an_effect_beside_a_moving_level_and_a_season() {
        let price: Vec<f64> = (0..130).map(|t| f64::from(t * 7 % 5)).collect();
        let value = |t: usize| 100.0 + t as f64 + [0.0, 30.0, 9.0, -5.0][t % 4] - 4.0 * price[t];
        let history: Vec<f64> = (0..120).map(value).collect();
        let columns = [price.clone(), vec![1.0; 130]];
        let outside = Outside { columns: &columns, start: 0 };
        let found = Regression::fit(&history, outside, 4, &[]).unwrap();
        let effects = found.effects(outside, 0..130);
        let slope = (effects[1] - effects[0]) / (price[1] - price[0]);
        assert!((slope + 4.0).abs() < 0.1, "{slope}");
        assert_eq!(found.parts(outside, 125).len(), 1);
        let text = serde_json::to_string(&found).unwrap();
        let again: Regression = serde_json::from_str(&text).unwrap();
        assert_eq!(again.effects(outside, 0..130), effects);
    }

    #[test]
    fn nothing_that_varies_and_too_little_history_have_no_effect() {
        let columns = [vec![2.0; 60]];
        let outside = Outside { columns: &columns, start: 0 };
        let history: Vec<f64> = (0..50).map(f64::from).collect();
        assert_eq!(Regression::fit(&history, outside, 4, &[]), None);
        assert_eq!(Regression::fit(&history[..3], outside, 4, &[]), None);
    }
}
