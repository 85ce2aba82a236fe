use super::*;
use crate::introspect::tests::schema;
use crate::testing::Server;
use dbferry_dialect::Fidelity;
use dbferry_dialect::logical::{NetworkKind, OpaqueForm, StructField};
use dbferry_dialect::model::{
    DefaultValue, ForeignKey, Identity, Index, IndexPart, IndexSubject, Key, ReferentialAction,
};

fn text(max_chars: Option<u64>) -> LogicalType {
    LogicalType::Text { max_chars, fixed: false }
}

/// Every logical type there is.
fn all_types() -> Vec<LogicalType> {
    use LogicalType as L;
    let mut types = vec![
        L::Bool,
        L::Decimal { precision: 65, scale: 30 },
        L::Decimal { precision: 76, scale: 76 },
        L::Numeric,
        L::Float { bits: 32 },
        L::FLOAT64,
        L::Text { max_chars: Some(10), fixed: true },
        L::BYTES,
        L::Bytes { max_bytes: Some(16), fixed: true },
        L::Bytes { max_bytes: Some(0), fixed: false },
        L::Bytes { max_bytes: Some(70_000), fixed: false },
        L::Date,
        L::Interval,
        L::Year,
        L::Uuid,
        L::Json,
        L::Enum { labels: vec!["a".into(), "it's \\".into()] },
        L::Enum { labels: vec!["blank ".into()] },
        L::Enum { labels: Vec::new() },
        L::Set { labels: vec!["a".into(), "b".into()] },
        L::Set { labels: vec!["a,b".into()] },
        L::Bits { length: Some(1), varying: false },
        L::Bits { length: Some(64), varying: false },
        L::Bits { length: Some(65), varying: false },
        L::Bits { length: None, varying: true },
        L::List { element: Box::new(L::TEXT) },
        L::Struct { fields: vec![StructField { name: "a".into(), logical: L::Bool }] },
        L::Range { element: Box::new(L::Date) },
        L::Map,
        L::Dynamic,
        L::Opaque { dialect: "postgres".into(), native: "xml".into(), form: OpaqueForm::Text },
        L::Opaque { dialect: "postgres".into(), native: "xml".into(), form: OpaqueForm::Binary },
        L::Geometry { srid: None, kind: None, geodesic: false },
        L::Geometry { srid: Some(4326), kind: Some("point".into()), geodesic: false },
        L::Geometry { srid: None, kind: Some("curve'".into()), geodesic: false },
        L::Geometry { srid: None, kind: None, geodesic: true },
    ];
    types.extend([8, 16, 32, 64].iter().flat_map(|bits| [true, false].map(|signed| L::Int { bits: *bits, signed })));
    types.extend([0, 1, 768, 769, 16_383, 16_384, 5_000_000].map(|length| text(Some(length))));
    types.push(L::TEXT);
    for precision in [0, 3, 6] {
        types.extend([
            L::Time { precision },
            L::TimeTz { precision },
            L::Timestamp { precision },
            L::Instant { precision },
            L::Span { precision },
        ]);
    }
    types.extend(
        [NetworkKind::Inet, NetworkKind::Cidr, NetworkKind::Mac, NetworkKind::Mac8].map(|kind| L::Network { kind }),
    );
    types
}

#[test]
fn every_server_has_every_type_and_calls_it_the_same() {
    let columns = all_types().into_iter().enumerate();
    let mut table = Collection::table(
        CollectionName::new("main", "t"),
        columns.map(|(number, logical)| Column::new(format!("c{number}"), logical, "")).collect(),
    );
    // It is long as it is.
    table.columns.retain(|column| column.logical != text(Some(768)));
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, &MySqlSyntax.create_table(&table.name, &table)).unwrap_or_else(|error| panic!("{error}"));
        let made = schema(server, &database);
        for (column, made) in table.columns.iter().zip(&made.collections[0].columns) {
            // So a plan knows it again.
            assert_eq!(MySqlSyntax.column_type(&table, column).text, made.native.text, "{}", column.logical);
        }
    }
}

#[test]
fn texts_in_keys_have_a_bound_and_the_verdict_says_so() {
    let mut table = Collection::table(
        CollectionName::new("main", "t"),
        ["id", "slug", "tenant", "up", "body", "plain"]
            .map(|name| Column::new(name, LogicalType::TEXT, "text"))
            .to_vec(),
    );
    table.columns.iter_mut().take(3).for_each(|column| column.nullable = false);
    table.primary_key = Some(Key { name: None, columns: vec!["id".into()], definition: None });
    table.unique_keys = vec![Key {
        name: Some("u".into()),
        columns: ["slug", "tenant", "id", "up"].map(String::from).to_vec(),
        definition: None,
    }];
    table.foreign_keys = vec![ForeignKey {
        name: None,
        columns: vec!["up".into()],
        references: table.name.clone(),
        referenced_columns: vec!["id".into()],
        on_delete: ReferentialAction::Cascade,
        on_update: ReferentialAction::NoAction,
        deferred: Default::default(),
        definition: None,
    }];
    table.indexes = vec![Index {
        name: "by_body".into(),
        parts: vec![IndexPart {
            subject: IndexSubject::Column("body".into()),
            meaning: None,
            descending: true,
            collation: None,
        }],
        unique: false,
        predicate: None,
        condition: None,
        definition: None,
    }];
    let mapping = |name: &str| MySqlSyntax.column_type(&table, table.column(name).expect("a column").1);
    assert_eq!(mapping("id").text, "varchar(192)");
    assert!(matches!(mapping("id").fidelity, Fidelity::Checked { .. }));
    assert_eq!(mapping("body"), NativeMapping::exact("longtext"));
    let parent_keys = BTreeMap::new();
    for server in Server::all() {
        let database = server.create_database();
        let target = Some(crate::introspect::tests::version(server));
        let built = build(&table, Purpose { target, trusted: false, parent_keys: &parent_keys });
        assert_eq!(built.notes, Vec::<String>::new());
        server.sql(&database, &built.definition.create("t", Parts::ALL)).unwrap_or_else(|error| panic!("{error}"));
        let made = &schema(server, &database).collections[0];
        assert_eq!(made.foreign_keys[0].on_delete, ReferentialAction::Cascade);
        assert_eq!(made.unique_keys[0].columns, ["slug", "tenant", "id", "up"]);
        assert_eq!(made.indexes[0].parts[0].subject, IndexSubject::Expression("left(body, 191)".into()));
        // Case and accents tell texts apart, as they do where they come from.
        server
            .sql(&database, "INSERT INTO t (id, slug, tenant) VALUES ('a', 'é', 'x'), ('A', 'e', 'x')")
            .expect("rows");
    }
}

#[test]
fn defaults_that_are_understood_are_kept() {
    use DefaultMeaning as M;
    use LogicalType as L;
    let cases = [
        (L::Bool, "true", M::Bool(true), "1"),
        (L::INT64, "7", M::Number("7".into()), "7"),
        (L::Decimal { precision: 5, scale: 2 }, "1.5", M::Number("1.5".into()), "1.50"),
        (text(Some(9)), "x", M::Text("it's \\".into()), "it's \\\\"),
        (L::TEXT, "x", M::Text("long".into()), "long"),
        (L::Json, "x", M::Text("{\"a\":1}".into()), "{\"a\":1}"),
        (L::BYTES, "x", M::Bytes("00ff".into()), "\\0\u{fffd}"),
        (L::Date, "x", M::Text("2020-02-28".into()), "2020-02-28"),
        (L::Timestamp { precision: 3 }, "x", M::Text("2020-02-28 10:00:00.5".into()), "2020-02-28 10:00:00.500"),
    ];
    let times = [
        (L::Timestamp { precision: 6 }, M::CurrentTimestamp),
        (L::Instant { precision: 0 }, M::CurrentTimestamp),
        (L::Date, M::CurrentDate),
        (L::Time { precision: 0 }, M::CurrentTime),
        (L::Uuid, M::RandomUuid),
    ];
    let column = |number: usize, logical: &L, meaning: &M| {
        let mut column = Column::new(format!("c{number}"), logical.clone(), "");
        column.nullable = false;
        column.default = Some(DefaultValue { native: "?".into(), meaning: Some(meaning.clone()) });
        column
    };
    let columns = cases.iter().map(|(logical, _, meaning, _)| (logical, meaning));
    let columns = columns.chain(times.iter().map(|(logical, meaning)| (logical, meaning)));
    let mut table = Collection::table(
        CollectionName::new("main", "t"),
        columns.enumerate().map(|(number, (logical, meaning))| column(number, logical, meaning)).collect(),
    );
    let mut numbered = Column::new("id", L::INT64, "");
    (numbered.nullable, numbered.identity) = (false, Some(Identity::Always));
    table.columns.push(numbered);
    table.primary_key = Some(Key { name: None, columns: vec!["id".into()], definition: None });
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, &MySqlSyntax.create_table(&table.name, &table)).unwrap_or_else(|error| panic!("{error}"));
        let row = server.sql(&database, "INSERT INTO t () VALUES (); SELECT * FROM t").expect("a row");
        let values: Vec<_> = row.split('\t').collect();
        for ((_, _, meaning, expected), value) in cases.iter().zip(&values) {
            assert_eq!(value, expected, "{meaning:?}");
        }
        assert_eq!(values.last(), Some(&"1"));
    }
}

#[test]
fn nothing_of_an_archive_becomes_sql_by_itself() {
    let evil = "x'; DROP TABLE t; -- `";
    let mut table =
        Collection::table(CollectionName::new("main", evil), vec![Column::new(evil, LogicalType::TEXT, evil)]);
    table.columns[0].collation = Some(evil.into());
    table.columns[0].comment = Some(evil.into());
    table.columns[0].default =
        Some(DefaultValue { native: evil.into(), meaning: Some(DefaultMeaning::Number(evil.into())) });
    table.columns[0].native.parameters.insert(crate::types::ON_UPDATE.into(), evil.into());
    table.columns[0].native.parameters.insert(crate::types::SRID.into(), evil.into());
    table.columns[0].generated = Some(dbferry_dialect::model::Generated { expression: evil.into(), stored: true });
    table.checks =
        vec![Check { name: Some(evil.into()), expression: evil.into(), meaning: None, definition: Some(evil.into()) }];
    for key in [
        crate::ddl::FLAVOUR,
        crate::ddl::ENGINE,
        crate::ddl::COLLATION,
        crate::ddl::CREATE_OPTIONS,
        crate::ddl::PARTITIONED,
        crate::ddl::ROW_FORMAT,
    ] {
        table.attributes.insert(key.into(), evil.into());
    }
    table.comment = Some(evil.into());
    let sql = MySqlSyntax.create_table(&table.name, &table);
    let quoted = [MySqlSyntax.quote_identifier(evil), MySqlSyntax.quote_text(evil)];
    let rest = quoted.iter().fold(sql.clone(), |rest, quoted| rest.replace(quoted, ""));
    assert!(!rest.contains("DROP"), "{sql}");
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, "CREATE TABLE t (a int)").expect("a table");
        server.sql(&database, &sql).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(server.sql(&database, "SELECT COUNT(*) FROM t").expect("the other table"), "0");
    }
}

#[test]
fn declarations_say_what_logical_types_do_not() {
    let declared = |text: &str| MySqlSyntax.declared_type(&NativeType { text: text.into(), ..NativeType::default() });
    assert_eq!(declared("mediumint unsigned"), Some(LogicalType::Int { bits: 24, signed: false }));
    assert_eq!(declared("tinytext"), Some(text(Some(255))));
    assert_eq!(declared("longtext"), None);
    let alike = |source: &str, target: &str| {
        let native = |text: &str| NativeType { text: text.into(), ..NativeType::default() };
        MySqlSyntax.stores_alike(&native(source), &native(target))
    };
    assert_eq!(alike("uuid", "char(36)"), Some(true));
    assert_eq!(alike("longtext", "json"), Some(false));
    assert_eq!(alike("int", "bigint"), None);
}
