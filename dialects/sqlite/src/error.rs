//! SQLite's errors as dbferry's: the kind follows from the result code, SQLite's own message is kept as the cause.

use dbferry_dialect::{Error, ErrorKind};
use rusqlite::ErrorCode;
use std::borrow::Cow;

/// What `doing` ran into. `doing` is a sentence without a full stop: `the catalogue cannot be read`.
pub(crate) fn database_error(doing: impl Into<Cow<'static, str>>, error: rusqlite::Error) -> Error {
    let (kind, hint) = classify(&error);
    let wrapped = Error::new(kind, doing).with("dialect", crate::NAME).caused_by(error);
    match hint {
        Some(hint) => wrapped.hint(hint),
        None => wrapped,
    }
}

fn classify(error: &rusqlite::Error) -> (ErrorKind, Option<&'static str>) {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Busy,
            Some(
                "another connection holds a lock on the file: let it finish its transaction, or wait longer for locks",
            ),
        ),
        Some(ErrorCode::OperationInterrupted) => (ErrorKind::Cancelled, None),
        Some(ErrorCode::NotADatabase) => (
            ErrorKind::Connect,
            Some("the file is something else, or an encrypted database, which SQLite itself cannot read"),
        ),
        Some(ErrorCode::CannotOpen) => (ErrorKind::Connect, None),
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::Database,
            Some(
                "the file is damaged: `PRAGMA integrity_check` tells more, and `.recover` of the sqlite3 shell saves what can be read",
            ),
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            (ErrorKind::Permission, None)
        }
        Some(ErrorCode::SystemIoFailure | ErrorCode::DiskFull) => (ErrorKind::Io, None),
        _ => (ErrorKind::Database, None),
    }
}

/// Whether `error` is SQLite's complaint that it may not write where it must: a lock file, a journal to roll back.
pub(crate) fn is_write_refusal(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}
