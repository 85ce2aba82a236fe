use super::PostgresSnapshot;
use crate::connect::Target;
use crate::session::Session;
use crate::testing::{Installation, Server};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use dbferry_dialect::{
    Batch, Chunk, ChunkRange, Collection, CollectionName, Column, DatabaseUrl, ErrorKind, LogicalType, OpenOptions,
    ReadRequest, Reader, Result, Snapshot, SnapshotOptions,
};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One server of every version that is here.
fn servers() -> &'static [Server] {
    static SERVERS: OnceLock<Vec<Server>> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let start = |installation: &Installation| Server::start(installation, &[]).expect("a server");
        let servers: Vec<Server> = Installation::all().iter().map(start).collect();
        assert!(!servers.is_empty(), "no PostgreSQL is installed");
        servers
    })
}

fn target(url: &str) -> Target {
    Target::resolve(&DatabaseUrl::parse(url).expect("a URL"), &OpenOptions::default()).expect("a target")
}

fn connect(server: &Server, database: &str) -> Session {
    target(&server.url(database)).connect().expect("a session")
}

const WAIT: Duration = Duration::from_secs(5);

fn take(server: &Server, database: &str, readers: usize) -> PostgresSnapshot {
    PostgresSnapshot::take(&target(&server.url(database)), WAIT, &SnapshotOptions::new(readers)).expect("a snapshot")
}

/// A table of 64-bit columns.
fn table(name: &str, columns: &[&str]) -> Collection {
    let columns = columns.iter().map(|name| Column::new(*name, LogicalType::INT64, "bigint")).collect();
    Collection::table(CollectionName::new("public", name), columns)
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

#[test]
fn readers_see_one_moment_while_others_write() {
    for server in servers() {
        let database = server.create_database();
        server
            .sql(
                &database,
                "CREATE TABLE public.accounts (balance bigint, id bigint);
                 CREATE TABLE public.tellers (balance bigint, id bigint);
                 CREATE TABLE public.branches (balance bigint, id bigint);
                 CREATE TABLE public.history (delta bigint);
                 INSERT INTO public.accounts SELECT 0, i FROM generate_series(1, 500) i;
                 INSERT INTO public.tellers SELECT 0, i FROM generate_series(1, 10) i;
                 INSERT INTO public.branches VALUES (0, 1)",
            )
            .expect("tables");
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let stopping = StopAtEnd(&stop);
            for writer in 0..2 {
                let (stop, database) = (&stop, &database);
                scope.spawn(move || {
                    let mut session = connect(server, database);
                    for number in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            return number;
                        }
                        let delta = (number * 37 + writer * 11) % 1000 - 400;
                        let transfer = format!(
                            "BEGIN; UPDATE public.accounts SET balance = balance + {delta} WHERE id = {};
                             UPDATE public.tellers SET balance = balance + {delta} WHERE id = {};
                             UPDATE public.branches SET balance = balance + {delta};
                             INSERT INTO public.history VALUES ({delta}); COMMIT",
                            number % 500 + 1,
                            number % 10 + 1
                        );
                        session.run("", &transfer).expect("a transfer");
                    }
                    0
                });
            }
            let mut history = Vec::new();
            for _ in 0..8 {
                let mut snapshot = take(server, &database, 4);
                let consistency = snapshot.consistency();
                assert_eq!((consistency.method.as_str(), consistency.readers), ("export-snapshot", 4));
                assert!(consistency.proven);
                for key in ["snapshot", "wal_lsn", "system_identifier", "timeline", "time_zone", "visible_transactions"]
                {
                    assert!(consistency.position.contains_key(key), "{key} in {:?}", consistency.position);
                }
                assert_eq!(consistency.position["locks"], "every session");
                std::thread::sleep(Duration::from_millis(20));
                let tables =
                    [("accounts", "balance"), ("tellers", "balance"), ("branches", "balance"), ("history", "delta")];
                let sums: Vec<(u64, i64)> = snapshot
                    .readers()
                    .iter_mut()
                    .zip(tables)
                    .map(|(reader, (name, column))| sum(&mut **reader, &table(name, &[column])).expect("rows"))
                    .collect();
                assert!(sums.iter().all(|(_, total)| *total == sums[0].1), "{sums:?}");
                history.push(sums[3].0);
                assert!(snapshot.readers().is_empty());
                Box::new(snapshot).finish().expect("nothing changed");
            }
            drop(stopping);
            assert!(history.windows(2).all(|pair| pair[0] < pair[1]), "nothing was written meanwhile: {history:?}");
        });
    }
}

#[test]
fn nobody_empties_or_rewrites_a_table_meanwhile() {
    for server in servers() {
        let database = server.create_database();
        server
            .sql(&database, "CREATE TABLE public.t (a bigint); INSERT INTO public.t SELECT generate_series(1, 100)")
            .expect("a table");
        let mut snapshot = take(server, &database, 2);
        let mut other = connect(server, &database);
        for change in ["TRUNCATE public.t", "ALTER TABLE public.t ALTER a TYPE numeric", "DROP TABLE public.t"] {
            let error = other.run("", &format!("SET lock_timeout = '200ms'; {change}")).expect_err(change);
            assert_eq!(error.kind(), ErrorKind::Busy, "{error:?}");
        }
        // Somebody who waits for the lock does not stop the readers.
        std::thread::scope(|scope| {
            scope.spawn(|| other.run("", "SET lock_timeout = '3s'; TRUNCATE public.t").expect_err("still locked"));
            std::thread::sleep(Duration::from_millis(300));
            let started = std::time::Instant::now();
            for mut reader in snapshot.readers() {
                assert_eq!(sum(&mut *reader, &table("t", &["a"])).expect("rows"), (100, 5050));
            }
            assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        });
        Box::new(snapshot).finish().expect("nothing changed");
        other.run("", "TRUNCATE public.t").expect("the locks went with the snapshot");
    }
}

#[test]
fn where_there_is_no_room_for_locks_a_change_is_found_out() {
    let installation = &Installation::all()[0];
    let server =
        Server::start(installation, &["max_locks_per_transaction=10", "max_connections=20"]).expect("a server");
    let database = server.create_database();
    server
        .sql(
            &database,
            "DO $$ BEGIN FOR i IN 1..120 LOOP EXECUTE format('CREATE TABLE public.t%s (a bigint)', i); COMMIT; END LOOP; END $$;
             INSERT INTO public.t1 VALUES (1), (2); INSERT INTO public.t2 VALUES (1), (2)",
        )
        .expect("tables");
    let wanted = ["t1", "t2", "t3"].map(|name| table(name, &["a"]));
    let take = || {
        let mut snapshot = take(&server, &database, 2);
        for table in &wanted {
            assert_eq!(snapshot.chunks(table, 1 << 20).expect("chunks").len(), 1);
        }
        snapshot
    };
    let snapshot = take();
    assert_eq!(snapshot.consistency().position["locks"], "none");
    server.sql(&database, "INSERT INTO public.t1 VALUES (3); VACUUM public.t1; TRUNCATE public.t4").expect("changes");
    Box::new(snapshot).finish().expect("rows are not files, and nobody wanted t4");

    let mut snapshot = take();
    server.sql(&database, "TRUNCATE public.t2").expect("nobody locks it");
    let empty = sum(&mut *snapshot.readers()[0], &table("t2", &["a"])).expect("rows");
    assert_eq!(empty, (0, 0), "a snapshot does not protect from TRUNCATE");
    let error = Box::new(snapshot).finish().expect_err("it was emptied");
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().contains("public.t2"), "{error}");

    let snapshot = take();
    server.sql(&database, "DROP TABLE public.t3").expect("nobody locks it");
    assert!(Box::new(snapshot).finish().is_err());
}

#[test]
fn a_change_that_is_going_on_is_waited_for() {
    for server in servers() {
        let database = server.create_database();
        server.sql(&database, "CREATE TABLE public.t (a bigint); INSERT INTO public.t VALUES (1)").expect("a table");
        let mut other = connect(server, &database);
        let change = "BEGIN; ALTER TABLE public.t ADD COLUMN b bigint DEFAULT 7; CREATE TABLE public.u (a bigint)";
        other.run("", change).expect("a change");
        let url = server.url(&database);
        let none = PostgresSnapshot::take(&target(&url), Duration::from_millis(100), &SnapshotOptions::new(1));
        assert_eq!(none.err().map(|error| error.kind()), Some(ErrorKind::Busy));
        let mut snapshot = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| take(server, &database, 2));
            std::thread::sleep(Duration::from_millis(2000));
            other.run("", "COMMIT").expect("a commit");
            waiting.join().expect("a snapshot")
        });
        let mut locked =
            |change: &str| other.run("", &format!("SET lock_timeout = 100; {change}")).expect_err("a lock").kind();
        assert_eq!(locked("TRUNCATE public.u"), ErrorKind::Busy, "the new table is locked before anybody reads it");
        let mut readers = snapshot.readers();
        assert_eq!(sum(&mut *readers[1], &table("t", &["b"])).expect("the new column"), (1, 7));
        assert_eq!(sum(&mut *readers[0], &table("u", &["a"])).expect("the new table"), (0, 0));
    }
}

#[test]
fn a_table_without_permission_fails_only_when_it_is_read() {
    let server = &servers()[0];
    let database = server.create_database();
    server
        .sql(
            &database,
            "CREATE ROLE some_tables LOGIN; CREATE TABLE public.mine (a bigint); CREATE TABLE public.secret (a bigint);
             GRANT SELECT ON public.mine TO some_tables; CREATE SCHEMA hidden; CREATE TABLE hidden.t (a bigint)",
        )
        .expect("tables");
    let url = server.url(&database).replace("postgres@", "some_tables@");
    let mut snapshot = PostgresSnapshot::take(&target(&url), WAIT, &SnapshotOptions::new(2)).expect("a snapshot");
    let mut readers = snapshot.readers();
    assert_eq!(sum(&mut *readers[0], &table("mine", &["a"])).expect("rows"), (0, 0));
    let error = sum(&mut *readers[1], &table("secret", &["a"])).expect_err("no permission");
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(error.to_string().contains("public.secret"), "{error}");
    assert!(snapshot.consistency().proven);
}

#[test]
fn fewer_connections_give_fewer_readers() {
    let server = Server::start(&Installation::all()[0], &["max_connections=5", "superuser_reserved_connections=0"]);
    let server = server.expect("a server");
    let database = server.create_database();
    let snapshot = take(&server, &database, 16);
    let readers = snapshot.consistency().readers;
    assert!((2..=4).contains(&readers), "{readers}");
}
