//! The bytes that are made here beside the bytes that a server makes of the same values.

mod zoo;

use super::{EncodedColumn, HEADER, RowEncoder, TRAILER};
use crate::connect::Target;
use crate::session::Session;
use crate::testing::Server;
use crate::types::{Oid, TypeCatalogue};
use arrow::array::{
    Array, ArrayRef, BinaryArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use bytes::Bytes;
use dbferry_dialect::logical::StructField;
use dbferry_dialect::{
    Batch, Collection, CollectionName, Column, DatabaseUrl, ErrorKind, Exception, ExceptionReason, LogicalType,
    NativeValue, OpenOptions, carrier,
};
use std::sync::Arc;
use zoo::{INT4, list, list_of, nested, numbers, structs, text, texts_and_times};

fn server() -> &'static Server {
    Server::shared()
}

fn connect(database: &str) -> Session {
    let url = DatabaseUrl::parse(&server().url(database)).expect("a URL");
    Target::resolve(&url, &OpenOptions::default()).expect("a target").connect().expect("a session")
}

/// Everything that a statement copies out.
fn copy_out(session: &mut Session, sql: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sink = |message: Bytes| {
        bytes.extend_from_slice(&message);
        Ok(())
    };
    session.copy_out("copy out", sql, &mut sink).expect("a copy");
    bytes
}

fn column_type(session: &mut Session, table: &str) -> Oid {
    let sql =
        "SELECT atttypid FROM pg_catalog.pg_attribute WHERE attrelid = $1::text::pg_catalog.regclass AND attnum = 1";
    session.query("", sql, &[&table]).expect("a column")[0].get(0)
}

fn collection(logical: &LogicalType) -> Collection {
    Collection::table(CollectionName::new("public", "t"), vec![Column::new("c", logical.clone(), "")])
}

fn batch(logical: &LogicalType, array: ArrayRef, exceptions: Vec<Exception>) -> Batch {
    let schema = carrier::schema(&collection(logical));
    Batch { records: RecordBatch::try_new(schema, vec![array]).expect("a batch"), exceptions }
}

/// A whole copy of a table with one column.
fn encode(types: &TypeCatalogue, oid: Oid, logical: &LogicalType, batch: &Batch) -> dbferry_dialect::Result<Vec<u8>> {
    let collection = collection(logical);
    let column = EncodedColumn::new(types, &collection, 0, oid)?;
    let encoder = RowEncoder::new(Arc::new(types.clone()), &collection, vec![column])?;
    let mut rows = encoder.rows(batch, 100)?;
    let mut out = HEADER.to_vec();
    for row in 0..batch.records.num_rows() {
        rows.put(row, &mut out)?;
    }
    assert!(rows.is_complete());
    out.extend_from_slice(&TRAILER);
    Ok(out)
}

/// A database with types of its own.
fn database_with_types() -> String {
    let database = server().create_database();
    server()
        .sql(
            &database,
            "CREATE EXTENSION citext; CREATE EXTENSION hstore;
             CREATE TYPE public.mood AS ENUM ('sad', 'so so', 'ok');
             CREATE DOMAIN public.small AS integer CHECK (VALUE < 10);
             CREATE TYPE public.pair AS (a integer, b public.mood[])",
        )
        .expect("types");
    database
}

#[test]
fn the_bytes_are_those_of_the_server() {
    let mut session = connect(&database_with_types());
    let types = TypeCatalogue::load(&mut session).expect("types");
    for (type_, logical, array, literals) in numbers().into_iter().chain(texts_and_times()).chain(nested()) {
        assert_eq!(array.len(), literals.len(), "{type_}");
        session.run("", &format!("DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (c {type_})")).expect(type_);
        for literal in literals {
            let literal = literal.replace('\'', "''");
            session.run("", &format!("INSERT INTO public.t VALUES ('{literal}'), (NULL)")).expect(&literal);
        }
        let oid = column_type(&mut session, "public.t");
        let copied = copy_out(&mut session, "COPY public.t TO STDOUT (FORMAT binary)");
        let empty = new_null_array(array.data_type(), 1);
        let rows: Vec<ArrayRef> = (0..array.len()).flat_map(|row| [array.slice(row, 1), empty.clone()]).collect();
        let rows = arrow::compute::concat(&rows.iter().map(|row| &**row).collect::<Vec<_>>()).expect("rows");
        let encoded = encode(&types, oid, &logical, &batch(&logical, rows, Vec::new())).expect(type_);
        assert_eq!(encoded, copied, "{type_}");
        // The other way round: the server takes them, and has the same afterwards.
        session.run("", "TRUNCATE public.t").expect("empty");
        session.copy_in("", "COPY public.t FROM STDIN (FORMAT binary)").expect("a copy");
        session.copy_send("", Bytes::from(encoded)).expect("sent");
        session.copy_finish("").expect(type_);
        assert_eq!(copy_out(&mut session, "COPY public.t TO STDOUT (FORMAT binary)"), copied, "{type_}");
    }
}

#[test]
fn exceptions_go_in_as_the_bytes_that_came_out() {
    let mut left = connect(&database_with_types());
    // Identifiers of the same types differ between the two.
    let right = server().create_database();
    server().sql(&right, "CREATE TYPE public.other AS ENUM ('x'); CREATE TABLE public.shift (a int)").expect("types");
    server()
        .sql(
            &right,
            "CREATE TYPE public.mood AS ENUM ('sad', 'so so', 'ok'); CREATE TYPE public.pair AS (a integer, b public.mood[])",
        )
        .expect("types");
    let mut right = connect(&right);
    let types = TypeCatalogue::load(&mut right).expect("types");
    for (type_, literal) in [
        ("public.mood[]", "[0:1][2:3]={{ok,NULL},{sad,ok}}"),
        ("public.pair[]", "[5:6]={\"(1,\\\"[0:0]={ok}\\\")\",\"(,)\"}"),
        ("public.pair", "(7,\"{{sad},{ok}}\")"),
        ("date", "-infinity"),
        ("timestamptz", "infinity"),
        ("numeric(3,1)", "NaN"),
        ("time", "24:00:00"),
        ("tstzrange", "[-infinity,infinity]"),
        ("datemultirange", "{(,2000-01-01),[2020-01-01,infinity)}"),
        ("int[]", "[-2:-1]={1,2}"),
    ] {
        for session in [&mut left, &mut right] {
            session.run("", &format!("DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (c {type_})")).expect(type_);
        }
        left.run("", &format!("INSERT INTO public.t VALUES ('{literal}')")).expect(type_);
        let copied = copy_out(&mut left, "COPY public.t TO STDOUT (FORMAT binary)");
        // Behind the header, the number of fields and the length of the only one.
        let value = copied[HEADER.len() + 6..copied.len() - 2].to_vec();
        let oid = column_type(&mut right, "public.t");
        let logical = types.logical(oid, -1);
        let array = new_null_array(&carrier::arrow_type(&logical), 1);
        let exception = |value| {
            let value = NativeValue::Bytes(value);
            vec![Exception { row: 0, column: 0, reason: ExceptionReason::ArrayShape, value }]
        };
        let whole = batch(&logical, Arc::clone(&array), exception(value.clone()));
        right.copy_in("", "COPY public.t FROM STDIN (FORMAT binary)").expect("a copy");
        let encoded = encode(&types, oid, &logical, &whole).expect(type_);
        right.copy_send("", Bytes::from(encoded)).expect("sent");
        right.copy_finish("").expect(type_);
        let shown = |session: &mut Session| -> String {
            session.query("", "SELECT c::text FROM public.t", &[]).expect("a row")[0].get(0)
        };
        assert_eq!(shown(&mut right), shown(&mut left), "{type_}");
        if type_.contains("pair") || type_.contains("[]") {
            let cut = batch(&logical, array, exception(value[..value.len() - 1].to_vec()));
            assert_eq!(encode(&types, oid, &logical, &cut).expect_err("damaged").kind(), ErrorKind::Mismatch);
        }
    }
}

#[test]
fn what_does_not_fit_names_row_and_column() {
    let mut session = connect(&database_with_types());
    let types = TypeCatalogue::load(&mut session).expect("types");
    let smallint: Oid = 21;
    let wide: ArrayRef = Arc::new(Int32Array::from(vec![1, 40_000]));
    let error = encode(&types, smallint, &INT4, &batch(&INT4, wide, Vec::new())).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(error.to_string(), "40000 is outside the range of the column's type (row 101, column c)");

    for (reason, value) in [
        (ExceptionReason::StorageClass, NativeValue::Bytes(vec![0, 0, 0, 1])),
        (ExceptionReason::StorageClass, NativeValue::Text("abc".into())),
        (ExceptionReason::ZeroDate, NativeValue::Text("0000-00-00".into())),
    ] {
        let exception = Exception { row: 1, column: 0, reason, value };
        let array: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
        let foreign = batch(&INT4, array, vec![exception]);
        let error = encode(&types, 23, &INT4, &foreign).expect_err("an exception of another dialect");
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(error.to_string().contains("row 101, column c"), "{error}");
    }
    let date: ArrayRef = Arc::new(Date32Array::from(vec![i32::MIN + 10_957]));
    let infinite = batch(&LogicalType::Date, date, Vec::new());
    assert!(encode(&types, 1082, &LogicalType::Date, &infinite).is_err(), "a date that would be -infinity");
    let error = EncodedColumn::new(&types, &collection(&LogicalType::Uuid), 0, 1082).expect_err("another type");
    assert_eq!(error.kind(), ErrorKind::Incompatible);
}

#[test]
fn nested_values_of_other_engines_become_json() {
    let mut session = connect(&database_with_types());
    let types = TypeCatalogue::load(&mut session).expect("types");
    session.run("", "CREATE TABLE public.t (c jsonb)").expect("a table");
    let logical = LogicalType::Struct {
        fields: vec![
            StructField { name: "a \"b\"".into(), logical: list_of(LogicalType::FLOAT64) },
            StructField { name: "t".into(), logical: LogicalType::Instant { precision: 6 } },
            StructField { name: "n".into(), logical: LogicalType::Numeric },
            StructField { name: "i".into(), logical: LogicalType::Interval },
        ],
    };
    let interval = LogicalType::Interval;
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::NAN]));
    let array = structs(
        &logical,
        vec![
            list(&list_of(LogicalType::FLOAT64), &[2], numbers),
            Arc::new(TimestampMicrosecondArray::from(vec![1_000_001]).with_timezone("UTC")),
            text(&["12345678901234567890.10"]),
            structs(
                &interval,
                vec![
                    Arc::new(Int32Array::from(vec![1])),
                    Arc::new(Int32Array::from(vec![2])),
                    Arc::new(Int64Array::from(vec![3])),
                ],
            ),
        ],
    );
    let encoded = encode(&types, 3802, &logical, &batch(&logical, array, Vec::new())).expect("JSON");
    session.copy_in("", "COPY public.t FROM STDIN (FORMAT binary)").expect("a copy");
    session.copy_send("", Bytes::from(encoded)).expect("sent");
    session.copy_finish("").expect("taken");
    let shown: String = session.query("", "SELECT c::text FROM public.t", &[]).expect("a row")[0].get(0);
    assert_eq!(
        shown,
        "{\"i\": \"P1M2DT0.000003S\", \"n\": 12345678901234567890.10, \
         \"t\": \"1970-01-01T00:00:01.000001Z\", \"a \\\"b\\\"\": [1.5, \"NaN\"]}"
    );
}

#[test]
fn dynamic_values_become_plain_texts() {
    let mut session = connect(&server().create_database());
    let types = TypeCatalogue::load(&mut session).expect("types");
    session.run("", "CREATE TABLE public.t (c text)").expect("a table");
    let logical = LogicalType::Dynamic;
    let array = structs(
        &logical,
        vec![
            Arc::new(Int64Array::from(vec![Some(-7), None, None, None])),
            Arc::new(Float64Array::from(vec![None, Some(0.5), None, None])),
            Arc::new(StringArray::from(vec![None, None, Some("a \"b\""), None])),
            Arc::new(BinaryArray::from(vec![None, None, None, Some(&b"\0\xff"[..])])),
        ],
    );
    let encoded = encode(&types, 25, &logical, &batch(&logical, array, Vec::new())).expect("texts");
    session.copy_in("", "COPY public.t FROM STDIN (FORMAT binary)").expect("a copy");
    session.copy_send("", Bytes::from(encoded)).expect("sent");
    session.copy_finish("").expect("taken");
    let rows = session.query("", "SELECT c FROM public.t", &[]).expect("rows");
    let texts: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(texts, ["-7", "0.5", "a \"b\"", "00ff"]);
}
