//! The switch: one transaction that puts what was built into its place.
//!
//! Everything here changes the catalogue only and looks at no row, apart from foreign keys between what was built and what
//! was there before, and partitions that are attached to a table that was there before.

use super::foreign_keys::NewKey;
use super::objects;
use super::sessions::statement;
use super::staging::Staging;
use super::unit::{Member, Members, Place};
use crate::PostgresSyntax;
use crate::ddl::{self, table::Form};
use crate::objects::create::Existing;
use crate::session::Session;
use dbferry_dialect::model::{CollectionKind, Stage};
use dbferry_dialect::{CollectionName, Error, ErrorKind, ReplaceOptions, Result, Syntax};
use std::collections::BTreeSet;

/// Checks, before anything is loaded, that the tables that are to be made anew can be dropped: their dependants outside
/// are the server's to name. Leaves everything as it was.
pub(super) fn rehearse_drop(session: &mut Session, members: &Members) -> Result<()> {
    if members.recreated().next().is_none() {
        return Ok(());
    }
    refuse_unknown_partitions(session, members)?;
    session.run("cannot begin a transaction", "BEGIN")?;
    let dropped = drop_recreated(session, members);
    session.run("cannot end a transaction", "ROLLBACK")?;
    dropped
}

/// Dropping a table drops its partitions, without being asked, also those that are not in the archive.
fn refuse_unknown_partitions(session: &mut Session, members: &Members) -> Result<()> {
    let tables: Vec<String> = members.recreated().map(|member| PostgresSyntax.qualified(&member.plan.target)).collect();
    let rows = session.query(
        "cannot read the partitions of a table",
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) \
           FROM pg_catalog.unnest($1::text[]) name JOIN pg_catalog.pg_inherits i ON i.inhparent = name::pg_catalog.regclass \
           JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition \
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
          WHERE c.oid <> ALL ($1::text[]::pg_catalog.regclass[]) ORDER BY 1",
        &[&tables],
    )?;
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Err(Error::new(
        ErrorKind::Refused,
        format!("dropping a table would drop partitions that are not replaced: {}", names.join(", ")),
    )
    .with("dialect", crate::NAME)
    .hint("detach them first, or drop them"))
}

fn drop_recreated(session: &mut Session, members: &Members) -> Result<()> {
    for (foreign, kind) in [(true, "FOREIGN TABLE"), (false, "TABLE")] {
        let chosen = members.recreated().filter(|member| (member.source.kind == CollectionKind::Foreign) == foreign);
        let tables: Vec<String> = chosen.map(|member| PostgresSyntax.qualified(&member.plan.target)).collect();
        if tables.is_empty() {
            continue;
        }
        let sql = format!("DROP {kind} {}", tables.join(", "));
        statement(session, "a table that is to be made anew cannot be dropped", &sql).map_err(|error| {
            error.hint("something outside the selection depends on it: drop that first, or keep the table's shape")
        })?;
    }
    Ok(())
}

/// Puts the staged tables into their places, and makes what belongs to the members. A transaction is under way. Returns what
/// the user should know.
pub(super) fn switch(
    session: &mut Session,
    members: &Members,
    staging: &mut Staging,
    existing: &mut Existing,
    options: &ReplaceOptions,
) -> Result<Vec<String>> {
    drop_recreated(session, members)?;
    for member in members.recreated() {
        existing.forget(&member.plan.target);
    }
    create_schemas(session, members)?;
    for member in members.at(Place::Staged) {
        let sql = format!(
            "ALTER TABLE {} SET SCHEMA {}",
            PostgresSyntax.qualified(&member.current),
            PostgresSyntax.quote_identifier(&member.plan.target.namespace)
        );
        statement(session, "a table cannot be moved into its place", &sql).map_err(|error| {
            let error = error.with("collection", &member.plan.target);
            match error.kind() {
                ErrorKind::Permission => error.hint("GRANT CREATE ON SCHEMA ... TO the restoring user"),
                _ => error,
            }
        })?;
    }
    staging.drop_empty(session)?;
    let mut warnings = objects::create(session, members, Stage::Before, existing, options)?;
    for member in members.at(Place::Staged).filter(|member| member.plan.use_definition) {
        number_columns(session, member).map_err(|error| error.with("collection", &member.plan.target))?;
    }
    for member in members.staged_parents_first() {
        link(session, members, member).map_err(|error| error.with("collection", &member.plan.target))?;
    }
    for key in leaving_keys(members) {
        warnings.extend(key.add_in_transaction(session, options.foreign_keys)?);
    }
    for member in members.at(Place::Staged).filter(|member| member.plan.use_definition) {
        let (name, source) = (&member.plan.target, &member.source);
        let settings = ddl::index::settings(source).into_iter();
        let settings = settings.chain(ddl::table::final_settings(name, source));
        for sql in settings.chain(ddl::table::comments(name, source)) {
            statement(session, "cannot complete a table", &sql).map_err(|error| error.with("collection", name))?;
        }
    }
    // Those of other engines have comments too.
    for member in members.at(Place::Staged).filter(|member| !member.plan.use_definition) {
        for sql in ddl::table::comments(&member.plan.target, &member.source) {
            statement(session, "cannot complete a table", &sql)
                .map_err(|error| error.with("collection", &member.plan.target))?;
        }
    }
    warnings.extend(objects::create(session, members, Stage::After, existing, options)?);
    Ok(warnings)
}

fn create_schemas(session: &mut Session, members: &Members) -> Result<()> {
    const DOING: &str = "cannot create a schema";
    let wanted: BTreeSet<&str> =
        members.at(Place::Staged).map(|member| member.plan.target.namespace.as_str()).collect();
    for schema in wanted {
        let there = session.query(DOING, "SELECT FROM pg_catalog.pg_namespace WHERE nspname::text = $1", &[&schema])?;
        if there.is_empty() {
            statement(session, DOING, &format!("CREATE SCHEMA {}", PostgresSyntax.quote_identifier(schema)))?;
        }
    }
    Ok(())
}

/// Makes the sequences that defaults use, and the defaults.
fn number_columns(session: &mut Session, member: &Member) -> Result<()> {
    const DOING: &str = "cannot make a sequence of the table";
    let table = &member.plan.target;
    let sequences = ddl::sequence::all(&member.source);
    for sequence in sequences.iter().filter(|sequence| !sequence.identity) {
        statement(session, DOING, &ddl::sequence::create(sequence))?;
        statement(session, DOING, &ddl::sequence::own(sequence, table))?;
    }
    for sequence in &sequences {
        if let Some(comment) = &sequence.comment {
            let name = PostgresSyntax.qualified(&sequence.name_beside(table, &member.source.name));
            let sql = ddl::table::comment_on(&format!("SEQUENCE {name}"), comment);
            statement(session, DOING, &sql)?;
        }
    }
    let kind = if member.source.kind == CollectionKind::Foreign { "FOREIGN TABLE" } else { "TABLE" };
    for column in member.source.columns.iter().filter(|column| column.generated.is_none()) {
        if let Some(default) = &column.default {
            let sql = format!(
                "ALTER {kind} ONLY {} ALTER COLUMN {} SET DEFAULT {}",
                PostgresSyntax.qualified(table),
                PostgresSyntax.quote_identifier(&column.name),
                default.native
            );
            statement(session, "cannot set a default", &sql).map_err(|error| error.with("column", &column.name))?;
        }
    }
    Ok(())
}

/// Makes a table the child of parents that were there before, and its indexes parts of theirs.
fn link(session: &mut Session, members: &Members, member: &Member) -> Result<()> {
    if !member.plan.use_definition {
        return Ok(());
    }
    let (table, source) = (&member.plan.target, &member.source);
    let is_staged = |parent: &CollectionName| members.get(parent).is_some_and(|parent| parent.place == Place::Staged);
    if let Some(parent) = &source.part_of
        && !is_staged(parent)
    {
        adopt_checks(session, table, parent)?;
        if let Some(sql) = ddl::table::attach(table, source) {
            statement(session, "cannot attach a partition", &sql)?;
        }
    }
    if member.form(members) == Form::Alone {
        for parent in ddl::table::parents(source) {
            adopt_checks(session, table, &parent)?;
            statement(session, "cannot let a table inherit", &ddl::table::inherit(table, &parent))?;
        }
    }
    if source.part_of.as_ref().is_some_and(|parent| !is_staged(parent)) {
        for sql in ddl::index::attach(source) {
            statement(session, "cannot make an index a part of its parent's", &sql)?;
        }
    }
    Ok(())
}

/// A child must have the checks of its parent before it can become one; those that it inherits are not listed as its own.
fn adopt_checks(session: &mut Session, table: &CollectionName, parent: &CollectionName) -> Result<()> {
    const DOING: &str = "cannot give a table the checks of its parent";
    let (child, parent) = (PostgresSyntax.qualified(table), PostgresSyntax.qualified(parent));
    let rows = session.query(
        DOING,
        "SELECT pg_catalog.format('ALTER TABLE ONLY %s ADD CONSTRAINT %I %s', $1::text, p.conname, \
                pg_catalog.pg_get_constraintdef(p.oid)) \
           FROM pg_catalog.pg_constraint p WHERE p.conrelid = $2::text::pg_catalog.regclass AND p.contype = 'c' \
            AND NOT p.connoinherit AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c \
                 WHERE c.conrelid = $1::text::pg_catalog.regclass AND c.contype = 'c' AND c.conname = p.conname)",
        &[&child, &parent],
    )?;
    for row in &rows {
        statement(session, DOING, row.get(0))?;
    }
    Ok(())
}

/// The foreign keys of staged tables, each as it is made: `staged` says whether both ends are.
fn keys(members: &Members, staged: bool) -> Vec<NewKey> {
    let mut keys = Vec::new();
    for member in members.at(Place::Staged) {
        for (number, key) in member.source.foreign_keys.iter().enumerate() {
            let parent = members.get(&key.references);
            let parent_is_staged = parent.is_some_and(|parent| parent.place == Place::Staged);
            if parent_is_staged != staged {
                continue;
            }
            let child = if staged { &member.current } else { &member.plan.target };
            // What is not in the unit has the same name in both databases, or the plan's name for it.
            let references = match parent {
                Some(parent) if staged => parent.current.clone(),
                Some(parent) => parent.plan.target.clone(),
                None => outside_name(member, &key.references),
            };
            let mut key = key.clone();
            let name = key.name.clone().unwrap_or_else(|| super::build::key_name(&member.plan.target, number));
            key.name = Some(name.clone());
            let validate = !ddl::constraint::is_not_valid(&key);
            key.definition = key.definition.and_then(|definition| {
                let definition = definition.strip_suffix(" NOT VALID").unwrap_or(&definition);
                ddl::index::retarget(definition, &key.references, &references)
            });
            key.references = references;
            keys.push(NewKey {
                child: child.clone(),
                name,
                statement: ddl::constraint::add_foreign_key(child, &key, false),
                partitioned: member.is_partitioned(),
                validate,
            });
        }
    }
    keys
}

/// A collection of another engine's namespace is where its own group's restore puts it: beside the one that references it.
fn outside_name(member: &Member, references: &CollectionName) -> CollectionName {
    if references.namespace == member.source.name.namespace {
        CollectionName::new(&member.plan.target.namespace, &references.name)
    } else {
        references.clone()
    }
}

/// Foreign keys between staged tables, under their names of the moment.
pub(super) fn inner_keys(members: &Members) -> Vec<NewKey> {
    keys(members, true)
}

/// Foreign keys from staged tables to others, under their final names.
fn leaving_keys(members: &Members) -> Vec<NewKey> {
    keys(members, false)
}
