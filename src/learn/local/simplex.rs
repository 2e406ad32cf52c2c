//! Minimising without derivatives: the downhill simplex.
//!
//! J. A. Nelder and R. Mead, "A Simplex Method for Function Minimization", The Computer Journal 7 (1965), 308-313, with
//! the order of decisions of J. C. Lagarias, J. A. Reeds, M. H. Wright and P. E. Wright, SIAM Journal on Optimization 9
//! (1998), 112-147, section 2. Bounds are kept by clamping every trial point.

/// How a search starts and when it ends.
#[derive(Clone, Copy, Debug)]
pub(in crate::learn) struct Options {
    /// The edge of the first simplex along each axis: a part of the distance between the bounds where both are finite,
    /// else of the start's magnitude (of one where the start is zero).
    pub step: f64,
    /// Ends when the vertices' values differ by less than this part of the best one's magnitude (of one where that is
    /// less than one), and their coordinates too.
    pub tolerance: f64,
    /// Ends after this many evaluations of the objective, give or take one shrinking.
    pub evaluations: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { step: 0.1, tolerance: 1e-5, evaluations: 1_000 }
    }
}

/// Where a search ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct Minimum {
    /// The best point seen, within the bounds.
    pub at: Vec<f64>,
    /// The objective there; infinite where no finite value was seen.
    pub value: f64,
    /// How often the objective was evaluated.
    pub evaluations: usize,
}

/// Searches from `start` for the least value of `objective`, keeping every coordinate within its inclusive bounds
/// (which may be infinite). A value that is not a number counts as infinitely bad. `bounds` is as long as `start`.
pub(in crate::learn) fn minimise(
    objective: impl FnMut(&[f64]) -> f64,
    start: &[f64],
    bounds: &[(f64, f64)],
    options: Options,
) -> Minimum {
    let mut simplex = Simplex::around(objective, start, bounds, options.step);
    while simplex.evaluations < options.evaluations && !simplex.is_small(options.tolerance) {
        simplex.advance();
    }
    let size = start.len();
    let at = simplex.points[simplex.best * size..][..size].to_vec();
    Minimum { at, value: simplex.values[simplex.best], evaluations: simplex.evaluations }
}

/// The vertices and what is known of them; no step allocates.
struct Simplex<'a, F> {
    objective: F,
    bounds: &'a [(f64, f64)],
    /// One vertex after the other.
    points: Vec<f64>,
    values: Vec<f64>,
    /// The sum of all vertices.
    sum: Vec<f64>,
    trial: Vec<f64>,
    second: Vec<f64>,
    best: usize,
    worst: usize,
    next_worst: usize,
    evaluations: usize,
}

impl<'a, F: FnMut(&[f64]) -> f64> Simplex<'a, F> {
    fn around(objective: F, start: &[f64], bounds: &'a [(f64, f64)], step: f64) -> Self {
        let size = start.len();
        let mut simplex = Simplex {
            objective,
            bounds,
            points: Vec::with_capacity(size * (size + 1)),
            values: Vec::with_capacity(size + 1),
            sum: vec![0.0; size],
            trial: start.to_vec(),
            second: vec![0.0; size],
            best: 0,
            worst: 0,
            next_worst: 0,
            evaluations: 0,
        };
        clamp(&mut simplex.trial, bounds);
        let origin = simplex.trial.clone();
        for vertex in 0..=size {
            simplex.trial.copy_from_slice(&origin);
            if let Some(axis) = vertex.checked_sub(1) {
                simplex.trial[axis] = stepped(origin[axis], bounds[axis], step);
            }
            simplex.points.extend_from_slice(&simplex.trial);
            let value = simplex.evaluate_trial();
            simplex.values.push(value);
        }
        simplex.sum_up();
        simplex.rank();
        simplex
    }

    fn evaluate_trial(&mut self) -> f64 {
        self.evaluations += 1;
        let value = (self.objective)(&self.trial);
        if value.is_nan() { f64::INFINITY } else { value }
    }

    fn sum_up(&mut self) {
        let size = self.sum.len();
        self.sum.fill(0.0);
        if size > 0 {
            for point in self.points.chunks_exact(size) {
                for (sum, coordinate) in self.sum.iter_mut().zip(point) {
                    *sum += coordinate;
                }
            }
        }
    }

    /// Finds the best, the worst and the next to worst vertex; the first of equals is the better one.
    fn rank(&mut self) {
        let (mut best, mut worst, mut next_worst) = (0, 0, 0);
        for (vertex, &value) in self.values.iter().enumerate().skip(1) {
            if value < self.values[best] {
                best = vertex;
            }
            if value >= self.values[worst] {
                (next_worst, worst) = (worst, vertex);
            } else if next_worst == worst || value >= self.values[next_worst] {
                next_worst = vertex;
            }
        }
        (self.best, self.worst, self.next_worst) = (best, worst, next_worst);
    }

    fn is_small(&self, tolerance: f64) -> bool {
        let (best, worst) = (self.values[self.best], self.values[self.worst]);
        if worst == best && best.is_infinite() {
            return true;
        }
        if worst - best > tolerance * best.abs().max(1.0) {
            return false;
        }
        let size = self.sum.len();
        let of = |vertex: usize| &self.points[vertex * size..][..size];
        let best = of(self.best);
        (0..self.values.len()).all(|vertex| {
            // Flat in value is small enough when the coordinates agree to the root of the tolerance.
            of(vertex).iter().zip(best).all(|(a, b)| (a - b).abs() <= tolerance.sqrt() * b.abs().max(1.0))
        })
    }

    /// Puts into `trial` the point on the line from the worst vertex through the centroid of the others: at 0 the
    /// centroid, at -1 the worst, at 1 its reflection.
    fn aim(&mut self, at: f64) {
        let size = self.sum.len();
        let worst = &self.points[self.worst * size..][..size];
        for (axis, trial) in self.trial.iter_mut().enumerate() {
            let centroid = (self.sum[axis] - worst[axis]) / size as f64;
            *trial = centroid + at * (centroid - worst[axis]);
        }
        clamp(&mut self.trial, self.bounds);
    }

    fn replace_worst(&mut self, value: f64) {
        let size = self.sum.len();
        let worst = &mut self.points[self.worst * size..][..size];
        worst.copy_from_slice(&self.trial);
        self.values[self.worst] = value;
        // Summed anew: a running sum would gather rounding errors.
        self.sum_up();
        self.rank();
    }

    fn advance(&mut self) {
        let (best, next, worst) =
            (self.values[self.best], self.values[self.next_worst], self.values[self.worst]);
        self.aim(1.0);
        let reflected = self.evaluate_trial();
        if reflected < best {
            self.second.copy_from_slice(&self.trial);
            self.aim(2.0);
            let expanded = self.evaluate_trial();
            if expanded < reflected {
                self.replace_worst(expanded);
            } else {
                self.trial.copy_from_slice(&self.second);
                self.replace_worst(reflected);
            }
        } else if reflected < next {
            self.replace_worst(reflected);
        } else {
            self.aim(if reflected < worst { 0.5 } else { -0.5 });
            let contracted = self.evaluate_trial();
            if contracted < reflected.min(worst) {
                self.replace_worst(contracted);
            } else {
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        let size = self.sum.len();
        for vertex in 0..self.values.len() {
            if vertex == self.best {
                continue;
            }
            for axis in 0..size {
                let best = self.points[self.best * size + axis];
                self.trial[axis] = best + 0.5 * (self.points[vertex * size + axis] - best);
            }
            self.points[vertex * size..][..size].copy_from_slice(&self.trial);
            self.values[vertex] = self.evaluate_trial();
        }
        self.sum_up();
        self.rank();
    }
}

fn clamp(point: &mut [f64], bounds: &[(f64, f64)]) {
    for (coordinate, (low, high)) in point.iter_mut().zip(bounds) {
        *coordinate = coordinate.max(*low).min(*high);
    }
}

/// One step along an axis, upwards unless that leaves the bounds.
fn stepped(from: f64, (low, high): (f64, f64), step: f64) -> f64 {
    let range = high - low;
    let length = if range.is_finite() {
        step * range
    } else if from == 0.0 {
        step
    } else {
        step * from.abs()
    };
    if from + length <= high { from + length } else { (from - length).max(low) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

    fn rosenbrock(x: &[f64]) -> f64 {
        100.0 * (x[1] - x[0] * x[0]).powi(2) + (1.0 - x[0]).powi(2)
    }

    #[test]
    fn the_curved_valley_is_followed_to_its_end() {
        let options = Options { tolerance: 1e-12, ..Options::default() };
        let found = minimise(rosenbrock, &[-1.2, 1.0], &[FREE; 2], options);
        assert!((found.at[0] - 1.0).abs() < 1e-4 && (found.at[1] - 1.0).abs() < 1e-4, "{found:?}");
        assert!(found.evaluations < 300);
    }

    #[test]
    fn a_minimum_outside_is_met_at_the_bound() {
        let found = minimise(rosenbrock, &[0.0, 0.0], &[(-2.0, 0.5), (-2.0, 2.0)], Options::default());
        assert!((found.at[0] - 0.5).abs() < 1e-6 && (found.at[1] - 0.25).abs() < 1e-2, "{found:?}");
    }

    #[test]
    fn four_dimensions_work_too() {
        // M. J. D. Powell's singular function (The Computer Journal 5 (1962), 147-151): minimum 0 at the origin.
        let powell = |x: &[f64]| {
            (x[0] + 10.0 * x[1]).powi(2)
                + 5.0 * (x[2] - x[3]).powi(2)
                + (x[1] - 2.0 * x[2]).powi(4)
                + 10.0 * (x[0] - x[3]).powi(4)
        };
        let options = Options { tolerance: 1e-12, ..Options::default() };
        let found = minimise(powell, &[3.0, -1.0, 0.0, 1.0], &[FREE; 4], options);
        assert!(found.value < 1e-8, "{found:?}");
    }

    #[test]
    fn holes_are_avoided_and_nothing_finite_is_said_so() {
        let holed = |x: &[f64]| if x[0] < 0.5 { f64::NAN } else { x[0] };
        let found = minimise(holed, &[0.9], &[(0.0, 1.0)], Options::default());
        assert!(found.at[0] >= 0.5 && found.at[0] < 0.501, "{found:?}");
        assert_eq!(minimise(|_| f64::NAN, &[0.9], &[FREE], Options::default()).value, f64::INFINITY);
        assert_eq!(minimise(|_| 1.0, &[], &[], Options::default()).at, [0.0; 0]);
    }

    #[test]
    fn evaluations_are_limited() {
        let options = Options { evaluations: 10, ..Options::default() };
        assert!(minimise(rosenbrock, &[-1.2, 1.0], &[FREE; 2], options).evaluations <= 13);
    }
}
