//! What comes from databases of another kind, where names are unique in a table, and from the other flavour.

use super::*;
use crate::ddl::FLAVOUR;
use dbferry_dialect::model::{
    Check, Counter, Deferral, ForeignKey, Identity, Index, IndexPart, IndexSubject, Key, ReferentialAction,
};
use dbferry_dialect::{Column, LogicalType};

fn table(name: &str, others: &[&str]) -> Collection {
    let id =
        Column { nullable: false, identity: Some(Identity::Always), ..Column::new("id", LogicalType::INT64, "bigint") };
    let others = others.iter().map(|column| Column::new(*column, LogicalType::INT64, "bigint"));
    let mut table = Collection::table(CollectionName::new("public", name), [id].into_iter().chain(others).collect());
    table.primary_key = Some(Key { name: None, columns: vec!["id".into()], definition: None });
    table.counter = Some(Counter { column: "id".into(), last_value: 41, is_called: true });
    table
}

fn key(name: &str, column: &str) -> ForeignKey {
    ForeignKey {
        name: Some(name.into()),
        columns: vec![column.into()],
        references: CollectionName::new("public", "parent"),
        referenced_columns: vec!["id".into()],
        on_delete: ReferentialAction::Cascade,
        on_update: ReferentialAction::NoAction,
        deferred: Deferral::Immediate,
        definition: None,
    }
}

/// A plan that makes those tables, or makes them anew.
fn plan(place: &Place, tables: &[Collection], trusted: bool) -> GroupPlan {
    let mut session = place.target.connect().expect("a session");
    let schema = introspect(&mut session, place.version).expect("a schema");
    let plan = |source: &Collection| {
        let target = CollectionName::new(crate::NAMESPACE, source.name.name.as_str());
        let existing = schema.collection(&target).cloned();
        let action = if existing.is_some() { CollectionAction::Recreate } else { CollectionAction::Create };
        CollectionPlan {
            source: source.clone(),
            target,
            action,
            existing,
            parts: 1,
            objects: Vec::new(),
            use_definition: trusted,
        }
    };
    GroupPlan { group: "user".into(), collections: tables.iter().map(plan).collect() }
}

fn restore(place: &Place, plan: GroupPlan) -> Result<Vec<String>> {
    let mut replacer = place.replacer(&same())?;
    replacer.prepare(&[])?;
    replacer.begin(plan)?;
    replacer.writers()?.into_iter().try_for_each(|writer| writer.finish().map(|_| ()))?;
    let mut warnings = replacer.complete()?;
    replacer.commit()?;
    warnings.extend(Box::new(replacer).finish(&[])?);
    Ok(warnings)
}

#[test]
fn foreign_keys_of_one_name_all_come_and_numbering_goes_on() {
    let mut tables = [table("parent", &[]), table("first", &["parent"]), table("second", &["parent", "other"])];
    tables[1].foreign_keys = vec![key("the parent", "parent")];
    tables[2].foreign_keys = vec![key("the parent", "parent"), key("taken", "other")];
    let part =
        IndexPart { subject: IndexSubject::Column("other".into()), meaning: None, descending: true, collation: None };
    tables[2].indexes = vec![Index {
        name: "by_other".into(),
        parts: vec![part],
        unique: false,
        predicate: None,
        condition: None,
        definition: None,
    }];
    for server in Server::all() {
        let place = Place::new(
            server,
            "CREATE TABLE stays (id int PRIMARY KEY, up int, CONSTRAINT taken FOREIGN KEY (up) REFERENCES stays (id))",
        );
        // The second time over the tables of the first.
        for _ in 0..2 {
            let warnings = restore(&place, plan(&place, &tables, false)).expect("a restore");
            let told: Vec<_> = warnings.iter().filter(|warning| warning.contains("is called")).collect();
            assert!(told.len() == 2 && told[0].contains("second_the parent"), "{warnings:?}");
            let names = "SELECT GROUP_CONCAT(table_name, '.', constraint_name, '>', referenced_table_name \
                           ORDER BY table_name, constraint_name SEPARATOR ' ') \
                           FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE()";
            assert_eq!(
                place.sql(names),
                "first.the parent>parent second.second_taken>parent second.second_the parent>parent stays.taken>stays"
            );
            place.sql("INSERT INTO parent () VALUES (); INSERT INTO second (parent) SELECT id FROM parent");
            assert_eq!(place.sql("SELECT id, parent FROM second"), "42\t42");
            assert!(server.sql(&place.name, "INSERT INTO first (parent) VALUES (7)").is_err(), "no such parent");
            assert!(place.sql("SHOW CREATE TABLE second").contains("KEY `by_other` (`other`"));
        }
    }
}

#[test]
fn checks_of_one_name_all_come() {
    let check =
        |name: &str| Check { name: Some(name.into()), expression: "`n` > 0".into(), meaning: None, definition: None };
    for server in Server::all() {
        let place = Place::new(
            server,
            "CREATE TABLE stays (id int PRIMARY KEY, CONSTRAINT positive CHECK (id > 0)); \
             CREATE TABLE b (id bigint PRIMARY KEY, n bigint, CONSTRAINT `free again` CHECK (n > 0))",
        );
        let mut tables = [table("a", &["n"]), table("b", &["n"])];
        for table in &mut tables {
            let other = if place.version.is_mariadb() { "mysql" } else { "mariadb" };
            table.attributes.insert(FLAVOUR.into(), other.into());
            table.checks = vec![check("CONSTRAINT_1"), check("positive"), check("free again")];
        }
        for _ in 0..2 {
            let warnings = restore(&place, plan(&place, &tables, true)).expect("a restore");
            let told = warnings.iter().filter(|warning| warning.contains("is called")).count();
            for table in ["a", "b"] {
                let made = place.sql(&format!("SHOW CREATE TABLE {table}"));
                assert_eq!(made.matches("CHECK (").count(), 3, "{made}");
                assert!(!made.contains("_dbferry"), "{made}");
                assert!(server.sql(&place.name, &format!("INSERT INTO {table} (n) VALUES (0)")).is_err());
                if place.version.is_mariadb() {
                    assert!(made.contains("CONSTRAINT `positive`") && told == 0, "{warnings:?}");
                } else {
                    assert!(made.contains(&format!("CONSTRAINT `{table}_positive`")) && told == 3, "{warnings:?}");
                }
            }
        }
    }
}
