//! Choosing among candidates by what they made of rows they had not seen.

use super::encode::{Design, Encoder};
use super::explain;
use super::model::{self, Candidate, Model, Task};
use super::report::{Outcome, Scores, Tried};
use crate::error::{Error, ErrorKind, Result};

/// Rows held out in one fold, with what each candidate made of them.
pub(super) struct Held {
    pub encoder: Encoder,
    pub design: Design,
    pub actual: Vec<f64>,
    pub models: Vec<Result<Model>>,
    pub predicted: Vec<Vec<f64>>,
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

/// The candidate with the lowest loss over all folds; of equal ones the first.
pub(super) fn choose(candidates: &[Candidate], held: &mut [Held], task: Task, threshold: f64) -> Choice {
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
        let loss = explain::loss(task, &actual, &predicted).filter(|loss| loss.is_finite());
        let outcome = match (failure, loss) {
            (Some(error), _) => Outcome::LeftOut(error.message().to_owned()),
            (None, None) => Outcome::LeftOut("its predictions were not finite".to_owned()),
            (None, Some(loss)) => {
                ranked.push((loss, place));
                ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                Outcome::Scored(Scores::of(task, &actual, &predicted, threshold))
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
    let place = ranked.first().map_or(0, |(_, place)| *place);
    let candidate = candidates[place];
    let members = if candidate == Candidate::Blend {
        best.iter().map(|place| candidates[*place]).collect()
    } else {
        vec![candidate]
    };
    let models = held.iter().filter_map(|held| held.models[place].as_ref().ok().cloned()).collect();
    Choice { candidate, members, models, predicted: together(place, held), tried }
}
