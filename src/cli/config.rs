//! The configuration and the databases that it names: what the library keeps as data is fetched here.
//!
//! Only `{ env = ".." }`, `{ file = ".." }` and `{ command = [..] }` reach outside, and only when the connection is used.

use super::args::ConfigArgs;
use super::output::Output;
use super::text::shell_word;
use dbferry::config::{Config, ConnectionRole, ExternalValue, UrlSource};
use dbferry::dialect::{DatabaseUrl, Location, Secret};
use dbferry::endpoint::Endpoint;
use dbferry::{Error, ErrorKind, Result, registry};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file that is used when it is there and no other is named.
const FILE: &str = "dbferry.toml";
/// Where the URL comes from when none is given.
const VARIABLE: &str = "DATABASE_URL";
/// No configuration and no password is larger, in bytes.
const LARGEST: u64 = 1 << 20;

/// The configuration, and where it came from.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    /// What it says; that of an empty file when there is none.
    pub(crate) config: Config,
    file: Option<PathBuf>,
}

/// A database that the command line names.
#[derive(Debug)]
pub(crate) struct Place {
    /// The dialect and the URL.
    pub(crate) endpoint: Endpoint<'static>,
    /// What the configuration allows to do with it; `None` is anything, with a question before a restore.
    pub(crate) role: Option<ConnectionRole>,
}

impl Configuration {
    /// Reads the file that is named, or `dbferry.toml` in the current directory if there is one.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense, and when everybody can read a password in it.
    pub(crate) fn load(args: &ConfigArgs) -> Result<Self> {
        let path = match &args.config {
            Some(path) => path.clone(),
            None if Path::new(FILE).is_file() => PathBuf::from(FILE),
            None => return Ok(Self::default()),
        };
        let text = read_small(&path, "configuration")?;
        let config = Config::parse(&text).map_err(|error| error.with("file", path.display()))?;
        if holds_password(&config) && everybody_reads(&path) {
            return Err(Error::new(
                ErrorKind::Refused,
                format!("{} holds a password and everybody on this machine can read it", path.display()),
            )
            .hint(format!(
                "chmod 600 {}, or take the password out: password = {{ env = \"NAME\" }}, {{ file = \"PATH\" }} or \
                 {{ command = [\"pass\", \"NAME\"] }}",
                shell_word(&path.to_string_lossy())
            )));
        }
        Ok(Self { config, file: Some(path) })
    }

    /// The database that `text` names: a URL, `@name`, or what `DATABASE_URL` holds when there is no text.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when nothing is named, or it is no URL of this build.
    pub(crate) fn database(&self, text: Option<&str>, output: &Output) -> Result<Place> {
        let Some(text) = text else {
            let url = variable(VARIABLE).ok_or_else(|| {
                Error::new(ErrorKind::Usage, "no database is named").hint(format!(
                    "give a URL such as {}, or @NAME from {FILE}, or set {VARIABLE}",
                    example_url("shop.db")
                ))
            })?;
            return self.place(parse(&url).map_err(|error| error.with("variable", VARIABLE))?);
        };
        if let Some(name) = text.strip_prefix('@') {
            return self.connection(name);
        }
        let url = parse(text)?;
        if has_password(&url) && std::env::args().any(|argument| argument.contains(text)) {
            output.warn(&format!(
                "others on this machine can see the password in the URL, since it is in the list of processes; put the \
                 URL into {VARIABLE}, or name the connection in {FILE} and keep the password apart"
            ));
        }
        self.place(url)
    }

    /// The connection of that name.
    ///
    /// # Errors
    /// When there is none, or its URL or its password cannot be fetched.
    pub(crate) fn connection(&self, name: &str) -> Result<Place> {
        let connection = self.config.connection(name)?;
        let named = |error: Error| error.with("connection", name);
        let url = match &connection.url {
            UrlSource::Literal(url) => url.clone(),
            UrlSource::External(value) => parse(self.fetch(value).map_err(named)?.expose()).map_err(named)?,
        };
        let url = match &connection.password {
            None => url,
            Some(value) => url.with_password(self.fetch(value).map_err(named)?).map_err(named)?,
        };
        Ok(Place { endpoint: endpoint(url)?, role: connection.role })
    }

    /// A database that is given by its URL. It is still a source if a connection says so: spelling the URL out is no way
    /// around that.
    fn place(&self, url: DatabaseUrl) -> Result<Place> {
        let is_source =
            self.config.connections.values().filter(|connection| connection.role == Some(ConnectionRole::Source)).any(
                |connection| match &connection.url {
                    UrlSource::Literal(source) => same_database(source, &url),
                    // A command is not run for a connection that nobody named.
                    UrlSource::External(ExternalValue::Command(_)) => false,
                    UrlSource::External(value) => self
                        .fetch(value)
                        .and_then(|text| DatabaseUrl::parse(text.expose()))
                        .is_ok_and(|source| same_database(&source, &url)),
                },
            );
        Ok(Place { endpoint: endpoint(url)?, role: is_source.then_some(ConnectionRole::Source) })
    }

    fn fetch(&self, value: &ExternalValue) -> Result<Secret> {
        let usage = |message: String| Error::new(ErrorKind::Usage, message);
        let text = match value {
            ExternalValue::Env(name) => {
                variable(name).ok_or_else(|| usage(format!("the environment variable {name} is not set")))?
            }
            ExternalValue::File(path) => {
                // As it stands in the file: relative to the configuration, not to wherever one happens to be.
                let base = self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
                read_small(&base.join(path), "value")?
            }
            ExternalValue::Command(words) => output_of(words)?,
        };
        Ok(Secret::new(text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line))))
    }
}

fn endpoint(url: DatabaseUrl) -> Result<Endpoint<'static>> {
    let mut endpoint = Endpoint::new(registry::dialect_of(&url)?, url);
    // What is not UTF-8 is no option of any database client.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    endpoint.environment = variables.collect();
    Ok(endpoint)
}

/// A URL, with a better word for those who forgot the scheme.
fn parse(text: &str) -> Result<DatabaseUrl> {
    DatabaseUrl::parse(text).map_err(|error| {
        // A text with a colon may be half of a URL with a password in it; it is not repeated.
        if text.contains(':') || text.is_empty() {
            return error;
        }
        Error::new(ErrorKind::Usage, format!("{text:?} is not a database URL: it has no scheme"))
            .hint(format!("for a database file write {}", shell_word(&example_url(text))))
    })
}

/// How a path is written as a URL, in the scheme of the first dialect that keeps databases in files.
fn example_url(path: &str) -> String {
    let of_files = registry::dialects().iter().find(|dialect| dialect.capabilities().creates_database);
    let scheme = of_files.and_then(|dialect| dialect.schemes().first()).copied().unwrap_or("scheme");
    format!("{scheme}:{path}")
}

/// Whether `text` is meant as a database rather than as a path.
pub(crate) fn names_database(text: &str) -> bool {
    text.starts_with('@') || text.contains("://") || DatabaseUrl::looks_like_one(text, &registry::schemes())
}

/// A path where an archive is expected: a URL there is a mistake worth its own words.
///
/// # Errors
/// [`ErrorKind::Usage`].
pub(crate) fn archive_path(path: &Path, hint: &'static str) -> Result<()> {
    if names_database(&path.to_string_lossy()) {
        let message = "a database stands where the archive is expected, which is a path";
        return Err(Error::new(ErrorKind::Usage, message).hint(hint));
    }
    Ok(())
}

fn has_password(url: &DatabaseUrl) -> bool {
    matches!(url.location(), Location::Server { password: Some(_), .. })
        // The name of a file with passwords is no password.
        || url.parameters().iter().any(|(key, _)| key.to_ascii_lowercase().contains("pass") && key != "passfile")
}

fn holds_password(config: &Config) -> bool {
    config
        .connections
        .values()
        .any(|connection| matches!(&connection.url, UrlSource::Literal(url) if has_password(url)))
}

#[cfg(unix)]
fn everybody_reads(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Other systems have no such bits.
#[cfg(not(unix))]
fn everybody_reads(_path: &Path) -> bool {
    false
}

/// Whether two URLs lead to one database, as far as they tell.
fn same_database(left: &DatabaseUrl, right: &DatabaseUrl) -> bool {
    let endpoint = |url: &DatabaseUrl| registry::dialect_of(url).map(|dialect| Endpoint::new(dialect, url.clone()));
    matches!((endpoint(left), endpoint(right)), (Ok(left), Ok(right)) if left.is_same_database(&right))
}

/// An environment variable; an empty one counts as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads a small text file.
///
/// # Errors
/// When it cannot be read, or is too large for what it is.
pub(crate) fn read_small(path: &Path, what: &str) -> Result<String> {
    let cannot = |error| Error::io(format!("cannot read the {what} {}", path.display()), error);
    let length = path.metadata().map_err(cannot)?.len();
    if length > LARGEST {
        return Err(Error::new(ErrorKind::Usage, format!("{} is too large for a {what}", path.display())));
    }
    std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::InvalidData => {
            Error::new(ErrorKind::Usage, format!("{} is not a text file", path.display()))
        }
        _ => cannot(error),
    })
}

/// What a command prints. It may ask on the terminal: standard input and standard error are ours.
fn output_of(words: &[String]) -> Result<String> {
    let failed = |message: String| Error::new(ErrorKind::Usage, message);
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("an empty command stands where a password is expected".into()));
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::inherit())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("cannot run {program}")).caused_by(error))?;
    if !output.status.success() {
        return Err(failed(format!("{program} failed: {}", output.status)));
    }
    // What it printed is not repeated.
    String::from_utf8(output.stdout).map_err(|_| failed(format!("what {program} prints is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_paths_and_names_are_told_apart() {
        for text in ["sqlite:a.db", "SQLITE:a", "@prod", "postgres://h/d", "whatever://x"] {
            assert!(names_database(text), "{text}");
        }
        for text in ["backup", "./sqlite", "C:\\backup", "a:b", ""] {
            assert!(!names_database(text), "{text}");
        }
    }

    #[test]
    fn one_database_is_recognised_under_another_user() {
        let url = |text: &str| DatabaseUrl::parse(text).unwrap();
        assert!(same_database(&url("sqlite:a.db"), &url("sqlite:a.db")));
        assert!(same_database(&url("sqlite:./src/../Cargo.toml"), &url("sqlite:Cargo.toml")));
        assert!(!same_database(&url("sqlite:a.db"), &url("sqlite:b.db")));
        assert!(same_database(&url("postgres://a:b@h/d"), &url("postgres://c@h/d?x=y")));
        assert!(!same_database(&url("postgres://h/d"), &url("postgres://h/e")));
        assert!(same_database(&url("postgres://h:1/d"), &url("postgresql:///?dbname=d&host=h&port=1")));
    }

    #[test]
    fn the_name_of_a_password_file_is_no_password() {
        let url = |text: &str| DatabaseUrl::parse(text).unwrap();
        assert!(has_password(&url("postgres://me:x@h/d")) && has_password(&url("postgres://h/d?password=x")));
        assert!(!has_password(&url("postgres://h/d?passfile=/home/me/.pgpass")));
    }

    #[test]
    fn a_value_loses_its_line_end_only() {
        let configuration = Configuration::default();
        let command = ["printf", " secret \\r\\n"].map(String::from).to_vec();
        let value = configuration.fetch(&ExternalValue::Command(command)).unwrap();
        assert_eq!(value.expose(), " secret ");
        let failing = ExternalValue::Command(vec!["false".into()]);
        assert_eq!(configuration.fetch(&failing).unwrap_err().kind(), ErrorKind::Usage);
    }
}
