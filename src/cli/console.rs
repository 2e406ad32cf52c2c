//! What a verb knows of its surroundings: the folder, the environment, the terminal, and what it was asked to print.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tracing_subscriber::EnvFilter;

use super::paint::Paint;
use super::{Format, Global, output};
use crate::app::App;
use crate::error::{Error, ErrorKind, Result};
use crate::project::{Diagnostics, Project};

/// The surroundings of a verb.
pub(super) struct Console {
    verb: &'static str,
    /// Where relative paths begin.
    base: PathBuf,
    /// Whether the base was given with `-C`: then it is the twin's folder, and nothing above it is looked at.
    named: bool,
    env: BTreeMap<String, String>,
    format: Option<Format>,
    quiet: bool,
    verbose: u8,
    no_color: bool,
    closed: Arc<AtomicBool>,
}

impl Console {
    pub fn new(global: &Global, verb: &'static str) -> Result<Self> {
        let here = std::env::current_dir().map_err(|error| {
            Error::new(ErrorKind::Usage, format!("the current folder cannot be read: {error}"))
        })?;
        let base = global.dir.as_ref().map_or(here.clone(), |dir| here.join(dir));
        // A verb that makes its folder may be pointed at one that is not there yet.
        if !base.is_dir() && !matches!(verb, "init" | "demo") {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no folder {}", base.display()))
                .with_hint("-C names the folder of a twin."));
        }
        Ok(Self {
            verb,
            base,
            named: global.dir.is_some(),
            // What is not Unicode can be neither an override nor a secret.
            env: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
                .collect(),
            format: global.format,
            quiet: global.quiet,
            verbose: global.verbose,
            no_color: global.no_color,
            closed: Arc::default(),
        })
    }

    /// Sends logs to standard error: warnings, and what `-v` or `TWINLAKE_LOG` ask for.
    pub fn log(&self) {
        let level = match (self.quiet, self.verbose) {
            // The libraries underneath log as errors what we ask on purpose, such as whether a table exists.
            (true, _) => "off,twinlake=error",
            (_, 0) => "off,twinlake=warn",
            (_, 1) => "warn,twinlake=info",
            (_, _) => "info,twinlake=debug",
        };
        let filter = std::env::var("TWINLAKE_LOG").unwrap_or_else(|_| level.to_string());
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(std::io::stderr)
            .with_ansi(self.paint_stderr().is_enabled())
            .with_target(self.verbose > 0);
        // Somebody who embeds the command may have set up their own.
        let _ = if self.verbose > 1 { subscriber.try_init() } else { subscriber.without_time().try_init() };
    }

    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }
    pub fn paint_stdout(&self) -> Paint {
        Paint::stdout(self.no_color)
    }
    pub fn paint_stderr(&self) -> Paint {
        Paint::stderr(self.no_color)
    }
    /// Whether a person reads standard output.
    pub fn is_terminal(&self) -> bool {
        std::io::stdout().is_terminal()
    }
    /// Whether progress may be drawn on standard error.
    pub fn draws(&self) -> bool {
        // Log lines between bars would garble both.
        std::io::stderr().is_terminal()
            && !self.quiet
            && self.verbose == 0
            && self.env.get("TERM").is_none_or(|t| t != "dumb")
    }

    /// Whether lines may be drawn with more than ASCII: yes, unless the locale says outright that they may not.
    pub fn is_unicode(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .iter()
            .filter_map(|name| self.env.get(*name))
            .find(|l| !l.is_empty());
        locale.is_none_or(|locale| !matches!(locale.as_str(), "C" | "POSIX"))
    }

    /// A path the user typed, as seen from `-C`.
    pub fn path(&self, typed: &Path) -> PathBuf {
        self.base.join(typed)
    }

    /// The folder of the twin: that of `-C`, or the nearest one upwards that holds a `twin.toml`.
    pub fn root(&self) -> Result<PathBuf> {
        let depth = if self.named { 1 } else { usize::MAX };
        let found = self.base.ancestors().take(depth).find(|folder| folder.join("twin.toml").is_file());
        found.map(Path::to_path_buf).ok_or_else(|| {
            let above = if self.named { "" } else { " or any folder above it" };
            Error::new(
                ErrorKind::NotFound,
                format!("there is no twin.toml in {}{above}", self.base.display()),
            )
            .with_hint("Make a twin with `twinlake init`, or name its folder with -C.")
        })
    }

    /// The twin, opened. What its declarations are warned about is said.
    pub fn app(&self) -> Result<App> {
        self.open(&self.root()?)
    }

    /// As [`app`](Self::app), for the twin in that folder.
    pub fn open(&self, root: &Path) -> Result<App> {
        let project = Project::load(root, &self.env).map_err(|diagnostics| {
            let detail = self.render(&diagnostics);
            Error::from(diagnostics).with_detail(detail)
        })?;
        if !project.warnings.is_empty() {
            self.note(self.render(&project.warnings).trim_end());
        }
        App::of(project)
    }

    /// Diagnostics as standard error shows them.
    pub fn render(&self, diagnostics: &Diagnostics) -> String {
        if self.paint_stderr().is_enabled() { diagnostics.render_colored() } else { diagnostics.render() }
    }

    /// The format to print in: the first of `known` unless another of them was asked for.
    pub fn format(&self, known: &[Format]) -> Result<Format> {
        match self.format {
            None => Ok(known[0]),
            Some(format) if known.contains(&format) => Ok(format),
            Some(format) => {
                let names: Vec<&str> = known.iter().map(|format| format.as_str()).collect();
                Err(Error::new(
                    ErrorKind::Usage,
                    format!("`twinlake {}` does not print {}", self.verb, format.as_str()),
                )
                .with_hint(format!("It prints {}.", names.join(", "))))
            }
        }
    }

    /// The format that was asked for, if any.
    pub fn asked_format(&self) -> Option<Format> {
        self.format
    }

    /// Says something on standard error, unless `--quiet`.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            // Where standard error is closed, nobody wants to know.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Standard output, buffered. The caller flushes.
    pub fn out(&self) -> impl Write + Send + use<> {
        std::io::BufWriter::with_capacity(1 << 16, self.closing(std::io::stdout()))
    }

    /// A writer that remembers whether its reader has gone.
    pub fn closing<W: Write>(&self, inner: W) -> Closing<W> {
        Closing { inner, closed: Arc::clone(&self.closed) }
    }

    /// Whether a reader of ours has gone.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Prints text to standard output.
    pub fn print(&self, text: &str) -> Result<()> {
        let mut out = self.out();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(output::unwritable)
    }

    /// Prints a value to standard output as JSON.
    pub fn print_json<T: Serialize + ?Sized>(&self, value: &T) -> Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(|error| {
            Error::new(ErrorKind::Bug, format!("this cannot be written as JSON: {error}"))
        })?;
        self.print(&format!("{text}\n"))
    }
}

/// Passes writes on, and remembers whether the other end was closed.
pub(super) struct Closing<W> {
    inner: W,
    closed: Arc<AtomicBool>,
}

impl<W> Closing<W> {
    fn noticed<T>(&self, result: std::io::Result<T>) -> std::io::Result<T> {
        if result.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
            self.closed.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl<W: Write> Write for Closing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let result = self.inner.write(bytes);
        self.noticed(result)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        let result = self.inner.flush();
        self.noticed(result)
    }
}

/// What `work` gives, or [`ErrorKind::Interrupted`] as soon as the user presses Ctrl-C.
pub(super) async fn interruptible<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
    }
}
