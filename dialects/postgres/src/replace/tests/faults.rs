//! A failure at every step, of every kind: the target is as it was before, or the unit is replaced.

use super::support::*;
use crate::Postgres;
use crate::connect::Target;
use crate::replace::PostgresReplacer;
use dbferry_dialect::testkit::{FaultDialect, FaultPlan};
use dbferry_dialect::{Cancel, DatabaseUrl, Dialect, Error, ErrorKind, OpenOptions, ReplaceOptions};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// Tables that are there and tables that are not, foreign keys between them, objects before and after.
const SOURCE: &str = "
    CREATE TYPE public.mood AS ENUM ('sad', 'ok');
    CREATE SEQUENCE public.free START 41;
    CREATE TABLE public.kept (id serial PRIMARY KEY, v text);
    CREATE TABLE public.made (id int PRIMARY KEY, kept int REFERENCES public.kept, mood public.mood, x xml);
    CREATE TABLE public.more (made int REFERENCES public.made);
    CREATE INDEX ON public.made (mood);
    CREATE VIEW public.v AS SELECT * FROM public.made;
    INSERT INTO public.kept (v) SELECT n FROM generate_series(1, 300) n;
    INSERT INTO public.made SELECT id, id, 'ok', '<a/>' FROM public.kept;
    INSERT INTO public.more SELECT id FROM public.made";

const TARGET: &str = "
    CREATE TABLE public.kept (id serial PRIMARY KEY, v text);
    CREATE TABLE public.outside (kept int REFERENCES public.kept);
    CREATE VIEW public.seen AS SELECT v FROM public.kept;
    CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER no BEFORE INSERT ON public.kept FOR EACH ROW EXECUTE FUNCTION public.no();
    INSERT INTO public.outside SELECT NULL;
    SELECT setval('public.kept_id_seq', 4)";

/// The target before, after the first unit, and at the end.
struct Expected {
    before: String,
    after: String,
}

fn expected(archive: &Archive, before: &str) -> Expected {
    let target = database(TARGET);
    restored(archive, &target);
    Expected { before: before.to_owned(), after: dumped(&target) }
}

#[test]
fn every_operation_fails_once() {
    let source = database(SOURCE);
    let archive = dump(&source, 4 << 10);
    let mut target = database(TARGET);
    let expected = expected(&archive, &dumped(&target));
    for faults in [FaultPlan::fail_at, FaultPlan::cancel_at] {
        for number in 1.. {
            let plan = faults(number);
            let cancel = Cancel::new();
            let dialect = FaultDialect::new(Arc::new(Postgres) as Arc<dyn Dialect>, plan.clone());
            let restore = Restore { dialect: &dialect, cancel, ..Restore::default() };
            let result = restore.run(&archive, &target);
            let now = dumped(&target);
            match result {
                Ok(_) => {
                    assert_eq!(now, expected.after);
                    assert!(number > 20, "{:?}", plan.operations());
                    target = database(TARGET);
                    break;
                }
                // Whatever fails after the switch leaves what was switched.
                Err(_) if plan.operations().last() == Some(&"replacer.finish") => {
                    assert_eq!(run(&target, "SELECT count(*) FROM public.made"), "300");
                    target = database(TARGET);
                }
                Err(error) => {
                    assert_eq!(now, expected.before, "operation {number}, {:?}: {error}", plan.operations().last());
                }
            }
            assert_nothing_is_left(&target);
        }
    }
}

/// Kills sessions of dbferry in a database: all, or the main one, which holds the advisory lock.
fn kill(database: &str, only_main: bool) {
    let main = if only_main { "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')" } else { "" };
    let sql = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
         WHERE datname = '{database}' AND application_name = 'dbferry' {main}"
    );
    run("postgres", &sql);
}

#[test]
fn killed_sessions_leave_the_target_as_it_was() {
    let source = database(SOURCE);
    let archive = dump(&source, 8 << 10);
    let mut target = database(TARGET);
    let expected = expected(&archive, &dumped(&target));
    for only_main in [true, false] {
        for number in 1.. {
            let (count, last) = (Cell::new(0), Cell::new(String::new()));
            let at = |step: &str| {
                count.set(count.get() + 1);
                if count.get() == number {
                    last.set(step.to_owned());
                    kill(&target, only_main);
                }
            };
            let result = Restore { before: &at, ..Restore::default() }.run(&archive, &target);
            let step = last.take();
            let now = dumped(&target);
            assert_nothing_is_left(&target);
            match result {
                Ok(_) if step.is_empty() => {
                    assert_eq!(now, expected.after);
                    target = database(TARGET);
                    break;
                }
                // The main session is in no transaction of others, and they did not need it again.
                Ok(_) => panic!("nobody noticed at {step}"),
                Err(_) if step == "finish" => {
                    assert_eq!(run(&target, "SELECT count(*) FROM public.made"), "300");
                    target = database(TARGET);
                }
                Err(error) => {
                    assert_eq!(now, expected.before, "{step}: {error}");
                    assert!(matches!(error.kind(), ErrorKind::Connect), "{step}: {error:?}");
                }
            }
        }
    }
}

#[test]
fn what_became_of_a_commit_is_asked_on_another_connection() {
    let database = database("");
    let url = DatabaseUrl::parse(&server().url(&database)).expect("a URL");
    let target = Target::resolve(&url, &OpenOptions::default()).expect("a target");
    let lost = || Error::new(ErrorKind::Connect, "lost");
    for (end, committed) in [("COMMIT", true), ("ROLLBACK", false)] {
        let mut replacer =
            PostgresReplacer::open(&target, Duration::from_secs(5), &ReplaceOptions::new(1)).expect("a replacer");
        let mut main = replacer.sessions.main();
        main.run("", "BEGIN; CREATE TABLE public.t (id int)").expect("a table");
        let number = crate::replace::outcome::number_of_transaction(&mut main).expect("a number");
        main.run("", end).expect("the end");
        drop(main);
        kill(&database, false);
        let outcome = replacer.learn_outcome(number, lost());
        assert_eq!(outcome.is_ok(), committed, "{outcome:?}");
        // It goes on with another session, under a lock of its own.
        if committed {
            replacer.sessions.main().run("", "DROP TABLE public.t").expect("a session");
            let locks = run(
                &database,
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            );
            assert_eq!(locks, "1");
        }
    }
}
