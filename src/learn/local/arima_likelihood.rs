//! The exact Gaussian likelihood of a seasonal autoregressive moving-average process, in time linear in its length and
//! in its order.
//!
//! The state space form and the likelihood: A. C. Harvey and G. D. A. Phillips, "Maximum Likelihood Estimation of
//! Regression Models with Autoregressive-Moving Average Disturbances", Biometrika 66 (1979), 49-58. Its covariance is
//! carried by the rank-one recursions of M. Morf, G. S. Sidhu and T. Kailath, "Some New Algorithms for Recursive
//! Estimation in Constant, Linear, Discrete-Time Systems", IEEE Transactions on Automatic Control 19 (1974), 315-323, as
//! G. Mélard, "A Fast Algorithm for the Exact Likelihood of Autoregressive-Moving Average Models", Applied Statistics
//! 33 (1984), 104-114, proposes.

/// The process `y(t) = f1 y(t-1) + ... + e(t) + t1 e(t-1) + ...`, both sides as long as the state.
#[derive(Clone, Debug)]
pub(super) struct Process {
    /// `f1, f2, ...`
    autoregressive: Vec<f64>,
    /// `1, t1, t2, ...`
    moving: Vec<f64>,
}

/// The orders of the four polynomials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lags {
    /// Autoregressive.
    pub p: usize,
    /// Moving average.
    pub q: usize,
    /// Seasonal autoregressive.
    pub seasonal_p: usize,
    /// Seasonal moving average.
    pub seasonal_q: usize,
}

/// What a pass over columns says beside their innovations.
pub(super) struct Filtered {
    /// The mean logarithm of the innovations' variances.
    pub logarithm: f64,
    /// The state expected after the last value of each column.
    pub states: Vec<Vec<f64>>,
}

impl Lags {
    /// How many partial autocorrelations determine the process.
    pub fn count(self) -> usize {
        self.p + self.q + self.seasonal_p + self.seasonal_q
    }

    /// The partial autocorrelations of each polynomial, in the order of the fields.
    pub fn split<T>(self, all: &[T]) -> [&[T]; 4] {
        let (p, rest) = all.split_at(self.p);
        let (q, rest) = rest.split_at(self.q);
        let (seasonal_p, seasonal_q) = rest.split_at(self.seasonal_p);
        [p, q, seasonal_p, seasonal_q]
    }
}

impl Process {
    /// The process of these partial autocorrelations, each below one in size, which makes it stationary and
    /// invertible (O. E. Barndorff-Nielsen and G. Schou, Journal of Multivariate Analysis 3 (1973), 408-419).
    pub fn new(lags: Lags, season: usize, partials: &[f64]) -> Process {
        let [p, q, seasonal_p, seasonal_q] = lags.split(partials);
        let autoregressive = product(&operator(p), &operator(seasonal_p), season);
        let moving = product(&operator(q), &operator(seasonal_q), season);
        let size = (autoregressive.len() - 1).max(moving.len()).max(1);
        let mut process = Process { autoregressive: vec![0.0; size], moving: vec![0.0; size] };
        for (to, from) in process.autoregressive.iter_mut().zip(&autoregressive[1..]) {
            *to = -from;
        }
        process.moving[..moving.len()].copy_from_slice(&moving);
        process
    }

    /// The variance of the process and the covariances of the next state with its value, all over the variance of `e`.
    fn covariances(&self) -> (f64, Vec<f64>) {
        let size = self.moving.len();
        let order = self.autoregressive.iter().rposition(|weight| *weight != 0.0).map_or(0, |last| last + 1);
        let pure = autocovariances(&self.autoregressive[..order], 2 * size);
        let weights: Vec<(usize, f64)> =
            self.moving.iter().copied().enumerate().filter(|(_, weight)| *weight != 0.0).collect();
        let covariance = |lag: usize| -> f64 {
            let pairs = weights.iter().map(|(one, by)| {
                by * weights
                    .iter()
                    .map(|(other, with)| with * pure[(lag + one).abs_diff(*other)])
                    .sum::<f64>()
            });
            pairs.sum()
        };
        let mut covariances = vec![0.0; size];
        for (lag, to) in covariances.iter_mut().enumerate() {
            *to = covariance(lag);
        }
        // The weights of past errors in a value.
        let mut shocks = vec![0.0; size];
        for lag in 0..size {
            let past: f64 =
                (0..lag.min(order)).map(|back| self.autoregressive[back] * shocks[lag - 1 - back]).sum();
            shocks[lag] = self.moving[lag] + past;
        }
        let next = (0..size).map(|row| {
            let values: f64 = (row..order)
                .map(|lag| self.autoregressive[lag] * covariances[(lag + 1).abs_diff(row + 1)])
                .sum();
            let errors: f64 = (row + 1..size).map(|lag| self.moving[lag] * shocks[lag - row - 1]).sum();
            values + errors
        });
        (covariances[0], next.collect())
    }

    /// Turns each column (all of one length) into its standardised innovations.
    pub fn filter(&self, columns: &mut [Vec<f64>]) -> Filtered {
        let size = self.moving.len();
        let length = columns.first().map_or(0, Vec::len);
        let mut states = vec![vec![0.0; size]; columns.len()];
        let (mut variance, mut gain) = self.covariances();
        let (mut direction, mut weight) = (gain.clone(), -1.0 / variance);
        let (mut settled, mut logarithms) = (false, 0.0);
        let (mut deviation, mut step) =
            (variance.sqrt(), gain.iter().map(|gain| gain / variance).collect::<Vec<_>>());
        for time in 0..length {
            for (column, state) in columns.iter_mut().zip(&mut states) {
                let expected = state[0];
                let innovation = column[time] - expected;
                column[time] = innovation / deviation;
                for row in 0..size - 1 {
                    state[row] =
                        state[row + 1] + self.autoregressive[row] * expected + step[row] * innovation;
                }
                state[size - 1] = self.autoregressive[size - 1] * expected + step[size - 1] * innovation;
            }
            if settled {
                continue;
            }
            logarithms += variance.ln();
            let head = direction[0];
            let (before, change) = (variance, weight * head);
            // Rounding must not take it below the variance of `e`.
            variance = (variance + head * change).max(1.0);
            let share = head / before;
            for row in 0..size {
                let moved = self.autoregressive[row] * head + direction.get(row + 1).copied().unwrap_or(0.0);
                direction[row] = moved - gain[row] * share;
                gain[row] += moved * change;
            }
            weight -= change * change / variance;
            if variance - 1.0 < 1e-10 {
                settled = true;
                variance = 1.0;
                let moving = self.moving[1..].iter().chain(std::iter::once(&0.0));
                for (to, (past, error)) in gain.iter_mut().zip(self.autoregressive.iter().zip(moving)) {
                    *to = past + error;
                }
            }
            deviation = variance.sqrt();
            for row in 0..size {
                step[row] = gain[row] / variance;
            }
        }
        Filtered { logarithm: logarithms / (length as f64).max(1.0), states }
    }

    /// The expected values after that state, as many as asked.
    pub fn expected(&self, mut state: Vec<f64>, count: usize) -> Vec<f64> {
        let size = state.len();
        let mut values = Vec::with_capacity(count);
        for _ in 0..count {
            let head = state[0];
            values.push(head);
            for row in 0..size {
                state[row] =
                    self.autoregressive[row] * head + if row + 1 < size { state[row + 1] } else { 0.0 };
            }
        }
        values
    }
}

/// The polynomial `1 - c1 B - c2 B^2 ...` of an autoregression with these partial autocorrelations (J. Durbin, Review of
/// the International Statistical Institute 28 (1960), 233-244).
pub(super) fn operator(partials: &[f64]) -> Vec<f64> {
    let mut weights: Vec<f64> = Vec::with_capacity(partials.len() + 1);
    for &partial in partials {
        let before = weights.clone();
        for (weight, mirrored) in weights.iter_mut().zip(before.iter().rev()) {
            *weight -= partial * mirrored;
        }
        weights.push(partial);
    }
    std::iter::once(1.0).chain(weights.into_iter().map(|weight| -weight)).collect()
}

/// The product of a polynomial in `B` and one in `B` to the power of the season.
pub(super) fn product(one: &[f64], seasonal: &[f64], season: usize) -> Vec<f64> {
    let mut product = vec![0.0; one.len() + (seasonal.len() - 1) * season];
    for (place, by) in seasonal.iter().enumerate() {
        for (lag, weight) in one.iter().enumerate() {
            product[place * season + lag] += by * weight;
        }
    }
    product
}

/// The autocovariances at lags `0..=most` of a stationary autoregression with unit error variance.
fn autocovariances(weights: &[f64], most: usize) -> Vec<f64> {
    // Down to the partial autocorrelations, keeping the weights of each order.
    let mut orders = vec![weights.to_vec()];
    let mut variance = 1.0;
    for order in (1..=weights.len()).rev() {
        let now = &orders[orders.len() - 1];
        let partial = now[order - 1];
        // Never zero: partials this near to one only come of rounding.
        let shrink = (1.0 - partial * partial).max(1e-12);
        variance /= shrink;
        let lower = (0..order - 1).map(|lag| (now[lag] + partial * now[order - 2 - lag]) / shrink).collect();
        orders.push(lower);
    }
    orders.reverse();
    let mut covariances = vec![0.0; most + 1];
    covariances[0] = variance;
    let mut error = variance;
    for lag in 1..=most {
        let known = &orders[(lag - 1).min(weights.len())];
        let expected: f64 =
            known.iter().enumerate().map(|(back, weight)| weight * covariances[lag - 1 - back]).sum();
        covariances[lag] = expected;
        if lag <= weights.len() {
            let partial = orders[lag][lag - 1];
            covariances[lag] += partial * error;
            error *= 1.0 - partial * partial;
        }
    }
    covariances
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The process as one of infinitely many errors, cut off.
    fn brute(process: &Process, lag: usize) -> f64 {
        let mut shocks = vec![0.0; 3_000];
        for time in 0..shocks.len() {
            let past: f64 =
                process.autoregressive.iter().zip(1..=time).map(|(by, back)| by * shocks[time - back]).sum();
            shocks[time] = process.moving.get(time).copied().unwrap_or(0.0) + past;
        }
        shocks[lag..].iter().zip(&shocks).map(|(one, other)| one * other).sum()
    }

    #[test]
    fn innovations_have_the_exact_variances_of_the_process() {
        let lags = Lags { p: 1, q: 1, seasonal_p: 1, seasonal_q: 1 };
        let process = Process::new(lags, 4, &[0.7, 0.3, 0.6, -0.5]);
        let (variance, _) = process.covariances();
        assert!((variance - brute(&process, 0)).abs() < 1e-9);
        // Innovations of unit vectors are the rows of the inverse Cholesky factor, so they give back the covariances.
        let size = 12;
        let mut columns: Vec<Vec<f64>> =
            (0..size).map(|one| (0..size).map(|time| f64::from(u8::from(time == one))).collect()).collect();
        process.filter(&mut columns);
        let covariance = |one: usize, other: usize| brute(&process, one.abs_diff(other));
        for row in 0..size {
            for column in 0..size {
                let mut sum = 0.0;
                for one in 0..size {
                    for other in 0..size {
                        sum += columns[one][row] * covariance(one, other) * columns[other][column];
                    }
                }
                assert!((sum - f64::from(u8::from(row == column))).abs() < 1e-8, "{row} {column} {sum}");
            }
        }
    }

    #[test]
    fn partial_autocorrelations_make_the_polynomial() {
        // Order two: first weight p1 (1 - p2), second p2.
        let polynomial = operator(&[0.5, -0.3]);
        assert!((polynomial[1] + 0.65).abs() < 1e-12 && (polynomial[2] - 0.3).abs() < 1e-12);
        assert_eq!(product(&[1.0, 2.0], &[1.0, 3.0], 4), [1.0, 2.0, 0.0, 0.0, 3.0, 6.0]);
    }
}
