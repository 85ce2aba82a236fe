use super::*;
use crate::testing::{TestDatabase, collection as find};
use dbferry_dialect::model::{DefaultMeaning, Deferral, IndexSubject, ReferentialAction};
use std::time::{Duration, Instant};

fn notes(schema: &Schema) -> Vec<(&str, &str)> {
    schema.not_carried.iter().map(|note| (note.kind.as_str(), note.name.as_str())).collect()
}

#[test]
fn rowids_are_an_alias_or_a_column_of_their_own() {
    let database = TestDatabase::new(
        "CREATE TABLE alias(id INTEGER PRIMARY KEY, a);
         CREATE TABLE auto(id INTEGER PRIMARY KEY AUTOINCREMENT, a);
         CREATE TABLE int(id INT PRIMARY KEY, a);
         CREATE TABLE descending(id INTEGER PRIMARY KEY DESC, a);
         CREATE TABLE plain(a, rowid);
         CREATE TABLE taken(rowid, _ROWID_, oid);
         CREATE TABLE bare(a INTEGER PRIMARY KEY, b) WITHOUT ROWID;
         CREATE TABLE strict(a INT, b ANY) STRICT;",
    );
    let schema = database.schema();
    for (table, first, role, identity) in [
        ("alias", "id", ColumnRole::Data, Some(Identity::Reusing)),
        ("auto", "id", ColumnRole::Data, Some(Identity::ByDefault)),
        ("int", "rowid", ColumnRole::RowIdentity, None),
        ("descending", "rowid", ColumnRole::RowIdentity, None),
        ("plain", "_rowid_", ColumnRole::RowIdentity, None),
        ("taken", "rowid", ColumnRole::Data, None),
        ("bare", "a", ColumnRole::Data, None),
    ] {
        let column = &find(&schema, table).columns[0];
        assert_eq!((column.name.as_str(), column.role, column.identity), (first, role, identity), "{table}");
    }
    assert_eq!(notes(&schema), [("rowid", "taken")]);
    assert_eq!(find(&schema, "bare").attributes[WITHOUT_ROWID], "true");
    assert_eq!(find(&schema, "auto").attributes[AUTOINCREMENT], "true");
    let strict = find(&schema, "strict");
    assert_eq!(strict.attributes[STRICT], "true");
    assert_eq!(strict.columns[2].logical, LogicalType::Dynamic);
    assert!(!find(&schema, "alias").columns[0].nullable);
    assert!(find(&schema, "int").columns[1].nullable);
    let names: Vec<_> = schema.collections.iter().map(|collection| &collection.name).collect();
    assert!(names.is_sorted());
}

#[test]
fn counters_stand_where_they_stood() {
    let database = TestDatabase::new(
        "CREATE TABLE used(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO used VALUES (41); DELETE FROM used;
         CREATE TABLE fresh(id INTEGER PRIMARY KEY AUTOINCREMENT);
         CREATE TABLE zero(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO sqlite_sequence VALUES ('zero', 0);
         CREATE TABLE text(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO sqlite_sequence VALUES ('text', 'x');
         INSERT INTO sqlite_sequence VALUES ('gone', 5), (NULL, 1);",
    );
    let schema = database.schema();
    let counter = |name: &str| find(&schema, name).counter;
    assert_eq!(counter("used"), Some(Counter { column: "id".into(), last_value: 41, is_called: true }));
    assert_eq!(counter("fresh"), None);
    assert_eq!(counter("zero").map(|counter| counter.last_value), Some(0));
    assert_eq!(counter("text"), None);
    assert_eq!(notes(&schema), [("counter", "text"), ("counter", "gone")]);
}

#[test]
fn constraints_indexes_and_defaults() {
    let database = TestDatabase::new(
        "CREATE TABLE Parent(a INT, b TEXT, PRIMARY KEY(b, a));
         CREATE TABLE child(
             id INTEGER PRIMARY KEY, x INT DEFAULT 5, y TEXT COLLATE NOCASE DEFAULT \"old\" NOT NULL,
             z TEXT DEFAULT (lower('A')), at TEXT DEFAULT CURRENT_TIMESTAMP, UNIQUE(y, x), UNIQUE(z),
             CONSTRAINT positive CHECK (x > 0),
             FOREIGN KEY(y, x) REFERENCES parent(B, A) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
             FOREIGN KEY(x) REFERENCES nowhere ON UPDATE SET NULL);
         CREATE INDEX plain ON child(x DESC, y COLLATE BINARY);
         CREATE UNIQUE INDEX partial ON child(lower(z), x + 1) WHERE x > 3;",
    );
    let schema = database.schema();
    let parent = find(&schema, "Parent");
    assert_eq!(parent.primary_key.expect("a key").columns, ["b", "a"]);
    assert!(parent.indexes.is_empty());
    let child = find(&schema, "child");
    assert_eq!(child.primary_key.expect("a key").columns, ["id"]);
    assert_eq!(child.unique_keys.iter().map(|key| key.columns.join("+")).collect::<Vec<_>>(), ["y+x", "z"]);
    assert_eq!(child.checks[0].name.as_deref(), Some("positive"));
    assert_eq!(child.checks[0].expression, "x > 0");
    let [first, second] = child.foreign_keys.as_slice() else { panic!("two foreign keys") };
    assert_eq!((first.references.name.as_str(), first.referenced_columns.join("+").as_str()), ("Parent", "b+a"));
    assert_eq!((first.on_delete, first.deferred), (ReferentialAction::Cascade, Deferral::Deferred));
    assert_eq!((second.references.name.as_str(), second.on_update), ("nowhere", ReferentialAction::SetNull));
    assert!(second.referenced_columns.is_empty());
    let [partial, plain] = child.indexes.as_slice() else { panic!("two indexes") };
    assert_eq!(partial.predicate.as_deref(), Some("x > 3"));
    assert!(partial.unique && !plain.unique);
    assert_eq!(partial.parts[1].subject, IndexSubject::Expression("x + 1".into()));
    assert!(partial.definition.as_deref().is_some_and(|sql| sql.starts_with("CREATE UNIQUE INDEX partial")));
    assert!(plain.parts[0].descending);
    assert_eq!(plain.parts[1].collation.as_deref(), Some("BINARY"));
    let default = |index: usize| child.columns[index].default.clone().expect("a default");
    assert_eq!(default(1).meaning, Some(DefaultMeaning::Number("5".into())));
    assert_eq!(default(2).meaning, Some(DefaultMeaning::Text("old".into())));
    assert_eq!((default(3).native.as_str(), default(3).meaning), ("lower('A')", None));
    assert_eq!(default(4).meaning, Some(DefaultMeaning::CurrentTimestamp));
    assert_eq!(child.columns[2].collation.as_deref(), Some("NOCASE"));
    assert!(!child.columns[2].nullable);
}

#[test]
fn generated_columns_are_seen() {
    let database =
        TestDatabase::new("CREATE TABLE t(a INT, b INT AS (a * 2), c TEXT GENERATED ALWAYS AS (a || 'x') STORED)");
    let table = database.collection("t");
    let generated = |index: usize| table.columns[index].generated.clone().expect("generated");
    assert_eq!(generated(2), Generated { expression: "a * 2".into(), stored: false });
    assert_eq!(generated(3), Generated { expression: "a || 'x'".into(), stored: true });
}

#[test]
fn virtual_tables_and_their_shadows() {
    let database = TestDatabase::new(
        "CREATE VIRTUAL TABLE docs USING fts5(title, body);
         CREATE VIRTUAL TABLE docs_more USING rtree(id, x0, x1);
         CREATE TABLE docs_of_the_user(a); CREATE TABLE other(a); INSERT INTO docs VALUES ('a', 'b'); ANALYZE;",
    );
    let schema = database.schema();
    let docs = find(&schema, "docs");
    assert_eq!((docs.kind, docs.columns.len()), (CollectionKind::Virtual, 0));
    assert_eq!(docs.attributes[MODULE], "fts5");
    assert!(docs.definition.is_some());
    let shadow = find(&schema, "docs_content");
    assert_eq!((shadow.kind, shadow.part_of), (CollectionKind::Shadow, Some(CollectionName::new(NAMESPACE, "docs"))));
    assert_eq!(find(&schema, "docs_more_node").part_of, Some(CollectionName::new(NAMESPACE, "docs_more")));
    assert_eq!(find(&schema, "docs_of_the_user").part_of, None);
    assert_eq!(find(&schema, "sqlite_stat1").kind, CollectionKind::System);
    assert!(!database.rows("docs_content").records.columns().is_empty());
}

/// Everything that only the application has: a module, a collation, a function.
#[test]
fn what_the_application_has_does_not_break_anything() {
    let database = TestDatabase::new(
        "CREATE TABLE vectors_data(k INTEGER PRIMARY KEY, v BLOB); CREATE TABLE unrelated(a);
         CREATE TABLE c(a TEXT, b TEXT, PRIMARY KEY(a)) WITHOUT ROWID; CREATE INDEX i ON c(b);
         CREATE TABLE f(a INT, b INT, c INT, d INT); CREATE TABLE u(a TEXT UNIQUE);
         INSERT INTO c VALUES ('b', 1), ('a', 2); INSERT INTO f VALUES (1, 2, 3, 4); INSERT INTO u VALUES ('x');
         CREATE VIEW w AS SELECT 1 AS one;
         PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema VALUES ('table', 'vectors', 'vectors', 0, 'CREATE VIRTUAL TABLE vectors USING vec0(a)');
         UPDATE sqlite_schema SET sql = 'CREATE TABLE c(a TEXT COLLATE mine, b TEXT COLLATE mine, PRIMARY KEY(a)) WITHOUT ROWID'
             WHERE name = 'c';
         UPDATE sqlite_schema SET sql = 'CREATE TABLE f(a INT DEFAULT (mine()), b INT CHECK (mine(b)), c INT AS (mine(a)),
             d INT, e INT AS (a + 1))' WHERE name = 'f';
         UPDATE sqlite_schema SET sql = 'CREATE TABLE u(a TEXT COLLATE mine UNIQUE)' WHERE name = 'u';
         UPDATE sqlite_schema SET sql = 'CREATE VIEW w AS SELECT mine(1)' WHERE name = 'w';",
    );
    let schema = database.schema();
    assert_eq!(notes(&schema), [("table", "c"), ("generated column", "f.c")]);
    let vectors = find(&schema, "vectors");
    assert_eq!((vectors.kind, vectors.attributes[MODULE].as_str()), (CollectionKind::Virtual, "vec0"));
    let data = find(&schema, "vectors_data");
    assert_eq!((data.kind, data.part_of), (CollectionKind::Table, Some(vectors.name)));
    assert_eq!(find(&schema, "u").columns[1].collation.as_deref(), Some("mine"));
    assert_eq!(schema.objects[0].definition, "CREATE VIEW w AS SELECT mine(1)");
    use crate::testing::cells;
    assert_eq!(cells(&database.rows("u"), 1), ["\"x\""]);
    let rows = database.rows("f");
    assert_eq!([3, 4].map(|column| cells(&rows, column)), [["3"], ["2"]]);
}

#[test]
fn objects_keep_their_text() {
    let database = TestDatabase::new(
        "CREATE TABLE t(a); CREATE VIEW v AS SELECT a FROM t;
         CREATE TRIGGER on_table AFTER INSERT ON T BEGIN SELECT 1; END;
         CREATE TRIGGER on_view INSTEAD OF INSERT ON v BEGIN SELECT 1; END;
         CREATE TEMP TABLE temporary(a); ATTACH ':memory:' AS other; CREATE TABLE other.x(a);",
    );
    let schema = database.schema();
    let objects: Vec<_> = schema
        .objects
        .iter()
        .map(|object| (object.kind, object.name.as_str(), object.on.as_ref().map(|on| on.name.as_str())))
        .collect();
    assert_eq!(
        objects,
        [
            (ObjectKind::View, "v", None),
            (ObjectKind::Trigger, "on_table", Some("t")),
            (ObjectKind::Trigger, "on_view", None)
        ]
    );
    assert_eq!(schema.objects[0].definition, "CREATE VIEW v AS SELECT a FROM t");
    assert_eq!(schema.collections.len(), 1);
}

#[test]
fn attributes_of_the_database() {
    let database = TestDatabase::new(
        "PRAGMA page_size = 8192; PRAGMA encoding = 'UTF-16le'; PRAGMA auto_vacuum = 1; CREATE TABLE \"é\"(\"ü\" TEXT);
         PRAGMA user_version = -7; PRAGMA application_id = 42; PRAGMA journal_mode = WAL;",
    );
    let schema = database.schema();
    for (name, value) in [
        ("page_size", "8192"),
        ("encoding", "UTF-16le"),
        ("auto_vacuum", "1"),
        ("user_version", "-7"),
        ("application_id", "42"),
        ("journal_mode", "wal"),
    ] {
        assert_eq!(schema.attributes[name], value, "{name}");
    }
    assert_eq!(find(&schema, "é").columns[1].name, "ü");
    assert_eq!(database.open().info().encoding, "UTF-16le");
}

#[test]
fn text_that_is_not_utf8_is_named() {
    let database = TestDatabase::new(
        "CREATE TABLE t(a TEXT DEFAULT 'xx'); CREATE VIEW v AS SELECT 'xx'; PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = CAST(replace(CAST(sql AS BLOB), CAST('xx' AS BLOB), x'ff') AS TEXT);",
    );
    let schema = database.schema();
    assert_eq!(notes(&schema), [("definition", "t"), ("view", "v")]);
    assert_eq!(schema.collections.len(), 1);
}

#[test]
fn many_tables_are_read_in_bulk() {
    let create: String = (0..5_000)
        .map(|i| format!("CREATE TABLE t{i}(id INTEGER PRIMARY KEY, a BOOLEAN, b TEXT REFERENCES t0); CREATE INDEX i{i} ON t{i}(b);"))
        .collect();
    let database = TestDatabase::new(&format!("BEGIN; {create} COMMIT"));
    let begun = Instant::now();
    let schema = database.open().introspect().expect("a schema");
    let taken = begun.elapsed();
    assert_eq!(schema.collections.len(), 5_000);
    assert_eq!(schema.collections[17].indexes.len(), 1);
    // Unoptimised; a query a table and column would be far beyond it.
    assert!(taken < Duration::from_secs(20), "{taken:?}");
    assert_eq!(database.schema().collections.len(), 5_000);
}
