//! What sells, in a segment and lately; and what a user buys again and again.

use serde::{Deserialize, Serialize};

use super::interactions::{Events, Sparse, decay};

/// The share of each item in what each segment buys, drawn towards its share in everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Popularity {
    /// Per segment, per item; the last is for segments not seen.
    shares: Vec<Vec<f64>>,
}

impl Popularity {
    /// Purchases lose half their weight every `half_life` days before `now`. The whole counts as much as `prior`
    /// purchases of every segment; with none there are no segments.
    pub fn fit(events: &Events, now: f64, half_life: Option<f64>, prior: Option<f64>) -> Popularity {
        let segments = match prior {
            Some(_) => events.segment.iter().max().map_or(0, |last| *last as usize + 1),
            None => 0,
        };
        let mut overall = vec![0.0; events.items];
        let mut shares = vec![vec![0.0; events.items]; segments];
        let (mut purchases, mut weight) = (vec![0.0; segments], vec![0.0; segments]);
        for pair in events.rows().chunk_by(|a, b| (a.user, a.item) == (b.user, b.item)) {
            // A buyer counts once, however often he came: else a few large ones decide for all.
            let last = &pair[pair.len() - 1];
            let amount = decay(now - last.time, half_life);
            overall[last.item as usize] += amount;
            if segments > 0 {
                let segment = events.segment[last.user as usize] as usize;
                shares[segment][last.item as usize] += amount;
                purchases[segment] += 1.0;
                weight[segment] += amount;
            }
        }
        let total: f64 = overall.iter().sum();
        // Every weight underflows where the half-life is far shorter than the silence before `now`.
        overall.iter_mut().for_each(|value| *value /= total.max(f64::MIN_POSITIVE));
        if let Some(prior) = prior {
            for (segment, shares) in shares.iter_mut().enumerate() {
                let own = purchases[segment] / (purchases[segment] + prior);
                let unit = own / weight[segment].max(f64::MIN_POSITIVE);
                for (share, whole) in shares.iter_mut().zip(&overall) {
                    *share = *share * unit + (1.0 - own) * whole;
                }
            }
        }
        shares.push(overall);
        Popularity { shares }
    }

    /// The shares of all items for a segment.
    pub fn scores(&self, segment: usize) -> &[f64] {
        &self.shares[segment.min(self.shares.len() - 1)]
    }
}

/// What each user buys, each purchase losing half its weight every so many days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Repeats {
    amounts: Sparse,
}

impl Repeats {
    /// As of `now`.
    pub fn fit(events: &Events, now: f64, half_life: Option<f64>) -> Repeats {
        Repeats { amounts: events.amounts(now, half_life) }
    }

    /// Writes what the user's own purchases weigh.
    pub fn add_scores(&self, user: usize, scores: &mut [f64]) {
        self.amounts.row(user).for_each(|(item, amount)| scores[item] += amount);
    }
}

#[cfg(test)]
mod tests {
    use super::super::interactions::Interactions;
    use super::*;

    fn events() -> Events {
        Events::new(&Interactions {
            users: 3,
            items: 2,
            user: &[0, 0, 1, 2],
            item: &[0, 0, 1, 1],
            weight: &[1.0; 4],
            time: &[0.0, 10.0, 10.0, 0.0],
            segment: Some(&[0, 1, 1]),
        })
        .unwrap()
    }

    #[test]
    fn a_segment_is_drawn_towards_the_whole() {
        let plain = Popularity::fit(&events(), 10.0, None, None);
        assert_eq!(plain.scores(7), [1.0 / 3.0, 2.0 / 3.0]);
        let segments = Popularity::fit(&events(), 10.0, None, Some(1.0));
        assert!((segments.scores(0)[0] - (0.5 + 0.5 / 3.0)).abs() < 1e-15);
        assert!(segments.scores(1)[1] > plain.scores(0)[1]);
    }

    #[test]
    fn what_was_long_ago_counts_less() {
        let recent = Popularity::fit(&events(), 10.0, Some(10.0), None);
        assert_eq!(recent.scores(0), [0.4, 0.6]);
        let mut scores = [0.0; 2];
        Repeats::fit(&events(), 10.0, Some(10.0)).add_scores(0, &mut scores);
        assert_eq!(scores, [1.5, 0.0]);
        let long = Popularity::fit(&events(), 1e9, Some(1.0), Some(1.0));
        assert!(long.scores(0).iter().all(|share| share.is_finite()));
    }
}
