//! How a collection's Parquet file is encoded. Nothing here may depend on anything but the collection and the options:
//! the same data and options give the same bytes.

use super::options::WriteOptions;
use super::parquet_error;
use dbferry_dialect::model::{ColumnRole, IndexSubject};
use dbferry_dialect::{Collection, Result};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{LogicalType, Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnDescriptor;

/// What Parquet's `created_by` says. It names the format, not the build, since builds must not change bytes.
pub(super) const CREATED_BY: &str = "dbferry archive version 1";

/// The properties of the file with a collection's rows.
///
/// Dictionaries are on where values repeat in practice: texts, small numbers and days. They are off for floats, UUIDs,
/// bytes and plain numbers, and for columns that are unique by themselves, where they cost time and save nothing.
pub(super) fn rows(collection: &Collection, options: &WriteOptions) -> Result<WriterProperties> {
    let schema = dbferry_dialect::carrier::schema(collection);
    let descriptor = ArrowSchemaConverter::new()
        .convert(&schema)
        .map_err(|error| parquet_error("the columns have no Parquet form", error))?;
    let unique: Vec<bool> = collection.columns.iter().map(|column| is_unique(collection, &column.name)).collect();
    let mut builder = common(options)?.set_dictionary_enabled(false);
    for (position, leaf) in descriptor.columns().iter().enumerate() {
        let root = descriptor.get_column_root_idx(position);
        if !unique.get(root).copied().unwrap_or_default() && repeats(leaf) {
            builder = builder.set_column_dictionary_enabled(leaf.path().clone(), true);
        }
    }
    Ok(builder.build())
}

/// The properties of the file with a collection's exceptions.
pub(super) fn exceptions(options: &WriteOptions) -> Result<WriterProperties> {
    Ok(common(options)?.set_max_row_group_bytes(Some(options.row_group_bytes.max(1))).build())
}

fn common(options: &WriteOptions) -> Result<WriterPropertiesBuilder> {
    Ok(WriterProperties::builder()
        .set_created_by(CREATED_BY.into())
        .set_compression(options.compression.codec()?)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // Nobody looks for single pages: a restore reads row groups whole.
        .set_offset_index_disabled(true))
}

fn repeats(leaf: &ColumnDescriptor) -> bool {
    match (leaf.physical_type(), leaf.logical_type_ref()) {
        (Type::BYTE_ARRAY, Some(LogicalType::String | LogicalType::Json)) => true,
        (Type::INT32, Some(LogicalType::Date)) => true,
        (Type::INT32, Some(LogicalType::Integer(integer))) => integer.bit_width <= 16,
        _ => false,
    }
}

/// Whether no two rows share a value of this column.
fn is_unique(collection: &Collection, name: &str) -> bool {
    let role = collection.column(name).is_some_and(|(_, column)| column.role == ColumnRole::RowIdentity);
    let key = collection
        .primary_key
        .iter()
        .chain(&collection.unique_keys)
        .any(|key| matches!(key.columns.as_slice(), [column] if column == name));
    let index = collection.indexes.iter().any(|index| {
        let part = index.parts.as_slice();
        index.unique
            && index.predicate.is_none()
            && matches!(part, [part] if part.subject == IndexSubject::Column(name.into()))
    });
    role || key || index
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::model::Key;
    use dbferry_dialect::{CollectionName, Column, LogicalType};
    use parquet::schema::types::ColumnPath;

    #[test]
    fn dictionaries_are_where_values_repeat() {
        let columns = [
            ("id", LogicalType::TEXT, false),
            ("city", LogicalType::TEXT, true),
            ("day", LogicalType::Date, true),
            ("year", LogicalType::Year, true),
            ("amount", LogicalType::FLOAT64, false),
            ("code", LogicalType::Uuid, false),
            ("blob", LogicalType::BYTES, false),
            ("number", LogicalType::INT64, false),
            ("a.b", LogicalType::Json, true),
        ];
        let mut collection = Collection::table(
            CollectionName::new("main", "t"),
            columns.iter().map(|(name, logical, _)| Column::new(*name, logical.clone(), "")).collect(),
        );
        collection.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
        let properties = rows(&collection, &WriteOptions::default()).expect("properties");
        for (name, _, expected) in columns {
            let path = ColumnPath::new(vec![name.into()]);
            assert_eq!(properties.dictionary_enabled(&path), expected, "{name}");
        }
    }
}
