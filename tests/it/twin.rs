//! A twin in a folder of its own, for tests to run, kill and ask.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow::array::Array;
use arrow::util::display::array_value_to_string;
use twinlake::app::App;
use twinlake::lake::When;
use twinlake::run::{Options, Outcome, Silent, Summary};

/// Declarations, data and lake in a temporary folder.
pub struct Twin {
    _folder: tempfile::TempDir,
    /// Where `twin.toml` is.
    pub root: PathBuf,
    env: BTreeMap<String, String>,
}

impl Twin {
    /// A twin whose files are `files`: path, text.
    pub fn new(files: &[(&str, &str)]) -> Twin {
        let folder = tempfile::tempdir().unwrap();
        let twin = Twin { root: folder.path().join("twin"), _folder: folder, env: BTreeMap::new() };
        for (path, text) in files {
            twin.write(path, text);
        }
        twin
    }

    /// A copy of the declarations in `examples/<name>`, over the real data. None where that is missing, which is said.
    pub fn example(name: &str) -> Option<Twin> {
        Twin::example_over(name, name)
    }

    /// The same where the data has another name than the example.
    pub fn example_over(name: &str, part: &str) -> Option<Twin> {
        let data = data(part)?;
        let mut twin = Twin::new(&[]);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), &twin.root);
        twin.env.insert("TWINLAKE_DATA".into(), data.to_string_lossy().into_owned());
        Some(twin)
    }

    /// The same declarations, data and lake once more.
    pub fn copy(&self) -> Twin {
        let twin = Twin { env: self.env.clone(), ..Twin::new(&[]) };
        copy(&self.root, &twin.root);
        twin
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Replaces a text that is there exactly once.
    pub fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.root.join(path)).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {path}");
        self.write(path, &text.replace(old, new));
    }

    /// Opened anew, as another process would.
    pub fn app(&self) -> App {
        App::open(&self.root, &self.env).unwrap_or_else(|error| panic!("{error:?}"))
    }

    /// One run in this process.
    pub fn run(&self) -> Summary {
        let summary = run(&self.app());
        for node in &summary.nodes {
            assert!(node.error.is_none(), "{}: {:?}", node.relation, node.error);
        }
        summary
    }

    /// Runs until there is nothing left to do; how many runs published.
    pub fn settle(&self) -> usize {
        let app = self.app();
        for runs in 0.. {
            let summary = run(&app);
            match summary.outcome {
                Outcome::UpToDate => return runs,
                Outcome::Published => {}
                Outcome::Partial | Outcome::Failed => panic!("{:?}", summary.nodes),
            }
        }
        unreachable!("the loop ends only by returning")
    }

    /// `twinlake -C <here> <arguments>`, a process of its own.
    pub fn process(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_twinlake"));
        command.arg("-C").arg(&self.root).args(arguments).env_remove("FAILPOINTS").envs(&self.env);
        command.stdin(std::process::Stdio::null());
        command
    }

    /// The rows of a query over what was published at `when`, as text.
    pub fn ask_at(&self, when: &When, sql: &str) -> Vec<Vec<String>> {
        wait(ask(&self.app(), when, sql))
    }

    /// The rows of a query over what is published.
    pub fn ask(&self, sql: &str) -> Vec<Vec<String>> {
        self.ask_at(&When::Now, sql)
    }

    /// The one number that a query gives.
    pub fn number(&self, sql: &str) -> i64 {
        self.ask(sql)[0][0].parse().unwrap()
    }

    /// All that readers can tell apart: of every relation its logical hash and the rows it really has, of every file its
    /// account, of every record that was rejected its place. Not which run did it, nor when.
    pub fn seen(&self, when: &When) -> Vec<String> {
        let app = self.app();
        wait(async {
            let mut seen = Vec::new();
            let manifest = app.manifest(when).await.unwrap();
            for (name, published) in manifest.relations.iter().filter(|(name, _)| !name.is_system()) {
                let counted = ask(&app, when, &format!("SELECT count(*) FROM {name}")).await;
                seen.push(format!("{name}: {} {}", published.hash, counted[0][0]));
                if published.version.is_some() {
                    assert_eq!(counted[0][0], published.rows.to_string(), "{name}: the manifest's rows");
                }
            }
            if manifest.number.is_some() {
                let slices = "SELECT relation, uri, status, digest, rows_read, rows_landed, rows_unchanged, rows_rejected, \
                     rows_deleted FROM twin.slices ORDER BY relation, uri, status";
                let rejects = "SELECT relation, uri, position, \"column\", rule, raw FROM twin.rejects ORDER BY 1, 2, 3, 4, 5";
                for sql in [slices, rejects] {
                    seen.extend(ask(&app, when, sql).await.into_iter().map(|row| row.join(" ")));
                }
            }
            seen
        })
    }
}

/// One run of an open twin, which may fail.
pub fn run(app: &App) -> Summary {
    wait(app.run(Options::default(), Arc::new(Silent))).unwrap_or_else(|error| panic!("{error:?}"))
}

/// The rows of a query, as text; `~` is null.
pub async fn ask(app: &App, when: &When, sql: &str) -> Vec<Vec<String>> {
    let session = app.session(when).await.unwrap_or_else(|error| panic!("{error:?}"));
    let mut rows = Vec::new();
    for batch in session.collect(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")) {
        for row in 0..batch.num_rows() {
            let cell = |column: &Arc<dyn Array>| match column.is_valid(row) {
                true => array_value_to_string(column, row).unwrap(),
                false => "~".to_string(),
            };
            rows.push(batch.columns().iter().map(cell).collect());
        }
    }
    rows
}

/// Runs a future to its end, with threads and stacks as the command has them.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.thread_stack_size(8 << 20).enable_all().build().unwrap().block_on(future)
}

/// The real data's folder; where it, or `part` of it, is missing, says what was not run, or fails if it must be there.
pub fn data(part: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("TWINLAKE_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    let found = folder.is_dir()
        && fs::read_dir(&folder)
            .unwrap()
            .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with(part));
    if found {
        return Some(folder.canonicalize().unwrap());
    }
    let required = std::env::var("TWINLAKE_REQUIRE_DATA").is_ok_and(|value| value == "1");
    assert!(!required, "TWINLAKE_REQUIRE_DATA=1, but {part} is not under {}", folder.display());
    eprintln!("NOT RUN: {part} is not under {} (set TWINLAKE_DATA)", folder.display());
    None
}

/// Whether `test` is done: to root every file is readable, so the test is run in a process without that privilege.
/// Where this user is bound by a file's rights anyway, or is so now, there is everything to do.
pub fn done_without_privilege(test: &str) -> bool {
    const INSIDE: &str = "TWINLAKE_TEST_UNPRIVILEGED";
    let probe = tempfile::NamedTempFile::new().unwrap();
    let nothing = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    fs::set_permissions(probe.path(), nothing).unwrap();
    if fs::File::open(probe.path()).is_err() {
        return false;
    }
    assert!(std::env::var_os(INSIDE).is_none(), "setpriv did not take the privilege away");
    let mut unprivileged = Command::new("setpriv");
    unprivileged.arg("--bounding-set=-dac_override,-dac_read_search");
    if !unprivileged.arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: {test}: this user may read every file, and setpriv cannot take that away");
        return true;
    }
    let output = Command::new("setpriv")
        .arg("--bounding-set=-dac_override,-dac_read_search")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    true
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let (from, to) = (entry.path(), to.join(&name));
        if entry.file_type().unwrap().is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
            // A copied file is the same file to a run only if its time is.
            let modified = entry.metadata().unwrap().modified().unwrap();
            fs::File::options().write(true).open(&to).unwrap().set_modified(modified).unwrap();
        }
    }
}
