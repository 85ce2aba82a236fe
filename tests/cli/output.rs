//! Standard output, standard error, and readers that go away.

use crate::workdir::Workdir;
use std::process::Stdio;

#[test]
fn an_error_has_all_its_parts() {
    let workdir = Workdir::with_shop();
    let run = workdir.run(&["dump", "sqlite:none.db", "backup", "--json"]).is(13);
    let run = run.complains(&["error: ", "\n  database: sqlite:none.db\n", "\nhint: "]);
    let document = run.document();
    let object = document.as_object().expect("an object");
    for key in ["schema_version", "type", "kind", "message", "hint", "context", "exit_code"] {
        assert!(object.contains_key(key), "{key} is missing: {document}");
    }
    assert_eq!((&document["type"], &document["kind"]), (&"error".into(), &"connect".into()));
    assert_eq!(document["context"]["database"], "sqlite:none.db");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let workdir = Workdir::with_backup();
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let run = workdir.run_with(arguments, variables);
        run.stdout.contains('\u{1b}') || run.stderr.contains('\u{1b}')
    };
    let list = ["list"];
    assert!(!coloured(&list, &[]));
    assert!(coloured(&list, &[("FORCE_COLOR", "1")]));
    assert!(coloured(&list, &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&list, &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
    assert!(coloured(&["list", "--color", "always"], &[("NO_COLOR", "1")]));
    assert!(coloured(&["inspect", "nowhere", "--color", "always"], &[]));
    assert!(!coloured(&["list", "--color", "never"], &[("FORCE_COLOR", "1")]));
    assert!(!coloured(&["list", "--json", "--color", "always"], &[]));
}

/// The reader of standard output is gone before the first byte: the work is done all the same, without a word.
#[test]
fn a_closed_pipe_is_no_failure() {
    let workdir = Workdir::with_backup();
    for arguments in [&["inspect", "backup"][..], &["--help"], &["restore", "backup", "sqlite:new.db", "--json"]] {
        let mut child =
            workdir.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert_eq!(stderr, "", "{arguments:?}");
    }
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM users"), 3);
}
