//! Input and lakes that are not what they should be: a clear message, the documented exit code, nothing half-done that a
//! reader could see, and a good run as soon as it is mended.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use twinlake::error::ErrorKind;

use crate::tiny::Twin;
use crate::twin::done_without_privilege;

const TABLE: &str = "files = [\"**/*.csv*\"]\n[table.columns]\nid = \"int64\"\nv = \"text\"";
const IDS: &str = "SELECT id FROM s.t ORDER BY id";

fn twin() -> Twin {
    Twin::with_table(TABLE).file("data/1.csv", "id,v\n1,a\n")
}

fn program(twin: &Twin, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_twinlake"))
        .args(arguments)
        .args(["--no-color"])
        .current_dir(twin.path())
        .env_remove("FAILPOINTS")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the program; it must end with this code, having said all of these.
#[track_caller]
fn run_ends(twin: &Twin, code: i32, says: &[&str]) {
    said(&program(twin, &["run"]), code, says);
}

#[track_caller]
fn said(output: &Output, code: i32, says: &[&str]) {
    // Long lines may be broken anywhere between words.
    let text = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(code), "{text}");
    for part in says {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[tokio::test]
async fn a_missing_folder() {
    let twin = twin();
    twin.run().await;
    fs::rename(twin.path().join("data"), twin.path().join("away")).unwrap();
    run_ends(&twin, 4, &["table s.t", "source root", "does not exist", "hint: Create the folder"]);
    assert_eq!(twin.rows(IDS).await, ["1"]);
    fs::rename(twin.path().join("away"), twin.path().join("data")).unwrap();
    run_ends(&twin, 0, &[]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_may_not_be_read_fails_its_table_until_it_may() {
    use std::os::unix::fs::PermissionsExt;
    if done_without_privilege("bad_input::a_file_that_may_not_be_read_fails_its_table_until_it_may") {
        return;
    }
    let twin = twin().file("data/2.csv", "id,v\n2,b\n");
    let path = twin.path().join("data/2.csv");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let error = twin.failure().await;
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert!(error.message().contains("2.csv\": may not be read by this user"), "{error}");
    assert!(error.hint().is_some());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    twin.run().await;
    assert_eq!(twin.rows(IDS).await, ["1", "2"]);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Bytes that are no text, always the same.
fn garbage() -> Vec<u8> {
    (0..4096u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

#[tokio::test]
async fn files_that_cannot_be_read_are_rejected_whole_and_land_once_mended() {
    let lines: String = (0..20_000).map(|id| format!("{id},row {}\n", id * 7919 % 10_007)).collect();
    let whole = gzip(&format!("id,v\n{lines}"));
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("2.csv.gz", whole[..whole.len() / 2].to_vec(), "the gzip file is truncated"),
        ("2.csv", Vec::new(), "is empty"),
        ("2.csv", garbage(), "does not look like text"),
        ("2.csv", [b"PAR1".as_slice(), &garbage()].concat(), "does not look like text"),
    ];
    for (name, bytes, why) in cases {
        let twin = twin().file(&format!("data/{name}"), &bytes);
        run_ends(&twin, 0, &["published manifest 0"]);
        assert_eq!(twin.rows(IDS).await, ["1"], "{name}: {why}");
        let rejects = twin.rows("SELECT uri, rule, reason FROM twin.rejects").await;
        assert!(rejects.len() == 1 && rejects[0].starts_with(&format!("{name}|file|file ")), "{rejects:?}");
        assert!(rejects[0].contains(why), "{rejects:?}");
        run_ends(&twin, 0, &["up to date"]);
        let mended = "id,v\n2,b\n";
        twin.write(&format!("data/{name}"), if name.ends_with("gz") { gzip(mended) } else { mended.into() });
        run_ends(&twin, 0, &["published"]);
        assert_eq!(twin.rows(IDS).await, ["1", "2"], "{name}: {why}");
        // Where the contract says so, such a file fails the table.
        let strict = Twin::with_table(&format!("on_violation = \"fail\"\n{TABLE}"))
            .file(&format!("data/{name}"), &bytes);
        run_ends(&strict, 4, &["table s.t", name, why]);
    }
}

#[tokio::test]
async fn a_folder_with_the_name_of_a_file() {
    let twin = twin();
    fs::create_dir(twin.path().join("data/x.csv")).unwrap();
    run_ends(&twin, 4, &["table s.t", "x.csv\" is a directory, not a file", "hint: Move it"]);
    fs::remove_dir(twin.path().join("data/x.csv")).unwrap();
    run_ends(&twin, 0, &[]);
    assert_eq!(twin.rows(IDS).await, ["1"]);
}

#[tokio::test]
async fn files_of_one_name_in_different_folders_are_different_files() {
    let twin = Twin::with_table(TABLE)
        .file("data/a/x.csv", "id,v\n1,a\n")
        .file("data/b/x.csv", "id,v\n1,a\n")
        .file("data/x.csv", "id,v\n1,a\n");
    twin.run().await;
    assert_eq!(twin.rows("SELECT _source_uri FROM s.t ORDER BY 1").await, ["a/x.csv", "b/x.csv", "x.csv"]);
    twin.write("data/b/x.csv", "id,v\n2,b\n3,c\n");
    twin.run().await;
    assert_eq!(twin.slices().await, ["b/x.csv|landed|2|2|0|0|1"]);
    assert_eq!(twin.rows("SELECT id FROM s.t WHERE _source_uri <> 'b/x.csv'").await, ["1", "1"]);
}

#[tokio::test]
async fn a_lake_that_is_none() {
    let taken = twin().file("lake/holiday.jpg", "cheese");
    run_ends(&taken, 6, &["is not a lake: it holds \"holiday.jpg\"", "hint: Set `lake` in twin.toml"]);
    assert_eq!(fs::read_dir(taken.path().join("lake")).unwrap().count(), 1, "nothing was written beside it");
    taken.remove("lake/holiday.jpg");
    run_ends(&taken, 0, &[]);

    let file = twin().file("lake", "a file");
    let output = program(&file, &["run"]);
    said(&output, 6, &["error:"]);
    file.remove("lake");
    run_ends(&file, 0, &[]);
}

/// The newest entry of the manifest's log.
fn newest_entry(twin: &Twin) -> (u64, PathBuf) {
    let log = twin.path().join("lake/twin/manifest/_delta_log");
    let newest = fs::read_dir(&log).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    (newest.file_stem().unwrap().to_str().unwrap().parse().unwrap(), newest)
}

#[tokio::test]
async fn a_lake_that_something_newer_wrote() {
    let protocols = [
        r#"{"protocol":{"minReaderVersion":99,"minWriterVersion":99}}"#,
        r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["timeWarp"],"writerFeatures":["timeWarp"]}}"#,
    ];
    for protocol in protocols {
        let twin = twin();
        twin.run().await;
        let (number, newest) = newest_entry(&twin);
        let next = newest.with_file_name(format!("{:020}.json", number + 1));
        fs::write(&next, format!("{protocol}\n")).unwrap();
        for arguments in [["run", "-q"].as_slice(), &["sql", IDS], &["plan"]] {
            let says = ["twin.manifest", "newer", "hint:"];
            said(&program(&twin, arguments), 6, &says);
        }
        fs::remove_file(&next).unwrap();
        run_ends(&twin, 0, &[]);
        assert_eq!(twin.rows(IDS).await, ["1"]);
    }
}

#[tokio::test]
async fn a_damaged_manifest() {
    let twin = twin();
    twin.run().await;
    let (_, entry) = newest_entry(&twin);
    let folder = twin.path().join("lake/twin/manifest");
    let data =
        fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).find(|p| p.extension().is_some()).unwrap();
    type Damage = fn(&[u8]) -> Option<Vec<u8>>;
    let damage: [(&Path, Damage); 5] = [
        (&entry, |bytes| Some(bytes[..bytes.len() / 2].to_vec())),
        (&entry, |_| Some(Vec::new())),
        (&data, |bytes| Some(bytes[..bytes.len() / 2].to_vec())),
        (&data, |_| Some(b"not parquet at all".to_vec())),
        (&data, |_| None),
    ];
    for (case, (path, damage)) in damage.into_iter().enumerate() {
        let sound = fs::read(path).unwrap();
        match damage(&sound) {
            Some(bytes) => fs::write(path, bytes).unwrap(),
            None => fs::remove_file(path).unwrap(),
        }
        for arguments in [["run", "-q"].as_slice(), &["sql", IDS]] {
            let output = program(&twin, arguments);
            assert_eq!(output.status.code(), Some(6), "{case}: {}", String::from_utf8_lossy(&output.stderr));
            said(&output, 6, &["manifest", "damaged", "hint:"]);
        }
        fs::write(path, sound).unwrap();
        run_ends(&twin, 0, &["up to date"]);
        assert_eq!(twin.rows(IDS).await, ["1"]);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk() {
    let twin = twin();
    twin.run().await;
    let before = newest_entry(&twin);
    let lines: String =
        (2..50_000u64).map(|id| format!("{id},{:x}\n", id.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    twin.write("data/2.csv", format!("id,v\n{lines}"));
    // Files may grow so far and no further; a process that ignores the signal sees the write fail, as on a full disk.
    let run = |blocks: &str| {
        Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f $1; exec \"$0\" run --no-color"])
            .args([env!("CARGO_BIN_EXE_twinlake"), blocks])
            .current_dir(twin.path())
            .output()
            .unwrap()
    };
    // Not even the failure can be recorded.
    said(&run("1"), 6, &["error:", "too large"]);
    assert_eq!(newest_entry(&twin), before);
    assert_eq!(twin.rows(IDS).await, ["1"]);
    // The table does not fit, the record of the failure does.
    said(&run("32"), 4, &["table s.t", "too large", "nothing was published"]);
    assert_eq!(twin.rows(IDS).await, ["1"]);
    twin.run().await;
    assert_eq!(twin.rows("SELECT count(*), count(DISTINCT id) FROM s.t").await, ["49999|49999"]);
}

#[tokio::test]
async fn a_broken_contract_that_fails() {
    let table = "files = [\"*.csv\"]\n[table.columns]\nid = \"int64\"\nv = { type = \"date\", on_violation = \"fail\" }";
    let twin = Twin::with_table(table).file("data/1.csv", "id,v\n1,2024-01-01\n");
    twin.run().await;
    twin.write("data/2.csv", "id,v\n2,2024-01-02\n3,tomorrow\n");
    twin.write("data/3.csv", "id,v\n4,2024-01-04\n");
    run_ends(
        &twin,
        4,
        &[
            "table s.t: file 2.csv, line 3: column v is not a valid date",
            "on_violation",
            "nothing was published",
        ],
    );
    assert_eq!(twin.rows(IDS).await, ["1"]);
    assert_eq!(twin.rows("SELECT status FROM twin.runs ORDER BY run_id").await, ["succeeded", "failed"]);
    assert!(twin.rows("SELECT uri FROM twin.slices WHERE uri <> '1.csv'").await.is_empty());
    let error = twin.rows("SELECT error FROM twin.nodes WHERE status = 'failed'").await;
    assert!(error[0].contains("2.csv, line 3") && !error[0].contains("tomorrow"), "{error:?}");
    twin.write("data/2.csv", "id,v\n2,2024-01-02\n3,2024-01-03\n");
    run_ends(&twin, 0, &["published"]);
    assert_eq!(twin.rows(IDS).await, ["1", "2", "3", "4"]);
}
