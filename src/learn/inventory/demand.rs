//! The demand over a lead time as a distribution.

use serde::{Deserialize, Serialize};

use super::super::distribution::{self, Counts};
use super::super::normal;

/// A distribution of demand, in units. Values that cannot be are refused by its constructors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct LeadTimeDemand(Shape);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Normal {
        mean: f64,
        deviation: f64,
    },
    Gamma {
        shape: f64,
        scale: f64,
    },
    Counts {
        mean: f64,
        variance: f64,
    },
    /// Equally likely, ascending.
    Samples(Vec<f64>),
    /// The probability of 0, 1, 2 and so on; they sum to 1.
    Lattice(Vec<f64>),
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

    /// What was drawn or seen, each equally likely. `None` for nothing or a value that is not finite.
    pub fn samples(mut values: Vec<f64>) -> Option<LeadTimeDemand> {
        values.sort_unstable_by(f64::total_cmp);
        let sound = !values.is_empty() && values.iter().all(|value| value.is_finite());
        sound.then_some(LeadTimeDemand(Shape::Samples(values)))
    }

    /// The probabilities of 0, 1, 2 and so on, up to a common factor. `None` where one is negative or not finite, or
    /// all are zero.
    pub fn lattice(mut probabilities: Vec<f64>) -> Option<LeadTimeDemand> {
        let total: f64 = probabilities.iter().sum();
        if !(total > 0.0 && total.is_finite() && probabilities.iter().all(|probability| *probability >= 0.0))
        {
            return None;
        }
        probabilities.iter_mut().for_each(|probability| *probability /= total);
        Some(LeadTimeDemand(Shape::Lattice(probabilities)))
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        match &self.0 {
            Shape::Normal { mean, .. } | Shape::Counts { mean, .. } => *mean,
            Shape::Gamma { shape, scale } => shape * scale,
            Shape::Samples(values) => values.iter().sum::<f64>() / values.len() as f64,
            Shape::Lattice(probabilities) => counted(probabilities).map(|(count, p)| count * p).sum(),
        }
    }

    /// The variance.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        match &self.0 {
            Shape::Normal { deviation, .. } => deviation * deviation,
            Shape::Gamma { shape, scale } => shape * scale * scale,
            Shape::Counts { mean, variance } => variance.max(*mean),
            Shape::Samples(values) => {
                values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / values.len() as f64
            }
            Shape::Lattice(probabilities) => {
                counted(probabilities).map(|(count, p)| p * (count - mean) * (count - mean)).sum()
            }
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
            Shape::Samples(values) => {
                values.partition_point(|value| *value <= demand) as f64 / values.len() as f64
            }
            Shape::Lattice(probabilities) => counted(probabilities)
                .take_while(|(count, _)| *count <= demand)
                .map(|(_, p)| p)
                .sum::<f64>()
                .min(1.0),
        }
    }

    /// The least demand that is not exceeded with this probability, which is kept between 1e-9 and 1 - 1e-9.
    pub fn quantile(&self, probability: f64) -> f64 {
        let probability = if probability.is_nan() { 0.5 } else { probability.clamp(1e-9, 1.0 - 1e-9) };
        match &self.0 {
            Shape::Normal { mean, deviation } => mean + deviation * normal::quantile(probability),
            Shape::Gamma { shape, scale } => scale * distribution::gamma_quantile(*shape, probability),
            Shape::Counts { mean, variance } => Counts::new(*mean, *variance).quantile(probability),
            Shape::Samples(values) => {
                // The margin keeps 0.95 of 20 at 19.
                let rank = (probability * values.len() as f64 - 1e-9).ceil().max(1.0) as usize;
                values[rank.min(values.len()) - 1]
            }
            Shape::Lattice(probabilities) => {
                let mut sum = 0.0;
                let reached = counted(probabilities).find(|(_, p)| {
                    sum += p;
                    sum >= probability - 1e-12
                });
                reached.map_or(probabilities.len() as f64 - 1.0, |(count, _)| count)
            }
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
            Shape::Samples(values) => {
                values.iter().map(|value| (value - stock).max(0.0)).sum::<f64>() / values.len() as f64
            }
            Shape::Lattice(probabilities) => {
                counted(probabilities).map(|(count, p)| p * (count - stock).max(0.0)).sum()
            }
        };
        shortage.max(0.0)
    }
}

fn counted(probabilities: &[f64]) -> impl Iterator<Item = (f64, f64)> + '_ {
    probabilities.iter().enumerate().map(|(count, probability)| (count as f64, *probability))
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
    fn forms_of_the_same_demand_agree() {
        let pmf = vec![0.2, 0.3, 0.1, 0.4];
        let lattice = LeadTimeDemand::lattice(pmf).unwrap();
        let samples = LeadTimeDemand::samples(vec![0., 0., 1., 1., 1., 2., 3., 3., 3., 3.]).unwrap();
        for stock in [-1.0, 0.0, 0.5, 1.0, 2.0, 2.7, 3.0, 9.0] {
            close(lattice.probability(stock), samples.probability(stock));
            close(lattice.shortage(stock), samples.shortage(stock));
        }
        for probability in [0.0, 0.2, 0.21, 0.5, 0.6, 0.61, 1.0] {
            assert_eq!(lattice.quantile(probability), samples.quantile(probability), "{probability}");
        }
        close(lattice.mean(), samples.mean());
        close(lattice.variance(), samples.variance());
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
        assert!(
            LeadTimeDemand::samples(vec![]).is_none() && LeadTimeDemand::samples(vec![f64::NAN]).is_none()
        );
        assert!(
            LeadTimeDemand::lattice(vec![0.0]).is_none()
                && LeadTimeDemand::lattice(vec![1.0, -0.1]).is_none()
        );
    }
}
