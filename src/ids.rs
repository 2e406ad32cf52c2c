//! Newtypes for the names things go by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::error::{Error, ErrorKind, Result};

/// `schema.table`: the name of a relation, and of the node that makes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationName {
    schema: String,
    table: String,
}

impl RelationName {
    /// From its two parts.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] when a part is not an [identifier](is_identifier).
    pub fn new(schema: &str, table: &str) -> Result<Self> {
        for part in [schema, table] {
            if !is_identifier(part) {
                return Err(Error::new(ErrorKind::Declaration, format!("{part:?} is not a valid name"))
                    .with_hint("Use lowercase letters, digits and _, beginning with a letter."));
            }
        }
        Ok(Self { schema: schema.into(), table: table.into() })
    }
    /// A system table, `twin.<table>`. For names we wrote ourselves.
    pub fn system(table: &'static str) -> Self {
        Self { schema: "twin".into(), table: table.into() }
    }
    /// The part before the dot.
    pub fn schema(&self) -> &str {
        &self.schema
    }
    /// The part after the dot.
    pub fn table(&self) -> &str {
        &self.table
    }
    /// Whether it is one of Twinlake's own (`twin.*`).
    pub fn is_system(&self) -> bool {
        self.schema == "twin"
    }
}

/// Whether a text can name a schema, table or column without quoting: `[a-z_][a-z0-9_]*`, at most 63 bytes.
pub fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && text.len() <= 63
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

impl FromStr for RelationName {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('.') {
            Some((schema, table)) => Self::new(schema, table),
            None => Err(Error::new(ErrorKind::Declaration, format!("{text:?} does not name a relation"))
                .with_hint("A relation is written schema.table, such as erp.orders.")),
        }
    }
}

impl Serialize for RelationName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RelationName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One run: a ULID, so that the text order of ids is the order in time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId(String);

impl RunId {
    /// A new id for a run that begins at `started_at`.
    pub fn generate(started_at: Instant) -> Self {
        let millis = u64::try_from(started_at.timestamp_millis()).unwrap_or(0);
        Self(ulid::Ulid::from_parts(millis, rand::random()).to_string())
    }
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for RunId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What a piece of code or a declaration amounts to: equal fingerprints compute equal outputs from equal inputs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Over the parts in order; each part is delimited, so `["ab", "c"]` differs from `["a", "bc"]`.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(format!("{:032x}", hasher.digest128()))
    }
    /// As text: 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Fingerprint {
    fn from(text: String) -> Self {
        Self(text)
    }
}
