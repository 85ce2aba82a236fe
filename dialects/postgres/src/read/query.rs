//! The statement that reads one chunk, and the decoders for what it returns.

use crate::decode::Decoder;
use crate::decode::choose::{Form, Source};
use crate::large;
use crate::session::Session;
use crate::syntax::PostgresSyntax;
use crate::types::Oid;
use dbferry_dialect::model::ColumnRole;
use dbferry_dialect::{ChunkRange, Collection, Column, Error, ErrorKind, LogicalType, ReadRequest, Result, Syntax};

/// What to run, and how its columns are decoded.
pub(super) struct Plan {
    pub(super) copy: String,
    pub(super) decoders: Vec<Decoder>,
    /// The types of the columns as they come over the wire.
    pub(super) types: Vec<Oid>,
}

/// The type `xml`, whose identifier never changes.
const XML: Oid = 142;

const REFUSED: &str = "the collection cannot be read";

impl Plan {
    /// For the rows of `request` in `relation`, which is quoted.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when a column's type in this database does not give values of the wanted type,
    /// [`ErrorKind::Usage`] when the condition is not one.
    pub(super) fn new(
        session: &mut Session,
        source: Source<'_>,
        relation: &str,
        request: &ReadRequest<'_>,
    ) -> Result<Self> {
        let (from, mut conditions) = if large::is_large_objects(request.collection) {
            (large::relation(&request.chunk.range)?, Vec::new())
        } else {
            // ONLY: rows of tables that inherit from this one belong to them.
            (format!("ONLY {relation}"), bounds(&request.chunk.range)?)
        };
        let Columns { list, decoders, types } = columns(session, source, &from, request.collection)?;
        if let Some(condition) = request.predicate {
            check_condition(session, &from, condition)?;
            conditions.push(in_parentheses(condition));
        }
        let conditions =
            if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
        let copy = format!("COPY (SELECT {list} FROM {from}{conditions}) TO STDOUT (FORMAT binary)");
        Ok(Self { copy, decoders, types })
    }
}

/// What is selected.
struct Columns {
    list: String,
    decoders: Vec<Decoder>,
    types: Vec<Oid>,
}

fn columns(session: &mut Session, source: Source<'_>, from: &str, collection: &Collection) -> Result<Columns> {
    let name = |column: &Column| match column.role {
        ColumnRole::Data => PostgresSyntax.quote_identifier(&column.name),
        // Rows of tables without columns are all the same, wherever they lie.
        ColumnRole::RowIdentity => "0::pg_catalog.int8".to_owned(),
    };
    let names: Vec<String> = collection.columns.iter().map(name).collect();
    let statement = session.prepare(REFUSED, &format!("SELECT {} FROM {from}", names.join(", ")))?;
    let (mut list, mut decoders, mut types) = (Vec::new(), Vec::new(), Vec::new());
    for ((column, name), found) in collection.columns.iter().zip(names).zip(statement.columns()) {
        let chosen = source.decoder(&column.logical, found.type_().oid(), found.type_modifier());
        let (form, decoder) = chosen.ok_or_else(|| unlike(&column.name, &column.logical, found.type_()))?;
        decoders.push(decoder);
        types.push(found.type_().oid());
        list.push(match form {
            Form::Native => name,
            // The output function of XML leaves out the encoding that a document declares; this cast takes the text as it is.
            Form::Text if found.type_().oid() == XML => format!("{name}::pg_catalog.text"),
            // Not a cast to text, which users may define to do anything: `format` calls the output function. A composite
            // of nulls is not null, and `IS DISTINCT FROM` knows.
            Form::Text => format!("CASE WHEN {name} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {name}) END"),
        });
    }
    if decoders.len() != collection.columns.len() {
        return Err(Error::new(ErrorKind::Internal, "the server has other columns than were asked for"));
    }
    Ok(Columns { list: list.join(", "), decoders, types })
}

/// A database whose encoding is `SQL_ASCII` knows none: its texts are any bytes, which the server can only hand over when
/// the client knows none either.
pub(super) fn any_bytes(session: &mut Session) -> Result<bool> {
    let rows = session.query(REFUSED, "SELECT pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'", &[])?;
    let any_bytes = rows.first().is_some_and(|row| row.try_get(0).unwrap_or(false));
    if any_bytes {
        session.run(REFUSED, "SET client_encoding = 'SQL_ASCII'")?;
    }
    Ok(any_bytes)
}

fn unlike(column: &str, wanted: &LogicalType, found: &tokio_postgres::types::Type) -> Error {
    Error::new(ErrorKind::Incompatible, format!("a column of type {found} does not hold values of type {wanted}"))
        .with("dialect", crate::NAME)
        .with("column", column)
}

fn bounds(range: &ChunkRange) -> Result<Vec<String>> {
    match range {
        ChunkRange::Whole => Ok(Vec::new()),
        ChunkRange::Pages { from, to } => {
            let from = (*from > 0).then(|| format!("ctid >= '({from},0)'::pg_catalog.tid"));
            let to = to.map(|to| format!("ctid < '({to},0)'::pg_catalog.tid"));
            Ok(from.into_iter().chain(to).collect())
        }
        _ => {
            Err(Error::new(ErrorKind::Internal, "a PostgreSQL table is divided by pages only")
                .with("dialect", crate::NAME))
        }
    }
}

/// The line breaks keep a comment at the end of the condition from swallowing what follows.
fn in_parentheses(condition: &str) -> String {
    format!("(\n{condition}\n)")
}

/// The condition must be one expression by itself: `1) OR (1` would pair up with the parentheses around it, and
/// `true LIMIT 1` would stand without any. So it is parsed alone and in parentheses, and run as neither.
fn check_condition(session: &mut Session, from: &str, condition: &str) -> Result<()> {
    for text in [condition, &in_parentheses(condition)] {
        let sql = format!("SELECT 1 FROM {from} WHERE {text}\n");
        session.prepare("the condition cannot be used", &sql).map_err(|error| {
            Error::new(ErrorKind::Usage, "the condition cannot be used")
                .with("dialect", crate::NAME)
                .with("condition", condition)
                .caused_by(error)
                .hint("give one expression of PostgreSQL's SQL that is true or false")
        })?;
    }
    Ok(())
}
