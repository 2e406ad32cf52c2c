//! The ERP's master data: stores, warehouses, products, suppliers and what suppliers offer.

use super::company::{Company, Offer, REGIONS};
use super::demand::CATEGORIES;
use super::flaw::{Flaw, Schedule};
use super::hr;
use super::sink::{Sink, split};
use crate::demo::calendar::{date, german};
use crate::error::Result;

/// Writes the five files of master data.
pub(super) fn write(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    stores(company, sink)?;
    warehouses(sink)?;
    products(company, sink)?;
    suppliers(company, sink)?;
    supplier_products(company, sink)
}

/// An amount in cents as the ERP writes it: `12,95`.
pub(super) fn comma(cents: i64) -> String {
    format!("{},{:02}", cents / 100, cents % 100)
}

/// In Windows-1252, as the old branch system exports it.
fn stores(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    let mut rows = sink.create("erp.stores", "erp/stores.csv")?.windows_1252();
    rows.text("FilialNr;Name;Ort;Land;Region;Waehrung;Eroeffnet;Flaeche_m2;Leitung\n")?;
    for (number, store) in company.stores.iter().enumerate() {
        let region = &REGIONS[store.region];
        rows.row(&format!(
            "{};Larkfield {} {};{};{};{};{};01.{:02}.{};{},{};{}",
            store.id,
            store.city,
            number / REGIONS.len() + 1,
            store.city,
            region.country,
            region.code,
            region.currency,
            store.opened_month,
            store.opened_year,
            store.area / 10,
            store.area % 10,
            hr::store_manager(number),
        ))?;
    }
    sink.close(rows)
}

fn warehouses(sink: &mut Sink<'_>) -> Result<()> {
    let mut rows = sink.create("erp.warehouses", "erp/warehouses.csv")?;
    rows.text("LagerNr;Ort;Land;Region\n")?;
    for region in &REGIONS {
        let place =
            format!("{};{};{};{}", region.warehouse, region.warehouse_city, region.country, region.code);
        rows.row(&place)?;
    }
    sink.close(rows)
}

fn products(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    let mut rows = sink.create("erp.products", "erp/products.csv")?;
    rows.text("ArtikelNr;Bezeichnung;Warengruppe;Marke;Listenpreis;Einkaufspreis;Gewicht_kg;Eingefuehrt;Ausgelaufen\n")?;
    let day = |day: Option<usize>| day.map(|day| german(date(day))).unwrap_or_default();
    for product in &company.products {
        rows.row(&format!(
            "{};{};{};{};{};{};{},{:03};{};{}",
            product.id,
            product.name,
            CATEGORIES[product.category].erp_code,
            product.brand,
            comma(product.list_price),
            comma(product.cost),
            product.weight / 1000,
            product.weight % 1000,
            day(product.launched),
            day(product.discontinued),
        ))?;
    }
    sink.close(rows)
}

fn suppliers(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    let mut rows = sink.create("erp.suppliers", "erp/suppliers.csv")?;
    rows.text("LieferantNr;Name;Land;Bewertung;Email\n")?;
    for supplier in &company.suppliers {
        let (id, name) = (&supplier.id, &supplier.name);
        let mailbox = name.to_lowercase().replace(" & ", "-").replace(' ', "-");
        rows.row(&format!("{id};{name};{};{};orders@{mailbox}.example", supplier.country, supplier.rating))?;
    }
    sink.close(rows)
}

fn supplier_products(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "erp.supplier_products";
    let mut rows = sink.create(RELATION, "erp/supplier_products.csv")?;
    rows.text("LieferantNr;ArtikelNr;Lieferzeit_Tage;Mindestmenge;Gebinde;Einkaufspreis;Bevorzugt\n")?;
    let mut schedule = Schedule::of(RELATION, company.scale, company.offers.len());
    for (slot, offer) in company.offers.iter().enumerate() {
        let line = offer_line(company, offer);
        rows.row(&line)?;
        while let Some(flaw) = schedule.due(slot) {
            let mut fields = split(&line, ';');
            match flaw {
                Flaw::UnknownReference => fields[0] = format!("L9{:02}", schedule.count()),
                Flaw::NegativeQuantity => fields[2].insert(0, '-'),
                _ => fields[2] = "ca. 14".into(),
            }
            rows.flawed(flaw, &fields.join(";"))?;
        }
    }
    sink.close(rows)
}

fn offer_line(company: &Company, offer: &Offer) -> String {
    format!(
        "{};{};{};{};{};{};{}",
        company.suppliers[offer.supplier].id,
        company.products[offer.product].id,
        offer.lead_time,
        offer.min_order,
        offer.order_multiple,
        comma(offer.cost),
        if offer.preferred { "J" } else { "N" },
    )
}
