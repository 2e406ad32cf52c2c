//! Every landed row says where it came from, exactly; and what a table amounts to depends on its rows alone.

use crate::tiny::Twin;

#[tokio::test]
async fn positions_are_the_lines_on_which_records_begin() {
    let twin = Twin::with_table(
        "files = [\"**/*.csv\"]\ncsv = { skip_lines = 1, comment = \"#\" }\n[table.columns]\nid = \"int64\"\nv = \"text\"",
    )
    .file("data/x/a.csv", "exported today\r\nid,v\r\n1,\"two\r\nlines\"\r\n\r\n# a comment\r\n2,\"\n\n\"\r\nx,bad\r\n3,last")
    .file("data/y/a.csv", "exported today\nid,v\n4,\"a\"\"\nb\"\n5,c\n");
    twin.run().await;
    assert_eq!(
        twin.rows("SELECT id, _source, _source_uri, _source_position FROM s.t ORDER BY id").await,
        ["1|s|x/a.csv|3", "2|s|x/a.csv|7", "3|s|x/a.csv|11", "4|s|y/a.csv|3", "5|s|y/a.csv|5"]
    );
    assert_eq!(twin.rejects().await, ["x/a.csv|10|id|type|x,bad"]);
}

#[tokio::test]
async fn rows_join_the_run_that_landed_them() {
    let twin = Twin::with_table("files = [\"*.csv\"]").file("data/1.csv", "id\n1\n");
    twin.run().await;
    twin.write("data/2.csv", "id\n2\n");
    let second = twin.run().await;
    let sql = "SELECT t.id, r.run_id, t._ingested_at = r.as_of FROM s.t JOIN twin.runs r ON t._run_id = r.run_id ORDER BY t.id";
    let rows = twin.rows(sql).await;
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1], format!("2|{}|true", second.run_id));
    assert!(rows[0].ends_with("|true") && rows[0].as_str() < rows[1].as_str());
}

#[tokio::test]
async fn positions_of_typed_files_and_json_arrays() {
    let twin = Twin::with_table("files = [\"*.json\"]")
        .file("data/1.json", "[\n{\"id\": 1},\n\n{\"id\":\n2}, {\"id\": 3}]");
    twin.run().await;
    assert_eq!(twin.rows("SELECT id, _source_position FROM s.t ORDER BY id").await, ["1|2", "2|4", "3|5"]);
}

/// Rows of three columns, enough for several blocks.
fn many(rows: std::ops::Range<usize>) -> String {
    let mut text = String::from("id,at,note\n");
    for id in rows {
        text.push_str(&format!(
            "{},{},\"note {} of\n{}, padded so that blocks fill up\"\n",
            id % 30_000,
            id * 7919 % 1000,
            id,
            id % 13
        ));
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logical_hash_depends_on_nothing_but_the_rows() {
    let files: Vec<String> = vec![many(0..40_000), many(40_000..60_000), many(60_000..60_001)];
    for mode in ["append", "upsert"] {
        let mut hashes = Vec::new();
        for (threads, names) in [(1, ["a", "b", "c"]), (2, ["b", "a", "c"]), (8, ["c", "b", "a"])] {
            let keyed = if mode == "upsert" { "key = [\"id\", \"note\"]" } else { "" };
            let twin = Twin::with_table(&format!(
                "files = [\"*.csv\"]\nmode = \"{mode}\"\n{keyed}\n[table.columns]\nid = \"int64\"\nat = \"int64\"\nnote = \"text\""
            ))
            .file("twin.toml", format!("name = \"test\"\n[engine]\nthreads = {threads}\nbatch_rows = {}\n", 1024 * threads));
            for (name, text) in names.iter().zip(&files) {
                twin.write(&format!("data/{name}.csv"), text);
            }
            twin.run().await;
            hashes.push(twin.hash().await);
        }
        assert!(hashes[0].starts_with("60001:"), "{hashes:?}");
        assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{mode}: {hashes:?}");
    }
}
