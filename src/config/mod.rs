//! The configuration, `dbferry.toml`, as data.
//!
//! What it is: the meaning of the file's text. What it is not: it reads no file, no environment and runs no command; a value
//! such as `{ env = "NAME" }` stays what it says, and the front end that may read the environment resolves it. Only such
//! values reach outside: nothing is replaced inside of strings.
//!
//! ```toml
//! version = 1
//! preset = "nocobase"                            # or a list of presets
//! default = "unknown"                            # "error": a table that no rule matches stops the dump
//!
//! [connections.prod]
//! url = "postgres://backup@db.example/app"       # or { env = "DATABASE_URL" }
//! password = { command = ["pass", "db/prod"] }   # or { env = ".." } or { file = ".." }
//! role = "source"                                # "source" is never restored into; "scratch" is replaced without a prompt
//!
//! [[group]]                                      # a group of your own
//! name = "billing"
//! title = { en = "Billing", fr = "Facturation" }
//! description = { en = "Invoices and payments.", fr = "Factures et paiements." }
//! restore = "schema-only"
//!
//! [[rule]]                                       # in order, the first match wins, before those of presets
//! group = "log"
//! tables = ["*_log", "audit.*"]                  # with a dot: namespace.name; without: the name in any namespace
//!
//! [[rule]]
//! group = "custom"
//! query = "SELECT name FROM collections"         # the names that the source lists
//! if_table = "collections"                       # only where there is such a table
//!
//! [restore]
//! mode = "replace"                               # replace, create, append, schema-only, skip
//! [restore.groups]
//! log = "schema-only"
//! [[restore.table]]                              # in order, the first match wins, before the groups
//! match = "main.settings"
//! mode = "skip"
//!
//! [schedule.nightly]                             # kept by `dbferry serve`
//! cron = "0 3 * * *"                             # minute, hour, day of the month, month, day of the week
//! time_zone = "Europe/Paris"                     # UTC unless told
//! connection = "prod"
//! groups = ["user", "billing"]                   # all unless told
//! keep = { last = 3, daily = 7, weekly = 4, monthly = 6 }    # all unless told; the newest good one always
//!
//! [[type]]                                       # in order, the first match wins; see `translate::rules`
//! match = { engine = "mysql", target = "postgres", table = "shop.*", column = "is_*", native = "tinyint(1)" }
//! to = "bool"                                    # or to_native = "citext"
//! on_misfit = "error"                            # null, text, clamp
//! ```

mod connection;
mod read;
mod restore;
mod schedule;

pub use connection::{Connection, ConnectionRole, ExternalValue, UrlSource};
pub use restore::{RestoreConfig, RestoreMode, TableMode};
pub use schedule::Schedule;

use crate::group::suggest::{closest, did_you_mean};
use crate::group::{BUILT_IN, GroupInfo, GroupRules, Preset, Rule, Translated, Unmatched, is_built_in};
use crate::translate::TypeRule;
use crate::{Error, ErrorKind, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The version of the configuration's format that this build reads.
pub const VERSION: i64 = 1;

/// The meaning of a `dbferry.toml`. The default is that of an empty file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Named connections.
    pub connections: BTreeMap<String, Connection>,
    /// Group rules, own ones before those of presets, and what the groups are called.
    pub groups: GroupRules,
    /// How archived collections are restored.
    pub restore: RestoreConfig,
    /// What columns become in another database, in order: the first rule that matches decides.
    pub types: Vec<TypeRule>,
    /// Backups that are made by the clock.
    pub schedules: BTreeMap<String, Schedule>,
}

impl Config {
    /// Reads the text of a configuration file.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] with the line in its context and, for an unknown key or word, what was probably meant. The
    /// message never repeats a value that may be secret.
    pub fn parse(text: &str) -> Result<Self> {
        read::document::<Document>(text)?.into_config()
    }

    /// The connection of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] with the names that there are.
    pub fn connection(&self, name: &str) -> Result<&Connection> {
        self.connections.get(name).ok_or_else(|| {
            let names = || self.connections.keys().map(String::as_str);
            let hint = if self.connections.is_empty() {
                "add a [connections.NAME] table to dbferry.toml".to_owned()
            } else {
                format!("{}the connections are {}", did_you_mean(name, names()), names().collect::<Vec<_>>().join(", "))
            };
            Error::new(ErrorKind::Usage, format!("there is no connection named {name:?}")).hint(hint)
        })
    }
}

/// The file as it is spelled.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    // Only its check matters: there is one version.
    #[serde(rename = "version", deserialize_with = "read::version")]
    _version: i64,
    #[serde(default, deserialize_with = "read::one_or_many")]
    preset: Vec<String>,
    #[serde(default)]
    default: Unmatched,
    #[serde(default)]
    connections: BTreeMap<String, Connection>,
    #[serde(default, rename = "group")]
    groups: Vec<GroupEntry>,
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
    #[serde(default)]
    restore: RestoreConfig,
    #[serde(default, rename = "type")]
    types: Vec<TypeRule>,
    #[serde(default, rename = "schedule")]
    schedules: BTreeMap<String, Schedule>,
}

/// A group of the user's own as `[[group]]` spells it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupEntry {
    #[serde(deserialize_with = "crate::group::rules::group_name")]
    name: String,
    title: Option<Translated>,
    description: Option<Translated>,
    restore: Option<RestoreMode>,
}

impl Document {
    fn into_config(self) -> Result<Config> {
        let mut restore = self.restore;
        let mut groups: Vec<GroupInfo> = Vec::new();
        for entry in self.groups {
            let name = entry.name;
            if is_built_in(&name) {
                return Err(usage(format!("[[group]] {name}: the group is built in and cannot be described anew"))
                    .hint(format!("its restore mode is set by [restore.groups] {name} = \"..\"")));
            }
            if groups.iter().any(|group| group.name == name) {
                return Err(usage(format!("[[group]] {name} stands there twice")));
            }
            if let Some(mode) = entry.restore
                && restore.groups.insert(name.clone(), mode).is_some_and(|other| other != mode)
            {
                return Err(usage(format!("the group {name} has two restore modes"))
                    .hint(format!("keep either restore in its [[group]] or {name} in [restore.groups]")));
            }
            // What is not said here is said by the explanation of an undeclared group.
            let fallback = crate::group::Glossary::default().get(&name);
            groups.push(GroupInfo {
                name,
                title: entry.title.unwrap_or(fallback.title),
                description: entry.description.unwrap_or(fallback.description),
            });
        }
        let presets = self.preset.iter().map(|name| Preset::load(name)).collect::<Result<Vec<_>>>()?;
        let declared: Vec<&str> =
            groups.iter().chain(presets.iter().flat_map(Preset::groups)).map(|group| group.name.as_str()).collect();
        for (position, rule) in self.rules.iter().enumerate() {
            check_spelling(rule.group(), &declared, &format!("rule {}", position + 1))?;
        }
        for name in restore.groups.keys() {
            check_spelling(name, &declared, "[restore.groups]")?;
        }
        let mut rules = GroupRules::new(self.rules, groups, self.default);
        for name in &self.preset {
            rules.add_preset(name)?;
        }
        for (name, schedule) in &self.schedules {
            if !self.connections.contains_key(&schedule.connection) {
                let known = did_you_mean(&schedule.connection, self.connections.keys().map(String::as_str));
                return Err(usage(format!("[schedule.{name}] names the connection {:?}", schedule.connection))
                    .hint(format!("{known}add a [connections.{}] table", schedule.connection)));
            }
            if schedule.keep.is_some_and(|keep| keep.is_nothing()) {
                return Err(usage(format!("[schedule.{name}] keeps nothing"))
                    .hint("give one of last, daily, weekly, monthly a number, or leave keep out to keep all"));
            }
        }
        Ok(Config {
            connections: self.connections,
            groups: rules,
            restore,
            types: self.types,
            schedules: self.schedules,
        })
    }
}

/// Refuses a group that nobody declares and that is nearly a known one: `requried` would silently be a group of its own.
/// Other names need no declaration.
fn check_spelling(name: &str, declared: &[&str], place: &str) -> Result<()> {
    if is_built_in(name) || declared.contains(&name) {
        return Ok(());
    }
    match closest(name, BUILT_IN.into_iter().chain(declared.iter().copied())) {
        None => Ok(()),
        Some(known) => Err(usage(format!("{place} names the group {name}, which is nearly {known}")).hint(format!(
            "did you mean {known}? If {name} is a group of your own, declare it with [[group]] name = \"{name}\""
        ))),
    }
}

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Usage, message).with("file", "dbferry.toml")
}

#[cfg(test)]
mod tests;
