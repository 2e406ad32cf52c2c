//! `kind = "elasticity"`: how the demand for each item answers to its price, and the price of most profit.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::keyed;
use crate::error::{Error, ErrorKind, Result};
use crate::learn::columns;
use crate::learn::inventory::{Elasticities, PriceHistory, controls, profit_maximising};
use crate::learn::learner::Data;
use crate::project::model::ElasticityDecl;

/// Days of a year, for the season.
const YEAR: f64 = 365.25;

/// The columns of the estimates, from those of the query.
///
/// # Errors
/// [`ErrorKind::Declaration`] where a column is missing or of an unsuitable type.
pub(in crate::learn) fn schema(rows: &Schema, decl: &ElasticityDecl) -> Result<SchemaRef> {
    columns::check_time(&columns::required_type(rows, &decl.time)?, &decl.time)?;
    for name in [Some(&decl.price), Some(&decl.quantity), decl.unit_cost.as_ref()].into_iter().flatten() {
        columns::check_number(&columns::required_type(rows, name)?, name)?;
    }
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let mut computed = vec![Field::new("periods", DataType::Int64, false)];
    computed
        .extend(["elasticity", "standard_error", "lo95", "hi95", "own_elasticity", "mean_price"].map(number));
    if decl.unit_cost.is_some() {
        computed.extend(["unit_cost", "best_price"].map(number));
    }
    computed.push(Field::new("reason", DataType::Utf8, true));
    Ok(Arc::new(Schema::new(keyed::schema(rows, &decl.item, computed)?)))
}

/// One item's history, oldest first.
struct Item {
    first_row: usize,
    time: Vec<f64>,
    price: Vec<f64>,
    quantity: Vec<f64>,
    cost: Option<f64>,
}

/// Estimates the elasticity of every item.
///
/// # Errors
/// [`ErrorKind::NoHistory`] without rows; otherwise as [`schema`].
pub(in crate::learn) fn elasticity(data: &Data, decl: &ElasticityDecl) -> Result<RecordBatch> {
    let schema = schema(data.rows[0].schema_ref(), decl)?;
    let keys =
        decl.item.iter().map(|name| columns::required(&data.rows, name)).collect::<Result<Vec<_>>>()?;
    let items = items(data, decl)?;
    let designs: Vec<Vec<Vec<f64>>> = items.iter().map(|item| season(&item.time)).collect();
    let histories: Vec<PriceHistory<'_>> = items
        .iter()
        .zip(&designs)
        .map(|(item, controls)| PriceHistory {
            price: &item.price,
            quantity: &item.quantity,
            controls,
            clusters: None,
        })
        .collect();
    let found = Elasticities::fit(&histories);

    let at = UInt64Array::from_iter_values(items.iter().map(|item| item.first_row as u64));
    let mut output: Vec<ArrayRef> =
        keys.iter().map(|key| Ok(take(key, &at, None)?)).collect::<Result<Vec<_>>>()?;
    let known = || found.items.iter().map(|item| item.as_ref().ok());
    let number = |values: Vec<Option<f64>>| -> ArrayRef {
        Arc::new(Float64Array::from_iter(values.into_iter().map(|value| value.filter(|v| v.is_finite()))))
    };
    let periods = items.iter().zip(known()).map(|(item, found)| {
        i64::try_from(found.map_or(item.price.len(), |found| found.observations)).unwrap_or(i64::MAX)
    });
    output.push(Arc::new(Int64Array::from_iter_values(periods)));
    output.push(number(known().map(|item| item.map(|item| item.value)).collect()));
    output.push(number(known().map(|item| item.map(|item| item.error)).collect()));
    let bounds: Vec<Option<(f64, f64)>> =
        known().map(|item| item.and_then(|item| item.interval(0.95))).collect();
    output.push(number(bounds.iter().map(|bounds| bounds.map(|bounds| bounds.0)).collect()));
    output.push(number(bounds.iter().map(|bounds| bounds.map(|bounds| bounds.1)).collect()));
    output.push(number(known().map(|item| item.map(|item| item.own)).collect()));
    let means: Vec<Option<f64>> = items.iter().map(|item| mean(&item.price)).collect();
    output.push(number(means.clone()));
    let mut reasons: Vec<Option<String>> = found
        .items
        .iter()
        .map(|item| match item {
            Err(refusal) => Some(refusal.to_string()),
            Ok(item) if item.borrowed > 0.8 => {
                Some(format!("{:.0} % of it comes from the other items", 100.0 * item.borrowed))
            }
            Ok(_) => None,
        })
        .collect();
    if decl.unit_cost.is_some() {
        output.push(number(items.iter().map(|item| item.cost).collect()));
        let mut prices = Vec::new();
        for (place, (item, estimate)) in items.iter().zip(known()).enumerate() {
            let pricing = estimate.zip(item.cost).zip(bounds[place]).zip(means[place]).and_then(
                |(((estimate, cost), interval), present)| {
                    profit_maximising(estimate.value, interval, cost, range(&item.price)?, present)
                },
            );
            let elastic = estimate.is_some_and(|estimate| estimate.value < -1.0);
            if estimate.is_some() && !elastic {
                let told = "demand does not fall by more than the price rises: no price is best".to_string();
                reasons[place] = Some(match reasons[place].take() {
                    Some(reason) => format!("{reason}; {told}"),
                    None => told,
                });
            }
            prices.push(pricing.filter(|_| elastic).map(|pricing| pricing.price));
        }
        output.push(number(prices));
    }
    output.push(Arc::new(StringArray::from_iter(reasons)));
    Ok(RecordBatch::try_new(schema, output)?)
}

fn items(data: &Data, decl: &ElasticityDecl) -> Result<Vec<Item>> {
    let numbers = |name: &str| -> Result<Vec<f64>> {
        let column = columns::numbers(&columns::required(&data.rows, name)?, name)?;
        Ok(column.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    };
    let labels = columns::labels(&data.rows, &decl.item)?;
    let time = columns::days(&columns::required(&data.rows, &decl.time)?, &decl.time)?;
    let (price, quantity) = (numbers(&decl.price)?, numbers(&decl.quantity)?);
    let cost = decl.unit_cost.as_deref().map(numbers).transpose()?;
    if labels.is_empty() {
        return Err(Error::new(ErrorKind::NoHistory, "the query gives no rows")
            .with_hint("Run `sql` by itself: its tables may be empty, or its WHERE too strict."));
    }
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        rows.entry(label).or_default().push(row);
    }
    let item = |mut rows: Vec<usize>| {
        rows.sort_by(|&a, &b| {
            let key = |row: usize| {
                let cost = cost.as_ref().map_or(0.0, |cost| cost[row]);
                [time[row], price[row], quantity[row], cost]
            };
            key(a)
                .iter()
                .zip(key(b))
                .map(|(a, b)| a.total_cmp(&b))
                .find(|order| order.is_ne())
                .unwrap_or(a.cmp(&b))
        });
        let of = |values: &[f64]| rows.iter().map(|row| values[*row]).collect::<Vec<f64>>();
        // The cost that holds now is the last one there is.
        let last = cost.as_ref().and_then(|cost| of(cost).into_iter().rev().find(|cost| cost.is_finite()));
        Item { first_row: rows[0], time: of(&time), price: of(&price), quantity: of(&quantity), cost: last }
    };
    Ok(rows.into_values().map(item).collect())
}

/// A trend, and a season where the history covers more than a year.
fn season(time: &[f64]) -> Vec<Vec<f64>> {
    let known = || time.iter().copied().filter(|time| time.is_finite());
    let (first, last) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    controls(time, (last - first > 1.2 * YEAR).then_some(YEAR), 2)
}

fn mean(values: &[f64]) -> Option<f64> {
    let known: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The prices that were asked, between the 5th and the 95th of a hundred.
fn range(price: &[f64]) -> Option<(f64, f64)> {
    let mut known: Vec<f64> =
        price.iter().copied().filter(|price| price.is_finite() && *price > 0.0).collect();
    known.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| known.get(((known.len() as f64 - 1.0) * share).round() as usize).copied();
    Some((at(0.05)?, at(0.95)?))
}
