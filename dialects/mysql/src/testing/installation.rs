//! Which servers there are, and how their programs are run.

use dbferry_dialect::testkit::system::{self, System};

/// The user whom the server runs as where the tests are root's.
const USER: &str = "mysql";

/// The environment variables with the URLs of servers to use instead of installed ones.
pub const URL_VARIABLES: [&str; 2] = ["DBFERRY_TEST_MARIADB_URL", "DBFERRY_TEST_MYSQL_URL"];

/// The programs of one server.
#[derive(Clone, Debug)]
pub struct Installation {
    /// Which it is: `mariadb-10.11`, `mysql-9.7`.
    pub name: String,
    /// Whether it is MariaDB.
    pub is_mariadb: bool,
    /// The system that it runs in.
    pub(super) system: System,
    /// The server itself, where it runs already.
    pub(super) url: Option<String>,
}

impl Installation {
    /// Those that [`URL_VARIABLES`] name, and of each family that they do not name everything that is installed where
    /// Debian puts it, on every [`System`].
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = System::all().into_iter().filter_map(Self::on).collect();
        for (variable, is_mariadb) in URL_VARIABLES.into_iter().zip([true, false]) {
            let Some(url) = std::env::var(variable).ok().filter(|url| !url.is_empty()) else { continue };
            // The programs of an installed one serve it as well.
            let system = all.iter().find(|one| one.is_mariadb == is_mariadb).map(|one| one.system.clone());
            let system = system.unwrap_or_default();
            all.retain(|one| one.is_mariadb != is_mariadb);
            all.push(Self { name: variable.to_owned(), is_mariadb, system, url: Some(url) });
        }
        all
    }

    /// The server of that system, by what it says of itself: `mysqld  Ver 10.11.14-MariaDB-... for debian-linux-gnu`.
    fn on(system: System) -> Option<Self> {
        if !system.outside("usr/sbin/mysqld").exists() {
            return None;
        }
        let nothing: [(&str, &str); 0] = [];
        let output = system::run(&system.command(&["/usr/sbin/mysqld", "--version"]), nothing, "").ok()?;
        let text = String::from_utf8_lossy(&output).into_owned();
        let version = text.split("Ver ").nth(1)?.split_whitespace().next()?;
        let is_mariadb = version.contains("MariaDB");
        let family = if is_mariadb { "mariadb" } else { "mysql" };
        let number: Vec<_> = version.split('.').take(2).collect();
        Some(Self { name: format!("{family}-{}", number.join(".")), is_mariadb, system, url: None })
    }

    /// A command line that makes a data directory whose user `root` has no password.
    pub(super) fn initialise(&self, data: &str) -> Vec<String> {
        let data = format!("--datadir={data}");
        let words: &[&str] = if self.is_mariadb {
            &["mariadb-install-db", "--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]
        } else {
            &[
                "/usr/sbin/mysqld",
                "--no-defaults",
                "--initialize-insecure",
                // A smaller one is copied faster.
                "--innodb-doublewrite=OFF",
                "--skip-log-bin",
                "--innodb-redo-log-capacity=8M",
            ]
        };
        self.system.command_as(USER, &[words, &[&data]].concat())
    }

    /// The beginning of a command line that runs the server.
    pub(super) fn server(&self, data: &str) -> Vec<String> {
        let data = format!("--datadir={data}");
        let mut words = self.system.command_as(USER, &["/usr/sbin/mysqld", "--no-defaults", &data]);
        if !self.is_mariadb {
            words.push("--skip-log-bin".to_owned());
        }
        words
    }

    /// The words that run the client program.
    pub(super) fn client(&self) -> Vec<String> {
        self.system.command(&[if self.is_mariadb { "/usr/bin/mariadb" } else { "/usr/bin/mysql" }])
    }

    /// The words that run the program that prints a database as SQL.
    pub(super) fn dump_program(&self) -> Vec<String> {
        self.system.command(&[if self.is_mariadb { "/usr/bin/mariadb-dump" } else { "/usr/bin/mysqldump" }])
    }

    /// A command line that gives files to the user whom the server runs as, if that is another one.
    pub(super) fn chown(&self, path: &str) -> Option<Vec<String>> {
        self.system.chown(USER, path)
    }

    /// A command line that copies a directory with its owner.
    pub(super) fn copy(&self, from: &str, to: &str) -> Vec<String> {
        self.system.command(&["cp", "-a", "--reflink=auto", from, to])
    }
}
