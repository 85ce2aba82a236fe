//! What a restore does with archived collections.

use crate::dialect::CollectionName;
use crate::group::NamePattern;
use crate::group::rules::group_name;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What a restore does with a collection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestoreMode {
    /// The archived rows take the place of the target's; a collection that is not there is created.
    #[default]
    Replace,
    /// The collection is created; that it is there already is refused.
    Create,
    /// The archived rows are added to the target's; a collection that is not there is created.
    Append,
    /// The collection is created without rows; one that is there is left alone.
    SchemaOnly,
    /// Nothing is done.
    Skip,
}

impl RestoreMode {
    /// All modes, the default first.
    pub const ALL: [Self; 5] = [Self::Replace, Self::Create, Self::Append, Self::SchemaOnly, Self::Skip];

    /// Its name in configuration and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Create => "create",
            Self::Append => "append",
            Self::SchemaOnly => "schema-only",
            Self::Skip => "skip",
        }
    }
}

impl fmt::Display for RestoreMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RestoreMode {
    type Err = crate::Error;

    fn from_str(text: &str) -> crate::Result<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            crate::Error::new(crate::ErrorKind::Usage, format!("there is no restore mode {text:?}")).hint(format!(
                "{}the modes are {}",
                crate::group::suggest::did_you_mean(text, names),
                names.join(", ")
            ))
        })
    }
}

/// The modes of a restore: of single tables, of groups, and of everything else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreConfig {
    /// The mode of what is not named below. A front end puts here what its user asks for: the more exact settings below
    /// still hold.
    #[serde(default)]
    pub mode: RestoreMode,
    /// The modes of groups.
    #[serde(default, deserialize_with = "group_modes")]
    pub groups: BTreeMap<String, RestoreMode>,
    /// The modes of single tables; the first match wins.
    #[serde(default, rename = "table")]
    pub tables: Vec<TableMode>,
}

/// The mode of the tables that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableMode {
    /// Which tables.
    #[serde(rename = "match")]
    pub pattern: NamePattern,
    /// Their mode.
    pub mode: RestoreMode,
}

impl RestoreConfig {
    /// The mode of an archived collection: that of the first pattern that matches, else of its group, else of everything.
    /// A part has the mode of its owner, so ask with the owner's name.
    pub fn mode_of(&self, collection: &CollectionName, group: &str) -> RestoreMode {
        let table = self.tables.iter().find(|table| table.pattern.matches(collection)).map(|table| table.mode);
        table.or_else(|| self.groups.get(group).copied()).unwrap_or(self.mode)
    }

    /// The patterns that match none of these collections, for a warning: such a setting has no effect, and a table that
    /// was to be skipped may be replaced.
    pub fn unmatched<'a>(&self, collections: impl IntoIterator<Item = &'a CollectionName>) -> Vec<&NamePattern> {
        let collections: Vec<_> = collections.into_iter().collect();
        self.tables
            .iter()
            .map(|table| &table.pattern)
            .filter(|pattern| !collections.iter().any(|collection| pattern.matches(collection)))
            .collect()
    }
}

fn group_modes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, RestoreMode>, D::Error> {
    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Name(#[serde(deserialize_with = "group_name")] String);

    let modes = BTreeMap::<Name, RestoreMode>::deserialize(deserializer)?;
    Ok(modes.into_iter().map(|(name, mode)| (name.0, mode)).collect())
}
