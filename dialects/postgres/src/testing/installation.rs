//! Which versions of PostgreSQL are installed, and how their programs are run.

use dbferry_dialect::testkit::system::System;
use std::fs;
use std::path::{Path, PathBuf};

/// The user whom the server runs as where the tests are root's.
const USER: &str = "postgres";

/// The programs of one PostgreSQL version.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The major version.
    pub major: u32,
    /// The system that they run in.
    pub(super) system: System,
    /// Their directory, seen from inside.
    programs: PathBuf,
}

impl Installation {
    /// Everything that is installed where Debian puts it, on every [`System`], the oldest first.
    pub fn all() -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for system in System::all() {
            for entry in fs::read_dir(system.outside("usr/lib/postgresql")).into_iter().flatten().flatten() {
                let Some(major) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                let is_new = found.iter().all(|known| known.major != major);
                if is_new && entry.path().join("bin/postgres").exists() {
                    let programs = Path::new("/usr/lib/postgresql").join(entry.file_name()).join("bin");
                    found.push(Self { major, system: system.clone(), programs });
                }
            }
        }
        found.sort_by_key(|installation| installation.major);
        found
    }

    /// A command line that runs one of the server's programs.
    pub(super) fn command(&self, program: &str, arguments: &[&str]) -> Vec<String> {
        self.system.command_as(USER, &[&[&*self.program(program)], arguments].concat())
    }

    /// The words that run one of the programs as the user of the tests.
    pub(super) fn client(&self, program: &str) -> Vec<String> {
        self.system.command(&[self.program(program)])
    }

    fn program(&self, name: &str) -> String {
        self.programs.join(name).display().to_string()
    }

    /// A command line that gives files to the user whom the server runs as, if that is another one.
    pub(super) fn chown(&self, path: &str) -> Option<Vec<String>> {
        self.system.chown(USER, path)
    }
}
