use super::*;
use crate::ddl::Parts;
use crate::introspect::tests::{everything, schema, version};
use crate::testing::Server;
use dbferry_dialect::{Schema, Syntax};

/// Makes the tables of a schema on a server, as they are built for it; what the server made of them, and the notes.
fn make(server: &Server, schema_of: &Schema, trusted: bool) -> (Schema, Vec<String>) {
    let database = server.create_database();
    let parent_keys = BTreeMap::new();
    let purpose = Purpose { target: Some(version(server)), trusted, parent_keys: &parent_keys };
    let mut sql = String::from("SET foreign_key_checks = 0, sql_mode = 'NO_AUTO_VALUE_ON_ZERO';\n");
    let mut notes = Vec::new();
    for collection in &schema_of.collections {
        let built = build(collection, purpose);
        let statement = built.definition.create(&collection.name.name, Parts::ALL);
        // The client that the tests use takes a comment's semicolon for the end of a statement.
        sql.push_str(&format!("{statement};\n"));
        notes.extend(built.notes);
    }
    server.sql(&database, &sql).unwrap_or_else(|error| panic!("{}: {error}\n{sql}", server.name()));
    (schema(server, &database), notes)
}

#[test]
fn each_flavour_can_have_the_tables_of_the_other() {
    for source in Server::all() {
        let (_, original) = everything(source);
        for target in Server::all().into_iter().filter(|target| target.name() != source.name()) {
            let (copy, notes) = make(target, &original, true);
            assert_eq!(copy.collections.len(), original.collections.len());
            for (left, right) in original.collections.iter().zip(&copy.collections) {
                assert_eq!(left.name, right.name);
                let names = |collection: &Collection| {
                    collection.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>()
                };
                assert_eq!(names(left), names(right));
                assert_eq!(
                    left.primary_key.as_ref().map(|key| &key.columns),
                    right.primary_key.as_ref().map(|key| &key.columns)
                );
                assert_eq!(left.counter, right.counter);
                assert_eq!(left.comment, right.comment);
                for (before, after) in left.columns.iter().zip(&right.columns) {
                    assert_eq!(before.comment, after.comment);
                    assert_eq!(before.nullable, after.nullable, "{} {}", left.name, before.name);
                    let told = notes.iter().any(|note| note.contains(&format!("column {} ", before.name)));
                    assert!(
                        before.logical == after.logical || told,
                        "{} {}: {} {}",
                        left.name,
                        before.name,
                        before.logical,
                        after.logical
                    );
                }
            }
        }
    }
}

#[test]
fn an_untrusted_archive_makes_plain_tables() {
    for source in Server::all() {
        let (_, original) = everything(source);
        for target in Server::all() {
            let (copy, _) = make(target, &original, false);
            for (left, right) in original.collections.iter().zip(&copy.collections) {
                assert_eq!(left.name, right.name);
                assert!(right.columns.iter().all(|column| column.generated.is_none()));
            }
            // The same as the plan shows.
            let database = target.create_database();
            let statements: Vec<_> = original
                .collections
                .iter()
                .map(|collection| crate::MySqlSyntax.create_table(&collection.name, collection))
                .collect();
            target.sql(&database, &statements.join(";\n")).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}

#[test]
fn foreign_keys_of_other_dialects_get_the_indexes_that_they_need() {
    use dbferry_dialect::model::{Deferral, ForeignKey, Key, ReferentialAction};
    use dbferry_dialect::{Column, LogicalType};
    let column = |name: &str| Column::new(name, LogicalType::Int { bits: 64, signed: true }, "INTEGER");
    let columns = ["id", "a", "b", "c"].map(column).to_vec();
    let mut child = Collection::table(CollectionName::new(crate::NAMESPACE, "child"), columns);
    child.primary_key = Some(Key { name: None, columns: vec!["id".into(), "a".into()], definition: None });
    let key = |name: Option<&str>, columns: &[&str]| {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>();
        ForeignKey {
            name: name.map(str::to_owned),
            references: CollectionName::new(crate::NAMESPACE, "parent"),
            referenced_columns: columns.clone(),
            columns,
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
            deferred: Deferral::default(),
            definition: None,
        }
    };
    // The primary key begins with the first; the last but one is the beginning of the one before.
    child.foreign_keys = vec![
        key(None, &["id"]),
        key(Some("named"), &["b", "c"]),
        key(None, &["b"]),
        key(None, &["a"]),
        key(Some("A"), &["c"]),
    ];
    let purpose = Purpose { target: None, trusted: true, parent_keys: &BTreeMap::new() };
    let built = build(&child, purpose);
    let keys: Vec<&str> = built.definition.secondary_keys().map(|item| item.text.as_str()).collect();
    assert_eq!(keys, ["KEY `named` (`b`,`c`)", "KEY `a` (`a`)", "KEY `A_2` (`c`)"]);
}
