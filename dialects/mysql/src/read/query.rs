//! The statement that reads one chunk, and the decoders for what it returns.

use super::{Charsets, READING};
use crate::chunk::condition;
use crate::ddl::{carries_history, split_definition};
use crate::decode::Decoder;
use crate::decode::choose::{Form, choose};
use crate::syntax::MySqlSyntax;
use crate::wire::{ColumnDefinition, Statement, Wire};
use dbferry_dialect::{Collection, Error, ErrorKind, LogicalType, ReadRequest, Result, Syntax};

/// What was prepared, and how its columns are decoded.
pub(super) struct Plan {
    pub(super) statement: Statement,
    pub(super) decoders: Vec<Decoder>,
    pub(super) companions: Vec<Companion>,
}

/// A column behind those of the collection that tells more of one of them, and is null when there is nothing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Companion {
    /// Which column it speaks of.
    pub(super) column: usize,
    pub(super) kind: CompanionKind,
}

/// What a companion tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CompanionKind {
    /// The bytes of a text that does not come back from UTF-8 as it was.
    Bytes,
    /// That a label is the error value with the number 0.
    NumberZero,
}

impl Plan {
    /// For the rows of `request` in `relation`, which is quoted.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when a column's type in this database does not give values of the wanted type,
    /// [`ErrorKind::Usage`] when the condition is not one.
    pub(super) fn new(wire: &mut Wire, charsets: &Charsets, relation: &str, request: &ReadRequest<'_>) -> Result<Self> {
        let rest = rest(wire, relation, request)?;
        let names: Vec<String> =
            request.collection.columns.iter().map(|column| MySqlSyntax.quote_identifier(&column.name)).collect();
        let prepare = |wire: &mut Wire, list: &str| wire.prepare(READING, &format!("SELECT {list} FROM {rest}"));
        let mut statement = prepare(wire, &names.join(", "))
            .map_err(|error| if request.predicate.is_some() { explain_condition(error) } else { error })?;
        let chosen = choices(request.collection, &statement.columns, charsets)?;
        let Selected { list, companions } = select(&names, &chosen);
        if chosen.iter().any(|(form, _)| *form != Form::Native) {
            wire.forget(READING, &statement)?;
            // What was said of the columns themselves stays true; a converted one is a text of some length.
            let before = std::mem::take(&mut statement.columns);
            statement = prepare(wire, &list)?;
            if statement.columns.len() != before.len() + companions.len() {
                return Err(Error::new(ErrorKind::Internal, "the server has other columns than were asked for"));
            }
        }
        Ok(Self { statement, decoders: chosen.into_iter().map(|(_, decoder)| decoder).collect(), companions })
    }
}

fn choices(
    collection: &Collection,
    definitions: &[ColumnDefinition],
    charsets: &Charsets,
) -> Result<Vec<(Form, Decoder)>> {
    if definitions.len() != collection.columns.len() {
        return Err(Error::new(ErrorKind::Internal, "the server has other columns than were asked for"));
    }
    let mut chosen = Vec::new();
    for (column, definition) in collection.columns.iter().zip(definitions) {
        let charset = charsets.get(definition.collation);
        let choice = choose(&column.logical, definition, charset);
        let choice = choice.ok_or_else(|| unlike(&column.name, &column.logical, definition, charset))?;
        chosen.push((choice.form, choice.decoder));
    }
    Ok(chosen)
}

struct Selected {
    list: String,
    companions: Vec<Companion>,
}

fn select(names: &[String], chosen: &[(Form, Decoder)]) -> Selected {
    let (mut list, mut further, mut companions) = (Vec::new(), Vec::new(), Vec::new());
    for (column, (name, (form, decoder))) in names.iter().zip(chosen).enumerate() {
        let converted = format!("CONVERT({name} USING utf8mb4)");
        list.push(match form {
            Form::Native => name.clone(),
            Form::Converted(_) | Form::Numbered => converted.clone(),
        });
        match (form, decoder) {
            (Form::Native, _) => {}
            // Labels come back from UTF-8, since the column was declared in it.
            (Form::Converted(_), Decoder::Enum(_) | Decoder::Set(_)) => {}
            (Form::Converted(charset), _) => {
                let back = format!("CAST(CONVERT({converted} USING {charset}) AS BINARY)");
                let bytes = format!("CAST({name} AS BINARY)");
                further.push(format!("IF({back} <=> {bytes}, NULL, {bytes})"));
                companions.push(Companion { column, kind: CompanionKind::Bytes });
            }
            (Form::Numbered, _) => {
                further.push(format!("IF({name} + 0 = 0, '', NULL)"));
                companions.push(Companion { column, kind: CompanionKind::NumberZero });
            }
        }
    }
    list.extend(further);
    Selected { list: list.join(", "), companions }
}

/// What follows `FROM`.
fn rest(wire: &mut Wire, relation: &str, request: &ReadRequest<'_>) -> Result<String> {
    let collection = request.collection;
    let mut rest = relation.to_owned();
    if carries_history(collection) && keeps_history(wire, relation)? {
        rest.push_str(" FOR SYSTEM_TIME ALL");
    }
    let bounds = condition(wire, relation, &request.chunk.range)?;
    if let Some(index) = bounds.as_ref().map(|bounds| &bounds.index) {
        rest.push_str(&format!(" FORCE INDEX ({index})"));
    }
    let mut conditions: Vec<String> = bounds.map(|bounds| bounds.condition).into_iter().collect();
    if let Some(condition) = request.predicate {
        // On lines of its own, so that a comment at its end hides nothing.
        conditions.push(format!("(\n{condition}\n)"));
    }
    conditions.retain(|condition| !condition.is_empty());
    if !conditions.is_empty() {
        rest.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
    }
    if let Some(key) = &collection.primary_key {
        let columns: Vec<String> = key.columns.iter().map(|name| MySqlSyntax.quote_identifier(name)).collect();
        rest.push_str(&format!(" ORDER BY {}", columns.join(", ")));
    }
    Ok(rest)
}

/// Whether a table keeps its history, as the server defines it: an archive's rows may lie in a plain table.
fn keeps_history(wire: &mut Wire, relation: &str) -> Result<bool> {
    let rows = wire.query(READING, &format!("SHOW CREATE TABLE {relation}"))?;
    let text = rows.first().and_then(|row| row.get(1)).and_then(Option::as_deref).unwrap_or_default();
    Ok(split_definition(&String::from_utf8_lossy(text))?.keeps_history())
}

fn explain_condition(error: Error) -> Error {
    if error.kind() == ErrorKind::Database {
        return Error::new(ErrorKind::Usage, "the condition for this collection is not one").caused_by(error);
    }
    error
}

fn unlike(column: &str, wanted: &LogicalType, found: &ColumnDefinition, charset: Option<&str>) -> Error {
    let found = mysql_common::constants::ColumnType::try_from(found.column_type)
        .map_or_else(|_| found.column_type.to_string(), |known| format!("{known:?}"));
    let charset = charset.unwrap_or("unknown");
    Error::new(
        ErrorKind::Incompatible,
        format!("a column of type {found} and character set {charset} does not hold values of type {wanted}"),
    )
    .with("dialect", crate::NAME)
    .with("column", column)
}
