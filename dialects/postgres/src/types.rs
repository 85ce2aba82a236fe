//! PostgreSQL's types and what they mean.
//!
//! One query reads the types of a database; from them follow the logical type of a column ([`mapping`]) and the layout of
//! its values on the wire. What it is not: the way back from logical types to SQL, which is
//! [`PostgresSyntax`](crate::PostgresSyntax)'s.

pub(crate) mod mapping;
pub(crate) mod raw;
#[cfg(test)]
mod tests;

use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result};
use std::collections::HashMap;
use tokio_postgres::Row;

/// An object identifier.
pub(crate) type Oid = u32;

/// The types of one database: all but the row types of tables that no column has.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypeCatalogue {
    types: HashMap<Oid, TypeEntry>,
    money_scale: u8,
}

/// One type as `pg_type` and its friends tell it.
#[derive(Clone, Debug)]
pub(crate) struct TypeEntry {
    /// Its name.
    pub(crate) name: String,
    /// The name in SQL, quoted and qualified where it must be, without a modifier: `numeric`, `public.mood[]`.
    pub(crate) text: String,
    /// What it is made of.
    pub(crate) kind: TypeKind,
    /// The extension that it belongs to, if any.
    pub(crate) extension: Option<String>,
}

/// What a type is made of.
#[derive(Clone, Debug)]
pub(crate) enum TypeKind {
    /// A type of its own, with input and output functions.
    Base,
    /// An enum with its labels in order.
    Enum(Vec<String>),
    /// Another type with constraints; `typmod` is -1 where the domain names none.
    Domain { base: Oid, typmod: i32 },
    /// Named fields, dropped ones left out.
    Composite(Vec<CompositeField>),
    /// A range over another type.
    Range { subtype: Oid },
    /// Several ranges.
    Multirange { range: Oid },
    /// An array.
    Array { element: Oid },
    /// `void`, `record`, `any...`: no column has it.
    Pseudo,
}

/// A field of a composite type.
#[derive(Clone, Debug)]
pub(crate) struct CompositeField {
    pub(crate) name: String,
    pub(crate) type_: Oid,
    pub(crate) typmod: i32,
}

/// A table's row type is a type too, and so is the array of it: with many tables these are left out unless something has
/// them. An array type is the one that its element type names as its own: `int2vector` has elements and is none.
/// `rngmultitypid` is taken out of a document because there is no such column before PostgreSQL 14, once for each range.
const QUERY: &str = "
WITH RECURSIVE wanted(oid) AS (
    SELECT t.oid FROM pg_catalog.pg_type t
      LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
      LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
      LEFT JOIN pg_catalog.pg_class ec ON ec.oid = e.typrelid
     WHERE coalesce(c.relkind, 'c') = 'c' AND coalesce(ec.relkind, 'c') = 'c'
  UNION
    SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped
  UNION
    SELECT part.oid FROM wanted w JOIN pg_catalog.pg_type t ON t.oid = w.oid CROSS JOIN LATERAL (
        SELECT t.typelem WHERE t.typelem <> 0
      UNION ALL
        SELECT t.typbasetype WHERE t.typbasetype <> 0
      UNION ALL
        SELECT a.atttypid FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
        SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid
    ) part(oid)
), multirange AS MATERIALIZED (
    SELECT (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid AS oid, r.rngtypid FROM pg_catalog.pg_range r
)
SELECT t.oid, t.typname::text, pg_catalog.format_type(t.oid, -1), t.typtype::text,
       e.oid IS NOT NULL, t.typelem, t.typbasetype, t.typtypmod, r.rngsubtype, m.rngtypid,
       (SELECT array_agg(l.enumlabel::text ORDER BY l.enumsortorder)
          FROM pg_catalog.pg_enum l WHERE t.typtype = 'e' AND l.enumtypid = t.oid),
       f.names, f.types, f.typmods, x.extname::text
  FROM wanted w
  JOIN pg_catalog.pg_type t ON t.oid = w.oid
  LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND e.typarray = t.oid
  LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid
  LEFT JOIN multirange m ON m.oid = t.oid
  LEFT JOIN pg_catalog.pg_depend d
    ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.oid AND d.deptype = 'e'
   AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
  LEFT JOIN pg_catalog.pg_extension x ON x.oid = d.refobjid
  LEFT JOIN LATERAL (
        SELECT array_agg(a.attname::text ORDER BY a.attnum) AS names, array_agg(a.atttypid ORDER BY a.attnum) AS types,
               array_agg(a.atttypmod ORDER BY a.attnum) AS typmods
          FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
       ) f ON t.typtype = 'c'";

/// The smallest unit of `money` depends on the server's `lc_monetary`; the amount that 1 is sent as tells it.
const MONEY_QUERY: &str = "SELECT pg_catalog.cash_send('1'::pg_catalog.money)";

const READING: &str = "the types cannot be read";

impl TypeCatalogue {
    /// Reads the types, in one query, and one more for the money.
    pub(crate) fn load(session: &mut Session) -> Result<Self> {
        let rows = session.query(READING, QUERY, &[])?;
        let types = rows.iter().map(entry).collect::<Result<_, _>>().map_err(unexpected)?;
        let rows = session.query(READING, MONEY_QUERY, &[])?;
        let unit: Vec<u8> = rows.first().map(|row| row.try_get(0)).transpose().map_err(unexpected)?.unwrap_or_default();
        let unit = unit.try_into().map(i64::from_be_bytes).unwrap_or(1);
        // At most 18: the unit is one of a 64-bit number.
        let money_scale = unit.max(1).ilog10() as u8;
        Ok(Self { types, money_scale })
    }

    /// The type of that identifier.
    pub(crate) fn get(&self, oid: Oid) -> Option<&TypeEntry> {
        self.types.get(&oid)
    }

    /// The type below all domains.
    pub(crate) fn base(&self, mut oid: Oid) -> Oid {
        while let Some(TypeKind::Domain { base, .. }) = self.get(oid).map(|entry| &entry.kind) {
            oid = *base;
        }
        oid
    }

    /// Digits after the point that this session's `money` has.
    pub(crate) fn money_scale(&self) -> u8 {
        self.money_scale
    }
}

fn unexpected(error: tokio_postgres::Error) -> Error {
    Error::new(ErrorKind::Database, READING).with("dialect", crate::NAME).caused_by(error)
}

fn entry(row: &Row) -> Result<(Oid, TypeEntry), tokio_postgres::Error> {
    let kind = match (row.try_get::<_, &str>(3)?, row.try_get(4)?) {
        ("e", _) => TypeKind::Enum(row.try_get::<_, Option<_>>(10)?.unwrap_or_default()),
        ("d", _) => TypeKind::Domain { base: row.try_get(6)?, typmod: row.try_get(7)? },
        ("c", _) => TypeKind::Composite(fields(row)?),
        ("r", _) => TypeKind::Range { subtype: row.try_get::<_, Option<_>>(8)?.unwrap_or_default() },
        ("m", _) => TypeKind::Multirange { range: row.try_get::<_, Option<_>>(9)?.unwrap_or_default() },
        ("p", _) => TypeKind::Pseudo,
        (_, true) => TypeKind::Array { element: row.try_get(5)? },
        _ => TypeKind::Base,
    };
    let entry = TypeEntry { name: row.try_get(1)?, text: row.try_get(2)?, kind, extension: row.try_get(14)? };
    Ok((row.try_get(0)?, entry))
}

fn fields(row: &Row) -> Result<Vec<CompositeField>, tokio_postgres::Error> {
    let names: Option<Vec<String>> = row.try_get(11)?;
    let types: Option<Vec<Oid>> = row.try_get(12)?;
    let typmods: Option<Vec<i32>> = row.try_get(13)?;
    let types = types.unwrap_or_default().into_iter().zip(typmods.unwrap_or_default());
    let fields = names.unwrap_or_default().into_iter().zip(types);
    Ok(fields.map(|(name, (type_, typmod))| CompositeField { name, type_, typmod }).collect())
}

#[cfg(test)]
impl TypeCatalogue {
    /// Types of every kind, without a server.
    pub(crate) fn for_tests() -> Self {
        use TypeKind::{Array, Base, Composite, Domain, Enum, Multirange, Range};
        const BASE: [Oid; 33] = [
            16, 17, 18, 19, 20, 21, 23, 25, 26, 28, 29, 114, 600, 650, 700, 701, 774, 790, 829, 869, 1042, 1043, 1082,
            1083, 1114, 1184, 1186, 1266, 1560, 1562, 1700, 2950, 3802,
        ];
        let field = |name: &str, type_| CompositeField { name: name.to_owned(), type_, typmod: -1 };
        let others = [
            (1, Enum(vec!["a".to_owned()])),
            (2, Domain { base: 23, typmod: -1 }),
            (3, Array { element: 2 }),
            (4, Composite(vec![field("a", 3), field("b", 1), field("c", 1700)])),
            (5, Range { subtype: 1114 }),
            (6, Multirange { range: 5 }),
            (7, Array { element: 4 }),
            (8, Base),
        ];
        let entry = |(oid, kind): (Oid, TypeKind)| {
            let extension = (oid == 8).then(|| "hstore".to_owned());
            let name = if oid == 8 { "hstore".to_owned() } else { oid.to_string() };
            (oid, TypeEntry { text: name.clone(), name, kind, extension })
        };
        let types = BASE.map(|oid| (oid, Base)).into_iter().chain(others).map(entry).collect();
        Self { types, money_scale: 2 }
    }

    /// The identifiers of all types, in order.
    pub(crate) fn oids(&self) -> impl Iterator<Item = Oid> {
        let mut oids: Vec<Oid> = self.types.keys().copied().collect();
        oids.sort_unstable();
        oids.into_iter()
    }
}
