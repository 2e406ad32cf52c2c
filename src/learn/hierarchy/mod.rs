//! Series that add up: products to groups to a total, districts to regions.
//!
//! Every series is forecast by itself, and such forecasts do not add up. Reconciling changes all of them a little,
//! those least that are known best, so that they do, and what the upper levels know reaches the lower ones.
//!
//! - [`Hierarchy`]: which series add up to which, from key columns and groupings of them;
//! - [`reconcile`]: bottom-up, least squares and minimum trace;
//! - [`exact`]: sums that are the same in any order, to the bit.

mod cholesky;
mod exact;
mod reconcile;
mod residuals;
mod summing;

pub(in crate::learn) use reconcile::{Base, Method, reconcile};
pub(in crate::learn) use summing::Hierarchy;
