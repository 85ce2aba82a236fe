//! Which versions of PostgreSQL are installed, and how their programs are run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The environment variable with the root directory of another system whose servers are tried too.
pub const ROOT_VARIABLE: &str = "DBFERRY_TEST_SERVER_ROOT";

/// The programs of one PostgreSQL version.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The major version.
    pub major: u32,
    /// The root of the system that they run in, if it is not this one.
    pub(super) root: Option<PathBuf>,
    /// Their directory, seen from inside that root.
    programs: PathBuf,
}

impl Installation {
    /// Everything that is installed where Debian puts it, here and below [`ROOT_VARIABLE`], the oldest first.
    pub fn all() -> Vec<Self> {
        let other = std::env::var_os(ROOT_VARIABLE).map(PathBuf::from);
        let mut found: Vec<Self> = Vec::new();
        for root in [None, other].into_iter().filter(|root| root.as_ref().is_none_or(|root| root.is_dir())) {
            let versions = root.as_deref().unwrap_or(Path::new("/")).join("usr/lib/postgresql");
            for entry in fs::read_dir(versions).into_iter().flatten().flatten() {
                let Some(major) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                let is_new = found.iter().all(|known| known.major != major);
                if is_new && entry.path().join("bin/postgres").exists() {
                    let programs = Path::new("/usr/lib/postgresql").join(entry.file_name()).join("bin");
                    found.push(Self { major, root: root.clone(), programs });
                }
            }
        }
        found.sort_by_key(|installation| installation.major);
        found
    }

    /// The words before a program's own: into the other root, and as a user whom the server accepts, since it refuses root.
    fn prefix(&self, as_server: bool) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        if let Some(root) = &self.root {
            words.extend(["chroot".into(), root.display().to_string()]);
        }
        if as_server && is_root() {
            words.extend(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"].map(String::from));
        }
        words
    }

    /// A command line that runs one of the server's programs.
    pub(super) fn command(&self, program: &str, arguments: &[&str]) -> Vec<String> {
        let mut words = self.prefix(true);
        words.push(self.programs.join(program).display().to_string());
        words.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        words
    }

    /// The words that run one of the programs as the user of the tests.
    pub(super) fn client(&self, program: &str) -> Vec<String> {
        let mut words = self.prefix(false);
        words.push(self.programs.join(program).display().to_string());
        words
    }

    /// A command line that gives files to the user whom the server runs as, if that is another one.
    pub(super) fn chown(&self, path: &str) -> Option<Vec<String>> {
        let own = ["chown", "-R", "postgres", path].map(String::from);
        is_root().then(|| self.prefix(false).into_iter().chain(own).collect())
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
