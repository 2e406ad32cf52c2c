//! Models: the settings of their kind, and the columns of their queries.

use super::relations::expect;
use crate::project::column_docs;
use crate::project::model::{
    AnomalyDecl, ForecastDecl, ModelDecl, ModelKind, REORDER_COLUMNS, Reconcile, ReorderDecl,
};
use crate::project::query::{self, Use};
use crate::project::relations::Model;
use crate::project::report::Report;

pub(super) fn validate(model: &Model, report: &mut Report) {
    let decl = &model.decl;
    let own = decl.kind.as_str();
    if !decl.has(decl.kind) {
        report
            .error(
                "missing-settings",
                &model.origin,
                own,
                format!("the model is of kind {own:?}, but has no [{own}]"),
            )
            .hint(format!("Add a table [{own}] with its settings."));
    }
    for other in ModelKind::ALL.into_iter().filter(|kind| *kind != decl.kind && decl.has(*kind)) {
        let other = other.as_str();
        report
            .error(
                "useless-setting",
                &model.origin,
                other,
                format!("[{other}] means nothing in a model of kind {own:?}"),
            )
            .hint("Make a model of each kind, in files of their own.");
    }
    if !decl.has(decl.kind) {
        return;
    }
    duplicates(model, report);
    let known = queries(model, report);
    for (key, column, _) in decl.columns() {
        let Some(known) = known.as_deref() else { continue };
        // Said once for all of them below.
        if key != "reorder.sql" {
            expect(known, column, "the query", &model.origin, &stands(&key, model, report), report);
        }
    }
    lifecycle(model, report);
    match decl.kind {
        ModelKind::Forecast => {
            if let Some(settings) = &decl.forecast {
                forecast(settings, model, report);
            }
        }
        ModelKind::Reorder => {
            if let Some(settings) = &decl.reorder {
                reorder(settings, known.as_deref(), model, report);
            }
        }
        ModelKind::Classify | ModelKind::Regress => {
            if let Some(settings) = decl.classify.as_ref().or(decl.regress.as_ref()) {
                named("key", &settings.key, "a row: key = [\"employee_id\"].", model, report);
                let costs = [
                    ("costs.false_positive", settings.costs.false_positive),
                    ("costs.false_negative", settings.costs.false_negative),
                ];
                for (key, cost) in costs {
                    if !(cost > 0.0 && cost.is_finite()) {
                        invalid(
                            key,
                            "must be greater than 0",
                            "Only the ratio of the two costs matters.",
                            model,
                            report,
                        );
                    }
                }
            }
        }
        ModelKind::Recommend => {
            if decl.recommend.as_ref().is_some_and(|settings| settings.top == 0) {
                invalid("top", "must be at least 1", "Ten items are a good start.", model, report);
            }
        }
        ModelKind::Cluster => {
            if let Some(settings) = &decl.cluster {
                named("key", &settings.key, "a row: key = [\"customer_id\"].", model, report);
                let numbers = [("segments", settings.segments), ("most", Some(settings.most))];
                for (key, _) in numbers.into_iter().filter(|(_, number)| number.is_some_and(|n| n < 2)) {
                    invalid(
                        key,
                        "must be at least 2",
                        "One segment holds everything: leave `segments` out, and the rows decide.",
                        model,
                        report,
                    );
                }
            }
        }
        ModelKind::Anomaly => {
            if let Some(settings) = &decl.anomaly {
                if settings.value.is_none() {
                    named("key", &settings.key, "a row: key = [\"invoice_id\"].", model, report);
                }
                if settings.share.is_some_and(|share| !(share > 0.0 && share < 0.5)) {
                    invalid(
                        "share",
                        "must be between 0 and 0.5, both excluded",
                        "It is the part of all rows that is unusual: 0.01 is one in a hundred.",
                        model,
                        report,
                    );
                }
                odd_values(settings, model, report);
            }
        }
        ModelKind::Elasticity => {
            if let Some(settings) = &decl.elasticity {
                named("item", &settings.item, "an item: item = [\"product_id\"].", model, report);
            }
        }
        ModelKind::Outside => outside(decl, model, report),
    }
}

/// Settings of odd values in series.
fn odd_values(settings: &AnomalyDecl, model: &Model, report: &mut Report) {
    let at = model.origin.at("anomaly");
    let mut useless = |keys: &[(&str, bool)], hint: &str| {
        for (key, _) in keys.iter().filter(|(_, given)| *given) {
            report.error("useless-setting", &at, key, format!("{key:?} means nothing here")).hint(hint);
        }
    };
    if settings.value.is_none() {
        let given = [
            ("time", settings.time.is_some()),
            ("season", settings.season.is_some()),
            ("limit", settings.limit.is_some()),
        ];
        useless(&given, "It belongs to values of series: `value` names their column.");
        return;
    }
    let given = [("features", !settings.features.is_empty()), ("share", settings.share.is_some())];
    useless(&given, "It belongs to rows that are compared with each other; with `value`, series are judged.");
    if settings.time.is_none() {
        report
            .error("missing-key", &at, "value", "values of series need a \"time\"")
            .hint("Name the column with the period of each value.");
    }
    if settings.limit.is_some_and(|limit| !(limit > 0.0 && limit.is_finite())) {
        invalid("limit", "must be greater than 0", "3.5 standard deviations are unusual.", model, report);
    }
    if settings.season.is_some_and(|season| season < 2) {
        invalid("season", "must be at least 2", "Leave it out where there is no season.", model, report);
    }
}

fn outside(decl: &ModelDecl, model: &Model, report: &mut Report) {
    let Some(settings) = &decl.outside else { return };
    if settings.lower.is_some() != settings.upper.is_some() {
        let key = if settings.lower.is_some() { "lower" } else { "upper" };
        invalid(key, "is one bound of two", "Give `lower` and `upper`, or neither.", model, report);
    }
    if settings.window_days == 0 {
        invalid("window_days", "must be at least 1", "A week is a good start: 7.", model, report);
    }
    if settings.reference_windows == 0 {
        invalid(
            "reference_windows",
            "must be at least 1",
            "They say what is usual; four are a good start.",
            model,
            report,
        );
    }
    if !(settings.limit > 1.0 && settings.limit.is_finite()) {
        invalid(
            "limit",
            "must be greater than 1",
            "1.2 is an error of 20 % above the usual one.",
            model,
            report,
        );
    }
}

/// Settings of a model's life that its kind does not have.
fn lifecycle(model: &Model, report: &mut Report) {
    let decl = &model.decl;
    if !decl.kind.has_versions() {
        let given = [
            ("accept", decl.accept != Default::default()),
            ("retrain", decl.retrain.is_some()),
            ("monitor", decl.monitor != Default::default()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            report
                .error(
                    "useless-setting",
                    &model.origin,
                    key,
                    format!("[{key}] means nothing in a model of kind {:?}", decl.kind.as_str()),
                )
                .hint("It computes everything anew at every refresh, and keeps no versions.");
        }
    }
    let accept = &decl.accept;
    let shares = [
        ("accept.beats_baseline", accept.beats_baseline, 1.0),
        ("accept.coverage_within", accept.coverage_within, 1.0),
        ("accept.bias_within", accept.bias_within, f64::INFINITY),
        ("accept.worse_than_champion", accept.worse_than_champion, f64::INFINITY),
    ];
    for (key, share, below) in shares {
        let least = if key.ends_with("within") { 0.0 } else { -1.0 };
        if share.is_some_and(|share| !(share >= least && share < below)) {
            report
                .error("invalid-value", &model.origin, key, format!("{key:?} must be a share, such as 0.05"))
                .hint("0.05 is five percent; leave it out to ask for nothing.");
        }
    }
}

fn forecast(settings: &ForecastDecl, model: &Model, report: &mut Report) {
    let at = model.origin.at("forecast");
    let numbers = [
        ("horizon", Some(settings.horizon), "A horizon of 3 forecasts three periods."),
        ("windows", Some(settings.windows), "Without a backtest, nobody knows how good the forecast is."),
        ("season", settings.season, "Leave it out, or give the periods of a season: 12 for months."),
    ];
    for (key, number, hint) in numbers {
        if number == Some(0) {
            report.error("invalid-value", &at, key, format!("{key:?} must be at least 1")).hint(hint);
        }
    }
    let keys = report.items(&at, "seasons", settings.seasons.len());
    for (key, season) in keys.iter().zip(&settings.seasons) {
        if *season < 2 {
            report
                .error("invalid-value", &at, key, "a season must have at least 2 periods")
                .hint("`seasons` are those besides `season`: 336 half-hours are a week.");
        }
    }
    let keys = report.items(&at, "quantiles", settings.quantiles.len());
    for (key, quantile) in keys.iter().zip(&settings.quantiles) {
        if !(*quantile > 0.0 && *quantile < 1.0) {
            report
                .error("invalid-value", &at, key, "a quantile must be between 0 and 1, both excluded")
                .hint("0.9 is the value that nine of ten stay below.");
        }
    }
    if settings.reconcile != Reconcile::None && settings.series.is_empty() {
        report
            .error("invalid-value", &at, "reconcile", "there is no hierarchy: `series` names no column")
            .hint("Its levels are the columns of `series`, from the top: series = [\"region\", \"store\"].");
    }
    for (place, other) in settings.regressors.iter().enumerate() {
        let at = model.origin.at(&format!("forecast.regressors.{place}"));
        let keys = report.items(&at, "on", other.on.len());
        for (key, column) in keys.iter().zip(&other.on) {
            expect(&settings.series, column, "`series`", &at, key, report);
        }
        named_at("columns", &other.columns, "what explains the value.", &at, report);
        let Some(known) = query_columns(&other.sql, &at, report) else { continue };
        let lists = [("on", &other.on), ("columns", &other.columns)];
        for (list, columns) in lists {
            let keys = report.items(&at, list, columns.len());
            for (key, column) in keys.iter().zip(columns) {
                expect(&known, column, "the query", &at, key, report);
            }
        }
        expect(&known, &other.time, "the query", &at, "time", report);
        if let Some(column) = &other.available_at {
            expect(&known, column, "the query", &at, "available_at", report);
        }
    }
}

fn reorder(settings: &ReorderDecl, known: Option<&[String]>, model: &Model, report: &mut Report) {
    let at = model.origin.at("reorder");
    let targets = [("service_level", settings.service_level), ("fill_rate", settings.fill_rate)];
    for (key, value) in targets {
        if value.is_some_and(|value| !(value > 0.0 && value < 1.0)) {
            report
                .error("invalid-value", &at, key, format!("\"{key}\" must be between 0 and 1, both excluded"))
                .hint(match key {
                    "fill_rate" => "It is a part of demand: 0.98 leaves one unit of fifty to be sent later.",
                    _ => "It is a probability: 0.95 runs out in one lead time of twenty.",
                });
        }
    }
    if targets.iter().all(|(_, value)| value.is_some()) {
        report
            .error("invalid-value", &at, "fill_rate", "\"service_level\" and \"fill_rate\" are both given")
            .hint("They ask for different levels of stock: keep one of them.");
    }
    if !(settings.review_days > 0.0 && settings.review_days.is_finite()) {
        report
            .error("invalid-value", &at, "review_days", "\"review_days\" must be greater than 0")
            .hint("Whoever orders daily reviews every 1 day.");
    }
    named("item", &settings.item, "an item: item = [\"product_id\"].", model, report);
    let Some(known) = known else { return };
    let lacks = |column: &&&str| !known.iter().any(|known| known == *column);
    for column in REORDER_COLUMNS.iter().filter(lacks) {
        report
            .error("unknown-column", &at, "sql", format!("the query lacks the column {column:?}"))
            .hint(format!("It needs the item's columns and {}.", REORDER_COLUMNS.join(", ")));
    }
    if targets.iter().all(|(_, value)| value.is_none()) {
        for column in ["price", "unit_cost"].iter().filter(lacks) {
            report
                .error("unknown-column", &at, "sql", format!("the query lacks the column {column:?}"))
                .hint("Without \"service_level\" or \"fill_rate\", stock is held for the most profit, from price and unit_cost.");
        }
    }
}

/// Reports settings that use one column for two things that exclude each other.
fn duplicates(model: &Model, report: &mut Report) {
    let columns: Vec<_> =
        model.decl.columns().into_iter().filter(|(key, _, _)| ModelDecl::is_exclusive(key)).collect();
    let hint = match model.decl.kind {
        ModelKind::Forecast => "Series, time and value are columns of their own.",
        _ => "What identifies a row, its time and its value are columns of their own.",
    };
    for (position, (key, column, _)) in columns.iter().enumerate() {
        if columns[..position].iter().any(|(_, earlier, _)| earlier == column) {
            let key = stands(key, model, report);
            let message = format!("the column {column:?} is used twice");
            report.error("duplicate-name", &model.origin, &key, message).hint(hint);
        }
    }
}

/// The key of a setting as it stands in the file: items of lists may have been left out before it.
fn stands(key: &str, model: &Model, report: &Report) -> String {
    match key.rsplit_once('.').and_then(|(list, place)| Some((list, place.parse::<usize>().ok()?))) {
        Some((list, place)) => report.items(&model.origin, list, place + 1).pop().unwrap_or(key.to_string()),
        None => key.to_string(),
    }
}

/// Reports flaws of the model's own query. Returns its columns, where the text shows them.
fn queries(model: &Model, report: &mut Report) -> Option<Vec<String>> {
    query_columns(model.decl.sql()?, &model.origin.at(model.decl.kind.as_str()), report)
}

fn query_columns(sql: &str, at: &crate::project::Origin, report: &mut Report) -> Option<Vec<String>> {
    match query::query(sql, Use::Model) {
        Ok(query) => column_docs::columns(&query),
        Err(flaws) => {
            report.flaws(at, "sql", flaws);
            None
        }
    }
}

fn invalid(key: &str, what: &str, hint: &str, model: &Model, report: &mut Report) {
    let at = model.origin.at(model.decl.kind.as_str());
    report.error("invalid-value", &at, key, format!("{key:?} {what}")).hint(hint);
}

fn named(key: &str, columns: &[String], example: &str, model: &Model, report: &mut Report) {
    let at = model.origin.at(model.decl.kind.as_str());
    if columns.is_empty() {
        report
            .error("invalid-value", &at, key, format!("{key:?} names no column"))
            .hint(format!("Name the columns that identify {example}"));
    }
}

fn named_at(key: &str, columns: &[String], example: &str, at: &crate::project::Origin, report: &mut Report) {
    if columns.is_empty() {
        report
            .error("invalid-value", at, key, format!("{key:?} names no column"))
            .hint(format!("Name {example}"));
    }
}
