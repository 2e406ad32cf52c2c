//! What makes up a forecast, in words a planner can check: level, season, trend and regressors, which sum to it.
//!
//! The level is the mean of the last season without the effect of regressors; the season is the mean deviation of that
//! place in up to three seasons; the effect of each regressor is as estimated; the trend is what the forecast has beyond
//! these. So the parts say what the forecast amounts to, whichever model made it.

use super::panel::Panel;

/// Seasons that are looked at.
const SEASONS: usize = 3;

/// The text of every step of a forecast that is there. `base` is the mean before reconciliation, `effects` are those of the regressors per step.
pub(super) fn texts(
    panel: &Panel,
    series: usize,
    mean: &[f64],
    base: &[f64],
    effects: &[Vec<(usize, f64)>],
) -> Vec<String> {
    let values = &panel.series[series].values;
    let season = if values.len() >= 2 * panel.season { panel.season } else { 1 };
    let level = average(&values[values.len() - season.min(values.len())..]);
    let whole = (values.len() / season).min(SEASONS) * season;
    let recent = &values[values.len() - whole..];
    let usual = average(recent);
    let place = |step: usize| {
        if season == 1 {
            return 0.0;
        }
        let same: Vec<f64> = recent.iter().skip(step % season).step_by(season).copied().collect();
        average(&same) - usual
    };
    let text = |step: usize| {
        let mut parts = vec![format!("level {}", number(level))];
        let season = place(step);
        let outside = effects.get(step).map_or(&[][..], Vec::as_slice);
        let explained: f64 = outside.iter().map(|(_, effect)| effect).sum();
        let trend = base[step] - level - season - explained;
        let unit = level.abs().max(mean[step].abs());
        let mut add = |name: &str, value: f64| {
            if value.abs() > 1e-4 * unit {
                parts.push(format!("{name} {}", signed(value)));
            }
        };
        add("trend", trend);
        add("season", season);
        for (column, effect) in outside {
            add(&panel.regressors[*column].label(), *effect);
        }
        add("reconciled", mean[step] - base[step]);
        parts.join(", ")
    };
    (0..mean.len()).map(text).collect()
}

fn average(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    if mean.is_finite() { mean } else { 0.0 }
}

/// Four digits.
fn number(value: f64) -> String {
    let size = value.abs();
    let digits =
        if size >= 1_000.0 || size == 0.0 { 0 } else { (3 - size.log10().floor() as i32).clamp(0, 9) };
    let text = format!("{value:.*}", digits as usize);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" || text.is_empty() { "0".to_string() } else { text.to_string() }
}

fn signed(value: f64) -> String {
    if value > 0.0 { format!("+{}", number(value)) } else { number(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let texts = [123_456.7, 120.04, 3.0, -8.25, 0.000_123_46, 0.0].map(number);
        assert_eq!(texts, ["123457", "120", "3", "-8.25", "0.0001235", "0"]);
        assert_eq!(signed(3.0), "+3");
    }
}
