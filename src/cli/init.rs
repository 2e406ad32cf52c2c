//! `twinlake init`

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{Console, Format};
use crate::error::{Error, ErrorKind, Result};
use crate::ids::is_identifier;
use crate::project::schemas;

/// Make a new twin: small, complete and working.
#[derive(Args)]
#[command(
    after_help = "Writes twin.toml, one source with a sample file, one view with a check, and the JSON Schemas that let editors
complete the TOML files. The folder must be new or empty.

Examples:
  twinlake init shop
  cd shop && twinlake run && twinlake sql \"SELECT * FROM mart.sales_by_day\""
)]
pub(super) struct Init {
    /// The folder to make.
    dir: PathBuf,

    /// The twin's name; the folder's unless given.
    #[arg(long)]
    name: Option<String>,
}

impl Init {
    pub fn run(&self, console: &Console) -> Result<()> {
        let format = console.format(&[Format::Table, Format::Json])?;
        let root = console.path(&self.dir);
        let name = match &self.name {
            Some(name) if is_identifier(name) => name.clone(),
            Some(name) => {
                return Err(Error::new(ErrorKind::Usage, format!("{name:?} cannot name a twin"))
                    .with_hint("Use lowercase letters, digits and _, beginning with a letter."));
            }
            None => name_of(&root),
        };
        refuse_unless_empty(&root)?;
        let mut written = Vec::new();
        for (path, text) in FILES {
            let (path, text) = (path.to_string(), text.replace("{{name}}", &name));
            write_file(&root.join(&path), &text)?;
            written.push(path);
        }
        for (file, schema) in schemas() {
            let text = serde_json::to_string_pretty(&schema)
                .map_err(|error| Error::new(ErrorKind::Bug, format!("schema {file}: {error}")))?;
            let path = format!("schemas/{file}");
            write_file(&root.join(&path), &format!("{text}\n"))?;
            written.push(path);
        }
        if format == Format::Json {
            return console.print_json(&json!({ "root": root, "name": name, "files": written }));
        }
        for path in &written {
            console.note(&format!("wrote {}", self.dir.join(path).display()));
        }
        console.note("");
        console.note(&format!("The twin {name:?} is ready. Next:"));
        console.note(&format!("  cd {}", self.dir.display()));
        for step in NEXT_STEPS {
            console.note(&format!("  {step}"));
        }
        Ok(())
    }
}

/// Refuses a folder that holds anything. A repository just begun counts as empty.
///
/// # Errors
/// [`ErrorKind::Usage`] when it does; [`ErrorKind::Storage`] when it cannot be looked into.
pub(super) fn refuse_unless_empty(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Err(Error::new(ErrorKind::Usage, format!("{} is a file", folder.display()))
                .with_hint("Name a folder that is new or empty."));
        }
        Err(error) => {
            return Err(Error::new(
                ErrorKind::Storage,
                format!("{} cannot be read: {error}", folder.display()),
            ));
        }
    };
    match entries.flatten().any(|entry| entry.file_name() != ".git") {
        true => Err(Error::new(ErrorKind::Usage, format!("{} is not empty", folder.display()))
            .with_hint("Name a folder that is new or empty: nothing is ever overwritten.")),
        false => Ok(()),
    }
}

/// Writes a file and the folders above it.
///
/// # Errors
/// [`ErrorKind::Storage`] when it cannot be written.
pub(super) fn write_file(path: &Path, text: &str) -> Result<()> {
    let refused = |error: std::io::Error| {
        Error::new(ErrorKind::Storage, format!("{} cannot be written: {error}", path.display()))
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(refused)?;
    }
    std::fs::write(path, text).map_err(refused)
}

/// A twin's name from its folder's.
fn name_of(root: &Path) -> String {
    let folder = root.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let mut name: String = folder.chars().map(plain).take(60).collect();
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name = format!("twin_{}", name.trim_start_matches('_'));
    }
    if is_identifier(&name) { name } else { "twin".to_string() }
}

const NEXT_STEPS: &[&str] = &[
    "twinlake check                                      nothing is wrong",
    "twinlake run                                        land the sample, compute the view, publish",
    "twinlake sql \"SELECT * FROM mart.sales_by_day\"      ask",
    "twinlake sql \"SELECT * FROM twin.rejects\"           the one row of the sample that breaks the contract",
];

const FILES: &[(&str, &str)] = &[
    (
        "twin.toml",
        r#"#:schema ./schemas/twin.json
name = "{{name}}"
description = "What this twin is of."

# Where the tables are kept: a folder, or the URL of an object store.
lake = "lake"

# Used as ${data} in pipelines/. The environment variable wins, where it is set.
[variables]
data = { env = "DATA", default = "data" }
"#,
    ),
    (
        "pipelines/sources/shop.toml",
        r#"#:schema ../../schemas/source.json
description = "The till's daily export."
owner = "sales"
root = "${data}/shop"

[[table]]
name = "orders"
description = "One line of an order."
files = ["orders/*.csv"]
mode = "upsert"
key = ["order_id", "line"]
checks = [{ unique = ["order_id", "line"] }]

# The contract. A row that breaks it lands in twin.rejects, with the reason.
[table.columns]
order_id = { type = "int64", required = true }
line = { type = "int64", required = true, min = 1 }
ordered_on = { type = "date", required = true }
product = { type = "text", required = true, doc = "What was sold." }
quantity = { type = "int64", required = true, min = 1 }
unit_price = { type = "decimal(12,2)", min = 0, doc = "In euros." }
"#,
    ),
    (
        "sql/mart/sales_by_day.sql",
        r#"/*+++
materialize = "table"
owner = "sales"
grain = ["ordered_on"]
checks = [{ not_null = ["revenue"] }]
+++*/
-- What was sold on each day.
SELECT
    ordered_on,
    count(DISTINCT order_id) AS orders,
    sum(quantity) AS units,               -- pieces sold
    sum(quantity * unit_price) AS revenue -- in euros
FROM shop.orders
GROUP BY ordered_on
"#,
    ),
    (
        "data/shop/orders/2026-01.csv",
        "order_id,line,ordered_on,product,quantity,unit_price
1001,1,2026-01-05,lamp,2,19.90
1001,2,2026-01-05,bulb,4,3.50
1002,1,2026-01-05,rug,1,89.00
1003,1,2026-01-06,lamp,1,19.90
1004,1,2026-01-07,chair,4,45.00
1004,2,2026-01-07,table,1,320.00
1005,1,2026-01-07,bulb,-3,3.50
1006,1,2026-01-08,rug,2,89.00
",
    ),
    (".gitignore", "/lake\n"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_gives_a_name() {
        for (folder, name) in
            [("shop", "shop"), ("My Shop-2", "my_shop_2"), ("2026", "twin_2026"), ("_x", "twin_x")]
        {
            assert_eq!(name_of(&Path::new("folder").join(folder)), name);
        }
        assert!(is_identifier(&name_of(Path::new("/"))));
    }
}
