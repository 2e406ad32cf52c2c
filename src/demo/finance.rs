//! Finance: a target for every quarter, region and purpose; a wide budget; and the ledger that agrees with the tills.

use chrono::Datelike;
use rand::Rng;

use super::calendar::{MONTHS, YEARS, month_start};
use super::chance::stream;
use super::company::{Company, REGIONS};
use super::crm::new_customers;
use super::demand::CATEGORIES;
use super::flaw::{Flaw, Schedule};
use super::hr;
use super::market::Rates;
use super::sales::Sold;
use super::sink::{Sink, malform, split};
use crate::error::Result;

/// Writes the targets, the budget of each year and the ledger of each quarter.
pub(super) fn write(company: &Company, sold: &Sold, rates: &Rates, sink: &mut Sink<'_>) -> Result<()> {
    targets(company, sold, rates, sink)?;
    for year in 0..YEARS.len() {
        budget(company, sold, rates, year, sink)?;
    }
    (0..MONTHS / 3).try_for_each(|quarter| ledger(company, sold, quarter, sink))
}

/// Sales of a region in a quarter, in euros.
fn revenue(company: &Company, sold: &Sold, rates: &Rates, region: usize, quarter: usize) -> f64 {
    let stores = company.stores.iter().enumerate().filter(|(_, store)| store.region == region);
    let stores: Vec<usize> = stores.map(|(number, _)| number).collect();
    let in_month = |month| {
        let cents: i64 = stores.iter().map(|store| sold.cents(*store, month)).sum();
        cents as f64 / 100.0 / rates.monthly(region, month)
    };
    (quarter * 3..quarter * 3 + 3).map(in_month).sum()
}

/// Targets of 2024, 2025 and the first quarter of 2026: the year before, and more.
fn targets(company: &Company, sold: &Sold, rates: &Rates, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "finance.targets";
    let mut lines = Vec::new();
    for quarter in 4..13 {
        let label = format!("{}Q{}", 2023 + quarter / 4, quarter % 4 + 1);
        let year_and_quarter = format!("{},{}", 2023 + quarter / 4, quarter % 4 + 1);
        let mut rng = stream(company.seed, "targets", quarter);
        let before: Vec<f64> =
            (0..REGIONS.len()).map(|region| revenue(company, sold, rates, region, quarter - 4)).collect();
        let wanted: Vec<i64> = before
            .iter()
            .map(|euros| (euros * rng.gen_range(1.02..1.12) / 100.0).round() as i64 * 100)
            .collect();
        let newcomers: usize =
            (quarter * 3 - 12..quarter * 3 - 9).map(|month| new_customers(company.scale, month)).sum();
        let newcomers = (newcomers as f64 * 1.15).round() as i64;
        let total: i64 = wanted.iter().sum();

        lines.push(format!(
            "T{label}-REV,{year_and_quarter},revenue,,{},D10,{total},EUR,,T{label}-ACQ,\"{}\"",
            hr::head(1),
            format_args!(
                "Sell for EUR {total} in {label}. Regular customers shop a little less each year, so this depends on {newcomers} new ones: \
                 everybody within an hour's drive should have a reason to come in once a season."
            ),
        ));
        lines.push(format!(
            "T{label}-ACQ,{year_and_quarter},new_customers,,{},D30,{newcomers},customers,,,\"{}\"",
            hr::head(3),
            format_args!(
                "Win {newcomers} new customers in {label}. A customer won in spring comes back at Advent; \
                 without them, the revenue target of this quarter and of the next ones is out of reach."
            ),
        ));
        for (region, wanted) in wanted.iter().enumerate() {
            let code = REGIONS[region].code;
            lines.push(format!(
                "T{label}-REV-{},{year_and_quarter},revenue,{code},{},D10,{wanted},EUR,T{label}-REV,T{label}-ACQ,\"{}\"",
                REGIONS[region].country,
                hr::regional_manager(region),
                format_args!("Sell for EUR {wanted} in {code} in {label}."),
            ));
        }
    }
    let mut rows = sink.create(RELATION, "finance/targets.csv")?;
    rows.text("target_id,year,quarter,metric,region,owner_id,department_id,value,unit,parent_id,depends_on,statement\n")?;
    let mut schedule = Schedule::of(RELATION, company.scale, lines.len());
    for (slot, line) in lines.iter().enumerate() {
        rows.row(line)?;
        while let Some(flaw) = schedule.due(slot) {
            let id = format!("T9{}", schedule.count());
            let line = match flaw {
                Flaw::UnknownReference => format!("{id},2025,4,revenue,,E999999,D10,1000,EUR,,,"),
                _ => format!("{id},2025,4,revenue,,{},D10,to be agreed,EUR,,,", hr::head(1)),
            };
            rows.flawed(flaw, &line)?;
        }
    }
    sink.close(rows)
}

/// A year's budget, wide as controllers like it: a row for a region and category, a column for a month.
fn budget(company: &Company, sold: &Sold, rates: &Rates, year: usize, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "finance.budget";
    let mut rows = sink.create(RELATION, &format!("finance/budget/budget_{}.csv", YEARS[year]))?;
    rows.text("Year,Region,Category,Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec\n")?;
    let mut schedule = Schedule::of(RELATION, company.scale, REGIONS.len() * CATEGORIES.len());
    let mut rng = stream(company.seed, "budget", year);
    for (region, details) in REGIONS.iter().enumerate() {
        for (number, category) in CATEGORIES.iter().enumerate() {
            let mut line = format!("{},{},{}", YEARS[year], details.code, category.name);
            for month in year * 12..year * 12 + 12 {
                let cents = sold.category_cents(region, number, month) as f64;
                let euros = cents / 100.0 / rates.monthly(region, month) * rng.gen_range(0.9..1.12);
                line.push_str(&format!(",{}", (euros / 50.0).round() as i64 * 50));
            }
            rows.row(&line)?;
            while let Some(flaw) = schedule.due(region * CATEGORIES.len() + number) {
                let mut fields = split(&line, ',');
                match flaw {
                    Flaw::MissingValue => fields[1].clear(),
                    _ => {
                        fields[2] = "services".into();
                        fields[7] = "see note".into();
                    }
                }
                rows.flawed(flaw, &fields.join(","))?;
            }
        }
    }
    sink.close(rows)
}

/// A quarter's ledger: for each month and store an entry for revenue and one for every cost, two lines each.
///
/// Revenue agrees with the tills to the cent, in the store's currency.
fn ledger(company: &Company, sold: &Sold, quarter: usize, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "finance.ledger";
    let year = YEARS[quarter / 4];
    let path = format!("finance/ledger/{year}/ledger_{year}-Q{}.csv", quarter % 4 + 1);
    let mut rows = sink.create(RELATION, &path)?;
    rows.text("entry_id,line_no,posted_on,account,store_id,debit,credit,currency,text\n")?;
    let mut schedule = Schedule::of(RELATION, company.scale, 3 * company.stores.len());
    for month in quarter * 3..quarter * 3 + 3 {
        for store in 0..company.stores.len() {
            let mut entries = Entries::of(company, store, month);
            for line in entries.lines(sold.cents(store, month)) {
                rows.row(&line)?;
            }
            while let Some(flaw) = schedule.due((month - quarter * 3) * company.stores.len() + store) {
                let line = entries.spoiled(flaw, schedule.count());
                rows.flawed(flaw, &line)?;
            }
        }
    }
    sink.close(rows)
}

/// The entries of a store and month.
struct Entries<'a> {
    company: &'a Company,
    store: usize,
    month: usize,
}

impl<'a> Entries<'a> {
    fn of(company: &'a Company, store: usize, month: usize) -> Self {
        Self { company, store, month }
    }

    fn lines(&mut self, revenue: i64) -> Vec<String> {
        let mut rng = stream(self.company.seed, "ledger", self.store * MONTHS + self.month);
        let currency = REGIONS[self.company.stores[self.store].region].rate;
        let rent = (self.company.stores[self.store].area as f64 * 16.0 * currency).round() as i64;
        let goods = revenue * rng.gen_range(46..54) / 100;
        let pay = (7.0 * 310_000.0 * currency).round() as i64;
        [
            ("1000", "4000", revenue, "Takings"),
            ("5000", "1400", goods, "Goods sold"),
            ("6000", "1200", pay, "Wages"),
            ("6100", "1200", rent, "Rent"),
        ]
        .iter()
        .enumerate()
        .flat_map(|(number, (debit, credit, cents, text))| {
            [self.line(number, 1, debit, *cents, 0, text), self.line(number, 2, credit, 0, *cents, text)]
        })
        .collect()
    }

    fn line(&self, number: usize, line: usize, account: &str, debit: i64, credit: i64, text: &str) -> String {
        let store = &self.company.stores[self.store];
        let start = month_start(self.month);
        // The takings are posted with a note of two lines, within quotes.
        let note = match number {
            0 => format!("\"{text}, {}\nbooked from \"\"tills\"\"\"", store.city),
            _ => format!("\"{text}, {}\"", store.city),
        };
        format!(
            "J{}{:02}-{:06}-{number},{line},{}-{:02}-28,{account},{},{}.{:02},{}.{:02},{},{note}",
            start.year(),
            start.month(),
            self.store + 1,
            start.year(),
            start.month(),
            store.id,
            debit / 100,
            debit % 100,
            credit / 100,
            credit % 100,
            REGIONS[store.region].currency,
        )
    }

    fn spoiled(&self, flaw: Flaw, count: usize) -> String {
        let start = month_start(self.month);
        let store = &self.company.stores[self.store].id;
        let currency = REGIONS[self.company.stores[self.store].region].currency;
        let line = format!(
            "J9{}{:02}-{count:06},1,{start},6100,{store},250.00,0.00,{currency},Correction",
            start.year(),
            start.month()
        );
        let mut fields = split(&line, ',');
        match flaw {
            Flaw::BadDate => fields[2] = format!("{}-02-31", start.year()),
            Flaw::MissingValue => fields[3].clear(),
            Flaw::UnknownReference => fields[4] = "ST0000".into(),
            Flaw::NegativeQuantity => fields[5].insert(0, '-'),
            _ => malform(&mut fields, count),
        }
        fields.join(",")
    }
}
