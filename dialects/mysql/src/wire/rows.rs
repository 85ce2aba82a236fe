//! Prepared statements and their rows, which come in the binary form: numbers as they are, nothing to be parsed.
//!
//! A row is handed on as bytes where it lies in the buffer; [`decode`](crate::decode) knows what they mean. Values are never
//! bound to a statement: the few that a condition needs are written into its text as numbers or hexadecimal digits.

use super::{Wire, broken, length, refused};
use dbferry_dialect::Result;

const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
const CLOSE: u8 = 0x19;

/// A statement that the server has prepared.
#[derive(Debug)]
pub(crate) struct Statement {
    id: u32,
    /// What its rows hold.
    pub(crate) columns: Vec<ColumnDefinition>,
}

/// What the server says of a column of a result.
///
/// The form is `ColumnDefinition41`:
/// <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_column_definition.html>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    /// The type, one of `mysql_common::constants::ColumnType`.
    pub(crate) column_type: u8,
    /// Facts, of `mysql_common::constants::ColumnFlags`.
    pub(crate) flags: u16,
    /// The number of its collation; 63 is no characters but bytes.
    pub(crate) collation: u16,
    /// How long a value can be shown, in bytes.
    pub(crate) length: u32,
    /// Digits behind the point, or of a second's fraction.
    pub(crate) decimals: u8,
}

impl ColumnDefinition {
    /// The type, the same one for all strings.
    fn family(&self) -> u8 {
        if self.is_string() { 0xfd } else { self.column_type }
    }

    /// Whether values are characters or bytes of any length.
    pub(crate) fn is_string(&self) -> bool {
        STRINGS.contains(&self.column_type)
    }

    fn parse(packet: &[u8]) -> Option<Self> {
        let mut rest = packet;
        // Catalogue, database, table twice, name twice: what was asked for is known by its place.
        for _ in 0..6 {
            let skipped = length(&mut rest)??;
            rest = rest.get(skipped..)?;
        }
        let [_, c0, c1, l0, l1, l2, l3, column_type, f0, f1, decimals, ..] = *rest else { return None };
        Some(Self {
            column_type,
            flags: u16::from_le_bytes([f0, f1]),
            collation: u16::from_le_bytes([c0, c1]),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
            decimals,
        })
    }
}

/// Strings of every length, which a server names by what it knows of their length at the time.
const STRINGS: [u8; 7] = [15, 249, 250, 251, 252, 253, 254];

impl Wire {
    /// Prepares a statement.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn prepare(&mut self, doing: &'static str, sql: &str) -> Result<Statement> {
        self.command(doing, PREPARE, sql.as_bytes())?;
        let answer = self.packet(doing)?;
        let refusal = refused(doing, answer);
        let understood = match *answer {
            [0, i0, i1, i2, i3, c0, c1, p0, p1, ..] => {
                Some((u32::from_le_bytes([i0, i1, i2, i3]), u16::from_le_bytes([c0, c1]), u16::from_le_bytes([p0, p1])))
            }
            _ => None,
        };
        self.answering = refusal.is_ok();
        refusal?;
        let (id, columns, parameters) =
            understood.ok_or_else(|| broken(doing, "a prepared statement that is not understood"))?;
        self.definitions(doing, parameters.into())?;
        let columns = self.definitions(doing, columns.into())?;
        self.answering = false;
        Ok(Statement { id, columns })
    }

    /// Runs a statement and hands every row to `row`: the bitmap of nulls and the values. Returns the number of rows.
    ///
    /// When `row` fails, the rest of the rows stays unread and the session can do nothing more.
    ///
    /// # Errors
    /// What the server says, also in the middle of the rows, and what `row` says.
    pub(crate) fn rows(
        &mut self,
        doing: &'static str,
        statement: &Statement,
        mut row: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<u64> {
        let mut body = statement.id.to_le_bytes().to_vec();
        // No cursor; run once.
        body.extend_from_slice(&[0, 1, 0, 0, 0]);
        self.command(doing, EXECUTE, &body)?;
        let columns = self.columns(doing)?.ok_or_else(|| broken(doing, "a result without columns"))?;
        let columns = self.definitions(doing, columns)?;
        let same = |(now, before): (&ColumnDefinition, &ColumnDefinition)| {
            now.family() == before.family() && now.collation == before.collation
        };
        if columns.len() != statement.columns.len() || !columns.iter().zip(&statement.columns).all(same) {
            return Err(broken(doing, "a column's type changed while the table was being read"));
        }
        let mut count = 0;
        while let Some(packet) = self.row(doing)? {
            match packet.split_first() {
                Some((0x00, values)) => row(values)?,
                _ => return Err(broken(doing, "a row that is not understood")),
            }
            count += 1;
        }
        Ok(count)
    }

    /// Lets the server forget a statement; it answers nothing.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub(crate) fn forget(&mut self, doing: &'static str, statement: &Statement) -> Result<()> {
        self.command(doing, CLOSE, &statement.id.to_le_bytes())?;
        self.answering = false;
        Ok(())
    }

    /// Column definitions, and the packet that ends them where the server sends one.
    pub(super) fn definitions(&mut self, doing: &'static str, count: usize) -> Result<Vec<ColumnDefinition>> {
        let mut columns = Vec::new();
        for _ in 0..count {
            let definition = ColumnDefinition::parse(self.packet(doing)?);
            columns.push(definition.ok_or_else(|| broken(doing, "a column that is not understood"))?);
        }
        if count > 0 {
            self.end_of_columns(doing)?;
        }
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    use crate::connect::Target;
    use crate::testing::{Installation, Server};
    use crate::wire::Wire;
    use dbferry_dialect::{Cancel, DatabaseUrl, Error, ErrorKind, OpenOptions};

    fn wire(server: &Server, cancel: &Cancel) -> Wire {
        let url = DatabaseUrl::parse(&server.url(&server.create_database())).expect("a URL");
        let target = Target::resolve(&url, &OpenOptions::default()).expect("a target");
        target.with_cancel(cancel.clone()).connect_wire().expect("a session")
    }

    #[test]
    fn rows_lie_as_the_protocol_says() {
        for server in Server::all() {
            let mut wire = wire(server, &Cancel::new());
            let sql = "SELECT CAST(-2 AS SIGNED) UNION ALL SELECT NULL";
            let statement = wire.prepare("", sql).expect("a statement");
            let mut rows = Vec::new();
            let mut keep = |row: &[u8]| {
                rows.push(row.to_vec());
                Ok(())
            };
            assert_eq!(wire.rows("", &statement, &mut keep).expect("rows"), 2);
            let value = rows[0][1..].to_vec();
            assert!(value.len() == 4 || value.len() == 8, "{value:?}");
            assert!(value[0] == 0xfe && value[1..].iter().all(|byte| *byte == 0xff), "{value:?}");
            assert_eq!((rows[0][0], rows[1].as_slice()), (0, [4].as_slice()));
            wire.forget("", &statement).expect("forgotten");
            assert_eq!(wire.query("", "SELECT 3").expect("rows"), [[Some(b"3".to_vec())]]);
        }
    }

    #[test]
    fn packets_of_more_than_16_megabytes_are_joined() {
        for installation in Installation::all() {
            let server = Server::start(&installation, &["max-allowed-packet=256M"]).expect("a server");
            let mut wire = wire(&server, &Cancel::new());
            // The last length makes a packet of exactly 16777215 bytes, which an empty one follows.
            for length in [1, 17 << 20, 34 << 20, (1 << 24) - 1 - 6] {
                let sql = format!("SELECT CONCAT('<', REPEAT('x', {length} - 2), '>') UNION ALL SELECT 'after'");
                let statement = wire.prepare("", &sql).expect("a statement");
                let mut seen = Vec::new();
                let count = wire.rows("", &statement, |row| {
                    let value = &row[1..];
                    seen.push((value.len(), value.iter().filter(|byte| **byte == b'x').count(), value.last().copied()));
                    Ok(())
                });
                assert_eq!(count.expect("rows"), 2, "{length}");
                assert_eq!(seen[0].1, if length == 1 { 0 } else { length - 2 }, "{length}");
                assert_eq!(seen[0].2, Some(b'>'));
                assert_eq!(seen[1], (6, 0, Some(b'r')), "{length}");
            }
            assert!(wire.buffer.len() < 20 << 20, "a buffer of {} bytes is kept", wire.buffer.len());
        }
    }

    #[test]
    fn an_error_in_the_middle_is_the_servers_own_and_the_session_lives_on() {
        for server in Server::all() {
            let mut wire = wire(server, &Cancel::new());
            wire.run("", "CREATE TABLE t (a int PRIMARY KEY) ENGINE=InnoDB").expect("a table");
            wire.run("", "INSERT INTO t VALUES (1), (2), (3)").expect("rows");
            // The third row ends it, after two were sent or not.
            let sql = "SELECT a, (SELECT b.a FROM t b WHERE b.a = t.a OR t.a = 3) FROM t ORDER BY a";
            let statement = wire.prepare("", sql).expect("a statement");
            let error = wire.rows("reading", &statement, |_| Ok(())).expect_err("an error");
            assert!(error.context().any(|(key, value)| key == "error" && value == "1242"), "{error}");
            assert_eq!(wire.query("", "SELECT 3").expect("rows"), [[Some(b"3".to_vec())]]);
        }
    }

    #[test]
    fn a_reader_that_gives_up_leaves_a_session_that_says_so() {
        for server in Server::all() {
            let cancel = Cancel::new();
            let mut wire = wire(server, &cancel);
            let statement = wire.prepare("", "SELECT 1 UNION SELECT 2").expect("a statement");
            let error = wire.rows("", &statement, |_| Err(Error::new(ErrorKind::Refused, "enough"))).expect_err("");
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(wire.query("", "SELECT 3").is_err());
            cancel.cancel();
            assert_eq!(wire.query("", "SELECT 3").expect_err("cancelled").kind(), ErrorKind::Cancelled);
        }
    }

    #[test]
    fn waiting_for_the_server_can_be_cancelled() {
        for server in Server::all() {
            let cancel = Cancel::new();
            let mut wire = wire(server, &cancel);
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    std::thread::sleep(std::time::Duration::from_millis(300));
                    cancel.cancel();
                });
                let began = std::time::Instant::now();
                let error = wire.query("", "SELECT SLEEP(20)").expect_err("cancelled");
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
                assert!(began.elapsed().as_secs() < 5);
            });
        }
    }
}
