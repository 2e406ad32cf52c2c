//! Candidates tried on a later part of the past, tuned and blended.

use rayon::prelude::*;

use super::blend::{Blend, Proposal, proposal};
use super::candidate::{Candidate, Plan};
use super::evaluate::{Quality, Truth, best};
use super::factor::Factorisation;
use super::interactions::{Events, Sparse};
use super::recommender::{Settings, Trial};
use super::similarity::Likeness;

/// Fewer users than this to try candidates on, and popularity is all there is.
const FEWEST: usize = 20;
/// More users than this say nothing new about which candidate is best.
const TRIED_ON: usize = 1_500;

/// What was found to be best.
pub(super) struct Tuned {
    /// Each candidate's best setting.
    pub plans: Vec<Plan>,
    /// How each did, and their blend; empty where there was too little to try them on.
    pub trials: Vec<Trial>,
    /// Their weights.
    pub blend: Blend,
    /// For users without history.
    pub popular: Plan,
}

impl Tuned {
    /// On what came in the last part of the time.
    pub fn on(events: &Events, settings: Settings) -> Tuned {
        let (first, last) = events.span();
        let split = last - (last - first) * settings.holdout.clamp(0.0, 1.0);
        let (before, after) = events.split(split);
        let mut trials = Trials::new(&before, &after, split, settings);
        trials.returning = trials.returning.thinned(TRIED_ON);
        trials.all = trials.all.thinned(TRIED_ON);
        let popular = trials.popular();
        if trials.returning.users.len() >= FEWEST {
            return trials.run(popular);
        }
        Tuned { plans: vec![popular], trials: Vec::new(), blend: Blend { weights: vec![1.0] }, popular }
    }
}

/// Candidates tried on what came after a split.
pub(super) struct Trials<'a> {
    before: &'a Events,
    known: Sparse,
    now: f64,
    settings: Settings,
    /// Users with a history, and what they bought then.
    returning: Truth,
    /// All users.
    all: Truth,
}

impl<'a> Trials<'a> {
    /// Of what came before and after.
    pub fn new(before: &'a Events, after: &Events, now: f64, settings: Settings) -> Trials<'a> {
        let known = before.presence(now, None);
        let returning = Truth::new(after, &known, settings.new_only, true);
        let all = Truth::new(after, &known, settings.new_only, false);
        Trials { before, known, now, settings, returning, all }
    }

    /// What a candidate is worth.
    pub fn judge(&self, candidate: &Candidate, truth: &Truth) -> Quality {
        truth.judge(self.settings.k, |user| {
            let mut scores = vec![0.0; self.before.items];
            candidate.add_scores(user, self.before.segment[user] as usize, &mut scores);
            let known = self.known(user);
            best(&scores, self.settings.k, |item| known.binary_search(&(item as u32)).is_err())
        })
    }

    fn known(&self, user: usize) -> Vec<u32> {
        if self.settings.new_only {
            self.known.row(user).map(|(item, _)| item as u32).collect()
        } else {
            Vec::new()
        }
    }

    /// The best of these, the first of equals.
    fn best_of(
        &self,
        candidates: impl Iterator<Item = Candidate>,
        truth: &Truth,
    ) -> Option<(Candidate, Quality)> {
        let mut best: Option<(Candidate, Quality)> = None;
        for candidate in candidates {
            let quality = self.judge(&candidate, truth);
            if best.as_ref().is_none_or(|(_, other)| quality.ndcg > other.ndcg) {
                best = Some((candidate, quality));
            }
        }
        best
    }

    /// The half-lives to try, none first.
    fn half_lives(&self) -> impl Iterator<Item = Option<f64>> + use<> {
        let (first, last) = self.before.span();
        // Without any event before the split the span is infinite; without a second day it is zero.
        let span = if (last - first).is_finite() { (last - first).max(1.0) } else { 1.0 };
        [None, Some(2.0), Some(6.0), Some(18.0)]
            .into_iter()
            .map(move |part| part.map(|part: f64| span / part))
    }

    /// The popularity that is best for everybody, new or not.
    fn popular(&self) -> Plan {
        let fallback = Plan::Popularity { half_life: None, prior: Some(100.0) };
        if self.before.rows().is_empty() {
            return fallback;
        }
        let plans = self.half_lives().flat_map(|half_life| {
            [Some(1_000.0), Some(100.0)].map(|prior| Plan::Popularity { half_life, prior })
        });
        let candidates = plans.filter_map(|plan| plan.fit(self.before, self.now, self.settings.seed));
        self.best_of(candidates, &self.all).map_or(fallback, |(best, _)| best.plan)
    }

    /// Tunes every candidate, and blends them.
    fn run(&self, popular: Plan) -> Tuned {
        let fit = |plan: Plan| plan.fit(self.before, self.now, self.settings.seed);
        let factors = |factors, alpha, penalty| Plan::Factors {
            settings: Factorisation { factors, alpha, penalty, rounds: 10 },
            half_life: None,
        };
        let most = self.settings.most;
        let families: [Vec<Plan>; 7] = [
            vec![Plan::Popularity { half_life: None, prior: None }],
            vec![popular],
            self.half_lives().map(|half_life| Plan::Repeats { half_life }).collect(),
            [
                Likeness::Cosine,
                Likeness::Conditional { popularity: 0.25 },
                Likeness::Conditional { popularity: 0.5 },
            ]
            .into_iter()
            .flat_map(|likeness| {
                [0.0, 20.0].map(|shrinkage| Plan::Neighbours { likeness, shrinkage, half_life: None })
            })
            .collect(),
            [5.0, 50.0].map(|shrinkage| Plan::Following { shrinkage, half_life: None }).to_vec(),
            [30.0, 200.0, 1_000.0].map(|penalty| Plan::Linear { penalty, most, half_life: None }).to_vec(),
            vec![factors(32, 2.0, 5.0), factors(32, 10.0, 20.0), factors(32, 40.0, 100.0)],
        ];
        let mut found: Vec<(Candidate, Quality)> = Vec::new();
        for (number, family) in families.into_iter().enumerate() {
            let Some((best, quality)) = self.best_of(family.into_iter().filter_map(fit), &self.returning)
            else {
                continue;
            };
            let fades = number >= 3;
            let faded = self.half_lives().skip(1).filter(|_| fades);
            let faded = faded.map(|half_life| best.fading(self.before, self.now, half_life));
            match self.best_of(faded, &self.returning) {
                Some((better, more)) if more.ndcg > quality.ndcg => found.push((better, more)),
                _ => found.push((best, quality)),
            }
        }
        let proposals: Vec<(Vec<Proposal>, &[u32])> = self
            .returning
            .users
            .par_iter()
            .map_init(
                || vec![0.0; self.before.items],
                |scores, (user, bought)| {
                    let (segment, known) = (self.before.segment[*user] as usize, self.known(*user));
                    let allowed = |item: usize| known.binary_search(&(item as u32)).is_err();
                    let of = |(candidate, _): &(Candidate, Quality)| {
                        proposal(candidate, *user, segment, scores, allowed)
                    };
                    (found.iter().map(of).collect(), bought.as_slice())
                },
            )
            .collect();
        let (items, k) = (self.before.items, self.settings.k);
        let blend = Blend::choose(&proposals, found.len(), items, k);
        let place = |user: usize| self.returning.users.partition_point(|(other, _)| *other < user);
        let quality = self.returning.judge(k, |user| {
            let list = blend.list(&proposals[place(user)].0, k, &mut vec![0.0; items]);
            list.into_iter().map(|(item, _)| item).collect()
        });
        let mut trials: Vec<Trial> = found
            .iter()
            .zip(&blend.weights)
            .map(|((candidate, quality), weight)| Trial {
                name: candidate.plan.name().to_owned(),
                weight: *weight,
                quality: *quality,
            })
            .collect();
        trials.push(Trial { name: "blend".to_owned(), weight: 1.0, quality });
        let plans = found.into_iter().map(|(candidate, _)| candidate.plan).collect();
        Tuned { plans, trials, blend, popular }
    }
}
