//! PostgreSQL's own databases, and an oracle that asks `pg_dump` of the server's own version for all that it sees: every
//! object's statement, every row, large objects and the state of sequences.

use crate::check::{round_trip, round_trip_whole};
use crate::scratch::{Scratch, Subject};
use libtest_mimic::Trial;
use std::sync::Arc;

const EVERYTHING: &str = include_str!("../../dialects/postgres/src/objects/everything.sql");
const VERSION_18: &str = include_str!("../../dialects/postgres/src/objects/version_18.sql");
const ZOO: &str = include_str!("../../dialects/postgres/src/replace/tests/zoo.sql");
const LARGE_OBJECTS: &str = include_str!("../../dialects/postgres/src/replace/tests/large_objects.sql");

/// The native cases on one server; none for another dialect.
pub(crate) fn trials(subject: &Subject) -> Vec<Trial> {
    let Some(place) = subject.place.as_ref().ok().filter(|_| subject.name.starts_with("postgres")) else {
        return Vec::new();
    };
    let cases = [("zoo", ZOO), ("everything", EVERYTHING), ("large_objects", LARGE_OBJECTS)];
    let trial = |(name, sql): (&'static str, &'static str)| {
        let place = Arc::clone(place);
        Trial::test(format!("{}::native::{name}", subject.name), move || {
            native(&place(), name, sql);
            Ok(())
        })
    };
    cases.into_iter().map(trial).collect()
}

fn native(scratch: &Scratch, name: &str, sql: &str) {
    let version: u32 = scratch.run("source", "SHOW server_version_num").trim().parse().expect("a version");
    // An archive cannot hold the rows of a table without columns, and says so. The owner of the copy is whoever restores it.
    let refused = if name == "everything" {
        "DROP TABLE public.no_columns; REASSIGN OWNED BY \"dbferry ann\", \"dbferry bob\" TO CURRENT_USER;"
    } else {
        ""
    };
    let newer = if name == "everything" && version >= 180_000 { VERSION_18 } else { "" };
    scratch.run("source", &format!("{sql}{newer}{refused}"));
    let expected = contents(scratch, "source");
    assert!(expected.len() > 10, "the oracle sees nothing");
    let oracle = |name: &str| {
        let found = contents(scratch, name);
        let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
        let extra: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
        assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}");
        assert_eq!(found.len(), expected.len());
    };
    // Tables that inherit from those of another group need them.
    if name == "everything" {
        round_trip_whole(scratch, &oracle);
    } else {
        round_trip(scratch, &oracle);
    }
}

/// What `pg_dump` prints, part by part in an order of their own: its order depends on identifiers, and that of rows on where
/// they are stored. Owners and privileges come only if a restore is asked for them.
fn contents(scratch: &Scratch, database: &str) -> Vec<String> {
    let text = scratch.pg_dump(database, &["--no-owner", "--no-privileges", "--blobs"]);
    let random = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    let text = text.lines().filter(random).collect::<Vec<_>>().join("\n");
    let part = |part: &str| {
        let mut lines: Vec<&str> = part.trim().lines().collect();
        if lines.first().is_some_and(|line| line.starts_with("COPY ")) {
            lines.sort_unstable();
        }
        lines.join("\n")
    };
    let mut parts: Vec<String> = text.split("\n\n").map(part).collect();
    parts.sort_unstable();
    parts
}
