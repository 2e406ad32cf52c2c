//! JSON Schemas of the TOML files: what editors complete from, and what [`shape`](super::shape) checks against.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use super::{ModelDecl, SourceDecl, TwinDecl, ViewDecl};

/// The schema of each kind of file, by the name it is kept under in `schemas/`.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("twin.json", of::<TwinDecl>("twin.toml")),
        ("source.json", of::<SourceDecl>("pipelines/sources/*.toml")),
        ("model.json", of::<ModelDecl>("pipelines/models/*.toml")),
        ("view.json", of::<ViewDecl>("The front matter of sql/<schema>/<name>.sql")),
    ]
}

/// The schema of one kind of file.
pub(super) fn of<T: JsonSchema>(title: &str) -> Value {
    let mut schema = schema_for!(T);
    schema.insert("title".into(), title.into());
    schema.into()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    /// `TWINLAKE_UPDATE=1 cargo test json_schema` writes them anew.
    #[test]
    fn the_committed_schemas_are_the_generated_ones() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
        for (name, schema) in super::schemas() {
            let generated = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            let path = folder.join(name);
            if std::env::var_os("TWINLAKE_UPDATE").is_some() {
                fs::create_dir_all(&folder).unwrap();
                fs::write(&path, &generated).unwrap();
            }
            let committed = fs::read_to_string(&path).unwrap_or_default();
            assert!(committed == generated, "schemas/{name} is out of date: run with TWINLAKE_UPDATE=1");
        }
    }
}
