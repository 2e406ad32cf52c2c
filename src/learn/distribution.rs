//! Distribution functions and quantiles: normal, gamma, Poisson, negative binomial and Student's t.
//!
//! All rest on two integrals. The regularised incomplete gamma and beta functions are summed as a power series where
//! that converges and as a continued fraction elsewhere: M. Abramowitz and I. A. Stegun (eds), "Handbook of
//! Mathematical Functions" (1964), 6.5.29, 6.5.31, 26.5.4 and 26.5.8; the fractions by the algorithm of W. J. Lentz,
//! "Generating Bessel Functions in Mie Scattering Calculations", Applied Optics 15 (1976), 668-671. Quantiles are found
//! by bisection over the floating-point numbers themselves, which needs 64 steps at most and no starting value.
//!
//! Relative errors are below 1e-12 for parameters up to 1e5.

use std::f64::consts::{PI, SQRT_2};

/// Where a fraction or a series has converged.
const CLOSE: f64 = 1e-16;
/// Stands for zero in a denominator.
const TINY: f64 = 1e-300;
/// Steps of a series or a fraction; those of parameters up to 1e9 need fewer.
const STEPS: usize = 200_000;

/// The logarithm of the gamma function of a positive number, by Stirling's series (Abramowitz and Stegun 6.1.41) after
/// recurrence up to 12.
pub(in crate::learn) fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut product) = (x, 1.0);
    while x < 12.0 {
        product *= x;
        x += 1.0;
    }
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    let inverse = 1.0 / (x * x);
    let correction = SERIES.iter().rev().fold(0.0, |sum, term| sum * inverse + term) / x;
    (x - 0.5) * x.ln() - x + 0.5 * (2.0 * PI).ln() + correction - product.ln()
}

/// Both tails of an integral, so that neither is a difference from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Tails {
    /// The probability of at most the value.
    pub below: f64,
    /// The probability of more.
    pub above: f64,
}

impl Tails {
    const NOTHING: Tails = Tails { below: 0.0, above: 1.0 };
    const ALL: Tails = Tails { below: 1.0, above: 0.0 };

    fn below(value: f64) -> Tails {
        Tails { below: value.clamp(0.0, 1.0), above: (1.0 - value).clamp(0.0, 1.0) }
    }

    fn flipped(self) -> Tails {
        Tails { below: self.above, above: self.below }
    }

    /// Whether at least this probability is below; told by the smaller tail.
    fn reaches(self, probability: f64) -> bool {
        if probability <= 0.5 { self.below >= probability } else { self.above <= 1.0 - probability }
    }
}

/// The density of the standard normal distribution.
pub(in crate::learn) fn normal_density(z: f64) -> f64 {
    (-0.5 * z * z).exp() / (2.0 * PI).sqrt()
}

/// The standard normal distribution.
pub(in crate::learn) fn normal(z: f64) -> Tails {
    let half = z / SQRT_2;
    let within = incomplete_gamma(0.5, half * half);
    // erf for the middle, erfc for the tails.
    let tail = 0.5 * within.above;
    let upper = Tails { below: 0.5 + 0.5 * within.below, above: tail };
    if z >= 0.0 { upper } else { upper.flipped() }
}

/// The gamma distribution with this shape and scale 1; shapes are positive.
pub(in crate::learn) fn gamma(shape: f64, x: f64) -> Tails {
    incomplete_gamma(shape, x)
}

/// The quantile of the gamma distribution with this shape and scale 1.
pub(in crate::learn) fn gamma_quantile(shape: f64, probability: f64) -> f64 {
    continuous_quantile(probability, |x| gamma(shape, x))
}

/// The regularised incomplete gamma functions `P(a, x)` below and `Q(a, x)` above.
fn incomplete_gamma(a: f64, x: f64) -> Tails {
    if x <= 0.0 {
        return Tails::NOTHING;
    }
    if x == f64::INFINITY {
        return Tails::ALL;
    }
    let factor = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for step in 1..STEPS {
            term *= x / (a + step as f64);
            sum += term;
            if term < sum * CLOSE {
                break;
            }
        }
        return Tails::below(factor * sum);
    }
    let fraction = lentz(x + 1.0 - a, |step| {
        let n = step as f64;
        (-n * (n - a), x + 2.0 * n + 1.0 - a)
    });
    Tails::below(factor / fraction).flipped()
}

/// The regularised incomplete beta function `I_x(a, b)` below and its complement above; `y` is `1 - x`.
fn incomplete_beta(a: f64, b: f64, x: f64, y: f64) -> Tails {
    if x <= 0.0 {
        return Tails::NOTHING;
    }
    if y <= 0.0 {
        return Tails::ALL;
    }
    // The fraction converges fast below the mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return incomplete_beta_below(b, a, y, x).flipped();
    }
    incomplete_beta_below(a, b, x, y)
}

fn incomplete_beta_below(a: f64, b: f64, x: f64, y: f64) -> Tails {
    let factor = (a * x.ln() + b * y.ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let fraction = lentz(1.0, |step| {
        let m = (step / 2) as f64;
        let top = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        (top, 1.0)
    });
    Tails::below(factor / fraction)
}

/// The value of `first + t1 / (b1 + t2 / (b2 + ..))` for the terms `(t, b)`, counted from 1.
fn lentz(first: f64, terms: impl Fn(usize) -> (f64, f64)) -> f64 {
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut value = nonzero(first);
    let (mut over, mut under) = (value, 0.0);
    for step in 1..STEPS {
        let (top, bottom) = terms(step);
        under = 1.0 / nonzero(bottom + top * under);
        over = nonzero(bottom + top / over);
        let change = over * under;
        value *= change;
        if (change - 1.0).abs() <= 4.0 * CLOSE {
            break;
        }
    }
    value
}

/// Student's t distribution.
pub(in crate::learn) fn student(freedom: f64, t: f64) -> Tails {
    let (square, all) = (t * t, freedom + t * t);
    let within = incomplete_beta(0.5, 0.5 * freedom, square / all, freedom / all);
    let upper = Tails { below: 0.5 + 0.5 * within.below, above: 0.5 * within.above };
    if t >= 0.0 { upper } else { upper.flipped() }
}

/// The quantile of Student's t distribution.
pub(in crate::learn) fn student_quantile(freedom: f64, probability: f64) -> f64 {
    if probability < 0.5 {
        return -student_quantile(freedom, 1.0 - probability);
    }
    if probability == 0.5 {
        return 0.0;
    }
    continuous_quantile(probability, |t| student(freedom, t))
}

/// Counts with this mean and variance: negative binomial, or Poisson where the variance is not above the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Counts {
    mean: f64,
    variance: f64,
}

impl Counts {
    /// A mean of at least 0; a smaller variance than the mean is raised to it.
    pub fn new(mean: f64, variance: f64) -> Counts {
        let mean = mean.max(0.0);
        // So near to Poisson, the size would be beyond what the beta function is good for.
        let variance = if variance <= mean * (1.0 + 1e-6) { mean } else { variance };
        Counts { mean, variance }
    }

    fn is_poisson(self) -> bool {
        self.variance == self.mean
    }

    /// The size `r` of the negative binomial and the probability of success.
    fn size(self) -> f64 {
        self.mean * self.mean / (self.variance - self.mean)
    }

    /// The distribution at a value.
    pub fn at(self, value: f64) -> Tails {
        self.tails(value, 0.0)
    }

    /// The distribution with its size raised by `more`, success probability unchanged.
    fn tails(self, value: f64, more: f64) -> Tails {
        if value < 0.0 {
            return Tails::NOTHING;
        }
        let count = value.floor();
        if self.mean == 0.0 || count == f64::INFINITY {
            return Tails::ALL;
        }
        if self.is_poisson() {
            return incomplete_gamma(count + 1.0, self.mean).flipped();
        }
        let success = self.mean / self.variance;
        incomplete_beta(self.size() + more, count + 1.0, success, (self.variance - self.mean) / self.variance)
    }

    /// The least count that this probability does not exceed.
    pub fn quantile(self, probability: f64) -> f64 {
        if probability <= 0.0 || self.mean == 0.0 || self.at(0.0).reaches(probability) {
            return 0.0;
        }
        if probability >= 1.0 {
            return f64::INFINITY;
        }
        // Doubling finds an upper end in a few steps, and halving counts.
        let (mut low, mut high) = (0.0, (self.mean + 3.0 * self.variance.sqrt()).ceil().max(1.0));
        while !self.at(high).reaches(probability) {
            (low, high) = (high, high * 2.0);
        }
        while high - low > 1.0 {
            let middle = f64::midpoint(low, high).floor();
            if middle <= low || middle >= high {
                break;
            }
            if self.at(middle).reaches(probability) { high = middle } else { low = middle }
        }
        high
    }

    /// The mean excess over a value: `E max(X - value, 0)`. The mean of the counts above `k` is the mean times the
    /// probability that a distribution with a size larger by 1 is above `k - 1`.
    pub fn excess(self, value: f64) -> f64 {
        if value < 0.0 {
            return self.mean - value;
        }
        let above = self.tails(value, 0.0).above;
        let more = if self.is_poisson() { 0.0 } else { 1.0 };
        let weighted = self.tails(value.floor() - 1.0, more).above;
        (self.mean * weighted - value * above).max(0.0)
    }
}

/// The least positive number that reaches a probability: floating-point numbers are ordered like their bits.
fn continuous_quantile(probability: f64, tails: impl Fn(f64) -> Tails) -> f64 {
    if probability.is_nan() {
        return f64::NAN;
    }
    if probability <= 0.0 {
        return 0.0;
    }
    if probability >= 1.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (0u64, f64::MAX.to_bits());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if tails(f64::from_bits(middle)).reaches(probability) { high = middle } else { low = middle }
    }
    f64::from_bits(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ours: f64, expected: f64, relative: f64) {
        assert!((ours - expected).abs() <= relative * expected.abs(), "{ours} is not {expected}");
    }

    /// scipy 1.17.1: `scipy.special.gammaln`.
    #[test]
    fn the_gamma_function() {
        for (x, expected) in [
            (0.01, 4.599479878042022),
            (0.5, 0.5723649429247),
            (1.5, -0.12078223763524526),
            (12.0, 17.502307845873887),
            (1e4, 82099.71749644238),
        ] {
            close(ln_gamma(x), expected, 1e-13);
        }
    }

    /// scipy 1.17.1: `scipy.stats.norm.cdf` and `sf`.
    #[test]
    fn the_normal_distribution() {
        for (z, below, above) in [
            (-8.0, 6.22096057427174e-16, 0.9999999999999993),
            (-2.5, 0.006209665325776132, 0.9937903346742238),
            (-0.3, 0.3820885778110474, 0.6179114221889526),
            (0.001, 0.500398942213911, 0.49960105778608893),
            (1.0, 0.8413447460685429, 0.15865525393145707),
            (3.7, 0.9998922002665226, 0.00010779973347738823),
            (6.0, 0.9999999990134123, 9.865876450376946e-10),
        ] {
            close(normal(z).below, below, 1e-12);
            close(normal(z).above, above, 1e-12);
        }
        assert_eq!(normal(f64::INFINITY), Tails::ALL);
        assert_eq!(normal(0.0).below, 0.5);
    }

    /// scipy 1.17.1: `scipy.stats.gamma.cdf`, `sf` and `ppf`.
    #[test]
    fn the_gamma_distribution() {
        for (shape, x, below, above) in [
            (0.1, 0.01, 0.6626212599544796, 0.3373787400455204),
            (0.5, 2.0, 0.9544997361036415, 0.04550026389635857),
            (3.0, 1.0, 0.08030139707139418, 0.9196986029286058),
            (10.0, 25.0, 0.9997785233617512, 0.0002214766382487835),
            (2500.0, 2450.0, 0.15863888966777126, 0.8413611103322287),
            (100.0, 180.0, 0.999999999970517, 2.948294557648321e-11),
        ] {
            close(gamma(shape, x).below, below, 2e-12);
            close(gamma(shape, x).above, above, 2e-12);
        }
        for (shape, probability, expected) in [
            (0.05, 0.5, 5.573878440746256e-07),
            (0.3, 0.01, 1.5022226552360407e-07),
            (1.0, 0.95, 2.9957322735539895),
            (7.5, 0.3, 5.860584486472477),
            (7.5, 0.999, 18.848649109176915),
            (4000.0, 0.975, 4124.903423555152),
        ] {
            close(gamma_quantile(shape, probability), expected, 1e-11);
        }
        assert_eq!((gamma_quantile(2.0, 0.0), gamma_quantile(2.0, 1.0)), (0.0, f64::INFINITY));
    }

    /// scipy 1.17.1: `scipy.stats.t.ppf`.
    #[test]
    fn students_distribution() {
        for (freedom, probability, expected) in [
            (1.0, 0.975, 12.706204736174694),
            (2.0, 0.9, 1.8856180831641272),
            (3.0, 0.995, 5.840909309733355),
            (7.0, 0.6, 0.2631668613520229),
            (30.0, 0.025, -2.042272456301238),
            (200.0, 0.95, 1.6525081009108769),
        ] {
            close(student_quantile(freedom, probability), expected, 1e-10);
        }
    }

    /// scipy 1.17.1: `scipy.stats.nbinom` and `poisson`: cdf, sf, ppf at 0.05, 0.5, 0.95 and 0.999, and the sum of
    /// `max(k - value - 0.5, 0) pmf(k)`.
    #[test]
    fn counts() {
        for (mean, variance, value, below, above, quantiles, excess) in [
            (
                3.0,
                9.0,
                4.0,
                0.7635635504560329,
                0.23643644954396723,
                [0.0, 2.0, 9.0, 19.0],
                0.6744187221562997,
            ),
            (
                0.2,
                0.5,
                0.0,
                0.8849960497148396,
                0.11500395028516036,
                [0.0, 0.0, 1.0, 7.0],
                0.14249802485741983,
            ),
            (
                50.0,
                1e3,
                90.0,
                0.892803083486668,
                0.10719691651333195,
                [11., 44., 111., 204.],
                2.738478146670636,
            ),
            (
                2e3,
                4e4,
                1800.,
                0.15889070734473273,
                0.8411092926552672,
                [1682., 1994., 2340., 2674.],
                214.61967465047073,
            ),
            (
                5.0,
                5.0,
                7.0,
                0.8666283259299925,
                0.13337167407000744,
                [2.0, 5.0, 9.0, 13.0],
                0.18879512961025147,
            ),
        ] {
            let counts = Counts::new(mean, variance);
            close(counts.at(value).below, below, 2e-12);
            close(counts.at(value).above, above, 2e-12);
            assert_eq!([0.05, 0.5, 0.95, 0.999].map(|probability| counts.quantile(probability)), quantiles);
            close(counts.excess(value + 0.5), excess, 1e-10);
        }
        let none = Counts::new(0.0, 0.0);
        assert_eq!((none.quantile(0.99), none.excess(0.0), none.at(0.0)), (0.0, 0.0, Tails::ALL));
        assert_eq!(Counts::new(4.0, 9.0).excess(-1.0), 5.0);
    }
}
