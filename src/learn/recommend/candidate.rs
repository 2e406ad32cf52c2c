//! The ways to a list that are tried against each other, and what each is told.

use serde::{Deserialize, Serialize};

use super::factor::{Factorisation, Factors};
use super::interactions::{Events, Sparse};
use super::popularity::{Popularity, Repeats};
use super::similarity::{Likeness, Similarity};

/// Neighbours and weights kept of each item.
const KEPT: usize = 200;

/// A candidate before it has seen any data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Plan {
    /// What sells.
    Popularity { half_life: Option<f64>, prior: Option<f64> },
    /// What the user buys again.
    Repeats { half_life: Option<f64> },
    /// What follows from what the user bought, by neighbours.
    Neighbours { likeness: Likeness, shrinkage: f64, half_life: Option<f64> },
    /// What is bought later, by what was bought before.
    Following { shrinkage: f64, half_life: Option<f64> },
    /// What follows by a linear model of the `most` most bought items.
    Linear { penalty: f64, most: usize, half_life: Option<f64> },
    /// Factors of users and items.
    Factors { settings: Factorisation, half_life: Option<f64> },
}

impl Plan {
    /// What it is called in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Plan::Popularity { half_life: None, prior: None } => "popularity",
            Plan::Popularity { .. } => "popularity_recent",
            Plan::Repeats { .. } => "repeats",
            Plan::Neighbours { .. } => "item_item",
            Plan::Following { .. } => "following",
            Plan::Linear { .. } => "linear",
            Plan::Factors { .. } => "factors",
        }
    }

    /// Learns from all events, as of `now`; `None` where it cannot.
    pub fn fit(self, events: &Events, now: f64, seed: u64) -> Option<Candidate> {
        let bought = || events.presence(now, None);
        let model = match self {
            Plan::Popularity { half_life, prior } => {
                Model::Popularity(Popularity::fit(events, now, half_life, prior))
            }
            Plan::Repeats { half_life } => Model::Repeats(Repeats::fit(events, now, half_life)),
            Plan::Neighbours { likeness, shrinkage, .. } => {
                Model::Similarity(Similarity::neighbours(&bought(), likeness, shrinkage, KEPT))
            }
            Plan::Following { shrinkage, .. } => {
                Model::Similarity(Similarity::following(events, shrinkage, KEPT))
            }
            Plan::Linear { penalty, most, .. } => {
                Model::Similarity(Similarity::linear(&bought(), penalty, most, KEPT)?)
            }
            Plan::Factors { settings, .. } => Model::Factors(Factors::fit(&bought(), settings, seed)),
        };
        Some(Candidate { plan: self, model, history: self.history(events, now) })
    }

    /// What a user's purchases weigh where something follows from them.
    fn history(self, events: &Events, now: f64) -> Option<Sparse> {
        match self {
            Plan::Popularity { .. } | Plan::Repeats { .. } => None,
            Plan::Neighbours { half_life, .. }
            | Plan::Following { half_life, .. }
            | Plan::Linear { half_life, .. }
            | Plan::Factors { half_life, .. } => Some(events.presence(now, half_life)),
        }
    }

    /// The same with a history that fades.
    fn fading(mut self, days: Option<f64>) -> Plan {
        match &mut self {
            Plan::Popularity { half_life, .. }
            | Plan::Repeats { half_life }
            | Plan::Neighbours { half_life, .. }
            | Plan::Following { half_life, .. }
            | Plan::Linear { half_life, .. }
            | Plan::Factors { half_life, .. } => *half_life = days,
        }
        self
    }
}

/// A candidate that has learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Candidate {
    pub plan: Plan,
    model: Model,
    history: Option<Sparse>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Model {
    Popularity(Popularity),
    Repeats(Repeats),
    Similarity(Similarity),
    Factors(Factors),
}

/// Why an item is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::learn) enum Reason {
    /// It sells to everybody.
    Popular,
    /// It sells in the user's segment.
    PopularInSegment,
    /// The user buys it again and again.
    BoughtBefore,
    /// This item, which the user bought, led to it.
    Because(u32),
}

impl Candidate {
    /// The same with a history that fades; what was learned stays.
    pub fn fading(&self, events: &Events, now: f64, half_life: Option<f64>) -> Candidate {
        let plan = self.plan.fading(half_life);
        Candidate { plan, model: self.model.clone(), history: plan.history(events, now) }
    }

    /// Scores of all items for a user of a segment, into zeros.
    pub fn add_scores(&self, user: usize, segment: usize, scores: &mut [f64]) {
        match (&self.model, &self.history) {
            (Model::Popularity(popularity), _) => scores.copy_from_slice(popularity.scores(segment)),
            (Model::Repeats(repeats), _) => repeats.add_scores(user, scores),
            (Model::Similarity(similarity), Some(history)) => {
                similarity.add_scores(history.row(user), scores);
            }
            (Model::Factors(factors), Some(history)) if history.row(user).len() > 0 => {
                factors.add_scores(history.row(user), scores);
            }
            (Model::Similarity(_) | Model::Factors(_), _) => {}
        }
    }

    /// Why it gives that item to that user, where it can tell.
    pub fn reason(&self, user: usize, item: usize) -> Option<Reason> {
        let others =
            self.history.as_ref().map(|history| history.row(user).filter(move |(own, _)| *own != item));
        let cause = match (&self.model, others) {
            (Model::Popularity(_), _) => return Some(self.popular()),
            (Model::Repeats(_), _) => return Some(Reason::BoughtBefore),
            (Model::Similarity(similarity), Some(others)) => similarity.cause(others, item),
            (Model::Factors(factors), Some(others)) => factors.cause(others, item),
            (Model::Similarity(_) | Model::Factors(_), None) => None,
        };
        cause.map(|cause| Reason::Because(cause as u32))
    }

    fn popular(&self) -> Reason {
        match self.plan {
            Plan::Popularity { prior: Some(_), .. } => Reason::PopularInSegment,
            _ => Reason::Popular,
        }
    }

    /// The nearest items, where items have neighbours.
    pub fn nearest(&self, item: usize, k: usize) -> Vec<(u32, f64)> {
        match &self.model {
            Model::Similarity(similarity) => similarity.nearest(item, k),
            _ => Vec::new(),
        }
    }
}
