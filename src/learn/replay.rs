//! Trying a model out, and doing again what it did: over any binding, without publishing anything.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Fingerprint, RelationName, RunId};
use crate::lake::columns::derived_schema;
use crate::lake::system::ModelMetricRow;
use crate::lake::{Binding, LogicalHash, Manifest, RowHasher, When};

use super::kinds::{Kind, kind};
use super::node::{ModelNode, blocking, hash, no_versions, versioned};
use super::registry::Registry;

/// How good the candidates of a model are on the rows of a binding.
#[derive(Clone, Debug)]
pub struct Tried {
    /// By series and candidate, as in `twin.model_metrics`.
    pub metrics: Vec<ModelMetricRow>,
    /// Rows it learned from.
    pub rows: u64,
    /// What was noticed about the rows.
    pub notes: Vec<String>,
}

/// What was made again, and what had been made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// The version that predicts there.
    pub version: i64,
    /// The manifest its training was replayed at; none where it was learned from rows that no manifest has.
    pub trained_at_manifest: Option<u64>,
    /// Hash of the rows it was learned from, as stored.
    pub data: String,
    /// Hash of the rows that its query gives at that manifest.
    pub data_again: Option<String>,
    /// Hash of the parameters, as stored.
    pub parameters: String,
    /// Hash of the parameters, learned again.
    pub parameters_again: Option<String>,
    /// Logical hash of the predictions, as published.
    pub predictions: String,
    /// Logical hash of the predictions, made again.
    pub predictions_again: String,
}

impl Replayed {
    /// Whether everything came out the same, to the bit.
    pub fn is_same(&self) -> bool {
        self.data_again.as_ref().is_none_or(|again| *again == self.data)
            && self.parameters_again.as_ref().is_none_or(|again| *again == self.parameters)
            && self.predictions == self.predictions_again
    }
}

impl ModelNode {
    /// Learns from the rows of a binding and says how good the candidates were. Nothing is kept.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a kind that keeps no versions; otherwise as a refresh.
    pub async fn backtest(&self, engine: &Engine, manifest: Arc<Manifest>) -> Result<Tried> {
        let as_of = manifest.published_at.unwrap_or_else(crate::clock::now);
        let data = self.data(engine, &Binding::of(manifest), as_of).await?;
        let decl = self.decl.clone();
        let tried = blocking(move || {
            let Kind::Learned(learner) = kind(&decl)? else { return Err(no_versions(&decl)) };
            learner.train(&data, None)
        })
        .await;
        let tried = tried.map_err(|error| error.context(format!("model {}", self.name)))?;
        Ok(Tried { metrics: tried.metrics, rows: tried.rows, notes: tried.notes })
    }

    /// Does again, at `manifest`, what led to the predictions published there: learns the champion from the rows it was learned
    /// from, and predicts.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where no version predicts there; otherwise as a refresh.
    pub async fn replay(&self, engine: &Engine, manifest: Arc<Manifest>) -> Result<Replayed> {
        let told = |error: Error| error.context(format!("model {}", self.name));
        self.again(engine, manifest).await.map_err(told)
    }

    async fn again(&self, engine: &Engine, manifest: Arc<Manifest>) -> Result<Replayed> {
        let number = manifest.number;
        let published = manifest.relations.get(&self.name).cloned().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "it is not published there")
                .with_hint("Run the twin first, or name a later manifest with --as-of.")
        })?;
        let binding = Binding::of(Arc::clone(&manifest));
        let registry = Registry::read(engine, &binding, &self.name, None).await?;
        let champion = registry.champion().cloned().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "no version of it predicts there")
                .with_hint("`twinlake model list` says what became of its versions.")
        })?;
        if champion.fingerprint != self.learning.as_str() {
            return Err(Error::new(ErrorKind::Usage, "it was learned by another declaration")
                .with_hint("Check out the declarations of that time, and replay again."));
        }
        // Later manifests may hold newer rows beside the same predictions.
        let made = Arc::new(Manifest::load(engine.lake(), &When::Run(published.run_id.clone())).await?);
        let as_of = made.published_at.unwrap_or_else(crate::clock::now);
        let data = self.data(engine, &Binding::of(made), as_of).await?;
        let (decl, row) = (self.decl.clone(), champion.clone());
        let rows = blocking(move || {
            let Kind::Learned(learner) = kind(&decl)? else { return Err(no_versions(&decl)) };
            versioned(&learner.predict(&row.parameters, &data)?.rows, Some(row.version))
        })
        .await?;

        let learned = self.learned_again(engine, &champion).await?;
        Ok(Replayed {
            version: champion.version,
            trained_at_manifest: learned
                .as_ref()
                .map(|learned| learned.manifest)
                .filter(|_| number.is_some()),
            data: champion.data_hash.clone(),
            data_again: learned.as_ref().map(|learned| learned.data.clone()),
            parameters: champion.parameters_hash.clone(),
            parameters_again: learned.map(|learned| learned.parameters),
            predictions: published.hash,
            predictions_again: logical_hash(&rows, &self.name)?,
        })
    }

    /// The hash of the parameters that learning gives on the rows a version was learned from; none where no manifest has them.
    async fn learned_again(
        &self,
        engine: &Engine,
        row: &crate::lake::system::ModelRow,
    ) -> Result<Option<LearnedAgain>> {
        let run = RunId::from(row.run_id.clone());
        let manifest = match Manifest::load(engine.lake(), &When::Run(run)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            manifest => manifest?,
        };
        let Some(number) = manifest.number else { return Ok(None) };
        let before = match row.manifest.and_then(|number| u64::try_from(number).ok()) {
            Some(number) => Some(Manifest::load(engine.lake(), &When::Number(number)).await?),
            None => None,
        };
        let start = match before.filter(|_| row.start == "warm") {
            Some(before) => {
                let registry =
                    Registry::read(engine, &Binding::of(Arc::new(before)), &self.name, None).await?;
                registry.champion().map(|champion| champion.parameters.clone())
            }
            None => None,
        };
        let as_of = chrono::DateTime::from_timestamp_micros(row.trained_at).unwrap_or_default();
        let data = self.data(engine, &Binding::of(Arc::new(manifest)), as_of).await?;
        let found = hash(&data)?;
        let decl = self.decl.clone();
        let parameters = blocking(move || {
            let Kind::Learned(learner) = kind(&decl)? else { return Err(no_versions(&decl)) };
            Ok(learner.train(&data, start.as_deref())?.parameters)
        })
        .await?;
        Ok(Some(LearnedAgain {
            manifest: number,
            data: found,
            parameters: Fingerprint::of([parameters.as_str()]).as_str().to_string(),
        }))
    }
}

/// A version that was learned once more: hashes of its rows and parameters.
struct LearnedAgain {
    manifest: u64,
    data: String,
    parameters: String,
}

fn logical_hash(rows: &RecordBatch, name: &RelationName) -> Result<String> {
    let schema = derived_schema(rows.schema_ref());
    let columns = rows
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| Ok(arrow::compute::cast(column, field.data_type())?))
        .collect::<Result<Vec<_>>>()?;
    let fields: Vec<_> = schema.fields().iter().take(columns.len()).cloned().collect();
    let plain = RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns)
        .map_err(|error| Error::from(error).context(name))?;
    Ok(LogicalHash::of(&RowHasher::new(plain.schema_ref()).hash(&plain)?).to_string())
}
