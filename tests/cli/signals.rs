//! Ctrl-C and `kill`.
#![cfg(unix)]

use crate::workdir::{Run, Workdir};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// Random bytes: they compress badly and so take their time.
const LARGE: &str = "
    CREATE TABLE t (b BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
    INSERT INTO t SELECT randomblob(1000) FROM n;";

/// Runs and sends `signal` once rows are on the move.
fn interrupted(workdir: &Workdir, arguments: &[&str], signal: &str) -> Run {
    let mut child =
        workdir.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut reader = BufReader::new(child.stdout.take().expect("standard output"));
    let mut stdout = String::new();
    while !stdout.contains("collection-started") {
        assert_ne!(reader.read_line(&mut stdout).expect("a line"), 0, "it ended too early: {stdout}");
    }
    let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    reader.read_to_string(&mut stdout).expect("the rest");
    let mut output = child.wait_with_output().expect("it ends");
    output.stdout = stdout.into_bytes();
    Run::new(arguments, output)
}

#[test]
fn a_cancelled_dump_leaves_no_archive() {
    let workdir = Workdir::empty();
    workdir.sql("large.db", LARGE);
    // The slowest level of compression: seconds of work, with a look at the flag after each batch.
    let arguments = ["dump", "sqlite:large.db", "backup", "--json", "--jobs", "1", "--compression", "zstd:22"];
    for (signal, name, code) in [("-INT", "SIGINT", 130), ("-TERM", "SIGTERM", 143)] {
        let run = interrupted(&workdir, &arguments, signal).is(code);
        let document = run.complains(&["error: cancelled by ", name, "was not written"]).document();
        assert_eq!((&document["kind"], &document["exit_code"]), (&"cancelled".into(), &code.into()));
        assert!(!workdir.path("backup/manifest.json").exists());
        workdir.run(&["list"]).is(0).says(&["0 archives"]);
    }
}

#[test]
fn a_cancelled_restore_leaves_the_target_as_it_was() {
    let workdir = Workdir::empty();
    workdir.sql("large.db", LARGE);
    workdir.run(&["dump", "sqlite:large.db", "backup", "-q"]).is(0);
    workdir.sql("target.db", "CREATE TABLE t (b BLOB); INSERT INTO t VALUES ('mine')");
    let arguments = ["restore", "backup", "sqlite:target.db", "--json", "--yes", "--jobs", "1"];
    let run = interrupted(&workdir, &arguments, "-INT").is(130);
    run.complains(&["error: cancelled by SIGINT", "nothing was changed"]);
    assert_eq!(workdir.number("target.db", "SELECT count(*) FROM t WHERE b = 'mine'"), 1);
}
