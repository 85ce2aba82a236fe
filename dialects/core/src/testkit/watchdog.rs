//! Programs that end with the test, however it ends.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program that runs in the background, and its directory. Dropping it stops the program and removes the directory; so
/// does the end of this process, also when it is killed.
#[derive(Debug)]
pub struct Watchdog {
    shell: Child,
    directory: PathBuf,
}

impl Watchdog {
    /// Runs the command lines of `preparation` one after the other, then `program`, with their output in `log` in the
    /// directory. The words are taken as they stand.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn start(directory: PathBuf, preparation: &[Vec<String>], program: &[String]) -> io::Result<Self> {
        let place = quoted(&[directory.display().to_string()]);
        let prepare: String =
            preparation.iter().map(|words| format!("{} >>{place}/log 2>&1 && ", quoted(words))).collect();
        // The shell lives as long as its standard input, which this process holds open. Servers take SIGQUIT for an
        // end without a last checkpoint, which nobody needs here; what ignores it gets SIGTERM.
        let script = format!(
            "cd /; {prepare}{{ {program} >>{place}/log 2>&1 & server=$!; }}; cat >/dev/null; \
             [ -z \"$server\" ] || {{ kill -QUIT $server; kill -TERM $server; wait $server; }}; rm -rf {place}",
            program = quoted(program)
        );
        let shell = Command::new("sh")
            .arg("-c")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests; the shell has to outlive them to clean up.
            .process_group(0)
            .spawn();
        match shell {
            Ok(shell) => Ok(Self { shell, directory }),
            Err(error) => {
                _ = fs::remove_dir_all(&directory);
                Err(error)
            }
        }
    }

    /// Where the program's files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the program and its preparation said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        _ = self.shell.wait();
    }
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn wait_for(what: impl Fn() -> bool) {
        let began = Instant::now();
        while !what() {
            assert!(began.elapsed() < Duration::from_secs(20), "it took too long");
            sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn nothing_is_left() {
        let directory = tempfile::tempdir().expect("a directory").keep();
        let place = directory.display().to_string();
        let program = [words("touch"), vec![format!("{place}/it's ready")]].concat();
        let watchdog = Watchdog::start(directory.clone(), &[program], &words("sleep 600")).expect("a shell");
        wait_for(|| watchdog.directory().join("it's ready").exists());
        drop(watchdog);
        assert!(!directory.exists());
    }

    #[test]
    fn what_cannot_be_prepared_is_not_run() {
        let directory = tempfile::tempdir().expect("a directory").keep();
        let marker = directory.join("ran");
        let program = vec!["touch".to_owned(), marker.display().to_string()];
        let watchdog = Watchdog::start(directory, &[words("ls /nowhere")], &program).expect("a shell");
        wait_for(|| watchdog.log().contains("nowhere"));
        sleep(Duration::from_millis(50));
        assert!(!marker.exists());
    }
}
