//! How much to buy when it can be bought only once.

use super::LeadTimeDemand;

/// Money for a unit, all in one currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Newsvendor {
    /// What a customer pays.
    pub price: f64,
    /// What it costs to buy.
    pub cost: f64,
    /// What it brings when left over; below the cost, negative where it must be disposed of.
    pub salvage: f64,
    /// What a customer sent away costs beside the lost margin; 0 if nothing.
    pub goodwill: f64,
}

impl Newsvendor {
    /// The mean profit of a quantity.
    pub fn profit(&self, demand: &LeadTimeDemand, quantity: f64) -> f64 {
        let shortage = demand.shortage(quantity);
        let leftover = quantity - demand.mean() + shortage;
        self.price * (quantity - leftover) + self.salvage * leftover
            - self.cost * quantity
            - self.goodwill * shortage
    }

    /// The quantity of the highest mean profit: the demand not exceeded with the critical ratio. Silver, Pyke and
    /// Peterson, "Inventory Management and Production Planning and Scheduling" (1998), section 10.2. Nothing is bought
    /// where a unit sold loses money. `None` where an amount is not finite, or leftovers bring as much as they cost.
    pub fn quantity(&self, demand: &LeadTimeDemand) -> Option<f64> {
        let amounts = [self.price, self.cost, self.salvage, self.goodwill];
        let (underage, overage) = (self.price - self.cost + self.goodwill, self.cost - self.salvage);
        if amounts.iter().any(|amount| !amount.is_finite()) || overage <= 0.0 {
            return None;
        }
        Some(match underage > 0.0 {
            true => demand.quantile(underage / (underage + overage)).max(0.0),
            false => 0.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: Newsvendor = Newsvendor { price: 12.0, cost: 7.0, salvage: 2.0, goodwill: 1.0 };

    /// scipy 1.17.1, numerical integration.
    #[test]
    fn agrees_with_scipy() {
        let demand = LeadTimeDemand::normal(100.0, 20.0).unwrap();
        let quantity = SHOP.quantity(&demand).unwrap();
        assert!((quantity - QUANTITY).abs() < 1e-9, "{quantity}");
        assert!((SHOP.profit(&demand, quantity) - PROFIT).abs() < 1e-8);
    }
    const QUANTITY: f64 = 102.28370588642856;
    const PROFIT: f64 = 412.80300472828645;

    #[test]
    fn no_other_quantity_earns_more() {
        let demand = LeadTimeDemand::counts(3.0, 7.0).unwrap();
        let best = SHOP.profit(&demand, SHOP.quantity(&demand).unwrap());
        for quantity in 0..=40 {
            assert!(SHOP.profit(&demand, f64::from(quantity)) <= best + 1e-9);
        }
    }

    #[test]
    fn losing_and_impossible_trades() {
        let demand = LeadTimeDemand::normal(100.0, 20.0).unwrap();
        let losing = Newsvendor { price: 5.0, goodwill: 0.0, ..SHOP };
        assert_eq!(losing.quantity(&demand), Some(0.0));
        assert!(Newsvendor { salvage: 7.0, ..SHOP }.quantity(&demand).is_none());
        assert!(Newsvendor { cost: f64::NAN, ..SHOP }.quantity(&demand).is_none());
    }
}
