//! Models as nodes: over a lake in memory, with tables that no run has published.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use twinlake::clock;
use twinlake::engine::{Engine, EngineSettings, Use};
use twinlake::error::ErrorKind;
use twinlake::ids::{Fingerprint, RelationName, RunId};
use twinlake::lake::{Binding, Bound, Lake, LogicalHash, TableVersion};
use twinlake::learn::{ModelNode, column_docs, forecast, output_schema, reorder};
use twinlake::node::{Context, Description, Known, Node, Output, Pending, Quiet, Refreshed};
use twinlake::project::model::ModelKind;
use twinlake::project::{DemandForm, ForecastDecl, ModelDecl, ReorderDecl};

use super::{batch, floats, month, monthly, seasonal, texts};

fn forecasting(sql: &str) -> ModelDecl {
    let settings = ForecastDecl { sql: sql.to_string(), ..super::decl(4) };
    model(ModelKind::Forecast, Some(settings), None)
}

fn reordering(sql: &str) -> ModelDecl {
    let settings = ReorderDecl {
        sql: sql.to_string(),
        item: vec!["part".to_string()],
        service_level: Some(0.95),
        fill_rate: None,
        distribution: DemandForm::Normal,
        review_days: 5.0,
    };
    model(ModelKind::Reorder, None, Some(settings))
}

fn model(kind: ModelKind, forecast: Option<ForecastDecl>, reorder: Option<ReorderDecl>) -> ModelDecl {
    let least = "name = 'mart.prediction'\nkind = 'forecast'";
    ModelDecl { kind, forecast, reorder, ..toml::from_str(least).unwrap() }
}

fn node(decl: ModelDecl) -> ModelNode {
    ModelNode {
        name: decl.name.parse().unwrap(),
        inputs: BTreeSet::from([RelationName::new("core", "rows").unwrap()]),
        fingerprint: Fingerprint::of(["test"]),
        learning: Fingerprint::of(["test", "learning"]),
        tags: Default::default(),
        checks: Vec::new(),
        description: Description { columns: column_docs(&decl), ..Description::default() },
        decl,
    }
}

/// A context in which `core.rows` holds the rows of the batches, in a file each.
async fn context(rows: &[RecordBatch]) -> Context {
    let lake = Lake::open(&"memory:///".parse().unwrap()).unwrap();
    let settings = EngineSettings { memory_bytes: 256 << 20, threads: 2, batch_rows: 100 };
    let engine = Engine::new(&lake, settings).unwrap();
    let as_of = clock::parse("2026-01-01").unwrap();
    let run_id = RunId::from("01TESTTESTTESTTESTTESTTEST".to_string());
    let name = RelationName::new("core", "rows").unwrap();
    let mut files = Vec::new();
    for (part, rows) in rows.iter().enumerate() {
        let mut writer = lake.writer(&name, &run_id, &part.to_string(), rows.schema()).unwrap();
        writer.write(rows).await.unwrap();
        files.extend(writer.finish().await.unwrap());
    }
    let table = TableVersion { name: name.clone(), version: None, schema: rows[0].schema(), files };
    let mut binding = Binding::default();
    binding.overlay(name, Bound::Table(Arc::new(table)));
    let (known, pending) = (Known::default(), Pending::default());
    Context {
        run_id,
        as_of,
        engine,
        binding,
        inputs: Default::default(),
        published: None,
        known,
        pending,
        request: None,
        progress: Arc::new(Quiet),
    }
}

/// What the node wrote, read back, and the hash of its rows.
async fn landed(refreshed: &Refreshed, context: &Context) -> (RecordBatch, LogicalHash) {
    let Output::Table(table) = &refreshed.output else { panic!("a model lands a table") };
    let mut binding = Binding::default();
    binding.overlay(table.name.clone(), Bound::Table(Arc::new(table.clone())));
    let session = context.engine.session(binding, context.as_of, Use::Compute);
    let rows = session.collect("SELECT * FROM mart.prediction").await.unwrap();
    (arrow::compute::concat_batches(&table.schema, &rows).unwrap(), table.hash())
}

fn history() -> RecordBatch {
    monthly(&[("a", seasonal(60, 1.0, 1)), ("b", seasonal(48, 20.0, 2)), ("c", seasonal(30, 5.0, 3))])
}

const HISTORY: &str = "SELECT id, day, amount FROM core.rows";

#[tokio::test]
async fn predictions_land_with_their_run_and_scores() {
    let context = context(&[history()]).await;
    let node = node(forecasting(HISTORY));
    let refreshed = node.refresh(&context).await.unwrap();
    let (rows, _) = landed(&refreshed, &context).await;
    let names: Vec<_> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected =
        "id period_start step mean lo80 hi80 lo95 hi95 model members drivers _model_version _run_id";
    assert_eq!(names.join(" "), expected);
    let pure = forecast(&[history()], node.decl.forecast.as_ref().unwrap(), 0).unwrap().predictions;
    assert_eq!(floats(&rows, "mean"), floats(&pure, "mean"));
    assert_eq!(texts(&rows, "id"), texts(&pure, "id"));
    assert!(texts(&rows, "_run_id").iter().all(|run| *run == context.run_id.as_str()));

    let metrics = &refreshed.records.metrics;
    assert!(
        metrics.iter().all(|row| row.relation == "mart.prediction" && row.run_id == context.run_id.as_str())
    );
    assert!(metrics.iter().all(|row| row.version == Some(1)));
    let last = metrics.last().unwrap();
    assert_eq!((last.series.as_str(), last.candidate.as_str(), last.chosen), ("*", "published", true));
    let (versions, history) = (&refreshed.records.models, &refreshed.records.history);
    assert_eq!((versions.len(), versions[0].version, versions[0].why.as_str()), (1, 1, "first"));
    assert_eq!((history.len(), history[0].status.as_str()), (1, "champion"));
    assert!(refreshed.records.slices.is_empty());
    assert!(refreshed.records.checks.iter().all(|check| check.status == "passed"));
}

#[tokio::test]
async fn the_order_of_rows_and_files_changes_nothing() {
    let whole = history();
    let backwards = UInt32Array::from_iter_values((0..whole.num_rows() as u32).rev());
    let shuffled = arrow::compute::take_record_batch(&whole, &backwards).unwrap();
    let parts =
        [shuffled.slice(50, 70), shuffled.slice(0, 50), shuffled.slice(120, shuffled.num_rows() - 120)];
    let mut hashes = Vec::new();
    for rows in [&[whole][..], &parts] {
        let context = context(rows).await;
        let refreshed = node(forecasting(HISTORY)).refresh(&context).await.unwrap();
        hashes.push(landed(&refreshed, &context).await);
    }
    assert_eq!(hashes[0], hashes[1]);
}

fn stock() -> RecordBatch {
    let number = |values: [f64; 3]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    batch(vec![
        ("part", Arc::new(StringArray::from(vec!["nut", "bolt", "washer"]))),
        ("on_hand", Arc::new(Int64Array::from(vec![Some(10), None, Some(500)]))),
        ("on_order", number([2.0, 0.0, 0.0])),
        ("lead_time_days", number([4.0, 4.0, 4.0])),
        ("daily_demand", number([5.0, 5.0, 5.0])),
        ("daily_demand_sd", number([3.0, 3.0, 3.0])),
        ("unit_cost", number([2.5, 1.0, 1.0])),
    ])
}

#[tokio::test]
async fn recommendations_land_without_scores() {
    let context = context(&[stock()]).await;
    let refreshed = node(reordering("SELECT * FROM core.rows")).refresh(&context).await.unwrap();
    let (rows, _) = landed(&refreshed, &context).await;
    assert_eq!(texts(&rows, "part"), ["bolt", "nut", "washer"]);
    let quantity = rows.column_by_name("order_quantity").unwrap().as_primitive::<Int64Type>();
    assert_eq!(quantity.iter().collect::<Vec<_>>(), [None, Some(73), Some(0)]);
    assert!(refreshed.records.metrics.is_empty());
}

#[tokio::test]
async fn no_items_land_an_empty_table() {
    let context = context(&[stock()]).await;
    let node = node(reordering("SELECT * FROM core.rows WHERE part = 'screw'"));
    let refreshed = node.refresh(&context).await.unwrap();
    let Output::Table(table) = &refreshed.output else { panic!("a model lands a table") };
    assert_eq!((table.files.len(), table.schema.fields().len()), (0, 20));
}

#[tokio::test]
async fn a_forecast_without_history_is_empty_and_says_why() {
    let context = context(&[history()]).await;
    let refreshed = node(forecasting(&format!("{HISTORY} WHERE false"))).refresh(&context).await.unwrap();
    let Output::Table(table) = &refreshed.output else { panic!("a model lands a table") };
    assert!(table.files.is_empty());
    assert_eq!(refreshed.records.checks[0].check, "history: the history has no rows");
}

#[tokio::test]
async fn failures_name_the_model() {
    let context = context(&[history()]).await;
    for (decl, kind, expected) in [
        (forecasting("SELECT id, day FROM core.rows"), ErrorKind::Declaration, "column \"amount\" is not in"),
        (forecasting("SELECT nothing FROM"), ErrorKind::Sql, ""),
        (
            reordering("SELECT id AS part FROM core.rows"),
            ErrorKind::Declaration,
            "column \"on_hand\" is not in",
        ),
        (
            model(ModelKind::Reorder, None, None),
            ErrorKind::Declaration,
            "`kind` is \"reorder\", but there is no",
        ),
    ] {
        let error = node(decl).refresh(&context).await.map(|_| ()).unwrap_err();
        assert!(error.message().starts_with(&format!("model mart.prediction: {expected}")), "{error}");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn the_schema_is_known_before_there_are_rows() {
    let rows = history();
    let days: ArrayRef = Arc::new(Date32Array::from(vec![month(0), month(1), month(2)]));
    let several = batch(vec![
        ("store", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
        ("line", arrow::compute::cast(&StringArray::from(vec!["x", "y", "z"]), &DataType::Utf8View).unwrap()),
        ("day", days),
        ("amount", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]))),
    ]);
    let keys = |series: &[&str]| {
        let mut decl = forecasting("");
        decl.forecast.as_mut().unwrap().series = series.iter().map(ToString::to_string).collect();
        decl
    };
    for (rows, decl) in [(&rows, keys(&["id"])), (&several, keys(&["store", "line"])), (&several, keys(&[]))]
    {
        let found = forecast(std::slice::from_ref(rows), decl.forecast.as_ref().unwrap(), 0).unwrap();
        let expected = output_schema(&rows.schema(), &decl).unwrap();
        let (version, others) = expected.fields().split_last().unwrap();
        assert_eq!(others, &found.predictions.schema().fields()[..]);
        assert_eq!((version.name().as_str(), version.data_type()), ("_model_version", &DataType::Int64));
    }
    let mut cheap = stock();
    cheap.remove_column(cheap.schema().index_of("unit_cost").unwrap());
    let mut supplied = stock();
    supplied.remove_column(0);
    let supplied = RecordBatch::try_from_iter(
        [("part", ["1", "2", "3"]), ("supplier", ["2"; 3])]
            .map(|(name, texts)| (name.to_string(), Arc::new(StringArray::from(texts.to_vec())) as ArrayRef))
            .into_iter()
            .chain(
                supplied
                    .schema()
                    .fields()
                    .iter()
                    .map(|f| f.name().clone())
                    .zip(supplied.columns().iter().cloned()),
            ),
    )
    .unwrap();
    for rows in [stock(), cheap, supplied] {
        let decl = reordering("");
        let found = reorder(std::slice::from_ref(&rows), decl.reorder.as_ref().unwrap()).unwrap();
        assert_eq!(output_schema(&rows.schema(), &decl).unwrap(), found.schema());
    }
}

#[test]
fn every_column_is_documented() {
    for (decl, rows) in [(forecasting(""), history()), (reordering(""), stock())] {
        let documented: BTreeSet<_> = column_docs(&decl).into_iter().map(|doc| doc.name).collect();
        for field in output_schema(&rows.schema(), &decl).unwrap().fields() {
            assert!(documented.contains(field.name()), "{}", field.name());
        }
    }
}

#[test]
fn unsuitable_columns_are_named_without_rows() {
    let with = |schema: &Schema, name: &str, data_type: Option<DataType>| {
        let fields = schema.fields().iter().filter_map(|field| match &data_type {
            _ if field.name() != name => Some(field.as_ref().clone()),
            Some(data_type) => Some(Field::new(name, data_type.clone(), true)),
            None => None,
        });
        Schema::new(fields.collect::<Vec<_>>())
    };
    let twice = |schema: &Schema, name: &str| {
        let again = schema.field_with_name(name).unwrap().clone();
        Schema::new(
            schema.fields().iter().map(|field| field.as_ref().clone()).chain([again]).collect::<Vec<_>>(),
        )
    };
    let (history, stock) = (history().schema(), stock().schema());
    for (schema, decl, expected) in [
        (with(&history, "id", None), forecasting(""), "column \"id\" is not in what `sql` selects"),
        (with(&history, "day", None), forecasting(""), "column \"day\" is not in what `sql` selects"),
        (with(&history, "amount", None), forecasting(""), "column \"amount\" is not in what `sql` selects"),
        (
            with(&history, "day", Some(DataType::Int32)),
            forecasting(""),
            "column \"day\" is Int32, not a date",
        ),
        (
            with(&history, "amount", Some(DataType::Utf8)),
            forecasting(""),
            "column \"amount\" is Utf8, not a number",
        ),
        (twice(&history, "amount"), forecasting(""), "`sql` selects column \"amount\" twice"),
        (with(&stock, "part", None), reordering(""), "column \"part\" is not in what `sql` selects"),
        (with(&stock, "on_hand", None), reordering(""), "column \"on_hand\" is not in what `sql` selects"),
        (
            with(&stock, "on_order", Some(DataType::Utf8)),
            reordering(""),
            "column \"on_order\" is Utf8, not a number",
        ),
        (
            with(&stock, "unit_cost", Some(DataType::Utf8)),
            reordering(""),
            "column \"unit_cost\" is Utf8, not a",
        ),
    ] {
        let error = output_schema(&schema, &decl).unwrap_err();
        assert!(error.message().starts_with(expected), "{error} does not begin with {expected}");
        assert_eq!(error.kind(), ErrorKind::Declaration);
        assert!(error.hint().is_some(), "{error}");
    }
    let mut decl = forecasting("");
    decl.forecast.as_mut().unwrap().series = vec!["_run_id".to_string()];
    assert!(output_schema(&history, &decl).unwrap_err().message().contains("\"_run_id\""));
}
