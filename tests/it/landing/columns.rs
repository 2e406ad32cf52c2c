//! Which columns a table has: declared, inferred, new ones that evolve, are ignored or rejected.

use twinlake::error::ErrorKind;

use crate::tiny::Twin;

const COLUMNS: &str = "SELECT \"column\", data_type FROM twin.columns WHERE relation = 's.t' AND \"column\" NOT LIKE '\\_%' ORDER BY position";

fn twin(new_columns: &str) -> Twin {
    Twin::with_table(&format!(
        "files = [\"*.csv\"]\nnew_columns = \"{new_columns}\"\n[table.columns]\nid = \"int64\"\nname = {{ type = \"text\", from = \"Name\" }}"
    ))
    .file("data/1.csv", "ID,Name\n1,a\n")
}

#[tokio::test]
async fn new_columns_evolve_and_old_rows_are_null() {
    let twin = twin("evolve");
    twin.run().await;
    twin.write("data/2.csv", "ID,Name,Unit Price,since\n2,b,1.5,2024-01-01\n");
    twin.run().await;
    assert_eq!(
        twin.rows("SELECT id, name, unit_price, since FROM s.t ORDER BY id").await,
        ["1|a|NULL|NULL", "2|b|1.5|2024-01-01"]
    );
    assert_eq!(twin.rows(COLUMNS).await, ["id|Int64", "name|Utf8", "unit_price|Float64", "since|Date32"]);
    assert_eq!(
        twin.rows("SELECT uri, columns_changed FROM twin.slices ORDER BY uri").await,
        ["1.csv|NULL", "2.csv|added: Unit Price, since"]
    );
    // What evolved stays, whether later files have it or not, and under either spelling.
    twin.write("data/3.csv", "ID,Name\n3,c\n");
    twin.write("data/4.csv", "id,Name,unit_price\n4,d,7\n");
    twin.write("data/5.csv", "id,Name,UNIT PRICE\n5,e,8\n");
    twin.run().await;
    assert_eq!(
        twin.rows("SELECT id, name, unit_price FROM s.t WHERE id > 2 ORDER BY id").await,
        ["3|c|NULL", "4|d|7.0", "5|e|8.0"]
    );
    // Its type is settled now: what does not fit is rejected.
    twin.write("data/6.csv", "id,Name,unit_price\n6,f,dear\n");
    twin.run().await;
    assert_eq!(twin.rejects().await, ["6.csv|2|unit_price|type|6,f,dear"]);
}

#[tokio::test]
async fn new_columns_are_ignored_and_told() {
    let twin = twin("ignore").file("data/2.csv", "ID,Name,x\n2,b,1.5\n");
    twin.run().await;
    assert_eq!(twin.rows(COLUMNS).await, ["id|Int64", "name|Utf8"]);
    assert_eq!(
        twin.rows("SELECT uri, columns_changed, rows_landed FROM twin.slices ORDER BY uri").await,
        ["1.csv|NULL|1", "2.csv|ignored: x|1"]
    );
}

#[tokio::test]
async fn a_file_with_new_columns_is_rejected_where_declared() {
    let twin = twin("reject").file("data/2.csv", "ID,Name,x\n2,b,1.5\n").file("data/3.csv", "id,name\n3,c\n");
    twin.run().await;
    assert_eq!(
        twin.slices().await,
        ["1.csv|landed|1|1|0|0|0", "2.csv|rejected|0|0|0|0|0", "3.csv|landed|1|1|0|0|0"]
    );
    let reasons = twin.rows("SELECT reason FROM twin.rejects").await;
    assert_eq!(
        reasons,
        ["columns that are not declared: x. Declare them, or set new_columns to \"evolve\" or \"ignore\"."]
    );
    twin.write("data/2.csv", "ID,Name\n2,b\n");
    twin.run().await;
    assert_eq!(twin.rows("SELECT id FROM s.t ORDER BY id").await, ["1", "2", "3"]);
}

#[tokio::test]
async fn undeclared_columns_are_inferred_over_all_files_of_the_first_run() {
    let twin = Twin::with_table("files = [\"*.csv\"]")
        .file("data/1.csv", "a,b,c,d,e,f\n1,1,2024-01-01,true,007,\n")
        .file("data/2.csv", "a,b,c,d,e,f\n2,1.5,2024-01-01T10:00:00Z,false,8,\n");
    twin.run().await;
    assert_eq!(
        twin.rows(COLUMNS).await,
        ["a|Int64", "b|Float64", "c|Timestamp(µs, \"UTC\")", "d|Boolean", "e|Utf8", "f|Utf8"]
    );
    assert_eq!(
        twin.rows("SELECT a, b, c, d, e, f FROM s.t ORDER BY a").await,
        ["1|1.0|2024-01-01T00:00:00Z|true|007|NULL", "2|1.5|2024-01-01T10:00:00Z|false|8|NULL"]
    );
}

#[tokio::test]
async fn two_columns_that_would_become_one_are_refused() {
    let twin = Twin::with_table("files = [\"*.csv\"]")
        .file("data/1.csv", "a b,a-b\n1,2\n")
        .file("data/2.csv", "a b\n3\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["1.csv|rejected|0|0|0|0|0", "2.csv|landed|1|1|0|0|0"]);
    let reasons = twin.rows("SELECT reason FROM twin.rejects").await;
    assert!(reasons[0].contains("columns \"a b\" and \"a-b\" would both become a_b"), "{reasons:?}");
    assert_eq!(twin.rows("SELECT a_b FROM s.t").await, ["3"]);
}

#[tokio::test]
async fn files_without_a_header() {
    let csv = "csv = { header = false }";
    let declared = Twin::with_table(&format!(
        "files = [\"t.csv\"]\n{csv}\n[table.columns]\nid = \"int64\"\nname = {{ type = \"text\", from = \"raw\" }}\ndouble = {{ type = \"int64\", sql = \"CAST(id AS BIGINT) * 2\" }}"
    ))
    .file("data/t.csv", "1,a\n2,b\n3\n");
    declared.run().await;
    assert_eq!(
        declared.rows("SELECT id, name, double, _source_position FROM s.t ORDER BY id").await,
        ["1|a|2|1", "2|b|4|2"]
    );
    assert_eq!(declared.rejects().await, ["t.csv|3|NULL|malformed|3"]);
    let nameless = Twin::with_table(&format!("files = [\"t.csv\"]\n{csv}")).file("data/t.csv", "1,a\n");
    assert_eq!(nameless.attempt().await.unwrap_err().kind(), ErrorKind::Declaration);
}

#[tokio::test]
async fn the_first_raw_column_present_is_taken() {
    let twin = Twin::with_table(
        "files = [\"*.csv\"]\n[table.columns]\nv = { type = \"int64\", from = [\"New\", \"Old\"] }",
    )
    .file("data/1.csv", "Old\n1\n")
    .file("data/2.csv", "Old,New\n2,3\n");
    twin.run().await;
    assert_eq!(twin.rows("SELECT v FROM s.t ORDER BY v").await, ["1", "3"]);
}
