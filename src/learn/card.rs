//! The card of a version: what `twin.models` and its companions know of it, for people.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::{Engine, Use};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::system::{ModelMetricRow, ModelMonitoringRow, ModelRow, SystemRow};
use crate::lake::{Binding, Manifest};

use super::acceptance::Verdict;
use super::learner::Feature;
use super::monitor::{Card, CardData, CardEvent, CardFeature, CardSeen};
use super::node::ModelNode;
use super::registry::{Registry, Status};

impl ModelNode {
    /// The card of a version, or of the champion, as Markdown or HTML.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where there is no such version.
    pub async fn card(
        &self,
        engine: &Engine,
        manifest: Arc<Manifest>,
        version: Option<i64>,
        html: bool,
    ) -> Result<String> {
        let binding = Binding::of(manifest);
        let registry = Registry::read(engine, &binding, &self.name, version).await?;
        let row = match version {
            Some(version) => registry.version(version),
            None => registry.champion().or(registry.versions.last()),
        };
        let row = row.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("model {} has no such version", self.name))
                .with_hint("`twinlake model list --all` lists the versions there are.")
        })?;
        let session = engine.session(binding.clone(), chrono::DateTime::UNIX_EPOCH, Use::Compute);
        let mut candidates: Vec<ModelMetricRow> = Vec::new();
        let mut watched: Vec<ModelMonitoringRow> = Vec::new();
        let sql = |columns: String, table: crate::ids::RelationName, order: &str| {
            format!(
                "SELECT {columns} FROM {table} WHERE relation = '{}' AND version = {} {order}",
                self.name, row.version
            )
        };
        if binding.get(&ModelMetricRow::name()).is_some() {
            let order = "AND series = '*' AND reason IS NULL ORDER BY candidate";
            for batch in session.collect(&sql(all::<ModelMetricRow>(), ModelMetricRow::name(), order)).await?
            {
                candidates.extend(ModelMetricRow::rows(&batch)?);
            }
        }
        if binding.get(&ModelMonitoringRow::name()).is_some() {
            let order = "AND step IS NULL ORDER BY run_id, family, metric, feature, segment";
            let sql = sql(all::<ModelMonitoringRow>(), ModelMonitoringRow::name(), order);
            for batch in session.collect(&sql).await? {
                watched.extend(ModelMonitoringRow::rows(&batch)?);
            }
        }
        let card = self.filled(row, &registry, &candidates, &watched);
        Ok(if html { card.html() } else { card.markdown() })
    }

    fn filled(
        &self,
        row: &ModelRow,
        registry: &Registry,
        candidates: &[ModelMetricRow],
        watched: &[ModelMonitoringRow],
    ) -> Card {
        let features: Vec<Feature> = serde_json::from_str(&row.features).unwrap_or_default();
        let verdicts: Vec<Verdict> = serde_json::from_str(&row.acceptance).unwrap_or_default();
        let notes: Vec<String> = serde_json::from_str(&row.notes).unwrap_or_default();
        let metrics: serde_json::Value = serde_json::from_str(&row.metrics).unwrap_or_default();
        let headline = metrics["metric"].as_str().unwrap_or("metric").to_string();
        let named = |name: &str| match name {
            "value" => headline.clone(),
            "baseline" => format!("{headline} of the baseline"),
            other => other.to_string(),
        };
        let mut metrics: BTreeMap<String, f64> = metrics
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((named(name), value.as_f64()?)))
            .collect();
        // Of what was watched, the newest.
        let newest = watched.last().map(|row| row.run_id.clone());
        for seen in watched.iter().filter(|seen| Some(&seen.run_id) == newest.as_ref()) {
            if let (Some(value), "*", "*") = (seen.value, seen.feature.as_str(), seen.segment.as_str()) {
                metrics.insert(format!("{} (watched {})", seen.metric, instant(seen.measured_at)), value);
            }
        }
        Card {
            name: self.name.to_string(),
            version: row.version.to_string(),
            status: registry.status(row.version).map_or("unknown", Status::as_str).into(),
            kind: row.kind.clone(),
            purpose: self.description.text.clone(),
            owner: self.description.owner.clone(),
            trained_at: instant(row.trained_at),
            manifest: row.manifest.map_or_else(|| "none before it".into(), |manifest| manifest.to_string()),
            data: CardData { rows: u64::try_from(row.rows).unwrap_or(0), series: None, span: None },
            features: features
                .into_iter()
                .map(|feature| CardFeature {
                    tags: feature.tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_string).collect(),
                    name: feature.name,
                    importance: feature.importance,
                })
                .collect(),
            candidates: candidates.iter().map(|row| (row.candidate.clone(), scores(row))).collect(),
            metrics,
            acceptance: verdicts.into_iter().map(|verdict| (verdict.rule, verdict.reason)).collect(),
            fairness: seen(watched, newest.as_deref(), "fairness"),
            drift: seen(watched, newest.as_deref(), "drift"),
            history: registry
                .history
                .iter()
                .filter(|event| event.version == row.version)
                .map(|event| CardEvent {
                    at: instant(event.changed_at),
                    status: event.status.clone(),
                    who: event.changed_by.clone(),
                    why: event.reason.clone(),
                })
                .collect(),
            limits: notes.into_iter().chain(groups(watched, newest.as_deref())).collect(),
            seed: u64::try_from(row.seed).unwrap_or(0),
            fingerprint: row.fingerprint.clone(),
            data_hash: row.data_hash.clone(),
        }
    }
}

/// What the newest look found of a family of measures.
fn seen(watched: &[ModelMonitoringRow], newest: Option<&str>, family: &str) -> Vec<CardSeen> {
    let of_family = |row: &&ModelMonitoringRow| row.family == family && Some(row.run_id.as_str()) == newest;
    let told = |row: &ModelMonitoringRow| CardSeen {
        about: if family == "drift" { row.feature.clone() } else { row.segment.clone() },
        measure: row.metric.clone(),
        value: row.value,
        bounds: row.lower.zip(row.upper),
        reference: row.reference,
        rows: row.rows,
        remark: row.note.clone().unwrap_or_default(),
    };
    watched.iter().filter(of_family).map(told).collect()
}

/// What the newest look at groups found, in sentences.
fn groups(watched: &[ModelMonitoringRow], newest: Option<&str>) -> Vec<String> {
    let ratio = |row: &&ModelMonitoringRow| {
        row.family == "fairness"
            && row.metric == "selection_rate_ratio"
            && Some(row.run_id.as_str()) == newest
    };
    let told = |row: &ModelMonitoringRow| {
        let bounds =
            row.lower.zip(row.upper).map_or(String::new(), |(low, high)| format!(" ({low:.2} to {high:.2})"));
        Some(format!(
            "{}: selected {:.2} times as often as the reference group{bounds}",
            row.segment, row.value?
        ))
    };
    watched.iter().filter(ratio).filter_map(told).collect()
}

fn scores(row: &ModelMetricRow) -> BTreeMap<String, f64> {
    [
        ("mase", row.mase),
        ("smape", row.smape),
        ("rmse", row.rmse),
        ("mae", row.mae),
        ("bias", row.bias),
        ("pinball", row.pinball),
        ("coverage80", row.coverage80),
        ("coverage95", row.coverage95),
        ("auc", row.auc),
        ("log_loss", row.log_loss),
        ("brier", row.brier),
        ("ece", row.ece),
        ("recall_at_k", row.recall_at_k),
        ("ndcg_at_k", row.ndcg_at_k),
        ("silhouette", row.silhouette),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_string(), value?)))
    .collect()
}

fn all<R: SystemRow>() -> String {
    R::columns().into_iter().map(|(name, _, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

fn instant(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .map_or_else(|| "unknown".into(), |at| at.format("%Y-%m-%d %H:%M UTC").to_string())
}
