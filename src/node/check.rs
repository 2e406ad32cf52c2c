//! Declared checks as SELECTs of bad rows over a relation called `this`.

use crate::error::{Error, ErrorKind, Result};
use crate::ids::RelationName;
use crate::project::check::{CheckDecl, CheckLevel};
use crate::project::source::Literal;

/// One assertion about a relation: a SELECT whose every row is a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name in `twin.checks`.
    pub name: String,
    /// What a bad row does.
    pub level: CheckLevel,
    /// The SELECT of bad rows; the relation under check is `this`.
    pub sql: String,
}

/// The checks that a declaration asks for; `grain` adds one that its columns together are unique.
///
/// # Errors
/// [`ErrorKind::Declaration`] when a check has no kind or several, or names a relation that cannot be.
pub fn checks(declared: &[CheckDecl], grain: &[String]) -> Result<Vec<Check>> {
    let mut checks = Vec::new();
    if !grain.is_empty() {
        checks.push(Check {
            name: format!("grain({})", grain.join(", ")),
            level: CheckLevel::Error,
            sql: duplicates(grain),
        });
    }
    for check in declared {
        checks.push(compile(check)?);
    }
    Ok(checks)
}

fn compile(check: &CheckDecl) -> Result<Check> {
    let wrong = |message: &str| Error::new(ErrorKind::Declaration, format!("check: {message}"));
    let column = || check.column.as_ref().ok_or_else(|| wrong("`column` is missing"));
    let (name, sql) = if let Some(columns) = &check.unique {
        (format!("unique({})", columns.join(", ")), duplicates(columns))
    } else if let Some(columns) = &check.not_null {
        let tests: Vec<String> = columns.iter().map(|c| format!("{} IS NULL", quoted(c))).collect();
        (
            format!("not_null({})", columns.join(", ")),
            format!("SELECT * FROM this WHERE {}", tests.join(" OR ")),
        )
    } else if let Some(values) = &check.accepted {
        let column = column()?;
        let values: Vec<String> = values.iter().map(literal).collect();
        (
            format!("accepted({column})"),
            format!("SELECT * FROM this WHERE {} NOT IN ({})", quoted(column), values.join(", ")),
        )
    } else if let Some(range) = &check.range {
        let column = column()?;
        let mut tests = Vec::new();
        if let Some(min) = &range.min {
            tests.push(format!("{} < {}", quoted(column), literal(min)));
        }
        if let Some(max) = &range.max {
            tests.push(format!("{} > {}", quoted(column), literal(max)));
        }
        if tests.is_empty() {
            return Err(wrong("`range` has neither min nor max"));
        }
        (format!("range({column})"), format!("SELECT * FROM this WHERE {}", tests.join(" OR ")))
    } else if let Some(target) = &check.references {
        let target: RelationName = target.parse()?;
        if check.via.is_empty() {
            return Err(wrong("`via` is missing"));
        }
        let to = if check.to.is_empty() { &check.via } else { &check.to };
        let pairs: Vec<String> = check
            .via
            .iter()
            .zip(to)
            .map(|(via, to)| format!("that.{} = this.{}", quoted(to), quoted(via)))
            .collect();
        let known: Vec<String> =
            check.via.iter().map(|via| format!("this.{} IS NOT NULL", quoted(via))).collect();
        (
            format!("references({} -> {target})", check.via.join(", ")),
            format!(
                "SELECT * FROM this WHERE {} AND NOT EXISTS (SELECT 1 FROM {target} that WHERE {})",
                known.join(" AND "),
                pairs.join(" AND ")
            ),
        )
    } else if let Some(sql) = &check.sql {
        ("sql".to_string(), sql.clone())
    } else {
        return Err(wrong("none of unique, not_null, accepted, range, references and sql is given"));
    };
    Ok(Check { name: check.name.clone().unwrap_or(name), level: check.level, sql })
}

fn duplicates(columns: &[String]) -> String {
    let columns: Vec<String> = columns.iter().map(|c| quoted(c)).collect();
    let columns = columns.join(", ");
    format!("SELECT {columns}, count(*) AS times FROM this GROUP BY {columns} HAVING count(*) > 1")
}

fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

fn literal(value: &Literal) -> String {
    match value {
        Literal::Int(value) => value.to_string(),
        Literal::Float(value) => format!("{value:?}"),
        Literal::Bool(value) => value.to_string(),
        Literal::Text(value) => format!("'{}'", value.replace('\'', "''")),
    }
}
