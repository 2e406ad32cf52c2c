//! One error for the whole crate: what kind it is, what happened, where, and what to do about it.
//!
//! Messages are lowercase and name the thing (`table "erp.orders": ...`); hints are sentences. Values of rows
//! never appear in either: they belong in `twin.rejects`, behind the same grants as the table they came from.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, as far as a caller needs to tell cases apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A declaration (TOML or SQL file) is wrong. Running again changes nothing.
    Declaration,
    /// The command line asks for something that cannot be.
    Usage,
    /// Something named does not exist: a relation, a file, a manifest.
    NotFound,
    /// Input data could not be read at all (truncated gzip, binary garbage, missing folder).
    Input,
    /// Input data broke a contract whose rule is `fail`.
    Contract,
    /// An error-level check found bad rows.
    Check,
    /// A query could not be planned or executed.
    Sql,
    /// A model could not be fitted or evaluated.
    Model,
    /// There is too little history for a model yet.
    NoHistory,
    /// The object store refused, failed or is full.
    Storage,
    /// The lake is not what we can read: not Delta, damaged, or written by a newer version.
    Lake,
    /// Somebody else published in between.
    Conflict,
    /// The user or the system asked to stop.
    Interrupted,
    /// One or more nodes of a run failed; the details were reported node by node.
    Run,
    /// A broken invariant of ours. Always worth a bug report.
    Bug,
}

/// What a scheduler may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Trying again without a change gives the same error.
    Never,
    /// The condition may pass: try again later.
    Later,
    /// Try again at once, from the newly published state.
    Now,
}

impl ErrorKind {
    /// The retry policy, for every kind explicitly.
    pub fn retry(self) -> Retry {
        match self {
            ErrorKind::Storage | ErrorKind::Interrupted | ErrorKind::NoHistory => Retry::Later,
            ErrorKind::Conflict => Retry::Now,
            ErrorKind::Declaration
            | ErrorKind::Usage
            | ErrorKind::NotFound
            | ErrorKind::Input
            | ErrorKind::Contract
            | ErrorKind::Check
            | ErrorKind::Sql
            | ErrorKind::Model
            | ErrorKind::Lake
            | ErrorKind::Run
            | ErrorKind::Bug => Retry::Never,
        }
    }

    /// The process's exit code; stable, documented in the README.
    pub fn exit_code(self) -> u8 {
        match self {
            ErrorKind::Bug => 1,
            ErrorKind::Usage => 2,
            ErrorKind::Declaration => 3,
            ErrorKind::Run
            | ErrorKind::Input
            | ErrorKind::Contract
            | ErrorKind::Check
            | ErrorKind::Model
            | ErrorKind::NoHistory
            | ErrorKind::Sql => 4,
            ErrorKind::NotFound => 5,
            ErrorKind::Storage | ErrorKind::Lake => 6,
            ErrorKind::Conflict => 7,
            ErrorKind::Interrupted => 130,
        }
    }

    /// A stable name for machine-readable output.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::Declaration => "declaration",
            ErrorKind::Usage => "usage",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Input => "input",
            ErrorKind::Contract => "contract",
            ErrorKind::Check => "check",
            ErrorKind::Sql => "sql",
            ErrorKind::Model => "model",
            ErrorKind::NoHistory => "no_history",
            ErrorKind::Storage => "storage",
            ErrorKind::Lake => "lake",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Interrupted => "interrupted",
            ErrorKind::Run => "run",
            ErrorKind::Bug => "bug",
        }
    }
}

/// The one error of the crate. Opaque: ask for its [`kind`](Error::kind), show it with `Display`.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// `Result` with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A new error; `message` is lowercase and names the thing.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner { kind, message: message.into(), detail: None, hint: None, source: None }))
    }

    /// Several lines of context: a rendered diagnostic, a list of failed nodes.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// One sentence on what to do about it.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The error underneath.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error seen from further out: `context` is put before the message.
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
    /// The message alone.
    pub fn message(&self) -> &str {
        &self.0.message
    }
    /// Several lines of context, if any.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }
    /// What to do about it, if known.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("detail", &self.0.detail)
            .field("hint", &self.0.hint)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<datafusion::error::DataFusionError> for Error {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        use datafusion::error::DataFusionError as E;
        // Our own error may have travelled through a plan: hand it back as it was.
        let error = match error {
            E::External(inner) => match inner.downcast::<Error>() {
                Ok(ours) => return *ours,
                Err(inner) => E::External(inner),
            },
            other => other,
        };
        let (kind, hint) = match error.find_root() {
            E::ResourcesExhausted(_) => (ErrorKind::Storage, Some(MORE_MEMORY)),
            E::ObjectStore(_) | E::IoError(_) | E::ParquetError(_) => (ErrorKind::Storage, Some(DAMAGED)),
            E::ArrowError(inner, _) => return Error::from(&**inner),
            _ => (ErrorKind::Sql, None),
        };
        let error = Error::new(kind, plain(&error.strip_backtrace()));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

const MORE_MEMORY: &str = "Raise engine.memory in twin.toml, or for once TWINLAKE__ENGINE__MEMORY.";
const DAMAGED: &str = "`twinlake doctor` says which files of the lake are damaged or gone.";

/// What a planner's message says, without the names of its own parts.
fn plain(message: &str) -> &str {
    let parsed = message.strip_prefix("SQL error: ParserError(\"").and_then(|rest| rest.strip_suffix("\")"));
    let planned =
        ["Error during planning: ", "Schema error: "].iter().find_map(|prefix| message.strip_prefix(prefix));
    parsed.or(planned).unwrap_or(message)
}

impl From<Error> for datafusion::error::DataFusionError {
    fn from(error: Error) -> Self {
        datafusion::error::DataFusionError::External(Box::new(error))
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Error::from(&error)
    }
}

impl From<&arrow::error::ArrowError> for Error {
    fn from(error: &arrow::error::ArrowError) -> Self {
        use arrow::error::ArrowError as E;
        match error {
            E::DivideByZero => Error::new(ErrorKind::Sql, "a division by zero")
                .with_hint("Divide by nullif(x, 0): the result is null where x is 0."),
            E::CastError(message) | E::ParseError(message) | E::ComputeError(message) => {
                Error::new(ErrorKind::Sql, format!("a value does not fit: {}", without_values(message)))
                    .with_hint("try_cast gives null where a value does not fit. Errors leave values out: find them with a query.")
            }
            E::ParquetError(_) | E::IoError(..) => {
                Error::new(ErrorKind::Storage, error.to_string()).with_hint(DAMAGED)
            }
            _ => Error::new(ErrorKind::Sql, without_values(&error.to_string())),
        }
    }
}

/// A message without what it quotes, and without numbers: both may be values of rows.
fn without_values(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    // The value itself may hold quotes: everything from the first to the last is left out.
    let (head, tail) = match (message.find(['\'', '"']), message.rfind(['\'', '"'])) {
        (Some(first), Some(last)) => (&message[..first], &message[last + 1..]),
        _ => (message, ""),
    };
    text.push_str(head);
    if head.len() < message.len() {
        text.push('…');
        text.push_str(tail);
    }
    let words = text.split_whitespace().map(|word| {
        let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            && word.contains(|c: char| c.is_ascii_digit());
        if is_number { "…" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Error::new(ErrorKind::Storage, error.to_string()).with_hint(DAMAGED)
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        let kind = match &error {
            object_store::Error::NotFound { .. } => ErrorKind::NotFound,
            _ => ErrorKind::Storage,
        };
        Error::new(kind, error.to_string())
    }
}

impl From<deltalake::DeltaTableError> for Error {
    fn from(error: deltalake::DeltaTableError) -> Self {
        Error::new(ErrorKind::Lake, without_backtrace(&error.to_string()))
    }
}

/// What a reader of Delta logs says, without the backtrace that it may append.
pub(crate) fn without_backtrace(message: &str) -> &str {
    message.split("\n   0: ").next().unwrap_or(message).trim_end()
}

impl From<deltalake::kernel::Error> for Error {
    fn from(error: deltalake::kernel::Error) -> Self {
        Error::new(ErrorKind::Lake, without_backtrace(&error.to_string()))
    }
}

impl From<linfa::Error> for Error {
    fn from(error: linfa::Error) -> Self {
        Error::new(ErrorKind::Model, error.to_string())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::new(ErrorKind::Storage, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_out_of_messages() {
        let cast =
            arrow::error::ArrowError::CastError("Cannot cast string 'it's 5' to value of Int32 type".into());
        assert_eq!(
            Error::from(cast).message(),
            "a value does not fit: Cannot cast string … to value of Int32 type"
        );
        let overflow =
            arrow::error::ArrowError::CastError("Can't cast value 5000000000 to type Int32".into());
        assert!(!Error::from(overflow).message().contains("5000"));
        let nested = datafusion::error::DataFusionError::ArrowError(
            Box::new(arrow::error::ArrowError::ParseError("Error parsing '2024-02-30' as date".into())),
            None,
        );
        let error =
            Error::from(datafusion::error::DataFusionError::Context("somewhere".into(), Box::new(nested)));
        assert!(!error.message().contains("2024"), "{error}");
    }

    #[test]
    fn backtraces_stay_out_of_messages() {
        assert_eq!(without_backtrace("broken\n   0: here\n   1: there"), "broken");
    }
}
