//! Logical types to Arrow and back: how a column travels in a [`RecordBatch`](arrow::record_batch::RecordBatch) and so in
//! Parquet.
//!
//! | logical type | Arrow | Parquet |
//! |---|---|---|
//! | bool | Boolean | BOOLEAN |
//! | int8 ... uint64 | Int8 ... UInt64 | INT32/INT64, INTEGER(bits, sign) |
//! | decimal(p,s), p <= 38 | Decimal128(p,s) | DECIMAL |
//! | decimal(p,s), p > 38 | Decimal256(p,s) | DECIMAL |
//! | numeric | Utf8 | STRING |
//! | float32, float64 | Float32, Float64 | FLOAT, DOUBLE |
//! | text, enum, network, opaque text | Utf8 | STRING |
//! | bytes, geometry, opaque binary | Binary | BYTE_ARRAY |
//! | date | Date32 | DATE |
//! | time | Time64(µs) | TIME(MICROS) |
//! | timetz | Struct{micros: Int64, offset_seconds: Int32} | group |
//! | timestamp | Timestamp(µs) | TIMESTAMP(MICROS), local |
//! | instant | Timestamp(µs, UTC) | TIMESTAMP(MICROS), UTC |
//! | interval | Struct{months: Int32, days: Int32, micros: Int64} | group |
//! | span | Int64, microseconds | INT64 |
//! | year | Int16 | INTEGER(16) |
//! | uuid | FixedSizeBinary(16), `arrow.uuid` | UUID |
//! | json | Utf8, `arrow.json` | JSON |
//! | set | List\<Utf8\> | LIST |
//! | bits(n), n <= 64, not varying | UInt64 | INTEGER(64, unsigned) |
//! | other bits | Utf8 of 0 and 1 | STRING |
//! | list | List | LIST |
//! | struct | Struct | group |
//! | range | Struct{lower, upper, lower_inclusive, upper_inclusive, empty} | group |
//! | map | Map\<Utf8, Utf8\> | MAP |
//! | dynamic | Struct{integer: Int64, real: Float64, text: Utf8, bytes: Binary}, exactly one of them set | group |
//!
//! Every field is nullable whatever the column says, because the cell of an [exception](crate::exception) is null. What
//! Arrow cannot say stands in the field's metadata under `dbferry:*`, so that one Parquet file alone describes itself.

use crate::error::{Error, ErrorKind, Result};
use crate::logical::{LogicalType, StructField};
use crate::model::{Collection, Column, ColumnRole};
use arrow::array::GenericByteArray;
use arrow::datatypes::{ByteArrayType, DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use std::collections::HashMap;
use std::sync::Arc;

/// Field metadata: the logical type, as JSON.
pub const META_TYPE: &str = "dbferry:type";
/// Field metadata: the native type as the source spells it.
pub const META_NATIVE: &str = "dbferry:native";
/// Field metadata: the column's role, if it is not the user's data.
pub const META_ROLE: &str = "dbferry:role";

const EXTENSION_NAME: &str = "ARROW:extension:name";
const EXTENSION_METADATA: &str = "ARROW:extension:metadata";

/// The bytes of an array's values, one after the other; what lies under nulls is among them.
pub fn value_bytes<T: ByteArrayType<Offset = i32>>(values: &GenericByteArray<T>) -> &[u8] {
    let ends = values.value_offsets().first().zip(values.value_offsets().last());
    // Arrow checks when an array is built that offsets ascend and end inside the data.
    ends.map_or(&[], |(first, last)| &values.value_data()[*first as usize..*last as usize])
}

/// The Arrow type that carries `logical`.
pub fn arrow_type(logical: &LogicalType) -> DataType {
    match logical {
        LogicalType::Bool => DataType::Boolean,
        LogicalType::Int { bits: 8, signed: true } => DataType::Int8,
        LogicalType::Int { bits: 16, signed: true } => DataType::Int16,
        LogicalType::Int { bits: 32, signed: true } => DataType::Int32,
        LogicalType::Int { signed: true, .. } => DataType::Int64,
        LogicalType::Int { bits: 8, .. } => DataType::UInt8,
        LogicalType::Int { bits: 16, .. } => DataType::UInt16,
        LogicalType::Int { bits: 32, .. } => DataType::UInt32,
        LogicalType::Int { .. } => DataType::UInt64,
        // Scale is at most 76 (LogicalType::validate), so it fits i8.
        LogicalType::Decimal { precision, scale } if *precision <= 38 => DataType::Decimal128(*precision, *scale as i8),
        LogicalType::Decimal { precision, scale } => DataType::Decimal256(*precision, *scale as i8),
        LogicalType::Float { bits: 32 } => DataType::Float32,
        LogicalType::Float { .. } => DataType::Float64,
        LogicalType::Date => DataType::Date32,
        LogicalType::Time { .. } => DataType::Time64(TimeUnit::Microsecond),
        LogicalType::TimeTz { .. } => {
            DataType::Struct(fields([("micros", DataType::Int64), ("offset_seconds", DataType::Int32)]))
        }
        LogicalType::Timestamp { .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
        LogicalType::Instant { .. } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        LogicalType::Interval => DataType::Struct(fields([
            ("months", DataType::Int32),
            ("days", DataType::Int32),
            ("micros", DataType::Int64),
        ])),
        LogicalType::Span { .. } => DataType::Int64,
        LogicalType::Year => DataType::Int16,
        LogicalType::Uuid => DataType::FixedSizeBinary(16),
        LogicalType::Set { .. } => DataType::List(item(DataType::Utf8)),
        LogicalType::Bits { length: Some(1..=64), varying: false } => DataType::UInt64,
        LogicalType::List { element } => DataType::List(Arc::new(value_field("item", element))),
        LogicalType::Struct { fields } => {
            DataType::Struct(fields.iter().map(|field| value_field(&field.name, &field.logical)).collect())
        }
        LogicalType::Range { element } => DataType::Struct(Fields::from(vec![
            value_field("lower", element),
            value_field("upper", element),
            Field::new("lower_inclusive", DataType::Boolean, true),
            Field::new("upper_inclusive", DataType::Boolean, true),
            Field::new("empty", DataType::Boolean, true),
        ])),
        LogicalType::Map => {
            let entries =
                Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)]);
            DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entries), false)), false)
        }
        LogicalType::Dynamic => DataType::Struct(fields([
            ("integer", DataType::Int64),
            ("real", DataType::Float64),
            ("text", DataType::Utf8),
            ("bytes", DataType::Binary),
        ])),
        LogicalType::Bytes { .. }
        | LogicalType::Geometry { .. }
        | LogicalType::Opaque { form: crate::logical::OpaqueForm::Binary, .. } => DataType::Binary,
        LogicalType::Numeric
        | LogicalType::Text { .. }
        | LogicalType::Json
        | LogicalType::Enum { .. }
        | LogicalType::Bits { .. }
        | LogicalType::Network { .. }
        | LogicalType::Opaque { .. } => DataType::Utf8,
    }
}

/// The Arrow schema of a collection's batches and of its Parquet file: one field a column, in order.
pub fn schema(collection: &Collection) -> SchemaRef {
    Arc::new(Schema::new(collection.columns.iter().map(field).collect::<Vec<_>>()))
}

/// The Arrow field of a column, with its metadata.
pub fn field(column: &Column) -> Field {
    let mut field = value_field(&column.name, &column.logical);
    let mut metadata = std::mem::take(field.metadata_mut());
    // A logical type is plain data without maps, so it always has a JSON form.
    metadata.insert(META_TYPE, serde_json::to_string(&column.logical).unwrap_or_default());
    metadata.insert(META_NATIVE, column.native.text.clone());
    if column.role == ColumnRole::RowIdentity {
        metadata.insert(META_ROLE, "row-identity");
    }
    field.with_metadata(metadata)
}

/// The logical type of a field: what its metadata says if that agrees with its Arrow type, else what the Arrow type
/// suggests (a file that dbferry did not write).
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`] when metadata and type disagree, [`ErrorKind::Unsupported`] when the Arrow type has no
/// logical type.
pub fn logical_type(field: &Field) -> Result<LogicalType> {
    let Some(text) = field.metadata().get(META_TYPE) else {
        return infer(field).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("the Arrow type {} has no logical type here", field.data_type()))
                .with("column", field.name())
        });
    };
    let damaged = |what: String| Error::new(ErrorKind::ArchiveDamaged, what).with("column", field.name());
    let logical: LogicalType = serde_json::from_str(text)
        .map_err(|error| damaged("the logical type cannot be read".into()).caused_by(error))?;
    logical.validate().map_err(|what| damaged(format!("the logical type is impossible: {what}")))?;
    if !same_shape(&arrow_type(&logical), field.data_type()) {
        return Err(damaged(format!("logical type {logical} does not agree with Arrow type {}", field.data_type())));
    }
    Ok(logical)
}

/// Whether two Arrow types are the same apart from field metadata and the names that Parquet gives to list items.
pub fn same_shape(left: &DataType, right: &DataType) -> bool {
    match (left, right) {
        (DataType::List(left), DataType::List(right)) => same_shape(left.data_type(), right.data_type()),
        (DataType::Map(left, _), DataType::Map(right, _)) => same_shape(left.data_type(), right.data_type()),
        (DataType::Struct(left), DataType::Struct(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same_shape(left.data_type(), right.data_type()))
        }
        _ => left == right,
    }
}

fn value_field(name: &str, logical: &LogicalType) -> Field {
    let mut metadata = HashMap::new();
    match logical {
        LogicalType::Uuid => {
            metadata.insert(EXTENSION_NAME.into(), "arrow.uuid".into());
        }
        LogicalType::Json => {
            metadata.insert(EXTENSION_NAME.into(), "arrow.json".into());
            metadata.insert(EXTENSION_METADATA.into(), String::new());
        }
        _ => {}
    }
    Field::new(name, arrow_type(logical), true).with_metadata(metadata)
}

fn fields<const N: usize>(parts: [(&str, DataType); N]) -> Fields {
    parts.into_iter().map(|(name, data_type)| Field::new(name, data_type, true)).collect()
}

fn item(data_type: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type, true))
}

/// What an Arrow type means that comes from another writer. Its values need not be of the type's own
/// [carrier](arrow_type): a dictionary means its values, milliseconds are kept as microseconds.
fn infer(field: &Field) -> Option<LogicalType> {
    let logical = match infer_extension(field) {
        Some(logical) => logical,
        None => infer_type(field.data_type(), 0)?,
    };
    logical.validate().is_ok().then_some(logical)
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        _ => matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

fn infer_type(data_type: &DataType, depth: usize) -> Option<LogicalType> {
    // Deeper than any logical type may be; whatever comes out is refused there.
    const DEEPEST: usize = 32;
    if depth > DEEPEST {
        return None;
    }
    let nested = |field: &Field| match infer_extension(field) {
        Some(logical) => Some(logical),
        None => infer_type(field.data_type(), depth + 1),
    };
    let int = |bits, signed| LogicalType::Int { bits, signed };
    let precision = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond | TimeUnit::Nanosecond => 6,
    };
    Some(match data_type {
        // Nothing but nulls.
        DataType::Null => LogicalType::TEXT,
        DataType::Boolean => LogicalType::Bool,
        DataType::Int8 => int(8, true),
        DataType::Int16 => int(16, true),
        DataType::Int32 => int(32, true),
        DataType::Int64 => int(64, true),
        DataType::UInt8 => int(8, false),
        DataType::UInt16 => int(16, false),
        DataType::UInt32 => int(32, false),
        DataType::UInt64 => int(64, false),
        DataType::Float16 | DataType::Float32 => LogicalType::Float { bits: 32 },
        DataType::Float64 => LogicalType::FLOAT64,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => infer_decimal(*precision, *scale)?,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => LogicalType::TEXT,
        DataType::FixedSizeBinary(width) => {
            LogicalType::Bytes { max_bytes: Some(u64::try_from(*width).ok()?), fixed: true }
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => LogicalType::BYTES,
        DataType::Date32 | DataType::Date64 => LogicalType::Date,
        DataType::Time32(unit) | DataType::Time64(unit) => LogicalType::Time { precision: precision(unit) },
        DataType::Timestamp(unit, None) => LogicalType::Timestamp { precision: precision(unit) },
        DataType::Timestamp(unit, Some(_)) => LogicalType::Instant { precision: precision(unit) },
        DataType::Duration(unit) => LogicalType::Span { precision: precision(unit) },
        DataType::Interval(_) => LogicalType::Interval,
        DataType::Dictionary(_, values) => infer_type(values, depth + 1)?,
        DataType::RunEndEncoded(_, values) => nested(values)?,
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::LargeListView(element)
        | DataType::FixedSizeList(element, _) => LogicalType::List { element: Box::new(nested(element)?) },
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(parts) => match parts.as_ref() {
                [key, value] if is_text(key.data_type()) && is_text(value.data_type()) => LogicalType::Map,
                // Other keys and values than texts: the entries as they are.
                parts => LogicalType::List { element: Box::new(infer_struct(parts, nested)?) },
            },
            _ => return None,
        },
        DataType::Struct(parts) => infer_struct(parts, nested)?,
        _ => return None,
    })
}

fn infer_extension(field: &Field) -> Option<LogicalType> {
    let extension = field.metadata().get(EXTENSION_NAME)?;
    match extension.as_str() {
        "arrow.json" if is_text(field.data_type()) => Some(LogicalType::Json),
        "arrow.uuid" if *field.data_type() == DataType::FixedSizeBinary(16) => Some(LogicalType::Uuid),
        _ => None,
    }
}

/// A decimal with a scale outside 0 up to the precision gets the zeros that its digits need.
fn infer_decimal(precision: u8, scale: i8) -> Option<LogicalType> {
    let (precision, scale) = match u8::try_from(scale) {
        Ok(scale) => (precision.max(scale), scale),
        Err(_) => (precision.checked_add(scale.unsigned_abs())?, 0),
    };
    Some(LogicalType::Decimal { precision, scale })
}

fn infer_struct<F: AsRef<Field>>(parts: &[F], nested: impl Fn(&Field) -> Option<LogicalType>) -> Option<LogicalType> {
    if parts.is_empty() {
        return None;
    }
    let field = |part: &F| {
        let part = part.as_ref();
        Some(StructField { name: part.name().clone(), logical: nested(part)? })
    };
    Some(LogicalType::Struct { fields: parts.iter().map(field).collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logical::{NetworkKind, OpaqueForm};

    fn every_type() -> Vec<LogicalType> {
        let mut types = vec![
            LogicalType::Bool,
            LogicalType::Decimal { precision: 10, scale: 2 },
            LogicalType::Decimal { precision: 76, scale: 76 },
            LogicalType::Numeric,
            LogicalType::Float { bits: 32 },
            LogicalType::FLOAT64,
            LogicalType::Text { max_chars: Some(3), fixed: true },
            LogicalType::BYTES,
            LogicalType::Date,
            LogicalType::Time { precision: 6 },
            LogicalType::TimeTz { precision: 0 },
            LogicalType::Timestamp { precision: 3 },
            LogicalType::Instant { precision: 6 },
            LogicalType::Interval,
            LogicalType::Span { precision: 6 },
            LogicalType::Year,
            LogicalType::Uuid,
            LogicalType::Json,
            LogicalType::Enum { labels: vec!["a".into(), "b".into()] },
            LogicalType::Set { labels: vec!["a".into()] },
            LogicalType::Bits { length: Some(64), varying: false },
            LogicalType::Bits { length: Some(65), varying: false },
            LogicalType::Bits { length: None, varying: true },
            LogicalType::Network { kind: NetworkKind::Inet },
            LogicalType::Geometry { srid: Some(4326), kind: Some("point".into()), geodesic: true },
            LogicalType::List { element: Box::new(LogicalType::List { element: Box::new(LogicalType::Uuid) }) },
            LogicalType::Struct { fields: vec![StructField { name: "x".into(), logical: LogicalType::Json }] },
            LogicalType::Range { element: Box::new(LogicalType::Date) },
            LogicalType::Map,
            LogicalType::Dynamic,
            LogicalType::Opaque { dialect: "postgres".into(), native: "xml".into(), form: OpaqueForm::Text },
            LogicalType::Opaque { dialect: "postgres".into(), native: "cube".into(), form: OpaqueForm::Binary },
        ];
        for bits in [8, 16, 32, 64] {
            types.extend([true, false].map(|signed| LogicalType::Int { bits, signed }));
        }
        types
    }

    #[test]
    fn every_type_survives_its_field() {
        for logical in every_type() {
            let column = Column::new("c", logical.clone(), "native");
            assert_eq!(logical_type(&field(&column)).expect("a logical type"), logical);
        }
    }

    #[test]
    fn a_field_that_lies_is_refused() {
        let field = field(&Column::new("c", LogicalType::Date, "date")).with_data_type(DataType::Int64);
        assert_eq!(logical_type(&field).expect_err("a lie").kind(), ErrorKind::ArchiveDamaged);
    }

    #[test]
    fn foreign_fields_are_understood() {
        let list = |element: LogicalType| LogicalType::List { element: Box::new(element) };
        let decimal = |precision, scale| LogicalType::Decimal { precision, scale };
        let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
        let dictionary = |values| DataType::Dictionary(Box::new(DataType::Int8), Box::new(values));
        let map = |value: DataType| {
            let entries =
                Fields::from(vec![Field::new("key", DataType::LargeUtf8, false), Field::new("value", value, true)]);
            DataType::Map(field("entries", DataType::Struct(entries)), false)
        };
        let entry = |logical| LogicalType::Struct {
            fields: vec![
                StructField { name: "key".into(), logical: LogicalType::TEXT },
                StructField { name: "value".into(), logical },
            ],
        };
        for (data_type, expected) in [
            (DataType::Null, LogicalType::TEXT),
            (DataType::Float16, LogicalType::Float { bits: 32 }),
            (DataType::Decimal128(12, 4), decimal(12, 4)),
            (DataType::Decimal32(5, -3), decimal(8, 0)),
            (DataType::Decimal64(2, 5), decimal(5, 5)),
            (DataType::Decimal256(76, 0), decimal(76, 0)),
            (DataType::Utf8View, LogicalType::TEXT),
            (dictionary(DataType::LargeUtf8), LogicalType::TEXT),
            (DataType::FixedSizeBinary(16), LogicalType::Bytes { max_bytes: Some(16), fixed: true }),
            (DataType::Date64, LogicalType::Date),
            (DataType::Time32(TimeUnit::Millisecond), LogicalType::Time { precision: 3 }),
            (DataType::Time64(TimeUnit::Nanosecond), LogicalType::Time { precision: 6 }),
            (DataType::Timestamp(TimeUnit::Second, None), LogicalType::Timestamp { precision: 0 }),
            (
                DataType::Timestamp(TimeUnit::Nanosecond, Some("Asia/Tokyo".into())),
                LogicalType::Instant { precision: 6 },
            ),
            (DataType::Duration(TimeUnit::Second), LogicalType::Span { precision: 0 }),
            (DataType::LargeList(field("x", DataType::UInt8)), list(LogicalType::Int { bits: 8, signed: false })),
            (DataType::FixedSizeList(field("x", DataType::Boolean), 2), list(LogicalType::Bool)),
            (map(DataType::Utf8), LogicalType::Map),
            (map(DataType::Int64), list(entry(LogicalType::INT64))),
        ] {
            let found = logical_type(&Field::new("c", data_type.clone(), false)).expect("a type");
            assert_eq!(found, expected, "{data_type}");
        }
        let json = HashMap::from([(EXTENSION_NAME.to_owned(), "arrow.json".to_owned())]);
        let json = Field::new("c", dictionary(DataType::Utf8), true).with_metadata(json);
        assert_eq!(logical_type(&json).expect("a type"), LogicalType::Json);
    }

    #[test]
    fn foreign_fields_without_a_meaning_are_refused() {
        let deep = (0..40).fold(DataType::Int8, |inner, _| DataType::List(item(inner)));
        for data_type in [
            DataType::Decimal128(38, -39),
            DataType::Decimal256(76, -1),
            DataType::Struct(Fields::empty()),
            DataType::Union(arrow::datatypes::UnionFields::empty(), arrow::datatypes::UnionMode::Dense),
            deep,
        ] {
            let error = logical_type(&Field::new("c", data_type.clone(), false)).expect_err("no type");
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{data_type}");
        }
    }
}
