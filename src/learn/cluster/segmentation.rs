//! The model that is kept: scaling, clusters in a stable order, and what is unusual about each.

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::frame::Frame;
use super::centres::{centres, means, nearest, squared};
use super::density::Density;
use super::mixture::Mixture;
use super::scaling::Scaling;
use super::silhouette::silhouette;
use crate::error::Result;

/// Rows drawn for a silhouette.
const DRAWN: usize = 1_500;
/// A coordinate whose mean in a cluster is this many standard deviations from that of all is unusual.
const UNUSUAL: f64 = 0.5;

/// How rows are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learn) enum Method {
    /// Around centres; the number of clusters by silhouette.
    KMeans,
    /// As overlapping normal distributions; their number by the Bayesian information criterion.
    Mixture,
    /// Where rows lie dense; their number follows, and some rows belong to none.
    Density,
}

/// What a segmentation is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learn) struct Settings {
    /// How.
    pub method: Method,
    /// So many clusters; without it the number is chosen.
    pub clusters: Option<usize>,
    /// At most so many are tried.
    pub most: usize,
    /// Where everything random starts.
    pub seed: u64,
}

/// A cluster, seen from outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Profile {
    /// How many rows of the training data.
    pub size: usize,
    /// What is unusually high or low, most so first: name and distance from the mean of all rows, in their standard
    /// deviations.
    pub unusual: Vec<(String, f64)>,
}

/// Where a row belongs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Place {
    /// Counted from 0, the largest first; `None` for noise.
    pub cluster: Option<usize>,
    /// From the centre of its cluster, or for noise from the nearest, in robust standard deviations.
    pub distance: f64,
}

/// Groups rows that are alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Segmentation {
    scaling: Scaling,
    model: Model,
    /// The place of each of the model's clusters when ordered by size.
    order: Vec<usize>,
    centres: Array2<f64>,
    profiles: Vec<Profile>,
    tried: Vec<(usize, f64)>,
    silhouette: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Model {
    Centres(Array2<f64>),
    Mixture(Mixture),
    Density(Density),
}

impl Model {
    fn label(&self, row: ndarray::ArrayView1<'_, f64>) -> Option<usize> {
        match self {
            Model::Centres(centres) => Some(nearest(centres.view(), row).0),
            Model::Mixture(mixture) => Some(mixture.label(row)),
            Model::Density(density) => density.label(row),
        }
    }

    fn clusters(&self) -> usize {
        match self {
            Model::Centres(centres) => centres.nrows(),
            Model::Mixture(mixture) => mixture.parts(),
            Model::Density(density) => density.clusters(),
        }
    }

    fn labels(&self, space: &Array2<f64>) -> Vec<Option<usize>> {
        (0..space.nrows()).into_par_iter().map(|row| self.label(space.row(row))).collect()
    }
}

impl Segmentation {
    /// Learns from a frame. The order of its rows matters to what is drawn by chance: sort them first.
    ///
    /// # Errors
    /// Where no column varies, there are no rows, or the method has too few or too many of them.
    pub fn fit(frame: &Frame, settings: Settings) -> Result<Segmentation> {
        let scaling = Scaling::fit(frame)?;
        let space = scaling.apply(frame)?;
        let (model, tried) = fit(&space, settings)?;
        let labels = model.labels(&space);
        let silhouette = silhouette(space.view(), &labels, DRAWN, settings.seed);
        let clusters = model.clusters();
        let known: Vec<usize> = (0..labels.len()).filter(|&row| labels[row].is_some()).collect();
        let inside: Vec<usize> = known.iter().filter_map(|&row| labels[row]).collect();
        let start = Array2::zeros((clusters, space.ncols()));
        let unordered = means(space.select(Axis(0), &known).view(), &inside, start);
        let mut sizes = vec![0; clusters];
        inside.iter().for_each(|&label| sizes[label] += 1);
        let mut sorted: Vec<usize> = (0..clusters).collect();
        sorted.sort_by(|&a, &b| {
            let coordinates = unordered.row(a).into_iter().zip(unordered.row(b));
            let by_centre = coordinates.map(|(x, y)| x.total_cmp(y)).find(|order| order.is_ne());
            sizes[b].cmp(&sizes[a]).then(by_centre.unwrap_or(std::cmp::Ordering::Equal))
        });
        // Clusters that no row chose have no place of their own.
        sorted.retain(|&cluster| sizes[cluster] > 0);
        let mut order = vec![usize::MAX; clusters];
        sorted.iter().enumerate().for_each(|(place, &cluster)| order[cluster] = place);
        let centres = unordered.select(Axis(0), &sorted);
        let profiles = profiles(&scaling.names(), &space, &centres, &sorted, &sizes);
        Ok(Segmentation { scaling, model, order, centres, profiles, tried, silhouette })
    }

    /// The clusters, the largest first.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// Numbers of clusters that were tried, each with its silhouette (more is better) or, for a mixture, its criterion
    /// (less is better).
    pub fn tried(&self) -> &[(usize, f64)] {
        &self.tried
    }

    /// The mean silhouette: above 0.5 the clusters are real, below 0.25 there may be none (L. Kaufman and P. J.
    /// Rousseeuw, "Finding Groups in Data" (1990), section 2.2.2). `None` with fewer than two clusters.
    pub fn silhouette(&self) -> Option<f64> {
        self.silhouette
    }

    /// Columns that play no part, and why.
    pub fn left_out(&self) -> &[(String, String)] {
        self.scaling.left_out()
    }

    /// Where each row belongs.
    ///
    /// # Errors
    /// [`Model`](crate::error::ErrorKind::Model) where a column is missing or of the other kind.
    pub fn predict(&self, frame: &Frame) -> Result<Vec<Place>> {
        let space = self.scaling.apply(frame)?;
        let labels = self.model.labels(&space);
        let place = |(row, label): (usize, Option<usize>)| {
            let row = space.row(row);
            let (near, distance) = nearest(self.centres.view(), row);
            match label.map(|label| self.order[label]) {
                // A part of a mixture that no training row chose is far from everything.
                Some(usize::MAX) => Place { cluster: Some(near), distance },
                Some(own) => {
                    let centre: Array1<f64> = self.centres.row(own).to_owned();
                    Place { cluster: Some(own), distance: squared(centre.view(), row).sqrt() }
                }
                None => Place { cluster: None, distance },
            }
        };
        Ok(labels.into_iter().enumerate().map(place).collect())
    }
}

fn fit(space: &Array2<f64>, settings: Settings) -> Result<(Model, Vec<(usize, f64)>)> {
    if settings.method == Method::Density {
        return Ok((Model::Density(Density::fit(space, settings.seed)?), Vec::new()));
    }
    let different = different(space, settings.most.max(settings.clusters.unwrap_or(0)).max(1));
    let numbers = match settings.clusters {
        Some(clusters) => clusters.clamp(1, different)..=clusters.clamp(1, different),
        None => 1..=settings.most.clamp(1, different),
    };
    let mut tried = Vec::new();
    let mut best: Option<(f64, Model)> = None;
    for clusters in numbers {
        let (model, value, gain) = match settings.method {
            Method::Mixture => {
                let (mixture, likelihood) = Mixture::fit(space, clusters, settings.seed)?;
                let criterion = mixture.criterion(likelihood, space.nrows(), space.ncols());
                (Model::Mixture(mixture), criterion, -criterion)
            }
            Method::KMeans | Method::Density => {
                let model = Model::Centres(centres(space, clusters, settings.seed)?);
                // One cluster has no silhouette: as good as rows that sit between two.
                let value =
                    silhouette(space.view(), &model.labels(space), DRAWN, settings.seed).unwrap_or(0.0);
                (model, value, value)
            }
        };
        tried.push((clusters, value));
        if best.as_ref().is_none_or(|(other, _)| gain > *other) {
            best = Some((gain, model));
        }
    }
    let (_, model) = best.expect("at least one number is tried");
    Ok((model, tried))
}

/// How many different rows there are, counted up to `most`.
fn different(space: &Array2<f64>, most: usize) -> usize {
    let mut seen: Vec<ndarray::ArrayView1<'_, f64>> = Vec::new();
    for row in space.rows() {
        if seen.len() >= most {
            break;
        }
        if !seen.contains(&row) {
            seen.push(row);
        }
    }
    seen.len().max(1)
}

fn profiles(
    names: &[String],
    space: &Array2<f64>,
    centres: &Array2<f64>,
    sorted: &[usize],
    sizes: &[usize],
) -> Vec<Profile> {
    let mean = space.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(space.ncols()));
    let deviation = space.std_axis(Axis(0), 0.0);
    let profile = |(place, cluster): (usize, &usize)| {
        let mut unusual: Vec<(String, f64)> = (0..names.len())
            .filter(|&at| deviation[at] > 1e-12)
            .map(|at| (names[at].clone(), (centres[[place, at]] - mean[at]) / deviation[at]))
            .filter(|(_, far)| far.abs() >= UNUSUAL)
            .collect();
        unusual.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
        Profile { size: sizes[*cluster], unusual }
    };
    sorted.iter().enumerate().map(profile).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::{Column, Values};
    use super::super::centres::tests::clouds;
    use super::*;

    fn frame() -> Frame {
        let space = clouds();
        let column = |at: usize| Column {
            name: ["revenue", "returns"][at].to_owned(),
            values: Values::Number(space.column(at).to_vec()),
        };
        Frame::new(vec![column(0), column(1)]).unwrap()
    }

    fn settings(method: Method) -> Settings {
        Settings { method, clusters: None, most: 6, seed: 3 }
    }

    #[test]
    fn every_method_finds_three_and_orders_them_by_size() {
        for method in [Method::KMeans, Method::Mixture, Method::Density] {
            let model = Segmentation::fit(&frame(), settings(method)).unwrap();
            let sizes: Vec<usize> = model.profiles().iter().map(|profile| profile.size).collect();
            assert_eq!(sizes, [30, 20, 10], "{method:?}");
            assert_eq!(model.profiles()[1].unusual[0].0, "revenue");
            assert!(model.silhouette().is_some_and(|value| value > 0.5));
            let places = model.predict(&frame()).unwrap();
            assert_eq!(
                (places[0].cluster, places[3].cluster, places[5].cluster),
                (Some(0), Some(1), Some(2))
            );
        }
    }

    #[test]
    fn json_brings_it_back_and_threads_leave_no_trace() {
        for method in [Method::KMeans, Method::Mixture, Method::Density] {
            let run = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| Segmentation::fit(&frame(), settings(method)).unwrap())
            };
            let model = run(1);
            assert_eq!(model, run(4));
            let back: Segmentation = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
            assert_eq!(back.predict(&frame()).unwrap(), model.predict(&frame()).unwrap());
        }
    }

    #[test]
    fn little_data_is_sound_or_refused() {
        let two = frame().take(&[0, 3]);
        let model = Segmentation::fit(&two, settings(Method::KMeans)).unwrap();
        assert!(model.predict(&two).unwrap().iter().all(|place| place.distance.is_finite()));
        assert!(Segmentation::fit(&frame().take(&[0]), settings(Method::KMeans)).is_err());
        assert!(Segmentation::fit(&frame().take(&[]), settings(Method::Mixture)).is_err());
        assert!(Segmentation::fit(&two, settings(Method::Density)).is_err());
    }
}
