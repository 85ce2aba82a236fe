//! No password ever comes out, whatever goes wrong.

use crate::workdir::Workdir;

const CANARY: &str = "c4n4ry";
/// The exit code of a server that nobody answers at, or of a scheme that this build does not know.
const NOBODY: i32 = if cfg!(feature = "postgres") { 13 } else { 2 };

#[test]
fn no_error_tells_a_password() {
    let workdir = Workdir::with_backup();
    let good = format!("postgres://me:{CANARY}@h/d?sslpassword={CANARY}");
    let odd = [
        format!("postgres://me:{CANARY}@h:port/d"),
        format!("mysql://me:{CANARY}@[h/d"),
        format!("postgres://me:a/{CANARY}@h/d"),
        format!("sqlite3x://me:{CANARY}@h"),
    ];
    let mut runs = Vec::new();
    for url in odd.iter().chain([&good]) {
        for arguments in [
            vec!["dump", url, "out"],
            vec!["dump", "out", url],
            vec!["dump", url],
            vec!["groups", url],
            vec!["plan", "backup", url],
            vec!["restore", "backup", url],
            vec!["restore", "backup", "sqlite:x", url],
            vec!["verify", "backup", "--against", url],
            vec!["inspect", url],
            vec!["list", url],
            vec!["pack", url, "x.zip"],
            vec!["unpack", url, "x"],
            vec![url.as_str()],
            vec!["dump", "--jobs", url, "a"],
            vec!["dump", "--memory", url, "a"],
            vec!["dump", "--where", url, "sqlite:shop.db", "a"],
            vec!["groups", "--config", url],
            vec!["completions", url],
            vec!["man", url],
        ] {
            runs.push((arguments.clone(), vec![]));
            runs.push(([&arguments[..], &["--json", "-vv"]].concat(), vec![]));
        }
        runs.push((vec!["groups"], vec![("DATABASE_URL", url.as_str())]));
        runs.push((vec!["groups", "sqlite:shop.db"], vec![("DBFERRY_JOBS", url.as_str()), ("DBFERRY_PROGRESS", url)]));
    }
    for (arguments, variables) in runs {
        let run = workdir.run_with(&arguments, &variables);
        assert_ne!(run.code, 101, "{arguments:?}");
        let all = format!("{}{}", run.stdout, run.stderr);
        assert!(!all.contains(CANARY), "{arguments:?} {variables:?}:\n{all}");
    }
}

#[test]
fn a_password_from_elsewhere_is_not_told_either() {
    let workdir = Workdir::with_backup();
    workdir.write("secret.txt", format!("{CANARY}\n"));
    workdir.write(
        "dbferry.toml",
        format!(
            "version = 1\n[connections]\nf = {{ url = \"postgres://me@127.0.0.1:1/d\", password = {{ file = \"secret.txt\" }} }}\n\
             c = {{ url = \"postgres://me@127.0.0.1:1/d\", password = {{ command = [\"printf\", \"{CANARY}\"] }} }}\n\
             e = {{ url = \"postgres://me@127.0.0.1:1/d\", password = {{ env = \"SECRET\" }} }}\n\
             u = {{ url = {{ env = \"SECRET_URL\" }} }}\n\
             x = {{ url = \"sqlite:shop.db\", password = {{ env = \"SECRET\" }} }}\n"
        ),
    );
    let url = format!("postgres://me:{CANARY}@h:port/d");
    for (name, code) in [("@f", NOBODY), ("@c", NOBODY), ("@e", NOBODY), ("@u", 2), ("@x", 2)] {
        let run = workdir.run_with(&["groups", name, "--json"], &[("SECRET", CANARY), ("SECRET_URL", &url)]).is(code);
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(CANARY), "{name}: {}", run.stderr);
    }
}

#[test]
fn a_password_on_the_command_line_is_warned_of_once() {
    let workdir = Workdir::empty();
    let url = format!("postgres://me:{CANARY}@127.0.0.1:1/d");
    let run = workdir.run(&["dump", &url, "out"]).is(NOBODY);
    assert_eq!(run.stderr.matches("list of processes").count(), 1, "{}", run.stderr);
    let run = workdir.run_with(&["dump", "out"], &[("DATABASE_URL", &url)]).is(NOBODY);
    assert!(!run.stderr.contains("list of processes"), "{}", run.stderr);
}
