//! The systems that hold the programs of database servers, and how such programs are run.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// The environment variable with the root directory of another system whose servers are tried too.
pub const ROOT_VARIABLE: &str = "DBFERRY_TEST_SERVER_ROOT";

/// A system with programs of its own: the one that the tests run in, or one below a directory of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    root: Option<PathBuf>,
}

impl System {
    /// This one, and the one that [`ROOT_VARIABLE`] names.
    pub fn all() -> Vec<Self> {
        let other = std::env::var_os(ROOT_VARIABLE).map(PathBuf::from).filter(|root| root.is_dir());
        std::iter::once(None).chain(other.map(Some)).map(|root| Self { root }).collect()
    }

    /// How a path inside, without a slash at its beginning, is seen from outside.
    pub fn outside(&self, path: &str) -> PathBuf {
        self.root.as_deref().unwrap_or(Path::new("/")).join(path)
    }

    /// How a path is seen from inside.
    pub fn inside(&self, path: &Path) -> PathBuf {
        match self.root.as_deref().and_then(|root| path.strip_prefix(root).ok()) {
            Some(rest) => Path::new("/").join(rest),
            None => path.to_owned(),
        }
    }

    /// The directory for temporary files, seen from outside.
    pub fn temporary(&self) -> PathBuf {
        self.outside("tmp")
    }

    /// A command line that runs a program as the user of the tests.
    pub fn command<W: AsRef<str>>(&self, program: &[W]) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        if let Some(root) = &self.root {
            words.extend(["chroot".to_owned(), root.display().to_string()]);
        }
        words.extend(program.iter().map(|word| word.as_ref().to_owned()));
        words
    }

    /// A command line that runs a program as `user` where the user of the tests is root, whom database servers refuse.
    pub fn command_as<W: AsRef<str>>(&self, user: &str, program: &[W]) -> Vec<String> {
        if !is_root() {
            return self.command(program);
        }
        let mut words = vec!["setpriv".to_owned(), format!("--reuid={user}"), format!("--regid={user}")];
        words.push("--clear-groups".to_owned());
        words.extend(program.iter().map(|word| word.as_ref().to_owned()));
        self.command(&words)
    }

    /// A command line that gives files to `user`, where programs are [run as that user](Self::command_as).
    pub fn chown(&self, user: &str, path: &str) -> Option<Vec<String>> {
        is_root().then(|| self.command(&["chown", "-R", user, path]))
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// Runs a command line to its end, with `input` and with these environment variables beside those of the tests; returns
/// what it prints.
///
/// # Errors
/// What it says when it fails.
pub fn run<N, V>(
    words: &[String],
    variables: impl IntoIterator<Item = (N, V)>,
    input: impl Into<Vec<u8>>,
) -> io::Result<Vec<u8>>
where
    N: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    let Some((program, arguments)) = words.split_first() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir("/")
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let input = input.into();
    let feeder = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output()?;
    // A program that failed stopped reading, which is told below.
    _ = feeder.join();
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

/// A port that is free now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: [(&str, &str); 0] = [];

    fn shell(script: &str) -> Vec<String> {
        System::default().command(&["sh", "-c", script])
    }

    #[test]
    fn more_than_a_pipe_holds_goes_through() {
        let input = vec![b'x'; 1 << 20];
        assert_eq!(run(&shell("cat"), NOTHING, input.clone()).expect("its output"), input);
        // It does not even read.
        assert_eq!(run(&shell("printf \"$GREETING\""), [("GREETING", "hello")], input).expect("its output"), b"hello");
    }

    #[test]
    fn what_a_failed_program_says_is_the_error() {
        let error = run(&shell("echo fine; echo no such table >&2; exit 3"), NOTHING, "").expect_err("a failure");
        assert_eq!(error.to_string(), "no such table\n");
        assert!(run(&[], NOTHING, "").is_err());
    }

    #[test]
    fn another_system_sees_its_own_paths() {
        let this = System::default();
        assert_eq!(this.outside("usr/sbin"), Path::new("/usr/sbin"));
        assert_eq!(this.inside(Path::new("/tmp/a")), Path::new("/tmp/a"));
        let other = System { root: Some("/other".into()) };
        assert_eq!(other.temporary(), Path::new("/other/tmp"));
        assert_eq!(other.inside(Path::new("/other/tmp/a")), Path::new("/tmp/a"));
        assert_eq!(other.command(&["ls", "/tmp"]), ["chroot", "/other", "ls", "/tmp"]);
    }
}
