//! `kind = "anomaly"`: rows that are unlike the others, and why.

use std::sync::Arc;

use arrow::array::{BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::keyed::{self, Keyed};
use super::{drifted, read, write};
use crate::error::Result;
use crate::lake::system::ModelMetricRow;
use crate::learn::anomaly::{Forest, Threshold};
use crate::learn::learner::{Data, Feature, Headline, Learner, LooksBack, Past, Predicted, Trained};
use crate::learn::monitor::References;
use crate::learn::watch::Measure;
use crate::project::model::AnomalyDecl;

/// A search for anomalies, as declared.
pub(in crate::learn) struct AnomalyLearner {
    pub decl: AnomalyDecl,
}

#[derive(Serialize, Deserialize)]
struct Parameters {
    features: Vec<String>,
    forest: Forest,
    references: References,
}

impl AnomalyLearner {
    fn features(&self, rows: &Schema) -> Vec<String> {
        keyed::features(rows, &self.decl.features, &[&self.decl.key])
    }
}

impl Learner for AnomalyLearner {
    fn schema(&self, rows: &Schema) -> Result<SchemaRef> {
        keyed::has(rows, &self.features(rows))?;
        let computed = vec![
            Field::new("score", DataType::Float64, false),
            Field::new("threshold", DataType::Float64, false),
            Field::new("is_anomaly", DataType::Boolean, false),
            Field::new("reason", DataType::Utf8, true),
        ];
        Ok(Arc::new(Schema::new(keyed::schema(rows, &self.decl.key, computed)?)))
    }

    fn train(&self, data: &Data, _start: Option<&str>) -> Result<Trained> {
        let schema = data.rows[0].schema();
        self.schema(&schema)?;
        let rows = Keyed::read(data, &self.decl.key)?;
        let features = self.features(&schema);
        let (frame, mut notes) = rows.frame(&features)?;
        let threshold = self.decl.share.map_or(Threshold::Robust, Threshold::Contamination);
        let forest = Forest::fit(&frame, threshold, data.seed)?;
        notes.extend(forest.left_out().iter().map(|(name, why)| format!("feature {name:?}: {why}")));
        let found = forest.verdicts(&frame)?.iter().filter(|verdict| verdict.anomaly).count();
        let share = found as f64 / rows.len() as f64;
        let trained = Trained {
            metrics: vec![ModelMetricRow {
                series: "*".into(),
                candidate: "published".into(),
                evaluated: i64::try_from(rows.len()).ok(),
                chosen: true,
                ..ModelMetricRow::default()
            }],
            headline: Headline {
                metric: "share".into(),
                less_is_better: true,
                value: Some(share),
                ..Headline::default()
            },
            features: Feature::named(&features),
            rows: rows.len() as u64,
            notes,
            parameters: String::new(),
        };
        let references = References::of(&frame);
        Ok(Trained { parameters: write(&Parameters { features, forest, references })?, ..trained })
    }

    fn predict(&self, parameters: &str, data: &Data) -> Result<Predicted> {
        let schema = self.schema(data.rows[0].schema_ref())?;
        let Parameters { features, forest, .. } = read(parameters)?;
        let rows = Keyed::read(data, &self.decl.key)?;
        let (frame, _) = rows.frame(&features)?;
        let verdicts = forest.verdicts(&frame)?;
        let mut columns = rows.keys.clone();
        columns.push(Arc::new(Float64Array::from_iter_values(verdicts.iter().map(|found| found.score))));
        columns.push(Arc::new(Float64Array::from(vec![forest.threshold(); verdicts.len()])));
        columns.push(Arc::new(BooleanArray::from_iter(verdicts.iter().map(|found| Some(found.anomaly)))));
        let reason = |reasons: &[(String, f64)]| {
            let told = |(name, by): &(String, f64)| format!("{name} ({by:.2} of the score)");
            (!reasons.is_empty()).then(|| reasons.iter().take(3).map(told).collect::<Vec<_>>().join("; "))
        };
        columns.push(Arc::new(StringArray::from_iter(verdicts.iter().map(|found| reason(&found.reasons)))));
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
