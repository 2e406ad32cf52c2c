//! Larkfield itself: regions, stores, products, suppliers and what suppliers offer. Everything else is drawn from it.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::calendar::DAYS;
use super::chance::{normal, pick, stream};
use super::demand::CATEGORIES;

/// A sales region: one country with one warehouse.
pub(super) struct Region {
    pub code: &'static str,
    pub country: &'static str,
    pub currency: &'static str,
    /// Units of the currency for a euro, on the first day.
    pub rate: f64,
    pub warehouse: &'static str,
    pub warehouse_city: &'static str,
    pub cities: &'static [&'static str],
    /// Mean temperature of the year and half its span, in degrees Celsius.
    pub temperature: (f64, f64),
}

pub(super) const REGIONS: [Region; 5] = [
    Region {
        code: "central",
        country: "DE",
        currency: "EUR",
        rate: 1.0,
        warehouse: "WH-DE",
        warehouse_city: "Würzburg",
        cities: &["München", "Köln", "Göttingen", "Leipzig", "Lübeck", "Nürnberg"],
        temperature: (10.0, 9.5),
    },
    Region {
        code: "west",
        country: "NL",
        currency: "EUR",
        rate: 1.0,
        warehouse: "WH-NL",
        warehouse_city: "Tilburg",
        cities: &["Utrecht", "Groningen", "Breda", "Zwolle", "Haarlem", "Leiden"],
        temperature: (10.8, 7.2),
    },
    Region {
        code: "north",
        country: "SE",
        currency: "SEK",
        rate: 11.3,
        warehouse: "WH-SE",
        warehouse_city: "Jönköping",
        cities: &["Göteborg", "Malmö", "Örebro", "Uppsala", "Växjö", "Lund"],
        temperature: (7.1, 10.2),
    },
    Region {
        code: "east",
        country: "PL",
        currency: "PLN",
        rate: 4.5,
        warehouse: "WH-PL",
        warehouse_city: "Opole",
        cities: &["Poznan", "Lublin", "Gdynia", "Opole", "Torun", "Rzeszow"],
        temperature: (9.2, 11.0),
    },
    Region {
        code: "isles",
        country: "GB",
        currency: "GBP",
        rate: 0.87,
        warehouse: "WH-GB",
        warehouse_city: "Coventry",
        cities: &["Leeds", "Bristol", "York", "Cardiff", "Norwich", "Exeter"],
        temperature: (10.1, 6.3),
    },
];

pub(super) struct Store {
    pub id: String,
    pub region: usize,
    pub city: &'static str,
    pub opened_year: i32,
    pub opened_month: u32,
    /// In tenths of a square metre.
    pub area: i64,
    /// How much more or less than the average it sells.
    pub size: f64,
    /// The numbers of the products it sells, ascending.
    pub assortment: Vec<usize>,
}

pub(super) struct Product {
    pub id: String,
    pub name: String,
    pub category: usize,
    pub brand: &'static str,
    /// List price and purchase cost on the first day, in euro cents.
    pub list_price: i64,
    pub cost: i64,
    /// In grams.
    pub weight: i64,
    pub supplier: usize,
    /// The days from and to which it is sold.
    pub launched: Option<usize>,
    pub discontinued: Option<usize>,
    /// Mean units a day in an average store.
    pub pull: f64,
    /// Discount in per cent of each week of history; 0 is no promotion.
    pub discounts: Vec<u8>,
}

pub(super) struct Supplier {
    pub id: String,
    pub name: String,
    pub country: &'static str,
    pub rating: &'static str,
    /// Days it promises, and days it is late on average.
    pub lead_time: i64,
    pub delay: f64,
}

/// A supplier's offer of a product.
pub(super) struct Offer {
    pub supplier: usize,
    pub product: usize,
    pub lead_time: i64,
    pub min_order: i64,
    pub order_multiple: i64,
    /// In euro cents.
    pub cost: i64,
    pub preferred: bool,
}

pub(super) struct Company {
    pub seed: u64,
    pub scale: f64,
    pub stores: Vec<Store>,
    pub products: Vec<Product>,
    pub suppliers: Vec<Supplier>,
    pub offers: Vec<Offer>,
}

/// Products in the catalogue, whatever the scale.
pub(super) const PRODUCTS: usize = 120;
/// Products a store sells.
const ASSORTMENT: usize = 40;
const BRANDS: [&str; 6] = ["Larkfield", "Hearthe", "Nordvik", "Oak & Tide", "Solène", "Merle"];
const VARIANTS: [&str; 3] = ["Classic", "Compact", "Premium"];

impl Company {
    /// The company of a seed. At least one store per region, 20 at scale 1.
    pub(super) fn found(seed: u64, scale: f64) -> Self {
        let suppliers = suppliers(seed);
        let products = products(seed, suppliers.len());
        let offers = offers(seed, &products, &suppliers);
        let count = ((20.0 * scale).round() as usize).max(REGIONS.len());
        let stores = (0..count).map(|number| store(seed, number)).collect();
        Self { seed, scale, stores, products, suppliers, offers }
    }

    /// The offer of a product's own supplier.
    pub(super) fn preferred(&self, product: usize) -> &Offer {
        let found = self.offers.iter().find(|offer| offer.product == product && offer.preferred);
        found.expect("every product has a preferred offer")
    }
}

fn store(seed: u64, number: usize) -> Store {
    let mut rng = stream(seed, "store", number);
    let region = number % REGIONS.len();
    let mut all: Vec<usize> = (0..PRODUCTS).collect();
    let (chosen, _) = all.partial_shuffle(&mut rng, ASSORTMENT);
    let mut assortment = chosen.to_vec();
    assortment.sort_unstable();
    let cities = REGIONS[region].cities;
    Store {
        id: format!("ST{:04}", number + 1),
        region,
        city: cities[number / REGIONS.len() % cities.len()],
        opened_year: rng.gen_range(1994..=2021),
        opened_month: rng.gen_range(1..=12),
        area: rng.gen_range(4_500..32_000),
        size: (0.3 * normal(&mut rng)).exp(),
        assortment,
    }
}

fn products(seed: u64, suppliers: usize) -> Vec<Product> {
    (0..PRODUCTS).map(|number| product(seed, number, suppliers)).collect()
}

fn product(seed: u64, number: usize, suppliers: usize) -> Product {
    let mut rng = stream(seed, "product", number);
    let category = number % CATEGORIES.len();
    let (noun, variant) = (number / CATEGORIES.len() % 5, number / CATEGORIES.len() / 5);
    let whole_euros: i64 = rng.gen_range(4..60) + [0, 6, 25][variant];
    let list_price = whole_euros * 100 + 95;
    Product {
        id: format!("P{:04}", number + 1),
        name: format!("{} {}", CATEGORIES[category].nouns[noun], VARIANTS[variant]),
        category,
        brand: pick(&mut rng, &BRANDS),
        list_price,
        cost: list_price * rng.gen_range(38..62) / 100,
        weight: rng.gen_range(120..9_500),
        supplier: rng.gen_range(0..suppliers),
        launched: (number % 20 == 19).then(|| rng.gen_range(500..760)),
        discontinued: (number % 30 == 7).then(|| rng.gen_range(700..900)),
        pull: (-0.75 + 0.8 * normal(&mut rng)).exp().clamp(0.08, 6.0),
        discounts: discounts(&mut rng),
    }
}

/// Promotions last one or two weeks; one week in twelve is part of one.
fn discounts(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let weeks = DAYS / 7 + 1;
    let mut discounts = vec![0; weeks];
    let mut week = rng.gen_range(0..20);
    while week < weeks {
        let discount = pick(rng, &[10, 15, 20, 30]);
        let length = rng.gen_range(1..=2);
        for promoted in discounts.iter_mut().skip(week).take(length) {
            *promoted = discount;
        }
        week += rng.gen_range(10..28);
    }
    discounts
}

fn suppliers(seed: u64) -> Vec<Supplier> {
    const NAMES: [(&str, &str); 18] = [
        ("Ahlgren Textil", "SE"),
        ("Bartosz Ceramika", "PL"),
        ("Brightwick Lamps", "GB"),
        ("Casa Lume", "IT"),
        ("De Groene Hoek", "NL"),
        ("Delta Wicker", "VN"),
        ("Fjordlys", "NO"),
        ("Hollister Tools", "GB"),
        ("Jade River Trading", "CN"),
        ("Kessler Holzwaren", "DE"),
        ("Lindqvist Glas", "SE"),
        ("Marlow & Finch", "GB"),
        ("Moravia Papir", "CZ"),
        ("Oder Metallbau", "DE"),
        ("Porto Azulejo", "PT"),
        ("Tilburg Plastics", "NL"),
        ("Wachau Garten", "AT"),
        ("Yilmaz Tekstil", "TR"),
    ];
    let make = |(number, (name, country)): (usize, &(&str, &'static str))| {
        let mut rng = stream(seed, "supplier", number);
        let far = matches!(*country, "VN" | "CN" | "TR");
        Supplier {
            id: format!("L{:03}", number + 1),
            name: (*name).into(),
            country,
            rating: pick(&mut rng, &["A", "A", "B", "B", "C"]),
            lead_time: if far { rng.gen_range(28..46) } else { rng.gen_range(5..18) },
            delay: if number % 5 == 3 { 9.0 } else { 1.0 },
        }
    };
    NAMES.iter().enumerate().map(make).collect()
}

fn offers(seed: u64, products: &[Product], suppliers: &[Supplier]) -> Vec<Offer> {
    let mut offers = Vec::new();
    for (number, product) in products.iter().enumerate() {
        let mut rng = stream(seed, "offer", number);
        let second = (product.supplier + 1 + rng.gen_range(0..suppliers.len() - 1)) % suppliers.len();
        let several = rng.gen_bool(0.4);
        for (supplier, preferred) in [(product.supplier, true), (second, false)] {
            if !preferred && !several {
                continue;
            }
            let multiple = pick(&mut rng, &[1, 6, 12, 24]);
            offers.push(Offer {
                supplier,
                product: number,
                lead_time: suppliers[supplier].lead_time + rng.gen_range(0..4),
                min_order: multiple * rng.gen_range(1..4),
                order_multiple: multiple,
                cost: if preferred { product.cost } else { product.cost * rng.gen_range(98..115) / 100 },
                preferred,
            });
        }
    }
    offers
}
