//! What customers want to buy: level, trend, seasons, prices, promotions and weather, so that there is something to learn.

use chrono::{Datelike, Weekday};

use super::calendar::{DAYS, date};
use super::company::{Company, Product, REGIONS};
use super::weather::Climate;

/// A product category and what moves its sales.
pub(super) struct Category {
    pub name: &'static str,
    /// As the ERP calls it.
    pub erp_code: &'static str,
    pub nouns: [&'static str; 5],
    /// The day of the year sales peak, and how far (as a share) they swing around the mean.
    pub season: (f64, f64),
    /// Growth of a year, as a share.
    pub growth: f64,
    /// Change of sales for a degree above the season's normal, and for ten millimetres of rain.
    pub weather: (f64, f64),
    /// How much more is sold in the weeks before Christmas.
    pub christmas: f64,
}

pub(super) const CATEGORIES: [Category; 8] = [
    Category {
        name: "garden",
        erp_code: "GA",
        nouns: ["Planter", "Watering Can", "Trellis", "Secateurs", "Raised Bed"],
        season: (140.0, 0.75),
        growth: 0.09,
        weather: (0.04, -0.25),
        christmas: 0.7,
    },
    Category {
        name: "outdoor",
        erp_code: "OU",
        nouns: ["Parasol", "Folding Chair", "Fire Bowl", "Hammock", "Picnic Rug"],
        season: (175.0, 0.85),
        growth: 0.04,
        weather: (0.06, -0.3),
        christmas: 0.6,
    },
    Category {
        name: "kitchen",
        erp_code: "KU",
        nouns: ["Casserole", "Teapot", "Chopping Board", "Storage Jar", "Whisk"],
        season: (340.0, 0.12),
        growth: 0.05,
        weather: (0.0, 0.05),
        christmas: 1.7,
    },
    Category {
        name: "textiles",
        erp_code: "TE",
        nouns: ["Wool Throw", "Cushion", "Curtain", "Bath Towel", "Flannel Set"],
        season: (355.0, 0.45),
        growth: 0.03,
        weather: (-0.03, 0.08),
        christmas: 1.3,
    },
    Category {
        name: "lighting",
        erp_code: "LI",
        nouns: ["Table Lamp", "Lantern", "Candle Holder", "String Lights", "Floor Lamp"],
        season: (330.0, 0.5),
        growth: 0.06,
        weather: (-0.01, 0.1),
        christmas: 1.5,
    },
    Category {
        name: "storage",
        erp_code: "AU",
        nouns: ["Wicker Basket", "Shelf Box", "Coat Rack", "Shoe Bench", "Drawer Insert"],
        season: (20.0, 0.2),
        growth: -0.02,
        weather: (0.0, 0.08),
        christmas: 0.9,
    },
    Category {
        name: "toys",
        erp_code: "SP",
        nouns: ["Wooden Train", "Kite", "Puzzle", "Soft Hare", "Building Set"],
        season: (345.0, 0.2),
        growth: 0.1,
        weather: (0.0, 0.06),
        christmas: 2.6,
    },
    Category {
        name: "stationery",
        erp_code: "PA",
        nouns: ["Notebook", "Fountain Pen", "Desk Tray", "Calendar", "Wrapping Set"],
        season: (240.0, 0.3),
        growth: -0.04,
        weather: (0.0, 0.05),
        christmas: 1.6,
    },
];

/// Sales rise by this power of the price ratio when a promotion lowers the price.
const ELASTICITY: f64 = 2.2;

/// Mean units that an average store of a region sells of each product on a day.
pub(super) fn expected(company: &Company, climate: &Climate, region: usize, day: usize) -> Vec<f64> {
    let weekday = weekday_factor(region, day);
    company
        .products
        .iter()
        .map(|product| {
            if weekday == 0.0 || !sold_on(product, day) {
                return 0.0;
            }
            let category = &CATEGORIES[product.category];
            let promotion = (1.0 - discount(product, day)).powf(-ELASTICITY);
            product.pull
                * weekday
                * promotion
                * season(category, day)
                * (1.0 + category.growth).powf(day as f64 / 365.25)
                * weather_factor(category, climate, region, day)
        })
        .collect()
}

/// Whether a product is in the catalogue on a day.
fn sold_on(product: &Product, day: usize) -> bool {
    product.launched.is_none_or(|from| day >= from) && product.discontinued.is_none_or(|until| day < until)
}

/// The discount of a product on a day, as a share.
pub(super) fn discount(product: &Product, day: usize) -> f64 {
    f64::from(product.discounts[day / 7]) / 100.0
}

/// The list price in cents of the region's currency: rounded to end in 5 cents, three per cent dearer each January.
pub(super) fn list_price(product: &Product, region: usize, day: usize) -> i64 {
    let years = date(day.min(DAYS - 1)).year() - 2023;
    let cents = product.list_price as f64 * REGIONS[region].rate * 1.03_f64.powi(years);
    (cents / 10.0).round() as i64 * 10 - 5
}

/// Saturdays are best; German shops stay closed on Sundays, and all shops on Christmas and New Year's Day.
fn weekday_factor(region: usize, day: usize) -> f64 {
    let date = date(day);
    if matches!((date.month(), date.day()), (1, 1) | (12, 25) | (12, 26)) {
        return 0.0;
    }
    match date.weekday() {
        Weekday::Mon => 0.85,
        Weekday::Tue => 0.8,
        Weekday::Wed => 0.9,
        Weekday::Thu => 1.0,
        Weekday::Fri => 1.25,
        Weekday::Sat => 1.7,
        Weekday::Sun if REGIONS[region].country == "DE" => 0.0,
        Weekday::Sun => 0.6,
    }
}

fn season(category: &Category, day: usize) -> f64 {
    let date = date(day);
    let of_year = f64::from(date.ordinal());
    let (peak, swing) = category.season;
    let wave = 1.0 + swing * (std::f64::consts::TAU * (of_year - peak) / 365.25).cos();
    let advent = of_year >= 325.0 && date.month() <= 12 && of_year < 359.0;
    if advent { wave * category.christmas } else { wave }
}

fn weather_factor(category: &Category, climate: &Climate, region: usize, day: usize) -> f64 {
    let weather = climate.on(region, day);
    let (per_degree, per_rain) = category.weather;
    let warm = per_degree * climate.anomaly(region, day);
    let wet = per_rain * (f64::from(weather.rain_tenths) / 100.0).min(2.0);
    (1.0 + warm + wet).clamp(0.3, 2.0)
}
