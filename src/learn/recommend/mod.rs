//! What to offer to whom: recommendations from what was bought, without ratings.
//!
//! Seven candidates are tuned on the last part of the past and judged by what users then bought: what sells, what sells
//! in a segment lately, what a user buys again, what is bought by the same users, what is bought later, a linear model of
//! all items, and factors. A [`Recommender`] blends those that help and says of every item why it is in the list. New
//! users get what sells in their segment.
//!
//! Everything is summed in an order of its own and parallel only over users, items or fixed blocks: the same rows in any
//! order and on any number of threads give the same bits.

mod blend;
mod candidate;
mod dense;
mod evaluate;
mod factor;
mod interactions;
mod popularity;
mod recommender;
mod similarity;
mod tuning;

pub(in crate::learn) use candidate::Reason;
pub(in crate::learn) use interactions::Interactions;
pub(in crate::learn) use recommender::{Recommender, Settings};
