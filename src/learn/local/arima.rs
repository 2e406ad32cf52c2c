//! Automatic seasonal autoregressive integrated moving-average models.
//!
//! R. J. Hyndman and Y. Khandakar, "Automatic Time Series Forecasting: The forecast Package for R", Journal of
//! Statistical Software 27(3) (2008): differences by tests, orders by a stepwise search on the corrected Akaike
//! criterion. Every order is fitted by exact maximum likelihood; no approximation is needed, for each search starts where
//! its neighbour's ended.

use serde::{Deserialize, Serialize};

use super::arima_differences::{Differences, constant};
use super::arima_likelihood::{Lags, Process};
use super::arima_order::{LEAST, OrderFit, fit, partials};
use super::unit::{Scaled, last_finite, recent};

/// The largest plain orders, the largest seasonal ones, and the largest sum of all that the search goes to.
const MOST: (usize, usize, usize) = (5, 2, 5);
/// The longest season that gets seasonal terms: the work grows with its square.
const LONGEST_SEASON: usize = 60;
/// How many Gauss-Newton steps a candidate and the last fit get.
const STEPS: (usize, usize) = (12, 60);
/// How many orders the search tries at most.
const TRIALS: usize = 94;

/// A fitted model: orders, partial autocorrelations and regression coefficients. What it needs to know of the past it
/// finds in the history it is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Arima {
    /// Autoregressive order, differences, moving-average order.
    order: [usize; 3],
    /// The same by season.
    seasonal: [usize; 3],
    season: usize,
    /// Whether the first coefficient is a mean (of the differenced values: a drift).
    constant: bool,
    /// Partial autocorrelations of the four polynomials: p, q, seasonal p, seasonal q.
    partials: Vec<f64>,
    /// Of the constant, where there is one; in the unit of the data.
    coefficients: Vec<f64>,
    /// The corrected Akaike criterion; comparable between models of the same differences.
    criterion: f64,
}

impl Arima {
    /// Searches for differences and orders. `None` below five values, or where all are equal or one is not finite.
    pub fn fit(history: &[f64], season: usize) -> Option<Arima> {
        let history = recent(history, season);
        let scaled = Scaled::new(history)?;
        if history.len() < 5 || constant(history) {
            return None;
        }
        let season = if season > LONGEST_SEASON { 1 } else { season.max(1) };
        let differences = Differences::choose(&scaled.values, season);
        let (fit, constant) = Search::new(&scaled.values, differences).run()?;
        Some(Arima::from_fit(fit, constant, differences, &scaled))
    }

    fn from_fit(fit: OrderFit, constant: bool, differences: Differences, scaled: &Scaled) -> Arima {
        let Lags { p, q, seasonal_p, seasonal_q } = fit.lags;
        let coefficients = fit.coefficients.iter();
        Arima {
            order: [p, differences.plain, q],
            seasonal: [seasonal_p, differences.seasonal, seasonal_q],
            season: differences.season,
            constant,
            partials: partials(&fit.point),
            coefficients: coefficients
                .map(|weight| (weight * scaled.unit).clamp(f64::MIN, f64::MAX))
                .collect(),
            criterion: fit.criterion,
        }
    }

    /// The same differences and orders, their parameters sought from where these are.
    pub fn warm(&self, history: &[f64]) -> Option<Arima> {
        let history = recent(history, self.season);
        let scaled = Scaled::new(history)?;
        if constant(history) {
            return None;
        }
        let differences = self.differences();
        let search = Search::new(&scaled.values, differences);
        let start = self.partials.iter().map(|partial| partial.clamp(-0.999, 0.999).atanh()).collect();
        let fit = search.fit(self.lags(), self.constant, start, STEPS.1)?;
        Some(Arima::from_fit(fit, self.constant, differences, &scaled))
    }

    /// Runs the fitted recursion over the history and forecasts; `horizon` finite values.
    pub fn forecast(&self, history: &[f64], horizon: usize) -> Vec<f64> {
        let Some(scaled) = Scaled::new(history) else { return last_finite(history, horizon) };
        let differences = self.differences();
        if scaled.values.len() <= differences.lost() {
            return last_finite(history, horizon);
        }
        let drift = self.drift(scaled.unit);
        let mut series =
            [differences.apply(&scaled.values).iter().map(|value| value - drift).collect::<Vec<_>>()];
        let process = Process::new(self.lags(), self.season, &self.partials);
        let mut filtered = process.filter(&mut series);
        let expected = process.expected(filtered.states.swap_remove(0), horizon);
        let following: Vec<f64> = expected.iter().map(|value| value + drift).collect();
        scaled.back(differences.undo(&scaled.values, &following))
    }

    fn drift(&self, unit: f64) -> f64 {
        if self.constant { self.coefficients[0] / unit } else { 0.0 }
    }

    fn lags(&self) -> Lags {
        let ([p, _, q], [seasonal_p, _, seasonal_q]) = (self.order, self.seasonal);
        Lags { p, q, seasonal_p, seasonal_q }
    }

    fn differences(&self) -> Differences {
        Differences { plain: self.order[1], seasonal: self.seasonal[1], season: self.season }
    }
}

/// The stepwise search over orders, for one choice of differences.
struct Search {
    values: Vec<f64>,
    /// The constant.
    columns: Vec<Vec<f64>>,
    season: usize,
    constant_allowed: bool,
    most: Lags,
    tried: Vec<(Lags, bool)>,
}

impl Search {
    fn new(values: &[f64], differences: Differences) -> Search {
        let values = differences.apply(values);
        let columns = vec![vec![1.0; values.len()]];
        let third = values.len() / 3;
        let (plain, seasonal) = (MOST.0.min(third), MOST.1.min(third / differences.season));
        let seasonal = if differences.season > 1 { seasonal } else { 0 };
        Search {
            season: differences.season,
            constant_allowed: differences.plain + differences.seasonal < 2,
            most: Lags { p: plain, q: plain, seasonal_p: seasonal, seasonal_q: seasonal },
            tried: Vec::new(),
            values,
            columns,
        }
    }

    fn fit(&self, lags: Lags, constant: bool, start: Vec<f64>, steps: usize) -> Option<OrderFit> {
        let columns = if constant { &self.columns[..] } else { &self.columns[1..] };
        fit(&self.values, columns, self.season, lags, start, steps)
    }

    /// Tries an order and keeps it where it is better. Whether it was.
    fn attempt(&mut self, best: &mut Option<(OrderFit, bool)>, lags: Lags, constant: bool) -> bool {
        let Lags { p, q, seasonal_p, seasonal_q } = lags;
        let allowed = p <= self.most.p
            && q <= self.most.q
            && seasonal_p <= self.most.seasonal_p
            && seasonal_q <= self.most.seasonal_q
            && lags.count() <= MOST.2.max(6)
            && (self.constant_allowed || !constant)
            && self.tried.len() < TRIALS
            && !self.tried.contains(&(lags, constant));
        if !allowed {
            return false;
        }
        self.tried.push((lags, constant));
        let start = start(lags, best.as_ref().map(|(fit, _)| fit));
        let Some(fit) = self.fit(lags, constant, start, STEPS.0) else { return false };
        let better = best.as_ref().is_none_or(|(known, _)| fit.criterion < known.criterion);
        if better {
            *best = Some((fit, constant));
        }
        better
    }

    fn run(mut self) -> Option<(OrderFit, bool)> {
        let Lags { p: plain, seasonal_p: seasonal, .. } = self.most;
        let lags = |p: usize, q: usize, seasonal_p: usize, seasonal_q: usize| Lags {
            p: p.min(plain),
            q: q.min(plain),
            seasonal_p: seasonal_p.min(seasonal),
            seasonal_q: seasonal_q.min(seasonal),
        };
        let with = self.constant_allowed;
        if constant(&self.values) {
            let coefficients = if with { vec![self.values[0]] } else { Vec::new() };
            // No error is left; the criterion stands for one too small to count.
            let criterion = self.values.len() as f64 * LEAST.ln();
            let fit = OrderFit { lags: Lags::default(), point: Vec::new(), coefficients, criterion };
            return Some((fit, with));
        }
        let mut best = None;
        self.attempt(&mut best, lags(0, 0, 0, 0), with);
        self.attempt(&mut best, lags(1, 0, 1, 0), with);
        self.attempt(&mut best, lags(0, 1, 0, 1), with);
        self.attempt(&mut best, lags(2, 2, 1, 1), with);
        self.attempt(&mut best, lags(0, 0, 0, 0), false);
        while let Some((known, constant)) = &best {
            let (from, constant) = (known.lags, *constant);
            let steps = neighbours(from).into_iter().map(|lags| (lags, constant)).chain([(from, !constant)]);
            if !steps.into_iter().any(|(lags, constant)| self.attempt(&mut best, lags, constant)) {
                break;
            }
        }
        let (known, constant) = best?;
        let last = self.fit(known.lags, constant, known.point.clone(), STEPS.1);
        Some((last.unwrap_or(known), constant))
    }
}

/// The orders one step away, seasonal ones first.
fn neighbours(from: Lags) -> Vec<Lags> {
    const STEPS: [(isize, isize); 8] = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)];
    let seasonal = STEPS.iter().filter_map(|(by_p, by_q)| {
        let seasonal_p = from.seasonal_p.checked_add_signed(*by_p)?;
        Some(Lags { seasonal_p, seasonal_q: from.seasonal_q.checked_add_signed(*by_q)?, ..from })
    });
    let plain = STEPS.iter().filter_map(|(by_p, by_q)| {
        Some(Lags { p: from.p.checked_add_signed(*by_p)?, q: from.q.checked_add_signed(*by_q)?, ..from })
    });
    seasonal.chain(plain).collect()
}

/// Where the search for an order begins: at the parameters of a neighbour, new ones a little off zero.
fn start(lags: Lags, neighbour: Option<&OrderFit>) -> Vec<f64> {
    let empty = [&[][..]; 4];
    let known = neighbour.map_or(empty, |fit| fit.lags.split(&fit.point));
    let wanted = [(lags.p, 0.1), (lags.q, -0.1), (lags.seasonal_p, 0.1), (lags.seasonal_q, -0.1)];
    let each = wanted.into_iter().zip(known).flat_map(|((count, new), known)| {
        (0..count).map(move |at| known.get(at).copied().unwrap_or(new).clamp(-2.0, 2.0))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::local::arima_order::tests::PASSENGERS;

    fn airline(constant: bool) -> Arima {
        let partials = vec![0.377_162_433_635_414_46, 0.572_378_973_813_262_1];
        let coefficients = if constant { vec![0.01] } else { Vec::new() };
        Arima {
            order: [0, 1, 1],
            seasonal: [0, 1, 1],
            season: 12,
            constant,
            partials,
            coefficients,
            criterion: 0.0,
        }
    }

    #[test]
    fn given_parameters_forecast_as_the_reference() {
        // statsforecast 2.1, arima(log(AirPassengers), (0,1,1), (0,1,1), "CSS-ML"): ma1 -0.37716, sma1 -0.57238.
        let logarithms: Vec<f64> = PASSENGERS.iter().map(|value| value.ln()).collect();
        let forecast = airline(false).forecast(&logarithms, 12);
        for (step, wanted) in
            [(0, 6.109_592_226_955_407), (5, 6.368_338_091_492_484), (11, 6.167_990_601_663_7)]
        {
            assert!((forecast[step] - wanted).abs() < 1e-5, "{step} {} {wanted}", forecast[step]);
        }
    }

    #[test]
    fn the_search_follows_season_and_trend() {
        let (history, future) = PASSENGERS.split_at(132);
        let fit = Arima::fit(history, 12).unwrap();
        assert_eq!(fit.seasonal[1], 1);
        let forecast = fit.forecast(history, 12);
        let error =
            forecast.iter().zip(future).map(|(got, wanted)| (got / wanted - 1.0).abs()).sum::<f64>() / 12.0;
        assert!(error < 0.06, "{error}");
        let warm = fit.warm(&PASSENGERS).unwrap();
        assert_eq!((warm.order, warm.seasonal), (fit.order, fit.seasonal));
    }

    #[test]
    fn odd_histories_are_refused_or_give_finite_values() {
        for history in &super::super::tests::odd_histories(&PASSENGERS) {
            for season in [0, 1, 4, 12] {
                for model in Arima::fit(history, season).into_iter().chain([airline(true)]) {
                    let forecast = |seen: &[f64], horizon| model.forecast(seen, horizon);
                    super::super::tests::are_finite(history, forecast);
                }
            }
        }
        assert!(Arima::fit(&[7.0; 40], 4).is_none() && Arima::fit(&[1.0, 2.0, 3.0], 1).is_none());
    }

    #[test]
    fn a_long_history_is_fitted_on_its_recent_part() {
        let long: Vec<f64> = (0..20_000).map(|time| PASSENGERS[time % 144]).collect();
        let fit = Arima::fit(&long, 1).unwrap();
        assert_eq!(fit, Arima::fit(&long[18_000..], 1).unwrap());
        assert!(fit.forecast(&long, 3).iter().all(|value| value.is_finite()));
    }

    #[test]
    fn a_straight_line_goes_on() {
        let line: Vec<f64> = (0..40).map(|time| 3.0 + 0.5 * f64::from(time)).collect();
        let forecast = Arima::fit(&line, 1).unwrap().forecast(&line, 3);
        assert_eq!(forecast, [23.0, 23.5, 24.0]);
    }

    #[test]
    fn a_saved_model_forecasts_the_same() {
        let fit = Arima::fit(&PASSENGERS, 12).unwrap();
        let saved: Arima = serde_json::from_str(&serde_json::to_string(&fit).unwrap()).unwrap();
        assert_eq!(saved, fit);
        assert_eq!(saved.forecast(&PASSENGERS, 24), fit.forecast(&PASSENGERS, 24));
    }
}
