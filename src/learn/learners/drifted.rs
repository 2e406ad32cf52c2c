//! Drift as numbers that are watched.

use super::keyed::Keyed;
use crate::error::Result;
use crate::learn::learner::Data;
use crate::learn::monitor::{Drift, References};
use crate::learn::watch::Measure;

/// Fewer rows than this tell chance, not drift.
pub(in crate::learn) const ENOUGH: u64 = 50;

/// The numbers of one feature's drift. With too few rows they are absent, and the note says so.
pub(in crate::learn) fn measures(drift: &Drift, of_predictions: bool) -> Vec<Measure> {
    let few = drift.rows_now < ENOUGH;
    let note = match few {
        true => Some(format!("{} new rows are too few to tell drift from chance", drift.rows_now)),
        false => drift.reason.clone(),
    };
    let named = |name: &str| if of_predictions { format!("prediction_{name}") } else { name.to_string() };
    let of = |metric: &str, value: Option<f64>, reference: Option<f64>| Measure {
        family: "drift",
        metric: named(metric),
        feature: drift.feature.clone(),
        value: value.filter(|_| !few),
        reference,
        rows: i64::try_from(drift.rows_now).unwrap_or(i64::MAX),
        note: note.clone(),
        ..Measure::everywhere()
    };
    let mut found = vec![of("psi", drift.psi, None), of("psi_p", drift.psi_p, None)];
    if drift.ks.is_some() {
        found.push(of("ks", drift.ks, None));
        found.push(of("ks_p", drift.ks_p, None));
        found.push(of("wasserstein", drift.wasserstein, None));
    }
    if drift.missing_now.is_some_and(|share| share > 0.0)
        || drift.missing_then.is_some_and(|share| share > 0.0)
    {
        found.push(of("missing_share", drift.missing_now, drift.missing_then));
    }
    if drift.new_share.is_some_and(|share| share > 0.0) {
        found.push(of("new_share", drift.new_share, Some(0.0)));
    }
    found
}

/// The drift of every feature since a version was learned.
///
/// # Errors
/// As [`Keyed::read`].
pub(super) fn features(
    references: &References,
    features: &[String],
    key: &[String],
    data: &Data,
) -> Result<Vec<Measure>> {
    let (frame, _) = Keyed::read(data, key)?.frame(features)?;
    Ok(references.compare(&frame).iter().flat_map(|drift| measures(drift, false)).collect())
}
