//! A list from several: each candidate's scores over its best, weighed by what helped on a later time.

use serde::{Deserialize, Serialize};

use super::candidate::Candidate;
use super::evaluate::{best, judged};

/// How many items each candidate puts forward.
const PROPOSED: usize = 200;
/// How many times the weights may take a step.
const STEPS: usize = 25;

/// What a candidate puts forward for a user: items with scores of which the best is 1.
pub(super) type Proposal = Vec<(u32, f64)>;

/// One proposal.
pub(super) fn proposal(
    candidate: &Candidate,
    user: usize,
    segment: usize,
    scores: &mut [f64],
    allowed: impl Fn(usize) -> bool,
) -> Proposal {
    scores.fill(0.0);
    candidate.add_scores(user, segment, scores);
    let items = best(scores, PROPOSED, allowed);
    let Some(top) = items.first().map(|&item| scores[item as usize]) else { return Vec::new() };
    items.into_iter().map(|item| (item, scores[item as usize] / top)).collect()
}

/// Weights of candidates, summing to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Blend {
    pub weights: Vec<f64>,
}

impl Blend {
    /// Starts from nothing and gives one more share to the candidate that lifts the mean NDCG most, as long as one does:
    /// R. Caruana, A. Niculescu-Mizil, G. Crew and A. Ksikes, "Ensemble Selection from Libraries of Models",
    /// International Conference on Machine Learning (2004), section 2.
    pub fn choose(users: &[(Vec<Proposal>, &[u32])], candidates: usize, items: usize, k: usize) -> Blend {
        let mut shares = vec![0.0; candidates];
        let (mut chosen, mut reached) = (shares.clone(), 0.0);
        for _ in 0..STEPS {
            let tried = |candidate: usize| {
                let mut shares = shares.clone();
                shares[candidate] += 1.0;
                value(users, &shares, items, k)
            };
            let values: Vec<f64> = (0..candidates).map(tried).collect();
            let Some(top) = (0..candidates).rev().max_by(|&a, &b| values[a].total_cmp(&values[b])) else {
                break;
            };
            shares[top] += 1.0;
            if values[top] > reached {
                (chosen, reached) = (shares.clone(), values[top]);
            }
        }
        let total: f64 = chosen.iter().sum();
        Blend { weights: chosen.iter().map(|share| if total > 0.0 { share / total } else { 0.0 }).collect() }
    }

    /// The `k` best items with their scores. `scores` is of zeros, and left so.
    pub fn list(&self, proposals: &[Proposal], k: usize, scores: &mut [f64]) -> Vec<(u32, f64)> {
        blended(proposals, &self.weights, k, scores)
    }
}

fn blended(proposals: &[Proposal], weights: &[f64], k: usize, scores: &mut [f64]) -> Vec<(u32, f64)> {
    let mut items = Vec::new();
    for (proposal, weight) in proposals.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        for (item, score) in proposal {
            if scores[*item as usize] == 0.0 {
                items.push(*item);
            }
            scores[*item as usize] += weight * score;
        }
    }
    let mut list: Vec<(u32, f64)> =
        items.into_iter().map(|item| (item, std::mem::take(&mut scores[item as usize]))).collect();
    let order = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if list.len() > k && k > 0 {
        list.select_nth_unstable_by(k - 1, order);
    }
    list.truncate(k);
    list.sort_unstable_by(order);
    list
}

/// The mean NDCG of lists made with these weights.
fn value(users: &[(Vec<Proposal>, &[u32])], weights: &[f64], items: usize, k: usize) -> f64 {
    use rayon::prelude::*;
    let gains = users.par_iter().map_init(
        || vec![0.0; items],
        |scores, (proposals, bought)| {
            let list = blended(proposals, weights, k, scores);
            judged(&list.into_iter().map(|(item, _)| item).collect::<Vec<_>>(), bought, k).1
        },
    );
    gains.collect::<Vec<f64>>().iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_useful_candidate_gets_the_weight_and_two_halves_make_a_whole() {
        let (one, two): (Proposal, Proposal) = (vec![(0, 1.0), (3, 0.1)], vec![(1, 1.0), (2, 0.1)]);
        let users = [(vec![one.clone(), vec![(2, 1.0)]], &[0, 3][..])];
        assert_eq!(Blend::choose(&users, 2, 4, 2).weights, [1.0, 0.0]);
        let users = [(vec![one, two], &[0, 1][..])];
        let blend = Blend::choose(&users, 2, 4, 2);
        assert_eq!(blend.weights, [0.5, 0.5]);
        let mut scores = [0.0; 4];
        assert_eq!(blend.list(&users[0].0, 2, &mut scores), [(0, 0.5), (1, 0.5)]);
        assert_eq!(scores, [0.0; 4]);
    }

    #[test]
    fn where_nothing_helps_nothing_weighs() {
        assert_eq!(Blend::choose(&[(vec![vec![]], &[1][..])], 1, 2, 2).weights, [0.0]);
    }
}
