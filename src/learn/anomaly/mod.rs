//! What is unlike the rest, with the reason: rows by an isolation [`Forest`], values of a series by their residuals.

mod forest;
mod robust;
mod series;
mod tree;

pub(in crate::learn) use forest::{Forest, Threshold};
pub(in crate::learn) use robust::CUTOFF;
pub(in crate::learn) use series::{Oddity, odd_values};
