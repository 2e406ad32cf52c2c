//! Sound declarations: what becomes of names, defaults, variables, overrides and comments; and that places can be pointed at.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow::datatypes::DataType;
use tempfile::TempDir;
use twinlake::error::{Error, ErrorKind};
use twinlake::project::source::{Malformed, NewColumns, OnViolation};
use twinlake::project::{Diagnostics, Format, Materialize, Project, Value, WriteMode};

const TWIN: &str = r#"
name = "shop"
lake = "store/../lake"
[engine]
memory = "512MiB"
[variables]
data = { env = "SHOP_DATA", default = "data" }
year = "2026"
password = "env:SHOP_PASSWORD"
"#;

const ERP: &str = r#"
owner = "sales"
root = "${data}/./erp"
[defaults]
format = "csv"
csv = { delimiter = ";", encoding = "latin-1" }
mode = "upsert"
on_violation = "warn"

[[table]]
name = "orders"
files = ["orders/${year}/*.csv"]
key = ["order_id"]
order_by = "changed_at"
csv = { decimal = "," }
checks = [{ unique = ["order_id"] }, { sql = "SELECT * FROM this WHERE amount < 0", level = "warn" }]
[table.columns]
order_id = "int64"
amount = { type = "decimal(18, 2)", from = "Betrag", min = 0 }
note = { type = "text", from = ["Note", "note"], default = "'none'" }
changed_at = { type = "timestamp", format = "%d.%m.%Y %H:%M:%S", timezone = "+01:00" }
customer_id = { type = "int64", references = "crm.customers.customer_id" }

[[table]]
name = "snapshots"
owner = "stock"
files = ["stock.parquet"]
format = "parquet"
mode = "history"
key = ["id"]
"#;

const CRM: &str = r#"
name = "customer_system"
schema = "crm"
[[table]]
name = "customers"
files = ["**/*.ndjson.gz"]
columns = { customer_id = "int64", address = "struct<city: text, tags: list<text>>", seen = "time" }
"#;

const VIEW: &str = r#"/*+++
materialize = "table"
grain = ["customer_id"]
edge = { from = "customer:customer_id", to = "customer:referred_by", relation = "referred" }
[columns]
spent = "Euros."
+++*/
-- What every customer spent.
-- Returns are not taken off.
SELECT
    o.customer_id,          -- as the shop knows them
    sum(o.amount) AS spent, -- in euros
    count(*) AS orders,
    max(o.customer_id) AS referred_by
FROM erp.orders AS o
GROUP BY o.customer_id
"#;

const MODEL: &str = r#"
name = "mart.spent_forecast"
kind = "forecast"
[forecast]
sql = '''
SELECT customer_id, changed_at, amount
FROM erp.orders
'''
series = ["customer_id"]
time = "changed_at"
value = "amount"
frequency = "month"
horizon = 3
"#;

fn shop() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("twin.toml", TWIN),
        ("pipelines/sources/erp.toml", ERP),
        ("pipelines/sources/more/crm.toml", CRM),
        ("pipelines/models/spent.toml", MODEL),
        ("sql/mart/spent.sql", VIEW),
        ("sql/core/plain.sql", "SELECT 1 AS one"),
        ("sql/core/.hidden.sql", "no SQL"),
        ("sql/core/README.md", "no SQL either"),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn load(folder: &Path, environment: &[(&str, &str)]) -> Result<Project, Diagnostics> {
    let mut all = BTreeMap::from([("SHOP_PASSWORD".to_string(), "hunter2".to_string())]);
    all.extend(environment.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    Project::load(folder, &all)
}

#[test]
fn a_twin_is_resolved() {
    let folder = shop();
    let project = load(folder.path(), &[]).unwrap();
    assert!(project.warnings.is_empty());
    assert_eq!(project.memory_bytes, 512 << 20);
    assert_eq!(project.lake_url.to_file_path().unwrap(), folder.path().join("lake"));
    let names: Vec<String> = project.tables.iter().map(|table| table.name.to_string()).collect();
    assert_eq!(names, ["erp.orders", "erp.snapshots", "crm.customers"]);
    let names: Vec<String> = project.views.iter().map(|view| view.name.to_string()).collect();
    assert_eq!(names, ["core.plain", "mart.spent"]);
    assert_eq!(project.models[0].name.to_string(), "mart.spent_forecast");
}

#[test]
fn a_table_takes_what_its_source_says_unless_it_says_otherwise() {
    let folder = shop();
    let project = load(folder.path(), &[]).unwrap();
    let [orders, snapshots, customers] = project.tables.as_slice() else { panic!("three tables") };
    assert_eq!(orders.decl.owner, "sales");
    assert_eq!(orders.root, folder.path().join("data/erp").to_string_lossy());
    assert_eq!(orders.decl.files, ["orders/2026/*.csv"]);
    let csv = orders.csv();
    assert_eq!((csv.delimiter.as_str(), csv.encoding.as_str(), csv.decimal.as_str()), (";", "latin-1", ","));
    assert_eq!((orders.format(), orders.mode()), (Some(Format::Csv), WriteMode::Upsert));
    assert_eq!((orders.on_violation(), orders.malformed()), (OnViolation::Warn, Malformed::Record));
    assert_eq!(orders.new_columns(), NewColumns::Ignore);
    let schema = orders.schema.as_ref().unwrap();
    assert_eq!(schema[0], ("order_id".to_string(), DataType::Int64));
    assert_eq!(schema[1].1, DataType::Decimal128(18, 2));
    assert_eq!(orders.decl.columns["amount"].from, ["Betrag"]);
    assert_eq!(orders.decl.columns["note"].from, ["Note", "note"]);

    assert_eq!((snapshots.decl.owner.as_str(), snapshots.format()), ("stock", Some(Format::Parquet)));
    assert_eq!((snapshots.mode(), snapshots.malformed()), (WriteMode::History, Malformed::File));
    assert_eq!((snapshots.schema.is_none(), snapshots.new_columns()), (true, NewColumns::Evolve));

    assert_eq!((customers.source.as_str(), customers.format()), ("customer_system", None));
    assert_eq!(customers.root, folder.path().to_string_lossy());
}

#[test]
fn a_view_says_what_it_is() {
    let folder = shop();
    let project = load(folder.path(), &[]).unwrap();
    let view = &project.views[1];
    assert_eq!(view.decl.materialize, Materialize::Table);
    assert_eq!(view.decl.description, "What every customer spent. Returns are not taken off.");
    assert!(view.sql.trim_start().starts_with("-- What"));
    assert_eq!(&VIEW[view.sql_offset..], view.sql);
    let docs: Vec<(&str, &str)> =
        view.column_docs.iter().map(|(name, doc)| (name.as_str(), doc.as_str())).collect();
    assert_eq!(docs, [("customer_id", "as the shop knows them"), ("spent", "Euros.")]);
}

#[test]
fn the_environment_overrides() {
    let folder = shop();
    let environment = [
        ("TWINLAKE__ENGINE__MEMORY", "2GiB"),
        ("TWINLAKE__ENGINE__THREADS", "3"),
        ("TWINLAKE__LAKE", "memory:///"),
        ("TWINLAKE__VARIABLES__YEAR", "2027"),
        ("SHOP_DATA", "/mnt/shop"),
        ("TWINLAKE_LOG", "not ours"),
    ];
    let project = load(folder.path(), &environment).unwrap();
    assert_eq!((project.memory_bytes, project.twin.engine.threads), (2 << 30, 3));
    assert_eq!(project.lake_url.as_str(), "memory:///");
    assert_eq!(project.tables[0].root, "/mnt/shop/erp");
    assert_eq!(project.tables[0].decl.files, ["orders/2027/*.csv"]);
}

#[test]
fn a_secret_is_there_and_never_prints() {
    let folder = shop();
    let project = load(folder.path(), &[]).unwrap();
    let Value::Secret(secret) = &project.variables["password"] else { panic!("a secret") };
    assert_eq!(secret.expose(), "hunter2");
    assert!(!format!("{project:?}").contains("hunter2"));
}

#[test]
fn later_phases_can_point_at_places() {
    let folder = shop();
    let project = load(folder.path(), &[]).unwrap();

    let orders = &project.tables[0].origin;
    let found = project.diagnose("x", orders, "columns.amount.min", "no");
    assert_eq!((&ERP[found.span.clone()], found.line), ("0", 19));
    let found = project.diagnose("x", orders, "columns.amount.type.inner", "no");
    assert_eq!(&ERP[found.span.clone()], "\"decimal(18, 2)\"");
    let found = project.diagnose("x", orders, "vanished", "no");
    assert_eq!(&ERP[found.span], "[[table]]");

    let view = &project.views[1];
    let at = view.sql.find("erp.orders").unwrap();
    let found = project.diagnose_sql("x", &view.origin, at..at + 10, "no");
    assert_eq!((&VIEW[found.span.clone()], found.line, found.column), ("erp.orders", 15, 6));
    let at = twinlake::project::byte_at(&view.sql, 5, 5);
    assert_eq!(&view.sql[at..at + 2], "o.");

    let model = &project.models[0];
    let sql = &model.decl.forecast.as_ref().unwrap().sql;
    let at = sql.find("erp").unwrap();
    let found = project.diagnose_text("x", &model.origin, "forecast.sql", at..at + 3, "no");
    assert_eq!((&MODEL[found.span.clone()], found.line, found.column), ("erp", 7, 6));
    assert_eq!(project.origin(&model.name), Some(&model.origin));
}

#[test]
fn diagnostics_become_an_error_and_json() {
    let folder = shop();
    fs::write(folder.path().join("sql/core/plain.sql"), "SELECT\n  1 +").unwrap();
    let diagnostics = load(folder.path(), &[]).unwrap_err();
    let json = serde_json::to_value(&diagnostics).unwrap();
    assert_eq!(json[0]["file"], "sql/core/plain.sql");
    assert_eq!((&json[0]["line"], &json[0]["code"]), (&2.into(), &"sql-syntax".into()));
    assert!(json[0].get("text").is_none());
    let error = Error::from(diagnostics);
    assert_eq!((error.kind(), error.message()), (ErrorKind::Declaration, "1 error in the declarations"));
    assert!(error.detail().unwrap().contains("sql/core/plain.sql:2"));
}

#[test]
fn an_empty_twin_is_a_twin() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("twin.toml"), "\u{feff}name = \"empty\"\r\n").unwrap();
    let project = Project::load(folder.path(), &BTreeMap::new()).unwrap();
    assert!(project.tables.is_empty() && project.views.is_empty() && project.models.is_empty());
    assert!(project.lake_url.path().ends_with("/lake/"));
}

#[test]
fn files_that_are_no_text_are_reported() {
    let folder = shop();
    fs::write(folder.path().join("sql/core/plain.sql"), b"SELECT '\xff'").unwrap();
    fs::create_dir(folder.path().join("pipelines/sources/folder.toml")).unwrap();
    let text = load(folder.path(), &[]).unwrap_err().render();
    assert!(text.contains("the file is not UTF-8") && text.contains("sql/core/plain.sql:1:1"), "{text}");
}
