//! `twinlake check`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::human::counted;
use super::{Console, Format};
use crate::app::{App, check};
use crate::error::{Error, ErrorKind, Result};
use crate::project::{Diagnostics, schemas};

/// Find every mistake in the declarations, without touching data.
#[derive(Args)]
#[command(
    after_help = "Reads twin.toml, pipelines/ and sql/ and nothing else: names, types, references, cycles, and whether every query
fits what it reads. Exit code 3 means that something is wrong.

Examples:
  twinlake check
  twinlake -C examples/adventureworks check
  twinlake check --format json        for editors and CI
  twinlake check --schemas schemas    write the JSON Schemas that editors complete TOML files from"
)]
pub(super) struct Check {
    /// Write the JSON Schemas of the declaration files into DIR, and check nothing.
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report {
    sound: bool,
    sources: usize,
    tables: usize,
    views: usize,
    models: usize,
    diagnostics: Diagnostics,
    /// What is wrong with the twin as a whole, beyond single places.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<serde_json::Value>,
}

impl Check {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        if let Some(folder) = &self.schemas {
            return write_schemas(console, &console.path(folder));
        }
        let mut report = Report {
            sound: false,
            sources: 0,
            tables: 0,
            views: 0,
            models: 0,
            diagnostics: Diagnostics::default(),
            error: None,
        };
        let checked = check(&console.root()?, console.env()).await?;
        report.diagnostics = checked.found;
        let mut result = Ok(());
        if let Some(project) = checked.project {
            report.sources = project.tables.iter().map(|table| &table.source).collect::<BTreeSet<_>>().len();
            report.tables = project.tables.len();
            report.views = project.views.len();
            report.models = project.models.len();
            if !report.diagnostics.has_errors() {
                result = App::of(project).map(drop);
            }
        }
        report.sound = result.is_ok() && !report.diagnostics.has_errors();
        if format == Format::Json {
            report.error = result.as_ref().err().map(super::run::error_json);
            console.print_json(&report)?;
        } else if report.sound {
            if !report.diagnostics.is_empty() {
                console.note(&console.render(&report.diagnostics));
            }
            console.print(&format!(
                "{} ({}), {}, {}: all sound\n",
                counted(report.sources, "source"),
                counted(report.tables, "table"),
                counted(report.views, "view"),
                counted(report.models, "model"),
            ))?;
        }
        result?;
        match report.sound {
            true => Ok(()),
            false if format == Format::Json => Err(Error::from(report.diagnostics).with_detail("")),
            false => {
                let detail = console.render(&report.diagnostics);
                Err(Error::from(report.diagnostics).with_detail(detail))
            }
        }
    }
}

fn write_schemas(console: &Console, folder: &Path) -> Result<()> {
    let refused = |error: std::io::Error| {
        Error::new(
            ErrorKind::Storage,
            format!("the schemas cannot be written to {}: {error}", folder.display()),
        )
    };
    std::fs::create_dir_all(folder).map_err(refused)?;
    for (name, schema) in schemas() {
        let text = serde_json::to_string_pretty(&schema)
            .map_err(|error| Error::new(ErrorKind::Bug, format!("schema {name}: {error}")))?;
        std::fs::write(folder.join(name), format!("{text}\n")).map_err(refused)?;
        console.note(&format!("wrote {}", folder.join(name).display()));
    }
    Ok(())
}
