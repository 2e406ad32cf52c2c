//! The rules of a declaration about a model's life: when it is learned anew, when to raise an alert.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::project::ModelDecl;
use crate::project::model::RetrainDecl;

use super::monitor::{AtMost, Rule};

/// Numbers by the names that rules use. Those that could not be measured are `None`.
pub(super) type Values = BTreeMap<String, Option<f64>>;

/// The names that rules about what is watched may use.
const WATCHED: [&str; 22] = [
    "psi",
    "ks",
    "wasserstein",
    "missing_share",
    "new_share",
    "prediction_psi",
    "mae",
    "rmse",
    "bias",
    "mase",
    "smape",
    "pinball",
    "mase_ratio",
    "coverage80",
    "coverage95",
    "auc",
    "log_loss",
    "log_loss_ratio",
    "brier",
    "ece",
    "rmse_ratio",
    "recall_at_k",
];
/// The names that rules of acceptance may use besides.
const MEASURED: [&str; 8] =
    ["r2", "accuracy", "f1", "average_precision", "ndcg_at_k", "item_coverage", "silhouette", "segments"];

/// A condition: a rule, or one of the words `true` and `false`.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Always,
    Never,
    If(Rule),
}

impl Condition {
    /// Reads a condition; `key` says where it stands.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] where it cannot be read.
    pub fn parse(text: &str, key: &str) -> Result<Condition> {
        Condition::of(text, &WATCHED).map_err(|error| error.context(format!("`{key}`")))
    }

    fn of(text: &str, known: &[&str]) -> Result<Condition> {
        match text.trim() {
            "true" => Ok(Condition::Always),
            "false" => Ok(Condition::Never),
            text => Ok(Condition::If(Rule::parse(text, Some(known))?)),
        }
    }

    /// What made it hold, or `None`.
    pub fn holds(&self, values: &Values) -> Option<String> {
        match self {
            Condition::Always => Some("always".into()),
            Condition::Never => None,
            Condition::If(rule) => {
                let verdict = rule.judge(values);
                verdict.fires().then(|| verdict.reason())
            }
        }
    }

    /// Why it does not hold.
    pub fn why_not(&self, values: &Values) -> String {
        match self {
            Condition::Always | Condition::Never => "only when asked".into(),
            Condition::If(rule) => rule.judge(values).reason(),
        }
    }
}

/// When a model is learned anew.
pub(super) struct Retrain {
    condition: Condition,
    at_most: Option<AtMost>,
}

impl Retrain {
    /// Reads a declaration.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] where a rule cannot be read.
    pub fn parse(decl: &RetrainDecl) -> Result<Retrain> {
        let pace = |text: &String| {
            AtMost::parse(text).map_err(|error| Error::from(error).context("`retrain.at_most`"))
        };
        Ok(Retrain {
            condition: Condition::parse(&decl.when, "retrain.when")?,
            at_most: decl.at_most.as_ref().map(pace).transpose()?,
        })
    }

    /// What makes it due, or `None`.
    pub fn holds(&self, values: &Values) -> Option<String> {
        self.condition.holds(values)
    }

    /// Why it is not due.
    pub fn why_not(&self, values: &Values) -> String {
        self.condition.why_not(values)
    }

    /// Whether it may be learned now, after the instants at which it was learned, all in microseconds since 1970.
    pub fn is_allowed(&self, now: i64, trainings: &[i64]) -> bool {
        self.at_most.as_ref().is_none_or(|pace| pace.allowed(now, trainings))
    }
}

/// The rules of a declaration that cannot be read: the key of each, and what is wrong with it.
pub fn broken_rules(decl: &ModelDecl) -> Vec<(String, Error)> {
    let mut broken = Vec::new();
    let mut note = |key: &str, found: Result<()>| {
        if let Err(error) = found {
            broken.push((key.to_string(), error));
        }
    };
    if let Some(retrain) = &decl.retrain {
        note("retrain.when", Condition::of(&retrain.when, &WATCHED).map(drop));
        if let Some(pace) = &retrain.at_most {
            note("retrain.at_most", AtMost::parse(pace).map(drop).map_err(Error::from));
        }
    }
    if let Some(alert) = &decl.monitor.alert {
        note("monitor.alert", Condition::of(alert, &WATCHED).map(drop));
    }
    if let Some(required) = &decl.accept.require {
        note("accept.require", required_rule(required).map(drop));
    }
    broken
}

/// A rule of acceptance.
///
/// # Errors
/// [`ErrorKind::Declaration`] where it cannot be read.
pub(super) fn required_rule(text: &str) -> Result<Rule> {
    let known: Vec<&str> = WATCHED.iter().chain(&MEASURED).copied().collect();
    Rule::parse(text, Some(&known)).map_err(|error| {
        let hint = error.hint.clone();
        Error::new(ErrorKind::Declaration, error.message).with_hint(hint)
    })
}
