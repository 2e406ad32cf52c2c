//! Forecasts as rows.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, Float64Array, Int32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::take;

use crate::error::{Error, ErrorKind, Result};
use crate::project::ForecastDecl;

use super::calendar::{self, DAY};
use super::panel::Panel;
use super::predict::Ahead;
use super::settings;

/// The columns of the predictions, one row per series and step.
///
/// # Errors
/// [`ErrorKind::Model`] where the periods ahead are beyond the calendar.
pub(super) fn rows(panel: &Panel, ahead: &[Ahead], decl: &ForecastDecl) -> Result<RecordBatch> {
    let horizon = decl.horizon;
    let beyond = || {
        Error::new(ErrorKind::Model, format!("column {:?} ends at the end of the calendar", decl.time))
            .with_hint("Leave out dates in the far future in `sql`.")
    };
    let start = |step: usize| calendar::start(panel.frequency, panel.end + step as i64).ok_or_else(beyond);
    let starts = (1..=horizon).map(start).collect::<Result<Vec<i64>>>()?;
    let series = (0..ahead.len() as u32).flat_map(|series| std::iter::repeat_n(series, horizon));
    let of_row = UInt32Array::from_iter_values(series);
    let cells = || ahead.iter().flat_map(|one| (0..horizon).map(move |step| (one, step)));
    let mut columns =
        panel.keys.iter().map(|key| Ok(take(key, &of_row, None)?)).collect::<Result<Vec<ArrayRef>>>()?;
    if settings::hierarchical(decl) {
        let level = of_row.values().iter().map(|&series| panel.series[series as usize].level);
        columns.push(Arc::new(Int32Array::from_iter_values(level)));
    }
    columns.push(if panel.timestamped {
        let micros = starts.iter().map(|start| start.checked_mul(1_000_000).ok_or_else(beyond));
        let micros = micros.collect::<Result<Vec<i64>>>()?;
        let array = TimestampMicrosecondArray::from_iter_values(cells().map(|(_, step)| micros[step]));
        Arc::new(array.with_timezone("UTC"))
    } else {
        let days = starts.iter().map(|start| i32::try_from(start.div_euclid(DAY)).map_err(|_| beyond()));
        let days = days.collect::<Result<Vec<i32>>>()?;
        Arc::new(Date32Array::from_iter_values(cells().map(|(_, step)| days[step])))
    });
    columns.push(Arc::new(Int32Array::from_iter_values(cells().map(|(_, step)| step as i32 + 1))));
    columns.push(Arc::new(cells().map(|(one, step)| one.mean.get(step).copied()).collect::<Float64Array>()));
    // lo80, hi80, lo95, hi95, then the quantiles as declared.
    let places = [1, 2, 0, 3].into_iter().chain(4..4 + decl.quantiles.len());
    for place in places {
        let at = |(one, step): (&Ahead, usize)| Some(one.bounds[step].as_ref()?[place]);
        columns.push(Arc::new(cells().map(at).collect::<Float64Array>()));
    }
    // An array of texts wants to know beforehand how many there are.
    let texts = |of: &dyn Fn(&Ahead, usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from(cells().map(|(one, step)| of(one, step)).collect::<Vec<String>>()))
    };
    columns.push(texts(&|one, _| one.model.clone()));
    columns.push(texts(&|one, _| one.members.clone()));
    columns.push(texts(&|one, step| one.drivers[step].clone()));
    let keys = panel.keys.iter().map(|key| key.data_type().clone()).collect();
    Ok(RecordBatch::try_new(settings::predictions(decl, keys, panel.timestamped), columns)?)
}
