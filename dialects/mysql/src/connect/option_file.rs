//! Options files: `~/.my.cnf`, or the one that the URL names.
//!
//! Format: <https://dev.mysql.com/doc/refman/8.4/en/option-files.html>. The groups that count are those of every client
//! program of both families. What is not here: files of the whole system, `!include`, and the obfuscated `.mylogin.cnf`.

use dbferry_dialect::{Error, Result, Secret};
use std::fs;
use std::path::Path;

/// No options file is larger, in bytes.
const LARGEST: u64 = 1 << 20;
/// The groups that are read. Where two say the same thing, the later in the file wins.
const GROUPS: [&str; 4] = ["client", "client-server", "client-mariadb", "dbferry"];

/// Whether everybody may write to the file: MySQL's programs ignore it then.
#[cfg(unix)]
pub(super) fn is_open_to_writers(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o002 != 0)
}

/// Other systems have no such bits.
#[cfg(not(unix))]
pub(super) fn is_open_to_writers(_path: &Path) -> bool {
    false
}

/// The options that count, each once.
///
/// # Errors
/// [`ErrorKind::Io`](dbferry_dialect::ErrorKind::Io) when the file cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<(String, Secret)>> {
    let cannot = |error| {
        Error::io(format!("cannot read the options file {}", path.display()), error).with("dialect", crate::NAME)
    };
    let metadata = path.metadata().map_err(cannot)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(cannot(std::io::Error::other("it is not a plain file of reasonable size")));
    }
    Ok(parse(&fs::read_to_string(path).map_err(cannot)?))
}

fn parse(text: &str) -> Vec<(String, Secret)> {
    let mut options: Vec<(String, Secret)> = Vec::new();
    let mut counts = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';', '!']) {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            let group = heading.split(']').next().unwrap_or_default().trim();
            counts = GROUPS.contains(&group);
            continue;
        }
        if !counts {
            continue;
        }
        let line = without_comment(line);
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        let name = name.trim().to_ascii_lowercase().replace('_', "-");
        let (name, value) = translated(name.strip_prefix("loose-").unwrap_or(&name), value.trim());
        options.retain(|(other, _)| other != name);
        options.push((name.to_owned(), value));
    }
    options
}

/// An option as MySQL 8 spells it: MariaDB and older versions say the same about TLS in other words.
fn translated<'a>(name: &'a str, value: &str) -> (&'a str, Secret) {
    let value = unquoted(value);
    let is_on = !matches!(value.to_ascii_lowercase().as_str(), "0" | "off" | "false" | "no");
    let mode = |mode: &str| ("ssl-mode", Secret::new(mode));
    match name {
        "ssl-verify-server-cert" if is_on => mode("VERIFY_IDENTITY"),
        "ssl" if is_on => mode("REQUIRED"),
        "ssl" | "skip-ssl" | "disable-ssl" => mode("DISABLED"),
        _ => (name, Secret::new(value)),
    }
}

/// A number sign begins a comment, unless it is quoted.
fn without_comment(line: &str) -> &str {
    let (mut quote, mut escaped) = (None, false);
    for (position, character) in line.char_indices() {
        match character {
            '#' if quote.is_none() => return line[..position].trim_end(),
            '\'' | '"' if !escaped && quote.is_none() => quote = Some(character),
            '\'' | '"' if !escaped && quote == Some(character) => quote = None,
            _ => {}
        }
        escaped = quote.is_some() && character == '\\' && !escaped;
    }
    line
}

/// The value without the quotes around it and without its escapes.
fn unquoted(value: &str) -> String {
    let inner = ['\'', '"'].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    let mut text = String::new();
    let mut characters = inner.unwrap_or(value).chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('s') => text.push(' '),
            Some(same @ ('\\' | '"' | '\'')) => text.push(same),
            Some(other) => text.extend(['\\', other]),
            None => text.push('\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        parse(text).into_iter().map(|(name, value)| (name, value.expose().to_owned())).collect()
    }

    fn value(line: &str) -> String {
        parsed(&format!("[client]\n{line}\n")).pop().expect("an option").1
    }

    #[test]
    fn the_groups_of_clients_count() {
        let text = "user=nobody\n[mysqld]\nuser=mysql\n[client]\nuser = me\n# password=x\n;password=y\n[mysql]\nuser=z\n\
                    !include /x\n[client-mariadb]\nSSL_CA=/ca\nuser=later\nquick\n";
        let wanted = [("ssl-ca", "/ca"), ("user", "later"), ("quick", "")];
        assert_eq!(parsed(text), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn values_are_quoted_and_escaped() {
        assert_eq!(value("password=plain"), "plain");
        assert_eq!(value("password = \"with # and ' in it\"  # a comment"), "with # and ' in it");
        assert_eq!(value("password='a b '"), "a b ");
        assert_eq!(value(r"password=a\sb\\c\d"), r"a b\c\d");
        assert_eq!(value("password=half#a comment"), "half");
        assert_eq!(value("password=a=b"), "a=b");
        assert_eq!(value("password=\"\\\"#\""), "\"#");
        assert_eq!(value("password='"), "'");
    }

    #[test]
    fn tls_has_several_spellings() {
        for (line, mode) in [
            ("ssl", "REQUIRED"),
            ("ssl=0", "DISABLED"),
            ("skip_ssl", "DISABLED"),
            ("ssl-verify-server-cert", "VERIFY_IDENTITY"),
            ("loose-ssl-mode=VERIFY_CA", "VERIFY_CA"),
        ] {
            assert_eq!(parsed(&format!("[client]\n{line}")), [("ssl-mode".to_owned(), mode.to_owned())], "{line}");
        }
    }
}
