//! Large objects, as one collection: `pg_catalog.pg_largeobject` with their pages.
//!
//! The server keeps large objects in no table of the users but in two catalogues, of which one has the objects and the other
//! their pages. The collection is their outer join: an object without pages is a row with an empty first page. A page that
//! was never written is in neither, so what is sparse stays sparse. Identifiers are kept, so columns that refer to
//! large objects come as they are.
//!
//! A page is a quarter of the server's block, 2048 bytes unless the server was built otherwise. A database with pages of
//! another size cannot take them over one to one, so a restore into it is refused.

use crate::ddl;
use crate::introspect::{get, privileges};
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::logical::LogicalType;
use dbferry_dialect::model::{CollectionKind, Column, Estimate, Key, NotCarried};
use dbferry_dialect::{Chunk, ChunkRange, Collection, CollectionName, Error, ErrorKind, NativeValue, Result, Schema};
use tokio_postgres::Row;

/// The columns, in their order.
pub(crate) const COLUMNS: [&str; 3] = ["loid", "pageno", "data"];

const READING: &str = "the large objects cannot be read";

/// Of how many objects the collection can carry an owner of their own, privileges and a comment.
const DETAILED: usize = 10_000;

/// Whether a collection is that of the large objects.
pub(crate) fn is_large_objects(collection: &Collection) -> bool {
    let name = &collection.name;
    collection.kind == CollectionKind::System && name.namespace == "pg_catalog" && name.name == "pg_largeobject"
}

/// Adds the collection to the schema if there are large objects, and this user may read them.
pub(crate) fn introspect(session: &mut Session, schema: &mut Schema) -> Result<Option<Collection>> {
    let sql = "SELECT EXISTS (SELECT FROM pg_largeobject_metadata), has_table_privilege('pg_catalog.pg_largeobject', 'SELECT'),
                      c.reltuples::float8, pg_table_size(c.oid)
                 FROM pg_class c WHERE c.oid = 'pg_catalog.pg_largeobject'::regclass";
    let rows = session.query(READING, sql, &[])?;
    let Some(row) = rows.first() else { return Ok(None) };
    if !get::<bool>(row, 0)? {
        return Ok(None);
    }
    if !get::<bool>(row, 1)? {
        let rows = session.query(READING, "SELECT count(*)::text FROM pg_largeobject_metadata", &[])?;
        schema.not_carried.push(NotCarried {
            kind: "large objects".to_owned(),
            name: rows.first().map(|row| get(row, 0)).transpose()?.unwrap_or_default(),
            reason: "this user may not read them: dump as a superuser, or GRANT SELECT ON pg_catalog.pg_largeobject"
                .to_owned(),
        });
        return Ok(None);
    }
    let column = |name: &str, logical: LogicalType, native: &str| {
        let mut column = Column::new(name, logical, native);
        column.nullable = false;
        column
    };
    let columns = vec![
        column("loid", LogicalType::Int { bits: 32, signed: false }, "oid"),
        column("pageno", LogicalType::Int { bits: 32, signed: true }, "integer"),
        column("data", LogicalType::BYTES, "bytea"),
    ];
    let mut collection = Collection::table(CollectionName::new("pg_catalog", "pg_largeobject"), columns);
    collection.kind = CollectionKind::System;
    let key = ["loid", "pageno"].map(str::to_owned).to_vec();
    collection.primary_key = Some(Key { name: None, columns: key, definition: None });
    // No statement makes them; this is shown where those of tables are.
    collection.definition = Some("-- large objects are made with lo_create and lo_put".to_owned());
    let (tuples, bytes): (f64, i64) = (get(row, 2)?, get(row, 3)?);
    // -1 means that nobody has counted yet.
    collection.estimate = Estimate { rows: (tuples >= 0.0).then_some(tuples as u64), bytes: u64::try_from(bytes).ok() };
    collection.attributes.insert(ddl::PAGE_BYTES.to_owned(), page_bytes(session)?.to_string());
    add_details(session, &mut collection, schema)?;
    Ok(Some(collection))
}

/// The size of a page on this server, in bytes.
pub(crate) fn page_bytes(session: &mut Session) -> Result<u32> {
    let sql = "SELECT large_object_chunk_size FROM pg_catalog.pg_control_init()";
    let rows = session.query("the size of large objects' pages cannot be read", sql, &[])?;
    let bytes: Option<i32> = rows.first().map(|row| get(row, 0)).transpose()?;
    bytes.and_then(|bytes| u32::try_from(bytes).ok()).filter(|bytes| *bytes > 0).ok_or_else(|| {
        Error::new(ErrorKind::Internal, "the server does not tell the size of large objects' pages")
            .with("dialect", crate::NAME)
    })
}

/// The owner that most have as the collection's owner, and what single objects have beside it.
fn add_details(session: &mut Session, collection: &mut Collection, schema: &mut Schema) -> Result<()> {
    let common =
        "SELECT lomowner FROM pg_largeobject_metadata GROUP BY lomowner ORDER BY count(*) DESC, lomowner LIMIT 1";
    let owner = session.query(READING, &format!("SELECT pg_get_userbyid(({common}))::text"), &[])?;
    if let Some(owner) = owner.first().map(|row| get(row, 0)).transpose()? {
        collection.attributes.insert(ddl::OWNER.to_owned(), owner);
    }
    let privileges = privileges('L', "m.lomacl", "m.lomowner");
    let sql = format!(
        "SELECT m.oid, CASE WHEN m.lomowner <> c.lomowner THEN pg_get_userbyid(m.lomowner)::text END, {privileges}, d.description
           FROM pg_largeobject_metadata m CROSS JOIN ({common}) c
           LEFT JOIN pg_description d ON d.classoid = 'pg_largeobject'::regclass AND d.objoid = m.oid
          WHERE m.lomowner <> c.lomowner OR m.lomacl IS NOT NULL OR d.description IS NOT NULL
          ORDER BY m.oid LIMIT {}",
        DETAILED + 1
    );
    let rows = session.query(READING, &sql, &[])?;
    if rows.len() > DETAILED {
        schema.not_carried.push(NotCarried {
            kind: "owners, privileges and comments".to_owned(),
            name: "large objects".to_owned(),
            reason: format!("more than {DETAILED} large objects have some of their own: set them in the target"),
        });
        return Ok(());
    }
    let detail = |row: &Row| {
        let text = |column| get::<Option<String>>(row, column);
        Ok(serde_json::json!([get::<Oid>(row, 0)?, text(1)?, text(2)?, text(3)?]))
    };
    let details: Vec<serde_json::Value> = rows.iter().map(detail).collect::<Result<_>>()?;
    if !details.is_empty() {
        let details = serde_json::Value::Array(details).to_string();
        collection.attributes.insert(ddl::LARGE_OBJECTS.to_owned(), details);
    }
    Ok(())
}

/// What the rows of a chunk are selected from: a subquery in parentheses with its name.
///
/// # Errors
/// [`ErrorKind::Internal`] when the chunk is none of [`chunks`].
pub(crate) fn relation(range: &ChunkRange) -> Result<String> {
    let key = |key: &Option<Vec<NativeValue>>| match key.as_deref() {
        None => Ok(None),
        Some([NativeValue::Integer(oid)]) => Ok(Some(*oid)),
        Some(_) => Err(foreign_range()),
    };
    let (from, to) = match range {
        ChunkRange::Whole => (None, None),
        ChunkRange::Keys { from, to } => (key(from)?, key(to)?),
        _ => return Err(foreign_range()),
    };
    // On both sides of the join: the server does not conclude from the one to the other.
    let bounds = |column: &str| {
        let bound = |operator: &str, oid: i64| format!(" AND {column} {operator} '{oid}'::pg_catalog.oid");
        let from = from.map(|oid| bound(">=", oid)).unwrap_or_default();
        from + &to.map(|oid| bound("<", oid)).unwrap_or_default()
    };
    Ok(format!(
        "(SELECT m.oid AS loid, coalesce(l.pageno, 0) AS pageno, coalesce(l.data, '') AS data \
           FROM pg_catalog.pg_largeobject_metadata m \
           LEFT JOIN pg_catalog.pg_largeobject l ON l.loid = m.oid{} \
          WHERE true{} ORDER BY m.oid, l.pageno) AS pg_largeobject",
        bounds("l.loid"),
        bounds("m.oid")
    ))
}

fn foreign_range() -> Error {
    Error::new(ErrorKind::Internal, "large objects are divided by their identifiers only").with("dialect", crate::NAME)
}

/// Divides the objects by their identifiers, so that each chunk has about `target_bytes` if the objects are of one size.
pub(crate) fn chunks(session: &mut Session, target_bytes: u64) -> Result<Vec<Chunk>> {
    let sql = "SELECT pg_catalog.pg_relation_size('pg_catalog.pg_largeobject'), count(*) FROM pg_catalog.pg_largeobject_metadata";
    let rows = session.query(READING, sql, &[])?;
    let number = |column: usize| -> Result<u64> {
        let number: Option<i64> = rows.first().map(|row| get(row, column)).transpose()?;
        Ok(number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0))
    };
    let (bytes, objects) = (number(0)?, number(1)?);
    let count = bytes.div_ceil(target_bytes.max(1)).clamp(1, objects.max(1));
    if count == 1 {
        return Ok(vec![Chunk { range: ChunkRange::Whole, estimated_bytes: bytes }]);
    }
    // At most all objects, of which there are fewer than 2^32.
    let step = objects.div_ceil(count) as i64;
    let sql = "SELECT n.oid::int8 FROM (SELECT oid, row_number() OVER (ORDER BY oid) - 1 AS place
                 FROM pg_catalog.pg_largeobject_metadata) n WHERE n.place > 0 AND n.place % $1 = 0 ORDER BY n.oid";
    let rows = session.query(READING, sql, &[&step])?;
    let bounds: Vec<i64> = rows.iter().map(|row| get(row, 0)).collect::<Result<_>>()?;
    let key = |oid: Option<&i64>| oid.map(|oid| vec![NativeValue::Integer(*oid)]);
    let estimated_bytes = bytes / (bounds.len() as u64 + 1);
    let chunk = |place: usize| {
        let from = place.checked_sub(1).and_then(|before| bounds.get(before));
        Chunk { range: ChunkRange::Keys { from: key(from), to: key(bounds.get(place)) }, estimated_bytes }
    };
    Ok((0..=bounds.len()).map(chunk).collect())
}
