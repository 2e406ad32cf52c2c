//! The contract: what each rule says of a bad value, and what becomes of its row.

use twinlake::error::ErrorKind;

use crate::tiny::Twin;

/// The rule's name, the column's declaration, a good value, a bad one, what is said of it.
const RULES: [(&str, &str, &str, &str, &str); 9] = [
    ("type", "type = \"int64\"", "5", "x", "column v is not a valid int64"),
    ("type", "type = \"decimal(5, 2)\"", "1.50", "1.505", "column v is not a valid decimal(5, 2)"),
    ("required", "type = \"int64\", required = true", "5", "", "column v is null"),
    ("range", "type = \"int64\", min = 1", "1", "0", "column v is less than 1"),
    (
        "range",
        "type = \"date\", max = \"2024-12-31\"",
        "2024-12-31",
        "2025-01-01",
        "column v is greater than 2024-12-31",
    ),
    (
        "pattern",
        "type = \"text\", pattern = \"^[A-Z]{2}$\"",
        "AB",
        "Abc",
        "column v does not match its pattern",
    ),
    (
        "accepted",
        "type = \"text\", accepted = [\"a\", \"b\"]",
        "b",
        "c",
        "column v is none of the accepted values",
    ),
    (
        "accepted",
        "type = \"decimal(9, 2)\", accepted = [1, 2.5]",
        "2.50",
        "3",
        "column v is none of the accepted values",
    ),
    (
        "references",
        "type = \"int64\", references = \"r.codes.code\"",
        "7",
        "8",
        "column v is not in r.codes.code",
    ),
];

fn twin(column: &str, on_violation: &str, bad: &str, good: &str) -> Twin {
    Twin::with_table(&format!(
        "files = [\"t.csv\"]\non_violation = \"{on_violation}\"\n[table.columns]\nid = \"int64\"\nv = {{ {column} }}"
    ))
    .file("pipelines/sources/r.toml", "root = \"data\"\n[[table]]\nname = \"codes\"\nfiles = [\"codes.csv\"]\n")
    .file("data/codes.csv", "code\n7\n")
    .file("data/t.csv", format!("id,v\n1,{good}\n2,{bad}\n3,{good}\n"))
}

#[tokio::test]
async fn a_bad_row_is_rejected_with_its_reason() {
    for (rule, column, good, bad, reason) in RULES {
        let twin = twin(column, "reject", bad, good);
        twin.run().await;
        assert_eq!(twin.slices().await, ["codes.csv|landed|1|1|0|0|0", "t.csv|landed|3|2|0|1|0"], "{column}");
        assert_eq!(twin.rejects().await, [format!("t.csv|3|v|{rule}|2,{bad}")], "{column}");
        assert_eq!(twin.rows("SELECT reason FROM twin.rejects").await, [reason], "{column}");
        assert_eq!(twin.rows("SELECT id FROM s.t ORDER BY id").await, ["1", "3"], "{column}");
    }
}

#[tokio::test]
async fn a_warning_lands_the_row_and_is_counted() {
    for (rule, column, good, bad, _) in RULES {
        let twin = twin(column, "warn", bad, good);
        twin.run().await;
        assert_eq!(twin.rows("SELECT count(*), count(v) FROM s.t").await.len(), 1);
        assert_eq!(twin.slices().await[1], "t.csv|landed|3|3|0|0|0", "{column}");
        let checks = twin.rows("SELECT \"check\", level, status, bad_rows FROM twin.checks").await;
        assert_eq!(checks, [format!("contract: v {rule}|warn|failed|1")], "{column}");
        assert!(twin.rejects().await.is_empty());
    }
}

#[tokio::test]
async fn fail_names_file_line_column_and_remedy_and_publishes_nothing() {
    for (_, column, good, bad, reason) in RULES {
        let twin = twin(column, "fail", bad, good);
        let error = twin.failure().await;
        assert_eq!(error.kind(), ErrorKind::Contract, "{column}");
        assert_eq!(error.message(), format!("table s.t: file t.csv, line 3: {reason}"));
        assert!(error.hint().is_some_and(|hint| hint.contains("on_violation")));
        if !bad.is_empty() && bad.len() > 3 {
            assert!(!error.message().contains(bad), "values of rows stay out of errors");
        }
        assert!(twin.ask("SELECT * FROM s.t").await.is_err());
        // Mended, it lands.
        twin.write("data/t.csv", format!("id,v\n1,{good}\n"));
        twin.run().await;
        assert_eq!(twin.rows("SELECT id FROM s.t").await, ["1"]);
    }
}

#[tokio::test]
async fn a_row_that_breaks_several_rules_is_rejected_once_with_all_reasons() {
    let twin = Twin::with_table(
        "files = [\"t.csv\"]\n[table.columns]\nid = { type = \"int64\", max = 9 }\nv = { type = \"int64\", min = 1, on_violation = \"warn\" }\nw = { type = \"date\", required = true }",
    )
    .file("data/t.csv", "id,v,w\n10,0,\n1,0,2024-01-01\n");
    twin.run().await;
    assert_eq!(twin.rejects().await, ["t.csv|2|id|range|10,0,"]);
    assert_eq!(
        twin.rows("SELECT reason FROM twin.rejects").await,
        ["column id is greater than 9; column w is null"]
    );
    assert_eq!(twin.rows("SELECT \"check\", bad_rows FROM twin.checks").await, ["contract: v range|2"]);
}

#[tokio::test]
async fn references_see_what_lands_in_the_same_run_and_not_nulls() {
    let twin = Twin::with_table(
        "files = [\"t.csv\"]\n[table.columns]\nv = { type = \"text\", references = \"r.codes.code\" }\nw = \"text\"",
    )
    .file("pipelines/sources/r.toml", "root = \"data\"\n[[table]]\nname = \"codes\"\nfiles = [\"codes.csv\"]\n")
    .file("data/codes.csv", "code\n1\n22\n")
    .file("data/t.csv", "v,w\n22,a\n,b\n022,c\n");
    twin.run().await;
    // The codes were inferred to be numbers: their text form counts.
    assert_eq!(twin.rejects().await, ["t.csv|4|v|references|022,c"]);
    assert_eq!(twin.rows("SELECT w FROM s.t ORDER BY w").await, ["a", "b"]);
}

#[tokio::test]
async fn a_file_without_a_required_column_is_rejected_as_a_whole() {
    let twin = Twin::with_table(
        "files = [\"*.csv\"]\n[table.columns]\nid = \"int64\"\nv = { type = \"int64\", required = true }",
    )
    .file("data/1.csv", "id,w\n1,2\n")
    .file("data/2.csv", "id,v\n1,2\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["1.csv|rejected|0|0|0|0|0", "2.csv|landed|1|1|0|0|0"]);
    let reasons = twin.rows("SELECT reason FROM twin.rejects").await;
    assert!(reasons[0].contains("column v is required, but the file has no column v"), "{reasons:?}");
    assert!(reasons[0].contains("id, w"), "{reasons:?}");
}
