//! Whether a trained model is good enough to be put in charge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::figure::figure;
use super::rule::Rule;
use crate::error::{Error, ErrorKind, Result};

/// The rules of a declaration; what is absent is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::learn) struct Acceptance {
    /// The error must be smaller than the baseline's by at least this share of it: 0.05 means by 5 percent.
    pub beats_baseline: Option<f64>,
    /// The coverage of the 80 and 95 % intervals must be this near to 0.80 and 0.95.
    pub coverage_within: Option<f64>,
    /// The bias must not be further from zero than this share of the mean of the actual values.
    pub bias_within: Option<f64>,
    /// A rule over all metrics that must be true.
    pub require: Option<Rule>,
}

/// What was measured of a model by its backtest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct Measured {
    /// The name of the metric that models are chosen by.
    pub metric: String,
    /// Whether more of it is better (AUC, recall at k). Then it lies between 0 and 1, and the error is what lacks of 1.
    pub higher_is_better: bool,
    /// Its value.
    pub value: Option<f64>,
    /// Its value for the baseline.
    pub baseline: Option<f64>,
    /// The share of actual values in the 80 % intervals.
    pub coverage80: Option<f64>,
    /// The share of actual values in the 95 % intervals.
    pub coverage95: Option<f64>,
    /// The mean of forecast less actual, in units of the mean of the actual values.
    pub bias: Option<f64>,
    /// Everything the rule may name.
    pub metrics: BTreeMap<String, Option<f64>>,
}

/// What came of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::learn) struct RuleVerdict {
    /// The rule, as in the declaration: `beats_baseline = 0.05`.
    pub rule: String,
    /// Whether the model passes.
    pub passed: bool,
    /// Why, in one sentence.
    pub sentence: String,
}

/// What came of all rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::learn) struct Decision {
    /// Whether the model passes every one of them.
    pub accepted: bool,
    /// One for each, in the order of the declaration's fields; none where none is declared.
    pub verdicts: Vec<RuleVerdict>,
}

impl Acceptance {
    /// Checks the limits, before anything is measured.
    ///
    /// # Errors
    /// [`ErrorKind::Declaration`] where one is no share.
    pub fn validate(&self) -> Result<()> {
        let limits = [
            ("beats_baseline", self.beats_baseline, -1.0..1.0),
            ("coverage_within", self.coverage_within, 0.0..1.0),
            ("bias_within", self.bias_within, 0.0..f64::INFINITY),
        ];
        match limits.iter().find(|(_, limit, range)| limit.is_some_and(|limit| !range.contains(&limit))) {
            Some((name, _, range)) => {
                Err(Error::new(ErrorKind::Declaration, format!("acceptance: {name} is out of range"))
                    .with_hint(format!("It is a share, from {} to less than {}.", range.start, range.end)))
            }
            None => Ok(()),
        }
    }

    /// Judges a model. A rule whose metric is not known is not passed.
    pub fn decide(&self, measured: &Measured) -> Decision {
        let verdict = |name: &str, limit: f64, (passed, sentence): (bool, String)| RuleVerdict {
            rule: format!("{name} = {}", figure(limit)),
            passed,
            sentence,
        };
        let mut verdicts = Vec::new();
        if let Some(limit) = self.beats_baseline {
            verdicts.push(verdict("beats_baseline", limit, beats(measured, limit)));
        }
        if let Some(limit) = self.coverage_within {
            verdicts.push(verdict("coverage_within", limit, covers(measured, limit)));
        }
        if let Some(limit) = self.bias_within {
            verdicts.push(verdict("bias_within", limit, unbiased(measured, limit)));
        }
        if let Some(rule) = &self.require {
            let found = rule.judge(&measured.metrics);
            let what =
                if found.fires() { "The required rule holds" } else { "The required rule does not hold" };
            verdicts.push(RuleVerdict {
                rule: format!("require = \"{}\"", rule.text()),
                passed: found.fires(),
                sentence: format!("{what}: {}.", found.reason()),
            });
        }
        Decision { accepted: verdicts.iter().all(|verdict| verdict.passed), verdicts }
    }
}

fn beats(measured: &Measured, limit: f64) -> (bool, String) {
    let name = if measured.metric.is_empty() { "error" } else { measured.metric.as_str() };
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let (Some(value), Some(baseline)) = (finite(measured.value), finite(measured.baseline)) else {
        return (false, format!("The {name} of the model or of the baseline is not known."));
    };
    let error = |value: f64| if measured.higher_is_better { 1.0 - value } else { value };
    let shown = format!("{name} {} against the baseline's {}", figure(value), figure(baseline));
    if error(baseline) <= 0.0 {
        let passed = limit <= 0.0 && error(value) <= error(baseline);
        return (passed, format!("The baseline makes no error: {shown}."));
    }
    let gain = 1.0 - error(value) / error(baseline);
    let (percent, least) = (figure((gain.abs() * 1e4).round() / 100.0), figure(limit * 100.0));
    let what = if gain >= 0.0 { "less" } else { "more" };
    // The quotient is rounded: a model exactly at the limit passes.
    let passed = gain >= limit - 1e-12;
    (passed, format!("The error is {percent} % {what} ({shown}); asked is at least {least} % less."))
}

fn covers(measured: &Measured, limit: f64) -> (bool, String) {
    let ends = [(measured.coverage80, 0.80), (measured.coverage95, 0.95)];
    let known: Vec<(f64, f64)> = ends.iter().filter_map(|&(found, level)| Some((found?, level))).collect();
    if known.len() < ends.len() || known.iter().any(|(found, _)| !found.is_finite()) {
        return (false, "The coverage of the intervals is not known.".to_owned());
    }
    let passed = known.iter().all(|(found, level)| (found - level).abs() <= limit + 1e-12);
    let shown = known.iter().map(|(found, level)| {
        format!("{} % of the {} % intervals", figure((found * 1e4).round() / 100.0), figure(level * 100.0))
    });
    let shown = shown.collect::<Vec<_>>().join(" and ");
    (passed, format!("Actual values lie in {shown}; asked is within {} points.", figure(limit * 100.0)))
}

fn unbiased(measured: &Measured, limit: f64) -> (bool, String) {
    match measured.bias.filter(|bias| bias.is_finite()) {
        Some(bias) => {
            let percent = figure((bias * 1e4).round() / 100.0);
            let passed = bias.abs() <= limit + 1e-12;
            (
                passed,
                format!("The bias is {percent} % of the mean; asked is at most {} %.", figure(limit * 100.0)),
            )
        }
        None => (false, "The bias is not known.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Acceptance {
        Acceptance {
            beats_baseline: Some(0.05),
            coverage_within: Some(0.05),
            bias_within: Some(0.1),
            require: Some(Rule::parse("n >= 30", None).unwrap()),
        }
    }

    fn measured() -> Measured {
        Measured {
            metric: "mase".to_owned(),
            value: Some(0.9),
            baseline: Some(1.0),
            coverage80: Some(0.78),
            coverage95: Some(0.9412),
            bias: Some(-0.03),
            metrics: [("n".to_owned(), Some(40.0))].into(),
            ..Measured::default()
        }
    }

    #[test]
    fn a_good_model_is_accepted_with_sentences() {
        let found = rules().decide(&measured());
        assert!(found.accepted);
        let sentences: Vec<&str> = found.verdicts.iter().map(|verdict| verdict.sentence.as_str()).collect();
        assert_eq!(
            sentences,
            [
                "The error is 10 % less (mase 0.9 against the baseline's 1); asked is at least 5 % less.",
                "Actual values lie in 78 % of the 80 % intervals and 94.12 % of the 95 % intervals; asked is within 5 points.",
                "The bias is -3 % of the mean; asked is at most 10 %.",
                "The required rule holds: n = 40 >= 30.",
            ]
        );
        assert_eq!(found.verdicts[3].rule, "require = \"n >= 30\"");
    }

    #[test]
    fn each_rule_can_refuse() {
        let refused = |change: fn(&mut Measured)| {
            let mut measured = measured();
            change(&mut measured);
            let found = rules().decide(&measured);
            assert!(!found.accepted);
            found.verdicts.iter().position(|verdict| !verdict.passed)
        };
        assert_eq!(refused(|m| m.value = Some(0.96)), Some(0));
        assert_eq!(refused(|m| m.value = Some(1.2)), Some(0));
        assert_eq!(refused(|m| m.baseline = Some(0.0)), Some(0));
        assert_eq!(refused(|m| m.value = Some(f64::NAN)), Some(0));
        assert_eq!(refused(|m| m.coverage80 = Some(0.7)), Some(1));
        assert_eq!(refused(|m| m.coverage95 = None), Some(1));
        assert_eq!(refused(|m| m.bias = Some(0.11)), Some(2));
        assert_eq!(refused(|m| m.metrics.clear()), Some(3));
    }

    #[test]
    fn limits_are_inclusive_and_more_can_be_better() {
        let at = |value, baseline, higher_is_better| {
            let rules = Acceptance { beats_baseline: Some(0.1), ..Acceptance::default() };
            let measured = Measured {
                value: Some(value),
                baseline: Some(baseline),
                higher_is_better,
                ..Measured::default()
            };
            rules.decide(&measured).accepted
        };
        assert!(at(0.9, 1.0, false) && at(0.82, 0.8, true) && !at(0.81, 0.8, true));
        assert!(Acceptance::default().decide(&Measured::default()).accepted);
    }

    #[test]
    fn declarations_are_checked() {
        let parse = |json: &str| serde_json::from_str::<Acceptance>(json);
        let rules = parse(r#"{"beats_baseline": 0.05, "require": "psi < 0.2"}"#).unwrap();
        assert!(rules.validate().is_ok());
        assert_eq!(parse(&serde_json::to_string(&rules).unwrap()).unwrap(), rules);
        assert!(parse(r#"{"beat_baseline": 0.05}"#).is_err());
        let error = parse(r#"{"coverage_within": 5}"#).unwrap().validate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Declaration);
        assert!(Acceptance { bias_within: Some(f64::NAN), ..Acceptance::default() }.validate().is_err());
    }
}
