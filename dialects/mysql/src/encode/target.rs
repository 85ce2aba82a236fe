//! The columns of a table that is loaded, as the server's catalogue has them.

use crate::flavour::ServerVersion;
use crate::session::Session;
use crate::types::NativeText;
use dbferry_dialect::Result;
use mysql_async::Row;
use std::collections::BTreeMap;

/// A column of a table that exists.
#[derive(Clone, Debug)]
pub(crate) struct TargetColumn {
    /// Its type.
    pub(super) native: NativeText,
    /// Its character set, if its values have one.
    pub(super) charset: Option<String>,
    /// Whether it can be null.
    pub(super) nullable: bool,
    /// The server that holds it.
    pub(super) version: ServerVersion,
    /// Whether the server computes it.
    pub(crate) generated: bool,
    /// Whether it is the start or the end of its table's system-time period.
    pub(crate) period: bool,
}

impl TargetColumn {
    /// A column of that type, of a table without further peculiarities.
    pub(crate) fn new(native: &str, charset: Option<&str>, version: ServerVersion) -> Self {
        Self {
            native: NativeText::parse(native),
            charset: charset.map(str::to_owned),
            nullable: true,
            version,
            generated: false,
            period: false,
        }
    }

    /// A column of a table's system-time period that the catalogue does not list.
    pub(crate) fn period(native: &str, version: ServerVersion) -> Self {
        Self { period: true, nullable: false, ..Self::new(native, None, version) }
    }

    /// Whether its values are bytes without a character set, which a file in UTF-8 cannot hold.
    pub(super) fn takes_bytes(&self) -> bool {
        match self.native.base.as_str() {
            "bit" | "vector" | "uuid" | "inet4" | "inet6" => true,
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => true,
            _ => self.is_geometry(),
        }
    }

    /// Whether it is one of the geometry family.
    pub(super) fn is_geometry(&self) -> bool {
        matches!(
            self.native.base.as_str(),
            "geometry"
                | "point"
                | "linestring"
                | "polygon"
                | "multipoint"
                | "multilinestring"
                | "multipolygon"
                | "geometrycollection"
        )
    }

    /// Whether it holds characters.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.native.base.as_str(), "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext")
    }

    /// Whether it is a date, a time, or both.
    pub(super) fn is_temporal(&self) -> bool {
        matches!(self.native.base.as_str(), "date" | "datetime" | "timestamp" | "time" | "year")
    }

    /// Whether UTF-8 is stored in it byte for byte.
    pub(super) fn is_utf8(&self) -> bool {
        // MySQL takes no JSON from a text without a character set, and its catalogue tells none for JSON.
        self.native.base != "json"
            && matches!(self.charset.as_deref(), None | Some("utf8mb4" | "utf8mb3" | "utf8" | "ascii" | "binary"))
    }

    /// Digits of its second's fraction.
    pub(super) fn fraction_digits(&self) -> u8 {
        // 6 at most.
        self.native.arguments.first().map_or(0, |digits| *digits as u8)
    }
}

/// The columns of a table of the session's database, by name.
pub(crate) fn columns(
    session: &mut Session,
    version: ServerVersion,
    table: &str,
) -> Result<BTreeMap<String, TargetColumn>> {
    let rows = session.query_with(
        "cannot read the columns of the table",
        "SELECT COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, EXTRA, GENERATION_EXPRESSION, IS_NULLABLE \
         FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?",
        (table,),
    )?;
    Ok(rows.iter().map(|row| column(row, version)).collect())
}

fn column(row: &Row, version: ServerVersion) -> (String, TargetColumn) {
    let text = |place: usize| -> Option<String> { row.get::<Option<String>, _>(place).flatten() };
    let mut column = TargetColumn::new(&text(1).unwrap_or_default(), text(2).as_deref(), version);
    // `DEFAULT_GENERATED` is something else: a default that is an expression.
    let extra = text(3).unwrap_or_default().to_ascii_uppercase();
    let computed = ["VIRTUAL GENERATED", "STORED GENERATED", "PERSISTENT"].iter().any(|word| extra.contains(word));
    column.period = computed && matches!(text(4).as_deref(), Some("ROW START" | "ROW END"));
    column.generated = computed && !column.period;
    column.nullable = text(5).as_deref() == Some("YES");
    (text(0).unwrap_or_default(), column)
}
