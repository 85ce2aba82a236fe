//! Columns: what their values mean, how their engine spells the type, and where a value comes from that nobody gives.

use crate::logical::LogicalType;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values mean.
    pub logical: LogicalType,
    /// The engine's own spelling of the type, and what else the dialect must know to write a value back exactly.
    pub native: NativeType,
    /// Whether null is allowed.
    pub nullable: bool,
    /// What the column is for.
    #[serde(default, skip_serializing_if = "ColumnRole::is_data")]
    pub role: ColumnRole,
    /// Its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultValue>,
    /// Whether the engine numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The expression that computes it. Generated columns are read, so that other engines and other readers have the
    /// values, and never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// Its collation, if not the database's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Column {
    /// A nullable data column without a default.
    pub fn new(name: impl Into<String>, logical: LogicalType, native: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            logical,
            native: NativeType { text: native.into(), ..NativeType::default() },
            nullable: true,
            role: ColumnRole::Data,
            default: None,
            identity: None,
            generated: None,
            collation: None,
            comment: None,
        }
    }
}

/// What a column is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnRole {
    /// The user's data.
    #[default]
    Data,
    /// The engine's own row number (SQLite's implicit rowid): written back to the same dialect, left out elsewhere.
    RowIdentity,
}

impl ColumnRole {
    fn is_data(&self) -> bool {
        matches!(self, Self::Data)
    }
}

/// A type as its own engine spells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeType {
    /// The declared type, parameters included: `NUMERIC(10,2)`, `varchar(40)`.
    pub text: String,
    /// What else the dialect needs to write a value back bit for bit (SQLite: how a date is spelled).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The type that the user of this run wants the column to have in the target, as SQL. Whoever runs it may write it, so it
    /// is trusted; it never comes from a manifest.
    #[serde(skip)]
    pub imposed: Option<String>,
}

/// A column's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultValue {
    /// The engine's own text.
    pub native: String,
    /// What it means, where that is understood. Only an understood default crosses engines, and only an understood one is
    /// used on an untrusted restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<DefaultMeaning>,
}

/// Defaults that every engine has in some spelling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DefaultMeaning {
    /// `NULL`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as its decimal text.
    Number(String),
    /// A character string.
    Text(String),
    /// A byte string, in hexadecimal.
    Bytes(String),
    /// The current date.
    CurrentDate,
    /// The current time.
    CurrentTime,
    /// The current date and time.
    CurrentTimestamp,
    /// A random UUID.
    RandomUuid,
}

/// How an engine numbers a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Numbered when no value is given, numbers may be used again (SQLite's `INTEGER PRIMARY KEY`).
    Reusing,
    /// Numbered when no value is given, numbers are never used again.
    ByDefault,
    /// Always numbered; an explicit value needs an override.
    Always,
}

/// How a generated column is computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    /// The expression in the engine's own text; empty where the engine does not tell.
    pub expression: String,
    /// Whether values are stored, or computed at each read.
    pub stored: bool,
}

/// Where automatic numbering stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// The numbered column.
    pub column: String,
    /// The counter's value.
    pub last_value: i64,
    /// Whether `last_value` was handed out: if so the next number is the one after it.
    pub is_called: bool,
}
