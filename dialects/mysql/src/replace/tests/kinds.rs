//! Each action, and what tables can have.

use super::*;

const SHOP: &str = "
    CREATE TABLE log (id int PRIMARY KEY AUTO_INCREMENT, what varchar(100));
    CREATE TABLE person (
        id int NOT NULL AUTO_INCREMENT, name varchar(50) NOT NULL, boss int, born date,
        age int GENERATED ALWAYS AS (2026 - YEAR(born)) STORED, note text,
        PRIMARY KEY (id), UNIQUE KEY by_name (name), KEY by_boss (boss, born DESC), FULLTEXT KEY words (note),
        CONSTRAINT has_boss FOREIGN KEY (boss) REFERENCES person (id) ON DELETE SET NULL,
        CONSTRAINT person_chk_1 CHECK (note <> 'bad'), CONSTRAINT sensible CHECK (born > '1800-01-01')
    ) AUTO_INCREMENT = 500 COMMENT 'who';
    CREATE TABLE a_order (id bigint unsigned PRIMARY KEY, person int, a_second int,
        CONSTRAINT a_order_ibfk_1 FOREIGN KEY (person) REFERENCES person (id) ON DELETE CASCADE ON UPDATE RESTRICT);
    CREATE TABLE empty_counted (id int PRIMARY KEY AUTO_INCREMENT) AUTO_INCREMENT = 77;
    CREATE TABLE parted (id int PRIMARY KEY, v int) PARTITION BY RANGE (id)
        (PARTITION low VALUES LESS THAN (100), PARTITION high VALUES LESS THAN MAXVALUE);
    CREATE TABLE `odd ``%_\u{e9}` (`a``b` int PRIMARY KEY, `sel%ect` varchar(10), KEY `k``` (`sel%ect`));
    CREATE TABLE xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (id int PRIMARY KEY, p int, KEY p (p));
    CREATE TABLE late_number (a varchar(5), id int NOT NULL AUTO_INCREMENT, b int, KEY first (b), KEY numbered (id));
    INSERT INTO person (id, name, boss, born, note) VALUES (1, 'Ann', NULL, '1970-01-01', 'the boss'), (2, 'Bob', 1, '1980-02-03', NULL);
    INSERT INTO a_order VALUES (1, 1, 5), (18446744073709551615, 2, NULL), (7, NULL, 1);
    INSERT INTO parted VALUES (1, 1), (1000, 2);
    INSERT INTO `odd ``%_\u{e9}` VALUES (1, 'x'), (2, NULL);
    INSERT INTO late_number VALUES ('a', 5, 1);
    CREATE VIEW grown AS SELECT id, name FROM person WHERE age > 18;
    CREATE VIEW a_first AS SELECT name FROM grown;
    CREATE TRIGGER second BEFORE INSERT ON person FOR EACH ROW SET NEW.name = UPPER(NEW.name);
    CREATE TRIGGER first BEFORE INSERT ON person FOR EACH ROW PRECEDES second SET NEW.name = CONCAT(NEW.name, '!');
    CREATE TRIGGER logged AFTER UPDATE ON person FOR EACH ROW INSERT INTO log (what) VALUES (NEW.name);
    CREATE FUNCTION twice(n int) RETURNS int DETERMINISTIC RETURN n * 2;
    CREATE PROCEDURE greet(IN who varchar(20)) SELECT CONCAT('hello ', who);
    CREATE EVENT later ON SCHEDULE EVERY 1 YEAR STARTS '2030-01-01 00:00:00' ON COMPLETION PRESERVE DO DELETE FROM log;
";

#[test]
fn a_database_comes_out_as_it_was() {
    for server in Server::all() {
        let from = Place::new(server, SHOP);
        let to = Place::new(server, "");
        let archive = from.archive();
        let warnings = archive.restore(&to, &to.plan(&archive, &[]), &same()).expect("a restore");
        assert_eq!(warnings, [] as [&str; 0], "{}", server.name());
        same_lines(&to.dump(), &from.dump(), server.name());
        // Again, over what is there now, with several sessions.
        to.sql("SET foreign_key_checks = 0; DELETE FROM person; INSERT INTO parted VALUES (5, 5); UPDATE log SET what = 'x'");
        let mut options = same();
        options.writers = 3;
        archive.restore(&to, &to.plan(&archive, &[]), &options).expect("a restore");
        same_lines(&to.dump(), &from.dump(), server.name());
        assert_eq!(to.sql("SELECT name FROM a_first ORDER BY 1"), "Ann\nBob");
        to.sql("INSERT INTO empty_counted VALUES (NULL)");
        assert_eq!(to.sql("SELECT * FROM empty_counted"), "77");
    }
}

#[test]
fn what_a_replaced_table_has_of_its_own_stays() {
    for server in Server::all() {
        let from =
            Place::new(server, "CREATE TABLE t (id int PRIMARY KEY, v varchar(10)); INSERT INTO t VALUES (1, 'new')");
        let to = Place::new(
            server,
            "CREATE TABLE t (id int PRIMARY KEY, v varchar(10), KEY own (v)) COMMENT 'mine' ROW_FORMAT=COMPRESSED;
             INSERT INTO t VALUES (2, 'old');
             CREATE TRIGGER own BEFORE INSERT ON t FOR EACH ROW SET NEW.v = 'own';
             CREATE VIEW seen AS SELECT v FROM t",
        );
        let user = format!("reader_{}", to.name);
        to.sql(&format!("CREATE USER {user}; GRANT SELECT (v), UPDATE ON t TO {user}"));
        let grants = to.sql(&format!("SHOW GRANTS FOR {user}"));
        let archive = from.archive();
        archive.restore(&to, &to.plan(&archive, &[]), &same()).expect("a restore");
        let definition = to.sql("SHOW CREATE TABLE t");
        for own in ["KEY `own` (`v`)", "COMMENT='mine'", "ROW_FORMAT=COMPRESSED"] {
            assert!(definition.contains(own), "{definition}");
        }
        assert_eq!(to.sql("SELECT * FROM seen"), "new");
        to.sql("INSERT INTO t VALUES (3, 'x')");
        assert_eq!(to.sql("SELECT v FROM t WHERE id = 3"), "own");
        assert_eq!(to.sql(&format!("SHOW GRANTS FOR {user}")), grants);
        assert_eq!(to.tables(), "seen,t");
    }
}

#[test]
fn a_table_of_another_shape_is_made_anew() {
    for server in Server::all() {
        let from = Place::new(
            server,
            "CREATE TABLE p (id int PRIMARY KEY, v int, CONSTRAINT positive CHECK (v > 0)); INSERT INTO p VALUES (1, 1);
             CREATE TABLE c (id int PRIMARY KEY, p int, CONSTRAINT to_p FOREIGN KEY (p) REFERENCES p (id)); INSERT INTO c VALUES (1, 1);
             CREATE TRIGGER fresh BEFORE INSERT ON p FOR EACH ROW SET NEW.v = 9",
        );
        let to = Place::new(
            server,
            "CREATE TABLE p (id int PRIMARY KEY, w text, CONSTRAINT positive CHECK (id > 0)); INSERT INTO p VALUES (5, 'x');
             CREATE TABLE c (id int PRIMARY KEY, p int, CONSTRAINT to_p FOREIGN KEY (p) REFERENCES p (id) ON DELETE CASCADE);
             INSERT INTO c VALUES (1, 5);
             CREATE TRIGGER stale BEFORE INSERT ON p FOR EACH ROW SET NEW.w = 'x'",
        );
        let archive = from.archive();
        let plan = to.plan_with(&archive, &[], |_, _| CollectionAction::Recreate);
        archive.restore(&to, &plan, &same()).expect("a restore");
        same_lines(&to.dump(), &from.dump(), server.name());
    }
}

#[test]
fn rows_are_added_all_or_none() {
    for server in Server::all() {
        let table =
            "CREATE TABLE t (id int PRIMARY KEY AUTO_INCREMENT, up int, n int, d int AS (n + 1) STORED, UNIQUE KEY (n),
             CONSTRAINT ups FOREIGN KEY (up) REFERENCES t (id));";
        let from = Place::new(
            server,
            &format!("{table} SET foreign_key_checks = 0; INSERT INTO t (id, up, n) VALUES (10, 10, 1), (11, 1, 2)"),
        );
        let to = Place::new(
            server,
            &format!(
                "{table} INSERT INTO t (id, up, n) VALUES (1, NULL, 100);
                 CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.n = -1"
            ),
        );
        let archive = {
            // The parent of one row is in the target only.
            from.archive()
        };
        let plan = to.plan_with(&archive, &[], |_, _| CollectionAction::Append);
        archive.restore(&to, &plan, &same()).expect("a restore");
        assert_eq!(to.sql("SELECT * FROM t ORDER BY id"), "1\tNULL\t100\t101\n10\t10\t1\t2\n11\t1\t2\t3");
        to.sql("INSERT INTO t (up, n) VALUES (NULL, 5)");
        assert_eq!(to.sql("SELECT n FROM t ORDER BY id DESC LIMIT 1"), "-1", "{}", server.name());
        let before = to.dump();
        let error = archive.restore(&to, &plan, &same()).expect_err("a duplicate");
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error:?}");
        assert!(error.to_string().contains("key of one that is there"), "{error:?}");
        assert_eq!(to.dump(), before);
        assert_eq!(to.tables(), "t");
    }
}

#[test]
fn sequences_go_when_nothing_was_replaced() {
    for server in Server::all().into_iter().filter(|server| server.is_mariadb()) {
        let from = Place::new(
            server,
            "CREATE SEQUENCE s START WITH 100 INCREMENT BY 10 NOCACHE; DO NEXTVAL(s); DO NEXTVAL(s);
             CREATE TABLE t (id int PRIMARY KEY DEFAULT NEXTVAL(s)); INSERT INTO t VALUES (1)",
        );
        let archive = from.archive();
        let to = Place::new(server, "");
        let mut replacer = to.replacer(&same()).expect("a replacer");
        replacer.prepare(&archive.objects(Stage::Before)).expect("sequences");
        archive.load(&mut replacer, &to.plan(&archive, &[])).expect("rows");
        assert!(to.tables().contains("s"));
        drop(replacer);
        assert_eq!(to.tables(), "");
        archive.restore(&to, &to.plan(&archive, &[]), &same()).expect("a restore");
        assert_eq!(to.dump().replace(&to.name, &from.name), from.dump());
        to.sql("INSERT INTO t VALUES ()");
        assert_eq!(to.sql("SELECT MAX(id) FROM t"), "120");
        // What is there already is set to where the archive's stands.
        archive.restore(&to, &to.plan(&archive, &[]), &same()).expect("a restore");
        assert_eq!(to.dump().replace(&to.name, &from.name), from.dump());
    }
}

#[test]
fn history_is_kept() {
    for server in Server::all().into_iter().filter(|server| server.is_mariadb()) {
        let table = "CREATE TABLE t (id int PRIMARY KEY, v int, KEY k (v)) WITH SYSTEM VERSIONING;";
        let from = Place::new(server, &format!("{table} INSERT INTO t VALUES (1, 1); UPDATE t SET v = 2"));
        let to = Place::new(server, &format!("{table} INSERT INTO t VALUES (7, 7)"));
        let archive = from.archive();
        archive.restore(&to, &to.plan(&archive, &[]), &same()).expect("a restore");
        let history = "SELECT id, v, ROW_START, ROW_END FROM t FOR SYSTEM_TIME ALL ORDER BY ROW_START";
        assert_eq!(to.sql(history), from.sql(history));
        assert_eq!(to.sql("SHOW CREATE TABLE t"), from.sql("SHOW CREATE TABLE t"));
    }
}

/// Shows the lines that differ, and not all of them.
fn same_lines(left: &str, right: &str, server: &str) {
    let differing: Vec<_> = left.lines().zip(right.lines()).filter(|(left, right)| left != right).take(3).collect();
    assert!(left == right, "{server}: {differing:#?}");
}
