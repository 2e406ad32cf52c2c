use std::fs;
use std::path::Path;

use twinlake::error::{Error, ErrorKind};
use twinlake::ingest::files::{FileReader, Layout, format_of, matching};
use twinlake::project::source::Format;

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in
        ["b.csv", "a.csv", "2024/x.csv", "2024/01/y.csv", "2024/01/y.json", "empty/.keep", "[odd].csv"]
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    folder
}

fn found(root: &Path, globs: &[&str]) -> Result<Vec<String>, Error> {
    let globs: Vec<_> = globs.iter().map(|&glob| glob.to_owned()).collect();
    Ok(matching(root.to_str().unwrap(), &globs)?.into_iter().map(|file| file.uri).collect())
}

#[test]
fn globs() {
    let folder = folder();
    let cases: [(&[&str], &[&str]); 10] = [
        (&["*.csv"], &["[odd].csv", "a.csv", "b.csv"]),
        (&["**/*.csv"], &["2024/01/y.csv", "2024/x.csv", "[odd].csv", "a.csv", "b.csv"]),
        (&["b.csv", "a.csv", "*.csv", "./b.csv"], &["[odd].csv", "a.csv", "b.csv"]),
        (&["2024/*"], &["2024/x.csv"]),
        (&["2024/**"], &["2024/01/y.csv", "2024/01/y.json", "2024/x.csv"]),
        (&["2024/*/y.{csv,json}"], &["2024/01/y.csv", "2024/01/y.json"]),
        (&["2024/0[0-9]/?.csv"], &["2024/01/y.csv"]),
        (&["2025/*.csv", "*.parquet"], &[]),
        (&["[[]odd].csv"], &["[odd].csv"]),
        (&[], &[]),
    ];
    for (globs, expected) in cases {
        assert_eq!(found(folder.path(), globs).unwrap(), expected, "{globs:?}");
    }
    let file = &matching(folder.path().to_str().unwrap(), &["a.csv".to_owned()]).unwrap()[0];
    assert_eq!((file.size, fs::read(&file.path).unwrap()), (5, b"a.csv".to_vec()));
    assert_eq!(file.modified_at.timestamp_subsec_nanos() % 1000, 0);
    let url = url::Url::from_directory_path(folder.path()).unwrap();
    assert_eq!(matching(url.as_str(), &["a.csv".to_owned()]).unwrap()[0].uri, "a.csv");
}

#[test]
fn what_cannot_be_found_is_said() {
    let folder = folder();
    fs::create_dir(folder.path().join("x.csv")).unwrap();
    let fails = |root: &Path, glob: &str| {
        let error = found(root, &[glob]).unwrap_err();
        assert!(error.hint().is_some());
        (error.kind(), error.message().to_owned())
    };
    let missing = folder.path().join("nowhere");
    let (kind, message) = fails(&missing, "*.csv");
    assert_eq!(kind, ErrorKind::Input);
    assert!(message.contains("nowhere") && message.ends_with("does not exist"), "{message}");
    let (_, message) = fails(&folder.path().join("a.csv"), "*.csv");
    assert!(message.ends_with("is a file, not a folder"), "{message}");
    let (kind, message) = fails(folder.path(), "c.csv");
    assert_eq!(kind, ErrorKind::Input);
    assert!(message.starts_with("file \"c.csv\" does not exist in"), "{message}");
    assert!(fails(folder.path(), "gone/c.csv").1.contains("does not exist"));
    for glob in ["*.csv", "x.csv", "**/*.csv"] {
        assert!(fails(folder.path(), glob).1.ends_with("x.csv\" is a directory, not a file"));
    }
    for glob in ["../*.csv", "/etc/*", "", "a[.csv", "2024//../x.csv"] {
        assert_eq!(fails(folder.path(), glob).0, ErrorKind::Declaration, "{glob}");
    }
    assert!(fails(Path::new("s3://bucket/x"), "*").1.contains("is not a local folder"));
}

#[cfg(unix)]
#[test]
fn links_that_go_round() {
    let folder = folder();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("2024/round")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("gone"), folder.path().join("dangling.csv")).unwrap();
    assert_eq!(found(folder.path(), &["2024/**/*.json"]).unwrap(), ["2024/01/y.json"]);
    assert!(found(folder.path(), &["*.csv"]).unwrap_err().message().contains("dangling.csv"));
}

#[test]
fn names_tell_formats() {
    let cases = [
        ("a.csv", Some(Format::Csv)),
        ("a.CSV.gz", Some(Format::Csv)),
        ("a.json.zst", Some(Format::Json)),
        ("a.b.jsonl", Some(Format::Ndjson)),
        ("a.ndjson", Some(Format::Ndjson)),
        ("a.parquet", Some(Format::Parquet)),
        ("a.arrow", Some(Format::Arrow)),
        ("a.txt", None),
        ("csv", None),
        ("a.gz", None),
    ];
    for (name, expected) in cases {
        assert_eq!(format_of(Path::new(name)), expected, "{name}");
    }
}

#[test]
fn files_that_cannot_be_opened() {
    let folder = folder();
    fs::create_dir(folder.path().join("x.csv")).unwrap();
    let fails = |name: &str| FileReader::open(&folder.path().join(name), &Layout::default()).err().unwrap();
    let error = fails("gone.csv");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().ends_with("gone.csv\" does not exist"), "{error}");
    for name in ["x.csv", "x.csv/../x.csv"] {
        assert!(fails(name).message().ends_with("is a directory, not a file"));
    }
    let error = fails("empty/.keep");
    assert!(error.message().ends_with("its name does not tell its format"), "{error}");
    assert!(error.hint().unwrap().contains("format"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let folder = folder();
    let path = folder.path().join("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let error = FileReader::open(&path, &Layout::default()).err().unwrap();
    assert!(error.message().ends_with("is not a regular file"), "{error}");
}
