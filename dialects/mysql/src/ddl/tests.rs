use super::*;
use dbferry_dialect::CollectionName;
use dbferry_dialect::model::{IndexSubject, ReferentialAction};

const MYSQL: &str = "CREATE TABLE `a``b` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `code` varchar(20) DEFAULT 'x,\\ny(' COMMENT 'a ''b'', (',
  `up` bigint unsigned DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `u,(` (`code`(5) DESC,`id`),
  KEY `f` ((lower(`code`)),`up`) /*!80000 INVISIBLE */,
  FULLTEXT KEY `ft` (`code`) /*!50100 WITH PARSER `ngram` */ ,
  CONSTRAINT `fk` FOREIGN KEY (`up`, `id`) REFERENCES `other`.`t``x` (`id`, `b`) ON DELETE SET NULL ON UPDATE SET DEFAULT,
  CONSTRAINT `c` CHECK ((`code` <> _utf8mb4'a)(')) /*!80016 NOT ENFORCED */
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4
/*!50100 PARTITION BY HASH (`id`)
PARTITIONS 3 */";

#[test]
fn a_definition_comes_apart_and_together() {
    let definition = split_definition(MYSQL).expect("a definition");
    assert_eq!(definition.name, "a`b");
    let kinds: Vec<_> = definition.items.iter().map(|item| (item.kind, item.name.as_deref())).collect();
    use ItemKind as K;
    assert_eq!(
        kinds,
        [
            (K::Column, Some("id")),
            (K::Column, Some("code")),
            (K::Column, Some("up")),
            (K::PrimaryKey, None),
            (K::UniqueKey, Some("u,(")),
            (K::Key, Some("f")),
            (K::FullTextKey, Some("ft")),
            (K::ForeignKey, Some("fk")),
            (K::Check, Some("c")),
        ]
    );
    assert!(definition.options.ends_with("PARTITIONS 3 */"));
    // But for a blank that MySQL puts behind a parser.
    assert_eq!(definition.create("a`b", Parts::ALL), MYSQL.replace("*/ ,", "*/,"));
    let bare = split_definition(MYSQL).expect("a definition").create("new", Parts::default());
    assert!(bare.starts_with("CREATE TABLE `new` (\n  `id`"), "{bare}");
    for left_out in ["KEY `f`", "KEY `u,(`", "FULLTEXT", "FOREIGN", "CONSTRAINT"] {
        assert!(!bare.contains(left_out), "{left_out}: {bare}");
    }
    let names: Vec<_> = definition.secondary_keys().filter_map(|item| item.name.as_deref()).collect();
    assert_eq!(names, ["u,(", "f", "ft"]);
    assert_eq!(definition.checks().count(), 1);
}

#[test]
fn keys_and_foreign_keys_are_read() {
    let definition = split_definition(MYSQL).expect("a definition");
    let item = |name: &str| definition.items.iter().find(|item| item.name.as_deref() == Some(name)).expect(name);
    let key = key::foreign_key(item("fk")).expect("a foreign key");
    assert_eq!(key.references, CollectionName::new("other", "t`x"));
    assert_eq!((key.columns.join(","), key.referenced_columns.join(",")), ("up,id".into(), "id,b".into()));
    assert_eq!((key.on_delete, key.on_update), (ReferentialAction::SetNull, ReferentialAction::SetDefault));
    assert_eq!(key::check(item("c")).expect("a check").expression, "(`code` <> _utf8mb4'a)(')");
    assert_eq!(key::key(item("u,(")), None, "a part of a column makes no key");
    let parts = key::parts(&item("u,(").text);
    assert_eq!((parts[0].prefix, parts[0].descending, parts[1].descending), (Some(5), true, false));
    let parts = key::parts(&item("f").text);
    assert_eq!(parts[0].subject, IndexSubject::Expression("lower(`code`)".into()));
    assert_eq!(parts.len(), 2);
}

#[test]
fn a_table_is_made_with_the_keys_that_it_needs() {
    let needed = |items: &str| {
        let definition =
            split_definition(&format!("CREATE TABLE `t` (\n  {items}\n) ENGINE=InnoDB")).expect("a definition");
        let all: Vec<_> = definition.items.iter().filter(|item| item.kind.is_secondary_key()).cloned().collect();
        let left: Vec<_> = definition.secondary_keys().cloned().collect();
        all.into_iter().filter(|item| !left.contains(item)).filter_map(|item| item.name).collect::<Vec<_>>().join(",")
    };
    let columns = "`a` int NOT NULL,\n `n` int NOT NULL AUTO_INCREMENT";
    assert_eq!(needed(&format!("{columns},\n PRIMARY KEY (`n`),\n KEY `k` (`n`)")), "");
    assert_eq!(needed(&format!("{columns},\n PRIMARY KEY (`a`),\n UNIQUE KEY `u` (`a`),\n KEY `k` (`n`)")), "u,k");
    assert_eq!(needed(&format!("{columns},\n UNIQUE KEY `u` (`a`),\n UNIQUE KEY `k` (`n`,`a`)")), "u,k");
    // MyISAM numbers within groups.
    assert_eq!(needed(&format!("{columns},\n PRIMARY KEY (`a`,`n`),\n KEY `k` (`a`)")), "");
    // Rows are kept in the order of a unique key where there is no primary one.
    assert_eq!(needed("`a` int NOT NULL,\n UNIQUE KEY `u` (`a`),\n KEY `k` (`a`)"), "u");
    assert_eq!(needed("`a` int NOT NULL,\n KEY `k` (`a`)"), "");
}

#[test]
fn what_is_no_definition_is_refused() {
    for text in [
        "",
        "CREATE VIEW `v` AS SELECT 1",
        "CREATE TABLE `t`",
        "CREATE TABLE `t` (`a` int",
        "CREATE TABLE `t` (FOO `a`)",
    ] {
        assert_eq!(split_definition(text).map_err(|error| error.kind()), Err(ErrorKind::Incompatible), "{text}");
    }
}

#[test]
fn definers_are_left_out() {
    for (with, without) in [
        ("CREATE DEFINER=`a``b`@`%` TRIGGER `t` BEFORE", "CREATE TRIGGER `t` BEFORE"),
        ("CREATE DEFINER=\"root\"@\"localhost\" PACKAGE \"pk\" AS", "CREATE PACKAGE \"pk\" AS"),
        ("CREATE DEFINER=`role` FUNCTION `f`()", "CREATE FUNCTION `f`()"),
        (
            "CREATE ALGORITHM=MERGE DEFINER=`r`@`h` SQL SECURITY DEFINER VIEW",
            "CREATE ALGORITHM=MERGE SQL SECURITY DEFINER VIEW",
        ),
        ("CREATE TRIGGER `t`", "CREATE TRIGGER `t`"),
    ] {
        assert_eq!(without_definer(with), without);
    }
}

#[test]
fn names_of_a_database_are_told_from_names_of_aliases() {
    for (text, expected) in [
        ("select `d`.`t`.`a` from (`d`.`t` join `x`.`u`)", "select `t`.`a` from (`t` join `x`.`u`)"),
        ("select `t`.`a` from (`x`.`u` straight_join `d`.`t`)", "select `t`.`a` from (`x`.`u` straight_join `t`)"),
        ("select `d`.`a` from `t` `d`", "select `d`.`a` from `t` `d`"),
        ("select `d`.`a` from `d`.`d`", "select `d`.`a` from `d`"),
        ("select `d`.`f`(`d`.`a`) from (`d`.`t` `d` join `d`.`u`)", "select `f`(`d`.`a`) from (`t` `d` join `u`)"),
        ("`s` int DEFAULT nextval(`d`.`s1`)", "`s` int DEFAULT nextval(`s1`)"),
        ("REFERENCES `d`.`t` (`d`)", "REFERENCES `t` (`d`)"),
        ("COMMENT '`d`.`t`'", "COMMENT '`d`.`t`'"),
    ] {
        assert_eq!(without_database(text, "d"), expected);
    }
    assert_eq!(
        header_without_database("CREATE TRIGGER d.t BEFORE INSERT ON `d`.x FOR EACH ROW SET NEW.a = d.f()", "d"),
        "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = d.f()"
    );
}
