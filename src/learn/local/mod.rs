//! Models of one series at a time: what its own past says of its future.
//!
//! Each family is fitted to a history alone (`fit`), fitted again to a longer one from where it was (`warm`), and run
//! over a history without fitting (`forecast`, `fitted`). A history may be the one fitted to, one with newer values at
//! its end, or one that begins later; forecasts are finite whatever it holds.

mod aggregate;
mod arima;
mod arima_differences;
mod arima_likelihood;
mod arima_order;
mod ces;
mod counts;
mod ets;
mod ets_average;
mod ets_filter;
mod ets_form;
mod ets_search;
mod intermittent;
mod mstl;
mod seasonal;
mod simplex;
#[cfg(test)]
mod tests;
mod theta;
mod unit;

pub(in crate::learn) use aggregate::reconciled;
pub(in crate::learn) use arima::Arima;
pub(in crate::learn) use ces::Ces;
pub(in crate::learn) use counts::CountDemand;
pub(in crate::learn) use ets::Ets;
pub(in crate::learn) use ets_average::EtsAverage;
pub(in crate::learn) use intermittent::{DemandClass, Intermittent, Method, classify};
pub(in crate::learn) use mstl::Mstl;
pub(in crate::learn) use seasonal::Shrinkage;
pub(in crate::learn) use theta::{Theta, ThetaForm, ThetaSettings};

/// The mean absolute value, one where all are zero: what a history is divided by, so that the same tolerances serve all.
/// `None` where a value is not finite, or there is none.
fn scale_of(history: &[f64]) -> Option<f64> {
    let largest = history.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if history.is_empty() || history.iter().any(|value| !value.is_finite()) {
        return None;
    }
    if largest < f64::MIN_POSITIVE {
        return Some(1.0);
    }
    let mean = history.iter().map(|value| (value / largest).abs()).sum::<f64>() / history.len() as f64;
    Some((largest * mean).max(f64::MIN_POSITIVE))
}

/// The value, or where it is not finite the other; and where that is not either, zero.
fn finite(value: f64, otherwise: f64) -> f64 {
    if value.is_finite() {
        value
    } else if otherwise.is_finite() {
        otherwise
    } else {
        0.0
    }
}
