//! Tables: their list, their columns' character sets, and what their definitions say.

use super::{Catalogue, READING, defaults, show_create, text};
use crate::MySqlSyntax;
use crate::ddl::column::{ColumnLine, ROW_END, ROW_START};
use crate::ddl::scan::tokens;
use crate::ddl::{self, Definition, ItemKind, Parts, key, split_definition};
use crate::session::Session;
use crate::types::{self, NativeText};
use dbferry_dialect::model::{
    Check, Counter, Estimate, Generated, Identity, Index, IndexSubject, NativeType, NotCarried,
};
use dbferry_dialect::{Collection, CollectionName, Column, LogicalType, Result, Schema, Syntax};
use mysql_async::Row;
use std::collections::HashMap;

const TABLES: &str = "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, ROW_FORMAT, TABLE_ROWS, DATA_LENGTH, TABLE_COLLATION,
                             CREATE_OPTIONS, TABLE_COMMENT
                        FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME";

const COLUMNS: &str = "SELECT TABLE_NAME, COLUMN_NAME, CHARACTER_SET_NAME, COLLATION_NAME
                         FROM information_schema.COLUMNS
                        WHERE TABLE_SCHEMA = DATABASE() AND CHARACTER_SET_NAME IS NOT NULL";

const REFERENCE_SYSTEMS: &str = "SELECT G_TABLE_NAME, G_GEOMETRY_COLUMN, SRID FROM information_schema.GEOMETRY_COLUMNS
                                  WHERE G_TABLE_SCHEMA = DATABASE() AND SRID <> 0";

/// Adds the tables to the schema.
pub(super) fn read(session: &mut Session, catalogue: &Catalogue, schema: &mut Schema) -> Result<()> {
    let rows = session.query(READING, TABLES)?;
    let tables: Vec<&Row> = rows
        .iter()
        .filter(|row| !is_own(row, &mut schema.not_carried) && is_table(row, &mut schema.not_carried))
        .collect();
    let names: Vec<String> = tables.iter().filter_map(|row| text(row, 0)).collect();
    let collations = collations(session)?;
    let reference_systems = reference_systems(session, catalogue)?;
    let definitions = show_create(session, "TABLE", &names)?;
    for ((row, name), definition) in tables.into_iter().zip(names).zip(definitions) {
        let definition = ddl::without_database(&text(&definition, 1).unwrap_or_default(), &catalogue.database);
        let definition = match reference_systems.get(&name) {
            Some(columns) => with_reference_systems(&definition, columns)?,
            None => definition,
        };
        let collation = |column: &str| collations.get(&(name.clone(), column.to_owned()));
        let (definition, places) = ddl::without_placement(&definition);
        for place in places {
            let reason =
                format!("{place} belongs to this server's files: the target puts the table where it puts others");
            schema.not_carried.push(NotCarried { kind: "place of files".to_owned(), name: name.clone(), reason });
        }
        let mut collection = collection(&name, &definition, collation)?;
        if collection.attributes.get(ddl::SYSTEM_VERSIONED).is_some_and(|by| by == ddl::BY_TRANSACTION) {
            let reason =
                "it is ordered by transactions of this server; the rows as they are now are carried".to_owned();
            schema.not_carried.push(NotCarried { kind: "history".to_owned(), name: name.clone(), reason });
        }
        facts(&mut collection, row, catalogue);
        schema.collections.push(collection);
    }
    Ok(())
}

/// Character set and collation of a column.
type CharacterSet = (String, String);

fn collations(session: &mut Session) -> Result<HashMap<(String, String), CharacterSet>> {
    let rows = session.query(READING, COLUMNS)?;
    let entry = |row: &Row| Some(((text(row, 0)?, text(row, 1)?), (text(row, 2)?, text(row, 3)?)));
    Ok(rows.iter().filter_map(entry).collect())
}

/// The spatial reference systems of each table's columns. Only MariaDB has the list, and prints them nowhere else.
fn reference_systems(session: &mut Session, catalogue: &Catalogue) -> Result<HashMap<String, HashMap<String, String>>> {
    let mut tables: HashMap<String, HashMap<String, String>> = HashMap::new();
    if catalogue.version.is_mariadb() {
        for row in session.query(READING, REFERENCE_SYSTEMS)? {
            let (Some(table), Some(column), Some(srid)) = (text(&row, 0), text(&row, 1), text(&row, 2)) else {
                continue;
            };
            tables.entry(table).or_default().insert(column, srid);
        }
    }
    Ok(tables)
}

fn with_reference_systems(text: &str, columns: &HashMap<String, String>) -> Result<String> {
    let mut definition = split_definition(text)?;
    for item in definition.items.iter_mut().filter(|item| item.kind == ItemKind::Column) {
        if let Some(srid) = item.name.as_ref().and_then(|name| columns.get(name)) {
            item.text = ddl::column::with_reference_system(&item.text, srid);
        }
    }
    Ok(definition.create(&definition.name, Parts::ALL))
}

/// What the catalogue's list says of a table.
fn facts(collection: &mut Collection, row: &Row, catalogue: &Catalogue) {
    let number = |column| text(row, column).and_then(|digits| digits.parse().ok());
    collection.estimate = Estimate { rows: number(4), bytes: number(5) };
    collection.comment = text(row, 8).filter(|comment| !comment.is_empty());
    for (key, value) in [
        (ddl::FLAVOUR, Some(catalogue.flavour())),
        (ddl::ENGINE, text(row, 2)),
        (ddl::ROW_FORMAT, text(row, 3)),
        (ddl::COLLATION, text(row, 6)),
        (ddl::CREATE_OPTIONS, text(row, 7)),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            collection.attributes.insert(key.to_owned(), value);
        }
    }
}

/// A collection from its definition.
pub(super) fn collection<'a>(
    name: &str,
    text: &str,
    collation: impl Fn(&str) -> Option<&'a CharacterSet>,
) -> Result<Collection> {
    let definition = split_definition(text)?;
    let mut collection = Collection::table(CollectionName::new(crate::NAMESPACE, name), Vec::new());
    for item in definition.of_kind(ItemKind::Column) {
        let Some(line) = ddl::column::parse(&item.text) else { continue };
        if let Some(check) = line.check.as_ref().filter(|_| !is_json(&line)) {
            let definition = Some(format!("CHECK ({check})"));
            collection.checks.push(Check { name: None, expression: check.clone(), meaning: None, definition });
        }
        let collation = collation(&line.name);
        collection.columns.push(column(line, collation));
    }
    collection.primary_key = definition.of_kind(ItemKind::PrimaryKey).next().map(key::primary_key);
    collection.foreign_keys = definition.foreign_keys().filter_map(key::foreign_key).collect();
    collection.checks.extend(definition.checks().filter_map(key::check));
    // The same check beside the column.
    for column in collection.columns.iter_mut().filter(|column| column.native.text == "longtext") {
        let check = format!("json_valid({})", MySqlSyntax.quote_identifier(&column.name));
        if collection.checks.iter().any(|other| other.expression.eq_ignore_ascii_case(&check)) {
            column.logical = LogicalType::Json;
        }
    }
    keys(&definition, &mut collection);
    options(&definition, &mut collection);
    collection.definition = Some(text.to_owned());
    Ok(collection)
}

/// Keys of whole columns are keys, everything else is an index. What another engine cannot index in the same way is an
/// expression to it.
fn keys(definition: &Definition, collection: &mut Collection) {
    for item in definition.items.iter().filter(|item| item.kind.is_secondary_key()) {
        if let Some(key) = key::key(item).filter(|_| item.kind == ItemKind::UniqueKey) {
            collection.unique_keys.push(key);
            continue;
        }
        let mut index: Index = key::index(item);
        if matches!(item.kind, ItemKind::FullTextKey | ItemKind::SpatialKey | ItemKind::VectorKey) {
            let words = tokens(&item.text);
            let kind = words.first().map_or("", |word| word.text).to_ascii_lowercase();
            for part in &mut index.parts {
                if let IndexSubject::Column(column) = &part.subject {
                    part.subject = IndexSubject::Expression(format!("{kind}({column})"));
                }
            }
        }
        for (part, found) in index.parts.iter_mut().zip(key::parts(&item.text)) {
            let IndexSubject::Column(column) = &part.subject else { continue };
            if let Some(prefix) = found.prefix {
                part.subject = IndexSubject::Expression(format!("left({column}, {prefix})"));
            } else if found.without_overlaps {
                part.subject = IndexSubject::Expression(format!("{column} without overlaps"));
            }
        }
        collection.indexes.push(index);
    }
}

/// What follows the columns: the counter, versioning, partitions.
fn options(definition: &Definition, collection: &mut Collection) {
    let words = tokens(&definition.options);
    if let Some(numbered) = collection.columns.iter().find(|column| column.identity.is_some()) {
        let at = words.iter().position(|word| word.is_word("AUTO_INCREMENT"));
        let next = at.and_then(|at| words.get(at + 2)).map_or("1", |number| number.text);
        // A number beyond is in the definition.
        collection.counter =
            next.parse().ok().map(|last_value| Counter { column: numbered.name.clone(), last_value, is_called: false });
    }
    let partition = words.windows(2).find(|two| two[0].is_word("PARTITION") && two[1].is_word("BY"));
    if let Some(text) = partition.and_then(|two| definition.options.get(two[0].start..)) {
        let text = text.trim_end().trim_end_matches("*/").trim_end();
        collection.attributes.insert(ddl::PARTITIONED.to_owned(), text.to_owned());
    }
    if definition.keeps_history() {
        let by_transaction = remove_transactions(collection);
        let by = if by_transaction { ddl::BY_TRANSACTION } else { ddl::BY_TIME };
        collection.attributes.insert(ddl::SYSTEM_VERSIONED.to_owned(), by.to_owned());
        if !by_transaction {
            add_implicit_period(collection);
        }
    }
    for item in definition.of_kind(ItemKind::Period) {
        let words = tokens(&item.text);
        let names: Vec<_> = words.iter().filter(|word| word.kind == ddl::scan::Kind::Name).collect();
        if let [name, from, to] = names.as_slice() {
            let period = format!("{}({},{})", name.text, from.text, to.text);
            collection.attributes.insert(ddl::APPLICATION_PERIOD.to_owned(), period);
        }
    }
}

/// A versioned table that declares no period has one all the same, in columns that no list shows. The end of a row's time is
/// a part of its primary key, or its history would be duplicates; the server hides that too.
fn add_implicit_period(collection: &mut Collection) {
    if collection.columns.iter().any(|column| column.native.parameters.contains_key(types::PERIOD)) {
        return;
    }
    for (name, period) in [("row_start", ROW_START), ("row_end", ROW_END)] {
        let mut column = Column::new(name, LogicalType::Instant { precision: 6 }, "timestamp(6)");
        column.nullable = false;
        for (key, value) in [(types::PERIOD, period), (types::IMPLICIT, types::TRUE), (types::INVISIBLE, types::TRUE)] {
            column.native.parameters.insert(key.to_owned(), value.to_owned());
        }
        collection.columns.push(column);
    }
    if let Some(key) = &mut collection.primary_key {
        key.columns.push("row_end".to_owned());
    }
}

/// Takes away the columns that number the transactions which made and ended a row: no server takes them from another, so only
/// the rows as they are now can be carried. Says whether there were any.
fn remove_transactions(collection: &mut Collection) -> bool {
    let is_transaction = |column: &Column| {
        column.native.parameters.contains_key(types::PERIOD) && matches!(column.logical, LogicalType::Int { .. })
    };
    let names: Vec<String> =
        collection.columns.iter().filter(|column| is_transaction(column)).map(|column| column.name.clone()).collect();
    collection.columns.retain(|column| !names.contains(&column.name));
    if let Some(key) = &mut collection.primary_key {
        key.columns.retain(|column| !names.contains(column));
    }
    !names.is_empty()
}

/// MariaDB's `json` is a `longtext` with a check. It keeps a value to the letter, which MySQL's does not, so its native type
/// stays what it is.
fn is_json(line: &ColumnLine) -> bool {
    let valid = format!("json_valid({})", MySqlSyntax.quote_identifier(&line.name));
    NativeText::parse(&line.type_text).base == "longtext"
        && line.check.as_ref().is_some_and(|check| check.eq_ignore_ascii_case(&valid))
}

fn column(line: ColumnLine, collation: Option<&CharacterSet>) -> Column {
    let native = NativeText::parse(&line.type_text);
    let mut logical = if is_json(&line) { LogicalType::Json } else { types::logical(&native) };
    if let LogicalType::Geometry { srid, .. } = &mut logical {
        *srid = line.srid.as_ref().and_then(|srid| srid.parse().ok());
    }
    let default = line.default.as_deref().filter(|text| !text.eq_ignore_ascii_case("NULL"));
    let mut column = Column::new(line.name, logical, "");
    column.default = default.map(|text| defaults::understand(text, &column.logical));
    column.nullable = !line.not_null && line.period.is_none();
    column.identity = line.auto_increment.then_some(Identity::ByDefault);
    column.generated = line.generated.map(|(expression, stored)| Generated { expression, stored });
    column.collation = collation.map(|(_, collation)| collation.clone());
    column.comment = line.comment;
    let flag = |holds: bool| holds.then(|| types::TRUE.to_owned());
    let parameters = [
        (types::CHARSET, collation.map(|(charset, _)| charset.clone())),
        (types::INVISIBLE, flag(line.invisible)),
        (types::ON_UPDATE, line.on_update),
        (types::SRID, line.srid),
        (types::REFERENCE_SYSTEM, line.reference_system),
        (types::COMPRESSED, flag(line.compressed)),
        (types::WITHOUT_VERSIONING, flag(line.without_versioning)),
        (types::PERIOD, line.period.map(str::to_owned)),
    ];
    column.native = NativeType {
        text: native.text,
        parameters: parameters.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect(),
        imposed: None,
    };
    column
}

/// Whether a restore that runs, or was interrupted, has made it; such a table is told, and is nobody's data.
fn is_own(row: &Row, not_carried: &mut Vec<NotCarried>) -> bool {
    let Some(name) = text(row, 0).filter(|name| crate::replace::is_own(name)) else { return false };
    let reason = "a restore into this database is under way or was interrupted: see `dbferry restore --recover`";
    not_carried.push(NotCarried { kind: "table of a restore".to_owned(), name, reason: reason.to_owned() });
    true
}

/// Whether a row of the list is a table with rows of its own. Views and sequences are objects.
fn is_table(row: &Row, not_carried: &mut Vec<NotCarried>) -> bool {
    let kind = text(row, 1).unwrap_or_default().to_ascii_uppercase();
    if !["BASE TABLE", "SYSTEM VERSIONED"].contains(&kind.as_str()) {
        if !["VIEW", "SEQUENCE"].contains(&kind.as_str()) {
            let (name, reason) = (text(row, 0).unwrap_or_default(), "it is not known how to carry it".to_owned());
            not_carried.push(NotCarried { kind: kind.to_ascii_lowercase(), name, reason });
        }
        return false;
    }
    let engine = text(row, 2).unwrap_or_default();
    let reason = match engine.to_ascii_uppercase().as_str() {
        "FEDERATED" | "CONNECT" | "SPIDER" | "OQGRAPH" | "SPHINX" => {
            "its rows are elsewhere, and its definition may hold a password: make it anew in the target"
        }
        "MRG_MYISAM" => "it has no rows but those of other tables, which are carried: make it anew in the target",
        "" => "the server cannot open it: CHECK TABLE says why",
        _ => return true,
    };
    let name = text(row, 0).unwrap_or_default();
    not_carried.push(NotCarried { kind: format!("table of engine {engine}"), name, reason: reason.to_owned() });
    false
}
