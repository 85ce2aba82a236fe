use super::*;
use crate::connect::Target;
use crate::ddl;
use crate::testing::Server;
use crate::types;
use dbferry_dialect::model::{Counter, DefaultMeaning, Identity, IndexSubject, ReferentialAction};
use dbferry_dialect::{Collection, CollectionName, DatabaseUrl, OpenOptions};
use dbferry_dialect::{Column, LogicalType};

/// A database with everything in it that this server knows, and its schema.
pub(crate) fn everything(server: &Server) -> (String, Schema) {
    let database = server.create_database();
    let own = if server.is_mariadb() {
        include_str!("../objects/everything.mariadb.sql")
    } else {
        include_str!("../objects/everything.mysql.sql")
    };
    server.sql(&database, include_str!("../objects/everything.sql")).expect("everything");
    server.sql(&database, own).expect("everything of this flavour");
    let schema = schema(server, &database);
    (database, schema)
}

/// The schema of a database.
pub(crate) fn schema(server: &Server, database: &str) -> Schema {
    let url = DatabaseUrl::parse(&server.url(database)).expect("a URL");
    let target = Target::resolve(&url, &OpenOptions::default()).expect("a target");
    let mut session = target.connect().expect("a session");
    introspect(&mut session, version(server)).expect("a schema")
}

/// What a server says of itself.
pub(crate) fn version(server: &Server) -> ServerVersion {
    ServerVersion::parse(&server.sql("", "SELECT VERSION()").expect("a version"))
}

#[test]
fn everything_is_found() {
    for server in Server::all() {
        let (database, schema) = everything(server);
        let table = |name: &str| schema.collection(&CollectionName::new("main", name)).expect(name);
        let is_mariadb = server.is_mariadb();
        for collection in &schema.collections {
            let text = collection.definition.as_deref().expect("a definition");
            assert!(!text.contains(&database), "{text}");
        }
        let parent = table("parent");
        assert_eq!(parent.comment.as_deref(), Some("the parent's table, (odd)"));
        assert_eq!(parent.attributes[ddl::ENGINE], "InnoDB");
        assert_eq!(parent.attributes[ddl::ROW_FORMAT], "Dynamic");
        assert_eq!(parent.counter, Some(Counter { column: "id".into(), last_value: 42, is_called: false }),);
        assert_eq!(table("keyed").counter.as_ref().map(|counter| counter.last_value), Some(1));
        assert_eq!(table("grouped").counter.as_ref().map(|counter| counter.last_value), Some(7));
        let column = |name: &str| parent.column(name).expect(name).1;
        assert_eq!(column("id").identity, Some(Identity::ByDefault));
        assert_eq!(column("code").collation.as_deref(), Some("latin1_general_cs"));
        assert_eq!(column("code").native.parameters[types::CHARSET], "latin1");
        assert_eq!(column("name").comment.as_deref(), Some("a 'comment' with, commas (and) `ticks`"));
        assert_eq!(meaning(column("name")), Some(DefaultMeaning::Text("it's \\ \"x\"\n".into())));
        assert_eq!(meaning(column("price")), Some(DefaultMeaning::Number("0.00".into())));
        assert_eq!(meaning(column("made")), Some(DefaultMeaning::CurrentTimestamp));
        assert_eq!(meaning(column("kind")), Some(DefaultMeaning::Text("a".into())));
        assert_eq!(column("flags").default.as_ref().map(|default| default.native.as_str()), Some("b'101'"));
        let on_update = &column("changed").native.parameters[types::ON_UPDATE];
        assert!(on_update.eq_ignore_ascii_case("CURRENT_TIMESTAMP(6)"));
        let generated = |name: &str| column(name).generated.as_ref().map(|generated| generated.stored);
        assert_eq!((generated("total"), generated("half"), generated("body")), (Some(true), Some(false), None));
        assert_eq!(parent.primary_key.as_ref().map(|key| key.columns.clone()), Some(vec!["id".to_owned()]));
        assert_eq!(parent.unique_keys[0].columns, ["code"]);
        let parts = |name: &str| {
            let index = parent.indexes.iter().find(|index| index.name == name).expect(name);
            index.parts.iter().map(|part| (part.subject.clone(), part.descending)).collect::<Vec<_>>()
        };
        let column_part = |name: &str| IndexSubject::Column(name.into());
        assert_eq!(parts("k_desc"), [(column_part("price"), true), (column_part("id"), false)]);
        assert_eq!(parts("k_name"), [(IndexSubject::Expression("left(name, 10)".into()), false)]);
        assert_eq!(parts("f_body"), [(IndexSubject::Expression("fulltext(body)".into()), false)]);
        let mut checks: Vec<_> = parent.checks.iter().filter_map(|check| check.name.as_deref()).collect();
        checks.sort_unstable();
        assert_eq!(checks, ["odd `name", "price_positive"]);
        let key = |name: &str| {
            let keys = &table("child").foreign_keys;
            keys.iter().find(|key| key.name.as_deref() == Some(name)).expect(name).clone()
        };
        assert_eq!(key("fk_parent").on_delete, ReferentialAction::Cascade);
        assert_eq!(key("fk_parent").on_update, ReferentialAction::SetNull);
        assert_eq!(key("fk_self").columns, ["up_a", "up_b"]);
        assert_eq!(key("fk_self").referenced_columns, ["a", "b"]);
        assert_eq!(key("fk_code").references, CollectionName::new("main", "parent"));
        assert_eq!(
            meaning(table("texts").column("bn").expect("bn").1),
            Some(DefaultMeaning::Bytes("61006227".into())),
            "a byte that is zero ends nothing"
        );
        assert!(table("parts").attributes[ddl::PARTITIONED].starts_with("PARTITION BY RANGE (year(`d`))"));
        assert!(table("keyed").attributes[ddl::PARTITIONED].ends_with("PARTITIONS 3"));
        assert_eq!(table(r"we`ird %?*./\\ é").columns[2].comment.as_deref(), Some("x\ny"));
        assert_eq!(table("unique_only").unique_keys.len(), 2);
        if is_mariadb {
            only_mariadb(&schema);
        } else {
            only_mysql(&schema);
        }
    }
}

fn meaning(column: &Column) -> Option<DefaultMeaning> {
    column.default.as_ref().and_then(|default| default.meaning.clone())
}

fn only_mariadb(schema: &Schema) {
    let table = |name: &str| schema.collection(&CollectionName::new("main", name)).expect(name);
    let names = |name: &str| table(name).columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>();
    let key = |name: &str| table(name).primary_key.as_ref().map(|key| key.columns.join(","));
    let column = |name: &str| table("r_only").column(name).expect(name).1;
    assert_eq!(column("j").logical, LogicalType::Json);
    assert_eq!(column("j").native.text, "longtext");
    assert_eq!(column("jl").logical, LogicalType::TEXT);
    assert_eq!(column("u").logical, LogicalType::Uuid);
    assert_eq!(meaning(column("u")), Some(DefaultMeaning::RandomUuid));
    assert_eq!(column("seqd").default.as_ref().map(|default| default.native.as_str()), Some("nextval(`s1`)"));
    assert!(column("hid").native.parameters.contains_key(types::INVISIBLE));
    assert!(column("cmp").native.parameters.contains_key(types::COMPRESSED));
    assert_eq!(column("g").native.parameters[types::REFERENCE_SYSTEM], "4326");
    assert!(table("r_only").checks.iter().any(|check| check.name.is_none() && check.expression == "`colchk` > 1"));
    // History is rows, told apart by when they ended.
    assert_eq!(names("sv"), ["id", "v", "row_start", "row_end"]);
    assert_eq!(key("sv").as_deref(), Some("id,row_end"));
    assert_eq!(key("svx").as_deref(), Some("id,row_end"));
    assert_eq!(table("sv").columns[3].native.parameters[types::PERIOD], "row-end");
    assert!(table("sv").columns[3].native.parameters.contains_key(types::IMPLICIT));
    assert!(!table("svx").columns[4].native.parameters.contains_key(types::IMPLICIT));
    assert_eq!(table("sv").attributes[ddl::SYSTEM_VERSIONED], ddl::BY_TIME);
    assert_eq!(names("svt"), ["id", "v"]);
    assert_eq!(key("svt").as_deref(), Some("id"));
    assert_eq!(table("svt").attributes[ddl::SYSTEM_VERSIONED], ddl::BY_TRANSACTION);
    assert!(schema.not_carried.iter().any(|thing| thing.kind == "history" && thing.name == "svt"));
    assert_eq!(table("ap").attributes[ddl::APPLICATION_PERIOD], "`app`(`s`,`e`)");
    assert!(schema.collection(&CollectionName::new("main", "s1")).is_none(), "a sequence is no table");
}

fn only_mysql(schema: &Schema) {
    let table = schema.collection(&CollectionName::new("main", "m_only")).expect("m_only");
    let column = |name: &str| table.column(name).expect(name).1;
    assert_eq!(table.counter.as_ref().map(|counter| counter.last_value), Some(5_000_000_000));
    assert_eq!(column("j").native.text, "json");
    assert_eq!(column("g").native.parameters[types::SRID], "4326");
    assert!(matches!(column("g").logical, LogicalType::Geometry { srid: Some(4326), .. }));
    assert_eq!(meaning(column("t")), Some(DefaultMeaning::Text("abc".into())));
    assert_eq!(meaning(column("de")), Some(DefaultMeaning::CurrentDate));
    assert_eq!(meaning(column("n")), None);
    assert!(column("hid").native.parameters.contains_key(types::INVISIBLE));
    let gipk = schema.collection(&CollectionName::new("main", "gipk")).expect("gipk");
    assert_eq!(gipk.columns[0].name, "my_row_id");
    assert_eq!(gipk.primary_key.as_ref().map(|key| key.columns.clone()), Some(vec!["my_row_id".to_owned()]));
}

#[test]
fn what_is_not_carried_is_listed() {
    for server in Server::all() {
        let database = server.create_database();
        let user = format!("u_{database}");
        let own = if server.is_mariadb() {
            format!("ALTER DATABASE {database} COMMENT 'c';")
        } else {
            "ANALYZE TABLE t UPDATE HISTOGRAM ON a; ALTER TABLE t SECONDARY_ENGINE = rapid;".to_owned()
        };
        server
            .sql(
                &database,
                &format!(
                    "CREATE TABLE t (a int); CREATE USER {user}@localhost IDENTIFIED BY 'canary';
                     GRANT SELECT ON {database}.* TO {user}@localhost; GRANT INSERT ON {database}.t TO {user}@localhost;
                     CREATE TABLE m1 (a int) ENGINE=MyISAM; CREATE TABLE m (a int) ENGINE=MERGE UNION=(m1); {own}"
                ),
            )
            .expect("things that are not carried");
        let schema = schema(server, &database);
        let mut kinds: Vec<_> = schema.not_carried.iter().map(|thing| thing.kind.as_str()).collect();
        kinds.dedup();
        let expected: &[&str] = if server.is_mariadb() {
            &["table of engine MRG_MyISAM", "privileges", "comment"]
        } else {
            &["table of engine MRG_MYISAM", "privileges", "histogram", "secondary engine"]
        };
        assert_eq!(
            kinds.iter().map(|kind| kind.to_ascii_lowercase()).collect::<Vec<_>>(),
            expected.iter().map(|kind| kind.to_ascii_lowercase()).collect::<Vec<_>>()
        );
        assert!(!format!("{schema:?}").contains("canary"));
        assert!(!format!("{schema:?}").to_ascii_lowercase().contains("rapid\""));
        server.sql("", &format!("DROP USER {user}@localhost")).expect("no user");
    }
}

#[test]
fn definitions_make_the_same_tables_in_another_database() {
    for server in Server::all() {
        let (_, schema) = everything(server);
        let other = server.create_database();
        let mut sql = String::from("SET foreign_key_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO';\n");
        if server.is_mariadb() {
            sql.push_str("CREATE SEQUENCE s1; CREATE SEQUENCE s2;\n");
        }
        for collection in &schema.collections {
            let definition = collection.definition.as_deref().expect("a definition");
            let definition = ddl::split_definition(definition).expect("a definition");
            sql.push_str(&format!("{};\n", definition.create(&collection.name.name, ddl::Parts::ALL)));
        }
        server.sql(&other, &sql).expect("the tables again");
        let again = self::schema(server, &other);
        assert_eq!(again.collections.len(), schema.collections.len());
        for (left, right) in schema.collections.iter().zip(&again.collections) {
            assert_eq!(left.definition, right.definition);
            let right = Collection { estimate: left.estimate, ..right.clone() };
            assert_eq!(*left, right);
        }
    }
}

#[test]
fn what_a_user_may_not_see_is_told_and_the_rest_is_read() {
    for server in Server::all() {
        let database = server.create_database();
        let user = format!("v_{database}");
        server
            .sql(
                &database,
                &format!(
                    "CREATE TABLE t (a int); CREATE VIEW v AS SELECT 1 AS a; CREATE VIEW w AS SELECT 2 AS a;
                     CREATE FUNCTION f() RETURNS int NO SQL RETURN 1;
                     CREATE USER {user}@localhost IDENTIFIED BY 'x';
                     GRANT SELECT, EXECUTE ON {database}.* TO {user}@localhost;
                     GRANT SHOW VIEW ON {database}.w TO {user}@localhost;"
                ),
            )
            .expect("a user");
        let url = DatabaseUrl::parse(&server.url_of(&user, "x", &database)).expect("a URL");
        let mut session =
            Target::resolve(&url, &OpenOptions::default()).expect("a target").connect().expect("a session");
        let schema = introspect(&mut session, version(server)).expect("a schema");
        assert_eq!(schema.collections.len(), 1);
        let objects: Vec<_> = schema.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(objects, ["w"]);
        let mut missing: Vec<_> = schema
            .not_carried
            .iter()
            .filter(|thing| thing.kind != "privileges")
            .map(|thing| (thing.kind.as_str(), thing.name.as_str()))
            .collect();
        missing.sort_unstable();
        assert_eq!(missing, [("function", "f"), ("view", "v")]);
        server.sql("", &format!("DROP USER {user}@localhost")).expect("no user");
    }
}
