//! The catalogue as the schema model.
//!
//! What SQLite keeps as text (`CREATE` statements) is carried to the letter, because the same dialect restores from it; the
//! model beside it is what crosses engines and what plans compare. What cannot be carried is named in
//! [`Schema::not_carried`], with the reason.

mod constraints;
mod defaults;
mod rows;

pub(crate) use defaults::is_number;

use crate::catalogue::{Catalogue, RawColumn, RawTable, read};
use crate::connect::Mode;
use crate::ddl::{TableFacts, module, table_facts};
use crate::error::database_error;
use crate::sample::{Profile, profiles};
use crate::shape::{column_expression, free_rowid_name, row_key};
use crate::syntax::SqliteSyntax;
use crate::types::{Family, native};
use crate::{NAME, NAMESPACE};
use dbferry_dialect::model::{
    CollectionKind, ColumnRole, Counter, Estimate, Generated, Identity, NativeObject, NotCarried, ObjectKind,
};
use dbferry_dialect::{Collection, CollectionName, Column, LogicalType, Result, Schema, Syntax};
use rusqlite::Connection;

/// Collection attribute: the table is `STRICT`.
pub(crate) const STRICT: &str = "strict";
/// Collection attribute: the table is `WITHOUT ROWID`.
pub(crate) const WITHOUT_ROWID: &str = "without-rowid";
/// Collection attribute: the table's numbers are never used again.
pub(crate) const AUTOINCREMENT: &str = "autoincrement";
/// Collection attribute: the module of a virtual table.
pub(crate) const MODULE: &str = "module";

/// Facts of the database as a whole that live in its header, by the pragma that tells them.
const DATABASE_PRAGMAS: [&str; 6] =
    ["application_id", "auto_vacuum", "encoding", "journal_mode", "page_size", "user_version"];

/// Whether values are looked at to choose types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampling {
    /// Each column is what its declared type asks for.
    None,
    /// A sample of each table is read.
    Values,
}

/// Reads the schema of the main database. Attached databases and temporary objects belong to other connections and are
/// never seen.
///
/// # Errors
/// What SQLite says.
pub(crate) fn introspect(connection: &Connection, mode: Mode, sampling: Sampling) -> Result<Schema> {
    let catalogue = read(connection).map_err(|error| database_error("the catalogue cannot be read", error))?;
    let mut schema = Schema::default();
    for pragma in DATABASE_PRAGMAS {
        let value = connection
            .query_row(&format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}"), [], |row| row.get(0))
            .map_err(|error| database_error("the database's attributes cannot be read", error))?;
        schema.attributes.insert(pragma.to_owned(), value);
    }
    if mode == Mode::Immutable {
        // A connection without locks does not tell. Only a database in WAL mode is opened so.
        schema.attributes.insert("journal_mode".to_owned(), "wal".to_owned());
    }
    for (kind, name) in &catalogue.unreadable_names {
        note(&mut schema, kind, name, "its name is not UTF-8".into());
    }
    let owners = owners(&catalogue);
    for (name, table) in &catalogue.tables {
        if let Some(collection) = collection(connection, &catalogue, &owners, name, table, sampling, &mut schema)? {
            schema.collections.push(collection);
        }
    }
    objects(&catalogue, &mut schema);
    stray_counters(&catalogue, &mut schema);
    Ok(schema)
}

fn note(schema: &mut Schema, kind: &str, name: &str, reason: String) {
    schema.not_carried.push(NotCarried { kind: kind.to_owned(), name: name.to_owned(), reason });
}

fn collection(
    connection: &Connection,
    catalogue: &Catalogue,
    owners: &[Owner],
    name: &str,
    table: &RawTable,
    sampling: Sampling,
    schema: &mut Schema,
) -> Result<Option<Collection>> {
    let full_name = CollectionName::new(NAMESPACE, name);
    let system = is_system(name);
    match name {
        // Carried as counters.
        "sqlite_sequence" => return Ok(None),
        "sqlite_stat1" | "sqlite_stat4" => {}
        _ if system => {
            note(schema, "system table", name, "SQLite keeps it for itself and makes it anew".into());
            return Ok(None);
        }
        _ => {}
    }
    let mut collection = Collection::table(full_name, Vec::new());
    collection.definition.clone_from(&table.sql);
    if table.sql.is_none() && !system {
        note(schema, "definition", name, "its text is not UTF-8; the table itself is carried".into());
    }
    let sql = table.sql.as_deref().unwrap_or_default();
    if table.is_virtual {
        collection.kind = CollectionKind::Virtual;
        collection.attributes.extend(module(sql).map(|module| (MODULE.to_owned(), module)));
        return Ok(Some(collection));
    }
    if table.without_rowid
        && let Some(reason) = unreadable(connection, &collection.name)?
    {
        note(schema, "table", name, reason);
        return Ok(None);
    }
    if system {
        collection.kind = CollectionKind::System;
    } else if table.is_shadow {
        collection.kind = CollectionKind::Shadow;
    }
    collection.part_of = part_of(owners, name, table);
    let facts = table_facts(sql);
    for (flag, attribute) in
        [(table.strict, STRICT), (table.without_rowid, WITHOUT_ROWID), (facts.autoincrement, AUTOINCREMENT)]
    {
        if flag {
            collection.attributes.insert(attribute.to_owned(), "true".to_owned());
        }
    }
    let readable = readable_columns(connection, &collection.name, table, schema);
    collection.columns = columns(connection, &collection.name, table, &readable, &facts, sampling)?;
    if !table.without_rowid && rowid_alias(table).is_none() {
        match free_rowid_name(&table.columns.iter().map(|column| column.name.as_str())) {
            Some(rowid) => collection.columns.insert(0, row_identity(rowid)),
            None => note(schema, "rowid", name, "columns of the table have taken all names of the rowid".into()),
        }
    }
    constraints::add(catalogue, table, &facts, &mut collection);
    collection.counter = counter(catalogue, name, table, &facts, schema);
    let statistics = catalogue.row_estimates.get(name).copied();
    collection.estimate = Estimate { rows: rows::estimate(connection, &collection.name, statistics), bytes: None };
    Ok(Some(collection))
}

fn is_system(name: &str) -> bool {
    name.get(..7).is_some_and(|prefix| prefix.eq_ignore_ascii_case("sqlite_"))
}

/// A virtual table that other tables may be parts of.
struct Owner {
    name: String,
    /// In lower case, with the underscore that the names of its parts go on with.
    prefix: String,
    /// Whether SQLite knows which tables are its parts.
    known: bool,
}

fn owners(catalogue: &Catalogue) -> Vec<Owner> {
    let owners = catalogue.tables.iter().filter(|(_, table)| table.is_virtual).map(|(name, table)| {
        let module = table.sql.as_deref().and_then(module).unwrap_or_default().to_lowercase();
        let prefix = format!("{}_", name.to_lowercase());
        Owner { name: name.clone(), prefix, known: catalogue.modules.contains(&module) }
    });
    owners.collect()
}

/// The virtual table that a table is a part of. SQLite itself knows the shadow tables of the modules that it has; for any
/// other module the names must do, so that the parts stay in their owner's group.
fn part_of(owners: &[Owner], name: &str, table: &RawTable) -> Option<CollectionName> {
    let lower = name.to_lowercase();
    owners
        .iter()
        .filter(|owner| lower.starts_with(&owner.prefix) && (table.is_shadow || !owner.known))
        .max_by_key(|owner| owner.prefix.len())
        .map(|owner| CollectionName::new(NAMESPACE, &owner.name))
}

/// Why a `WITHOUT ROWID` table cannot be read, if so: its key may be sorted by a collation of the application, and without
/// that collation SQLite does not touch the table at all.
fn unreadable(connection: &Connection, name: &CollectionName) -> Result<Option<String>> {
    let key = row_key(connection, name)?;
    let error = connection.prepare(&format!("SELECT 1 FROM {} {}", key.source(name), key.order(false))).err();
    Ok(error.map(|error| format!("its key cannot be used here: {error}")))
}

/// The columns that can be read. A generated column may need a function of the application; its values are computed anew
/// wherever the table is restored, so it is left out.
fn readable_columns<'t>(
    connection: &Connection,
    name: &CollectionName,
    table: &'t RawTable,
    schema: &mut Schema,
) -> Vec<&'t RawColumn> {
    let mut readable = Vec::with_capacity(table.columns.len());
    for column in &table.columns {
        if column.hidden > 0 {
            let sql = format!("SELECT {} FROM {}", column_expression(name, &column.name), SqliteSyntax.qualified(name));
            if let Err(error) = connection.prepare(&sql) {
                let reason = format!("its expression cannot be computed here: {error}");
                note(schema, "generated column", &format!("{}.{}", name.name, column.name), reason);
                continue;
            }
        }
        readable.push(column);
    }
    readable
}

fn columns(
    connection: &Connection,
    name: &CollectionName,
    table: &RawTable,
    readable: &[&RawColumn],
    facts: &TableFacts,
    sampling: Sampling,
) -> Result<Vec<Column>> {
    let alias = rowid_alias(table);
    let families: Vec<(&str, Family)> =
        readable.iter().map(|column| (column.name.as_str(), Family::of(&column.declared, table.strict))).collect();
    let profiles = match sampling {
        // A strict table holds what it says.
        Sampling::Values if !table.strict => profiles(connection, name, &families)?,
        _ => vec![Profile::default(); families.len()],
    };
    let columns = readable.iter().zip(&families).zip(&profiles).map(|((raw, (_, family)), profile)| {
        let (logical, encoding) = family.choose(profile);
        let is_alias = alias == Some(raw.name.as_str());
        let mut column = Column::new(&raw.name, logical, "");
        column.native = native(&raw.declared, encoding);
        column.nullable = !raw.not_null && !is_alias;
        column.default = raw.default.as_deref().map(|text| defaults::understand(text, &column.logical));
        column.identity = is_alias.then_some(if facts.autoincrement { Identity::ByDefault } else { Identity::Reusing });
        let told = facts.columns.get(&raw.name.to_lowercase());
        column.collation =
            told.and_then(|told| told.collation.clone()).filter(|collation| !collation.eq_ignore_ascii_case("BINARY"));
        if raw.hidden > 0 {
            let expression = told.and_then(|told| told.generated.clone()).unwrap_or_default();
            column.generated = Some(Generated { expression, stored: raw.hidden == 3 });
        }
        column
    });
    Ok(columns.collect())
}

/// The column that is the rowid itself: the only column of the primary key, declared `INTEGER`, without an index of its
/// own (`INTEGER PRIMARY KEY DESC` has one).
fn rowid_alias(table: &RawTable) -> Option<&str> {
    let mut key = table.columns.iter().filter(|column| column.key > 0);
    let (Some(column), None) = (key.next(), key.next()) else { return None };
    let is_alias = !table.without_rowid
        && column.declared.eq_ignore_ascii_case("INTEGER")
        && !table.indexes.values().any(|index| index.origin == "pk");
    is_alias.then_some(&column.name)
}

fn row_identity(name: &str) -> Column {
    let mut column = Column::new(name, LogicalType::INT64, "");
    column.native = native("INTEGER", Some("integer".to_owned()));
    column.nullable = false;
    column.role = ColumnRole::RowIdentity;
    column
}

fn counter(
    catalogue: &Catalogue,
    name: &str,
    table: &RawTable,
    facts: &TableFacts,
    schema: &mut Schema,
) -> Option<Counter> {
    let column = rowid_alias(table).filter(|_| facts.autoincrement)?;
    // SQLite uses the first row that it finds.
    match *catalogue.counters.get(name)?.first()? {
        Some(last_value) => Some(Counter { column: column.to_owned(), last_value, is_called: true }),
        None => {
            note(schema, "counter", name, "its value in sqlite_sequence is not a whole number".into());
            None
        }
    }
}

fn stray_counters(catalogue: &Catalogue, schema: &mut Schema) {
    for (name, rows) in &catalogue.counters {
        let numbered = catalogue.tables.get(name).is_some_and(|table| {
            rowid_alias(table).is_some() && table.sql.as_deref().is_some_and(|sql| table_facts(sql).autoincrement)
        });
        for _ in rows.iter().skip(usize::from(numbered)) {
            note(schema, "counter", name, "this row of sqlite_sequence numbers no table".into());
        }
    }
}

fn objects(catalogue: &Catalogue, schema: &mut Schema) {
    for object in &catalogue.objects {
        let kind = if object.is_view { ObjectKind::View } else { ObjectKind::Trigger };
        let Some(definition) = object.sql.clone() else {
            let what = if object.is_view { "view" } else { "trigger" };
            note(schema, what, &object.name, "its text is not UTF-8".into());
            continue;
        };
        // A trigger on a view belongs to no collection.
        let on = catalogue.table(&object.table).filter(|_| !object.is_view);
        let on = on.map(|(table, _)| CollectionName::new(NAMESPACE, table));
        schema.objects.push(NativeObject { on, ..NativeObject::new(kind, NAMESPACE, &object.name, NAME, definition) });
    }
}

#[cfg(test)]
mod tests;
