//! What is unlike the rest, with the reason: rows by an isolation [`Forest`], values of a series by their residuals.

mod forest;
mod robust;
mod series;
mod tree;

pub(in crate::learn) use forest::{Forest, Threshold, Verdict};
pub(in crate::learn) use robust::Spread;
pub(in crate::learn) use series::{Limits, Oddity, odd_values};
