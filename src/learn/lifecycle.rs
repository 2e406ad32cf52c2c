//! The life of a model: watched, learned anew when a rule says so, accepted or not, and predicting.
//!
//! A pure function of the rows, the registry, what is asked and the instant. In this order: what is asked is done; the
//! champion is watched; a rule decides whether to learn; a new version that passes the rules of acceptance becomes
//! champion; the champion predicts. A version that does not pass leaves the champion in place, and a check tells of it.

use std::collections::BTreeMap;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::ids::{Fingerprint, RelationName, RunId};
use crate::lake::columns::MODEL_VERSION;
use crate::lake::system::{CheckRow, ModelHistoryRow, ModelMetricRow, ModelMonitoringRow, ModelRow};
use crate::node::{Act, Records, Request};
use crate::project::ModelDecl;
use crate::project::model::Start;

use super::acceptance::{self, Verdict};
use super::learner::{Data, Learner, Past, Predicted, Trained};
use super::registry::{Registry, Status};
use super::rules::{Retrain, Values};
use super::watch::Measure;

/// More series than this are not listed one by one in `twin.model_metrics`.
const LISTED: usize = 20_000;

/// Everything one refresh of a model decides from.
pub(super) struct Turn<'a> {
    pub learner: &'a dyn Learner,
    pub decl: &'a ModelDecl,
    pub registry: &'a Registry,
    pub data: &'a Data,
    /// Order-independent hash of the rows of its queries.
    pub data_hash: String,
    /// What it predicted before, the newest first.
    pub past: &'a [Past],
    pub request: Option<Request>,
    pub run_id: &'a RunId,
    pub relation: &'a RelationName,
    /// The manifest underneath.
    pub manifest: Option<u64>,
    /// The hashes of the relations it reads, as JSON.
    pub inputs: String,
    /// Of everything that decides about learning.
    pub learning: &'a Fingerprint,
    /// The sensitivity tags of columns, by name.
    pub tags: &'a BTreeMap<String, String>,
}

/// What came of it.
pub(super) struct Turned {
    pub predictions: Predictions,
    pub records: Records,
}

/// What is to be published.
pub(super) enum Predictions {
    /// New ones, by this version.
    Of(Predicted, i64),
    /// Those that are published: the champion is of another declaration, and no other version may take its place.
    Stay,
    /// None: no version may predict.
    Nothing,
}

/// Who acts where nobody asked.
const NOBODY: &str = "twinlake";

impl Turn<'_> {
    /// Does it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] and [`ErrorKind::Usage`] for a request that cannot be; otherwise as
    /// [`Learner::train`] and [`Learner::predict`].
    pub fn go(&self) -> Result<Turned> {
        let mut records = Records::default();
        let mut champion = self.registry.champion().cloned();
        self.requested(&mut champion, &mut records)?;

        let mut watched = Values::new();
        let current = champion.as_ref().filter(|row| row.fingerprint == self.learning.as_str());
        if let Some(row) = current {
            let measures = self.learner.watch(&row.parameters, self.data, &self.own(row.version)?)?;
            watched = values(&measures);
            records.monitoring =
                measures.into_iter().map(|measure| self.monitored(row.version, measure)).collect();
            self.alert(&watched, &mut records)?;
        }

        if let Some(why) = self.why_learn(champion.as_ref(), &watched, &mut records)? {
            self.learn(&why, &mut champion, &watched, &mut records)?;
        }

        let predictions = match &champion {
            Some(row) if row.fingerprint == self.learning.as_str() => {
                let predicted = self.learner.predict(&row.parameters, self.data)?;
                self.absent(&predicted, row.version, &mut records);
                Predictions::Of(predicted, row.version)
            }
            Some(row) => {
                records.checks.push(self.check(format!(
                    "champion: version {} was learned by another declaration or another version of Twinlake, and no \
                     newer one was accepted: its predictions stay as they are",
                    row.version
                )));
                Predictions::Stay
            }
            None => Predictions::Nothing,
        };
        Ok(Turned { predictions, records })
    }

    /// The earlier predictions that say how good the champion is. Where a rule decides about learning, those of earlier versions
    /// do not count: what they got wrong was learned from. Without one, every refresh may bring a new version, and it is the
    /// model as a whole that is watched.
    fn own(&self, version: i64) -> Result<Vec<Past>> {
        if self.decl.retrain.is_none() {
            return Ok(self.past.to_vec());
        }
        let own = |batch: &RecordBatch| -> Result<RecordBatch> {
            let Some(made_by) = batch.column_by_name(MODEL_VERSION) else { return Ok(batch.clone()) };
            let made_by = cast(made_by, &DataType::Int64)?;
            let own =
                made_by.as_primitive::<Int64Type>().iter().map(|made_by| Some(made_by == Some(version)));
            Ok(filter_record_batch(batch, &BooleanArray::from_iter(own))?)
        };
        let then = |past: &Past| -> Result<Past> {
            let rows = past.rows.iter().map(own).collect::<Result<Vec<_>>>()?;
            Ok(Past { published_at: past.published_at, rows })
        };
        let kept = self.past.iter().map(then).collect::<Result<Vec<_>>>()?;
        Ok(kept.into_iter().filter(|past| past.rows.iter().any(|batch| batch.num_rows() > 0)).collect())
    }

    /// Promotes or retires what somebody asked for.
    fn requested(&self, champion: &mut Option<ModelRow>, records: &mut Records) -> Result<()> {
        let Some(request) = &self.request else { return Ok(()) };
        let (version, act) = match request.act {
            Act::Retrain => return Ok(()),
            Act::Promote(version) => (version, "promoted"),
            Act::Retire(version) => (version, "retired"),
        };
        let row = self.registry.version(version).ok_or_else(|| {
            let known: Vec<String> =
                self.registry.versions.iter().map(|row| row.version.to_string()).collect();
            let hint = match known.is_empty() {
                true => "It has learned nothing yet: run the twin first.".to_string(),
                false => format!("Its versions are {}.", known.join(", ")),
            };
            Error::new(ErrorKind::NotFound, format!("there is no version {version}")).with_hint(hint)
        })?;
        let why = match request.reason.is_empty() {
            true => act.to_string(),
            false => format!("{act}: {}", request.reason),
        };
        if matches!(request.act, Act::Retire(_)) {
            if champion.as_ref().is_some_and(|champion| champion.version == version) {
                return Err(Error::new(ErrorKind::Usage, format!("version {version} is the champion"))
                    .with_hint(
                        "Promote another version first, or learn a new one with `twinlake model train`.",
                    ));
            }
            records.history.push(self.changed(version, Status::Retired, &request.by, &why));
            return Ok(());
        }
        if row.fingerprint != self.learning.as_str() {
            return Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "version {version} was learned by another declaration or another version of Twinlake"
                ),
            )
            .with_hint("Bring that declaration back, or learn a new version with `twinlake model train`."));
        }
        if let Some(before) = champion.take().filter(|before| before.version != version) {
            let why = format!("version {version} was promoted");
            records.history.push(self.changed(before.version, Status::Retired, &request.by, &why));
        }
        records.history.push(self.changed(version, Status::Champion, &request.by, &why));
        *champion = Some(row.clone());
        Ok(())
    }

    /// Why a version is to be learned; none where it is not.
    fn why_learn(
        &self,
        champion: Option<&ModelRow>,
        watched: &Values,
        records: &mut Records,
    ) -> Result<Option<String>> {
        match &self.request {
            Some(Request { act: Act::Retrain, by, reason }) => {
                let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                return Ok(Some(format!("asked for by {by}{reason}")));
            }
            Some(Request { act: Act::Promote(_) | Act::Retire(_), .. }) => return Ok(None),
            None => {}
        }
        let newest = self.registry.versions.last();
        if newest.is_none() {
            return Ok(Some("first".into()));
        }
        // Another declaration learned all there are.
        if champion.is_none_or(|row| row.fingerprint != self.learning.as_str())
            && newest.is_some_and(|row| row.fingerprint != self.learning.as_str())
        {
            return Ok(Some("new code".into()));
        }
        // The same rows give the same version again.
        if newest
            .is_some_and(|row| row.data_hash == self.data_hash && row.fingerprint == self.learning.as_str())
        {
            return Ok(None);
        }
        let Some(retrain) = &self.decl.retrain else { return Ok(Some("new rows".into())) };
        let Some(champion) = champion else { return Ok(Some("there is no champion".into())) };
        let retrain = Retrain::parse(retrain, self.decl.kind)?;
        // Nothing can be watched about a champion of another declaration.
        let foreign = champion.fingerprint != self.learning.as_str();
        let held = match foreign {
            true => Some("the champion is of another declaration".to_string()),
            false => retrain.holds(watched),
        };
        records.monitoring.push(self.monitored(
            champion.version,
            Measure {
                family: "rule",
                metric: "retrain".into(),
                value: Some(f64::from(u8::from(held.is_some()))),
                note: Some(match &held {
                    Some(why) => why.clone(),
                    None => retrain.why_not(watched),
                }),
                ..Measure::everywhere()
            },
        ));
        let Some(why) = held else { return Ok(None) };
        let now = self.data.as_of.timestamp_micros();
        if !retrain.is_allowed(now, &self.registry.trainings()) {
            records
                .checks
                .push(self.check(format!("retrain: {why}, but it was learned as often as `at_most` allows")));
            return Ok(None);
        }
        Ok(Some(why))
    }

    fn learn(
        &self,
        why: &str,
        champion: &mut Option<ModelRow>,
        watched: &Values,
        records: &mut Records,
    ) -> Result<()> {
        let warm = self.decl.retrain.as_ref().is_some_and(|retrain| retrain.start == Start::Warm);
        let start = champion
            .as_ref()
            .filter(|row| warm && row.fingerprint == self.learning.as_str())
            .map(|row| row.parameters.as_str());
        let trained = match self.learner.train(self.data, start) {
            // Whoever predicts goes on.
            Err(error) if error.kind() == ErrorKind::NoHistory && champion.is_some() => {
                records.checks.push(self.check(format!("history: {error}; no version was learned")));
                return Ok(());
            }
            trained => trained?,
        };
        let version = self.registry.next();
        let verdicts = acceptance::judge(self.decl, &trained.headline, champion.as_ref(), watched)?;
        let row = self.version(version, why, start.is_some(), &trained, &verdicts)?;
        let chosen = trained.metrics.len();
        let mut metrics = trained.metrics;
        if chosen > LISTED {
            metrics.retain(|row| row.series == "*" || row.reason.is_some());
        }
        for row in &mut metrics {
            row.run_id = self.run_id.to_string();
            row.relation = self.relation.to_string();
            row.version = Some(version);
        }
        records.metrics.extend(metrics);

        let refused: Vec<&Verdict> = verdicts.iter().filter(|verdict| !verdict.holds).collect();
        let hard = refused.iter().any(|verdict| verdict.rule != acceptance::WORSE);
        let reasons = |verdicts: &[&Verdict]| -> String {
            verdicts.iter().map(|verdict| verdict.reason.as_str()).collect::<Vec<_>>().join("; ")
        };
        let status = match (refused.is_empty(), hard) {
            (true, _) => Status::Champion,
            (false, true) => Status::Candidate,
            (false, false) => Status::Challenger,
        };
        let text = match status {
            Status::Champion if verdicts.is_empty() => format!("{why}; no rule of acceptance"),
            Status::Champion => format!("{why}; accepted: {}", reasons(&verdicts.iter().collect::<Vec<_>>())),
            _ => format!("{why}; not accepted: {}", reasons(&refused)),
        };
        if status == Status::Champion {
            if let Some(before) = champion.take() {
                let why = format!("version {version} took its place");
                records.history.push(self.changed(before.version, Status::Retired, NOBODY, &why));
            }
            records.checks.push(CheckRow { status: "passed".into(), ..self.check("acceptance".into()) });
            *champion = Some(row.clone());
        } else {
            let stays = match champion {
                Some(champion) => format!("version {} stays", champion.version),
                None => "nothing is published".to_string(),
            };
            let refusal = reasons(&refused);
            let name = format!("acceptance of version {version}: {}; {stays}", refusal.trim_end_matches('.'));
            records.checks.push(self.check(name));
        }
        records.history.push(self.changed(version, status, NOBODY, &text));
        records.models.push(row);
        Ok(())
    }

    fn version(
        &self,
        version: i64,
        why: &str,
        warm: bool,
        trained: &Trained,
        verdicts: &[Verdict],
    ) -> Result<ModelRow> {
        #[derive(Serialize)]
        struct Metrics<'a> {
            metric: &'a str,
            less_is_better: bool,
            value: Option<f64>,
            baseline: Option<f64>,
            coverage80: Option<f64>,
            coverage95: Option<f64>,
            bias: Option<f64>,
            #[serde(flatten)]
            others: &'a BTreeMap<String, f64>,
        }
        let mut features = trained.features.clone();
        for feature in &mut features {
            feature.tags = self.tags.get(&feature.name).cloned().unwrap_or_default();
        }
        let headline = &trained.headline;
        let metrics = Metrics {
            metric: &headline.metric,
            less_is_better: headline.less_is_better,
            value: headline.value,
            baseline: headline.baseline,
            coverage80: headline.coverage80,
            coverage95: headline.coverage95,
            bias: headline.bias,
            others: &headline.others,
        };
        Ok(ModelRow {
            run_id: self.run_id.to_string(),
            relation: self.relation.to_string(),
            version,
            kind: self.decl.kind.as_str().into(),
            trained_at: self.data.as_of.timestamp_micros(),
            why: why.into(),
            start: if warm { "warm" } else { "cold" }.into(),
            manifest: self.manifest.and_then(|number| i64::try_from(number).ok()),
            inputs: self.inputs.clone(),
            data_hash: self.data_hash.clone(),
            rows: i64::try_from(trained.rows).unwrap_or(i64::MAX),
            fingerprint: self.learning.as_str().to_string(),
            seed: i64::try_from(self.decl.seed).unwrap_or(i64::MAX),
            features: json(&features)?,
            metrics: json(&metrics)?,
            acceptance: json(&verdicts)?,
            notes: json(&trained.notes)?,
            parameters_hash: Fingerprint::of([trained.parameters.as_str()]).as_str().to_string(),
            parameters: trained.parameters.clone(),
        })
    }

    /// What the declaration wants to be told of.
    fn alert(&self, watched: &Values, records: &mut Records) -> Result<()> {
        let Some(rule) = &self.decl.monitor.alert else { return Ok(()) };
        let rule = super::rules::Condition::parse(rule, "monitor.alert", self.decl.kind)?;
        let mut check = self.check(format!("alert: {}", self.decl.monitor.alert.as_deref().unwrap_or("")));
        match rule.holds(watched) {
            Some(why) => check.check = format!("alert: {why}"),
            None => check.status = "passed".into(),
        }
        records.checks.push(check);
        Ok(())
    }

    fn absent(&self, predicted: &Predicted, version: i64, records: &mut Records) {
        records.metrics.extend(predicted.absent.iter().take(LISTED).map(|(series, reason)| ModelMetricRow {
            run_id: self.run_id.to_string(),
            relation: self.relation.to_string(),
            version: Some(version),
            series: series.clone(),
            candidate: "none".into(),
            reason: Some(reason.clone()),
            ..ModelMetricRow::default()
        }));
    }

    fn changed(&self, version: i64, status: Status, by: &str, reason: &str) -> ModelHistoryRow {
        ModelHistoryRow {
            run_id: self.run_id.to_string(),
            relation: self.relation.to_string(),
            version,
            status: status.as_str().into(),
            changed_at: self.data.as_of.timestamp_micros(),
            changed_by: by.into(),
            reason: reason.into(),
        }
    }

    fn check(&self, check: String) -> CheckRow {
        CheckRow {
            run_id: self.run_id.to_string(),
            relation: self.relation.to_string(),
            check,
            level: "warn".into(),
            status: "failed".into(),
            bad_rows: 0,
            sql: None,
            checked_at: self.data.as_of.timestamp_micros(),
        }
    }

    fn monitored(&self, version: i64, measure: Measure) -> ModelMonitoringRow {
        let finite = |number: Option<f64>| number.filter(|number| number.is_finite());
        ModelMonitoringRow {
            run_id: self.run_id.to_string(),
            relation: self.relation.to_string(),
            version,
            measured_at: self.data.as_of.timestamp_micros(),
            family: measure.family.into(),
            metric: measure.metric,
            feature: measure.feature,
            segment: measure.segment,
            step: measure.step,
            value: finite(measure.value),
            lower: finite(measure.lower),
            upper: finite(measure.upper),
            reference: finite(measure.reference),
            rows: measure.rows,
            note: measure.note,
        }
    }
}

/// The numbers that rules may name: those that were measured about everything, and of several features the largest.
fn values(measures: &[Measure]) -> Values {
    let mut found: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let overall =
        |measure: &&Measure| measure.segment == "*" && measure.step.is_none() && measure.family != "estimate";
    for measure in measures.iter().filter(overall) {
        let known = found.entry(&measure.metric).or_default();
        known.extend(measure.value.filter(|value| value.is_finite()));
    }
    let worst = |(metric, values): (&str, Vec<f64>)| {
        let worst = if metric.ends_with("_p") {
            // Of many features one is unlikely by chance (C. E. Bonferroni, 1936).
            values.iter().copied().reduce(f64::min).map(|p| (p * values.len() as f64).min(1.0))
        } else {
            values.iter().copied().reduce(f64::max)
        };
        (metric.to_string(), worst)
    };
    found.into_iter().map(worst).collect()
}

fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Bug, "a version cannot be written down").with_source(error))
}

/// The predictions of no version: the columns, without rows.
pub(super) fn nothing(learner: &dyn Learner, data: &Data) -> Result<RecordBatch> {
    let rows = data
        .rows
        .first()
        .map(RecordBatch::schema)
        .ok_or_else(|| Error::new(ErrorKind::Bug, "a model's query gave no columns"))?;
    Ok(RecordBatch::new_empty(learner.schema(&rows)?))
}
