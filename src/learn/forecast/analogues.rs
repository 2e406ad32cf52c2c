//! New series, by the shape that others had when they were new.
//!
//! The shape is the mean over older series (those that share some columns, if declared) of their first values, each
//! relative to its mean over the periods in which a series counts as new; a new series follows it at its own size.
//! Series that were already there when the history begins tell nothing: their beginning was not seen.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;

use crate::project::ForecastDecl;

use super::panel::Panel;
use super::rows;

/// Fewer series than this make no shape.
const FEW: usize = 3;
/// The shape of all series.
const ALL: &str = "*";

/// The shapes: per value of the shared columns, and of all.
pub(super) fn learn(panel: &Panel, decl: &ForecastDecl) -> BTreeMap<String, Vec<f64>> {
    let Some(analogue) = &decl.analogue else { return BTreeMap::new() };
    let first = (0..panel.series.len()).map(|series| panel.start(series)).min().unwrap_or(0);
    let length = analogue.below + decl.horizon;
    let lowest = panel.series.iter().map(|series| series.level).max().unwrap_or(0);
    let groups = groups(panel, decl);
    let mut shapes: BTreeMap<String, (Vec<f64>, usize)> = BTreeMap::new();
    for (series, group) in groups.into_iter().enumerate() {
        let own = &panel.series[series];
        if own.level != lowest || panel.start(series) == first || own.values.len() < length {
            continue;
        }
        let size = own.values[..analogue.below].iter().sum::<f64>() / analogue.below.max(1) as f64;
        if size.is_nan() || size <= 0.0 {
            continue;
        }
        for key in [group, ALL.to_string()] {
            let entry = shapes.entry(key).or_insert_with(|| (vec![0.0; length], 0));
            entry.0.iter_mut().zip(&own.values).for_each(|(sum, value)| *sum += value / size);
            entry.1 += 1;
        }
    }
    let enough = shapes.into_iter().filter(|(_, (_, count))| *count >= FEW);
    enough.map(|(key, (sum, count))| (key, sum.iter().map(|sum| sum / count as f64).collect())).collect()
}

/// The value of the shared columns, per series.
pub(super) fn groups(panel: &Panel, decl: &ForecastDecl) -> Vec<String> {
    let same = decl.analogue.as_ref().map_or(&[][..], |analogue| &analogue.same);
    let place = |name: &String| decl.series.iter().position(|own| own == name);
    let keys: Vec<ArrayRef> = same.iter().filter_map(place).map(|index| panel.keys[index].clone()).collect();
    let rows: Vec<u32> = (0..panel.series.len() as u32).collect();
    if same.is_empty() {
        return vec![ALL.to_string(); rows.len()];
    }
    rows::labels(same, &keys, &rows).unwrap_or_else(|_| vec![ALL.to_string(); rows.len()])
}

/// What follows the first values of a new series; `None` where there is no shape or too many values.
pub(super) fn forecast(
    shapes: &BTreeMap<String, Vec<f64>>,
    group: &str,
    values: &[f64],
    horizon: usize,
) -> Option<Vec<f64>> {
    let shape = shapes.get(group).or_else(|| shapes.get(ALL))?;
    let ahead = shape.get(values.len()..values.len() + horizon)?;
    let usual: f64 = shape[..values.len()].iter().sum();
    let size = values.iter().sum::<f64>() / usual;
    (usual > 0.0 && size.is_finite()).then(|| ahead.iter().map(|value| size * value).collect())
}
