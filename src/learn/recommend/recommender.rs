//! The model that is kept: candidates tried on a later part of the past, their blend, and the lists it gives.

use serde::{Deserialize, Serialize};

use super::blend::{Blend, Proposal, proposal};
use super::candidate::{Candidate, Plan, Reason};
use super::evaluate::Quality;
use super::interactions::{Events, Interactions, Sparse};
use super::similarity::Likeness;
use super::tuning::Tuned;
use crate::error::Result;

/// What is to be recommended, and how the candidates are tried.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Settings {
    /// How long the lists are for which the candidates are chosen.
    pub k: usize,
    /// Whether what a user already bought stays out of his list.
    pub new_only: bool,
    /// The last part of the time, between 0 and 1, on which candidates are tried.
    pub holdout: f64,
    /// At most so many items, the most bought, take part in the linear model: its time grows with their cube.
    pub most: usize,
    /// Where the factorisation starts.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { k: 10, new_only: false, holdout: 0.2, most: 2_000, seed: 1 }
    }
}

/// How a candidate did on the later part of the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Trial {
    /// `popularity`, `popularity_recent`, `repeats`, `item_item`, `following`, `linear`, `factors` or `blend`.
    pub name: String,
    /// Its part in the blend; 1 for the blend itself.
    pub weight: f64,
    /// What it was worth.
    pub quality: Quality,
}

/// Why there is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learn) enum Absence {
    /// The number is none of a user or item.
    Unknown,
    /// The item was never bought.
    NeverBought,
    /// No two users bought it with anything else in common.
    NoNeighbours,
    /// The user bought all there is.
    NothingLeft,
}

impl Absence {
    /// For a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Absence::Unknown => "not among the users and items of the training data",
            Absence::NeverBought => "never bought in the training data",
            Absence::NoNeighbours => "bought together with nothing else",
            Absence::NothingLeft => "everything that sells was bought already",
        }
    }
}

/// An item in a list.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Recommendation {
    /// Which.
    pub item: u32,
    /// Above 0, at most 1; to be compared within one list.
    pub score: f64,
    /// Why.
    pub reason: Reason,
}

/// Recommends items to users, and similar items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Recommender {
    settings: Settings,
    trials: Vec<Trial>,
    candidates: Vec<Candidate>,
    blend: Blend,
    /// For who has no history.
    popular: Candidate,
    /// For similar items.
    alike: Candidate,
    bought: Sparse,
    segment: Vec<u32>,
}

impl Recommender {
    /// Tries all candidates on the last part of the time, weighs those that help, and lets these learn from everything.
    ///
    /// # Errors
    /// As of [`Interactions`] that do not fit together, have odd weights or times, or are none.
    pub fn fit(interactions: &Interactions<'_>, settings: Settings) -> Result<Recommender> {
        let events = Events::new(interactions)?;
        let tuned = Tuned::on(&events, settings);
        Ok(Recommender::refit(events, tuned, settings))
    }

    fn refit(events: Events, tuned: Tuned, settings: Settings) -> Recommender {
        let last = events.span().1;
        let refit = |plan: Plan| plan.fit(&events, last, settings.seed);
        let used = tuned.plans.iter().zip(&tuned.blend.weights).filter(|(_, weight)| **weight > 0.0);
        let fitted = used.filter_map(|(plan, weight)| Some((refit(*plan)?, *weight)));
        let (candidates, weights): (Vec<Candidate>, Vec<f64>) = fitted.unzip();
        let alike = Plan::Neighbours { likeness: Likeness::Cosine, shrinkage: 10.0, half_life: None };
        Recommender {
            settings,
            trials: tuned.trials,
            candidates,
            blend: Blend { weights },
            popular: refit(tuned.popular).expect("popularity fits whatever sold"),
            alike: refit(alike).expect("neighbours fit whatever sold"),
            bought: events.presence(last, None),
            segment: events.segment,
        }
    }

    /// How the candidates did; empty where there was too little to try them on, and popularity was taken.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// Whether a user had an item when this was learned.
    pub fn has_taken(&self, user: usize, item: u32) -> bool {
        user < self.segment.len() && self.bought.row(user).any(|(had, _)| had as u32 == item)
    }

    /// The `k` best items for somebody of whom nothing is known, best first: what sells.
    pub fn for_anybody(&self, k: usize) -> Vec<Recommendation> {
        let mut scores = vec![0.0; self.bought.columns()];
        let nobody = self.segment.len();
        let list = proposal(&self.popular, nobody, usize::MAX, &mut scores, |_| true);
        let told = |(item, score): (u32, f64)| Recommendation { item, score, reason: Reason::Popular };
        list.into_iter().take(k).map(told).collect()
    }

    /// The `k` best items for a user, best first. A user without history gets what sells in his segment.
    ///
    /// # Errors
    /// Why there is no list.
    pub fn recommend(&self, user: usize, k: usize) -> Result<Vec<Recommendation>, Absence> {
        let segment = *self.segment.get(user).ok_or(Absence::Unknown)? as usize;
        let mut scores = vec![0.0; self.bought.columns()];
        let known = self.known(user);
        let allowed = |item: usize| known.binary_search(&(item as u32)).is_err();
        let mut of = |candidate: &Candidate| proposal(candidate, user, segment, &mut scores, allowed);
        let mut proposals: Vec<Proposal> = Vec::new();
        if self.bought.row(user).len() > 0 {
            proposals.extend(self.candidates.iter().map(&mut of));
        }
        let popular = of(&self.popular);
        scores.fill(0.0);
        let mut list = Vec::new();
        for (item, score) in self.blend.list(&proposals, k, &mut scores) {
            list.push(Recommendation { item, score, reason: self.reason(user, item, &proposals) });
        }
        // Popularity fills what the others leave empty, below all of them.
        let least = list.last().map_or(1.0, |last| last.score);
        for (item, score) in popular {
            if list.len() < k && list.iter().all(|other| other.item != item) {
                let reason = self.popular.reason(user, item as usize).unwrap_or(Reason::Popular);
                list.push(Recommendation { item, score: score * least, reason });
            }
        }
        if list.is_empty() && k > 0 { Err(Absence::NothingLeft) } else { Ok(list) }
    }

    /// The `k` items most alike by who buys them, with how alike.
    ///
    /// # Errors
    /// Why there is no list.
    pub fn similar(&self, item: usize, k: usize) -> Result<Vec<(u32, f64)>, Absence> {
        if item >= self.bought.columns() {
            return Err(Absence::Unknown);
        }
        let list = self.alike.nearest(item, k);
        match list.is_empty() && k > 0 {
            false => Ok(list),
            true if self.popular_score(item) > 0.0 => Err(Absence::NoNeighbours),
            true => Err(Absence::NeverBought),
        }
    }

    fn popular_score(&self, item: usize) -> f64 {
        let mut scores = vec![0.0; self.bought.columns()];
        self.popular.add_scores(0, usize::MAX, &mut scores);
        scores[item]
    }

    fn known(&self, user: usize) -> Vec<u32> {
        if self.settings.new_only {
            self.bought.row(user).map(|(item, _)| item as u32).collect()
        } else {
            Vec::new()
        }
    }

    /// Of the candidate that says most for the item, among those that can tell why.
    fn reason(&self, user: usize, item: u32, proposals: &[Proposal]) -> Reason {
        let part = |candidate: usize| {
            let proposed = proposals[candidate].iter().find(|(other, _)| *other == item);
            proposed.map_or(0.0, |(_, score)| score * self.blend.weights[candidate])
        };
        let mut parts: Vec<(usize, f64)> = (0..proposals.len()).map(|at| (at, part(at))).collect();
        parts.retain(|(_, part)| *part > 0.0);
        parts.sort_by(|a, b| b.1.total_cmp(&a.1));
        let told = parts.iter().find_map(|(at, _)| self.candidates[*at].reason(user, item as usize));
        told.unwrap_or(Reason::Popular)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rows {
        user: Vec<u32>,
        item: Vec<u32>,
        weight: Vec<f64>,
        time: Vec<f64>,
        segment: Vec<u32>,
    }

    impl Rows {
        /// Two tastes of six items each, bought over ten weeks by 60 users; user 60 has no history, item 12 no buyer.
        fn new() -> Rows {
            let mut rows = Rows {
                user: Vec::new(),
                item: Vec::new(),
                weight: Vec::new(),
                time: Vec::new(),
                segment: (0..61).map(|user| user % 2).collect(),
            };
            for user in 0..60_u32 {
                for week in 0..10_u32 {
                    rows.user.push(user);
                    rows.item.push(6 * (user % 2) + (user / 2 + week * week + week) % 6);
                    rows.weight.push(1.0);
                    rows.time.push(f64::from(7 * week + user % 7));
                }
            }
            rows
        }

        fn interactions(&self) -> Interactions<'_> {
            Interactions {
                users: 61,
                items: 13,
                user: &self.user,
                item: &self.item,
                weight: &self.weight,
                time: &self.time,
                segment: Some(&self.segment),
            }
        }
    }

    const SETTINGS: Settings = Settings { k: 3, new_only: false, holdout: 0.3, most: 100, seed: 1 };

    #[test]
    fn lists_follow_taste_and_say_why() {
        let rows = Rows::new();
        let model = Recommender::fit(&rows.interactions(), SETTINGS).unwrap();
        let of = |name: &str| model.trials().iter().find(|trial| trial.name == name).unwrap().quality;
        assert!(of("blend").ndcg >= of("popularity").ndcg && of("blend").recall > 0.3);
        for user in 0..60 {
            let list = model.recommend(user, 3).unwrap();
            assert_eq!(list.len(), 3);
            assert!(list.iter().all(|item| item.item / 6 == user as u32 % 2), "{user}: {list:?}");
            assert!(list.windows(2).all(|pair| pair[0].score >= pair[1].score));
        }
    }

    #[test]
    fn the_new_get_what_sells_in_their_segment_and_absences_have_reasons() {
        let rows = Rows::new();
        let model = Recommender::fit(&rows.interactions(), SETTINGS).unwrap();
        let list = model.recommend(60, 2).unwrap();
        assert!(list.iter().all(|item| item.item < 6 && item.reason == Reason::PopularInSegment));
        assert_eq!(model.recommend(61, 2), Err(Absence::Unknown));
        assert_eq!(model.similar(12, 2), Err(Absence::NeverBought));
        assert!(model.similar(0, 3).unwrap().iter().all(|(item, _)| *item < 6));
        let new_only =
            Recommender::fit(&rows.interactions(), Settings { new_only: true, ..SETTINGS }).unwrap();
        let bought: Vec<u32> = new_only.bought.row(0).map(|(item, _)| item as u32).collect();
        assert!(new_only.recommend(0, 5).unwrap().iter().all(|item| !bought.contains(&item.item)));
    }

    #[test]
    fn neither_threads_nor_order_leave_a_trace_and_json_brings_it_back() {
        let run = |rows: &Rows, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Recommender::fit(&rows.interactions(), SETTINGS).unwrap())
        };
        let mut rows = Rows::new();
        let model = run(&rows, 1);
        rows.user.reverse();
        rows.item.reverse();
        rows.time.reverse();
        assert_eq!(run(&rows, 4), model);
        let back: Recommender = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
        assert_eq!(back, model);
        assert_eq!(back.recommend(5, 3), model.recommend(5, 3));
    }

    #[test]
    fn one_purchase_is_enough_for_popularity() {
        let one = Interactions {
            users: 2,
            items: 2,
            user: &[0],
            item: &[1],
            weight: &[1.0],
            time: &[0.0],
            segment: None,
        };
        let model = Recommender::fit(&one, SETTINGS).unwrap();
        assert!(model.trials().is_empty());
        assert_eq!(model.recommend(1, 5).unwrap()[0].item, 1);
        assert_eq!(model.similar(1, 5), Err(Absence::NoNeighbours));
        let new_only = Recommender::fit(&one, Settings { new_only: true, ..SETTINGS }).unwrap();
        assert_eq!(new_only.recommend(0, 5), Err(Absence::NothingLeft));
    }
}
