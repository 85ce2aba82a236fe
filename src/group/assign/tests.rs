use super::*;
use crate::dialect::logical::LogicalType;
use crate::dialect::model::{Column, ForeignKey, Key, ReferentialAction};
use crate::group::{BUILT_IN, GroupInfo};
use proptest::prelude::*;

fn name(text: &str) -> CollectionName {
    let (namespace, name) = text.split_once('.').unwrap_or(("main", text));
    CollectionName::new(namespace, name)
}

fn table(text: &str, columns: &[&str]) -> Collection {
    let columns = columns.iter().map(|column| Column::new(*column, LogicalType::Bool, "INTEGER")).collect();
    Collection::table(name(text), columns)
}

fn references(mut collection: Collection, edges: &[(&str, &str)]) -> Collection {
    for (column, target) in edges {
        collection.foreign_keys.push(ForeignKey {
            definition: None,
            name: None,
            columns: vec![(*column).to_owned()],
            references: name(target),
            referenced_columns: Vec::new(),
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
            deferred: Default::default(),
        });
    }
    collection
}

fn commented(mut collection: Collection, comment: &str) -> Collection {
    collection.comment = Some(comment.to_owned());
    collection
}

fn part(mut collection: Collection, owner: &str) -> Collection {
    collection.part_of = Some(name(owner));
    collection
}

fn rules(rules: &[(&str, &[&str])]) -> GroupRules {
    let rules = rules.iter().map(|(group, patterns)| Rule::tables(group, patterns).unwrap()).collect();
    GroupRules::new(rules, Vec::new(), Unmatched::Unknown)
}

fn schema(collections: Vec<Collection>) -> Schema {
    Schema { collections, ..Schema::default() }
}

fn run(collections: Vec<Collection>, rules: &GroupRules) -> Grouping {
    assign(&schema(collections), rules, &mut |sql| panic!("no query expected: {sql}")).unwrap()
}

/// `name group (rule)` of each assignment.
fn words(grouping: &Grouping) -> Vec<String> {
    grouping.assignments.iter().map(|a| format!("{} {} ({})", a.collection, a.group, a.rule)).collect()
}

#[test]
fn the_first_match_wins() {
    let rules = rules(&[("user", &["users", "user_*"]), ("log", &["*_log", "audit.*"]), ("custom", &["*"])]);
    let grouping = run(
        vec![
            table("user_log", &[]),
            table("users", &[]),
            table("audit.x", &[]),
            table("door_log", &[]),
            table("z", &[]),
        ],
        &rules,
    );
    assert_eq!(
        words(&grouping),
        [
            "main.user_log user (rule 1: user_*)",
            "main.users user (rule 1: users)",
            "audit.x log (rule 2: audit.*)",
            "main.door_log log (rule 2: *_log)",
            "main.z custom (rule 3: *)",
        ]
    );
    assert!(grouping.unmatched_rules.is_empty());
}

#[test]
fn rules_without_effect_are_reported() {
    let mut rules = rules(&[("user", &["users", "people"]), ("log", &["user?", "tagged"])]);
    rules.add_preset("wordpress").unwrap();
    let tagged = commented(table("tagged", &[]), "dbferry:group=user");
    let grouping = run(vec![table("users", &[]), table("z", &[]), tagged], &rules);
    let reported: Vec<_> = grouping.unmatched_rules.iter().map(|u| (u.rule.as_str(), u.reason)).collect();
    assert_eq!(reported[0], ("rule 1: people", "matches no table"));
    assert_eq!(reported[1].0, "rule 2: user?");
    assert!(reported[1].1.contains("earlier rule"));
    assert_eq!(reported[2], ("rule 2: tagged", reported[1].1));
    assert_eq!(reported[3], ("preset wordpress", "matches no table"));
    assert_eq!(reported.len(), 4);
}

#[test]
fn a_comment_tag_beats_patterns() {
    let rules = rules(&[("user", &["*"])]);
    let grouping = run(
        vec![
            commented(table("a", &[]), "Page views (dbferry:group=log)."),
            commented(table("b", &[]), "dbferry:group=billing.v2."),
            commented(table("c", &[]), "not xdbferry:group=log"),
        ],
        &rules,
    );
    assert_eq!(
        words(&grouping),
        ["main.a log (comment tag)", "main.b billing.v2 (comment tag)", "main.c user (rule 1: *)"]
    );
}

#[test]
fn a_bad_comment_tag_is_an_error() {
    for comment in ["dbferry:group=Log", "dbferry:group=", "dbferry:group=log dbferry:group=user"] {
        let schema = schema(vec![commented(table("a", &[]), comment)]);
        let error = assign(&schema, &GroupRules::default(), &mut |_| Ok(Vec::new())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{comment}");
        assert!(error.to_string().contains("collection main.a"), "{error}");
    }
}

#[test]
fn parts_follow_their_owner_whatever_rules_say() {
    let rules = rules(&[("log", &["docs_*"]), ("custom", &["docs"])]);
    let grouping = run(
        vec![
            table("docs", &[]),
            commented(part(table("docs_data", &[]), "docs"), "dbferry:group=user"),
            part(table("docs_data_part", &[]), "docs_data"),
            part(table("orphan", &[]), "gone"),
            part(table("ring_a", &[]), "ring_b"),
            part(table("ring_b", &[]), "ring_a"),
        ],
        &rules,
    );
    assert_eq!(
        words(&grouping),
        [
            "main.docs custom (rule 2: docs)",
            "main.docs_data custom (part of main.docs)",
            "main.docs_data_part custom (part of main.docs)",
            "main.orphan unknown (no rule matched)",
            "main.ring_a unknown (no rule matched)",
            "main.ring_b unknown (no rule matched)",
        ]
    );
    assert_eq!(grouping.unmatched_rules.len(), 1, "{:?}", grouping.unmatched_rules);
}

#[test]
fn join_tables_follow_what_they_join() {
    let rules = rules(&[("user", &["users", "roles"]), ("log", &["events"])]);
    let mut surrogate = references(
        table("memberships", &["id", "user_id", "role_id", "createdAt", "updated_at"]),
        &[("user_id", "users"), ("role_id", "roles")],
    );
    surrogate.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".to_owned()] });
    let grouping = run(
        vec![
            table("users", &["id"]),
            table("roles", &["id"]),
            table("events", &["id"]),
            surrogate,
            references(table("friend_roles", &["f", "r"]), &[("f", "friends"), ("r", "roles")]),
            references(table("friends", &["a", "b"]), &[("a", "users"), ("b", "users")]),
            references(table("admins", &["u"]), &[("u", "users")]),
            references(table("visits", &["u", "e"]), &[("u", "users"), ("e", "events")]),
            references(table("lines", &["u", "r", "price"]), &[("u", "users"), ("r", "roles")]),
            references(table("stale", &["u", "g"]), &[("u", "users"), ("g", "gone")]),
            references(table("tree", &["u", "parent"]), &[("u", "users"), ("parent", "tree")]),
            references(table("loop_a", &["u", "b"]), &[("u", "users"), ("b", "loop_b")]),
            references(table("loop_b", &["u", "a"]), &[("u", "users"), ("a", "loop_a")]),
        ],
        &rules,
    );
    assert_eq!(
        words(&grouping)[3..],
        [
            "main.memberships user (joins main.users and main.roles, both user)",
            "main.friend_roles user (joins main.friends and main.roles, both user)",
            "main.friends user (joins main.users with itself, user)",
            "main.admins unknown (no rule matched)",
            "main.visits unknown (no rule matched)",
            "main.lines unknown (no rule matched)",
            "main.stale unknown (no rule matched)",
            "main.tree unknown (no rule matched)",
            "main.loop_a unknown (no rule matched)",
            "main.loop_b unknown (no rule matched)",
        ]
    );
}

#[test]
fn a_rule_beats_what_a_join_table_joins() {
    let rules = rules(&[("user", &["users"]), ("log", &["friends"])]);
    let friends = references(table("friends", &["a", "b"]), &[("a", "users"), ("b", "users")]);
    assert_eq!(words(&run(vec![table("users", &[]), friends], &rules))[1], "main.friends log (rule 2: friends)");
}

#[test]
fn a_query_lists_names_with_or_without_namespace() {
    let rule = Rule::query("custom", "SELECT name FROM registry", Some("registry")).unwrap();
    let rules = GroupRules::new(vec![rule], Vec::new(), Unmatched::Unknown);
    let tables = vec![table("a", &[]), table("other.b", &[]), table("c", &[]), table("registry", &[])];
    let mut calls = 0;
    let mut query = |sql: &str| {
        calls += 1;
        assert_eq!(sql, "SELECT name FROM registry");
        Ok(vec!["a".to_owned(), "other.b".to_owned(), "main.nothing".to_owned()])
    };
    let grouping = assign(&schema(tables), &rules, &mut query).unwrap();
    assert_eq!(calls, 1);
    assert_eq!(words(&grouping)[0], "main.a custom (rule 1: query)");
    assert_eq!(words(&grouping)[1], "other.b custom (rule 1: query)");
    assert_eq!(words(&grouping)[2], "main.c unknown (no rule matched)");
    // Without the registry the query is not run: `run` panics if it is.
    assert_eq!(words(&run(vec![table("a", &[])], &rules)), ["main.a unknown (no rule matched)"]);
}

#[test]
fn a_failing_query_names_its_rule() {
    let rule = Rule::query("custom", "SELECT", None).unwrap();
    let rules = GroupRules::new(vec![rule], Vec::new(), Unmatched::Unknown);
    let error = assign(&schema(vec![]), &rules, &mut |_| Err(Error::new(ErrorKind::Database, "no"))).unwrap_err();
    assert_eq!(error.to_string(), "no (rule rule 1)");
}

#[test]
fn unmatched_tables_can_be_errors_and_the_engine_s_own_are_not() {
    let rules = GroupRules::new(vec![Rule::tables("user", &["users"]).unwrap()], Vec::new(), Unmatched::Error);
    let mut statistics = table("sqlite_stat1", &[]);
    statistics.kind = CollectionKind::System;
    let collections = vec![table("users", &[]), statistics];
    assert_eq!(
        words(&run(collections.clone(), &rules))[1],
        "main.sqlite_stat1 unknown (no rule matched, a table of the engine itself)"
    );
    let mut more = collections;
    more.extend([table("x", &[]), part(table("x_part", &[]), "x"), table("y", &[])]);
    let error = assign(&schema(more), &rules, &mut |_| Ok(Vec::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(error.message(), "no group rule matches main.x, main.y");
}

#[test]
fn own_rules_come_before_a_preset_s() {
    let mut rules = GroupRules::new(
        vec![Rule::tables("billing", &["executions"]).unwrap()],
        Vec::<GroupInfo>::new(),
        Unmatched::Unknown,
    );
    rules.add_preset("nocobase").unwrap();
    let tables = ["executions", "collections", "users", "rolesUsers", "jobs", "t_x", "posts", "aiMessages", "z"];
    let tables = tables.iter().map(|name| table(name, &[])).collect();
    let grouping =
        assign(&schema(tables), &rules, &mut |_| Ok(vec!["t_x".into(), "posts".into(), "users".into()])).unwrap();
    assert_eq!(
        words(&grouping),
        [
            "main.executions billing (rule 1: executions)",
            "main.collections required (preset nocobase: collections)",
            "main.users user (preset nocobase: users)",
            "main.rolesUsers user (preset nocobase: rolesUsers)",
            "main.jobs log (preset nocobase: jobs)",
            "main.t_x custom (preset nocobase: query)",
            "main.posts custom (preset nocobase: query)",
            "main.aiMessages log (preset nocobase: aiMessages)",
            "main.z unknown (no rule matched)",
        ]
    );
}

proptest! {
    /// Whatever the schema and the rules are, every collection has exactly one group, in the schema's order, and every part
    /// has its owner's.
    #[test]
    fn every_collection_has_exactly_one_group(
        shape in proptest::collection::vec((0..12usize, 0..12usize, 0..12usize, 0..6u8), 0..12),
        order in proptest::sample::subsequence(vec!["t1*", "t?", "*2", "main.t3"], 0..=4),
    ) {
        let collections: Vec<_> = shape.iter().enumerate().map(|(index, (owner, left, right, kind))| {
            let mut collection = table(&format!("t{index}"), &["a", "b"]);
            if *kind == 0 { collection = part(collection, &format!("t{owner}")); }
            if *kind == 1 { collection = commented(collection, "dbferry:group=tagged"); }
            references(collection, &[("a", &format!("t{left}")), ("b", &format!("t{right}"))])
        }).collect();
        let named: Vec<_> = order.iter().zip(BUILT_IN).map(|(pattern, group)| (group, [*pattern])).collect();
        let rules = rules(&named.iter().map(|(group, patterns)| (*group, patterns.as_slice())).collect::<Vec<_>>());
        let grouping = run(collections.clone(), &rules);
        prop_assert_eq!(grouping.assignments.len(), collections.len());
        for (assignment, collection) in grouping.assignments.iter().zip(&collections) {
            prop_assert_eq!(&assignment.collection, &collection.name);
            prop_assert!(!assignment.rule.is_empty());
            validate_name(&assignment.group).unwrap();
            if let Some(owner) = &assignment.part_of {
                let owner = grouping.assignments.iter().find(|other| other.collection == *owner).unwrap();
                prop_assert_eq!(&owner.group, &assignment.group);
                prop_assert!(owner.part_of.is_none());
            }
        }
    }
}
