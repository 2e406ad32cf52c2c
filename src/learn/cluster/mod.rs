//! Groups of rows that are alike: customers, products, suppliers.
//!
//! Columns are brought to one scale that outliers cannot move ([`Scaling`]); clusters are found by k-means, a mixture of
//! normal distributions or density, their number chosen from the data where it is not given. Clusters are numbered by
//! size, so that a number means the same after the next training, and each is told in words: which columns are unusually
//! high or low in it.

mod centres;
mod density;
mod mixture;
mod scaling;
mod segmentation;
mod silhouette;

pub(in crate::learn) use segmentation::{Method, Segmentation, Settings};
