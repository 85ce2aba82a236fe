use super::MySqlSnapshot;
use crate::connect::Target;
use crate::flavour::ServerVersion;
use crate::testing::{Installation, Server};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use dbferry_dialect::{
    Batch, Chunk, ChunkRange, Collection, CollectionName, Column, DatabaseUrl, ErrorKind, LogicalType, OpenOptions,
    ReadRequest, Reader, Result, Snapshot, SnapshotOptions,
};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(5);

fn target(url: &str) -> Target {
    Target::resolve(&DatabaseUrl::parse(url).expect("a URL"), &OpenOptions::default()).expect("a target")
}

fn take_as(url: &str, options: &SnapshotOptions, wait: Duration) -> Result<MySqlSnapshot> {
    let target = target(url);
    let rows = target.connect()?.query("", "SELECT VERSION()")?;
    let version = ServerVersion::parse(&rows[0].get::<String, _>(0).expect("a version"));
    MySqlSnapshot::take(&target, version, wait, options)
}

fn take(url: &str, readers: usize) -> MySqlSnapshot {
    take_as(url, &SnapshotOptions::new(readers), WAIT).expect("a snapshot")
}

/// A user of that database with those privileges, and a URL.
fn user(server: &Server, database: &str, privileges: &[&str]) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("u{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let mut sql = format!("CREATE USER {name}@'%' IDENTIFIED BY 'secret';");
    for privilege in privileges {
        sql.push_str(&format!("GRANT {privilege} TO {name}@'%';").replace("DATABASE", database));
    }
    server.sql("", &sql).expect("a user");
    server.url_of(&name, "secret", database)
}

/// A table of 64-bit columns.
fn table(name: &str, columns: &[&str]) -> Collection {
    let columns = columns.iter().map(|name| Column::new(*name, LogicalType::INT64, "bigint")).collect();
    Collection::table(CollectionName::new(crate::NAMESPACE, name), columns)
}

/// The number of rows and the sum of the first column.
fn sum(reader: &mut dyn Reader, collection: &Collection) -> Result<(u64, i64)> {
    let chunk = Chunk { range: ChunkRange::Whole, estimated_bytes: 0 };
    let request = ReadRequest { collection, chunk: &chunk, batch_bytes: 1 << 20, predicate: None };
    let mut total = 0;
    let count = reader.read(&request, &mut |batch: Batch| {
        total += batch.records.column(0).as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
        Ok(())
    })?;
    Ok((count, total))
}

/// Ends the writers however the test ends.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

const ACCOUNTS: &str = "CREATE TABLE accounts (balance bigint, id bigint PRIMARY KEY) ENGINE=InnoDB;
     CREATE TABLE tellers (balance bigint, id bigint PRIMARY KEY) ENGINE=InnoDB;
     CREATE TABLE history (delta bigint) ENGINE=InnoDB;
     INSERT INTO accounts VALUES (0, 1), (0, 2), (0, 3), (0, 4), (0, 5), (0, 6), (0, 7);
     INSERT INTO tellers VALUES (0, 1), (0, 2), (0, 3)";

/// Takes snapshots as whoever `url` names while writers move money; all readers of each see the same moment. Returns the
/// methods.
fn snapshots_while_writing(server: &Server, database: &str, url: &str, readers: usize) -> Vec<String> {
    let stop = AtomicBool::new(false);
    let (accounts, tellers, history) =
        (table("accounts", &["balance"]), table("tellers", &["balance"]), table("history", &["delta"]));
    std::thread::scope(|scope| {
        let _stopping = StopAtEnd(&stop);
        for writer in 0..3 {
            let (stop, url) = (&stop, server.url(database));
            scope.spawn(move || {
                let mut session = target(&url).connect().expect("a session");
                for number in 0_i64.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let delta = (number * 37 + writer * 11) % 1000 - 400;
                    let transfer = [
                        "START TRANSACTION".to_owned(),
                        format!("UPDATE accounts SET balance = balance + {delta} WHERE id = {}", number % 7 + 1),
                        format!("INSERT INTO history VALUES ({delta})"),
                        format!("UPDATE tellers SET balance = balance + {delta} WHERE id = {}", number % 3 + 1),
                        "COMMIT".to_owned(),
                    ];
                    let done = transfer.iter().try_for_each(|sql| session.run("", sql).map(|_| ()));
                    // Two writers may want each other's rows.
                    if done.is_err() {
                        session.run("", "ROLLBACK").expect("a rollback");
                    }
                }
            });
        }
        let mut methods = Vec::new();
        let mut seen = Vec::new();
        for _ in 0..6 {
            let mut snapshot = take(url, readers);
            assert!(snapshot.consistency().proven);
            std::thread::sleep(Duration::from_millis(30));
            let mut readers = snapshot.readers();
            assert_eq!(snapshot.consistency().readers, readers.len());
            let views: Vec<_> = readers
                .iter_mut()
                .map(|reader| {
                    let balance = sum(&mut **reader, &accounts).expect("accounts").1;
                    assert_eq!(sum(&mut **reader, &tellers).expect("tellers").1, balance);
                    let (count, total) = sum(&mut **reader, &history).expect("history");
                    assert_eq!(total, balance);
                    count
                })
                .collect();
            assert!(views.iter().all(|count| *count == views[0]), "{views:?}");
            seen.push(views[0]);
            drop(readers);
            methods.push(snapshot.consistency().method.clone());
            Box::new(snapshot).finish().expect("nothing moved");
        }
        assert!(seen.first() < seen.last(), "nobody wrote: {seen:?}");
        methods
    })
}

#[test]
fn readers_see_one_moment_while_others_write() {
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, ACCOUNTS).expect("tables");
        let gate = if server.is_mariadb() { "backup stage gate" } else { "table locks gate" };
        let alone = user(server, &database, &["SELECT ON DATABASE.*"]);
        let locking = user(server, &database, &["SELECT, LOCK TABLES ON DATABASE.*"]);
        for (url, readers, method, count) in [
            (server.url(&database), 4, gate, 4),
            (locking, 4, "table locks gate", 4),
            (alone, 4, "one session", 1),
            (server.url(&database), 1, "one session", 1),
        ] {
            let methods = snapshots_while_writing(server, &database, &url, readers);
            assert!(methods.iter().all(|found| found == method), "{}: {methods:?} for {method}", server.name());
            let mut snapshot = take(&url, readers);
            assert_eq!(snapshot.readers().len(), count);
        }
    }
}

#[test]
fn a_user_who_may_stop_the_whole_server_does() {
    for installation in Installation::all() {
        // A server of its own: the lock waits for the tables of all others.
        let server = Server::start(&installation, &[]).expect("a server");
        let database = server.create_database();
        server.sql(&database, ACCOUNTS).expect("tables");
        let url = user(&server, &database, &["SELECT ON DATABASE.*", "RELOAD ON *.*"]);
        let method = if server.is_mariadb() { "backup stage gate" } else { "global read lock gate" };
        let methods = snapshots_while_writing(&server, &database, &url, 4);
        assert!(methods.iter().all(|found| found == method), "{}: {methods:?}", server.name());
    }
}

#[test]
fn without_any_lock_sessions_agree_on_the_log() {
    for installation in Installation::all().iter().filter(|installation| installation.is_mariadb) {
        let server = Server::start(installation, &["log-bin=binlog", "server-id=1"]).expect("a server");
        let database = server.create_database();
        server.sql(&database, ACCOUNTS).expect("tables");
        let url = user(&server, &database, &["SELECT ON DATABASE.*"]);
        let methods = snapshots_while_writing(&server, &database, &url, 4);
        assert!(methods.iter().any(|method| method == "equal log positions"), "{methods:?}");
    }
}

#[test]
fn nobody_changes_a_table_while_it_may_be_read() {
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, ACCOUNTS).expect("tables");
        for readers in [1, 3] {
            let mut snapshot = take(&server.url(&database), readers);
            let mut readers = snapshot.readers();
            for change in ["TRUNCATE history", "ALTER TABLE history ADD more int", "DROP TABLE history"] {
                let sql = format!("SET lock_wait_timeout = 1; {change}");
                let refused = server.sql(&database, &sql).expect_err("it waits").to_string();
                assert!(refused.contains("1205"), "{}: {refused}", server.name());
            }
            // A new table is not of that moment.
            server.sql(&database, "CREATE TABLE later (a bigint)").expect("a table");
            let schema = snapshot.schema().expect("a schema");
            let names: Vec<_> = schema.collections.iter().map(|collection| collection.name.name.as_str()).collect();
            assert_eq!(names, ["accounts", "history", "tellers"]);
            for reader in &mut readers {
                assert_eq!(sum(&mut **reader, &table("history", &["delta"])).expect("rows"), (0, 0));
            }
            drop(readers);
            Box::new(snapshot).finish().expect("nothing moved");
            server.sql(&database, "DROP TABLE later").expect("dropped");
        }
    }
}

#[test]
fn a_change_of_a_table_that_was_read_is_told_in_the_end() {
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, ACCOUNTS).expect("tables");
        let mut snapshot = take(&server.url(&database), 2);
        for name in ["history", "tellers"] {
            snapshot.chunks(&table(name, &["id"]), 1 << 20).expect("chunks");
        }
        let mut readers = snapshot.readers();
        // The sessions are ended behind our back, and with them what keeps tables as they are.
        let ids = server.sql("", "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE()").expect("ids");
        assert!(ids.is_empty());
        let list = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{database}'");
        for id in server.sql("", &list).expect("sessions").lines() {
            _ = server.sql("", &format!("KILL {id}"));
        }
        let error = sum(&mut *readers[0], &table("history", &["delta"])).expect_err("the session is gone");
        assert!(matches!(error.kind(), ErrorKind::Connect | ErrorKind::Database), "{error}");
        assert!(Box::new(snapshot).finish().is_err());
    }
}

#[test]
fn tables_without_transactions_are_locked_or_refused() {
    for server in Server::all() {
        let database = server.create_database();
        server
            .sql(&database, "CREATE TABLE old (v bigint) ENGINE=MyISAM; INSERT INTO old VALUES (1), (2)")
            .expect("a table");
        let old = table("old", &["v"]);
        for readers in [1, 3] {
            let mut snapshot = take(&server.url(&database), readers);
            snapshot.chunks(&old, 1 << 20).expect("chunks");
            let write = "SET lock_wait_timeout = 1; INSERT INTO old VALUES (3)";
            let refused = server.sql(&database, write).expect_err("it waits").to_string();
            assert!(refused.contains("1205"), "{refused}");
            assert_eq!(sum(&mut *snapshot.readers()[0], &old).expect("rows"), (2, 3));
            Box::new(snapshot).finish().expect("nothing moved");
        }
        let url = user(server, &database, &["SELECT ON DATABASE.*"]);
        let mut snapshot = take(&url, 2);
        let error = snapshot.chunks(&old, 1 << 20).expect_err("not protected");
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        let mut options = SnapshotOptions::new(2);
        options.consistent = false;
        let mut snapshot = take_as(&url, &options, WAIT).expect("a snapshot");
        assert!(!snapshot.consistency().proven);
        snapshot.chunks(&old, 1 << 20).expect("chunks");
        assert_eq!(snapshot.readers().len(), 2);
    }
}

#[test]
fn a_long_transaction_of_somebody_else_costs_sessions_and_no_consistency() {
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, ACCOUNTS).expect("tables");
        let mut other = target(&server.url(&database)).connect().expect("a session");
        other.run("", "START TRANSACTION").expect("begun");
        other.run("", "INSERT INTO history VALUES (7)").expect("a row");
        let url = user(server, &database, &["SELECT, LOCK TABLES ON DATABASE.*"]);
        let began = std::time::Instant::now();
        let snapshot = take_as(&url, &SnapshotOptions::new(3), Duration::from_millis(1500)).expect("a snapshot");
        assert!(began.elapsed() < Duration::from_secs(20));
        let consistency = snapshot.consistency().clone();
        assert_eq!((consistency.method.as_str(), consistency.readers), ("one session", 1));
        assert!(consistency.position["not possible"].contains("table locks gate"), "{consistency:?}");
        // Nobody else waits for us afterwards.
        other.run("", "INSERT INTO tellers VALUES (7, 8)").expect("a row");
        other.run("", "COMMIT").expect("committed");
    }
}
