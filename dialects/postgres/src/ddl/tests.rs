use super::index::retarget;
use super::*;
use super::{access, constraint, index, sequence, table};
use dbferry_dialect::model::{CollectionKind, DefaultValue, Generated, Identity, Key};
use dbferry_dialect::{CollectionName, Column, LogicalType};

fn name(namespace: &str, name: &str) -> CollectionName {
    CollectionName::new(namespace, name)
}

fn integer(name: &str) -> Column {
    Column::new(name, LogicalType::INT64, "bigint")
}

#[test]
fn a_definition_can_name_another_table() {
    let stage = name("stage", "t1");
    let cases = [
        (
            "CREATE INDEX i ON public.a USING btree (x)",
            name("public", "a"),
            "CREATE INDEX i ON \"stage\".\"t1\" USING btree (x)",
        ),
        (
            "CREATE INDEX \" ON public.a \" ON ONLY public.a USING btree (x)",
            name("public", "a"),
            "CREATE INDEX \" ON public.a \" ON ONLY \"stage\".\"t1\" USING btree (x)",
        ),
        (
            "CREATE INDEX i ON \"My \"\"S\"\".x\".\"a.b USING\" USING gin (x)",
            name("My \"S\".x", "a.b USING"),
            "CREATE INDEX i ON \"stage\".\"t1\" USING gin (x)",
        ),
        (
            "CREATE INDEX \"on\" ON public.\"on\" USING btree ((x || ' ON public.b ')) WHERE (y = E'\\' ON public.on')",
            name("public", "on"),
            "CREATE INDEX \"on\" ON \"stage\".\"t1\" USING btree ((x || ' ON public.b ')) WHERE (y = E'\\' ON public.on')",
        ),
        (
            "CREATE TRIGGER t BEFORE UPDATE OF \"on\" ON public.ñandú FOR EACH ROW EXECUTE FUNCTION public.f()",
            name("public", "ñandú"),
            "CREATE TRIGGER t BEFORE UPDATE OF \"on\" ON \"stage\".\"t1\" FOR EACH ROW EXECUTE FUNCTION public.f()",
        ),
        (
            "CREATE STATISTICS public.s ON lower(a), b FROM public.a",
            name("public", "a"),
            "CREATE STATISTICS public.s ON lower(a), b FROM \"stage\".\"t1\"",
        ),
        (
            "CREATE RULE r AS\n    ON INSERT TO public.a DO INSTEAD NOTHING;",
            name("public", "a"),
            "CREATE RULE r AS\n    ON INSERT TO \"stage\".\"t1\" DO INSTEAD NOTHING;",
        ),
    ];
    for (definition, from, expected) in cases {
        assert_eq!(retarget(definition, &from, &stage).as_deref(), Some(expected));
    }
    // The name is a prefix only, in quotes, or somewhere else.
    for (definition, from) in [
        ("CREATE INDEX i ON public.ab USING btree (x)", name("public", "a")),
        ("CREATE INDEX i ON public.\"A\" USING btree (x)", name("public", "a")),
        ("CREATE INDEX i ON other.b USING btree (public.a(x), 'ON public.a')", name("public", "a")),
        ("CREATE INDEX i ON public.b WHERE ($tag$ ON public.a $tag$ = x) AND y = 'ON public.a", name("public", "a")),
    ] {
        assert_eq!(retarget(definition, &from, &stage), None, "{definition}");
    }
}

#[test]
fn a_table_is_spelled_with_everything_that_it_is() {
    let mut id = integer("id");
    id.identity = Some(Identity::Always);
    id.nullable = false;
    let mut text = Column::new("te\"xt", LogicalType::TEXT, "public.\"My Type\"");
    text.collation = Some("public.\"x\"".into());
    text.default = Some(DefaultValue { native: "'a'::text".into(), meaning: None });
    text.native.parameters.insert(STORAGE.into(), "EXTERNAL".into());
    let mut twice = integer("twice");
    twice.generated = Some(Generated { expression: "id * 2".into(), stored: true });
    let mut collection = Collection::table(name("public", "t"), vec![id, text, twice]);
    let own = sequence::OwnedSequence {
        column: "id".into(),
        name: name("public", "t_id_seq"),
        identity: true,
        options: "START WITH 5 INCREMENT BY 1".into(),
        type_: "bigint".into(),
        unlogged: false,
        owner: None,
        privileges: None,
        comment: None,
        state: None,
    };
    for (key, value) in [
        (UNLOGGED, "true"),
        (WITH, "fillfactor='70'"),
        (SEQUENCES, &Value::Array(vec![own.to_json()]).to_string()),
        (SEQUENCE_STATE, r#"{"id": [7, true]}"#),
        (REPLICA_IDENTITY, "index t_key"),
        (ROW_SECURITY, "true"),
    ] {
        collection.attributes.insert(key.into(), value.into());
    }
    let stage = name("stage", "t");
    assert_eq!(
        table::create(&stage, &collection, table::Form::Linked),
        "CREATE UNLOGGED TABLE \"stage\".\"t\" (\n  \"id\" bigint GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME \
         \"stage\".\"t_id_seq\" START WITH 5 INCREMENT BY 1) NOT NULL,\n  \"te\"\"xt\" public.\"My Type\" COLLATE \
         public.\"x\" DEFAULT 'a'::text,\n  \"twice\" bigint GENERATED ALWAYS AS (id * 2) STORED\n) WITH (fillfactor='70')"
    );
    assert_eq!(
        table::settings(&stage, &collection, table::Form::Linked),
        ["ALTER TABLE ONLY \"stage\".\"t\" ALTER COLUMN \"te\"\"xt\" SET STORAGE EXTERNAL"]
    );
    assert_eq!(
        table::final_settings(&stage, &collection),
        [
            "ALTER TABLE ONLY \"stage\".\"t\" REPLICA IDENTITY USING INDEX \"t_key\"",
            "ALTER TABLE ONLY \"stage\".\"t\" ENABLE ROW LEVEL SECURITY"
        ]
    );
    let sequences = sequence::all(&collection);
    assert_eq!(sequences, [sequence::OwnedSequence { state: Some((7, true)), ..own }]);
    assert_eq!(
        sequence::set(&sequences[0].name, 7, true),
        "SELECT pg_catalog.setval('\"public\".\"t_id_seq\"', 7, true)"
    );
}

#[test]
fn parents_and_parts() {
    let mut inherited = integer("a");
    inherited.native.parameters.insert(INHERITED.into(), "true".into());
    inherited.default = Some(DefaultValue { native: "1".into(), meaning: None });
    let mut child = Collection::table(name("public", "c"), vec![inherited.clone(), integer("b")]);
    child.attributes.insert(INHERITS.into(), r#"[["public", "p"], ["o", "q"]]"#.into());
    assert_eq!(
        table::create(&child.name, &child, table::Form::Linked),
        "CREATE TABLE \"public\".\"c\" (\n  \"b\" bigint\n) INHERITS (\"public\".\"p\", \"o\".\"q\")"
    );
    assert_eq!(
        table::settings(&child.name, &child, table::Form::Linked),
        ["ALTER TABLE ONLY \"public\".\"c\" ALTER COLUMN \"a\" SET DEFAULT 1"]
    );
    assert_eq!(
        table::create(&child.name, &child, table::Form::Alone),
        "CREATE TABLE \"public\".\"c\" (\n  \"a\" bigint DEFAULT 1,\n  \"b\" bigint\n)"
    );
    let mut leaf = Collection::table(name("public", "leaf"), vec![integer("a")]);
    leaf.part_of = Some(name("public", "p"));
    leaf.attributes.insert(PARTITION_BOUND.into(), "DEFAULT".into());
    leaf.attributes.insert(INDEX_PARENTS.into(), r#"{"leaf_pkey": ["public", "p_pkey"]}"#.into());
    assert_eq!(
        table::attach(&leaf.name, &leaf).as_deref(),
        Some("ALTER TABLE ONLY \"public\".\"p\" ATTACH PARTITION \"public\".\"leaf\" DEFAULT")
    );
    assert_eq!(index::attach(&leaf), ["ALTER INDEX \"public\".\"p_pkey\" ATTACH PARTITION \"public\".\"leaf_pkey\""]);
    let empty = Collection::table(name("public", "e"), Vec::new());
    assert_eq!(table::create(&empty.name, &empty, table::Form::Linked), "CREATE TABLE \"public\".\"e\" ()");
    let mut foreign = Collection { kind: CollectionKind::Foreign, ..empty };
    foreign.attributes.insert(SERVER.into(), "s".into());
    assert_eq!(
        table::create(&foreign.name, &foreign, table::Form::Linked),
        "CREATE FOREIGN TABLE \"public\".\"e\" () SERVER \"s\""
    );
}

#[test]
fn keys_can_be_built_apart() {
    let mut collection = Collection::table(name("public", "t"), vec![integer("a")]);
    collection.attributes.insert(
        KEY_INDEXES.into(),
        r#"{"t_key": "CREATE UNIQUE INDEX t_key ON public.t USING btree (a) INCLUDE (b)"}"#.into(),
    );
    let key = Key {
        name: Some("t_key".into()),
        columns: vec!["a".into()],
        definition: Some("UNIQUE (a) INCLUDE (b) DEFERRABLE INITIALLY DEFERRED".into()),
    };
    let stage = name("stage", "t");
    assert_eq!(
        constraint::key_index(&stage, &collection, &key).as_deref(),
        Some("CREATE UNIQUE INDEX t_key ON \"stage\".\"t\" USING btree (a) INCLUDE (b)")
    );
    assert_eq!(
        constraint::add_key_using_index(&stage, &key, false).as_deref(),
        Some(
            "ALTER TABLE \"stage\".\"t\" ADD CONSTRAINT \"t_key\" UNIQUE USING INDEX \"t_key\" DEFERRABLE INITIALLY DEFERRED"
        )
    );
    assert_eq!(
        constraint::add_key(&stage, &key, false, true),
        "ALTER TABLE ONLY \"stage\".\"t\" ADD CONSTRAINT \"t_key\" UNIQUE (a) INCLUDE (b) DEFERRABLE INITIALLY DEFERRED"
    );
}

#[test]
fn privileges_are_granted_and_revoked() {
    let attributes = [
        (OWNER, "ann"),
        (PRIVILEGES, r#"[["revoke","UPDATE","ann",false,true],["grant","SELECT",null,false,false],["grant","SELECT","b\"ob",true,false]]"#),
        (COLUMN_PRIVILEGES, r#"{"a": [["grant","UPDATE","bob",false,false]], "b": [["grant","X; DROP","bob",false,false]]}"#),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into_iter()
    .collect();
    let spelled = |owned| -> Vec<String> {
        access::privileges("TABLE t", &attributes, owned).into_iter().map(|granted| granted.statement).collect()
    };
    assert_eq!(
        spelled(true),
        [
            "REVOKE UPDATE ON TABLE t FROM \"ann\"",
            "GRANT SELECT ON TABLE t TO PUBLIC",
            "GRANT SELECT ON TABLE t TO \"b\"\"ob\" WITH GRANT OPTION",
            "GRANT UPDATE (\"a\") ON TABLE t TO \"bob\""
        ]
    );
    assert_eq!(spelled(false)[0], "REVOKE UPDATE ON TABLE t FROM CURRENT_USER");
    assert_eq!(
        access::owner("TABLE t", &attributes),
        Some(access::Granted { role: Some("ann".into()), statement: "ALTER TABLE t OWNER TO \"ann\"".into() })
    );
}
