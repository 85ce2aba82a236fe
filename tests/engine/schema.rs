//! What stands around the columns, from each engine to each other one: what the target then does itself, told by its own words.

use crate::support::restore_options;
use dbferry::copy::{CopyOptions, copy, plan as plan_copy};
use dbferry::dialect::expression::{ColumnKinds, Function, Literal, Operator, Pattern, condition};
use dbferry::dialect::{Collection, CollectionAction, CollectionName, Column, Expression, LogicalType};
use dbferry::diff::{DiffOptions, diff};
use dbferry::endpoint::Endpoint;
use dbferry::progress::Silent;
use dbferry::restore::{Proof, RestorePlan, RestoreReport};
use dbferry::verify::{Holder, VerifyOptions, verify_databases};
use dbferry_mysql::testing as mysql;
use dbferry_postgres::testing as postgres;
use rusqlite::Connection;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The servers of this machine; engines that are missing are said, and fail where `CI` is set.
fn servers() -> &'static (Vec<mysql::Server>, Vec<postgres::Server>) {
    static SERVERS: OnceLock<(Vec<mysql::Server>, Vec<postgres::Server>)> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let mysql: Vec<_> = mysql::Installation::all()
            .iter()
            .map(|installed| mysql::Server::start(installed, &[]).expect("a server"))
            .collect();
        let postgres = postgres::Installation::all().into_iter().take(1);
        let postgres: Vec<_> = postgres.map(|one| postgres::Server::start(&one, &[]).expect("a server")).collect();
        if mysql.is_empty() || postgres.is_empty() {
            assert!(std::env::var_os("CI").is_none(), "MySQL or PostgreSQL is not installed");
            // Past the harness, which shows the output of failed tests only.
            let said = b"SKIPPED: schemas between engines of which one is not installed\n";
            _ = std::io::Write::write_all(&mut std::io::stderr(), said);
        }
        (mysql, postgres)
    })
}

/// SQLite's database.
const FILE: &str = "zoo.sqlite";

/// An engine with an empty database.
enum Place {
    Sqlite(TempDir),
    MySql(&'static mysql::Server, String),
    Postgres(&'static postgres::Server, String),
}

impl Place {
    /// One of each engine.
    fn all() -> Vec<Self> {
        let (mysql, postgres) = servers();
        let sqlite = Self::Sqlite(TempDir::new().expect("a directory"));
        let mysql = mysql.iter().map(|server| Self::MySql(server, server.create_database()));
        let postgres = postgres.iter().map(|server| Self::Postgres(server, server.create_database()));
        std::iter::once(sqlite).chain(mysql).chain(postgres).collect()
    }

    fn dialect(&self) -> &'static str {
        match self {
            Self::Sqlite(..) => "sqlite",
            Self::MySql(..) => "mysql",
            Self::Postgres(..) => "postgres",
        }
    }

    fn endpoint(&self) -> Endpoint<'static> {
        let url = match self {
            Self::Sqlite(directory) => format!("sqlite:{}", directory.path().join(FILE).display()),
            Self::MySql(server, database) => server.url(database),
            Self::Postgres(server, database) => server.url(database),
        };
        Endpoint::parse(&url).expect("a URL")
    }

    /// Runs statements; the first column of the last one's first row, or why it was refused.
    fn try_sql(&self, sql: &str) -> Result<String, String> {
        match self {
            Self::Sqlite(directory) => {
                let connection = Connection::open(directory.path().join(FILE)).expect("a database");
                connection.execute_batch("PRAGMA foreign_keys = ON").expect("foreign keys");
                let (first, last) = sql.trim_end_matches(';').rsplit_once(';').unwrap_or(("", sql));
                connection.execute_batch(first).map_err(|error| error.to_string())?;
                let mut statement = connection.prepare(last).map_err(|error| error.to_string())?;
                let mut rows = statement.query([]).map_err(|error| error.to_string())?;
                let row = rows.next().map_err(|error| error.to_string())?;
                let value = row.map(|row| row.get::<_, rusqlite::types::Value>(0).expect("a value"));
                Ok(match value {
                    Some(rusqlite::types::Value::Text(text)) => text,
                    Some(rusqlite::types::Value::Integer(number)) => number.to_string(),
                    Some(rusqlite::types::Value::Real(number)) => number.to_string(),
                    _ => String::new(),
                })
            }
            Self::MySql(server, database) => server.sql(database, sql).map_err(|error| error.to_string()),
            Self::Postgres(server, database) => {
                let sql = format!("SET client_min_messages = error; SET search_path = main, zoo, public; {sql}");
                server.sql(database, &sql).map_err(|error| error.to_string())
            }
        }
        .map(|text| text.trim().to_owned())
    }

    fn sql(&self, sql: &str) -> String {
        self.try_sql(sql).unwrap_or_else(|error| panic!("{}: {sql}: {error}", self.dialect()))
    }

    fn refuses(&self, sql: &str) {
        assert!(self.try_sql(sql).is_err(), "{} took {sql}", self.dialect());
    }
}

/// A shop in the words of each engine.
fn zoo(dialect: &str) -> String {
    let (numbered, flag, now, deferred, extras) = match dialect {
        "sqlite" => (
            "INTEGER PRIMARY KEY AUTOINCREMENT",
            "BOOLEAN",
            "DATETIME",
            "DEFERRABLE INITIALLY DEFERRED",
            "CREATE UNIQUE INDEX item_state ON item (name) WHERE state = 'sold';
             CREATE INDEX item_lower ON item (lower(name) DESC);
             CREATE VIEW seen AS SELECT * FROM item;
             CREATE TRIGGER watch AFTER DELETE ON memo BEGIN SELECT 1; END;",
        ),
        "mysql" => (
            "int NOT NULL AUTO_INCREMENT PRIMARY KEY",
            "tinyint(1)",
            "datetime",
            "",
            "CREATE INDEX item_long ON item (story(20));
             CREATE VIEW seen AS SELECT * FROM item;
             CREATE TRIGGER watch AFTER DELETE ON memo FOR EACH ROW SET @x = 1;",
        ),
        _ => (
            "serial PRIMARY KEY",
            "boolean",
            "timestamp(0)",
            "DEFERRABLE INITIALLY DEFERRED",
            "CREATE UNIQUE INDEX item_state ON item (name) WHERE state = 'sold';
             CREATE INDEX item_lower ON item (lower(name) DESC);
             COMMENT ON TABLE item IS 'What it''s worth'; COMMENT ON COLUMN item.name IS 'Of the thing';
             CREATE VIEW seen AS SELECT * FROM item;
             CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER watch AFTER DELETE ON memo FOR EACH ROW EXECUTE FUNCTION f();",
        ),
    };
    let comment = |text: &str| if dialect == "mysql" { format!("COMMENT '{text}'") } else { String::new() };
    format!(
        "CREATE TABLE region (code varchar(10) NOT NULL PRIMARY KEY, name varchar(40));
         CREATE TABLE item (
            id {numbered},
            name varchar(60) NOT NULL {of_thing},
            price decimal(10,2) DEFAULT 9.50 NOT NULL,
            state varchar(10) DEFAULT 'new' NOT NULL,
            made date,
            stamp {now} DEFAULT CURRENT_TIMESTAMP,
            flag {flag} DEFAULT {yes},
            region varchar(10),
            parent int,
            story text,
            size int DEFAULT -3,
            CONSTRAINT item_price CHECK (price >= 0),
            CONSTRAINT item_known CHECK (state IN ('new', 'sold', 'it''s')),
            CONSTRAINT item_odd CHECK (length(name) > 2 AND (size IS NULL OR size BETWEEN -5 AND 5) AND name NOT LIKE 'no\\_%'),
            CONSTRAINT item_once UNIQUE (region, name),
            CONSTRAINT item_region FOREIGN KEY (region) REFERENCES region (code) ON DELETE SET NULL ON UPDATE CASCADE,
            CONSTRAINT item_parent FOREIGN KEY (parent) REFERENCES item (id) ON DELETE CASCADE
         ) {worth};
         CREATE INDEX item_name ON item (name, price DESC);
         CREATE TABLE memo (id {numbered}, note varchar(20));
         CREATE TABLE a (id int NOT NULL PRIMARY KEY, b_id int);
         CREATE TABLE b (id int NOT NULL PRIMARY KEY, a_id int {inline}, CONSTRAINT b_a FOREIGN KEY (a_id) REFERENCES a (id) {deferred});
         {cycle}
         {extras}
         INSERT INTO region VALUES ('eu', 'Europe'), ('us', 'States');
         INSERT INTO item (id, name, price, made, region, parent) VALUES (1, 'lamp', 10.00, '2020-02-29', 'eu', NULL),
            (2, 'lamp', 0.10, NULL, 'us', 1), (100, 'chair', 5, '1999-12-31', NULL, 2), (101, 'gone', 5, NULL, NULL, NULL);
         DELETE FROM item WHERE id = 101;
         INSERT INTO memo (id, note) VALUES (41, 'x'); DELETE FROM memo;
         INSERT INTO a VALUES (1, NULL); INSERT INTO b VALUES (1, 1); UPDATE a SET b_id = 1;
         {counters}",
        of_thing = comment("Of the thing"),
        worth = if dialect == "mysql" { "COMMENT 'What it''s worth'" } else { "" },
        yes = if dialect == "postgres" { "true" } else { "1" },
        inline = "",
        cycle = match dialect {
            // It only takes foreign keys with their tables.
            "sqlite" => "DROP TABLE a; CREATE TABLE a (id int NOT NULL PRIMARY KEY, b_id int REFERENCES b (id));",
            _ => "ALTER TABLE a ADD CONSTRAINT a_b FOREIGN KEY (b_id) REFERENCES b (id);",
        },
        counters = match dialect {
            "postgres" => "SELECT setval('item_id_seq', 101), setval('memo_id_seq', 41);",
            _ => "SELECT 1;",
        },
    )
    .replace("length(name)", if dialect == "mysql" { "char_length(name)" } else { "length(name)" })
    .replace("no\\_%", if dialect == "sqlite" { "no-%" } else if dialect == "mysql" { "no\\\\_%" } else { "no\\_%" })
}

fn expect_proven(report: &RestoreReport) {
    for line in report.units.iter().flat_map(|unit| &unit.collections) {
        assert_eq!(line.proof, Proof::Hash, "{}: {:?}", line.collection, report.warnings);
    }
}

fn kinds(plan: &RestorePlan) -> Vec<String> {
    let own = plan.not_carried.iter();
    let of_tables = plan.collections().flat_map(|line| &line.not_carried);
    own.chain(of_tables).map(|missing| format!("{} {}", missing.kind, missing.name)).collect()
}

#[test]
fn what_stands_around_the_columns_works_in_every_other_engine() {
    for source in Place::all() {
        source.sql(&zoo(source.dialect()));
        for target in Place::all() {
            if source.dialect() == target.dialect() {
                continue;
            }
            let pair = format!("{} to {}", source.dialect(), target.dialect());
            let (from, to) = (source.endpoint(), target.endpoint());
            let options = CopyOptions { restore: restore_options(2), ..CopyOptions::default() };
            let planned = plan_copy(&from, &to, &options).expect("a plan");
            assert_eq!(planned.problems(), Vec::<String>::new(), "{pair}");
            let lost = kinds(&planned);
            assert!(lost.iter().any(|one| one.starts_with("view ") && one.contains("seen")), "{pair}: {lost:?}");
            assert!(lost.iter().any(|one| one.starts_with("trigger ") && one.contains("watch")), "{pair}: {lost:?}");
            let checks: Vec<_> = lost.iter().filter(|one| one.starts_with("check")).collect();
            assert_eq!(checks, Vec::<&String>::new(), "{pair}");
            expect_proven(&copy(&from, &to, &options, &Silent).unwrap_or_else(|error| panic!("{pair}: {error}")));
            uses(&target, &pair);

            // Over it: the same tables are found again, and fit.
            let again = plan_copy(&from, &to, &options).expect("a plan");
            assert_eq!(again.problems(), Vec::<String>::new(), "{pair}");
            assert!(again.collections().all(|line| line.action == Some(CollectionAction::Replace)), "{pair}");
            expect_proven(&copy(&from, &to, &options, &Silent).unwrap_or_else(|error| panic!("{pair}: {error}")));
            let (left, right) = (Holder::Database(&from), Holder::Database(&to));
            let proven = verify_databases(&from, &to, &VerifyOptions::default(), &Silent).expect("a comparison");
            assert_eq!(proven.differences().count(), 0, "{pair}: {proven:?}");
            let different = diff(left, right, &DiffOptions::default(), &Silent).expect("a comparison");
            assert!(different.differing_rows().next().is_none(), "{pair}");
        }
    }
}

/// Asks an engine what it does with rows.
fn uses(target: &Place, pair: &str) {
    // Numbers continue, also after the last one was deleted and where no row is left; defaults are given.
    target.sql("INSERT INTO item (name, region) VALUES ('next', 'eu')");
    let found = |what: &str| target.sql(&format!("SELECT {what} FROM item WHERE name = 'next'"));
    assert_eq!(found("id"), "102", "{pair}");
    assert_eq!(found("price"), "9.50", "{pair}");
    assert_eq!(found("state"), "new", "{pair}");
    assert_eq!(found("size"), "-3", "{pair}");
    assert!(["1", "t", "true"].contains(&found("flag").as_str()), "{pair}: {}", found("flag"));
    assert!(found("stamp").starts_with("20"), "{pair}: {}", found("stamp"));
    target.sql("INSERT INTO memo (note) VALUES ('y')");
    assert_eq!(target.sql("SELECT id FROM memo"), "42", "{pair}");
    // Checks, keys, foreign keys.
    target.refuses("INSERT INTO item (name, price) VALUES ('cheap', -0.01)");
    target.refuses("INSERT INTO item (name, state) VALUES ('state', 'lost')");
    target.refuses("INSERT INTO item (name) VALUES ('ab')");
    target.refuses("INSERT INTO item (name, size) VALUES ('size', 6)");
    target.refuses("INSERT INTO item (name) VALUES (NULL)");
    target.refuses("INSERT INTO item (name, region) VALUES ('lamp', 'eu')");
    target.refuses("INSERT INTO item (name, region) VALUES ('else', 'nowhere')");
    target.refuses("UPDATE a SET b_id = 2");
    target.sql("INSERT INTO item (name, state, size) VALUES ('fine', 'it''s', NULL)");
    target.sql("UPDATE region SET code = 'eur' WHERE code = 'eu'");
    assert_eq!(target.sql("SELECT region FROM item WHERE id = 1"), "eur", "{pair}");
    target.sql("DELETE FROM region WHERE code = 'us'");
    assert_eq!(target.sql("SELECT count(*) FROM item WHERE region IS NULL AND id = 2"), "1", "{pair}");
    target.sql("DELETE FROM item WHERE id = 1");
    assert_eq!(target.sql("SELECT count(*) FROM item WHERE id IN (1, 2, 100)"), "0", "{pair}");
}

#[test]
fn names_that_one_namespace_cannot_hold_are_found_again() {
    for source in Place::all().into_iter().filter(|place| place.dialect() == "postgres") {
        let long = "x".repeat(63);
        source.sql(&format!(
            "CREATE SCHEMA audit; CREATE SCHEMA zoo;
             CREATE TABLE audit.users (id int PRIMARY KEY, \"Name\" text, name text, CONSTRAINT same CHECK (id > 0));
             CREATE TABLE zoo.users (id int PRIMARY KEY, audit_id int REFERENCES audit.users (id), CONSTRAINT same CHECK (id < 100));
             CREATE TABLE zoo.\"{long}\" (id int PRIMARY KEY, \"{long}\" int);
             CREATE INDEX by_id ON audit.users (name); CREATE INDEX by_id ON zoo.users (audit_id);
             INSERT INTO audit.users VALUES (1, 'a', 'b'); INSERT INTO zoo.users VALUES (1, 1), (2, NULL);"
        ));
        for target in Place::all().into_iter().filter(|place| place.dialect() != "postgres") {
            let (from, to) = (source.endpoint(), target.endpoint());
            let options = CopyOptions { restore: restore_options(2), ..CopyOptions::default() };
            expect_proven(&copy(&from, &to, &options, &Silent).expect("a copy"));
            assert_eq!(target.sql("SELECT count(*) FROM zoo_users"), "2");
            assert_eq!(target.sql("SELECT name FROM audit_users").len(), 1);
            target.refuses("INSERT INTO audit_users (id) VALUES (0)");
            target.refuses("INSERT INTO zoo_users (id) VALUES (100)");
            target.refuses("INSERT INTO zoo_users (id, audit_id) VALUES (3, 3)");
            let again = plan_copy(&from, &to, &options).expect("a plan");
            assert!(again.collections().all(|line| line.action == Some(CollectionAction::Replace)));
            let renamed: Vec<_> =
                again.collections().flat_map(|line| &line.columns).filter_map(|c| c.renamed.clone()).collect();
            assert_eq!(renamed.len(), 1, "{renamed:?}");
            expect_proven(&copy(&from, &to, &options, &Silent).expect("again"));
            for (left, right) in [(&from, &to), (&to, &from)] {
                let proven = verify_databases(left, right, &VerifyOptions::default(), &Silent).expect("a comparison");
                assert_eq!(proven.differences().count(), 0, "{proven:?}");
                let (left, right) = (Holder::Database(left), Holder::Database(right));
                let different = diff(left, right, &DiffOptions::default(), &Silent).expect("a comparison");
                assert!(different.differing_rows().next().is_none());
                let tables = different.schema.iter().filter(|one| one.what == "table").count();
                assert_eq!(tables, 0, "{:?}", different.schema);
            }
        }
    }
}

#[test]
fn what_is_not_understood_is_named_and_never_run() {
    for source in Place::all().into_iter().filter(|place| place.dialect() == "sqlite") {
        source.sql(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT DEFAULT (abs(random())), w INT CHECK (w / 2 > 1),
                x TEXT CHECK (x GLOB '[a-z]*'), u INT NOT NULL DEFAULT 'none', g INT GENERATED ALWAYS AS (w + 1));
             CREATE INDEX odd ON t (v || x); INSERT INTO t (w, u) VALUES (10, 1)",
        );
        for target in Place::all().into_iter().filter(|place| place.dialect() != "sqlite") {
            let options = CopyOptions { restore: restore_options(2), ..CopyOptions::default() };
            let planned = plan_copy(&source.endpoint(), &target.endpoint(), &options).expect("a plan");
            let mut lost = kinds(&planned);
            lost.sort();
            assert_eq!(lost, ["check w / 2 > 1", "check x GLOB '[a-z]*'", "default u", "default v", "index odd"]);
            let notes = planned.all_notes().join("\n");
            assert!(notes.contains("column g is computed in the source"), "{notes}");
            let report = copy(&source.endpoint(), &target.endpoint(), &options, &Silent).expect("a copy");
            expect_proven(&report);
            assert!(report.warnings.iter().any(|warning| warning.contains("not carried: check w / 2 > 1")));
            assert_eq!(target.sql("SELECT g FROM t"), "11");
        }
    }
}

#[test]
fn foreign_keys_that_no_server_takes_are_named_and_widths_agree() {
    for source in Place::all() {
        let impossible = source.dialect() == "sqlite";
        match source.dialect() {
            "sqlite" => source.sql(
                "PRAGMA foreign_keys = OFF;
                 CREATE TABLE big (id INTEGER PRIMARY KEY, k INT, t TEXT UNIQUE, price DECIMAL_TEXT(5,2) DEFAULT '1.50');
                 CREATE TABLE small (id INTEGER PRIMARY KEY, big_id INT REFERENCES big (id), k INT REFERENCES big (k),
                    n INT REFERENCES nowhere (id), t INT REFERENCES big (t));
                 INSERT INTO big (id, t) VALUES (5, 'x'); INSERT INTO small (id, big_id) VALUES (1, 5)",
            ),
            "mysql" => continue,
            _ => source.sql(
                "CREATE TABLE big (id bigint PRIMARY KEY, price numeric(5,2) DEFAULT 1.50);
                 CREATE TABLE small (id int PRIMARY KEY, big_id int REFERENCES big (id));
                 INSERT INTO big VALUES (5); INSERT INTO small VALUES (1, 5)",
            ),
        };
        for target in Place::all().into_iter().filter(|place| place.dialect() != source.dialect()) {
            let options = CopyOptions { restore: restore_options(2), ..CopyOptions::default() };
            let (from, to) = (source.endpoint(), target.endpoint());
            let planned = plan_copy(&from, &to, &options).expect("a plan");
            let lost = kinds(&planned);
            let expected: &[&str] = if impossible { &["foreign key k", "foreign key n", "foreign key t"] } else { &[] };
            let mut keys: Vec<&str> = lost.iter().map(String::as_str).collect();
            keys.sort_unstable();
            assert_eq!(keys, expected, "{}", target.dialect());
            expect_proven(&copy(&from, &to, &options, &Silent).expect("a copy"));
            target.refuses("INSERT INTO small (id, big_id) VALUES (2, 6)");
            target.sql("INSERT INTO big (id) VALUES (6)");
            assert_eq!(target.sql("SELECT price FROM big WHERE id = 6"), "1.50");
            expect_proven(&copy(&from, &to, &options, &Silent).expect("over it"));
        }
    }
}

/// A collection whose columns are what they are in the target.
struct Kinds<'c>(&'c Collection);

impl ColumnKinds for Kinds<'_> {
    fn logical(&self, column: &str) -> Option<&LogicalType> {
        self.0.column(column).map(|(_, column)| &column.logical)
    }

    fn ignores_case(&self, _column: &str) -> bool {
        false
    }
}

#[test]
fn what_a_dialect_spells_it_reads_again_and_nothing_else() {
    let evil = "a`b\"c'd\\e\n; DROP TABLE t; --";
    let types = [
        ("id", LogicalType::INT64),
        ("name", LogicalType::TEXT),
        ("price", LogicalType::Decimal { precision: 10, scale: 2 }),
        ("flag", LogicalType::Bool),
        ("born", LogicalType::Date),
        ("at", LogicalType::Timestamp { precision: 0 }),
        (evil, LogicalType::TEXT),
    ];
    let columns = types.into_iter().map(|(name, logical)| Column::new(name, logical, "")).collect();
    let table = Collection::table(CollectionName::new("main", "t"), columns);
    let (column, text, number) = (Expression::column, Expression::text, Expression::number);
    let compare = |left, operator, right| Expression::binary(left, operator, right);
    let call = |function, argument| Expression::call(function, vec![argument]);
    let like = |pattern: &str, negated| Expression::Like {
        operand: Box::new(column("name")),
        pattern: Pattern::like(pattern, Some('\\')).expect("a pattern"),
        negated,
    };
    let cases = [
        compare(column("id"), Operator::GreaterOrEqual, number("-5")),
        compare(column("price"), Operator::Less, number("10.50")),
        compare(
            compare(column("id"), Operator::Minus, number("1")),
            Operator::Equal,
            compare(number("2"), Operator::Times, Expression::Negative(Box::new(column("id")))),
        ),
        compare(compare(column("id"), Operator::Remainder, number("2")), Operator::NotEqual, number("0")),
        Expression::one_of("name", ["a".to_owned(), evil.to_owned(), String::new(), "é🦆".to_owned()]),
        Expression::one_of(evil, [evil.to_owned()]),
        Expression::Not(Box::new(column("flag"))),
        compare(column("flag"), Operator::Equal, Expression::Literal(Literal::Bool(true))),
        compare(column("born"), Operator::Greater, text("2000-01-31")),
        Expression::Between {
            operand: Box::new(column("at")),
            low: Box::new(text("2000-01-31 00:00:00")),
            high: Box::new(text("2001-01-31 23:59:59")),
            negated: true,
        },
        Expression::Any(vec![
            Expression::All(vec![like("A\\_%_*?[x]\\\\", false), like("%", true)]),
            Expression::IsNull { operand: Box::new(column(evil)), negated: true },
        ]),
        compare(call(Function::Length, column("name")), Operator::LessOrEqual, number("9")),
        compare(call(Function::Lower, column("name")), Operator::Equal, column("name")),
        compare(call(Function::Trim, call(Function::Upper, column("name"))), Operator::NotEqual, text("")),
        compare(Expression::call(Function::Left, vec![column("name"), number("2")]), Operator::Equal, text("ab")),
        compare(
            Expression::call(Function::Coalesce, vec![column("id"), number("0")]),
            Operator::Equal,
            call(Function::Absolute, column("id")),
        ),
    ];
    for url in ["sqlite:x.db", "mysql://localhost/x", "postgres://localhost/x"] {
        let syntax = Endpoint::parse(url).expect("a URL").dialect.syntax();
        for case in &cases {
            let text = syntax.expression(&table, case).unwrap_or_else(|| panic!("{url}: {case:?}"));
            let read = syntax.read_expression(&table, &text).unwrap_or_else(|| panic!("{url}: {text}"));
            assert_eq!(condition(read, &Kinds(&table)).as_ref(), Ok(case), "{url}: {text}");
        }
    }
}
