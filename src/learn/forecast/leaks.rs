//! Regressors that look like the value itself.

use super::panel::Panel;

/// A correlation above this is no coincidence.
const SUSPICIOUS: f64 = 0.9999;
/// Fewer periods than this tell nothing.
const FEW: usize = 6;

/// A sentence for every regressor known ahead that repeats the value from `origin` on in most series.
pub(super) fn suspected(panel: &Panel, origin: i64) -> Vec<String> {
    let of = |(column, name): (usize, &String)| {
        let (mut judged, mut suspicious) = (0_usize, 0_usize);
        for (series, own) in panel.series.iter().enumerate() {
            let from = panel.before(series, origin).len();
            let values = &own.values[from..];
            let Some(beside) = own.outside.get(column).and_then(|c| c.get(from..from + values.len())) else {
                continue;
            };
            if let Some(correlation) = correlation(values, beside) {
                judged += 1;
                suspicious += usize::from(correlation.abs() > SUSPICIOUS);
            }
        }
        (2 * suspicious > judged).then(|| {
            format!(
                "Known regressor {name:?} repeats the value in {suspicious} of {judged} series (correlation above \
                 {SUSPICIOUS}): it is suspected to be a leak of what is to be forecast."
            )
        })
    };
    let known = panel.regressors.iter().enumerate().filter(|(_, regressor)| regressor.lag.is_none());
    known.map(|(column, regressor)| (column, &regressor.name)).filter_map(of).collect()
}

fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    let count = left.len() as f64;
    if left.len() < FEW {
        return None;
    }
    let (a, b) = (left.iter().sum::<f64>() / count, right.iter().sum::<f64>() / count);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in left.iter().zip(right) {
        ab += (x - a) * (y - b);
        aa += (x - a) * (x - a);
        bb += (y - b) * (y - b);
    }
    Some(ab / (aa * bb).sqrt()).filter(|correlation| correlation.is_finite())
}

#[cfg(test)]
mod tests {
    use super::correlation;

    #[test]
    fn the_same_numbers_correlate_and_a_constant_does_not() {
        let left: Vec<f64> = (0..10).map(|t| f64::from(t * t % 7)).collect();
        let twice: Vec<f64> = left.iter().map(|value| 2.0 * value + 1.0).collect();
        assert!(correlation(&left, &twice).unwrap() > 0.999_999);
        assert_eq!(correlation(&left, &[1.0; 10]), None);
        assert_eq!(correlation(&left[..3], &twice[..3]), None);
    }
}
