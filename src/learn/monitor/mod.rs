//! Watching models: what they were right about, what has changed since, and whether to train again.
//!
//! Pure functions from rows to rows; nothing here reads a table, asks for the time or keeps a state. The parts, in the
//! order in which a run uses them:
//!
//! - `drift`: training data beside today's, by [`Reference`]s of bounded size (`distribution`, `stability` and `tails`
//!   have the statistics);
//! - `accuracy` and `classification`: predictions beside the actual values that have arrived, by [`Slice`];
//! - `estimate`: what predictions are probably worth before those arrive;
//! - `fairness`: declared groups beside each other;
//! - `rule`, `pace` and `acceptance`: when to train again, how often at most, and what to accept;
//! - `outside`: all of it for models that are not ours, with an [`Outlook`] and an [`Adjustment`];
//! - `card`: what everybody should know, as Markdown and HTML.
//!
//! What cannot be told is absent, never a NaN, and has a reason. Results have the same bits whatever the order of rows and
//! the number of threads.

mod acceptance;
mod accuracy;
mod adjust;
mod card;
mod classification;
mod distribution;
mod document;
mod drift;
mod estimate;
mod fairness;
mod figure;
mod outlook;
mod outside;
mod pace;
mod rule;
mod slice;
mod stability;
mod tails;
mod trend;

pub(in crate::learn) use acceptance::{Acceptance, Measured};
pub(in crate::learn) use accuracy::{Arrived, Coverage, ForecastAccuracy, forecast_accuracy};
pub(in crate::learn) use card::{Card, CardData, CardEvent, CardFeature, CardSeen};
pub(in crate::learn) use classification::{Labelled, class_accuracy};
pub(in crate::learn) use drift::{Drift, Reference, References};
pub(in crate::learn) use estimate::estimate;
pub(in crate::learn) use fairness::{FairnessOptions, Interval, Judged, fairness};
pub(in crate::learn) use outside::{Label, Observed, Watch, Watched, Window, watch};
pub(in crate::learn) use pace::AtMost;
pub(in crate::learn) use rule::Rule;
