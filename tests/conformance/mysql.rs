//! Databases of MySQL's and MariaDB's own, and an oracle that is not ours: what `mysqldump` prints of the copy is what it
//! prints of the source, structure, rows and everything that the database can run.

use crate::check::{round_trip, there_and_back};
use crate::scratch::{Scratch, Server, Subject};
use libtest_mimic::Trial;
use std::path::PathBuf;
use std::sync::Arc;

const MYSQL_TYPES: &str = include_str!("../../fixtures/types.mysql.sql");
const MARIADB_TYPES: &str = include_str!("../../fixtures/types.mariadb.sql");
const EVERYTHING: &str = include_str!("../../dialects/mysql/src/objects/everything.sql");
const MYSQL_EVERYTHING: &str = include_str!("../../dialects/mysql/src/objects/everything.mysql.sql");
const MARIADB_EVERYTHING: &str = include_str!("../../dialects/mysql/src/objects/everything.mariadb.sql");
/// The directory with the scripts of databases that others made: `sakila/*.sql`, `chinook/Chinook_MySql.sql`.
const SAMPLES_VARIABLE: &str = "DBFERRY_TEST_SAMPLES";

const DUMP_OPTIONS: [&str; 9] = [
    "--compact",
    "--skip-comments",
    "--routines",
    "--triggers",
    "--events",
    "--hex-blob",
    "--skip-extended-insert",
    "--order-by-primary",
    "--default-character-set=utf8mb4",
];

/// What makes a database, for that server.
type Script = Box<dyn Fn(&dyn Server) -> String + Send>;

/// The cases on one server.
pub(crate) fn trials(subject: &Subject) -> Vec<Trial> {
    let Ok(place) = &subject.place else { return Vec::new() };
    let trial = |case: &str, script: Script| {
        let place = Arc::clone(place);
        Trial::test(format!("{}::native::{case}", subject.name), move || {
            let scratch = place();
            let (server, source) = scratch.on_server("source");
            server.sql(&source, &script(server)).expect("a script");
            let expected = printed(server, &source);
            assert!(expected.contains("INSERT INTO "), "the oracle sees no rows");
            round_trip(&scratch, &|name| {
                let found = printed(server, &scratch.on_server(name).1);
                let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
                let (found_lines, expected_lines) = (lines(&found), lines(&expected));
                let missing: Vec<_> = expected_lines.iter().filter(|line| !found_lines.contains(line)).collect();
                let extra: Vec<_> = found_lines.iter().filter(|line| !expected_lines.contains(line)).collect();
                assert!(found == expected, "missing {missing:#?}\nextra {extra:#?}");
            });
            Ok(())
        })
    };
    let mut trials = vec![trial("types", Box::new(types)), trial("everything", Box::new(everything))];
    let place = Arc::clone(place);
    trials.push(Trial::test(format!("{}::native::made_by_functions", subject.name), move || {
        made_by_functions(&place());
        Ok(())
    }));
    for sample in ["sakila", "chinook"] {
        let directory = std::env::var_os(SAMPLES_VARIABLE).map(PathBuf::from);
        let has_samples = directory.is_some();
        let script = move |_: &dyn Server| sample_script(directory.as_deref().expect("ignored without"), sample);
        trials.push(
            trial(sample, Box::new(script))
                .with_kind(if has_samples { "" } else { SAMPLES_VARIABLE })
                .with_ignored_flag(!has_samples),
        );
    }
    trials
}

/// Numbers that only functions put into JSON come back as the same numbers, and tables of several storage engines go into one
/// transaction, which one of the servers warns of.
fn made_by_functions(scratch: &Scratch) {
    const PRICES: &str = "
        CREATE TABLE prices (id int PRIMARY KEY, price decimal(10,2), document json);
        INSERT INTO prices (id, price) VALUES (1, 1.50), (2, 2.00), (3, -0.10), (4, 5);
        UPDATE prices SET document = JSON_OBJECT('price', price, 'text', '1.50');
        CREATE TABLE other_engine (id int PRIMARY KEY) ENGINE = MyISAM;
        INSERT INTO other_engine VALUES (1);";
    let (server, source) = scratch.on_server("source");
    server.sql(&source, PRICES).expect("prices");
    round_trip(scratch, &|name| {
        let equal = "SELECT sum(JSON_EXTRACT(document, '$.price') = price AND JSON_EXTRACT(document, '$.text') = '1.50'), \
                     (SELECT count(*) FROM other_engine) FROM prices";
        let found = server.sql(&scratch.on_server(name).1, equal).expect("an answer");
        assert_eq!(found.split_whitespace().collect::<Vec<_>>(), ["4", "1"]);
    });
}

/// The cases of one server by way of another of the same family: everything that both can hold comes back.
pub(crate) fn pair_trials(first: &Subject, second: &Subject) -> Vec<Trial> {
    let (Ok(here), Ok(there)) = (&first.place, &second.place) else { return Vec::new() };
    let trial = |case: &str, script: Script| {
        let (here, there) = (Arc::clone(here), Arc::clone(there));
        Trial::test(format!("{}::by_way_of_{}::{case}", first.name, second.name), move || {
            let (here, there) = (here(), there());
            let (server, source) = here.on_server("source");
            server.sql(&source, &script(server)).expect("a script");
            there_and_back(&here, &there);
            Ok(())
        })
    };
    vec![trial("types", Box::new(types)), trial("everything", Box::new(everything))]
}

fn is_mariadb(server: &dyn Server) -> bool {
    server.sql("", "SELECT VERSION()").expect("a version").contains("MariaDB")
}

pub(crate) fn types(server: &dyn Server) -> String {
    if is_mariadb(server) { MARIADB_TYPES } else { MYSQL_TYPES }.to_owned()
}

fn everything(server: &dyn Server) -> String {
    let own = if is_mariadb(server) { MARIADB_EVERYTHING } else { MYSQL_EVERYTHING };
    format!("{EVERYTHING}\n{own}")
}

/// The script of a database that somebody else made, for the database that the client uses.
fn sample_script(directory: &std::path::Path, sample: &str) -> String {
    let read = |path: &str| std::fs::read_to_string(directory.join(path)).expect("a readable script");
    let script = match sample {
        "sakila" => {
            let script = format!("{}\n{}", read("sakila/sakila-mv-schema.sql"), read("sakila/sakila-mv-data.sql"));
            script.replace("sakila.", "")
        }
        _ => read("chinook/Chinook_MySql.sql"),
    };
    let is_about_the_database = |line: &&str| {
        ["CREATE SCHEMA", "CREATE DATABASE", "DROP SCHEMA", "DROP DATABASE", "USE "]
            .iter()
            .any(|start| line.get(..start.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(start)))
    };
    script.lines().filter(|line| !is_about_the_database(line)).collect::<Vec<_>>().join("\n")
}

/// What `mysqldump` prints, whatever the database is called.
fn printed(server: &dyn Server, database: &str) -> String {
    let text = server.dump(database, &DUMP_OPTIONS).expect("a dump").replace(database, "DATABASE");
    text.lines().map(without_transaction).collect::<Vec<_>>().join("\n")
}

/// A row of the table that numbers the versions of its rows by transactions, without the number of the one that wrote it: each
/// server counts its own.
fn without_transaction(line: &str) -> String {
    const END: &str = ",18446744073709551615);";
    match line.strip_suffix(END).filter(|_| line.starts_with("INSERT INTO `svt` ")).and_then(|row| row.rsplit_once(','))
    {
        Some((row, _)) => format!("{row},transaction{END}"),
        None => line.to_owned(),
    }
}
