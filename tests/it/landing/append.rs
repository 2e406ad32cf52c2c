//! `append`: every row is kept; a file's rows are its own.

use twinlake::run::Outcome;

use crate::tiny::Twin;

const TABLE: &str = "files = [\"*.csv\"]\n[table.columns]\nid = \"int64\"\nname = \"text\"";
const ROWS: &str = "SELECT id, name, _source_uri, _source_position FROM s.t ORDER BY id";

fn twin() -> Twin {
    Twin::with_table(TABLE)
        .file("data/a.csv", "id,name\n1,one\n2,two\n")
        .file("data/b.csv", "id,name\n3,three\n")
}

#[tokio::test]
async fn new_files_add_rows_and_a_changed_file_replaces_its_own() {
    let twin = twin();
    twin.run().await;
    assert_eq!(twin.rows(ROWS).await, ["1|one|a.csv|2", "2|two|a.csv|3", "3|three|b.csv|2"]);

    twin.write("data/c.csv", "id,name\n3,three again\n");
    twin.write("data/a.csv", "id,name\n1,uno\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["a.csv|landed|1|1|0|0|2", "c.csv|landed|1|1|0|0|0"]);
    let rows = twin.rows(&ROWS.replace("id\"", "id, name")).await;
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0], "1|uno|a.csv|2");
    assert!(
        rows.contains(&"3|three again|c.csv|2".to_string()) && rows.contains(&"3|three|b.csv|2".to_string())
    );
}

#[tokio::test]
async fn a_touched_file_is_unchanged() {
    let twin = twin();
    twin.run().await;
    let before = twin.rows("SELECT DISTINCT _run_id FROM s.t").await;
    twin.touch("data/a.csv");
    assert_eq!(twin.run().await.outcome, Outcome::Published);
    assert_eq!(twin.slices().await, ["a.csv|unchanged|0|0|0|0|0"]);
    assert_eq!(twin.rows("SELECT DISTINCT _run_id FROM s.t").await, before);
    assert_eq!(twin.run().await.outcome, Outcome::UpToDate);
}

#[tokio::test]
async fn rows_of_a_file_that_vanished_stay_unless_declared_otherwise() {
    let keeping = twin();
    keeping.run().await;
    keeping.remove("data/b.csv");
    assert_eq!(keeping.run().await.outcome, Outcome::UpToDate);
    assert_eq!(keeping.rows("SELECT count(*) FROM s.t").await, ["3"]);

    let removing = twin().table(&format!("vanished = \"remove\"\n{TABLE}"));
    removing.run().await;
    removing.remove("data/b.csv");
    removing.run().await;
    assert_eq!(removing.slices().await, ["b.csv|vanished|0|0|0|0|1"]);
    assert_eq!(removing.rows("SELECT max(id) FROM s.t").await, ["2"]);
    assert_eq!(removing.run().await.outcome, Outcome::UpToDate);
    // It comes back as a new file, even with the content it had.
    removing.write("data/b.csv", "id,name\n3,three\n");
    removing.run().await;
    assert_eq!(removing.slices().await, ["b.csv|landed|1|1|0|0|0"]);
    assert_eq!(removing.rows("SELECT max(id) FROM s.t").await, ["3"]);
}

#[tokio::test]
async fn a_file_that_is_rejected_as_a_whole_leaves_the_rows_it_brought_before() {
    for broken in ["id,name\n1,uno\n2\n", "id,name\n1,\"uno\n"] {
        let twin = twin().table(&format!("malformed = \"file\"\n{TABLE}"));
        twin.run().await;
        twin.write("data/a.csv", broken);
        twin.run().await;
        let read = broken.lines().count() - 1;
        assert_eq!(twin.slices().await, [format!("a.csv|rejected|{read}|0|0|{read}|0")]);
        assert_eq!(twin.rows("SELECT count(*) FROM s.t").await, ["3"]);
        twin.write("data/a.csv", "id,name\n1,uno\n");
        twin.run().await;
        assert_eq!(twin.slices().await, ["a.csv|landed|1|1|0|0|2"]);
        assert_eq!(twin.rows("SELECT count(*) FROM s.t").await, ["2"]);
    }
}

#[tokio::test]
async fn several_bad_files_are_set_aside_one_by_one_and_the_rest_lands() {
    let twin = twin()
        .table(&format!("malformed = \"file\"\n{TABLE}"))
        .file("data/0.csv", "")
        .file("data/a1.csv", "id,name\n7,seven\n8\n")
        .file("data/c.csv", [&b"\x1f\x8b\x08\x00"[..], b"not gzip after all"].concat())
        .file("data/d.csv", "id,name\n4,four\nx,y\n")
        .file("data/e.csv", "id,name\n9,\"nine\"9\n");
    let summary = twin.run().await;
    assert_eq!((summary.rows_read, summary.rows_landed, summary.rows_rejected), (8, 4, 4));
    assert_eq!(
        twin.slices().await,
        [
            "0.csv|rejected|0|0|0|0|0",
            "a.csv|landed|2|2|0|0|0",
            "a1.csv|rejected|2|0|0|2|0",
            "b.csv|landed|1|1|0|0|0",
            "c.csv|rejected|0|0|0|0|0",
            "d.csv|landed|2|1|0|1|0",
            "e.csv|rejected|1|0|0|1|0",
        ]
    );
    assert_eq!(
        twin.rejects().await,
        [
            "0.csv|NULL|NULL|file|",
            "a1.csv|2|NULL|file|7,seven",
            "a1.csv|3|NULL|malformed|8",
            "c.csv|NULL|NULL|file|",
            "d.csv|3|id|type|x,y",
            "e.csv|2|NULL|malformed|9,\"nine\"9",
        ]
    );
    assert_eq!(twin.run().await.outcome, Outcome::UpToDate);
}

#[tokio::test]
async fn only_so_many_files_a_run_in_order() {
    let twin = twin().table(&format!("max_files_per_run = 1\n{TABLE}"));
    assert_eq!(twin.run().await.later, 1);
    assert_eq!(twin.slices().await, ["a.csv|landed|2|2|0|0|0"]);
    assert_eq!(twin.run().await.later, 0);
    assert_eq!(twin.slices().await, ["b.csv|landed|1|1|0|0|0"]);
    assert_eq!(twin.run().await.outcome, Outcome::UpToDate);
}
