//! A whole SQLite database as plans and batches, without the reader: every column is dynamic, so that a cell travels as
//! it is.

use crate::replace::open_replacer;
use arrow::array::{ArrayRef, BinaryArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use arrow::buffer::NullBuffer;
use dbferry_dialect::model::{CollectionKind, ColumnRole, Counter, Generated, Index, NativeObject, ObjectKind};
use dbferry_dialect::{
    Batch, Cancel, Collection, CollectionAction, CollectionName, CollectionPlan, Column, Exception, ExceptionReason,
    GroupPlan, LogicalType, NativeMapping, NativeValue, ReplaceOptions, Replacer, Result, Syntax, carrier,
};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Just enough of a syntax for definitions that are not run.
#[derive(Debug)]
struct TestSyntax;

impl Syntax for TestSyntax {
    fn native_type(&self, _: &LogicalType) -> NativeMapping {
        NativeMapping::exact("")
    }

    fn create_table(&self, name: &CollectionName, collection: &Collection) -> String {
        let columns = collection.columns.iter().filter(|column| column.role == ColumnRole::Data);
        let columns: Vec<_> = columns.map(|column| self.quote_identifier(&column.name)).collect();
        format!("CREATE TABLE {}({})", self.qualified(name), columns.join(", "))
    }
}

pub(super) fn syntax() -> &'static dyn Syntax {
    &TestSyntax
}

/// A collection with its rows.
pub(super) struct Table {
    pub(super) collection: Collection,
    pub(super) batch: Batch,
    pub(super) triggers: Vec<NativeObject>,
}

pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn query_texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect("a query");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    rows.map(|row| row.expect("a text")).collect()
}

pub(super) fn main(name: &str) -> CollectionName {
    CollectionName::new("main", name)
}

pub(super) fn object(kind: ObjectKind, name: &str, on: Option<&str>, definition: &str) -> NativeObject {
    NativeObject { on: on.map(main), ..NativeObject::new(kind, "main", name, "sqlite", definition) }
}

/// All collections of a database.
pub(super) fn tables(connection: &Connection) -> Vec<Table> {
    let mut statement = connection
        .prepare(
            "SELECT s.name, s.sql, l.type FROM sqlite_schema s JOIN pragma_table_list l ON l.name = s.name AND l.schema = \
             'main' WHERE s.type = 'table' AND s.name <> 'sqlite_sequence' ORDER BY s.rowid",
        )
        .expect("a query");
    let found: Vec<(String, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("rows")
        .map(|row| row.expect("a table"))
        .collect();
    found.into_iter().map(|(name, sql, kind)| table(connection, &name, &sql, &kind)).collect()
}

fn table(connection: &Connection, name: &str, sql: &str, kind: &str) -> Table {
    let kind = match kind {
        "virtual" => CollectionKind::Virtual,
        "shadow" => CollectionKind::Shadow,
        _ if name.starts_with("sqlite_") => CollectionKind::System,
        _ => CollectionKind::Table,
    };
    let mut columns = Vec::new();
    if kind.has_rows() {
        let mut statement = connection.prepare("SELECT name, hidden FROM pragma_table_xinfo(?1)").expect("a query");
        let found = statement.query_map([name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)));
        for (name, hidden) in found.expect("rows").map(|row| row.expect("a column")) {
            let mut column = Column::new(name, LogicalType::Dynamic, "");
            column.generated = (hidden > 1).then(|| Generated { expression: String::new(), stored: hidden == 3 });
            columns.push(column);
        }
        let alias = ["rowid", "_rowid_", "oid"].into_iter().find(|alias| {
            columns.iter().all(|column| !column.name.eq_ignore_ascii_case(alias))
                && connection.prepare(&format!("SELECT {alias} FROM {}", quote(name))).is_ok()
        });
        if let Some(alias) = alias {
            let mut column = Column::new(alias, LogicalType::INT64, "");
            column.role = ColumnRole::RowIdentity;
            columns.insert(0, column);
        }
    }
    let mut collection = Collection::table(main(name), columns);
    collection.kind = kind;
    collection.definition = Some(sql.to_owned());
    let mut indexes = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL")
        .expect("a query");
    let found = indexes.query_map([name], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    collection.indexes = found
        .map(|row| {
            let (name, definition) = row.expect("an index");
            Index {
                name,
                parts: Vec::new(),
                unique: false,
                predicate: None,
                condition: None,
                definition: Some(definition),
            }
        })
        .collect();
    let sequence = connection.query_row("SELECT seq FROM sqlite_sequence WHERE name = ?1", [name], |row| row.get(0));
    collection.counter = sequence.ok().map(|last_value| Counter { column: String::new(), last_value, is_called: true });
    let mut triggers = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1")
        .expect("a query");
    let found = triggers.query_map([name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let triggers = found
        .expect("rows")
        .map(|row| row.expect("a trigger"))
        .map(|(trigger, sql)| object(ObjectKind::Trigger, &trigger, Some(name), &sql))
        .collect();
    let batch = batch(connection, &collection);
    Table { collection, batch, triggers }
}

fn batch(connection: &Connection, collection: &Collection) -> Batch {
    if collection.columns.is_empty() {
        return Batch::plain(RecordBatch::new_empty(carrier::schema(collection)));
    }
    let names: Vec<_> = collection
        .columns
        .iter()
        .map(|column| match column.role {
            ColumnRole::RowIdentity => column.name.clone(),
            ColumnRole::Data => quote(&column.name),
        })
        .collect();
    let sql = format!("SELECT {} FROM {}", names.join(", "), quote(&collection.name.name));
    let mut statement = connection.prepare(&sql).expect("a query");
    let mut rows = statement.query([]).expect("rows");
    let mut cells: Vec<Vec<NativeValue>> = Vec::new();
    let mut present: Vec<Vec<bool>> = Vec::new();
    let mut exceptions = Vec::new();
    cells.resize_with(names.len(), Vec::new);
    present.resize_with(names.len(), Vec::new);
    let mut number = 0;
    while let Some(row) = rows.next().expect("a row") {
        for position in 0..names.len() {
            let value = match row.get_ref(position).expect("a value") {
                ValueRef::Null => None,
                ValueRef::Integer(value) => Some(NativeValue::Integer(value)),
                ValueRef::Real(value) => Some(NativeValue::Real(value)),
                ValueRef::Blob(bytes) => Some(NativeValue::Bytes(bytes.to_vec())),
                ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => Some(NativeValue::Text(text.to_owned())),
                    Err(_) => {
                        exceptions.push(Exception {
                            row: number,
                            column: position as u32,
                            reason: ExceptionReason::InvalidUtf8,
                            value: NativeValue::TextBytes(bytes.to_vec()),
                        });
                        None
                    }
                },
            };
            present[position].push(value.is_some());
            cells[position].push(value.unwrap_or(NativeValue::Integer(0)));
        }
        number += 1;
    }
    let schema = carrier::schema(collection);
    let arrays = collection.columns.iter().zip(cells).zip(present).map(|((column, cells), present)| -> ArrayRef {
        if column.role == ColumnRole::RowIdentity {
            let numbers = cells.iter().map(|cell| match cell {
                NativeValue::Integer(number) => *number,
                other => panic!("a row number {other:?}"),
            });
            return Arc::new(Int64Array::from_iter_values(numbers));
        }
        let set = |position: usize| present[position];
        let integers: Int64Array = cells
            .iter()
            .enumerate()
            .map(
                |(at, cell)| {
                    if let NativeValue::Integer(value) = cell { Some(*value).filter(|_| set(at)) } else { None }
                },
            )
            .collect();
        let reals: Float64Array =
            cells.iter().map(|cell| if let NativeValue::Real(value) = cell { Some(*value) } else { None }).collect();
        let texts: StringArray =
            cells.iter().map(|cell| if let NativeValue::Text(value) = cell { Some(value) } else { None }).collect();
        let blobs: BinaryArray =
            cells.iter().map(|cell| if let NativeValue::Bytes(value) = cell { Some(value) } else { None }).collect();
        let arrow::datatypes::DataType::Struct(fields) = carrier::arrow_type(&LogicalType::Dynamic) else {
            panic!("dynamic is a struct")
        };
        let members: Vec<ArrayRef> = vec![Arc::new(integers), Arc::new(reals), Arc::new(texts), Arc::new(blobs)];
        Arc::new(StructArray::new(fields, members, Some(NullBuffer::from(present))))
    });
    Batch { records: RecordBatch::try_new(schema, arrays.collect()).expect("a batch"), exceptions }
}

/// The plan of one action for a table; what exists is taken from `target`.
pub(super) fn plan(table: &Table, action: CollectionAction, target: Option<&Connection>) -> CollectionPlan {
    let existing = target.and_then(|target| {
        tables(target).into_iter().map(|table| table.collection).find(|there| there.name == table.collection.name)
    });
    CollectionPlan {
        parts: 1,
        source: table.collection.clone(),
        target: table.collection.name.clone(),
        existing,
        action,
        objects: table.triggers.clone(),
        use_definition: true,
    }
}

pub(super) fn open(path: &Path, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
    open_replacer(path, path.exists(), options, Duration::from_millis(50), &Cancel::new(), syntax())
}

/// Begins one group of these plans and writes the tables' rows.
pub(super) fn load(replacer: &mut dyn Replacer, tables: &[Table], plans: Vec<CollectionPlan>) -> Result<()> {
    let loading: Vec<_> =
        plans.iter().filter(|plan| plan.action.loads()).map(|plan| plan.source.name.clone()).collect();
    replacer.begin(GroupPlan { group: "user".into(), collections: plans })?;
    let mut writer = replacer.writers()?.remove(0);
    let mut rows = 0;
    for table in tables.iter().filter(|table| loading.contains(&table.collection.name)) {
        if table.collection.kind.has_rows() {
            writer.write(&table.collection.name, &table.batch)?;
            rows += table.batch.records.num_rows() as u64;
        }
    }
    assert_eq!(writer.finish()?, rows);
    Ok(())
}

/// One group from beginning to commit; returns the warnings.
pub(super) fn replace(
    replacer: &mut dyn Replacer,
    tables: &[Table],
    plans: Vec<CollectionPlan>,
) -> Result<Vec<String>> {
    load(replacer, tables, plans)?;
    let warnings = replacer.complete()?;
    replacer.commit()?;
    Ok(warnings)
}

/// Everything that a database holds, as text: catalogue, counters, and every cell with its class and row number.
pub(super) fn contents(connection: &Connection) -> Vec<String> {
    let mut lines =
        query_texts(connection, "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1");
    for table in tables(connection) {
        let names: Vec<_> = table
            .collection
            .columns
            .iter()
            .map(|column| match column.role {
                ColumnRole::RowIdentity => column.name.clone(),
                ColumnRole::Data => quote(&column.name),
            })
            .collect();
        if names.is_empty() {
            continue;
        }
        let name = &table.collection.name.name;
        let sql = format!("SELECT {} FROM {}", names.join(", "), quote(name));
        let mut statement = connection.prepare(&sql).expect("a query");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let cells = (0..names.len()).map(|position| match row.get_ref(position).expect("a value") {
                // A float's own text does not tell minus zero from zero.
                ValueRef::Real(value) => format!("real {value:?} {:x}", value.to_bits()),
                ValueRef::Text(bytes) => format!("text {}", bytes.escape_ascii()),
                other => format!("{other:?}"),
            });
            lines.push(format!("{name}: {}", cells.collect::<Vec<_>>().join(", ")));
        }
    }
    if connection.prepare("SELECT 1 FROM sqlite_sequence").is_ok() {
        lines.extend(query_texts(
            connection,
            "SELECT 'sequence ' || name || ' ' || seq FROM sqlite_sequence ORDER BY 1",
        ));
    }
    lines.sort();
    lines
}
