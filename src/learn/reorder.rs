//! How much to order now, and the numbers behind it.
//!
//! A periodic-review (R, s, S) policy, after E. A. Silver, D. F. Pyke and R. Peterson, "Inventory Management and
//! Production Planning and Scheduling", 3rd edition (1998), chapters 7 and 10. With demand `d` and its standard deviation
//! `sd` per day, lead time `L` and its standard deviation `sdL` and review interval `R` in days:
//!
//! ```text
//! protected_demand = d (L + R)
//! sigma            = sqrt((L + R) sd^2 + d^2 sdL^2)     demand varies, and so does the lead time
//! X                  the demand over L + R: normal, gamma or whole numbers, with this mean and deviation
//! reorder_point    = the least stock with P(X <= stock) >= service_level, or
//!                    with E max(X - stock, 0) <= (1 - fill_rate) order, or
//!                    of the highest mean profit: P(X <= stock) = (price - cost + goodwill) / (price - salvage + goodwill)
//! safety_stock     = reorder_point - protected_demand, at least its floor
//! order_up_to      = reorder_point + d R; reorder_point where profit decides
//! ```
//!
//! The stock must last over `L + R`: what is not ordered now can be ordered at the next review at the earliest, and
//! arrives `L` later. So an item may go without an order only where its position covers that interval, and the reorder
//! point is the smallest position that does so as asked for. An item that stands just above its point keeps the service
//! level; one that was ordered a moment ago exceeds it.
//!
//! An order fills up to one review's demand more, so that an item is not ordered at every review. With
//! `review_days = 0` both levels meet, and this is the continuous-review order point.

mod item;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::columns::RUN_ID;
use crate::project::ReorderDecl;
use crate::project::model::{REORDER_COLUMNS, REORDER_OPTIONAL};

use self::item::{Inputs, Order, Policy, Target};
use super::columns;

/// The computed columns.
const COMPUTED: [&str; 13] = [
    "lead_time_demand",
    "protected_demand",
    "safety_stock",
    "reorder_point",
    "service_level",
    "expected_shortage",
    "expected_profit",
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
/// `reorder_point`, `service_level` (the probability that a stock of `reorder_point` lasts), `expected_shortage` (the mean
/// of the demand it leaves unmet), `expected_profit` (where profit decides: the mean over lead time and review),
/// `order_up_to`, `position` (on hand and on order), `order_quantity` (Int64; 0 where none is needed), `days_of_cover`
/// (null without demand), `unit_cost` and `order_cost` (if `unit_cost` is selected) and `reason` (Utf8). All but those said
/// otherwise are Float64, in the units of the inputs.
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
    let mut labels = columns::labels(items, &decl.item)?;
    labels.sort_unstable();
    let twice = labels.windows(2).filter(|pair| pair[0] == pair[1]).count();
    if twice > 0 {
        let message = format!(
            "{} does not tell items apart: {twice} rows have the key of another",
            decl.item.join(", ")
        );
        return Err(Error::new(ErrorKind::Model, message)
            .with_hint("Add columns to `item`, or make `sql` give one row for each item."));
    }

    let mut output =
        decl.item.iter().map(|name| columns::required(items, name)).collect::<Result<Vec<_>>>()?;
    if selects("supplier") && !is_item(decl, "supplier") {
        output.push(columns::required(items, "supplier")?);
    }
    let required = REORDER_COLUMNS.map(|name| columns::numbers(&columns::required(items, name)?, name));
    let mut inputs = required.into_iter().collect::<Result<Vec<_>>>()?;
    let rows = inputs[0].len();
    for name in REORDER_OPTIONAL {
        inputs.push(match columns::optional(items, name)? {
            Some(column) => columns::numbers(&column, name)?,
            None => Float64Array::new_null(rows),
        });
    }
    let policy = Policy::of(decl)?;
    let orders: Vec<Order> = (0..rows).map(|row| Inputs::read(&inputs, row).order(&policy)).collect();

    let computed = |of: fn(&Order) -> Option<f64>| -> ArrayRef {
        Arc::new(
            orders.iter().map(|order| of(order).filter(|value| value.is_finite())).collect::<Float64Array>(),
        )
    };
    let finite = |input: &Float64Array| -> ArrayRef {
        Arc::new(input.iter().map(|value| value.filter(|value| value.is_finite())).collect::<Float64Array>())
    };
    output.extend(inputs[..REORDER_COLUMNS.len()].iter().map(finite));
    output.push(computed(|order| order.levels.map(|levels| levels.lead_time_demand)));
    output.push(computed(|order| order.levels.map(|levels| levels.protected_demand)));
    output.push(computed(|order| order.levels.map(|levels| levels.safety_stock)));
    output.push(computed(|order| order.levels.map(|levels| levels.reorder_point)));
    output.push(computed(|order| order.levels.map(|levels| levels.service_level)));
    output.push(computed(|order| order.levels.map(|levels| levels.shortage)));
    if selects("expected_profit") {
        output.push(computed(|order| order.levels.and_then(|levels| levels.profit)));
    }
    output.push(computed(|order| order.levels.map(|levels| levels.order_up_to)));
    output.push(computed(|order| order.position));
    output.push(Arc::new(orders.iter().map(|order| order.quantity).collect::<Int64Array>()));
    output.push(computed(|order| order.days_of_cover));
    if selects("unit_cost") {
        output.push(finite(&inputs[REORDER_COLUMNS.len() + 4]));
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
    let by_profit = Policy::of(decl)?.target == Target::Profit;
    let key = |name: &str| Ok(Field::new(name, columns::required_type(items, name)?, true));
    let mut fields = decl.item.iter().map(|name| key(name)).collect::<Result<Vec<_>>>()?;
    if columns::optional_type(items, "supplier")?.is_some() && !is_item(decl, "supplier") {
        fields.push(key("supplier")?);
    }
    for name in REORDER_COLUMNS {
        columns::check_number(&columns::required_type(items, name)?, name)?;
        fields.push(Field::new(name, DataType::Float64, true));
    }
    for name in REORDER_OPTIONAL {
        if let Some(data_type) = columns::optional_type(items, name)? {
            columns::check_number(&data_type, name)?;
        }
    }
    if by_profit {
        columns::required_type(items, "price")?;
        columns::required_type(items, "unit_cost")?;
    }
    let has_cost = columns::optional_type(items, "unit_cost")?.is_some();
    for name in COMPUTED {
        fields.extend(match name {
            "order_quantity" => vec![Field::new(name, DataType::Int64, true)],
            "order_cost" if !has_cost => vec![],
            "expected_profit" if !by_profit => vec![],
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
    Policy::of(decl)?;
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
        REORDER_COLUMNS.into_iter().chain(REORDER_OPTIONAL).chain(COMPUTED).chain([RUN_ID]).collect();
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
