//! Consent: nothing that exists in a target is changed before somebody said so.

use super::config::Place;
use super::output::write_err;
use super::text::{one_line, shell_word};
use dbferry::config::ConnectionRole;
use dbferry::dialect::{DatabaseUrl, Location};
use dbferry::failure::redact;
use dbferry::{Error, ErrorKind, Result};
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

/// Refuses a database that the configuration declares to be a source.
///
/// # Errors
/// [`ErrorKind::Refused`].
pub(crate) fn refuse_source(place: &Place) -> Result<()> {
    if place.role == Some(ConnectionRole::Source) {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("{} is a source: the configuration forbids to restore into it", place.endpoint.url),
        )
        .hint("restore into another database, or change role = \"source\" in dbferry.toml if that is what you want"));
    }
    Ok(())
}

/// Asks whether what `question` describes shall be done to `url`.
///
/// # Errors
/// [`ErrorKind::Refused`] when the answer is no, and without a terminal, where nobody can be asked.
pub(crate) fn ask(question: &str, url: &DatabaseUrl) -> Result<()> {
    ask_about(question, "replaces what is in the target", &name(url))
}

/// Asks whether what `question` describes shall be done: yes, or the `name` of what is at stake. `effect` is what it does.
///
/// # Errors
/// [`ErrorKind::Refused`] when the answer is no, and without a terminal, where nobody can be asked.
pub(crate) fn ask_about(question: &str, effect: &str, name: &str) -> Result<()> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("this {effect}, and there is no terminal to ask for consent; nothing was changed"),
        )
        .hint(format!("to go on, run: {}", again(std::env::args()))));
    }
    write_err(question);
    write_err(&format!("Type yes, or {}, to go on: ", one_line(name)));
    accepted(&mut io::stdin().lock(), name)
}

/// The command that was given, with `--yes`; a password in it is not repeated.
fn again(arguments: impl Iterator<Item = String>) -> String {
    let words = arguments.skip(1).map(|word| shell_word(&redact(&word))).collect::<Vec<_>>();
    format!("dbferry {} --yes", words.join(" "))
}

fn accepted(input: &mut dyn BufRead, name: &str) -> Result<()> {
    let mut answer = String::new();
    input.read_line(&mut answer).map_err(|error| Error::io("cannot read the answer", error))?;
    let answer = answer.trim();
    if answer == "yes" || answer == name {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Refused, "not confirmed; nothing was changed"))
}

/// The target's own name: the database's, or the file's without its directory.
fn name(url: &DatabaseUrl) -> String {
    match url.location() {
        Location::File(path) => {
            Path::new(path).file_name().map_or_else(|| path.clone(), |name| name.to_string_lossy().into_owned())
        }
        Location::Server { database, .. } => database.clone().unwrap_or_else(|| url.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_or_the_name_is_consent() {
        let url = DatabaseUrl::parse("sqlite:/var/lib/shop.db").unwrap();
        let answer = |text: &str| accepted(&mut text.as_bytes(), &name(&url));
        for text in ["yes\n", "shop.db\n", "  yes  "] {
            answer(text).unwrap();
        }
        for text in ["", "\n", "y\n", "no\n", "YES\n", "shop\n"] {
            assert_eq!(answer(text).unwrap_err().kind(), ErrorKind::Refused, "{text:?}");
        }
    }

    #[test]
    fn the_command_to_run_again_has_no_password() {
        let words = ["/usr/bin/dbferry", "restore", "my backup", "postgres://me:canary@h/d"].map(String::from);
        assert_eq!(again(words.into_iter()), "dbferry restore 'my backup' 'postgres://me:***@h/d' --yes");
    }
}
