//! Named connections: where a database is, how to get its password, and what it may be used for.

use crate::dialect::{DatabaseUrl, Dialect};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::path::PathBuf;

/// One `[connections.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// Where the database is.
    pub url: UrlSource,
    /// Where the password comes from; it takes the place of one in the URL.
    pub password: Option<ExternalValue>,
    /// What the database may be used for; `None` is anything, with a prompt before a restore.
    pub role: Option<ConnectionRole>,
}

impl Connection {
    /// Whether a restore may write to it.
    pub fn may_be_restored_into(&self) -> bool {
        self.role != Some(ConnectionRole::Source)
    }

    /// Its dialect, where the file says so: the URL may be fetched only when it is used.
    pub fn dialect(&self) -> Option<&'static str> {
        match &self.url {
            UrlSource::Literal(url) => crate::registry::dialect_of(url).ok().map(Dialect::name),
            UrlSource::External(_) => None,
        }
    }

    /// Whether a restore into it needs no consent.
    pub fn is_replaced_without_prompt(&self) -> bool {
        self.role == Some(ConnectionRole::Scratch)
    }
}

/// What a connection may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionRole {
    /// It is dumped and never restored into, whatever is confirmed.
    Source,
    /// It is restored into, after consent.
    Target,
    /// It is restored into without a prompt: nothing in it is worth keeping.
    Scratch,
}

impl ConnectionRole {
    /// Its name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
            Self::Scratch => "scratch",
        }
    }
}

/// Where a connection's URL comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlSource {
    /// The file holds it.
    Literal(DatabaseUrl),
    /// It is fetched when the connection is used.
    External(ExternalValue),
}

/// A value that the configuration only points to. The front end fetches it when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalValue {
    /// `{ env = "NAME" }`: the environment variable of that name.
    Env(String),
    /// `{ file = "path" }`: the content of that file without its last line end.
    File(PathBuf),
    /// `{ command = ["program", "argument"] }`: what that command prints, without its last line end. Run without a shell.
    Command(Vec<String>),
}

/// The form in which an external value is written. Errors come from here and never from serde's own descriptions, since
/// these repeat what they found, and what stands in the place of a password may be one.
struct ExternalVisitor;

impl<'de> Visitor<'de> for ExternalVisitor {
    type Value = ExternalValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ONE_OF)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<ExternalValue, E> {
        Err(E::custom(format!("a password does not stand in the file itself: write {ONE_OF}")))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<ExternalValue, E> {
        self.visit_str("")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<ExternalValue, E> {
        self.visit_str("")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<ExternalValue, E> {
        self.visit_str("")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExternalValue, A::Error> {
        let malformed = || A::Error::custom(format!("exactly one of these is written: {ONE_OF}"));
        let value = match map.next_key::<String>()?.as_deref() {
            Some("env") => match map.next_value::<Plain>()? {
                Plain::Text(name) if !name.is_empty() => ExternalValue::Env(name),
                _ => return Err(A::Error::custom("env is the name of an environment variable")),
            },
            Some("file") => match map.next_value::<Plain>()? {
                Plain::Text(path) if !path.is_empty() => ExternalValue::File(path.into()),
                _ => return Err(A::Error::custom("file is the path of a file")),
            },
            Some("command") => match map.next_value::<Plain>()? {
                Plain::List(words) if !words.is_empty() => ExternalValue::Command(words),
                _ => {
                    return Err(A::Error::custom(
                        "command is a list of the program and its arguments: [\"pass\", \"db/prod\"]",
                    ));
                }
            },
            Some(key) => return Err(A::Error::unknown_field(key, &["env", "file", "command"])),
            None => return Err(malformed()),
        };
        if map.next_key::<String>()?.is_some() {
            return Err(malformed());
        }
        Ok(value)
    }
}

const ONE_OF: &str = "{ env = \"NAME\" }, { file = \"path\" } or { command = [\"program\", \"argument\"] }";

/// What an external value's key can hold; anything else is refused by the caller in its own words.
#[derive(Deserialize)]
#[serde(untagged)]
enum Plain {
    Text(String),
    List(Vec<String>),
    Other(serde::de::IgnoredAny),
}

impl<'de> Deserialize<'de> for ExternalValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExternalVisitor)
    }
}

impl<'de> Deserialize<'de> for UrlSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UrlVisitor;

        impl<'de> Visitor<'de> for UrlVisitor {
            type Value = UrlSource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a URL, or {ONE_OF}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<UrlSource, E> {
                // The error of the URL's parser never repeats the URL.
                DatabaseUrl::parse(text).map(UrlSource::Literal).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<UrlSource, A::Error> {
                ExternalVisitor.visit_map(map).map(UrlSource::External)
            }
        }

        deserializer.deserialize_any(UrlVisitor)
    }
}
