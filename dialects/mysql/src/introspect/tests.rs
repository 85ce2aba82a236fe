use super::*;
use crate::connect::Target;
use crate::testing::Server;
use dbferry_dialect::{Collection, CollectionName, DatabaseUrl, OpenOptions};

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
        let (_, schema) = everything(server);
        let table = |name: &str| schema.collection(&CollectionName::new("main", name)).expect(name);
        let parent = table("parent");
        assert_eq!(parent.columns.len(), 13);
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
            let statement = crate::ddl::create_table_named(definition, &collection.name.name, crate::ddl::Parts::ALL);
            sql.push_str(&format!("{};\n", statement.expect("a statement")));
        }
        server.sql(&other, &sql).expect("the tables again");
        let again = super::tests::schema(server, &other);
        assert_eq!(again.collections.len(), schema.collections.len());
        for (left, right) in schema.collections.iter().zip(&again.collections) {
            assert_eq!(left.definition, right.definition);
            let right = Collection { estimate: left.estimate, ..right.clone() };
            assert_eq!(*left, right);
        }
    }
}
