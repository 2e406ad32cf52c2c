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

/// A quantity and what to expect of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct Purchase {
    /// How much to buy.
    pub quantity: f64,
    /// The probability that it is enough which makes the most of it: underage over underage plus overage.
    pub critical_ratio: f64,
    /// The mean profit.
    pub profit: f64,
    /// The mean demand left unmet.
    pub shortage: f64,
    /// The mean quantity left over.
    pub leftover: f64,
}

impl Newsvendor {
    /// The quantity of the highest mean profit: the demand not exceeded with the critical ratio. Silver, Pyke and
    /// Peterson, "Inventory Management and Production Planning and Scheduling" (1998), section 10.2. Nothing is bought
    /// where a unit sold loses money. `None` where an amount is not finite, or leftovers bring as much as they cost.
    pub fn purchase(&self, demand: &LeadTimeDemand) -> Option<Purchase> {
        let amounts = [self.price, self.cost, self.salvage, self.goodwill];
        let (underage, overage) = (self.price - self.cost + self.goodwill, self.cost - self.salvage);
        if amounts.iter().any(|amount| !amount.is_finite()) || overage <= 0.0 {
            return None;
        }
        let critical_ratio = (underage / (underage + overage)).clamp(0.0, 1.0);
        let worth = underage > 0.0;
        let critical_ratio = if worth { critical_ratio } else { 0.0 };
        let quantity = if worth { demand.quantile(critical_ratio).max(0.0) } else { 0.0 };
        let shortage = demand.shortage(quantity);
        let leftover = quantity - demand.mean() + shortage;
        let profit = self.price * (quantity - leftover) + self.salvage * leftover
            - self.cost * quantity
            - self.goodwill * shortage;
        Some(Purchase { quantity, critical_ratio, profit, shortage, leftover })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: Newsvendor = Newsvendor { price: 12.0, cost: 7.0, salvage: 2.0, goodwill: 1.0 };

    /// scipy 1.17.1, numerical integration.
    #[test]
    fn agrees_with_scipy() {
        let purchase = SHOP.purchase(&LeadTimeDemand::normal(100.0, 20.0).unwrap()).unwrap();
        assert!((purchase.critical_ratio - 6.0 / 11.0).abs() < 1e-15);
        assert!((purchase.quantity - QUANTITY).abs() < 1e-9, "{}", purchase.quantity);
        assert!((purchase.profit - PROFIT).abs() < 1e-8, "{}", purchase.profit);
    }
    const QUANTITY: f64 = 102.28370588642856;
    const PROFIT: f64 = 412.80300472828645;

    #[test]
    fn no_other_quantity_earns_more() {
        let demand = LeadTimeDemand::lattice(vec![0.1, 0.2, 0.3, 0.1, 0.2, 0.1]).unwrap();
        let best = SHOP.purchase(&demand).unwrap();
        for quantity in 0..=6 {
            let (quantity, shortage) = (f64::from(quantity), demand.shortage(f64::from(quantity)));
            let leftover = quantity - demand.mean() + shortage;
            let profit = 12.0 * (quantity - leftover) + 2.0 * leftover - 7.0 * quantity - shortage;
            assert!(profit <= best.profit + 1e-12);
        }
    }

    #[test]
    fn losing_and_impossible_trades() {
        let demand = LeadTimeDemand::normal(100.0, 20.0).unwrap();
        let losing = Newsvendor { price: 5.0, goodwill: 0.0, ..SHOP }.purchase(&demand).unwrap();
        assert_eq!((losing.quantity, losing.critical_ratio), (0.0, 0.0));
        assert!(Newsvendor { salvage: 7.0, ..SHOP }.purchase(&demand).is_none());
        assert!(Newsvendor { cost: f64::NAN, ..SHOP }.purchase(&demand).is_none());
    }
}
