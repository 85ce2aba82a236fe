//! What is known of a statement that loads while it runs: its rows, and its text as long as that is not too much.

use super::TableLoad;
use crate::encode::shown;
use bytes::Bytes;
use std::sync::Arc;

/// How much of a load is kept: for messages that show a value, and to send it again after a deadlock.
const KEPT_BYTES: usize = 32 << 20;

/// The rows of one statement.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) load: Arc<TableLoad>,
    /// How many rows it has.
    pub(super) rows: u64,
    /// How many of its cells are the number 0 of an enum, which is no label.
    pub(super) zero_labels: u64,
    /// How many bytes of text.
    pub(super) bytes: usize,
    /// From which row of the statement, counted from 0, which rows of the collection follow.
    runs: Vec<(u64, u64)>,
    /// What was sent; none when it was too much.
    kept: Option<Vec<Bytes>>,
}

impl Statement {
    pub(super) fn new(load: &Arc<TableLoad>) -> Self {
        Self { load: Arc::clone(load), rows: 0, zero_labels: 0, bytes: 0, runs: Vec::new(), kept: Some(Vec::new()) }
    }

    /// Adds a row of the collection.
    #[inline]
    pub(super) fn add_row(&mut self, ordinal: u64) {
        let follows = self.runs.last().is_some_and(|(first, from)| ordinal == from + (self.rows - first));
        if !follows {
            self.runs.push((self.rows, ordinal));
        }
        self.rows += 1;
    }

    /// Takes the last row off again.
    pub(super) fn drop_last_row(&mut self) {
        self.rows = self.rows.saturating_sub(1);
        while self.runs.last().is_some_and(|(first, _)| *first >= self.rows) {
            self.runs.pop();
        }
    }

    /// Adds text that is sent.
    pub(super) fn add_text(&mut self, piece: &Bytes) {
        self.bytes += piece.len();
        if self.bytes > KEPT_BYTES {
            self.kept = None;
        }
        if let Some(kept) = &mut self.kept {
            kept.push(piece.clone());
        }
    }

    /// Everything that was sent, if it is all there.
    pub(super) fn text(&self) -> Option<Vec<Bytes>> {
        self.kept.clone()
    }

    /// Which row of the collection the statement's row number `row`, counted from 1, is.
    pub(super) fn ordinal(&self, row: u64) -> Option<u64> {
        let row = row.checked_sub(1)?;
        let (first, from) = self.runs.iter().rev().find(|(first, _)| *first <= row)?;
        (row < self.rows).then_some(from + (row - first))
    }

    /// The field of a column in the line of that row, counted from 1, as messages show it.
    pub(super) fn value(&self, row: u64, column: &str) -> Option<String> {
        let place = self.load.encoder.names().position(|name| name == column)?;
        let mut skip = usize::try_from(row.checked_sub(1)?).ok()?;
        for piece in self.kept.as_ref()? {
            // Lines are not divided between pieces: a line that is longer than a piece is cut, and such a value is not shown.
            let lines = piece.split_inclusive(|byte| *byte == b'\n');
            for line in lines {
                if line.last() != Some(&b'\n') {
                    return None;
                }
                if skip == 0 {
                    let field = line.split(|byte| matches!(byte, b'\t' | b'\n')).nth(place)?;
                    return Some(if field == b"\\N" { "NULL".to_owned() } else { shown(field) });
                }
                skip -= 1;
            }
        }
        None
    }
}
