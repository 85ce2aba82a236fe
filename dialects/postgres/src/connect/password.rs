//! Password files: `PGPASSFILE` and `~/.pgpass`.
//!
//! Format: <https://www.postgresql.org/docs/current/libpq-pgpass.html>. A file that others may read is refused. libpq only
//! warns and goes on without it; here the refusal is told as soon as the server asks for a password.

use dbferry_dialect::{Environment, Error, ErrorKind, Secret};
use std::fs;
use std::path::{Path, PathBuf};

/// No password file is larger, in bytes.
const LARGEST: u64 = 1 << 20;

/// Whose password is looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account<'a> {
    /// As it was given; `localhost` for the standard directories of Unix sockets.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// What a password file gave.
#[derive(Debug, Default)]
pub(super) enum Found {
    /// This password.
    Password(Secret),
    /// None for this account, or there is no file.
    #[default]
    Nothing,
    /// The file is there and is not used.
    Refused(Refusal),
}

/// Why a password file is not used; an error only once the server asks for a password.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    path: PathBuf,
    reason: Reason,
}

#[derive(Clone, Debug)]
enum Reason {
    Readable,
    Unusable(String),
}

impl Refusal {
    /// The refusal as an error.
    pub(super) fn error(&self) -> Error {
        let path = self.path.display();
        match &self.reason {
            Reason::Readable => {
                Error::new(ErrorKind::Refused, format!("the password file {path} can be read by others"))
                    .hint(format!("chmod 600 '{path}'"))
            }
            Reason::Unusable(why) => Error::new(ErrorKind::Io, format!("cannot read the password file {path}: {why}")),
        }
        .with("dialect", crate::NAME)
    }
}

/// Looks the account up in the file that is named, or in `~/.pgpass`.
pub(super) fn look_up(file: Option<&str>, environment: &Environment, account: Account<'_>) -> Found {
    let own = || environment.home().map(|home| home.join(".pgpass"));
    let Some(path) = file.map(PathBuf::from).or_else(own) else { return Found::Nothing };
    match read(&path) {
        Ok(Some(text)) => find(&text, account).map_or(Found::Nothing, Found::Password),
        Ok(None) if file.is_none() => Found::Nothing,
        Ok(None) => Found::Refused(Refusal { path, reason: Reason::Unusable("there is no such file".into()) }),
        Err(reason) => Found::Refused(Refusal { path, reason }),
    }
}

/// The text of the file; `None` when there is none.
fn read(path: &Path) -> Result<Option<String>, Reason> {
    let unusable = |error: std::io::Error| Reason::Unusable(error.to_string());
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    if !metadata.is_file() {
        return Err(Reason::Unusable("it is not a plain file".into()));
    }
    if super::open_to_others(&metadata) {
        return Err(Reason::Readable);
    }
    if metadata.len() > LARGEST {
        return Err(Reason::Unusable("it is too large".into()));
    }
    fs::read_to_string(path).map(Some).map_err(unusable)
}

/// The password of the first line that fits.
fn find(text: &str, account: Account<'_>) -> Option<Secret> {
    let port = account.port.to_string();
    let wanted = [account.host, &port, account.database, account.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        for wanted in wanted {
            let (field, raw, after) = field(rest)?;
            if raw != "*" && field != wanted {
                return None;
            }
            rest = after?;
        }
        let (password, _, _) = field(rest)?;
        Some(Secret::new(password)).filter(|password| !password.expose().is_empty())
    })
}

/// The next field without its escapes and as it stands, and what comes after its colon.
fn field(text: &str) -> Option<(String, &str, Option<&str>)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((position, character)) = characters.next() {
        match character {
            ':' => return Some((value, text.get(..position)?, text.get(position + 1..))),
            // A backslash at the very end stands for itself.
            '\\' => value.push(characters.next().map_or('\\', |(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    Some((value, text, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const ACCOUNT: Account<'_> = Account { host: "db.example", port: 5432, database: "shop", user: "me" };

    fn found(text: &str) -> Option<String> {
        find(text, ACCOUNT).map(|password| password.expose().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_is_taken() {
        assert_eq!(found("db.example:5432:shop:you:no\n*:*:*:me:yes\n*:*:*:*:late"), Some("yes".into()));
        assert_eq!(found("#*:*:*:*:comment\n\nnonsense\n*:5433:*:*:port\n"), None);
        assert_eq!(found("db.example:5432:shop:me:crlf\r\n"), Some("crlf".into()));
        assert_eq!(found("db.example:5432:shop:me:"), None, "an empty password is none");
    }

    #[test]
    fn colons_and_backslashes_are_escaped() {
        assert_eq!(found(r"*:*:*:*:a\:b\\c\d"), Some(r"a:b\cd".into()));
        assert_eq!(found("*:*:*:*:a:rest"), Some("a".into()));
        assert_eq!(found(r"*:*:*:*:a\"), Some(r"a\".into()));
        let odd = Account { database: "a:b", user: "*", ..ACCOUNT };
        assert!(find(r"*:*:a\:b:\*:x", odd).is_some());
        assert!(find(r"*:*:a\:b:\*:x", ACCOUNT).is_none(), "an escaped star is a star");
    }

    #[test]
    fn a_file_that_others_read_is_refused() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join(".pgpass");
        fs::write(&path, "*:*:*:*:secret\n").expect("a file");
        let environment: Environment = [("HOME".to_owned(), home.path().display().to_string())].into_iter().collect();
        for (mode, expected) in [(0o600, None), (0o400, None), (0o640, Some(())), (0o604, Some(())), (0o610, Some(()))]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
            let found = look_up(None, &environment, ACCOUNT);
            match (found, expected) {
                (Found::Password(password), None) => assert_eq!(password.expose(), "secret"),
                (Found::Refused(refusal), Some(())) => {
                    assert_eq!(refusal.error().kind(), ErrorKind::Refused);
                    assert!(!format!("{:?}", refusal.error()).contains("secret"));
                }
                (found, _) => panic!("{mode:o}: {found:?}"),
            }
        }
    }

    #[test]
    fn only_a_file_that_was_named_is_missed() {
        let home = tempfile::tempdir().expect("a directory");
        let environment: Environment = [("HOME".to_owned(), home.path().display().to_string())].into_iter().collect();
        assert!(matches!(look_up(None, &environment, ACCOUNT), Found::Nothing));
        assert!(matches!(look_up(None, &Environment::default(), ACCOUNT), Found::Nothing));
        let Found::Refused(refusal) = look_up(Some("/nowhere/pass"), &environment, ACCOUNT) else {
            panic!("it was named")
        };
        assert!(refusal.error().to_string().contains("/nowhere/pass"));
        let Found::Refused(_) = look_up(home.path().to_str(), &environment, ACCOUNT) else { panic!("a directory") };
    }
}
