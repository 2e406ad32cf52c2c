//! `kind = "cluster"`: rows to segments of rows that are alike.

use std::sync::Arc;

use arrow::array::{Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::keyed::{self, Keyed};
use super::{drifted, read, write};
use crate::error::Result;
use crate::lake::system::ModelMetricRow;
use crate::learn::cluster::{Method, Segmentation, Settings};
use crate::learn::learner::{Data, Feature, Headline, Learner, LooksBack, Past, Predicted, Trained};
use crate::learn::monitor::References;
use crate::learn::watch::Measure;
use crate::project::model::{ClusterDecl, ClusterMethod};

/// A segmentation, as declared.
pub(in crate::learn) struct ClusterLearner {
    pub decl: ClusterDecl,
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    features: Vec<String>,
    segmentation: Segmentation,
    references: References,
}

impl ClusterLearner {
    fn features(&self, rows: &Schema) -> Vec<String> {
        keyed::features(rows, &self.decl.features, &[&self.decl.key])
    }
}

impl Learner for ClusterLearner {
    fn schema(&self, rows: &Schema) -> Result<SchemaRef> {
        keyed::has(rows, &self.features(rows))?;
        let computed = vec![
            Field::new("segment", DataType::Int32, false),
            Field::new("distance", DataType::Float64, true),
            Field::new("profile", DataType::Utf8, false),
        ];
        Ok(Arc::new(Schema::new(keyed::schema(rows, &self.decl.key, computed)?)))
    }

    fn train(&self, data: &Data, _start: Option<&str>) -> Result<Trained> {
        let schema = data.rows[0].schema();
        self.schema(&schema)?;
        let rows = Keyed::read(data, &self.decl.key)?;
        let features = self.features(&schema);
        let (frame, mut notes) = rows.frame(&features)?;
        let settings = Settings {
            method: match self.decl.method {
                ClusterMethod::Kmeans => Method::KMeans,
                ClusterMethod::Gmm => Method::Mixture,
                ClusterMethod::Dbscan => Method::Density,
            },
            clusters: self.decl.segments,
            most: self.decl.most,
            seed: data.seed,
        };
        let segmentation = Segmentation::fit(&frame, settings)?;
        notes.extend(segmentation.left_out().iter().map(|(name, why)| format!("feature {name:?}: {why}")));
        let silhouette = segmentation.silhouette();
        let segments = segmentation.profiles().len();
        if silhouette.is_some_and(|silhouette| silhouette < 0.25) {
            notes.push("the silhouette is below 0.25: there may be no segments in these rows".into());
        }
        let chosen = |tried: usize| tried == segments;
        let mut metrics: Vec<ModelMetricRow> = segmentation
            .tried()
            .iter()
            .map(|(tried, score)| ModelMetricRow {
                series: "*".into(),
                candidate: format!("{tried} segments"),
                silhouette: (self.decl.method != ClusterMethod::Gmm).then_some(*score),
                chosen: chosen(*tried),
                ..ModelMetricRow::default()
            })
            .collect();
        metrics.push(ModelMetricRow {
            series: "*".into(),
            candidate: "published".into(),
            evaluated: i64::try_from(rows.len()).ok(),
            silhouette,
            chosen: true,
            ..ModelMetricRow::default()
        });
        let headline = Headline {
            metric: "silhouette".into(),
            less_is_better: false,
            value: silhouette,
            // Rows without any structure have it.
            baseline: Some(0.0),
            others: [("segments".to_string(), segments as f64)].into(),
            ..Headline::default()
        };
        let trained = Trained {
            metrics,
            headline,
            features: Feature::named(&features),
            rows: rows.len() as u64,
            notes,
            parameters: String::new(),
        };
        let references = References::of(&frame);
        Ok(Trained { parameters: write(&Parameters { features, segmentation, references })?, ..trained })
    }

    fn predict(&self, parameters: &str, data: &Data) -> Result<Predicted> {
        let schema = self.schema(data.rows[0].schema_ref())?;
        let Parameters { features, segmentation, .. } = read(parameters)?;
        let rows = Keyed::read(data, &self.decl.key)?;
        let (frame, _) = rows.frame(&features)?;
        let places = segmentation.predict(&frame)?;
        let profiles: Vec<String> = segmentation
            .profiles()
            .iter()
            .map(|profile| {
                let told = |(name, by): &(String, f64)| {
                    format!("{name} {} by {:.1} sd", if *by > 0.0 { "higher" } else { "lower" }, by.abs())
                };
                match profile.unusual.is_empty() {
                    true => "like all rows".to_string(),
                    false => profile.unusual.iter().take(4).map(told).collect::<Vec<_>>().join("; "),
                }
            })
            .collect();
        let segment = |cluster: Option<usize>| {
            cluster.and_then(|cluster| i32::try_from(cluster + 1).ok()).unwrap_or(-1)
        };
        let profile = |cluster: Option<usize>| {
            cluster.and_then(|cluster| profiles.get(cluster)).map_or("in no segment", String::as_str)
        };
        let mut columns = rows.keys.clone();
        columns.push(Arc::new(Int32Array::from_iter_values(places.iter().map(|at| segment(at.cluster)))));
        let distances = places.iter().map(|at| Some(at.distance).filter(|distance| distance.is_finite()));
        columns.push(Arc::new(Float64Array::from_iter(distances)));
        columns.push(Arc::new(StringArray::from_iter_values(places.iter().map(|at| profile(at.cluster)))));
        Ok(Predicted { rows: RecordBatch::try_new(schema, columns)?, absent: Vec::new() })
    }

    fn looks_back(&self) -> LooksBack {
        LooksBack::Never
    }

    fn watch(&self, parameters: &str, data: &Data, _past: &[Past]) -> Result<Vec<Measure>> {
        let Parameters { features, references, .. } = read(parameters)?;
        drifted::features(&references, &features, &self.decl.key, data)
    }
}
