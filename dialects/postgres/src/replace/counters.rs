//! Where automatic numbering goes on, also for tables without rows.
//!
//! `setval` takes effect at once and for good, whatever becomes of its transaction. `ALTER SEQUENCE ... RESTART` does not: it
//! gives the sequence new storage, as `TRUNCATE` does a table, and what is set there afterwards goes away with the
//! transaction.

use super::sessions::statement;
use super::unit::{Member, Members, Place};
use crate::PostgresSyntax;
use crate::ddl;
use crate::session::Session;
use dbferry_dialect::{CollectionAction, CollectionName, Result, Syntax};
use std::collections::HashMap;

const SETTING: &str = "cannot set where automatic numbering goes on";

/// A column of a table in its place.
type Column = (CollectionName, String);

/// Sets the sequences that number columns of the members, which have their final names by now.
pub(super) fn set(session: &mut Session, members: &Members) -> Result<()> {
    let mut wanted: Vec<(Column, (i64, bool))> = Vec::new();
    for member in members.iter().filter(|member| is_set(member)) {
        wanted.extend(states(member).into_iter().map(|(column, state)| ((member.plan.target.clone(), column), state)));
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let sequences = owned_sequences(session, wanted.iter().map(|((table, _), _)| table))?;
    for (column, (last_value, is_called)) in wanted {
        // The target may number a column in another way, or not at all.
        let Some(sequence) = sequences.get(&column) else { continue };
        let set = [
            format!("ALTER SEQUENCE {} RESTART", PostgresSyntax.qualified(sequence)),
            ddl::sequence::set(sequence, last_value, is_called),
        ];
        for sql in set {
            statement(session, SETTING, &sql)
                .map_err(|error| error.with("collection", &column.0).with("column", &column.1))?;
        }
    }
    Ok(())
}

/// Rows that are added get the numbers that they have; the target's own numbering goes on where it is.
fn is_set(member: &Member) -> bool {
    member.place != Place::Untouched && member.plan.action != CollectionAction::Append
}

/// Columns with the last value and whether it was handed out.
fn states(member: &Member) -> Vec<(String, (i64, bool))> {
    let exact: Vec<_> = ddl::sequence::all(&member.source)
        .into_iter()
        .filter_map(|sequence| Some((sequence.column, sequence.state?)))
        .collect();
    if !exact.is_empty() || member.plan.action == CollectionAction::CreateEmpty {
        return exact;
    }
    let counter = member.plan.source.counter.as_ref();
    // A sequence begins at 1; engines that have handed out nothing say 0.
    counter
        .map(|counter| {
            let handed_out = counter.is_called && counter.last_value > 0;
            (counter.column.clone(), (counter.last_value.max(1), handed_out))
        })
        .into_iter()
        .collect()
}

fn owned_sequences<'a>(
    session: &mut Session,
    tables: impl Iterator<Item = &'a CollectionName>,
) -> Result<HashMap<Column, CollectionName>> {
    let mut tables: Vec<String> = tables.map(|table| PostgresSyntax.qualified(table)).collect();
    tables.dedup();
    let rows = session.query(
        SETTING,
        "SELECT tn.nspname::text, t.relname::text, a.attname::text, sn.nspname::text, s.relname::text \
           FROM pg_catalog.unnest($1::text[]) name \
           JOIN pg_catalog.pg_class t ON t.oid = name::pg_catalog.regclass \
           JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace \
           JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = t.oid \
            AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i') \
           JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid \
           JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S' \
           JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace",
        &[&tables],
    )?;
    let text = |row: &tokio_postgres::Row, place: usize| -> String { row.get(place) };
    Ok(rows
        .iter()
        .map(|row| {
            let table = CollectionName::new(text(row, 0), text(row, 1));
            ((table, text(row, 2)), CollectionName::new(text(row, 3), text(row, 4)))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::super::staging::Staging;
    use super::*;
    use crate::connect::Target;
    use crate::introspect::introspect;
    use crate::testing::Server;
    use dbferry_dialect::{CollectionPlan, DatabaseUrl, OpenOptions};

    #[test]
    fn numbering_is_rolled_back_with_its_transaction() {
        let server = Server::shared();
        let database = server.create_database();
        let sql =
            "CREATE TABLE public.t (a serial, b int GENERATED ALWAYS AS IDENTITY); SELECT nextval('public.t_a_seq')";
        server.sql(&database, sql).expect("a table");
        let url = DatabaseUrl::parse(&server.url(&database)).expect("a URL");
        let target = Target::resolve(&url, &OpenOptions::default()).expect("a target");
        let mut session = target.connect().expect("a session");
        let mut source = introspect(&mut session).expect("a schema").collections.remove(0);
        source.attributes.insert(ddl::SEQUENCE_STATE.to_owned(), r#"{"a": [50, true], "b": [60, false]}"#.to_owned());
        let plan = CollectionPlan {
            target: source.name.clone(),
            existing: None,
            action: CollectionAction::Replace,
            parts: 1,
            objects: Vec::new(),
            use_definition: true,
            source,
        };
        let members = Members::new(vec![plan], &mut Staging::default(), &mut session).expect("members");
        let next = |session: &mut Session, end: &str| -> (i64, i64) {
            session.run("", "BEGIN").expect("begun");
            set(session, &members).expect("set");
            session.run("", end).expect("ended");
            let sql = "SELECT nextval('public.t_a_seq'), nextval('public.t_b_seq')";
            let row = &session.query("", sql, &[]).expect("numbers")[0];
            (row.get(0), row.get(1))
        };
        assert_eq!(next(&mut session, "ROLLBACK"), (2, 1));
        assert_eq!(next(&mut session, "COMMIT"), (51, 60));
    }
}
