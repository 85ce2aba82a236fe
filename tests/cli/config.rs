//! `dbferry.toml` and the environment.

use crate::workdir::Workdir;

#[test]
fn the_file_here_is_found_and_another_can_be_named() {
    let workdir = Workdir::with_shop();
    let rule = |group: &str| format!("version = 1\n[[rule]]\ngroup = \"{group}\"\ntables = [\"users\"]\n");
    workdir.write("dbferry.toml", rule("here"));
    workdir.write("other.toml", rule("there"));
    workdir.run(&["groups", "sqlite:shop.db"]).is(0).says(&["here "]);
    workdir.run(&["groups", "sqlite:shop.db", "-c", "other.toml"]).is(0).says(&["there "]);
    workdir.run_with(&["groups", "sqlite:shop.db"], &[("DBFERRY_CONFIG", "other.toml")]).is(0).says(&["there "]);
    workdir.run_with(&["groups", "sqlite:shop.db"], &[("DBFERRY_CONFIG", "")]).is(0).says(&["here "]);
    workdir.run(&["groups", "sqlite:shop.db", "-c", "none.toml"]).is(1).complains(&["none.toml"]);
}

#[test]
fn an_unknown_key_is_named() {
    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", "version = 1\npresett = \"django\"\n");
    workdir.run(&["groups", "sqlite:shop.db"]).is(2).complains(&["presett", "preset", "dbferry.toml"]);
}

#[test]
fn connections_have_names_and_roles() {
    let workdir = Workdir::with_backup();
    workdir.sql("scratch.db", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE)");
    workdir.write(
        "dbferry.toml",
        r#"
            version = 1
            [connections.prod]
            url = "sqlite:shop.db"
            role = "source"
            [connections.tmp]
            url = { env = "SCRATCH_URL" }
            role = "scratch"
        "#,
    );
    workdir.run(&["dump", "@prod", "again", "-q"]).is(0);
    for target in ["@prod", "sqlite:shop.db", "sqlite:./shop.db"] {
        workdir.run(&["restore", "backup", target, "--yes"]).is(20).complains(&["is a source"]);
    }
    let scratch = [("SCRATCH_URL", "sqlite:scratch.db")];
    workdir.run_with(&["restore", "backup", "@tmp", "-q"], &scratch).is(0);
    assert_eq!(workdir.number("scratch.db", "SELECT count(*) FROM users"), 3);
    workdir.run(&["restore", "backup", "@tmp"]).is(2).complains(&["SCRATCH_URL is not set", "connection: tmp"]);
    workdir.run(&["dump", "@prodd", "x"]).is(2).complains(&["prodd", "prod"]);
}

#[test]
fn options_come_from_the_environment_and_flags_win() {
    let workdir = Workdir::with_shop();
    let variables = [("DBFERRY_TABLE", "users"), ("DBFERRY_JSON", "1")];
    let document = workdir.run_with(&["dump", "sqlite:shop.db", "a"], &variables).is(0).document();
    assert_eq!(document["collections"], 1);
    let document = workdir.run_with(&["dump", "sqlite:shop.db", "b", "-t", "orders", "-t", "users"], &variables);
    assert_eq!(document.is(0).document()["collections"], 2);
    workdir.run_with(&["dump", "sqlite:shop.db", "c", "-q"], &[("DBFERRY_JOBS", "none")]).is(2).complains(&["none"]);
}

#[cfg(unix)]
#[test]
fn a_file_that_everybody_reads_holds_no_password() {
    use std::os::unix::fs::PermissionsExt;

    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", "version = 1\n[connections.p]\nurl = \"postgres://me:c4n4ry@h/d\"\n");
    let mode = |bits| {
        let permissions = std::fs::Permissions::from_mode(bits);
        std::fs::set_permissions(workdir.path("dbferry.toml"), permissions).expect("permissions");
    };
    mode(0o644);
    let run = workdir.run(&["groups", "sqlite:shop.db"]).is(20).complains(&["everybody", "chmod 600"]);
    assert!(!run.stderr.contains("c4n4ry"));
    mode(0o640);
    workdir.run(&["groups", "sqlite:shop.db"]).is(0);
}
