//! Queries of the catalogue.

use super::READING;
use crate::MySqlSyntax;
use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result, Syntax};
use mysql_async::{Row, Value};

/// How many `SHOW` statements are sent at once. Each has some hundred bytes, and its answer some thousand.
const AT_ONCE: usize = 200;

/// A column of a row as text; a number as its digits.
pub(crate) fn text(row: &Row, column: usize) -> Option<String> {
    match row.as_ref(column)? {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        other => Some(other.as_sql(true).trim_matches('\'').to_owned()),
    }
}

/// The one value of a query.
pub(super) fn scalar(session: &mut Session, sql: &str) -> Result<Option<String>> {
    Ok(session.query(READING, sql)?.first().and_then(|row| text(row, 0)))
}

/// Some servers show names in small letters.
fn same_name(shown: &str, name: &str) -> bool {
    shown == name || shown.to_lowercase() == name.to_lowercase()
}

/// The same for things whose definition the server may refuse to show: when one of many fails, each is asked alone.
pub(crate) fn show_create_of(session: &mut Session, what: &str, names: &[String]) -> Result<Vec<Result<Row>>> {
    let mut rows = Vec::with_capacity(names.len());
    for names in names.chunks(AT_ONCE) {
        match show_create(session, what, names) {
            Ok(all) if all.len() == names.len() => rows.extend(all.into_iter().map(Ok)),
            Err(error) if [ErrorKind::Connect, ErrorKind::Cancelled].contains(&error.kind()) => return Err(error),
            _ => {
                for name in names {
                    let one = show_create(session, what, std::slice::from_ref(name));
                    let missing = || Error::new(ErrorKind::Permission, READING).with("name", name);
                    rows.push(one.and_then(|rows| rows.into_iter().next().ok_or_else(missing)));
                }
            }
        }
    }
    Ok(rows)
}

/// What `SHOW CREATE <what>` says of each name: the row, in the order of the names. A thing that went away meanwhile is an
/// error.
pub(crate) fn show_create(session: &mut Session, what: &str, names: &[String]) -> Result<Vec<Row>> {
    let mut rows = Vec::with_capacity(names.len());
    for names in names.chunks(AT_ONCE) {
        let statements: Vec<_> =
            names.iter().map(|name| format!("SHOW CREATE {what} {}", MySqlSyntax.quote_identifier(name))).collect();
        let answers: Vec<Row> = session.query_sets(READING, &statements.join(";"))?.into_iter().flatten().collect();
        let matches = |(name, row): (&String, &Row)| text(row, 0).is_some_and(|shown| same_name(&shown, name));
        if answers.len() != names.len() || !names.iter().zip(&answers).all(matches) {
            return Err(Error::new(ErrorKind::Database, READING)
                .with("dialect", crate::NAME)
                .caused_by(format!("the server does not answer every SHOW CREATE {what}")));
        }
        rows.extend(answers);
    }
    Ok(rows)
}
