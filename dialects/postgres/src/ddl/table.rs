//! Tables themselves.

use super::{
    ACCESS_METHOD, CLUSTER, COLUMN_OPTIONS, COMMENTS, COMPRESSION, FORCE_ROW_SECURITY, INHERITED, INHERITS,
    NOT_NULL_INHERITED, NOT_NULL_NAME, NOT_NULL_NO_INHERIT, OF_TYPE, OPTIONS, PARTITION_BOUND, PARTITION_BY,
    REPLICA_IDENTITY, ROW_SECURITY, SERVER, STATISTICS, STORAGE, UNLOGGED, WITH, is_set, json, sequence,
};
use crate::PostgresSyntax;
use dbferry_dialect::model::{CollectionKind, ColumnRole, Identity};
use dbferry_dialect::{Collection, CollectionName, Column, Syntax};

/// What a new table has to do with its parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// It inherits from them or is of its type, as in the source.
    Linked,
    /// It stands alone with all of its columns; [`inherit`] can link it later, and then its columns are its own too.
    Alone,
}

/// `CREATE TABLE` under `name`: columns, defaults, storage parameters, partition key; no keys, checks, foreign keys and
/// indexes. A partition is made as a table of its own, which [`attach`] puts in its place.
pub(crate) fn create(name: &CollectionName, collection: &Collection, form: Form) -> String {
    let attribute = |key: &str| collection.attributes.get(key).map(String::as_str);
    let linked = form == Form::Linked;
    let of_type = attribute(OF_TYPE).filter(|_| linked);
    let data = collection.columns.iter().filter(|column| column.role == ColumnRole::Data);
    let own = data.filter(|column| !linked || !is_inherited(column));
    let mut columns: Vec<String> = match of_type {
        Some(_) => own.filter_map(|column| typed_column(name, collection, column, linked)).collect(),
        None => own.map(|column| full_column(name, collection, column, linked)).collect(),
    };
    if let Some(type_) = of_type {
        columns = if columns.is_empty() { Vec::new() } else { vec![format!(" (\n  {}\n)", columns.join(",\n  "))] };
        columns.insert(0, format!(" OF {type_}"));
    } else if columns.is_empty() {
        columns.push(" ()".to_owned());
    } else {
        columns = vec![format!(" (\n  {}\n)", columns.join(",\n  "))];
    }
    let foreign = collection.kind == CollectionKind::Foreign;
    let mut text = format!(
        "CREATE {}TABLE {}{}",
        if foreign {
            "FOREIGN "
        } else if is_set(collection, UNLOGGED) {
            "UNLOGGED "
        } else {
            ""
        },
        PostgresSyntax.qualified(name),
        columns.concat()
    );
    let parents = parents(collection);
    if linked && !parents.is_empty() {
        let parents: Vec<String> = parents.iter().map(|parent| PostgresSyntax.qualified(parent)).collect();
        text.push_str(&format!(" INHERITS ({})", parents.join(", ")));
    }
    for (key, before, after) in
        [(PARTITION_BY, " PARTITION BY ", ""), (ACCESS_METHOD, " USING ", ""), (WITH, " WITH (", ")")]
    {
        if let Some(value) = attribute(key) {
            text.push_str(&format!("{before}{value}{after}"));
        }
    }
    if foreign {
        let server = attribute(SERVER).unwrap_or_default();
        text.push_str(&format!(" SERVER {}", PostgresSyntax.quote_identifier(server)));
        if let Some(options) = attribute(OPTIONS) {
            text.push_str(&format!(" OPTIONS ({options})"));
        }
    }
    text
}

/// What `CREATE TABLE` does not say of columns: storage, compression, statistics, and what differs from a parent's.
pub(crate) fn settings(name: &CollectionName, collection: &Collection, form: Form) -> Vec<String> {
    let mut statements = Vec::new();
    let foreign = if collection.kind == CollectionKind::Foreign { "FOREIGN " } else { "" };
    for column in &collection.columns {
        let mut alter = |what: &str| {
            statements.push(format!(
                "ALTER {foreign}TABLE ONLY {} ALTER COLUMN {} {what}",
                PostgresSyntax.qualified(name),
                PostgresSyntax.quote_identifier(&column.name)
            ));
        };
        if form == Form::Linked && is_inherited(column) && column.generated.is_none() {
            match &column.default {
                Some(default) => alter(&format!("SET DEFAULT {}", default.native)),
                None => alter("DROP DEFAULT"),
            }
            if !column.nullable && !is_set_on(column, NOT_NULL_INHERITED) {
                alter("SET NOT NULL");
            }
        }
        for (key, before, after) in [
            (STORAGE, "SET STORAGE ", ""),
            (COMPRESSION, "SET COMPRESSION ", ""),
            (STATISTICS, "SET STATISTICS ", ""),
            (COLUMN_OPTIONS, "SET (", ")"),
        ] {
            if let Some(value) = column.native.parameters.get(key) {
                alter(&format!("{before}{value}{after}"));
            }
        }
    }
    statements
}

/// What can be said once the indexes are there: replica identity, clustering, row security.
pub(crate) fn final_settings(name: &CollectionName, collection: &Collection) -> Vec<String> {
    let mut actions = Vec::new();
    match collection.attributes.get(REPLICA_IDENTITY).map(String::as_str) {
        Some("full") => actions.push("REPLICA IDENTITY FULL".to_owned()),
        Some("nothing") => actions.push("REPLICA IDENTITY NOTHING".to_owned()),
        Some(other) => actions.extend(
            other
                .strip_prefix("index ")
                .map(|index| format!("REPLICA IDENTITY USING INDEX {}", PostgresSyntax.quote_identifier(index))),
        ),
        None => {}
    }
    if let Some(index) = collection.attributes.get(CLUSTER) {
        actions.push(format!("CLUSTER ON {}", PostgresSyntax.quote_identifier(index)));
    }
    if is_set(collection, ROW_SECURITY) {
        actions.push("ENABLE ROW LEVEL SECURITY".to_owned());
    }
    if is_set(collection, FORCE_ROW_SECURITY) {
        actions.push("FORCE ROW LEVEL SECURITY".to_owned());
    }
    let table = PostgresSyntax.qualified(name);
    // The setting of a partitioned table is its own; `CLUSTER` takes no `ONLY`.
    actions
        .into_iter()
        .map(|action| {
            format!("ALTER TABLE {}{table} {action}", if action.starts_with("CLUSTER") { "" } else { "ONLY " })
        })
        .collect()
}

/// `ATTACH PARTITION` for a partition that stands as the table `name`; `None` when it is none.
pub(crate) fn attach(name: &CollectionName, collection: &Collection) -> Option<String> {
    let parent = collection.part_of.as_ref()?;
    let bound = collection.attributes.get(PARTITION_BOUND)?;
    Some(format!(
        "ALTER TABLE ONLY {} ATTACH PARTITION {} {bound}",
        PostgresSyntax.qualified(parent),
        PostgresSyntax.qualified(name)
    ))
}

/// Links a table that was made [`Form::Alone`] to a parent.
pub(crate) fn inherit(name: &CollectionName, parent: &CollectionName) -> String {
    format!("ALTER TABLE ONLY {} INHERIT {}", PostgresSyntax.qualified(name), PostgresSyntax.qualified(parent))
}

/// The tables that a collection inherits from, in order. A partition's parent is its
/// [`part_of`](Collection::part_of).
pub(crate) fn parents(collection: &Collection) -> Vec<CollectionName> {
    let list = json(collection, INHERITS);
    list.as_array().into_iter().flatten().filter_map(super::index::name_of).collect()
}

/// Comments of the table, its columns, constraints and indexes.
pub(crate) fn comments(name: &CollectionName, collection: &Collection) -> Vec<String> {
    let table = PostgresSyntax.qualified(name);
    let word = if collection.kind == CollectionKind::Foreign { "FOREIGN TABLE" } else { "TABLE" };
    let mut all: Vec<(String, &str)> =
        collection.comment.iter().map(|comment| (format!("{word} {table}"), comment.as_str())).collect();
    for column in &collection.columns {
        let column_name = PostgresSyntax.quote_identifier(&column.name);
        all.extend(column.comment.iter().map(|comment| (format!("COLUMN {table}.{column_name}"), comment.as_str())));
    }
    let mut statements: Vec<String> = all.iter().map(|(what, comment)| comment_on(what, comment)).collect();
    for entry in json(collection, COMMENTS).as_array().into_iter().flatten() {
        let (Some(kind), Some(part), Some(comment)) = (entry[0].as_str(), entry[1].as_str(), entry[2].as_str()) else {
            continue;
        };
        let part = PostgresSyntax.quote_identifier(part);
        let what = match kind {
            "constraint" => format!("CONSTRAINT {part} ON {table}"),
            _ => format!("INDEX {}.{part}", PostgresSyntax.quote_identifier(&name.namespace)),
        };
        statements.push(comment_on(&what, comment));
    }
    statements
}

/// `COMMENT ON what IS 'comment'`.
pub(crate) fn comment_on(what: &str, comment: &str) -> String {
    format!("COMMENT ON {what} IS {}", PostgresSyntax.quote_text(comment))
}

fn is_inherited(column: &Column) -> bool {
    is_set_on(column, INHERITED)
}

fn is_set_on(column: &Column, parameter: &str) -> bool {
    column.native.parameters.get(parameter).is_some_and(|value| value == "true")
}

fn full_column(name: &CollectionName, collection: &Collection, column: &Column, linked: bool) -> String {
    let mut text = format!("{} {}", PostgresSyntax.quote_identifier(&column.name), column.native.text);
    if let Some(options) = column.native.parameters.get(OPTIONS) {
        text.push_str(&format!(" OPTIONS ({options})"));
    }
    if let Some(collation) = &column.collation {
        text.push_str(&format!(" COLLATE {collation}"));
    }
    text.push_str(&constraints(name, collection, column, linked));
    text
}

/// A column of a typed table, if there is anything to say of it.
fn typed_column(name: &CollectionName, collection: &Collection, column: &Column, linked: bool) -> Option<String> {
    let constraints = constraints(name, collection, column, linked);
    (!constraints.is_empty())
        .then(|| format!("{} WITH OPTIONS{constraints}", PostgresSyntax.quote_identifier(&column.name)))
}

fn constraints(name: &CollectionName, collection: &Collection, column: &Column, linked: bool) -> String {
    let mut text = String::new();
    // A `serial` is numbered by its default.
    let own = sequence::all(collection).into_iter().find(|own| own.column == column.name);
    if let Some(generated) = &column.generated {
        let how = if generated.stored { "STORED" } else { "VIRTUAL" };
        text.push_str(&format!(" GENERATED ALWAYS AS ({}) {how}", generated.expression));
    } else if let Some(identity) = column.identity.filter(|_| own.as_ref().is_none_or(|own| own.identity)) {
        let when = if identity == Identity::Always { "ALWAYS" } else { "BY DEFAULT" };
        text.push_str(&format!(" GENERATED {when} AS IDENTITY"));
        if let Some(own) = own {
            text.push_str(&format!(" ({})", own.identity_options(name, &collection.name)));
        }
    } else if let Some(default) = &column.default {
        text.push_str(&format!(" DEFAULT {}", default.native));
    }
    // A parent's comes with the parent.
    let of_parent = linked && is_set_on(column, NOT_NULL_INHERITED);
    if !column.nullable && !of_parent {
        if let Some(constraint) = column.native.parameters.get(NOT_NULL_NAME) {
            text.push_str(&format!(" CONSTRAINT {}", PostgresSyntax.quote_identifier(constraint)));
        }
        text.push_str(" NOT NULL");
        if column.native.parameters.contains_key(NOT_NULL_NO_INHERIT) {
            text.push_str(" NO INHERIT");
        }
    }
    text
}
