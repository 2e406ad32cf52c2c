//! Internal audit: inspections of shops by topic, those of the next quarter planned but not yet held.
//!
//! The odds of a breach follow what an auditor would look at: open findings, the time since the last inspection, the share of new
//! staff, the topic, and the shop itself.

use rand::Rng;

use super::calendar::{MONTHS, YEARS, date, days_of, month_start};
use super::chance::{normal, pick, stream};
use super::company::Company;
use super::sink::Sink;
use crate::error::Result;

const RELATION: &str = "compliance.inspections";
/// Topics, and by how much the log-odds of a breach are above those of the average.
const TOPICS: [(&str, f64); 6] = [
    ("fire safety", 0.5),
    ("data protection", 0.9),
    ("cash handling", -0.3),
    ("product safety", -0.6),
    ("working hours", 0.6),
    ("waste", -0.9),
];
/// Months beyond the history for which inspections are planned.
const PLANNED: usize = 3;
/// Inspections of a shop in a month.
const A_MONTH: usize = 2;

/// Writes `compliance/inspections_2023.csv` and so on; the last file also has the planned ones.
pub(super) fn write(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    let mut of_year: Vec<Vec<String>> = vec![Vec::new(); YEARS.len()];
    for (number, store) in company.stores.iter().enumerate() {
        let mut rng = stream(company.seed, "inspections", number);
        let habit = 0.7 * normal(&mut rng);
        let mut open = rng.gen_range(0..3i32);
        let mut last = 0usize;
        for month in 0..MONTHS + PLANNED {
            let days = days_of(month);
            let year = (month / 12).min(YEARS.len() - 1);
            for visit in 0..A_MONTH {
                let first = days.start + visit * days.len() / A_MONTH;
                let day = first + rng.gen_range(0..days.len() / A_MONTH);
                let (topic, weight) = TOPICS[(month * A_MONTH + visit + number) % TOPICS.len()];
                let since = (day - last).min(365);
                let new_staff = f64::from(rng.gen_range(0..45u32)) / 100.0;
                let external = rng.gen_bool(0.3);
                let odds = -2.6
                    + habit
                    + weight
                    + 0.55 * f64::from(open)
                    + 0.02 * (since as f64 - 15.0)
                    + 3.0 * new_staff
                    + if external { 0.5 } else { 0.0 };
                let breach = rng.gen_bool(1.0 / (1.0 + (-odds).exp()));
                let result = match (month < MONTHS, breach) {
                    (false, _) => "",
                    (true, true) => "breach",
                    (true, false) => "pass",
                };
                let inspector = if external { "external" } else { pick(&mut rng, &["internal", "regional"]) };
                of_year[year].push(format!(
                    "I{:04}{:02}{:05},{},{},{topic},{inspector},{open},{since},{new_staff:.2},{result}",
                    month_start(month).format("%Y"),
                    month % 12 + 1,
                    number * A_MONTH + visit,
                    store.id,
                    date(day),
                ));
                last = day;
                open = if breach { (open + 1).min(5) } else { (open - i32::from(rng.gen_bool(0.6))).max(0) };
            }
        }
    }
    for (year, lines) in YEARS.iter().zip(of_year) {
        let mut rows = sink.create(RELATION, &format!("compliance/inspections_{year}.csv"))?;
        rows.text(
            "InspectionId,StoreId,InspectedOn,Topic,Inspector,OpenFindings,DaysSinceLast,NewStaffShare,Result\n",
        )?;
        for line in lines {
            rows.row(&line)?;
        }
        sink.close(rows)?;
    }
    Ok(())
}
