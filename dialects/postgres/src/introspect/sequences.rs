//! Sequences and where they stand.

use super::{READING, Tables, USER_NAMESPACE, fact, get, note, privileges};
use crate::PostgresSyntax;
use crate::ddl;
use crate::ddl::sequence::OwnedSequence;
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::model::{Counter, Identity, NotCarried};
use dbferry_dialect::{CollectionName, Result, Syntax};
use std::collections::HashMap;

/// How many sequences one query asks for their state.
const STATES_AT_ONCE: usize = 1000;

/// One sequence, and the column that owns it if one does.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// Its identifier.
    pub(crate) oid: Oid,
    /// The table and the number of the column that own it.
    pub(crate) owned_by: Option<(Oid, i16)>,
    /// What it is; its column is empty where none owns it.
    pub(crate) facts: OwnedSequence,
}

/// Reads all sequences that no extension made.
pub(crate) fn read(session: &mut Session, not_carried: &mut Vec<NotCarried>) -> Result<Vec<Sequence>> {
    let privileges = privileges('s', "c.relacl", "c.relowner");
    let sql = format!(
        "SELECT c.oid, n.nspname::text, c.relname::text, d.refobjid, d.refobjsubid, coalesce(d.deptype = 'i', false),
                format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s', s.seqstart, s.seqincrement,
                       s.seqmin, s.seqmax, s.seqcache, CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END),
                format_type(s.seqtypid, -1), c.relpersistence = 'u', pg_get_userbyid(c.relowner)::text, {privileges},
                o.description, has_sequence_privilege(c.oid, 'SELECT'),
                e.objid IS NOT NULL, c.oid = ANY (x.extconfig)
           FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_sequence s ON s.seqrelid = c.oid
           LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
           LEFT JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
           LEFT JOIN pg_extension x ON x.oid = e.refobjid
           LEFT JOIN pg_description o ON o.classoid = 'pg_class'::regclass AND o.objoid = c.oid AND o.objsubid = 0
          WHERE c.relkind = 'S' AND {USER_NAMESPACE} AND (e.objid IS NULL OR c.oid = ANY (x.extconfig))
          ORDER BY n.nspname, c.relname"
    );
    let mut sequences = Vec::new();
    for row in session.query(READING, &sql, &[])? {
        let name = CollectionName::new(get::<String>(&row, 1)?, get::<String>(&row, 2)?);
        if get(&row, 13)? {
            let reason = "an extension made it: its extension makes it anew, and its state begins anew";
            note(not_carried, "state of a sequence", name.to_string(), reason);
            continue;
        }
        if !get::<bool>(&row, 12)? {
            let reason = "this user may not read it (GRANT SELECT); it is restored as if it were new";
            note(not_carried, "state of a sequence", name.to_string(), reason);
        }
        let number = get::<Option<i32>>(&row, 4)?.and_then(|number| i16::try_from(number).ok());
        sequences.push(Sequence {
            oid: get(&row, 0)?,
            owned_by: get::<Option<Oid>>(&row, 3)?.zip(number),
            facts: OwnedSequence {
                column: String::new(),
                name,
                identity: get(&row, 5)?,
                options: get(&row, 6)?,
                type_: get(&row, 7)?,
                unlogged: get(&row, 8)?,
                owner: get(&row, 9)?,
                privileges: get(&row, 10)?,
                comment: get(&row, 11)?,
                // A placeholder where the state may be read.
                state: get::<bool>(&row, 12)?.then_some((0, false)),
            },
        });
    }
    for chunk in sequences.chunks_mut(STATES_AT_ONCE) {
        read_states(session, chunk)?;
    }
    Ok(sequences)
}

/// `pg_sequence_last_value` hides the value of a sequence that was not used yet, so each is asked itself.
fn read_states(session: &mut Session, sequences: &mut [Sequence]) -> Result<()> {
    let parts: Vec<String> = sequences
        .iter()
        .filter(|sequence| sequence.facts.state.is_some())
        .map(|sequence| {
            let name = PostgresSyntax.qualified(&sequence.facts.name);
            format!("SELECT {}::oid, last_value, is_called FROM {name}", sequence.oid)
        })
        .collect();
    if parts.is_empty() {
        return Ok(());
    }
    let mut states: HashMap<Oid, (i64, bool)> = HashMap::new();
    for row in session.query("the sequences cannot be read", &parts.join(" UNION ALL "), &[])? {
        states.insert(get(&row, 0)?, (get(&row, 1)?, get(&row, 2)?));
    }
    for sequence in sequences {
        sequence.facts.state = states.get(&sequence.oid).copied();
    }
    Ok(())
}

/// Gives each table the sequences that its columns own. A partition's identity is its parent's (PostgreSQL 17), so it has
/// none of its own.
pub(super) fn assign(sequences: &[Sequence], tables: &mut Tables) {
    let mut by_table: HashMap<Oid, Vec<OwnedSequence>> = HashMap::new();
    for sequence in sequences {
        let Some((table, number)) = sequence.owned_by else { continue };
        let Some(column) = tables.column_names.get(&(table, number)) else { continue };
        by_table.entry(table).or_default().push(OwnedSequence { column: column.clone(), ..sequence.facts.clone() });
    }
    let oids: Vec<Oid> = tables.named().map(|(oid, _)| oid).collect();
    for table in oids {
        let owned = by_table.remove(&table).unwrap_or_default();
        let Some(collection) = tables.get_mut(table) else { continue };
        for column in &mut collection.columns {
            let own = owned.iter().find(|sequence| sequence.column == column.name);
            match own {
                None => column.identity = None,
                Some(own) if !own.identity => {
                    // A `serial`: elsewhere it is numbered too, here its default does it.
                    let default = column.default.as_ref().map(|default| default.native.as_str());
                    column.identity = default.is_some_and(|text| is_next_of(text, own)).then_some(Identity::ByDefault);
                }
                Some(_) => {}
            }
        }
        if owned.is_empty() {
            continue;
        }
        let key = collection.primary_key.as_ref().map(|key| key.columns.clone()).unwrap_or_default();
        collection.counter = owned
            .iter()
            .filter_map(|sequence| Some((sequence, sequence.state?)))
            .max_by_key(|(sequence, _)| (key.contains(&sequence.column), sequence.identity))
            .map(|(sequence, (last_value, is_called))| Counter {
                column: sequence.column.clone(),
                last_value,
                is_called,
            });
        let list: Vec<_> = owned.iter().map(OwnedSequence::to_json).collect();
        let states: serde_json::Map<String, serde_json::Value> = owned
            .iter()
            .filter_map(|sequence| Some((sequence.column.clone(), serde_json::json!(sequence.state?))))
            .collect();
        fact(collection, ddl::SEQUENCES, Some(serde_json::Value::Array(list).to_string()));
        if !states.is_empty() {
            fact(collection, ddl::SEQUENCE_STATE, Some(serde_json::Value::Object(states).to_string()));
        }
    }
}

/// Whether a default is `nextval` of that sequence and nothing else.
fn is_next_of(default: &str, sequence: &OwnedSequence) -> bool {
    let Some(inside) = default.strip_prefix("nextval('").and_then(|rest| rest.strip_suffix("'::regclass)")) else {
        return false;
    };
    let plain = inside.replace("''", "'");
    let quoted = PostgresSyntax.qualified(&sequence.name);
    plain == quoted || plain == sequence.name.to_string() || plain.replace('"', "") == quoted.replace('"', "")
}
