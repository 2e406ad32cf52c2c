//! The levels of a hierarchy: the total, the first series column, the first two, and so on down to the series themselves.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::row::{RowConverter, SortField};

use crate::error::Result;
use crate::project::ForecastDecl;

use super::panel::{Panel, Series};
use super::rows;

/// Puts the upper levels before the series of the query. Series are sorted by their keys, so what belongs together lies
/// together.
///
/// # Errors
/// Where a key cannot be compared.
pub(super) fn add(panel: &mut Panel, decl: &ForecastDecl) -> Result<()> {
    let depth = decl.series.len();
    let lowest = std::mem::take(&mut panel.series);
    let count = lowest.len();
    // Per level, the index of the first of the lowest series of each of its series.
    let mut firsts: Vec<Vec<usize>> = Vec::with_capacity(depth + 1);
    for level in 0..depth {
        firsts.push(starts(&panel.keys[..level], count)?);
    }
    firsts.push((0..count).collect());
    let offsets: Vec<usize> = firsts
        .iter()
        .scan(0, |offset, firsts| {
            let own = *offset;
            *offset += firsts.len();
            Some(own)
        })
        .collect();
    // From the lowest level up, each series is the sum of those right below it.
    let mut levels: Vec<Vec<Series>> = vec![lowest];
    let mut children: Vec<Vec<std::ops::Range<usize>>> = vec![vec![0..0; count]];
    for level in (0..depth).rev() {
        let below = levels.last().expect("there is a lowest level");
        let bounds: Vec<usize> = firsts[level]
            .iter()
            .map(|first| firsts[level + 1].partition_point(|below| below < first))
            .chain([firsts[level + 1].len()])
            .collect();
        let labels = match level {
            0 => vec!["total".to_string()],
            _ => {
                let rows: Vec<u32> = firsts[level].iter().map(|&first| first as u32).collect();
                rows::labels(&decl.series[..level], &panel.keys[..level], &rows)?
            }
        };
        let ranges: Vec<_> = bounds.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let sums = ranges.iter().zip(labels);
        let sums = sums.map(|(range, label)| sum(&below[range.clone()], label, level as i32)).collect();
        let offset = offsets[level + 1];
        children.push(ranges.into_iter().map(|range| range.start + offset..range.end + offset).collect());
        levels.push(sums);
    }
    let key = |(column, keys): (usize, &ArrayRef)| -> Result<ArrayRef> {
        let rows = firsts.iter().enumerate().flat_map(|(level, firsts)| {
            firsts.iter().map(move |&first| (column < level).then_some(first as u32))
        });
        Ok(take(keys, &rows.collect::<UInt32Array>(), None)?)
    };
    panel.keys = panel.keys.iter().enumerate().map(key).collect::<Result<_>>()?;
    panel.series = levels.into_iter().rev().flatten().collect();
    panel.children = children.into_iter().rev().flatten().collect();
    Ok(())
}

/// Where a new combination of keys starts.
fn starts(keys: &[ArrayRef], count: usize) -> Result<Vec<usize>> {
    if keys.is_empty() {
        return Ok(vec![0]);
    }
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let encoded = RowConverter::new(fields)?.convert_columns(keys)?;
    Ok((0..count).filter(|&row| row == 0 || encoded.row(row) != encoded.row(row - 1)).collect())
}

/// The sum of series that end together, added in their order; regressors are averaged.
fn sum(parts: &[Series], label: String, level: i32) -> Series {
    let span = parts.iter().map(|part| part.values.len()).max().unwrap_or(0);
    let mut values = vec![0.0; span];
    let mut observed = vec![true; span];
    for part in parts {
        let skip = span - part.values.len();
        for (index, (value, seen)) in part.values.iter().zip(&part.observed).enumerate() {
            values[skip + index] += value;
            observed[skip + index] &= seen;
        }
    }
    let columns = parts.first().map_or(0, |part| part.outside.len());
    let outside = (0..columns).map(|column| {
        let length = parts.iter().map(|part| part.outside[column].len()).max().unwrap_or(0);
        let mut sums = vec![(0.0, 0.0); length];
        for part in parts {
            let skip = length - part.outside[column].len();
            for (index, value) in part.outside[column].iter().enumerate().filter(|(_, v)| v.is_finite()) {
                sums[skip + index].0 += value;
                sums[skip + index].1 += 1.0;
            }
        }
        sums.into_iter().map(|(sum, count)| if count > 0.0 { sum / count } else { f64::NAN }).collect()
    });
    let outside = outside.collect();
    Series { label, level, values, observed, outside }
}
