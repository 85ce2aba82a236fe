//! Before the load: tables created, emptied, dropped; and virtual tables, which are written into the catalogue as they are.
//!
//! A virtual table is reproduced as `sqlite3 .dump` does it: its shadow tables are created and filled like ordinary tables,
//! and its own row is put into `sqlite_schema` after the load. So its module need not be part of this build, and nothing
//! depends on what the module would do when it is asked to create a table.

use super::catalog::{Texts, columns, definition, end, is_created, is_taken, run};
use super::failure::{failed, missing_ability};
use dbferry_dialect::model::CollectionKind;
use dbferry_dialect::{CollectionAction, CollectionPlan, Error, ErrorKind, Result, Syntax};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::collections::BTreeSet;

/// The tables of the engine itself that can be written.
const STATISTICS: [&str; 2] = ["sqlite_stat1", "sqlite_stat4"];

/// An index that was dropped for the load and comes back after it.
pub(super) struct SavedIndex {
    name: String,
    sql: String,
}

/// Whether a collection cannot be written: its rows mean nothing without the source's own definitions.
pub(super) fn is_skipped(plan: &CollectionPlan) -> bool {
    match plan.source.kind {
        CollectionKind::Table => false,
        CollectionKind::System => !plan.use_definition || !STATISTICS.contains(&plan.target.name.as_str()),
        _ => !plan.use_definition,
    }
}

/// Refuses a plan that no longer fits the target, or that SQLite cannot carry out.
pub(super) fn check(texts: &Texts, plan: &CollectionPlan) -> Result<()> {
    let name = &plan.target.name;
    let append = plan.action == CollectionAction::Append;
    if append && plan.source.kind != CollectionKind::Table {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "rows cannot be added to a table that a virtual table or SQLite itself keeps",
        )
        .hint("leave it out of this restore, or replace its group"));
    }
    if let Some(planned) = plan.existing.as_ref().and_then(|existing| existing.definition.as_ref())
        && texts.table(name) != Some(planned)
    {
        return Err(Error::new(ErrorKind::Incompatible, "the table was changed since the restore was planned")
            .hint("nothing was changed; run the restore again"));
    }
    if plan.action == CollectionAction::Replace
        && plan.source.kind == CollectionKind::Virtual
        && plan.existing.as_ref().map(|existing| &existing.definition) != Some(&plan.source.definition)
    {
        return Err(Error::new(ErrorKind::Incompatible, "the target's virtual table is another one")
            .hint("recreate it, or leave it out of this restore"));
    }
    Ok(())
}

/// Drops a table that is created anew; one that went away together with its virtual table is fine.
pub(super) fn drop_table(connection: &Connection, syntax: &dyn Syntax, plan: &CollectionPlan) -> Result<()> {
    let sql = format!("DROP TABLE IF EXISTS {}", syntax.qualified(&plan.target));
    match run(connection, &sql) {
        Err(error) if missing_ability(&error).is_some() => {
            // The module of a virtual table is not here: its row goes, and its shadow tables are dropped on their own.
            let name = &plan.target.name;
            change_catalogue(connection, "DELETE FROM main.sqlite_schema WHERE type = 'table' AND name = ?1", &[name])
        }
        result => result.map_err(|error| failed("cannot drop the table", error)),
    }
}

/// Creates a table that is not there. Virtual tables come later ([`create_virtual`]).
pub(super) fn create_table(
    connection: &Connection,
    syntax: &dyn Syntax,
    plan: &CollectionPlan,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let name = &plan.target.name;
    if is_taken(connection, name)? {
        return Err(Error::new(ErrorKind::Incompatible, "something of that name is in the target by now")
            .hint("nothing was changed; run the restore again"));
    }
    let own = plan.source.definition.as_ref().filter(|_| plan.use_definition);
    let sql = match own {
        // The source's text has the source's name in it.
        Some(sql) if plan.source.name.name == *name => sql.clone(),
        Some(_) => {
            warnings
                .push(format!("{name} was built from the model: its own definition has the name {}", plan.source.name));
            syntax.create_table(&plan.target, &plan.source)
        }
        None => syntax.create_table(&plan.target, &plan.source),
    };
    let end = end(connection)?;
    run(connection, &sql).map_err(|error| {
        let missing = missing_ability(&error).is_some();
        let error = failed("cannot create the table", error);
        if missing {
            error.hint("its definition needs an extension of the application that this program does not have")
        } else {
            error
        }
    })?;
    if !is_created(connection, end, "table", name)? {
        return Err(Error::new(ErrorKind::ArchiveDamaged, "the table's definition creates something else"));
    }
    Ok(())
}

/// Empties a table that stays, and drops its indexes for the time of the load.
///
/// Without triggers and foreign keys `DELETE` throws whole pages away instead of visiting rows.
pub(super) fn empty_table(
    connection: &Connection,
    syntax: &dyn Syntax,
    texts: &Texts,
    plan: &CollectionPlan,
) -> Result<Vec<SavedIndex>> {
    let doing = |error| failed("cannot empty the table", error);
    let mut saved = Vec::new();
    for (name, sql) in texts.indexes(&plan.target.name) {
        run(connection, &format!("DROP INDEX main.{}", syntax.quote_identifier(name))).map_err(doing)?;
        saved.push(SavedIndex { name: name.clone(), sql: sql.clone() });
    }
    run(connection, &format!("DELETE FROM {}", syntax.qualified(&plan.target))).map_err(doing)?;
    Ok(saved)
}

/// Creates the target's own indexes again. One that cannot be built stops the group: the target would lose it.
pub(super) fn restore_indexes(connection: &Connection, saved: &[SavedIndex]) -> Result<()> {
    for index in saved {
        run(connection, &index.sql).map_err(|error| {
            failed("the target's own index cannot be built again", error).with("index", &index.name)
        })?;
    }
    Ok(())
}

/// Creates the statistics tables that a group brings and the target does not have. Only `ANALYZE` can create them, and it
/// creates all of them.
pub(super) fn create_statistics(connection: &Connection, wanted: &BTreeSet<&str>) -> Result<()> {
    let mut there = [false; STATISTICS.len()];
    for (name, there) in STATISTICS.iter().zip(&mut there) {
        *there = definition(connection, "table", name)?.is_some();
    }
    if STATISTICS.iter().zip(there).all(|(name, there)| there || !wanted.contains(name)) {
        return Ok(());
    }
    let doing = |error| failed("cannot create the statistics tables", error);
    run(connection, "ANALYZE main.sqlite_schema").map_err(doing)?;
    for (name, there) in STATISTICS.iter().zip(there) {
        if !there && !wanted.contains(name) {
            run(connection, &format!("DROP TABLE IF EXISTS main.{name}")).map_err(doing)?;
        }
    }
    for name in wanted {
        if columns(connection, name)?.is_empty() {
            return Err(Error::new(ErrorKind::Unsupported, "this build of SQLite has no such statistics table")
                .with("collection", name));
        }
    }
    Ok(())
}

/// Puts a virtual table into the catalogue, once its shadow tables are there.
pub(super) fn create_virtual(connection: &Connection, plan: &CollectionPlan) -> Result<()> {
    let name = &plan.target.name;
    let sql = plan.source.definition.as_deref().unwrap_or_default();
    let beginning = sql.get(.."CREATE VIRTUAL TABLE".len()).unwrap_or_default();
    if !beginning.eq_ignore_ascii_case("CREATE VIRTUAL TABLE") || plan.source.name.name != *name {
        return Err(Error::new(
            ErrorKind::ArchiveDamaged,
            "this is not the definition of a virtual table of that name",
        ));
    }
    if is_taken(connection, name)? {
        return Err(Error::new(ErrorKind::Incompatible, "something of that name is in the target by now"));
    }
    change_catalogue(
        connection,
        "INSERT INTO main.sqlite_schema(type, name, tbl_name, rootpage, sql) VALUES('table', ?1, ?1, 0, ?2)",
        &[name, sql],
    )
}

/// Changes `sqlite_schema` itself, makes this connection read it again, and tells the others to.
fn change_catalogue(connection: &Connection, sql: &str, values: &[&str]) -> Result<()> {
    let change = || {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, true)?;
        let changed = connection.execute(sql, rusqlite::params_from_iter(values));
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false)?;
        changed?;
        let version: i64 = connection.query_row("PRAGMA main.schema_version", [], |row| row.get(0))?;
        connection.execute_batch(&format!("PRAGMA main.schema_version = {}", version.wrapping_add(1) as i32))?;
        connection.execute_batch("PRAGMA writable_schema = RESET")?;
        connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))
    };
    change().map_err(|error| failed("cannot change the catalogue", error))
}
