//! Items that follow from items: neighbours by cosine or conditional probability, and by a linear model of all.

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::dense;
use super::interactions::{Events, Sparse};

/// How alike two items are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Likeness {
    /// The cosine of their buyers. M. Deshpande and G. Karypis, "Item-Based Top-N Recommendation Algorithms", ACM
    /// Transactions on Information Systems 22 (2004), 143-177, section 4.1.1.
    Cosine,
    /// How often who buys the one buys the other too, over the power `popularity` of how many buy the other; ibid.,
    /// section 4.1.2.
    Conditional {
        /// 0 favours what everybody buys, 1 what hardly anybody does.
        popularity: f64,
    },
}

/// What each item says about the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Similarity {
    /// A row for each item that was bought, a column for each that follows.
    weights: Sparse,
}

impl Similarity {
    /// Item-item neighbours from users in rows. A likeness seen in `n` common buyers counts `n / (n + shrinkage)`;
    /// the `neighbours` nearest of each item are kept.
    pub fn neighbours(users: &Sparse, likeness: Likeness, shrinkage: f64, neighbours: usize) -> Similarity {
        let buyers = users.transposed();
        let norms: Vec<f64> =
            (0..buyers.rows()).map(|item| buyers.row(item).map(|(_, v)| v * v).sum::<f64>().sqrt()).collect();
        let rows = (0..buyers.rows()).into_par_iter().map_init(
            || (vec![0.0; users.columns()], vec![0_u32; users.columns()], Vec::<usize>::new()),
            |(sums, common, seen), item| {
                for (user, own) in buyers.row(item) {
                    for (other, value) in users.row(user) {
                        if common[other] == 0 {
                            seen.push(other);
                        }
                        sums[other] += own * value;
                        common[other] += 1;
                    }
                }
                let many = buyers.row(item).len() as f64;
                let alike = seen.iter().filter(|other| **other != item).map(|&other| {
                    let shared = f64::from(common[other]);
                    let value = match likeness {
                        Likeness::Cosine => sums[other] / (norms[item] * norms[other]),
                        Likeness::Conditional { popularity } => {
                            shared / (many * (buyers.row(other).len() as f64).powf(popularity))
                        }
                    };
                    (other as u32, value * shared / (shared + shrinkage))
                });
                let kept = strongest(alike.collect(), neighbours);
                for other in seen.drain(..) {
                    sums[other] = 0.0;
                    common[other] = 0;
                }
                kept
            },
        );
        Similarity { weights: Sparse::from_rows(users.columns(), rows.collect()) }
    }

    /// What is bought later, by what was bought before: of those who bought the one and came back another time, the part
    /// that then bought the other, `shrinkage` more of them being taken to buy nothing. Unlike the neighbours this has a
    /// direction: a bicycle leads to a helmet, a helmet to no bicycle.
    pub fn following(events: &Events, shrinkage: f64, kept: usize) -> Similarity {
        let mut pairs: Vec<(u32, u32)> = Vec::new();
        let mut before = vec![0.0; events.items];
        for own in events.rows().chunk_by(|a, b| a.user == b.user) {
            let spans: Vec<(u32, f64, f64)> = own
                .chunk_by(|a, b| a.item == b.item)
                .map(|bought| (bought[0].item, bought[0].time, bought[bought.len() - 1].time))
                .collect();
            let latest = spans.iter().map(|(_, _, last)| *last).fold(f64::NEG_INFINITY, f64::max);
            for (item, first, _) in spans.iter().filter(|(_, first, _)| *first < latest) {
                before[*item as usize] += 1.0;
                let later = spans.iter().filter(|(other, _, last)| other != item && last > first);
                pairs.extend(later.map(|(other, _, _)| (*item, *other)));
            }
        }
        pairs.sort_unstable();
        let mut rows = vec![Vec::new(); events.items];
        for same in pairs.chunk_by(|a, b| a == b) {
            let (item, other) = same[0];
            rows[item as usize].push((other, same.len() as f64 / (before[item as usize] + shrinkage)));
        }
        let rows = rows.into_iter().map(|row| strongest(row, kept)).collect();
        Similarity { weights: Sparse::from_rows(events.items, rows) }
    }

    /// The linear model in which every item is a sum of all others, with the squared weights punished by `penalty`:
    /// H. Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", World Wide Web Conference (2019), 3251-3257.
    /// Only the `most` items with most buyers take part; of each, the `kept` strongest weights of either sign are kept
    /// (as in H. Steck, "Markov Random Fields for Collaborative Filtering", NeurIPS 2019, but cut afterwards).
    pub fn linear(users: &Sparse, penalty: f64, most: usize, kept: usize) -> Option<Similarity> {
        let buyers = users.transposed();
        let mut chosen: Vec<usize> = (0..buyers.rows()).filter(|&item| buyers.row(item).len() > 0).collect();
        chosen.sort_by_key(|&item| std::cmp::Reverse(buyers.row(item).len()));
        chosen.truncate(most);
        chosen.sort_unstable();
        let n = chosen.len();
        let mut place = vec![usize::MAX; buyers.rows()];
        chosen.iter().enumerate().for_each(|(at, &item)| place[item] = at);
        let rows: Vec<Vec<f64>> = chosen
            .par_iter()
            .map(|&item| {
                let mut row = vec![0.0; n];
                for (user, own) in buyers.row(item) {
                    for (other, value) in users.row(user).filter(|(other, _)| place[*other] != usize::MAX) {
                        row[place[other]] += own * value;
                    }
                }
                row[place[item]] += penalty;
                row
            })
            .collect();
        let gram = Array2::from_shape_vec((n, n), rows.concat()).ok()?;
        let inverse = dense::inverse(gram)?;
        // B[j][i] = -P[j][i] / P[i][i]: what item j says about item i.
        let cut: Vec<Vec<(u32, f64)>> = (0..n)
            .into_par_iter()
            .map(|i| {
                let column = (0..n).filter(|&j| j != i);
                let weights = column.map(|j| (j as u32, -inverse[[j, i]] / inverse[[i, i]])).collect();
                strongest(weights, kept)
            })
            .collect();
        let mut weights = vec![Vec::new(); buyers.rows()];
        for (i, column) in cut.into_iter().enumerate() {
            for (j, weight) in column {
                weights[chosen[j as usize]].push((chosen[i] as u32, weight));
            }
        }
        Some(Similarity { weights: Sparse::from_rows(users.columns(), weights) })
    }

    /// Adds up what a history says about each item.
    pub fn add_scores(&self, history: impl Iterator<Item = (usize, f64)>, scores: &mut [f64]) {
        for (item, value) in history {
            for (other, weight) in self.weights.row(item) {
                scores[other] += value * weight;
            }
        }
    }

    /// The item of a history that says most for `target`, if one does.
    pub fn cause(&self, history: impl Iterator<Item = (usize, f64)>, target: usize) -> Option<usize> {
        let said = |item: usize| {
            let found = self.weights.row(item).find(|(other, _)| *other == target);
            found.map_or(0.0, |(_, weight)| weight)
        };
        let said = history.map(|(item, value)| (item, value * said(item)));
        let best = said.fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
        (best.1 > 0.0).then_some(best.0)
    }

    /// The nearest items, with how near.
    pub fn nearest(&self, item: usize, k: usize) -> Vec<(u32, f64)> {
        let all = self.weights.row(item).map(|(other, weight)| (other as u32, weight));
        let mut all: Vec<(u32, f64)> = all.filter(|(_, weight)| *weight > 0.0).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(k);
        all
    }
}

/// The `kept` largest in magnitude, by item.
fn strongest(mut weights: Vec<(u32, f64)>, kept: usize) -> Vec<(u32, f64)> {
    let order = |a: &(u32, f64), b: &(u32, f64)| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0));
    if weights.len() > kept {
        weights.select_nth_unstable_by(kept, order);
        weights.truncate(kept);
    }
    weights.sort_unstable_by_key(|(item, _)| *item);
    weights
}

#[cfg(test)]
mod tests {
    use super::super::interactions::Interactions;
    use super::*;

    fn users() -> Sparse {
        let row = |items: &[u32]| items.iter().map(|&item| (item, 1.0)).collect();
        Sparse::from_rows(4, vec![row(&[0, 1]), row(&[0, 1, 2]), row(&[1, 2]), row(&[0, 3])])
    }

    fn scores(similarity: &Similarity, history: &[usize]) -> Vec<f64> {
        let mut scores = vec![0.0; 4];
        similarity.add_scores(history.iter().map(|&item| (item, 1.0)), &mut scores);
        scores
    }

    #[test]
    fn cosine_and_conditional_probability_by_hand() {
        let cosine = Similarity::neighbours(&users(), Likeness::Cosine, 0.0, 9);
        let expected = [0.0, 2.0 / 3.0, 1.0 / 6.0_f64.sqrt(), 1.0 / 3.0_f64.sqrt()];
        for (value, expected) in scores(&cosine, &[0]).iter().zip(expected) {
            assert!((value - expected).abs() < 1e-15);
        }
        assert_eq!(cosine.nearest(0, 1)[0].0, 1);
        let conditional = Similarity::neighbours(&users(), Likeness::Conditional { popularity: 0.0 }, 2.0, 1);
        assert_eq!(scores(&conditional, &[2]), [0.0, 0.5, 0.0, 0.0]);
        assert_eq!(conditional.cause([(3, 1.0), (2, 1.0)].into_iter(), 1), Some(2));
    }

    #[test]
    fn what_follows_has_a_direction() {
        let events = Events::new(&Interactions {
            users: 3,
            items: 3,
            user: &[0, 0, 1, 1, 2],
            item: &[0, 1, 0, 2, 0],
            weight: &[1.0; 5],
            time: &[1.0, 2.0, 1.0, 1.0, 5.0],
            segment: None,
        });
        let following = Similarity::following(&events.unwrap(), 0.0, 9);
        assert_eq!(following.nearest(0, 9), [(1, 1.0)]);
        assert!(following.nearest(1, 9).is_empty() && following.nearest(2, 9).is_empty());
    }

    /// numpy 2.4.6: `P = inv(X'X + 0.5 I); B = -P / diag(P)`, the diagonal zero.
    #[test]
    fn the_linear_model_agrees_with_numpy() {
        let linear = Similarity::linear(&users(), 0.5, 9, 9).unwrap();
        for (item, row) in LINEAR.iter().enumerate() {
            for (value, expected) in scores(&linear, &[item]).iter().zip(row) {
                assert!((value - expected).abs() < 1e-12, "{item}: {value} {expected}");
            }
        }
    }

    const LINEAR: [[f64; 4]; 4] = [
        [0.0, 0.493_150_684_931_506_8, -0.084_507_042_253_521_15, 0.426_966_292_134_831_45],
        [0.631_578_947_368_421, 0.0, 0.619_718_309_859_155, -0.269_662_921_348_314_6],
        [-0.105_263_157_894_736_8, 0.602_739_726_027_397_3, 0.0, 0.044_943_820_224_719_114],
        [0.666_666_666_666_666_5, -0.328_767_123_287_671_27, 0.056_338_028_169_014_114, 0.0],
    ];
}
