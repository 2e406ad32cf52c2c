//! Which series add up to which.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};

/// A series of the hierarchy.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Node {
    /// The place of its grouping among the levels: 0 is the total, the last the bottom.
    pub level: usize,
    /// Its keys, one for each key column; `None` where the level sums over the column.
    pub key: Vec<Option<String>>,
    /// The bottom series it is the sum of, ascending.
    pub members: Vec<usize>,
}

/// Bottom series and their sums. The rows of the summing matrix are the nodes' members; nothing else of it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Hierarchy {
    nodes: Vec<Node>,
    bottom: usize,
}

impl Hierarchy {
    /// From the keys of the bottom series (each with one text for every key column, none twice) and the levels between
    /// the total and the bottom, each by the places of the columns it keeps apart: with the columns state and industry,
    /// `[[0], [1]]` sums by state and by industry. The total comes first and the bottom last, without being asked for;
    /// within a level nodes are sorted by key, but bottom series stay in the order given.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] for no series, keys of different lengths or twice the same; [`ErrorKind::Declaration`] for
    /// a level that names a column that is not there, or twice the same level.
    pub fn new(keys: &[Vec<String>], groupings: &[Vec<usize>]) -> Result<Hierarchy> {
        let Some(first) = keys.first() else {
            return Err(Error::new(ErrorKind::Model, "a hierarchy needs at least one series"));
        };
        let columns = first.len();
        if keys.iter().any(|key| key.len() != columns) {
            return Err(Error::new(ErrorKind::Model, "the keys of a hierarchy are of different lengths"));
        }
        let mut sorted: Vec<&Vec<String>> = keys.iter().collect();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::new(ErrorKind::Model, "two series of a hierarchy have the same key")
                .with_hint("Sum them first, or add a key column that tells them apart."));
        }
        let mut levels: Vec<Vec<usize>> = vec![Vec::new()];
        for grouping in groupings {
            let mut level = grouping.clone();
            level.sort_unstable();
            level.dedup();
            if level.iter().any(|column| *column >= columns) {
                return Err(Error::new(
                    ErrorKind::Declaration,
                    "a level of the hierarchy has an unknown column",
                ));
            }
            if levels.contains(&level) || level.len() == columns {
                return Err(Error::new(ErrorKind::Declaration, "a level of the hierarchy is there twice")
                    .with_hint("The total and the bottom need not be declared."));
            }
            levels.push(level);
        }
        let mut nodes = Vec::new();
        for (level, kept) in levels.iter().enumerate() {
            let mut groups: BTreeMap<Vec<Option<String>>, Vec<usize>> = BTreeMap::new();
            for (series, key) in keys.iter().enumerate() {
                let key = key.iter().enumerate();
                let key = key.map(|(column, value)| kept.contains(&column).then(|| value.clone())).collect();
                groups.entry(key).or_default().push(series);
            }
            nodes.extend(groups.into_iter().map(|(key, members)| Node { level, key, members }));
        }
        nodes.extend(keys.iter().enumerate().map(|(series, key)| Node {
            level: levels.len(),
            key: key.iter().cloned().map(Some).collect(),
            members: vec![series],
        }));
        Ok(Hierarchy { nodes, bottom: keys.len() })
    }

    /// All series: sums first, level by level, then the bottom.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many bottom series there are.
    #[cfg(test)]
    pub fn bottom(&self) -> usize {
        self.bottom
    }

    /// How many sums there are: the nodes before the bottom.
    pub fn sums(&self) -> usize {
        self.nodes.len() - self.bottom
    }

    /// The values of all nodes from those of the bottom series, each the sum of its members in their order.
    pub fn add_up(&self, bottom: &[f64]) -> Vec<f64> {
        let sum =
            |node: &Node| node.members[1..].iter().fold(bottom[node.members[0]], |sum, &m| sum + bottom[m]);
        self.nodes.iter().map(sum).collect()
    }

    /// For every bottom series, the sums it is part of, ascending.
    pub(super) fn parents(&self) -> Vec<Vec<usize>> {
        let mut parents = vec![Vec::new(); self.bottom];
        for (place, node) in self.nodes[..self.sums()].iter().enumerate() {
            for &member in &node.members {
                parents[member].push(place);
            }
        }
        parents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Vec<String> {
        text.split('/').map(str::to_string).collect()
    }

    #[test]
    fn levels_and_members() {
        let keys = ["B/x", "A/x", "A/y"].map(key);
        let hierarchy = Hierarchy::new(&keys, &[vec![0], vec![1]]).unwrap();
        let members: Vec<&[usize]> = hierarchy.nodes().iter().map(|node| &node.members[..]).collect();
        assert_eq!(members, [&[0, 1, 2][..], &[1, 2], &[0], &[0, 1], &[2], &[0], &[1], &[2]]);
        assert_eq!((hierarchy.sums(), hierarchy.bottom()), (5, 3));
        assert_eq!(hierarchy.nodes()[1].key, [Some("A".to_string()), None]);
        assert_eq!(hierarchy.add_up(&[1.0, 2.0, 4.0]), [7.0, 6.0, 1.0, 3.0, 4.0, 1.0, 2.0, 4.0]);
        assert_eq!(hierarchy.parents()[1], [0, 1, 3]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let keys = ["A/x", "A/y"].map(key);
        assert!(Hierarchy::new(&[], &[]).is_err());
        assert!(Hierarchy::new(&["A/x", "A/x"].map(key), &[]).is_err());
        assert!(Hierarchy::new(&["A/x", "A"].map(key), &[]).is_err());
        assert!(Hierarchy::new(&keys, &[vec![2]]).is_err());
        assert!(Hierarchy::new(&keys, &[vec![0], vec![0]]).is_err());
        assert!(Hierarchy::new(&keys, &[vec![1, 0]]).is_err());
    }
}
