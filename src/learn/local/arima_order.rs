//! One order of an autoregressive moving-average model, fitted by exact maximum likelihood.
//!
//! With the error variance and the regression coefficients concentrated out, the likelihood is a sum of squares (C. F.
//! Ansley, "An Algorithm for the Exact Likelihood of a Mixed Autoregressive-Moving Average Process", Biometrika 66
//! (1979), 59-65), so that the damped Gauss-Newton steps of D. W. Marquardt, Journal of the Society for Industrial and
//! Applied Mathematics 11 (1963), 431-441, find its minimum. They move in the inverse hyperbolic tangents of the partial
//! autocorrelations, where every point is a stationary and invertible process.

use super::arima_likelihood::{Lags, Process, operator};

/// The farthest the search goes: partial autocorrelations of 0.9993.
const FARTHEST: f64 = 4.0;
/// The nearest a root may come to the unit circle, as in R's `forecast::auto.arima`: nearer ones are numerically unstable.
const MARGIN: f64 = 1.01;

/// The least mean square that counts, of values near one.
pub(super) const LEAST: f64 = 1e-30;

/// A fitted order.
#[derive(Clone, Debug)]
pub(super) struct OrderFit {
    pub lags: Lags,
    /// Inverse hyperbolic tangents of the partial autocorrelations.
    pub point: Vec<f64>,
    /// Of the regression on the columns.
    pub coefficients: Vec<f64>,
    /// The corrected Akaike criterion, up to a constant that all orders share.
    pub criterion: f64,
}

/// What the innovations say at one point.
struct Trial {
    residuals: Vec<f64>,
    squares: f64,
    coefficients: Vec<f64>,
}

/// Fits the order to values that need no more differencing, regressed on columns as long as they are. The search starts
/// at `start`. `None` where the values are too few, the columns are collinear, or a root is too near to the unit circle.
pub(super) fn fit(
    values: &[f64],
    columns: &[Vec<f64>],
    season: usize,
    lags: Lags,
    start: Vec<f64>,
    steps: usize,
) -> Option<OrderFit> {
    let count = values.len() as f64;
    let used = (lags.count() + columns.len() + 1) as f64;
    if count - used - 1.0 <= 0.0 {
        return None;
    }
    let mut point = start;
    let mut now = attempt(values, columns, season, lags, &point)?;
    let size = point.len();
    let mut damping = 1e-3;
    let mut jacobian = vec![Vec::new(); size];
    for _ in 0..if size == 0 { 0 } else { steps } {
        for (axis, slope) in jacobian.iter_mut().enumerate() {
            let mut beside = point.clone();
            let by = if beside[axis] > 0.0 { -1e-5 } else { 1e-5 };
            beside[axis] += by;
            let trial = attempt(values, columns, season, lags, &beside)?;
            *slope =
                trial.residuals.iter().zip(&now.residuals).map(|(there, here)| (there - here) / by).collect();
        }
        let gradient: Vec<f64> = jacobian.iter().map(|slope| -dot(slope, &now.residuals)).collect();
        let normal: Vec<Vec<f64>> =
            jacobian.iter().map(|one| jacobian.iter().map(|other| dot(one, other)).collect()).collect();
        let before = now.squares;
        let mut moved = false;
        while damping < 1e6 {
            let mut damped = normal.clone();
            for (axis, row) in damped.iter_mut().enumerate() {
                // A little of the whole sum of squares too, for axes that change nothing.
                row[axis] += damping * (row[axis] + 1e-3 * now.squares);
            }
            let Some(step) = solve(damped, gradient.clone()) else {
                damping *= 8.0;
                continue;
            };
            let reach = step.iter().fold(0.0_f64, |most, part| most.max(part.abs()));
            let shorten = if reach > 1.0 { 1.0 / reach } else { 1.0 };
            let there: Vec<f64> = point
                .iter()
                .zip(&step)
                .map(|(at, part)| (at + part * shorten).clamp(-FARTHEST, FARTHEST))
                .collect();
            match attempt(values, columns, season, lags, &there) {
                Some(trial) if trial.squares < now.squares => {
                    (point, now, moved) = (there, trial, true);
                    damping = (damping * 0.2).max(1e-9);
                    break;
                }
                _ => damping *= 8.0,
            }
        }
        if !moved || before - now.squares <= 1e-6 * before {
            break;
        }
    }
    let criterion = count * (now.squares / count).max(LEAST).ln()
        + 2.0 * used
        + 2.0 * used * (used + 1.0) / (count - used - 1.0);
    let sound = criterion.is_finite() && apart(lags, season, &point);
    sound.then_some(OrderFit { lags, point, coefficients: now.coefficients, criterion })
}

/// The partial autocorrelations at a point of the search.
pub(super) fn partials(point: &[f64]) -> Vec<f64> {
    point.iter().map(|at| at.tanh()).collect()
}

fn attempt(values: &[f64], columns: &[Vec<f64>], season: usize, lags: Lags, point: &[f64]) -> Option<Trial> {
    let process = Process::new(lags, season, &partials(point));
    let mut all = Vec::with_capacity(columns.len() + 1);
    all.extend(columns.iter().cloned());
    all.push(values.to_vec());
    let logarithm = process.filter(&mut all).logarithm;
    let mut residuals = all.pop()?;
    let coefficients = if all.is_empty() {
        Vec::new()
    } else {
        let normal = all.iter().map(|one| all.iter().map(|other| dot(one, other)).collect()).collect();
        solve(normal, all.iter().map(|column| dot(column, &residuals)).collect())?
    };
    let unit = (logarithm / 2.0).exp();
    for (time, residual) in residuals.iter_mut().enumerate() {
        let explained: f64 =
            all.iter().zip(&coefficients).map(|(column, weight)| column[time] * weight).sum();
        *residual = (*residual - explained) * unit;
    }
    let squares = dot(&residuals, &residuals);
    squares.is_finite().then_some(Trial { residuals, squares, coefficients })
}

/// Whether all roots of the four polynomials are farther than the margin from the unit circle.
fn apart(lags: Lags, season: usize, point: &[f64]) -> bool {
    let partials = partials(point);
    let [p, q, seasonal_p, seasonal_q] = lags.split(&partials);
    let far = |partials: &[f64], margin: f64| {
        let mut polynomial = operator(partials);
        let mut power = 1.0;
        for weight in &mut polynomial {
            *weight *= power;
            power *= margin;
        }
        super::ces::forgets(&mut polynomial)
    };
    // Of seasonal polynomials the roots are powers.
    let seasonal = MARGIN.powi(i32::try_from(season).unwrap_or(i32::MAX));
    far(p, MARGIN) && far(q, MARGIN) && far(seasonal_p, seasonal) && far(seasonal_q, seasonal)
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// Solves a symmetric positive definite system by Cholesky's decomposition; `None` where it is none.
pub(super) fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let known: f64 = (0..column).map(|k| matrix[row][k] * matrix[column][k]).sum();
            let rest = matrix[row][column] - known;
            matrix[row][column] = if row > column {
                rest / matrix[column][column]
            } else if rest > matrix[row][row] * 1e-13 && rest.is_finite() {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    for row in 0..size {
        let known: f64 = (0..row).map(|k| matrix[row][k] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|k| matrix[k][row] * right[k]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    Some(right)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::learn::local::arima_differences::Differences;

    /// Monthly airline passengers (thousands), 1949 to 1960: G. E. P. Box and G. M. Jenkins, "Time Series Analysis"
    /// (1970), series G.
    #[rustfmt::skip]
    pub(in crate::learn::local) const PASSENGERS: [f64; 144] = [
        112.0, 118.0, 132.0, 129.0, 121.0, 135.0, 148.0, 148.0, 136.0, 119.0, 104.0, 118.0, 115.0, 126.0, 141.0, 135.0,
        125.0, 149.0, 170.0, 170.0, 158.0, 133.0, 114.0, 140.0, 145.0, 150.0, 178.0, 163.0, 172.0, 178.0, 199.0, 199.0,
        184.0, 162.0, 146.0, 166.0, 171.0, 180.0, 193.0, 181.0, 183.0, 218.0, 230.0, 242.0, 209.0, 191.0, 172.0, 194.0,
        196.0, 196.0, 236.0, 235.0, 229.0, 243.0, 264.0, 272.0, 237.0, 211.0, 180.0, 201.0, 204.0, 188.0, 235.0, 227.0,
        234.0, 264.0, 302.0, 293.0, 259.0, 229.0, 203.0, 229.0, 242.0, 233.0, 267.0, 269.0, 270.0, 315.0, 364.0, 347.0,
        312.0, 274.0, 237.0, 278.0, 284.0, 277.0, 317.0, 313.0, 318.0, 374.0, 413.0, 405.0, 355.0, 306.0, 271.0, 306.0,
        315.0, 301.0, 356.0, 348.0, 355.0, 422.0, 465.0, 467.0, 404.0, 347.0, 305.0, 336.0, 340.0, 318.0, 362.0, 348.0,
        363.0, 435.0, 491.0, 505.0, 404.0, 359.0, 310.0, 337.0, 360.0, 342.0, 406.0, 396.0, 420.0, 472.0, 548.0, 559.0,
        463.0, 407.0, 362.0, 405.0, 417.0, 391.0, 419.0, 461.0, 472.0, 535.0, 622.0, 606.0, 508.0, 461.0, 390.0, 432.0,
    ];

    #[test]
    fn the_airline_model_has_its_published_parameters() {
        let values: Vec<f64> = PASSENGERS.iter().map(|value| value.ln()).collect();
        let differenced = Differences { plain: 1, seasonal: 1, season: 12 }.apply(&values);
        let lags = Lags { q: 1, seasonal_q: 1, ..Lags::default() };
        let fit = fit(&differenced, &[], 12, lags, vec![0.1, 0.1], 60).unwrap();
        // R 4.3, arima(log(AirPassengers), c(0,1,1), c(0,1,1)): ma1 -0.4018, sma1 -0.5569, log likelihood 244.70.
        let partials = partials(&fit.point);
        assert!((partials[0] - 0.4018).abs() < 5e-5 && (partials[1] - 0.5569).abs() < 2e-4, "{partials:?}");
        let count = differenced.len() as f64;
        let used = 3.0;
        let deviance = fit.criterion - 2.0 * used - 2.0 * used * (used + 1.0) / (count - used - 1.0);
        let likelihood = -0.5 * (count * (1.0 + (2.0 * std::f64::consts::PI).ln()) + deviance);
        assert!((likelihood - 244.70).abs() < 5e-3, "{likelihood}");
    }

    #[test]
    fn a_mean_is_estimated_with_the_process() {
        // statsforecast 2.1, arima(x, order=(2,0,1), method="CSS-ML"): log likelihood -92.3777, mean 134.05.
        let lags = Lags { p: 2, q: 1, ..Lags::default() };
        let fit = fit(&PASSENGERS[..24], &[vec![1.0; 24]], 1, lags, vec![0.1, 0.1, -0.1], 60).unwrap();
        let used = 5.0;
        let deviance = fit.criterion - 2.0 * used - 2.0 * used * (used + 1.0) / (24.0 - used - 1.0);
        let likelihood = -0.5 * (24.0 * (1.0 + (2.0 * std::f64::consts::PI).ln()) + deviance);
        assert!((likelihood + 92.3777).abs() < 1e-3, "{likelihood}");
        assert!((fit.coefficients[0] - 134.05).abs() < 0.05, "{:?}", fit.coefficients);
    }

    #[test]
    fn collinear_columns_and_too_few_values_are_refused() {
        let twice = [vec![1.0; 24], vec![2.0; 24]];
        assert!(fit(&PASSENGERS[..24], &twice, 1, Lags::default(), Vec::new(), 9).is_none());
        assert!(fit(&PASSENGERS[..3], &twice[..1], 1, Lags::default(), Vec::new(), 9).is_none());
    }
}
