//! How good lists are, by what was bought after the split in time.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::interactions::{Events, Sparse};

/// What a list was worth, averaged over the users who bought something after the split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Quality {
    /// How many users.
    pub users: usize,
    /// The part of what they bought that was in the list.
    pub recall: f64,
    /// Discounted cumulative gain over the best possible: K. Järvelin and J. Kekäläinen, ACM Transactions on
    /// Information Systems 20 (2002), 422-446, with gains of 0 and 1.
    pub ndcg: f64,
    /// Mean average precision, over the shorter of the list and what was bought.
    pub map: f64,
    /// The part of all items that was in anybody's list.
    pub coverage: f64,
}

/// Users with what they are to be judged by.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    /// User, items bought (ascending).
    pub users: Vec<(usize, Vec<u32>)>,
    items: usize,
}

impl Truth {
    /// What was bought `after`; without what the user had in `known`, where that is given. Users who are new are left
    /// out where `returning`.
    pub fn new(after: &Events, before: &Sparse, new_only: bool, returning: bool) -> Truth {
        let mut users = Vec::new();
        for bought in after.rows().chunk_by(|a, b| a.user == b.user) {
            let user = bought[0].user as usize;
            if returning && before.row(user).len() == 0 {
                continue;
            }
            let known: Vec<u32> = before.row(user).map(|(item, _)| item as u32).collect();
            let mut items: Vec<u32> = bought.iter().map(|event| event.item).collect();
            items.dedup();
            if new_only {
                items.retain(|item| known.binary_search(item).is_err());
            }
            if !items.is_empty() {
                users.push((user, items));
            }
        }
        Truth { users, items: after.items }
    }

    /// At most so many users, evenly spread.
    pub fn thinned(mut self, most: usize) -> Truth {
        let step = self.users.len().div_ceil(most.max(1)).max(1);
        self.users = self.users.into_iter().step_by(step).collect();
        self
    }

    /// Judges the lists of `k` that `list` gives for each user.
    pub fn judge(&self, k: usize, list: impl Fn(usize) -> Vec<u32> + Sync) -> Quality {
        let lists: Vec<Vec<u32>> = self.users.par_iter().map(|(user, _)| list(*user)).collect();
        let mut quality = Quality { users: self.users.len(), ..Quality::default() };
        let mut shown = vec![false; self.items];
        for ((_, bought), list) in self.users.iter().zip(&lists) {
            let (recall, ndcg, precision) = judged(list, bought, k);
            quality.recall += recall;
            quality.ndcg += ndcg;
            quality.map += precision;
            list.iter().for_each(|&item| shown[item as usize] = true);
        }
        let users = (self.users.len() as f64).max(1.0);
        quality.recall /= users;
        quality.ndcg /= users;
        quality.map /= users;
        quality.coverage = shown.iter().filter(|shown| **shown).count() as f64 / (self.items as f64).max(1.0);
        quality
    }
}

/// Recall, NDCG and average precision of a list that might have had `k` places; `bought` ascends.
pub(super) fn judged(list: &[u32], bought: &[u32], k: usize) -> (f64, f64, f64) {
    let (mut hits, mut gain, mut precision) = (0.0, 0.0, 0.0);
    let discount = |place: usize| 1.0 / (place as f64 + 2.0).log2();
    for (place, item) in list.iter().enumerate() {
        if bought.binary_search(item).is_ok() {
            hits += 1.0;
            gain += discount(place);
            precision += hits / (place as f64 + 1.0);
        }
    }
    let possible = k.min(bought.len());
    if possible == 0 {
        return (0.0, 0.0, 0.0);
    }
    let best: f64 = (0..possible).map(discount).sum();
    (hits / bought.len() as f64, gain / best, precision / possible as f64)
}

/// The places of the `k` best scores above zero that `allowed` lets through, best first, then by place.
pub(super) fn best(scores: &[f64], k: usize, allowed: impl Fn(usize) -> bool) -> Vec<u32> {
    let mut places: Vec<u32> = (0..scores.len() as u32)
        .filter(|&item| scores[item as usize] > 0.0 && allowed(item as usize))
        .collect();
    let order = |a: &u32, b: &u32| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b));
    if places.len() > k && k > 0 {
        places.select_nth_unstable_by(k - 1, order);
    }
    places.truncate(k);
    places.sort_unstable_by(order);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_by_hand() {
        let (recall, ndcg, precision) = judged(&[7, 1, 9], &[1, 2, 9, 11], 3);
        assert_eq!(recall, 0.5);
        let gain = 1.0 / 3.0_f64.log2() + 0.5;
        assert!((ndcg - gain / (1.0 + gain)).abs() < 1e-15);
        assert!((precision - (0.5 + 2.0 / 3.0) / 3.0).abs() < 1e-15);
        assert_eq!(judged(&[], &[1], 3), (0.0, 0.0, 0.0));
    }

    #[test]
    fn the_best_come_first_and_zeros_not_at_all() {
        assert_eq!(best(&[0.5, 0.0, 2.0, 0.5, -1.0], 3, |_| true), [2, 0, 3]);
        assert_eq!(best(&[0.5, 0.0, 2.0, 0.5], 1, |item| item != 2), [0]);
        assert_eq!(best(&[1.0], 0, |_| true), [0; 0]);
    }
}
