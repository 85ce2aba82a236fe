//! Dividing a table into key ranges of about the same size, without counting its rows.
//!
//! SQLite knows neither how many rows a range of keys holds nor how large they are, but it finds the first key from a
//! given one on in the time of one descent. So the range of keys is halved, each half is tightened to the keys that exist,
//! and the widest is halved again, until every one would be small enough if all of its keys existed. Sparse keys look
//! larger than they are; a bound on the number of chunks, from the size of the file, keeps them from exploding. Key space
//! itself is never walked.

use crate::error::database_error;
use crate::shape::{RowKey, column_expression, row_key};
use dbferry_dialect::{Chunk, ChunkRange, Collection, NativeValue, Result};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Rows at each end of the table that the average row is taken from.
const SAMPLED_ROWS: u32 = 200;
/// What a row is taken for where its size cannot be asked.
const DEFAULT_ROW_BYTES: u64 = 128;
/// A table that looks large but has fewer rows than this is counted, and read whole if it is small.
const COUNTED_ROWS: u64 = 50_000;

/// Divides `collection` into chunks of about `target_bytes`, in key order.
///
/// The same data gives the same chunks, however many readers there are.
///
/// # Errors
/// What SQLite says.
pub(crate) fn chunks(connection: &Connection, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
    plan(connection, collection, target_bytes.max(1)).map_err(|error| error.with("collection", &collection.name))
}

fn plan(connection: &Connection, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
    let failed = |error| database_error("the collection cannot be divided", error);
    let key = row_key(connection, &collection.name)?;
    let file_bytes = file_bytes(connection).map_err(failed)?;
    let row_bytes = average_row_bytes(connection, collection, &key).unwrap_or(DEFAULT_ROW_BYTES).max(1);
    let whole = |rows: u128| {
        let estimated_bytes = clamp(rows * u128::from(row_bytes)).min(file_bytes);
        Ok(vec![Chunk { range: ChunkRange::Whole, estimated_bytes }])
    };
    let keys = key.leading().map(|leading| Keys { connection, source: key.source(&collection.name), leading });
    // A key by an unknown collation cannot be asked for, and one that is not a whole number is not divided.
    let Some((keys, Some(first), Some(last))) = keys
        .map(|keys| (keys.end(true).ok().flatten(), keys.end(false).ok().flatten(), keys))
        .map(|(a, b, k)| (k, a, b))
    else {
        let rows = collection.estimate.rows.unwrap_or(u64::MAX);
        return whole(rows.into());
    };
    let all = Interval::new(first, last);
    let largest = u128::from((target_bytes / row_bytes).max(1));
    if all.width <= largest {
        return whole(all.width);
    }
    let counted = keys.count(COUNTED_ROWS.min(clamp(largest)) + 1).map_err(failed)?;
    if counted <= COUNTED_ROWS && u128::from(counted) <= largest {
        return whole(counted.into());
    }
    let most = usize::try_from(file_bytes.saturating_mul(2) / target_bytes + 1).unwrap_or(usize::MAX);
    let mut intervals = BinaryHeap::from([all]);
    while intervals.len() < most {
        let Some(widest) = intervals.pop_if_wider(largest) else { break };
        intervals.extend(widest.halves(&keys).map_err(failed)?);
    }
    let mut intervals = intervals.into_vec();
    intervals.sort_by_key(|interval| interval.first.0);
    // What is estimated as if all keys existed is scaled down to what the file can hold.
    let total: u128 = intervals.iter().map(|interval| interval.width * u128::from(row_bytes)).sum();
    let bounds: Vec<i64> = intervals.iter().skip(1).map(|interval| interval.first.0).collect();
    let bound = |index: Option<usize>| {
        index.and_then(|index| bounds.get(index)).map(|value| vec![NativeValue::Integer(*value)])
    };
    Ok(intervals
        .iter()
        .enumerate()
        .map(|(index, interval)| {
            let bytes = interval.width * u128::from(row_bytes);
            let share = if total > u128::from(file_bytes) {
                // Widths are below 2^64 and a row below 2^32 bytes, so only a scaled float is sure not to overflow.
                (bytes as f64 / total as f64 * file_bytes as f64) as u64
            } else {
                clamp(bytes)
            };
            let range = ChunkRange::Keys { from: bound(index.checked_sub(1)), to: bound(Some(index)) };
            Chunk { range, estimated_bytes: share }
        })
        .collect())
}

/// Keys from `first` to `last`, both of which exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Interval {
    /// Compared first, so that a heap gives the widest.
    width: u128,
    /// Among equally wide ones the lowest comes first.
    first: Reverse<i64>,
    last: i64,
}

impl Interval {
    pub(crate) fn new(first: i64, last: i64) -> Self {
        // A reader of a damaged file may see its ends reversed; the range is then as good as empty.
        let width = u128::try_from(i128::from(last) - i128::from(first) + 1).unwrap_or(1);
        Self { width, first: Reverse(first), last }
    }

    /// How many whole numbers there are in it.
    pub(crate) fn width(&self) -> u128 {
        self.width
    }

    pub(crate) fn first(&self) -> i64 {
        self.first.0
    }

    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// Its two halves, each from the first to the last key that exists in it.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn halves(&self, keys: &Keys<'_>) -> rusqlite::Result<[Self; 2]> {
        let middle = self.middle();
        // Both halves have at least their outer key, since the ends are keys that exist.
        let below = keys.last_before(middle)?.unwrap_or(self.first.0);
        let above = keys.first_from(middle)?.unwrap_or(self.last);
        Ok([Self::new(self.first.0, below), Self::new(above, self.last)])
    }

    /// The first key of the upper half.
    fn middle(&self) -> i64 {
        // Half of the distance between two i64 fits i64 once it is added to the lower one.
        (i128::from(self.first.0) + (i128::from(self.last) - i128::from(self.first.0)) / 2 + 1) as i64
    }
}

trait PopIfWider {
    fn pop_if_wider(&mut self, width: u128) -> Option<Interval>;
}

impl PopIfWider for BinaryHeap<Interval> {
    fn pop_if_wider(&mut self, width: u128) -> Option<Interval> {
        if self.peek()?.width > width { self.pop() } else { None }
    }
}

/// The keys of one table.
pub(crate) struct Keys<'a> {
    pub(crate) connection: &'a Connection,
    /// The table as a `FROM` clause names it.
    pub(crate) source: String,
    /// The expression of its leading key.
    pub(crate) leading: &'a str,
}

impl Keys<'_> {
    /// The lowest or the highest key, if it is a whole number.
    fn end(&self, lowest: bool) -> rusqlite::Result<Option<i64>> {
        Ok(match self.key(None, lowest)? {
            Some(Number::Integer(value)) => Some(value),
            _ => None,
        })
    }

    fn first_from(&self, bound: i64) -> rusqlite::Result<Option<i64>> {
        Ok(self.key(Some(bound), true)?.map(Number::floor))
    }

    fn last_before(&self, bound: i64) -> rusqlite::Result<Option<i64>> {
        Ok(self.key(Some(bound), false)?.map(Number::floor))
    }

    /// The lowest key from `bound` on, or the highest one before it.
    fn key(&self, bound: Option<i64>, lowest: bool) -> rusqlite::Result<Option<Number>> {
        let leading = self.leading;
        let condition = match (bound, lowest) {
            (None, _) => String::new(),
            (Some(_), true) => format!("WHERE {leading} >= ?1"),
            (Some(_), false) => format!("WHERE {leading} < ?1"),
        };
        let sql = format!(
            "SELECT {leading} FROM {} {condition} ORDER BY {leading}{} LIMIT 1",
            self.source,
            if lowest { "" } else { " DESC" }
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(rusqlite::params_from_iter(bound))?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(value) => Some(Number::Integer(value)),
            ValueRef::Real(value) => Some(Number::Real(value)),
            _ => None,
        })
    }

    /// The number of rows, counted up to `limit`.
    fn count(&self, limit: u64) -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {limit})", self.source);
        self.connection.query_row(&sql, [], |row| Ok(unsigned(row.get(0)?)))
    }
}

/// A key between two whole numbers need not be one in a table without a rowid.
enum Number {
    Integer(i64),
    Real(f64),
}

impl Number {
    fn floor(self) -> i64 {
        match self {
            Self::Integer(value) => value,
            // Between two i64, so the cast only drops the fraction.
            Self::Real(value) => value.floor() as i64,
        }
    }
}

fn file_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row(
        "SELECT p.page_count * s.page_size FROM pragma_page_count('main') AS p, pragma_page_size('main') AS s",
        [],
        |row| Ok(unsigned(row.get(0)?)),
    )
}

/// The average size of the first and last rows, as far as their values tell.
fn average_row_bytes(connection: &Connection, collection: &Collection, key: &RowKey) -> Option<u64> {
    // The length of a value is known without loading it.
    let lengths: Vec<String> = collection
        .columns
        .iter()
        .map(|column| format!("octet_length({})", column_expression(&collection.name, &column.name)))
        .collect();
    let list = if lengths.is_empty() { "NULL".to_owned() } else { lengths.join(", ") };
    let select = format!("SELECT {list} FROM {}", key.source(&collection.name));
    let (mut bytes, mut count) = (0_u64, 0_u64);
    for reverse in [false, true] {
        let mut statement = connection.prepare(&format!("{select} {}", key.order(reverse))).ok()?;
        let mut rows = statement.query([]).ok()?;
        for _ in 0..SAMPLED_ROWS {
            let Ok(Some(row)) = rows.next() else { break };
            count += 1;
            // A value's header takes a byte, a row's about four.
            bytes += 4 + lengths.len() as u64;
            for column in 0..lengths.len() {
                bytes += unsigned(row.get_ref(column).ok()?.as_i64_or_null().ok()?.unwrap_or(0));
            }
        }
    }
    bytes.checked_div(count)
}

/// A count, which is never negative.
fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

fn clamp(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestDatabase, cells, collection, read};
    use std::time::{Duration, Instant};

    /// The keys that the chunks give one after the other, and the number of chunks.
    fn divided(create: &str, target_bytes: u64) -> (Vec<String>, Vec<Chunk>) {
        let database = TestDatabase::new(create);
        let mut snapshot = database.snapshot(1);
        let table = collection(&snapshot.schema().expect("a schema"), "t");
        let chunks = snapshot.chunks(&table, target_bytes).expect("chunks");
        assert_eq!(snapshot.chunks(&table, target_bytes).expect("chunks"), chunks);
        let mut reader = snapshot.readers().remove(0);
        let mut keys = Vec::new();
        for chunk in &chunks {
            for batch in read(reader.as_mut(), &table, chunk, 1 << 20).expect("rows") {
                keys.extend(cells(&batch, 0));
            }
        }
        (keys, chunks)
    }

    const NUMBERS: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)";

    #[test]
    fn dense_keys_give_chunks_of_the_size_that_was_asked_for() {
        let (keys, chunks) = divided(
            &format!("CREATE TABLE t(a TEXT); {NUMBERS} INSERT INTO t SELECT printf('%090d', i) FROM n"),
            100_000,
        );
        assert_eq!(keys, (1..=10_000).map(|key| key.to_string()).collect::<Vec<_>>());
        assert!((10..=20).contains(&chunks.len()), "{chunks:?}");
        for chunk in &chunks {
            assert!((40_000..=100_000).contains(&chunk.estimated_bytes), "{chunks:?}");
        }
        assert!(matches!(&chunks[0].range, ChunkRange::Keys { from: None, to: Some(_) }));
        assert!(matches!(&chunks[chunks.len() - 1].range, ChunkRange::Keys { from: Some(_), to: None }));
    }

    #[test]
    fn sparse_and_extreme_keys_neither_explode_nor_get_lost() {
        let begun = Instant::now();
        // Two dense ends, the whole range of keys between them, and a few keys in it.
        let create = format!(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT);
             {NUMBERS} INSERT INTO t SELECT -9223372036854775807 - 1 + i, printf('%090d', i) FROM n;
             {NUMBERS} INSERT INTO t SELECT 9223372036854775807 - i, printf('%090d', i) FROM n;
             {NUMBERS} INSERT INTO t SELECT (i - 5000) * 900000000000000, printf('%090d', i) FROM n;"
        );
        let (keys, chunks) = divided(&create, 100_000);
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert_eq!(keys.len(), 30_000);
        assert!(keys.iter().map(|key| key.parse::<i64>().expect("a key")).is_sorted());
        // Twice the file's bytes, which are half as much again as the values.
        assert!((10..=100).contains(&chunks.len()), "{}", chunks.len());
        assert!(chunks.iter().map(|chunk| chunk.estimated_bytes).sum::<u64>() < 8_000_000);
    }

    #[test]
    fn few_rows_with_far_keys_are_one_chunk() {
        let (keys, chunks) = divided(
            "CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (9223372036854775807)",
            1_000_000,
        );
        assert_eq!((keys.len(), chunks.len()), (2, 1));
        assert_eq!(chunks[0].range, ChunkRange::Whole);
    }

    #[test]
    fn a_leading_key_of_whole_numbers_divides_a_table_without_rowid() {
        let (keys, chunks) = divided(
            &format!(
                "CREATE TABLE t(k, j INT, a TEXT, PRIMARY KEY(k, j)) WITHOUT ROWID;
                 {NUMBERS} INSERT INTO t SELECT i / 3, i % 3, printf('%090d', i) FROM n;
                 INSERT INTO t VALUES (1000.5, 0, 'between'), (1, 7, 'x')"
            ),
            50_000,
        );
        assert_eq!(keys.len(), 10_002);
        assert!(chunks.len() > 5);
    }

    #[test]
    fn other_keys_are_not_divided() {
        for create in [
            "CREATE TABLE t(k TEXT PRIMARY KEY, a) WITHOUT ROWID",
            "CREATE TABLE t(k INT, a, PRIMARY KEY(k DESC)) WITHOUT ROWID",
            "CREATE TABLE t(rowid, _rowid_, oid)",
        ] {
            let columns = if create.contains("oid)") { "i, i, zeroblob(90)" } else { "i, zeroblob(90)" };
            let (keys, chunks) = divided(&format!("{create}; {NUMBERS} INSERT INTO t SELECT {columns} FROM n"), 10_000);
            assert_eq!((keys.len(), chunks.len()), (10_000, 1), "{create}");
        }
        // A text after all whole numbers.
        let create = "CREATE TABLE t(k PRIMARY KEY, a) WITHOUT ROWID; INSERT INTO t VALUES ('z', 1)";
        let (keys, chunks) =
            divided(&format!("{create}; {NUMBERS} INSERT INTO t SELECT i, zeroblob(90) FROM n"), 10_000);
        assert_eq!((keys.len(), chunks.len()), (10_001, 1));
    }

    #[test]
    fn rows_larger_than_a_chunk_are_divided_down_to_one() {
        let (keys, chunks) = divided(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) INSERT INTO t SELECT i, zeroblob(100000) FROM n",
            1000,
        );
        assert_eq!((keys.len(), chunks.len()), (10, 10));
    }
}
