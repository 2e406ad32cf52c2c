//! How much stock to hold.
//!
//! E. A. Silver, D. F. Pyke and R. Peterson, "Inventory Management and Production Planning and Scheduling", 3rd edition
//! (1998), sections 7.6 to 7.8.

use super::LeadTimeDemand;

/// A reorder point with what it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learn) struct StockLevel {
    /// Order when the position has come down to this.
    pub reorder_point: f64,
    /// By how much it is more than the mean demand until the order arrives.
    pub safety_stock: f64,
    /// The probability that the stock lasts until the order arrives.
    pub cycle_service: f64,
    /// The mean of the demand left unmet in each cycle.
    pub shortage: f64,
}

impl StockLevel {
    /// What a reorder point does.
    pub fn at(demand: &LeadTimeDemand, reorder_point: f64) -> StockLevel {
        StockLevel {
            reorder_point,
            safety_stock: reorder_point - demand.mean(),
            cycle_service: demand.probability(reorder_point),
            shortage: demand.shortage(reorder_point),
        }
    }
}

/// The least reorder point at which the stock lasts with this probability, never below zero. `None` for a probability
/// not between 0 and 1.
pub(in crate::learn) fn for_cycle_service(demand: &LeadTimeDemand, service: f64) -> Option<StockLevel> {
    (service > 0.0 && service < 1.0).then(|| StockLevel::at(demand, demand.quantile(service).max(0.0)))
}

/// The least reorder point, never below zero, at which this part of demand is met from stock, when each order is of
/// `order_quantity`: the unmet demand of a cycle is at most `(1 - fill_rate) order_quantity`. `None` for a rate not
/// between 0 and 1 or a quantity that is not a positive number.
pub(in crate::learn) fn for_fill_rate(
    demand: &LeadTimeDemand,
    fill_rate: f64,
    order_quantity: f64,
) -> Option<StockLevel> {
    if !(fill_rate > 0.0 && fill_rate < 1.0 && order_quantity > 0.0 && order_quantity.is_finite()) {
        return None;
    }
    let allowed = (1.0 - fill_rate) * order_quantity;
    let enough = |stock: f64| demand.shortage(stock) <= allowed;
    let at = |stock: f64| StockLevel::at(demand, stock);
    if enough(0.0) {
        return Some(at(0.0));
    }
    let mut low = 0.0;
    let mut high = (demand.mean().max(0.0) + 4.0 * demand.variance().sqrt()).max(allowed);
    while !enough(high) {
        low = high;
        high *= 2.0;
        if !high.is_finite() {
            return None;
        }
    }
    // Shortage falls steadily, so halving finds the point; 200 halvings end at neighbouring numbers.
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if enough(middle) { high = middle } else { low = middle }
    }
    Some(at(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Silver, Pyke and Peterson (1998), sections 7.7 and 7.8: lead time demand 58.3 with a deviation of 13.1, service
    /// 0.90, hence k = 1.28, safety stock 16.8 and reorder point 75.1. A fill rate of 0.99 with orders of 200: numpy
    /// and scipy 1.17.1, `brentq` on the loss function.
    #[test]
    fn agrees_with_the_book() {
        let demand = LeadTimeDemand::normal(58.3, 13.1).unwrap();
        let level = for_cycle_service(&demand, 0.90).unwrap();
        assert!((level.safety_stock - 16.8).abs() < 0.05 && (level.reorder_point - 75.1).abs() < 0.05);
        let level = for_fill_rate(&demand, 0.99, 200.0).unwrap();
        assert!((level.reorder_point - FILL).abs() < 1e-8, "{}", level.reorder_point);
        assert!((level.shortage / 200.0 - 0.01).abs() < 1e-12);
    }
    const FILL: f64 = 66.9531168649834;

    #[test]
    fn every_form_of_demand_reaches_its_target() {
        for demand in [
            LeadTimeDemand::gamma(40.0, 30.0),
            LeadTimeDemand::counts(6.0, 20.0),
            LeadTimeDemand::normal(8.0, 4.0),
        ] {
            let demand = demand.unwrap();
            for target in [0.1, 0.8, 0.95, 0.999] {
                let cycle = for_cycle_service(&demand, target).unwrap();
                assert!(cycle.cycle_service >= target - 1e-9 && cycle.shortage >= 0.0);
                let fill = for_fill_rate(&demand, target, 10.0).unwrap();
                let met = 1.0 - fill.shortage / 10.0;
                assert!(met >= target - 1e-9 && (fill.reorder_point == 0.0 || met < target + 1e-6));
            }
        }
    }

    #[test]
    fn what_cannot_be_gives_nothing() {
        let demand = LeadTimeDemand::normal(5.0, 1.0).unwrap();
        assert!(for_cycle_service(&demand, 1.0).is_none());
        assert!(
            for_fill_rate(&demand, 0.0, 5.0).is_none() && for_fill_rate(&demand, 0.9, f64::NAN).is_none()
        );
        let certain = LeadTimeDemand::normal(5.0, 0.0).unwrap();
        assert!((for_fill_rate(&certain, 0.9, 10.0).unwrap().reorder_point - 4.0).abs() < 1e-9);
    }
}
