//! About how many rows a table has, without counting them.
//!
//! A small table is counted. For any other, the range of rowids is halved a few times where it is widest, each half
//! tightened to the rowids that exist, so that large holes fall out; what is left is taken to be as dense as its two ends.
//! Each step is one descent in the b-tree, however large the table is.

use crate::chunk::{Interval, Keys};
use crate::shape::{RowKey, row_key};
use dbferry_dialect::CollectionName;
use rusqlite::Connection;
use std::collections::BinaryHeap;

/// A table with fewer rows is counted.
const COUNTED_ROWS: u64 = 5_000;
/// Rows that are looked at from each end.
const SAMPLED_ROWS: u64 = 200;
/// How often the range is halved.
const HALVINGS: usize = 12;

/// The estimate, `statistics` where the table itself does not tell. A table that cannot be read tells nothing.
pub(super) fn estimate(connection: &Connection, name: &CollectionName, statistics: Option<u64>) -> Option<u64> {
    let key = row_key(connection, name).ok()?;
    sampled(connection, name, &key).ok().flatten().or(statistics)
}

fn sampled(connection: &Connection, name: &CollectionName, key: &RowKey) -> rusqlite::Result<Option<u64>> {
    let counted = count(connection, &key.source(name))?;
    if counted < COUNTED_ROWS {
        return Ok(Some(counted));
    }
    let (RowKey::Rowid(_), Some(leading)) = (key, key.leading()) else { return Ok(None) };
    let keys = Keys { connection, source: key.source(name), leading };
    let (Some(lower), Some(upper)) = (dense_end(&keys, true)?, dense_end(&keys, false)?) else { return Ok(None) };
    let density = f64::midpoint(lower.density(), upper.density());
    let mut intervals = BinaryHeap::from([Interval::new(lower.first(), upper.last())]);
    for _ in 0..HALVINGS {
        // One that holds a single rowid has no halves.
        let Some(widest) = intervals.pop().filter(|widest| widest.width() > 1) else { break };
        intervals.extend(widest.halves(&keys)?);
    }
    let width: u128 = intervals.into_iter().map(|interval| interval.width()).sum();
    // A range of rowids has at most 2^64 of them.
    Ok(Some(((width as f64 * density).round() as u64).max(counted)))
}

fn count(connection: &Connection, source: &str) -> rusqlite::Result<u64> {
    let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {source} LIMIT {COUNTED_ROWS})");
    connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
}

/// The rowids that the first or the last rows of a table lie between.
struct End(Interval);

impl End {
    fn first(&self) -> i64 {
        self.0.first()
    }

    fn last(&self) -> i64 {
        self.0.last()
    }

    /// Rows for each rowid that there could be; at most 1.
    fn density(&self) -> f64 {
        SAMPLED_ROWS as f64 / self.0.width() as f64
    }
}

fn dense_end(keys: &Keys<'_>, lowest: bool) -> rusqlite::Result<Option<End>> {
    let Keys { connection, source, leading } = keys;
    let order = if lowest { "" } else { " DESC" };
    let sql = format!(
        "SELECT min(k), max(k) FROM (SELECT {leading} AS k FROM {source} ORDER BY {leading}{order} LIMIT {SAMPLED_ROWS})"
    );
    let ends = connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)) = ends else { return Ok(None) };
    Ok(Some(End(Interval::new(first, last))))
}

#[cfg(test)]
mod tests {
    use crate::NAMESPACE;
    use dbferry_dialect::CollectionName;
    use rusqlite::Connection;

    const NUMBERS: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)";

    fn estimated(sql: &str, statistics: Option<u64>) -> Option<u64> {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection.execute_batch(sql).expect(sql);
        super::estimate(&connection, &CollectionName::new(NAMESPACE, "t"), statistics)
    }

    #[track_caller]
    fn about(found: Option<u64>, expected: u64) {
        let found = found.expect("an estimate");
        assert!(found.abs_diff(expected) * 10 <= expected, "{found} instead of {expected}");
    }

    #[test]
    fn small_tables_are_counted() {
        assert_eq!(estimated("CREATE TABLE t(a)", Some(70)), Some(0));
        let far = "CREATE TABLE t(a INTEGER PRIMARY KEY); INSERT INTO t VALUES (-9223372036854775808), (5), (9223372036854775807)";
        assert_eq!(estimated(far, None), Some(3));
        let keyed = "CREATE TABLE t(a TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO t VALUES ('a'), ('b')";
        assert_eq!(estimated(keyed, Some(9)), Some(2));
    }

    #[test]
    fn large_ones_are_estimated_from_their_rowids() {
        let dense = format!("CREATE TABLE t(a); {NUMBERS} INSERT INTO t SELECT i FROM n");
        assert_eq!(estimated(&dense, Some(3)), Some(10_000));
        let every_seventh =
            format!("CREATE TABLE t(a INTEGER PRIMARY KEY); {NUMBERS} INSERT INTO t SELECT i * 7 FROM n");
        about(estimated(&every_seventh, None), 10_000);
        let holes = format!("{dense}; DELETE FROM t WHERE a BETWEEN 1000 AND 7999");
        about(estimated(&holes, None), 3_000);
        let ends = format!(
            "CREATE TABLE t(a INTEGER PRIMARY KEY);
             {NUMBERS} INSERT INTO t SELECT -9223372036854775807 - 1 + i FROM n;
             {NUMBERS} INSERT INTO t SELECT 9223372036854775807 - i FROM n;"
        );
        assert_eq!(estimated(&ends, None), Some(20_000));
    }

    #[test]
    fn statistics_help_where_there_is_no_rowid() {
        let keyed =
            format!("CREATE TABLE t(a TEXT PRIMARY KEY) WITHOUT ROWID; {NUMBERS} INSERT INTO t SELECT i FROM n");
        assert_eq!(estimated(&keyed, Some(9_000)), Some(9_000));
        assert_eq!(estimated(&keyed, None), None);
        assert_eq!(estimated("CREATE TABLE other(a)", Some(9_000)), Some(9_000));
    }
}
