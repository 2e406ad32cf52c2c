//! The `twin.*` tables: what Twinlake knows about itself, as SQL tables like any other.
//!
//! Each is declared once, as a struct whose doc comments are the published documentation of its columns.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::json::ReaderBuilder;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::ids::RelationName;
use crate::lake::columns::instant_type;

/// A row of a system table.
pub trait SystemRow: Serialize + for<'de> Deserialize<'de> + Sized {
    /// The table's name in schema `twin`.
    const TABLE: &'static str;
    /// What the table is.
    const DOC: &'static str;
    /// Its columns: name, type, documentation.
    fn columns() -> Vec<(&'static str, DataType, &'static str)>;

    /// The table's full name.
    fn name() -> RelationName {
        RelationName::system(Self::TABLE)
    }
    /// The table's schema.
    fn schema() -> SchemaRef {
        Arc::new(Schema::new(
            Self::columns()
                .into_iter()
                .map(|(name, kind, _)| Field::new(name, kind, true))
                .collect::<Vec<_>>(),
        ))
    }
    /// Rows as a batch.
    ///
    /// # Errors
    /// Never for rows of ours; a mismatch between struct and schema is a bug.
    fn batch(rows: &[Self]) -> Result<RecordBatch> {
        let bug = |error: arrow::error::ArrowError| {
            Error::new(ErrorKind::Bug, format!("rows of twin.{} do not fit it: {error}", Self::TABLE))
        };
        let mut decoder = ReaderBuilder::new(Self::schema())
            .with_batch_size(rows.len().max(1))
            .build_decoder()
            .map_err(bug)?;
        decoder.serialize(rows).map_err(bug)?;
        Ok(decoder.flush().map_err(bug)?.unwrap_or_else(|| RecordBatch::new_empty(Self::schema())))
    }
    /// A batch as rows.
    ///
    /// # Errors
    /// [`ErrorKind::Lake`] when the batch lacks columns or holds nulls where this version expects values.
    fn rows(batch: &RecordBatch) -> Result<Vec<Self>> {
        let damaged = |error: String| {
            Error::new(
                ErrorKind::Lake,
                format!("table twin.{} is not what this version expects: {error}", Self::TABLE),
            )
        };
        // Instants travel as integers, so that reading is the exact inverse of writing.
        let columns = batch
            .columns()
            .iter()
            .map(|column| match column.data_type() {
                DataType::Timestamp(_, _) => arrow::compute::cast(column, &DataType::Int64),
                _ => Ok(Arc::clone(column)),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let names = batch.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        let plain = RecordBatch::try_from_iter_with_nullable(
            names.into_iter().zip(columns).map(|(name, column)| (name, column, true)),
        )?;
        let mut writer = arrow::json::LineDelimitedWriter::new(Vec::new());
        writer.write(&plain)?;
        writer.finish()?;
        serde_json::Deserializer::from_slice(&writer.into_inner())
            .into_iter::<Self>()
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| damaged(error.to_string()))
    }
}

macro_rules! system_tables {
    ($($(#[doc = $doc:literal])+ $table:literal $row:ident { $($(#[doc = $column_doc:literal])+ $column:ident: $kind:tt,)+ })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
            pub struct $row { $($(#[doc = $column_doc])+ pub $column: system_tables!(@rust $kind),)+ }
            impl SystemRow for $row {
                const TABLE: &'static str = $table;
                const DOC: &'static str = concat!($($doc),+);
                fn columns() -> Vec<(&'static str, DataType, &'static str)> {
                    vec![$((stringify!($column), system_tables!(@arrow $kind), concat!($($column_doc),+))),+]
                }
            }
        )+
        /// Every system table: name, documentation, columns.
        pub fn tables() -> Vec<(RelationName, &'static str, Vec<(&'static str, DataType, &'static str)>)> {
            vec![$(($row::name(), $row::DOC.trim(), $row::columns())),+]
        }
    };
    (@rust text) => { String };
    (@rust text_or_null) => { Option<String> };
    (@rust int) => { i64 };
    (@rust int_or_null) => { Option<i64> };
    (@rust float_or_null) => { Option<f64> };
    (@rust bool) => { bool };
    (@rust instant) => { i64 };
    (@rust instant_or_null) => { Option<i64> };
    (@arrow text) => { DataType::Utf8 };
    (@arrow text_or_null) => { DataType::Utf8 };
    (@arrow int) => { DataType::Int64 };
    (@arrow int_or_null) => { DataType::Int64 };
    (@arrow float_or_null) => { DataType::Float64 };
    (@arrow bool) => { DataType::Boolean };
    (@arrow instant) => { instant_type() };
    (@arrow instant_or_null) => { instant_type() };
}

system_tables! {
    /// What each run published: one row for every relation of every manifest.
    "manifest" ManifestRow {
        /// The manifest's number: the Delta version of this table that published it.
        manifest: int,
        /// When it was published.
        published_at: instant,
        /// The run that published it.
        run_id: text,
        /// The relation.
        relation: text,
        /// `source`, `view`, `model` or `system`.
        kind: text,
        /// The Delta version of its table; null for a view that is not materialised.
        version: int_or_null,
        /// Rows of that version.
        rows: int,
        /// Order-independent hash of those rows.
        logical_hash: text,
        /// Hash of the declaration and code that made it.
        fingerprint: text,
        /// The relations it was made from, with their logical hashes, as JSON.
        inputs: text,
        /// The text of a view.
        sql: text_or_null,
        /// The run that made this version.
        made_by: text,
    }
    /// Every run, whether it published or failed.
    "runs" RunRow {
        /// The run: a ULID, so that text order is time order.
        run_id: text,
        /// When it began.
        started_at: instant,
        /// When it ended.
        finished_at: instant,
        /// The instant it computed for: what `as_of()` returned.
        as_of: instant,
        /// `succeeded`, `partial` (with `--keep-going`) or `failed`.
        status: text,
        /// The manifest it published.
        manifest: int,
        /// Nodes that were refreshed.
        nodes_refreshed: int,
        /// Nodes whose inputs turned out unchanged.
        nodes_unchanged: int,
        /// Nodes that failed.
        nodes_failed: int,
        /// Nodes that were not attempted because something before them failed.
        nodes_skipped: int,
        /// Rows read from sources.
        rows_read: int,
        /// Rows rejected.
        rows_rejected: int,
        /// The Twinlake version that ran.
        version: text,
    }
    /// What every run did with every node it planned to run.
    "nodes" NodeRow {
        /// The run.
        run_id: text,
        /// The node.
        relation: text,
        /// `source`, `view` or `model`.
        kind: text,
        /// `refreshed`, `unchanged`, `failed` or `skipped`.
        status: text,
        /// Why it was planned: `never run`, `new code`, `new input`, `upstream`, `full`.
        reason: text,
        /// The Delta version it committed.
        version: int_or_null,
        /// Rows of that version.
        rows: int_or_null,
        /// Its logical hash.
        logical_hash: text_or_null,
        /// How long it took.
        duration_ms: int,
        /// What went wrong.
        error: text_or_null,
    }
    /// Every slice (a file, for now) that a run read: the checkpoint of ingestion, and the account of its rows.
    /// `rows_read = rows_landed + rows_unchanged + rows_rejected` in every row.
    "slices" SliceRow {
        /// The run that read it.
        run_id: text,
        /// The table it landed in.
        relation: text,
        /// The source that declares the table.
        source: text,
        /// The file, relative to the source's root.
        uri: text,
        /// Its size in bytes.
        size: int,
        /// When the file was last modified.
        modified_at: instant,
        /// xxh3-128 of its bytes.
        digest: text,
        /// `landed`, `unchanged` (touched, but the same bytes), `rejected` (the whole file) or `vanished`.
        status: text,
        /// Records in the file.
        rows_read: int,
        /// Records that were written to the table.
        rows_landed: int,
        /// Records that the table knew already, or knew in a later version.
        rows_unchanged: int,
        /// Records that broke the contract; they are in `twin.rejects`.
        rows_rejected: int,
        /// Rows of the table that this slice deleted or closed, because their keys vanished.
        rows_deleted: int,
        /// New columns it brought and what was done about them, and declared columns it lacks.
        columns_changed: text_or_null,
        /// The run's instant.
        landed_at: instant,
    }
    /// Records that broke a contract, as they were.
    "rejects" RejectRow {
        /// The run that rejected it.
        run_id: text,
        /// The table it was meant for.
        relation: text,
        /// The file it was in.
        uri: text,
        /// Its line or row in that file.
        position: int_or_null,
        /// The column that broke a rule; null when the record as a whole is malformed.
        column: text_or_null,
        /// The rule: `malformed`, `type`, `required`, `range`, `pattern`, `accepted`, `references`, `duplicate key`, `file`.
        rule: text,
        /// What was wrong.
        reason: text,
        /// The record as it was read.
        raw: text,
        /// The run's instant.
        rejected_at: instant,
    }
    /// The result of every check of every run, and of every contract rule that only warns.
    "checks" CheckRow {
        /// The run.
        run_id: text,
        /// The relation that was checked.
        relation: text,
        /// The check's name.
        check: text,
        /// `error` or `warn`.
        level: text,
        /// `passed` or `failed`.
        status: text,
        /// Rows that broke it.
        bad_rows: int,
        /// The SELECT of bad rows.
        sql: text_or_null,
        /// When it was checked.
        checked_at: instant,
    }
    /// Every column of every relation: its type, meaning, owner and tags.
    "columns" ColumnRow {
        /// The relation.
        relation: text,
        /// `source`, `view`, `model` or `system`.
        kind: text,
        /// The column.
        column: text,
        /// Its place, from 1.
        position: int,
        /// Its type.
        data_type: text,
        /// What it means.
        description: text,
        /// What a row of the relation is.
        relation_description: text,
        /// Who answers for the relation.
        owner: text,
        /// Sensitivity tags, separated by commas.
        tags: text,
    }
    /// How good each candidate of a model was out of sample when a version was learned, and what could not be predicted.
    "model_metrics" ModelMetricRow {
        /// The run that learned it.
        run_id: text,
        /// The model's relation.
        relation: text,
        /// The version that was learned; null for what could not be predicted.
        version: int_or_null,
        /// The series, or the key of a row; `*` is all of them.
        series: text,
        /// The candidate; `published` is what the version predicts with.
        candidate: text,
        /// Rolling origins or folds evaluated.
        windows: int_or_null,
        /// Predictions evaluated.
        evaluated: int_or_null,
        /// Mean absolute scaled error (Hyndman and Koehler 2006).
        mase: float_or_null,
        /// Symmetric mean absolute percentage error, 0 to 200.
        smape: float_or_null,
        /// Root mean squared error, in units of the value.
        rmse: float_or_null,
        /// Mean absolute error, in units of the value.
        mae: float_or_null,
        /// Mean error, in units of the value.
        bias: float_or_null,
        /// Mean pinball loss over the published quantiles, in units of the value.
        pinball: float_or_null,
        /// Share of actuals inside the 80 % interval.
        coverage80: float_or_null,
        /// Share of actuals inside the 95 % interval.
        coverage95: float_or_null,
        /// Area under the receiver operating characteristic.
        auc: float_or_null,
        /// Mean negative log likelihood of what happened.
        log_loss: float_or_null,
        /// Mean squared error of the probability.
        brier: float_or_null,
        /// Expected calibration error: mean distance between probability and frequency over ten bins.
        ece: float_or_null,
        /// Share of later purchases among the recommended items.
        recall_at_k: float_or_null,
        /// Normalised discounted cumulative gain of the recommended items.
        ndcg_at_k: float_or_null,
        /// Share of items that are recommended to anybody.
        item_coverage: float_or_null,
        /// Mean silhouette of a segmentation, -1 to 1.
        silhouette: float_or_null,
        /// The candidate's weight in what is published, or how many series it was chosen for where `series` is `*`.
        weight: float_or_null,
        /// Whether this candidate is (part of) what is published.
        chosen: bool,
        /// Why there is no prediction, or why the candidate took no part.
        reason: text_or_null,
    }
    /// Every version of every model: what it learned, from what, and how good it was. Rows never change; `twin.model_history` says what became of them.
    "models" ModelRow {
        /// The run that learned it.
        run_id: text,
        /// The model's relation.
        relation: text,
        /// Its number, from 1.
        version: int,
        /// `forecast`, `classify`, `regress`, `recommend`, `cluster` or `anomaly`.
        kind: text,
        /// The instant of the run that learned it.
        trained_at: instant,
        /// Why it was learned: `first`, `new code`, `asked for`, or the rule that held, with the values it saw.
        why: text,
        /// Whether it was learned `cold` or `warm`.
        start: text,
        /// The manifest that was published when it was learned; null in the first run.
        manifest: int_or_null,
        /// The relations it was learned from, with their logical hashes, as JSON.
        inputs: text,
        /// Order-independent hash of the rows it was learned from.
        data_hash: text,
        /// Rows it was learned from.
        rows: int,
        /// Hash of the declaration and code that learned it.
        fingerprint: text,
        /// The declaration's seed.
        seed: int,
        /// What it learned from, with importance and sensitivity tags, as JSON.
        features: text,
        /// Its metrics out of sample and those of the baseline, as JSON.
        metrics: text,
        /// Each rule of acceptance, whether it holds, and why, as JSON.
        acceptance: text,
        /// What was noticed about the rows, as JSON.
        notes: text,
        /// Hash of the parameters.
        parameters_hash: text,
        /// Everything predictions need, as JSON.
        parameters: text,
    }
    /// What became of the versions of models: one row for each change. The newest row of a version is its status.
    "model_history" ModelHistoryRow {
        /// The run that changed it.
        run_id: text,
        /// The model's relation.
        relation: text,
        /// The version.
        version: int,
        /// `candidate` (learned, not accepted), `champion` (what predicts), `challenger` (accepted, not promoted) or `retired`.
        status: text,
        /// When.
        changed_at: instant,
        /// Who: a user, or `twinlake`.
        changed_by: text,
        /// Why.
        reason: text,
    }
    /// What was watched about models, a number a row, for charts.
    "model_monitoring" ModelMonitoringRow {
        /// The run that measured it.
        run_id: text,
        /// The model's relation.
        relation: text,
        /// The version that was watched.
        version: int,
        /// When it was measured.
        measured_at: instant,
        /// `accuracy`, `coverage`, `drift`, `estimate`, `fairness` or `rule`.
        family: text,
        /// The number's name, as rules use it: `psi`, `ks`, `wasserstein`, `mase`, `mase_ratio`, `coverage80`, `auc` ...
        metric: text,
        /// The feature it is about; `*` where it is about none.
        feature: text,
        /// The segment or group, as `column=value`; `*` is all.
        segment: text,
        /// Steps ahead; null where it is about all.
        step: int_or_null,
        /// The number; null where it could not be measured.
        value: float_or_null,
        /// Lower bound of its interval.
        lower: float_or_null,
        /// Upper bound of its interval.
        upper: float_or_null,
        /// What it is compared with: the number out of sample when the version was learned, or the training data.
        reference: float_or_null,
        /// Rows it is made from.
        rows: int,
        /// Why it could not be measured, or what to know about it.
        note: text_or_null,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    use super::*;

    /// The page that users read.
    fn page() -> String {
        let mut text = String::from(
            "# System tables\n\n\
             What Twinlake knows about itself, in schema `twin`, to be asked like any other table: `twinlake sql \"SELECT * FROM twin.runs\"`.\n\
             They are published with the run they tell of, so `--as-of` shows them as they were. `twin.columns` documents every relation of a\n\
             twin in the same way, these tables included. All instants are UTC.\n\n\
             This page is generated from `src/lake/system.rs`: `TWINLAKE_UPDATE=1 cargo test --lib system` writes it anew.\n",
        );
        for (name, doc, columns) in tables() {
            write!(text, "\n## `{name}`\n\n{}\n\n| column | type | meaning |\n|---|---|---|\n", lines(doc))
                .unwrap();
            for (column, data_type, doc) in columns {
                let kind = match data_type {
                    DataType::Utf8 => "text".to_string(),
                    DataType::Timestamp(..) => "timestamp".to_string(),
                    other => other.to_string().to_lowercase(),
                };
                writeln!(text, "| `{column}` | {kind} | {} |", lines(doc).replace('|', "\\|")).unwrap();
            }
        }
        text
    }

    /// Doc comments keep the space after their slashes, and their line breaks.
    fn lines(doc: &str) -> String {
        doc.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_page_about_system_tables_is_up_to_date() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/system-tables.md");
        let generated = page();
        if std::env::var_os("TWINLAKE_UPDATE").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == generated, "docs/system-tables.md is out of date: run with TWINLAKE_UPDATE=1");
    }
}
