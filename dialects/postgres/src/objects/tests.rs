//! Schemas are made again in an empty database by the statements of this crate alone, and `pg_dump` compares.

use super::create::{Created, Existing, create_after, create_before, create_for_collection, grant};
use crate::connect::Target;
use crate::ddl::table::Form;
use crate::ddl::{access, constraint, index, sequence, table};
use crate::introspect::introspect;
use crate::session::Session;
use crate::testing::{Installation, Server};
use crate::types::TypeCatalogue;
use crate::{NAME, PostgresSyntax};
use dbferry_dialect::model::{CollectionKind, NativeObject, ObjectKind, Stage};
use dbferry_dialect::{Collection, CollectionName, DatabaseUrl, OpenOptions, ReplaceOptions, Schema, Syntax};

/// One server of every version that is here.
pub(crate) fn servers() -> Vec<&'static Server> {
    let servers: Vec<_> =
        Installation::all().iter().map(|installation| Server::shared_of(installation).expect("a server")).collect();
    assert!(!servers.is_empty(), "no PostgreSQL is installed");
    servers
}

pub(crate) fn connect(server: &Server, database: &str) -> Session {
    let url = DatabaseUrl::parse(&server.url(database)).expect("a URL");
    Target::resolve(&url, &OpenOptions::default()).expect("a target").connect().expect("a session")
}

fn run(session: &mut Session, statement: &str) {
    if let Err(error) = session.execute("", statement, &[]) {
        panic!("{error}\n{statement}");
    }
}

fn options() -> ReplaceOptions {
    let mut options = ReplaceOptions::new(1);
    options.owners = true;
    options.privileges = true;
    options
}

fn read_existing(session: &mut Session) -> Existing {
    let types = TypeCatalogue::load(session).expect("types");
    Existing::read(session, &types).expect("a catalogue")
}

/// Makes everything of `schema` but the rows.
fn make(session: &mut Session, schema: &Schema) -> Vec<String> {
    let options = options();
    let mut existing = read_existing(session);
    let free = |stage: Stage| -> Vec<NativeObject> {
        schema.objects.iter().filter(|object| object.on.is_none() && object.stage == stage).cloned().collect()
    };
    let of = |collection: &Collection, stage: Stage| -> Vec<NativeObject> {
        let on = Some(&collection.name);
        schema.objects.iter().filter(|object| object.on.as_ref() == on && object.stage == stage).cloned().collect()
    };
    let mut created = Created::default();
    let mut warnings =
        create_before(session, &mut existing, &free(Stage::Before), &options, &mut created).expect("before");
    let all: Vec<&Collection> = in_order(schema);
    session.run("", "BEGIN").expect("begin");
    for collection in &all {
        warnings.extend(
            create_for_collection(session, &mut existing, &of(collection, Stage::Before), &options).expect("early"),
        );
        if collection.kind == CollectionKind::System {
            continue;
        }
        let sequences = sequence::all(collection);
        for own in sequences.iter().filter(|own| !own.identity) {
            run(session, &sequence::create(own));
        }
        run(session, &table::create(&collection.name, collection, Form::Linked));
        for statement in table::settings(&collection.name, collection, Form::Linked) {
            run(session, &statement);
        }
        for own in &sequences {
            if !own.identity {
                run(session, &sequence::own(own, &collection.name));
            }
            if let Some((last_value, is_called)) = own.state {
                run(session, &sequence::set(&own.name, last_value, is_called));
            }
        }
        for check in &collection.checks {
            run(session, &constraint::add_check(&collection.name, check, false));
        }
    }
    let tables: Vec<&Collection> = all.into_iter().filter(|one| one.kind != CollectionKind::System).collect();
    // Before a parent has indexes, or the server would make those that a partition has not.
    for collection in &tables {
        if let Some(statement) = table::attach(&collection.name, collection) {
            run(session, &statement);
        }
    }
    for collection in &tables {
        for key in collection.unique_keys.iter().chain(&collection.primary_key) {
            let primary = collection.primary_key.as_ref() == Some(key);
            match constraint::key_index(&collection.name, collection, key) {
                Some(statement) => {
                    run(session, &statement);
                    run(session, &constraint::add_key_using_index(&collection.name, key, primary).expect("a name"));
                }
                None => run(session, &constraint::add_key(&collection.name, key, primary, true)),
            }
        }
        for one in &collection.indexes {
            run(session, &index::create(&collection.name, collection, one).expect("a definition"));
        }
        for statement in index::settings(collection) {
            run(session, &statement);
        }
    }
    for collection in &tables {
        for statement in index::attach(collection) {
            run(session, &statement);
        }
    }
    for collection in &tables {
        for key in &collection.foreign_keys {
            let partitioned = collection.kind == CollectionKind::Partitioned;
            run(session, &constraint::add_foreign_key(&collection.name, key, !partitioned));
            if !partitioned && !constraint::is_not_valid(key) {
                run(session, &constraint::validate(&collection.name, key.name.as_deref().expect("a name")));
            }
        }
    }
    for collection in &tables {
        let of_table = of(collection, Stage::After);
        warnings.extend(create_for_collection(session, &mut existing, &of_table, &options).expect("of a table"));
        for statement in table::final_settings(&collection.name, collection) {
            run(session, &statement);
        }
        for statement in table::comments(&collection.name, collection) {
            run(session, &statement);
        }
        let address = format!("TABLE {}", PostgresSyntax.qualified(&collection.name));
        let mut granted: Vec<_> = access::owner(&address, &collection.attributes).into_iter().collect();
        granted.extend(access::privileges(&address, &collection.attributes, true));
        for own in sequence::all(collection) {
            let changes = own.privileges.as_deref().map(|text| serde_json::from_str(text).expect("JSON"));
            let address = format!("SEQUENCE {}", PostgresSyntax.qualified(&own.name));
            granted.extend(changes.iter().flat_map(|changes| access::list(&address, None, changes, true)));
            if let Some(comment) = &own.comment {
                run(session, &table::comment_on(&address, comment));
            }
        }
        warnings.extend(grant(session, &existing, &granted).expect("grants"));
    }
    session.run("", "COMMIT").expect("commit");
    warnings.extend(created.keep(session).expect("states"));
    warnings.extend(create_after(session, &mut existing, &free(Stage::After), &options).expect("after"));
    warnings
}

/// Parents before what inherits from them or is of their rows' type.
fn in_order(schema: &Schema) -> Vec<&Collection> {
    let mut left: Vec<&Collection> = schema.collections.iter().collect();
    let mut done: Vec<&Collection> = Vec::new();
    while !left.is_empty() {
        let before = left.len();
        let (ready, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|collection| {
            let is_done = |name: &CollectionName| done.iter().any(|other| other.name == *name);
            collection.part_of.as_ref().is_none_or(is_done) && table::parents(collection).iter().all(is_done)
        });
        done.extend(ready);
        left = later;
        assert!(left.len() < before, "tables inherit from each other");
    }
    done
}

/// What `pg_dump` prints, without what changes with every run. Equal things may come in another order, because `pg_dump`
/// breaks ties by identifiers, so statements are sorted.
fn dumped(server: &Server, database: &str) -> Vec<String> {
    let text = server.pg_dump(database, &["--schema-only"]).expect("a dump");
    let mut statements: Vec<String> = text
        .split("\n\n")
        .filter(|part| !part.starts_with("\\restrict") && !part.starts_with("\\unrestrict"))
        .map(|part| part.trim().to_owned())
        .collect();
    statements.sort();
    statements
}

fn compare(server: &Server, source: &str, target: &str) {
    let (left, right) = (dumped(server, source), dumped(server, target));
    let missing: Vec<_> = left.iter().filter(|statement| !right.contains(statement)).collect();
    let extra: Vec<_> = right.iter().filter(|statement| !left.contains(statement)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}");
    assert_eq!(left, right);
}

/// A schema is the same when it was made again by these statements; returns it.
fn round_trip(server: &Server, sql: &str) -> Schema {
    let source = server.create_database();
    server.sql(&source, sql).expect("the source");
    let schema = introspect(&mut connect(server, &source)).expect("the source's schema");
    let target = server.create_database();
    let mut session = connect(server, &target);
    let warnings = make(&mut session, &schema);
    assert!(warnings.is_empty(), "{warnings:#?}");
    compare(server, &source, &target);
    let mut again = introspect(&mut session).expect("the target's schema");
    let mut first = schema.clone();
    for schema in [&mut first, &mut again] {
        for collection in &mut schema.collections {
            collection.estimate = dbferry_dialect::model::Estimate::default();
        }
    }
    assert_eq!(first.objects, again.objects);
    assert_eq!(first.collections, again.collections);
    // A second time everything is there, and nothing is made or said.
    let mut existing = read_existing(&mut session);
    let free: Vec<NativeObject> = schema.objects.iter().filter(|object| object.on.is_none()).cloned().collect();
    let mut created = Created::default();
    let warnings = create_before(&mut session, &mut existing, &free, &options(), &mut created).expect("again");
    assert!(warnings.is_empty(), "{warnings:#?}");
    assert!(created.undo(&mut session).expect("undo").is_empty());
    compare(server, &source, &target);
    schema
}

/// A schema that somebody else wrote: <https://github.com/devrimgunduz/pagila>, its `pagila-schema.sql` or a dump of it.
#[test]
#[ignore = "needs the file that DBFERRY_TEST_PAGILA names"]
fn pagila_is_the_same_again() {
    let path = std::env::var_os("DBFERRY_TEST_PAGILA").expect("DBFERRY_TEST_PAGILA names no file");
    let sql = std::fs::read_to_string(path).expect("pagila");
    for server in servers() {
        let schema = round_trip(server, &sql);
        let count = |kind: ObjectKind| schema.objects.iter().filter(|object| object.kind == kind).count();
        assert_eq!(schema.collections.len(), 22);
        assert_eq!(count(ObjectKind::View), 7);
        assert_eq!(count(ObjectKind::MaterializedView), 1);
        assert_eq!(count(ObjectKind::Routine), 10);
        assert_eq!(count(ObjectKind::Trigger), 15);
        assert_eq!(count(ObjectKind::Type), 3);
        assert!(schema.objects.iter().all(|object| object.dialect == NAME));
    }
}

#[test]
fn everything_is_the_same_again() {
    for server in servers() {
        let mut sql = include_str!("everything.sql").to_owned();
        if server.major >= 18 {
            sql.push_str(include_str!("version_18.sql"));
        }
        let schema = round_trip(server, &sql);
        assert!(
            schema.not_carried.iter().all(|left| left.kind == "rows of a foreign table"),
            "{:#?}",
            schema.not_carried
        );
        let object = |name: &str| {
            schema.objects.iter().find(|object| object.name == name).unwrap_or_else(|| panic!("no {name}"))
        };
        // What needs no table comes before, what hangs on one goes with it, what needs one that comes after all does too.
        assert_eq!(object("simple_words").stage, Stage::Before);
        assert_eq!(object("without_tables").stage, Stage::Before);
        assert_eq!(object("first").on.as_ref().map(ToString::to_string).as_deref(), Some("public.plain"));
        assert_eq!(object("for_some").on.as_ref().map(ToString::to_string).as_deref(), Some("public.plain"));
        assert_eq!((object("for_all").on.as_ref(), object("for_all").stage), (None, Stage::After));
        assert_eq!(object("of_one_table").on.as_ref().map(ToString::to_string).as_deref(), Some("public.plain"));
        assert_eq!((object("of_two_tables").on.as_ref(), object("of_two_tables").stage), (None, Stage::Before));
        assert_eq!((object("plain_of_rows").on.as_ref(), object("plain_of_rows").stage), (None, Stage::After));
        assert_eq!(object("put_back").attributes.get("last-value").map(String::as_str), Some("42"));
        assert_eq!(object("put_back").attributes.get("is-called").map(String::as_str), Some("false"));
    }
}

#[test]
fn what_is_left_out_is_told() {
    for server in servers() {
        let database = server.create_database();
        let mut sql = include_str!("left_out.sql").to_owned();
        if server.major >= 17 {
            sql.push_str(
                "CREATE TABLE public.parted (k integer, EXCLUDE (k WITH =)) PARTITION BY LIST (k);
                 CREATE TABLE public.part PARTITION OF public.parted FOR VALUES IN (1);
                 CREATE TABLE public.usual PARTITION OF public.parted FOR VALUES IN (2);
                 ALTER TABLE public.part RENAME CONSTRAINT part_k_excl TO mine;",
            );
        }
        server.sql(&database, &sql).expect("the source");
        let schema = introspect(&mut connect(server, &database)).expect("a schema");
        let told: Vec<String> = schema
            .not_carried
            .iter()
            .map(|left| format!("{} {}", left.kind, left.name.replace(&database, "DB")))
            .collect();
        let mut expected = vec![
            "invalid index public.invalid",
            "rows of a foreign table public.elsewhere",
            "dependency public.needs_late",
            "dependency public.computed",
            "comment DB",
            "default privileges for postgres in public",
            "event trigger on_event",
            "language plother",
            "operator public.!==",
            "privileges DB",
            "privileges column public.pg_stat_statements.queryid",
            "privileges routine pg_notify(text,text)",
            "privileges routine public.hstore(text,text)",
            "privileges table pg_catalog.pg_authid",
            "publication published",
            "setting work_mem",
            "subscription subscribed",
            "user mapping nowhere for public",
        ];
        if server.major >= 17 {
            expected.push("constraint name mine on public.part");
        }
        let mut sorted = told.clone();
        sorted.sort();
        expected.sort_unstable();
        assert_eq!(sorted, expected);
        let text = format!("{schema:?}");
        assert!(!text.contains("canary"), "a password is in the schema");
        // The subscription would keep the server from dropping the database.
        server
            .sql(&database, "ALTER SUBSCRIPTION subscribed SET (slot_name = NONE); DROP SUBSCRIPTION subscribed")
            .expect("dropped");
    }
}

/// A session on a new database that `sql` made, and its schema.
fn prepared(server: &Server, sql: &str) -> (Session, Schema) {
    let database = server.create_database();
    server.sql(&database, sql).expect("a database");
    let mut session = connect(server, &database);
    let schema = introspect(&mut session).expect("a schema");
    (session, schema)
}

fn names(session: &mut Session) -> Vec<String> {
    let schema = introspect(session).expect("a schema");
    schema
        .objects
        .into_iter()
        .map(|object| object.name)
        .filter(|name| !["public", "plpgsql"].contains(&name.as_str()))
        .collect()
}

#[test]
fn what_is_there_is_kept_and_what_was_made_can_be_undone() {
    for server in servers() {
        let (_, source) = prepared(
            server,
            "CREATE SCHEMA s; CREATE TYPE s.mood AS ENUM ('a'); CREATE DOMAIN public.d AS s.mood;
             CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
             CREATE FUNCTION public.g(s.mood) RETURNS integer LANGUAGE sql AS 'SELECT 1';
             CREATE SEQUENCE public.kept; SELECT setval('public.kept', 50); CREATE SEQUENCE public.made START 7;",
        );
        let (mut session, _) = prepared(
            server,
            "CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 2'; CREATE SEQUENCE public.kept;",
        );
        let mut existing = read_existing(&mut session);
        let mut created = Created::default();
        let mut options = ReplaceOptions::new(1);
        options.owners = true;
        let warnings =
            create_before(&mut session, &mut existing, &source.objects, &options, &mut created).expect("objects");
        assert_eq!(warnings, ["FUNCTION public.f() is there with another definition, and is kept as it is"]);
        assert_eq!(names(&mut session), ["s", "mood", "d", "kept", "made", "f()", "g(s.mood)"].map(String::from));
        let value = |session: &mut Session| -> i64 {
            session.query("", "SELECT last_value FROM public.kept", &[]).expect("a value")[0].get(0)
        };
        assert_eq!(value(&mut session), 1, "a sequence that was there is data, which changes with the groups only");
        assert!(created.undo(&mut session).expect("undone").is_empty());
        assert_eq!(names(&mut session), ["kept", "f()"].map(String::from));

        let mut existing = read_existing(&mut session);
        let mut created = Created::default();
        create_before(&mut session, &mut existing, &source.objects, &options, &mut created).expect("objects");
        assert!(created.keep(&mut session).expect("kept").is_empty());
        assert_eq!(value(&mut session), 50);
    }
}

#[test]
fn what_cannot_be_made_is_a_warning_and_leaves_nothing() {
    for server in servers() {
        let (_, source) = prepared(
            server,
            "CREATE TABLE public.t (a integer); CREATE VIEW public.v AS SELECT a FROM public.t; COMMENT ON VIEW public.v IS 'x';
             CREATE MATERIALIZED VIEW public.m AS SELECT 1 AS one; CREATE VIEW public.w AS SELECT one FROM public.m;
             DO $$ BEGIN CREATE ROLE dbferry_gone; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             ALTER VIEW public.w OWNER TO dbferry_gone; GRANT SELECT ON public.m TO dbferry_gone;",
        );
        let (mut session, _) = prepared(server, "");
        let mut existing = read_existing(&mut session);
        // As on another server, where the role is not.
        existing.forget_role("dbferry_gone");
        let after: Vec<NativeObject> =
            source.objects.iter().filter(|object| object.stage == Stage::After).cloned().collect();
        let warnings = create_after(&mut session, &mut existing, &after, &options()).expect("objects");
        assert_eq!(warnings.len(), 3, "{warnings:#?}");
        assert!(warnings[0].contains("public.t") && warnings[0].contains("VIEW public.v"), "{}", warnings[0]);
        assert!(warnings[1].contains("GRANT SELECT") && warnings[2].contains("OWNER TO"), "{warnings:#?}");
        assert_eq!(names(&mut session), ["m", "w"]);
        let rows = session.query("", "SELECT one FROM public.w", &[]).expect("rows");
        assert_eq!(rows[0].get::<_, i32>(0), 1, "the materialised view was refreshed");
    }
}

#[test]
fn a_policy_is_for_those_who_are_there() {
    for server in servers() {
        let sql = "DO $$ BEGIN CREATE ROLE \"dbferry here\"; CREATE ROLE dbferry_away; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             CREATE TABLE public.t (a integer);";
        let policies = "CREATE POLICY for_both ON public.t TO \"dbferry here\", dbferry_away USING (a > 1);
             CREATE POLICY \"none TO x\" ON public.t TO dbferry_away;";
        let (_, source) = prepared(server, &format!("{sql}{policies}"));
        let (mut session, _) = prepared(server, sql);
        let mut existing = read_existing(&mut session);
        existing.forget_role("dbferry_away");
        let of_table: Vec<NativeObject> = source.objects.iter().filter(|object| object.on.is_some()).cloned().collect();
        session.run("", "BEGIN").expect("begin");
        let warnings = create_for_collection(&mut session, &mut existing, &of_table, &options()).expect("policies");
        session.run("", "COMMIT").expect("commit");
        assert_eq!(warnings.len(), 2, "{warnings:#?}");
        let made = introspect(&mut session).expect("a schema");
        let made: Vec<&str> = made.objects.iter().filter(|o| o.on.is_some()).map(|o| o.definition.as_str()).collect();
        assert_eq!(
            made,
            ["CREATE POLICY for_both ON public.t AS PERMISSIVE FOR ALL TO \"dbferry here\" USING ((a > 1))"]
        );
    }
}
