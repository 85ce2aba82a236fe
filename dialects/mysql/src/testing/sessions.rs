//! The two kinds of sessions, for tests of connections: what a database does with them is tested where it does it.

use crate::connect::Target;
use crate::session::Session;
use dbferry_dialect::{DatabaseUrl, OpenOptions, Result};

/// A kind of session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For statements, for catalogues and for loading.
    Statements,
    /// For reading rows.
    Rows,
}

impl Kind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Statements, Self::Rows];

    /// Opens a session of this kind, runs a query on it and returns its first column as text.
    ///
    /// # Errors
    /// Those of the session.
    pub fn ask(self, url: &str, options: &OpenOptions, sql: &str) -> Result<Vec<String>> {
        let target = Target::resolve(&DatabaseUrl::parse(url)?, options)?;
        match self {
            Self::Statements => {
                let rows = target.connect()?.query("the query failed", sql)?;
                Ok(rows.iter().filter_map(|row| row.get::<Option<String>, _>(0).flatten()).collect())
            }
            Self::Rows => {
                let rows = target.connect_wire()?.query("the query failed", sql)?;
                let text = |row: Vec<Option<Vec<u8>>>| row.into_iter().next().flatten();
                let rows = rows.into_iter().filter_map(text);
                Ok(rows.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect())
            }
        }
    }

    /// Loads `text` into the table `t` of one column, on a session for statements.
    ///
    /// # Errors
    /// Those of the session.
    pub fn load(url: &str, options: &OpenOptions, text: &str) -> Result<u64> {
        load(&mut Target::resolve(&DatabaseUrl::parse(url)?, options)?.connect()?, text)
    }

    /// Loads, whatever comes of it, and asks something on the same session.
    ///
    /// # Errors
    /// Those of the question.
    pub fn load_and_ask(url: &str, options: &OpenOptions, text: &str) -> Result<()> {
        let mut session = Target::resolve(&DatabaseUrl::parse(url)?, options)?.connect()?;
        _ = load(&mut session, text);
        session.query("the query failed", "SELECT 1").map(|_| ())
    }
}

fn load(session: &mut Session, text: &str) -> Result<u64> {
    session.load_begin("LOAD DATA LOCAL INFILE 'rows' INTO TABLE t CHARACTER SET utf8mb4".to_owned())?;
    session.load_send("the rows cannot be loaded", text.to_owned().into())?;
    session.load_finish("the rows cannot be loaded").map(|loaded| loaded.rows)
}
