//! The lineage columns that every landed row carries, and which columns take part in a row's identity.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The source's name.
pub const SOURCE: &str = "_source";
/// The file, topic, endpoint or table the row came from.
pub const SOURCE_URI: &str = "_source_uri";
/// Line, offset or row within that.
pub const SOURCE_POSITION: &str = "_source_position";
/// The run that landed or computed the row; joins `twin.runs`.
pub const RUN_ID: &str = "_run_id";
/// The instant of that run.
pub const INGESTED_AT: &str = "_ingested_at";
/// The version of the model that made the row; joins `twin.models`.
pub const MODEL_VERSION: &str = "_model_version";
/// Hash of the normalised row. Kept where change detection reads it: in `upsert`, `snapshot` and `history` tables.
pub const ROW_HASH: &str = "_row_hash";
/// `history`: from when this version of the row holds.
pub const VALID_FROM: &str = "_valid_from";
/// `history`: until when it holds (exclusive); null while it is current.
pub const VALID_TO: &str = "_valid_to";

/// The type of all instants in the lake.
pub fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// The lineage columns of a landed table, in order.
pub fn lineage(row_hash: bool, validity: bool) -> Vec<Field> {
    let mut fields = Vec::new();
    if validity {
        fields.push(Field::new(VALID_FROM, instant_type(), true));
        fields.push(Field::new(VALID_TO, instant_type(), true));
    }
    fields.extend([
        Field::new(SOURCE, DataType::Utf8, true),
        Field::new(SOURCE_URI, DataType::Utf8, true),
        Field::new(SOURCE_POSITION, DataType::Int64, true),
        Field::new(RUN_ID, DataType::Utf8, true),
        Field::new(INGESTED_AT, instant_type(), true),
    ]);
    if row_hash {
        fields.push(Field::new(ROW_HASH, DataType::Int64, true));
    }
    fields
}

/// Whether a column is about where the row came from, and so takes no part in the logical hash.
pub fn is_lineage(name: &str) -> bool {
    matches!(name, SOURCE | SOURCE_URI | SOURCE_POSITION | RUN_ID | MODEL_VERSION | INGESTED_AT | ROW_HASH)
}

/// The schema of a landed table whose normalised columns are `columns`.
pub fn landed_schema(columns: &[Field], row_hash: bool, validity: bool) -> SchemaRef {
    let mut fields: Vec<Field> = columns.to_vec();
    fields.extend(lineage(row_hash, validity));
    Arc::new(Schema::new(fields))
}

/// The schema of a derived table whose query gives `query`: its columns, nullable, and `_run_id`.
pub fn derived_schema(query: &Schema) -> SchemaRef {
    let mut fields: Vec<Field> = query
        .fields()
        .iter()
        .filter(|field| field.name() != RUN_ID)
        .map(|field| Field::new(field.name(), storable(field.data_type()), true))
        .collect();
    fields.push(Field::new(RUN_ID, DataType::Utf8, true));
    Arc::new(Schema::new(fields))
}

/// The type a Delta table keeps for values of `data_type`: views, dictionaries and unsigned integers become their plain,
/// signed or wider form, and every instant is UTC in
/// microseconds.
pub fn storable(data_type: &DataType) -> DataType {
    use DataType as T;
    match data_type {
        T::Utf8View | T::LargeUtf8 | T::Null => T::Utf8,
        T::BinaryView | T::LargeBinary | T::FixedSizeBinary(_) => T::Binary,
        T::UInt8 => T::Int16,
        T::UInt16 => T::Int32,
        T::UInt32 | T::UInt64 => T::Int64,
        T::Float16 => T::Float32,
        T::Date64 => T::Date32,
        T::Decimal32(p, s) | T::Decimal64(p, s) => T::Decimal128(*p, *s),
        T::Timestamp(_, _) => instant_type(),
        T::Dictionary(_, values) => storable(values),
        T::RunEndEncoded(_, values) => storable(values.data_type()),
        T::List(item) | T::LargeList(item) | T::FixedSizeList(item, _) | T::ListView(item) => {
            T::List(Arc::new(Field::new("element", storable(item.data_type()), true)))
        }
        T::Struct(fields) => T::Struct(
            fields.iter().map(|f| Arc::new(Field::new(f.name(), storable(f.data_type()), true))).collect(),
        ),
        other => other.clone(),
    }
}
