//! The columns of another writer's Parquet file, and the types that its values are decoded as.
//!
//! What a column means is told by the file's Arrow schema, if its writer left one, and by the Parquet annotations. How it
//! is decoded is decided here alone: texts and bytes as views of their pages, intervals as the bytes that they are.

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use dbferry_dialect::carrier::logical_type;
use dbferry_dialect::{Column, Error, ErrorKind, LogicalType, Result};
use parquet::basic::{ConvertedType, EdgeInterpolationAlgorithm, LogicalType as Annotation, Type as Physical};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, ParquetMetaDataBuilder};
use parquet::schema::types::{SchemaDescPtr, SchemaDescriptor, Type, TypePtr};
use std::sync::Arc;

/// What the schema of geometries is when they do not say.
const WGS_84: i32 = 4326;

/// How a file is decoded.
#[derive(Debug)]
pub(super) struct ReadingSchema {
    /// The Parquet schema without the annotations that are not wanted.
    pub(super) descriptor: SchemaDescPtr,
    /// The Arrow types.
    pub(super) schema: SchemaRef,
    /// The columns of INT96.
    pub(super) int96: Vec<usize>,
    /// The same with the INT96 columns in nanoseconds, if there are any.
    pub(super) nanoseconds: Option<SchemaRef>,
}

/// What the columns mean.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a file without columns, a name that two columns have, and a type that means nothing here.
pub(super) fn columns(root: &Type, schema: &Schema) -> Result<Vec<Column>> {
    if schema.fields().is_empty() {
        return Err(Error::new(ErrorKind::Unsupported, "the file has no columns"));
    }
    let mut columns: Vec<Column> = Vec::with_capacity(schema.fields().len());
    let mut names = std::collections::HashSet::new();
    for (field, parquet) in schema.fields().iter().zip(root.get_fields()) {
        let within = |error: Error| error.with("column", field.name());
        if !names.insert(field.name().as_str()) {
            return Err(within(Error::new(ErrorKind::Unsupported, "two columns have the same name")));
        }
        let mut column = Column::new(field.name(), meaning(field, parquet).map_err(within)?, native(field, parquet));
        column.nullable = field.is_nullable();
        columns.push(column);
    }
    Ok(columns)
}

fn meaning(field: &Field, parquet: &Type) -> Result<LogicalType> {
    if parquet.is_group() && holds_int96(parquet) {
        let what = "an INT96 timestamp inside a list or a structure cannot be read";
        return Err(Error::new(ErrorKind::Unsupported, what).hint("write it as TIMESTAMP(MICROS)"));
    }
    let inferred = logical_type(field)?;
    // What stands in the metadata of our own files is more than an annotation can say.
    if !matches!(inferred, LogicalType::Bytes { max_bytes: None, .. }) {
        return Ok(inferred);
    }
    let info = parquet.get_basic_info();
    Ok(match info.logical_type_ref() {
        Some(Annotation::Enum) => LogicalType::TEXT,
        None if info.converted_type() == ConvertedType::ENUM => LogicalType::TEXT,
        Some(Annotation::Geometry(geometry)) => {
            LogicalType::Geometry { srid: srid(geometry.crs.as_deref()), kind: None, geodesic: false }
        }
        Some(Annotation::Geography(geography)) => {
            let spherical =
                geography.algorithm().is_none_or(|algorithm| algorithm == EdgeInterpolationAlgorithm::SPHERICAL);
            if !spherical {
                let what = "a geography whose edges are not spherical has no form here";
                return Err(Error::new(ErrorKind::Unsupported, what).hint("write the column as plain WKB bytes"));
            }
            LogicalType::Geometry { srid: srid(geography.crs.as_deref()), kind: None, geodesic: true }
        }
        _ => inferred,
    })
}

/// The number of a coordinate reference system, where its text has one.
fn srid(crs: Option<&str>) -> Option<i32> {
    let Some(crs) = crs else { return Some(WGS_84) };
    if crs == "OGC:CRS84" {
        return Some(WGS_84);
    }
    let number = crs.strip_prefix("EPSG:").or_else(|| crs.strip_prefix("srid:"))?;
    number.parse().ok().filter(|number| *number != 0)
}

/// The type as the file spells it.
fn native(field: &Field, parquet: &Type) -> String {
    let physical = parquet.is_primitive().then(|| parquet.get_physical_type());
    let info = parquet.get_basic_info();
    match (physical, info.logical_type_ref(), info.converted_type()) {
        (Some(Physical::INT96), ..) => "INT96".into(),
        (_, _, ConvertedType::INTERVAL) => "INTERVAL".into(),
        (_, Some(Annotation::Enum), _) | (_, None, ConvertedType::ENUM) => "ENUM".into(),
        (_, Some(Annotation::Bson), _) | (_, None, ConvertedType::BSON) => "BSON".into(),
        (_, Some(Annotation::Geometry(_)), _) => "GEOMETRY".into(),
        (_, Some(Annotation::Geography(_)), _) => "GEOGRAPHY".into(),
        _ => field.data_type().to_string(),
    }
}

/// Whether a part of a group is of INT96, whose values need a second look, which is only taken at whole columns.
fn holds_int96(parquet: &Type) -> bool {
    parquet
        .get_fields()
        .iter()
        .any(|part| if part.is_group() { holds_int96(part) } else { part.get_physical_type() == Physical::INT96 })
}

fn is_interval(parquet: &Type) -> bool {
    parquet.get_basic_info().converted_type() == ConvertedType::INTERVAL
}

/// How a file of these columns is decoded.
pub(super) fn reading(descriptor: &SchemaDescriptor, schema: &Schema) -> Result<ReadingSchema, ParquetError> {
    let root = descriptor.root_schema();
    let stripped = root.get_fields().iter().map(strip).collect::<Result<Vec<_>, _>>()?;
    let root_type = Type::group_type_builder(root.name()).with_fields(stripped).build()?;
    let int96 = root.get_fields().iter().enumerate().filter_map(|(position, parquet)| {
        (parquet.is_primitive() && parquet.get_physical_type() == Physical::INT96).then_some(position)
    });
    let int96: Vec<usize> = int96.collect();
    let with = |unit: TimeUnit| {
        let fields = schema.fields().iter().enumerate().map(|(position, field)| {
            let data_type = match field.data_type() {
                DataType::Timestamp(_, _) if int96.contains(&position) => DataType::Timestamp(unit, None),
                other => decoded(other),
            };
            Field::new(field.name(), data_type, field.is_nullable())
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    };
    Ok(ReadingSchema {
        descriptor: Arc::new(SchemaDescriptor::new(Arc::new(root_type))),
        schema: with(TimeUnit::Microsecond),
        nanoseconds: (!int96.is_empty()).then(|| with(TimeUnit::Nanosecond)),
        int96,
    })
}

/// The same metadata under another schema of the same leaves.
pub(super) fn with_schema(metadata: &ParquetMetaData, descriptor: SchemaDescPtr) -> ParquetMetaData {
    let file = metadata.file_metadata();
    let created_by = file.created_by().map(str::to_owned);
    let facts = file.key_value_metadata().cloned();
    let file = FileMetaData::new(file.version(), file.num_rows(), created_by, facts, descriptor, None);
    ParquetMetaDataBuilder::new(file).set_row_groups(metadata.row_groups().to_vec()).build()
}

/// The type without field numbers, and without the annotations of texts, identifiers and intervals.
fn strip(parquet: &TypePtr) -> Result<TypePtr, ParquetError> {
    let info = parquet.get_basic_info();
    if parquet.is_group() {
        let fields = parquet.get_fields().iter().map(strip).collect::<Result<Vec<_>, _>>()?;
        let mut group = Type::group_type_builder(parquet.name())
            .with_converted_type(info.converted_type())
            .with_logical_type(info.logical_type_ref().cloned())
            .with_fields(fields);
        if info.has_repetition() {
            group = group.with_repetition(info.repetition());
        }
        return Ok(Arc::new(group.build()?));
    }
    let Type::PrimitiveType { physical_type, type_length, scale, precision, .. } = parquet.as_ref() else {
        return Ok(Arc::clone(parquet));
    };
    let is_decimal = info.converted_type() == ConvertedType::DECIMAL
        || matches!(info.logical_type_ref(), Some(Annotation::Decimal(_)));
    let is_void = matches!(info.logical_type_ref(), Some(Annotation::Unknown));
    let plain = match physical_type {
        Physical::BYTE_ARRAY => !is_decimal && !is_void,
        Physical::FIXED_LEN_BYTE_ARRAY => {
            is_interval(parquet) || matches!(info.logical_type_ref(), Some(Annotation::Uuid))
        }
        _ => false,
    };
    let mut leaf = Type::primitive_type_builder(parquet.name(), *physical_type)
        .with_repetition(info.repetition())
        .with_length(*type_length);
    if !plain {
        leaf = leaf
            .with_converted_type(info.converted_type())
            .with_logical_type(info.logical_type_ref().cloned())
            .with_scale(*scale)
            .with_precision(*precision);
    }
    Ok(Arc::new(leaf.build()?))
}

/// The type that values of `data_type` are decoded as.
fn decoded(data_type: &DataType) -> DataType {
    let part = |field: &FieldRef| Arc::new(Field::new(field.name(), decoded(field.data_type()), field.is_nullable()));
    match data_type {
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => DataType::BinaryView,
        DataType::Interval(_) => DataType::FixedSizeBinary(12),
        DataType::Dictionary(_, values) => decoded(values),
        DataType::RunEndEncoded(_, values) => decoded(values.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => DataType::List(part(item)),
        DataType::Map(entries, sorted) => DataType::Map(part(entries), *sorted),
        DataType::Struct(parts) => DataType::Struct(parts.iter().map(part).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(annotation: Annotation) -> Result<LogicalType> {
        let parquet = Type::primitive_type_builder("g", Physical::BYTE_ARRAY)
            .with_logical_type(Some(annotation))
            .build()
            .expect("a type");
        meaning(&Field::new("g", DataType::Binary, true), &parquet)
    }

    #[test]
    fn geometries_keep_their_reference_system() {
        let geometry = |srid, geodesic| LogicalType::Geometry { srid, kind: None, geodesic };
        for (crs, srid) in [
            (None, Some(4326)),
            (Some("OGC:CRS84"), Some(4326)),
            (Some("EPSG:2154"), Some(2154)),
            (Some("srid:3857"), Some(3857)),
            (Some("srid:0"), None),
            (Some("projjson:of-a-key"), None),
        ] {
            let crs = crs.map(str::to_owned);
            assert_eq!(meaning_of(Annotation::geometry(crs.clone())).ok(), Some(geometry(srid, false)));
            assert_eq!(meaning_of(Annotation::geography(crs, None)).ok(), Some(geometry(srid, true)));
        }
        let flat = Annotation::geography(None, Some(EdgeInterpolationAlgorithm::VINCENTY));
        assert_eq!(meaning_of(flat).expect_err("other edges").kind(), ErrorKind::Unsupported);
        assert_eq!(meaning_of(Annotation::Enum).ok(), Some(LogicalType::TEXT));
        assert_eq!(meaning_of(Annotation::Bson).ok(), Some(LogicalType::BYTES));
    }

    #[test]
    fn what_needs_a_second_look_is_refused_inside_of_others() {
        let message = "message m { optional group g { optional int96 a; } }";
        let root = parquet::schema::parser::parse_message_type(message).expect("a schema");
        let parts = vec![Field::new("a", DataType::Timestamp(TimeUnit::Nanosecond, None), true)];
        let field = Field::new("g", DataType::Struct(parts.into()), true);
        let error = columns(&root, &Schema::new(vec![field])).expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
