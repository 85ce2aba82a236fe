//! A directory of its own for each test, and the program run in it.

use rusqlite::Connection;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A small shop with a parent, a child, a log and settings.
const SHOP: &str = "
    CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE);
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY,
        user_id INTEGER NOT NULL REFERENCES users (id),
        total NUMERIC(10,2) NOT NULL DEFAULT 0
    );
    CREATE TABLE audit_log (at TEXT, what TEXT);
    CREATE TABLE settings (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
    INSERT INTO users (name, email) VALUES ('Zoë', 'zoe@example.org'), ('Bo', NULL), ('東京', 't@example.org');
    INSERT INTO orders (user_id, total) VALUES (1, 9.99), (1, 10.01), (3, 0);
    INSERT INTO audit_log VALUES ('2026-11-23', 'started'), ('2026-11-24', NULL);
    INSERT INTO settings VALUES ('theme', 'dark'), ('limit', 3);
";

/// Rules for the shop.
pub(crate) const RULES: &str = r#"
version = 1
[[rule]]
group = "required"
tables = ["settings"]
[[rule]]
group = "user"
tables = ["users", "orders"]
[[rule]]
group = "log"
tables = ["*_log"]
"#;

/// A directory that goes away with the test.
pub(crate) struct Workdir(TempDir);

impl Workdir {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    /// With the shop in `shop.db`.
    pub(crate) fn with_shop() -> Self {
        let workdir = Self::empty();
        workdir.sql("shop.db", SHOP);
        workdir
    }

    /// With the shop in `shop.db` and an archive of it in `backup`.
    pub(crate) fn with_backup() -> Self {
        let workdir = Self::with_shop();
        workdir.run(&["dump", "sqlite:shop.db", "backup", "-q"]).is(0);
        workdir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The names of what is there, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).expect("a directory");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect(name);
    }

    /// Runs statements in a database file, which is created when it is not there.
    pub(crate) fn sql(&self, database: &str, statements: &str) {
        Connection::open(self.path(database)).expect(database).execute_batch(statements).expect(statements);
    }

    /// A single number out of a database file.
    pub(crate) fn number(&self, database: &str, query: &str) -> i64 {
        let connection = Connection::open(self.path(database)).expect(database);
        connection.query_row(query, [], |row| row.get(0)).expect(query)
    }

    /// The program, ready to run here with nothing in its environment but what commands need.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dbferry"));
        command.args(arguments).current_dir(self.0.path()).env_clear().stdin(Stdio::null());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, &[])
    }

    /// Runs with these variables set.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
        let output = self.command(arguments).envs(variables.iter().copied()).output().expect("the program runs");
        Run::new(arguments, output)
    }

    /// Flips one bit in the middle of a file.
    pub(crate) fn damage(&self, name: impl AsRef<Path>) {
        let path = self.0.path().join(name);
        let mut bytes = std::fs::read(&path).expect("the file to damage");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        std::fs::write(path, bytes).expect("the damaged file");
    }

    /// The Parquet file of a collection, relative to the directory.
    pub(crate) fn parquet_of(&self, archive: &str, table: &str) -> PathBuf {
        let document = self.run(&["inspect", archive, table, "--json"]).is(0).document();
        Path::new(archive).join(document["collections"][0]["file"].as_str().expect("a file"))
    }
}

/// What a run left behind.
pub(crate) struct Run {
    command: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn new(arguments: &[&str], output: Output) -> Self {
        Self {
            command: arguments.join(" "),
            code: output.status.code().expect("it was not killed"),
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
        }
    }

    /// Checks the exit code.
    #[track_caller]
    pub(crate) fn is(self, code: i32) -> Self {
        assert_eq!(self.code, code, "dbferry {}\n{}{}", self.command, self.stdout, self.stderr);
        self
    }

    /// Checks that standard output has these texts.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stdout.contains(text), "dbferry {}: no {text:?} in\n{}", self.command, self.stdout);
        }
        self
    }

    /// Checks that standard error has these texts.
    #[track_caller]
    pub(crate) fn complains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "dbferry {}: no {text:?} in\n{}", self.command, self.stderr);
        }
        self
    }

    /// The JSON lines of standard output, each with the version.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        let lines: Vec<Value> = lines.collect();
        for line in &lines {
            assert_eq!(line["schema_version"], 1, "{line}");
            assert!(line["type"].is_string(), "{line}");
        }
        lines
    }

    /// The last JSON line of standard output.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        self.lines().pop().expect("a JSON line")
    }
}

/// The names of a JSON object's fields, sorted.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}
