//! Connection services: named groups of parameters in a file.
//!
//! Format and places: <https://www.postgresql.org/docs/current/libpq-pgservice.html>. What is not here: LDAP look-ups.

use super::settings::usage;
use dbferry_dialect::{Environment, Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// No file of services is larger, in bytes.
const LARGEST: u64 = 1 << 20;

/// The parameters of the service of that name, in the order of the file.
///
/// # Errors
/// [`ErrorKind::Usage`](dbferry_dialect::ErrorKind::Usage) when it is not defined or its definition cannot be read.
pub(super) fn definition(name: &str, environment: &Environment) -> Result<Vec<(String, String)>> {
    let own = match environment.get("PGSERVICEFILE") {
        Some(path) => Some(PathBuf::from(path)),
        None => environment.home().map(|home| home.join(".pg_service.conf")).filter(|path| path.exists()),
    };
    let shared = environment.get("PGSYSCONFDIR").map(|directory| Path::new(directory).join("pg_service.conf"));
    let files: Vec<PathBuf> = own.into_iter().chain(shared.filter(|path| path.exists())).collect();
    for file in &files {
        if let Some(found) = section(&read(file)?, name).map_err(|error| error.with("file", file.display()))? {
            return Ok(found);
        }
    }
    let places: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let message = format!("the service {name} is not defined");
    Err(match places.as_slice() {
        [] => usage(message).hint("write it into ~/.pg_service.conf, or name another file in PGSERVICEFILE"),
        _ => usage(message).with("file", places.join(", ")),
    })
}

fn read(file: &Path) -> Result<String> {
    let cannot = |error| Error::io(format!("cannot read the services in {}", file.display()), error);
    if file.metadata().map_err(cannot)?.len() > LARGEST {
        return Err(usage(format!("{} is too large for a file of services", file.display())));
    }
    fs::read_to_string(file).map_err(cannot)
}

/// The parameters below `[name]`; `None` when there is no such section.
fn section(text: &str, name: &str) -> Result<Option<Vec<(String, String)>>> {
    let mut found: Option<Vec<(String, String)>> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            if heading.strip_suffix(']') == Some(name) {
                found = Some(Vec::new());
            }
            continue;
        }
        let Some(parameters) = &mut found else { continue };
        // The line itself may hold a password.
        let (key, value) =
            line.split_once('=').ok_or_else(|| usage(format!("line {} is not KEY=VALUE", number + 1)))?;
        parameters.push((key.to_owned(), value.to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::ErrorKind;

    const FILE: &str = "# ours\n[other]\nhost=x\n\n  [shop]\nhost=h\n  # a comment\npassword=a=b c\n[last]\nnonsense\n";

    #[test]
    fn a_section_ends_where_the_next_begins() {
        let found = section(FILE, "shop").expect("readable").expect("defined");
        assert_eq!(found, [("host".into(), "h".into()), ("password".into(), "a=b c".into())]);
        assert_eq!(section(FILE, "none").expect("readable"), None);
        assert_eq!(section(FILE, "last").expect_err("nonsense").kind(), ErrorKind::Usage);
    }

    #[test]
    fn the_own_file_comes_before_the_shared_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).display().to_string();
        fs::write(path("own"), "[a]\nport=1\n").expect("a file");
        fs::write(path("pg_service.conf"), "[a]\nport=2\n[b]\nport=3\n").expect("a file");
        let environment: Environment = [("PGSERVICEFILE", path("own")), ("PGSYSCONFDIR", path(""))]
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect();
        assert_eq!(definition("a", &environment).expect("defined"), [("port".into(), "1".into())]);
        assert_eq!(definition("b", &environment).expect("defined"), [("port".into(), "3".into())]);
        let error = definition("c", &environment).expect_err("not defined");
        assert!(error.to_string().contains("pg_service.conf"), "{error}");
        assert_eq!(definition("c", &Environment::default()).expect_err("no file").kind(), ErrorKind::Usage);
    }
}
