//! The demand over a lead time as a distribution.

use super::super::distribution::{self, Counts};
use super::super::normal;

/// A distribution of demand, in units. Values that cannot be are refused by its constructors.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::learn) struct LeadTimeDemand(Shape);

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Normal { mean: f64, deviation: f64 },
    Gamma { shape: f64, scale: f64 },
    Counts { mean: f64, variance: f64 },
}

impl LeadTimeDemand {
    /// Normal; a deviation of 0 is a certain demand. `None` where a number is not finite or the deviation negative.
    pub fn normal(mean: f64, deviation: f64) -> Option<LeadTimeDemand> {
        (mean.is_finite() && deviation.is_finite() && deviation >= 0.0)
            .then_some(LeadTimeDemand(Shape::Normal { mean, deviation }))
    }

    /// Gamma with this mean and deviation, for demand that is never negative and skewed; without either, certain.
    /// `None` where a number is negative or not finite.
    pub fn gamma(mean: f64, deviation: f64) -> Option<LeadTimeDemand> {
        if !(mean >= 0.0 && mean.is_finite()) {
            return None;
        }
        let ratio = mean / deviation;
        let shape = ratio * ratio;
        // Beyond this the gamma distribution is normal to more digits than demand has.
        if mean == 0.0 || shape.is_nan() || shape > 1e8 {
            return LeadTimeDemand::normal(mean, if mean == 0.0 { 0.0 } else { deviation });
        }
        (deviation > 0.0 && shape > 1e-6)
            .then_some(LeadTimeDemand(Shape::Gamma { shape, scale: mean / shape }))
    }

    /// Whole numbers: negative binomial, or Poisson where the variance is not above the mean. `None` where a number is
    /// negative or not finite.
    pub fn counts(mean: f64, variance: f64) -> Option<LeadTimeDemand> {
        (mean >= 0.0 && mean.is_finite() && variance >= 0.0 && variance.is_finite())
            .then_some(LeadTimeDemand(Shape::Counts { mean, variance }))
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        match &self.0 {
            Shape::Normal { mean, .. } | Shape::Counts { mean, .. } => *mean,
            Shape::Gamma { shape, scale } => shape * scale,
        }
    }

    /// The variance.
    pub fn variance(&self) -> f64 {
        match &self.0 {
            Shape::Normal { deviation, .. } => deviation * deviation,
            Shape::Gamma { shape, scale } => shape * scale * scale,
            Shape::Counts { mean, variance } => variance.max(*mean),
        }
    }

    /// The probability of at most this demand.
    pub fn probability(&self, demand: f64) -> f64 {
        match &self.0 {
            Shape::Normal { mean, deviation } if *deviation > 0.0 => {
                distribution::normal((demand - mean) / deviation).below
            }
            Shape::Normal { mean, .. } => f64::from(u8::from(demand >= *mean)),
            Shape::Gamma { shape, scale } => distribution::gamma(*shape, demand / scale).below,
            Shape::Counts { mean, variance } => Counts::new(*mean, *variance).at(demand).below,
        }
    }

    /// The least demand that is not exceeded with this probability, which is kept between 1e-9 and 1 - 1e-9.
    pub fn quantile(&self, probability: f64) -> f64 {
        let probability = if probability.is_nan() { 0.5 } else { probability.clamp(1e-9, 1.0 - 1e-9) };
        match &self.0 {
            Shape::Normal { mean, deviation } => mean + deviation * normal::quantile(probability),
            Shape::Gamma { shape, scale } => scale * distribution::gamma_quantile(*shape, probability),
            Shape::Counts { mean, variance } => Counts::new(*mean, *variance).quantile(probability),
        }
    }

    /// The mean of the demand that a stock leaves unmet: `E max(X - stock, 0)`.
    ///
    /// Silver, Pyke and Peterson (1998), appendix B, for the normal loss function.
    pub fn shortage(&self, stock: f64) -> f64 {
        let shortage = match &self.0 {
            Shape::Normal { mean, deviation } if *deviation > 0.0 => {
                let z = (stock - mean) / deviation;
                deviation * (distribution::normal_density(z) - z * distribution::normal(z).above)
            }
            Shape::Normal { mean, .. } => mean - stock,
            Shape::Gamma { shape, scale } if stock > 0.0 => {
                let x = stock / scale;
                shape * scale * distribution::gamma(shape + 1.0, x).above
                    - stock * distribution::gamma(*shape, x).above
            }
            Shape::Gamma { shape, scale } => shape * scale - stock,
            Shape::Counts { mean, variance } => Counts::new(*mean, *variance).excess(stock),
        };
        shortage.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ours: f64, expected: f64) {
        assert!((ours - expected).abs() <= 1e-10 * expected.abs().max(1.0), "{ours} is not {expected}");
    }

    /// scipy 1.17.1: cdf, ppf and the integral of the survival function.
    #[test]
    fn agrees_with_scipy() {
        for (demand, stock, probability, at95, shortage) in [
            (
                LeadTimeDemand::normal(100.0, 20.0).unwrap(),
                120.0,
                0.8413447460685429,
                132.89707253902944,
                1.6663094117537258,
            ),
            (
                LeadTimeDemand::gamma(40.0, 30.0).unwrap(),
                70.0,
                0.8561261725841516,
                98.52494258676865,
                3.8285908423545756,
            ),
            (LeadTimeDemand::counts(6.0, 20.0).unwrap(), 9.0, 0.8124712047529543, 15.0, 0.8082131841616975),
            (LeadTimeDemand::counts(3.5, 1.0).unwrap(), 5.0, 0.8576135530957782, 7.0, 0.2490104288952755),
        ] {
            close(demand.probability(stock), probability);
            close(demand.quantile(0.95), at95);
            close(demand.shortage(stock), shortage);
        }
    }

    #[test]
    fn certain_and_impossible_demand() {
        let certain = LeadTimeDemand::normal(5.0, 0.0).unwrap();
        assert_eq!((certain.quantile(0.99), certain.shortage(3.0), certain.shortage(6.0)), (5.0, 2.0, 0.0));
        assert_eq!((certain.probability(4.9), certain.probability(5.0)), (0.0, 1.0));
        let none = LeadTimeDemand::gamma(0.0, 3.0).unwrap();
        assert_eq!((none.quantile(0.99), none.shortage(0.0)), (0.0, 0.0));
        assert_eq!(LeadTimeDemand::gamma(4.0, 0.0).unwrap().quantile(0.9), 4.0);
        assert_eq!(LeadTimeDemand::counts(0.0, 0.0).unwrap().quantile(0.9), 0.0);
        assert!(
            LeadTimeDemand::normal(f64::NAN, 1.0).is_none() && LeadTimeDemand::normal(1.0, -1.0).is_none()
        );
        assert!(LeadTimeDemand::gamma(-1.0, 1.0).is_none() && LeadTimeDemand::gamma(1.0, f64::NAN).is_none());
        assert!(LeadTimeDemand::counts(1.0, f64::INFINITY).is_none());
    }
}
