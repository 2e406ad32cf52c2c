//! The twins of this repository: the one at its root and those in `examples/` are right as they are declared.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use twinlake::app::{App, check};

#[tokio::test]
async fn every_example_can_be_planned() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for twin in [".", "examples/adventureworks", "examples/online_retail", "examples/risk", "examples/sp500"]
    {
        let checked = check(&root.join(twin), &BTreeMap::new()).await.unwrap();
        assert!(!checked.found.has_errors(), "{twin}:\n{}", checked.found.render());
        let project = checked.project.unwrap();
        assert!(project.tables.len() + project.views.len() > 1, "{twin} declares nothing");
        App::of(project).map(drop).unwrap();
    }
}

#[tokio::test]
async fn what_queries_may_read_besides_declared_relations() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("sql/core")).unwrap();
    fs::write(folder.path().join("twin.toml"), "name = \"small\"\n").unwrap();
    for (name, sql) in [
        ("system", "SELECT run_id, status FROM twin.runs WHERE finished_at < as_of()"),
        ("series", "SELECT value AS n FROM generate_series(1, 3)"),
        ("schema", "SELECT table_name FROM information_schema.tables"),
        (
            "named_as_a_relation",
            "WITH series AS (SELECT 1 AS n) SELECT s.n FROM series AS s JOIN core.series AS t ON s.n = t.n",
        ),
        (
            "recursive",
            "WITH RECURSIVE up AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM up WHERE n < 3) SELECT n FROM up",
        ),
    ] {
        fs::write(folder.path().join(format!("sql/core/{name}.sql")), sql).unwrap();
    }
    let checked = check(folder.path(), &BTreeMap::new()).await.unwrap();
    assert!(checked.found.is_empty(), "{}", checked.found.render());
    App::of(checked.project.unwrap()).map(drop).unwrap();
}
