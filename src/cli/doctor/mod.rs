//! `twinlake doctor`

mod lake;
mod machine;

use clap::Args;
use serde::Serialize;

use super::human::counted;
use super::{Console, Format};
use crate::app::{self, App};
use crate::error::{Error, ErrorKind, Result};
use crate::lake::When;

/// Look for whatever keeps a twin from working, and say what to do about it.
#[derive(Args)]
#[command(
    after_help = "Looks at the declarations, the lake, every published file, the accounts of every source and the machine. The lake is
left as it was: one small object is written and removed again. Exit code 6 means that something failed.

Examples:
  twinlake doctor
  twinlake doctor --format json"
)]
pub(super) struct Doctor {}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    Warn,
    Fail,
}

/// One thing looked at.
#[derive(Serialize)]
struct Finding {
    what: &'static str,
    health: Health,
    found: String,
    remedy: Option<String>,
}

/// Everything looked at, in order.
struct Examination<'a> {
    console: &'a Console,
    prints: bool,
    findings: Vec<Finding>,
}

impl Examination<'_> {
    fn ok(&mut self, what: &'static str, found: impl Into<String>) {
        self.add(Finding { what, health: Health::Ok, found: found.into(), remedy: None });
    }
    fn warn(&mut self, what: &'static str, found: impl Into<String>, remedy: impl Into<String>) {
        self.add(Finding { what, health: Health::Warn, found: found.into(), remedy: Some(remedy.into()) });
    }
    fn fail(&mut self, what: &'static str, found: impl Into<String>, remedy: impl Into<String>) {
        self.add(Finding { what, health: Health::Fail, found: found.into(), remedy: Some(remedy.into()) });
    }
    fn error(&mut self, what: &'static str, error: &Error, remedy: &str) {
        self.fail(what, error.message(), error.hint().unwrap_or(remedy));
    }

    fn add(&mut self, finding: Finding) {
        if self.prints {
            let paint = self.console.paint_stdout();
            let mark = match finding.health {
                Health::Ok => paint.green("ok  "),
                Health::Warn => paint.yellow("warn"),
                Health::Fail => paint.red("fail"),
            };
            let mut text = format!("{mark}  {:<13} {}\n", finding.what, finding.found);
            if let Some(remedy) = &finding.remedy {
                text.push_str(&format!("                    {remedy}\n"));
            }
            // A reader who has seen enough does not stop the examination from ending.
            let _ = self.console.print(&text);
        }
        self.findings.push(finding);
    }
}

impl Doctor {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        let mut examination = Examination { console, prints: format == Format::Table, findings: Vec::new() };
        if let Some(app) = declarations(&mut examination).await {
            machine::examine(&app, &mut examination);
            if lake::reachable(&app, &mut examination).await {
                lake::examine(&app, &mut examination).await;
            }
        }
        if format == Format::Json {
            console.print_json(&examination.findings)?;
        }
        let failed = examination.findings.iter().filter(|finding| finding.health == Health::Fail).count();
        match failed {
            0 => Ok(()),
            failed => {
                Err(Error::new(ErrorKind::Lake, format!("the doctor found {}", counted(failed, "problem"))))
            }
        }
    }
}

async fn declarations(examination: &mut Examination<'_>) -> Option<App> {
    let root = match examination.console.root() {
        Ok(root) => root,
        Err(error) => {
            examination.error("twin", &error, "Make a twin with `twinlake init`.");
            return None;
        }
    };
    let checked = match app::check(&root, examination.console.env()).await {
        Ok(checked) => checked,
        Err(error) => {
            examination.error("twin", &error, "`twinlake check` shows more.");
            return None;
        }
    };
    let name = checked.project.as_ref().map_or(String::new(), |project| format!("{} in ", project.twin.name));
    examination.ok("twin", format!("{name}{}", root.display()));
    let warnings = checked.found.len();
    let project = match checked.project {
        Some(project) if !checked.found.has_errors() => project,
        _ => {
            let error = Error::from(checked.found);
            examination.fail("declarations", error.message(), "`twinlake check` shows each with its place.");
            return None;
        }
    };
    match App::of(project) {
        Ok(app) if warnings > 0 => {
            let found = format!("{}, {}", counted(app.graph.len(), "node"), counted(warnings, "warning"));
            examination.warn("declarations", found, "`twinlake check` shows them.");
            Some(app)
        }
        Ok(app) => {
            examination.ok("declarations", format!("{}, sound", counted(app.graph.len(), "node")));
            Some(app)
        }
        Err(error) => {
            examination.error("declarations", &error, "`twinlake check` shows where.");
            None
        }
    }
}

/// The manifest that is published, looked at as a finding of its own.
async fn manifest(
    app: &App,
    examination: &mut Examination<'_>,
) -> Option<std::sync::Arc<crate::lake::Manifest>> {
    match app.manifest(&When::Now).await {
        Ok(manifest) => match (manifest.number, manifest.published_at) {
            (Some(number), at) => {
                let at = at.map_or(String::new(), |at| {
                    format!(", published at {}", at.format("%Y-%m-%d %H:%M:%S UTC"))
                });
                let relations = counted(manifest.relations.len(), "relation");
                examination.ok("manifest", format!("number {number}{at}, {relations}"));
                Some(manifest)
            }
            (None, _) => {
                examination.warn("manifest", "nothing was published yet", "`twinlake run` publishes.");
                None
            }
        },
        Err(error) => {
            examination.error("manifest", &error, "Restore the lake's folder twin/manifest from a backup.");
            None
        }
    }
}
