//! The price of most profit.

use serde::{Deserialize, Serialize};

/// What holds a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::learn) enum Held {
    /// Nothing: more and less would both earn less.
    Free,
    /// The lower bound: less would earn more.
    Below,
    /// The upper bound: more would earn more.
    Above,
    /// The upper bound, as demand answers so little (an elasticity of -1 or more) that no price would be too high.
    Inelastic,
}

/// A price and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learn) struct Pricing {
    /// The price.
    pub price: f64,
    /// What holds it.
    pub held: Held,
    /// The best prices for the ends of the elasticity's interval, the lower first.
    pub range: (f64, f64),
    /// Profit at this price over that at the present one; `None` where that earns nothing.
    pub gain: Option<f64>,
}

/// The price at which `(price - cost) price^elasticity` is largest: `cost e / (1 + e)`, where the markup over price is
/// the inverse of the elasticity (A. P. Lerner, "The Concept of Monopoly and the Measurement of Monopoly Power", Review
/// of Economic Studies 1 (1934), 157-175), kept within the bounds. Profit rises up to that price and falls after it, so
/// the nearer bound is the best where it is out of reach. `interval` holds the elasticity, `present` is the price now.
///
/// Outside the prices that were seen an elasticity says little: bounds should not be far from them. `None` for numbers
/// that are not finite, a cost that is negative, or bounds that are not positive and in order.
pub(in crate::learn) fn profit_maximising(
    elasticity: f64,
    interval: (f64, f64),
    cost: f64,
    bounds: (f64, f64),
    present: f64,
) -> Option<Pricing> {
    let (low, high) = bounds;
    let finite = [elasticity, interval.0, interval.1, cost, low, high, present].iter().all(|n| n.is_finite());
    if !(finite && cost >= 0.0 && low > 0.0 && low <= high) {
        return None;
    }
    let (price, held) = best(elasticity, cost, bounds);
    let (one, other) = (best(interval.0, cost, bounds).0, best(interval.1, cost, bounds).0);
    let margin = present - cost;
    let gain = (present > 0.0 && margin > 0.0)
        .then(|| (price - cost) / margin * (elasticity * (price / present).ln()).exp())
        .filter(|gain| gain.is_finite());
    Some(Pricing { price, held, range: (one.min(other), one.max(other)), gain })
}

fn best(elasticity: f64, cost: f64, (low, high): (f64, f64)) -> (f64, Held) {
    if elasticity >= -1.0 {
        return (high, Held::Inelastic);
    }
    let free = cost * elasticity / (1.0 + elasticity);
    if free < low {
        (low, Held::Below)
    } else if free > high {
        (high, Held::Above)
    } else {
        (free, Held::Free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(elasticity: f64, bounds: (f64, f64)) -> Pricing {
        profit_maximising(elasticity, (elasticity - 0.5, elasticity + 0.5), 6.0, bounds, 10.0).unwrap()
    }

    /// By hand: 6 * 3 / 2 = 9; ends 6 * 3.5 / 2.5 = 8.4 and 6 * 2.5 / 1.5 = 10; gain 3/4 (10/9)^3.
    #[test]
    fn agrees_with_a_hand_computation() {
        let pricing = at(-3.0, (5.0, 20.0));
        assert_eq!((pricing.price, pricing.held), (9.0, Held::Free));
        assert!((pricing.range.0 - 8.4).abs() < 1e-12 && (pricing.range.1 - 10.0).abs() < 1e-12);
        assert!((pricing.gain.unwrap() - 0.75 * (10.0f64 / 9.0).powi(3)).abs() < 1e-12);
    }

    #[test]
    fn no_other_price_earns_more() {
        for elasticity in [-8.0, -2.2, -1.1, -0.5] {
            let pricing = at(elasticity, (7.0, 15.0));
            let profit = |price: f64| (price - 6.0) * price.powf(elasticity);
            for step in 0..=80 {
                assert!(profit(7.0 + 0.1 * f64::from(step)) <= profit(pricing.price) * (1.0 + 1e-12));
            }
        }
    }

    #[test]
    fn bounds_hold() {
        assert_eq!((at(-9.0, (8.0, 9.0)).price, at(-9.0, (8.0, 9.0)).held), (8.0, Held::Below));
        assert_eq!((at(-1.2, (8.0, 9.0)).price, at(-1.2, (8.0, 9.0)).held), (9.0, Held::Above));
        assert_eq!((at(-0.7, (8.0, 9.0)).price, at(0.3, (8.0, 9.0)).held), (9.0, Held::Inelastic));
        assert!(profit_maximising(-2.0, (-3.0, -1.0), 6.0, (9.0, 8.0), 10.0).is_none());
        assert!(profit_maximising(f64::NAN, (-3.0, -1.0), 6.0, (8.0, 9.0), 10.0).is_none());
        assert_eq!(profit_maximising(-2.0, (-3.0, -1.5), 6.0, (8.0, 9.0), 5.0).unwrap().gain, None);
    }
}
