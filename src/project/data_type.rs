//! The names of column types, and the Arrow types they stand for.
//!
//! Only types that Delta can store: unsigned integers, nanoseconds and times of day are not among them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use super::suggest::nearest;
use crate::error::{Error, ErrorKind, Result};

/// Names of types without parameters, aliases included.
static SIMPLE: [(&str, DataType); 27] = [
    ("bool", DataType::Boolean),
    ("boolean", DataType::Boolean),
    ("int8", DataType::Int8),
    ("tinyint", DataType::Int8),
    ("int16", DataType::Int16),
    ("smallint", DataType::Int16),
    ("int32", DataType::Int32),
    ("int", DataType::Int32),
    ("integer", DataType::Int32),
    ("int64", DataType::Int64),
    ("bigint", DataType::Int64),
    ("float32", DataType::Float32),
    ("real", DataType::Float32),
    ("float64", DataType::Float64),
    ("double", DataType::Float64),
    ("text", DataType::Utf8),
    ("string", DataType::Utf8),
    ("utf8", DataType::Utf8),
    ("varchar", DataType::Utf8),
    ("date", DataType::Date32),
    ("date32", DataType::Date32),
    ("timestamp", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("timestamptz", DataType::Timestamp(TimeUnit::Microsecond, None)),
    ("time", DataType::Utf8),
    ("binary", DataType::Binary),
    ("bytes", DataType::Binary),
    ("bytea", DataType::Binary),
];

/// How deep `list<...>` and `struct<...>` may be nested.
const MAX_DEPTH: usize = 32;

/// The Arrow type that a declared type name stands for, in any case: `int64`, `decimal(18, 2)`, `list<text>`,
/// `struct<id: int64, at: timestamp>`.
///
/// Timestamps are microseconds in UTC. A `time` is text, since Delta has no time of day (ask [`is_time`]).
/// The item of a list is a nullable field named `element`, as Delta names it.
///
/// # Errors
/// [`ErrorKind::Declaration`] naming the part that is not a type, with the nearest name as hint.
///
/// ```
/// use arrow::datatypes::DataType;
/// use twinlake::project::parse_type;
/// assert_eq!(parse_type("Decimal(18, 2)").unwrap(), DataType::Decimal128(18, 2));
/// assert!(parse_type("uint8").is_err());
/// ```
pub fn parse_type(text: &str) -> Result<DataType> {
    let mut parser = Parser { rest: text };
    let data_type = parser.data_type(0)?;
    match parser.rest.trim() {
        "" => Ok(data_type),
        rest => Err(wrong(format!(
            "{rest:?} is too much after the type {:?}",
            text[..text.len() - rest.len()].trim()
        ))),
    }
}

/// Whether a declared type is `time`: text whose values are times of day.
pub fn is_time(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("time")
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn data_type(&mut self, depth: usize) -> Result<DataType> {
        if depth > MAX_DEPTH {
            return Err(wrong("the type is nested too deeply"));
        }
        let written = self.word();
        let name = written.to_ascii_lowercase();
        match name.as_str() {
            "decimal" | "numeric" => self.decimal(&name),
            "list" | "array" => {
                self.expect('<', &name)?;
                let item = self.data_type(depth + 1)?;
                self.expect('>', &name)?;
                Ok(DataType::List(Arc::new(Field::new("element", item, true))))
            }
            "struct" => self.fields(depth).map(DataType::Struct),
            "timestamp" | "timestamptz" => {
                Ok(DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))))
            }
            _ => match SIMPLE.iter().find(|(known, _)| *known == name) {
                Some((_, data_type)) => Ok(data_type.clone()),
                None => Err(unknown(written, &name, self.rest)),
            },
        }
    }

    fn decimal(&mut self, name: &str) -> Result<DataType> {
        let hint = "Write decimal(precision, scale), such as decimal(18, 2).";
        let inside = self
            .rest
            .trim_start()
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .ok_or_else(|| wrong(format!("{name:?} lacks its precision and scale")).with_hint(hint))?;
        self.rest = inside.1;
        let (precision, scale) = inside.0.split_once(',').unwrap_or((inside.0, "0"));
        let numbers = (precision.trim().parse::<u8>(), scale.trim().parse::<i8>());
        let (Ok(precision), Ok(scale)) = numbers else {
            return Err(
                wrong(format!("{:?} is not a precision and a scale", inside.0.trim())).with_hint(hint)
            );
        };
        if !(1..=38).contains(&precision) || scale < 0 || scale > precision as i8 {
            return Err(wrong(format!("decimal({precision}, {scale}) is out of range"))
                .with_hint("The precision is 1 to 38, the scale 0 to the precision."));
        }
        Ok(DataType::Decimal128(precision, scale))
    }

    fn fields(&mut self, depth: usize) -> Result<Fields> {
        self.expect('<', "struct")?;
        let mut fields: Vec<Field> = Vec::new();
        loop {
            let name = self.word();
            if name.is_empty() {
                return Err(wrong("a field of the struct has no name")
                    .with_hint("Write struct<name: type, ...>, such as struct<id: int64, label: text>."));
            }
            if fields.iter().any(|field| field.name() == name) {
                return Err(wrong(format!("the struct has two fields named {name:?}")));
            }
            self.expect(':', name)?;
            fields.push(Field::new(name, self.data_type(depth + 1)?, true));
            if self.take(',') {
                continue;
            }
            self.expect('>', "struct")?;
            return Ok(fields.into());
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.rest.trim_start().strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, wanted: char, after: &str) -> Result<()> {
        if self.take(wanted) {
            return Ok(());
        }
        let found = match self.rest.trim_start().chars().next() {
            Some(found) => format!("{found:?}"),
            None => "the end".into(),
        };
        Err(wrong(format!("the type lacks {wanted:?} after {after:?}: found {found}"))
            .with_hint("Write list<text> or struct<id: int64, label: text>."))
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Declaration, message)
}

fn unknown(written: &str, name: &str, rest: &str) -> Error {
    if written.is_empty() {
        return match rest.trim() {
            "" => wrong("a type is missing"),
            rest => wrong(format!("{rest:?} is not a type")),
        }
        .with_hint("A type is a name such as int64, text, decimal(18, 2), list<text> or struct<id: int64>.");
    }
    let error = wrong(format!("{written:?} is not a type"));
    match name {
        "uint8" => error.with_hint("Delta has no unsigned integers. Use int16."),
        "uint16" => error.with_hint("Delta has no unsigned integers. Use int32."),
        "uint32" => error.with_hint("Delta has no unsigned integers. Use int64."),
        "uint64" => error.with_hint("Delta has no unsigned integers. Use decimal(20, 0)."),
        "float" => error.with_hint("Say how wide: float32 or float64."),
        "datetime" => error.with_hint("Use timestamp: an instant in UTC, to the microsecond."),
        _ => {
            let known = SIMPLE.iter().map(|(name, _)| *name).chain(["decimal", "numeric", "list", "struct"]);
            match nearest(name, known) {
                Some(near) => error.with_hint(format!("Did you mean {near:?}?")),
                None => error.with_hint(
                    "Types are bool, int8, int16, int32, int64, float32, float64, decimal(p, s), text, date, timestamp, \
                     time, binary, list<type> and struct<name: type, ...>.",
                ),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases() {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        for (text, expected) in [
            ("INT", DataType::Int32),
            (" bigint ", DataType::Int64),
            ("Double", DataType::Float64),
            ("utf8", DataType::Utf8),
            ("timestamp", utc.clone()),
            ("time", DataType::Utf8),
            ("numeric(5)", DataType::Decimal128(5, 0)),
            ("decimal( 38 , 38 )", DataType::Decimal128(38, 38)),
        ] {
            assert_eq!(parse_type(text).unwrap(), expected, "{text}");
        }
        let nested = parse_type("list<struct<userId: int, at: TIMESTAMP, tags: list<text>>>").unwrap();
        let tags = DataType::List(Arc::new(Field::new("element", DataType::Utf8, true)));
        let fields = vec![
            Field::new("userId", DataType::Int32, true),
            Field::new("at", utc, true),
            Field::new("tags", tags, true),
        ];
        assert_eq!(
            nested,
            DataType::List(Arc::new(Field::new("element", DataType::Struct(fields.into()), true)))
        );
    }

    #[test]
    fn what_is_refused() {
        for (text, message, hint) in [
            ("", "a type is missing", "int64"),
            ("strng", "\"strng\" is not a type", "Did you mean \"string\"?"),
            ("uint32", "not a type", "int64"),
            ("float", "not a type", "float64"),
            ("decimal", "lacks its precision", "decimal(18, 2)"),
            ("decimal(39,2)", "out of range", "1 to 38"),
            ("decimal(5,-1)", "out of range", "1 to 38"),
            ("decimal(5,200)", "is not a precision", "decimal(18, 2)"),
            ("list", "lacks '<'", "list<text>"),
            ("list<text", "lacks '>'", "list<text>"),
            ("struct<>", "no name", "struct<name"),
            ("struct<a: int, a: int>", "two fields", ""),
            ("int64 null", "too much", ""),
            ("żółw", "not a type", ""),
        ] {
            let error = parse_type(text).unwrap_err();
            assert!(error.message().contains(message), "{text}: {error}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{text}: {:?}", error.hint());
        }
        assert!(parse_type(&"list<".repeat(100_000)).is_err());
    }
}
