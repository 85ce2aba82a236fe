mod zoo;

use super::*;
use crate::connect::Target;
use crate::testing::{Installation, Server, Setup};
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Field;
use dbferry_dialect::carrier;
use dbferry_dialect::{
    Batch, CollectionName, Column, DatabaseUrl, Exception, ExceptionReason, LogicalType, NativeValue, OpenOptions,
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

    fn session(&self) -> Session {
        let url = DatabaseUrl::parse(&self.server.url(&self.database)).expect("a URL");
        Target::resolve(&url, &OpenOptions::default()).expect("a target").connect().expect("a session")
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
