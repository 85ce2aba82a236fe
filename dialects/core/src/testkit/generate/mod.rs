//! Databases from a seed: schemas and rows full of what goes wrong, the same for the same seed.
//!
//! Everything that comes out is possible: key columns are unique, foreign keys hold, columns that are not nullable have no
//! nulls, values are inside their type. So a failure of a test is a failure of what is tested. It is not a shrinker: a
//! failing seed is made smaller by asking for fewer collections and rows.

mod random;
mod types;
mod values;
mod words;

pub use random::Random;

use crate::carrier;
use crate::exception::{Batch, Exception, ExceptionReason, NativeValue};
use crate::logical::LogicalType;
use crate::model::{
    Collection, CollectionName, Column, ColumnRole, Counter, DefaultMeaning, DefaultValue, Deferral, ForeignKey,
    Identity, Index, IndexPart, IndexSubject, Key, ReferentialAction, Schema,
};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerateOptions {
    /// How many collections; 4 unless told.
    pub collections: usize,
    /// The most rows of one collection; 100 unless told. Some collections are empty whatever this says.
    pub max_rows: usize,
    /// Only what every SQL engine holds exactly: one namespace `main`, common types, years 1 to 9999, finite floats, no
    /// NUL in texts, no names that differ in case only, no exceptions, no row identities. Off unless told.
    pub portable_only: bool,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self { collections: 4, max_rows: 100, portable_only: false }
    }
}

/// The database of this seed: its schema, sorted by name, and the rows of each collection.
pub fn database(seed: u64, options: &GenerateOptions) -> (Schema, Vec<(CollectionName, Vec<Batch>)>) {
    let mut random = Random::new(seed);
    let mut parents: Vec<Parent> = Vec::new();
    let mut used = BTreeSet::new();
    let mut made: Vec<(Collection, Vec<Batch>)> = (0..options.collections)
        .map(|_| {
            let name = collection_name(&mut random, &mut used, options.portable_only);
            collection(&mut random, name, &mut parents, options)
        })
        .collect();
    made.sort_by(|left, right| left.0.name.cmp(&right.0.name));
    let schema =
        Schema { collections: made.iter().map(|(collection, _)| collection.clone()).collect(), ..Schema::default() };
    (schema, made.into_iter().map(|(collection, batches)| (collection.name, batches)).collect())
}

/// A collection that others can reference, and its keys.
struct Parent {
    name: CollectionName,
    column: String,
    keys: Vec<i64>,
}

/// A collection in the making: columns beside their cells and the exceptions of all rows.
struct Draft {
    collection: Collection,
    cells: Vec<ArrayRef>,
    exceptions: Vec<Exception>,
    rows: usize,
}

impl Draft {
    fn push(&mut self, column: Column, cells: ArrayRef) {
        self.collection.columns.push(column);
        self.cells.push(cells);
    }
}

fn collection(
    random: &mut Random,
    name: CollectionName,
    parents: &mut Vec<Parent>,
    options: &GenerateOptions,
) -> (Collection, Vec<Batch>) {
    let rows = if random.once_in(8) { 0 } else { random.below(options.max_rows.saturating_add(1)) };
    let mut draft =
        Draft { collection: Collection::table(name, Vec::new()), cells: Vec::new(), exceptions: Vec::new(), rows };
    if random.once_in(3) {
        draft.collection.comment = Some(words::text(random, None, false, true));
    }
    if !random.once_in(5) {
        primary_key(random, &mut draft, parents);
    } else if !options.portable_only {
        let mut column = Column::new("rowid", LogicalType::INT64, LogicalType::INT64.to_string());
        column.role = ColumnRole::RowIdentity;
        column.nullable = false;
        draft.push(column, Arc::new(Int64Array::from(numbers(random, rows))));
    }
    if !parents.is_empty() && random.once_in(2) {
        foreign_key(random, &mut draft, parents);
    }
    if random.once_in(4) {
        unique_key(random, &mut draft);
    }
    for position in 0..1 + random.below(8) {
        data_column(random, &mut draft, position, options.portable_only);
    }
    draft.exceptions.sort_by_key(|exception| (exception.row, exception.column));
    let batches = cut_into_batches(random, &draft);
    (draft.collection, batches)
}

/// Ascending numbers with gaps, some of them negative.
fn numbers(random: &mut Random, rows: usize) -> Vec<i64> {
    let mut next = random.between(-50, 1000);
    (0..rows)
        .map(|_| {
            let number = next;
            next += random.between(1, 9);
            number
        })
        .collect()
}

fn primary_key(random: &mut Random, draft: &mut Draft, parents: &mut Vec<Parent>) {
    let mut column = Column::new("id", LogicalType::INT64, LogicalType::INT64.to_string());
    column.nullable = false;
    let keys = numbers(random, draft.rows);
    if random.once_in(2) {
        column.identity = Some(Identity::ByDefault);
        // The counter may be ahead of the highest key, since rows were deleted, and stands in empty tables too.
        let last_value = keys.last().copied().unwrap_or(0).max(0) + random.between(0, 100);
        draft.collection.counter = Some(Counter { column: "id".into(), last_value, is_called: true });
    }
    draft.collection.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
    draft.push(column, Arc::new(Int64Array::from(keys.clone())));
    // Itself included: a foreign key may reference its own collection.
    parents.push(Parent { name: draft.collection.name.clone(), column: "id".into(), keys });
}

fn foreign_key(random: &mut Random, draft: &mut Draft, parents: &[Parent]) {
    let parent = &parents[random.below(parents.len())];
    let cells: Int64Array = (0..draft.rows)
        .map(|_| if random.once_in(5) { None } else { parent.keys.get(random.below(parent.keys.len())).copied() })
        .collect();
    draft.push(Column::new("parent id", LogicalType::INT64, LogicalType::INT64.to_string()), Arc::new(cells));
    draft.collection.foreign_keys.push(ForeignKey {
        definition: None,
        name: random.once_in(2).then(|| "the parent".into()),
        columns: vec!["parent id".into()],
        references: parent.name.clone(),
        referenced_columns: if random.once_in(2) { Vec::new() } else { vec![parent.column.clone()] },
        on_delete: ReferentialAction::Cascade,
        on_update: ReferentialAction::NoAction,
        deferred: Deferral::Immediate,
    });
}

fn unique_key(random: &mut Random, draft: &mut Draft) {
    let cells: StringArray = (0..draft.rows)
        // Two nulls are no duplicate.
        .map(|row| if random.once_in(4) { None } else { Some(format!("it's {row}")) })
        .collect();
    draft.push(Column::new("code", LogicalType::TEXT, LogicalType::TEXT.to_string()), Arc::new(cells));
    draft.collection.unique_keys.push(Key {
        definition: None,
        name: Some("code key".into()),
        columns: vec!["code".into()],
    });
}

fn data_column(random: &mut Random, draft: &mut Draft, position: usize, portable: bool) {
    let logical = if portable { types::portable(random) } else { types::any(random) };
    let name = match random.below(4) {
        0 => format!("data {position}"),
        1 => format!("\"select\" {position}"),
        2 => format!("\u{e9}t\u{e9}_{position}"),
        _ => format!("c{position}"),
    };
    let mut column = Column::new(name.clone(), logical.clone(), logical.to_string());
    column.nullable = !random.once_in(4);
    let holes = [0, 2, 10][random.below(3)];
    let mut missing: Vec<bool> =
        (0..draft.rows).map(|_| column.nullable && holes > 0 && random.once_in(holes)).collect();
    if !portable && random.once_in(3) {
        // A table has far fewer than 2^32 columns.
        let column = draft.collection.columns.len() as u32;
        for (row, missing) in missing.iter_mut().enumerate() {
            if random.once_in(6) {
                *missing = true;
                let (reason, value) = exceptional(random);
                draft.exceptions.push(Exception { row: row as u64, column, reason, value });
            }
        }
    }
    if logical == LogicalType::TEXT && random.once_in(2) {
        column.default =
            Some(DefaultValue { native: "'it''s'".into(), meaning: Some(DefaultMeaning::Text("it's".into())) });
    }
    if random.once_in(6) && matches!(logical, LogicalType::Int { .. } | LogicalType::Date) {
        draft.collection.indexes.push(Index {
            name: format!("{} by {name}", draft.collection.name.name),
            parts: vec![IndexPart {
                subject: IndexSubject::Column(name),
                meaning: None,
                descending: random.once_in(2),
                collation: None,
            }],
            unique: false,
            predicate: None,
            condition: None,
            definition: None,
        });
    }
    let cells = values::array(random, &logical, &missing, portable);
    draft.push(column, cells);
}

/// A value that does not fit, with a reason that goes with it.
fn exceptional(random: &mut Random) -> (ExceptionReason, NativeValue) {
    let text = |text: &str| NativeValue::Text(text.into());
    match random.below(14) {
        0 => (ExceptionReason::StorageClass, NativeValue::Integer(i64::MIN)),
        1 => (ExceptionReason::StorageClass, NativeValue::Real(-0.0)),
        2 => (ExceptionReason::StorageClass, NativeValue::Bytes(vec![0, 0xff])),
        3 => (ExceptionReason::StorageClass, text("")),
        4 => (ExceptionReason::InvalidUtf8, NativeValue::TextBytes(vec![b'a', 0xff, 0])),
        5 => (ExceptionReason::Nan, text("NaN")),
        6 => (ExceptionReason::Infinity, text("-infinity")),
        7 => (ExceptionReason::Infinity, NativeValue::Real(f64::INFINITY)),
        8 => (ExceptionReason::OutOfRange, text("4713-01-01 BC")),
        9 => (ExceptionReason::Precision, NativeValue::Real(0.1 + 0.2)),
        10 => (ExceptionReason::ZeroDate, text("0000-00-00")),
        11 => (ExceptionReason::PartialDate, text("2024-02-00")),
        12 => (ExceptionReason::ArrayShape, text("[0:1]={1,2}")),
        _ => (ExceptionReason::EnumIndex, NativeValue::Integer(0)),
    }
}

/// Cuts the rows into one to four batches, as slices of one set of arrays: their offsets are not zero.
fn cut_into_batches(random: &mut Random, draft: &Draft) -> Vec<Batch> {
    if draft.rows == 0 && random.once_in(2) {
        return Vec::new();
    }
    let schema = carrier::schema(&draft.collection);
    let options = RecordBatchOptions::new().with_row_count(Some(draft.rows));
    // Each array was made with its column's type and the draft's number of rows.
    #[allow(clippy::expect_used)]
    let all = RecordBatch::try_new_with_options(schema, draft.cells.clone(), &options).expect("arrays of the schema");
    let mut cuts: BTreeSet<usize> = (0..random.below(4)).map(|_| random.below(draft.rows)).collect();
    cuts.extend([0, draft.rows]);
    let mut bounds: Vec<usize> = cuts.into_iter().collect();
    if bounds.len() == 1 {
        bounds.push(draft.rows);
    }
    bounds
        .windows(2)
        .map(|ends| {
            let (from, to) = (ends[0] as u64, ends[1] as u64);
            let exceptions = draft
                .exceptions
                .iter()
                .filter(|exception| (from..to).contains(&exception.row))
                .map(|exception| Exception { row: exception.row - from, ..exception.clone() })
                .collect();
            Batch { records: all.slice(ends[0], ends[1] - ends[0]), exceptions }
        })
        .collect()
}

fn collection_name(random: &mut Random, used: &mut BTreeSet<CollectionName>, portable: bool) -> CollectionName {
    const PORTABLE: [&str; 6] = ["orders", "Order Items", "select", "it's", "a.b", "\u{e9}t\u{e9}"];
    const OTHERS: [&str; 12] = [
        "Twin",
        "twin",
        "TWIN",
        "con",
        "a/b\\c",
        "..",
        "%41",
        "\"quoted\"",
        "line\nbreak",
        "\u{1f600}",
        "e\u{301}te\u{301}",
        " ",
    ];
    let namespace = if portable || !random.once_in(4) { "main" } else { "other.space" };
    let name = if portable || random.once_in(2) { random.pick(&PORTABLE) } else { random.pick(&OTHERS) };
    let plain = CollectionName::new(namespace, name);
    let chosen =
        if used.contains(&plain) { CollectionName::new(namespace, format!("{name}{}", used.len())) } else { plain };
    used.insert(chosen.clone());
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::rows_as_text;
    use arrow::array::Array;
    use std::collections::HashSet;

    fn texts(seed: u64, options: &GenerateOptions) -> Vec<Vec<String>> {
        let (schema, rows) = database(seed, options);
        schema
            .collections
            .iter()
            .zip(&rows)
            .map(|(collection, (_, batches))| rows_as_text(collection, batches))
            .collect()
    }

    #[test]
    fn a_seed_is_a_database() {
        let options = GenerateOptions::default();
        assert_eq!(database(5, &options).0, database(5, &options).0);
        assert_eq!(texts(5, &options), texts(5, &options));
        assert_ne!(texts(5, &options), texts(6, &options));
    }

    #[test]
    fn batches_are_what_the_contract_says() {
        let mut reasons = HashSet::new();
        let mut empty = 0;
        for seed in 0..200 {
            let (schema, rows) = database(seed, &GenerateOptions::default());
            assert_eq!(schema.collections.len(), rows.len());
            let names: HashSet<_> = rows.iter().map(|(name, _)| name.clone()).collect();
            assert_eq!(names.len(), rows.len());
            for (collection, (name, batches)) in schema.collections.iter().zip(&rows) {
                assert_eq!(&collection.name, name);
                empty += usize::from(batches.iter().all(|batch| batch.records.num_rows() == 0));
                for batch in batches {
                    assert_eq!(batch.records.schema(), carrier::schema(collection));
                    reasons.extend(batch.exceptions.iter().map(|exception| exception.reason));
                    for (position, column) in collection.columns.iter().enumerate() {
                        let exceptions = batch.exceptions.iter().filter(|e| e.column as usize == position).count();
                        let nulls = batch.records.column(position).null_count();
                        assert!(column.nullable || nulls == exceptions, "nulls in {name}, column {}", column.name);
                    }
                }
                rows_as_text(collection, batches);
            }
        }
        assert_eq!(reasons.len(), ExceptionReason::ALL.len());
        assert!(empty > 0);
    }

    #[test]
    fn portable_databases_have_no_exceptions_and_one_namespace() {
        let options = GenerateOptions { portable_only: true, ..GenerateOptions::default() };
        for seed in 0..100 {
            let (schema, rows) = database(seed, &options);
            assert!(rows.iter().all(|(_, batches)| batches.iter().all(|batch| batch.exceptions.is_empty())));
            assert!(schema.collections.iter().all(|collection| collection.name.namespace == "main"));
            let folded: HashSet<_> = schema.collections.iter().map(|c| c.name.name.to_lowercase()).collect();
            assert_eq!(folded.len(), schema.collections.len());
            assert!(texts(seed, &options).iter().flatten().all(|row| !row.contains("NaN") && !row.contains("\\0")));
        }
    }
}
