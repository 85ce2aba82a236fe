//! The one error type: what kind of failure, what was being done, what to do about it.
//!
//! Dialects convert their drivers' errors into it and keep the server's own message; the command line maps kinds to exit
//! codes. It never holds a secret: whoever builds one passes redacted text only.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;

/// The result of everything that can fail here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is, from the caller's point of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for something that makes no sense: bad option, bad URL, bad configuration, unknown group.
    Usage,
    /// The database does not exist, cannot be reached, or refuses the login.
    Connect,
    /// TLS was asked for and could not be had as asked.
    Tls,
    /// The database refused a statement or failed in it.
    Database,
    /// The database lets this user not do this.
    Permission,
    /// Someone else holds a lock for too long.
    Busy,
    /// The target's schema cannot take the archive's rows; nothing was changed.
    Incompatible,
    /// There is no archive at that place.
    ArchiveNotFound,
    /// The archive is damaged, truncated, made by a newer version, or over a limit.
    ArchiveDamaged,
    /// The archive or destination is there already, or in use.
    ArchiveLocked,
    /// A safety rule refused: consent is missing.
    Refused,
    /// Counts or hashes differ where they must be equal.
    Mismatch,
    /// A file could not be read or written.
    Io,
    /// The caller cancelled.
    Cancelled,
    /// The source or target has no such ability.
    Unsupported,
    /// A defect in dbferry.
    Internal,
}

/// A failure with its context. Cheap to pass around: one pointer.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    context: Vec<(&'static str, String)>,
    hint: Option<Cow<'static, str>>,
    source: Option<Box<dyn StdError + Send + Sync + 'static>>,
}

impl Error {
    /// A failure of `kind`; `message` says in a sentence what went wrong.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), context: Vec::new(), hint: None, source: None }))
    }

    /// A failed file operation; `doing` names the operation and the path: `cannot create backup/manifest.json`. Where the
    /// system's reason says what to do about it, that is the hint.
    pub fn io(doing: impl Into<Cow<'static, str>>, source: io::Error) -> Self {
        let hint = io_hint(source.kind());
        let error = Self::new(ErrorKind::Io, doing).caused_by(source);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    /// Adds what was being done: `("collection", "main.orders")`. A key that is there already is kept as it is, since the
    /// innermost caller knows best.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        if !self.0.context.iter().any(|(existing, _)| *existing == key) {
            self.0.context.push((key, value.to_string()));
        }
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error below.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync + 'static>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence without context, hint and cause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What was being done, outermost last.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

fn io_hint(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, or choose a place with more of it, and try again"
        }
        io::ErrorKind::FileTooLarge => "files may not grow that large there: look at `ulimit -f` and the file system",
        io::ErrorKind::ReadOnlyFilesystem => "nothing can be written there: choose another place",
        io::ErrorKind::PermissionDenied => "look at the permissions of the file and of the directories above it",
        io::ErrorKind::NotADirectory => "a part of the path is a file where a directory should be",
        _ => return None,
    })
}

impl fmt::Display for Error {
    /// One line: sentence, causes, context. The hint is left to the front end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        for (position, (key, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{key} {value}", if position == 0 { " (" } else { ", " })?;
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        if let Some(hint) = &self.0.hint {
            write!(f, " [{hint}]")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::new(ErrorKind::Internal, "a batch could not be built").caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_context_wins() {
        let error =
            Error::new(ErrorKind::Database, "cannot read").with("collection", "main.a").with("collection", "main.b");
        assert_eq!(error.to_string(), "cannot read (collection main.a)");
    }

    #[test]
    fn causes_are_shown() {
        let error = Error::io("cannot open x", io::Error::other("no such thing"));
        assert_eq!(error.to_string(), "cannot open x: no such thing");
        assert_eq!(error.remedy(), None);
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let error = Error::io("cannot write x", io::ErrorKind::StorageFull.into());
        assert!(error.remedy().is_some_and(|hint| hint.contains("free some space")));
        assert_eq!(error.hint("better").remedy(), Some("better"));
    }
}
