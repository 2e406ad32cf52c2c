//! A planner's errors in our words.

use std::ops::Range;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DataFusionError, SchemaError, TableReference};
use datafusion::execution::SessionState;

use crate::engine::examine::Flaw;
use crate::project::{byte_at, suggest};

/// Candidates that a hint lists, at most.
const MOST: usize = 12;

/// Whether each of the errors says where it is.
pub(super) fn tells_all_places(error: &DataFusionError) -> bool {
    error.iter().all(|one| one.diagnostic().is_some_and(|diagnostic| diagnostic.span.is_some()))
}

/// Each of the errors; `place` is where those are that do not say.
pub(super) fn flaws(
    state: &SessionState,
    sql: &str,
    error: &DataFusionError,
    place: Option<Range<usize>>,
) -> Vec<Flaw> {
    error.iter().map(|one| flaw(state, sql, one, place.clone())).collect()
}

fn flaw(state: &SessionState, sql: &str, error: &DataFusionError, place: Option<Range<usize>>) -> Flaw {
    let told = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| {
        let start = byte_at(sql, span.start.line, span.start.column);
        start..byte_at(sql, span.end.line, span.end.column).max(start)
    });
    let (code, message, hint) = match error.find_root() {
        DataFusionError::SchemaError(inner, _) => match inner.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => {
                let (message, hint) = unknown_column(field, valid_fields);
                (Flaw::UNKNOWN_COLUMN, message, Some(hint))
            }
            SchemaError::AmbiguousReference { field } => (
                "ambiguous-column",
                format!("{:?} is a column of several relations here", field.name),
                Some(format!("Say which one is meant, by its alias: x.{}.", field.name)),
            ),
            SchemaError::DuplicateUnqualifiedField { name }
            | SchemaError::DuplicateQualifiedField { name, .. } => (
                "duplicate-name",
                format!("there are two columns {name:?}"),
                Some("Give one of them another name with AS.".to_string()),
            ),
        },
        root => other(state, root),
    };
    let range = told.or(place).unwrap_or_else(|| whole(sql));
    Flaw { code, range, message, hint }
}

/// The bytes of `sql` without the space around it.
fn whole(sql: &str) -> Range<usize> {
    let start = sql.len() - sql.trim_start().len();
    start..sql.trim_end().len().max(start)
}

fn unknown_column(field: &Column, valid: &[Column]) -> (String, String) {
    let Some(relation) = &field.relation else {
        return (format!("there is no column {:?} here", field.name), candidates(&field.name, valid.iter()));
    };
    // A relation goes by its table's name alone, too.
    let is_meant = |of: &TableReference| {
        of.table() == relation.table() && relation.schema().is_none_or(|schema| of.schema() == Some(schema))
    };
    let of_relation = |column: &&Column| column.relation.as_ref().is_some_and(is_meant);
    let relation = relation.to_string();
    if valid.iter().any(|column| of_relation(&column)) {
        let message = format!("{relation:?} has no column {:?}", field.name);
        return (message, candidates(&field.name, valid.iter().filter(of_relation)));
    }
    let mut relations: Vec<String> =
        valid.iter().filter_map(|column| column.relation.as_ref()).map(ToString::to_string).collect();
    relations.sort();
    relations.dedup();
    // Any alias of one letter is like any other.
    let hint = match relation.len() {
        0..3 => format!("Known relations here: {}.", relations.join(", ")),
        _ => suggest::hint(&relation, relations.iter().map(String::as_str), "relations here"),
    };
    (format!("{relation:?} is no relation of this query"), hint)
}

fn candidates<'a>(wanted: &str, valid: impl Iterator<Item = &'a Column>) -> String {
    let mut names: Vec<&str> = Vec::new();
    for column in valid {
        if !names.contains(&column.name.as_str()) {
            names.push(&column.name);
        }
    }
    if let Some(quoted) =
        names.iter().find(|name| **name != wanted && name.to_lowercase() == wanted.to_lowercase())
    {
        return format!("Names that are not lowercase need double quotes: {quoted:?}.");
    }
    if names.len() <= MOST || suggest::nearest(wanted, names.iter().copied()).is_some() {
        return suggest::hint(wanted, names.iter().copied(), "columns");
    }
    format!("Known columns: {} and {} more.", names[..MOST].join(", "), names.len() - MOST)
}

fn other(state: &SessionState, error: &DataFusionError) -> (&'static str, String, Option<String>) {
    let message = error.message().into_owned();
    if let Some(name) = message.strip_prefix("Invalid function '").and_then(|rest| rest.split('\'').next()) {
        let known = state.scalar_functions().keys();
        let known = known.chain(state.aggregate_functions().keys()).chain(state.window_functions().keys());
        let mut known: Vec<&str> = known.map(String::as_str).collect();
        known.sort_unstable();
        let hint = match suggest::nearest(name, known) {
            Some(near) => format!("Did you mean {near:?}?"),
            None => "The functions are DataFusion's, and as_of().".to_string(),
        };
        return (Flaw::UNKNOWN_FUNCTION, format!("there is no function {name:?}"), Some(hint));
    }
    if let Some(name) = message.strip_prefix("table '").and_then(|rest| rest.split_once("' not found")) {
        let name = name.0.trim_start_matches("twin.").trim_start_matches("public.");
        return (Flaw::UNKNOWN_RELATION, format!("there is no relation {name:?}"), None);
    }
    if let Some(known) = reworded(&message) {
        return known;
    }
    let (message, hint) = tidy(&message);
    let lower = message.to_lowercase();
    let about_types = ["coerc", "cast", "type", "no function matches"];
    match about_types.iter().any(|word| lower.contains(word)) {
        true => ("type-error", message, hint),
        false => ("unplannable", message, hint),
    }
}

/// Messages of the planner that say too much, or in words of its own.
fn reworded(message: &str) -> Option<(&'static str, String, Option<String>)> {
    if message.contains("require unique expression names") {
        let hint = "Give one of them another name with AS.".to_string();
        return Some(("duplicate-name", "two columns have the same name".into(), Some(hint)));
    }
    if let Some((_, column)) =
        message.split_once("must be in GROUP BY").and_then(|(_, rest)| rest.split_once('"'))
    {
        let column = column.split('"').next()?.rsplit('.').next()?;
        let hint = format!("Add it to GROUP BY, or take one of its values, as in min({column}).");
        return Some((
            "not-grouped",
            format!("{column:?} is neither in GROUP BY nor in an aggregate"),
            Some(hint),
        ));
    }
    if message.contains("queries have different number of columns") {
        let hint = "Select as many columns in each part, in the same order.".to_string();
        return Some(("union-columns", "the parts have different numbers of columns".into(), Some(hint)));
    }
    if message.starts_with("Substring without for/from") {
        return Some((
            "type-error",
            "a substring of nothing: where does it begin?".into(),
            Some("Write substr(text, 1, 3).".into()),
        ));
    }
    if let Some((_, rest)) = message.split_once("Cannot cast string ") {
        let (literal, data_type) = rest.lines().next()?.split_once(" to value of ")?;
        let data_type = our_types(data_type.trim_end_matches('.').trim_end_matches(" type"));
        return Some(("type-error", format!("{literal} is not a value of type {data_type}"), None));
    }
    for (theirs, ours) in [
        (
            "Cannot infer common argument type for comparison operation ",
            "values of these types cannot be compared",
        ),
        ("Cannot get result type for temporal operation ", "values of these types cannot be combined"),
        ("Cannot coerce arithmetic expression ", "values of these types cannot be combined"),
    ] {
        if let Some((_, rest)) = message.split_once(theirs) {
            let operation = rest.lines().next()?.split(": ").next()?.trim_end_matches(" to valid types");
            let hint = "Cast one of the two, as in CAST(x AS DOUBLE).".to_string();
            return Some(("type-error", format!("{ours}: {}", our_types(operation)), Some(hint)));
        }
    }
    if message.contains("non-boolean predicate") {
        let (_, data_type) = message.rsplit_once(" returning ")?;
        let message = format!("the condition is of type {}, not bool", our_types(data_type));
        return Some(("type-error", message, Some("Compare it with something.".into())));
    }
    if let Some((function, errors)) = message.split_once(" failed to match any signature") {
        let function =
            function.rsplit_once("Function ").map_or(function, |(_, name)| name).trim_matches('\'');
        let parts = |before: &str, after: &str| {
            let mut parts: Vec<String> = Vec::new();
            for part in errors.split(before).skip(1).filter_map(|rest| rest.split(after).next()) {
                let part = our_types(part);
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
            parts
        };
        let given = parts("(DataType: ", ").").join(", ");
        let wanted = parts("requires ", ",").join(", ").to_lowercase().replace("string", "text");
        let message = format!("the function {function:?} does not take {given} here");
        return Some(("type-error", message, (!wanted.is_empty()).then(|| format!("It takes {wanted}."))));
    }
    None
}

/// The first line of a message in our words, and what follows it as a hint.
fn tidy(message: &str) -> (String, Option<String>) {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut first = lines.next().unwrap_or("It cannot be planned");
    let rest: Vec<&str> = lines.take_while(|line| !line.starts_with("This issue was likely")).collect();
    for prefix in ["Internal error: ", "Arrow error: ", "Cast error: ", "Error during planning: "] {
        first = first.strip_prefix(prefix).unwrap_or(first);
    }
    // What comes then is how the planner came to this, or a syntax tree.
    for noise in [": Invalid argument error:", " Substring {"] {
        first = first.split(noise).next().unwrap_or(first);
    }
    let mut message = our_types(first.trim_end_matches('.'));
    if first.chars().nth(1).is_some_and(|second| !second.is_ascii_uppercase())
        && let Some(initial) = message.get_mut(..1)
    {
        initial.make_ascii_lowercase();
    }
    let hint = (!rest.is_empty()).then(|| our_types(&rest.join(" ")));
    (message, hint)
}

/// A type as declarations name it.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::List(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| format!("{}: {}", field.name(), type_name(field.data_type())))
                .collect();
            format!("struct<{}>", fields.join(", "))
        }
        DataType::Timestamp(..) => "timestamp".into(),
        DataType::Interval(_) => "interval".into(),
        DataType::Duration(_) => "duration".into(),
        DataType::Time32(_) | DataType::Time64(_) => "time".into(),
        simple => our_types(&simple.to_string()),
    }
}

/// Arrow's names of types as declarations have them.
fn our_types(message: &str) -> String {
    const TYPES: [(&str, &str); 14] = [
        ("Timestamp(µs, \"UTC\")", "timestamp"),
        ("Timestamp(µs)", "timestamp"),
        ("Timestamp(ns)", "timestamp"),
        ("Utf8View", "text"),
        ("LargeUtf8", "text"),
        ("Utf8", "text"),
        ("Boolean", "bool"),
        ("Date32", "date"),
        ("Int8", "int8"),
        ("Int16", "int16"),
        ("Int32", "int32"),
        ("Int64", "int64"),
        ("Float64", "float64"),
        ("Decimal128", "decimal"),
    ];
    TYPES.iter().fold(message.to_string(), |message, (theirs, ours)| message.replace(theirs, ours))
}
