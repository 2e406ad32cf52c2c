//! One elastic net for all series, refitted at every origin on what was known then.
//!
//! A forecast several periods ahead is recursive: the forecast of one period is a lag of the next.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::learn::metrics;
use crate::project::model::Frequency;

use super::calendar;
use super::elastic_net::{Fit, Moments};
use super::features::{self, Plan, Walker};
use super::panel::Panel;

/// The penalties tried, in units of standardised features and target.
const PENALTIES: [f64; 5] = [0.001, 0.005, 0.02, 0.08, 0.3];
/// The penalty where there are too few rows to try.
const CAREFUL: f64 = 0.08;
/// Fewer rows than this teach nothing.
const MIN_ROWS: f64 = 24.0;
/// Rows per feature that the rich plan asks for.
const ROWS_PER_FEATURE: f64 = 8.0;
/// A forecast this many scales from the last value has run away.
const RUNAWAY: f64 = 1e4;

/// The fits, one per origin.
#[derive(Debug)]
pub(super) struct Global {
    /// One for each origin; the last is of everything.
    nets: Vec<Option<Net>>,
    /// Per series: the index of the first origin before which it has enough history, and its scale before it.
    scales: Vec<Option<(usize, f64)>>,
}

/// A fit of one origin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Net {
    plan: Plan,
    fit: Fit,
    frequency: Frequency,
}

impl Global {
    /// Learns once per origin (ascending), each time from the periods before it.
    ///
    /// The penalty is the one with the least one-step error on the `horizon` periods before the first origin, fitted
    /// without them: no period that is forecast in the backtest has a say in it.
    ///
    /// # Errors
    /// As [`Moments::fit`].
    pub fn learn(panel: &Panel, origins: &[i64], horizon: usize) -> Result<Global> {
        let indicators = calendar::indicators(panel.frequency);
        let rich = Plan::rich(panel.season, indicators);
        let (first, enough) = (origins[0], ROWS_PER_FEATURE * rich.width() as f64);
        let rows = |series| panel.before(series, first).len().saturating_sub(rich.depth) as f64;
        let deep = (0..panel.series.len()).map(rows).sum::<f64>() >= enough;
        let plan = if deep { rich } else { Plan::lean(panel.season, indicators) };

        let scales: Vec<_> =
            (0..panel.series.len()).map(|series| start(panel, series, origins, &plan)).collect();
        let parts = moments(panel, origins, horizon, &plan, &scales);
        let penalty = choose(&parts[0], &parts[1])?;
        let mut known = parts[0].clone();
        let mut nets = Vec::with_capacity(origins.len());
        for part in &parts[1..] {
            known.merge(part);
            let fit = if known.rows() >= MIN_ROWS { known.fit(penalty)? } else { None };
            nets.push(fit.map(|fit| Net { plan: plan.clone(), fit, frequency: panel.frequency }));
        }
        Ok(Global { nets, scales })
    }

    /// The net of an origin, and the scale it sees a series in; `None` where that had too little history by then.
    pub fn net(&self, series: usize, origin: usize) -> Option<(&Net, f64)> {
        let (_, scale) = self.scales[series].filter(|(first, _)| *first <= origin)?;
        Some((self.nets[origin].as_ref()?, scale))
    }

    /// The index of the origin after the end.
    pub fn last_origin(&self) -> usize {
        self.nets.len() - 1
    }

    /// The net of everything.
    pub fn last(&self) -> Option<&Net> {
        self.nets.last()?.as_ref()
    }
}

impl Net {
    /// What comes after a history that ends before `period`; `None` where it is too short, or where the recursion runs
    /// away. `scale` is a typical change of it.
    pub fn forecast(&self, history: &[f64], scale: f64, period: i64, horizon: usize) -> Option<Vec<f64>> {
        if history.len() <= self.plan.depth {
            return None;
        }
        let mut walker = Walker::new(&self.plan);
        history.iter().for_each(|&value| walker.push(value));
        let last = *history.last()?;
        let mut row = Vec::with_capacity(self.plan.width());
        let mut forecast = Vec::with_capacity(horizon);
        for step in 0..horizon {
            let active = calendar::active(self.frequency, period + step as i64);
            let (level, unit) = walker.row(scale, active, &mut row);
            let value = level + unit * self.fit.predict(&row);
            let away = (value - last).abs();
            if away.is_nan() || away > RUNAWAY * scale {
                return None;
            }
            walker.push(value);
            forecast.push(value);
        }
        Some(forecast)
    }
}

/// The first origin with enough history before it, and the scale of that history.
fn start(panel: &Panel, series: usize, origins: &[i64], plan: &Plan) -> Option<(usize, f64)> {
    let known = |&(_, &origin): &(usize, &i64)| panel.before(series, origin).len() > plan.depth;
    let scaled = |(index, &origin): (usize, &i64)| {
        metrics::scale(panel.before(series, origin), panel.season).map(|scale| (index, scale))
    };
    origins.iter().enumerate().filter(known).find_map(scaled)
}

/// The moments of the rows that became known between one origin and the next; the first two parts are those before the
/// first origin, without and of its last `horizon` periods. A series comes in at its first origin.
fn moments(
    panel: &Panel,
    origins: &[i64],
    horizon: usize,
    plan: &Plan,
    scales: &[Option<(usize, f64)>],
) -> Vec<Moments> {
    let mut bounds = vec![origins[0] - horizon as i64];
    bounds.extend(origins);
    let mut parts = vec![Moments::new(plan.width()); bounds.len()];
    let mut row = Vec::with_capacity(plan.width());
    for (series, scale) in scales.iter().enumerate() {
        let Some((first, scale)) = *scale else { continue };
        let mut walker = Walker::new(plan);
        let mut part = if first == 0 { 0 } else { first + 1 };
        for (offset, &value) in panel.series[series].values.iter().enumerate() {
            let period = panel.start(series) + offset as i64;
            if walker.ready() {
                while period >= bounds[part] {
                    part += 1;
                }
                let (level, unit) = walker.row(scale, calendar::active(panel.frequency, period), &mut row);
                let limit = 2.0 * features::FAR;
                parts[part].add(&row, ((value - level) / unit).clamp(-limit, limit));
            }
            walker.push(value);
        }
    }
    parts
}

/// The penalty with the least error on rows held out.
fn choose(fitted: &Moments, held_out: &Moments) -> Result<f64> {
    if fitted.rows() < MIN_ROWS || held_out.rows() < MIN_ROWS / 2.0 {
        return Ok(CAREFUL);
    }
    let mut best = (f64::INFINITY, CAREFUL);
    for penalty in PENALTIES {
        let Some(fit) = fitted.fit(penalty)? else { return Ok(CAREFUL) };
        let error = held_out.squared_error(&fit);
        if error < best.0 {
            best = (error, penalty);
        }
    }
    Ok(best.1)
}
