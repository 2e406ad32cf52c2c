//! `upsert`, `snapshot` and `history`: rows with identity.

use twinlake::run::Outcome;

use crate::tiny::Twin;

fn keyed(mode: &str, more: &str) -> Twin {
    Twin::with_table(&format!(
        "files = [\"*.csv\"]\nmode = \"{mode}\"\nkey = [\"id\"]\n{more}\n[table.columns]\nid = \"int64\"\nat = \"int64\"\nv = \"text\""
    ))
}

const ROWS: &str = "SELECT id, at, v, _source_uri, _source_position FROM s.t ORDER BY id";

#[tokio::test]
async fn upsert_takes_the_greatest_by_order_and_late_rows_lose() {
    let twin = keyed("upsert", "order_by = \"at\"")
        .file("data/1.csv", "id,at,v\n1,10,a\n2,10,b\n4,,n\n")
        .file("data/2.csv", "id,at,v\n1,20,a2\n2,5,late\n3,1,c\n4,0,more than null\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["1.csv|landed|3|3|0|0|0", "2.csv|landed|4|3|1|0|0"]);
    let first = ["1|20|a2|2.csv|2", "2|10|b|1.csv|3", "3|1|c|2.csv|4", "4|0|more than null|2.csv|5"];
    assert_eq!(twin.rows(ROWS).await, first);

    // In a later run: known rows are unchanged, late ones lose, of equal ones the later arrival wins.
    twin.write("data/3.csv", "id,at,v\n1,20,a2\n2,9,later still\n3,1,d\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["3.csv|landed|3|1|2|0|0"]);
    assert_eq!(twin.rows(ROWS).await[1..3], ["2|10|b|1.csv|3", "3|1|d|3.csv|4"]);
    assert_eq!(twin.run().await.outcome, Outcome::UpToDate);
}

#[tokio::test]
async fn upsert_settles_duplicates_within_a_file() {
    let ordered =
        keyed("upsert", "order_by = \"at\"").file("data/1.csv", "id,at,v\n1,10,a\n1,30,b\n1,20,c\n1,30,b\n");
    ordered.run().await;
    assert_eq!(ordered.rows(ROWS).await, ["1|30|b|1.csv|3"]);
    assert_eq!(ordered.slices().await, ["1.csv|landed|4|2|2|0|0"]);

    let by_arrival = keyed("upsert", "").file("data/1.csv", "id,at,v\n1,10,a\n1,30,b\n1,20,c\n");
    by_arrival.run().await;
    assert_eq!(by_arrival.rows(ROWS).await, ["1|20|c|1.csv|4"]);
}

#[tokio::test]
async fn a_row_without_its_key_is_rejected_in_every_keyed_mode() {
    for mode in ["upsert", "snapshot", "history"] {
        let twin = keyed(mode, "").file("data/1.csv", "id,at,v\n1,1,a\n,2,b\n");
        twin.run().await;
        assert_eq!(twin.slices().await, ["1.csv|landed|2|1|0|1|0"], "{mode}");
        assert_eq!(twin.rejects().await, ["1.csv|3|id|required|,2,b"], "{mode}");
        let lax = keyed(mode, "on_violation = \"warn\"").file("data/1.csv", "id,at,v\n1,1,a\n,2,b\n");
        lax.run().await;
        assert_eq!(lax.slices().await, ["1.csv|landed|2|1|0|1|0"], "{mode}");
        assert_eq!(lax.rejects().await, ["1.csv|3|id|required|,2,b"], "{mode}");
    }
}

#[tokio::test]
async fn snapshot_deletes_keys_that_vanished_and_tells_rows_that_stayed() {
    let twin = keyed("snapshot", "").file("data/1.csv", "id,at,v\n1,1,a\n2,1,b\n3,1,c\n");
    twin.run().await;
    let runs = twin.rows("SELECT _run_id FROM s.t WHERE id = 1").await;
    twin.write("data/2.csv", "id,at,v\n1,1,a\n3,2,c\n4,1,d\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["2.csv|landed|3|2|1|0|1"]);
    assert_eq!(twin.rows(ROWS).await, ["1|1|a|1.csv|2", "3|2|c|2.csv|3", "4|1|d|2.csv|4"]);
    assert_eq!(
        twin.rows("SELECT _run_id FROM s.t WHERE id = 1").await,
        runs,
        "it is the row that landed then"
    );
}

#[tokio::test]
async fn snapshot_does_not_delete_the_key_of_a_rejected_row() {
    let twin = keyed("snapshot", "").file("data/1.csv", "id,at,v\n1,1,a\n2,1,b\n3,1,c\n");
    twin.run().await;
    twin.write("data/2.csv", "id,at,v\n1,1,a\n2,one,b2\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["2.csv|landed|2|0|1|1|1"]);
    assert_eq!(twin.rows(ROWS).await, ["1|1|a|1.csv|2", "2|1|b|1.csv|3"]);
    // The same within one run, where the first file is not published yet.
    let at_once = keyed("snapshot", "")
        .file("data/1.csv", "id,at,v\n1,1,a\n2,1,b\n")
        .file("data/2.csv", "id,at,v\n2,one,b2\n");
    at_once.run().await;
    assert_eq!(at_once.rows(ROWS).await, ["2|1|b|1.csv|3"]);
}

#[tokio::test]
async fn a_rejected_row_does_not_stand_in_the_way_of_a_good_one_with_its_key() {
    for records in ["1,2,better\n1,x,bad\n", "1,x,bad\n1,2,better\n"] {
        let twin = keyed("snapshot", "").file("data/1.csv", "id,at,v\n1,1,a\n");
        twin.run().await;
        twin.write("data/2.csv", format!("id,at,v\n{records}"));
        twin.run().await;
        assert_eq!(twin.slices().await, ["2.csv|landed|2|1|0|1|0"]);
        assert_eq!(twin.rows("SELECT id, at, v FROM s.t").await, ["1|2|better"]);
    }
}

#[tokio::test]
async fn a_full_extract_that_has_a_key_twice_is_told_so() {
    for mode in ["snapshot", "history"] {
        let twin =
            keyed(mode, "").file("data/1.csv", "id,at,v\n1,1,a\n2,1,b\n1,1,\"A \"\"again\"\"\"\n2,1,b\n");
        twin.run().await;
        assert_eq!(twin.slices().await, ["1.csv|landed|4|2|1|1|0"], "{mode}");
        assert_eq!(twin.rejects().await, ["1.csv|4|id|duplicate key|1,1,\"A \"\"again\"\"\""], "{mode}");
        assert_eq!(twin.rows(ROWS).await, ["1|1|a|1.csv|2", "2|1|b|1.csv|3"], "{mode}");
    }
}

#[tokio::test]
async fn an_extract_with_a_malformed_record_is_rejected_as_a_whole() {
    for mode in ["snapshot", "history"] {
        let twin = keyed(mode, "").file("data/1.csv", "id,at,v\n1,1,a\n2,1,b\n");
        twin.run().await;
        twin.write("data/2.csv", "id,at,v\n1,1,a\n2\n");
        twin.run().await;
        assert_eq!(twin.slices().await, ["2.csv|rejected|2|0|0|2|0"], "{mode}");
        assert_eq!(twin.rejects().await, ["2.csv|2|NULL|file|1,1,a", "2.csv|3|NULL|malformed|2"], "{mode}");
        assert_eq!(twin.rows(ROWS).await, ["1|1|a|1.csv|2", "2|1|b|1.csv|3"], "{mode}");
    }
}

const HISTORY: &str = "SELECT id, v, _valid_from, _valid_to FROM s.t ORDER BY id, _valid_from";

#[tokio::test]
async fn history_keeps_every_version_with_its_validity() {
    let twin = keyed("history", "")
        .file("data/2024-01-01.csv", "id,at,v\n1,1,a\n2,1,b\n")
        .file("data/2024-02-01.csv", "id,at,v\n1,1,a\n2,1,b2\n3,1,c\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["2024-01-01.csv|landed|2|2|0|0|0", "2024-02-01.csv|landed|3|2|1|0|0"]);
    twin.write("data/2024-03-01.csv", "id,at,v\n1,1,a\n3,1,c\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["2024-03-01.csv|landed|2|0|2|0|1"]);
    twin.write("data/2024-04-01.csv", "id,at,v\n1,1,a\n2,1,b2\n3,1,c\n");
    twin.run().await;
    assert_eq!(
        twin.rows(HISTORY).await,
        [
            "1|a|2024-01-01T00:00:00Z|NULL",
            "2|b|2024-01-01T00:00:00Z|2024-02-01T00:00:00Z",
            "2|b2|2024-02-01T00:00:00Z|2024-03-01T00:00:00Z",
            "2|b2|2024-04-01T00:00:00Z|NULL",
            "3|c|2024-02-01T00:00:00Z|NULL",
        ]
    );
    assert_eq!(twin.run().await.outcome, Outcome::UpToDate);
}

#[tokio::test]
async fn history_takes_validity_from_a_column_where_declared() {
    let table = "files = [\"*.csv\"]\nmode = \"history\"\nkey = [\"id\"]\nvalid_from = \"since\"\n[table.columns]\nid = \"int64\"\nv = \"text\"\nsince = \"date\"";
    let twin = Twin::with_table(table)
        .file("data/1.csv", "id,v,since\n1,a,2020-05-01\n2,b,2020-06-01\n")
        .file("data/2.csv", "id,v,since\n1,a2,2021-05-01\n2,b,2020-06-01\n");
    twin.run().await;
    assert_eq!(
        twin.rows(HISTORY).await,
        [
            "1|a|2020-05-01T00:00:00Z|2021-05-01T00:00:00Z",
            "1|a2|2021-05-01T00:00:00Z|NULL",
            "2|b|2020-06-01T00:00:00Z|NULL",
        ]
    );
}

#[tokio::test]
async fn history_without_a_date_takes_the_instant_of_the_run() {
    let twin = keyed("history", "").file("data/1.csv", "id,at,v\n1,1,a\n");
    twin.run().await;
    assert_eq!(
        twin.rows("SELECT count(*) FROM s.t WHERE _valid_from = _ingested_at AND _valid_to IS NULL").await,
        ["1"]
    );
}

#[tokio::test]
async fn keys_of_several_columns_are_told_apart() {
    let table = "files = [\"*.csv\"]\nmode = \"snapshot\"\nkey = [\"a\", \"b\"]\n[table.columns]\na = \"text\"\nb = \"text\"\nv = \"int64\"";
    let twin = Twin::with_table(table).file("data/1.csv", "a,b,v\nx,yz,1\nxy,z,2\n");
    twin.run().await;
    assert_eq!(twin.rows("SELECT a, b, v FROM s.t ORDER BY v").await, ["x|yz|1", "xy|z|2"]);
}
