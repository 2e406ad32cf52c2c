//! Features that know the answer.
//!
//! A column that alone separates the classes, or ranks the rows as the target does, was most likely written after the
//! fact: a delivery date among the features of late delivery. It is reported, and not learnt from unless asked for.

use std::collections::BTreeMap;

use super::encode::Dropped;
use super::metrics::roc_auc;
use super::split;
use crate::learn::frame::{Column, Frame, Values};

/// Above this area under the curve, or rank correlation, a single feature is too good to be true.
const TOO_GOOD: f64 = 0.999;
/// With fewer rows a separation may be chance.
const LEAST_ROWS: usize = 50;
/// With fewer rows of a class likewise.
const LEAST_OF_CLASS: f64 = 5.0;

/// The columns under suspicion, in their order, each with the reason.
pub(in crate::learn) fn suspects(frame: &Frame, target: &[f64], seed: u64) -> Vec<Dropped> {
    if target.len() < LEAST_ROWS {
        return Vec::new();
    }
    let classes = target.iter().all(|target| *target == 0.0 || *target == 1.0);
    let fold = split::assign(target, 5, seed);
    let suspect = |column: &Column| {
        let reason = match &column.values {
            Values::Number(values) => number(values, target, classes),
            Values::Text(values) => text(values, target, &fold, classes),
        };
        reason.map(|reason| Dropped { feature: column.name.clone(), reason: reason.to_owned() })
    };
    frame.columns().iter().filter_map(suspect).collect()
}

fn number(values: &[f64], target: &[f64], classes: bool) -> Option<&'static str> {
    let missing: Vec<f64> = values.iter().map(|value| f64::from(u8::from(!value.is_finite()))).collect();
    if classes && separates(target, &missing) {
        return Some("is a suspected leak: whether it is missing tells the target");
    }
    let known = (0..values.len()).filter(|row| values[*row].is_finite());
    let (known_target, known_values): (Vec<f64>, Vec<f64>) =
        known.map(|row| (target[row], values[row])).unzip();
    // What is known of few rows cannot decide the rest.
    if known_values.len() < LEAST_ROWS || known_values.len() * 2 < values.len() {
        return None;
    }
    if classes {
        separates(&known_target, &known_values)
            .then_some("is a suspected leak: it alone separates the target (AUC above 0.999)")
    } else {
        (rank_correlation(&known_target, &known_values).abs() > TOO_GOOD).then_some(
            "is a suspected leak: it ranks the rows as the target does (rank correlation above 0.999)",
        )
    }
}

/// By the mean target of each level among rows of other folds.
fn text(values: &[Option<String>], target: &[f64], fold: &[usize], classes: bool) -> Option<&'static str> {
    let overall = target.iter().sum::<f64>() / target.len() as f64;
    let mut sums: BTreeMap<&Option<String>, BTreeMap<usize, (f64, f64)>> = BTreeMap::new();
    for ((value, target), fold) in values.iter().zip(target).zip(fold) {
        let of_fold = sums.entry(value).or_default().entry(*fold).or_default();
        of_fold.0 += target;
        of_fold.1 += 1.0;
    }
    let mean = |(value, own): (&Option<String>, &usize)| {
        let others = sums[value].iter().filter(|(fold, _)| *fold != own);
        let (sum, rows) = others.fold((0.0, 0.0), |sum, (_, of_fold)| (sum.0 + of_fold.0, sum.1 + of_fold.1));
        if rows > 0.0 { sum / rows } else { overall }
    };
    let means: Vec<f64> = values.iter().zip(fold).map(mean).collect();
    if classes {
        separates(target, &means)
            .then_some("is a suspected leak: its levels tell the target (AUC above 0.999)")
    } else {
        (rank_correlation(target, &means) > TOO_GOOD)
            .then_some("is a suspected leak: its levels rank the rows as the target does")
    }
}

fn separates(target: &[f64], score: &[f64]) -> bool {
    let positives: f64 = target.iter().sum();
    let enough = positives >= LEAST_OF_CLASS && target.len() as f64 - positives >= LEAST_OF_CLASS;
    enough && roc_auc(target, score).is_some_and(|area| area.max(1.0 - area) > TOO_GOOD)
}

/// Spearman's, with mean ranks for ties; zero where one never varies.
fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let centre = (a.len() as f64 - 1.0) / 2.0;
    let product =
        |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| (x - centre) * (y - centre)).sum() };
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    if scale > 0.0 { product(&a, &b) / scale } else { 0.0 }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut next = 0.0;
    for tied in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = next + (tied.len() as f64 - 1.0) / 2.0;
        tied.iter().for_each(|row| ranks[*row] = rank);
        next += tied.len() as f64;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(target: &[f64]) -> Frame {
        let honest = |i: usize| (i * 37 % 11) as f64;
        let number = |values: Vec<f64>| Values::Number(values);
        let text =
            |f: &dyn Fn(usize) -> String| Values::Text((0..target.len()).map(|i| Some(f(i))).collect());
        let columns = [
            ("honest", number((0..target.len()).map(honest).collect())),
            ("delivered", number(target.iter().enumerate().map(|(i, t)| t * 50.0 + honest(i)).collect())),
            ("fine_paid", number(target.iter().map(|t| if *t > 0.5 { 3.0 } else { f64::NAN }).collect())),
            ("status", text(&|i| if target[i] > 0.5 { "closed late" } else { "closed" }.to_owned())),
            ("id", text(&|i| i.to_string())),
        ];
        let column = |(name, values): (&str, Values)| Column { name: name.to_owned(), values };
        Frame::new(columns.into_iter().map(column).collect()).unwrap()
    }

    #[test]
    fn planted_leaks_are_found_and_honest_columns_are_not() {
        let target: Vec<f64> = (0..200).map(|i| f64::from(u8::from(i * 13 % 7 < 2))).collect();
        let found = suspects(&frame(&target), &target, 1);
        let names: Vec<&str> = found.iter().map(|suspect| suspect.feature.as_str()).collect();
        assert_eq!(names, ["delivered", "fine_paid", "status"]);
        assert!(
            found[0].to_string().starts_with("feature \"delivered\" is a suspected leak: it alone separates")
        );
        assert!(suspects(&frame(&target[..40]), &target[..40], 1).is_empty());
    }

    #[test]
    fn for_numbers_the_ranks_decide() {
        let target: Vec<f64> = (0..200).map(|i| f64::from(i * 83 % 200) + 2.0).collect();
        let found = suspects(&frame(&target), &target, 1);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].feature, "delivered");
    }
}
