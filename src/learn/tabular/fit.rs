//! Choosing, fitting and calibrating.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::calibrate::Calibration;
use super::choose::{self, Held};
use super::encode::{Dropped, Encoder};
use super::explain;
use super::leak;
use super::metrics::{self, Confusion, Costs};
use super::model::{Candidate, Model, Purpose, Task};
use super::predict::{Fitted, HalfWidths};
use super::report::{Report, Scores};
use super::split::{self, Scheme};
use super::svm;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::frame::Frame;

/// A class, or a target of numbers, needs at least so many rows.
const LEAST_OF_CLASS: usize = 5;
const LEAST_ROWS: usize = 10;

/// What to do with a feature that knows the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Leaks {
    /// Report it and do not learn from it.
    Drop,
    /// Report it and learn from it: it is known in time.
    Keep,
    /// Give up.
    Refuse,
}

/// How to fit.
#[derive(Clone, Debug)]
pub(in crate::learn) struct Options<'a> {
    /// What is predicted.
    pub task: Task,
    /// The name of the target, for messages.
    pub target: &'a str,
    /// What to try; the baseline always is.
    pub candidates: Vec<Candidate>,
    /// What wrong decisions cost; both the same where not declared.
    pub costs: Option<Costs>,
    /// How many parts are held out in turn.
    pub folds: usize,
    /// Of everything random.
    pub seed: u64,
    /// What to do with features that know the answer.
    pub leaks: Leaks,
    /// When each row was decided upon: later rows are then predicted from earlier ones. NaN where not known.
    pub time: Option<&'a [f64]>,
    /// Rows that belong together (of one customer) and never stand on both sides; not with `time`.
    pub groups: Option<&'a [u64]>,
}

impl<'a> Options<'a> {
    /// All candidates, five folds.
    pub fn new(task: Task, target: &'a str, seed: u64) -> Options<'a> {
        Options {
            task,
            target,
            candidates: match task {
                Task::Classify => {
                    vec![
                        Candidate::Linear,
                        Candidate::Boosting,
                        Candidate::Bayes,
                        Candidate::Svm,
                        Candidate::Blend,
                    ]
                }
                Task::Regress => vec![Candidate::Linear, Candidate::Boosting, Candidate::Blend],
            },
            costs: None,
            folds: 5,
            seed,
            leaks: Leaks::Drop,
            time: None,
            groups: None,
        }
    }
}

/// Rows with a target, in the order they are learnt from.
struct Rows {
    frame: Frame,
    target: Vec<f64>,
    time: Option<Vec<f64>>,
    groups: Option<Vec<u64>>,
    without_target: usize,
}

/// Fits all candidates to the rows that have a target, chooses by the loss on held-out rows (log loss, or root mean
/// squared error), calibrates, and fits the chosen one again to all rows.
///
/// # Errors
/// [`ErrorKind::Model`] where the target is constant, is not 0 or 1 to classify, has too few rows (of a class), or where
/// no feature is left; [`ErrorKind::Bug`] where lengths differ.
pub(in crate::learn) fn fit(features: &Frame, target: &[f64], options: &Options<'_>) -> Result<Fitted> {
    let rows = prepare(features, target, options)?;
    let suspects = leak::suspects(&rows.frame, &rows.target, options.seed);
    if let (Leaks::Refuse, false) = (options.leaks, suspects.is_empty()) {
        let detail: Vec<String> = suspects.iter().map(ToString::to_string).collect();
        let hint = "Leave it out of the query, or say that it is known in time.";
        return Err(Error::new(ErrorKind::Model, detail.join("; ")).with_hint(hint));
    }
    let skip = if options.leaks == Leaks::Keep { Vec::new() } else { suspects.clone() };
    let mut candidates = vec![Candidate::Baseline];
    for candidate in &options.candidates {
        if !candidates.contains(candidate) {
            candidates.push(*candidate);
        }
    }
    let purpose = Purpose { task: options.task, in_time: rows.time.is_some(), seed: options.seed };
    let costs = options.costs.unwrap_or(Costs { false_positive: 1.0, false_negative: 1.0 });
    let threshold = costs.threshold();

    let mut held = hold_out(&rows, &candidates, &skip, purpose, options)?;
    let choice = choose::choose(&candidates, &mut held, purpose, threshold);
    let (encoder, design) = Encoder::fit(&rows.frame, &rows.target, &skip, options.seed)?;
    let again = |candidate: &Candidate| Model::fit(*candidate, &design, &rows.target, purpose);
    let mut fitted = choice.members.par_iter().map(again).collect::<Result<Vec<Model>>>()?;
    let model = if fitted.len() == 1 { fitted.remove(0) } else { Model::Blend(fitted) };

    let actual: Vec<f64> = held.iter().flat_map(|held| held.actual.iter().copied()).collect();
    let numbered = held.iter().enumerate();
    let parts = choose::parts(&held);
    let classify = options.task == Task::Classify;
    let (calibration, predicted) = if classify {
        Calibration::choose(&actual, &choice.predicted, &parts)
    } else {
        (Calibration::Identity, choice.predicted)
    };
    let increases = numbered.zip(&choice.models).map(|((part, held), model)| {
        let seed = options.seed.wrapping_add(part as u64);
        explain::increases(&held.encoder, model, &held.design, &held.actual, options.task, seed)
    });
    let mut scores = Scores::of(options.task, &actual, &predicted, threshold);
    if classify && purpose.in_time {
        scores = scores.within(&actual, &predicted, &parts);
    }
    let report = Report {
        chosen: choice.candidate,
        tried: choice.tried,
        scores,
        reliability: if classify { metrics::reliability(&actual, &predicted, 10) } else { Vec::new() },
        confusion: classify.then(|| Confusion::at(&actual, &predicted, threshold)),
        cheapest_threshold: classify.then(|| metrics::cheapest_threshold(&actual, &predicted, costs)),
        importances: explain::summarise(increases.collect()),
        dropped: encoder.dropped().to_vec(),
        suspects,
        rows: rows.target.len(),
        without_target: rows.without_target,
        positives: classify.then(|| rows.target.iter().filter(|target| **target == 1.0).count()),
    };
    let half_widths = (!classify).then(|| HalfWidths::conformal(&actual, &predicted));
    Ok(Fitted { task: options.task, encoder, model, calibration, threshold, half_widths, report })
}

/// Leaves out rows without a target and puts the others in the order of time, those without a time first.
fn prepare(features: &Frame, target: &[f64], options: &Options<'_>) -> Result<Rows> {
    let lengths = [Some(target.len()), options.time.map(<[f64]>::len), options.groups.map(<[u64]>::len)];
    if lengths.into_iter().flatten().any(|length| length != features.rows()) {
        return Err(Error::new(ErrorKind::Bug, "target, times or groups are not as long as the features"));
    }
    let mut rows: Vec<usize> = (0..target.len()).filter(|row| target[*row].is_finite()).collect();
    let without_target = target.len() - rows.len();
    if let Some(time) = options.time {
        rows.sort_by(|a, b| time[*b].is_nan().cmp(&time[*a].is_nan()).then(time[*a].total_cmp(&time[*b])));
    }
    let target: Vec<f64> = rows.iter().map(|row| target[*row]).collect();
    check(&target, options)?;
    Ok(Rows {
        frame: features.take(&rows),
        target,
        time: options.time.map(|time| rows.iter().map(|row| time[*row]).collect()),
        groups: options.groups.map(|groups| rows.iter().map(|row| groups[*row]).collect()),
        without_target,
    })
}

/// Fits every candidate in every fold and predicts the rows held out. One fold at a time, so that only one design is in
/// memory.
fn hold_out(
    rows: &Rows,
    candidates: &[Candidate],
    skip: &[Dropped],
    purpose: Purpose,
    options: &Options<'_>,
) -> Result<Vec<Held>> {
    let scheme = match (&rows.time, &rows.groups) {
        (Some(time), _) => Scheme::Time(time),
        (None, Some(groups)) => Scheme::Groups(groups),
        (None, None) => Scheme::Random,
    };
    let mut held = Vec::new();
    for fold in split::folds(scheme, &rows.target, options.folds.max(2), options.seed) {
        let part = |part: &[usize]| part.iter().map(|row| rows.target[*row]).collect::<Vec<f64>>();
        let train = part(&fold.train);
        if options.task == Task::Classify && rarer(&train) < LEAST_OF_CLASS {
            continue;
        }
        // The earliest rows may have no feature yet that varies.
        let Ok((encoder, design)) = Encoder::fit(&rows.frame.take(&fold.train), &train, skip, options.seed)
        else {
            continue;
        };
        let models: Vec<Result<Model>> = candidates
            .par_iter()
            .map(|candidate| match unfit(*candidate, options.task, rows.target.len()) {
                Some(reason) => Err(Error::new(ErrorKind::Model, reason)),
                None => Model::fit(*candidate, &design, &train, purpose),
            })
            .collect();
        let design = encoder.encode(&rows.frame.take(&fold.test))?;
        let predict = |model: &Result<Model>| {
            model.as_ref().map_or_else(|_| Vec::new(), |model| model.predict(&design))
        };
        let predicted = models.par_iter().map(predict).collect();
        held.push(Held { encoder, design, actual: part(&fold.test), models, predicted });
    }
    if held.is_empty() {
        // Where no feature is left at all, that is the better message.
        Encoder::fit(&rows.frame, &rows.target, skip, options.seed)?;
        let name = options.target;
        let message =
            format!("target {name:?} cannot be split into a part to learn from and a part to judge by");
        return Err(Error::new(ErrorKind::Model, message)
            .with_hint("It needs rows of both classes, of several groups, or at several times."));
    }
    Ok(held)
}

/// Why a candidate is not even tried.
fn unfit(candidate: Candidate, task: Task, rows: usize) -> Option<String> {
    match (candidate, task) {
        (Candidate::Bayes | Candidate::Svm, Task::Regress) => Some("it only classifies".to_owned()),
        (Candidate::Svm, Task::Classify) if rows > svm::MOST_ROWS => {
            Some(format!("there are {rows} rows, and it takes at most {}", svm::MOST_ROWS))
        }
        (Candidate::Blend, _) => Some("it is made of others".to_owned()),
        _ => None,
    }
}

fn rarer(target: &[f64]) -> usize {
    let positives = target.iter().filter(|target| **target == 1.0).count();
    positives.min(target.len() - positives)
}

fn check(target: &[f64], options: &Options<'_>) -> Result<()> {
    let name = options.target;
    let refuse = |message: String, hint: &str| Err(Error::new(ErrorKind::Model, message).with_hint(hint));
    if let Some(costs) = options.costs {
        let sound = |cost: f64| cost.is_finite() && cost > 0.0;
        if !sound(costs.false_positive) || !sound(costs.false_negative) {
            return refuse(
                format!("the costs of wrong decisions about target {name:?} must be numbers above zero"),
                "Declare what a false alarm and a miss cost, in any one unit.",
            );
        }
    }
    if target.len() < LEAST_ROWS {
        return refuse(
            format!(
                "target {name:?} is known in {} rows, and at least {LEAST_ROWS} are needed",
                target.len()
            ),
            "Widen the query, or wait for more history.",
        );
    }
    if target.iter().all(|value| *value == target[0]) {
        return refuse(
            format!("target {name:?} is the same in all {} rows", target.len()),
            "There is nothing to learn: look at the expression that makes the target.",
        );
    }
    if options.task == Task::Regress {
        return Ok(());
    }
    let others = target.iter().filter(|value| **value != 0.0 && **value != 1.0).count();
    if others > 0 {
        return refuse(
            format!("target {name:?} is neither 0 nor 1 in {others} rows"),
            "A model that classifies needs a boolean; one of kind \"regress\" takes any number.",
        );
    }
    let rarer = rarer(target);
    if rarer < LEAST_OF_CLASS {
        return refuse(
            format!(
                "the rarer class of target {name:?} has {rarer} rows, and at least {LEAST_OF_CLASS} are needed"
            ),
            "Widen the query, or wait for more history.",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::frame::{Column, Values};

    fn frame(columns: Vec<(&str, Values)>) -> Frame {
        let column = |(name, values): (&str, Values)| Column { name: name.to_owned(), values };
        Frame::new(columns.into_iter().map(column).collect()).unwrap()
    }

    /// Late where a bad vendor meets a short lead time; with noise.
    fn shipments(rows: usize) -> (Frame, Vec<f64>) {
        let lead = |i: usize| (i * 37 % 53) as f64;
        let vendor = |i: usize| i * 29 % 23;
        let late = |i: usize| {
            let z = if vendor(i) < 6 { 1.5 } else { -1.0 } - (lead(i) - 26.0) / 10.0
                + ((i * 7919 % 101) as f64 - 50.0) / 25.0;
            f64::from(u8::from(z > 0.0))
        };
        let numbers = |f: &dyn Fn(usize) -> f64| Values::Number((0..rows).map(f).collect());
        let features = frame(vec![
            ("lead_time", numbers(&|i| if i % 19 == 0 { f64::NAN } else { lead(i) })),
            ("vendor", Values::Text((0..rows).map(|i| Some(format!("v{}", vendor(i)))).collect())),
            (
                "mode",
                Values::Text(
                    (0..rows).map(|i| (i % 11 != 0).then(|| ["air", "sea"][i % 2].to_owned())).collect(),
                ),
            ),
            ("noise", numbers(&|i| (i * 6151 % 997) as f64)),
            ("empty", Values::Number(vec![f64::NAN; rows])),
        ]);
        (features, (0..rows).map(late).collect())
    }

    fn fitted(rows: usize, change: impl FnOnce(&mut Options<'_>)) -> Result<Fitted> {
        let (features, target) = shipments(rows);
        let mut options = Options::new(Task::Classify, "late", 7);
        change(&mut options);
        fit(&features, &target, &options)
    }

    #[test]
    fn it_learns_calibrates_and_explains() {
        let costs = Costs { false_positive: 1.0, false_negative: 4.0 };
        let model = fitted(600, |options| options.costs = Some(costs)).unwrap();
        let report = &model.report;
        assert!(report.scores.roc_auc.unwrap() > 0.9, "{:?}", report.scores);
        assert!(report.scores.calibration_error.unwrap() < 0.06, "{:?}", report.scores);
        assert_eq!(report.importances[0].feature, "lead_time");
        assert_eq!(report.dropped.len(), 1);
        assert_eq!(report.tried.len(), 6);
        assert!((model.threshold() - 0.2).abs() < 1e-12);
        let predictions = model.predict(&shipments(40).0, 2).unwrap();
        for prediction in &predictions {
            assert!(prediction.value.is_some_and(|p| p > 0.0 && p < 1.0));
            assert_eq!(prediction.decision, prediction.value.map(|p| p >= 0.2));
            assert!(!prediction.reasons.is_empty() && prediction.reasons.len() <= 2);
        }
    }

    #[test]
    fn threads_and_round_trips_change_no_bit() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fitted(400, |options| options.folds = 3)).unwrap()
        };
        let one = with(1);
        let text = serde_json::to_string(&one).unwrap();
        assert_eq!(text, serde_json::to_string(&with(2)).unwrap());
        assert_eq!(text, serde_json::to_string(&with(8)).unwrap());
        let back: Fitted = serde_json::from_str(&text).unwrap();
        let fresh = shipments(50).0;
        assert_eq!(back.predict(&fresh, 3).unwrap(), one.predict(&fresh, 3).unwrap());
    }

    #[test]
    fn time_is_respected() {
        let time: Vec<f64> = (0..300).map(|i| f64::from(i / 3)).collect();
        let (features, target) = shipments(300);
        let mut options = Options::new(Task::Classify, "late", 7);
        options.time = Some(&time);
        let model = fit(&features, &target, &options).unwrap();
        // The first half is only learnt from, and equal times stay together.
        assert_eq!(model.report.scores.rows, 150);
    }

    #[test]
    fn numbers_get_intervals_that_cover() {
        let (features, late) = shipments(500);
        let target: Vec<f64> =
            late.iter().enumerate().map(|(i, l)| 20.0 * l + (i * 37 % 53) as f64).collect();
        let rows: Vec<usize> = (0..400).collect();
        let options = Options::new(Task::Regress, "days", 7);
        let model = fit(&features.take(&rows), &target[..400], &options).unwrap();
        assert!(model.report.scores.r_squared.unwrap() > 0.6, "{:?}", model.report.scores);
        let rows: Vec<usize> = (400..500).collect();
        let predictions = model.predict(&features.take(&rows), 0).unwrap();
        let inside = |p: &&super::super::predict::Prediction, i: usize| {
            p.at80.is_some_and(|(low, high)| low <= target[i] && target[i] <= high)
        };
        let covered = predictions.iter().zip(400..).filter(|(p, i)| inside(p, *i)).count();
        assert!((70..=90).contains(&covered), "{covered}");
    }

    #[test]
    fn a_planted_leak_is_reported_and_not_used() {
        let (features, target) = shipments(200);
        let mut columns = features.columns().to_vec();
        columns.push(Column { name: "delivered".to_owned(), values: Values::Number(target.clone()) });
        let features = Frame::new(columns).unwrap();
        let mut options = Options::new(Task::Classify, "late", 7);
        options.candidates = vec![Candidate::Linear];
        let model = fit(&features, &target, &options).unwrap();
        assert_eq!(model.report.suspects[0].feature, "delivered");
        assert!(model.report.scores.roc_auc.unwrap() < 0.99);
        options.leaks = Leaks::Refuse;
        let error = fit(&features, &target, &options).unwrap_err();
        assert!(error.message().starts_with("feature \"delivered\" is a suspected leak"));
        options.leaks = Leaks::Keep;
        assert!(fit(&features, &target, &options).unwrap().report.scores.roc_auc.unwrap() > 0.99);
    }

    #[test]
    fn what_cannot_be_learnt_is_refused_by_name() {
        let (features, target) = shipments(60);
        let options = Options::new(Task::Classify, "late", 7);
        let message = |target: &[f64]| fit(&features, target, &options).unwrap_err().message().to_owned();
        assert_eq!(message(&[1.0; 60]), "target \"late\" is the same in all 60 rows");
        assert_eq!(
            message(&[f64::NAN; 60]),
            "target \"late\" is known in 0 rows, and at least 10 are needed"
        );
        let mut rare = [0.0; 60];
        rare[..3].fill(1.0);
        assert_eq!(
            message(&rare),
            "the rarer class of target \"late\" has 3 rows, and at least 5 are needed"
        );
        let mut odd = target.clone();
        odd[5] = 2.0;
        assert_eq!(message(&odd), "target \"late\" is neither 0 nor 1 in 1 rows");
        let one = fit(&features.take(&[0]), &[1.0], &options).unwrap_err();
        assert_eq!(one.message(), "target \"late\" is known in 1 rows, and at least 10 are needed");
        assert_eq!(fit(&features, &[1.0], &options).unwrap_err().kind(), ErrorKind::Bug);
    }

    #[test]
    fn blank_rows_and_unknown_levels() {
        let model =
            fitted(300, |options| options.candidates = vec![Candidate::Boosting, Candidate::Linear]).unwrap();
        let fresh = frame(vec![
            ("lead_time", Values::Number(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308])),
            ("vendor", Values::Text(vec![None, Some("new".to_owned()), None, None])),
            ("mode", Values::Text(vec![None, Some("rail".to_owned()), None, None])),
            ("noise", Values::Number(vec![f64::NAN, f64::NAN, f64::NAN, -1e308])),
        ]);
        let predictions = model.predict(&fresh, 3).unwrap();
        assert_eq!(predictions[0].why_absent.as_deref(), Some("every feature is missing"));
        assert!(predictions[1].value.is_some_and(f64::is_finite));
        assert_eq!(predictions[2].value, None);
        assert!(predictions[3].value.is_some_and(f64::is_finite));
    }
}
