//! The spatial reference system of columns that declare none: that of their values, if they share one.

use super::TAKING;
use crate::syntax::MySqlSyntax;
use crate::wire::Wire;
use dbferry_dialect::{ErrorKind, LogicalType, Result, Schema, Syntax};

/// Chooses it for every such column, as the session sees the values. A table that cannot be read keeps what it has:
/// nobody may want it.
///
/// # Errors
/// When the session does not work any more.
pub(super) fn choose_systems(wire: &mut Wire, schema: &mut Schema) -> Result<()> {
    for collection in &mut schema.collections {
        let table = MySqlSyntax.qualified(&collection.name);
        for column in &mut collection.columns {
            let LogicalType::Geometry { srid: srid @ None, .. } = &mut column.logical else { continue };
            let name = MySqlSyntax.quote_identifier(&column.name);
            let sql = format!("SELECT MIN(ST_SRID({name})), MAX(ST_SRID({name})) FROM {table}");
            let rows = match wire.query(TAKING, &sql) {
                Ok(rows) => rows,
                Err(error) if matches!(error.kind(), ErrorKind::Database | ErrorKind::Permission) => continue,
                Err(error) => return Err(error),
            };
            let number = |place: usize| -> Option<u32> {
                std::str::from_utf8(rows.first()?.get(place)?.as_deref()?).ok()?.parse().ok()
            };
            // Values of several systems are exceptions but for those of none.
            let chosen = if number(0) == number(1) { number(0).unwrap_or(0) } else { 0 };
            *srid = Some(chosen.cast_signed());
        }
    }
    Ok(())
}
