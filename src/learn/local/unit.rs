//! Histories in a unit near one.
//!
//! Sums of squares of a history of 1e300 overflow, and those of 1e-300 vanish. Dividing by a power of two loses nothing,
//! so that the recursions run on values near one, and their results do not depend on the unit of the data.

/// A history divided by a power of two, with that power.
pub(super) struct Scaled {
    /// The values, none above two in size.
    pub values: Vec<f64>,
    /// The power of two.
    pub unit: f64,
}

impl Scaled {
    /// `None` where the history is empty or holds what is not finite.
    pub fn new(history: &[f64]) -> Option<Scaled> {
        if history.is_empty() || history.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let largest = history.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        if largest < f64::MIN_POSITIVE {
            return Some(Scaled { values: vec![0.0; history.len()], unit: 1.0 });
        }
        let unit = 2.0_f64.powi(largest.log2().ceil().clamp(-1020.0, 1023.0) as i32);
        Some(Scaled { values: history.iter().map(|value| value / unit).collect(), unit })
    }

    /// Back in the unit of the history, and finite whatever comes: what overflows becomes the largest number, and what is
    /// none becomes the last value.
    pub fn back(&self, mut results: Vec<f64>) -> Vec<f64> {
        let last = self.values.last().copied().unwrap_or(0.0);
        for result in &mut results {
            let sound = if result.is_nan() { last } else { *result };
            *result = (sound * self.unit).clamp(f64::MIN, f64::MAX);
        }
        results
    }
}

/// The part of a history that parameters are sought on: the last 2,000 values, or four seasons where these are more.
pub(super) fn recent(values: &[f64], season: usize) -> &[f64] {
    &values[values.len().saturating_sub(season.saturating_mul(4).max(2_000))..]
}

/// What is published of a history that no recursion can run over: its last finite value, or zero.
pub(super) fn last_finite(history: &[f64], count: usize) -> Vec<f64> {
    let last = history.iter().rev().copied().find(|value| value.is_finite());
    vec![last.unwrap_or(0.0); count]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_loses_nothing() {
        for history in
            [vec![1.5, -3.0, 1e300], vec![1e-300, 3e-300], vec![0.0, 0.0], vec![f64::MAX, f64::MIN]]
        {
            let scaled = Scaled::new(&history).unwrap();
            assert!(scaled.values.iter().all(|value| value.abs() <= 2.0));
            let back = scaled.back(scaled.values.clone());
            for (before, after) in history.iter().zip(&back) {
                assert!((before - after).abs() <= before.abs() * 1e-15);
            }
        }
    }

    #[test]
    fn results_are_finite() {
        let scaled = Scaled::new(&[1.0, 2.0]).unwrap();
        assert_eq!(scaled.back(vec![f64::NAN, f64::INFINITY]), [2.0, f64::MAX]);
        assert!(Scaled::new(&[]).is_none() && Scaled::new(&[f64::NAN]).is_none());
        assert_eq!(last_finite(&[3.0, f64::NAN], 2), [3.0, 3.0]);
    }
}
