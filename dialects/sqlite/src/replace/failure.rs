//! SQLite's errors as dbferry's: the kind, the engine's own message, and what to do about it.

use dbferry_dialect::{Error, ErrorKind};
use rusqlite::ErrorCode;
use std::borrow::Cow;

/// An error of SQLite that happened while `doing` (`cannot create the table`).
pub(super) fn failed(doing: impl Into<Cow<'static, str>>, error: rusqlite::Error) -> Error {
    let (kind, hint) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => (
            ErrorKind::Busy,
            Some("another program uses the database; wait until it is done, or close it, and try again"),
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => (
            ErrorKind::Permission,
            Some("the file and its directory must be writable: SQLite keeps its journal beside the file"),
        ),
        Some(ErrorCode::DiskFull) => {
            (ErrorKind::Io, Some("the disk is full; free some space and try again: the target is as it was"))
        }
        Some(ErrorCode::SystemIoFailure) => {
            (ErrorKind::Io, Some("look at the disk and its free space and try again: the target is as it was"))
        }
        Some(ErrorCode::OperationInterrupted) => (ErrorKind::Cancelled, None),
        _ => (ErrorKind::Database, None),
    };
    let failure = Error::new(kind, doing).with("dialect", "sqlite").caused_by(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What a definition needs and this build of SQLite does not have, in SQLite's words; found while a statement is prepared,
/// so before anything is written.
pub(super) fn missing_ability(error: &rusqlite::Error) -> Option<String> {
    let message = error.to_string();
    ["no such collation sequence", "no such function", "no such module", "no such tokenizer"]
        .iter()
        .any(|beginning| message.starts_with(beginning))
        .then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    #[test]
    fn kinds_follow_sqlite_codes() {
        let busy = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        assert_eq!(failed("x", busy(rusqlite::ffi::SQLITE_BUSY)).kind(), ErrorKind::Busy);
        assert_eq!(failed("x", busy(rusqlite::ffi::SQLITE_FULL)).kind(), ErrorKind::Io);
        assert_eq!(failed("x", busy(rusqlite::ffi::SQLITE_READONLY)).kind(), ErrorKind::Permission);
        assert_eq!(failed("x", busy(rusqlite::ffi::SQLITE_INTERRUPT)).kind(), ErrorKind::Cancelled);
        assert_eq!(failed("x", busy(rusqlite::ffi::SQLITE_CONSTRAINT)).kind(), ErrorKind::Database);
    }

    #[test]
    fn missing_abilities_are_recognised() {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection.execute_batch("CREATE TABLE t(a)").expect("a table");
        for (sql, missing) in [
            ("CREATE INDEX i ON t(a COLLATE klingon)", true),
            ("CREATE INDEX i ON t(klingon(a))", true),
            ("CREATE INDEX i ON t(b)", false),
        ] {
            let error = connection.prepare(sql).expect_err("a failure");
            assert_eq!(missing_ability(&error).is_some(), missing, "{error}");
        }
    }
}
