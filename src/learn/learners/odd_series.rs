//! `kind = "anomaly"` with a `value`: values of series that their season and trend do not explain.

use std::sync::Arc;

use arrow::array::{BooleanArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::keyed::{self, Keyed};
use super::{drifted, read, write};
use crate::error::Result;
use crate::lake::system::ModelMetricRow;
use crate::learn::anomaly::{CUTOFF, Oddity, odd_values};
use crate::learn::columns;
use crate::learn::learner::{Data, Feature, Headline, Learner, LooksBack, Past, Predicted, Trained};
use crate::learn::monitor::References;
use crate::learn::watch::Measure;
use crate::project::model::AnomalyDecl;

/// A search for odd values in series, as declared.
pub(in crate::learn) struct OddSeriesLearner {
    pub decl: AnomalyDecl,
    pub time: String,
    pub value: String,
}

/// What is usual is found anew from each history; the version says since when values may have drifted.
#[derive(Serialize, Deserialize)]
struct Parameters {
    references: References,
}

/// What is thought of a row, in the order of keys; `Err` says why nothing is.
type Judged = Result<Oddity, String>;

impl OddSeriesLearner {
    /// The series, each in the order of time.
    fn key(&self) -> Vec<String> {
        let mut key = self.decl.key.clone();
        key.push(self.time.clone());
        key
    }

    fn judged(&self, rows: &Keyed, data: &Data) -> Result<Vec<Judged>> {
        // Text sorts as time does only where it is ISO.
        columns::days(&columns::required(&data.rows, &self.time)?, &self.time)?;
        let column = columns::numbers(&columns::required(&data.rows, &self.value)?, &self.value)?;
        let values: Vec<f64> = column.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
        let values = rows.sorted(&values);
        let labels = rows.sorted(&columns::labels(&data.rows, &self.decl.key)?);
        let mut judged = Vec::with_capacity(values.len());
        for series in labels.chunk_by(|left, right| left == right) {
            let from = judged.len();
            let values = &values[from..from + series.len()];
            match odd_values(values, self.decl.season, self.decl.limit.unwrap_or(CUTOFF)) {
                Ok(found) => judged.extend(found.into_iter().zip(values).map(|(oddity, value)| {
                    oddity.ok_or_else(|| {
                        let what = if value.is_infinite() { "infinite" } else { "missing" };
                        format!("{} is {what}", self.value)
                    })
                })),
                Err(error) => judged.extend(series.iter().map(|_| Err(error.to_string()))),
            }
        }
        Ok(judged)
    }
}

impl Learner for OddSeriesLearner {
    fn schema(&self, rows: &Schema) -> Result<SchemaRef> {
        columns::check_number(&columns::required_type(rows, &self.value)?, &self.value)?;
        columns::check_time(&columns::required_type(rows, &self.time)?, &self.time)?;
        let computed = vec![
            Field::new("value", DataType::Float64, false),
            Field::new("expected", DataType::Float64, false),
            Field::new("score", DataType::Float64, false),
            Field::new("threshold", DataType::Float64, false),
            Field::new("is_anomaly", DataType::Boolean, false),
            Field::new("reason", DataType::Utf8, true),
        ];
        Ok(Arc::new(Schema::new(keyed::schema(rows, &self.key(), computed)?)))
    }

    fn train(&self, data: &Data, _start: Option<&str>) -> Result<Trained> {
        self.schema(data.rows[0].schema_ref())?;
        let rows = Keyed::read(data, &self.key())?;
        let features = vec![self.value.clone()];
        let (frame, notes) = rows.frame(&features)?;
        let judged = self.judged(&rows, data)?;
        let odd = judged.iter().flatten().filter(|oddity| oddity.anomaly).count();
        let known = judged.iter().flatten().count();
        Ok(Trained {
            parameters: write(&Parameters { references: References::of(&frame) })?,
            metrics: vec![ModelMetricRow {
                series: "*".into(),
                candidate: "published".into(),
                evaluated: i64::try_from(known).ok(),
                chosen: true,
                ..ModelMetricRow::default()
            }],
            headline: Headline {
                metric: "share".into(),
                less_is_better: true,
                value: (known > 0).then(|| odd as f64 / known as f64),
                ..Headline::default()
            },
            features: Feature::named(&features),
            rows: rows.len() as u64,
            notes,
        })
    }

    fn predict(&self, parameters: &str, data: &Data) -> Result<Predicted> {
        let schema = self.schema(data.rows[0].schema_ref())?;
        let Parameters { .. } = read(parameters)?;
        let rows = Keyed::read(data, &self.key())?;
        let judged = self.judged(&rows, data)?;
        let absent = rows.labels.iter().zip(&judged);
        let absent = absent
            .filter_map(|(label, judged)| Some((label.clone(), judged.as_ref().err()?.clone())))
            .collect();
        let known: Vec<usize> = (0..judged.len()).filter(|row| judged[*row].is_ok()).collect();
        let found: Vec<Oddity> = judged.into_iter().flatten().collect();
        let number = |of: fn(&Oddity) -> f64| Arc::new(Float64Array::from_iter_values(found.iter().map(of)));
        let mut columns = rows.keys_of(&known)?;
        columns.push(number(|oddity| oddity.value));
        columns.push(number(|oddity| oddity.expected));
        columns.push(number(|oddity| oddity.score.abs()));
        columns.push(number(|oddity| oddity.limit));
        columns.push(Arc::new(BooleanArray::from_iter(found.iter().map(|oddity| Some(oddity.anomaly)))));
        let reason = |oddity: &Oddity| {
            let side = if oddity.value > oddity.expected { "above" } else { "below" };
            let by = (oddity.value - oddity.expected).abs();
            let told =
                || format!("{by:.4} {side} what season and trend explain, {:.1} sd", oddity.score.abs());
            oddity.anomaly.then(told)
        };
        columns.push(Arc::new(StringArray::from_iter(found.iter().map(reason))));
        Ok(Predicted { rows: RecordBatch::try_new(schema, columns)?, absent })
    }

    fn looks_back(&self) -> LooksBack {
        LooksBack::Never
    }

    fn watch(&self, parameters: &str, data: &Data, _past: &[Past]) -> Result<Vec<Measure>> {
        let Parameters { references } = read(parameters)?;
        drifted::features(&references, std::slice::from_ref(&self.value), &self.key(), data)
    }
}
