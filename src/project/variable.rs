//! Variables of `twin.toml`, and `${name}` in source declarations.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use indexmap::IndexMap;

use super::files::Origin;
use super::report::Report;
use super::secret::Secret;
use super::suggest;
use super::twin::Variable;
use crate::ids::is_identifier;

/// What a variable stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Plain(String),
    /// A text that never prints.
    Secret(Secret),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Plain(text) => f.write_str(text),
            Value::Secret(secret) => secret.fmt(f),
        }
    }
}

/// The variables of a twin.
pub(super) struct Variables {
    values: IndexMap<String, Value>,
    /// Declared, but without a value: reported once, where it is declared.
    broken: Vec<String>,
}

impl Variables {
    /// Looks every variable up in the environment or the secret it names.
    pub fn resolve(
        declared: &IndexMap<String, Variable>,
        env: &BTreeMap<String, String>,
        root: &Path,
        twin: &Origin,
        report: &mut Report,
    ) -> Variables {
        let mut variables = Variables { values: IndexMap::new(), broken: Vec::new() };
        for (name, variable) in declared {
            let key = format!("variables.{name}");
            if !is_identifier(name) {
                report
                    .error_in_key(
                        "invalid-name",
                        twin,
                        &key,
                        format!("{name:?} is not a valid name of a variable"),
                    )
                    .hint("Use lowercase letters, digits and _, beginning with a letter.");
            }
            let value = match variable {
                Variable::Text(text) if Secret::is_reference(text) => match Secret::read(text, env, root) {
                    Ok(secret) => Some(Value::Secret(secret)),
                    Err(error) => {
                        report.refused("missing-secret", twin, &key, error);
                        None
                    }
                },
                Variable::Text(text) => Some(Value::Plain(text.clone())),
                Variable::Env(from) => match env.get(&from.env).or(from.default.as_ref()) {
                    Some(text) => Some(Value::Plain(text.clone())),
                    None => {
                        let message = format!(
                            "the variable {name:?} has no value: the environment has no {}, and there is no default",
                            from.env
                        );
                        let hint = format!("Set {}, or give the variable a default.", from.env);
                        report.error("missing-variable", twin, &key, message).hint(hint);
                        None
                    }
                },
            };
            match value {
                Some(value) => drop(variables.values.insert(name.clone(), value)),
                None => variables.broken.push(name.clone()),
            }
        }
        variables
    }

    /// The values by name.
    pub fn into_values(self) -> IndexMap<String, Value> {
        self.values
    }

    /// `text` with every `${name}` replaced. None, after saying why, where that cannot be.
    pub fn expand(&self, text: &str, origin: &Origin, key: &str, report: &mut Report) -> Option<String> {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            expanded.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                report
                    .error("unknown-variable", origin, key, "\"${\" has no closing \"}\"".to_string())
                    .hint("Write ${name}, the name of a variable of twin.toml.");
                return None;
            };
            match self.values.get(name) {
                Some(Value::Plain(value)) => expanded.push_str(value),
                Some(Value::Secret(secret)) => {
                    let message =
                        format!("{name:?} is a secret, and a path is not: it is stored with every row");
                    let hint = match secret.reference().strip_prefix("env:") {
                        Some(variable) => format!("Write {name} = {{ env = {variable:?} }} in twin.toml."),
                        None => "Put the path itself into the variable.".into(),
                    };
                    report.error("secret-in-path", origin, key, message).hint(hint);
                    return None;
                }
                None if self.broken.iter().any(|broken| broken == name) => return None,
                None => {
                    let known = self.values.keys().map(String::as_str);
                    report
                        .error("unknown-variable", origin, key, format!("unknown variable {name:?}"))
                        .hint(suggest::hint(name, known, "variables in twin.toml"));
                    return None;
                }
            }
            rest = after;
        }
        expanded.push_str(rest);
        Some(expanded)
    }
}
