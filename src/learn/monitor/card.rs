//! Model cards: what everybody should know about a model before relying on it.
//!
//! After M. Mitchell, S. Wu, A. Zaldivar, P. Barnes, L. Vasserman, B. Hutchinson, E. Spitzer, I. D. Raji and T. Gebru,
//! "Model Cards for Model Reporting", FAT* 2019, 220-229, in their order: what it is, what it is for, what it was made
//! from and judged by, how it treats groups, what it must not be used for; and, since ours is watched, what has happened
//! to it since.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Block, Document, Section};
use super::figure::figure;

/// Everything a card says. Empty texts, lists and absent values are left out or called unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct Card {
    /// The model's name.
    pub name: String,
    /// Which of its versions.
    pub version: String,
    /// Candidate, champion, challenger, retired.
    pub status: String,
    /// Forecast, classify, regress, recommend, cluster, anomaly.
    pub kind: String,
    /// What it is for, in the owner's words.
    pub purpose: String,
    /// Who answers for it.
    pub owner: String,
    /// The instant of training, as it is to be shown.
    pub trained_at: String,
    /// The manifest the training rows were read at.
    pub manifest: String,
    /// What it was trained on.
    pub data: CardData,
    /// What it looks at.
    pub features: Vec<CardFeature>,
    /// The estimators that were tried, with their metrics, the chosen one first.
    pub candidates: Vec<(String, BTreeMap<String, f64>)>,
    /// Its metrics by backtest or on held-out rows.
    pub metrics: BTreeMap<String, f64>,
    /// The acceptance rules with what came of them.
    pub acceptance: Vec<(String, String)>,
    /// How it treats declared groups.
    pub fairness: Vec<CardSeen>,
    /// How far later data is from the training data.
    pub drift: Vec<CardSeen>,
    /// What happened to it, in the order of time.
    pub history: Vec<CardEvent>,
    /// What it must not be used for, and what to keep in mind.
    pub limits: Vec<String>,
    /// The seed of all random numbers.
    pub seed: u64,
    /// The fingerprint of the code.
    pub fingerprint: String,
    /// The hash of the training rows.
    pub data_hash: String,
}

/// The training data of a card.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct CardData {
    /// Rows.
    pub rows: u64,
    /// Series, for forecasts.
    pub series: Option<u64>,
    /// The first and the last time, as they are to be shown.
    pub span: Option<(String, String)>,
}

/// A feature on a card.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct CardFeature {
    /// Its name.
    pub name: String,
    /// Its tags: personal, price, and the like.
    pub tags: Vec<String>,
    /// How much the model is worse without it.
    pub importance: Option<f64>,
}

/// What was seen of a group or a feature when the model was watched last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::learn) struct CardSeen {
    /// The group or the feature.
    pub about: String,
    /// What was measured.
    pub measure: String,
    /// What was found.
    pub value: Option<f64>,
    /// The bounds of its interval.
    pub bounds: Option<(f64, f64)>,
    /// What it was in training.
    pub reference: Option<f64>,
    /// How many rows it is made from.
    pub rows: i64,
    /// What to know about it.
    pub remark: String,
}

/// An event on a card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::learn) struct CardEvent {
    /// When, as it is to be shown.
    pub at: String,
    /// What it became.
    pub status: String,
    /// Who made it so.
    pub who: String,
    /// Why.
    pub why: String,
}

impl Card {
    /// As Markdown.
    pub fn markdown(&self) -> String {
        self.document().markdown()
    }

    /// As a page of HTML that needs no other file and runs no script.
    pub fn html(&self) -> String {
        self.document().html()
    }

    fn document(&self) -> Document {
        let section = |title, blocks: Vec<Block>| Section { title, blocks };
        let or_say =
            |block: Option<Block>, say: &str| vec![block.unwrap_or_else(|| Block::Paragraph(say.to_owned()))];
        let purpose = if self.purpose.is_empty() { "Not stated." } else { &self.purpose };
        let limits = (!self.limits.is_empty()).then(|| Block::List(self.limits.clone()));
        let sections = vec![
            section("Model details", vec![self.details()]),
            section("Intended use", vec![Block::Paragraph(purpose.to_owned())]),
            section("Training data", vec![self.training()]),
            section(
                "Features",
                or_say(self.feature_table(), "The model looks at nothing but the history of its target."),
            ),
            section("Metrics", or_say(self.metric_table(), "Nothing was measured.")),
            section("Candidates", or_say(self.candidate_table(), "There was no other candidate.")),
            section("Acceptance", or_say(self.acceptance_table(), "No rule was declared.")),
            section(
                "Fairness",
                or_say(Card::seen_table(&self.fairness, "Group"), "No groups have been compared."),
            ),
            section(
                "Drift since training",
                or_say(Card::seen_table(&self.drift, "Feature"), "Nothing has been compared yet."),
            ),
            section("Limits and caveats", or_say(limits, "None were stated.")),
            section("History", or_say(self.history_table(), "Nothing has happened yet.")),
        ];
        Document { title: format!("Model card: {} {}", self.name, self.version), sections }
    }

    fn details(&self) -> Block {
        let seed = self.seed.to_string();
        facts(&[
            ("Name", &self.name),
            ("Version", &self.version),
            ("Status", &self.status),
            ("Kind", &self.kind),
            ("Owner", &self.owner),
            ("Trained at", &self.trained_at),
            ("Seed", &seed),
            ("Code fingerprint", &self.fingerprint),
        ])
    }

    fn training(&self) -> Block {
        let series = self.data.series.map(|series| series.to_string()).unwrap_or_default();
        let span =
            self.data.span.as_ref().map(|(first, last)| format!("{first} to {last}")).unwrap_or_default();
        facts(&[
            ("Manifest", &self.manifest),
            ("Rows", &self.data.rows.to_string()),
            ("Series", &series),
            ("Span", &span),
            ("Data hash", &self.data_hash),
        ])
    }

    fn feature_table(&self) -> Option<Block> {
        let row = |feature: &CardFeature| {
            vec![feature.name.clone(), feature.tags.join(", "), number(feature.importance)]
        };
        table(&["Feature", "Tags", "Importance"], self.features.iter().map(row).collect())
    }

    fn metric_table(&self) -> Option<Block> {
        let row = |(name, value): (&String, &f64)| vec![name.clone(), number(Some(*value))];
        table(&["Metric", "Value"], self.metrics.iter().map(row).collect())
    }

    fn candidate_table(&self) -> Option<Block> {
        let names: BTreeSet<&str> =
            self.candidates.iter().flat_map(|(_, metrics)| metrics.keys().map(String::as_str)).collect();
        let row = |(name, metrics): &(String, BTreeMap<String, f64>)| {
            let values = names.iter().map(|metric| number(metrics.get(*metric).copied()));
            std::iter::once(name.clone()).chain(values).collect()
        };
        let header: Vec<&str> = std::iter::once("Candidate").chain(names.iter().copied()).collect();
        table(&header, self.candidates.iter().map(row).collect())
    }

    fn acceptance_table(&self) -> Option<Block> {
        let row = |(rule, verdict): &(String, String)| vec![rule.clone(), verdict.clone()];
        table(&["Rule", "Verdict"], self.acceptance.iter().map(row).collect())
    }

    fn seen_table(seen: &[CardSeen], about: &str) -> Option<Block> {
        let row = |found: &CardSeen| {
            vec![
                found.about.clone(),
                found.measure.clone(),
                interval(found.value, found.bounds),
                number(found.reference),
                found.rows.to_string(),
                found.remark.clone(),
            ]
        };
        table(&[about, "Measure", "Value", "In training", "Rows", "Remark"], seen.iter().map(row).collect())
    }

    fn history_table(&self) -> Option<Block> {
        let row = |event: &CardEvent| {
            vec![event.at.clone(), event.status.clone(), event.who.clone(), event.why.clone()]
        };
        table(&["At", "Status", "Who", "Why"], self.history.iter().map(row).collect())
    }
}

fn facts(facts: &[(&str, &str)]) -> Block {
    let stated = facts.iter().filter(|(_, value)| !value.is_empty());
    let rows = stated.map(|(name, value)| vec![(*name).to_owned(), (*value).to_owned()]).collect();
    Block::Table { header: vec!["Fact".to_owned(), "Value".to_owned()], rows }
}

fn table(header: &[&str], rows: Vec<Vec<String>>) -> Option<Block> {
    let header = header.iter().map(|name| (*name).to_owned()).collect();
    (!rows.is_empty()).then_some(Block::Table { header, rows })
}

/// Empty where it is not known.
fn number(value: Option<f64>) -> String {
    value.filter(|value| value.is_finite()).map(figure).unwrap_or_default()
}

fn interval(value: Option<f64>, bounds: Option<(f64, f64)>) -> String {
    let round = |value: f64| figure((value * 1e3).round() / 1e3);
    match (value, bounds) {
        (Some(value), Some((low, high))) => format!("{} ({} to {})", round(value), round(low), round(high)),
        (Some(value), None) => round(value),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        let metrics: BTreeMap<String, f64> =
            [("mase".to_owned(), 0.912_345_678), ("smape".to_owned(), 12.5)].into();
        Card {
            name: "demand".to_owned(),
            version: "v3".to_owned(),
            status: "champion".to_owned(),
            kind: "forecast".to_owned(),
            purpose: "Weekly demand by <item> | site.".to_owned(),
            owner: "planning".to_owned(),
            trained_at: "2024-05-01T06:00:00Z".to_owned(),
            manifest: "m-17".to_owned(),
            data: CardData {
                rows: 12_345,
                series: Some(70),
                span: Some(("2021-01-04".to_owned(), "2024-04-29".to_owned())),
            },
            features: vec![CardFeature {
                name: "unit_price".to_owned(),
                tags: vec!["price".to_owned()],
                importance: Some(0.25),
            }],
            candidates: vec![
                ("theta".to_owned(), metrics.clone()),
                ("naive".to_owned(), [("mase".to_owned(), 1.0)].into()),
            ],
            metrics,
            acceptance: vec![("beats_baseline = 0.05".to_owned(), "The error is 8 % less.".to_owned())],
            fairness: vec![CardSeen {
                about: "site=b".to_owned(),
                measure: "selection_rate".to_owned(),
                value: Some(0.3),
                bounds: Some((0.2, 0.4)),
                rows: 40,
                remark: "compared with site=a".to_owned(),
                ..CardSeen::default()
            }],
            drift: vec![CardSeen {
                about: "unit_price".to_owned(),
                measure: "psi".to_owned(),
                value: Some(0.31),
                rows: 90,
                ..CardSeen::default()
            }],
            history: vec![CardEvent {
                at: "2024-05-02".to_owned(),
                status: "champion".to_owned(),
                who: "rule".to_owned(),
                why: "accepted".to_owned(),
            }],
            limits: vec!["Not for new items.".to_owned()],
            seed: 7,
            fingerprint: "abc123".to_owned(),
            data_hash: "def456".to_owned(),
        }
    }

    #[test]
    fn markdown_says_it_all() {
        let expected = "\
# Model card: demand v3

## Model details

| Fact | Value |
| --- | --- |
| Name | demand |
| Version | v3 |
| Status | champion |
| Kind | forecast |
| Owner | planning |
| Trained at | 2024-05-01T06:00:00Z |
| Seed | 7 |
| Code fingerprint | abc123 |

## Intended use

Weekly demand by \\<item\\> \\| site.

## Training data

| Fact | Value |
| --- | --- |
| Manifest | m-17 |
| Rows | 12345 |
| Series | 70 |
| Span | 2021-01-04 to 2024-04-29 |
| Data hash | def456 |

## Features

| Feature | Tags | Importance |
| --- | --- | --- |
| unit_price | price | 0.25 |

## Metrics

| Metric | Value |
| --- | --- |
| mase | 0.912346 |
| smape | 12.5 |

## Candidates

| Candidate | mase | smape |
| --- | --- | --- |
| theta | 0.912346 | 12.5 |
| naive | 1 |  |

## Acceptance

| Rule | Verdict |
| --- | --- |
| beats_baseline = 0.05 | The error is 8 % less. |

## Fairness

| Group | Measure | Value | In training | Rows | Remark |
| --- | --- | --- | --- | --- | --- |
| site=b | selection_rate | 0.3 (0.2 to 0.4) |  | 40 | compared with site=a |

## Drift since training

| Feature | Measure | Value | In training | Rows | Remark |
| --- | --- | --- | --- | --- | --- |
| unit_price | psi | 0.31 |  | 90 |  |

## Limits and caveats

- Not for new items.

## History

| At | Status | Who | Why |
| --- | --- | --- | --- |
| 2024-05-02 | champion | rule | accepted |
";
        assert_eq!(card().markdown(), expected);
    }

    #[test]
    fn html_is_escaped_and_whole() {
        let page = card().html();
        assert!(
            page.starts_with("<!doctype html>\n<html lang=\"en\">") && page.ends_with("</body>\n</html>\n")
        );
        assert!(page.contains("<p>Weekly demand by &lt;item&gt; | site.</p>"));
        assert!(page.contains("<tr><td>site=b</td><td>selection_rate</td><td>0.3 (0.2 to 0.4)</td>"));
        assert!(!page.contains("http") && !page.contains("<script"));
    }

    #[test]
    fn an_empty_card_says_what_is_not_known() {
        let text = Card { metrics: [("mase".to_owned(), f64::NAN)].into(), ..Card::default() }.markdown();
        for words in [
            "Not stated.",
            "No rule was declared.",
            "No groups have been compared.",
            "None were stated.",
            "| mase |  |",
        ] {
            assert!(text.contains(words), "{words}");
        }
    }
}
