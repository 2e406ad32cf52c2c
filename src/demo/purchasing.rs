//! What follows from sales: purchase orders over three years, and the stock in the warehouses on the last day.

use chrono::Datelike;
use rand::Rng;

use super::calendar::{DAYS, MONTHS, YEARS, date, german, month_of};
use super::chance::{normal, stream};
use super::company::{Company, PRODUCTS, REGIONS};
use super::erp::comma;
use super::flaw::{Flaw, Schedule};
use super::sales::Sold;
use super::sink::{Sink, malform, split};
use crate::error::Result;

/// An order of one product for one warehouse.
struct Order {
    ordered: usize,
    region: usize,
    product: usize,
    quantity: i64,
    promised: usize,
    received: Option<usize>,
    cancelled: bool,
}

/// Writes the purchase orders of each year and the inventory of the last day.
pub(super) fn write(company: &Company, sold: &Sold, sink: &mut Sink<'_>) -> Result<()> {
    let mut orders = Vec::new();
    for region in 0..REGIONS.len() {
        for product in 0..PRODUCTS {
            orders_of(company, sold, region, product, &mut orders);
        }
    }
    orders.sort_by_key(|order| (order.ordered, order.region, order.product));
    for year in YEARS {
        year_of_orders(company, &orders, year, sink)?;
    }
    inventory(company, sold, sink)
}

/// Orders what the weeks to the next order will sell, as a planner with a good nose would.
fn orders_of(company: &Company, sold: &Sold, region: usize, product: usize, orders: &mut Vec<Order>) {
    let mut rng = stream(company.seed, "orders", region * PRODUCTS + product);
    let offer = company.preferred(product);
    let delay = company.suppliers[offer.supplier].delay;
    let mut day = rng.gen_range(0..40);
    while day < DAYS {
        let until_next = rng.gen_range(35..64);
        let daily = daily_units(sold, region, product, month_of(date(day)));
        let wanted = (daily * until_next as f64).round() as i64;
        if wanted > 0 {
            let multiple = offer.order_multiple;
            let quantity = (wanted.max(offer.min_order) + multiple - 1) / multiple * multiple;
            let late = (delay + 2.0 * normal(&mut rng) + rng.gen_range(0.0..delay)).round() as i64;
            let arrives = day + usize::try_from((offer.lead_time + late).max(1)).unwrap_or(1);
            let cancelled = rng.gen_bool(0.02);
            orders.push(Order {
                ordered: day,
                region,
                product,
                quantity,
                promised: day + offer.lead_time as usize,
                received: (arrives < DAYS && !cancelled).then_some(arrives),
                cancelled,
            });
        }
        day += until_next;
    }
}

fn daily_units(sold: &Sold, region: usize, product: usize, month: usize) -> f64 {
    sold.units(region, product, month.min(MONTHS - 1)) as f64 / 30.4
}

fn year_of_orders(company: &Company, orders: &[Order], year: i32, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "erp.purchase_orders";
    let orders: Vec<&Order> = orders.iter().filter(|order| date(order.ordered).year() == year).collect();
    let mut rows = sink.create(RELATION, &format!("erp/purchase_orders/po_{year}.csv"))?;
    rows.text(
        "BestellNr;LieferantNr;ArtikelNr;LagerNr;Bestellt;Zugesagt;Eingang;Menge;Preis;Status;Geaendert\n",
    )?;
    let mut schedule = Schedule::of(RELATION, company.scale, orders.len());
    for (slot, order) in orders.iter().enumerate() {
        let line = order_line(company, order, format!("PO{year}-{:06}", slot + 1));
        rows.row(&line)?;
        while let Some(flaw) = schedule.due(slot) {
            let line = spoil(flaw, schedule.count(), &line, year, order);
            rows.flawed(flaw, &line)?;
        }
    }
    sink.close(rows)
}

fn order_line(company: &Company, order: &Order, id: String) -> String {
    let offer = company.preferred(order.product);
    let status = match (order.cancelled, order.received) {
        (true, _) => "storniert",
        (_, Some(_)) => "geliefert",
        _ => "offen",
    };
    let changed = order.received.unwrap_or(order.ordered);
    format!(
        "{id};{};{};{};{};{};{};{};{};{status};{} 16:30:00",
        company.suppliers[offer.supplier].id,
        company.products[order.product].id,
        REGIONS[order.region].warehouse,
        german(date(order.ordered)),
        german(date(order.promised)),
        order.received.map(|day| german(date(day))).unwrap_or_default(),
        order.quantity,
        comma(offer.cost),
        date(changed),
    )
}

fn spoil(flaw: Flaw, count: usize, line: &str, year: i32, order: &Order) -> String {
    let mut fields = split(line, ';');
    if flaw != Flaw::DuplicateKey {
        fields[0] = format!("PO{year}-9{count:05}");
    }
    match flaw {
        // The order as it was an hour before it was changed for the last time: a late row, which loses.
        Flaw::DuplicateKey => {
            fields[6].clear();
            fields[9] = "offen".into();
            fields[10] = fields[10].replace("16:30:00", "15:30:00");
        }
        Flaw::BadDate => fields[4] = format!("30.02.{}", date(order.ordered).year()),
        Flaw::MissingValue => fields[2].clear(),
        Flaw::UnknownReference => fields[1] = "L999".into(),
        Flaw::NegativeQuantity => fields[7].insert(0, '-'),
        Flaw::TextInNumber => fields[7] = "zwölf".into(),
        Flaw::Malformed => malform(&mut fields, count),
        _ => {}
    }
    fields.join(";")
}

/// Stock between almost nothing and a comfortable quarter.
fn inventory(company: &Company, sold: &Sold, sink: &mut Sink<'_>) -> Result<()> {
    let mut rows = sink.create("erp.inventory", "erp/inventory/inventory_2025-12-31.csv")?;
    rows.text("LagerNr;ArtikelNr;Bestand;Reserviert;Gezaehlt\n")?;
    for (region, details) in REGIONS.iter().enumerate() {
        for (number, product) in company.products.iter().enumerate() {
            let mut rng = stream(company.seed, "inventory", region * PRODUCTS + number);
            let daily =
                (MONTHS - 3..MONTHS).map(|month| daily_units(sold, region, number, month)).sum::<f64>() / 3.0;
            let ever: u64 = (0..MONTHS).map(|month| sold.units(region, number, month)).sum();
            if ever == 0 {
                continue;
            }
            let on_hand = (daily * rng.gen_range(1.0..80.0)).round() as i64;
            let reserved = on_hand * rng.gen_range(0..12) / 100;
            rows.row(&format!("{};{};{on_hand};{reserved};31.12.2025", details.warehouse, product.id))?;
        }
    }
    sink.close(rows)
}
