//! Collections, rows and archives for the tests of this module.

use super::disk::Disk;
use super::manifest::{FileEntry, hash_text};
use super::*;
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, MapArray, RecordBatch,
    StringArray, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, TimeUnit, i256};
use dbferry_dialect::exception::{Exception, ExceptionReason, NativeValue};
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::logical::{NetworkKind, OpaqueForm, StructField};
use dbferry_dialect::model::{ColumnRole, Key, NativeObject, NotCarried, ObjectKind};
use dbferry_dialect::{Batch, Collection, CollectionName, Column, Consistency, DatabaseInfo, LogicalType, carrier};
use std::path::Path;
use std::sync::Arc;

/// One of each logical type.
pub(super) fn every_type() -> Vec<LogicalType> {
    let mut types = vec![
        LogicalType::Bool,
        LogicalType::Decimal { precision: 10, scale: 2 },
        LogicalType::Decimal { precision: 38, scale: 0 },
        LogicalType::Decimal { precision: 76, scale: 76 },
        LogicalType::Numeric,
        LogicalType::Float { bits: 32 },
        LogicalType::FLOAT64,
        LogicalType::TEXT,
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
        LogicalType::Struct {
            fields: vec![
                StructField { name: "x".into(), logical: LogicalType::Json },
                StructField { name: "y".into(), logical: LogicalType::Date },
            ],
        },
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

/// A collection with a column of each logical type.
pub(super) fn wide(name: &str) -> Collection {
    let columns = every_type().into_iter().enumerate();
    let columns = columns.map(|(index, logical)| Column::new(format!("c{index}.{logical}"), logical, "NATIVE(1)"));
    Collection::table(CollectionName::new("main", name), columns.collect())
}

/// A collection with a row identity, a key, a text and a number.
pub(super) fn narrow(name: &str) -> Collection {
    let mut collection = Collection::table(
        CollectionName::new("main", name),
        vec![
            Column::new("rowid", LogicalType::INT64, ""),
            Column::new("id", LogicalType::INT64, "INTEGER"),
            Column::new("name", LogicalType::TEXT, "TEXT"),
            Column::new("amount", LogicalType::FLOAT64, "REAL"),
        ],
    );
    collection.columns[0].role = ColumnRole::RowIdentity;
    collection.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
    collection
}

/// Rows `from..from + rows` of a collection: every kind of edge, and a null in every fifth cell. Where the first or the
/// third column is null, every other time it is an exception.
pub(super) fn batch(collection: &Collection, from: usize, rows: usize) -> Batch {
    let schema = carrier::schema(collection);
    let fields = schema.fields().iter().enumerate();
    let columns = fields.map(|(index, field)| array(field, from + index, rows)).collect();
    let records = RecordBatch::try_new(schema, columns).expect("a batch");
    let mut exceptions = Vec::new();
    for row in 0..rows {
        for column in [0, 2] {
            if records.column(column).is_null(row) && (from + row).is_multiple_of(2) {
                let number = from + row + column;
                exceptions.push(Exception {
                    row: row as u64,
                    column: column as u32,
                    reason: ExceptionReason::ALL[number % 10],
                    value: match number % 5 {
                        0 => NativeValue::Integer(number as i64 - 1000),
                        1 => NativeValue::Real(number as f64 / 3.0),
                        2 => NativeValue::Text(format!("não {number}\0")),
                        3 => NativeValue::TextBytes(vec![0xff, number as u8]),
                        _ => NativeValue::Bytes(vec![number as u8; number % 40]),
                    },
                });
            }
        }
    }
    Batch { records, exceptions }
}

/// What [`write_on`] writes for row groups of these many rows, as one batch.
pub(super) fn batches(collection: &Collection, row_groups: &[usize]) -> Batch {
    let (mut records, mut exceptions, mut from) = (Vec::new(), Vec::new(), 0);
    for rows in row_groups {
        let batch = batch(collection, from, *rows);
        records.push(batch.records);
        exceptions.extend(batch.exceptions.into_iter().map(|mut exception| {
            exception.row += from as u64;
            exception
        }));
        from += rows;
    }
    let records = arrow::compute::concat_batches(&carrier::schema(collection), &records).expect("a batch");
    Batch { records, exceptions }
}

fn nulls(seed: usize, rows: usize) -> NullBuffer {
    (0..rows).map(|row| !(seed + row).is_multiple_of(5)).collect()
}

fn array(field: &Field, seed: usize, rows: usize) -> ArrayRef {
    let json = field.extension_type_name() == Some("arrow.json");
    let numbers = || (seed..seed + rows).map(|number| (!number.is_multiple_of(5)).then_some(number as i64 * 7919 - 13));
    macro_rules! integers {
        ($array:ty, $native:ty) => {
            Arc::new(
                numbers()
                    .map(|number| {
                        number.map(|number| match number % 11 {
                            1 => <$native>::MAX,
                            2 => <$native>::MIN,
                            _ => number as $native,
                        })
                    })
                    .collect::<$array>(),
            ) as ArrayRef
        };
    }
    let texts = || {
        numbers().map(|number| {
            number.map(|number| match number % 7 {
                0 => String::new(),
                1 => "a\0b".into(),
                2 => "🦀 ñandú".into(),
                3 => "x".repeat(300),
                _ => format!("value {}", number % 13),
            })
        })
    };
    match field.data_type() {
        DataType::Utf8 if json => {
            let quoted = texts().map(|text| text.map(|text| serde_json::to_string(&text).expect("a JSON text")));
            Arc::new(quoted.collect::<StringArray>())
        }
        DataType::Boolean => Arc::new(numbers().map(|n| n.map(|n| n % 2 == 0)).collect::<BooleanArray>()),
        DataType::Int8 => integers!(Int8Array, i8),
        DataType::Int16 => integers!(Int16Array, i16),
        DataType::Int32 => integers!(Int32Array, i32),
        DataType::Int64 => integers!(Int64Array, i64),
        DataType::UInt8 => integers!(UInt8Array, u8),
        DataType::UInt16 => integers!(UInt16Array, u16),
        DataType::UInt32 => integers!(UInt32Array, u32),
        DataType::UInt64 => integers!(UInt64Array, u64),
        DataType::Date32 => integers!(Date32Array, i32),
        DataType::Float32 => Arc::new(
            numbers()
                .map(|n| n.map(|n| [f32::NAN, -0.0, f32::INFINITY, n as f32 / 3.0][n as usize % 4]))
                .collect::<Float32Array>(),
        ),
        DataType::Float64 => {
            let odd = f64::from_bits(0x7ff8_0000_dead_beef);
            Arc::new(
                numbers()
                    .map(|n| n.map(|n| [odd, -0.0, f64::MIN_POSITIVE / 2.0, n as f64 / 3.0][n as usize % 4]))
                    .collect::<Float64Array>(),
            )
        }
        DataType::Decimal128(precision, scale) => {
            let most = 10_i128.pow((*precision).into()) - 1;
            let values = numbers().map(|n| n.map(|n| if n % 2 == 0 { -most } else { n.into() }));
            let values: Decimal128Array = values.collect();
            Arc::new(values.with_precision_and_scale(*precision, *scale).expect("a decimal"))
        }
        DataType::Decimal256(precision, scale) => {
            let values = numbers().map(|n| n.map(|n| i256::from_parts(u128::MAX, (n % 2).into())));
            let values: Decimal256Array = values.collect();
            Arc::new(values.with_precision_and_scale(*precision, *scale).expect("a decimal"))
        }
        DataType::Utf8 => Arc::new(texts().collect::<StringArray>()),
        DataType::Binary => Arc::new(texts().map(|text| text.map(String::into_bytes)).collect::<BinaryArray>()),
        DataType::FixedSizeBinary(16) => {
            let values = numbers().map(|n| n.map(|n| i128::from(n).to_be_bytes()));
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, 16).expect("uuids"))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            Arc::new(numbers().map(|n| n.map(|n| n.rem_euclid(86_400_000_000))).collect::<Time64MicrosecondArray>())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => Arc::new(
            numbers()
                .map(|n| n.map(|n| n * 1_000_000_007))
                .collect::<TimestampMicrosecondArray>()
                .with_timezone_opt(zone.clone()),
        ),
        DataType::List(element) => {
            let nulls = nulls(seed, rows);
            let lengths: Vec<usize> =
                (0..rows).map(|row| if nulls.is_null(row) { 0 } else { (seed + row) % 3 }).collect();
            let values = array(element, seed, lengths.iter().sum());
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(ListArray::new(Arc::clone(element), offsets, values, Some(nulls)))
        }
        DataType::Struct(fields) => {
            let parts = fields.iter().enumerate();
            let parts = parts.map(|(index, field)| array(field, seed + 2 * index, rows)).collect();
            Arc::new(StructArray::new(fields.clone(), parts, Some(nulls(seed, rows))))
        }
        DataType::Map(entries, sorted) => {
            let DataType::Struct(fields) = entries.data_type() else { panic!("a map of {entries:?}") };
            let nulls = nulls(seed, rows);
            let lengths: Vec<usize> =
                (0..rows).map(|row| if nulls.is_null(row) { 0 } else { (seed + row) % 4 }).collect();
            let total: usize = lengths.iter().sum();
            let keys: StringArray = (0..total).map(|key| Some(format!("k{key}"))).collect();
            let values = array(&fields[1], seed, total);
            let pairs = StructArray::new(fields.clone(), vec![Arc::new(keys), values], None);
            let offsets = OffsetBuffer::from_lengths(lengths);
            Arc::new(MapArray::new(Arc::clone(entries), offsets, pairs, Some(nulls), *sorted))
        }
        other => panic!("no values of type {other}"),
    }
}

/// The source of the archives here.
pub(super) fn source() -> DatabaseInfo {
    DatabaseInfo {
        dialect: "sqlite".into(),
        product: "SQLite".into(),
        database: "shop".into(),
        ..DatabaseInfo::default()
    }
}

/// A manifest with something in every field, and no archive around it.
pub(super) fn manifest() -> Manifest {
    let collection = narrow("a");
    let file = |path| FileEntry { path, bytes: 10, blake3: "ab".repeat(32) };
    let files = CollectionFiles {
        file: file(layout::rows_path("user", &collection.name)),
        exceptions: Some(ExceptionsEntry {
            file: file(layout::exceptions_path("user", &collection.name)),
            rows: 3,
            reasons: [("nan".into(), 1), ("storage-class".into(), 2)].into(),
        }),
        row_groups: vec![3, 2],
    };
    let mut manifest = Manifest::new(source(), Consistency::default(), Compression::default()).expect("a manifest");
    manifest.description = Some("before the migration".into());
    let hash = CollectionHash { rows: 5, sum: 7 };
    manifest.collections.push(CollectionEntry::new(collection, "user", "default", hash, files));
    manifest.collections[0].partial = Some("id < 6".into());
    manifest.objects.push(ObjectEntry {
        object: NativeObject::new(ObjectKind::View, "main", "v", "sqlite", "CREATE VIEW v AS SELECT 1"),
        group: Some("user".into()),
    });
    manifest.attributes.insert("user_version".into(), "7".into());
    manifest.not_carried.push(NotCarried { kind: "temporary table".into(), name: "t".into(), reason: "gone".into() });
    manifest.count_groups(["user"]);
    manifest
}

/// Writes an archive of `collections`, each with row groups of these many rows, and returns its manifest.
pub(super) fn write_on(
    disk: Disk,
    path: &Path,
    collections: &[(Collection, &str, &[usize])],
) -> dbferry_dialect::Result<Manifest> {
    let writer = ArchiveWriter::create_on(disk, path, WriteOptions::default())?;
    let mut manifest = Manifest::new(source(), Consistency::default(), Compression::default())?;
    for (collection, group, row_groups) in collections {
        let mut into = writer.collection(collection, group, &source())?;
        let mut from = 0;
        for rows in *row_groups {
            let mut encoder = into.encoder();
            encoder.write(&batch(collection, from, *rows))?;
            into.append(encoder.finish()?)?;
            from += rows;
        }
        let hash = CollectionHash { rows: from as u64, sum: 0xfeed << 100 | from as u128 };
        let files = into.finish(hash)?;
        manifest.collections.push(CollectionEntry::new(collection.clone(), *group, "default", hash, files));
        assert_eq!(manifest.collections.last().map(|entry| entry.hash.clone()), Some(hash_text(hash)));
    }
    let mut groups: Vec<&str> = collections.iter().map(|(_, group, _)| *group).collect();
    groups.dedup();
    manifest.count_groups(groups);
    writer.finish(&manifest)?;
    Ok(manifest)
}

/// Writes an archive with two groups and a collection without rows.
pub(crate) fn write(path: &Path) -> Manifest {
    write_on(
        Disk::default(),
        path,
        &[
            (wide("Wide"), "user", &[100, 1, 57]),
            (narrow("wide"), "user", &[1000, 1000]),
            (narrow("empty"), "log", &[]),
        ],
    )
    .expect("an archive")
}

/// Everything that a collection holds, as one batch.
pub(super) fn read_all(
    archive: &Archive,
    entry: &CollectionEntry,
    batch_bytes: usize,
) -> dbferry_dialect::Result<Batch> {
    let reader = archive.collection(entry)?;
    let (mut batches, mut exceptions, mut rows) = (Vec::new(), Vec::new(), 0);
    for row_group in 0..reader.row_groups() {
        let start = rows;
        reader.read(row_group, batch_bytes, &mut |batch| {
            assert!(batch.records.num_rows() > 0);
            exceptions.extend(batch.exceptions.into_iter().map(|mut exception| {
                assert!(exception.row < batch.records.num_rows() as u64);
                exception.row += rows;
                exception
            }));
            rows += batch.records.num_rows() as u64;
            batches.push(batch.records);
            Ok(())
        })?;
        assert_eq!(rows - start, reader.rows(row_group));
    }
    let records = arrow::compute::concat_batches(&carrier::schema(&entry.collection), &batches)?;
    Ok(Batch { records, exceptions })
}
