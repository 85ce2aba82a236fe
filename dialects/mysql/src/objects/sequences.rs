//! MariaDB's sequences: made before the tables, whose defaults may name them, and set to where they stand.

use super::{NEXT_VALUE, ROUND, Reader};
use crate::MySqlSyntax;
use crate::ddl;
use crate::introspect::{READING, show_create, text};
use dbferry_dialect::model::{NativeObject, ObjectKind, Stage};
use dbferry_dialect::{Result, Syntax};

const SEQUENCES: &str = "SELECT TABLE_NAME FROM information_schema.TABLES
                          WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SEQUENCE' ORDER BY TABLE_NAME";

/// How many sequences are asked at once where they stand.
const AT_ONCE: usize = 200;

/// Adds the sequences.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<()> {
    if !reader.catalogue.version.is_mariadb() {
        return Ok(());
    }
    let rows = reader.session.query(READING, SEQUENCES)?;
    let names: Vec<String> = rows.iter().filter_map(|row| text(row, 0)).collect();
    let definitions = show_create(reader.session, "SEQUENCE", &names)?;
    let mut states = Vec::with_capacity(names.len());
    for names in names.chunks(AT_ONCE) {
        let selects: Vec<_> = names
            .iter()
            .map(|name| {
                format!("SELECT next_not_cached_value, cycle_count FROM {}", MySqlSyntax.quote_identifier(name))
            })
            .collect();
        states.extend(reader.session.query_sets(READING, &selects.join(";"))?.into_iter().flatten());
    }
    for ((name, shown), state) in names.into_iter().zip(definitions).zip(states) {
        let definition = text(&shown, 1).unwrap_or_default();
        let mut object = NativeObject::new(ObjectKind::Sequence, crate::NAMESPACE, name, crate::NAME, definition);
        object.stage = Stage::Before;
        let facts =
            [(ddl::FLAVOUR, Some(reader.catalogue.flavour())), (NEXT_VALUE, text(&state, 0)), (ROUND, text(&state, 1))];
        for (key, value) in facts {
            if let Some(value) = value {
                object.attributes.insert(key.to_owned(), value);
            }
        }
        reader.schema.objects.push(object);
    }
    Ok(())
}
