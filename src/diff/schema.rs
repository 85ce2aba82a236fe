//! How the schema of two sides differs, thing by thing.

use dbferry_dialect::hash::same_class;
use dbferry_dialect::model::{
    Check, Column, Counter, DefaultValue, ForeignKey, Identity, Index, IndexSubject, Key, NativeObject,
    ReferentialAction,
};
use dbferry_dialect::{Collection, CollectionName, Schema};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One thing of the schema that is different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SchemaDifference {
    /// The collection, by its name on the left if it is there; absent for what belongs to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionName>,
    /// What it is, in words: `column price`, `index by_name`, `comment`.
    pub what: String,
    /// How it is different.
    pub change: SchemaChange,
    /// What the left side has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// What the right side has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<String>,
}

/// How a thing is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaChange {
    /// Only the left side has it.
    OnlyLeft,
    /// Only the right side has it.
    OnlyRight,
    /// Both have it and it is not the same.
    Changed,
}

impl SchemaDifference {
    /// A collection that only the left side has.
    pub(super) fn only_left(name: &CollectionName) -> Self {
        let collection = Some(name.clone());
        Self { collection, what: "table".into(), change: SchemaChange::OnlyLeft, left: None, right: None }
    }

    /// A collection that only the right side has.
    pub(super) fn only_right(name: &CollectionName) -> Self {
        Self { change: SchemaChange::OnlyRight, ..Self::only_left(name) }
    }
}

/// Gathers differences of one collection, or of what belongs to none.
struct Found {
    collection: Option<CollectionName>,
    all: Vec<SchemaDifference>,
}

impl Found {
    /// Compares what each side says of a thing; `None` where a side has no such thing.
    fn compare(&mut self, what: impl Into<String>, left: Option<String>, right: Option<String>) {
        let change = match (&left, &right) {
            (left, right) if left == right => return,
            (Some(_), None) => SchemaChange::OnlyLeft,
            (None, Some(_)) => SchemaChange::OnlyRight,
            _ => SchemaChange::Changed,
        };
        self.all.push(SchemaDifference { collection: self.collection.clone(), what: what.into(), change, left, right });
    }

    /// Compares things that have no names by their texts.
    fn compare_sets(&mut self, what: &str, left: &BTreeSet<String>, right: &BTreeSet<String>) {
        for text in left.difference(right) {
            self.compare(what, Some(text.clone()), None);
        }
        for text in right.difference(left) {
            self.compare(what, None, Some(text.clone()));
        }
    }

    /// Compares things by their names.
    fn compare_named(&mut self, what: &str, left: &BTreeMap<String, String>, right: &BTreeMap<String, String>) {
        let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for name in names {
            self.compare(format!("{what} {name}"), left.get(name).cloned(), right.get(name).cloned());
        }
    }
}

/// How two collections differ, their rows aside. Across dialects the engines' own texts (native types, checks, expressions,
/// collations) are not compared: they never agree.
pub(super) fn collections(left: &Collection, right: &Collection, same_dialect: bool) -> Vec<SchemaDifference> {
    let mut found = Found { collection: Some(left.name.clone()), all: Vec::new() };
    found.compare("kind", Some(format!("{:?}", left.kind)), Some(format!("{:?}", right.kind)));
    columns(&mut found, left, right, same_dialect);
    let key = |collection: &Collection| collection.primary_key.as_ref().map(|key| key_text(key, same_dialect));
    found.compare("primary key", key(left), key(right));
    let unique = |collection: &Collection| {
        collection.unique_keys.iter().map(|key| key_text(key, same_dialect)).collect::<BTreeSet<_>>()
    };
    found.compare_sets("unique key", &unique(left), &unique(right));
    let foreign_keys = |collection: &Collection| {
        collection.foreign_keys.iter().map(|key| foreign_key_text(key, same_dialect)).collect::<BTreeSet<_>>()
    };
    found.compare_sets("foreign key", &foreign_keys(left), &foreign_keys(right));
    let indexes = |collection: &Collection| {
        let portable = |index: &&Index| same_dialect || is_portable(index);
        let indexes = collection.indexes.iter().filter(portable);
        indexes.map(|index| (index.name.clone(), index_text(index))).collect::<BTreeMap<_, _>>()
    };
    found.compare_named("index", &indexes(left), &indexes(right));
    if same_dialect {
        let checks = |collection: &Collection| collection.checks.iter().map(check_text).collect::<BTreeSet<_>>();
        found.compare_sets("check", &checks(left), &checks(right));
        found.compare_named("attribute", &left.attributes, &right.attributes);
    }
    let counter = |collection: &Collection| collection.counter.as_ref().map(counter_text);
    found.compare("counter", counter(left), counter(right));
    found.compare("comment", left.comment.clone(), right.comment.clone());
    found.all
}

fn columns(found: &mut Found, left: &Collection, right: &Collection, same_dialect: bool) {
    let is_compared = |column: &&Column| same_dialect || column.role == Default::default();
    let names = |collection: &Collection, other: &Collection| -> Vec<String> {
        let columns = collection.columns.iter().filter(is_compared);
        columns.filter(|column| other.column(&column.name).is_some()).map(|column| column.name.clone()).collect()
    };
    for column in left.columns.iter().filter(is_compared) {
        let what = format!("column {}", column.name);
        match right.column(&column.name) {
            None => found.compare(what, Some(type_text(column, same_dialect)), None),
            Some((_, other)) => {
                let text = |column: &Column| Some(type_text(column, same_dialect));
                // Engines do not have the same widths and bounds; across them a type is what its values mean.
                let alike =
                    !same_dialect && column.nullable == other.nullable && same_class(&column.logical, &other.logical);
                if !alike {
                    found.compare(what.clone(), text(column), text(other));
                }
                let (ours, theirs) = match (&column.default, &other.default) {
                    (left, right) if same_dialect => (native_default(left), native_default(right)),
                    (left, right) => (meaning(left), meaning(right)),
                };
                found.compare(format!("{what}: default"), ours, theirs);
                let identity = |column: &Column| match column.identity {
                    Some(identity) if same_dialect => Some(format!("{identity:?}")),
                    Some(_) => Some("numbered by the engine".to_owned()),
                    None => None,
                };
                // Some engines number a column of that kind whether asked or not.
                let unasked = [column, other].iter().any(|column| column.identity == Some(Identity::Reusing));
                if same_dialect || !unasked {
                    found.compare(format!("{what}: identity"), identity(column), identity(other));
                }
                if same_dialect {
                    let generated = |column: &Column| column.generated.as_ref().map(|how| how.expression.clone());
                    found.compare(format!("{what}: generated"), generated(column), generated(other));
                    found.compare(format!("{what}: collation"), column.collation.clone(), other.collation.clone());
                }
                found.compare(format!("{what}: comment"), column.comment.clone(), other.comment.clone());
            }
        }
    }
    for column in right.columns.iter().filter(is_compared).filter(|column| left.column(&column.name).is_none()) {
        found.compare(format!("column {}", column.name), None, Some(type_text(column, same_dialect)));
    }
    let order = |names: Vec<String>| Some(names.join(", "));
    found.compare("order of columns", order(names(left, right)), order(names(right, left)));
}

/// How objects that belong to no one collection, or to any, differ: by kind and name, then by their text.
pub(super) fn objects(left: &Schema, right: &Schema) -> Vec<SchemaDifference> {
    let mut found = Found { collection: None, all: Vec::new() };
    let named = |schema: &Schema| -> BTreeMap<String, String> {
        let name = |object: &NativeObject| {
            let kind = serde_json::to_value(object.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
            let on = object.on.as_ref().map(|on| format!(" on {on}")).unwrap_or_default();
            format!("{} {}.{}{on}", kind.unwrap_or_default(), object.namespace, object.name)
        };
        let mut named = BTreeMap::new();
        for object in &schema.objects {
            let text = object.comment.iter().fold(object.definition.clone(), |text, comment| text + "\n" + comment);
            // Overloaded routines share a name.
            named.entry(name(object)).and_modify(|all: &mut String| *all += &format!("\n{text}")).or_insert(text);
        }
        named
    };
    let (ours, theirs) = (named(left), named(right));
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    for name in names {
        found.compare(name.clone(), ours.get(name).cloned(), theirs.get(name).cloned());
    }
    found.compare_named("attribute", &left.attributes, &right.attributes);
    found.all
}

fn type_text(column: &Column, same_dialect: bool) -> String {
    let text = if same_dialect && !column.native.text.is_empty() {
        column.native.text.clone()
    } else {
        column.logical.to_string()
    };
    if column.nullable { text } else { format!("{text} NOT NULL") }
}

fn native_default(default: &Option<DefaultValue>) -> Option<String> {
    default.as_ref().map(|default| default.native.clone())
}

/// What a default means; one that is not understood counts as none.
fn meaning(default: &Option<DefaultValue>) -> Option<String> {
    default.as_ref()?.meaning.as_ref().and_then(|meaning| serde_json::to_string(meaning).ok())
}

fn key_text(key: &Key, same_dialect: bool) -> String {
    key.definition.clone().filter(|_| same_dialect).unwrap_or_else(|| key.columns.join(", "))
}

fn foreign_key_text(key: &ForeignKey, same_dialect: bool) -> String {
    // Namespaces are renamed on the way to another dialect, and a reference to the primary key may be spelled out there.
    let (parent, columns) = if same_dialect {
        (key.references.to_string(), format!(" ({})", key.referenced_columns.join(", ")))
    } else {
        (key.references.name.clone(), String::new())
    };
    let action = |action: ReferentialAction, what: &str| match action {
        ReferentialAction::NoAction => String::new(),
        // To most engines both are one.
        ReferentialAction::Restrict if !same_dialect => String::new(),
        other => format!(" {what} {other:?}"),
    };
    let actions = action(key.on_delete, "on delete") + &action(key.on_update, "on update");
    let own = key.definition.as_ref().filter(|_| same_dialect).map(|text| format!(" {text}")).unwrap_or_default();
    format!("{} -> {parent}{columns}{actions}{own}", key.columns.join(", "))
}

fn is_portable(index: &Index) -> bool {
    index.predicate.is_none() && index.parts.iter().all(|part| matches!(part.subject, IndexSubject::Column(_)))
}

fn index_text(index: &Index) -> String {
    let part = |part: &dbferry_dialect::model::IndexPart| {
        let (IndexSubject::Column(text) | IndexSubject::Expression(text)) = &part.subject;
        format!("{text}{}", if part.descending { " DESC" } else { "" })
    };
    let parts = index.parts.iter().map(part).collect::<Vec<_>>().join(", ");
    let condition = index.predicate.as_ref().map(|text| format!(" where {text}")).unwrap_or_default();
    format!("{}({parts}){condition}", if index.unique { "unique " } else { "" })
}

fn check_text(check: &Check) -> String {
    check.definition.clone().unwrap_or_else(|| check.expression.clone())
}

fn counter_text(counter: &Counter) -> String {
    let next = counter.last_value.saturating_add(i64::from(counter.is_called));
    format!("{}: next is {next}", counter.column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::LogicalType;
    use dbferry_dialect::model::{IndexPart, ObjectKind};

    fn table() -> Collection {
        let columns = vec![
            Column::new("id", LogicalType::INT64, "BIGINT"),
            Column::new("name", LogicalType::TEXT, "TEXT"),
            Column::new("price", LogicalType::Decimal { precision: 10, scale: 2 }, "NUMERIC(10,2)"),
        ];
        let mut table = Collection::table(CollectionName::new("main", "t"), columns);
        table.primary_key = Some(Key { name: None, columns: vec!["id".into()], definition: None });
        table.counter = Some(Counter { column: "id".into(), last_value: 7, is_called: true });
        table
    }

    fn told(left: &Collection, right: &Collection, same_dialect: bool) -> Vec<String> {
        let differences = collections(left, right, same_dialect);
        assert!(differences.iter().all(|difference| difference.collection.as_ref() == Some(&left.name)));
        let show = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        differences.into_iter().map(|d| format!("{}: {} | {}", d.what, show(d.left), show(d.right))).collect()
    }

    #[test]
    fn everything_of_a_table_is_looked_at() {
        assert_eq!(told(&table(), &table(), true), Vec::<String>::new());
        let change = |change: &dyn Fn(&mut Collection)| {
            let mut changed = table();
            change(&mut changed);
            told(&table(), &changed, true)
        };
        assert_eq!(change(&|t| t.columns[1].nullable = false), ["column name: TEXT | TEXT NOT NULL"]);
        assert_eq!(change(&|t| drop(t.columns.pop())), ["column price: NUMERIC(10,2) | -"]);
        assert_eq!(change(&|t| t.columns.swap(0, 1)), ["order of columns: id, name, price | name, id, price"]);
        assert_eq!(change(&|t| t.primary_key = None), ["primary key: id | -"]);
        assert_eq!(change(&|t| t.counter = None), ["counter: id: next is 8 | -"]);
        assert_eq!(change(&|t| t.comment = Some("x".into())), ["comment: - | x"]);
        assert_eq!(change(&|t| t.columns[0].comment = Some("x".into())), ["column id: comment: - | x"]);
        let default = DefaultValue { native: "now()".into(), meaning: None };
        assert_eq!(change(&|t| t.columns[1].default = Some(default.clone())), ["column name: default: - | now()"]);
        let check = Check { name: None, expression: "id > 0".into(), meaning: None, definition: None };
        assert_eq!(change(&|t| t.checks.push(check.clone())), ["check: - | id > 0"]);
        let part = |descending| IndexPart {
            subject: IndexSubject::Column("name".into()),
            meaning: None,
            descending,
            collation: None,
        };
        let index = |descending| Index {
            name: "by_name".into(),
            parts: vec![part(descending)],
            unique: true,
            predicate: None,
            condition: None,
            definition: None,
        };
        assert_eq!(change(&|t| t.indexes.push(index(false))), ["index by_name: - | unique (name)"]);
        let (mut left, mut right) = (table(), table());
        left.indexes.push(index(false));
        right.indexes.push(index(true));
        assert_eq!(told(&left, &right, true), ["index by_name: unique (name) | unique (name DESC)"]);
        let key = ForeignKey {
            name: None,
            columns: vec!["id".into()],
            references: CollectionName::new("main", "p"),
            referenced_columns: vec!["id".into()],
            on_delete: ReferentialAction::Cascade,
            on_update: ReferentialAction::NoAction,
            deferred: Default::default(),
            definition: None,
        };
        let told = change(&|t| t.foreign_keys.push(key.clone()));
        assert_eq!(told, ["foreign key: - | id -> main.p (id) on delete Cascade"]);
    }

    #[test]
    fn what_only_one_engine_says_is_no_difference_to_another() {
        let mut other = table();
        other.columns[0].native.text = "INTEGER".into();
        other.columns[1].collation = Some("C".into());
        other.checks.push(Check { name: None, expression: "id > 0".into(), meaning: None, definition: None });
        assert_eq!(told(&table(), &other, false), Vec::<String>::new());
        assert_eq!(told(&table(), &other, true).len(), 3);
        other.columns[0].logical = LogicalType::Int { bits: 32, signed: true };
        other.columns[0].identity = Some(Identity::Reusing);
        assert_eq!(told(&table(), &other, false), Vec::<String>::new());
        other.columns[0].identity = Some(Identity::Always);
        assert_eq!(told(&table(), &other, false), ["column id: identity: - | numbered by the engine"]);
        other.columns[0].identity = None;
        other.columns[2].logical = LogicalType::TEXT;
        assert_eq!(told(&table(), &other, false), ["column price: decimal(10,2) | text"]);
    }

    #[test]
    fn objects_are_told_apart_by_kind_and_name() {
        let view = |text: &str| NativeObject::new(ObjectKind::View, "main", "v", "memory", text);
        let schema = |objects: Vec<NativeObject>| Schema { objects, ..Schema::default() };
        let found = objects(&schema(vec![view("SELECT 1")]), &schema(vec![view("SELECT 2")]));
        assert_eq!((found.len(), found[0].what.as_str(), found[0].change), (1, "view main.v", SchemaChange::Changed));
        assert_eq!(objects(&schema(Vec::new()), &schema(vec![view("x")]))[0].change, SchemaChange::OnlyRight);
        assert_eq!(objects(&schema(vec![view("x")]), &schema(vec![view("x")])), []);
    }
}
