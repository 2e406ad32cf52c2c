//! Clusters of any shape: where rows lie dense, with the rest as noise.

use linfa::ParamGuard as _;
use linfa::traits::Transformer as _;
use linfa_clustering::Dbscan;
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::centres::squared;
use super::silhouette::silhouette;
use crate::error::{Error, ErrorKind, Result};

/// More rows than this are too many for distances between all.
const MOST: usize = 20_000;
/// Parts of the rows to be in the midst of others.
const PARTS: [f64; 7] = [0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0];
/// A little more than the distance itself, so that rounding excludes no row from its own neighbourhood.
const SLACK: f64 = 1.000_001;
/// Rows drawn for a silhouette.
const DRAWN: usize = 1_000;

/// The rows in the midst of others, with their clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Density {
    reach: f64,
    cores: Array2<f64>,
    labels: Vec<usize>,
}

impl Density {
    /// M. Ester, H.-P. Kriegel, J. Sander and X. Xu, "A density-based algorithm for discovering clusters", Knowledge
    /// Discovery and Data Mining (1996), 226-231, by linfa. A row in the midst has `2 d` rows within reach, itself
    /// among them (J. Sander et al., Data Mining and Knowledge Discovery 2 (1998), 169-194). Of the reaches at which given
    /// parts of all rows are in the midst, that is taken for which silhouette times the part of rows in clusters is
    /// largest.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] where there are too many rows, or all are alike or all are noise.
    pub fn fit(space: &Array2<f64>, seed: u64) -> Result<Density> {
        let rows = space.nrows();
        if rows > MOST {
            return Err(Error::new(
                ErrorKind::Model,
                format!("{rows} rows are too many for density clusters"),
            )
            .with_hint("Use k-means, which takes any number of rows."));
        }
        let fewest = (2 * space.ncols()).max(4);
        if rows <= fewest {
            return Err(Error::new(
                ErrorKind::NoHistory,
                format!("{rows} rows are too few for density clusters"),
            ));
        }
        let mut distances: Vec<f64> = (0..rows)
            .into_par_iter()
            .map(|row| {
                let mut squares: Vec<f64> =
                    space.rows().into_iter().map(|other| squared(other, space.row(row))).collect();
                *squares.select_nth_unstable_by(fewest - 1, f64::total_cmp).1
            })
            .collect();
        distances.iter_mut().for_each(|square| *square = square.sqrt());
        distances.sort_unstable_by(f64::total_cmp);
        let mut best: Option<(f64, f64, Vec<Option<usize>>)> = None;
        for part in PARTS {
            let reach = distances[((rows - 1) as f64 * part).round() as usize].max(1e-6) * SLACK;
            let params = Dbscan::params(fewest).tolerance(reach).check().map_err(|error| {
                Error::new(ErrorKind::Model, "density clusters could not be fitted").with_source(error)
            })?;
            let labels = params.transform(space).to_vec();
            let inside = labels.iter().flatten().count() as f64 / rows as f64;
            // One cluster has no silhouette, but is better than none.
            let value = silhouette(space.view(), &labels, DRAWN, seed).unwrap_or(0.0) * inside;
            if inside > 0.0 && best.as_ref().is_none_or(|(other, ..)| value > *other) {
                best = Some((value, reach, labels));
            }
        }
        let Some((_, reach, labels)) = best else {
            return Err(Error::new(ErrorKind::Model, "no part of the space is dense: every row is noise"));
        };
        let within = |row: usize| {
            let near =
                space.rows().into_iter().filter(|other| squared(*other, space.row(row)) <= reach * reach);
            near.count() >= fewest
        };
        let cores: Vec<usize> =
            (0..rows).into_par_iter().filter(|&row| labels[row].is_some() && within(row)).collect();
        let labels = cores.iter().filter_map(|&row| labels[row]).collect();
        Ok(Density { reach, cores: space.select(Axis(0), &cores), labels })
    }

    /// The cluster of the nearest row in the midst, if that is within reach.
    pub fn label(&self, row: ArrayView1<'_, f64>) -> Option<usize> {
        let squares = self.cores.rows().into_iter().map(|core| squared(core, row)).enumerate();
        let nearest =
            squares.fold((0, f64::INFINITY), |best, next| if next.1 < best.1 { next } else { best });
        (nearest.1 <= self.reach * self.reach).then(|| self.labels[nearest.0])
    }

    /// How many clusters there are.
    pub fn clusters(&self) -> usize {
        self.labels.iter().max().map_or(0, |last| last + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::centres::tests::clouds;
    use super::*;

    #[test]
    fn clouds_are_clusters_and_a_far_row_is_noise() {
        let density = Density::fit(&clouds(), 1).unwrap();
        assert_eq!(density.clusters(), 3);
        assert_eq!(density.label(ndarray::aview1(&[50.0, 50.0])), None);
        let [one, two] = [[0.0, 0.1], [8.0, 0.1]].map(|row| density.label(ndarray::aview1(&row)));
        assert!(one.is_some() && two.is_some() && one != two);
    }

    #[test]
    fn equal_rows_are_one_cluster_and_few_are_refused() {
        assert_eq!(Density::fit(&Array2::zeros((50, 2)), 1).unwrap().clusters(), 1);
        assert!(Density::fit(&Array2::zeros((3, 2)), 1).is_err());
    }
}
