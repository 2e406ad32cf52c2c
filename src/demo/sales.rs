//! The tills: a line for every product a store sold on a day, one compressed file a month.

use std::fmt::Write;

use super::Shift;
use super::calendar::{MONTHS, date, days_of, german, month_start};
use super::chance::{poisson, stream};
use super::company::{Company, PRODUCTS, REGIONS};
use super::demand::{CATEGORIES, discount, expected, list_price};
use super::flaw::{Flaw, Schedule};
use super::sink::{Rows, Sink, malform, split};
use super::weather::Climate;
use crate::error::Result;

/// What was sold, summed as far as purchasing and finance need it. Flawed lines are not part of it.
pub(super) struct Sold {
    units: Vec<u64>,
    cents: Vec<i64>,
    category_cents: Vec<i64>,
}

impl Sold {
    fn nothing(stores: usize) -> Self {
        Self {
            units: vec![0; REGIONS.len() * PRODUCTS * MONTHS],
            cents: vec![0; stores * MONTHS],
            category_cents: vec![0; REGIONS.len() * CATEGORIES.len() * MONTHS],
        }
    }
    /// Units of a product sold in a region in a month.
    pub(super) fn units(&self, region: usize, product: usize, month: usize) -> u64 {
        self.units[(region * PRODUCTS + product) * MONTHS + month]
    }
    /// A store's sales in a month, in cents of its currency.
    pub(super) fn cents(&self, store: usize, month: usize) -> i64 {
        self.cents[store * MONTHS + month]
    }
    /// A category's sales in a region and month, in cents of its currency.
    pub(super) fn category_cents(&self, region: usize, category: usize, month: usize) -> i64 {
        self.category_cents[(region * CATEGORIES.len() + category) * MONTHS + month]
    }
}

const RELATION: &str = "erp.sales";

/// Writes `erp/sales/2025/01/sales_2025-01.csv.gz` and so on.
pub(super) fn write(
    company: &Company,
    climate: &Climate,
    shift: Option<Shift>,
    sink: &mut Sink<'_>,
) -> Result<Sold> {
    let mut tills =
        Tills { company, shift, sold: Sold::nothing(company.stores.len()), receipts: 0, last: String::new() };
    for month in 0..MONTHS {
        let start = month_start(month);
        let path = format!("erp/sales/{}/sales_{}.csv.gz", start.format("%Y/%m"), start.format("%Y-%m"));
        let mut rows = sink.create(RELATION, &path)?;
        rows.text("BelegNr;Datum;FilialNr;ArtikelNr;Menge;Stueckpreis;Rabatt_Prozent;Aktion\n")?;
        let days = days_of(month);
        let mut schedule = Schedule::of(RELATION, company.scale, days.len());
        for (slot, day) in days.enumerate() {
            tills.day(month, day, climate, &mut rows)?;
            while !tills.last.is_empty()
                && let Some(flaw) = schedule.due(slot)
            {
                tills.flawed(flaw, schedule.count(), &mut rows)?;
            }
        }
        sink.close(rows)?;
    }
    Ok(tills.sold)
}

struct Tills<'a> {
    company: &'a Company,
    shift: Option<Shift>,
    sold: Sold,
    receipts: u64,
    /// The last sound line, which flawed ones are made from.
    last: String,
}

impl Tills<'_> {
    fn day(&mut self, month: usize, day: usize, climate: &Climate, rows: &mut Rows) -> Result<()> {
        let company = self.company;
        let mut rng = stream(company.seed, "sales", day);
        let expected: Vec<Vec<f64>> =
            (0..REGIONS.len()).map(|region| expected(company, climate, region, day)).collect();
        let on = german(date(day));
        let shift = self.shift.filter(|shift| month >= shift.from_month).map_or(1.0, |shift| shift.factor);
        for (number, store) in company.stores.iter().enumerate() {
            for &product in &store.assortment {
                let mean = expected[store.region][product] * store.size * shift;
                let quantity = if mean > 0.0 { poisson(&mut rng, mean) } else { 0 };
                if quantity == 0 {
                    continue;
                }
                let sold = &company.products[product];
                let discount = discount(sold, day);
                let list = list_price(sold, store.region, day);
                let price = (list as f64 * (1.0 - discount)).round() as i64;
                self.receipts += 1;
                self.last.clear();
                let line = write!(
                    self.last,
                    "B{:09};{on};{};{};{quantity};{},{:02};{:.0};{}",
                    self.receipts,
                    store.id,
                    sold.id,
                    price / 100,
                    price % 100,
                    discount * 100.0,
                    if discount > 0.0 { "J" } else { "N" },
                );
                line.expect("a String takes all text");
                rows.row(&self.last)?;
                self.count(number, store.region, product, month, quantity, price);
            }
        }
        Ok(())
    }

    fn count(
        &mut self,
        store: usize,
        region: usize,
        product: usize,
        month: usize,
        quantity: u32,
        price: i64,
    ) {
        let category = self.company.products[product].category;
        let cents = i64::from(quantity) * price;
        self.sold.units[(region * PRODUCTS + product) * MONTHS + month] += u64::from(quantity);
        self.sold.cents[store * MONTHS + month] += cents;
        self.sold.category_cents[(region * CATEGORIES.len() + category) * MONTHS + month] += cents;
    }

    fn flawed(&mut self, flaw: Flaw, count: usize, rows: &mut Rows) -> Result<()> {
        let mut fields = split(&self.last, ';');
        if flaw == Flaw::DuplicateKey {
            rows.hold_duplicate();
        } else {
            self.receipts += 1;
            fields[0] = format!("B{:09}", self.receipts);
        }
        match flaw {
            Flaw::BadDate => fields[1].replace_range(..5, "31.02"),
            Flaw::MissingValue => fields[2].clear(),
            Flaw::UnknownReference if count.is_multiple_of(2) => fields[2] = "ST0000".into(),
            Flaw::UnknownReference => fields[3] = "P9999".into(),
            Flaw::NegativeQuantity => fields[4].insert(0, '-'),
            Flaw::TextInNumber => fields[4] = "zwei".into(),
            Flaw::Malformed => malform(&mut fields, count),
            _ => {}
        }
        rows.flawed(flaw, &fields.join(";"))
    }
}
