//! Levels that changed for good: a history is brought to the level its series has now.
//!
//! A level shift (R. S. Tsay, "Outliers, Level Shifts, and Variance Changes in Time Series", Journal of Forecasting 7 (1988),
//! 1-20) is looked for in the changes from one season to the next, in logarithms: the last ones all lie on one side, far
//! outside of what was usual before. It is looked for in every series, and in the sum of all, which shows what many noisy
//! series have in common. What lies before a shift is multiplied by its size, so that every model and every backtest sees one
//! level: in windows of a backtest that a shift falls into, models are tried as if it had been known. After a season the
//! changes are usual again, and models have seen enough of the new level by themselves.
//!
//! One period alone is an outlier rather than a shift, unless all series have it together and it is high: a low one may be
//! a period that is not complete.

use super::panel::Panel;

/// How many robust standard deviations from the usual change are far outside of it.
const FAR: f64 = 5.0;
/// What changes by less than half is no shift.
const LEAST: f64 = 0.405_465_108_108_164_4;
/// The least standard deviation of changes.
const FLOOR: f64 = 0.02;
/// Changes before the shift that say what is usual.
const USUAL: usize = 8;
/// So many series have something in common.
const MANY: usize = 3;

/// A shift at the end of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shift {
    /// Periods since.
    periods: usize,
    /// How many times as much as before, in logarithms.
    size: f64,
}

/// Brings every history to its present level; says what it did.
pub(super) fn settle(panel: &mut Panel) {
    // With regressors, these may explain what looks like a shift.
    if !panel.regressors.is_empty() {
        return;
    }
    let season = panel.season;
    // A sum is less noisy than its parts: fewer changes tell.
    let common =
        total(panel).and_then(|values| last(&changes(&values, season, season.max(USUAL) + 1)?, season));
    let common = common.filter(|shift| shift.periods > 1 || shift.size > 0.0);
    let mut settled = 0;
    for series in &mut panel.series {
        let own =
            changes(&series.values, season, 2 * season.max(USUAL)).and_then(|changes| last(&changes, season));
        let own = own.filter(|shift| shift.periods > 1);
        let Some(shift) = own.or_else(|| common.filter(|shift| shift.is_shared(&series.values, season)))
        else {
            continue;
        };
        settled += 1;
        let since = series.values.len() - shift.periods;
        series.values[..since].iter_mut().for_each(|value| *value *= shift.size.exp());
    }
    if settled > 0 {
        panel.notes.push(format!(
            "{settled} series came to a new level within the last season: what lies before was brought to it"
        ));
    }
}

/// The sum of the series that have no children, where these are many, over the periods that most of them have.
fn total(panel: &Panel) -> Option<Vec<f64>> {
    let lowest: Vec<&[f64]> = panel
        .series
        .iter()
        .zip(&panel.children)
        .filter(|(_, children)| children.is_empty())
        .map(|(series, _)| series.values.as_slice())
        .collect();
    let mut lengths: Vec<usize> = lowest.iter().map(|values| values.len()).collect();
    lengths.sort_unstable();
    let length = *lengths.get(lengths.len() / 2)?;
    let long: Vec<&[f64]> =
        lowest.into_iter().filter(|values| values.len() >= length).map(|v| &v[v.len() - length..]).collect();
    (long.len() >= MANY).then(|| (0..length).map(|t| long.iter().map(|values| values[t]).sum()).collect())
}

impl Shift {
    /// Whether a series takes part in a shift of the sum: its own change since is nearer to it than to none.
    fn is_shared(self, values: &[f64], season: usize) -> bool {
        let Some(before) = values.len().checked_sub(self.periods + season) else { return false };
        let then: f64 = values[before..before + self.periods].iter().sum();
        let now: f64 = values[values.len() - self.periods..].iter().sum();
        let change = (now / then).ln() / self.size;
        change.is_finite() && change > 0.5
    }
}

/// The changes of logarithms over a season; `None` where there are fewer than `least`, or they are not defined.
fn changes(values: &[f64], season: usize, least: usize) -> Option<Vec<f64>> {
    let recent = values.len().checked_sub(season + least)?;
    let values = &values[recent.saturating_sub(8 * season)..];
    if season < 2 || values.iter().any(|value| *value <= 0.0 || !value.is_finite()) {
        return None;
    }
    Some(values.iter().zip(&values[season..]).map(|(before, now)| (now / before).ln()).collect())
}

/// The shift that the last changes show.
fn last(changes: &[f64], season: usize) -> Option<Shift> {
    (1..=season).rev().find_map(|periods| {
        let (before, since) = changes.split_at(changes.len().checked_sub(periods)?);
        if before.len() < USUAL {
            return None;
        }
        let centre = median(before);
        let spread =
            1.482_6 * median(&before.iter().map(|change| (change - centre).abs()).collect::<Vec<_>>());
        let far = FAR * spread.max(FLOOR);
        let size = median(since) - centre;
        let beyond = |change: &f64| (change - centre).abs() > far && (change > &centre) == (size > 0.0);
        // The shift begins where changes leave what is usual, not earlier.
        let begins = before.last().is_none_or(|change| !beyond(change));
        let holds = size.abs() > LEAST && since.iter().all(beyond) && begins;
        holds.then_some(Shift { periods, size })
    })
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 if middle > 0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted.get(middle).copied().unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(length: usize, shift: usize, factor: f64) -> Vec<f64> {
        let value = |t: usize| {
            let noise = 1.0 + 0.06 * (((t * 7919) % 100) as f64 / 100.0 - 0.5);
            let season = 1.0 + 0.3 * (std::f64::consts::TAU * (t % 12) as f64 / 12.0).sin();
            100.0 * season * noise * if t >= shift { factor } else { 1.0 }
        };
        (0..length).map(value).collect()
    }

    fn found(values: &[f64]) -> Option<Shift> {
        last(&changes(values, 12, 24)?, 12)
    }

    #[test]
    fn a_shift_is_found_where_it_begins() {
        for periods in [1, 2, 5, 12] {
            let shift = found(&history(72, 72 - periods, 3.0)).unwrap();
            assert_eq!(shift.periods, periods);
            assert!((shift.size - 3.0_f64.ln()).abs() < 0.06, "{shift:?}");
        }
        let down = found(&history(72, 69, 0.4)).unwrap();
        assert!(down.periods == 3 && down.size < 0.0, "{down:?}");
    }

    #[test]
    fn a_series_takes_part_in_what_all_have_in_common() {
        let shift = Shift { periods: 2, size: 2.0_f64.ln() };
        let with = |last: [f64; 2]| [vec![4.0; 24], last.to_vec()].concat();
        assert!(shift.is_shared(&with([9.0, 6.0]), 12));
        assert!(!shift.is_shared(&with([4.0, 5.0]), 12));
        assert!(!shift.is_shared(&with([0.0, 0.0]), 12));
        assert!(!shift.is_shared(&[4.0, 8.0], 12));
    }

    #[test]
    fn what_is_usual_or_short_or_zero_is_left_alone() {
        assert_eq!(found(&history(72, 99, 1.0)), None);
        assert_eq!(found(&history(72, 70, 1.2)), None);
        assert_eq!(found(&history(30, 28, 3.0)), None);
        let mut sparse = history(72, 70, 3.0);
        sparse[20] = 0.0;
        assert_eq!(found(&sparse), None);
        // An old shift is seen by the models themselves.
        assert_eq!(found(&history(90, 60, 3.0)), None);
    }
}
