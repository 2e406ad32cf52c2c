//! The parts of a set of rows that are judged separately: all, by step ahead, by segment, and by both.

use std::collections::BTreeMap;

/// A part; absent means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::learn) struct Slice {
    /// The segment, or all of them.
    pub segment: Option<String>,
    /// The step ahead, counted from 1, or all of them.
    pub step: Option<u32>,
}

/// The rows of each part, in the order given; all rows first, then by segment and step. A row without a segment or step
/// is in the parts over all of them only. `rows` are numbers of rows with their segments and steps.
pub(super) fn slices<'a>(
    rows: impl Iterator<Item = (usize, Option<&'a str>, Option<u32>)>,
) -> Vec<(Slice, Vec<usize>)> {
    let mut parts: BTreeMap<(Option<&str>, Option<u32>), Vec<usize>> = BTreeMap::new();
    parts.insert((None, None), Vec::new());
    for (row, segment, step) in rows {
        let mut put = |segment, step| parts.entry((segment, step)).or_default().push(row);
        put(None, None);
        if step.is_some() {
            put(None, step);
        }
        if segment.is_some() {
            put(segment, None);
        }
        if segment.is_some() && step.is_some() {
            put(segment, step);
        }
    }
    let slice = |(segment, step): (Option<&str>, _)| Slice { segment: segment.map(str::to_owned), step };
    parts.into_iter().map(|(key, rows)| (slice(key), rows)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_all_its_parts() {
        let rows = [(0, Some("a"), Some(1)), (1, Some("b"), Some(1)), (2, None, Some(2)), (3, None, None)];
        let parts = slices(rows.into_iter());
        let of = |segment: Option<&str>, step| {
            let slice = Slice { segment: segment.map(str::to_owned), step };
            parts.iter().find(|(part, _)| *part == slice).map(|(_, rows)| rows.clone())
        };
        assert_eq!(parts[0].1, [0, 1, 2, 3]);
        assert_eq!(of(None, Some(1)), Some(vec![0, 1]));
        assert_eq!(of(Some("b"), None), Some(vec![1]));
        assert_eq!(of(Some("b"), Some(1)), Some(vec![1]));
        assert_eq!(of(None, Some(2)), Some(vec![2]));
        assert_eq!(parts.len(), 7);
    }

    #[test]
    fn no_rows_are_one_empty_part() {
        assert_eq!(slices(std::iter::empty()), [(Slice::default(), Vec::new())]);
    }
}
