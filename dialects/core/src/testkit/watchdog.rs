//! Programs that end with the test, however it ends.

use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a program that was told to end may take, before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// How long the shell sleeps between two looks at a program that is to end.
const STEP: Duration = Duration::from_millis(50);
/// How long this process sleeps between two looks at a program that is to be ready.
const LOOK: Duration = Duration::from_millis(20);

/// A program that runs in the background, and its directory. Dropping it ends the program and then removes the directory;
/// so does the end of this process, also when it is killed. A program that does not end when it is told to is killed.
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
        Self::start_with(directory, preparation, program, GRACE)
    }

    fn start_with(
        directory: PathBuf,
        preparation: &[Vec<String>],
        program: &[String],
        grace: Duration,
    ) -> io::Result<Self> {
        let shell = Command::new("sh")
            .arg("-c")
            .arg(script(&directory, preparation, program, grace))
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

    /// Kills the program if it still runs, and then runs it again, in the same directory and with the same log.
    ///
    /// # Errors
    /// When the shell is not there any more.
    pub fn run_again(&self) -> io::Result<()> {
        let mut shell = self.shell.stdin.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        shell.write_all(b"\n")
    }

    /// Where the program's files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the program and its preparation said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Waits until the program is ready.
    ///
    /// # Errors
    /// When that takes longer than `limit`, or its log shows that it never will be; the log is told then.
    pub fn wait_until(
        &self,
        limit: Duration,
        mut is_ready: impl FnMut() -> io::Result<bool>,
        has_failed: impl Fn(&str) -> bool,
    ) -> io::Result<()> {
        let began = Instant::now();
        while !is_ready()? {
            let log = self.log();
            if has_failed(&log) || began.elapsed() > limit {
                return Err(io::Error::other(log));
            }
            sleep(LOOK);
        }
        Ok(())
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        _ = self.shell.wait();
    }
}

/// What the shell does. It lives as long as its standard input, which this process holds open, and starts the program again
/// for each line that it reads there.
fn script(directory: &Path, preparation: &[Vec<String>], program: &[String], grace: Duration) -> String {
    let place = quoted(&[directory.display().to_string()]);
    let prepare: String =
        preparation.iter().map(|words| format!("{} >>{place}/log 2>&1 </dev/null && ", quoted(words))).collect();
    // Servers take SIGQUIT for an end without a last checkpoint, which nobody needs here; what ignores it gets SIGTERM. A
    // server that starts, or whose files somebody took away, may ignore both. The directory goes last: a server that loses
    // its files under way tries for ever to write them.
    format!(
        "cd /; server=
         run() {{ {program} >>{place}/log 2>&1 & server=$!; }}
         again() {{ kill -KILL $server; wait $server; run; }}
         end() {{
             kill -QUIT $server; kill -TERM $server; left={steps}
             while kill -0 $server && [ $left -gt 0 ]; do sleep {step}; left=$((left - 1)); done
             [ $left -gt 0 ] || kill -KILL $server
             wait $server
         }}
         {prepare} run
         while read -r line; do [ -z \"$server\" ] || again; done
         [ -z \"$server\" ] || end
         rm -rf {place}",
        program = quoted(program),
        step = STEP.as_secs_f64(),
        steps = grace.as_millis().div_ceil(STEP.as_millis()),
    )
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;

    /// Names the directory of the process that is killed.
    const VICTIM: &str = "DBFERRY_TEST_WATCHDOG_VICTIM";

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

    /// A program that ends only when it is killed. Each run adds its number to `runs`, which lies beside its directory.
    fn stubborn(runs: &Path) -> Vec<String> {
        let script = "trap '' QUIT TERM; echo $$ >>\"$0\"; exec sleep 600";
        ["sh", "-c", script, &runs.display().to_string()].map(str::to_owned).to_vec()
    }

    fn numbers(runs: &Path) -> Vec<String> {
        fs::read_to_string(runs).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn is_alive(number: &str) -> bool {
        Command::new("kill").args(["-0", number]).stderr(Stdio::null()).status().expect("kill").success()
    }

    #[test]
    fn what_does_not_end_is_killed() {
        let outside = tempfile::tempdir().expect("a directory");
        let (directory, runs) = (outside.path().join("inside"), outside.path().join("runs"));
        fs::create_dir(&directory).expect("a directory");
        let grace = Duration::from_millis(300);
        let watchdog = Watchdog::start_with(directory.clone(), &[], &stubborn(&runs), grace).expect("a shell");
        wait_for(|| numbers(&runs).len() == 1);
        let began = Instant::now();
        drop(watchdog);
        assert!(began.elapsed() >= grace, "it was killed at once");
        assert!(!is_alive(&numbers(&runs)[0]));
        assert!(!directory.exists());
    }

    #[test]
    fn what_runs_again_ends_too() {
        let outside = tempfile::tempdir().expect("a directory");
        let (directory, runs) = (outside.path().join("inside"), outside.path().join("runs"));
        fs::create_dir(&directory).expect("a directory");
        let grace = Duration::from_millis(100);
        let watchdog = Watchdog::start_with(directory.clone(), &[], &stubborn(&runs), grace).expect("a shell");
        wait_for(|| numbers(&runs).len() == 1);
        watchdog.run_again().expect("another run");
        wait_for(|| numbers(&runs).len() == 2);
        let numbers = numbers(&runs);
        assert!(!is_alive(&numbers[0]) && is_alive(&numbers[1]));
        drop(watchdog);
        assert!(!is_alive(&numbers[1]));
        assert!(!directory.exists());
    }

    /// This test runs itself once more as a process of its own, and kills it.
    #[test]
    fn nothing_is_left_of_a_process_that_is_killed() {
        let prepared = |outside: &Path| (outside.join("inside"), outside.join("runs"));
        if let Some(outside) = env::var_os(VICTIM) {
            let (directory, runs) = prepared(Path::new(&outside));
            let grace = Duration::from_millis(100);
            let watchdog = Watchdog::start_with(directory, &[], &stubborn(&runs), grace).expect("a shell");
            wait_for(|| numbers(&runs).len() == 1);
            watchdog.run_again().expect("another run");
            sleep(Duration::from_secs(60));
            panic!("nobody killed this process");
        }
        let outside = tempfile::tempdir().expect("a directory");
        let (directory, runs) = prepared(outside.path());
        fs::create_dir(&directory).expect("a directory");
        let name = format!("{}::nothing_is_left_of_a_process_that_is_killed", module_path!());
        let (_, name) = name.split_once("::").expect("a crate");
        let mut victim = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", name])
            .env(VICTIM, outside.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("a process");
        wait_for(|| numbers(&runs).len() == 2);
        victim.kill().expect("a kill");
        victim.wait().expect("its end");
        wait_for(|| numbers(&runs).iter().all(|number| !is_alive(number)) && !directory.exists());
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
        let limit = Duration::from_secs(20);
        let error = watchdog.wait_until(limit, || Ok(marker.exists()), |log| log.contains("nowhere"));
        assert!(error.expect_err("no such place").to_string().contains("nowhere"));
        sleep(Duration::from_millis(50));
        assert!(!marker.exists());
    }
}
