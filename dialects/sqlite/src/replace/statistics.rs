//! The query planner's statistics of tables that stay: dropping an index throws away its rows of `sqlite_stat1` and
//! `sqlite_stat4`, so they are set aside and put back once the index is there again.

use super::catalog::definition;
use super::failure::failed;
use dbferry_dialect::Result;
use rusqlite::Connection;

/// The statistics tables that a group leaves alone, and the rows of them that were set aside in `temp`.
#[derive(Default)]
pub(super) struct Statistics {
    saved: Vec<&'static str>,
}

impl Statistics {
    /// Sets all rows aside; `is_loaded` says which of the tables the group itself loads.
    pub(super) fn save(connection: &Connection, is_loaded: impl Fn(&str) -> bool) -> Result<Self> {
        let mut saved = Vec::new();
        for name in ["sqlite_stat1", "sqlite_stat4"] {
            if is_loaded(name) || definition(connection, "table", name)?.is_none() {
                continue;
            }
            connection
                .execute_batch(&format!(
                    "DROP TABLE IF EXISTS temp.dbferry_{name};
                     CREATE TABLE temp.dbferry_{name} AS SELECT rowid AS row_number, * FROM main.{name};"
                ))
                .map_err(|error| failed("cannot set the statistics aside", error))?;
            saved.push(name);
        }
        Ok(Self { saved })
    }

    /// Puts back the rows that went away although their index is there.
    pub(super) fn restore(&self, connection: &Connection) -> Result<()> {
        for name in &self.saved {
            let columns = if *name == "sqlite_stat1" { "tbl, idx, stat" } else { "tbl, idx, neq, nlt, ndlt, sample" };
            connection
                .execute_batch(&format!(
                    "INSERT INTO main.{name}(rowid, {columns}) SELECT row_number, {columns} FROM temp.dbferry_{name} AS \
                     old WHERE row_number NOT IN (SELECT rowid FROM main.{name}) AND EXISTS (SELECT 1 FROM \
                     main.sqlite_schema AS object WHERE object.type = 'index' AND object.name = old.idx AND \
                     object.tbl_name = old.tbl);
                     DROP TABLE temp.dbferry_{name};"
                ))
                .map_err(|error| failed("cannot put the statistics back", error))?;
        }
        Ok(())
    }
}
