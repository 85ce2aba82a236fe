//! How a failure is told to programs and scripts: the name of its kind, the exit code, and texts without secrets. All front
//! ends tell it alike.

use crate::ErrorKind;
use std::borrow::Cow;

/// The name that documents give to an error's kind.
pub fn kind_name(kind: ErrorKind) -> &'static str {
    of_kind(kind).0
}

/// The exit code of a run that ends with an error of that kind. What a signal cancelled ends with the signal's own.
pub fn exit_code(kind: ErrorKind) -> u8 {
    of_kind(kind).1
}

/// A kind that this build does not know is a failure.
fn of_kind(kind: ErrorKind) -> (&'static str, u8) {
    match kind {
        ErrorKind::Usage => ("usage", 2),
        ErrorKind::Connect => ("connect", 13),
        ErrorKind::Tls => ("tls", 14),
        ErrorKind::Database => ("database", 1),
        ErrorKind::Permission => ("permission", 1),
        ErrorKind::Busy => ("busy", 11),
        ErrorKind::Incompatible => ("incompatible", 5),
        ErrorKind::ArchiveNotFound => ("archive-not-found", 10),
        ErrorKind::ArchiveDamaged => ("archive-damaged", 6),
        ErrorKind::ArchiveLocked => ("archive-locked", 11),
        ErrorKind::Refused => ("refused", 20),
        ErrorKind::Mismatch => ("mismatch", 4),
        ErrorKind::Io => ("io", 1),
        ErrorKind::Cancelled => ("cancelled", 130),
        ErrorKind::Unsupported => ("unsupported", 1),
        ErrorKind::Internal => ("internal", 1),
        _ => ("other", 1),
    }
}

/// `text` with the password of every URL in it replaced by `***`.
///
/// The library never puts a password into a message. This is for text that others build from the command line (the
/// argument parser repeats an argument that it does not know), and a second line of defence everywhere else.
pub fn redact(text: &str) -> Cow<'_, str> {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|at| at + 3) {
        let (before, after) = rest.split_at(start);
        shown.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`')).unwrap_or(after.len());
        let (token, following) = after.split_at(end);
        match token.rfind('@').and_then(|at| token[..at].find(':').map(|colon| (colon, at))) {
            Some((colon, at)) => {
                shown.push_str(&token[..=colon]);
                shown.push_str("***");
                shown.push_str(&redact_parameters(&token[at..]));
            }
            None => shown.push_str(&redact_parameters(token)),
        }
        rest = following;
    }
    if shown.is_empty() {
        return Cow::Borrowed(text);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

/// `sslpassword=...` and the like in the query of a URL.
fn redact_parameters(token: &str) -> String {
    let Some((location, query)) = token.split_once('?') else { return token.to_owned() };
    let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
        Some((key, _)) if key.to_ascii_lowercase().contains("pass") => format!("{key}=***"),
        _ => parameter.to_owned(),
    });
    format!("{location}?{}", parameters.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_in_urls_are_hidden() {
        for (text, shown) in [
            ("postgres://me:pw@h/d", "postgres://me:***@h/d"),
            ("'postgres://me:p@ss:w@h/d' and more", "'postgres://me:***@h/d' and more"),
            ("mysql://h/d?sslpassword=x&a=b", "mysql://h/d?sslpassword=***&a=b"),
            ("x://a:b@c y://d:e@f", "x://a:***@c y://d:***@f"),
            ("postgres://me@h:5432/d", "postgres://me@h:5432/d"),
            ("no url at all: a@b", "no url at all: a@b"),
        ] {
            assert_eq!(redact(text), shown);
        }
    }
}
