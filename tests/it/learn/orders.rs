//! Reorder recommendations over whole tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use twinlake::error::ErrorKind;
use twinlake::learn::reorder;
use twinlake::project::{DemandForm, ReorderDecl};

use super::{batch, floats, texts};

fn policy() -> ReorderDecl {
    ReorderDecl {
        sql: String::new(),
        item: vec!["part".to_string()],
        service_level: Some(0.95),
        fill_rate: None,
        distribution: DemandForm::Normal,
        review_days: 5.0,
    }
}

fn items() -> RecordBatch {
    let number = |values: [f64; 3]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
    batch(vec![
        ("part", Arc::new(Int32Array::from(vec![3, 1, 2]))),
        ("on_hand", Arc::new(Int64Array::from(vec![Some(10), None, Some(500)]))),
        ("on_order", number([2.0, 0.0, 0.0])),
        ("lead_time_days", number([4.0, 4.0, 4.0])),
        ("daily_demand", number([5.0, 5.0, 5.0])),
        ("daily_demand_sd", number([3.0, 3.0, 3.0])),
        ("supplier", cast(&StringArray::from(vec!["x", "y", "z"]), &DataType::Utf8View).unwrap()),
        ("unit_cost", number([2.5, 1.0, 1.0])),
    ])
}

#[test]
fn every_item_is_listed_with_its_numbers() {
    let found = reorder(&[items()], &policy()).unwrap();
    let names: Vec<_> = found.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(
        names.join(" "),
        "part supplier on_hand on_order lead_time_days daily_demand daily_demand_sd lead_time_demand protected_demand \
         safety_stock reorder_point service_level expected_shortage order_up_to position order_quantity days_of_cover unit_cost order_cost reason"
    );
    assert_eq!(found.column(0).as_primitive::<Int32Type>().values(), &[1, 2, 3]);
    let quantity = found.column_by_name("order_quantity").unwrap().as_primitive::<Int64Type>();
    assert_eq!(quantity.iter().collect::<Vec<_>>(), [None, Some(0), Some(73)]);
    assert_eq!(floats(&found, "order_cost").iter().collect::<Vec<_>>(), [None, Some(0.0), Some(182.5)]);
    assert_eq!(texts(&found, "supplier"), ["y", "z", "x"]);
    assert_eq!(
        texts(&found, "reason"),
        [
            "on_hand is missing",
            "position 500 above reorder point 59.8",
            "position 12 at or below reorder point 59.8"
        ]
    );
}

#[test]
fn the_order_of_items_changes_nothing() {
    let whole = items();
    let parts = [whole.slice(2, 1), whole.slice(0, 0), whole.slice(0, 2)];
    assert_eq!(reorder(&[whole], &policy()).unwrap(), reorder(&parts, &policy()).unwrap());
}

#[test]
fn no_items_are_no_orders() {
    let found = reorder(&[items().slice(0, 0)], &policy()).unwrap();
    assert_eq!((found.num_rows(), found.num_columns()), (0, 20));
}

#[test]
fn bad_items_and_policies_are_refused() {
    let without = |name: &str| {
        let mut items = items();
        items.remove_column(items.schema().index_of(name).unwrap());
        items
    };
    for (items, policy, kind, expected) in [
        (vec![], policy(), ErrorKind::Model, "there are no items"),
        (vec![without("on_hand")], policy(), ErrorKind::Declaration, "column \"on_hand\" is not in"),
        (vec![without("part")], policy(), ErrorKind::Declaration, "column \"part\" is not in"),
        (
            vec![items()],
            ReorderDecl { service_level: Some(1.0), ..policy() },
            ErrorKind::Declaration,
            "`service_level` is 1, not between",
        ),
        (
            vec![items()],
            ReorderDecl { service_level: Some(f64::NAN), ..policy() },
            ErrorKind::Declaration,
            "`service_level` is NaN",
        ),
        (
            vec![items()],
            ReorderDecl { review_days: -1.0, ..policy() },
            ErrorKind::Declaration,
            "`review_days` is -1",
        ),
        (
            vec![items()],
            ReorderDecl { item: vec![], ..policy() },
            ErrorKind::Declaration,
            "`item` names no column",
        ),
        (
            vec![items()],
            ReorderDecl { item: vec!["on_hand".into()], ..policy() },
            ErrorKind::Declaration,
            "item column \"on_hand\" is named",
        ),
    ] {
        let error = reorder(&items, &policy).unwrap_err();
        assert!(error.message().starts_with(expected), "{error}");
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    let mut texts = items();
    let column: ArrayRef = Arc::new(StringArray::from(vec!["1", "2", "3"]));
    texts.remove_column(texts.schema().index_of("on_order").unwrap());
    let mut columns: Vec<(String, ArrayRef)> = Vec::new();
    for (field, column) in texts.schema().fields().iter().zip(texts.columns()) {
        columns.push((field.name().clone(), column.clone()));
    }
    columns.push(("on_order".to_string(), column));
    let error = reorder(&[RecordBatch::try_from_iter(columns).unwrap()], &policy()).unwrap_err();
    assert_eq!(error.message(), "column \"on_order\" is Utf8, not a number");
}
