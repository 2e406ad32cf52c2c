//! How much to order now, and the numbers behind it.
//!
//! A periodic-review (R, s, S) policy with normal demand, after E. A. Silver, D. F. Pyke and R. Peterson, "Inventory
//! Management and Production Planning and Scheduling", 3rd edition (1998), chapter 7. With demand `d` and its standard
//! deviation `sd` per day, lead time `L` and its standard deviation `sdL` and review interval `R` in days:
//!
//! ```text
//! sigma            = sqrt((L + R) sd^2 + d^2 sdL^2)     demand varies, and so does the lead time
//! safety_stock     = max(z(service_level) sigma, floor)
//! protected_demand = d (L + R)
//! reorder_point    = protected_demand + safety_stock
//! order_up_to      = reorder_point + d R
//! ```
//!
//! The stock must last over `L + R`: what is not ordered now can be ordered at the next review at the earliest, and
//! arrives `L` later. So an item may go without an order only where its position covers that interval, and the reorder
//! point is the smallest position that does so with the probability asked for. An item that stands just above its point
//! keeps the service level; one that was ordered a moment ago exceeds it.
//!
//! An order fills up to one review's demand more, so that an item is not ordered at every review. With
//! `review_days = 0` both levels meet, and this is the continuous-review order point.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::columns::RUN_ID;
use crate::project::ReorderDecl;

use super::lot::Lot;
use super::{columns, normal};

/// The inputs every item has, in the order of [`Inputs`].
const REQUIRED: [&str; 5] = ["on_hand", "on_order", "lead_time_days", "daily_demand", "daily_demand_sd"];
/// The inputs an item may have; null is as good as no column.
const OPTIONAL: [&str; 6] =
    ["lead_time_sd_days", "min_order", "max_order", "order_multiple", "unit_cost", "safety_stock_floor"];
/// The computed columns.
const COMPUTED: [&str; 10] = [
    "lead_time_demand",
    "protected_demand",
    "safety_stock",
    "reorder_point",
    "order_up_to",
    "position",
    "order_quantity",
    "days_of_cover",
    "order_cost",
    "reason",
];

/// Recommends an order for every item: batches of the declaration's SELECT, rows and batches in any order.
///
/// One row per item, sorted by the item columns: these, `supplier` (if selected), `on_hand`, `on_order`,
/// `lead_time_days`, `daily_demand`, `daily_demand_sd`, then `lead_time_demand`, `protected_demand`, `safety_stock`,
/// `reorder_point`, `order_up_to`, `position` (on hand and on order), `order_quantity` (Int64; 0 where none is needed),
/// `days_of_cover` (null without demand), `unit_cost` and `order_cost` (if `unit_cost` is selected) and `reason` (Utf8).
/// All but those said otherwise are Float64, in the units of the inputs.
///
/// An item with a null, negative or infinite input gets a null `order_quantity` and a reason that names the input.
///
/// # Errors
/// [`ErrorKind::Declaration`] for settings or columns that cannot be, [`ErrorKind::Model`] where no batch came at all.
pub fn reorder(items: &[RecordBatch], decl: &ReorderDecl) -> Result<RecordBatch> {
    let Some(first) = items.first() else {
        validate(decl)?;
        return Err(Error::new(ErrorKind::Model, "there are no items")
            .with_hint("Run `sql` by itself: its tables may be empty, or its WHERE too strict."));
    };
    let schema = schema(first.schema_ref(), decl)?;
    let selects = |name: &str| schema.field_with_name(name).is_ok();

    let mut output =
        decl.item.iter().map(|name| columns::required(items, name)).collect::<Result<Vec<_>>>()?;
    if selects("supplier") && !is_item(decl, "supplier") {
        output.push(columns::required(items, "supplier")?);
    }
    let required = REQUIRED.map(|name| columns::numbers(&columns::required(items, name)?, name));
    let mut inputs = required.into_iter().collect::<Result<Vec<_>>>()?;
    let rows = inputs[0].len();
    for name in OPTIONAL {
        inputs.push(match columns::optional(items, name)? {
            Some(column) => columns::numbers(&column, name)?,
            None => Float64Array::new_null(rows),
        });
    }
    let z = normal::quantile(decl.service_level);
    let orders: Vec<Order> =
        (0..rows).map(|row| Inputs::read(&inputs, row).order(z, decl.review_days)).collect();

    let computed = |of: fn(&Order) -> Option<f64>| -> ArrayRef {
        Arc::new(
            orders.iter().map(|order| of(order).filter(|value| value.is_finite())).collect::<Float64Array>(),
        )
    };
    output.extend(inputs[..REQUIRED.len()].iter().map(|input| Arc::new(input.clone()) as ArrayRef));
    output.push(computed(|order| order.levels.map(|levels| levels.lead_time_demand)));
    output.push(computed(|order| order.levels.map(|levels| levels.protected_demand)));
    output.push(computed(|order| order.levels.map(|levels| levels.safety_stock)));
    output.push(computed(|order| order.levels.map(|levels| levels.reorder_point)));
    output.push(computed(|order| order.levels.map(|levels| levels.order_up_to)));
    output.push(computed(|order| order.position));
    output.push(Arc::new(orders.iter().map(|order| order.quantity).collect::<Int64Array>()));
    output.push(computed(|order| order.days_of_cover));
    if selects("unit_cost") {
        output.push(Arc::new(inputs[REQUIRED.len() + 4].clone()));
        output.push(computed(|order| order.cost));
    }
    output.push(Arc::new(StringArray::from_iter_values(orders.iter().map(|order| order.reason.as_str()))));

    let order = sorted(&output)?;
    let output = output.iter().map(|column| Ok(take(column, &order, None)?)).collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(schema, output)?)
}

/// The columns of the recommendation, from those of the items.
///
/// # Errors
/// [`ErrorKind::Declaration`] for settings or columns that cannot be.
pub(super) fn schema(items: &Schema, decl: &ReorderDecl) -> Result<SchemaRef> {
    validate(decl)?;
    let key = |name: &str| Ok(Field::new(name, columns::required_type(items, name)?, true));
    let mut fields = decl.item.iter().map(|name| key(name)).collect::<Result<Vec<_>>>()?;
    if columns::optional_type(items, "supplier")?.is_some() && !is_item(decl, "supplier") {
        fields.push(key("supplier")?);
    }
    for name in REQUIRED {
        columns::check_number(&columns::required_type(items, name)?, name)?;
        fields.push(Field::new(name, DataType::Float64, true));
    }
    for name in OPTIONAL {
        if let Some(data_type) = columns::optional_type(items, name)? {
            columns::check_number(&data_type, name)?;
        }
    }
    let has_cost = columns::optional_type(items, "unit_cost")?.is_some();
    for name in COMPUTED {
        fields.extend(match name {
            "order_quantity" => vec![Field::new(name, DataType::Int64, true)],
            "order_cost" if !has_cost => vec![],
            "order_cost" => {
                vec![
                    Field::new("unit_cost", DataType::Float64, true),
                    Field::new(name, DataType::Float64, true),
                ]
            }
            "reason" => vec![Field::new(name, DataType::Utf8, false)],
            _ => vec![Field::new(name, DataType::Float64, true)],
        });
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn is_item(decl: &ReorderDecl, name: &str) -> bool {
    decl.item.iter().any(|item| item == name)
}

fn validate(decl: &ReorderDecl) -> Result<()> {
    let wrong =
        |message: String, hint: &str| Err(Error::new(ErrorKind::Declaration, message).with_hint(hint));
    if !(decl.service_level > 0.0 && decl.service_level < 1.0) {
        return wrong(
            format!("`service_level` is {}, not between 0 and 1", decl.service_level),
            "Give the probability of not running out, such as 0.95; 1 would need endless stock.",
        );
    }
    if !(decl.review_days >= 0.0 && decl.review_days.is_finite()) {
        return wrong(
            format!("`review_days` is {}, not a number of days", decl.review_days),
            "Give the days between two reviews, 0 if stock is watched all the time.",
        );
    }
    if decl.item.is_empty() {
        return wrong("`item` names no column".to_string(), "Name the columns that identify an item.");
    }
    let mut names: BTreeSet<&str> =
        REQUIRED.into_iter().chain(OPTIONAL).chain(COMPUTED).chain([RUN_ID]).collect();
    for name in &decl.item {
        if !names.insert(name) {
            return wrong(
                format!("item column {name:?} is named twice, or as a column of the recommendation"),
                "Rename it in `sql` with AS.",
            );
        }
    }
    Ok(())
}

/// The order of rows by item, then by everything else, so that it does not depend on the order of the input.
fn sorted(columns: &[ArrayRef]) -> Result<UInt32Array> {
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let encoded = RowConverter::new(fields)?.convert_columns(columns)?;
    let rows = u32::try_from(encoded.num_rows())
        .map_err(|_| Error::new(ErrorKind::Model, "there are more than 4 billion items"))?;
    let mut order: Vec<u32> = (0..rows).collect();
    order.sort_unstable_by(|&a, &b| encoded.row(a as usize).cmp(&encoded.row(b as usize)));
    Ok(UInt32Array::from(order))
}

/// The inputs of one item, as found.
struct Inputs {
    required: [Option<f64>; REQUIRED.len()],
    optional: [Option<f64>; OPTIONAL.len()],
}

/// What is recommended for one item.
#[derive(Debug, Default)]
struct Order {
    levels: Option<Levels>,
    position: Option<f64>,
    quantity: Option<i64>,
    days_of_cover: Option<f64>,
    cost: Option<f64>,
    reason: String,
}

/// The levels stock is held against.
#[derive(Clone, Copy, Debug)]
struct Levels {
    lead_time_demand: f64,
    protected_demand: f64,
    safety_stock: f64,
    reorder_point: f64,
    order_up_to: f64,
}

impl Inputs {
    fn read(columns: &[Float64Array], row: usize) -> Inputs {
        let value = |column: &Float64Array| column.is_valid(row).then(|| column.value(row));
        Inputs {
            required: std::array::from_fn(|index| value(&columns[index])),
            optional: std::array::from_fn(|index| value(&columns[REQUIRED.len() + index])),
        }
    }

    /// What is wrong with the inputs, empty if nothing.
    fn faults(&self) -> String {
        let fault = |(name, value): (&&str, &Option<f64>), needed: bool| match value {
            None => needed.then(|| format!("{name} is missing")),
            Some(value) if value.is_nan() => Some(format!("{name} is not a number")),
            Some(value) if value.is_infinite() => Some(format!("{name} is infinite")),
            Some(value) if *value < 0.0 => Some(format!("{name} is negative")),
            Some(_) => None,
        };
        let required = REQUIRED.iter().zip(&self.required).filter_map(|input| fault(input, true));
        let optional = OPTIONAL.iter().zip(&self.optional).filter_map(|input| fault(input, false));
        required.chain(optional).collect::<Vec<_>>().join(", ")
    }

    fn order(&self, z: f64, review_days: f64) -> Order {
        let faults = self.faults();
        let [Some(on_hand), Some(on_order), Some(lead_time), Some(demand), Some(demand_sd)] = self.required
        else {
            return Order { reason: faults, ..Order::default() };
        };
        if !faults.is_empty() {
            return Order { reason: faults, ..Order::default() };
        }
        let [lead_time_sd, min_order, max_order, multiple, unit_cost, floor] = self.optional;
        let protected = lead_time + review_days;
        let late = demand * lead_time_sd.unwrap_or(0.0);
        let sigma = (protected * demand_sd * demand_sd + late * late).sqrt();
        let safety_stock = (z * sigma).max(floor.unwrap_or(0.0));
        let reorder_point = demand * protected + safety_stock;
        let levels = Levels {
            lead_time_demand: demand * lead_time,
            protected_demand: demand * protected,
            safety_stock,
            reorder_point,
            order_up_to: reorder_point + demand * review_days,
        };
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
        Inputs { required: [Some(10.0), Some(2.0), Some(4.0), Some(5.0), Some(3.0)], optional: [None; 6] };
    const Z95: f64 = 1.644_853_626_951_472_7;

    /// By hand: sigma = sqrt((4 + 5) 3^2) = 9; safety 14.80; point 45 + 14.80; level 25 above; needed 84.80 - 12.
    #[test]
    fn agrees_with_a_hand_computation() {
        let order = PLAIN.order(Z95, 5.0);
        let levels = order.levels.unwrap();
        assert_eq!((levels.lead_time_demand, levels.protected_demand), (20.0, 45.0));
        assert!((levels.safety_stock - 9.0 * Z95).abs() < 1e-12);
        assert!((levels.reorder_point - 59.803_682).abs() < 1e-6);
        assert!((levels.order_up_to - 84.803_682).abs() < 1e-6);
        assert_eq!((order.position, order.quantity, order.days_of_cover), (Some(12.0), Some(73), Some(2.4)));
        assert_eq!(order.reason, "position 12 at or below reorder point 59.8");
    }

    /// By hand: sigma = sqrt(9 * 9 + 5^2 * 2^2) = sqrt(181).
    #[test]
    fn an_uncertain_lead_time_needs_more_stock() {
        let inputs = Inputs { optional: [Some(2.0), None, None, None, None, None], ..PLAIN };
        let safety = inputs.order(Z95, 5.0).levels.unwrap().safety_stock;
        assert!((safety - Z95 * 181f64.sqrt()).abs() < 1e-12);
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
            let order =
                Inputs { optional: [None, min, max, multiple, Some(2.0), None], ..PLAIN }.order(Z95, 5.0);
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
        let order = inputs.order(Z95, 5.0);
        assert_eq!(
            (order.quantity, order.reason.as_str()),
            (Some(0), "position 60 above reorder point 59.8")
        );
    }

    #[test]
    fn no_demand_orders_nothing_even_with_a_minimum() {
        let optional = [None, Some(10.0), None, None, None, None];
        let inputs = Inputs { required: [Some(0.0), Some(0.0), Some(4.0), Some(0.0), Some(0.0)], optional };
        let order = inputs.order(Z95, 5.0);
        assert_eq!((order.quantity, order.days_of_cover), (Some(0), None));
        assert_eq!(order.reason, "position 0 covers order-up-to level 0");
    }

    #[test]
    fn a_floor_holds_without_variation() {
        let optional = [None, None, None, None, None, Some(6.0)];
        let inputs = Inputs { required: [Some(0.0), Some(0.0), Some(4.0), Some(0.0), Some(0.0)], optional };
        assert_eq!(inputs.order(Z95, 5.0).quantity, Some(6));
    }

    #[test]
    fn rounding_noise_is_not_a_unit() {
        let inputs = Inputs { required: [Some(0.0), Some(0.0), Some(30.0), Some(0.1), Some(0.0)], ..PLAIN };
        assert_eq!(inputs.order(Z95, 0.0).quantity, Some(3));
    }

    #[test]
    fn every_fault_is_named() {
        let inputs = Inputs {
            required: [None, Some(-1.0), Some(f64::NAN), Some(f64::INFINITY), Some(1.0)],
            optional: [None, None, None, None, Some(-2.0), None],
        };
        let order = inputs.order(Z95, 5.0);
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
        let order = inputs.order(Z95, 5.0);
        assert_eq!(
            (order.quantity, order.reason.as_str()),
            (None, "the inputs are too large to compute with")
        );
        let inputs = Inputs { required: [Some(0.0), Some(0.0), Some(1e10), Some(1e10), Some(1.0)], ..PLAIN };
        assert_eq!(inputs.order(Z95, 5.0).quantity, None);
    }
}
