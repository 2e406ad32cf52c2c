//! What the pooled model sees of a history at every moment of it.
//!
//! All in units of a typical change of the series and relative to its level, so that series of any size speak of the same
//! thing: the last values, levels and slopes smoothed at several speeds, and the drift so far; and all of these once more
//! times how fast the level of this series moves, how straight it went and how rough it is, which lets a calm series be
//! treated unlike a lively one. These three factors together had the least error of all their subsets on rolling origins
//! inside the training parts of the M3 and M1 competitions.

/// Speeds of smoothing for levels.
const LEVELS: [f64; 5] = [0.05, 0.1, 0.2, 0.4, 0.7];
/// Speeds of smoothing for slopes.
const SLOPES: [f64; 3] = [0.05, 0.15, 0.4];
/// The speeds tried for the level of a series.
const TRIED: [f64; 12] = [0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0];
/// Nothing is further than this many typical changes.
pub(super) const FAR: f64 = 30.0;

/// A history seen as rows of features.
pub(super) struct Seen {
    /// The level after each value.
    pub anchors: Vec<f64>,
    /// A typical change.
    pub scale: f64,
    /// One row per moment, each of [`width`] numbers.
    pub rows: Vec<f64>,
}

/// Numbers in a row.
pub(super) fn width(lags: usize) -> usize {
    base(lags) * 4
}

fn base(lags: usize) -> usize {
    lags + LEVELS.len() + SLOPES.len() + 2
}

/// The speed with the least squared error one step ahead.
pub(super) fn speed(history: &[f64]) -> f64 {
    let mut best = (f64::INFINITY, 1.0);
    for alpha in TRIED {
        let mut level = history[0];
        let mut error = 0.0;
        for &value in &history[1..] {
            error += (value - level) * (value - level);
            level += alpha * (value - level);
        }
        if error < best.0 {
            best = (error, alpha);
        }
    }
    best.1
}

/// Looks at a history without season; the rows start at moment `from`. `None` where it never changes.
pub(super) fn see(history: &[f64], lags: usize, from: usize) -> Option<Seen> {
    let changes = history.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    let scale = changes.sum::<f64>() / history.len().saturating_sub(1).max(1) as f64;
    if history.len() < 3 || !scale.is_finite() || scale <= 0.0 {
        return None;
    }
    let alpha = speed(history);
    let size = history.iter().map(|value| value.abs()).sum::<f64>() / history.len() as f64;
    let rough = if size > 0.0 { (scale / size).clamp(1e-4, 1e2).ln() + 3.0 } else { 0.0 };
    let first = history[0];
    let mut anchor = first;
    let mut levels = [first; LEVELS.len()];
    let mut slopes = [0.0; SLOPES.len()];
    let mut walked = 0.0;
    let mut anchors = Vec::with_capacity(history.len());
    let mut rows = Vec::with_capacity(history.len().saturating_sub(from) * width(lags));
    for (at, &value) in history.iter().enumerate() {
        if at > 0 {
            let change = value - history[at - 1];
            walked += change.abs();
            anchor += alpha * (value - anchor);
            for (level, speed) in levels.iter_mut().zip(LEVELS) {
                *level += speed.max(1.0 / (at + 1) as f64) * (value - *level);
            }
            for (slope, speed) in slopes.iter_mut().zip(SLOPES) {
                *slope += speed.max(1.0 / at as f64) * (change - *slope);
            }
        }
        anchors.push(anchor);
        if at < from {
            continue;
        }
        let start = rows.len();
        let near = |value: f64| ((value - anchor) / scale).clamp(-FAR, FAR);
        rows.extend((0..lags).map(|lag| near(history[at.saturating_sub(lag)])));
        rows.extend(levels.iter().map(|&level| near(level)));
        rows.extend(slopes.iter().map(|slope| (slope / scale).clamp(-FAR, FAR)));
        let drift = (value - first) / at.max(1) as f64 / scale;
        rows.push(drift.clamp(-FAR, FAR));
        rows.push(1.0);
        let end = rows.len();
        let straight = if walked > 0.0 { (value - first).abs() / walked } else { 0.0 };
        for factor in [alpha, straight, rough] {
            for index in start..end {
                rows.push(rows[index] * factor);
            }
        }
    }
    Some(Seen { anchors, scale, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_their_width_and_do_not_depend_on_the_unit() {
        let history: Vec<f64> = (0..30).map(|t| 50.0 + f64::from(t % 7) + f64::from(t)).collect();
        let doubled: Vec<f64> = history.iter().map(|value| value * 2.0).collect();
        let (one, two) = (see(&history, 4, 3).unwrap(), see(&doubled, 4, 3).unwrap());
        assert_eq!(one.rows.len(), 27 * width(4));
        assert_eq!(one.rows, two.rows);
        assert_eq!(one.scale * 2.0, two.scale);
    }

    #[test]
    fn the_last_row_alone_is_the_last_of_all() {
        let history: Vec<f64> = (0..20).map(|t| f64::from(t * t % 11)).collect();
        let (all, last) = (see(&history, 2, 3).unwrap(), see(&history, 2, 19).unwrap());
        assert_eq!(all.rows[16 * width(2)..], last.rows);
    }

    #[test]
    fn calm_levels_move_slowly() {
        let noise: Vec<f64> =
            (0..60_u32).map(|t| f64::from(t.wrapping_mul(2_654_435_761) >> 16 & 255)).collect();
        let walk: Vec<f64> = (0..60).map(|t| f64::from(t) * 3.0).collect();
        assert!(speed(&noise) < 0.3 && speed(&walk) == 1.0);
    }

    #[test]
    fn a_constant_is_not_looked_at() {
        assert!(see(&[5.0; 20], 2, 3).is_none() && see(&[1.0, 2.0], 2, 0).is_none());
    }
}
