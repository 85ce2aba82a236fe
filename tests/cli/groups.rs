//! `groups`.

use crate::workdir::{RULES, Workdir, keys};

#[test]
fn every_table_and_why() {
    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", RULES);
    workdir.run(&["groups", "sqlite:shop.db"]).is(0).says(&[
        "main.audit_log",
        "~2",
        "rule 3: *_log",
        "main.settings",
        "required",
        "4 tables in 3 groups",
    ]);
    workdir.run(&["dump", "sqlite:shop.db", "backup", "-q"]).is(0);
    // The archive remembers, whatever the configuration says now.
    workdir.write("dbferry.toml", "version = 1\n");
    let run = workdir.run(&["groups", "backup"]).is(0).says(&["rule 3: *_log", "4 tables in 3 groups"]);
    assert!(!run.stdout.contains('~'), "what an archive says was counted: {}", run.stdout);
    workdir.run_with(&["groups"], &[("DATABASE_URL", "sqlite:shop.db")]).is(0).says(&["4 tables in 1 group"]);
}

#[test]
fn explanations_come_in_two_languages() {
    let workdir = Workdir::with_shop();
    let english = workdir.run(&["groups", "sqlite:shop.db", "--explain"]).is(0).says(&[
        "required: ",
        "(always)",
        "(never dumped)",
    ]);
    let french = workdir.run(&["groups", "sqlite:shop.db", "--explain", "--language", "fr"]).is(0);
    assert!(english.stdout.len() > 1000 && french.stdout.len() > 1000);
    assert_ne!(english.stdout, french.stdout);
}

#[test]
fn a_preset_brings_its_rules_and_its_warning() {
    let workdir = Workdir::empty();
    workdir.sql("django.db", "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY); CREATE TABLE mine (x)");
    workdir.run(&["groups", "sqlite:django.db", "--preset", "django"]).is(0).says(&["preset django"]);
    let shop = Workdir::with_shop();
    shop.run(&["groups", "sqlite:shop.db", "--preset", "django"]).is(0).complains(&["warning: preset django"]);
}

#[test]
fn the_document_keeps_its_shape() {
    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", RULES.replace(r#"["users", "orders"]"#, r#"["users"]"#));
    let document = workdir.run(&["groups", "sqlite:shop.db", "--json"]).is(0).document();
    assert_eq!(
        keys(&document),
        ["cross_group_edges", "estimated", "groups", "place", "schema_version", "type", "unmatched_rules"]
    );
    assert_eq!(document["type"], "groups");
    assert_eq!(
        keys(&document["groups"][0]),
        ["always", "built_in", "bytes", "collections", "description", "name", "never", "rows", "title"]
    );
    assert_eq!(document["groups"][0]["name"], "required");
    assert_eq!(keys(&document["groups"][0]["collections"][0]), ["bytes", "name", "rows", "rule"]);
    assert_eq!(keys(&document["cross_group_edges"][0]), ["columns", "from", "from_group", "to", "to_group"]);
    assert_eq!(document["cross_group_edges"][0]["from"], "main.orders");
}
