use super::*;
use crate::dialect::{CollectionName, Location};

fn refused(text: &str) -> (String, String) {
    let error = Config::parse(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    (error.to_string(), error.remedy().unwrap_or_default().to_owned())
}

#[test]
fn the_documented_example_is_read() {
    let example: String = include_str!("mod.rs")
        .lines()
        .skip_while(|line| *line != "//! ```toml")
        .skip(1)
        .take_while(|line| *line != "//! ```")
        .map(|line| line.trim_start_matches("//!").to_owned() + "\n")
        .collect();
    let config = Config::parse(&example).unwrap();
    let prod = config.connection("prod").unwrap();
    let UrlSource::Literal(url) = &prod.url else { panic!("{:?}", prod.url) };
    assert!(matches!(url.location(), Location::Server { .. }));
    assert_eq!(prod.password, Some(ExternalValue::Command(vec!["pass".into(), "db/prod".into()])));
    assert!(!prod.may_be_restored_into() && !prod.is_replaced_without_prompt());
    assert_eq!(config.groups.own().len(), 2);
    assert_eq!(config.groups.presets()[0].name(), "nocobase");
    assert_eq!(config.groups.unmatched(), Unmatched::Unknown);
    assert_eq!(config.groups.glossary().get("billing").title.en, "Billing");
    let plain = Config::parse(
        "version = 1\n[[group]]\nname = \"billing\"\ntitle = \"Bills\"\ndescription = \"What we are owed\"",
    );
    assert_eq!(plain.expect("a plain text").groups.glossary().get("billing").title.en, "Bills");
    let mode = |table: &str, group: &str| config.restore.mode_of(&CollectionName::new("main", table), group);
    assert_eq!(mode("x", "user"), RestoreMode::Replace);
    assert_eq!(mode("x", "log"), RestoreMode::SchemaOnly);
    assert_eq!(mode("x", "billing"), RestoreMode::SchemaOnly);
    assert_eq!(mode("settings", "log"), RestoreMode::Skip);
    assert_eq!(config.restore.unmatched(&[CollectionName::new("main", "x")]).len(), 1);
}

#[test]
fn the_smallest_file_means_nothing() {
    assert_eq!(Config::parse("version = 1").unwrap(), Config::default());
    let config = Config::parse("version = 1\ndefault = 'error'\npreset = ['rails', 'django']").unwrap();
    assert_eq!(config.groups.unmatched(), Unmatched::Error);
    assert_eq!(config.groups.presets().len(), 2);
}

#[test]
fn connections_say_where_values_come_from() {
    let config = Config::parse(
        "version = 1\n[connections.a]\nurl = { env = 'DATABASE_URL' }\nrole = 'scratch'\n\
         [connections.b]\nurl = 'sqlite:x.db'\npassword = { file = '/run/secret' }",
    )
    .unwrap();
    let a = config.connection("a").unwrap();
    assert_eq!(a.url, UrlSource::External(ExternalValue::Env("DATABASE_URL".into())));
    assert!(a.may_be_restored_into() && a.is_replaced_without_prompt());
    let b = config.connection("b").unwrap();
    assert_eq!(b.password, Some(ExternalValue::File("/run/secret".into())));
    assert!(b.may_be_restored_into() && !b.is_replaced_without_prompt());
    let error = config.connection("c").unwrap_err();
    assert!(error.remedy().unwrap().contains("the connections are a, b"), "{error:?}");
}

#[test]
fn unknown_keys_name_the_line_and_what_was_meant() {
    let (message, hint) = refused("version = 1\n\n[[rule]]\ngroup = 'log'\ntable = ['x']\n");
    assert_eq!(message, "the key table is not known here (file dbferry.toml, line 5)");
    assert!(hint.starts_with("did you mean tables? here can stand group, tables, query, if_table"), "{hint}");
    let (message, hint) = refused("version = 1\nconections = {}");
    assert!(message.contains("conections") && message.contains("line 2"), "{message}");
    assert!(hint.starts_with("did you mean connections?"), "{hint}");
    let (message, hint) = refused("version = 1\n[restore]\nmode = 'replce'");
    assert!(message.contains("the word replce") && message.contains("line 3"), "{message}");
    assert!(hint.starts_with("did you mean replace?"), "{hint}");
    let (message, hint) = refused("version = 1\n[connections.a]\nurl = 'sqlite:x'\npreset = 'rails'");
    assert!(message.contains("line 4"), "{message}");
    assert!(hint.contains("before the first [table]"), "{hint}");
    let (message, hint) = refused("version = 1\npreset = rails");
    assert!(message.contains("line 2"), "{message}");
    assert!(hint.contains("in quotes"), "{message}: {hint}");
}

#[test]
fn mistakes_are_found_where_they_stand() {
    for (text, expected, line) in [
        ("version = 2", "version 2 is not known", Some(1)),
        ("preset = 'rails'", "the version is missing", Some(1)),
        ("version = 1\n[[rule]]\ngroup = 'Log'\ntables = ['x']", "cannot be a group's name", Some(3)),
        ("version = 1\n[[rule]]\ngroup = 'log'\ntables = ['x', '[']", "not a table pattern", Some(4)),
        ("version = 1\n[[rule]]\ngroup = 'log'", "a rule needs tables, query, or both", Some(2)),
        ("version = 1\n[[rule]]\ntables = ['x']", "missing field `group`", Some(2)),
        ("version = 1\n[connections.a]\nurl = 'nowhere'", "starts with a scheme", Some(3)),
        ("version = 1\n[connections.a]\nurl = { env = 'X', file = 'Y' }", "exactly one", Some(3)),
        ("version = 1\n[connections.a]\nurl = { evn = 'X' }", "the key evn is not known", Some(3)),
        ("version = 1\n[connections.a]\nurl = {}", "exactly one", Some(3)),
        ("version = 1\n[connections.a]\nurl = { command = 'x' }", "command is a list", Some(3)),
        ("version = 1\n[restore.groups]\n\"a b\" = 'skip'", "cannot be a group's name", Some(3)),
        ("version = 1\n[[restore.table]]\nmatch = ''\nmode = 'skip'", "must not be empty", Some(3)),
        ("version = 1\nversion = 1", "duplicate key", Some(2)),
        ("version = 1\n[[group]]\nname = 'log'", "built in", None),
        ("version = 1\n[[group]]\nname = 'x'\n[[group]]\nname = 'x'", "twice", None),
        ("version = 1\n[[group]]\nname='x'\nrestore='skip'\n[restore.groups]\nx='create'", "two restore modes", None),
        ("version = 1\npreset = 'rail'", "there is no preset \"rail\"", None),
    ] {
        let (message, _) = refused(text);
        assert!(message.contains(expected), "{text}: {message}");
        match line {
            Some(line) => assert!(message.contains(&format!("line {line})")), "{text}: {message}"),
            None => assert!(!message.contains("line "), "{text}: {message}"),
        }
    }
}

#[test]
fn a_group_that_is_nearly_a_known_one_must_be_declared() {
    let rule = "version = 1\n[[rule]]\ngroup = 'requried'\ntables = ['x']\n";
    let (message, hint) = refused(rule);
    assert!(message.contains("nearly required"), "{message}");
    assert!(hint.contains("did you mean required?"), "{hint}");
    Config::parse(&format!("{rule}[[group]]\nname = 'requried'")).unwrap();
    Config::parse("version = 1\n[[rule]]\ngroup = 'billing'\ntables = ['x']").unwrap();
    Config::parse("version = 1\npreset = 'django'\n[restore.groups]\ntransient = 'schema-only'").unwrap();
    refused("version = 1\npreset = 'django'\n[restore.groups]\ntransiemt = 'schema-only'");
}

#[test]
fn no_error_and_no_debug_text_shows_a_password() {
    const CANARY: &str = "hunter2canary";
    for text in [
        "password = 'hunter2canary'",
        "password = \"\"\"hunter2canary\"\"\"",
        "password = hunter2canary",
        "password = 'hunter2canary",
        "password = ['hunter2canary']",
        "password = { env = ['hunter2canary'] }",
        "password = { env = { x = 'hunter2canary' } }",
        "password = { command = ['x', 1, 'hunter2canary'] }",
        "password = { value = 'hunter2canary' }",
        "passwrd = 'hunter2canary'",
        "role = 'source'\npassword = 'hunter2canary' x",
        "url = 'postgres://u:hunter2canary@h:port/d'",
        "url = ['postgres://u:hunter2canary@h/d']",
        "url = { env = 'X' }\nurl = 'postgres://u:hunter2canary@h/d'",
    ] {
        let text = if text.starts_with("url") { text.to_owned() } else { format!("url = 'sqlite:x'\n{text}") };
        let error = Config::parse(&format!("version = 1\n[connections.a]\n{text}\n")).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.remedy());
        assert!(!shown.contains(CANARY), "{text}: {shown}");
        assert!(shown.contains("line "), "{text}: {shown}");
    }
    let config = Config::parse("version = 1\n[connections.a]\nurl = 'postgres://u:hunter2canary@h/d'").unwrap();
    assert!(!format!("{config:?}").contains(CANARY));
}
