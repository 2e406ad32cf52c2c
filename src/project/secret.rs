//! Secrets: `env:NAME` and `file:PATH`. They are read once and never print.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// A value that never prints. Where it came from does.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    reference: String,
    value: String,
}

impl Secret {
    /// Whether a text refers to a secret: `env:NAME` or `file:PATH`. `file://` begins a URL, not a secret.
    pub fn is_reference(text: &str) -> bool {
        text.starts_with("env:") || (text.starts_with("file:") && !text.starts_with("file://"))
    }

    /// Reads the secret that `reference` names. A relative path is relative to `root`; one line break at a file's end is
    /// not part of the secret.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] when it is not a reference, or nothing is there. The message names the place, never what is in it.
    pub fn read(reference: &str, env: &BTreeMap<String, String>, root: &Path) -> Result<Secret> {
        let value = if let Some(name) = reference.strip_prefix("env:") {
            env.get(name).cloned().ok_or_else(|| {
                Error::new(
                    ErrorKind::Declaration,
                    format!("the secret {reference:?} is missing: the environment has no {name}"),
                )
                .with_hint(format!("Set {name}, or read the secret from a file with file:PATH."))
            })?
        } else if Secret::is_reference(reference) {
            let path = &reference["file:".len()..];
            let text = std::fs::read_to_string(root.join(path)).map_err(|error| {
                let reason = match error.kind() {
                    std::io::ErrorKind::NotFound => "there is no such file".to_string(),
                    kind => kind.to_string(),
                };
                Error::new(
                    ErrorKind::Declaration,
                    format!("the secret {reference:?} cannot be read: {reason}"),
                )
                .with_hint("The path is relative to twin.toml.")
            })?;
            text.strip_suffix('\n')
                .map(|text| text.strip_suffix('\r').unwrap_or(text))
                .unwrap_or(&text)
                .to_string()
        } else {
            return Err(Error::new(ErrorKind::Declaration, "this is not a reference to a secret")
                .with_hint("A secret is written env:NAME or file:PATH."));
        };
        Ok(Secret { reference: reference.to_string(), value })
    }

    /// The secret itself. Never into a message, a log or a table.
    pub fn expose(&self) -> &str {
        &self.value
    }

    /// `env:NAME` or `file:PATH`.
    pub fn reference(&self) -> &str {
        &self.reference
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.reference)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let env = BTreeMap::from([("PASSWORD".to_string(), "hunter2".to_string())]);
        let secret = Secret::read("env:PASSWORD", &env, Path::new(".")).unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert!(!format!("{secret} {secret:?} {secret:#?}").contains("hunter2"));
    }

    #[test]
    fn from_a_file_without_its_line_break() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "s3cret \r\n").unwrap();
        let secret = Secret::read("file:key", &BTreeMap::new(), folder.path()).unwrap();
        assert_eq!(secret.expose(), "s3cret ");
        let error = Secret::read("file:other", &BTreeMap::new(), folder.path()).unwrap_err();
        assert!(error.message().contains("file:other"), "{error}");
    }

    #[test]
    fn a_file_url_is_no_secret() {
        assert!(Secret::is_reference("file:key"));
        assert!(!Secret::is_reference("file:///data"));
    }
}
