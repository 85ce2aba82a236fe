//! What the server says of rows that it did not take as they were, as an error.

use super::statement::Statement;
use super::{KEPT_WARNINGS, TableLoad};
use crate::session::{Loaded, Session};
use dbferry_dialect::{Error, ErrorKind, Result};

/// Fails unless the server took all rows of the statement as they were.
///
/// # Errors
/// [`ErrorKind::Mismatch`] with the first thing that the server says of what was sent.
pub(super) fn check(session: &mut Session, statement: &Statement, loaded: &Loaded) -> Result<()> {
    if loaded.warnings == 0 && loaded.rows == statement.rows {
        return Ok(());
    }
    let load = &statement.load;
    let counts = || format!("the server took {} rows of {}", loaded.rows, statement.rows);
    let warnings = session.query("cannot read the server's warnings", "SHOW WARNINGS")?;
    let mut zero_labels = statement.zero_labels;
    let refused = warnings.iter().find_map(|row| {
        let code = row.get::<Option<String>, _>(1).flatten()?;
        let message = row.get::<Option<String>, _>(2).flatten()?;
        if zero_labels > 0 && is_label(&code, &message, load) {
            zero_labels -= 1;
            return None;
        }
        (!is_advice(&code) && !is_computed(&code, &message, load)).then_some(message)
    });
    let Some(message) = refused else {
        if loaded.rows != statement.rows {
            return Err(located(Error::new(ErrorKind::Mismatch, counts()), "", statement));
        }
        // The server counts no further than it keeps them.
        let kept = u64::try_from(warnings.len()).unwrap_or(u64::MAX);
        if kept < u64::from(loaded.warnings) || kept >= KEPT_WARNINGS {
            let what = "the server warns more often than it tells what of, so that rows may not be stored as they are";
            return Err(located(Error::new(ErrorKind::Mismatch, what), "", statement));
        }
        return Ok(());
    };
    let error =
        Error::new(ErrorKind::Mismatch, "the server would not store rows as they are").caused_by(message.clone());
    let error = if loaded.warnings > 1 { error.with("warnings", loaded.warnings) } else { error };
    let error = if loaded.rows == statement.rows { error } else { error.with("counts", counts()) };
    Err(located(error, &message, statement))
}

/// Whether a warning is about how the server is used, and about no row: a transaction that writes tables of two storage
/// engines, which is what their tables are.
fn is_advice(code: &str) -> bool {
    /// `ER_WARN_DEPRECATED_SYNTAX`, `ER_WARN_DEPRECATED_SYNTAX_NO_REPLACEMENT`, and the storage engines of one transaction.
    const OF_USE: [&str; 3] = ["1287", "1681", "6414"];
    OF_USE.contains(&code)
}

/// Whether a warning is about what went into an enum: it is told of the number 0, which is no label and was sent on purpose.
fn is_label(code: &str, message: &str, load: &TableLoad) -> bool {
    /// `WARN_DATA_TRUNCATED`.
    const TRUNCATED: &str = "1265";
    code == TRUNCATED && column(message, load.encoder.names()).is_some_and(|name| load.encoder.is_enum(name))
}

/// Whether a warning is about what the server computes for a generated column, and not about a value that was sent.
///
/// What goes into a column is told with the column's name. What an expression stumbles over on its way is told without one:
/// then it is the column's, as long as nothing that is sent goes through an expression.
fn is_computed(code: &str, message: &str, load: &TableLoad) -> bool {
    /// `ER_TRUNCATED_WRONG_VALUE`, `ER_DIVISION_BY_ZERO`, `ER_WRONG_VALUE_FOR_TYPE`, `ER_DATETIME_FUNCTION_OVERFLOW`.
    const OF_EXPRESSIONS: [&str; 4] = ["1292", "1365", "1411", "1441"];
    if load.generated.is_empty() {
        return false;
    }
    let generated = load.generated.iter().map(String::as_str);
    match column(message, load.encoder.names().chain(generated.clone())) {
        Some(name) => generated.into_iter().any(|other| other == name),
        None => !load.converts && OF_EXPRESSIONS.contains(&code),
    }
}

/// Adds table, collection, column, row and value, as far as the server's message names them.
pub(super) fn located(mut error: Error, message: &str, statement: &Statement) -> Error {
    error = error.with("table", &statement.load.table).with("collection", &statement.load.collection);
    let column = column(message, statement.load.encoder.names());
    if let Some(column) = column {
        error = error.with("column", column);
    }
    let Some(row) = row(message) else { return error };
    if let Some(ordinal) = statement.ordinal(row) {
        error = error.with("row", ordinal);
    }
    match column.and_then(|column| statement.value(row, column)) {
        Some(value) => error.with("value", value),
        None => error,
    }
}

/// The number behind the last `row ` of a message: `Out of range value for column 'a' at row 3`, `Row 3 was truncated`.
fn row(message: &str) -> Option<u64> {
    let lower = message.to_ascii_lowercase();
    let rest = lower.rsplit_once("row ")?.1;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// The one of the columns that a message names last: between quotes or backticks, maybe behind a table.
fn column<'a>(message: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let place = |name: &str| {
        let spellings = [format!("'{name}'"), format!("`{}`", name.replace('`', "``")), format!(".{name}'")];
        spellings.iter().filter_map(|spelling| message.rfind(spelling)).max()
    };
    names.filter_map(|name| Some((place(name)?, name))).max().map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_row_and_column() {
        let names = ["a", "b c", "j"];
        let cases = [
            ("Out of range value for column 'a' at row 3", Some("a"), Some(3)),
            ("Incorrect string value: '\\xFFb' for column `x`.`t`.`b c` at row 12", Some("b c"), Some(12)),
            ("Row 2 doesn't contain data for all columns", None, Some(2)),
            ("Duplicate entry '2' for key 't.PRIMARY'", None, None),
            ("Invalid JSON text: \"Missing\" at position 9 in value for column 't.j'.", Some("j"), None),
        ];
        for (message, expected_column, expected_row) in cases {
            assert_eq!(column(message, names.into_iter()), expected_column, "{message}");
            assert_eq!(row(message), expected_row, "{message}");
        }
    }
}
