//! Which servers there are, and how their programs are run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable with the root directory of another system whose servers are tried too.
pub const ROOT_VARIABLE: &str = "DBFERRY_TEST_SERVER_ROOT";

/// The environment variables with the URLs of servers to use instead of installed ones.
pub const URL_VARIABLES: [&str; 2] = ["DBFERRY_TEST_MARIADB_URL", "DBFERRY_TEST_MYSQL_URL"];

/// The programs of one server.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Which it is: `mariadb-10.11`, `mysql-9.7`.
    pub name: String,
    /// Whether it is MariaDB.
    pub is_mariadb: bool,
    /// The root of the system that it runs in, if it is not this one.
    pub(super) root: Option<PathBuf>,
    /// The server itself, where it runs already.
    pub(super) url: Option<String>,
}

impl Installation {
    /// Those that [`URL_VARIABLES`] name, and of each family that they do not name everything that is installed where
    /// Debian puts it, here and below [`ROOT_VARIABLE`].
    pub fn all() -> Vec<Self> {
        let other = std::env::var_os(ROOT_VARIABLE).map(PathBuf::from).filter(|root| root.is_dir());
        let roots = std::iter::once(None).chain(other.map(Some));
        let mut all: Vec<Self> = roots.filter_map(Self::in_root).collect();
        for (variable, is_mariadb) in URL_VARIABLES.into_iter().zip([true, false]) {
            let Some(url) = std::env::var(variable).ok().filter(|url| !url.is_empty()) else { continue };
            // The programs of an installed one serve it as well.
            let root = all.iter().find(|one| one.is_mariadb == is_mariadb).and_then(|one| one.root.clone());
            all.retain(|one| one.is_mariadb != is_mariadb);
            all.push(Self { name: variable.to_owned(), is_mariadb, root, url: Some(url) });
        }
        all
    }

    /// The server of that root, by what it says of itself: `mysqld  Ver 10.11.14-MariaDB-... for debian-linux-gnu`.
    fn in_root(root: Option<PathBuf>) -> Option<Self> {
        let program = root.as_deref().unwrap_or(Path::new("/")).join("usr/sbin/mysqld");
        if !program.exists() {
            return None;
        }
        let mut installation = Self { name: String::new(), is_mariadb: false, root, url: None };
        let mut words = installation.prefix(false);
        words.extend(["/usr/sbin/mysqld".to_owned(), "--version".to_owned()]);
        let output = Command::new(&words[0]).args(&words[1..]).current_dir("/").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split("Ver ").nth(1)?.split_whitespace().next()?;
        installation.is_mariadb = version.contains("MariaDB");
        let family = if installation.is_mariadb { "mariadb" } else { "mysql" };
        let number: Vec<_> = version.split('.').take(2).collect();
        installation.name = format!("{family}-{}", number.join("."));
        Some(installation)
    }

    /// The words before a program's own: into the other root, and as a user whom the server accepts, since it refuses root.
    fn prefix(&self, as_server: bool) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        if let Some(root) = &self.root {
            words.extend(["chroot".into(), root.display().to_string()]);
        }
        if as_server && is_root() {
            words.extend(["setpriv", "--reuid=mysql", "--regid=mysql", "--clear-groups"].map(String::from));
        }
        words
    }

    /// A command line that makes a data directory whose user `root` has no password.
    pub(super) fn initialise(&self, data: &str) -> Vec<String> {
        let mut words = self.prefix(true);
        if self.is_mariadb {
            words.extend(["mariadb-install-db", "--no-defaults", "--skip-test-db"].map(String::from));
            words.push("--auth-root-authentication-method=normal".to_owned());
        } else {
            words.extend(["/usr/sbin/mysqld", "--no-defaults", "--initialize-insecure"].map(String::from));
            // A smaller one is copied faster.
            words.extend(
                ["--innodb-doublewrite=OFF", "--skip-log-bin", "--innodb-redo-log-capacity=8M"].map(String::from),
            );
        }
        words.push(format!("--datadir={data}"));
        words
    }

    /// The beginning of a command line that runs the server.
    pub(super) fn server(&self, data: &str) -> Vec<String> {
        let mut words = self.prefix(true);
        words.extend(["/usr/sbin/mysqld".to_owned(), "--no-defaults".to_owned(), format!("--datadir={data}")]);
        if !self.is_mariadb {
            words.push("--skip-log-bin".to_owned());
        }
        words
    }

    /// The words that run the client program.
    pub(super) fn client(&self) -> Vec<String> {
        self.program(if self.is_mariadb { "mariadb" } else { "mysql" })
    }

    /// The words that run the program that prints a database as SQL.
    pub(super) fn dump_program(&self) -> Vec<String> {
        self.program(if self.is_mariadb { "mariadb-dump" } else { "mysqldump" })
    }

    fn program(&self, name: &str) -> Vec<String> {
        let mut words = self.prefix(false);
        words.push(format!("/usr/bin/{name}"));
        words
    }

    /// A command line that gives files to the user whom the server runs as, if that is another one.
    pub(super) fn chown(&self, path: &str) -> Option<Vec<String>> {
        let own = ["chown", "-R", "mysql", path].map(String::from);
        is_root().then(|| self.prefix(false).into_iter().chain(own).collect())
    }

    /// A command line that copies a directory with its owner.
    pub(super) fn copy(&self, from: &str, to: &str) -> Vec<String> {
        let own = ["cp", "-a", "--reflink=auto", from, to].map(String::from);
        self.prefix(false).into_iter().chain(own).collect()
    }

    /// How a path is seen from inside.
    pub(super) fn inside(&self, path: &Path) -> PathBuf {
        match self.root.as_deref().and_then(|root| path.strip_prefix(root).ok()) {
            Some(rest) => Path::new("/").join(rest),
            None => path.to_owned(),
        }
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}
