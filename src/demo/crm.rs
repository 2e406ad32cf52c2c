//! The CRM: customers and business opportunities as NDJSON, campaigns from the marketing agency's spreadsheet.

use chrono::{Datelike, NaiveDate};
use rand::Rng;
use serde_json::{Value, json};

use super::calendar::{MONTHS, YEARS, date, days_of, month_start};
use super::chance::{pick, stream};
use super::company::{Company, REGIONS};
use super::flaw::{Flaw, Schedule};
use super::sink::Sink;
use crate::error::Result;

/// New customers of an average month at scale 1.
const NEW_A_MONTH: f64 = 85.0;
const CHANNELS: [&str; 4] = ["search", "social", "post", "store"];
const FIRST_NAMES: [&str; 12] =
    ["Ada", "Bram", "Clara", "Dirk", "Elin", "Filip", "Greta", "Hugo", "Ines", "Jonas", "Kaja", "Liam"];
const LAST_NAMES: [&str; 12] = [
    "Albers",
    "Björk",
    "Dąbrowski",
    "Evans",
    "Fischer",
    "Groot",
    "Håkansson",
    "Jansen",
    "Kowal",
    "Müller",
    "Nowak",
    "O'Hara",
];

/// Writes the customers of each year, the opportunities and the campaigns.
pub(super) fn write(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    for year in 0..YEARS.len() {
        customers(company, year, sink)?;
    }
    opportunities(company, sink)?;
    campaigns(company, sink)
}

/// New customers of a month: more each year, and most in the weeks that campaigns run (spring and Advent).
pub(super) fn new_customers(scale: f64, month: usize) -> usize {
    let season = [0.8, 0.8, 1.0, 1.2, 1.2, 1.0, 0.8, 0.7, 1.0, 1.0, 1.3, 1.2][month % 12];
    (NEW_A_MONTH * scale * season * 1.12_f64.powf(month as f64 / 12.0)).round().max(1.0) as usize
}

/// The number of the first customer of a month.
fn customers_before(scale: f64, month: usize) -> usize {
    (0..month).map(|earlier| new_customers(scale, earlier)).sum()
}

fn customers(company: &Company, year: usize, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "crm.customers";
    let months = year * 12..year * 12 + 12;
    let total: usize = months.clone().map(|month| new_customers(company.scale, month)).sum();
    let mut rows = sink.create(RELATION, &format!("crm/customers/customers_{}.ndjson", YEARS[year]))?;
    let mut schedule = Schedule::of(RELATION, company.scale, total);
    let mut slot = 0;
    for month in months {
        let first = customers_before(company.scale, month);
        for number in first..first + new_customers(company.scale, month) {
            let customer = customer(company, month, number);
            rows.row(&customer.to_string())?;
            while let Some(flaw) = schedule.due(slot) {
                let id = format!("C9{year}{:05}", schedule.count());
                rows.flawed(flaw, &spoil(flaw, &customer, id))?;
            }
            slot += 1;
        }
    }
    sink.close(rows)
}

fn customer(company: &Company, month: usize, number: usize) -> Value {
    let mut rng = stream(company.seed, "customer", number);
    let region = rng.gen_range(0..REGIONS.len());
    let signed_up = date(rng.gen_range(days_of(month)));
    let channel = pick(&mut rng, &CHANNELS);
    let (first, last) = (pick(&mut rng, &FIRST_NAMES), pick(&mut rng, &LAST_NAMES));
    let time = format!("{:02}:{:02}:00+01:00", rng.gen_range(7..23), rng.gen_range(0..60));
    let by_campaign = channel != "store" && rng.gen_bool(0.7);
    let segment = pick(&mut rng, &["private", "private", "private", "private", "business"]);
    json!({
        "customerId": id(number),
        "name": format!("{first} {last}"),
        "email": format!("{}.{number}@mail.example", first.to_lowercase()),
        "segment": if number.is_multiple_of(50) { "business" } else { segment },
        "channel": channel,
        "campaignId": by_campaign.then(|| campaign_id(month / 3, region)),
        "address": {
            "street": format!("{} {}", pick(&mut rng, &["Mill Lane", "Hauptstraße", "Kerkweg", "Storgatan"]), rng.gen_range(1..90)),
            "city": pick(&mut rng, REGIONS[region].cities),
            "country": REGIONS[region].country,
        },
        "region": REGIONS[region].code,
        "consent": rng.gen_bool(0.6),
        "signedUpAt": format!("{signed_up}T{time}"),
        "updatedAt": format!("{signed_up}T{time}"),
    })
}

fn id(number: usize) -> String {
    format!("C{:07}", number + 1)
}

fn spoil(flaw: Flaw, customer: &Value, new_id: String) -> String {
    let mut spoiled = customer.clone();
    if flaw != Flaw::DuplicateKey {
        spoiled["customerId"] = new_id.into();
    }
    match flaw {
        // An older version that arrives late, and loses.
        Flaw::DuplicateKey => {
            spoiled["consent"] = false.into();
            let updated = customer["updatedAt"].as_str().expect("every customer has it");
            spoiled["updatedAt"] = format!("2022-12-01{}", &updated[10..]).into();
        }
        Flaw::BadDate => spoiled["signedUpAt"] = "2024-13-45T08:00:00+01:00".into(),
        Flaw::MissingValue => spoiled["customerId"] = Value::Null,
        Flaw::NotAccepted => spoiled["segment"] = "vip!!".into(),
        Flaw::BadPattern => spoiled["email"] = "no mail please".into(),
        _ => {
            let text = spoiled.to_string();
            let cut = text.char_indices().nth(60).map_or(text.len(), |(at, _)| at);
            return text[..cut].to_string();
        }
    }
    spoiled.to_string()
}

/// Offers to business customers: every fiftieth customer is one for certain.
fn opportunities(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "crm.opportunities";
    let customers = customers_before(company.scale, MONTHS);
    let mut rows = sink.create(RELATION, "crm/opportunities.ndjson")?;
    let total = customers.div_ceil(50) * 3;
    let mut schedule = Schedule::of(RELATION, company.scale, total);
    for number in 0..total {
        let opportunity = opportunity(company, number);
        rows.row(&opportunity.to_string())?;
        while let Some(flaw) = schedule.due(number) {
            let mut spoiled = opportunity.clone();
            spoiled["opportunityId"] = format!("O9{:06}", schedule.count()).into();
            match flaw {
                Flaw::UnknownReference => spoiled["customerId"] = "C0000000".into(),
                Flaw::NegativeQuantity => spoiled["amount"] = json!(-120.0),
                _ => spoiled["stage"] = "maybe".into(),
            }
            rows.flawed(flaw, &spoiled.to_string())?;
        }
    }
    sink.close(rows)
}

fn opportunity(company: &Company, number: usize) -> Value {
    let mut rng = stream(company.seed, "opportunity", number);
    let opened: usize = rng.gen_range(0..1096);
    let decided = opened + rng.gen_range(10..120);
    let stage = match decided {
        1096.. => pick(&mut rng, &["lead", "offer", "negotiation"]),
        _ => pick(&mut rng, &["won", "lost", "lost"]),
    };
    json!({
        "opportunityId": format!("O{:07}", number + 1),
        "customerId": id(number / 3 * 50),
        "stage": stage,
        "amount": f64::from(rng.gen_range(20_000..900_000)) / 100.0,
        "currency": "EUR",
        "probability": match stage { "won" => 100, "lost" => 0, "lead" => 20, "offer" => 45, _ => 70 },
        "openedOn": date(opened).to_string(),
        "closedOn": (decided < 1096).then(|| date(decided).to_string()),
    })
}

fn campaign_id(quarter: usize, region: usize) -> String {
    format!("K{:02}{}", quarter + 1, REGIONS[region].country)
}

/// One campaign a quarter and region, in Windows-1252 with commas, quotes and euro signs.
fn campaigns(company: &Company, sink: &mut Sink<'_>) -> Result<()> {
    const RELATION: &str = "crm.campaigns";
    const THEMES: [&str; 4] = ["Frühjahrsputz", "Grüne Wochen", "Zurück ins Haus", "Lichter im Advent"];
    let mut rows = sink.create(RELATION, "crm/campaigns.csv")?.windows_1252();
    rows.text("Campaign,Name,Region,Channel,Started,Ended,Spend EUR,Planned customers\n")?;
    let total = MONTHS / 3 * REGIONS.len();
    let mut schedule = Schedule::of(RELATION, company.scale, total);
    for slot in 0..total {
        let (quarter, region) = (slot / REGIONS.len(), slot % REGIONS.len());
        let mut rng = stream(company.seed, "campaign", slot);
        let started = month_start(quarter * 3);
        let planned =
            (quarter * 3..quarter * 3 + 3).map(|month| new_customers(company.scale, month)).sum::<usize>()
                / 9;
        let spend = (planned as i64).max(1) * rng.gen_range(1_800..3_900);
        let name = format!("\"{} {} – jetzt ab 5 €, nur hier\"", THEMES[quarter % 4], started.year());
        let channel = CHANNELS[rng.gen_range(0..3)];
        let line = |id: &str, region: &str, ended: String| {
            let (euros, cents) = (spend / 100, spend % 100);
            format!("{id},{name},{region},{channel},{started},{ended},{euros}.{cents:02},{planned}")
        };
        let ended = end_of_quarter(started).to_string();
        rows.row(&line(&campaign_id(quarter, region), REGIONS[region].code, ended.clone()))?;
        while let Some(flaw) = schedule.due(slot) {
            let id = format!("K9{}", schedule.count());
            let line = match flaw {
                Flaw::BadDate => line(&id, REGIONS[region].code, "2024-02-30".into()),
                _ => line(&id, "", ended.clone()),
            };
            rows.flawed(flaw, &line)?;
        }
    }
    sink.close(rows)
}

fn end_of_quarter(started: NaiveDate) -> NaiveDate {
    let next = started.checked_add_months(chrono::Months::new(3)).expect("a date of the calendar");
    next.pred_opt().expect("a date of the calendar")
}
