//! Watching models that are not ours, on made-up histories whose truth is known.

use super::*;

const DAY: i64 = 86_400_000_000;

fn fraction(i: i64, by: f64) -> f64 {
    (i as f64 * by).fract()
}

/// Ten predictions a day; from day 60 on, the errors grow by 1 percent of what they were a day.
fn demand(days: i64, until_actual: i64) -> Vec<Observed<'static>> {
    (0..days * 10)
        .map(|i| {
            let day = i / 10;
            let prediction = 100.0 + 50.0 * fraction(i, 0.618_033_988_749_894_9);
            let size = 10.0 * (1.0 + (day - 60).max(0) as f64 * 0.01);
            let actual = prediction + size * (2.0 * fraction(i, 0.754_877_666_246_692_8) - 1.0);
            Observed {
                model: "demand",
                at: day * DAY + i % 10,
                prediction,
                actual: (day < until_actual).then_some(actual),
                lower: Some(prediction - 8.0),
                upper: Some(prediction + 8.0),
                segment: Some(if i % 2 == 0 { "north" } else { "south" }),
                label: None,
            }
        })
        .collect()
}

fn options() -> Watch {
    Watch { reference: Some(56 * DAY), ..Watch::default() }
}

#[test]
fn a_growing_error_is_foreseen() {
    let found = watch(&demand(74, 74), &options()).unwrap();
    assert_eq!(
        found.iter().map(|part| part.segment.as_deref()).collect::<Vec<_>>(),
        [None, Some("north"), Some("south")]
    );
    let all = &found[0];
    assert_eq!((all.label, all.reason.as_deref(), all.windows.len()), (Label::Number, None, 4));
    assert_eq!(
        (all.windows[0].reference, all.windows[0].rows, all.windows[0].error_ratio),
        (true, 560, Some(1.0))
    );
    let found = &watch(&demand(80, 80), &options()).unwrap()[0].outlook;
    let days = found.days.unwrap();
    // 1.2 is passed on day 80, and windows are a few rows noisy.
    assert!((0.0..12.0).contains(&days), "{found:?}");
    let found = &watch(&demand(100, 100), &options()).unwrap()[0].outlook;
    assert_eq!(found.reason, "the last window is above the limit");
    let steady = watch(&demand(60, 60), &Watch { reference: Some(20 * DAY), ..Watch::default() }).unwrap();
    assert_eq!(steady[0].outlook.days, None);
    assert!(steady[0].windows[3].drift.as_ref().unwrap().psi.unwrap() < 0.2);
}

#[test]
fn intervals_stand_in_for_actual_values() {
    let found = &watch(&demand(70, 63), &options()).unwrap()[0];
    let last = found.windows.last().unwrap();
    assert_eq!((last.actuals, last.error, last.ratio_is_estimated), (0, None, true));
    assert!((last.error_ratio.unwrap() - 1.0).abs() < 0.01, "{last:?}");
    // Uniform errors of at most 10: 80 % are within 8.
    assert!((found.adjustment.interval_factor.unwrap() - 1.0).abs() < 0.05);
    assert!(found.adjustment.shift.unwrap().abs() < 0.5);
}

fn fraud(days: i64) -> Vec<Observed<'static>> {
    (0..days * 40)
        .map(|i| {
            let day = i / 40;
            let draw = fraction(i, 0.618_033_988_749_894_9);
            let prediction = if day >= 56 { draw.sqrt() } else { draw };
            let actual = f64::from(u8::from(fraction(i, 0.754_877_666_246_692_8) < prediction));
            let actual = (day < 56).then_some(actual);
            let (lower, upper, segment, label) = (None, None, None, None);
            Observed { model: "fraud", at: day * DAY, prediction, actual, lower, upper, segment, label }
        })
        .collect()
}

#[test]
fn classes_are_recognised_and_estimated() {
    let found = &watch(&fraud(70), &options()).unwrap()[0];
    assert_eq!(found.label, Label::Class);
    let last = found.windows.last().unwrap();
    assert!(last.classes.as_ref().is_some_and(|classes| classes.count == 0));
    let estimated = last.estimated.unwrap();
    assert_eq!(estimated.count, 280);
    // With scores of density 2s the accuracy at one half is 3/4.
    assert!((estimated.accuracy.unwrap() - 0.75).abs() < 0.03, "{estimated:?}");
    assert!(last.drift.as_ref().unwrap().psi.unwrap() > 0.2);
    assert!((found.adjustment.threshold.unwrap() - 0.5).abs() < 0.1);
    assert!((found.windows[0].classes.as_ref().unwrap().auc.unwrap() - 5.0 / 6.0).abs() < 0.02);
}

#[test]
fn threads_and_order_make_no_difference() {
    let mut rows = demand(90, 80);
    rows.extend(fraud(60));
    let at = |threads, rows: &[Observed<'_>]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| watch(rows, &options()).unwrap())
    };
    let found = at(1, &rows);
    rows.reverse();
    assert_eq!(at(4, &rows), found);
    assert_eq!(
        found.iter().map(|part| part.model.as_str()).collect::<Vec<_>>(),
        ["demand", "demand", "demand", "fraud"]
    );
}

#[test]
fn bad_rows_have_reasons() {
    let row = Observed {
        model: "m",
        at: 0,
        prediction: 1.0,
        actual: Some(1.0),
        lower: None,
        upper: None,
        segment: None,
        label: Some(Label::Number),
    };
    let reason =
        |rows: &[Observed<'_>]| watch(rows, &options()).unwrap()[0].reason.clone().unwrap_or_default();
    assert_eq!(reason(&[row]), "the reference has fewer than 30 actual values");
    assert_eq!(reason(&[Observed { at: i64::MAX, ..row }]), "no row is old enough for the reference");
    assert_eq!(reason(&[row; 40]), "the predictions of the reference are all exact");
    assert_eq!(reason(&[Observed { prediction: 2.0, ..row }; 40]), "no row is later than the reference");
    let bad = [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN];
    let rows: Vec<_> = (0..400)
        .map(|i| Observed {
            at: i64::MIN / 2 + i * (i64::MAX / 400),
            prediction: bad[i as usize % 4],
            actual: Some(bad[i as usize / 4 % 4]),
            lower: Some(bad[i as usize / 16 % 4]),
            upper: Some(bad[i as usize / 64 % 4]),
            ..row
        })
        .collect();
    for part in watch(&rows, &Watch { least_rows: 1, ..Watch::default() }).unwrap() {
        for window in &part.windows {
            assert!(
                [window.error, window.estimated_error, window.error_ratio]
                    .into_iter()
                    .flatten()
                    .all(f64::is_finite)
            );
        }
        assert!(part.adjustment.shift.is_none_or(f64::is_finite));
    }
    assert!(watch(&[], &options()).unwrap().is_empty());
    assert!(watch(&[row], &Watch { window: 0, ..options() }).is_err());
    assert!(watch(&[row], &Watch { limit: f64::NAN, ..options() }).is_err());
}
