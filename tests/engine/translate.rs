//! What columns become in another engine: by what their values prove, by rules, and what becomes of values that do not fit.

use crate::support::restore_options;
use dbferry::archive::Archive;
use dbferry::config::Config;
use dbferry::copy::{CopyOptions, copy, plan as plan_copy};
use dbferry::dump::{DumpOptions, dump};
use dbferry::endpoint::Endpoint;
use dbferry::progress::Silent;
use dbferry::restore::{Proof, RestorePlan, RestoreReport, restore};
use dbferry::translate::AcceptLossy;
use dbferry::{Error, ErrorKind, Result};
use dbferry_mysql::testing as mysql;
use dbferry_postgres::testing as postgres;
use rusqlite::Connection;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A server of each; none where one is not installed, which is said, and fails where `CI` is set.
pub(crate) fn servers() -> Option<&'static (mysql::Server, postgres::Server)> {
    static SERVERS: OnceLock<Option<(mysql::Server, postgres::Server)>> = OnceLock::new();
    let start = || {
        let installed =
            mysql::Installation::all().into_iter().next().zip(postgres::Installation::all().into_iter().next());
        let Some((mysql, postgres)) = installed else {
            assert!(std::env::var_os("CI").is_none(), "MySQL or PostgreSQL is not installed");
            // Past the harness, which shows the output of failed tests only.
            _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"SKIPPED: types between MySQL and PostgreSQL, which are not both installed\n",
            );
            return None;
        };
        let mysql = mysql::Server::start(&mysql, &["sql-mode="]).expect("a server");
        Some((mysql, postgres::Server::start(&postgres, &[]).expect("a server")))
    };
    SERVERS.get_or_init(start).as_ref()
}

/// An empty database of each, with its name and URL.
struct Both {
    mysql: (&'static mysql::Server, String),
    postgres: (&'static postgres::Server, String),
}

impl Both {
    fn new() -> Option<Self> {
        let (mysql, postgres) = servers()?;
        Some(Self { mysql: (mysql, mysql.create_database()), postgres: (postgres, postgres.create_database()) })
    }

    fn mysql(&self, sql: &str) -> String {
        self.mysql.0.sql(&self.mysql.1, sql).expect(sql).trim().to_owned()
    }

    fn postgres(&self, sql: &str) -> String {
        self.postgres.0.sql(&self.postgres.1, sql).expect(sql).trim().to_owned()
    }

    fn mysql_url(&self) -> Endpoint<'static> {
        Endpoint::parse(&self.mysql.0.url(&self.mysql.1)).expect("a URL")
    }

    fn postgres_url(&self) -> Endpoint<'static> {
        Endpoint::parse(&self.postgres.0.url(&self.postgres.1)).expect("a URL")
    }

    /// The type of a column of PostgreSQL.
    fn type_of(&self, table: &str, column: &str) -> String {
        self.postgres(&format!(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
             WHERE attrelid = to_regclass('{}.{table}') AND attname = '{column}'",
            self.schema()
        ))
    }

    /// The schema of PostgreSQL that MySQL's tables go to.
    fn schema(&self) -> String {
        self.postgres(
            "SELECT coalesce(min(nspname::text), 'none') FROM pg_namespace JOIN pg_class ON relnamespace = pg_namespace.oid
             WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema')",
        )
    }
}

fn options(types: &str) -> CopyOptions {
    let mut restore = restore_options(3);
    restore.types = Config::parse(&format!("version = 1\n{types}")).expect("rules").types;
    CopyOptions { restore, ..CopyOptions::default() }
}

/// Everything that was counted, in sentences.
fn misfits(report: &RestoreReport) -> Vec<String> {
    let lines = report.units.iter().flat_map(|unit| &unit.collections);
    lines.flat_map(|line| line.misfits.iter().map(dbferry::translate::CountedMisfits::describe)).collect()
}

fn expect_proven(report: &RestoreReport) {
    for line in report.units.iter().flat_map(|unit| &unit.collections) {
        assert_eq!(line.proof, Proof::Hash, "{}: {:?}", line.collection, report.warnings);
    }
}

fn context<'e>(error: &'e Error, wanted: &str) -> Option<&'e str> {
    error.context().find(|(key, _)| *key == wanted).map(|(_, value)| value)
}

#[test]
fn truth_values_are_proven_and_not_guessed() {
    let Some(both) = Both::new() else { return };
    both.mysql(
        "CREATE TABLE flags (id int PRIMARY KEY, clean tinyint(1) NOT NULL DEFAULT 1, odd tinyint(1), empty tinyint(1), tiny tinyint);
         INSERT INTO flags VALUES (1, 0, 0, NULL, 0), (2, 1, 2, NULL, 1), (3, 1, NULL, NULL, 1)",
    );
    let (from, to) = (both.mysql_url(), both.postgres_url());
    let plan = plan_copy(&from, &to, &options("")).expect("a plan");
    let notes = plan.all_notes().join("\n");
    assert!(
        notes.contains("column clean becomes bool by evidence: declared as tinyint(1); all 3 values fit"),
        "{notes}"
    );
    assert!(
        notes.contains("odd becomes int8 by evidence: not bool: the value 2 (out-of-range) of the row with id = 2"),
        "{notes}"
    );

    let report = copy(&from, &to, &options(""), &Silent).expect("a copy");
    expect_proven(&report);
    let types: Vec<String> = ["clean", "odd", "empty", "tiny"].map(|column| both.type_of("flags", column)).to_vec();
    assert_eq!(types, ["boolean", "smallint", "boolean", "smallint"]);
    let schema = both.schema();
    assert_eq!(
        both.postgres(&format!(
            "SELECT string_agg(clean::text || coalesce(odd::text, '-'), ',' ORDER BY id) FROM {schema}.flags"
        )),
        "false0,true2,true-"
    );
    assert_eq!(
        both.postgres(&format!("INSERT INTO {schema}.flags (id) VALUES (9) RETURNING clean")).lines().next(),
        Some("t")
    );

    // Over it: the table's own columns decide what is asked.
    both.mysql("UPDATE flags SET odd = 1");
    expect_proven(&copy(&from, &to, &options(""), &Silent).expect("again"));
    both.mysql("UPDATE flags SET clean = 5 WHERE id = 3");
    let error = copy(&from, &to, &options(""), &Silent).expect_err("five is no truth value");
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
    assert_eq!(both.postgres(&format!("SELECT count(*) FROM {schema}.flags WHERE clean")), "2", "untouched");
}

#[test]
fn an_archive_proves_as_much_as_a_snapshot() {
    let Some(both) = Both::new() else { return };
    both.mysql(
        "CREATE TABLE flags (id int PRIMARY KEY, clean tinyint(1), odd tinyint(1));
         INSERT INTO flags VALUES (1, 0, 0), (2, 1, 2)",
    );
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("archive");
    dump(&both.mysql_url(), &path, &DumpOptions::default(), &Silent).expect("a dump");
    let archive = Archive::open(&path).expect("an archive");
    let report = restore(&archive, &both.postgres_url(), &restore_options(2), &Silent).expect("a restore");
    expect_proven(&report);
    assert_eq!(["clean", "odd"].map(|column| both.type_of("flags", column)), ["boolean", "smallint"]);
}

#[test]
fn unsigned_keys_are_signed_where_all_of_them_fit_and_linked_ones_agree() {
    let Some(both) = Both::new() else { return };
    both.mysql(
        "CREATE TABLE users (id bigint unsigned AUTO_INCREMENT PRIMARY KEY, name varchar(10));
         CREATE TABLE orders (id bigint unsigned PRIMARY KEY, user_id bigint unsigned, FOREIGN KEY (user_id) REFERENCES users (id));
         CREATE TABLE boxes (id bigint unsigned PRIMARY KEY);
         CREATE TABLE things (id int PRIMARY KEY, box_id bigint unsigned, size bigint unsigned, FOREIGN KEY (box_id) REFERENCES boxes (id));
         INSERT INTO users VALUES (1, 'a'), (9223372036854775807, 'b');
         INSERT INTO orders VALUES (5, 1), (6, NULL);
         INSERT INTO boxes VALUES (1), (9223372036854775808);
         INSERT INTO things VALUES (1, 1, 3)",
    );
    let (from, to) = (both.mysql_url(), both.postgres_url());
    let report = copy(&from, &to, &options(""), &Silent).expect("a copy");
    expect_proven(&report);
    let types: Vec<String> = [
        ("users", "id"),
        ("orders", "id"),
        ("orders", "user_id"),
        ("boxes", "id"),
        ("things", "box_id"),
        ("things", "size"),
    ]
    .map(|(table, column)| both.type_of(table, column))
    .to_vec();
    assert_eq!(types, ["bigint", "bigint", "bigint", "numeric(20,0)", "numeric(20,0)", "bigint"]);
    let schema = both.schema();
    let keys = both.postgres("SELECT count(*) FROM pg_constraint WHERE contype = 'f'");
    assert_eq!(keys, "2");
    assert_eq!(both.postgres(&format!("SELECT max(id) FROM {schema}.boxes")), "9223372036854775808");
    let notes = report.notes.join("\n");
    assert!(
        notes.contains(
            "not int64: the value 9223372036854775808 (out-of-range) of the row with id = 9223372036854775808"
        ),
        "{notes}"
    );
    assert!(notes.contains("linked to"), "{notes}");

    // A target without room for such numbers keeps their digits.
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("new.db");
    let report = copy(&from, &sqlite(&file), &options(""), &Silent).expect("a copy");
    expect_proven(&report);
    let connection = Connection::open(&file).expect("a file");
    let large: String =
        connection.query_row("SELECT max(CAST(id AS TEXT)) FROM boxes", [], |row| row.get(0)).expect("a value");
    assert_eq!(large, "9223372036854775808");
    let kind: String = connection.query_row("SELECT typeof(id) FROM users", [], |row| row.get(0)).expect("a value");
    assert_eq!(kind, "integer");
}

fn sqlite(path: &Path) -> Endpoint<'static> {
    Endpoint::parse(&format!("sqlite:{}", path.display())).expect("a URL")
}

fn file(directory: &TempDir, sql: &str) -> Endpoint<'static> {
    let path = directory.path().join("from.db");
    Connection::open(&path).expect("a file").execute_batch(sql).expect(sql);
    sqlite(&path)
}

fn problems(plan: Result<RestorePlan>) -> String {
    plan.expect("a plan").problems().join("\n")
}

#[test]
fn a_rule_makes_texts_what_they_spell_and_is_refused_where_one_does_not() {
    let Some(both) = Both::new() else { return };
    let directory = TempDir::new().expect("a directory");
    let from = file(
        &directory,
        "CREATE TABLE person (id TEXT PRIMARY KEY, born TEXT, paid TEXT, data TEXT);
         CREATE TABLE pet (id INTEGER PRIMARY KEY, owner TEXT REFERENCES person (id));
         INSERT INTO person VALUES ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '1999-12-31', '1.50', '{\"a\":1}'),
            ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', NULL, '-2', '[]');
         INSERT INTO pet VALUES (1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12')",
    );
    let rules = "
        [[type]]
        match = { engine = \"sqlite\", table = \"person\", column = \"id\" }
        to = \"uuid\"
        [[type]]
        match = { column = \"born\" }
        to = \"date\"
        [[type]]
        match = { column = \"paid\" }
        to = \"decimal(10,2)\"
        [[type]]
        match = { column = \"data\" }
        to = \"json\"
        to_native = \"json\"
        [[type]]
        match = { column = \"nothing\" }
        to = \"bool\"";
    let to = both.postgres_url();
    let report = copy(&from, &to, &options(rules), &Silent).expect("a copy");
    expect_proven(&report);
    assert!(
        report.notes.iter().any(|note| note.contains("rule 5 of [[type]] matches no column")),
        "{:?}",
        report.notes
    );
    let types: Vec<String> = ["id", "born", "paid", "data"].map(|column| both.type_of("person", column)).to_vec();
    assert_eq!(types, ["uuid", "date", "numeric(10,2)", "json"]);
    assert_eq!(both.type_of("pet", "owner"), "uuid", "the other end of the foreign key");
    assert_eq!(both.postgres("SELECT data->>'a' || paid FROM public.person WHERE born = '1999-12-31'"), "11.50");

    file(&directory, "UPDATE person SET born = 'long ago' WHERE born IS NULL");
    let told = problems(plan_copy(&from, &to, &options(rules)));
    assert!(
        told.contains("column born: the rule's date does not fit the value long ago (spelling) of the row with id = "),
        "{told}"
    );
    let error = copy(&from, &to, &options(rules), &Silent).expect_err("a value that is no date");
    assert_eq!(error.kind(), ErrorKind::Incompatible, "{error}");
    assert_eq!(both.postgres("SELECT count(*) FROM public.person WHERE born IS NULL"), "1", "untouched");

    let fallback = rules.replace("to = \"date\"", "to = \"date\"\non_misfit = \"null\"");
    let report = copy(&from, &to, &options(&fallback), &Silent).expect("a copy");
    expect_proven(&report);
    assert_eq!(
        misfits(&report),
        ["column born: 1 value did not fit and became null (spelling), for instance long ago"]
    );
    assert!(report.warnings.iter().any(|warning| warning.contains("column born: 1 value")), "{:?}", report.warnings);
}

#[test]
fn zero_dates_go_where_the_policy_says() {
    let Some(both) = Both::new() else { return };
    both.mysql(
        "CREATE TABLE t (id int PRIMARY KEY, born date, seen datetime(3), must date NOT NULL);
         INSERT INTO t VALUES (1, '0000-00-00', '2025-00-15 10:00:00.125', '2020-01-01'),
            (2, '1999-12-31', '0000-00-00', '2020-01-01'), (3, NULL, NULL, '2020-01-01')",
    );
    let (from, to) = (both.mysql_url(), both.postgres_url());
    let error = copy(&from, &to, &options(""), &Silent).expect_err("no date");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert_eq!(
        ["column", "value", "key"].map(|key| context(&error, key).unwrap_or_default().to_owned()),
        ["born", "0000-00-00", "id = 1"]
    );
    assert!(context(&error, "collection").is_some_and(|name| name.ends_with(".t")), "{error}");
    assert_eq!(both.schema(), "none", "nothing was made");

    let rule = |policy: &str| format!("[[type]]\nmatch = {{ engine = \"my*\" }}\non_misfit = \"{policy}\"");
    let shown = |schema: &str| {
        both.postgres(&format!(
            "SELECT string_agg(coalesce(born::text, '-') || ' ' || coalesce(seen::text, '-'), ', ' ORDER BY id) FROM {schema}.t"
        ))
    };
    for (policy, expected, told) in [
        ("null", "- -, 1999-12-31 -, - -", "became null"),
        (
            "clamp",
            "0001-01-01 2025-01-15 10:00:00.125, 1999-12-31 0001-01-01 00:00:00, - -",
            "became the nearest value",
        ),
    ] {
        let report = copy(&from, &to, &options(&rule(policy)), &Silent).expect(policy);
        expect_proven(&report);
        assert_eq!(shown(&both.schema()), expected);
        let told_all = misfits(&report);
        assert_eq!(told_all.len(), 3, "{told_all:?}");
        assert!(told_all.iter().all(|line| line.contains(told)), "{told_all:?}");
    }
    let mut texts = options(&rule("text"));
    texts.restore.recreate = true;
    let report = copy(&from, &to, &texts, &Silent).expect("texts");
    expect_proven(&report);
    assert_eq!(shown(&both.schema()), "0000-00-00 2025-00-15 10:00:00.125, 1999-12-31 0000-00-00 00:00:00.000, - -");
    assert_eq!(["born", "seen", "must"].map(|column| both.type_of("t", column)), ["text", "text", "date"]);
    assert_eq!(misfits(&report).len(), 3);

    both.mysql("UPDATE t SET must = '0000-00-00' WHERE id = 2");
    let mut nulls = options(&rule("null"));
    nulls.restore.recreate = true;
    let error = copy(&from, &to, &nulls, &Silent).expect_err("no null there");
    assert!(error.message().contains("the column allows none"), "{error}");
    assert_eq!(both.type_of("t", "born"), "text", "untouched");
}

#[test]
fn what_is_no_number_and_no_moment_elsewhere() {
    let Some(both) = Both::new() else { return };
    both.postgres(
        "CREATE TABLE t (id int PRIMARY KEY, n numeric(8,2), f float8, at timestamp, day date);
         INSERT INTO t VALUES (1, 'NaN', 1, '2020-01-01', '2020-01-01'), (2, 1.5, 'NaN', 'infinity', '-infinity'),
            (3, 2.5, '-Infinity', '20000-01-01', '2020-01-01')",
    );
    let (from, to) = (both.postgres_url(), both.mysql_url());
    let error = copy(&from, &to, &options(""), &Silent).expect_err("NaN");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert_eq!(both.mysql("SHOW TABLES"), "");
    let rules = "
        [[type]]
        match = { column = \"[nf]\", target = \"my*\" }
        on_misfit = \"null\"
        [[type]]
        match = { native = \"timestamp*\" }
        on_misfit = \"clamp\"
        [[type]]
        match = { native = \"date\" }
        on_misfit = \"text\"";
    let report = copy(&from, &to, &options(rules), &Silent).expect("a copy");
    expect_proven(&report);
    let shown = both.mysql("SELECT CONCAT_WS(' ', IFNULL(n, '-'), IFNULL(f, '-'), at, day) FROM t ORDER BY id");
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        lines,
        [
            "- 1 2020-01-01 00:00:00.000000 2020-01-01",
            "1.50 - 9999-12-31 23:59:59.999999 -infinity",
            "2.50 - 9999-12-31 23:59:59.999999 2020-01-01"
        ]
    );
    let mut told = misfits(&report);
    told.sort();
    assert_eq!(
        told,
        [
            "column at: 1 value did not fit and became the nearest value (infinity), for instance infinity",
            "column at: 1 value did not fit and became the nearest value (out-of-range), for instance 20000-01-01 00:00:00",
            "column day: 1 value did not fit and became their text (infinity), for instance -infinity",
            "column f: 1 value did not fit and became null (infinity), for instance -Infinity",
            "column f: 1 value did not fit and became null (nan), for instance NaN",
            "column n: 1 value did not fit and became null (nan), for instance NaN",
        ]
    );
}

#[test]
fn what_is_lost_needs_consent() {
    let Some(both) = Both::new() else { return };
    let directory = TempDir::new().expect("a directory");
    let from = file(
        &directory,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, anything); INSERT INTO t VALUES (1, 1), (2, 'two'), (3, 3.5), (4, NULL)",
    );
    let to = both.postgres_url();
    let told = problems(plan_copy(&from, &to, &options("")));
    assert!(told.contains("column anything: numbers, bytes and texts all become texts"), "{told}");
    assert!(told.contains("--accept-lossy main.t.anything"), "{told}");
    let error = copy(&from, &to, &options(""), &Silent).expect_err("no consent");
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert_eq!(both.schema(), "none", "nothing was touched");

    let mut accepted = options("");
    accepted.restore.accept_lossy = AcceptLossy::ALL;
    let report = copy(&from, &to, &accepted, &Silent).expect("a copy");
    expect_proven(&report);
    assert_eq!(both.postgres("SELECT string_agg(anything, ',' ORDER BY id) FROM public.t"), "1,two,3.5");
}

#[test]
fn types_of_sqlite_are_proven_by_every_value() {
    let Some(both) = Both::new() else { return };
    let directory = TempDir::new().expect("a directory");
    // More rows than a look at the first and the last ones sees.
    let from = file(
        &directory,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, flag BOOLEAN, odd BOOLEAN, day DATE, late DATE, at DATETIME, mixed DATETIME,
            key UUID, doc JSON, price DECIMAL(10,2));
         INSERT INTO t SELECT value, value % 2, value % 2, '2020-01-01', '2020-01-01', '2020-01-01 10:00:00',
            '2020-01-01 10:00:00', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{}', 1.25
            FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 3000) SELECT value FROM n);
         UPDATE t SET odd = 7, late = 'someday', mixed = '2020-01-01T10:00:00.250', price = 1.333 WHERE id = 1500",
    );
    let to = both.postgres_url();
    let report = copy(&from, &to, &options(""), &Silent).expect("a copy");
    expect_proven(&report);
    let columns = ["flag", "odd", "day", "late", "at", "mixed", "key", "doc", "price"];
    assert_eq!(
        columns.map(|column| both.type_of("t", column)),
        [
            "boolean",
            "bigint",
            "date",
            "text",
            "timestamp(0) without time zone",
            "timestamp(6) without time zone",
            "uuid",
            "json",
            "numeric"
        ]
    );
    assert_eq!(
        both.postgres("SELECT odd || ' ' || late || ' ' || mixed || ' ' || price FROM public.t WHERE id = 1500"),
        "7 someday 2020-01-01 10:00:00.25 1.333"
    );
}

/// Within one engine a rule changes its column and nothing else of the table.
#[test]
fn a_rule_within_an_engine_changes_its_column_alone() {
    let Some((_, server)) = servers() else { return };
    let (first, second) = (server.create_database(), server.create_database());
    let sql = "CREATE TABLE t (id int PRIMARY KEY, key text, price numeric CHECK (price > 0), tags text[], name varchar(20) COLLATE \"C\");
         INSERT INTO t VALUES (1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 1.5, '{a,b}', 'x')";
    server.sql(&first, sql).expect("a table");
    let [from, to] = [&first, &second].map(|name| Endpoint::parse(&server.url(name)).expect("a URL"));
    let rules = "[[type]]\nmatch = { column = \"key\" }\nto = \"uuid\"";
    let report = copy(&from, &to, &options(rules), &Silent).expect("a copy");
    expect_proven(&report);
    let types = server
        .sql(&second, "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0")
        .expect("types");
    assert_eq!(types.trim(), "integer,uuid,numeric,text[],character varying(20)");
    server.sql(&second, "INSERT INTO t (id, price) VALUES (2, -1)").expect_err("the check is there");
}

#[test]
fn a_table_without_columns_is_refused_where_there_are_none() {
    let Some(both) = Both::new() else { return };
    both.postgres("CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES");
    let plan = plan_copy(&both.postgres_url(), &both.mysql_url(), &options("")).expect("a plan");
    let problems = plan.problems();
    assert!(problems.iter().any(|problem| problem.contains("bare: it has no columns")), "{problems:?}");
}

#[test]
fn a_text_that_the_target_would_refuse_is_named_before_it_is_sent() {
    let Some(both) = Both::new() else { return };
    both.mysql(
        "CREATE TABLE notes (id int PRIMARY KEY, note varchar(20));
         INSERT INTO notes VALUES (7, 'fine'), (8, CONCAT('a', CHAR(0), 'b'))",
    );
    let error = copy(&both.mysql_url(), &both.postgres_url(), &options(""), &Silent).expect_err("a NUL");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert_eq!(context(&error, "key"), Some("id = 8"), "{error}");
    let rule = "[[type]]\nmatch = { column = \"note\" }\non_misfit = \"null\"";
    let report = copy(&both.mysql_url(), &both.postgres_url(), &options(rule), &Silent).expect("a copy");
    assert_eq!(misfits(&report).len(), 1, "{:?}", misfits(&report));
}
