//! `twinlake sql`

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant as Timer;

use clap::Args;
use datafusion::execution::SendableRecordBatchStream;

use super::console::interruptible;
use super::human::{self, count};
use super::output::{self, Style, TABLE_ROWS};
use super::{Console, Format, pager};
use crate::app::App;
use crate::error::{Error, ErrorKind, Result};
use crate::lake::When;
use crate::project::byte_at;

/// Ask what was published.
#[derive(Args)]
#[command(
    after_help = "A query reads one manifest: all tables as one run published them, whatever runs meanwhile.

Examples:
  twinlake sql \"SELECT count(*) FROM erp.orders\"
  twinlake sql -f question.sql --format csv > answer.csv
  echo 'SELECT 1' | twinlake sql
  twinlake sql \"SELECT * FROM erp.orders\" -o orders.parquet
  twinlake sql --as-of 2026-03-01 \"SELECT * FROM mart.stock\"   as it was published then
  twinlake sql --as-of 3 \"SELECT * FROM mart.stock\"            as manifest 3 says

What there is to ask:
  SELECT DISTINCT relation, relation_description FROM twin.columns
  SELECT * FROM twin.runs ORDER BY run_id DESC
  SELECT * FROM twin.rejects"
)]
pub(super) struct Sql {
    /// One SELECT; a semicolon at its end does no harm. `-`, or none, reads it from standard input.
    query: Option<String>,

    /// Read the query from FILE.
    #[arg(short, long, value_name = "FILE", conflicts_with = "query")]
    file: Option<PathBuf>,

    /// Write the rows to FILE; its extension says the format unless --format does.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// What was published then: an instant, a manifest's number, or a run's id.
    #[arg(long, value_name = "WHEN", default_value = "now", hide_default_value = true)]
    as_of: String,

    /// Print long tables on the terminal as they are.
    #[arg(long)]
    no_pager: bool,
}

impl Sql {
    pub async fn run(&self, console: &Console) -> Result<()> {
        let format = self.format(console)?;
        let when: When = self.as_of.parse()?;
        let sql = self.text(console)?;
        let app = console.app()?;
        let timer = Timer::now();
        interruptible(async {
            let stream = ask(&app, &when, &sql).await?;
            let rows = match (&self.output, format) {
                (Some(path), format) => to_file(stream, format, &console.path(path), console).await?,
                (None, Format::Table) => return self.show(stream, timer, console).await,
                (None, format) => output::write(stream, format, console.out()).await?,
            };
            took(rows, timer, console);
            Ok(())
        })
        .await
    }

    fn format(&self, console: &Console) -> Result<Format> {
        let known = [Format::Table, Format::Json, Format::Csv, Format::Parquet];
        let format = match (&self.output, console.asked_format()) {
            (Some(path), None) => match path.extension().and_then(|extension| extension.to_str()) {
                Some("csv") => Format::Csv,
                Some("json") => Format::Json,
                Some("parquet") => Format::Parquet,
                _ => {
                    return Err(Error::new(
                        ErrorKind::Usage,
                        format!("{} does not say its format", path.display()),
                    )
                    .with_hint("Name it .csv, .json or .parquet, or give --format."));
                }
            },
            _ => console.format(&known)?,
        };
        match (format, &self.output) {
            (Format::Parquet, None) if console.is_terminal() => {
                Err(Error::new(ErrorKind::Usage, "a terminal cannot show parquet")
                    .with_hint("Write it to a file with -o, or into a pipe."))
            }
            (Format::Table, Some(path)) => Err(Error::new(
                ErrorKind::Usage,
                format!("tables are for people, not for {}", path.display()),
            )
            .with_hint("Give --format csv, json or parquet.")),
            _ => Ok(format),
        }
    }

    /// The query, without what surrounds it.
    fn text(&self, console: &Console) -> Result<String> {
        let text = match (&self.query, &self.file) {
            (_, Some(path)) => {
                let path = console.path(path);
                std::fs::read_to_string(&path).map_err(|error| {
                    Error::new(ErrorKind::NotFound, format!("{} cannot be read: {error}", path.display()))
                })?
            }
            (Some(query), None) if query != "-" => query.clone(),
            (None, None) if std::io::stdin().is_terminal() => {
                return Err(Error::new(ErrorKind::Usage, "there is no query")
                    .with_hint("Give it in quotes: twinlake sql \"SELECT 1\". Or pipe it in."));
            }
            (_, None) => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).map_err(|error| {
                    Error::new(
                        ErrorKind::Usage,
                        format!("the query cannot be read from standard input: {error}"),
                    )
                })?;
                text
            }
        };
        let text = text.trim_end().trim_end_matches(';').trim_end();
        match text.trim().is_empty() {
            true => Err(Error::new(ErrorKind::Usage, "the query is empty")
                .with_hint("Write a SELECT, such as: SELECT DISTINCT relation FROM twin.columns")),
            false => Ok(text.to_string()),
        }
    }

    async fn show(&self, stream: SendableRecordBatchStream, timer: Timer, console: &Console) -> Result<()> {
        let shown = output::table(stream, Style { unicode: console.is_unicode(), fit: false }).await?;
        let elapsed = timer.elapsed();
        match console.is_terminal() && !self.no_pager {
            true => pager::show(&shown.text, console)?,
            false => console.print(&shown.text)?,
        }
        if shown.cut {
            console.note(&format!(
                "these are the first {} rows: add a LIMIT, or take all of them with --format csv",
                count(TABLE_ROWS)
            ));
        } else if std::io::stderr().is_terminal() {
            console.note(&format!("{} in {}", rows_text(shown.rows), human::duration(elapsed)));
        }
        Ok(())
    }
}

/// Runs a query over what was published; an error of syntax shows its place.
pub(super) async fn ask(app: &App, when: &When, sql: &str) -> Result<SendableRecordBatchStream> {
    let session = app.session(when).await?;
    session.query(sql).await.map_err(|error| pointed_at(error, sql))
}

/// Writes a file that appears under its name only when it is complete.
async fn to_file(
    stream: SendableRecordBatchStream,
    format: Format,
    path: &Path,
    console: &Console,
) -> Result<u64> {
    let refused = |error: std::io::Error| {
        Error::new(ErrorKind::Storage, format!("{} cannot be written: {error}", path.display()))
    };
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let mut out = BufWriter::new(File::create(&part).map_err(refused)?);
    let written = output::write(stream, format, &mut out).await;
    let kept = match written {
        Ok(rows) => out.flush().and_then(|()| std::fs::rename(&part, path)).map_err(refused).map(|()| rows),
        Err(error) => Err(error),
    };
    match &kept {
        Ok(rows) => console.note(&format!("wrote {} to {}", rows_text(*rows), path.display())),
        // What is half-written is of no use; if it cannot be removed, the error before matters more.
        Err(_) => drop(std::fs::remove_file(&part)),
    }
    kept
}

fn took(rows: u64, timer: Timer, console: &Console) {
    if std::io::stderr().is_terminal() && !console.is_closed() {
        console.note(&format!("{} in {}", rows_text(rows), human::duration(timer.elapsed())));
    }
}

fn rows_text(rows: u64) -> String {
    format!("{} row{}", count(rows), if rows == 1 { "" } else { "s" })
}

/// Shows the line of the query that an error is about, with a caret, where it says or lets guess which.
fn pointed_at(error: Error, sql: &str) -> Error {
    if error.detail().is_some() {
        return error;
    }
    if let Some((line, column)) = place(error.message()) {
        let at = byte_at(sql, line, column).min(sql.len());
        let message = error.message().rsplit_once(" at Line: ").map_or(error.message(), |(before, _)| before);
        return Error::new(error.kind(), format!("line {line}, column {column}: {message}"))
            .with_detail(caret(sql, at));
    }
    match unknown_column(error.message()) {
        Some((name, known)) => no_column(&name, &known, sql),
        None => error,
    }
}

/// The last `Line: 2, Column: 6` of a message.
fn place(message: &str) -> Option<(u64, u64)> {
    let (line, rest) = message.rsplit_once("Line: ")?.1.split_once(", Column: ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((line.parse().ok()?, rest[..digits].parse().ok()?))
}

/// The column that there is not, and the columns that there are, from the planner's words.
fn unknown_column(message: &str) -> Option<(String, Vec<String>)> {
    let rest = message.strip_prefix("No field named ")?;
    let (name, known) = rest.split_once("Valid fields are ").unwrap_or((rest, ""));
    let name = name.split(". ").next()?.trim().trim_end_matches('.').replace('"', "");
    let known = known.trim().trim_end_matches('.').split(", ").map(|known| known.replace('"', ""));
    Some((name, known.filter(|known| !known.is_empty()).collect()))
}

fn no_column(name: &str, known: &[String], sql: &str) -> Error {
    let short = |name: &str| name.rsplit('.').next().unwrap_or(name).to_string();
    let wanted = short(name);
    let close = known.iter().map(|known| (strsim::damerau_levenshtein(&short(known), &wanted), known)).min();
    let error = Error::new(ErrorKind::Sql, format!("there is no column {name}"));
    let error = match close {
        Some((distance, known)) if distance <= 1 + wanted.len() / 4 => {
            error.with_hint(format!("Did you mean {known}?"))
        }
        _ if known.is_empty() => error,
        _ => {
            // Columns about where a row came from are in every table, and rarely what is meant.
            let names: Vec<String> = known.iter().map(|k| short(k)).filter(|k| !k.starts_with('_')).collect();
            error.with_hint(format!("There are {}.", names.join(", ")))
        }
    };
    // The planner does not say where; a name that is written once can only be there.
    let (lower, wanted) = (sql.to_lowercase(), wanted.to_lowercase());
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut places = lower
        .match_indices(&wanted)
        .map(|(at, _)| at)
        .filter(|at| !lower[..*at].ends_with(is_part) && !lower[at + wanted.len()..].starts_with(is_part));
    match (places.next(), places.next()) {
        // Lowercasing may move bytes; then there is no telling.
        (Some(at), None) if lower.len() == sql.len() && sql.is_char_boundary(at) => {
            error.with_detail(caret(sql, at))
        }
        _ => error,
    }
}

fn caret(sql: &str, at: usize) -> String {
    let start = sql[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let text = sql[start..].lines().next().unwrap_or_default();
    format!("{}\n{}^", text.replace('\t', " "), " ".repeat(sql[start..at].chars().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_is_under_the_place() {
        let message = "Expected: a name, found: x at Line: 2, Column: 6";
        let error = pointed_at(Error::new(ErrorKind::Sql, message), "SELECT ä\nFROM x y z");
        assert_eq!(error.message(), "line 2, column 6: Expected: a name, found: x");
        assert_eq!(error.detail(), Some("FROM x y z\n     ^"));
        let elsewhere = pointed_at(Error::new(ErrorKind::Sql, "division by zero"), "SELECT 1 / 0");
        assert_eq!(elsewhere.detail(), None);
    }

    #[test]
    fn an_unknown_column_is_named_once() {
        let message = "No field named pric.\nValid fields are o.order_id, o.price, o._run_id.";
        let error = pointed_at(Error::new(ErrorKind::Sql, message), "SELECT prices,\n  o.Pric FROM o");
        assert_eq!(error.message(), "there is no column pric");
        assert_eq!(error.hint(), Some("Did you mean o.price?"));
        assert_eq!(error.detail(), Some("  o.Pric FROM o\n    ^"));
        let error = pointed_at(
            Error::new(ErrorKind::Sql, message.replace("pric.", "colour.")),
            "SELECT colour, colour",
        );
        assert_eq!((error.detail(), error.hint()), (None, Some("There are order_id, price.")));
    }
}
