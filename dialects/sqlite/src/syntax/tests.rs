use super::*;
use crate::testing::TestDatabase;
use dbferry_dialect::model::{DefaultValue, IndexPart, Key};
use rusqlite::Connection;

fn name() -> CollectionName {
    CollectionName::new("main", "t\"x")
}

fn run(sql: &str) -> Connection {
    let connection = Connection::open_in_memory().expect("SQLite");
    connection.execute_batch(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    connection
}

#[test]
fn every_logical_type_has_a_column_that_keeps_its_form() {
    let connection = run("");
    for (logical, form) in [
        (LogicalType::Bool, "1"),
        (LogicalType::INT64, "9223372036854775807"),
        (LogicalType::Decimal { precision: 30, scale: 2 }, "'123456789012345678901234567.10'"),
        (LogicalType::Numeric, "'0042.50'"),
        (LogicalType::FLOAT64, "0.5"),
        (LogicalType::Text { max_chars: Some(3), fixed: false }, "'12'"),
        (LogicalType::BYTES, "x'31'"),
        (LogicalType::Date, "'2024-02-29'"),
        (LogicalType::Time { precision: 6 }, "'10:00:00'"),
        (LogicalType::Timestamp { precision: 3 }, "'2024-02-29 10:00:00.000'"),
        (LogicalType::Instant { precision: 0 }, "'2024-02-29T10:00:00Z'"),
        (LogicalType::Span { precision: 0 }, "'-838:59:59'"),
        (LogicalType::Year, "1999"),
        (LogicalType::Uuid, "'00000000-0000-0000-0000-000000000000'"),
        (LogicalType::Json, "'5.0'"),
        (LogicalType::Bits { length: Some(3), varying: false }, "'010'"),
        (LogicalType::Dynamic, "'5.0'"),
        (LogicalType::Map, "'{}'"),
    ] {
        let native = SqliteSyntax.native_type(&logical);
        assert!(!matches!(native.fidelity, dbferry_dialect::Fidelity::Lossy { .. }), "{logical}");
        connection
            .execute_batch(&format!(
                "DROP TABLE IF EXISTS f; CREATE TABLE f(c {}); INSERT INTO f VALUES ({form})",
                native.text
            ))
            .expect("a value");
        let kept: bool = connection
            .query_row(&format!("SELECT c IS {form} AND typeof(c) = typeof({form}) FROM f"), [], |row| row.get(0))
            .expect("a row");
        assert!(kept, "{logical} as {}", native.text);
    }
}

#[test]
fn a_table_is_made_from_the_model() {
    let mut id = Column::new("id", LogicalType::Int { bits: 32, signed: true }, "serial");
    id.identity = Some(Identity::ByDefault);
    id.nullable = false;
    let mut flag = Column::new("fl\"ag", LogicalType::Bool, "boolean");
    flag.nullable = false;
    flag.default = Some(DefaultValue { native: "true".into(), meaning: Some(DefaultMeaning::Bool(true)) });
    let mut at = Column::new("at", LogicalType::Timestamp { precision: 6 }, "timestamp");
    at.default = Some(DefaultValue { native: "now()".into(), meaning: Some(DefaultMeaning::CurrentTimestamp) });
    let mut hidden = Column::new("rowid", LogicalType::INT64, "");
    hidden.role = ColumnRole::RowIdentity;
    let mut collection = Collection::table(name(), vec![hidden, id, flag, at]);
    collection.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
    collection.unique_keys = vec![Key { definition: None, name: None, columns: vec!["fl\"ag".into(), "at".into()] }];
    collection.foreign_keys = vec![ForeignKey {
        definition: None,
        name: None,
        columns: vec!["at".into()],
        references: CollectionName::new("public", "other"),
        referenced_columns: vec!["x".into()],
        on_delete: dbferry_dialect::model::ReferentialAction::SetNull,
        on_update: Default::default(),
        deferred: Deferral::Deferred,
    }];
    let sql = SqliteSyntax.create_table(&name(), &collection);
    let connection = run(&sql);
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO \"t\"\"x\"(at) VALUES ('a'); DELETE FROM \"t\"\"x\"; INSERT INTO \"t\"\"x\"(at) VALUES ('b')")
        .expect("rows");
    let row: (i64, i64) = connection
        .query_row("SELECT id, \"fl\"\"ag\" FROM \"t\"\"x\"", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("a row");
    assert_eq!(row, (2, 1));
    assert!(sql.contains("ON DELETE SET NULL ON UPDATE NO ACTION DEFERRABLE INITIALLY DEFERRED"), "{sql}");
    assert!(!sql.contains("rowid"), "{sql}");
}

/// An archive that is not trusted is built from its model alone, and its values must find the same affinities.
#[test]
fn a_table_of_sqlite_comes_back_with_its_affinities() {
    let create = "CREATE TABLE t(a INT PRIMARY KEY, b DECIMAL(10,2), c, d \"odd ' type\", e VARCHAR(40) COLLATE NOCASE,
                  f DOUBLE PRECISION, g BOOLEAN DEFAULT 1 NOT NULL, h UUID, i \"TEXT); DROP TABLE x; --\") WITHOUT ROWID";
    let source = TestDatabase::new(create).collection("t");
    let sql = SqliteSyntax.create_table(&source.name, &source);
    let copy = TestDatabase::new(&sql).collection("t");
    let facts = |collection: &Collection| {
        let columns = collection.columns.iter().map(|column| {
            let affinity = column.native.parameters[AFFINITY].clone();
            (column.name.clone(), affinity, column.nullable, column.collation.clone(), column.identity)
        });
        (columns.collect::<Vec<_>>(), collection.attributes.clone(), collection.primary_key.clone())
    };
    assert_eq!(facts(&copy), facts(&source), "{sql}");
    assert_eq!(copy.columns[1].native.text, "DECIMAL(10,2)");
    assert!(!sql.contains("DROP"), "{sql}");
    for create in [
        "CREATE TABLE t(a INTEGER PRIMARY KEY)",
        "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE TABLE t(a INTEGER PRIMARY KEY DESC)",
        "CREATE TABLE t(a INT PRIMARY KEY)",
    ] {
        let source = TestDatabase::new(create).collection("t");
        let copy = TestDatabase::new(&SqliteSyntax.create_table(&source.name, &source)).collection("t");
        assert_eq!(facts(&copy), facts(&source), "{create}");
    }
}

#[test]
fn hostile_defaults_and_types_stay_out() {
    for meaning in [
        DefaultMeaning::Number("1); DROP TABLE t; --".into()),
        DefaultMeaning::Bytes("00'".into()),
        DefaultMeaning::Text("a\0b".into()),
    ] {
        assert_eq!(SqliteSyntax.default_value(&meaning), "NULL");
    }
    assert_eq!(SqliteSyntax.default_value(&DefaultMeaning::Text("it's".into())), "'it''s'");
    assert!(SqliteSyntax.default_value(&DefaultMeaning::RandomUuid).starts_with("(lower(hex(randomblob(4))"));
    for bad in ["TEXT NOT NULL", "TEXT)", "TEXT (1", "TEXT(1) CHECK(0)", "TEXT(1,2,3)", "T-1", "(1)", "a AS"] {
        assert!(!is_plain_type(bad), "{bad}");
    }
    for good in ["", "INT", "DOUBLE PRECISION", "VARCHAR (40)", "DECIMAL(10, 2)"] {
        assert!(is_plain_type(good), "{good}");
    }
}

#[test]
fn an_index_names_its_database_and_not_its_table() {
    let part = |column: &str, descending, collation: Option<&str>| IndexPart {
        subject: IndexSubject::Column(column.into()),
        meaning: None,
        descending,
        collation: collation.map(str::to_owned),
    };
    let mut index = Index {
        name: "i".into(),
        parts: vec![part("a", true, Some("nocase")), part("b", false, Some("fr_FR"))],
        unique: true,
        predicate: None,
        condition: None,
        definition: None,
    };
    let table = CollectionName::new("main", "t");
    let collection = Collection::table(table.clone(), Vec::new());
    let sql = SqliteSyntax.create_index(&table, &collection, &index).expect("an index");
    assert_eq!(sql, "CREATE UNIQUE INDEX \"main\".\"i\" ON \"t\" (\"a\" COLLATE NOCASE DESC, \"b\")");
    run(&format!("CREATE TABLE t(a, b); {sql}"));
    index.predicate = Some("a > 0".into());
    assert_eq!(SqliteSyntax.create_index(&table, &collection, &index), None);
}
