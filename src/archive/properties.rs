//! How a collection's Parquet file is encoded. Nothing here may depend on anything but the collection and the options:
//! the same data and options give the same bytes.

use super::options::WriteOptions;
use super::parquet_error;
use dbferry_dialect::model::{ColumnRole, IndexSubject};
use dbferry_dialect::{Collection, Result};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Encoding, LogicalType, Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnDescriptor;

/// What Parquet's `created_by` says. It names the format, not the build, since builds must not change bytes.
pub(super) const CREATED_BY: &str = "dbferry archive version 1";

/// How a column of a row group is written; its first rows decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With a dictionary, where the collection lets it have one. What is left takes little effort.
    Dictionary,
    /// As it is, with little effort.
    Light,
    /// As it is, with all effort.
    Full,
}

impl Way {
    /// In their order.
    pub(super) const ALL: [Self; 3] = [Self::Dictionary, Self::Light, Self::Full];
}

/// The properties of the file with a collection's rows.
///
/// Numbers are packed as the differences from one to the next, texts and bytes are kept apart from their lengths: both are
/// smaller than the plain form before anything is compressed, which is where the time goes. A dictionary stands in front of
/// them where the rows say that it pays ([`repetition`](super::repetition)), and never in columns that are unique by
/// themselves. In nested values only texts, days and small numbers have one. The level of compression is what pays
/// ([`effort`](super::effort)), unless the caller says it.
pub(super) fn rows(collection: &Collection, options: &WriteOptions, way: Way) -> Result<WriterProperties> {
    let schema = dbferry_dialect::carrier::schema(collection);
    let descriptor = ArrowSchemaConverter::new()
        .convert(&schema)
        .map_err(|error| parquet_error("the columns have no Parquet form", error))?;
    let unique: Vec<bool> = collection.columns.iter().map(|column| is_unique(collection, &column.name)).collect();
    let mut builder = common(options)?.set_dictionary_enabled(false);
    if way != Way::Full {
        builder = builder.set_compression(options.compression.light_codec()?);
    }
    for (position, leaf) in descriptor.columns().iter().enumerate() {
        let root = descriptor.get_column_root_idx(position);
        let is_nested = leaf.path().parts().len() > 1;
        let pays = !unique.get(root).copied().unwrap_or_default() && (!is_nested || repeats(leaf));
        if pays && way == Way::Dictionary {
            builder = builder.set_column_dictionary_enabled(leaf.path().clone(), true);
        }
        let encoding = match leaf.physical_type() {
            Type::INT32 | Type::INT64 => Encoding::DELTA_BINARY_PACKED,
            Type::BYTE_ARRAY => Encoding::DELTA_LENGTH_BYTE_ARRAY,
            _ => continue,
        };
        builder = builder.set_column_encoding(leaf.path().clone(), encoding);
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
    fn dictionaries_are_where_values_can_repeat() {
        let list = |element| LogicalType::List { element: Box::new(element) };
        let columns = [
            ("id", LogicalType::TEXT, false),
            ("city", LogicalType::TEXT, true),
            ("amount", LogicalType::FLOAT64, true),
            ("code", LogicalType::Uuid, true),
            ("number", LogicalType::INT64, true),
            ("a.b", LogicalType::Json, true),
            ("tags", list(LogicalType::TEXT), true),
            ("numbers", list(LogicalType::INT64), false),
        ];
        let mut collection = Collection::table(
            CollectionName::new("main", "t"),
            columns.iter().map(|(name, logical, _)| Column::new(*name, logical.clone(), "")).collect(),
        );
        collection.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
        let [on, light, off] =
            Way::ALL.map(|way| rows(&collection, &WriteOptions::default(), way).expect("properties"));
        for (name, logical, expected) in columns {
            let nested = matches!(logical, LogicalType::List { .. });
            let path = [name, "list", "item"].into_iter().take(if nested { 3 } else { 1 }).map(str::to_owned);
            let path = ColumnPath::new(path.collect());
            assert_eq!(on.dictionary_enabled(&path), expected, "{name}");
            assert!(!off.dictionary_enabled(&path), "{name}");
            assert!(!light.dictionary_enabled(&path), "{name}");
            assert_eq!(on.encoding(&path), off.encoding(&path), "{name}");
            assert_eq!(light.compression(&path), on.compression(&path), "{name}");
            assert_ne!(light.compression(&path), off.compression(&path), "{name}");
        }
    }
}
