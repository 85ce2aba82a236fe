//! PostgreSQL's own databases, and an oracle that is not ours: what `pg_dump` prints of the copy is what it prints of the
//! source, structure and rows.

use crate::check::round_trip;
use crate::scratch::{Server, Subject};
use libtest_mimic::Trial;
use std::sync::Arc;

pub(crate) const TYPES: &str = include_str!("../../fixtures/types.postgres.sql");
const EVERYTHING: &str = include_str!("../../dialects/postgres/src/objects/everything.sql");
const NEW_IN_18: &str = include_str!("../../dialects/postgres/src/objects/version_18.sql");
const LARGE_OBJECTS: &str = include_str!("../../dialects/postgres/src/replace/tests/large_objects.sql");
/// The file with a schema and rows that somebody else wrote: <https://github.com/devrimgunduz/pagila>.
const PAGILA_VARIABLE: &str = "DBFERRY_TEST_PAGILA";

/// What makes a database, for that server.
type Script = Box<dyn Fn(&dyn Server) -> String + Send>;

/// The cases on one server.
pub(crate) fn trials(subject: &Subject) -> Vec<Trial> {
    let Ok(place) = &subject.place else { return Vec::new() };
    let trial = |case: &str, sql: Script| {
        let place = Arc::clone(place);
        Trial::test(format!("{}::native::{case}", subject.name), move || {
            let scratch = place();
            let (server, source) = scratch.on_server("source");
            server.sql(&source, &sql(server)).expect("a script");
            let expected = printed(server, &source);
            assert!(expected.iter().any(|part| part.starts_with("COPY ")), "the oracle sees no rows");
            round_trip(&scratch, &|name| {
                let found = printed(server, &scratch.on_server(name).1);
                let missing: Vec<_> = expected.iter().filter(|part| !found.contains(part)).collect();
                let extra: Vec<_> = found.iter().filter(|part| !expected.contains(part)).collect();
                assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}");
                assert_eq!(found.len(), expected.len());
            });
            Ok(())
        })
    };
    let everything = |server: &dyn Server| {
        let version: u32 =
            server.sql("postgres", "SHOW server_version_num").expect("a version").parse().expect("a number");
        let newer = if version >= 180_000 { NEW_IN_18 } else { "" };
        format!("{EVERYTHING}{newer}")
    };
    let pagila = std::env::var_os(PAGILA_VARIABLE);
    let has_pagila = pagila.is_some();
    let pagila = move |_: &dyn Server| {
        std::fs::read_to_string(pagila.as_ref().expect("the case is ignored without")).expect("a readable script")
    };
    vec![
        trial("types", Box::new(|_| TYPES.to_owned())),
        trial("everything", Box::new(everything)),
        trial("large_objects", Box::new(|_| LARGE_OBJECTS.to_owned())),
        trial("pagila", Box::new(pagila))
            .with_kind(if has_pagila { "" } else { PAGILA_VARIABLE })
            .with_ignored_flag(!has_pagila),
    ]
}

/// What `pg_dump` prints, in parts that can be compared. It breaks ties by identifiers, and rows come as they lie in the
/// table, so both are sorted.
fn printed(server: &dyn Server, database: &str) -> Vec<String> {
    let text = server.dump(database, &["--large-objects"]).or_else(|_| server.dump(database, &["--blobs"]));
    let mut parts: Vec<String> = text
        .expect("a dump")
        .split("\n\n")
        // A key of its own with each run.
        .filter(|part| !part.starts_with("\\restrict") && !part.starts_with("\\unrestrict"))
        .map(|part| match part.strip_prefix("COPY ") {
            Some(_) => {
                let mut lines: Vec<&str> = part.lines().collect();
                lines[1..].sort_unstable();
                lines.join("\n")
            }
            None => part.trim().to_owned(),
        })
        .collect();
    parts.sort();
    parts
}
