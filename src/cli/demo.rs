//! `twinlake demo`

use std::path::{Path, PathBuf};
use std::time::Instant as Timer;

use clap::Args;
use serde_json::{Value, json};

use super::console::interruptible;
use super::human::{self, count, counted};
use super::init::{refuse_unless_empty, write_file};
use super::output::{self, Style};
use super::progress::Ticker;
use super::run::{execute, summary_json, tell, verdict};
use super::sql::ask;
use super::{Console, Format};
use crate::app::App;
use crate::demo;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::When;
use crate::project::Project;
use crate::run::Options;

/// The demo twin's name in its twin.toml.
const NAME: &str = "larkfield";

/// Make a made-up retailer, run its twin, and show what it knows.
#[derive(Args)]
#[command(
    after_help = "Larkfield sells for home and garden in five countries. Its eight systems' files are generated, dirty in known amounts:
equal seed and scale give equal bytes. The folder holds a whole twin to read and change; running the demo again
generates the files anew and brings the twin up to date.

Examples:
  twinlake demo                       in ./larkfield, or right here where the twin is already
  twinlake demo big --scale 20        twenty times the shops
  twinlake demo --shift 2025-11       people buy twice as much from November: see models notice
  twinlake demo --no-run              declarations and files only"
)]
pub(super) struct Demo {
    /// The folder, new or with the demo's twin in it; `larkfield` unless given.
    dir: Option<PathBuf>,

    /// How big the company is: 1 is 20 shops and some 300,000 sales lines.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,

    /// Another seed, another company.
    #[arg(long, default_value_t = 42)]
    seed: u64,

    /// Plant a shift: from that month on, people buy twice as much.
    #[arg(long, value_name = "MONTH")]
    shift: Option<String>,

    /// Make the files, and leave the run to you.
    #[arg(long)]
    no_run: bool,
}

impl Demo {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        let root = self.prepare(console)?;
        let generated = self.generate(&root, console)?;
        let mut report = json!({ "root": root, "generated": generated });
        if !self.no_run {
            let app = console.open(&root)?;
            let timer = Timer::now();
            let summary = execute(&app, Options::default(), console).await?;
            report["run"] = summary_json(&summary, timer.elapsed().as_secs_f64());
            tell(&summary, timer, console);
            verdict(&summary)?;
            report["highlights"] = interruptible(highlights(&app, format, console)).await?;
        }
        match format {
            Format::Json => console.print_json(&report),
            _ => console.print(&self.next_steps(&root, console)),
        }
    }

    /// The folder, with the twin's declarations in it.
    fn prepare(&self, console: &Console) -> Result<PathBuf> {
        let root = match &self.dir {
            Some(dir) => console.path(dir),
            None => match console.root() {
                Ok(here) if is_demo(&here, console) => here,
                _ => console.path(Path::new(NAME)),
            },
        };
        if is_demo(&root, console) {
            return Ok(root);
        }
        refuse_unless_empty(&root)?;
        for (path, text) in demo::TWIN_FILES {
            write_file(&root.join(path), text)?;
        }
        write_file(&root.join(".gitignore"), "/data\n/lake\n")?;
        console.note(&format!(
            "wrote {} to {}",
            counted(demo::TWIN_FILES.len(), "declaration"),
            root.display()
        ));
        Ok(root)
    }

    fn generate(&self, root: &Path, console: &Console) -> Result<Value> {
        let timer = Timer::now();
        let ticker = Ticker::new(console, "generating");
        let shift = self.shift.as_deref().map(demo::Shift::doubling_from).transpose()?;
        let options = demo::Options { target: root.join("data"), scale: self.scale, seed: self.seed, shift };
        let mut rows = 0;
        let summary = demo::generate(&options, &mut |path, written| {
            rows += written;
            ticker.say(format!("{path}, {} rows so far", count(rows)));
        })?;
        drop(ticker);
        console.note(&format!(
            "generated {} of eight systems: {} rows, {} in {}",
            counted(usize::try_from(summary.files).unwrap_or(usize::MAX), "file"),
            count(rows),
            human::bytes(summary.bytes),
            human::duration(timer.elapsed()),
        ));
        Ok(json!({
            "files": summary.files,
            "rows": rows,
            "bytes": summary.bytes,
            "scale": self.scale,
            "seed": self.seed,
        }))
    }

    fn next_steps(&self, root: &Path, console: &Console) -> String {
        let mut text = format!("\n{}\n", console.paint_stdout().bold("What to type next"));
        if std::env::current_dir().ok().as_deref() != Some(root) {
            let shown = std::env::current_dir()
                .ok()
                .and_then(|here| root.strip_prefix(here).ok().map(Path::to_path_buf));
            text.push_str(&format!("  cd {}\n", shown.as_deref().unwrap_or(root).display()));
        }
        if self.no_run {
            text.push_str("  twinlake run\n");
        }
        for step in demo::NEXT_STEPS {
            text.push_str(&format!("  {step}\n"));
        }
        text
    }
}

fn is_demo(root: &Path, console: &Console) -> bool {
    root.join("twin.toml").is_file()
        && Project::load(root, console.env()).is_ok_and(|project| project.twin.name == NAME)
}

/// Asks what is worth seeing, and shows it as it comes.
async fn highlights(app: &App, format: Format, console: &Console) -> Result<Value> {
    let style = Style { unicode: console.is_unicode(), fit: true };
    let paint = console.paint_stdout();
    let mut answers = Vec::new();
    for highlight in demo::highlights() {
        let stream = ask(app, &When::Now, highlight.sql)
            .await
            .map_err(|error| error.context(format!("showing {:?}", highlight.title)))?;
        if format == Format::Json {
            let mut rows = Vec::new();
            output::write(stream, Format::Json, &mut rows).await?;
            let rows: Value = serde_json::from_slice(&rows)
                .map_err(|error| Error::new(ErrorKind::Bug, format!("rows as JSON: {error}")))?;
            answers.push(json!({ "title": highlight.title, "comment": highlight.comment, "sql": highlight.sql, "rows": rows }));
        } else {
            let shown = output::table(stream, style).await?;
            console.print(&format!(
                "\n{}\n{}\n{}",
                paint.bold(highlight.title),
                highlight.comment,
                shown.text
            ))?;
        }
    }
    Ok(Value::Array(answers))
}
