//! The rules of a declaration about a model's life: when it is learned anew, when to raise an alert.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::project::model::RetrainDecl;
use crate::project::{Diagnostic, Model, ModelKind, Project};

use super::monitor::{AtMost, Rule};

/// Numbers by the names that rules use. Those that could not be measured are `None`.
pub(super) type Values = BTreeMap<String, Option<f64>>;

/// What is watched about the values of a forecast.
const OF_VALUES: [&str; 5] = ["psi", "psi_p", "ks", "ks_p", "wasserstein"];
/// What is watched about features.
const OF_FEATURES: [&str; 7] = ["psi", "psi_p", "ks", "ks_p", "wasserstein", "missing_share", "new_share"];
/// What is watched about predictions of rows.
const OF_PREDICTIONS: [&str; 5] =
    ["prediction_psi", "prediction_psi_p", "prediction_ks", "prediction_ks_p", "prediction_wasserstein"];

/// The names that rules about what is watched may use, in a model of that kind.
fn watched(kind: ModelKind) -> Vec<&'static str> {
    let parts: &[&[&str]] = match kind {
        ModelKind::Forecast => &[
            &OF_VALUES,
            &["mase", "mase_ratio", "mae", "rmse", "smape", "bias", "pinball", "coverage80", "coverage95"],
        ],
        ModelKind::Classify => &[
            &OF_FEATURES,
            &OF_PREDICTIONS,
            &["auc", "log_loss", "log_loss_ratio", "brier", "ece", "precision", "recall"],
        ],
        ModelKind::Regress => &[
            &OF_FEATURES,
            &OF_PREDICTIONS,
            &["rmse", "rmse_ratio", "mae", "bias", "coverage80", "coverage95"],
        ],
        ModelKind::Recommend => &[&["recall_at_k"]],
        ModelKind::Cluster | ModelKind::Anomaly => &[&OF_FEATURES],
        ModelKind::Reorder | ModelKind::Elasticity | ModelKind::Outside => &[],
    };
    parts.concat()
}

/// The names that rules of acceptance may use, in a model of that kind.
fn measured(kind: ModelKind) -> Vec<&'static str> {
    let names: &[&str] = match kind {
        ModelKind::Forecast => {
            &["mase", "smape", "rmse", "mae", "pinball", "bias", "coverage80", "coverage95"]
        }
        ModelKind::Classify => &["log_loss", "auc", "average_precision", "brier", "ece", "accuracy", "f1"],
        ModelKind::Regress => &["rmse", "mae", "r2", "bias"],
        ModelKind::Recommend => &["recall_at_k", "ndcg_at_k", "item_coverage"],
        ModelKind::Cluster => &["silhouette", "segments"],
        ModelKind::Anomaly => &["share"],
        ModelKind::Reorder | ModelKind::Elasticity | ModelKind::Outside => &[],
    };
    names.to_vec()
}

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
    pub fn parse(text: &str, key: &str, kind: ModelKind) -> Result<Condition> {
        Condition::of(text, &watched(kind)).map_err(|error| error.context(format!("`{key}`")))
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
    pub fn parse(decl: &RetrainDecl, kind: ModelKind) -> Result<Retrain> {
        let pace = |text: &String| {
            AtMost::parse(text).map_err(|error| Error::from(error).context("`retrain.at_most`"))
        };
        Ok(Retrain {
            condition: Condition::parse(&decl.when, "retrain.when", kind)?,
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

/// The rules and candidates of a declaration that cannot be, each with its place.
pub fn broken_rules(project: &Project, model: &Model) -> Vec<Diagnostic> {
    let decl = &model.decl;
    let mut broken = Vec::new();
    let mut note = |key: &str, found: Result<()>| {
        if let Err(error) = found {
            let mut diagnostic = project.diagnose("invalid-rule", &model.origin, key, error.message());
            diagnostic.hint = error.hint().map(str::to_string);
            broken.push(diagnostic);
        }
    };
    let known = watched(decl.kind);
    if let Some(retrain) = &decl.retrain {
        note("retrain.when", Condition::of(&retrain.when, &known).map(drop));
        if let Some(pace) = &retrain.at_most {
            note("retrain.at_most", AtMost::parse(pace).map(drop).map_err(Error::from));
        }
    }
    if let Some(alert) = &decl.monitor.alert {
        note("monitor.alert", Condition::of(alert, &known).map(drop));
    }
    if let Some(required) = &decl.accept.require {
        note("accept.require", required_rule(required, decl.kind).map(drop));
    }
    let candidates = format!("{}.candidates", decl.kind.as_str());
    note(&candidates, super::kinds::candidates(decl));
    broken
}

/// A rule of acceptance.
///
/// # Errors
/// [`ErrorKind::Declaration`] where it cannot be read.
pub(super) fn required_rule(text: &str, kind: ModelKind) -> Result<Rule> {
    Rule::parse(text, Some(&measured(kind))).map_err(|error| {
        let hint = error.hint.clone();
        Error::new(ErrorKind::Declaration, error.message).with_hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_name_only_what_their_kind_has() {
        for (kind, rule, known) in [
            (ModelKind::Classify, "log_loss_ratio > 1.2 or psi > 0.2 and psi_p < 0.01", true),
            (ModelKind::Forecast, "mase_ratio > 1.2 and psi_p < 0.01", true),
            (ModelKind::Forecast, "auc < 0.7", false),
            (ModelKind::Anomaly, "mase > 1", false),
            (ModelKind::Recommend, "recall_at_k < 0.1", true),
        ] {
            let found = Condition::parse(rule, "retrain.when", kind);
            assert_eq!(found.is_ok(), known, "{rule}");
            assert!(found.err().is_none_or(|error| error.to_string().contains("retrain.when")));
        }
        assert!(required_rule("silhouette > 0.3", ModelKind::Cluster).is_ok());
        assert!(required_rule("silhouette > 0.3", ModelKind::Regress).is_err());
    }
}
