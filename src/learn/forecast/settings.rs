//! What a declaration may say, and the columns its predictions have.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::error::{Error, ErrorKind, Result};
use crate::lake::columns::RUN_ID;
use crate::learn::columns;
use crate::project::ForecastDecl;
use crate::project::model::Reconcile;

use super::calendar;
use super::member::Kind;

/// The columns of a prediction that are not those of the series, without quantiles and level.
const OUTPUT: [&str; 10] =
    ["period_start", "step", "mean", "lo80", "hi80", "lo95", "hi95", "model", "members", "drivers"];
/// The column with the level of a hierarchy.
const LEVEL: &str = "level";
/// More steps, windows or quantiles than this is a mistyped number.
const MAX_STEPS: usize = 10_000;
const MAX_WINDOWS: usize = 100;
const MAX_QUANTILES: usize = 99;

/// The columns of the predictions, from those of the history.
///
/// Without a declared frequency the kind of `period_start` follows the time column: a date where that is a date or text,
/// a timestamp where it is one.
///
/// # Errors
/// [`ErrorKind::Declaration`] for settings or columns that cannot be.
pub(super) fn schema(history: &Schema, decl: &ForecastDecl) -> Result<SchemaRef> {
    validate(decl)?;
    let keys =
        decl.series.iter().map(|name| columns::required_type(history, name)).collect::<Result<Vec<_>>>()?;
    let time = columns::required_type(history, &decl.time)?;
    columns::check_time(&time, &decl.time)?;
    let numbers = std::iter::once(&decl.value).chain(&decl.known).chain(&decl.past);
    for name in numbers {
        let found = columns::required_type(history, name)?;
        if *name == decl.value || found != DataType::Boolean {
            columns::check_number(&found, name)?;
        }
    }
    Ok(predictions(decl, keys, timestamped(decl, &time)))
}

/// Whether `period_start` is a timestamp.
pub(super) fn timestamped(decl: &ForecastDecl, time: &DataType) -> bool {
    match decl.frequency {
        Some(frequency) => calendar::below_day(frequency),
        None => matches!(time, DataType::Timestamp(_, _)),
    }
}

/// The columns of the predictions, from the types of the series columns.
pub(super) fn predictions(decl: &ForecastDecl, keys: Vec<DataType>, timestamped: bool) -> SchemaRef {
    let key = |(name, key): (&String, DataType)| Field::new(name, key, true);
    let mut fields: Vec<Field> = decl.series.iter().zip(keys).map(key).collect();
    if hierarchical(decl) {
        fields.push(Field::new(LEVEL, DataType::Int32, false));
    }
    let start = if timestamped {
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
    } else {
        DataType::Date32
    };
    fields.push(Field::new("period_start", start, false));
    fields.push(Field::new("step", DataType::Int32, false));
    fields.extend(OUTPUT[2..7].iter().map(|name| Field::new(*name, DataType::Float64, true)));
    fields.extend(decl.quantiles.iter().map(|p| Field::new(quantile_name(*p), DataType::Float64, true)));
    fields.push(Field::new("model", DataType::Utf8, false));
    fields.push(Field::new("members", DataType::Utf8, false));
    fields.push(Field::new("drivers", DataType::Utf8, false));
    Arc::new(Schema::new(fields))
}

/// Whether upper levels are forecast too.
pub(super) fn hierarchical(decl: &ForecastDecl) -> bool {
    decl.reconcile != Reconcile::None
}

/// The column of a quantile: `q90` of 0.9, `q97_5` of 0.975.
pub(super) fn quantile_name(probability: f64) -> String {
    let percent = (probability * 1e8).round() / 1e6;
    format!("q{percent}").replace('.', "_")
}

/// Whether the settings can be.
///
/// # Errors
/// [`ErrorKind::Declaration`] that names the setting.
pub(super) fn validate(decl: &ForecastDecl) -> Result<()> {
    let wrong =
        |message: String, hint: &str| Err(Error::new(ErrorKind::Declaration, message).with_hint(hint));
    if !(1..=MAX_STEPS).contains(&decl.horizon) {
        return wrong(
            format!("`horizon` is {}, not between 1 and {MAX_STEPS}", decl.horizon),
            "Give the number of periods to forecast.",
        );
    }
    if !(1..=MAX_WINDOWS).contains(&decl.windows) {
        return wrong(
            format!("`windows` is {}, not between 1 and {MAX_WINDOWS}", decl.windows),
            "Three rolling origins are a good start.",
        );
    }
    if decl.season.is_some_and(|season| !(1..=MAX_STEPS).contains(&season)) {
        return wrong(
            format!("`season` is not between 1 and {MAX_STEPS}"),
            "Give the periods in a season, 1 where there is none, or leave it out.",
        );
    }
    if decl.seasons.iter().any(|season| !(2..=MAX_STEPS).contains(season)) {
        return wrong(
            format!("`seasons` holds a number that is not between 2 and {MAX_STEPS}"),
            "Give the periods in each longer season, such as 336 for the week of a half-hourly series.",
        );
    }
    if decl.quantiles.iter().any(|p| !(*p > 0.0 && *p < 1.0)) || decl.quantiles.len() > MAX_QUANTILES {
        return wrong(
            "`quantiles` holds a probability that is not between 0 and 1, or too many".to_string(),
            "Give probabilities such as 0.9.",
        );
    }
    if hierarchical(decl) && decl.series.is_empty() {
        return wrong(
            "`reconcile` needs levels, but `series` is empty".to_string(),
            "Name the columns of the hierarchy in `series`, from the top.",
        );
    }
    if let Some(analogue) = &decl.analogue
        && let Some(odd) = analogue.same.iter().find(|name| !decl.series.contains(name))
    {
        return wrong(
            format!("`analogue.same` names {odd:?}, which is not a series column"),
            "Name columns of `series`.",
        );
    }
    for regressors in &decl.regressors {
        if let Some(odd) = regressors.on.iter().find(|name| !decl.series.contains(name)) {
            return wrong(
                format!("regressors are joined on {odd:?}, which is not a series column"),
                "Name columns of `series` in `on`, or leave it out where all series share them.",
            );
        }
        if regressors.columns.is_empty() {
            return wrong(
                "regressors without `columns`".to_string(),
                "Name the columns of its `sql` to use.",
            );
        }
    }
    candidates(decl)?;
    names(decl)
}

/// No name stands for two things.
fn names(decl: &ForecastDecl) -> Result<()> {
    let wrong =
        |message: String, hint: &str| Err(Error::new(ErrorKind::Declaration, message).with_hint(hint));
    let mut taken: BTreeSet<String> = OUTPUT.into_iter().chain([RUN_ID]).map(str::to_string).collect();
    if hierarchical(decl) {
        taken.insert(LEVEL.to_string());
    }
    for probability in &decl.quantiles {
        if !taken.insert(quantile_name(*probability)) {
            return wrong(format!("quantile {probability} is given twice"), "Give each one once.");
        }
    }
    for name in &decl.series {
        if !taken.insert(name.clone()) {
            return wrong(
                format!("series column {name:?} is named twice, or as a column of the predictions"),
                "Rename it in `sql` with AS.",
            );
        }
        if *name == decl.time || *name == decl.value {
            return wrong(
                format!("column {name:?} is both a series column and the time or value"),
                "Take it out of `series`.",
            );
        }
    }
    let mut used: BTreeSet<&str> = decl.series.iter().map(String::as_str).collect();
    used.extend([decl.time.as_str(), decl.value.as_str()]);
    let others = decl.regressors.iter().flat_map(|regressors| &regressors.columns);
    let own = decl.known.iter().chain(&decl.past);
    for name in own {
        if !used.insert(name) {
            return wrong(
                format!("column {name:?} is a regressor and something else too, or a regressor twice"),
                "Name it once, in `known` or in `past`.",
            );
        }
    }
    let mut regressors: BTreeSet<&str> = decl.known.iter().chain(&decl.past).map(String::as_str).collect();
    for name in others {
        if !regressors.insert(name) {
            return wrong(format!("regressor {name:?} is named twice"), "Rename one in its `sql` with AS.");
        }
    }
    Ok(())
}

/// What may be tried; `None` is for what suits the series.
///
/// # Errors
/// [`ErrorKind::Declaration`] for a name that is none.
pub(super) fn candidates(decl: &ForecastDecl) -> Result<Candidates> {
    let mut found = Candidates { auto: false, combine: false, kinds: Vec::new() };
    for name in &decl.candidates {
        match name.as_str() {
            "auto" => (found.auto, found.combine) = (true, true),
            "combination" => found.combine = true,
            name => match Kind::of(name) {
                Some(kind) => found.kinds.push(kind),
                None => {
                    let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
                    return Err(Error::new(
                        ErrorKind::Declaration,
                        format!("candidate {name:?} is not known"),
                    )
                    .with_hint(format!("Known are auto, combination, {}.", all.join(", "))));
                }
            },
        }
    }
    if found.kinds.is_empty() && !found.auto {
        found.auto = true;
        found.combine = true;
    }
    found.kinds.sort_unstable();
    found.kinds.dedup();
    Ok(found)
}

/// What may be tried.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidates {
    /// What suits the series, besides those named.
    pub auto: bool,
    /// Whether several may be published together.
    pub combine: bool,
    /// Those named, in the order of [`Kind`].
    pub kinds: Vec<Kind>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_named_by_percent() {
        let names = [0.9, 0.975, 0.05, 0.999, 0.5].map(quantile_name);
        assert_eq!(names, ["q90", "q97_5", "q5", "q99_9", "q50"]);
    }
}
