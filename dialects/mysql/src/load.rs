//! Loading rows into a table that exists.
//!
//! [`TableLoad`] says how the columns of a collection go into the columns of a table, once a table; a [`Loader`] is a session
//! that puts batches into such tables. Not here: which tables, how they come to be and how they get their final names
//! ([`crate::replace`]).

use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How the rows of one collection go into one table. Shared by all loaders that load it.
#[derive(Debug)]
pub(crate) struct TableLoad {
    /// Rows that were loaded and proven so far, by all loaders.
    rows: AtomicU64,
}

impl TableLoad {
    /// Looks at the table of that name (bare, in the session's database), which exists, and plans how the columns of
    /// `source` go into it. Columns that are generated there, and those that only another dialect has, are left out.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when the table lacks a column, or its type does not take the values.
    pub(crate) fn new(
        _session: &mut Session,
        _version: ServerVersion,
        _source: &Collection,
        _table: &str,
    ) -> Result<Self> {
        Ok(Self { rows: AtomicU64::new(0) })
    }

    /// How many rows the server has taken, all loaders together; those of a statement that runs are not in it.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}

/// A session that loads. Dropping it in the middle of a statement ends the session, which rolls the statement back.
#[derive(Debug)]
pub(crate) struct Loader {
    session: Session,
}

impl Loader {
    /// Takes a session and sets it up for loading.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn new(session: Session, _version: ServerVersion) -> Result<Self> {
        Ok(Self { session })
    }

    /// Loads a batch. Several batches make one statement, which is a transaction of its own; it ends when it has grown to
    /// its size, when a batch for another table comes, and with [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] when a value does not fit its column, or the server would have changed one or left a row out;
    /// what was loaded before stays, so that the table is no good any more.
    pub(crate) fn write(&mut self, _load: &Arc<TableLoad>, _batch: &Batch) -> Result<()> {
        Err(Error::new(ErrorKind::Unsupported, "loading is not there yet"))
    }

    /// Ends the statement under way. From then on everything that was written is in its table.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub(crate) fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    /// The session, for statements between loads; only after [`finish`](Self::finish).
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }
}
