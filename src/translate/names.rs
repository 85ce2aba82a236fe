//! What tables, columns, indexes and constraints of one engine are called in another.
//!
//! A name stays what it is wherever it can. It cannot where the target has a shorter limit, holds two names for the same that
//! differ in case, keeps names in one place that the source keeps in several, or reserves the name. The rule, in order:
//!
//! 1. What is in the source's default namespace (SQLite's and MySQL's `main`, PostgreSQL's `public`) goes to the target's. Other
//!    namespaces keep their names where the target has namespaces, else everything goes to the one that it has.
//! 2. What several namespaces have under one name gets its namespace in front, in a target that has only one: `audit_users`.
//!    An index or a constraint whose name is taken there gets its table in front: `users_by_name`.
//! 3. What is too long, is empty, ends with a blank or has a character that the target has not is cut or loses it, and gets a mark.
//! 4. What then has the name of another one gets a mark; the one that keeps its own name, or else comes first, needs none.
//!
//! A mark is `_` and six hexadecimal digits of the BLAKE3 hash of the whole name (`namespace.name` of a table). So a name depends on
//! the source alone, and a second restore, `verify` and `diff` find it again. Within one dialect nothing is ever renamed.

use crate::registry;
use dbferry_dialect::model::ColumnRole;
use dbferry_dialect::{Capabilities, Case, Collection, CollectionName, Dialect, Identifiers, Scope};
use std::collections::{BTreeMap, BTreeSet};

/// The names of the collections of a source, and of what belongs to them, in a target.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    same_dialect: bool,
    target: Capabilities,
    /// The source's default namespace, if its dialect is known.
    default: Option<&'static str>,
    of: BTreeMap<CollectionName, Named>,
}

/// The names of one collection and of what belongs to it.
#[derive(Clone, Debug, Default)]
struct Named {
    target: Option<CollectionName>,
    /// Columns that get another name.
    columns: BTreeMap<String, String>,
    /// The names of its indexes, foreign keys and checks, in their order.
    indexes: Vec<String>,
    unique_keys: Vec<Option<String>>,
    foreign_keys: Vec<Option<String>>,
    checks: Vec<Option<String>>,
}

impl Names {
    /// The names of all `collections` of a source, also of those that are not restored this time. `source` and `target` are the
    /// names of the dialects, `capabilities` the target's.
    pub(crate) fn new<'c>(
        collections: impl IntoIterator<Item = &'c Collection>,
        source: &str,
        target: &str,
        capabilities: &Capabilities,
    ) -> Self {
        let default = registry::by_name(source).map(|dialect| Dialect::capabilities(dialect).default_namespace);
        Self::with_default(collections, source == target, default, capabilities)
    }

    fn with_default<'c>(
        collections: impl IntoIterator<Item = &'c Collection>,
        same_dialect: bool,
        default: Option<&'static str>,
        target: &Capabilities,
    ) -> Self {
        let mut names = Self { same_dialect, target: *target, default, of: BTreeMap::new() };
        if same_dialect {
            return names;
        }
        let mut collections: Vec<&Collection> = collections.into_iter().collect();
        collections.sort_by(|left, right| left.name.cmp(&right.name));
        names.tables(&collections);
        for collection in &collections {
            let columns = columns(collection, &target.identifiers);
            names.of.entry(collection.name.clone()).or_default().columns = columns;
        }
        names.parts(&collections);
        names
    }

    /// The name of a collection; one that the source has not is named as if it had it.
    pub(crate) fn collection(&self, name: &CollectionName) -> CollectionName {
        let known = self.of.get(name).and_then(|named| named.target.clone());
        known.unwrap_or_else(|| CollectionName::new(self.namespace(name), name.name.clone()))
    }

    /// The namespace where a collection goes.
    fn namespace(&self, name: &CollectionName) -> String {
        let keeps = self.same_dialect || self.target.namespaces && self.default != Some(name.namespace.as_str());
        if keeps { name.namespace.clone() } else { self.target.default_namespace.to_owned() }
    }

    /// The name of a column.
    pub(crate) fn column(&self, collection: &CollectionName, column: &str) -> String {
        let renamed = self.of.get(collection).and_then(|named| named.columns.get(column));
        renamed.map_or_else(|| column.to_owned(), Clone::clone)
    }

    /// Puts the names of its parts into a collection, the columns of its keys included; expressions have none yet. Its own name
    /// stays.
    pub(crate) fn rename(&self, collection: &mut Collection) {
        let Some(named) = self.of.get(&collection.name).filter(|_| !self.same_dialect) else { return };
        let name = collection.name.clone();
        let change = |column: &mut String| *column = self.column(&name, column);
        for column in &mut collection.columns {
            change(&mut column.name);
        }
        for key in collection.primary_key.iter_mut().chain(&mut collection.unique_keys) {
            key.columns.iter_mut().for_each(change);
        }
        for (key, own) in collection.unique_keys.iter_mut().zip(&named.unique_keys) {
            key.name.clone_from(own);
        }
        for (key, own) in collection.foreign_keys.iter_mut().zip(&named.foreign_keys) {
            key.columns.iter_mut().for_each(change);
            key.referenced_columns.iter_mut().for_each(|column| *column = self.column(&key.references, column));
            key.name.clone_from(own);
        }
        for (check, own) in collection.checks.iter_mut().zip(&named.checks) {
            check.name.clone_from(own);
        }
        for (index, own) in collection.indexes.iter_mut().zip(&named.indexes) {
            index.name.clone_from(own);
            for part in &mut index.parts {
                if let dbferry_dialect::model::IndexSubject::Column(column) = &mut part.subject {
                    change(column);
                }
            }
        }
        if let Some(counter) = &mut collection.counter {
            change(&mut counter.column);
        }
    }

    /// What of a collection gets another name, in sentences.
    pub(crate) fn told(&self, source: &Collection) -> Vec<String> {
        let Some(named) = self.of.get(&source.name) else { return Vec::new() };
        let mut told = Vec::new();
        let target = named.target.as_ref().filter(|target| target.name != source.name.name);
        told.extend(target.map(|target| format!("it is called {} there", target.name)));
        told.extend(named.columns.iter().map(|(from, to)| format!("column {from} is called {to} there")));
        let mut tell = |what: &str, from: Option<&str>, to: Option<&str>| {
            if let (Some(from), Some(to)) = (from, to)
                && from != to
            {
                told.push(format!("{what} {from} is called {to} there"));
            }
        };
        for (index, to) in source.indexes.iter().zip(&named.indexes) {
            tell("index", Some(&index.name), Some(to));
        }
        for (key, to) in source.unique_keys.iter().zip(&named.unique_keys) {
            tell("unique key", key.name.as_deref(), to.as_deref());
        }
        for (key, to) in source.foreign_keys.iter().zip(&named.foreign_keys) {
            tell("foreign key", key.name.as_deref(), to.as_deref());
        }
        for (check, to) in source.checks.iter().zip(&named.checks) {
            tell("check", check.name.as_deref(), to.as_deref());
        }
        told
    }

    fn tables(&mut self, collections: &[&Collection]) {
        let Capabilities { identifiers, namespaces, .. } = self.target;
        let place = |name: &CollectionName| self.namespace(name);
        let key = |place: &str, name: &str| (place.to_owned(), identifiers.tables.key(name));
        let mut found = Vec::with_capacity(collections.len());
        let mut shared: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
        for Collection { name, .. } in collections {
            let namespaces = shared.entry(key(&place(name), &name.name)).or_default();
            namespaces.insert(&name.namespace);
        }
        let wanted = |name: &CollectionName| {
            let several = !namespaces && shared.get(&key(&place(name), &name.name)).is_some_and(|all| all.len() > 1);
            let wanted = if several { format!("{}_{}", name.namespace, name.name) } else { name.name.clone() };
            fitted(&identifiers, &wanted, &name.to_string())
        };
        let mut wanted: Vec<(bool, &CollectionName, String)> = collections
            .iter()
            .map(|collection| (&collection.name, wanted(&collection.name)))
            .map(|(name, wanted)| (wanted != name.name, name, wanted))
            .collect();
        // Those that keep their names come first.
        wanted.sort();
        let mut taken = BTreeSet::new();
        for (_, name, wanted) in wanted {
            let place = place(name);
            let free = unique(&identifiers, identifiers.tables, &[wanted], &name.to_string(), |name| {
                taken.insert(key(&place, name))
            });
            let named = Named { target: Some(CollectionName::new(place, free)), ..Named::default() };
            found.push((name.clone(), named));
        }
        self.of.extend(found);
    }

    /// Indexes, foreign keys and checks.
    fn parts(&mut self, collections: &[&Collection]) {
        let identifiers = self.target.identifiers;
        let mut indexes = Taken::new(identifiers.indexes, identifiers);
        let mut foreign_keys = Taken::new(identifiers.foreign_keys, identifiers);
        let mut checks = Taken::new(identifiers.checks, identifiers);
        for named in self.of.values() {
            indexes
                .tables
                .extend(named.target.as_ref().map(|name| (name.namespace.clone(), identifiers.others.key(&name.name))));
        }
        for collection in collections {
            let target = self.collection(&collection.name);
            let own = |names: &mut Taken, name: Option<&String>| name.map(|name| names.give(&target, name));
            let named = self.of.entry(collection.name.clone()).or_default();
            named.unique_keys = collection.unique_keys.iter().map(|key| own(&mut indexes, key.name.as_ref())).collect();
            named.indexes = collection.indexes.iter().map(|index| indexes.give(&target, &index.name)).collect();
            let keys = collection.foreign_keys.iter();
            named.foreign_keys = keys.map(|key| own(&mut foreign_keys, key.name.as_ref())).collect();
            named.checks = collection.checks.iter().map(|check| own(&mut checks, check.name.as_ref())).collect();
        }
    }
}

/// Names of one kind of parts that are taken.
struct Taken {
    scope: Scope,
    identifiers: Identifiers,
    /// Tables, each in its namespace, where they share their names.
    tables: BTreeSet<(String, String)>,
    parts: BTreeSet<(String, String, String)>,
}

impl Taken {
    fn new(scope: Scope, identifiers: Identifiers) -> Self {
        Self { scope, identifiers, tables: BTreeSet::new(), parts: BTreeSet::new() }
    }

    fn give(&mut self, table: &CollectionName, name: &str) -> String {
        let of_table = if self.scope == Scope::Table { table.name.clone() } else { String::new() };
        let full = format!("{}.{name}", table.name);
        let wanted =
            [name.to_owned(), format!("{}_{name}", table.name)].map(|name| fitted(&self.identifiers, &name, &full));
        let Self { scope, identifiers, tables, parts } = self;
        unique(identifiers, identifiers.others, &wanted, &full, |name| {
            let key = identifiers.others.key(name);
            let is_table = *scope == Scope::Relations && tables.contains(&(table.namespace.clone(), key.clone()));
            !is_table && parts.insert((table.namespace.clone(), of_table.clone(), key))
        })
    }
}

/// The columns of a collection that get another name.
fn columns(collection: &Collection, identifiers: &Identifiers) -> BTreeMap<String, String> {
    let data = collection.columns.iter().filter(|column| column.role == ColumnRole::Data);
    let mut wanted: Vec<(bool, &str, String)> = data
        .map(|column| (column.name.as_str(), fitted(identifiers, &column.name, &column.name)))
        .map(|(name, wanted)| (wanted != name, name, wanted))
        .collect();
    // The sort is stable: of those that keep their names the first column comes first.
    wanted.sort_by_key(|(changed, ..)| *changed);
    let mut taken: BTreeSet<String> =
        identifiers.reserved_columns.iter().map(|name| identifiers.others.key(name)).collect();
    let mut renamed = BTreeMap::new();
    for (_, name, wanted) in wanted {
        let free =
            unique(identifiers, identifiers.others, &[wanted], name, |name| taken.insert(identifiers.others.key(name)));
        if free != name {
            renamed.insert(name.to_owned(), free);
        }
    }
    renamed
}

/// The first of some names that is free, or the first one with a mark; `take` says whether a name was free.
fn unique(
    identifiers: &Identifiers,
    case: Case,
    wanted: &[String],
    full: &str,
    mut take: impl FnMut(&str) -> bool,
) -> String {
    // Two of a table's own may be the same name there.
    let mut tried = BTreeSet::new();
    for name in wanted {
        if tried.insert(case.key(name)) && take(name) {
            return name.clone();
        }
    }
    let first = wanted.first().map(String::as_str).unwrap_or_default();
    let mut marked = with_mark(identifiers, first, full);
    let mut again = full.to_owned();
    // Six digits are seldom the same twice.
    while !take(&marked) {
        again.push('_');
        marked = with_mark(identifiers, first, &again);
    }
    marked
}

/// The name if the target takes it, else what it takes of it with a mark.
fn fitted(identifiers: &Identifiers, name: &str, full: &str) -> String {
    match identifiers.refusal(name) {
        None => name.to_owned(),
        Some(_) => with_mark(identifiers, name, full),
    }
}

/// As much of the name as fits before a mark.
fn with_mark(identifiers: &Identifiers, name: &str, full: &str) -> String {
    let digest = blake3::hash(full.as_bytes()).to_hex();
    let mark = format!("_{}", &digest[..6]);
    let is_held = |character: &char| identifiers.supplementary || u32::from(*character) <= 0xffff;
    let mut kept: String = name.chars().filter(is_held).collect();
    while identifiers.refusal(&format!("{kept}{mark}")).is_some() && kept.pop().is_some() {}
    format!("{kept}{mark}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::model::{Check, Index, IndexPart, IndexSubject};
    use dbferry_dialect::{Column, LogicalType};

    fn table(namespace: &str, name: &str, columns: &[&str]) -> Collection {
        let columns = columns.iter().map(|name| Column::new(*name, LogicalType::INT64, "")).collect();
        Collection::table(CollectionName::new(namespace, name), columns)
    }

    fn one_namespace(change: impl FnOnce(&mut Identifiers)) -> Capabilities {
        let mut capabilities = Capabilities::MINIMAL;
        change(&mut capabilities.identifiers);
        capabilities
    }

    fn target(names: &Names, namespace: &str, name: &str) -> String {
        names.collection(&CollectionName::new(namespace, name)).to_string()
    }

    #[test]
    fn namespaces_come_in_front_only_where_a_name_is_shared() {
        let tables = [table("audit", "users", &[]), table("public", "users", &[]), table("public", "orders", &[])];
        let names = Names::with_default(&tables, false, None, &one_namespace(|_| {}));
        assert_eq!(target(&names, "audit", "users"), "main.audit_users");
        assert_eq!(target(&names, "public", "users"), "main.public_users");
        assert_eq!(target(&names, "public", "orders"), "main.orders");
        assert_eq!(names.told(&tables[0]), ["it is called audit_users there"]);
        assert_eq!(target(&names, "nowhere", "x"), "main.x");
        // A table that has the name already keeps it.
        let tables = [table("a", "x", &[]), table("b", "x", &[]), table("c", "a_x", &[])];
        let names = Names::with_default(&tables, false, None, &one_namespace(|_| {}));
        assert_eq!(target(&names, "c", "a_x"), "main.a_x");
        assert_eq!(target(&names, "a", "x"), format!("main.a_x_{}", &blake3::hash(b"a.x").to_hex()[..6]));
        let mut several = Capabilities::MINIMAL;
        (several.namespaces, several.default_namespace) = (true, "public");
        assert_eq!(target(&Names::with_default(&tables, false, Some("a"), &several), "a", "x"), "public.x");
        assert_eq!(target(&Names::with_default(&tables, false, None, &several), "a", "x"), "a.x");
        assert_eq!(target(&Names::with_default(&tables, true, None, &one_namespace(|_| {})), "a", "x"), "a.x");
    }

    #[test]
    fn long_names_and_names_that_differ_in_case_get_a_mark() {
        let long = "é".repeat(40);
        let tables = [table("p", &long, &[]), table("p", "Users", &["ID", "id", "xmin"]), table("p", "users", &[])];
        let target_of = one_namespace(|identifiers| {
            identifiers.max_bytes = Some(63);
            identifiers.tables = Case::AsciiFolds;
            identifiers.others = Case::AsciiFolds;
            identifiers.reserved_columns = &["xmin"];
        });
        let names = Names::with_default(&tables, false, None, &target_of);
        let cut = names.collection(&tables[0].name).name;
        assert!(cut.len() <= 63 && cut.starts_with("ééé"), "{cut}");
        assert_eq!(cut, format!("{}_{}", "é".repeat(28), &blake3::hash(format!("p.{long}").as_bytes()).to_hex()[..6]));
        assert_eq!(target(&names, "p", "Users"), "main.Users");
        assert_eq!(target(&names, "p", "users"), format!("main.users_{}", &blake3::hash(b"p.users").to_hex()[..6]));
        assert_eq!(names.column(&tables[1].name, "ID"), "ID");
        assert_eq!(names.column(&tables[1].name, "id"), format!("id_{}", &blake3::hash(b"id").to_hex()[..6]));
        assert!(names.column(&tables[1].name, "xmin").starts_with("xmin_"));
        // The order in which they come does not matter.
        let mut other = tables.clone();
        other.reverse();
        assert_eq!(
            Names::with_default(&other, false, None, &target_of).collection(&tables[2].name),
            names.collection(&tables[2].name)
        );
    }

    #[test]
    fn parts_get_their_table_in_front_where_their_names_are_taken() {
        let mut tables = [table("p", "a", &["x"]), table("p", "b", &["x"])];
        for table in &mut tables {
            table.indexes = ["by_x", "b"]
                .map(|name| Index {
                    name: name.into(),
                    parts: vec![IndexPart {
                        subject: IndexSubject::Column("x".into()),
                        meaning: None,
                        descending: false,
                        collation: None,
                    }],
                    unique: false,
                    predicate: None,
                    condition: None,
                    definition: None,
                })
                .to_vec();
            table.checks.push(Check {
                name: Some("odd".into()),
                expression: String::new(),
                meaning: None,
                definition: None,
            });
        }
        let target = one_namespace(|identifiers| {
            identifiers.indexes = Scope::Relations;
            identifiers.checks = Scope::Namespace;
        });
        let names = Names::with_default(&tables, false, None, &target);
        let mut second = tables[1].clone();
        names.rename(&mut second);
        let found: Vec<&str> = second.indexes.iter().map(|index| index.name.as_str()).collect();
        assert_eq!(found, ["b_by_x", "b_b"]);
        assert_eq!(second.checks[0].name.as_deref(), Some("b_odd"));
        let mut first = tables[0].clone();
        names.rename(&mut first);
        let found: Vec<&str> = first.indexes.iter().map(|index| index.name.as_str()).collect();
        assert_eq!(found, ["by_x", "a_b"]);
        assert_eq!(names.told(&tables[0]), ["index b is called a_b there"]);
    }
}
