//! Statements of a replacement, each of which may be the last one.

use crate::session::{Loaded, Session};
use dbferry_dialect::Result;

/// Runs one statement without rows.
pub(super) fn run(session: &mut Session, doing: &'static str, sql: &str) -> Result<Loaded> {
    #[cfg(test)]
    fault::before(sql)?;
    session.run(doing, sql)
}

/// A process that dies before its n-th statement, for tests.
#[cfg(test)]
pub(super) mod fault {
    use dbferry_dialect::{Error, ErrorKind, Result};
    use std::cell::{Cell, RefCell};

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
        static STATEMENT: RefCell<String> = const { RefCell::new(String::new()) };
    }

    /// From now on so many statements of this thread are run, and no more until [`revive`].
    pub(in crate::replace) fn die_after(statements: u32) {
        LEFT.set(Some(statements));
        STATEMENT.take();
    }

    /// Lets statements through again; returns the first that was not run.
    pub(in crate::replace) fn revive() -> Option<String> {
        LEFT.set(None);
        Some(STATEMENT.take()).filter(|statement| !statement.is_empty())
    }

    pub(super) fn before(sql: &str) -> Result<()> {
        let Some(left) = LEFT.get() else { return Ok(()) };
        if left > 0 {
            LEFT.set(Some(left - 1));
            return Ok(());
        }
        STATEMENT.with_borrow_mut(|statement| {
            if statement.is_empty() {
                sql.clone_into(statement);
            }
        });
        Err(Error::new(ErrorKind::Internal, "the process is dead"))
    }
}
