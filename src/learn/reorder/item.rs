//! One item: what is known of it, and how much of it to order.

use arrow::array::{Array, Float64Array};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::inventory::{
    LeadTimeDemand, Moments, Newsvendor, StockLevel, for_cycle_service, for_fill_rate, moments,
};
use crate::learn::lot::Lot;
use crate::project::model::{REORDER_COLUMNS, REORDER_OPTIONAL};
use crate::project::{DemandForm, ReorderDecl};

/// The inputs of one item, as found.
pub(super) struct Inputs {
    required: [Option<f64>; REORDER_COLUMNS.len()],
    optional: [Option<f64>; REORDER_OPTIONAL.len()],
}

/// What is recommended for one item.
#[derive(Debug, Default)]
pub(super) struct Order {
    pub levels: Option<Levels>,
    pub position: Option<f64>,
    pub quantity: Option<i64>,
    pub days_of_cover: Option<f64>,
    pub cost: Option<f64>,
    pub reason: String,
}

/// The levels stock is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    pub lead_time_demand: f64,
    pub protected_demand: f64,
    pub safety_stock: f64,
    pub reorder_point: f64,
    pub service_level: f64,
    pub shortage: f64,
    pub profit: Option<f64>,
    pub order_up_to: f64,
}

/// What stock is held for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// To last with this probability.
    Cycle(f64),
    /// To meet this part of demand.
    Fill(f64),
    /// To earn most.
    Profit,
}

/// The settings of a declaration.
pub(super) struct Policy {
    pub target: Target,
    pub form: DemandForm,
    pub review_days: f64,
}

impl Policy {
    /// # Errors
    /// [`ErrorKind::Declaration`] for a level that is not between 0 and 1, and for two of them.
    pub fn of(decl: &ReorderDecl) -> Result<Policy> {
        let wrong =
            |message: String, hint: &str| Err(Error::new(ErrorKind::Declaration, message).with_hint(hint));
        let (target, name, value) = match (decl.service_level, decl.fill_rate) {
            (Some(_), Some(_)) => {
                return wrong(
                    "`service_level` and `fill_rate` are both given".into(),
                    "They ask for different levels of stock: keep one of them.",
                );
            }
            (Some(level), None) => (Target::Cycle(level), "service_level", level),
            (None, Some(rate)) => (Target::Fill(rate), "fill_rate", rate),
            (None, None) => (Target::Profit, "", 0.5),
        };
        if !(value > 0.0 && value < 1.0) {
            return wrong(
                format!("`{name}` is {value}, not between 0 and 1"),
                "Give how surely stock should last, such as 0.95; 1 would need endless stock.",
            );
        }
        Ok(Policy { target, form: decl.distribution, review_days: decl.review_days })
    }

    /// The demand to be covered.
    fn demand(&self, over: Moments) -> Option<LeadTimeDemand> {
        match self.form {
            DemandForm::Normal => LeadTimeDemand::normal(over.mean, over.variance.sqrt()),
            DemandForm::Gamma => LeadTimeDemand::gamma(over.mean, over.variance.sqrt()),
            DemandForm::Counts => LeadTimeDemand::counts(over.mean, over.variance),
        }
    }
}

impl Inputs {
    pub fn read(columns: &[Float64Array], row: usize) -> Inputs {
        let value = |column: &Float64Array| column.is_valid(row).then(|| column.value(row));
        Inputs {
            required: std::array::from_fn(|index| value(&columns[index])),
            optional: std::array::from_fn(|index| value(&columns[REORDER_COLUMNS.len() + index])),
        }
    }

    /// What is wrong with the inputs, empty if nothing. Money counts only where it decides, and what is left over may have to
    /// be disposed of.
    fn faults(&self, target: Target) -> String {
        let fault = |(name, value): (&&str, &Option<f64>), needed: bool| match value {
            None => needed.then(|| format!("{name} is missing")),
            Some(value) if value.is_nan() => Some(format!("{name} is not a number")),
            Some(value) if value.is_infinite() => Some(format!("{name} is infinite")),
            Some(value) if *value < 0.0 => Some(format!("{name} is negative")),
            Some(_) => None,
        };
        let required = REORDER_COLUMNS.iter().zip(&self.required).filter_map(|input| fault(input, true));
        let counts = |(name, value): &(&&str, &Option<f64>)| match **name {
            "salvage" => target == Target::Profit && value.is_some_and(|value| !value.is_finite()),
            "price" | "goodwill" => target == Target::Profit,
            _ => true,
        };
        let optional = REORDER_OPTIONAL.iter().zip(&self.optional).filter(counts);
        let optional = optional.filter_map(|input| fault(input, false));
        required.chain(optional).collect::<Vec<_>>().join(", ")
    }

    /// The levels for one item whose inputs are sound, or why there are none.
    fn levels(&self, policy: &Policy) -> Result<Levels, &'static str> {
        let [_, _, lead_time, demand, demand_sd] = self.required.map(Option::unwrap_or_default);
        let [lead_time_sd, min_order, max_order, multiple, unit_cost, floor, price, salvage, goodwill] =
            self.optional;
        let square = |deviation: f64| deviation * deviation;
        let protected = moments(
            Moments { mean: demand, variance: square(demand_sd) },
            Moments { mean: lead_time + policy.review_days, variance: square(lead_time_sd.unwrap_or(0.0)) },
        );
        let over = policy.demand(protected).ok_or("the inputs are too large to compute with")?;
        let review = demand * policy.review_days;
        let (point, least, trade) = match policy.target {
            Target::Cycle(level) => {
                (for_cycle_service(&over, level).map(|level| level.reorder_point), Some(0.0), None)
            }
            Target::Fill(rate) => {
                // What is ordered at a time, as far as lots allow.
                let wanted = review.max(min_order.unwrap_or(0.0)).max(multiple.unwrap_or(0.0));
                let quantity = wanted.min(max_order.filter(|most| *most > 0.0).unwrap_or(wanted));
                let quantity = if quantity > 0.0 { quantity } else { 1.0 };
                (for_fill_rate(&over, rate, quantity).map(|level| level.reorder_point), None, None)
            }
            Target::Profit => {
                let (price, cost) = price.zip(unit_cost).ok_or("price or unit_cost is missing")?;
                let (salvage, goodwill) = (salvage.unwrap_or(0.0), goodwill.unwrap_or(0.0));
                let trade = Newsvendor { price, cost, salvage, goodwill };
                let quantity = trade.quantity(&over).ok_or("salvage is not below unit_cost")?;
                (Some(quantity), None, Some(trade))
            }
        };
        let point = point.ok_or("the inputs are too large to compute with")?;
        let mut safety_stock = point - protected.mean;
        if let Some(least) = floor.or(least) {
            safety_stock = safety_stock.max(least);
        }
        let reorder_point = protected.mean + safety_stock;
        let held = StockLevel::at(&over, reorder_point);
        Ok(Levels {
            lead_time_demand: demand * lead_time,
            protected_demand: protected.mean,
            safety_stock,
            reorder_point,
            service_level: held.cycle_service,
            shortage: held.shortage,
            profit: trade.map(|trade| trade.profit(&over, reorder_point)),
            order_up_to: if policy.target == Target::Profit { reorder_point } else { reorder_point + review },
        })
    }

    pub fn order(&self, policy: &Policy) -> Order {
        let faults = self.faults(policy.target);
        let [Some(on_hand), Some(on_order), Some(_), Some(demand), Some(_)] = self.required else {
            return Order { reason: faults, ..Order::default() };
        };
        if !faults.is_empty() {
            return Order { reason: faults, ..Order::default() };
        }
        let levels = match self.levels(policy) {
            Ok(levels) => levels,
            Err(reason) => return Order { reason: reason.to_string(), ..Order::default() },
        };
        let [_, min_order, max_order, multiple, unit_cost, ..] = self.optional;
        let position = on_hand + on_order;
        let mut order = Order {
            levels: Some(levels),
            position: Some(position),
            days_of_cover: (demand > 0.0).then(|| position / demand),
            ..Order::default()
        };
        let point = plain(levels.reorder_point);
        let position_text = plain(position);
        if !(levels.order_up_to.is_finite() && position.is_finite()) {
            order.reason = "the inputs are too large to compute with".to_string();
        } else if position > levels.reorder_point {
            order.quantity = Some(0);
            order.reason = format!("position {position_text} above reorder point {point}");
        } else if levels.order_up_to <= position {
            order.quantity = Some(0);
            order.reason =
                format!("position {position_text} covers order-up-to level {}", plain(levels.order_up_to));
        } else {
            let lot = Lot { min: min_order, max: max_order, multiple };
            match lot.fit(levels.order_up_to - position) {
                Ok((quantity, limited)) => {
                    order.quantity = Some(quantity as i64);
                    order.reason =
                        format!("position {position_text} at or below reorder point {point}{limited}");
                }
                Err(reason) => order.reason = reason.to_string(),
            }
        }
        order.cost = order.quantity.zip(unit_cost).map(|(quantity, cost)| quantity as f64 * cost);
        order
    }
}

/// A number as people write it: at most two decimals, none if they are zero.
fn plain(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Inputs =
        Inputs { required: [Some(10.0), Some(2.0), Some(4.0), Some(5.0), Some(3.0)], optional: [None; 9] };
    const Z95: f64 = 1.644_853_626_951_472_7;

    /// A service level of 95 %.
    fn surely(review_days: f64) -> Policy {
        Policy { target: Target::Cycle(0.95), form: DemandForm::Normal, review_days }
    }

    fn with(optional: &[(&str, f64)]) -> [Option<f64>; 9] {
        let value = |name: &&str| optional.iter().find(|(known, _)| known == name).map(|(_, value)| *value);
        std::array::from_fn(|place| value(&REORDER_OPTIONAL[place]))
    }

    /// By hand: sigma = sqrt((4 + 5) 3^2) = 9; safety 14.80; point 45 + 14.80; level 25 above; needed 84.80 - 12.
    #[test]
    fn agrees_with_a_hand_computation() {
        let order = PLAIN.order(&surely(5.0));
        let levels = order.levels.unwrap();
        assert_eq!((levels.lead_time_demand, levels.protected_demand), (20.0, 45.0));
        assert!((levels.safety_stock - 9.0 * Z95).abs() < 1e-12);
        assert!((levels.reorder_point - 59.803_682).abs() < 1e-6);
        assert!((levels.service_level - 0.95).abs() < 1e-12);
        assert!((levels.order_up_to - 84.803_682).abs() < 1e-6);
        assert_eq!((order.position, order.quantity, order.days_of_cover), (Some(12.0), Some(73), Some(2.4)));
        assert_eq!(order.reason, "position 12 at or below reorder point 59.8");
    }

    /// By hand: sigma = sqrt(9 * 9 + 5^2 * 2^2) = sqrt(181).
    #[test]
    fn an_uncertain_lead_time_needs_more_stock() {
        let inputs = Inputs { optional: with(&[("lead_time_sd_days", 2.0)]), ..PLAIN };
        let safety = inputs.order(&surely(5.0)).levels.unwrap().safety_stock;
        assert!((safety - Z95 * 181f64.sqrt()).abs() < 1e-12);
    }

    /// Mean 45 and deviation 9 over lead time and review. scipy 1.17.1: `gamma(25, scale=1.8).ppf(0.95)`,
    /// `nbinom(45 ** 2 / (81 - 45), 45 / 81).ppf(0.95)`, and `brentq` on the normal loss function for orders of 25.
    #[test]
    fn every_form_and_target() {
        let point = |policy: &Policy| PLAIN.order(policy).levels.unwrap().reorder_point;
        let gamma = Policy { form: DemandForm::Gamma, ..surely(5.0) };
        assert!((point(&gamma) - GAMMA).abs() < 1e-9, "{}", point(&gamma));
        let counts = Policy { form: DemandForm::Counts, ..surely(5.0) };
        assert_eq!(point(&counts), COUNTS);
        let fill = Policy { target: Target::Fill(0.99), ..surely(5.0) };
        assert!((point(&fill) - FILL).abs() < 1e-8, "{}", point(&fill));
        assert!((PLAIN.order(&fill).levels.unwrap().shortage - 0.25).abs() < 1e-9);
    }
    const GAMMA: f64 = 60.75432589458708;
    const COUNTS: f64 = 60.0;
    const FILL: f64 = 58.710709130325476;

    /// By hand: (12 - 7 + 1) of (12 - 2 + 1), so the demand not exceeded in 6 of 11 cases.
    #[test]
    fn stock_of_most_profit() {
        let policy = Policy { target: Target::Profit, ..surely(5.0) };
        let money = [("unit_cost", 7.0), ("price", 12.0), ("salvage", 2.0), ("goodwill", 1.0)];
        let order = Inputs { optional: with(&money), ..PLAIN }.order(&policy);
        let levels = order.levels.unwrap();
        assert!((levels.service_level - 6.0 / 11.0).abs() < 1e-9);
        assert_eq!(levels.order_up_to, levels.reorder_point);
        assert!(levels.profit.unwrap() > 0.0 && order.cost.unwrap() > 0.0);
        // Leftovers that bring what they cost, and a price that is not known.
        let order =
            Inputs { optional: with(&[("unit_cost", 2.0), money[1], money[2]]), ..PLAIN }.order(&policy);
        assert_eq!((order.quantity, order.reason.as_str()), (None, "salvage is not below unit_cost"));
        let order = Inputs { optional: with(&money[..1]), ..PLAIN }.order(&policy);
        assert_eq!((order.quantity, order.reason.as_str()), (None, "price or unit_cost is missing"));
    }

    #[test]
    fn lots_and_limits() {
        for (min, max, multiple, expected) in [
            (None, None, Some(25.0), Ok(75)),
            (Some(80.0), None, Some(25.0), Ok(100)),
            (None, Some(40.0), None, Ok(40)),
            (None, Some(40.0), Some(25.0), Ok(25)),
            (Some(30.0), Some(40.0), Some(25.0), Err("max_order leaves no quantity")),
            (None, Some(0.0), None, Err("max_order leaves no quantity")),
            (None, None, Some(0.0), Err("order_multiple is not")),
            (None, None, Some(2.5), Err("order_multiple is not")),
        ] {
            let optional = [None, min, max, multiple, Some(2.0), None, None, None, None];
            let order = Inputs { optional, ..PLAIN }.order(&surely(5.0));
            match expected {
                Ok(quantity) => {
                    assert_eq!(order.quantity, Some(quantity), "{min:?} {max:?} {multiple:?}");
                    assert_eq!(order.cost, Some(2.0 * quantity as f64));
                }
                Err(reason) => {
                    assert_eq!((order.quantity, order.cost), (None, None));
                    assert!(order.reason.starts_with(reason), "{}", order.reason);
                }
            }
        }
    }

    #[test]
    fn enough_stock_orders_nothing() {
        let inputs = Inputs { required: [Some(60.0), Some(0.0), Some(4.0), Some(5.0), Some(3.0)], ..PLAIN };
        let order = inputs.order(&surely(5.0));
        assert_eq!(
            (order.quantity, order.reason.as_str()),
            (Some(0), "position 60 above reorder point 59.8")
        );
    }

    #[test]
    fn no_demand_orders_nothing_even_with_a_minimum() {
        let optional = with(&[("min_order", 10.0)]);
        let inputs = Inputs { required: [Some(0.0), Some(0.0), Some(4.0), Some(0.0), Some(0.0)], optional };
        let order = inputs.order(&surely(5.0));
        assert_eq!((order.quantity, order.days_of_cover), (Some(0), None));
        assert_eq!(order.reason, "position 0 covers order-up-to level 0");
    }

    #[test]
    fn a_floor_holds_without_variation() {
        let optional = with(&[("safety_stock_floor", 6.0)]);
        let inputs = Inputs { required: [Some(0.0), Some(0.0), Some(4.0), Some(0.0), Some(0.0)], optional };
        assert_eq!(inputs.order(&surely(5.0)).quantity, Some(6));
    }

    #[test]
    fn rounding_noise_is_not_a_unit() {
        let inputs = Inputs { required: [Some(0.0), Some(0.0), Some(30.0), Some(0.1), Some(0.0)], ..PLAIN };
        assert_eq!(inputs.order(&surely(0.0)).quantity, Some(3));
    }

    #[test]
    fn every_fault_is_named() {
        let inputs = Inputs {
            required: [None, Some(-1.0), Some(f64::NAN), Some(f64::INFINITY), Some(1.0)],
            optional: with(&[("unit_cost", -2.0)]),
        };
        let order = inputs.order(&surely(5.0));
        assert_eq!(order.quantity, None);
        assert_eq!(
            order.reason,
            "on_hand is missing, on_order is negative, lead_time_days is not a number, daily_demand is infinite, \
             unit_cost is negative"
        );
    }

    #[test]
    fn numbers_beyond_computing_give_no_order() {
        let inputs =
            Inputs { required: [Some(0.0), Some(0.0), Some(1e200), Some(1e200), Some(1.0)], ..PLAIN };
        let order = inputs.order(&surely(5.0));
        assert_eq!(
            (order.quantity, order.reason.as_str()),
            (None, "the inputs are too large to compute with")
        );
        let inputs = Inputs { required: [Some(0.0), Some(0.0), Some(1e10), Some(1e10), Some(1.0)], ..PLAIN };
        assert_eq!(inputs.order(&surely(5.0)).quantity, None);
    }
}
