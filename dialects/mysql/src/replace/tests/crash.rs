//! Whoever dies, and whenever: a unit is as it was, or wholly replaced, and nothing is left behind.

use super::*;
use crate::replace::statement::fault;
use crate::testing::Setup;

const BEFORE: &str = "
    CREATE TABLE p (id int PRIMARY KEY, v int, CONSTRAINT positive CHECK (v > 0));
    CREATE TABLE c (id int PRIMARY KEY, p int, KEY p (p), CONSTRAINT to_p FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE);
    CREATE TABLE outside (id int PRIMARY KEY, p int, CONSTRAINT out_p FOREIGN KEY (p) REFERENCES p (id));
    CREATE TABLE more (id int PRIMARY KEY, v int);
    CREATE TRIGGER one before insert on p for each row set new.v = 1;
    CREATE TRIGGER two before insert on p for each row set new.v = 2;
    CREATE TRIGGER three after insert on more for each row insert into c values (new.id + 1000, NULL);
    INSERT INTO p VALUES (1, 1), (2, 1);
    INSERT INTO c VALUES (1, 2);
    INSERT INTO outside VALUES (1, 1);
    INSERT INTO more VALUES (1, 1);
    DELETE FROM c WHERE id = 1001;
";
const CHANGE: &str = "
    UPDATE p SET v = 7; INSERT INTO c VALUES (5, 1), (6, 2); CREATE TABLE fresh (id int PRIMARY KEY, c int,
    KEY c (c), CONSTRAINT fresh_c FOREIGN KEY (c) REFERENCES c (id)); INSERT INTO fresh VALUES (1, 6);
    CREATE TRIGGER four BEFORE INSERT ON fresh FOR EACH ROW SET NEW.c = NULL;
    DELETE FROM more; INSERT INTO more VALUES (2, 2); DELETE FROM c WHERE id = 1002;
";

fn plan(to: &Place, archive: &Archive, with_append: bool) -> GroupPlan {
    let tables: &[&str] = if with_append { &["p", "c", "fresh", "more"] } else { &["p", "c", "fresh"] };
    to.plan_with(archive, tables, |name, there| match name {
        "more" => CollectionAction::Append,
        _ if there => CollectionAction::Replace,
        _ => CollectionAction::Create,
    })
}

/// Tables whose rows and definitions matter, one after the other.
fn state(place: &Place) -> String {
    place.dump().replace(&place.name, "")
}

#[test]
fn a_process_that_dies_at_any_statement_leaves_all_or_nothing() {
    for server in Server::all() {
        for with_append in [false, true] {
            let from = Place::new(server, &format!("{BEFORE}{CHANGE}"));
            let archive = from.archive();
            let name = server.create_database();
            let mut after = None;
            let (mut undone, mut finished) = (0, 0);
            let mut statements = 0;
            let mut to = Place::of(server, name.clone(), BEFORE);
            let before = state(&to);
            loop {
                let plan = plan(&to, &archive, with_append);
                fault::die_after(statements);
                let mut replacer = None;
                let result =
                    to.replacer(&same()).and_then(|opened| archive.replace(replacer.insert(opened), &plan).map(|_| ()));
                // Its sessions end as those of a dead process do, and it does nothing more.
                drop(replacer);
                let died_before = fault::revive();
                let recovered = recover(&to.target, to.version, Duration::from_secs(5)).expect("a recovery");
                let now = state(&to);
                let tables = to.tables();
                assert!(!tables.contains("_dbferry"), "{} {died_before:?}: {tables}", server.name());
                if result.is_ok() && died_before.is_none() {
                    let after = after.get_or_insert(now.clone());
                    assert_eq!(now, *after);
                    break;
                }
                let expected_after = after.get_or_insert_with(|| whole(&to, server, &archive, with_append));
                if now == before {
                    undone += 1;
                    assert!(recovered.iter().all(|text| text.contains("undone")), "{recovered:?}");
                } else {
                    assert_eq!(now, *expected_after, "{} after dying before {died_before:?}", server.name());
                    finished += 1;
                    server.sql("", &format!("DROP DATABASE {name}; CREATE DATABASE {name}")).expect("a database");
                    to = Place::of(server, name.clone(), BEFORE);
                    assert!(recovered.iter().all(|text| text.contains("finished")), "{recovered:?}");
                }
                statements += 1;
            }
            assert!(undone > 15 && finished >= 2, "{undone} undone, {finished} finished");
        }
    }
}

/// What a restore that nothing happens to makes of it.
fn whole(to: &Place, server: &'static Server, archive: &Archive, with_append: bool) -> String {
    let other = Place::new(server, BEFORE);
    archive.restore(&other, &plan(&other, archive, with_append), &same()).expect("a restore");
    assert_ne!(state(&other), state(to));
    state(&other)
}

#[test]
fn dropping_it_anywhere_changes_nothing() {
    for server in Server::all() {
        let from = Place::new(server, &format!("{BEFORE}{CHANGE}"));
        let archive = from.archive();
        let to = Place::new(server, BEFORE);
        let before = state(&to);
        let plan = plan(&to, &archive, true);
        for step in 0..5 {
            let mut replacer = to.replacer(&same()).expect("a replacer");
            if step >= 1 {
                replacer.begin(plan.clone()).expect("tables");
            }
            if step == 2 {
                let mut writers = replacer.writers().expect("writers");
                let name = &plan.collections[0].source.name;
                writers[0].write(name, &archive.rows[name][0]).expect("rows");
            }
            if step >= 3 {
                drop(replacer);
                replacer = to.replacer(&same()).expect("a replacer");
                archive.load(&mut replacer, &plan).expect("rows");
            }
            if step >= 4 {
                replacer.complete().expect("keys");
            }
            drop(replacer);
            assert_eq!(state(&to), before, "{} at step {step}", server.name());
        }
    }
}

#[test]
fn a_name_that_somebody_uses_is_left_alone() {
    for server in Server::all() {
        let to = Place::new(
            server,
            "CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE _dbferry_old_1 (mine int); CREATE TABLE _dbferry_new_2 (mine int)",
        );
        let archive = to.archive();
        assert_eq!(archive.collections.len(), 1);
        archive.restore(&to, &to.plan(&archive, &[]), &same()).expect("a restore");
        assert_eq!(to.tables(), "_dbferry_new_2,_dbferry_old_1,t");
    }
}

/// The server itself dies between the steps, and comes back with what it had on its disk.
#[test]
fn a_server_that_dies_leaves_all_or_nothing() {
    for shared in Server::all() {
        let archive = Place::new(shared, &format!("{BEFORE}{CHANGE}")).archive();
        for step in 0..3 {
            let setup = Setup { settings: vec!["innodb-flush-log-at-trx-commit=1".to_owned()], ..Setup::default() };
            let server = Server::start_with(shared.installation(), &setup).expect("a server");
            // It lives to the end of the test, which the type cannot say.
            let server: &'static Server = Box::leak(Box::new(server));
            let to = Place::new(server, BEFORE);
            let before = state(&to);
            let mut replacer = to.replacer(&same()).expect("a replacer");
            archive.load(&mut replacer, &plan(&to, &archive, false)).expect("rows");
            if step >= 1 {
                replacer.complete().expect("keys");
            }
            if step == 2 {
                // Its last statement is the one that decides.
                let unit = replacer.unit.take().expect("a unit");
                let policy = ForeignKeyPolicy::Check;
                switch::switch(&mut replacer.main, replacer.version, &unit.members, &mut replacer.journal, policy)
                    .expect("a switch");
            }
            server.kill().expect("a dead server");
            drop(replacer);
            server.restart().expect("a server");
            let recovered = recover(&to.target, to.version, Duration::from_secs(5)).expect("a recovery");
            assert_eq!(recovered.len(), 1);
            assert!(!to.tables().contains("_dbferry"), "{}", to.tables());
            assert_eq!(state(&to) == before, step < 2, "{} {recovered:?}", server.name());
            assert_eq!(recovered[0].contains("finished"), step == 2);
        }
    }
}
