//! Choosing among candidates by what they made of rows they had not seen.

use super::encode::{Design, Encoder};
use super::explain;
use super::model::{self, Candidate, Model, Purpose, Task};
use super::report::{Outcome, Scores, Tried};
use crate::error::{Error, ErrorKind, Result};

/// Two together are less often far off than one alone (J. M. Bates and C. W. J. Granger, "The Combination of Forecasts",
/// Operational Research Quarterly 20 (1969), 451-468): their blend is taken unless one is better by more than this.
const MARGIN: f64 = 1.01;

/// Rows held out in one fold, with what each candidate made of them.
pub(super) struct Held {
    pub encoder: Encoder,
    pub design: Design,
    pub actual: Vec<f64>,
    pub models: Vec<Result<Model>>,
    pub predicted: Vec<Vec<f64>>,
}

/// The number of the fold of each held-out row.
pub(super) fn parts(held: &[Held]) -> Vec<usize> {
    let numbered = held.iter().enumerate();
    numbered.flat_map(|(part, held)| std::iter::repeat_n(part, held.actual.len())).collect()
}

/// What was chosen.
pub(super) struct Choice {
    pub candidate: Candidate,
    /// What has to be fitted to all rows: one, or two for a blend.
    pub members: Vec<Candidate>,
    /// For each fold.
    pub models: Vec<Model>,
    /// Over all folds.
    pub predicted: Vec<f64>,
    pub tried: Vec<Tried>,
}

/// The candidate with the lowest loss over all folds (where these are in time, within them), of equal ones the first; or the blend
/// of the two best, where it is hardly worse.
pub(super) fn choose(
    candidates: &[Candidate],
    held: &mut [Held],
    Purpose { task, in_time, .. }: Purpose,
    threshold: f64,
) -> Choice {
    let parts = parts(held);
    let actual: Vec<f64> = held.iter().flat_map(|held| held.actual.iter().copied()).collect();
    let mut tried = Vec::new();
    // Loss and place of what could be fitted in every fold.
    let mut ranked: Vec<(f64, usize)> = Vec::new();
    let together = |place: usize, held: &[Held]| -> Vec<f64> {
        held.iter().flat_map(|held| held.predicted[place].iter().copied()).collect()
    };
    let mut judge = |place: usize, held: &[Held], ranked: &mut Vec<(f64, usize)>| {
        let candidate = candidates[place];
        let failure = held.iter().find_map(|held| held.models[place].as_ref().err());
        let predicted = together(place, held);
        let mut loss = explain::loss(task, &actual, &predicted).filter(|loss| loss.is_finite());
        let mut scores = Scores::of(task, &actual, &predicted, threshold);
        if in_time && task == Task::Classify && loss.is_some() && failure.is_none() {
            scores = scores.within(&actual, &predicted, &parts);
            loss = scores.log_loss;
        }
        let outcome = match (failure, loss) {
            (Some(error), _) => Outcome::LeftOut(error.message().to_owned()),
            (None, None) => Outcome::LeftOut("its predictions were not finite".to_owned()),
            (None, Some(loss)) => {
                ranked.push((loss, place));
                ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                Outcome::Scored(scores)
            }
        };
        tried.push(Tried { candidate, outcome });
    };
    for place in (0..candidates.len()).filter(|place| candidates[*place] != Candidate::Blend) {
        judge(place, held, &mut ranked);
    }
    let best: Vec<usize> = ranked
        .iter()
        .map(|(_, place)| *place)
        .filter(|place| candidates[*place] != Candidate::Baseline)
        .take(2)
        .collect();
    if let Some(blend) = candidates.iter().position(|candidate| *candidate == Candidate::Blend) {
        for held in held.iter_mut() {
            let models: Option<Vec<Model>> =
                best.iter().map(|place| held.models[*place].as_ref().ok().cloned()).collect();
            let each: Vec<Vec<f64>> = best.iter().map(|place| held.predicted[*place].clone()).collect();
            held.predicted[blend] = model::blend(&each);
            held.models[blend] = match models {
                Some(models) if models.len() == 2 => Ok(Model::Blend(models)),
                _ => Err(Error::new(ErrorKind::Model, "there are not two others to blend")),
            };
        }
        judge(blend, held, &mut ranked);
    }
    // The baseline always has a finite loss, so something was ranked.
    let (least, alone) = ranked.first().copied().unwrap_or((0.0, 0));
    let blended = ranked.iter().find(|(_, place)| candidates[*place] == Candidate::Blend);
    let place = match blended {
        Some((loss, blend)) if candidates[alone] != Candidate::Baseline && *loss <= least * MARGIN => *blend,
        _ => alone,
    };
    let candidate = candidates[place];
    let members = if candidate == Candidate::Blend {
        best.iter().map(|place| candidates[*place]).collect()
    } else {
        vec![candidate]
    };
    let models = held.iter().filter_map(|held| held.models[place].as_ref().ok().cloned()).collect();
    Choice { candidate, members, models, predicted: together(place, held), tried }
}
