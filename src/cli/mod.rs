//! The `twinlake` command: one file a verb.
//!
//! A verb is a struct that clap fills and a `run` that is given the [`Console`]. Data goes to standard output,
//! everything else to standard error; nothing here computes what another program could not get from [`App`](crate::app::App).

mod check;
mod completions;
mod console;
mod demo;
mod doctor;
mod human;
mod init;
mod lineage;
mod model;
mod output;
mod pager;
mod paint;
mod plan;
mod progress;
mod render_error;
mod run;
mod sql;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::error::{Error, ErrorKind, Result};
use console::Console;

/// What `--help` says of exit codes. An orchestrator depends on them: they never change their meaning.
const LONG_HELP: &str = "\
A twin is a folder with twin.toml, pipelines/ and sql/. Its tables live in the lake that twin.toml names.

Begin with:
  twinlake demo                     a made-up retailer: generate it, run it, see what the twin knows
  twinlake init shop                a new twin of your own, small and working
  twinlake check                    find every mistake in the declarations, without touching data
  twinlake run                      bring the twin up to date and publish
  twinlake sql \"SELECT ...\"         ask what was published

Exit codes:
    0  done
    1  a bug in Twinlake
    2  the command line asks for something that cannot be
    3  a declaration is wrong
    4  a run or a query failed, or a run was published only in part
    5  something named does not exist
    6  the lake or its storage cannot be read or written
    7  somebody else published at the same time: run again
  130  interrupted

Environment:
  TWINLAKE__SECTION__KEY  overrides a key of twin.toml, such as TWINLAKE__ENGINE__THREADS=2
  TWINLAKE_LOG            what to log to standard error, such as info or twinlake=debug
  PAGER                   what pages long tables on a terminal
  NO_COLOR                no colours";

/// A digital twin of an enterprise, kept as a lakehouse.
#[derive(Parser)]
#[command(name = "twinlake", version, max_term_width = 110, after_long_help = LONG_HELP)]
#[command(
    after_help = "`twinlake --help` lists exit codes and the environment; `twinlake VERB --help` shows examples."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args, Clone)]
struct Global {
    /// Work in DIR: the twin is there, and relative paths begin there. Without it, the twin is the nearest folder upwards
    /// that holds a twin.toml.
    #[arg(id = "twin", short = 'C', value_name = "DIR", global = true)]
    dir: Option<PathBuf>,

    /// How to print what was asked for. Every verb knows json.
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        hide_possible_values = true,
        help = "How to print: table or json; sql also csv, parquet; lineage: tree, json, mermaid, dot"
    )]
    format: Option<Format>,

    /// Say less: errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Say more; twice for debugging.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    /// No colours, as with the environment variable NO_COLOR.
    #[arg(long, global = true)]
    no_color: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
    Parquet,
    Tree,
    Mermaid,
    Dot,
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Tree => "tree",
            Format::Mermaid => "mermaid",
            Format::Dot => "dot",
        }
    }
}

#[derive(Subcommand)]
enum Verb {
    Demo(demo::Demo),
    Init(init::Init),
    Check(check::Check),
    Plan(plan::PlanVerb),
    Run(run::Run),
    Sql(sql::Sql),
    Lineage(lineage::Lineage),
    Model(model::ModelVerb),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
}

impl Verb {
    fn name(&self) -> &'static str {
        match self {
            Verb::Demo(_) => "demo",
            Verb::Init(_) => "init",
            Verb::Check(_) => "check",
            Verb::Plan(_) => "plan",
            Verb::Run(_) => "run",
            Verb::Sql(_) => "sql",
            Verb::Lineage(_) => "lineage",
            Verb::Model(_) => "model",
            Verb::Doctor(_) => "doctor",
            Verb::Completions(_) => "completions",
        }
    }

    async fn run(&self, console: &Console) -> Result<()> {
        match self {
            Verb::Demo(verb) => verb.run(console).await,
            Verb::Init(verb) => verb.run(console),
            Verb::Check(verb) => verb.run(console).await,
            Verb::Plan(verb) => verb.run(console).await,
            Verb::Run(verb) => verb.run(console).await,
            Verb::Sql(verb) => verb.run(console).await,
            Verb::Lineage(verb) => verb.run(console).await,
            Verb::Model(verb) => verb.run(console).await,
            Verb::Doctor(verb) => verb.run(console).await,
            Verb::Completions(verb) => verb.run(console),
        }
    }
}

impl Cli {
    /// Does what the command line asks for. A reader who closes our output early is no error.
    ///
    /// # Errors
    /// Whatever keeps the verb from doing it; its [kind](Error::kind) says the exit code.
    pub fn run(&self) -> Result<()> {
        let console = Console::new(&self.global, self.verb.name())?;
        console.log();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            // Plans of deeply nested views are walked recursively, on any thread.
            .thread_stack_size(8 << 20)
            .enable_all()
            .build()
            .map_err(|error| Error::new(ErrorKind::Bug, format!("no threads to run on: {error}")))?;
        let result = runtime.block_on(self.verb.run(&console));
        // Work that was interrupted must not hold up the exit.
        runtime.shutdown_background();
        if console.is_closed() { Ok(()) } else { result }
    }

    /// Shows an error to people, on standard error.
    pub fn render(&self, error: &Error) {
        render_error::render(error, paint::Paint::stderr(self.global.no_color), self.global.verbose > 0);
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
