//! Whether recommendations keep the service level they promise: many items, day by day.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use twinlake::learn::reorder;
use twinlake::project::{DemandForm, ReorderDecl};

use super::{batch, floats};

/// Lead time and review interval in days, mean and standard deviation of a day's demand.
const CASES: [(usize, usize, f64, f64); 6] = [
    (7, 7, 10.0, 4.0),
    (14, 7, 5.0, 5.0),
    (3, 1, 20.0, 8.0),
    (21, 14, 8.0, 6.0),
    (28, 1, 10.0, 10.0),
    (5, 30, 3.0, 2.0),
];
const LEVELS: [f64; 2] = [0.9, 0.98];

fn policy(service_level: f64, review: usize) -> ReorderDecl {
    ReorderDecl {
        sql: String::new(),
        item: vec!["part".to_string()],
        service_level: Some(service_level),
        fill_rate: None,
        distribution: DemandForm::Normal,
        review_days: review as f64,
    }
}

/// Items alike in everything but their position, here all of it on hand.
fn items(positions: &[f64], (lead, _, demand, sd): (usize, usize, f64, f64)) -> RecordBatch {
    let all = |value: f64| -> ArrayRef { Arc::new(Float64Array::from(vec![value; positions.len()])) };
    batch(vec![
        ("part", Arc::new(Int64Array::from_iter_values(0..positions.len() as i64))),
        ("on_hand", Arc::new(Float64Array::from(positions.to_vec()))),
        ("on_order", all(0.0)),
        ("lead_time_days", all(lead as f64)),
        ("daily_demand", all(demand)),
        ("daily_demand_sd", all(sd)),
    ])
}

fn quantities(recommended: &RecordBatch) -> Vec<i64> {
    let column = recommended.column_by_name("order_quantity").unwrap().as_primitive::<Int64Type>();
    column.iter().map(|quantity| quantity.expect("sound inputs have a quantity")).collect()
}

/// A normal number, by Box and Muller.
fn normal(chance: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - chance.r#gen::<f64>(), chance.r#gen());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[test]
fn an_item_just_above_its_reorder_point_lasts_as_often_as_promised() {
    const ITEMS: usize = 10_000;
    for case @ (lead, review, demand, sd) in CASES {
        for level in LEVELS {
            let policy = policy(level, review);
            let found = reorder(&[items(&[1.0], case)], &policy).unwrap();
            let position = floats(&found, "reorder_point").value(0) + 1e-9;
            assert_eq!(quantities(&reorder(&[items(&[position], case)], &policy).unwrap()), [0]);
            // What is ordered at the next review arrives after so many days.
            let days = lead + review;
            let mut chance = ChaCha8Rng::seed_from_u64(7);
            let lasts = (0..ITEMS)
                .filter(|_| position >= (0..days).map(|_| demand + sd * normal(&mut chance)).sum::<f64>())
                .count();
            let share = lasts as f64 / ITEMS as f64;
            assert!((share - level).abs() < 0.01, "{case:?} at {level}: {share}");
        }
    }
}

/// The share of reviews after which the stock lasts until what is ordered at the next review arrives; and of reviews that
/// ordered.
fn simulate(case: (usize, usize, f64, f64), level: f64) -> (f64, f64) {
    const ITEMS: usize = 300;
    let (lead, review, demand, sd) = case;
    let policy = policy(level, review);
    let first = reorder(&[items(&[1.0], case)], &policy).unwrap();
    let start = floats(&first, "order_up_to").value(0);
    let mut chance = ChaCha8Rng::seed_from_u64(11);
    let mut stock = vec![start; ITEMS];
    let mut coming: VecDeque<(usize, Vec<i64>)> = VecDeque::new();
    let (reviews, warm) = (60 + lead / review, 5 + lead / review);
    let (mut lasted, mut judged, mut ordered, mut asked) = (0.0, 0.0, 0.0, 0.0);
    for day in 0..reviews * review + lead {
        // What stock is left when an order may arrive was decided one review before that order.
        if day >= lead + warm * review && (day - lead) % review == 0 {
            lasted += stock.iter().filter(|stock| **stock >= 0.0).count() as f64;
            judged += ITEMS as f64;
        }
        if coming.front().is_some_and(|(arrives, _)| *arrives == day) {
            let (_, quantities) = coming.pop_front().unwrap();
            stock.iter_mut().zip(quantities).for_each(|(stock, quantity)| *stock += quantity as f64);
        }
        if day % review == 0 && day < reviews * review {
            let mut positions = stock.clone();
            for (_, quantities) in &coming {
                positions
                    .iter_mut()
                    .zip(quantities)
                    .for_each(|(position, quantity)| *position += *quantity as f64);
            }
            // A table says 0 where customers wait: this orders too little, so it cannot flatter.
            positions.iter_mut().for_each(|position| *position = position.max(0.0));
            let found = quantities(&reorder(&[items(&positions, case)], &policy).unwrap());
            ordered += found.iter().filter(|quantity| **quantity > 0).count() as f64;
            asked += ITEMS as f64;
            coming.push_back((day + lead, found));
        }
        stock.iter_mut().for_each(|stock| *stock -= demand + sd * normal(&mut chance));
    }
    (lasted / judged, ordered / asked)
}

#[test]
fn reviewing_for_years_never_serves_less_than_promised() {
    for case in CASES {
        for level in LEVELS {
            let (lasted, ordered) = simulate(case, level);
            eprintln!("{case:?} at {level}: lasted {lasted:.4}, ordered at {ordered:.3} of reviews");
            // Half a point for chance.
            assert!(lasted > level - 0.005, "{case:?} at {level}: {lasted}");
            assert!(ordered < 0.75, "{case:?} at {level}: ordered at {ordered} of reviews");
        }
    }
}
