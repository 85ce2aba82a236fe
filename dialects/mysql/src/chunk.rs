//! Divides a table by the values of a unique key.
//!
//! Boundaries are keys that exist: the key's index is walked in strides of as many rows as make a chunk. Nothing is
//! computed from the smallest and the largest key but where several walks begin, so that gaps cost nothing; nothing is
//! estimated but the length of a row, so that the same rows give the same chunks. The walk counts all rows by the way, and
//! what is read later is held against that.
//!
//! Walking costs about a tenth of reading the rows of a table. Ranges are half-open and compared by the server alone, each
//! text with the column's own collation; null keys, which a unique key may have any number of, are the first chunk's.
//!
//! What it is not: a choice of key by cost. The primary key is taken, else a unique key without nulls, else a unique key
//! of one column. Keys of floats, bits, enumerations and prefixes divide nothing, nor do tables that keep their history,
//! in which a key is not unique.

mod key;
#[cfg(test)]
mod tests;
mod walk;

use crate::syntax::MySqlSyntax;
use crate::wire::Wire;
use dbferry_dialect::{Chunk, ChunkRange, Collection, Error, ErrorKind, NativeValue, Result, Syntax};
use key::TableKey;
pub(crate) use walk::Division;

const DIVIDING: &str = "the table cannot be divided";
/// The length of a row when the server does not know it, in bytes.
const UNKNOWN_ROW: u64 = 256;
/// At least so many rows make a chunk: what is less costs more to find than to read.
const LEAST_ROWS: u64 = 1000;

/// Divides the table of that quoted name into chunks of about `target_bytes`. The walk is done by all of `wires`, which
/// must see the same rows.
///
/// # Errors
/// What the server says.
pub(crate) fn divide(
    wires: &mut [&mut Wire],
    collection: &Collection,
    relation: &str,
    target_bytes: u64,
) -> Result<Division> {
    let whole =
        |estimated_bytes| Division { chunks: vec![Chunk { range: ChunkRange::Whole, estimated_bytes }], rows: None };
    let Some(wire) = wires.first_mut() else { return Ok(whole(0)) };
    let size = Size::of(wire, relation)?;
    if size.bytes <= target_bytes || crate::ddl::carries_history(collection) {
        return Ok(whole(size.bytes));
    }
    let Some(key) = TableKey::of(wire, relation)? else { return Ok(whole(size.bytes)) };
    let row = size.row();
    let stride = steady((target_bytes / row).max(LEAST_ROWS));
    let division = walk::walk(wires, &key, relation, stride, row)?;
    Ok(if division.chunks.len() > 1 { division } else { whole(size.bytes) })
}

/// The condition that a row is in a range, and the index that answers it; nothing for all rows.
pub(crate) struct Bounds {
    /// The quoted name.
    pub(crate) index: String,
    /// In SQL; empty when every row is.
    pub(crate) condition: String,
}

/// The condition of a chunk of the table of that quoted name.
///
/// # Errors
/// [`ErrorKind::Internal`] when the range is none that [`divide`] makes, or what the server says.
pub(crate) fn condition(wire: &mut Wire, relation: &str, range: &ChunkRange) -> Result<Option<Bounds>> {
    let (from, to) = match range {
        ChunkRange::Whole => return Ok(None),
        ChunkRange::Keys { from, to } => (from, to),
        _ => return Err(Error::new(ErrorKind::Internal, "a table is divided by keys").with("dialect", crate::NAME)),
    };
    let key = TableKey::of(wire, relation)?.ok_or_else(|| {
        Error::new(ErrorKind::Busy, "the key that divided the table is not there any more")
            .with("dialect", crate::NAME)
            .hint("try again without schema changes")
    })?;
    let condition = key.condition(from.as_deref(), to.as_deref())?;
    Ok(Some(Bounds { index: MySqlSyntax.quote_identifier(&key.index), condition }))
}

/// A key's values.
type KeyValues = Vec<NativeValue>;

/// About how large a table is.
struct Size {
    rows: u64,
    bytes: u64,
}

impl Size {
    fn of(wire: &mut Wire, relation: &str) -> Result<Self> {
        // MySQL keeps what it found for a day unless told; MariaDB looks anyway and does not know the setting.
        _ = wire.run(DIVIDING, "SET SESSION information_schema_stats_expiry = 0");
        let name = unquoted(relation);
        let sql = format!(
            "SELECT TABLE_ROWS, DATA_LENGTH FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
            name.0.map_or_else(|| "DATABASE()".to_owned(), |schema| MySqlSyntax.quote_text(&schema)),
            MySqlSyntax.quote_text(&name.1)
        );
        let rows = wire.query(DIVIDING, &sql)?;
        let number = |column: usize| {
            let value = rows.first()?.get(column)?.as_deref()?;
            std::str::from_utf8(value).ok()?.parse().ok()
        };
        Ok(Self { rows: number(0).unwrap_or(0), bytes: number(1).unwrap_or(0) })
    }

    /// About how long a row is, in bytes.
    fn row(&self) -> u64 {
        self.bytes.checked_div(self.rows).unwrap_or(UNKNOWN_ROW).max(1)
    }
}

/// The names behind a quoted one, the schema's first if there is one.
fn unquoted(relation: &str) -> (Option<String>, String) {
    let plain = |quoted: &str| quoted.trim_matches('`').replace("``", "`");
    match relation.split_once("`.`") {
        Some((schema, name)) => (Some(plain(schema)), plain(name)),
        None => (None, plain(relation)),
    }
}

/// The number without what lies behind its first three binary digits: a guess that wavers a little stays the same mostly.
fn steady(rows: u64) -> u64 {
    let unimportant = rows.checked_ilog2().unwrap_or(0).saturating_sub(2);
    rows >> unimportant << unimportant
}
