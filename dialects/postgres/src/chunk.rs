//! Divides a table by its storage pages.
//!
//! Ranges of `ctid` are read as they lie on the disk, need no key, and cannot be skewed by one. From PostgreSQL 14 on such
//! a range is found without looking at the rest of the table; before, each would cost a whole scan, so there a table is one
//! chunk. So is whatever is not stored as a heap.

use crate::large;
use crate::session::Session;
use dbferry_dialect::{Chunk, ChunkRange, Collection, Result};

/// The first version with scans of `ctid` ranges.
const RANGE_SCANS: i32 = 140_000;

/// Chunks of a collection, whose relation has that quoted name: see [`of_relation`]; large objects are divided otherwise.
pub(crate) fn chunks(
    session: &mut Session,
    collection: &Collection,
    relation: &str,
    target_bytes: u64,
) -> Result<Vec<Chunk>> {
    if large::is_large_objects(collection) {
        large::chunks(session, target_bytes)
    } else {
        of_relation(session, relation, target_bytes)
    }
}

/// Chunks of the relation of that quoted name, each of about `target_bytes` of rows and what they have in their TOAST
/// table; the last one is open, so that a table that grew is read to its end.
pub(crate) fn of_relation(session: &mut Session, relation: &str, target_bytes: u64) -> Result<Vec<Chunk>> {
    let doing = "the size of the table cannot be read";
    let rows = session.query(
        doing,
        "SELECT pg_catalog.current_setting('server_version_num')::int4 >= $2 AND c.relkind IN ('r', 'm')
                AND coalesce(a.amname = 'heap', false),
                coalesce(pg_catalog.pg_relation_size(c.oid), 0),
                coalesce(pg_catalog.pg_relation_size(nullif(c.reltoastrelid, 0)), 0),
                pg_catalog.current_setting('block_size')::int8
           FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam
          WHERE c.oid = $1::text::pg_catalog.regclass",
        &[&relation, &RANGE_SCANS],
    )?;
    let Some(row) = rows.first() else { return Ok(vec![whole(0)]) };
    let number = |column: usize| row.try_get::<_, i64>(column).map(|size| u64::try_from(size).unwrap_or(0));
    let unreadable = |error: tokio_postgres::Error| crate::error::database_error(doing, &error);
    let divisible: bool = row.try_get(0).map_err(unreadable)?;
    let heap = number(1).map_err(unreadable)?;
    let bytes = heap.saturating_add(number(2).map_err(unreadable)?);
    let pages = heap / number(3).map_err(unreadable)?.max(1);
    Ok(if divisible { divide(pages, bytes, target_bytes) } else { vec![whole(bytes)] })
}

fn whole(estimated_bytes: u64) -> Chunk {
    Chunk { range: ChunkRange::Whole, estimated_bytes }
}

/// Divides `pages` pages that lead to `bytes` bytes.
fn divide(pages: u64, bytes: u64, target_bytes: u64) -> Vec<Chunk> {
    let count = bytes.div_ceil(target_bytes.max(1)).clamp(1, pages.max(1));
    if count == 1 {
        return vec![whole(bytes)];
    }
    // All but the last have the same number of pages, so that growth of the table moves no boundary before it.
    let step = pages.div_ceil(count);
    let starts = (0..pages).step_by(usize::try_from(step).unwrap_or(usize::MAX));
    let chunk = |from: u64| {
        let to = Some(from + step).filter(|to| *to < pages);
        let share = u128::from(bytes) * u128::from(to.unwrap_or(pages) - from) / u128::from(pages);
        // A share of `bytes` is not larger than it.
        Chunk { range: ChunkRange::Pages { from, to }, estimated_bytes: share as u64 }
    };
    starts.map(chunk).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(chunks: &[Chunk]) -> Vec<(u64, Option<u64>)> {
        let range = |chunk: &Chunk| match chunk.range {
            ChunkRange::Pages { from, to } => (from, to),
            _ => (0, None),
        };
        chunks.iter().map(range).collect()
    }

    #[test]
    fn ranges_touch_and_the_last_is_open() {
        for (pages, bytes, target) in [
            (0, 0, 100),
            (1, 8192, 1),
            (10, 81_920, 20_000),
            (7, 57_344, 8192),
            (1000, 900_000_000, 1 << 20),
            (3, 24, 8),
        ] {
            let chunks = divide(pages, bytes, target);
            let ranges = ranges(&chunks);
            assert_eq!(ranges[0].0, 0);
            assert_eq!(ranges[ranges.len() - 1].1, None);
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].1, Some(pair[1].0));
            }
            assert!(chunks.len() as u64 <= pages.max(1), "{pages} pages, {} chunks", chunks.len());
            let sum: u64 = chunks.iter().map(|chunk| chunk.estimated_bytes).sum();
            assert!(sum <= bytes && sum + chunks.len() as u64 >= bytes, "{sum} of {bytes}");
        }
        assert_eq!(
            ranges(&divide(10, 81_920, 20_000)),
            [(0, Some(2)), (2, Some(4)), (4, Some(6)), (6, Some(8)), (8, None)]
        );
    }

    #[test]
    fn what_lies_beside_the_pages_counts() {
        // Ten pages of pointers to a gigabyte.
        assert_eq!(divide(10, 1 << 30, 64 << 20).len(), 10);
    }
}
