//! A corner shop with a table of each write mode, views over them, and a day of files at a time.

use std::fmt::Write;

use crate::twin::Twin;

const TWIN: &str = r#"
name = "corner_shop"
"#;

const SOURCE: &str = r#"
schema = "shop"
root = "data"

[[table]]
name = "sales"
files = ["sales/*.csv"]
max_files_per_run = 1
checks = [{ unique = ["sale_id"] }]
[table.columns]
sale_id = { type = "int64", required = true }
product_id = { type = "text", required = true }
quantity = { type = "int64", required = true, min = 1 }
amount = { type = "decimal(12,2)", required = true }

[[table]]
name = "products"
files = ["products/*.csv"]
mode = "upsert"
key = ["product_id"]
order_by = "changed_on"
max_files_per_run = 1
[table.columns]
product_id = { type = "text", required = true }
price = { type = "decimal(12,2)", required = true }
changed_on = { type = "date", required = true }

[[table]]
name = "staff"
files = ["staff/*.csv"]
mode = "history"
key = ["person"]
max_files_per_run = 1
[table.columns]
person = { type = "text", required = true }
post = { type = "text", required = true }
"#;

const PRICED: &str = r#"/*+++
checks = [{ not_null = ["amount"] }]
+++*/
-- A sale with the price of today.
SELECT s.sale_id, s.product_id, s.quantity, s.amount, p.price
FROM shop.sales AS s
LEFT JOIN shop.products AS p ON p.product_id = s.product_id
"#;

const BY_PRODUCT: &str = r#"/*+++
materialize = "table"
grain = ["product_id"]
checks = [{ references = "shop.products", via = ["product_id"] }]
+++*/
-- What was sold of a product.
SELECT product_id, count(*) AS sales, sum(quantity) AS quantity, sum(amount) AS amount, max(price) AS price
FROM mart.priced
GROUP BY product_id
"#;

const TOTAL: &str = r#"/*+++
materialize = "table"
+++*/
-- The shop in one row.
SELECT
    (SELECT sum(amount) FROM mart.by_product) AS amount,
    (SELECT count(*) FROM shop.staff WHERE _valid_to IS NULL) AS staff
"#;

/// The products there are.
const PRODUCTS: usize = 8;
/// Sound sales of one day. Two more are rejected.
pub const SALES: usize = 40;

/// A shop with so many days of files.
pub fn shop(days: usize) -> Twin {
    let twin = Twin::new(&[
        ("twin.toml", TWIN),
        ("pipelines/sources/shop.toml", SOURCE),
        ("sql/mart/priced.sql", PRICED),
        ("sql/mart/by_product.sql", BY_PRODUCT),
        ("sql/mart/total.sql", TOTAL),
    ]);
    for day in 1..=days {
        open(&twin, day);
    }
    twin
}

/// Another day's files.
fn open(twin: &Twin, day: usize) {
    let mut sales = String::from("sale_id,product_id,quantity,amount\n");
    for sale in 0..SALES {
        let quantity = (sale * 7 + day) % 5 + 1;
        let product = (sale * 3 + day) % PRODUCTS;
        writeln!(sales, "{},P{product},{quantity},{quantity}.{:02}", day * 1000 + sale, sale % 100).unwrap();
    }
    writeln!(sales, "{},P1,0,1.00", day * 1000 + 998).unwrap();
    writeln!(sales, "{},P1,one,1.00", day * 1000 + 999).unwrap();
    twin.write(&format!("data/sales/sales_{day:03}.csv"), &sales);

    // Some prices change, some rows come late.
    let mut products = String::from("product_id,price,changed_on\n");
    for product in (0..PRODUCTS).filter(|product| day == 1 || (product + day).is_multiple_of(3)) {
        let changed = if product == 2 && day > 2 { 1 } else { day };
        writeln!(
            products,
            "P{product},{}.50,2026-{:02}-{:02}",
            day + product,
            1 + changed / 28,
            1 + changed % 28
        )
        .unwrap();
    }
    twin.write(&format!("data/products/products_{day:03}.csv"), &products);

    // Somebody leaves, somebody joins, somebody is promoted.
    let mut staff = String::from("person,post\n");
    for person in day..day + 6 {
        let post = if person == day + 1 { "manager" } else { "clerk" };
        writeln!(staff, "person {person},{post}").unwrap();
    }
    twin.write(&format!("data/staff/staff_2026-{:02}-{:02}.csv", 1 + day / 28, 1 + day % 28), &staff);
}
