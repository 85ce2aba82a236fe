use super::*;
use crate::introspect::tests::everything;
use crate::testing::Server;

#[test]
fn objects_are_found_with_what_they_need() {
    for server in Server::all() {
        let (database, schema) = everything(server);
        let found: Vec<_> = schema.objects.iter().map(|object| format!("{:?} {}", object.kind, object.name)).collect();
        let mut expected = vec![
            "Routine f1",
            "Routine p1",
            "Trigger tr0",
            "Trigger tr1",
            "Trigger tr2",
            "View v1",
            "View a_view",
            "View v_function",
            "Event e1",
        ];
        if server.is_mariadb() {
            expected.splice(2..2, ["Routine pk", "Routine pk"]);
            expected.splice(0..0, ["Sequence s1", "Sequence s2"]);
        }
        assert_eq!(found, expected);
        for object in &schema.objects {
            assert!(!object.definition.contains(&database), "{}", object.definition);
            assert_eq!(
                object.attributes.get(ddl::FLAVOUR).map(String::as_str),
                Some(if server.is_mariadb() { "mariadb" } else { "mysql" })
            );
        }
        let find = |name: &str| schema.objects.iter().find(|object| object.name == name).expect(name);
        let attribute = |name: &str, key: &str| find(name).attributes.get(key).cloned();
        assert_eq!(find("tr1").on, Some(CollectionName::new("main", "parent")));
        assert_eq!(attribute("tr2", SQL_MODE).as_deref(), Some("ANSI_QUOTES,STRICT_ALL_TABLES"));
        assert_eq!(attribute("tr2", CHARACTER_SET_CLIENT).as_deref(), Some("utf8mb4"));
        assert_eq!(attribute("e1", STATUS).as_deref(), Some("DISABLED"));
        assert_eq!(attribute("e1", TIME_ZONE).as_deref(), Some("+00:00"));
        assert_eq!(attribute("a_view", DEFINER).as_deref(), Some("root@localhost"));
        assert_eq!(attribute("f1", ROUTINE_TYPE).as_deref(), Some("FUNCTION"));
        assert_eq!(find("p1").comment.as_deref(), Some("pc"));
        let without = ddl::without_definer(&find("a_view").definition);
        assert!(without.starts_with("CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `a_view`"), "{without}");
        let without = ddl::without_definer(&find("p1").definition);
        assert!(without.starts_with("CREATE PROCEDURE `p1`"), "{without}");
        if server.is_mariadb() {
            assert_eq!(
                (attribute("s1", NEXT_VALUE).as_deref(), attribute("s1", ROUND).as_deref()),
                (Some("25"), Some("0"))
            );
            assert_eq!(find("s1").stage, dbferry_dialect::model::Stage::Before);
            assert_eq!(attribute("pk", ROUTINE_TYPE).as_deref(), Some("PACKAGE"));
        }
    }
}

#[test]
fn names_of_the_database_are_taken_out() {
    for server in Server::all() {
        let database = server.create_database();
        server
            .sql(
                &database,
                &format!(
                    "CREATE TABLE t (id int PRIMARY KEY, `{database}` int);
                     CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC RETURN a;
                     CREATE TRIGGER {database}.tr BEFORE INSERT ON {database}.t FOR EACH ROW SET NEW.id = {database}.f(1);
                     CREATE VIEW v AS SELECT {database}.id, {database}.f(2) FROM {database}.t {database}
                       JOIN mysql.help_topic h ON h.help_topic_id = {database}.id;"
                ),
            )
            .expect("objects");
        let schema = crate::introspect::tests::schema(server, &database);
        let text =
            |name: &str| schema.objects.iter().find(|object| object.name == name).expect(name).definition.clone();
        assert!(
            !text("tr").split("FOR EACH").next().expect("a header").contains(&format!("{database}.")),
            "{}",
            text("tr")
        );
        // The alias stays, the table and the function do not keep their database.
        assert!(text("v").contains(&format!("`{database}`.`id` AS `id`")), "{}", text("v"));
        assert!(text("v").contains("`f`(2)"), "{}", text("v"));
        let other = server.create_database();
        server
            .sql(
                &other,
                "CREATE TABLE t (id int PRIMARY KEY); CREATE FUNCTION f(a int) RETURNS int DETERMINISTIC RETURN a",
            )
            .expect("what they need");
        let view = text("v");
        server.sql(&other, &format!("{view};")).unwrap_or_else(|error| panic!("{error}"));
        let again = server.sql(&other, "SHOW CREATE VIEW v").expect("a view");
        assert!(!again.contains(&format!("`{database}`.`t`")), "{view}\n{again}");
    }
}

#[test]
fn objects_are_made_on_the_other_flavour() {
    for source in Server::all() {
        let (_, schema) = everything(source);
        for target in Server::all().into_iter().filter(|target| target.name() != source.name()) {
            let version = crate::introspect::tests::version(target);
            let database = target.create_database();
            let mut sql = String::from(
                "CREATE TABLE parent (id int, name text, price int); CREATE TABLE child (a int, parent_id int); CREATE TABLE keyless (a int, b text);\nDELIMITER //\n",
            );
            for object in schema.objects.iter().filter(|object| !["s1", "s2", "pk"].contains(&object.name.as_str())) {
                let object = for_server(object, version);
                let mode = object.attributes.get(SQL_MODE).filter(|mode| !mode.contains("ORACLE"));
                let mode = mode.map_or("", String::as_str).replace("NO_AUTO_CREATE_USER,", "");
                let collation = &object.attributes[COLLATION_CONNECTION];
                sql.push_str(&format!(
                    "SET sql_mode = '{mode}', collation_connection = {collation}//\n{}//\n",
                    object.definition
                ));
            }
            target.sql(&database, &sql).unwrap_or_else(|error| panic!("{error}"));
            let made = crate::introspect::tests::schema(target, &database);
            let names = |objects: &[NativeObject]| {
                objects
                    .iter()
                    .map(|object| object.name.clone())
                    .filter(|name| !["s1", "s2", "pk"].contains(&name.as_str()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(names(&made.objects), names(&schema.objects));
        }
    }
}
