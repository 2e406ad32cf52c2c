//! Whether a new version may take the champion's place.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::lake::system::ModelRow;
use crate::project::ModelDecl;

use super::learner::Headline;
use super::monitor::{Acceptance, Measured};
use super::rules::{Values, required_rule};

/// The rule that a version which is merely no better than the champion fails: it waits as challenger.
pub(super) const WORSE: &str = "worse_than_champion";

/// What one rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verdict {
    /// The rule, as declared.
    pub rule: String,
    /// Whether it holds.
    pub holds: bool,
    /// Why, in a sentence.
    pub reason: String,
}

/// Judges a version by the rules of a declaration, in their order. `watched` is what was just measured of the champion.
///
/// # Errors
/// [`ErrorKind::Declaration`](crate::error::ErrorKind::Declaration) where a rule cannot be read.
pub(super) fn judge(
    model: &ModelDecl,
    headline: &Headline,
    champion: Option<&ModelRow>,
    watched: &Values,
) -> Result<Vec<Verdict>> {
    let decl = &model.accept;
    let required = |text: &str| required_rule(text, model.kind);
    let rules = Acceptance {
        beats_baseline: decl.beats_baseline,
        coverage_within: decl.coverage_within,
        bias_within: decl.bias_within,
        require: decl.require.as_deref().map(required).transpose()?,
    };
    rules.validate()?;
    let mut metrics: Values =
        headline.others.iter().map(|(name, value)| (name.clone(), Some(*value))).collect();
    for (name, value) in [
        (headline.metric.as_str(), headline.value),
        ("coverage80", headline.coverage80),
        ("coverage95", headline.coverage95),
        ("bias", headline.bias),
    ] {
        metrics.insert(name.to_string(), value);
    }
    let measured = Measured {
        metric: headline.metric.clone(),
        higher_is_better: !headline.less_is_better,
        value: headline.value,
        baseline: headline.baseline,
        coverage80: headline.coverage80,
        coverage95: headline.coverage95,
        bias: headline.bias,
        metrics,
    };
    let decided = rules.decide(&measured).verdicts.into_iter();
    let mut verdicts: Vec<Verdict> = decided
        .map(|verdict| Verdict { rule: verdict.rule, holds: verdict.passed, reason: verdict.sentence })
        .collect();
    if let (Some(limit), Some(champion)) = (decl.worse_than_champion, champion) {
        verdicts.push(against_champion(limit, headline, champion, watched));
    }
    Ok(verdicts)
}

/// The champion is taken by what was measured of it just now, where that is known, else by what it had when it was learned.
fn against_champion(limit: f64, headline: &Headline, champion: &ModelRow, watched: &Values) -> Verdict {
    let stored: serde_json::Value = serde_json::from_str(&champion.metrics).unwrap_or_default();
    let then = stored["value"].as_f64().filter(|_| stored["metric"].as_str() == Some(&headline.metric));
    let now = watched.get(&headline.metric).copied().flatten();
    let verdict = |holds: bool, reason: String| Verdict { rule: WORSE.into(), holds, reason };
    let (Some(theirs), Some(ours)) = (now.or(then), headline.value) else {
        // Nothing says that it is worse.
        return verdict(true, "It cannot be compared with the champion.".into());
    };
    let excess = match headline.less_is_better {
        true => ours - theirs * (1.0 + limit),
        false => theirs * (1.0 - limit) - ours,
    };
    let when = if now.is_some() { "now" } else { "when it was learned" };
    let than =
        format!("{} {ours:.4} against {theirs:.4} of version {} ({when})", headline.metric, champion.version);
    match excess <= 0.0 {
        true => verdict(true, format!("It is good enough beside the champion: {than}.")),
        false => verdict(false, format!("The champion is better: {than}.")),
    }
}
