//! Whether a model treats declared groups alike.
//!
//! For each group and measure: its value, and its difference and ratio to the reference group (the largest, or the one
//! that is named), each with a percentile interval of the bootstrap: B. Efron and R. J. Tibshirani, "An Introduction to
//! the Bootstrap" (1993), chapter 13. Rows are drawn within their group, so that the sizes of groups stay. The measures
//! are those of M. Hardt, E. Price and N. Srebro, "Equality of Opportunity in Supervised Learning", NIPS 2016, and of J.
//! Kleinberg, S. Mullainathan and M. Raghavan, "Inherent Trade-Offs in the Fair Determination of Risk Scores", ITCS 2017,
//! who show that they cannot all be equal.
//!
//! Each resample of each group has a stream of random numbers of its own, so that the bits do not depend on threads.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// A decision about a member of a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Judged<'a> {
    /// The group, where it is stated.
    pub group: Option<&'a str>,
    /// Whether the model chose the row: its probability is not below the threshold.
    pub selected: bool,
    /// The predicted probability of the positive class, where there is one.
    pub probability: Option<f64>,
    /// Whether the row turned out positive, where that is known.
    pub actual: Option<bool>,
}

/// How to compare.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct FairnessOptions {
    /// Groups of fewer rows are not judged.
    pub least_rows: usize,
    /// Bootstrap resamples.
    pub resamples: u32,
    /// The level of the intervals, between 0 and 1.
    pub level: f64,
    /// Of the random numbers.
    pub seed: u64,
    /// The group that others are compared with; where absent or too small, the largest, of equal ones the first by name.
    pub reference: Option<String>,
}

impl Default for FairnessOptions {
    fn default() -> FairnessOptions {
        FairnessOptions { least_rows: 30, resamples: 1_000, level: 0.95, seed: 0, reference: None }
    }
}

/// What is measured of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::learn) enum Measure {
    /// Selected rows over all.
    SelectionRate,
    /// Selected positive rows over positive ones.
    TruePositiveRate,
    /// Selected negative rows over negative ones.
    FalsePositiveRate,
    /// Selected positive rows over selected ones whose outcome is known.
    Precision,
    /// The mean predicted probability of rows whose outcome is known.
    MeanPredicted,
    /// The share of positive rows among those with a probability.
    ObservedRate,
    /// The mean predicted probability less the observed rate; its ratio is that of the two within the group.
    CalibrationGap,
}

impl Measure {
    const ALL: [Measure; 7] = [
        Measure::SelectionRate,
        Measure::TruePositiveRate,
        Measure::FalsePositiveRate,
        Measure::Precision,
        Measure::MeanPredicted,
        Measure::ObservedRate,
        Measure::CalibrationGap,
    ];

    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::SelectionRate => "selection_rate",
            Measure::TruePositiveRate => "true_positive_rate",
            Measure::FalsePositiveRate => "false_positive_rate",
            Measure::Precision => "precision",
            Measure::MeanPredicted => "mean_predicted",
            Measure::ObservedRate => "observed_rate",
            Measure::CalibrationGap => "calibration_gap",
        }
    }
}

/// A value with its interval, which is absent where too few resamples have the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Interval {
    /// Of the rows as they are.
    pub value: f64,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// One measure of one group.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct GroupMeasure {
    /// The group; `None` for rows that state none.
    pub group: Option<String>,
    /// What is measured.
    pub measure: Measure,
    /// Rows of the group.
    pub rows: u64,
    /// Rows the measure is taken over: its denominator.
    pub count: u64,
    /// The group that this one is compared with.
    pub reference: Option<String>,
    /// The measure.
    pub value: Option<Interval>,
    /// Less that of the reference; absent for the reference itself.
    pub difference: Option<Interval>,
    /// Over that of the reference; absent for the reference itself and where its value is zero. The custom of the "four
    /// fifths" calls a selection rate below 0.8 of another adverse.
    pub ratio: Option<Interval>,
    /// Why something is absent.
    pub reason: Option<String>,
}

/// What the measures are made from.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    rows: f64,
    selected: f64,
    /// By outcome (negative, positive): rows, and selected rows.
    known: [f64; 2],
    chosen: [f64; 2],
    /// Rows with both a probability and an outcome: how many, the sum of probabilities, positive ones.
    scored: f64,
    predicted: f64,
    observed: f64,
}

impl Tally {
    fn add(&mut self, row: &Judged<'_>) {
        let selected = f64::from(u8::from(row.selected));
        self.rows += 1.0;
        self.selected += selected;
        if let Some(actual) = row.actual {
            self.known[usize::from(actual)] += 1.0;
            self.chosen[usize::from(actual)] += selected;
            if let Some(probability) = row.probability {
                self.scored += 1.0;
                self.predicted += probability;
                self.observed += f64::from(u8::from(actual));
            }
        }
    }

    fn count(&self, measure: Measure) -> f64 {
        match measure {
            Measure::SelectionRate => self.rows,
            Measure::TruePositiveRate => self.known[1],
            Measure::FalsePositiveRate => self.known[0],
            Measure::Precision => self.chosen[0] + self.chosen[1],
            Measure::MeanPredicted | Measure::ObservedRate | Measure::CalibrationGap => self.scored,
        }
    }

    fn value(&self, measure: Measure) -> Option<f64> {
        let over = match measure {
            Measure::SelectionRate => self.selected,
            Measure::TruePositiveRate | Measure::Precision => self.chosen[1],
            Measure::FalsePositiveRate => self.chosen[0],
            Measure::MeanPredicted => self.predicted,
            Measure::ObservedRate => self.observed,
            Measure::CalibrationGap => self.predicted - self.observed,
        };
        let under = self.count(measure);
        (under > 0.0).then(|| over / under)
    }
}

/// Measures of every group, by group and measure. The order of the rows makes no difference.
pub(in crate::learn) fn fairness(rows: &[Judged<'_>], options: &FairnessOptions) -> Vec<GroupMeasure> {
    let groups: Vec<(Option<&str>, Vec<Judged<'_>>)> = grouped(rows).into_iter().collect();
    let large = |rows: &[Judged<'_>]| !rows.is_empty() && rows.len() >= options.least_rows;
    let stated = |name: &Option<&str>| name.is_some();
    let eligible = || groups.iter().enumerate().filter(|(_, (name, rows))| stated(name) && large(rows));
    let named = eligible().find(|(_, (name, _))| *name == options.reference.as_deref());
    let reference = named
        // The first of the largest, and not the last as `max_by_key` has it.
        .or_else(|| eligible().min_by_key(|(_, (_, rows))| std::cmp::Reverse(rows.len())))
        .map(|(place, _)| place);
    let drawn: Vec<Vec<Tally>> = groups
        .iter()
        .enumerate()
        .map(|(place, (_, rows))| if large(rows) { resamples(rows, place, options) } else { Vec::new() })
        .collect();
    let tallies: Vec<Tally> = groups.iter().map(|(_, rows)| tally(rows.iter())).collect();
    let mut found = Vec::with_capacity(groups.len() * Measure::ALL.len());
    for (place, (name, rows)) in groups.iter().enumerate() {
        for measure in Measure::ALL {
            let own = Sampled { whole: &tallies[place], drawn: &drawn[place] };
            let other = reference.map(|place| Sampled { whole: &tallies[place], drawn: &drawn[place] });
            let other = other.filter(|_| reference != Some(place));
            let mut row = GroupMeasure {
                group: name.map(str::to_owned),
                measure,
                rows: rows.len() as u64,
                count: tallies[place].count(measure) as u64,
                reference: reference.and_then(|place| groups[place].0).map(str::to_owned),
                value: None,
                difference: None,
                ratio: None,
                reason: None,
            };
            if large(rows) {
                compare(&mut row, own, other, options.level);
            } else {
                row.reason = Some(format!("the group has fewer than {} rows", options.least_rows));
            }
            found.push(row);
        }
    }
    found
}

/// By group, in a fixed order within; a probability that is none counts as missing.
fn grouped<'a>(rows: &[Judged<'a>]) -> BTreeMap<Option<&'a str>, Vec<Judged<'a>>> {
    let mut groups: BTreeMap<Option<&str>, Vec<Judged<'_>>> = BTreeMap::new();
    for row in rows {
        let probability = row.probability.filter(|p| (0.0..=1.0).contains(p));
        groups.entry(row.group).or_default().push(Judged { probability, ..*row });
    }
    let order = |a: &Judged<'_>, b: &Judged<'_>| -> Ordering {
        let number = |row: &Judged<'_>| row.probability.unwrap_or(f64::NAN);
        (a.selected, a.actual).cmp(&(b.selected, b.actual)).then(number(a).total_cmp(&number(b)))
    };
    groups.values_mut().for_each(|rows| rows.sort_unstable_by(order));
    groups
}

fn tally<'a>(rows: impl Iterator<Item = &'a Judged<'a>>) -> Tally {
    let mut tally = Tally::default();
    rows.for_each(|row| tally.add(row));
    tally
}

fn resamples(rows: &[Judged<'_>], group: usize, options: &FairnessOptions) -> Vec<Tally> {
    let resample = |number: u32| {
        let mut random = ChaCha8Rng::seed_from_u64(options.seed);
        random.set_stream(((group as u64) << 32) | u64::from(number));
        tally((0..rows.len()).map(|_| &rows[random.gen_range(0..rows.len())]))
    };
    (0..options.resamples).into_par_iter().map(resample).collect()
}

#[derive(Clone, Copy)]
struct Sampled<'a> {
    whole: &'a Tally,
    drawn: &'a [Tally],
}

fn compare(row: &mut GroupMeasure, own: Sampled<'_>, other: Option<Sampled<'_>>, level: f64) {
    let measure = row.measure;
    let value = |tally: &Tally| tally.value(measure);
    let difference = |ours: &Tally, theirs: &Tally| Some(value(ours)? - value(theirs)?);
    let ratio = |ours: &Tally, theirs: &Tally| {
        let theirs = value(theirs).filter(|theirs| *theirs > 0.0)?;
        Some(value(ours)? / theirs)
    };
    row.value = interval(value(own.whole), own.drawn.iter().map(value), level);
    if measure == Measure::CalibrationGap {
        let within = |tally: &Tally| (tally.observed > 0.0).then(|| tally.predicted / tally.observed);
        row.ratio = interval(within(own.whole), own.drawn.iter().map(within), level);
    }
    if let Some(other) = other {
        let pairs = || own.drawn.iter().zip(other.drawn);
        let of = |by: &dyn Fn(&Tally, &Tally) -> Option<f64>| {
            interval(by(own.whole, other.whole), pairs().map(|(a, b)| by(a, b)), level)
        };
        row.difference = of(&difference);
        if measure != Measure::CalibrationGap {
            row.ratio = of(&ratio);
        }
        if row.value.is_some() && row.difference.is_none() {
            row.reason = Some("the reference group has no row to take the measure over".to_owned());
        }
    }
    if row.value.is_none() {
        row.reason = Some(format!(
            "no row {}",
            match measure {
                Measure::SelectionRate => "in the group",
                Measure::TruePositiveRate => "is known to be positive",
                Measure::FalsePositiveRate => "is known to be negative",
                Measure::Precision => "was selected and has a known outcome",
                Measure::MeanPredicted | Measure::ObservedRate | Measure::CalibrationGap => {
                    "has both a probability and a known outcome"
                }
            }
        ));
    }
}

/// The percentile interval. It is absent where more than a tenth of the resamples lack the value.
fn interval(value: Option<f64>, drawn: impl Iterator<Item = Option<f64>>, level: f64) -> Option<Interval> {
    let value = value?;
    let all: Vec<Option<f64>> = drawn.collect();
    let mut drawn: Vec<f64> = all.iter().copied().flatten().collect();
    drawn.sort_unstable_by(f64::total_cmp);
    if drawn.len() * 10 < all.len() * 9 || drawn.is_empty() {
        return Some(Interval { value, low: None, high: None });
    }
    let at = |p: f64| {
        let place = p.clamp(0.0, 1.0) * (drawn.len() - 1) as f64;
        let (below, above) = (drawn[place.floor() as usize], drawn[place.ceil() as usize]);
        below + (above - below) * place.fract()
    };
    Some(Interval { value, low: Some(at((1.0 - level) / 2.0)), high: Some(at((1.0 + level) / 2.0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Judged<'static>> {
        let row = |i: u32| {
            let group = if i % 5 < 3 { "a" } else { "b" };
            let probability = (f64::from(i) * 0.618_033_988_749_894_9).fract();
            let bar = if group == "a" { 0.5 } else { 0.7 };
            let actual = (f64::from(i) * 0.754_877_666_246_692_8).fract() < probability;
            Judged {
                group: Some(group),
                selected: probability >= bar,
                probability: Some(probability),
                actual: Some(actual),
            }
        };
        (0..1_000).map(row).collect()
    }

    fn find<'a>(found: &'a [GroupMeasure], group: &str, measure: Measure) -> &'a GroupMeasure {
        found.iter().find(|row| row.group.as_deref() == Some(group) && row.measure == measure).unwrap()
    }

    #[test]
    fn a_stricter_bar_shows() {
        let found = fairness(&rows(), &FairnessOptions::default());
        let row = find(&found, "b", Measure::SelectionRate);
        assert_eq!((row.rows, row.reference.as_deref()), (400, Some("a")));
        let ratio = row.ratio.unwrap();
        assert!((ratio.value - 0.6).abs() < 0.03 && ratio.high.unwrap() < 0.8, "{ratio:?}");
        // Of two shares: 1.96 standard errors on either side.
        let difference = row.difference.unwrap();
        let width = difference.high.unwrap() - difference.low.unwrap();
        let expected = 2.0 * 1.96 * (0.3_f64 * 0.7 / 400.0 + 0.5 * 0.5 / 600.0).sqrt();
        assert!((width / expected - 1.0).abs() < 0.1, "{width} {expected}");
        let gap = find(&found, "b", Measure::CalibrationGap).value.unwrap();
        assert!(gap.low.unwrap() < 0.0 && gap.high.unwrap() > 0.0);
        assert!(find(&found, "a", Measure::Precision).difference.is_none());
    }

    /// By hand.
    #[test]
    fn the_measures_agree_with_a_hand_computation() {
        let row = |selected, probability, actual| Judged {
            group: Some("g"),
            selected,
            probability: Some(probability),
            actual,
        };
        let rows = [
            row(true, 0.9, Some(true)),
            row(true, 0.8, Some(false)),
            row(true, 0.7, None),
            row(false, 0.2, Some(true)),
            row(false, 0.1, Some(false)),
            row(true, 0.6, Some(true)),
        ];
        let options = FairnessOptions { least_rows: 1, resamples: 10, ..FairnessOptions::default() };
        let found = fairness(&rows, &options);
        let value = |measure| find(&found, "g", measure).value.unwrap().value;
        assert_eq!(value(Measure::SelectionRate), 4.0 / 6.0);
        assert_eq!(value(Measure::TruePositiveRate), 2.0 / 3.0);
        assert_eq!(value(Measure::FalsePositiveRate), 0.5);
        assert_eq!(value(Measure::Precision), 2.0 / 3.0);
        assert!((value(Measure::MeanPredicted) - 2.6 / 5.0).abs() < 1e-15);
        assert_eq!(value(Measure::ObservedRate), 0.6);
        assert!((value(Measure::CalibrationGap) + 0.08).abs() < 1e-15);
    }

    #[test]
    fn threads_and_order_make_no_difference() {
        let at = |threads, rows: &[Judged<'_>]| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fairness(rows, &FairnessOptions { resamples: 200, ..FairnessOptions::default() }))
        };
        let mut rows = rows();
        let found = at(1, &rows);
        rows.reverse();
        assert_eq!(at(4, &rows), found);
        assert_eq!(at(8, &rows), found);
    }

    #[test]
    fn small_groups_and_missing_outcomes_have_reasons() {
        let mut rows = rows();
        rows.push(Judged { group: Some("tiny"), ..rows[0] });
        rows.iter_mut().for_each(|row| row.actual = None);
        rows[0].probability = Some(f64::NAN);
        let options = FairnessOptions {
            resamples: 20,
            reference: Some("tiny".to_owned()),
            ..FairnessOptions::default()
        };
        let found = fairness(&rows, &options);
        let row = find(&found, "tiny", Measure::SelectionRate);
        assert_eq!(row.reason.as_deref(), Some("the group has fewer than 30 rows"));
        assert_eq!((row.value, row.reference.as_deref()), (None, Some("a")));
        let row = find(&found, "b", Measure::TruePositiveRate);
        assert_eq!((row.value, row.reason.as_deref()), (None, Some("no row is known to be positive")));
        assert!(fairness(&[], &options).is_empty());
    }
}
