//! Owners and privileges.
//!
//! A thing's privileges are kept as the difference to those that a new one has (`acldefault`), so that what was taken away
//! from `PUBLIC` is told too. The attribute is a JSON list of `["grant" or "revoke", privilege, grantee or null for PUBLIC,
//! with grant option, grantee is the owner]`. Who granted a privilege is not kept: the restoring user grants it.

use super::{COLUMN_PRIVILEGES, OWNER, PRIVILEGES};
use crate::PostgresSyntax;
use dbferry_dialect::Syntax;
use serde_json::Value;
use std::collections::BTreeMap;

/// A statement and the role that must exist for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    /// The role; `None` when any server has it.
    pub(crate) role: Option<String>,
    /// The statement.
    pub(crate) statement: String,
}

/// `ALTER ... OWNER TO` for a thing that is called `address`: `TABLE "public"."a"`.
pub(crate) fn owner(address: &str, attributes: &BTreeMap<String, String>) -> Option<Granted> {
    let role = attributes.get(OWNER)?;
    let statement = format!("ALTER {address} OWNER TO {}", PostgresSyntax.quote_identifier(role));
    Some(Granted { role: Some(role.clone()), statement })
}

/// `GRANT` and `REVOKE` for a thing that is called `target` there, and for its columns. With `owned` the owner was restored;
/// without, what the owner had is the restoring user's.
pub(crate) fn privileges(target: &str, attributes: &BTreeMap<String, String>, owned: bool) -> Vec<Granted> {
    let parse = |text: &String| serde_json::from_str(text).unwrap_or(Value::Null);
    let mut all = attributes.get(PRIVILEGES).map(|text| list(target, None, &parse(text), owned)).unwrap_or_default();
    if let Some(columns) = attributes.get(COLUMN_PRIVILEGES).map(parse) {
        for (column, changes) in columns.as_object().into_iter().flatten() {
            all.extend(list(target, Some(column), changes, owned));
        }
    }
    all
}

/// The same for a list as it stands in JSON.
pub(crate) fn list(target: &str, column: Option<&str>, changes: &Value, owned: bool) -> Vec<Granted> {
    let change = |change: &Value| {
        let grant = change[0].as_str()? == "grant";
        let privilege = change[1].as_str().filter(|word| word.bytes().all(|b| b.is_ascii_uppercase() || b == b' '))?;
        let is_owner = change[4].as_bool()?;
        let role = change[2].as_str().filter(|_| owned || !is_owner);
        let grantee = match (role, is_owner) {
            (Some(role), _) => PostgresSyntax.quote_identifier(role),
            (None, true) => "CURRENT_USER".to_owned(),
            (None, false) => "PUBLIC".to_owned(),
        };
        let column = column.map(|column| format!(" ({})", PostgresSyntax.quote_identifier(column))).unwrap_or_default();
        let option = if grant && change[3].as_bool()? { " WITH GRANT OPTION" } else { "" };
        let (verb, direction) = if grant { ("GRANT", "TO") } else { ("REVOKE", "FROM") };
        let statement = format!("{verb} {privilege}{column} ON {target} {direction} {grantee}{option}");
        Some(Granted { role: role.map(str::to_owned), statement })
    };
    changes.as_array().into_iter().flatten().filter_map(change).collect()
}
