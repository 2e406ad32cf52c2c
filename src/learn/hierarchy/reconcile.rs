//! Forecasts that add up, from forecasts that do not.
//!
//! S. L. Wickramasuriya, G. Athanasopoulos and R. J. Hyndman, "Optimal Forecast Reconciliation for Hierarchical and
//! Grouped Time Series through Trace Minimization", Journal of the American Statistical Association 114 (2019),
//! 804-819. With `a` the forecasts of the sums, `b` those of the bottom series, `C` the sums' part of the summing
//! matrix, and `W` the covariance of errors (or what stands for it), the bottom forecasts become (their equation 11)
//!
//! ```text
//! b - (W_ba - W_bb C') (U'WU)^-1 (a - C b)        U' = [I, -C]
//! ```
//!
//! The matrix to factor has as many rows as there are sums, not as many as there are series.

use crate::error::{Error, ErrorKind, Result};

use super::cholesky::{Cholesky, dot};
use super::exact;
use super::residuals::Residuals;
use super::summing::Hierarchy;

/// Up to this many sums, a dense matrix of them is factored.
const MAX_SUMS: usize = 3_000;

/// How forecasts are made to add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::learn) enum Method {
    /// The bottom forecasts stay, and sums are theirs.
    BottomUp,
    /// Least squares: all series count the same.
    Ols,
    /// Weighted by how many bottom series each one has.
    WlsStructural,
    /// Weighted by the variance of each one's errors.
    WlsVariance,
    /// Minimum trace, the covariance of errors shrunk towards its diagonal.
    MinTShrink,
}

/// What is to be reconciled: in the order of the hierarchy's nodes.
#[derive(Clone, Copy, Debug)]
pub(in crate::learn) struct Base<'a> {
    /// For each node, for each step, a forecast.
    pub forecasts: &'a [Vec<f64>],
    /// For each node, its errors one step ahead, the latest last, NaN where unknown. Empty where there are none.
    pub errors: &'a [Vec<f64>],
}

/// Forecasts that add up.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Reconciled {
    /// For each node, for each step. Every sum is that of its members in their order, and of any other order, and of
    /// the sums in between, to the bit.
    pub forecasts: Vec<Vec<f64>>,
    /// The method that was used.
    pub method: Method,
    /// Why it is not the one asked for.
    pub instead: Option<String>,
    /// The weight of the diagonal, where the covariance was shrunk.
    pub shrinkage: Option<f64>,
    /// How many bottom forecasts were negative and became 0.
    pub raised: usize,
}

/// Reconciles. With `non_negative`, negative bottom forecasts become 0 before sums are taken (G. Di Fonzo and D.
/// Girolimetto, "Spatio-Temporal Reconciliation of Solar Forecasts", Solar Energy 251 (2023), 13-29).
///
/// Where a method lacks what it needs, the next simpler one is used and [`Reconciled::instead`] says why.
///
/// # Errors
/// [`ErrorKind::Bug`] where forecasts or errors are not one for each node, or not of one horizon; [`ErrorKind::Model`]
/// where a forecast is not finite or sums overflow.
pub(in crate::learn) fn reconcile(
    hierarchy: &Hierarchy,
    base: Base<'_>,
    method: Method,
    non_negative: bool,
) -> Result<Reconciled> {
    let nodes = hierarchy.nodes().len();
    let horizon = base.forecasts.first().map_or(0, Vec::len);
    let of_nodes = base.forecasts.len() == nodes && (base.errors.is_empty() || base.errors.len() == nodes);
    if !of_nodes || base.forecasts.iter().any(|steps| steps.len() != horizon) {
        return Err(Error::new(
            ErrorKind::Bug,
            "forecasts or errors do not match the nodes of their hierarchy",
        ));
    }
    if base.forecasts.iter().flatten().any(|forecast| !forecast.is_finite()) {
        return Err(Error::new(ErrorKind::Model, "a forecast to be reconciled is not a finite number"));
    }
    let (method, instead, solver) = Solver::choose(hierarchy, base.errors, method);
    let shrinkage = solver.as_ref().and_then(|solver| solver.errors.as_ref()).map(|errors| errors.shrinkage);
    let mut forecasts = vec![Vec::with_capacity(horizon); nodes];
    let mut raised = 0;
    for step in 0..horizon {
        let at: Vec<f64> = base.forecasts.iter().map(|steps| steps[step]).collect();
        let mut bottom = at[hierarchy.sums()..].to_vec();
        if let Some(solver) = &solver {
            solver.correct(&mut bottom, &at);
        }
        if non_negative {
            for forecast in bottom.iter_mut().filter(|forecast| **forecast < 0.0) {
                *forecast = 0.0;
                raised += 1;
            }
        }
        if !exact::to_grid(&mut bottom) {
            return Err(Error::new(ErrorKind::Model, "the sums of forecasts are too large to compute with"));
        }
        for (steps, forecast) in forecasts.iter_mut().zip(hierarchy.add_up(&bottom)) {
            steps.push(forecast);
        }
    }
    Ok(Reconciled { forecasts, method, instead, shrinkage, raised })
}

/// The factored system of one method.
struct Solver<'a> {
    hierarchy: &'a Hierarchy,
    parents: Vec<Vec<usize>>,
    /// The diagonal part of `W`, for each node.
    weights: Vec<f64>,
    errors: Option<Errors>,
    factor: Cholesky,
}

/// The other part of `W`.
struct Errors {
    shrinkage: f64,
    /// For each time, by how much the errors of the bottom add up to something else than those of the sums: `U'e`.
    gaps: Vec<Vec<f64>>,
    /// For each time, the errors of the bottom.
    bottom: Vec<Vec<f64>>,
}

impl<'a> Solver<'a> {
    /// The method, or the nearest that works, and why; no solver for bottom-up.
    fn choose(
        hierarchy: &'a Hierarchy,
        errors: &[Vec<f64>],
        asked: Method,
    ) -> (Method, Option<String>, Option<Solver<'a>>) {
        if asked == Method::BottomUp {
            return (asked, None, None);
        }
        let sums = hierarchy.sums();
        if sums > MAX_SUMS {
            let reason = format!("{sums} sums are too many for a dense matrix (at most {MAX_SUMS})");
            return (Method::BottomUp, Some(reason), None);
        }
        let mut method = asked;
        let mut instead = None;
        let mut residuals = None;
        if matches!(method, Method::WlsVariance | Method::MinTShrink) {
            residuals = Residuals::new(errors);
            if residuals.is_none() {
                method = Method::WlsStructural;
                instead = Some("fewer than 3 times have errors of all series, or all are zero".to_string());
            }
        }
        let structural = || hierarchy.nodes().iter().map(|node| node.members.len() as f64).collect();
        let solver = match (method, residuals) {
            (Method::Ols, _) => Solver::new(hierarchy, vec![1.0; hierarchy.nodes().len()], None),
            (Method::MinTShrink, Some(residuals)) => Solver::shrunk(hierarchy, &residuals),
            (Method::WlsVariance, Some(residuals)) => Solver::new(hierarchy, residuals.variances, None),
            _ => Solver::new(hierarchy, structural(), None),
        };
        match solver {
            Some(solver) => (method, instead, Some(solver)),
            None => (Method::BottomUp, Some("the covariance of errors cannot be inverted".to_string()), None),
        }
    }

    fn shrunk(hierarchy: &'a Hierarchy, residuals: &Residuals) -> Option<Solver<'a>> {
        let shrinkage = residuals.shrinkage();
        let sums = hierarchy.sums();
        let bottom: Vec<Vec<f64>> = residuals.rows.iter().map(|row| row[sums..].to_vec()).collect();
        let gaps = residuals.rows.iter().map(|row| gaps(hierarchy, row)).collect();
        let weights = residuals.variances.iter().map(|variance| shrinkage * variance).collect();
        Solver::new(hierarchy, weights, Some(Errors { shrinkage, gaps, bottom }))
    }

    /// Factors `U'WU`, which is that of the diagonal part plus the mean product of the gaps.
    fn new(hierarchy: &'a Hierarchy, mut weights: Vec<f64>, errors: Option<Errors>) -> Option<Solver<'a>> {
        let sums = hierarchy.sums();
        let parents = hierarchy.parents();
        // In units of the largest, as only ratios matter and squares of errors may be tiny or huge.
        let unit = weights.iter().fold(0.0, |most: f64, weight| most.max(*weight));
        let unit = match &errors {
            Some(errors) => {
                let squares = errors.gaps.iter().flatten().chain(errors.bottom.iter().flatten());
                unit.max(squares.fold(0.0, |most: f64, error| most.max(error * error)))
            }
            None => unit,
        };
        if !(unit > 0.0 && unit.is_finite()) {
            return None;
        }
        weights.iter_mut().for_each(|weight| *weight /= unit);
        let errors = errors.map(|errors| {
            let scaled = |rows: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
                let root = unit.sqrt();
                rows.into_iter().map(|row| row.into_iter().map(|error| error / root).collect()).collect()
            };
            Errors { gaps: scaled(errors.gaps), bottom: scaled(errors.bottom), ..errors }
        });
        let mut matrix = vec![0.0; sums * sums];
        for (series, above) in parents.iter().enumerate() {
            for &row in above {
                for &column in above.iter().take_while(|column| **column <= row) {
                    matrix[row * sums + column] += weights[sums + series];
                }
            }
        }
        for sum in 0..sums {
            matrix[sum * sums + sum] += weights[sum];
        }
        if let Some(errors) = &errors {
            let part = (1.0 - errors.shrinkage) / errors.gaps.len() as f64;
            let by_sum: Vec<Vec<f64>> =
                (0..sums).map(|sum| errors.gaps.iter().map(|gaps| gaps[sum]).collect()).collect();
            for row in 0..sums {
                for column in 0..=row {
                    matrix[row * sums + column] += part * dot(&by_sum[row], &by_sum[column]);
                }
            }
        }
        let factor = Cholesky::new(matrix, sums)?;
        Some(Solver { hierarchy, parents, weights, errors, factor })
    }

    /// Moves the bottom forecasts by what the sums know.
    fn correct(&self, bottom: &mut [f64], all: &[f64]) {
        let sums = self.hierarchy.sums();
        let pull = self.factor.solve(&gaps(self.hierarchy, all));
        for (series, forecast) in bottom.iter_mut().enumerate() {
            let pulled: f64 = self.parents[series].iter().map(|&sum| pull[sum]).sum();
            *forecast += self.weights[sums + series] * pulled;
        }
        if let Some(errors) = &self.errors {
            let part = (1.0 - errors.shrinkage) / errors.gaps.len() as f64;
            for (gaps, of_bottom) in errors.gaps.iter().zip(&errors.bottom) {
                let pulled = part * dot(gaps, &pull);
                for (forecast, error) in bottom.iter_mut().zip(of_bottom) {
                    *forecast -= error * pulled;
                }
            }
        }
    }
}

/// By how much the sums differ from those of the bottom: `a - C b`.
fn gaps(hierarchy: &Hierarchy, all: &[f64]) -> Vec<f64> {
    let bottom = &all[hierarchy.sums()..];
    let nodes = &hierarchy.nodes()[..hierarchy.sums()];
    nodes
        .iter()
        .zip(all)
        .map(|(node, sum)| sum - node.members.iter().map(|&m| bottom[m]).sum::<f64>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_by_two() -> Hierarchy {
        let keys = [["A", "x"], ["A", "y"], ["B", "x"], ["B", "y"]].map(|key| key.map(String::from).to_vec());
        Hierarchy::new(&keys, &[vec![0], vec![1]]).unwrap()
    }

    fn forecasts() -> Vec<Vec<f64>> {
        [100.0, 58.0, 45.0, 61.0, 36.0, 38.0, 21.0, 25.0, 14.0].map(|forecast| vec![forecast]).to_vec()
    }

    fn errors() -> Vec<Vec<f64>> {
        vec![
            vec![3.0, -4.0, 2.0, 6.0, -5.0, 1.0],
            vec![2.0, -3.0, 1.5, 3.0, -2.0, 0.3],
            vec![1.5, -0.5, 0.2, 2.0, -2.5, 1.0],
            vec![1.0, -2.0, 2.5, 4.0, -3.5, 0.1],
            vec![2.2, -1.5, -0.6, 2.4, -1.2, 0.8],
            vec![0.5, -2.0, 1.6, 2.0, -1.0, -0.4],
            vec![1.7, -1.4, -0.3, 1.2, -0.8, 0.5],
            vec![0.3, 0.2, 0.9, 1.5, -2.1, 0.6],
            vec![1.3, -0.4, -0.5, 0.7, -0.2, 0.6],
        ]
    }

    /// numpy 2: `S (S' W^-1 S)^-1 S' W^-1 y` with `W` written out, and the shrinkage over pairs.
    #[test]
    fn agrees_with_numpy() {
        let (forecasts, errors) = (forecasts(), errors());
        let base = Base { forecasts: &forecasts, errors: &errors };
        for (method, expected) in EXPECTED {
            let reconciled = reconcile(&two_by_two(), base, method, false).unwrap();
            assert_eq!((reconciled.method, &reconciled.instead), (method, &None));
            for (ours, expected) in reconciled.forecasts.iter().zip(expected) {
                assert!((ours[0] - expected).abs() < 1e-9, "{method:?}: {} is not {expected}", ours[0]);
            }
            if method == Method::MinTShrink {
                assert!((reconciled.shrinkage.unwrap() - SHRINKAGE).abs() < 1e-12);
            }
        }
    }
    const SHRINKAGE: f64 = 0.19922331432320545;
    const EXPECTED: [(Method, [f64; 9]); 5] = [
        (Method::BottomUp, [98.0, 59.0, 39.0, 63.0, 35.0, 38.0, 21.0, 25.0, 14.0]),
        (
            Method::Ols,
            [
                99.77777777777777,
                57.55555555555555,
                42.22222222222222,
                62.888888888888886,
                36.888888888888886,
                36.77777777777777,
                20.77777777777778,
                26.11111111111111,
                16.11111111111111,
            ],
        ),
        (
            Method::WlsStructural,
            [
                99.5,
                58.0,
                41.5,
                63.0,
                36.5,
                37.125,
                20.875000000000004,
                25.875000000000004,
                15.624999999999995,
            ],
        ),
        (
            Method::WlsVariance,
            [
                99.58684655286208,
                58.19445033059317,
                41.39239622226892,
                63.71915185461846,
                35.86769469824363,
                37.148417633528254,
                21.046032697064916,
                26.570734221090206,
                14.821662001178717,
            ],
        ),
        (
            Method::MinTShrink,
            [
                101.10263639753396,
                58.836851177934086,
                42.26578521959986,
                64.59846641874142,
                36.504169978792525,
                37.487030044896315,
                21.34982113303777,
                27.11143637384511,
                15.154348845754752,
            ],
        ),
    ];

    #[test]
    fn all_ways_to_the_total_give_the_same_bits() {
        let (mut forecasts, errors) = (forecasts(), errors());
        for (place, steps) in forecasts.iter_mut().enumerate() {
            *steps = (0..50)
                .map(|step| steps[0] * (1.0 + 0.137 * f64::from(step) + 0.011 * place as f64))
                .collect();
        }
        let base = Base { forecasts: &forecasts, errors: &errors };
        let all = reconcile(&two_by_two(), base, Method::MinTShrink, false).unwrap().forecasts;
        let steps = (0..50).map(|step| all.iter().map(|node| node[step]).collect::<Vec<f64>>());
        for of_step in steps {
            let at = |node: usize| of_step[node];
            assert_eq!(at(0), at(1) + at(2));
            assert_eq!(at(0), at(3) + at(4));
            assert_eq!(at(0), at(5) + at(6) + at(7) + at(8));
            assert_eq!((at(1), at(3)), (at(5) + at(6), at(5) + at(7)));
        }
    }

    #[test]
    fn what_adds_up_already_stays() {
        let hierarchy = two_by_two();
        let forecasts: Vec<Vec<f64>> =
            hierarchy.add_up(&[3.0, 1.0, 4.0, 2.5]).into_iter().map(|forecast| vec![forecast]).collect();
        let errors = errors();
        for method in [Method::Ols, Method::WlsStructural, Method::WlsVariance, Method::MinTShrink] {
            let base = Base { forecasts: &forecasts, errors: &errors };
            assert_eq!(reconcile(&hierarchy, base, method, false).unwrap().forecasts, forecasts);
        }
    }

    #[test]
    fn negative_forecasts_become_zero_and_sums_follow() {
        let mut forecasts = forecasts();
        forecasts[8] = vec![-60.0];
        let base = Base { forecasts: &forecasts, errors: &[] };
        let reconciled = reconcile(&two_by_two(), base, Method::BottomUp, true).unwrap();
        assert_eq!(
            (reconciled.raised, reconciled.forecasts[8][0], reconciled.forecasts[2][0]),
            (1, 0.0, 25.0)
        );
    }

    #[test]
    fn without_errors_a_simpler_method_says_so() {
        let forecasts = forecasts();
        for errors in [vec![], vec![vec![0.0; 9]; 9], vec![vec![f64::NAN; 9]; 9]] {
            let base = Base { forecasts: &forecasts, errors: &errors };
            let reconciled = reconcile(&two_by_two(), base, Method::MinTShrink, false).unwrap();
            assert_eq!(reconciled.method, Method::WlsStructural);
            assert!(reconciled.instead.is_some() && reconciled.shrinkage.is_none());
        }
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let hierarchy = two_by_two();
        let of = |forecasts: &[Vec<f64>]| {
            let base = Base { forecasts, errors: &[] };
            reconcile(&hierarchy, base, Method::Ols, false).unwrap_err().kind()
        };
        assert_eq!(of(&forecasts()[1..]), ErrorKind::Bug);
        assert_eq!(of(&vec![vec![f64::NAN]; 9]), ErrorKind::Model);
        assert_eq!(of(&vec![vec![1e308]; 9]), ErrorKind::Model);
    }

    #[test]
    fn one_series_is_its_own_total() {
        let hierarchy = Hierarchy::new(&[vec!["A".to_string()]], &[]).unwrap();
        let base = Base { forecasts: &[vec![3.0], vec![5.0]], errors: &[] };
        let reconciled = reconcile(&hierarchy, base, Method::Ols, false).unwrap();
        assert_eq!(reconciled.forecasts, [[4.0], [4.0]]);
    }
}
