//! `kind = "outside"`: how models that are not Twinlake's fare, and when they must be retrained.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};

use crate::error::{Error, ErrorKind, Result};
use crate::learn::columns;
use crate::learn::learner::Data;
use crate::learn::monitor::{Label, Observed, Watch, Watched, Window, watch};
use crate::project::model::OutsideDecl;

const DAY: i64 = 86_400_000_000;

/// The columns of what is watched.
///
/// # Errors
/// [`ErrorKind::Declaration`] where a column of the query is missing or of an unsuitable type.
pub(in crate::learn) fn schema(rows: &Schema, decl: &OutsideDecl) -> Result<SchemaRef> {
    columns::required_type(rows, &decl.model)?;
    columns::check_time(&columns::required_type(rows, &decl.time)?, &decl.time)?;
    let numbers = [Some(&decl.prediction), decl.lower.as_ref(), decl.upper.as_ref()];
    for name in numbers.into_iter().flatten() {
        columns::check_number(&columns::required_type(rows, name)?, name)?;
    }
    columns::required_type(rows, &decl.actual)?;
    let number = |name: &str| Field::new(name, DataType::Float64, true);
    let mut fields = vec![
        Field::new("model", DataType::Utf8, false),
        Field::new("window_start", DataType::Date32, false),
        Field::new("window_end", DataType::Date32, false),
        Field::new("is_reference", DataType::Boolean, false),
        Field::new("predictions", DataType::Int64, false),
        Field::new("actuals", DataType::Int64, false),
    ];
    fields.extend(NUMBERS.map(|(name, _)| number(name)));
    fields.extend([
        Field::new("retrain_by", DataType::Date32, true),
        Field::new("reason", DataType::Utf8, true),
    ]);
    Ok(Arc::new(Schema::new(fields)))
}

type Number = fn(&Window) -> Option<f64>;

/// The numbers of a window.
const NUMBERS: [(&str, Number); 13] = [
    ("mae", |window| window.numbers.as_ref()?.mae),
    ("rmse", |window| window.numbers.as_ref()?.rmse),
    ("bias", |window| window.numbers.as_ref()?.bias),
    ("auc", |window| window.classes.as_ref()?.auc),
    ("log_loss", |window| window.classes.as_ref()?.log_loss),
    ("brier", |window| window.classes.as_ref()?.brier),
    ("ece", |window| window.classes.as_ref()?.ece),
    ("coverage", |window| Some(window.numbers.as_ref()?.coverage80.as_ref()?.share)),
    ("error_ratio", |window| window.error_ratio),
    ("estimated_error", |window| window.estimated_error),
    ("psi", |window| window.drift.as_ref()?.psi),
    ("ks", |window| window.drift.as_ref()?.ks),
    ("wasserstein", |window| window.drift.as_ref()?.wasserstein),
];

/// Watches every model that the rows name: one row for each and window of time.
///
/// # Errors
/// [`ErrorKind::NoHistory`] without rows; otherwise as [`schema`].
pub(in crate::learn) fn outside(data: &Data, decl: &OutsideDecl) -> Result<RecordBatch> {
    let schema = schema(data.rows[0].schema_ref(), decl)?;
    let text = |name: &str| columns::texts(&columns::required(&data.rows, name)?);
    let number = |name: &str| -> Result<Vec<Option<f64>>> {
        let column = columns::required(&data.rows, name)?;
        let numbers = cast(&column, &DataType::Float64)?;
        let odd = numbers.null_count() - column.null_count();
        if odd > 0 {
            let message = format!("column {name:?} is no number in {odd} of {} rows", column.len());
            return Err(Error::new(ErrorKind::Model, message).with_hint(
                "Turn it into a number in `sql`, as in `CASE actual WHEN 'yes' THEN 1 ELSE 0 END`.",
            ));
        }
        Ok(numbers.as_primitive::<Float64Type>().iter().collect())
    };
    let optional = |name: &Option<String>| name.as_deref().map(number).transpose();
    let models = text(&decl.model)?;
    let times = columns::days(&columns::required(&data.rows, &decl.time)?, &decl.time)?;
    let (predictions, actuals) = (number(&decl.prediction)?, number(&decl.actual)?);
    let odd = |row: &&Option<f64>| {
        row.is_some_and(|value| !value.is_finite() || decl.probability && !(0.0..=1.0).contains(&value))
    };
    let count = predictions.iter().filter(odd).count();
    if count > 0 {
        let what = if decl.probability { "not between 0 and 1" } else { "not finite" };
        let message =
            format!("column {:?} is {what} in {count} of {} rows", decl.prediction, predictions.len());
        return Err(Error::new(ErrorKind::Model, message).with_hint(
            "Leave those rows out in `sql`, or turn them into NULL; without `probability = true` any number will do.",
        ));
    }
    let (lower, upper) = (optional(&decl.lower)?, optional(&decl.upper)?);
    let at = |row: usize| (times[row] * DAY as f64) as i64;
    let usable: Vec<usize> = (0..models.len())
        .filter(|row| models[*row].is_some() && times[*row].is_finite() && predictions[*row].is_some())
        .collect();
    if usable.is_empty() {
        return Err(Error::new(ErrorKind::NoHistory, "there is no prediction with a model and a time")
            .with_hint("Run `sql` by itself: its tables may be empty, or its WHERE too strict."));
    }
    let bound =
        |bounds: &Option<Vec<Option<f64>>>, row: usize| bounds.as_ref().and_then(|bounds| bounds[row]);
    let rows: Vec<Observed<'_>> = usable
        .iter()
        .map(|&row| Observed {
            model: models[row].as_deref().unwrap_or_default(),
            at: at(row),
            prediction: predictions[row].unwrap_or(f64::NAN),
            actual: actuals[row],
            lower: bound(&lower, row),
            upper: bound(&upper, row),
            segment: None,
            label: Some(if decl.probability { Label::Class } else { Label::Number }),
        })
        .collect();
    let window = i64::from(decl.window_days) * DAY;
    let reference = window.saturating_mul(i64::try_from(decl.reference_windows).unwrap_or(1));
    let options = Watch {
        window,
        reference: Some(reference),
        limit: decl.limit,
        level: decl.level,
        ..Watch::default()
    };
    let watched = watch(&rows, &options)?;
    table(&watched, schema)
}

fn table(watched: &[Watched], schema: SchemaRef) -> Result<RecordBatch> {
    let rows: Vec<(&Watched, &Window, bool)> = watched
        .iter()
        .flat_map(|model| {
            let last = model.windows.len().saturating_sub(1);
            model.windows.iter().enumerate().map(move |(place, window)| (model, window, place == last))
        })
        .collect();
    let day = |micros: i64| i32::try_from(micros.div_euclid(DAY)).unwrap_or(i32::MAX);
    let count = |of: fn(&Window) -> u64| -> ArrayRef {
        let counts = rows.iter().map(|(_, window, _)| i64::try_from(of(window)).unwrap_or(i64::MAX));
        Arc::new(Int64Array::from_iter_values(counts))
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(model, _, _)| model.model.as_str()))),
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|(_, window, _)| day(window.from)))),
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|(_, window, _)| day(window.until - 1)))),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|(_, window, _)| Some(window.reference)))),
        count(|window| window.rows),
        count(|window| window.actuals),
    ];
    for (_, of) in NUMBERS {
        let numbers = rows.iter().map(|(_, window, _)| of(window).filter(|number| number.is_finite()));
        columns.push(Arc::new(Float64Array::from_iter(numbers)));
    }
    // The outlook is that of the model as a whole: it stands in its last window.
    let by = rows.iter().map(|(model, _, last)| model.outlook.at.filter(|_| *last).map(day));
    columns.push(Arc::new(Date32Array::from_iter(by)));
    let told = rows.iter().map(|(model, window, last)| match (last, &model.reason) {
        (true, Some(reason)) => Some(format!("{}; {reason}", model.outlook.reason)),
        (true, None) => Some(told(model)),
        (false, _) => {
            window.ratio_is_estimated.then(|| "the error ratio is partly expected, not observed".into())
        }
    });
    columns.push(Arc::new(StringArray::from_iter(told)));
    debug_assert!(columns.iter().all(|column| column.len() == rows.len()));
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// What is to be said of a model, and what can be corrected until it is retrained.
fn told(model: &Watched) -> String {
    let mut text = model.outlook.reason.clone();
    let adjust = &model.adjustment;
    if let Some(shift) = adjust.shift {
        text += &format!("; until then add {shift:.2} to its predictions");
    }
    if let Some(factor) = adjust.interval_factor {
        text += &format!("; widen its intervals {factor:.2} times");
    }
    if let Some(threshold) = adjust.threshold {
        text += &format!("; select from a score of {threshold:.3} on");
    }
    text
}
