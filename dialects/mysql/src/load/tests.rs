mod zoo;

use super::*;
use crate::connect::Target;
use crate::testing::{Installation, Server, Setup};
use arrow::array::{ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Field;
use dbferry_dialect::carrier;
use dbferry_dialect::{
    Batch, Cancel, CollectionName, Column, DatabaseUrl, Exception, ExceptionReason, LogicalType, NativeValue,
    OpenOptions,
};
use std::sync::Arc;

/// A server with a database of its own.
struct Place<'a> {
    server: &'a Server,
    database: String,
}

impl<'a> Place<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, database: server.create_database() }
    }

    fn all() -> Vec<Place<'static>> {
        Server::all().into_iter().map(Place::new).collect()
    }

    fn sql(&self, sql: &str) -> String {
        self.server.sql(&self.database, sql).expect("SQL that runs")
    }

    fn target(&self) -> Target {
        let url = DatabaseUrl::parse(&self.server.url(&self.database)).expect("a URL");
        Target::resolve(&url, &OpenOptions::default()).expect("a target")
    }

    fn session(&self) -> Session {
        self.target().connect().expect("a session")
    }

    fn version(&self) -> ServerVersion {
        ServerVersion::parse(&self.sql("SELECT VERSION()"))
    }

    fn loader(&self) -> Loader {
        Loader::new(self.session(), self.version()).expect("a loader")
    }

    fn plan(&self, columns: &[Column], table: &str) -> Result<Arc<TableLoad>> {
        let source = Collection::table(CollectionName::new(crate::NAMESPACE, "source"), columns.to_vec());
        TableLoad::new(&mut self.session(), self.version(), &source, table).map(Arc::new)
    }

    /// Loads the batches into the table, in both ways if `both`.
    fn load(&self, columns: &[Column], table: &str, batches: &[Batch]) -> Result<()> {
        let plan = self.plan(columns, table)?;
        let mut loader = self.loader();
        batches.iter().try_for_each(|batch| loader.write(&plan, batch))?;
        loader.finish()?;
        let sent: usize = batches.iter().map(|batch| batch.records.num_rows()).sum();
        assert_eq!(plan.rows(), sent as u64);
        Ok(())
    }
}

fn batch(columns: &[Column], arrays: Vec<ArrayRef>) -> Batch {
    let fields: Vec<Field> = columns.iter().map(carrier::field).collect();
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    Batch::plain(RecordBatch::try_new(schema, arrays).expect("a batch"))
}

fn id() -> Column {
    Column::new("id", LogicalType::INT64, "bigint")
}

fn ids(count: i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..count))
}

#[test]
fn rows_arrive_in_statements_of_their_own() {
    for place in Place::all() {
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, `a``b` varchar(20), twice bigint AS (id * 2))");
        let columns = [id(), Column::new("a`b", LogicalType::TEXT, "varchar(20)")];
        let text: ArrayRef = Arc::new(StringArray::from_iter((0..3).map(|n| (n != 1).then(|| format!("\t\\{n}\n")))));
        let batches = [batch(&columns, vec![ids(3), text])];
        place.load(&columns, "t", &batches).expect("a load");
        assert_eq!(
            place.sql("SELECT id, hex(`a``b`), twice FROM t ORDER BY id"),
            "0\t095C300A\t0\n1\tNULL\t2\n2\t095C320A\t4"
        );
        // A second time, the keys are there.
        let error = place.load(&columns, "t", &batches).expect_err("keys that are there");
        assert!(error.to_string().contains("Duplicate entry '0'"), "{error}");
        assert!(error.to_string().contains("took 0 rows of 3"), "{error}");
    }
}

#[test]
fn what_the_server_changes_is_an_error_with_its_place() {
    for place in Place::all() {
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, v varchar(3))");
        let columns = [id(), Column::new("v", LogicalType::TEXT, "varchar(3)")];
        let first = batch(&columns, vec![ids(2), Arc::new(StringArray::from(vec!["a", "b"]))]);
        let second =
            [Arc::new(Int64Array::from(vec![2, 3])) as ArrayRef, Arc::new(StringArray::from(vec!["c", "long"]))];
        let second = batch(&columns, second.to_vec());
        let error = place.load(&columns, "t", &[first, second]).expect_err("a value that is cut");
        let text = error.to_string();
        for part in ["table t", "column v", "row 3", "value long", "Data truncated"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        // Blanks that are cut off are only noted.
        let blanks: ArrayRef = Arc::new(StringArray::from(vec!["ab     "]));
        let blanks = batch(&columns, vec![Arc::new(Int64Array::from(vec![9])), blanks]);
        let error = place.load(&columns, "t", &[blanks]).expect_err("a value that is cut");
        assert!(error.to_string().contains("Data truncated for column 'v'"), "{error}");
    }
}

#[test]
fn what_the_server_computes_may_be_cut_and_what_is_sent_may_not() {
    const ROWS: i64 = 40_000;
    for place in Place::all() {
        place.sql(
            "CREATE TABLE t (id bigint PRIMARY KEY, v varchar(4), more decimal(10,1) AS (id + 0.25) VIRTUAL, \
               less decimal(10,1) AS (id - 0.25) STORED, number int AS (CAST(v AS SIGNED)) STORED)",
        );
        let columns = [id(), Column::new("v", LogicalType::TEXT, "varchar(4)")];
        let rows = |from: i64, to: i64, text: &str| {
            let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(from..to));
            batch(&columns, vec![ids, Arc::new(StringArray::from(vec![text; (to - from) as usize]))])
        };
        // Each row with more than one warning, together more than the server keeps.
        place.load(&columns, "t", &[rows(0, ROWS, "word")]).expect("a load");
        assert_eq!(
            place.sql("SELECT count(*), sum(more = id + 0.3), sum(less = id - 0.2 OR id = 0), sum(number = 0) FROM t"),
            [ROWS.to_string().as_str(); 4].join("\t")
        );
        // A note in the last of many rows is found among those that do not matter.
        place.sql("DELETE FROM t WHERE id > 0");
        let error = place.load(&columns, "t", &[rows(1, 5_000, "word"), rows(5_000, 5_001, "ab    ")]);
        let error = error.expect_err("a value that is cut");
        for part in ["Data truncated for column 'v'", "column v", "row 4999"] {
            assert!(error.to_string().contains(part), "{part}: {error}");
        }
        let error = place.load(&columns, "t", &[rows(0, 1, "word")]).expect_err("a key that is there");
        assert!(error.to_string().contains("took 0 rows of 1"), "{error}");
    }
}

#[test]
fn what_the_server_would_change_in_silence_is_refused_before() {
    for place in Place::all() {
        place
            .sql("CREATE TABLE t (id bigint PRIMARY KEY, c char(3), n smallint, m int NOT NULL AUTO_INCREMENT UNIQUE)");
        let text = Column::new("c", LogicalType::TEXT, "text");
        let columns = [id(), text];
        let blank = batch(&columns, vec![ids(1), Arc::new(StringArray::from(vec!["a "]))]);
        let error = place.load(&columns, "t", &[blank]).expect_err("a blank at the end");
        assert!(error.to_string().contains("blanks at the end"), "{error}");
        let columns = [id(), Column::new("n", LogicalType::Int { bits: 32, signed: true }, "int")];
        let large = batch(&columns, vec![ids(2), Arc::new(Int32Array::from(vec![1, 40_000]))]);
        let error = place.load(&columns, "t", &[large]).expect_err("a number that does not fit").to_string();
        for part in ["column n", "row 1", "type smallint", "value 40000", "-32768 to 32767"] {
            assert!(error.contains(part), "{part}: {error}");
        }
        let columns = [id(), Column::new("m", LogicalType::Int { bits: 32, signed: true }, "int")];
        let null = batch(&columns, vec![ids(1), Arc::new(Int32Array::from(vec![None]))]);
        let error = place.load(&columns, "t", &[null]).expect_err("a null that would become a number");
        assert!(error.to_string().contains("no nulls"), "{error}");
    }
}

#[test]
fn columns_that_do_not_go_together_are_told_before() {
    for place in Place::all() {
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, d date)");
        let error = place.plan(&[id(), Column::new("d", LogicalType::Bool, "bit(1)")], "t").expect_err("a bool");
        assert_eq!(error.kind(), ErrorKind::Incompatible);
        assert!(error.to_string().contains("bool does not go into date (column d"), "{error}");
        let error = place.plan(&[id(), Column::new("x", LogicalType::Bool, "bit(1)")], "t").expect_err("no column");
        assert_eq!(error.kind(), ErrorKind::Incompatible);
    }
}

#[test]
fn a_server_without_files_gets_statements() {
    for installation in Installation::all() {
        let setup =
            Setup { settings: vec!["local-infile=OFF".into(), "max-allowed-packet=1M".into()], ..Setup::default() };
        let server = Server::start_with(&installation, &setup).expect("a server");
        let place = Place::new(&server);
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, v longtext)");
        let columns = [id(), Column::new("v", LogicalType::TEXT, "longtext")];
        let text: ArrayRef = Arc::new(StringArray::from_iter_values((0..40).map(|n| format!("'{n}\\").repeat(20_000))));
        let batches = [batch(&columns, vec![ids(40), text])];
        place.load(&columns, "t", &batches).expect("a load");
        assert_eq!(
            place.sql("SELECT count(*), sum(length(v)), sum(v = repeat(concat(char(39), id, char(92)), 20000)) FROM t"),
            format!("40\t{}\t40", (10 * 3 + 30 * 4) * 20_000)
        );
        let large: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(2 << 20)]));
        let large = batch(&columns, vec![Arc::new(Int64Array::from(vec![100])), large]);
        let error = place.load(&columns, "t", &[large]).expect_err("a row that is too large");
        assert!(error.to_string().contains("a row takes 2097"), "{error}");
        assert!(error.remedy().is_some_and(|hint| hint.contains("max_allowed_packet")), "{error}");
        let long = [Column::new("id", LogicalType::TEXT, "text"), Column::new("v", LogicalType::TEXT, "text")];
        let words: ArrayRef = Arc::new(StringArray::from(vec!["7", "8"]));
        let bad = batch(&long, vec![Arc::new(StringArray::from(vec!["7", "8"])), words]);
        let error = place.plan(&long, "t").map(|_| bad).expect_err("a text is no number");
        assert_eq!(error.kind(), ErrorKind::Incompatible);
    }
}

#[test]
fn bytes_that_are_no_text_come_back_where_the_server_lets_them() {
    for place in Place::all() {
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, v varchar(9) CHARACTER SET cp1250, j longtext)");
        let columns = [id(), Column::new("v", LogicalType::TEXT, ""), Column::new("j", LogicalType::TEXT, "")];
        let text: ArrayRef = Arc::new(StringArray::from(vec![Some("ž"), None, Some("š")]));
        let mut bad = batch(&columns, vec![ids(3), Arc::clone(&text), text]);
        let value = NativeValue::Bytes(vec![0x41, 0x81]);
        bad.exceptions = vec![Exception { row: 1, column: 1, reason: ExceptionReason::InvalidUtf8, value }];
        place.load(&columns, "t", &[bad.clone()]).expect("a load");
        assert_eq!(place.sql("SELECT id, hex(v) FROM t ORDER BY id"), "0\t9E\n1\t4181\n2\t9A");
        place.sql("DELETE FROM t");
        bad.exceptions[0].column = 2;
        bad.exceptions[0].value = NativeValue::Bytes(vec![0x41, 0xff]);
        let error = place.load(&columns, "t", &[bad]).expect_err("no UTF-8").to_string();
        for part in ["column j", "row 1", "Incorrect string value"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn values_larger_than_a_packet_are_loaded() {
    for installation in Installation::all() {
        let server = Server::start(&installation, &["max-allowed-packet=1M"]).expect("a server");
        let place = Place::new(&server);
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, v longblob)");
        let columns = [id(), Column::new("v", LogicalType::BYTES, "longblob")];
        let value = |megabytes: usize| b"\0\t\n\\".repeat(megabytes << 18);
        let blobs: ArrayRef = Arc::new(BinaryArray::from_iter_values([value(20), b"small".to_vec(), value(33)]));
        place.load(&columns, "t", &[batch(&columns, vec![ids(3), blobs])]).expect("a load");
        // What is compared would be null above that size.
        place.sql("SET GLOBAL max_allowed_packet = 1073741824");
        let found = place.sql("SELECT id, length(v), v = repeat(x'00090a5c', length(v) / 4) FROM t ORDER BY id");
        assert_eq!(found, format!("0\t{}\t1\n1\t5\t0\n2\t{}\t1", 20 << 20, 33 << 20));
    }
}

/// Batches without end, each of ten thousand rows.
fn endless(columns: &[Column]) -> impl Iterator<Item = Batch> {
    (0..).map(|round: i64| {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(round * 10_000..(round + 1) * 10_000));
        batch(columns, vec![ids, Arc::new(StringArray::from(vec!["x".repeat(60); 10_000]))])
    })
}

#[test]
fn a_load_that_is_given_up_leaves_nothing() {
    for place in Place::all() {
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, v varchar(60))");
        let columns = [id(), Column::new("v", LogicalType::TEXT, "")];
        let plan = place.plan(&columns, "t").expect("a plan");
        let mut loader = place.loader();
        endless(&columns).take(10).for_each(|batch| loader.write(&plan, &batch).expect("a batch"));
        drop(loader);
        // The server sees the end of the session in its own time.
        place.sql("LOCK TABLES t READ");
        assert_eq!((place.sql("SELECT count(*) FROM t"), plan.rows()), ("0".to_owned(), 0));
    }
}

#[test]
fn a_load_ends_when_it_is_cancelled() {
    for place in Place::all() {
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, v varchar(60))");
        let columns = [id(), Column::new("v", LogicalType::TEXT, "")];
        let plan = place.plan(&columns, "t").expect("a plan");
        let cancel = Cancel::new();
        let session = place.target().with_cancel(cancel.clone()).connect().expect("a session");
        let mut loader = Loader::new(session, place.version()).expect("a loader");
        let mut batches = endless(&columns);
        loader.write(&plan, &batches.next().expect("a batch")).expect("a load");
        cancel.cancel();
        let error = batches.find_map(|batch| loader.write(&plan, &batch).err()).expect("an end");
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    }
}

#[test]
fn a_server_that_dies_is_told() {
    for installation in Installation::all() {
        let server = Server::start(&installation, &[]).expect("a server");
        let place = Place::new(&server);
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, v varchar(60))");
        let columns = [id(), Column::new("v", LogicalType::TEXT, "")];
        let plan = place.plan(&columns, "t").expect("a plan");
        let mut loader = place.loader();
        let mut batches = endless(&columns);
        loader.write(&plan, &batches.next().expect("a batch")).expect("a load");
        server.kill().expect("a server that runs");
        let error = batches.find_map(|batch| loader.write(&plan, &batch).err()).expect("an end");
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(error.to_string().contains("table t"), "{error}");
    }
}

#[test]
fn a_deadlock_is_tried_again_and_a_lock_is_not() {
    for place in Place::all() {
        place.sql("CREATE TABLE t (id bigint PRIMARY KEY, v varchar(60))");
        let columns = [id(), Column::new("v", LogicalType::TEXT, "")];
        let plan = place.plan(&columns, "t").expect("a plan");
        // Somebody has a row in the way, waits for one that the load has, and is worth more to the server.
        let mut other = place.session();
        other.run("", "SET innodb_lock_wait_timeout = 20").expect("a setting");
        let begin = "BEGIN";
        other.run("", begin).expect("a transaction");
        let many = "INSERT INTO t (id) WITH RECURSIVE n(id) AS (SELECT 100000 UNION ALL SELECT id + 1 FROM n \
                    WHERE id < 100900) SELECT id FROM n";
        other.run("", many).expect("rows");
        other.run("", "INSERT INTO t (id) VALUES (15)").expect("a row");
        let loading = std::thread::scope(|scope| {
            let loading = scope.spawn(|| {
                let mut loader = place.loader();
                let rows = batch(&columns, vec![ids(20), Arc::new(StringArray::from(vec!["x"; 20]))]);
                loader.session().run("", "SET innodb_lock_wait_timeout = 20").expect("a setting");
                loader.write(&plan, &rows).and_then(|()| loader.finish())
            });
            // Until it waits for row 15.
            std::thread::sleep(std::time::Duration::from_millis(500));
            other.run("", "INSERT INTO t (id) VALUES (3)").expect("the other one wins");
            other.run("", "ROLLBACK").expect("an end");
            loading.join().expect("no panic")
        });
        loading.expect("the load is tried again");
        assert_eq!(place.sql("SELECT count(*) FROM t"), "20");
        other.run("", begin).expect("a transaction");
        other.run("", "INSERT INTO t (id) VALUES (30)").expect("a row");
        let mut loader = place.loader();
        loader.session().run("", "SET innodb_lock_wait_timeout = 1").expect("a setting");
        let rows = batch(&columns, vec![Arc::new(Int64Array::from(vec![30])), Arc::new(StringArray::from(vec!["x"]))]);
        let error = loader.write(&plan, &rows).and_then(|()| loader.finish()).expect_err("a lock");
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    }
}
