//! Walks over a key's index in strides and counts.

use super::key::{KeyKind, TableKey};
use super::{DIVIDING, KeyValues};
use crate::syntax::MySqlSyntax;
use crate::wire::Wire;
use dbferry_dialect::{Chunk, ChunkRange, Error, ErrorKind, NativeValue, Result, Syntax};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// In how many parts a key of whole numbers is walked at once. The same however many sessions there are, since every part
/// begins a chunk.
const PARTS: i128 = 8;

/// A table's chunks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Division {
    pub(crate) chunks: Vec<Chunk>,
    /// How many rows they hold together, if they were counted.
    pub(crate) rows: Option<u64>,
}

/// A range of keys with the number of its rows; the first boundary is absent for the first range.
#[derive(Clone, Debug)]
struct Counted {
    from: Option<KeyValues>,
    rows: u64,
}

/// Divides all keys into ranges of `stride` rows, of `row` bytes each.
pub(super) fn walk(wires: &mut [&mut Wire], key: &TableKey, relation: &str, stride: u64, row: u64) -> Result<Division> {
    let table = Walked { key, relation, stride };
    let Some(wire) = wires.first_mut() else { return Ok(Division { chunks: Vec::new(), rows: None }) };
    let starts = table.starts(wire)?;
    let nulls = table.nulls(wire)?;
    let mut ranges = Vec::new();
    for part in table.parts(wires, &starts)? {
        ranges.extend(part);
    }
    if let Some(first) = ranges.first_mut() {
        first.rows += nulls;
    }
    let total = ranges.iter().map(|range| range.rows).sum();
    let ends = ranges.iter().skip(1).map(|range| range.from.clone()).chain([None]);
    let chunk = |(range, to): (&Counted, Option<KeyValues>)| Chunk {
        range: ChunkRange::Keys { from: range.from.clone(), to },
        estimated_bytes: range.rows.saturating_mul(row),
    };
    Ok(Division { chunks: ranges.iter().zip(ends).map(chunk).collect(), rows: Some(total) })
}

struct Walked<'a> {
    key: &'a TableKey,
    relation: &'a str,
    stride: u64,
}

impl Walked<'_> {
    /// Where walks begin: nowhere, and at keys that exist. Whole numbers are cut where equal parts of their range would be.
    fn starts(&self, wire: &mut Wire) -> Result<Vec<Option<KeyValues>>> {
        let mut starts = vec![None];
        let Some(first) = self.key.columns.first().filter(|column| column.kind == KeyKind::Integer) else {
            return Ok(starts);
        };
        let edge = |wire: &mut Wire, order: &str| -> Result<Option<i128>> {
            let name = &first.name;
            let sql = format!("{} WHERE {name} IS NOT NULL ORDER BY {name} {order} LIMIT 1", self.select(name));
            let rows = wire.query(DIVIDING, &sql)?;
            let value = rows.first().and_then(|row| row.first()?.as_deref());
            Ok(value.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()))
        };
        let (Some(low), Some(high)) = (edge(wire, "ASC")?, edge(wire, "DESC")?) else { return Ok(starts) };
        for part in 1..PARTS {
            let cut = low + (high - low) / PARTS * part;
            if cut == low {
                continue;
            }
            let condition = format!("{} >= {cut}", first.name);
            let found = self.first(wire, &condition, 0)?;
            // A gap is where several cuts lead to the same key.
            if found.is_some() && starts.last() != Some(&found) {
                starts.push(found);
            }
        }
        Ok(starts)
    }

    /// How many keys are null.
    fn nulls(&self, wire: &mut Wire) -> Result<u64> {
        match self.key.columns.as_slice() {
            [column] if column.nullable => self.count(wire, &format!("{} IS NULL", column.name)),
            _ => Ok(0),
        }
    }

    /// Walks all parts, on all sessions at once.
    fn parts(&self, wires: &mut [&mut Wire], starts: &[Option<KeyValues>]) -> Result<Vec<Vec<Counted>>> {
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<Option<Vec<Counted>>>> = Mutex::new(vec![None; starts.len()]);
        let work = |wire: &mut Wire| -> Result<()> {
            loop {
                let part = next.fetch_add(1, Ordering::Relaxed);
                let Some(from) = starts.get(part) else { return Ok(()) };
                let to = starts.get(part + 1).and_then(Option::as_deref);
                let ranges = self.part(wire, from.clone(), to)?;
                if let Some(place) = done.lock().unwrap_or_else(PoisonError::into_inner).get_mut(part) {
                    *place = Some(ranges);
                }
            }
        };
        let work = &work;
        std::thread::scope(|scope| {
            let threads: Vec<_> = wires.iter_mut().map(|wire| scope.spawn(move || work(wire))).collect();
            threads.into_iter().try_for_each(|thread| {
                let died = |_| Error::new(ErrorKind::Internal, "a thread that divides a table died");
                thread.join().map_err(died)?
            })
        })?;
        Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect())
    }

    /// Walks from `from` up to `to`.
    fn part(&self, wire: &mut Wire, from: Option<KeyValues>, to: Option<&[NativeValue]>) -> Result<Vec<Counted>> {
        let mut ranges: Vec<Counted> = Vec::new();
        let mut from = from;
        loop {
            let mut condition = self.key.condition(from.as_deref(), to)?;
            if let [column] = self.key.columns.as_slice()
                && column.nullable
                && from.is_none()
            {
                // The nulls are counted apart.
                condition = join(&condition, &format!("{} IS NOT NULL", column.name));
            }
            let Some(next) = self.first(wire, &condition, self.stride)? else {
                let rows = self.count(wire, &condition)?;
                match ranges.last_mut() {
                    // A short rest is no chunk of its own.
                    Some(last) if rows < self.stride / 2 => last.rows += rows,
                    _ => ranges.push(Counted { from, rows }),
                }
                return Ok(ranges);
            };
            ranges.push(Counted { from, rows: self.stride });
            from = Some(next);
        }
    }

    /// The key behind the first `skip` of those that the condition holds for.
    fn first(&self, wire: &mut Wire, condition: &str, skip: u64) -> Result<Option<KeyValues>> {
        let columns = &self.key.columns;
        let expressions: Vec<String> = columns.iter().map(|column| column.kind.expression(&column.name)).collect();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let sql = format!(
            "{}{} ORDER BY {} LIMIT 1 OFFSET {skip}",
            self.select(&expressions.join(", ")),
            filter(condition),
            names.join(", ")
        );
        let rows = wire.query(DIVIDING, &sql)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let values = columns.iter().zip(row).map(|(column, value)| column.kind.value(value.as_deref()?));
        let values: Option<KeyValues> = values.collect();
        values.map(Some).ok_or_else(|| {
            Error::new(ErrorKind::Database, DIVIDING).with("dialect", crate::NAME).caused_by("a key is not understood")
        })
    }

    fn count(&self, wire: &mut Wire, condition: &str) -> Result<u64> {
        let sql = format!("{}{}", self.select("COUNT(*)"), filter(condition));
        let rows = wire.query(DIVIDING, &sql)?;
        let value = rows.first().and_then(|row| row.first()?.as_deref());
        value.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).ok_or_else(|| {
            Error::new(ErrorKind::Database, DIVIDING).with("dialect", crate::NAME).caused_by("rows cannot be counted")
        })
    }

    fn select(&self, what: &str) -> String {
        let index = MySqlSyntax.quote_identifier(&self.key.index);
        format!("SELECT {what} FROM {} FORCE INDEX ({index})", self.relation)
    }
}

fn filter(condition: &str) -> String {
    if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") }
}

fn join(one: &str, other: &str) -> String {
    if one.is_empty() { other.to_owned() } else { format!("{one} AND {other}") }
}
