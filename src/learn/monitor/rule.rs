//! The language of rules over metrics: `psi > 0.2 or mase_ratio > 1.2 and n >= 30`.
//!
//! ```text
//! rule       = all { "or" all }
//! all        = part { "and" part }
//! part       = "not" part | "(" rule ")" | comparison
//! comparison = operand ( ">" | ">=" | "<" | "<=" | "=" | "!=" ) operand
//! operand    = name | number
//! ```
//!
//! `and` binds more strongly than `or`, `not` more strongly than both; keywords in any case, names exactly. A metric that
//! is not known makes its comparison unknown, neither true nor false, and the logic is S. C. Kleene's of three values
//! ("Introduction to Metamathematics", 1952, section 64). A rule fires where it is true.

mod parse;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::figure::figure;
use crate::error::{Error, ErrorKind};

/// A rule, as written and as understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(in crate::learn) struct Rule {
    text: String,
    expression: Expression,
}

/// What is wrong with a rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::learn) struct RuleError {
    /// The bytes of the text that are to blame; empty at its end.
    pub span: Range<usize>,
    /// What is wrong, in lowercase.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// What came of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Verdict {
    /// Whether it is true; `None` where that hangs on metrics that are not known.
    pub truth: Option<bool>,
    /// The comparisons that made it so, as written but with the values of metrics: `psi = 0.31 > 0.2`.
    pub because: Vec<String>,
    /// The metrics that were needed and are not known, in alphabetical order.
    pub unknown: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Comparison),
}

#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    left: Operand,
    sign: Sign,
    right: Operand,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Metric(String),
    Number(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Above,
    AtLeast,
    Below,
    AtMost,
    Equal,
    Unequal,
}

impl Rule {
    /// Understands a text. `known` are the names of the metrics there are; without them, any name will do.
    ///
    /// # Errors
    /// Where the text is not of the language, or names a metric that is not known.
    pub fn parse(text: &str, known: Option<&[&str]>) -> Result<Rule, RuleError> {
        Ok(Rule { text: text.to_owned(), expression: parse::parse(text, known)? })
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Judges by these metrics. A value that is absent or not finite is not known.
    pub fn judge(&self, metrics: &BTreeMap<String, Option<f64>>) -> Verdict {
        let truth = self.expression.truth(metrics);
        let mut verdict = Verdict { truth, because: Vec::new(), unknown: Vec::new() };
        self.expression.explain(metrics, truth, &mut verdict);
        verdict.unknown.sort_unstable();
        verdict.unknown.dedup();
        verdict
    }
}

impl Verdict {
    /// Whether the rule fires.
    pub fn fires(&self) -> bool {
        self.truth == Some(true)
    }

    /// The reason in one line: `psi = 0.31 > 0.2; n = 40 >= 30`, or what kept the rule from being true.
    pub fn reason(&self) -> String {
        let because = self.because.join("; ");
        let unknown = self.unknown.join(", ");
        match self.truth {
            Some(true) => because,
            Some(false) => format!("not so: {because}"),
            None => format!("cannot be told without {unknown}"),
        }
    }
}

impl Expression {
    fn truth(&self, metrics: &BTreeMap<String, Option<f64>>) -> Option<bool> {
        let settled = |parts: &[Expression], by: bool| {
            let mut open = false;
            for part in parts {
                match part.truth(metrics) {
                    Some(truth) if truth == by => return Some(by),
                    truth => open |= truth.is_none(),
                }
            }
            (!open).then_some(!by)
        };
        match self {
            Expression::Any(parts) => settled(parts, true),
            Expression::All(parts) => settled(parts, false),
            Expression::Not(part) => part.truth(metrics).map(|truth| !truth),
            Expression::Compare(comparison) => comparison.truth(metrics),
        }
    }

    /// Collects what made this `truth`, or what was missing to tell.
    fn explain(&self, metrics: &BTreeMap<String, Option<f64>>, truth: Option<bool>, verdict: &mut Verdict) {
        match self {
            Expression::Any(parts) | Expression::All(parts) => {
                let alike = parts.iter().filter(|part| part.truth(metrics) == truth);
                alike.for_each(|part| part.explain(metrics, truth, verdict));
                // What is unknown is worth telling even where it changed nothing.
                let open = parts.iter().filter(|part| truth.is_some() && part.truth(metrics).is_none());
                open.for_each(|part| part.explain(metrics, None, verdict));
            }
            Expression::Not(part) => part.explain(metrics, truth.map(|truth| !truth), verdict),
            Expression::Compare(comparison) if truth.is_none() => {
                let missing = comparison.metrics().filter(|name| value(metrics, name).is_none());
                verdict.unknown.extend(missing.map(str::to_owned));
            }
            Expression::Compare(comparison) => verdict.because.push(comparison.show(metrics, truth)),
        }
    }
}

impl Comparison {
    fn truth(&self, metrics: &BTreeMap<String, Option<f64>>) -> Option<bool> {
        let (left, right) = (self.left.value(metrics)?, self.right.value(metrics)?);
        Some(self.sign.holds(left, right))
    }

    fn metrics(&self) -> impl Iterator<Item = &str> {
        [&self.left, &self.right].into_iter().filter_map(|operand| match operand {
            Operand::Metric(name) => Some(name.as_str()),
            Operand::Number(_) => None,
        })
    }

    fn show(&self, metrics: &BTreeMap<String, Option<f64>>, truth: Option<bool>) -> String {
        let side = |operand: &Operand| match (operand, operand.value(metrics)) {
            (Operand::Metric(name), Some(value)) => format!("{name} = {}", figure(value)),
            (Operand::Metric(name), None) => name.clone(),
            (Operand::Number(value), _) => figure(*value),
        };
        let not = if truth == Some(false) { "not " } else { "" };
        // A metric on the right would read as part of the comparison.
        let right = match &self.right {
            Operand::Metric(_) => format!("({})", side(&self.right)),
            Operand::Number(_) => side(&self.right),
        };
        format!("{} {not}{} {right}", side(&self.left), self.sign)
    }
}

impl Operand {
    fn value(&self, metrics: &BTreeMap<String, Option<f64>>) -> Option<f64> {
        match self {
            Operand::Metric(name) => value(metrics, name),
            Operand::Number(value) => Some(*value),
        }
    }
}

fn value(metrics: &BTreeMap<String, Option<f64>>, name: &str) -> Option<f64> {
    metrics.get(name).copied().flatten().filter(|value| value.is_finite())
}

impl Sign {
    fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Sign::Above => left > right,
            Sign::AtLeast => left >= right,
            Sign::Below => left < right,
            Sign::AtMost => left <= right,
            Sign::Equal => left == right,
            Sign::Unequal => left != right,
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sign::Above => ">",
            Sign::AtLeast => ">=",
            Sign::Below => "<",
            Sign::AtMost => "<=",
            Sign::Equal => "=",
            Sign::Unequal => "!=",
        })
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> String {
        rule.text
    }
}

impl TryFrom<String> for Rule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Rule, RuleError> {
        Rule::parse(&text, None)
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, at bytes {} to {}. {}", self.message, self.span.start, self.span.end, self.hint)
    }
}

impl From<RuleError> for Error {
    fn from(error: RuleError) -> Error {
        let Range { start, end } = error.span;
        Error::new(ErrorKind::Declaration, format!("rule: {}, at bytes {start} to {end}", error.message))
            .with_hint(error.hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(rule: &str, metrics: &[(&str, f64)]) -> Verdict {
        let metrics = metrics.iter().map(|&(name, value)| (name.to_owned(), Some(value))).collect();
        Rule::parse(rule, None).unwrap().judge(&metrics)
    }

    #[test]
    fn and_binds_more_strongly_than_or() {
        let rule = "psi > 0.2 or mase_ratio > 1.2 and n >= 30";
        let at = |psi, ratio, n| judge(rule, &[("psi", psi), ("mase_ratio", ratio), ("n", n)]);
        assert!(at(0.3, 1.0, 1.0).fires() && at(0.1, 1.3, 30.0).fires());
        assert!(!at(0.1, 1.3, 29.0).fires() && !at(0.2, 1.2, 99.0).fires());
        assert_eq!(at(0.31, 1.5, 40.0).reason(), "psi = 0.31 > 0.2; mase_ratio = 1.5 > 1.2; n = 40 >= 30");
        assert_eq!(at(0.1, 1.5, 4.0).reason(), "not so: psi = 0.1 not > 0.2; n = 4 not >= 30");
    }

    #[test]
    fn the_unknown_neither_fires_nor_hides() {
        assert_eq!(judge("psi > 0.2", &[]).reason(), "cannot be told without psi");
        assert_eq!(judge("not psi > 0.2", &[("psi", f64::NAN)]).truth, None);
        let found = judge("psi > 0.2 or ks > 0.1 or a > b", &[("ks", 0.5), ("a", 1.0)]);
        assert!(found.fires());
        assert_eq!(found.because, ["ks = 0.5 > 0.1"]);
        assert_eq!(found.unknown, ["b", "psi"]);
        assert_eq!(judge("psi > 0.2 and ks > 0.1", &[("ks", 0.0)]).truth, Some(false));
    }

    #[test]
    fn negation_explains_itself() {
        let found = judge("not (psi <= 0.2 and mae <= base)", &[("psi", 0.1), ("mae", 3.0), ("base", 2.0)]);
        assert_eq!(found.reason(), "mae = 3 not <= (base = 2)");
    }

    #[test]
    fn every_sign_means_what_it_says() {
        for (rule, truth) in [
            ("1 > 1", false),
            ("1 >= 1", true),
            ("1 < 1", false),
            ("1 <= 1", true),
            ("1 = 1", true),
            ("1 != 1", false),
        ] {
            assert_eq!(judge(rule, &[]).truth, Some(truth), "{rule}");
        }
    }

    #[test]
    fn a_rule_is_stored_as_its_text() {
        let rule = Rule::parse("psi > .2", None).unwrap();
        let json = serde_json::to_string(&rule).unwrap();
        assert_eq!(json, "\"psi > .2\"");
        assert_eq!(serde_json::from_str::<Rule>(&json).unwrap(), rule);
        assert!(serde_json::from_str::<Rule>("\"psi >\"").is_err());
    }
}
