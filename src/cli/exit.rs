//! Exit codes: one table, used by the help, by `dbferry exit-codes` and by the program itself.
//!
//! The codes are a promise to scripts: a number never changes its meaning, and a script treats a number that it does not
//! know as a failure.

use dbferry::failure;
use dbferry::{Error, ErrorKind};
use serde::Serialize;

/// Everything was done and verified.
pub(crate) const DONE: u8 = 0;
/// It failed.
pub(crate) const FAILED: u8 = 1;
/// The command line or the configuration makes no sense.
pub(crate) const USAGE: u8 = 2;
/// Done, and there is something to know.
pub(crate) const WARNINGS: u8 = 3;
/// Two things that were compared differ, or one of them is too slow.
pub(crate) const DIFFERENCES: u8 = 4;
/// The target cannot take the archive.
pub(crate) const INCOMPATIBLE: u8 = 5;
const DAMAGED: u8 = 6;
const NOT_FOUND: u8 = 10;
const LOCKED: u8 = 11;
const CONNECT: u8 = 13;
const TLS: u8 = 14;
const REFUSED: u8 = 20;
const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

/// One exit code.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ExitCode {
    /// The number.
    pub(crate) code: u8,
    /// What it means, in a sentence without a full stop.
    pub(crate) meaning: &'static str,
}

/// Every exit code, in order.
pub(crate) const TABLE: [ExitCode; 14] = [
    ExitCode { code: DONE, meaning: "done; counts and hashes verified" },
    ExitCode { code: FAILED, meaning: "failed" },
    ExitCode { code: USAGE, meaning: "the command line or the configuration makes no sense" },
    ExitCode { code: WARNINGS, meaning: "done, with warnings: something was left out, changed or not proven" },
    ExitCode {
        code: DIFFERENCES,
        meaning: "differences found: rows, hashes or foreign keys do not agree; a benchmark is slower",
    },
    ExitCode { code: INCOMPATIBLE, meaning: "the target's schema cannot take the archive; nothing was changed" },
    ExitCode { code: DAMAGED, meaning: "the archive is damaged, truncated, too new or over a limit" },
    ExitCode { code: NOT_FOUND, meaning: "no archive there" },
    ExitCode { code: LOCKED, meaning: "the archive exists already, or archive or database is in use" },
    ExitCode { code: CONNECT, meaning: "the database cannot be reached, or refuses the login" },
    ExitCode { code: TLS, meaning: "TLS or a certificate was refused" },
    ExitCode { code: REFUSED, meaning: "a safety rule refused: consent is missing" },
    ExitCode { code: INTERRUPTED, meaning: "cancelled by SIGINT (Ctrl-C)" },
    ExitCode { code: TERMINATED, meaning: "cancelled by SIGTERM" },
];

/// The exit code of an error; `signal` is the one that cancelled the run, if one did.
pub(crate) fn code(error: &Error, signal: Option<i32>) -> u8 {
    match (error.kind(), signal) {
        // By convention 128 and the signal's number, which is below 128.
        (ErrorKind::Cancelled, Some(signal)) => u8::try_from(128 + signal).unwrap_or(FAILED),
        (kind, _) => failure::exit_code(kind),
    }
}

/// The table as the help shows it.
pub(crate) fn as_text() -> String {
    TABLE.iter().map(|line| format!("{:>5}  {}\n", line.code, line.meaning)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_documented_code() {
        let kinds = [
            (ErrorKind::Usage, 2),
            (ErrorKind::Connect, 13),
            (ErrorKind::Tls, 14),
            (ErrorKind::Database, 1),
            (ErrorKind::Permission, 1),
            (ErrorKind::Busy, 11),
            (ErrorKind::Incompatible, 5),
            (ErrorKind::ArchiveNotFound, 10),
            (ErrorKind::ArchiveDamaged, 6),
            (ErrorKind::ArchiveLocked, 11),
            (ErrorKind::Refused, 20),
            (ErrorKind::Mismatch, 4),
            (ErrorKind::Io, 1),
            (ErrorKind::Cancelled, 130),
            (ErrorKind::Unsupported, 1),
            (ErrorKind::Internal, 1),
        ];
        for (kind, expected) in kinds {
            assert_eq!(code(&Error::new(kind, "x"), None), expected, "{kind:?}");
            assert!(TABLE.iter().any(|line| line.code == expected), "{kind:?}");
            assert_ne!(failure::kind_name(kind), "other", "{kind:?}");
        }
    }

    #[test]
    fn the_signal_decides_how_a_cancelled_run_ends() {
        let cancelled = Error::new(ErrorKind::Cancelled, "cancelled");
        assert_eq!(code(&cancelled, Some(2)), 130);
        assert_eq!(code(&cancelled, Some(15)), 143);
        let failed = Error::new(ErrorKind::Database, "no");
        assert_eq!(code(&failed, Some(2)), 1, "a failure is a failure, whoever pressed a key meanwhile");
    }

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(TABLE.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
}
