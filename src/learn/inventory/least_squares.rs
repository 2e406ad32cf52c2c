//! One slope of a regression, with errors that hold where their variance is not constant.
//!
//! The slope of a column among others is that of what the others leave of it (R. Frisch and F. V. Waugh, "Partial Time
//! Regressions as Compared with Individual Trends", Econometrica 1 (1933), 387-401), so no matrix is inverted.

/// A slope and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slope {
    /// The estimate.
    pub value: f64,
    /// Its standard error: HC1 of J. G. MacKinnon and H. White, "Some Heteroskedasticity-Consistent Covariance Matrix
    /// Estimators with Improved Finite Sample Properties", Journal of Econometrics 29 (1985), 305-325; with clusters
    /// the sandwich over their sums, corrected likewise.
    pub robust: f64,
    /// Its standard error if the variance were constant.
    pub classical: f64,
    /// Observations less coefficients, or clusters less one.
    pub freedom: f64,
    /// How much of the column's variation the others do not explain.
    pub own_variation: f64,
}

/// The slope of `column` in a regression of `target` on it, the `controls` (columns as long) and a constant. Controls
/// that are combinations of others count for nothing. `None` where the controls explain the column, or no freedom is
/// left.
pub(super) fn slope(
    target: &[f64],
    column: &[f64],
    controls: &[Vec<f64>],
    clusters: Option<&[u32]>,
) -> Option<Slope> {
    let count = target.len();
    if count < 3 {
        return None;
    }
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let constant = vec![1.0; count];
    for control in std::iter::once(&constant).chain(controls) {
        let rest = without(control, &basis);
        let length = squares(&rest).sqrt();
        if length > 1e-8 * squares(control).sqrt() {
            basis.push(rest.iter().map(|value| value / length).collect());
        }
    }
    let own = without(column, &basis);
    let own_squares = squares(&own);
    let around_mean = squares(&without(column, &basis[..1]));
    // Of a constant, rounding leaves a little.
    if around_mean.is_nan() || around_mean <= 1e-20 * squares(column) {
        return None;
    }
    let own_variation = own_squares / around_mean;
    let freedom = count as f64 - basis.len() as f64 - 1.0;
    if own_variation.is_nan() || own_variation <= 1e-8 || freedom < 1.0 {
        return None;
    }
    let target = without(target, &basis);
    let value = own.iter().zip(&target).map(|(x, y)| x * y).sum::<f64>() / own_squares;
    let errors: Vec<f64> = own.iter().zip(&target).map(|(x, y)| y - value * x).collect();
    let classical = (squares(&errors) / freedom / own_squares).sqrt();
    let scores: Vec<f64> = own.iter().zip(&errors).map(|(x, error)| x * error).collect();
    let (meat, correction, freedom) = match clusters {
        None => (squares(&scores), count as f64 / freedom, freedom),
        Some(clusters) => {
            let mut sums = std::collections::BTreeMap::new();
            for (cluster, score) in clusters.iter().zip(&scores) {
                *sums.entry(*cluster).or_insert(0.0) += score;
            }
            let groups = sums.len() as f64;
            if groups < 2.0 {
                return None;
            }
            let meat = sums.values().map(|sum| sum * sum).sum();
            (meat, groups / (groups - 1.0) * (count as f64 - 1.0) / freedom, (groups - 1.0).min(freedom))
        }
    };
    let robust = (meat * correction).sqrt() / own_squares;
    let all = [value, robust, classical];
    all.iter().all(|number| number.is_finite()).then_some(Slope {
        value,
        robust,
        classical,
        freedom,
        own_variation,
    })
}

/// What an orthonormal basis leaves of a column; taken off twice, as once leaves rounding behind.
fn without(column: &[f64], basis: &[Vec<f64>]) -> Vec<f64> {
    let mut rest = column.to_vec();
    for _ in 0..2 {
        for direction in basis {
            let part: f64 = rest.iter().zip(direction).map(|(value, unit)| value * unit).sum();
            rest.iter_mut().zip(direction).for_each(|(value, unit)| *value -= part * unit);
        }
    }
    rest
}

fn squares(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 12] =
        [-0.241, -0.397, -0.075, 0.126, 0.341, 0.033, -0.166, -0.235, 0.225, 0.49, 0.082, -0.37];
    const TREND: [f64; 12] =
        [-1.0, -0.818, -0.636, -0.455, -0.273, -0.091, 0.091, 0.273, 0.455, 0.636, 0.818, 1.0];
    const Y: [f64; 12] = [1.679, 3.049, 1.923, 1.126, 1.277, 1.652, 2.13, 2.342, 1.561, 1.695, 2.172, 2.78];

    /// numpy 2, the sandwich written out with the full matrix of the regression.
    #[test]
    fn agrees_with_numpy() {
        let clusters: Vec<u32> = (0..12).map(|row| row / 3).collect();
        let plain = slope(&Y, &X, &[TREND.to_vec()], None).unwrap();
        let clustered = slope(&Y, &X, &[TREND.to_vec()], Some(&clusters)).unwrap();
        for (ours, expected) in [
            (plain.value, -1.7317899786667335),
            (plain.robust, 0.4232164988161471),
            (plain.classical, 0.38053023770033945),
            (plain.freedom, 9.0),
            (clustered.robust, 0.4737660936147005),
            (clustered.freedom, 3.0),
        ] {
            assert!((ours - expected).abs() < 1e-12, "{ours} is not {expected}");
        }
        let repeated = slope(&Y, &X, &[TREND.to_vec(), TREND.to_vec(), vec![3.0; 12]], None).unwrap();
        assert!((repeated.value - plain.value).abs() < 1e-12 && repeated.freedom == 9.0);
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        assert!(slope(&Y, &TREND, &[TREND.to_vec()], None).is_none());
        assert!(slope(&Y, &[2.0; 12], &[], None).is_none());
        assert!(slope(&Y[..2], &X[..2], &[], None).is_none() && slope(&[], &[], &[], None).is_none());
        assert!(slope(&Y, &X, &[], Some(&[1; 12])).is_none());
    }
}
